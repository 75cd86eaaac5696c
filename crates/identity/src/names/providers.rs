//! Parameters of identity providers, account aliases and account properties (`iam/2010-05-08`).

use super::{Constrained, Constraint, Illegal, check};
use crate::sealing::Secret;
use std::fmt;

text_type! {
    /// The URL of an OpenID Connect provider as a parameter: 1 to 255 characters. What URL it may be
    /// says [`crate::provider_url::ProviderUrl`].
    ProviderUrlText, (1, 255), "", |_| true
}
text_type! {
    /// An audience of an OpenID Connect provider: 1 to 255 characters.
    ClientId, (1, 255), "", |_| true
}
text_type! {
    /// The SHA-1 thumbprint of a certificate as a parameter: 40 characters.
    Thumbprint, (40, 40), "", |_| true
}
text_type! {
    /// The name of a SAML provider: 1 to 128 of `[\w._-]`.
    SamlProviderName, (1, 128), r"[\w._-]+", |c| c.is_ascii_alphanumeric() || "_.-".contains(c)
}
text_type! {
    /// `SAMLMetadataDocument`: 1000 to 10,000,000 characters.
    SamlMetadataText, (1000, 10_000_000), "", |_| true
}
text_type! {
    /// The id of a SAML provider's private key: 22 to 64 capital letters and digits.
    SamlKeyId, (22, 64), "[A-Z0-9]+", |c| c.is_ascii_uppercase() || c.is_ascii_digit()
}
text_type! {
    /// The name of an account property: 1 to 50 of `[A-Za-z0-9/_-]`, a letter first.
    AccountPropertyKey, |text| {
        let legal = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
        let begins = !text.starts_with(|c: char| !c.is_ascii_alphabetic());
        check(text, (1, 50), "^[A-Za-z][A-Za-z0-9/_-]*$", |c| begins && legal(c))
    }
}
text_type! {
    /// The value of an account property: 1 to 1024 characters.
    AccountPropertyValue, (1, 1024), "", |_| true
}
text_type! {
    /// An account's alias: 3 to 63 lower-case letters, digits and single hyphens inside.
    AccountAliasName, |text| {
        let whole = !text.starts_with('-') && !text.ends_with('-') && !text.contains("--");
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        check(text, (3, 63), "^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", |c| whole && legal(c))
    }
}

/// A private key in PEM as a parameter: 1 to 16384 characters of Latin-1. It does not print.
#[derive(Clone, Debug)]
pub struct SamlPrivateKeyText(Secret);

impl Constrained for SamlPrivateKeyText {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        let legal = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        check(
            text,
            (1, 16_384),
            r"[\u0009\u000A\u000D\u0020-\u00FF]+",
            legal,
        )?;
        Ok(Self(Secret::new(text.to_owned())))
    }
}

impl SamlPrivateKeyText {
    /// The key.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases() {
        let long = "a".repeat(63);
        for legal in ["abc", "a-b", "1-2-3", long.as_str()] {
            assert!(AccountAliasName::parse(legal).is_ok(), "{legal}");
        }
        let too_long = "a".repeat(64);
        for illegal in [
            "", "ab", "-ab", "ab-", "a--b", "Abc", "a_b", "a.b", "äbc", "abc\n", &too_long,
        ] {
            assert!(AccountAliasName::parse(illegal).is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn property_keys() {
        for legal in ["RoleManager/Enabled", "a", "a//b", "a/"] {
            assert!(AccountPropertyKey::parse(legal).is_ok(), "{legal}");
        }
        for illegal in ["", "/a", "1a", "a b", "a.b", "é", &"a".repeat(51)] {
            assert!(AccountPropertyKey::parse(illegal).is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn private_keys_do_not_print() {
        let key = SamlPrivateKeyText::parse("hush").unwrap();
        assert!(!format!("{key:?}").contains("hush"));
    }
}
