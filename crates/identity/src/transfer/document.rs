//! Policy documents as exports have them: JSON inside JSON, or percent-encoded text.

use crate::names::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A policy document: a JSON object, or a string that holds one, percent-encoded (RFC 3986) or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Document(Box<RawValue>);

/// What is said of a document that is none.
const NO_DOCUMENT: &str = "the document is neither a JSON object nor an encoded one";

impl Document {
    /// A stored document, every byte of it.
    pub(super) fn stored(text: &str) -> Option<Self> {
        RawValue::from_string(text.to_owned()).ok().map(Self)
    }

    /// The document's text. The space that the AWS CLI puts between the parts of an object is taken out,
    /// unless the document is to be `exact`.
    pub(super) fn text(&self, exact: bool) -> Result<String, &'static str> {
        let raw = self.0.get();
        if raw.starts_with('{') {
            return Ok(if exact { raw.to_owned() } else { compact(raw) });
        }
        let text: String = serde_json::from_str(raw).map_err(|_| NO_DOCUMENT)?;
        if text.trim_start().starts_with('{') {
            return Ok(text);
        }
        percent_decoded(&text).ok_or(NO_DOCUMENT)
    }
}

/// JSON without the white space outside its strings.
pub(super) fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in json.chars() {
        if quoted || !matches!(c, ' ' | '\t' | '\r' | '\n') {
            out.push(c);
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    out
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = behind;
            continue;
        }
        let (digits, behind) = behind.split_at_checked(2)?;
        let byte = data_encoding::HEXUPPER_PERMISSIVE.decode(digits).ok()?;
        bytes.extend(byte);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}

/// The text with the account `to` wherever `from` stands as the account of an ARN, or alone as a string;
/// and how often that was. `None` where it does not.
pub(super) fn with_account(text: &str, from: AccountId, to: AccountId) -> Option<(String, usize)> {
    let mut out = String::new();
    let (mut count, mut rest) = (0, text);
    while let Some((before, behind)) = rest.split_once(from.as_str()) {
        out.push_str(before);
        let bounded = out.ends_with([':', '"']) && behind.starts_with([':', '"']);
        out.push_str(if bounded { to.as_str() } else { from.as_str() });
        count += usize::from(bounded);
        rest = behind;
    }
    out.push_str(rest);
    (count > 0).then_some((out, count))
}

/// The unique ids of users and roles (`AIDA…`, `AROA…`) that stand in a text.
pub(super) fn unique_ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| {
        let form = word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        word.len() >= 16 && form && (word.starts_with("AIDA") || word.starts_with("AROA"))
    })
}

/// Whether two documents say the same, whatever the space between their parts and the order of
/// their members.
pub(super) fn same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let value = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    matches!((value(one), value(other)), (Some(one), Some(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Constrained as _;

    fn document(json: &str) -> Document {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_document_is_an_object_or_text() {
        let object = document("{ \"Version\" :\n \"a \\\" : b\" }");
        assert_eq!(object.text(false).unwrap(), r#"{"Version":"a \" : b"}"#);
        assert_eq!(
            object.text(true).unwrap(),
            "{ \"Version\" :\n \"a \\\" : b\" }"
        );
        let encoded = document(r#""%7B%22a%22%3A+%22%C3%A9%22%7d""#);
        assert_eq!(encoded.text(false).unwrap(), "{\"a\":+\"é\"}");
        let plain = document(r#""{\"a\": 1}""#);
        assert_eq!(plain.text(false).unwrap(), "{\"a\": 1}");
        for none in ["1", "null", "[]", r#""%7""#, r#""%zz""#, r#""%ff""#] {
            assert_eq!(
                document(none).text(false).err().or_else(|| {
                    let text = document(none).text(false).unwrap();
                    (!text.starts_with('{')).then_some(NO_DOCUMENT)
                }),
                Some(NO_DOCUMENT),
                "{none}"
            );
        }
    }

    #[test]
    fn an_account_is_replaced_where_it_is_one() {
        let account = |text| AccountId::parse(text).unwrap();
        let (old, new) = (account("111122223333"), account("999999999999"));
        let text = r#"["arn:aws:iam::111122223333:role/a","111122223333","bucket-111122223333",
            "arn:aws:s3:::111122223333-logs","1111222233334","arn:aws:sqs:us-east-1:111122223333:q"]"#;
        let expected = r#"["arn:aws:iam::999999999999:role/a","999999999999","bucket-111122223333",
            "arn:aws:s3:::111122223333-logs","1111222233334","arn:aws:sqs:us-east-1:999999999999:q"]"#;
        assert_eq!(with_account(text, old, new), Some((expected.to_owned(), 3)));
        assert_eq!(with_account(text, new, old), None);
    }

    #[test]
    fn unique_ids_are_found() {
        let text = r#"{"aws:userid":["AROAIIRLY2K6WLEXAMPLE:*","AIDA1","XAIDAIIRLY2K6WLEXAMPLE"]}"#;
        assert_eq!(
            unique_ids(text).collect::<Vec<_>>(),
            ["AROAIIRLY2K6WLEXAMPLE"]
        );
    }

    #[test]
    fn documents_are_compared_by_what_they_say() {
        assert!(same(r#"{"a":1,"b":[2]}"#, r#"{ "b": [2], "a": 1 }"#));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(same("x", "x"));
    }
}
