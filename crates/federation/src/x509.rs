//! X.509 (RFC 5280): certificates, the chains that lead from them to certificates that somebody trusts,
//! revocation lists, and what a certificate says about whom it names.
//!
//! What could be read in two ways is refused: DER has one encoding for each value, and PEM has nothing
//! around its blocks. Signatures are made with SHA-256 or stronger, by RSA keys of 2048 bits and more or on
//! the curves P-256, P-384 and P-521; there are no others here.

mod certificate;
mod chain;
pub mod der;
mod name;
pub mod pem;
mod revocation;
pub mod rsa;

pub use certificate::{Certificate, CertificateFault, Curve, PublicKey, Serial};
pub use chain::{
    AnchorFault, ChainFault, LONGEST_CHAIN, Path, Requirement, check_anchor, verify_chain,
};
pub use name::{AlternativeNames, Attribute, Name, SYMBOLS};
pub use revocation::{RevocationList, RevocationListFault};

#[cfg(test)]
mod tests;
