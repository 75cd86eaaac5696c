//! Keys and certificates that users upload, read as attackers' input: SSH public keys, X.509
//! certificates with their chains (`locum-federation` reads those), and private keys.
//!
//! Everything here is a pure function of text and time. What could be read in two ways is refused:
//! DER has one encoding for each value, PEM has nothing around its blocks, and an SSH key ends where
//! its numbers end.

mod private_key;
mod ssh;

pub use locum_federation::x509::{Certificate, CertificateFault};
pub use private_key::{UnreadablePrivateKey, private_key_matches};
pub use ssh::{SshEncoding, SshKey, SshKeyFault};

#[cfg(test)]
mod tests;
