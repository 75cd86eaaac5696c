//! Parameters of the query protocol: a form or a query string, decoded.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// Decoded parameters by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Params(BTreeMap<String, String>);

/// A form or query string that is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MalformedQuery {
    /// It ends inside an escape.
    IncompleteEscape,
    /// These two characters are not hexadecimal digits.
    IllegalEscape(String),
    /// The decoded bytes are not UTF-8.
    NotUtf8,
    /// A parameter stands there twice: which one was meant is a doubt.
    Duplicate(String),
}

impl fmt::Display for MalformedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IncompleteEscape => f.write_str("Incomplete trailing escape % sequence"),
            Self::IllegalEscape(pair) => {
                write!(f, "Illegal hex characters in escape % pattern: %{pair}")
            }
            Self::NotUtf8 => f.write_str("The query string is not valid UTF-8"),
            Self::Duplicate(name) => write!(f, "Duplicate parameter: {name}"),
        }
    }
}

impl std::error::Error for MalformedQuery {}

impl Params {
    /// The parameters of a query string and of a form body together. The signature's own
    /// parameters (`X-Amz-…`) are left out.
    ///
    /// # Errors
    /// [`MalformedQuery`]
    pub fn parse(query: &str, form: &[u8]) -> Result<Self, MalformedQuery> {
        let mut params = BTreeMap::new();
        for pair in query
            .as_bytes()
            .split(|b| *b == b'&')
            .chain(form.split(|b| *b == b'&'))
        {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => (
                    pair.get(..at).unwrap_or_default(),
                    pair.get(at + 1..).unwrap_or_default(),
                ),
                None => (pair, &[][..]),
            };
            let name = decode(name)?;
            if name.starts_with("X-Amz-") {
                continue;
            }
            match params.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(decode(value)?);
                }
                Entry::Occupied(entry) => {
                    return Err(MalformedQuery::Duplicate(entry.key().clone()));
                }
            }
        }
        Ok(Self(params))
    }

    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The value of a parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All parameters, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What stands behind `prefix` in the names that begin with it.
    pub(crate) fn behind<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .range::<str, _>((
                std::ops::Bound::Included(prefix),
                std::ops::Bound::Unbounded,
            ))
            .map_while(move |(name, _)| name.strip_prefix(prefix))
    }
}

/// Form decoding: `+` is a blank.
fn decode(text: &[u8]) -> Result<String, MalformedQuery> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (pair, behind) = rest
                    .split_at_checked(2)
                    .ok_or(MalformedQuery::IncompleteEscape)?;
                rest = behind;
                let illegal =
                    || MalformedQuery::IllegalEscape(String::from_utf8_lossy(pair).into_owned());
                let digits = std::str::from_utf8(pair)
                    .ok()
                    .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
                u8::from_str_radix(digits.ok_or_else(illegal)?, 16).map_err(|_| illegal())?
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| MalformedQuery::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: &str, expected: Result<&[(&str, &str)], MalformedQuery>) {
        let expected = expected.map(|pairs| {
            Params::from_pairs(
                pairs
                    .iter()
                    .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
            )
        });
        assert_eq!(Params::parse("", form.as_bytes()), expected, "{form}");
    }

    #[test]
    fn forms() {
        check(
            "Action=A&Name=a+b%2Bc",
            Ok(&[("Action", "A"), ("Name", "a b+c")]),
        );
        check("Tags=", Ok(&[("Tags", "")]));
        check("a&b=1=2", Ok(&[("a", ""), ("b", "1=2")]));
        check("a=%", Err(MalformedQuery::IncompleteEscape));
        check("a=%2", Err(MalformedQuery::IncompleteEscape));
        check("a=%zz", Err(MalformedQuery::IllegalEscape("zz".into())));
        check("a=%+1", Err(MalformedQuery::IllegalEscape("+1".into())));
        check("a=%ff", Err(MalformedQuery::NotUtf8));
        check("a=1&a=1", Err(MalformedQuery::Duplicate("a".into())));
    }

    #[test]
    fn query_and_form_are_one_and_the_signature_is_no_parameter() {
        let params = Params::parse("Action=A&X-Amz-Signature=x", b"Version=1").unwrap();
        assert_eq!(
            params.iter().collect::<Vec<_>>(),
            [("Action", "A"), ("Version", "1")]
        );
        assert_eq!(
            Params::parse("Action=A", b"Action=B"),
            Err(MalformedQuery::Duplicate("Action".into()))
        );
    }
}
