//! Everything S3 answers instead of an output: code, status, message, and the elements that S3's
//! error document has besides ("Error responses", Amazon S3 API Reference).

pub(crate) use crate::code::Code;
use crate::disk;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use locum_identity::environment::timestamp;
use locum_identity::error::{Denied, Error};
use locum_sigv4::{ChunkError, S3Error as Refused};
use std::borrow::Cow;
use std::fmt::Write as _;

/// An answer that is not an output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault(Box<Details>);

/// What a [`Fault`] says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Details {
    /// `Code`
    pub(crate) code: Cow<'static, str>,
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// `Message`
    pub(crate) message: Cow<'static, str>,
    /// Further elements.
    pub(crate) extra: Vec<(&'static str, String)>,
    /// Further headers.
    pub(crate) headers: HeaderMap,
    /// What went wrong inside. For our log; the client does not see it.
    pub(crate) cause: Option<String>,
    /// The decision that refused the request.
    pub(crate) refused: Option<Box<Denied>>,
}

impl std::ops::Deref for Fault {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        let (code, status, message) = code.spell();
        Self(Box::new(Details {
            code: Cow::Borrowed(code),
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            message: Cow::Borrowed(message),
            extra: Vec::new(),
            headers: HeaderMap::new(),
            cause: None,
            refused: None,
        }))
    }
}

impl Fault {
    /// A code with a message of its own.
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let mut fault = Self::from(code);
        fault.0.message = message.into();
        fault
    }

    /// Adds what went wrong inside.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// An `InvalidArgument`.
    pub(crate) fn argument(message: impl Into<Cow<'static, str>>, name: &str, value: &str) -> Self {
        Self::new(Code::InvalidArgument, message)
            .with("ArgumentName", name)
            .with("ArgumentValue", value)
    }

    /// A header that asks for what is not there.
    pub(crate) fn unsupported_header(name: &str) -> Self {
        Self::from(Code::NotImplemented).with("Header", name)
    }

    /// A failure of ours.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        Self::from(Code::InternalError).because(cause)
    }

    /// An error that the S3 codec made by itself.
    pub(crate) fn foreign(code: String, status: StatusCode, message: Option<String>) -> Self {
        let message = match message {
            Some(message) => Cow::Owned(message),
            None => Cow::Borrowed(match code.as_str() {
                "InvalidBucketName" => "The specified bucket is not valid.",
                "KeyTooLongError" => "Your key is too long",
                "InvalidURI" => "Couldn't parse the specified URI.",
                "MalformedXML" => Code::MalformedXML.spell().2,
                "MissingContentLength" => Code::MissingContentLength.spell().2,
                "MaxMessageLengthExceeded" => Code::MaxMessageLengthExceeded.spell().2,
                "IncompleteBody" => Code::IncompleteBody.spell().2,
                "MethodNotAllowed" => Code::MethodNotAllowed.spell().2,
                "InternalError" => Code::InternalError.spell().2,
                _ => "The request is not valid.",
            }),
        };
        let mut fault = Self::new(Code::InternalError, message);
        fault.0.code = Cow::Owned(code);
        fault.0.status = status;
        fault
    }

    /// Adds an element.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.extra.push((name, value.into()));
        self
    }

    /// Adds a header, if it can be one.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.insert(name, value);
        }
        self
    }

    /// S3's error document.
    pub(crate) fn document(&self, request_id: &str, host_id: &str) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        let elements = [("Code", &*self.code), ("Message", &*self.message)]
            .into_iter()
            .chain(
                self.extra
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            )
            .chain([("RequestId", request_id), ("HostId", host_id)]);
        for (name, value) in elements {
            // Writing to a string does not fail.
            let _ = write!(xml, "<{name}>{}</{name}>", Escaped(value));
        }
        xml.push_str("</Error>");
        xml
    }

    /// An identity error in S3's form. `key` is the access key id that the request names.
    pub(crate) fn of_identity(error: &Error, key: Option<&str>) -> Self {
        match error {
            Error::Signature(error) => Self::of_signature(error, key),
            Error::InvalidClientTokenId => {
                let fault = Self::from(Code::InvalidAccessKeyId);
                match key {
                    Some(key) => fault.with("AWSAccessKeyId", key),
                    None => fault,
                }
            }
            Error::InvalidSessionToken => Self::from(Code::InvalidToken),
            Error::ExpiredToken => Self::from(Code::ExpiredToken),
            Error::AccessDenied(denied) => {
                let mut fault = Self::new(Code::AccessDenied, access_denied(denied));
                if let Some(encoded) = &denied.encoded {
                    fault = fault.with("EncodedAuthorizationMessage", encoded);
                }
                fault.0.refused = Some(Box::new(denied.clone()));
                fault
            }
            Error::NoSuchBucket => Self::from(Code::NoSuchBucket),
            // S3 has the principal beside the message.
            Error::MalformedPolicyDocument(text) => {
                match text.split_once("Invalid principal in policy: ") {
                    Some(("", principal)) => {
                        Self::new(Code::MalformedPolicy, "Invalid principal in policy")
                            .with("Detail", principal)
                    }
                    _ => Self::new(Code::MalformedPolicy, text.clone()),
                }
            }
            Error::Throttled => Self::from(Code::SlowDown),
            Error::ServiceUnavailable(source) => {
                Self::from(Code::ServiceUnavailable).because(source)
            }
            // No other error comes of authenticating, authorizing and keeping buckets.
            other => match std::error::Error::source(other) {
                Some(source) => Self::internal(source),
                None => Self::internal(other),
            },
        }
    }

    /// A signature error in S3's form.
    fn of_signature(error: &locum_sigv4::Error, key: Option<&str>) -> Self {
        use locum_sigv4::Error as E;
        match error {
            E::MalformedTarget | E::MalformedQuery(_) => Self::from(Code::InvalidURI),
            E::SignatureDoesNotMatch {
                canonical_request,
                string_to_sign,
                signature_provided,
            } => Self::from(Code::SignatureDoesNotMatch)
                .with("AWSAccessKeyId", key.unwrap_or_default())
                .with("StringToSign", string_to_sign)
                .with("SignatureProvided", signature_provided)
                .with("StringToSignBytes", bytes(string_to_sign))
                .with("CanonicalRequest", canonical_request)
                .with("CanonicalRequestBytes", bytes(canonical_request)),
            E::S3(error) => Self::of_refused(error),
            E::BodyNotHashed => Self::internal(error),
            E::MissingAuthenticationToken => Self::from(Code::AccessDenied),
            // The rest is what other services say; S3 says it as `S3Error`s.
            other => Self::new(Code::AccessDenied, other.to_string()),
        }
    }

    fn of_refused(error: &Refused) -> Self {
        let text = error.to_string();
        match error {
            Refused::TwoMechanisms { authorization } => Self::argument(
                text,
                "Authorization",
                authorization.as_deref().unwrap_or_default(),
            ),
            Refused::OneSpaceRequired { authorization }
            | Refused::UnsupportedAuthorizationType { authorization } => {
                Self::argument(text, "Authorization", authorization)
            }
            Refused::UnsupportedMechanism | Refused::MissingContentSha256 => {
                Self::new(Code::InvalidRequest, text)
            }
            Refused::InvalidContentSha256 { given } => {
                Self::argument(text, "x-amz-content-sha256", given)
            }
            Refused::ContentSha256Mismatch { declared, computed } => {
                Self::content_sha256(declared, computed)
            }
            Refused::MissingDecodedContentLength => Self::new(Code::MissingContentLength, text),
            Refused::MalformedTrailer => Self::new(Code::MalformedTrailerError, text),
            Refused::RequestTimeTooSkewed {
                request_time,
                server_time,
            } => Self::new(Code::RequestTimeTooSkewed, text)
                .with("RequestTime", request_time)
                .with("ServerTime", timestamp(*server_time))
                .with("MaxAllowedSkewMilliseconds", "900000"),
            Refused::AuthorizationHeaderMalformed(_) => {
                Self::new(Code::AuthorizationHeaderMalformed, text)
            }
            Refused::AuthorizationQueryParameters(_) => {
                Self::new(Code::AuthorizationQueryParametersError, text)
            }
            Refused::NotYetValid {
                date,
                expires,
                server_time,
            } => Self::new(Code::AccessDenied, text)
                .with("X-Amz-Date", timestamp(*date))
                .with("Expires", timestamp(*expires))
                .with("ServerTime", timestamp(*server_time)),
            Refused::RequestExpired {
                lifetime,
                expires,
                server_time,
            } => Self::new(Code::AccessDenied, text)
                .with("X-Amz-Expires", lifetime.to_string())
                .with("Expires", timestamp(*expires))
                .with("ServerTime", timestamp(*server_time)),
            Refused::HeadersNotSigned { headers } => {
                Self::new(Code::AccessDenied, text).with("HeadersNotSigned", headers)
            }
            // `MissingDate`, and whatever may be added: a doubt is a denial.
            _ => Self::new(Code::AccessDenied, text),
        }
    }

    /// A body that has not the declared hash; both in hexadecimal.
    pub(crate) fn content_sha256(declared: &str, computed: &str) -> Self {
        Self::from(Code::XAmzContentSHA256Mismatch)
            .with("ClientComputedContentSHA256", declared)
            .with("S3ComputedContentSHA256", computed)
    }

    /// An error of the object store; `key` is the object's.
    pub(crate) fn of_store(error: disk::Error, key: &str) -> Self {
        use disk::Error as E;
        match error {
            E::NoSuchBucket => Self::from(Code::NoSuchBucket),
            E::NoSuchKey => Self::from(Code::NoSuchKey).with("Key", key),
            E::NoSuchUpload => Self::from(Code::NoSuchUpload),
            E::BucketNotEmpty => Self::from(Code::BucketNotEmpty),
            E::PreconditionFailed => Self::from(Code::PreconditionFailed),
            E::InvalidPart => Self::from(Code::InvalidPart),
            E::InvalidPartOrder => Self::from(Code::InvalidPartOrder),
            E::EntityTooSmall { part, etag, size } => Self::from(Code::EntityTooSmall)
                .with("ProposedSize", size.to_string())
                .with("MinSizeAllowed", disk::MIN_PART.to_string())
                .with("PartNumber", part.to_string())
                .with("ETag", etag),
            E::BadDigest => Self::new(
                Code::BadDigest,
                "The checksum or size you specified did not match that of the object.",
            ),
            E::Unavailable(source) => Self::from(Code::ServiceUnavailable).because(source),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::of_identity(&error, None)
    }
}

impl From<ChunkError> for Fault {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::SignatureDoesNotMatch => Self::from(Code::SignatureDoesNotMatch),
            ChunkError::ChunkTooSmall => Self::from(Code::InvalidChunkSizeError),
            ChunkError::DecodedLength | ChunkError::Incomplete => Self::from(Code::IncompleteBody),
            ChunkError::MalformedTrailer => Self::from(Code::MalformedTrailerError),
            // `Malformed` and `TrailingData`.
            _ => Self::new(
                Code::InvalidRequest,
                "The chunked encoding of the request body is not well-formed.",
            ),
        }
    }
}

/// The AccessDenied message as S3 has it: the resource in quotes, and nothing for the anonymous.
pub fn access_denied(denied: &Denied) -> String {
    let Denied {
        principal,
        action,
        resource,
        denial,
        encoded: _,
    } = denied;
    let Some(principal) = principal else {
        return "Access Denied".to_owned();
    };
    let reason = denial
        .as_ref()
        .map(|denial| format!(" {}", denial.reason(action)))
        .unwrap_or_default();
    format!(
        "User: {principal} is not authorized to perform: {action} on resource: \"{resource}\"{reason}"
    )
}

/// The bytes of a text as S3 prints them.
fn bytes(text: &str) -> String {
    text.bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Text in an XML element.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\n' | '\t' => formatter.write_char(character)?,
                control if control.is_control() => {
                    write!(formatter, "&#x{:x};", u32::from(control))?;
                }
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_document() {
        let fault = Fault::from(Code::NoSuchKey).with("Key", "a<b>&\"c\"\u{1}");
        assert_eq!(
            fault.document("REQUEST", "HOST"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does \
             not exist.</Message><Key>a&lt;b&gt;&amp;&quot;c&quot;&#x1;</Key><RequestId>REQUEST</RequestId>\
             <HostId>HOST</HostId></Error>"
        );
    }

    #[test]
    fn the_sentence_quotes_the_resource() {
        let denied = Denied {
            principal: Some("arn:aws:iam::123456789012:user/bob".into()),
            action: "s3:GetObject".into(),
            resource: "arn:aws:s3:::b/k".into(),
            denial: None,
            encoded: None,
        };
        assert_eq!(
            access_denied(&denied),
            "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: s3:GetObject on resource: \
             \"arn:aws:s3:::b/k\""
        );
        assert_eq!(
            access_denied(&Denied {
                principal: None,
                ..denied
            }),
            "Access Denied"
        );
    }

    #[test]
    fn signature_errors_carry_what_was_signed() {
        let error = locum_sigv4::Error::SignatureDoesNotMatch {
            canonical_request: "GET".into(),
            string_to_sign: "AB".into(),
            signature_provided: "ff".into(),
        };
        let fault = Fault::of_identity(&Error::Signature(error), Some("AKIA"));
        assert_eq!(
            (&*fault.code, fault.status.as_u16()),
            ("SignatureDoesNotMatch", 403)
        );
        let expected = [
            ("AWSAccessKeyId", "AKIA"),
            ("StringToSign", "AB"),
            ("SignatureProvided", "ff"),
            ("StringToSignBytes", "41 42"),
            ("CanonicalRequest", "GET"),
            ("CanonicalRequestBytes", "47 45 54"),
        ];
        assert_eq!(
            fault
                .extra
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
    }
}
