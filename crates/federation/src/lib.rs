//! Identities of others, verified: what an OpenID Connect token, a SAML 2.0 response or an X.509
//! certificate says, once its signature was checked under keys that the caller trusts.
//!
//! Pure: keys, times and revocation lists are arguments. Nothing here fetches, stores or knows who may do
//! what.

pub mod oidc;
mod quote;
pub mod saml;
pub mod x509;
