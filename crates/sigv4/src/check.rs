//! The checks that come before the signature's, in AWS's order: that of the services of the
//! query, JSON and REST protocols, and S3's own.

use http::header::HeaderName;

use crate::claim::{Claim, header_malformed, query_malformed};
use crate::error::{CredentialFault, Error, HeaderFault, QueryFault, S3Error, ScopeFault};
use crate::key::TERMINATOR;
use crate::text;
use crate::time;
use crate::{Dialect, MAX_EXPIRES, MAX_SKEW};

impl Claim<'_> {
    /// All checks but the signature's. Without a `moment` (the time and the service expected),
    /// those that need neither.
    pub(crate) fn examine(&self, moment: Option<(i64, &str)>) -> Result<(), Error> {
        match self.dialect {
            Dialect::General => self.examine_general(moment),
            Dialect::S3 => self.examine_s3(moment),
        }
    }

    fn examine_general(&self, moment: Option<(i64, &str)>) -> Result<(), Error> {
        if !text::pieces(&self.signed_headers, b';')
            .any(|name| name == "host" || name == ":authority")
        {
            return Err(Error::HostNotSigned);
        }
        let date = self.time.ok_or_else(|| Error::InvalidDate {
            given: self.date.as_ref().to_owned(),
        })?;
        if let Some((now, _)) = moment {
            if date < now.saturating_sub(MAX_SKEW) {
                return Err(Error::Expired { date, now });
            }
            if date > now.saturating_add(MAX_SKEW) {
                return Err(Error::NotYetCurrent { date, now });
            }
        }
        let Some([_, day, region, service, terminator]) = self.credential.elements() else {
            return Err(Error::MalformedCredential {
                given: self.credential.text.as_ref().to_owned(),
            });
        };
        let expected_service = moment
            .map(|(_, expected)| expected)
            .filter(|expected| *expected != service);
        let basic = self.basic;
        let fault = ScopeFault {
            region: (!is_region(region)).then(|| region.to_owned()),
            service: expected_service.map(str::to_owned),
            terminator: (terminator != TERMINATOR).then(|| terminator.to_owned()),
            date: (day != basic.date()).then(|| (day.to_owned(), basic.as_str().to_owned())),
        };
        match fault == ScopeFault::default() {
            true => Ok(()),
            false => Err(Error::Scope(fault)),
        }
    }

    fn examine_s3(&self, moment: Option<(i64, &str)>) -> Result<(), Error> {
        let date = match (self.time, self.presigned) {
            (Some(date), _) => date,
            (None, true) => return Err(query_malformed(QueryFault::Date)),
            (None, false) => return Err(S3Error::MissingDate.into()),
        };
        if self.presigned {
            self.examine_expiry(date, moment.map(|(now, _)| now))?;
        } else if let Some((now, _)) = moment
            && now.saturating_sub(date).saturating_abs() > MAX_SKEW
        {
            return Err(Error::S3(S3Error::RequestTimeTooSkewed {
                request_time: self.date.as_ref().to_owned(),
                server_time: now,
            }));
        }
        if let Some(fault) = self.credential_fault(moment.map(|(_, service)| service)) {
            return Err(match self.presigned {
                true => query_malformed(QueryFault::Credential(fault)),
                false => header_malformed(HeaderFault::Credential(fault)),
            });
        }
        let basic = self.basic;
        if self.date() != basic.date() {
            return Err(match self.presigned {
                true => query_malformed(QueryFault::DateMismatch {
                    credential: self.date().to_owned(),
                    request: basic.date().to_owned(),
                }),
                false => header_malformed(HeaderFault::DateMismatch),
            });
        }
        self.examine_coverage()
    }

    /// `X-Amz-Expires`: from 0 (good for this very second) to a week.
    fn examine_expiry(&self, date: i64, now: Option<i64>) -> Result<(), Error> {
        let text = self.expires.as_deref().unwrap_or_default();
        let lifetime: i64 = text
            .parse()
            .map_err(|_| query_malformed(QueryFault::ExpiresNotANumber))?;
        if lifetime > MAX_EXPIRES {
            return Err(query_malformed(QueryFault::ExpiresTooLong));
        }
        let Ok(seconds) = u32::try_from(lifetime) else {
            return Err(query_malformed(QueryFault::ExpiresNegative));
        };
        let Some(now) = now else { return Ok(()) };
        let expires = date.saturating_add(lifetime);
        if date > now.saturating_add(MAX_SKEW) {
            return Err(Error::S3(S3Error::NotYetValid {
                date,
                expires,
                server_time: now,
            }));
        }
        if now > expires {
            return Err(Error::S3(S3Error::RequestExpired {
                lifetime: seconds,
                expires,
                server_time: now,
            }));
        }
        Ok(())
    }

    fn credential_fault(&self, expected_service: Option<&str>) -> Option<CredentialFault> {
        let Some([_, day, region, service, terminator]) = self.credential.elements() else {
            return Some(CredentialFault::Malformed);
        };
        if !time::is_date(day) {
            return Some(CredentialFault::Date(day.to_owned()));
        }
        if region.is_empty() {
            return Some(CredentialFault::NoRegion);
        }
        if !is_region(region) {
            return Some(CredentialFault::Malformed);
        }
        if let Some(expected) = expected_service
            && service != expected
        {
            return Some(CredentialFault::Service {
                given: service.to_owned(),
                expected: expected.to_owned(),
            });
        }
        (terminator != TERMINATOR).then(|| CredentialFault::Terminator(terminator.to_owned()))
    }

    /// S3 wants `host`, `content-md5` and every `x-amz-*` header signed. `x-amz-content-sha256`
    /// need not be: its value is in the canonical request anyway.
    fn examine_coverage(&self) -> Result<(), Error> {
        let must = |name: &str| {
            matches!(name, "host" | "content-md5")
                || (name.starts_with("x-amz-") && name != "x-amz-content-sha256")
        };
        let headers = &self.head.headers;
        let authority = (!headers.contains_key("host") && self.head.uri.authority().is_some())
            .then_some("host");
        let present = || {
            headers
                .keys()
                .map(HeaderName::as_str)
                .chain(authority)
                .filter(|name| must(name))
        };
        let is_present = |name: &str| headers.contains_key(name) || authority == Some(name);
        let is_lower = |name: &str| !name.bytes().any(|byte| byte.is_ascii_uppercase());
        // Neither list has duplicates, so equal numbers mean equal sets.
        let signed = text::pieces(&self.signed_headers, b';')
            .filter(|name| must(name) && is_lower(name) && is_present(name))
            .count();
        if signed == present().count() {
            return Ok(());
        }
        let signed: Vec<&str> = text::pieces(&self.signed_headers, b';').collect();
        let mut unsigned: Vec<&str> = present()
            .filter(|name| signed.binary_search(name).is_err())
            .collect();
        unsigned.sort_unstable();
        Err(Error::S3(S3Error::HeadersNotSigned {
            headers: unsigned.join(", "),
        }))
    }
}

/// A region's name is a label; anything longer or stranger is refused before it reaches a policy
/// or a log.
fn is_region(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
