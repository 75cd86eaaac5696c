//! OpenID Connect: tokens (JWT in JWS's compact form, RFC 7519 and RFC 7515), key sets (JWK, RFC 7517) and
//! discovery documents.
//!
//! A [`Token`] that was only parsed tells whose it says it is and which key it names, so that the keys can
//! be looked up. Everything else it says, [`Verified`] has, which comes from [`Token::verify`] only.
//!
//! What is accepted is what AWS STS accepts: RS256, RS384, RS512, ES256, ES384 and ES512. Keys come from the
//! key set alone: what a header says of keys (`jwk`, `jku`, `x5u`, `x5c`) is not even looked at.
//!
//! ```
//! use locum_federation::oidc::{Fault, KeySet, Token};
//!
//! let keys = KeySet::parse(br#"{"keys": []}"#).unwrap();
//! // {"alg":"none"} . {"iss":"https://idp.example"} .
//! let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIn0.";
//! let fault = Token::parse(token).unwrap_err();
//! assert_eq!(fault, Fault::Algorithm("none".to_owned()));
//! # let _ = keys;
//! ```

mod claims;
mod discovery;
mod fault;
mod json;
mod keys;
mod token;

pub use claims::{Audience, TOLERANCE, Verified};
pub use discovery::{Discovery, DiscoveryFault};
pub use fault::{Fault, Part};
pub use json::{Json, JsonFault, Object};
pub use keys::{Algorithm, KeySet, KeySetFault, Unusable};
pub use token::{LONGEST_TOKEN, Token};
