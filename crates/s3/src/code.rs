//! S3's error codes: how each is spelled, its status and its usual message ("Error responses",
//! Amazon S3 API Reference).

/// S3's error codes, as far as they are used here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    AccessControlListNotSupported,
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    BadDigest,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    EntityTooLarge,
    EntityTooSmall,
    ExpiredToken,
    IncompleteBody,
    InternalError,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidChunkSizeError,
    InvalidDigest,
    InvalidPart,
    InvalidPartNumber,
    InvalidPartOrder,
    InvalidRange,
    InvalidRequest,
    InvalidStorageClass,
    InvalidToken,
    InvalidURI,
    MalformedPolicy,
    MalformedTrailerError,
    MalformedXML,
    MaxMessageLengthExceeded,
    MetadataTooLarge,
    MethodNotAllowed,
    MissingContentLength,
    NoSuchBucket,
    NoSuchBucketPolicy,
    NoSuchKey,
    NoSuchUpload,
    NotImplemented,
    NotModified,
    PreconditionFailed,
    RequestTimeTooSkewed,
    ServiceUnavailable,
    SignatureDoesNotMatch,
    SlowDown,
    XAmzContentSHA256Mismatch,
}

impl Code {
    /// The code as it is spelled, its status, and the message it has where no other is given.
    pub(crate) fn spell(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::AccessControlListNotSupported => (
                "AccessControlListNotSupported",
                400,
                "The bucket does not allow ACLs",
            ),
            Self::AccessDenied => ("AccessDenied", 403, "Access Denied"),
            Self::AuthorizationHeaderMalformed => (
                "AuthorizationHeaderMalformed",
                400,
                "The authorization header you provided is invalid.",
            ),
            Self::AuthorizationQueryParametersError => (
                "AuthorizationQueryParametersError",
                400,
                "The authorization query parameters that you provided are not valid.",
            ),
            Self::BadDigest => (
                "BadDigest",
                400,
                "The Content-MD5 you specified did not match what we received.",
            ),
            Self::BucketAlreadyExists => (
                "BucketAlreadyExists",
                409,
                "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                 system. Please select a different name and try again.",
            ),
            Self::BucketAlreadyOwnedByYou => (
                "BucketAlreadyOwnedByYou",
                409,
                "Your previous request to create the named bucket succeeded and you already own it.",
            ),
            Self::BucketNotEmpty => (
                "BucketNotEmpty",
                409,
                "The bucket you tried to delete is not empty",
            ),
            Self::EntityTooLarge => (
                "EntityTooLarge",
                400,
                "Your proposed upload exceeds the maximum allowed size",
            ),
            Self::EntityTooSmall => (
                "EntityTooSmall",
                400,
                "Your proposed upload is smaller than the minimum allowed size",
            ),
            Self::ExpiredToken => ("ExpiredToken", 400, "The provided token has expired."),
            Self::IncompleteBody => (
                "IncompleteBody",
                400,
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            ),
            Self::InternalError => (
                "InternalError",
                500,
                "We encountered an internal error. Please try again.",
            ),
            Self::InvalidAccessKeyId => (
                "InvalidAccessKeyId",
                403,
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Self::InvalidArgument => ("InvalidArgument", 400, "Invalid Argument"),
            Self::InvalidChunkSizeError => (
                "InvalidChunkSizeError",
                403,
                "Only the last chunk is allowed to have a size less than 8192 bytes",
            ),
            Self::InvalidDigest => (
                "InvalidDigest",
                400,
                "The Content-MD5 you specified was invalid.",
            ),
            Self::InvalidPart => (
                "InvalidPart",
                400,
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or \
                 the specified entity tag may not match the part's entity tag.",
            ),
            Self::InvalidPartNumber => (
                "InvalidPartNumber",
                416,
                "The requested partnumber is not satisfiable",
            ),
            Self::InvalidPartOrder => (
                "InvalidPartOrder",
                400,
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            ),
            Self::InvalidRange => (
                "InvalidRange",
                416,
                "The requested range is not satisfiable",
            ),
            Self::InvalidRequest => ("InvalidRequest", 400, "Invalid Request"),
            Self::InvalidStorageClass => (
                "InvalidStorageClass",
                400,
                "The storage class you specified is not valid",
            ),
            Self::InvalidToken => (
                "InvalidToken",
                400,
                "The provided token is malformed or otherwise invalid.",
            ),
            Self::InvalidURI => ("InvalidURI", 400, "Couldn't parse the specified URI."),
            Self::MalformedPolicy => (
                "MalformedPolicy",
                400,
                "Policies must be valid JSON and the first byte must be '{'",
            ),
            Self::MalformedTrailerError => (
                "MalformedTrailerError",
                400,
                "The request contained trailing data that was not well-formed or did not conform to our published schema.",
            ),
            Self::MalformedXML => (
                "MalformedXML",
                400,
                "The XML you provided was not well-formed or did not validate against our published schema",
            ),
            Self::MaxMessageLengthExceeded => {
                ("MaxMessageLengthExceeded", 400, "Your request was too big.")
            }
            Self::MetadataTooLarge => (
                "MetadataTooLarge",
                400,
                "Your metadata headers exceed the maximum allowed metadata size",
            ),
            Self::MethodNotAllowed => (
                "MethodNotAllowed",
                405,
                "The specified method is not allowed against this resource.",
            ),
            Self::MissingContentLength => (
                "MissingContentLength",
                411,
                "You must provide the Content-Length HTTP header.",
            ),
            Self::NoSuchBucket => ("NoSuchBucket", 404, "The specified bucket does not exist"),
            Self::NoSuchBucketPolicy => (
                "NoSuchBucketPolicy",
                404,
                "The bucket policy does not exist",
            ),
            Self::NoSuchKey => ("NoSuchKey", 404, "The specified key does not exist."),
            Self::NoSuchUpload => (
                "NoSuchUpload",
                404,
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                 aborted or completed.",
            ),
            Self::NotImplemented => (
                "NotImplemented",
                501,
                "A header you provided implies functionality that is not implemented",
            ),
            Self::NotModified => ("NotModified", 304, "Not Modified"),
            Self::PreconditionFailed => (
                "PreconditionFailed",
                412,
                "At least one of the pre-conditions you specified did not hold",
            ),
            Self::RequestTimeTooSkewed => (
                "RequestTimeTooSkewed",
                403,
                "The difference between the request time and the current time is too large.",
            ),
            Self::ServiceUnavailable => (
                "ServiceUnavailable",
                503,
                "Service is unable to handle request.",
            ),
            Self::SlowDown => ("SlowDown", 503, "Please reduce your request rate."),
            Self::SignatureDoesNotMatch => (
                "SignatureDoesNotMatch",
                403,
                "The request signature we calculated does not match the signature you provided. Check your key and \
                 signing method.",
            ),
            Self::XAmzContentSHA256Mismatch => (
                "XAmzContentSHA256Mismatch",
                400,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
        }
    }
}
