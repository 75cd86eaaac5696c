//! SAML 2.0: what an identity provider's metadata says, and what its responses say to who trusts it.
//!
//! Of SAML this reads one small profile, that of web browser single sign-on with its own verifier, because
//! whatever broke elsewhere had one root: what was verified and what was read were not the same. Here a text is
//! parsed once; the elements whose signature was verified are the elements that are read; and an [`Assertion`],
//! the only type with claims, is made by [`SamlTrust::verify`] alone.

mod assertion;
mod c14n;
mod decrypt;
mod fault;
mod keys;
mod metadata;
mod response;
mod signature;
mod time;
mod xml;

pub use assertion::Assertion;
pub use fault::SamlFault;
pub use metadata::{MetadataFault, SamlMetadata, SingleSignOn};
pub use response::{SamlRules, SamlTrust, mentioned_providers};
pub use signature::SignatureFault;
pub use xml::XmlFault;
