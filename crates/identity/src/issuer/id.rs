//! The identifier of an issuer: the UUID in its URL.

use crate::environment::Entropy;
use crate::ids::hyphenated;
use crate::names::{AccountId, Illegal};
use data_encoding::HEXLOWER;
use std::fmt;

/// The identifier of an account's issuer: a UUID of version 8 (RFC 9562), which is 40 bits of account
/// and otherwise chance. It encodes its account, as access key ids do, so that looking one up needs
/// no index. Only its canonical spelling, in lower case, is one: issuers are compared letter by
/// letter.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssuerId {
    text: String,
    account: AccountId,
}

impl IssuerId {
    /// Draws the identifier of an issuer of `account`.
    pub(crate) fn generate(account: AccountId, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        let [_, _, _, number @ ..] = account.number().to_be_bytes();
        for (byte, of_account) in bytes.iter_mut().zip(number) {
            *byte = of_account;
        }
        Self {
            text: hyphenated(bytes, 8),
            account,
        }
    }

    /// The identifier of that spelling; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.replace('-', "");
        let bytes = HEXLOWER.decode(digits.as_bytes()).ok()?;
        let bytes: [u8; 16] = bytes.try_into().ok()?;
        let [a, b, c, d, e, ..] = bytes;
        let account = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        let account = AccountId::from_number(account)?;
        // Dashes, version and variant are right if it is spelled as it would be made.
        (hyphenated(bytes, 8) == text).then(|| Self {
            text: text.to_owned(),
            account,
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose issuer it would be, whether or not there is one.
    pub fn account(&self) -> AccountId {
        self.account
    }
}

impl fmt::Display for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for IssuerId {
    type Error = Illegal;
    fn try_from(text: String) -> Result<Self, Illegal> {
        Self::parse(&text).ok_or(Illegal("IssuerId"))
    }
}

impl From<IssuerId> for String {
    fn from(id: IssuerId) -> String {
        id.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::testing::Counter;

    #[test]
    fn an_issuer_tells_its_account() {
        for number in [0, 1, 123_456_789_012, 999_999_999_999] {
            let account = AccountId::from_number(number).unwrap();
            let id = IssuerId::generate(account, &Counter::default());
            assert_eq!(id.account(), account);
            assert_eq!(IssuerId::parse(id.as_str()), Some(id));
        }
    }

    #[test]
    fn an_issuer_has_one_spelling() {
        let id = "1cbe991a-1412-8def-9abc-def012345678";
        let account = IssuerId::parse(id).unwrap().account();
        assert_eq!(account.as_str(), "123456789012");
        for other in [
            "",
            "1CBE991A-1412-8DEF-9ABC-DEF012345678",
            "1cbe991a14128def9abcdef012345678",
            "1cbe991a1-412-8def-9abc-def012345678",
            "{1cbe991a-1412-8def-9abc-def012345678}",
            "1cbe991a-1412-8def-9abc-def01234567",
            "1cbe991a-1412-8def-9abc-def0123456789",
            // Another version, another variant, and an account of thirteen digits.
            "1cbe991a-1412-4def-9abc-def012345678",
            "1cbe991a-1412-8def-1abc-def012345678",
            "ffffffff-ff12-8def-9abc-def012345678",
            "1cbe991a-1412-8def-9abc-def01234567é",
        ] {
            assert_eq!(IssuerId::parse(other), None, "{other}");
        }
    }
}
