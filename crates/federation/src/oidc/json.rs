//! JSON that can be read in one way only.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// How deep values may lie in one another.
const DEEPEST: usize = 24;

/// An object: names are there once.
pub type Object = BTreeMap<String, Json>;

/// A value of JSON (RFC 8259).
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction and exponent, as far as 64 bits reach.
    Integer(i128),
    /// Any other number.
    Fraction,
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

/// Why bytes are no object that can be read in one way only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JsonFault {
    /// They are no JSON, or lie too deep in one another; the text says where.
    Syntax(String),
    /// A name is there twice in one object.
    Twice(String),
    /// It is JSON, and no object.
    NoObject,
}

impl Json {
    /// Reads an object.
    ///
    /// # Errors
    /// [`JsonFault`]
    pub fn object(bytes: &[u8]) -> Result<Object, JsonFault> {
        let mut twice = None;
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let seed = Seed {
            left: DEEPEST,
            twice: &mut twice,
        };
        let value = seed.deserialize(&mut reader);
        let value = value.and_then(|value| reader.end().map(|()| value));
        match (value, twice) {
            (Ok(Self::Object(object)), _) => Ok(object),
            (Ok(_), _) => Err(JsonFault::NoObject),
            (Err(_), Some(name)) => Err(JsonFault::Twice(name)),
            (Err(error), None) => Err(JsonFault::Syntax(error.to_string())),
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The texts of a string, or of an array of strings.
    pub fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Text(text) => Some(vec![text]),
            Self::Array(values) => values.iter().map(Self::text).collect(),
            _ => None,
        }
    }
}

struct Seed<'a> {
    left: usize,
    twice: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_> {
    fn below<E: serde::de::Error>(&mut self) -> Result<Seed<'_>, E> {
        let left = self.left.checked_sub(1);
        Ok(Seed {
            left: left.ok_or_else(|| E::custom("values lie too deep in one another"))?,
            twice: self.twice,
        })
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Fraction)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self.below()?)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Object::new();
        while let Some(name) = map.next_key::<String>()? {
            if object.contains_key(&name) {
                *self.twice = Some(name);
                return Err(A::Error::custom("a name is there twice"));
            }
            let value = map.next_value_seed(self.below()?)?;
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(why) => write!(f, "no JSON: {why}"),
            Self::Twice(name) => write!(f, "JSON with {} twice", crate::quote::Quoted(name)),
            Self::NoObject => f.write_str("no JSON object"),
        }
    }
}

impl std::error::Error for JsonFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, fault: &str) {
        let read = Json::object(text.as_bytes());
        assert_eq!(read.unwrap_err().to_string(), fault, "{text}");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        check(r#"{"a":1,"a":1}"#, "JSON with `a` twice");
        check(r#"{"b":[{"a":1,"\u0061":2}]}"#, "JSON with `a` twice");
        check("[]", "no JSON object");
        check("null", "no JSON object");
        for text in [
            "",
            "{",
            "{} {}",
            "{}x",
            "\u{feff}{}",
            r#"{"a":1,}"#,
            r#"{"a":01}"#,
            r#"{'a':1}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":NaN}"#,
            "{\"a\":\"\n\"}",
        ] {
            let read = Json::object(text.as_bytes());
            assert!(matches!(read, Err(JsonFault::Syntax(_))), "{text}");
        }
        assert!(matches!(
            Json::object(b"{\"a\":\"\xff\"}"),
            Err(JsonFault::Syntax(_))
        ));
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::object(nested(DEEPEST - 1).as_bytes()).is_ok());
        for depth in [DEEPEST, 127, 128, 10_000] {
            let read = Json::object(nested(depth).as_bytes());
            assert!(matches!(read, Err(JsonFault::Syntax(_))), "{depth}");
        }
    }

    #[test]
    fn numbers_are_integers_or_nothing_to_rely_on() {
        let read = Json::object(
            br#"{"a":18446744073709551615,"b":-9223372036854775808,"c":18446744073709551616,"d":1.0,"e":1e3,"f":0}"#,
        )
        .unwrap();
        let values: Vec<_> = read.values().cloned().collect();
        assert_eq!(
            values,
            [
                Json::Integer(u64::MAX.into()),
                Json::Integer(i64::MIN.into()),
                Json::Fraction,
                Json::Fraction,
                Json::Fraction,
                Json::Integer(0),
            ]
        );
    }
}
