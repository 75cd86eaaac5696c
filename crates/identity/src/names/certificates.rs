//! Keys and certificates as parameters. What they hold is looked at by the operations.

use super::{Constrained, Constraint, Illegal, check};
use crate::sealing::Secret;
use std::fmt;

const TEXT: &str = r"[\u0009\u000A\u000D\u0020-\u00FF]+";

fn is_text(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

text_type! {
    /// `SSHPublicKeyBody`: 1 to 16,384 characters of Latin-1.
    PublicKeyMaterial, (1, 16_384), TEXT, is_text
}
text_type! {
    /// `SSHPublicKeyId`: 20 to 128 of `[\w]`.
    PublicKeyIdText, (20, 128), r"[\w]+", is_word
}
text_type! {
    /// `CertificateBody`: 1 to 16,384 characters of Latin-1.
    CertificateBody, (1, 16_384), TEXT, is_text
}
text_type! {
    /// `CertificateChain`: 1 to 2,097,152 characters of Latin-1.
    CertificateChain, (1, 2_097_152), TEXT, is_text
}
text_type! {
    /// `CertificateId`: 24 to 128 of `[\w]`.
    CertificateIdText, (24, 128), r"[\w]+", is_word
}

/// `PrivateKey`: 1 to 16,384 characters of Latin-1, which do not print.
#[derive(Clone, Debug)]
pub struct PrivateKeyText(Secret);

impl Constrained for PrivateKeyText {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        check(text, (1, 16_384), TEXT, is_text)?;
        Ok(Self(Secret::new(text.to_owned())))
    }
}

impl PrivateKeyText {
    /// The key itself.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}
