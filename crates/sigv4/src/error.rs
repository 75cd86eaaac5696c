//! What can be wrong with a signature.
//!
//! [`Error`] has one variant for each row of the order in which the services of the query, JSON
//! and REST protocols check a signature; its `Display` is their message. [`S3Error`] is the same
//! for S3, whose checks, order and messages are its own. Codes and statuses differ from protocol
//! to protocol and are not spelled here.

use std::fmt;

use crate::time::BasicTime;

/// Why a request's signature is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The path is not absolute, leaves the root or has a broken escape, or the `Host` header and
    /// the request target name different hosts. AWS answers 400 without a body (for S3:
    /// `InvalidURI`).
    MalformedTarget,
    /// The query has a broken escape (`MalformedQueryString`; for S3: `InvalidURI`).
    MalformedQuery(EscapeFault),
    /// Both an `Authorization` header and query authentication, or more than one header
    /// (`SignatureDoesNotMatch`, and AWS says no more).
    TwoMechanisms,
    /// `X-Amz-Algorithm` names another algorithm (`MissingAuthenticationToken`).
    MissingAuthenticationToken,
    /// The `Authorization` header names another algorithm of AWS (`IncompleteSignature`).
    UnsupportedAlgorithm {
        /// The one it names.
        algorithm: String,
    },
    /// A part of the `Authorization` header is not `key=value` (`IncompleteSignature`).
    NotKeyValue {
        /// Base64 of the SHA-256 of the header's value.
        header_sha256: String,
    },
    /// The `Authorization` header, or the date that goes with it, is incomplete
    /// (`IncompleteSignature`).
    IncompleteHeader {
        /// What is not there.
        missing: Missing,
        /// Base64 of the SHA-256 of the header's value.
        header_sha256: String,
    },
    /// Parameters of query authentication are missing (`IncompleteSignature`).
    IncompleteQuery {
        /// What is not there.
        missing: Missing,
    },
    /// Neither `host` nor `:authority` is signed (`SignatureDoesNotMatch`).
    HostNotSigned,
    /// The date does not parse (`IncompleteSignature`).
    InvalidDate {
        /// The date as sent.
        given: String,
    },
    /// The request was signed too long ago (`SignatureDoesNotMatch`).
    Expired {
        /// When it was signed.
        date: i64,
        /// The server's time.
        now: i64,
    },
    /// The request was signed in the future (`SignatureDoesNotMatch`).
    NotYetCurrent {
        /// When it was signed.
        date: i64,
        /// The server's time.
        now: i64,
    },
    /// The credential has not five elements (`IncompleteSignature`).
    MalformedCredential {
        /// The credential as sent.
        given: String,
    },
    /// The credential's scope is not this endpoint's (`SignatureDoesNotMatch`).
    Scope(ScopeFault),
    /// The signature is not the one this request has under this key (`SignatureDoesNotMatch`,
    /// for S3 too). The canonical request repeats signed headers, which may be confidential: it
    /// is for the client that sent them, not for a log.
    SignatureDoesNotMatch {
        /// The request as the server reads it.
        canonical_request: String,
        /// What the server signed.
        string_to_sign: String,
        /// The signature as sent.
        signature_provided: String,
    },
    /// The caller passed no hash of a body that the signature covers. Never a client's fault.
    BodyNotHashed,
    /// What only S3 says.
    S3(S3Error),
}

/// Why S3 refuses a request's signature. The codes named are S3's.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum S3Error {
    /// Header and query authentication at once, or two of either (`InvalidArgument`).
    TwoMechanisms {
        /// The `Authorization` header, if there is one: the error's `ArgumentValue`.
        authorization: Option<String>,
    },
    /// The `Authorization` header is one word (`InvalidArgument`).
    OneSpaceRequired {
        /// The `Authorization` header: the error's `ArgumentValue`.
        authorization: String,
    },
    /// The `Authorization` header is of no kind that S3 knows (`InvalidArgument`).
    UnsupportedAuthorizationType {
        /// The `Authorization` header: the error's `ArgumentValue`.
        authorization: String,
    },
    /// Signature Version 2 or 4A (`InvalidRequest`).
    UnsupportedMechanism,
    /// No `x-amz-content-sha256` (`InvalidRequest`).
    MissingContentSha256,
    /// `x-amz-content-sha256` is neither a hash nor a keyword that is supported
    /// (`InvalidArgument`).
    InvalidContentSha256 {
        /// Its value: the error's `ArgumentValue`.
        given: String,
    },
    /// The body does not have the hash that `x-amz-content-sha256` declares
    /// (`XAmzContentSHA256Mismatch`).
    ContentSha256Mismatch {
        /// In hexadecimal: `ClientComputedContentSHA256`.
        declared: String,
        /// In hexadecimal: `S3ComputedContentSHA256`.
        computed: String,
    },
    /// A chunked body without a good `x-amz-decoded-content-length` (`MissingContentLength`).
    MissingDecodedContentLength,
    /// `x-amz-trailer` names too many trailers, or none that a header may be called
    /// (`MalformedTrailerError`).
    MalformedTrailer,
    /// No readable `x-amz-date` or `Date` header (`AccessDenied`).
    MissingDate,
    /// The clocks differ by more than fifteen minutes (`RequestTimeTooSkewed`).
    RequestTimeTooSkewed {
        /// `RequestTime`: the date as sent.
        request_time: String,
        /// `ServerTime`.
        server_time: i64,
    },
    /// The `Authorization` header is malformed (`AuthorizationHeaderMalformed`).
    AuthorizationHeaderMalformed(HeaderFault),
    /// The parameters of query authentication are (`AuthorizationQueryParametersError`).
    AuthorizationQueryParameters(QueryFault),
    /// The presigned request is for later (`AccessDenied`).
    NotYetValid {
        /// `X-Amz-Date`.
        date: i64,
        /// `Expires`.
        expires: i64,
        /// `ServerTime`.
        server_time: i64,
    },
    /// The presigned request has expired (`AccessDenied`).
    RequestExpired {
        /// `X-Amz-Expires`: seconds.
        lifetime: u32,
        /// `Expires`.
        expires: i64,
        /// `ServerTime`.
        server_time: i64,
    },
    /// Headers that must be signed are not (`AccessDenied`).
    HeadersNotSigned {
        /// `HeadersNotSigned`: their names, joined by a comma and a blank.
        headers: String,
    },
}

/// A broken percent escape.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EscapeFault {
    /// The text ends inside of one.
    Incomplete,
    /// These two characters are not hexadecimal digits.
    Illegal(String),
}

/// Which parameters of the authentication are missing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Missing {
    /// `Credential`, `X-Amz-Credential`.
    pub credential: bool,
    /// `Signature`, `X-Amz-Signature`.
    pub signature: bool,
    /// `SignedHeaders`, `X-Amz-SignedHeaders`.
    pub signed_headers: bool,
    /// `X-Amz-Date`.
    pub date: bool,
}

/// What is wrong with a credential's scope; at least one of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ScopeFault {
    /// A region that cannot be one.
    pub region: Option<String>,
    /// The service that it should have been.
    pub service: Option<String>,
    /// A last element other than `aws4_request`.
    pub terminator: Option<String>,
    /// The scope's date, and the request's in the basic format, whose date differs.
    pub date: Option<(String, String)>,
}

/// What S3 finds wrong with an `Authorization` header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderFault {
    /// Not all of `Credential`, `SignedHeaders` and `Signature` are there.
    ThreeComponents,
    /// The credential is wrong.
    Credential(CredentialFault),
    /// The scope's date is not the request's.
    DateMismatch,
}

/// What S3 finds wrong with the parameters of query authentication.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum QueryFault {
    /// Another algorithm.
    Algorithm,
    /// Not all six parameters are there.
    Required,
    /// `X-Amz-Date` does not parse.
    Date,
    /// `X-Amz-Expires` is not a number.
    ExpiresNotANumber,
    /// `X-Amz-Expires` is negative.
    ExpiresNegative,
    /// `X-Amz-Expires` is more than a week.
    ExpiresTooLong,
    /// The credential is wrong.
    Credential(CredentialFault),
    /// The scope's date is not the request's.
    DateMismatch {
        /// The scope's.
        credential: String,
        /// The request's, `YYYYMMDD`.
        request: String,
    },
}

/// What S3 finds wrong with a credential.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CredentialFault {
    /// Not five elements.
    Malformed,
    /// The date is not `yyyyMMdd`.
    Date(String),
    /// The region is empty.
    NoRegion,
    /// Another service.
    Service {
        /// The one it names.
        given: String,
        /// The one it should name.
        expected: String,
    },
    /// A last element other than `aws4_request`.
    Terminator(String),
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        Self::S3(error)
    }
}

impl std::error::Error for Error {}
impl std::error::Error for S3Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MalformedTarget | Self::TwoMechanisms => Ok(()),
            Self::MalformedQuery(fault) => fault.fmt(f),
            Self::MissingAuthenticationToken => {
                f.write_str("Request is missing Authentication Token")
            }
            Self::UnsupportedAlgorithm { algorithm } => {
                write!(f, "Unsupported AWS 'algorithm': '{algorithm}'.")
            }
            Self::NotKeyValue { header_sha256 } => write!(
                f,
                "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with \
                 SHA-256 and encoded with Base64): '{header_sha256}'."
            ),
            Self::IncompleteHeader {
                missing,
                header_sha256,
            } => {
                for (is_missing, name) in [
                    (missing.credential, "Credential"),
                    (missing.signature, "Signature"),
                    (missing.signed_headers, "SignedHeaders"),
                ] {
                    if is_missing {
                        write!(f, "Authorization header requires '{name}' parameter. ")?;
                    }
                }
                if missing.date {
                    f.write_str(
                        "Authorization header requires existence of either a 'X-Amz-Date' or a \
                         'Date' header. ",
                    )?;
                }
                write!(
                    f,
                    "(Hashed with SHA-256 and encoded with Base64) Authorization={header_sha256}"
                )
            }
            Self::IncompleteQuery { missing } => {
                for (is_missing, name) in [
                    (missing.credential, "X-Amz-Credential"),
                    (missing.signature, "X-Amz-Signature"),
                    (missing.signed_headers, "X-Amz-SignedHeaders"),
                    (missing.date, "X-Amz-Date"),
                ] {
                    if is_missing {
                        write!(f, "AWS query-string parameters must include '{name}'. ")?;
                    }
                }
                f.write_str("Re-examine the query-string parameters.")
            }
            Self::HostNotSigned => f.write_str(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ),
            Self::InvalidDate { given } => write!(
                f,
                "Date must be in ISO-8601 'basic format'. Got '{given}'. See \
                 http://en.wikipedia.org/wiki/ISO_8601"
            ),
            Self::Expired { date, now } => write!(
                f,
                "Signature expired: {} is now earlier than {} ({} - 15 min.)",
                Basic(*date),
                Basic(now.saturating_sub(crate::MAX_SKEW)),
                Basic(*now),
            ),
            Self::NotYetCurrent { date, now } => write!(
                f,
                "Signature not yet current: {} is still later than {} ({} + 15 min.)",
                Basic(*date),
                Basic(now.saturating_add(crate::MAX_SKEW)),
                Basic(*now),
            ),
            Self::MalformedCredential { given } => write!(
                f,
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{given}'"
            ),
            Self::Scope(fault) => fault.fmt(f),
            Self::SignatureDoesNotMatch {
                canonical_request,
                string_to_sign,
                ..
            } => write!(
                f,
                "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. Consult the service \
                 documentation for details.\n\n\
                 The Canonical String for this request should have been\n'{canonical_request}'\n\n\
                 The String-to-Sign should have been\n'{string_to_sign}'\n"
            ),
            Self::BodyNotHashed => f.write_str("the body that the signature covers was not hashed"),
            Self::S3(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoMechanisms { .. } => f.write_str(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, \
                 Signature query string parameter or the Authorization header should be specified",
            ),
            Self::OneSpaceRequired { .. } => f.write_str(
                "Authorization header is invalid -- one and only one ' ' (space) required",
            ),
            Self::UnsupportedAuthorizationType { .. } => {
                f.write_str("Unsupported Authorization Type")
            }
            Self::UnsupportedMechanism => f.write_str(
                "The authorization mechanism you have provided is not supported. Please use \
                 AWS4-HMAC-SHA256.",
            ),
            Self::MissingContentSha256 => {
                f.write_str("Missing required header for this request: x-amz-content-sha256")
            }
            Self::InvalidContentSha256 { .. } => f.write_str(
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, \
                 STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
                 STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, \
                 STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
            ),
            Self::ContentSha256Mismatch { .. } => f.write_str(
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
            Self::MissingDecodedContentLength => {
                f.write_str("You must provide the Content-Length HTTP header.")
            }
            Self::MalformedTrailer => f.write_str(
                "The request contained trailing data that was not well-formed or did not conform \
                 to our published schema.",
            ),
            Self::MissingDate => {
                f.write_str("AWS authentication requires a valid Date or x-amz-date header")
            }
            Self::RequestTimeTooSkewed { .. } => f.write_str(
                "The difference between the request time and the current time is too large.",
            ),
            Self::AuthorizationHeaderMalformed(fault) => fault.fmt(f),
            Self::AuthorizationQueryParameters(fault) => fault.fmt(f),
            Self::NotYetValid { .. } => f.write_str("Request is not yet valid"),
            Self::RequestExpired { .. } => f.write_str("Request has expired"),
            Self::HeadersNotSigned { .. } => {
                f.write_str("There were headers present in the request which were not signed")
            }
        }
    }
}

impl fmt::Display for EscapeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => f.write_str("Incomplete trailing escape % sequence"),
            Self::Illegal(digits) => {
                write!(f, "Illegal hex characters in escape % pattern: %{digits}")
            }
        }
    }
}

impl fmt::Display for ScopeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(region) = &self.region {
            write!(
                f,
                "Credential should be scoped to a valid region, not '{region}'."
            )?;
            separator = " ";
        }
        if let Some(service) = &self.service {
            write!(
                f,
                "{separator}Credential should be scoped to correct service: '{service}'."
            )?;
            separator = " ";
        }
        if let Some(terminator) = &self.terminator {
            write!(
                f,
                "{separator}Credential should be scoped with a valid terminator: \
                 'aws4_request', not '{terminator}'."
            )?;
            separator = " ";
        }
        if let Some((scope, request)) = &self.date {
            let day = request.get(..8).unwrap_or_default();
            write!(
                f,
                "{separator}Date in Credential scope does not match YYYYMMDD from ISO-8601 \
                 version of date from HTTP: '{scope}' != '{day}', from '{request}'."
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The authorization header is malformed; ")?;
        match self {
            Self::ThreeComponents => f.write_str(
                "the authorization header requires three components: Credential, SignedHeaders, \
                 and Signature.",
            ),
            Self::Credential(fault) => fault.fmt(f),
            Self::DateMismatch => {
                f.write_str("Invalid credential date. Date is not the same as X-Amz-Date.")
            }
        }
    }
}

impl fmt::Display for QueryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm => f.write_str(
                "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"",
            ),
            Self::Required => f.write_str(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, \
                 X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and \
                 X-Amz-Expires parameters.",
            ),
            Self::Date => f.write_str(
                "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
            ),
            Self::ExpiresNotANumber => f.write_str("X-Amz-Expires should be a number"),
            Self::ExpiresNegative => f.write_str("X-Amz-Expires must be non-negative"),
            Self::ExpiresTooLong => f.write_str(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given \
                 X-Amz-Expires must be less than 604800 seconds",
            ),
            Self::Credential(fault) => {
                write!(f, "Error parsing the X-Amz-Credential parameter; {fault}")
            }
            Self::DateMismatch {
                credential,
                request,
            } => write!(
                f,
                "Invalid credential date \"{credential}\". This date is not the same as \
                 X-Amz-Date: \"{request}\"."
            ),
        }
    }
}

impl fmt::Display for CredentialFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str(
                "the Credential is mal-formed; expecting \
                 \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
            ),
            Self::Date(date) => write!(
                f,
                "incorrect date format \"{date}\". This date in the credential must be in the \
                 format \"yyyyMMdd\"."
            ),
            Self::NoRegion => f.write_str("a non-empty region must be provided in the credential."),
            Self::Service { given, expected } => write!(
                f,
                "incorrect service \"{given}\". This endpoint belongs to \"{expected}\"."
            ),
            Self::Terminator(terminator) => write!(
                f,
                "incorrect terminal \"{terminator}\". This endpoint uses \"aws4_request\"."
            ),
        }
    }
}

/// A moment, shown in the basic format.
struct Basic(i64);

impl fmt::Display for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BasicTime::from_epoch(self.0).as_str())
    }
}
