//! The body of a request of the JSON protocols, read by the types of its members.
//!
//! A value of another type than its member has is refused, and so is a member that stands there
//! twice: which one was meant is a doubt. Members that the service does not have are left out.

use crate::params::Params;
use data_encoding::BASE64;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// What a member is.
pub(crate) enum Shape {
    Text,
    Integer,
    Boolean,
    /// Bytes in base64.
    Blob,
    List(&'static Shape),
    /// Texts, by keys that are texts.
    Map,
    Structure(&'static [(&'static str, Shape)]),
}

/// Why a body cannot be read.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    /// It is no JSON.
    NotJson,
    /// A value is of the wrong type, in words.
    Type(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "The request body is not a JSON object",
            Self::Type(words) => words,
        })
    }
}

/// The members of a JSON input under the names that the query protocol would give them, so that
/// one set of decoders serves both. An empty body is an empty object.
pub(super) fn params(body: &[u8], input: &'static Shape) -> Result<Params, Unreadable> {
    let mut pairs = Vec::new();
    read(body, input, &mut pairs)?;
    Ok(Params::from_pairs(pairs))
}

/// The same members, as pairs behind those that are there.
pub(crate) fn read(
    body: &[u8],
    input: &'static Shape,
    pairs: &mut Vec<(String, String)>,
) -> Result<(), Unreadable> {
    if !body.is_empty() {
        let mut json = serde_json::Deserializer::from_slice(body);
        let reader = Reader {
            pairs,
            name: String::new(),
            shape: input,
            nullable: false,
        };
        let read = reader.deserialize(&mut json).and_then(|()| json.end());
        read.map_err(|error| {
            if error.is_data() {
                Unreadable::Type(error.to_string())
            } else {
                Unreadable::NotJson
            }
        })?;
    }
    Ok(())
}

/// Reads one value into pairs.
struct Reader<'a> {
    pairs: &'a mut Vec<(String, String)>,
    name: String,
    shape: &'static Shape,
    /// Whether `null` is as good as nothing.
    nullable: bool,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl Reader<'_> {
    /// AWS's words for a value of the wrong type.
    fn refuse<E: serde::de::Error>(&self, value: &str) -> Result<(), E> {
        Err(E::custom(match self.shape {
            Shape::Text => format!("{value} can not be converted to a String"),
            Shape::Integer => format!("{value} can not be converted to an Integer"),
            Shape::Boolean => format!("{value} can not be converted to a Boolean"),
            Shape::Blob => format!("{value} can not be converted to a Blob"),
            Shape::List(_) => "Expected list or null".to_owned(),
            Shape::Map => "Expected map or null".to_owned(),
            Shape::Structure(_) => "Expected a structure or null".to_owned(),
        }))
    }

    fn integer<E: serde::de::Error>(self, number: Option<i32>) -> Result<(), E> {
        match (self.shape, number) {
            (Shape::Integer, Some(number)) => {
                self.pairs.push((self.name, number.to_string()));
                Ok(())
            }
            _ => self.refuse("NUMBER_VALUE"),
        }
    }

    /// A map, each entry as its key and its value.
    fn entries<'de, A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom("Duplicate key of a map"));
            }
            let name = format!("{}.entry.{}", self.name, seen.len());
            self.pairs.push((format!("{name}.key"), key));
            entries.next_value_seed(Reader {
                pairs: &mut *self.pairs,
                name: format!("{name}.value"),
                shape: &Shape::Text,
                nullable: false,
            })?;
        }
        if seen.is_empty() {
            self.pairs.push((self.name, String::new()));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the input of an operation")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        match self.shape {
            Shape::Text => {
                self.pairs.push((self.name, text.to_owned()));
                Ok(())
            }
            Shape::Blob if BASE64.decode_len(text.len()).is_ok() => {
                self.pairs.push((self.name, text.to_owned()));
                Ok(())
            }
            _ => self.refuse("STRING_VALUE"),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.integer(number.try_into().ok())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.integer(number.try_into().ok())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.refuse("DECIMAL_VALUE")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        match self.shape {
            Shape::Boolean => {
                self.pairs.push((self.name, value.to_string()));
                Ok(())
            }
            _ => self.refuse(if value { "TRUE_VALUE" } else { "FALSE_VALUE" }),
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if self.nullable {
            Ok(())
        } else {
            self.refuse("NULL_VALUE")
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Shape::List(element) = self.shape else {
            return Err(A::Error::custom("Start of list found where not expected"));
        };
        let mut place = 0u32;
        loop {
            let before = self.pairs.len();
            let name = format!("{}.member.{}", self.name, place + 1);
            let reader = Reader {
                pairs: &mut *self.pairs,
                name: name.clone(),
                shape: element,
                nullable: false,
            };
            if items.next_element_seed(reader)?.is_none() {
                break;
            }
            place += 1;
            // A structure without members is there all the same.
            if self.pairs.len() == before {
                self.pairs.push((name, String::new()));
            }
        }
        if place == 0 {
            self.pairs.push((self.name, String::new()));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if let Shape::Map = self.shape {
            return self.entries(members);
        }
        let Shape::Structure(known) = self.shape else {
            return Err(A::Error::custom(
                "Start of structure or map found where not expected.",
            ));
        };
        let mut seen = Vec::new();
        while let Some(member) = members.next_key::<String>()? {
            let Some((name, shape)) = known.iter().find(|(name, _)| *name == member) else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen.contains(name) {
                return Err(A::Error::custom(format!("Duplicate member {name}")));
            }
            seen.push(*name);
            members.next_value_seed(Reader {
                pairs: &mut *self.pairs,
                name: if self.name.is_empty() {
                    member
                } else {
                    format!("{}.{member}", self.name)
                },
                shape,
                nullable: true,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static INPUT: Shape = Shape::Structure(&[
        ("Name", Shape::Text),
        ("MaxResults", Shape::Integer),
        ("Enabled", Shape::Boolean),
        ("Data", Shape::Blob),
        ("Map", Shape::Map),
        ("Keys", Shape::List(&Shape::Text)),
        (
            "Tags",
            Shape::List(&Shape::Structure(&[
                ("Key", Shape::Text),
                ("Value", Shape::Text),
            ])),
        ),
    ]);

    #[track_caller]
    fn check(body: &str, expected: Result<&[(&str, &str)], &str>) {
        let read = params(body.as_bytes(), &INPUT);
        let pairs = read
            .as_ref()
            .map(|params| params.iter().collect::<Vec<_>>());
        match expected {
            Ok(expected) => assert_eq!(pairs, Ok(expected.to_vec()), "{body}"),
            Err("") => assert_eq!(pairs, Err(&Unreadable::NotJson), "{body}"),
            Err(words) => {
                let Err(Unreadable::Type(told)) = &read else {
                    panic!("{body}: {read:?}")
                };
                assert!(
                    told.starts_with(&format!("{words} at line 1")),
                    "{told}: {body:.80}"
                );
            }
        }
    }

    #[test]
    fn inputs_are_flattened() {
        check("", Ok(&[]));
        check("{}", Ok(&[]));
        check(
            r#"{"Name":"a","MaxResults":5,"Tags":[{"Key":"k","Value":"v"}],"Keys":["x"]}"#,
            Ok(&[
                ("Keys.member.1", "x"),
                ("MaxResults", "5"),
                ("Name", "a"),
                ("Tags.member.1.Key", "k"),
                ("Tags.member.1.Value", "v"),
            ]),
        );
        check(r#"{"Name":null,"Tags":null}"#, Ok(&[]));
        check(r#"{"Tags":[]}"#, Ok(&[("Tags", "")]));
        check(r#"{"Tags":[{}]}"#, Ok(&[("Tags.member.1", "")]));
    }

    #[test]
    fn what_the_service_does_not_have_is_left_out() {
        check(
            r#"{"name":"a","Tags.member.1.Key":"k","Other":{"a":[1,{"b":2}]},"Other":1}"#,
            Ok(&[]),
        );
    }

    #[test]
    fn depth_costs_no_stack() {
        let nested = ["[".repeat(100_000), "]".repeat(100_000)].concat();
        check(&format!("{{\"Other\":{nested}}}"), Ok(&[]));
        check(
            &format!("{{\"Name\":{nested}}}"),
            Err("Start of list found where not expected"),
        );
    }

    #[test]
    fn types_are_strict() {
        let number = "NUMBER_VALUE can not be converted to a String";
        check(r#"{"Name":1}"#, Err(number));
        check(
            r#"{"Name":true}"#,
            Err("TRUE_VALUE can not be converted to a String"),
        );
        check(
            r#"{"Name":["a"]}"#,
            Err("Start of list found where not expected"),
        );
        check(
            r#"{"Name":{"a":1}}"#,
            Err("Start of structure or map found where not expected."),
        );
        let integer = |value| format!("{value} can not be converted to an Integer");
        check(r#"{"MaxResults":"5"}"#, Err(&integer("STRING_VALUE")));
        check(r#"{"MaxResults":5.0}"#, Err(&integer("DECIMAL_VALUE")));
        check(
            r#"{"MaxResults":2147483648}"#,
            Err(&integer("NUMBER_VALUE")),
        );
        check(r#"{"MaxResults":1e400}"#, Err(""));
        check(r#"{"Tags":"a"}"#, Err("Expected list or null"));
        check(r#"{"Tags":["a"]}"#, Err("Expected a structure or null"));
        check(r#"{"Tags":[null]}"#, Err("Expected a structure or null"));
        check(
            r#"{"Keys":[null]}"#,
            Err("NULL_VALUE can not be converted to a String"),
        );
        check(r#"{"Keys":["a",1]}"#, Err(number));
        check(r#"[]"#, Err("Start of list found where not expected"));
        check("null", Err("Expected a structure or null"));
    }

    #[test]
    fn booleans_blobs_and_maps() {
        check(
            r#"{"Enabled":true,"Data":"AAEC","Map":{"b":"2","a":"1"}}"#,
            Ok(&[
                ("Data", "AAEC"),
                ("Enabled", "true"),
                ("Map.entry.1.key", "b"),
                ("Map.entry.1.value", "2"),
                ("Map.entry.2.key", "a"),
                ("Map.entry.2.value", "1"),
            ]),
        );
        check(r#"{"Map":{}}"#, Ok(&[("Map", "")]));
        check(
            r#"{"Enabled":"true"}"#,
            Err("STRING_VALUE can not be converted to a Boolean"),
        );
        check(
            r#"{"Data":"AAE"}"#,
            Err("STRING_VALUE can not be converted to a Blob"),
        );
        check(
            r#"{"Map":[]}"#,
            Err("Start of list found where not expected"),
        );
        check(
            r#"{"Map":{"a":null}}"#,
            Err("NULL_VALUE can not be converted to a String"),
        );
        check(
            r#"{"Map":{"a":"1","a":"1"}}"#,
            Err("Duplicate key of a map"),
        );
    }

    #[test]
    fn a_member_stands_there_once() {
        check(r#"{"Name":"a","Name":"b"}"#, Err("Duplicate member Name"));
        check(r#"{"Name":null,"Name":"b"}"#, Err("Duplicate member Name"));
        check(
            r#"{"Tags":[{"Key":"a","Key":"b"}]}"#,
            Err("Duplicate member Key"),
        );
    }

    #[test]
    fn what_is_no_json() {
        for body in [
            "{",
            "{}{}",
            "{\"Name\":\"\u{0}\"}",
            "x",
            "{\"Name\":\"a\",}",
        ] {
            check(body, Err(""));
        }
        assert_eq!(
            params(b"{\"Name\":\"\xff\"}", &INPUT),
            Err(Unreadable::NotJson)
        );
    }
}
