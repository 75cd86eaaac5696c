//! AWS Signature Version 4: verifying and making signatures.
//!
//! Everything here is pure: a request's head, the time, a key and a hash of the body go in, an
//! answer comes out. There is no clock, no network and no key store.
//!
//! ```
//! use locum_sigv4::{Claim, Credentials, Dialect, Scope, SignPayload, sha256, sign};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let body = b"Action=GetCallerIdentity&Version=2011-06-15";
//! let now = 1_440_938_160;
//!
//! // A client signs a request...
//! let (mut head, ()) = http::Request::post("https://sts.example.com/").body(())?.into_parts();
//! let credentials = Credentials {
//!     access_key_id: "AKIDEXAMPLE",
//!     secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
//!     session_token: None,
//! };
//! let scope = Scope { dialect: Dialect::General, region: "us-east-1", service: "sts" };
//! sign(&mut head, &credentials, &scope, now, SignPayload::Body(body))?;
//!
//! // ...and a server verifies it.
//! let claim = Claim::parse(&head, Dialect::General)?.ok_or("not signed")?;
//! claim.check(now + 5, "sts")?;
//! assert_eq!(claim.access_key_id(), "AKIDEXAMPLE"); // Look its secret up, and then:
//! let key = claim.signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
//! claim.verify(&key, Some(&sha256(body)))?;
//! # Ok(())
//! # }
//! ```
//!
//! What is verified is the request as it was received: the path and the query are taken raw from
//! the request target, headers in their order with their duplicates. Work and memory are bounded
//! by the size of the head, which it is the HTTP server's part to limit.

mod canonical;
mod check;
mod chunk;
mod claim;
mod credential;
mod error;
mod key;
mod payload;
mod sign;
mod text;
mod time;
mod x509;

pub use chunk::{ChunkDecoder, ChunkEncoder, ChunkError, Trailers};
pub use claim::{Claim, NotCovered, Verified, claimed_credential};
pub use error::{
    CredentialFault, Error, EscapeFault, HeaderFault, Missing, QueryFault, S3Error, ScopeFault,
};
pub use key::{Sha256, SigningKey, constant_time_eq, sha256};
pub use payload::Payload;
pub use sign::{Credentials, Scope, SignError, SignPayload, Signed, presign, sign};
pub use x509::{MAX_CHAIN, X509Algorithm, X509Claim, X509Error};

/// The one algorithm there is for access keys.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far the clocks of client and server may be apart, in seconds.
pub const MAX_SKEW: i64 = 15 * 60;

/// The longest life of a presigned request to S3, in seconds.
pub const MAX_EXPIRES: i64 = 7 * 24 * 60 * 60;

/// Which family of services reads the signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// All services but S3: paths are normalised and encoded twice, the body's hash is computed
    /// and never believed, and a presigned request is good for fifteen minutes.
    General,
    /// S3: keys are taken literally, `x-amz-content-sha256` is required in signed headers,
    /// presigned requests live as long as `X-Amz-Expires` says, and every `x-amz-*` header must be
    /// signed.
    S3,
}
