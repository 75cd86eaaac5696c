//! Keys and certificates that users upload, read as attackers' input: SSH public keys, X.509
//! certificates with their chains, and private keys.
//!
//! Everything here is a pure function of text and time. What could be read in two ways is refused:
//! DER has one encoding for each value, PEM has nothing around its blocks, and an SSH key ends where
//! its numbers end.

mod certificate;
mod der;
mod pem;
mod private_key;
mod rsa;
mod ssh;

pub use certificate::{Certificate, CertificateFault};
pub use private_key::{UnreadablePrivateKey, private_key_matches};
pub use ssh::{SshEncoding, SshKey, SshKeyFault};

#[cfg(test)]
mod tests;
