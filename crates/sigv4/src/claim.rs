//! Reading what a request claims, and verifying it.

use std::borrow::Cow;
use std::fmt;

use http::HeaderMap;
use http::header::{AUTHORIZATION, DATE, HeaderName, HeaderValue};
use http::request::Parts;

use crate::canonical::{self, Query, SIGNATURE_PARAMETER, TOKEN_PARAMETER};
use crate::chunk::{Chain, ChunkDecoder, Seed};
use crate::credential::Credential;
use crate::error::{Error, HeaderFault, Missing, QueryFault, S3Error};
use crate::key::{self, Hex, SigningKey};
use crate::payload::{self, Payload, PayloadLine};
use crate::text;
use crate::time::{self, BasicTime};
use crate::{ALGORITHM, Dialect};

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What a request claims about who signed it. Nothing is trusted yet: the accessors say what the
/// client wrote, and only [`Claim::verify`] makes it true.
///
/// The order of work is [`parse`](Claim::parse), then [`check`](Claim::check) (time and scope,
/// which need no secret), then the caller's own look-up of the session token and the access key,
/// then [`verify`](Claim::verify): the order in which AWS reports errors.
pub struct Claim<'r> {
    pub(crate) head: &'r Parts,
    pub(crate) dialect: Dialect,
    pub(crate) presigned: bool,
    pub(crate) credential: Credential<'r>,
    /// Sorted, without duplicates.
    pub(crate) signed_headers: Cow<'r, str>,
    signature: Cow<'r, str>,
    session_token: Option<Cow<'r, str>>,
    /// The date as sent, and what it means.
    pub(crate) date: Cow<'r, str>,
    pub(crate) time: Option<i64>,
    /// The same in the basic format; that of 1970 if it does not parse.
    pub(crate) basic: BasicTime,
    /// `X-Amz-Expires` as sent; S3 requires and honours it.
    pub(crate) expires: Option<Cow<'r, str>>,
    path: Cow<'r, str>,
    query: Query<'r>,
    pub(crate) payload_line: PayloadLine<'r>,
    payload: Payload,
}

/// A header that is there and not signed, there twice, or no text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotCovered;

/// A request whose signature is right.
#[derive(Debug)]
pub struct Verified {
    seed: Option<Box<Seed>>,
}

impl Verified {
    /// The decoder of the body, if the payload is [`Payload::Streaming`]: the signature of the
    /// request is where the chain of chunk signatures starts.
    pub fn chunks(&self) -> Option<ChunkDecoder> {
        self.seed
            .as_deref()
            .map(|seed| ChunkDecoder::new(seed.clone()))
    }
}

impl<'r> Claim<'r> {
    /// Reads the claim of a request, from its `Authorization` header or its query. `Ok(None)`:
    /// the request carries no signature at all.
    ///
    /// # Errors
    /// The first fault in AWS's order that can be seen without a clock and without knowing the
    /// service.
    pub fn parse(head: &'r Parts, dialect: Dialect) -> Result<Option<Self>, Error> {
        let query = match head.uri.query() {
            Some(query) => Query::parse(query).map_err(Error::MalformedQuery)?,
            None => Query::default(),
        };
        let algorithm = query.first("X-Amz-Algorithm");
        let version_2 = dialect == Dialect::S3 && query.has("Signature");
        let mut headers = head.headers.get_all(AUTHORIZATION).iter();
        let header = headers.next().map(http::HeaderValue::as_bytes);
        let mechanisms = usize::from(header.is_some())
            + headers.count()
            + usize::from(algorithm.is_some())
            + usize::from(version_2);
        if mechanisms > 1 {
            return Err(match dialect {
                Dialect::General => Error::TwoMechanisms,
                Dialect::S3 => Error::S3(S3Error::TwoMechanisms {
                    authorization: header.map(lossy),
                }),
            });
        }
        if version_2 {
            return Err(S3Error::UnsupportedMechanism.into());
        }
        match (header, algorithm) {
            // S3 takes an empty header for none.
            (Some(b""), _) if dialect == Dialect::S3 => Ok(None),
            (Some(header), _) => {
                Self::from_header(head, dialect, query, header, ALGORITHM).map(Some)
            }
            (None, Some(algorithm)) => Self::from_query(head, dialect, query, &algorithm).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The first element of the credential; empty if there is none.
    pub fn access_key_id(&self) -> &str {
        self.credential.element(0)
    }

    /// The day of the scope, `YYYYMMDD`, as [`SigningKey::derive`] wants it; empty if the
    /// credential is malformed, which [`check`](Self::check) refuses.
    pub fn date(&self) -> &str {
        self.credential.element(1)
    }

    /// The region of the scope; empty if the credential is malformed.
    pub fn region(&self) -> &str {
        self.credential.element(2)
    }

    /// The service of the scope; empty if the credential is malformed.
    pub fn service(&self) -> &str {
        self.credential.element(3)
    }

    /// The session token that comes with temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// The value of a header that the signature covers; `None` if the request does not have it. The
    /// name is in lower case. What it says is true only once the claim is verified.
    ///
    /// # Errors
    /// [`NotCovered`]
    pub fn signed_value(&self, name: &str) -> Result<Option<&'r str>, NotCovered> {
        let mut values = self.head.headers.get_all(name).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let signed = text::pieces(&self.signed_headers, b';').any(|signed| signed == name);
        match value.to_str() {
            Ok(text) if signed && values.next().is_none() => Ok(Some(text)),
            _ => Err(NotCovered),
        }
    }

    /// Whether the signature is in the query.
    pub fn is_presigned(&self) -> bool {
        self.presigned
    }

    /// When the request says it was signed, in seconds since 1970; 0 if that does not parse,
    /// which [`check`](Self::check) refuses.
    pub fn time(&self) -> i64 {
        self.time.unwrap_or_default()
    }

    /// The signature as sent.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// What the body must be for the signature to cover it.
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// The signing key of this claim's scope for a secret access key.
    pub fn signing_key(&self, secret: &str) -> SigningKey {
        SigningKey::derive(secret, self.date(), self.region(), self.service())
    }

    /// Checks time and scope, which need no secret, in AWS's order.
    ///
    /// `now` is in seconds since 1970; `expected_service` is the name that the scope must have,
    /// such as `sts`. Any region that is well formed will do.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self, now: i64, expected_service: &str) -> Result<(), Error> {
        self.examine(Some((now, expected_service)))
    }

    /// Verifies the signature, in constant time.
    ///
    /// `body_sha256` is the hash of the whole body. It is required in [`Dialect::General`];
    /// whatever hash the client declares is never believed unread, and `UNSIGNED-PAYLOAD` counts
    /// for nothing. In [`Dialect::S3`] it may be `None`: then the declared hash is verified, and it is
    /// for the caller to compare it with the body's ([`Payload::Sha256`]) or to decode the chunks
    /// ([`Verified::chunks`]) before acting on the body.
    ///
    /// The time is not checked again, but all else that [`check`](Self::check) checks is.
    ///
    /// # Errors
    /// [`Error::SignatureDoesNotMatch`], or what is missing for a comparison.
    pub fn verify(
        &self,
        key: &SigningKey,
        body_sha256: Option<&[u8; 32]>,
    ) -> Result<Verified, Error> {
        self.examine(None)?;
        let body_hex = body_sha256.map(Hex::new);
        let payload_line = match (&self.payload_line, &body_hex) {
            (PayloadLine::Literal(line), _) => line.as_ref(),
            (PayloadLine::BodyHash { .. }, Some(hex)) => hex.as_str(),
            (PayloadLine::BodyHash { .. }, None) => return Err(Error::BodyNotHashed),
        };
        let provided = key::from_hex_lower(self.signature.as_bytes());
        let canonical = self.canonical_request(payload_line, true);
        if let PayloadLine::BodyHash {
            declared: Some(declared),
        } = &self.payload_line
            && declared != payload_line
        {
            return Err(self.mismatch(&canonical));
        }
        let right = |canonical: &[u8]| {
            provided.is_some_and(|it| key::constant_time_eq(&it, &self.sign(key, canonical)))
        };
        // Some clients of the general dialect add the token to the query after signing it.
        let right_but_for_token = || {
            self.presigned
                && self.dialect == Dialect::General
                && self.session_token.is_some()
                && right(&self.canonical_request(payload_line, false))
        };
        if !(right(&canonical) || right_but_for_token()) {
            return Err(self.mismatch(&canonical));
        }
        if let (Payload::Sha256(declared), Some(computed)) = (self.payload, body_sha256)
            && declared != *computed
        {
            return Err(Error::S3(S3Error::ContentSha256Mismatch {
                declared: Hex::new(&declared).as_str().to_owned(),
                computed: Hex::new(computed).as_str().to_owned(),
            }));
        }
        self.verified(key, provided)
    }

    fn verified(&self, key: &SigningKey, signature: Option<[u8; 32]>) -> Result<Verified, Error> {
        let (
            Payload::Streaming {
                signed,
                trailer,
                decoded_length,
            },
            Some(signature),
        ) = (self.payload, signature)
        else {
            return Ok(Verified { seed: None });
        };
        let chain = signed.then(|| Chain {
            key: key.clone(),
            date_time: self.date_time().to_owned(),
            scope: self.credential.scope().to_owned(),
            previous: Hex::new(&signature),
        });
        let trailers = match trailer {
            true => Some(payload::trailers(&self.head.headers)?),
            false => None,
        };
        let seed = Seed {
            chain,
            trailers,
            decoded_length,
        };
        Ok(Verified {
            seed: Some(Box::new(seed)),
        })
    }

    /// Reads an `Authorization` header, which must be of this algorithm.
    pub(crate) fn from_header(
        head: &'r Parts,
        dialect: Dialect,
        query: Query<'r>,
        header: &'r [u8],
        algorithm: &str,
    ) -> Result<Self, Error> {
        let (scheme, rest) = std::str::from_utf8(header)
            .ok()
            .and_then(|text| text::cut(text, b' '))
            .unwrap_or_default();
        if scheme != algorithm {
            return Err(match dialect {
                Dialect::General => foreign_scheme(header),
                Dialect::S3 => s3_foreign_scheme(header).into(),
            });
        }
        let (payload_line, payload) = PayloadLine::of(head, dialect, false)?;
        let date =
            header_text(&head.headers, &X_AMZ_DATE).or_else(|| header_text(&head.headers, &DATE));
        let time = date.as_deref().and_then(time::parse_header);
        if dialect == Dialect::S3 && time.is_none() {
            return Err(S3Error::MissingDate.into());
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in text::pieces(rest, b',') {
            let Some((name, value)) = text::cut(part, b'=') else {
                return Err(match dialect {
                    Dialect::General => Error::NotKeyValue {
                        header_sha256: hash_of_header(header),
                    },
                    Dialect::S3 => header_malformed(HeaderFault::ThreeComponents),
                });
            };
            match name.trim_ascii() {
                "Credential" => credential = Some(value.trim_ascii()),
                "SignedHeaders" => signed_headers = Some(value.trim_ascii()),
                "Signature" => signature = Some(value.trim_ascii()),
                _ => {}
            }
        }
        let (Some(credential), Some(signed_headers), Some(signature), Some(date)) =
            (credential, signed_headers, signature, date.clone())
        else {
            return Err(match dialect {
                Dialect::General => Error::IncompleteHeader {
                    missing: Missing {
                        credential: credential.is_none(),
                        signature: signature.is_none(),
                        signed_headers: signed_headers.is_none(),
                        date: date.is_none(),
                    },
                    header_sha256: hash_of_header(header),
                },
                Dialect::S3 => header_malformed(HeaderFault::ThreeComponents),
            });
        };
        Self {
            head,
            dialect,
            presigned: false,
            credential: Credential::new(Cow::Borrowed(credential)),
            signed_headers: canonical::signed_headers(Cow::Borrowed(signed_headers)),
            signature: Cow::Borrowed(signature),
            session_token: header_text(&head.headers, &X_AMZ_SECURITY_TOKEN),
            basic: BasicTime::new(&date, time),
            date,
            time,
            expires: None,
            path: Cow::Borrowed(""),
            query,
            payload_line,
            payload,
        }
        .with_target()
    }

    fn from_query(
        head: &'r Parts,
        dialect: Dialect,
        query: Query<'r>,
        algorithm: &str,
    ) -> Result<Self, Error> {
        if algorithm != ALGORITHM {
            return Err(match dialect {
                Dialect::General => Error::MissingAuthenticationToken,
                Dialect::S3 => query_malformed(QueryFault::Algorithm),
            });
        }
        let credential = query.first("X-Amz-Credential");
        let signature = query.first(SIGNATURE_PARAMETER);
        // Decoded, it could hold a line feed, which has a meaning in the canonical request.
        let signed_headers = query
            .first("X-Amz-SignedHeaders")
            .filter(|list| list.bytes().all(|byte| byte.is_ascii_graphic()));
        let date = query.first("X-Amz-Date");
        let expires = query.first("X-Amz-Expires");
        let missing = Missing {
            credential: credential.is_none(),
            signature: signature.is_none(),
            signed_headers: signed_headers.is_none(),
            date: date.is_none(),
        };
        let (Some(credential), Some(signature), Some(signed_headers), Some(date)) =
            (credential, signature, signed_headers, date)
        else {
            return Err(match dialect {
                Dialect::General => Error::IncompleteQuery { missing },
                Dialect::S3 => query_malformed(QueryFault::Required),
            });
        };
        if dialect == Dialect::S3 && expires.is_none() {
            return Err(query_malformed(QueryFault::Required));
        }
        let (payload_line, payload) = PayloadLine::of(head, dialect, true)?;
        let time = time::parse_basic(&date);
        Self {
            head,
            dialect,
            presigned: true,
            credential: Credential::new(credential),
            signed_headers: canonical::signed_headers(signed_headers),
            signature,
            session_token: query.first(TOKEN_PARAMETER),
            basic: BasicTime::new(&date, time),
            date,
            time,
            expires,
            path: Cow::Borrowed(""),
            query,
            payload_line,
            payload,
        }
        .with_target()
    }

    /// Puts path and query into their canonical form.
    fn with_target(mut self) -> Result<Self, Error> {
        let raw = self.head.uri.path();
        let path = match self.dialect {
            Dialect::General => canonical::path(raw),
            Dialect::S3 => canonical::s3_path(raw),
        };
        self.path = path.ok_or(Error::MalformedTarget)?;
        // A request that names two hosts would be verified for one and could be served for the
        // other.
        if let (Some(host), Some(authority)) = (
            self.head.headers.get(http::header::HOST),
            self.head.uri.authority(),
        ) && !host
            .as_bytes()
            .eq_ignore_ascii_case(authority.as_str().as_bytes())
        {
            return Err(Error::MalformedTarget);
        }
        self.query.sort();
        Ok(self)
    }

    pub(crate) fn canonical_request(&self, payload_line: &str, with_token: bool) -> Vec<u8> {
        let but: &[&str] = match (self.presigned, with_token) {
            (false, _) => &[],
            (true, true) => &[SIGNATURE_PARAMETER],
            (true, false) => &[SIGNATURE_PARAMETER, TOKEN_PARAMETER],
        };
        canonical::request(
            self.head,
            &self.path,
            &self.query,
            but,
            &self.signed_headers,
            payload_line,
        )
    }

    /// The date as it stands in the string to sign: S3 takes it as it was sent, the others in the
    /// basic format.
    pub(crate) fn date_time(&self) -> &str {
        match (self.dialect, self.presigned) {
            (Dialect::S3, false) => &self.date,
            _ => self.basic.as_str(),
        }
    }

    fn sign(&self, key: &SigningKey, canonical: &[u8]) -> [u8; 32] {
        key::sign_request(key, self.date_time(), self.credential.scope(), canonical)
    }

    fn mismatch(&self, canonical: &[u8]) -> Error {
        Error::SignatureDoesNotMatch {
            canonical_request: lossy(canonical),
            string_to_sign: key::string_to_sign(
                ALGORITHM,
                self.date_time(),
                self.credential.scope(),
                canonical,
            ),
            signature_provided: self.signature.as_ref().to_owned(),
        }
    }
}

/// The head may hold a session token or a customer's key.
impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("dialect", &self.dialect)
            .field("presigned", &self.presigned)
            .field("credential", &self.credential.text)
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

/// A header's value; several are joined by commas, which no single value that is expected here
/// contains.
pub(crate) fn header_text<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Option<Cow<'r, str>> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?;
    match values.next() {
        None => Some(first),
        Some(second) => {
            let mut joined = format!("{first},{second}");
            for value in values {
                joined.push(',');
                joined.push_str(&value);
            }
            Some(Cow::Owned(joined))
        }
    }
}

/// The credential that an `Authorization` header names, `AKID/YYYYMMDD/region/service/aws4_request` where
/// it is well formed: the one that [`Claim::parse`] reads, for who must know before whose request it
/// claims to be. Nothing about it is checked.
pub fn claimed_credential(authorization: &HeaderValue) -> Option<&str> {
    let header = std::str::from_utf8(authorization.as_bytes()).ok()?;
    let (_, rest) = text::cut(header, b' ')?;
    let named = pairs(rest).flatten();
    let credentials = named.filter_map(|(name, value)| (name == "Credential").then_some(value));
    credentials.last()
}

/// Names and values of an `Authorization` header behind its scheme; `None` stands for what is no pair.
/// Of several with one name the last counts.
fn pairs(rest: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    text::pieces(rest, b',').map(|part| {
        let (name, value) = text::cut(part, b'=')?;
        Some((name.trim_ascii(), value.trim_ascii()))
    })
}

fn foreign_scheme(header: &[u8]) -> Error {
    let scheme = header
        .split(|byte| *byte == b' ')
        .next()
        .unwrap_or_default();
    if scheme.starts_with(b"AWS") && scheme != ALGORITHM.as_bytes() {
        return Error::UnsupportedAlgorithm {
            algorithm: lossy(scheme),
        };
    }
    Error::NotKeyValue {
        header_sha256: hash_of_header(header),
    }
}

fn s3_foreign_scheme(header: &[u8]) -> S3Error {
    let authorization = lossy(header);
    let Some((scheme, _)) = authorization.split_once(' ') else {
        return S3Error::OneSpaceRequired { authorization };
    };
    if scheme.eq_ignore_ascii_case("AWS") || scheme.eq_ignore_ascii_case("AWS4-ECDSA-P256-SHA256") {
        return S3Error::UnsupportedMechanism;
    }
    S3Error::UnsupportedAuthorizationType { authorization }
}

pub(crate) fn header_malformed(fault: HeaderFault) -> Error {
    Error::S3(S3Error::AuthorizationHeaderMalformed(fault))
}

pub(crate) fn query_malformed(fault: QueryFault) -> Error {
    Error::S3(S3Error::AuthorizationQueryParameters(fault))
}

/// What AWS prints instead of an `Authorization` header.
fn hash_of_header(header: &[u8]) -> String {
    data_encoding::BASE64.encode(&key::sha256(header))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
