//! Conditional requests (RFC 9110, section 13; "Conditional requests", S3 User Guide).

use super::convert::timestamp;
use crate::disk::{self, Condition, Object};
use crate::fault::{Code, Fault};
use http::header::{ETAG, LAST_MODIFIED};
use s3s::dto;

/// The conditions of a read (RFC 9110, section 13).
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<dto::ETagCondition>,
    pub(super) if_none_match: Option<dto::ETagCondition>,
    pub(super) if_modified_since: Option<dto::Timestamp>,
    pub(super) if_unmodified_since: Option<dto::Timestamp>,
}

impl Conditions {
    /// The first condition, by its header's name, that does not hold, and whether it is one of
    /// those that say that nothing has changed. An entity tag goes before a date.
    fn failed(&self, object: &Object) -> Option<(&'static str, bool)> {
        let modified = timestamp(object.modified);
        let same = |condition: &dto::ETagCondition| match condition.as_etag() {
            Some(tag) => tag.value() == object.etag,
            None => true,
        };
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !same(condition) => return Some(("If-Match", false)),
            (None, Some(time)) if modified > *time => return Some(("If-Unmodified-Since", false)),
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) if same(condition) => Some(("If-None-Match", true)),
            (None, Some(time)) if modified <= *time => Some(("If-Modified-Since", true)),
            _ => None,
        }
    }

    pub(super) fn check(&self, object: &Object) -> Result<(), Fault> {
        match self.failed(object) {
            None => Ok(()),
            Some((name, false)) => {
                Err(Fault::from(Code::PreconditionFailed).with("Condition", name))
            }
            Some((_, true)) => {
                let mut modified = Vec::new();
                let written = timestamp(object.modified)
                    .format(dto::TimestampFormat::HttpDate, &mut modified);
                let fault =
                    Fault::from(Code::NotModified).header(ETAG, &format!("\"{}\"", object.etag));
                Err(match (written, String::from_utf8(modified)) {
                    (Ok(()), Ok(modified)) => fault.header(LAST_MODIFIED, &modified),
                    _ => fault,
                })
            }
        }
    }

    /// The same for what is to be copied, where every failure is one.
    pub(super) fn check_source(&self, object: &Object) -> Result<(), Fault> {
        match self.failed(object) {
            None => Ok(()),
            Some((name, _)) => {
                let name = format!("x-amz-copy-source-{name}");
                Err(Fault::from(Code::PreconditionFailed).with("Condition", name))
            }
        }
    }
}

/// The condition that a write has in its headers.
pub(super) fn condition(
    if_match: Option<&dto::ETagCondition>,
    if_none_match: Option<&dto::ETagCondition>,
) -> Result<Condition, Fault> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::None),
        (None, Some(condition)) if condition.is_any() => Ok(Condition::Absent),
        (None, Some(_)) => Err(Fault::unsupported_header("If-None-Match")),
        (Some(condition), None) => Ok(Condition::Match(match condition.as_etag() {
            Some(tag) => tag.value().to_owned(),
            None => "*".to_owned(),
        })),
        (Some(_), Some(_)) => Err(Fault::unsupported_header("If-Match")),
    }
}

/// A store's error about a write with that condition.
pub(super) fn conditional(error: disk::Error, condition: &Condition, key: &str) -> Fault {
    let name = match condition {
        Condition::Absent => "If-None-Match",
        Condition::None | Condition::Match(_) => "If-Match",
    };
    match error {
        disk::Error::PreconditionFailed => {
            Fault::from(Code::PreconditionFailed).with("Condition", name)
        }
        error => Fault::of_store(error, key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Headers;

    fn object() -> Object {
        Object {
            size: 10,
            etag: "e".into(),
            modified: 784_111_777_900,
            parts: None,
            headers: Headers::default(),
            checksum: None,
        }
    }

    #[test]
    fn conditions_of_reads() {
        let tag = |text: &str| Some(text.parse::<dto::ETagCondition>().unwrap());
        let time =
            |text| Some(dto::Timestamp::parse(dto::TimestampFormat::HttpDate, text).unwrap());
        let (same, before, after) = (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:36 GMT",
            "Sun, 06 Nov 1994 08:49:38 GMT",
        );
        let check = |conditions: Conditions, expected: Option<(&str, bool)>| {
            assert_eq!(conditions.failed(&object()), expected);
        };
        let none = Conditions::default;
        check(none(), None);
        check(
            Conditions {
                if_match: tag("\"e\""),
                ..none()
            },
            None,
        );
        check(
            Conditions {
                if_match: tag("*"),
                ..none()
            },
            None,
        );
        check(
            Conditions {
                if_match: tag("\"f\""),
                ..none()
            },
            Some(("If-Match", false)),
        );
        check(
            Conditions {
                if_none_match: tag("\"e\""),
                ..none()
            },
            Some(("If-None-Match", true)),
        );
        check(
            Conditions {
                if_none_match: tag("\"f\""),
                ..none()
            },
            None,
        );
        check(
            Conditions {
                if_modified_since: time(before),
                ..none()
            },
            None,
        );
        check(
            Conditions {
                if_modified_since: time(same),
                ..none()
            },
            Some(("If-Modified-Since", true)),
        );
        check(
            Conditions {
                if_modified_since: time(after),
                ..none()
            },
            Some(("If-Modified-Since", true)),
        );
        check(
            Conditions {
                if_unmodified_since: time(before),
                ..none()
            },
            Some(("If-Unmodified-Since", false)),
        );
        check(
            Conditions {
                if_unmodified_since: time(same),
                ..none()
            },
            None,
        );
        // An entity tag makes its date irrelevant.
        check(
            Conditions {
                if_match: tag("\"e\""),
                if_unmodified_since: time(before),
                ..none()
            },
            None,
        );
        check(
            Conditions {
                if_none_match: tag("\"f\""),
                if_modified_since: time(after),
                ..none()
            },
            None,
        );
    }

    #[test]
    fn nothing_has_changed() {
        let conditions = Conditions {
            if_none_match: Some("\"e\"".parse().unwrap()),
            ..Conditions::default()
        };
        let fault = conditions.check(&object()).unwrap_err();
        assert_eq!(fault.status, 304);
        assert_eq!(fault.headers.get("etag").unwrap(), "\"e\"");
        assert_eq!(
            fault.headers.get("last-modified").unwrap(),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }

    #[test]
    fn conditions_of_writes() {
        let tag = |text: &str| text.parse::<dto::ETagCondition>().unwrap();
        assert_eq!(condition(None, None).unwrap(), Condition::None);
        assert_eq!(condition(None, Some(&tag("*"))).unwrap(), Condition::Absent);
        assert_eq!(
            condition(Some(&tag("\"e\"")), None).unwrap(),
            Condition::Match("e".into())
        );
        assert_eq!(
            condition(None, Some(&tag("\"e\""))).unwrap_err().code,
            "NotImplemented"
        );
        assert_eq!(
            condition(Some(&tag("*")), Some(&tag("*")))
                .unwrap_err()
                .code,
            "NotImplemented"
        );
    }
}
