//! Accounts as OpenID issuers: what GetWebIdentityToken signs with, and what relying parties verify
//! by.
//!
//! Each account has an issuer and keys of its own. So a token of one account does not verify by the
//! keys of another, even for a relying party that forgets to compare issuers.
//!
//! A key is published before it signs, and stays published as long as a token that it signed can
//! live. Its times tell all of that; nothing but the clock moves a key from one stage to the next.

use crate::entity::{Issuer, IssuerKey};
use crate::environment::{Entropy, Seconds};
use crate::names::AccountId;
use crate::sealing::{RootKey, Unsealable};
use serde::Serialize;

mod fault;
mod id;
mod keys;
mod public_url;

pub use fault::OutboundFault;
pub use id::IssuerId;
pub use keys::{Algorithm, KeyFault, KeyMaker, Making, OnTheSpot, PrivateKey, PublicKey};
pub use public_url::{NoPublicUrl, PublicUrl};

use keys::Signer;

/// Where issuers are below the server's public URL.
pub const ISSUERS_PATH: &str = "/_locum/oidc/";
/// The longest life of a token: the greatest `DurationSeconds`.
pub const LONGEST_TOKEN: Seconds = 3600;
/// How much longer a key stays published than its last token lives, for relying parties whose clocks
/// are behind.
pub const CLOCK_TOLERANCE: Seconds = 300;
/// For how long a key signs.
pub const KEY_SIGNS_FOR: Seconds = 90 * 86_400;
/// How long a key is published before it signs. It must be longer than relying parties keep keys.
pub const PUBLISHED_AHEAD: Seconds = 86_400;

/// An issuer in memory, with its keys ready to sign.
#[derive(Debug)]
pub struct IssuerState {
    /// The entity.
    pub issuer: Issuer,
    signers: Vec<Signer>,
}

/// What a key does at some time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyStage {
    /// It is published, and signs from its time on.
    Waits,
    /// It signs.
    Signs,
    /// Its successor signs; what it signed may be valid until then.
    Fades(Seconds),
}

/// A key that relying parties may meet.
#[derive(Clone, Copy, Debug)]
pub struct PublishedKey<'a> {
    /// What it is and when it signs.
    pub key: &'a IssuerKey,
    /// What it verifies with.
    pub public: &'a PublicKey,
    /// What it does now.
    pub stage: KeyStage,
}

impl IssuerState {
    /// Opens the keys of an issuer of `account`.
    ///
    /// # Errors
    /// [`KeyFault`], if one of them does not open.
    pub(crate) fn open(
        issuer: &Issuer,
        account: AccountId,
        root_key: &RootKey,
    ) -> Result<Self, KeyFault> {
        let open = |key: &IssuerKey| {
            let bytes = root_key.open(&purpose(account, &key.kid()), &key.key);
            Signer::open(key.algorithm, &bytes.map_err(|_| KeyFault)?)
        };
        Ok(Self {
            signers: issuer.keys.iter().map(open).collect::<Result<_, _>>()?,
            issuer: issuer.clone(),
        })
    }

    /// The keys that tokens which are valid `now`, or soon will be, can be signed by.
    pub fn published(&self, now: Seconds) -> impl Iterator<Item = PublishedKey<'_>> {
        let keys = self.issuer.keys.iter().zip(&self.signers);
        keys.filter(move |(key, _)| self.issuer.publishes(key, now))
            .map(move |(key, signer)| PublishedKey {
                key,
                public: &signer.public,
                stage: self.issuer.stage(key, now),
            })
    }

    /// Signs claims: a JWS in compact form (RFC 7515).
    ///
    /// # Errors
    /// [`KeyFault`], if there is no key for the algorithm, or it fails.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        claims: &[u8],
        now: Seconds,
    ) -> Result<String, KeyFault> {
        let kid = self.issuer.signing(algorithm, now).ok_or(KeyFault)?.kid();
        let mut keys = self.issuer.keys.iter().zip(&self.signers);
        let (_, signer) = keys.find(|(key, _)| key.kid() == kid).ok_or(KeyFault)?;
        let header = Header {
            alg: algorithm.name(),
            kid: &kid,
            typ: "JWT",
        };
        let header = serde_json::to_vec(&header).map_err(|_| KeyFault)?;
        let mut token = base64url(&header);
        token.push('.');
        token.push_str(&base64url(claims));
        let signature = signer.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&base64url(&signature));
        Ok(token)
    }
}

impl Issuer {
    /// The keys of an algorithm, oldest first.
    fn of(&self, algorithm: Algorithm) -> impl DoubleEndedIterator<Item = &IssuerKey> {
        let keys = self.keys.iter();
        keys.filter(move |key| key.algorithm == algorithm)
    }

    /// The key that signs: the newest whose time has come. Where a clock stepped back behind all of
    /// them, the oldest.
    fn signing(&self, algorithm: Algorithm, now: Seconds) -> Option<&IssuerKey> {
        let mut newest_first = self.of(algorithm).rev();
        newest_first
            .find(|key| key.signs_from <= now)
            .or_else(|| self.of(algorithm).next())
    }

    /// Whether a key signs, will sign, or signed something that may still be valid.
    fn publishes(&self, key: &IssuerKey, now: Seconds) -> bool {
        self.needed_until(key).is_none_or(|until| now < until)
    }

    /// Until when something may be valid that the key signed; `None` for the newest.
    fn needed_until(&self, key: &IssuerKey) -> Option<Seconds> {
        let mut newer = self.of(key.algorithm);
        let successor = newer.find(|other| other.number > key.number)?;
        Some(successor.signs_from + LONGEST_TOKEN + CLOCK_TOLERANCE)
    }

    fn stage(&self, key: &IssuerKey, now: Seconds) -> KeyStage {
        let signing = self.signing(key.algorithm, now).map(|key| key.number);
        match (signing, self.needed_until(key)) {
            (Some(number), _) if number == key.number => KeyStage::Signs,
            (Some(number), Some(until)) if number > key.number => KeyStage::Fades(until),
            _ => KeyStage::Waits,
        }
    }

    /// The algorithms whose next key is to be published by now.
    pub(crate) fn due(&self, now: Seconds) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| {
            let newest = self.of(*algorithm).next_back();
            newest.is_none_or(|key| key.signs_from + KEY_SIGNS_FOR - PUBLISHED_AHEAD <= now)
        })
    }

    /// The algorithms that a rotation now makes keys for: those whose newest key signs already.
    /// Where the next key waits for its time, the rotation is under way.
    pub(crate) fn rotatable(&self, now: Seconds) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| {
            let newest = self.of(*algorithm).next_back();
            newest.is_none_or(|key| key.signs_from <= now)
        })
    }

    /// Takes a new key in, which signs from `signs_from` on, and drops those that nothing valid can
    /// be signed by.
    ///
    /// # Errors
    /// [`Unsealable`]
    pub(crate) fn add(
        &mut self,
        fresh: &Fresh,
        now: Seconds,
        signs_from: Seconds,
        (root_key, entropy): (&RootKey, &dyn Entropy),
    ) -> Result<(), Unsealable> {
        let Fresh { algorithm, private } = fresh;
        let number = match self.of(*algorithm).next_back() {
            Some(newest) => newest.number + 1,
            None => 0,
        };
        let kid = algorithm.kid(number);
        let key = IssuerKey {
            algorithm: *algorithm,
            number,
            created: now,
            signs_from,
            key: root_key.seal(&purpose(self.id.account(), &kid), private.bytes(), entropy)?,
        };
        self.keys.push(key);
        let all = self.clone();
        self.keys.retain(|key| all.publishes(key, now));
        Ok(())
    }

    /// Drops every key of an algorithm but the newest: what others signed verifies no longer.
    pub(crate) fn withdraw(&mut self, algorithm: Algorithm) {
        let newest = self.of(algorithm).next_back().map(|key| key.number);
        self.keys
            .retain(|key| key.algorithm != algorithm || Some(key.number) == newest);
    }
}

impl IssuerKey {
    /// The name of the key in tokens: `RSA_0`, `EC384_0`, counting up.
    pub fn kid(&self) -> String {
        self.algorithm.kid(self.number)
    }
}

/// A key that is not an issuer's yet.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) algorithm: Algorithm,
    pub(crate) private: PrivateKey,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

fn base64url(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

/// What a key is sealed for.
fn purpose(account: AccountId, kid: &str) -> String {
    format!("issuer-key/{account}/{kid}")
}

#[cfg(test)]
mod tests;
