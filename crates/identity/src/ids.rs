//! Identifiers: entity ids (`AIDA…`, `AROA…`) and access key ids (`AKIA…`, `ASIA…`).
//!
//! Both encode the account they belong to, the way AWS's access key ids do (a marker bit, 40 bits
//! of account, the rest random, in base32), so that neither needs a global index.

use crate::environment::Entropy;
use crate::names::AccountId;
use std::fmt;

/// What an entity id begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IdKind {
    /// `AIDA`
    User,
    /// `AROA`
    Role,
    /// `AGPA`
    Group,
    /// `ANPA`
    ManagedPolicy,
    /// `AIPA`
    InstanceProfile,
    /// `ASCA`
    ServerCertificate,
    /// `APKA`
    PublicKey,
    /// `ACCA`
    ServiceSpecificCredential,
}

impl IdKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Role => "AROA",
            Self::Group => "AGPA",
            Self::ManagedPolicy => "ANPA",
            Self::InstanceProfile => "AIPA",
            Self::ServerCertificate => "ASCA",
            Self::PublicKey => "APKA",
            Self::ServiceSpecificCredential => "ACCA",
        }
    }
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The unique id of an entity: four letters of kind and 17 of base32. Never used twice.
#[derive(
    Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct UniqueId(String);

impl UniqueId {
    /// Draws an id for an entity of `account`.
    pub fn generate(kind: IdKind, account: AccountId, entropy: &dyn Entropy) -> Self {
        let mut random = [0; 6];
        entropy.fill(&mut random);
        Self::assemble(kind.prefix(), account, random)
    }

    /// Puts an id together from its kind's letters, account and 44 random bits (the low bits of
    /// the first byte's upper half are not used).
    fn assemble(prefix: &str, account: AccountId, random: [u8; 6]) -> Self {
        // 85 bits: marker, 40 bits of account, 44 of chance; shifted to fill 17 letters.
        let chance = random
            .iter()
            .fold(0u64, |n, byte| n << 8 | u64::from(*byte))
            & ((1 << 44) - 1);
        let bits = 1u128 << 84 | u128::from(account.number()) << 44 | u128::from(chance);
        Self(identifier::<17>(prefix, bits))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id of the form of those made here, which has an account in it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::account_of(text).map(|_| Self(text.to_owned()))
    }

    /// An id as the store holds it.
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The account in the id, if `text` has the form of an id made here.
    pub fn account_of(text: &str) -> Option<AccountId> {
        (text.len() == 21).then_some(())?;
        AccountId::from_number(u64::try_from(bits(text.get(4..)?)? >> 44 & ((1 << 40) - 1)).ok()?)
    }

    /// The part that its kind and account do not tell: 44 bits, for a place where every byte counts.
    pub(crate) fn chance(&self) -> Option<[u8; 6]> {
        let bits = bits(self.0.get(4..)?)? & ((1 << 44) - 1);
        let [_, _, bytes @ ..] = u64::try_from(bits).ok()?.to_be_bytes();
        Some(bytes)
    }

    /// The inverse of [`UniqueId::chance`].
    pub(crate) fn from_chance(kind: IdKind, account: AccountId, chance: [u8; 6]) -> Self {
        Self::assemble(kind.prefix(), account, chance)
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An access key id: 20 characters as AWS makes them, or the 16 to 128 an operator chose.
#[derive(
    Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// Draws the id of a long-term key (`AKIA…`).
    pub fn generate_long_term(account: AccountId, entropy: &dyn Entropy) -> Self {
        Self::generate("AKIA", account, entropy)
    }

    /// Draws the id of temporary credentials (`ASIA…`).
    pub fn generate_temporary(account: AccountId, entropy: &dyn Entropy) -> Self {
        Self::generate("ASIA", account, entropy)
    }

    /// Draws the id of a long-term key that belongs to no account: one without the marker, like AWS's
    /// old ones.
    pub(crate) fn generate_without_account(entropy: &dyn Entropy) -> Self {
        let mut random = [0; 10];
        entropy.fill(&mut random);
        let chance = random
            .iter()
            .fold(0u128, |n, byte| n << 8 | u128::from(*byte));
        Self(identifier::<16>("AKIA", chance & ((1 << 79) - 1)))
    }

    fn generate(prefix: &str, account: AccountId, entropy: &dyn Entropy) -> Self {
        let mut random = [0; 5];
        entropy.fill(&mut random);
        let chance = random
            .iter()
            .fold(0u64, |n, byte| n << 8 | u64::from(*byte))
            & ((1 << 39) - 1);
        let bits = 1u128 << 79 | u128::from(account.number()) << 39 | u128::from(chance);
        Self(identifier::<16>(prefix, bits))
    }

    /// A key id of any origin: 16 to 128 of `[A-Za-z0-9_]`.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        ((16..=128).contains(&text.len()) && text.bytes().all(legal)).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The sixteen letters of an id made here (or by AWS), as ten bytes, if it begins with `prefix`.
    pub(crate) fn packed(text: &str, prefix: &str) -> Option<[u8; 10]> {
        Self::account_of(text)?;
        let [_, _, _, _, _, _, bytes @ ..] = bits(text.strip_prefix(prefix)?)?.to_be_bytes();
        Some(bytes)
    }

    /// The inverse of [`AccessKeyId::packed`].
    pub(crate) fn unpacked(prefix: &str, bytes: [u8; 10]) -> Self {
        let bits = bytes
            .iter()
            .fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        Self(identifier::<16>(prefix, bits))
    }

    /// Whether this names temporary credentials.
    pub fn is_temporary(text: &str) -> bool {
        text.starts_with("ASIA")
    }

    /// The account that `text` encodes, if it has the form of an id with an account in it.
    ///
    /// Follows the layout of AWS's key ids (`sts:GetAccessKeyInfo`): the first 48 bits of the 16
    /// letters hold a marker bit, 40 bits of account and 7 others.
    pub fn account_of(text: &str) -> Option<AccountId> {
        (text.len() == 20).then_some(())?;
        let bits = bits(text.get(4..)?)?;
        (bits >> 79 == 1).then_some(())?;
        AccountId::from_number(u64::try_from(bits >> 39 & ((1 << 40) - 1)).ok()?)
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A random UUID (RFC 9562, version 4).
pub fn uuid(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    hyphenated(bytes, 4)
}

/// The text of a UUID with the bits of its version and variant set.
pub(crate) fn hyphenated(mut bytes: [u8; 16], uuid_version: u8) -> String {
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = *version & 0x0f | uuid_version << 4;
    *variant = *variant & 0x3f | 0x80;
    let mut text = data_encoding::HEXLOWER.encode(&bytes);
    for place in [20, 16, 12, 8] {
        text.insert(place, '-');
    }
    text
}

/// `count` random lower-case letters and digits, the stuff of `o-…` and `car-…` ids.
pub(crate) fn lower_case_id(count: usize, entropy: &dyn Entropy) -> String {
    let mut random = vec![0; count];
    entropy.fill(&mut random);
    random
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte & 31)))
        .map(|letter| char::from(letter.to_ascii_lowercase()))
        .collect()
}

/// The prefix, and behind it the lowest `N` × 5 bits as base32 letters.
fn identifier<const N: usize>(prefix: &str, mut bits: u128) -> String {
    let mut letters = [0; N];
    for letter in letters.iter_mut().rev() {
        let place = (bits & 31) as usize;
        *letter = ALPHABET.get(place).copied().unwrap_or_default();
        bits >>= 5;
    }
    let letters = std::str::from_utf8(&letters).unwrap_or_default();
    [prefix, letters].concat()
}

/// The inverse of [`identifier`], without the prefix; `None` if a character is no letter of the alphabet.
fn bits(letters: &str) -> Option<u128> {
    letters.bytes().try_fold(0u128, |bits, letter| {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        Some(bits << 5 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::testing::Counter;
    use crate::names::Constrained as _;

    #[test]
    fn a_key_id_of_aws_tells_its_account() {
        let account = AccessKeyId::account_of("ASIAQNZGKIQY56JQ7WML").map(|a| a.to_string());
        assert_eq!(account.as_deref(), Some("029608264753"));
        assert_eq!(AccessKeyId::account_of("AKIAIOSFODNN7EXAMPLE"), None);
    }

    #[test]
    fn ids_carry_their_account() {
        for number in [0, 1, 123_456_789_012, 999_999_999_999] {
            let account = AccountId::from_number(number).unwrap();
            let entropy = Counter::default();
            let key = AccessKeyId::generate_temporary(account, &entropy);
            assert_eq!(AccessKeyId::account_of(key.as_str()), Some(account));
            assert_eq!(key.as_str().len(), 20);
            let id = UniqueId::generate(IdKind::Role, account, &entropy);
            assert_eq!(UniqueId::account_of(id.as_str()), Some(account));
            assert_eq!(id.as_str().len(), 21);
            let again = UniqueId::from_chance(IdKind::Role, account, id.chance().unwrap());
            assert_eq!(again, id);
        }
    }

    #[test]
    fn a_key_id_packs_into_ten_bytes() {
        let id = "ASIAQNZGKIQY56JQ7WML";
        let bytes = AccessKeyId::packed(id, "ASIA").unwrap();
        assert_eq!(AccessKeyId::unpacked("ASIA", bytes).as_str(), id);
        assert_eq!(AccessKeyId::packed(id, "AKIA"), None);
        // One without an account, and one of an operator's choice.
        assert_eq!(AccessKeyId::packed("AKIAIOSFODNN7EXAMPLE", "AKIA"), None);
        assert_eq!(AccessKeyId::packed("operators_own_key", "AKIA"), None);
    }

    #[test]
    fn a_key_id_of_no_account_tells_none() {
        struct Ones;
        impl Entropy for Ones {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0xff);
            }
        }
        let id = AccessKeyId::generate_without_account(&Ones);
        assert_eq!(id.as_str(), "AKIAP777777777777777");
        assert_eq!(AccessKeyId::account_of(id.as_str()), None);
    }

    #[test]
    fn only_letters_of_the_alphabet() {
        assert_eq!(UniqueId::account_of("AROAQQQQQQQQQQQQQQQQ1"), None);
        assert!(AccountId::parse("1").is_err());
    }
}
