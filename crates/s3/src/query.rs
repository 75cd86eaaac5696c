//! The query of a request, read as the codec reads it, so that what is authorized is what is done.

use crate::fault::{Code, Fault};
use percent_encoding::percent_decode_str;

/// The parameters of a query. No name occurs twice: a second value might be the one that is not
/// authorized.
pub(crate) struct Query(Vec<(String, String)>);

/// More than any operation has.
const MAX_PARAMETERS: usize = 128;

impl Query {
    /// Reads the part of a target behind its question mark.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for parameter in text.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if parameters.len() == MAX_PARAMETERS {
                return Err(Code::InvalidURI.into());
            }
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(Fault::argument(
                    "The query parameter must not be repeated",
                    &name,
                    &value,
                ));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// The names of all parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

fn decode(text: &str) -> Result<String, Fault> {
    let text = text.replace('+', " ");
    percent_decode_str(&text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Fault::from(Code::InvalidURI))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_once() {
        let query = Query::parse("prefix=a%2Fb+c%2520&&delete&x=").unwrap();
        assert_eq!(query.value("prefix"), Some("a/b c%20"));
        assert_eq!(query.value("delete"), Some(""));
        assert_eq!(query.value("y"), None);
        assert_eq!(query.names().collect::<Vec<_>>(), ["prefix", "delete", "x"]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (text, code) in [
            ("prefix=a&prefix=b", "InvalidArgument"),
            ("pre%66ix=a&prefix=b", "InvalidArgument"),
            ("a=%ff", "InvalidURI"),
        ] {
            assert_eq!(Query::parse(text).err().unwrap().code, code, "{text}");
        }
    }
}
