//! Derived signing keys, kept beside the secret they are derived from.

use crate::environment::Entropy;
use crate::sealing::Secret;
use arc_swap::ArcSwapOption;
use locum_sigv4::{Claim, SigningKey, Verified};
use std::sync::Arc;

/// Scopes whose keys are kept: a day's, of the services and regions that one client uses in turn.
const SCOPES: usize = 4;

/// The signing keys of one secret access key for the scopes seen last. Only scopes of verified
/// requests are kept.
#[derive(Default)]
pub(crate) struct SigningKeys(ArcSwapOption<Vec<Derived>>);

#[derive(Clone)]
struct Derived {
    date: Box<str>,
    region: Box<str>,
    service: Box<str>,
    key: SigningKey,
}

impl SigningKeys {
    /// Verifies a claim with the key that `secret` gives for its scope.
    ///
    /// # Errors
    /// Those of [`Claim::verify`].
    pub(crate) fn verify(
        &self,
        secret: &Secret,
        claim: &Claim<'_>,
        body_sha256: Option<&[u8; 32]>,
    ) -> Result<Verified, locum_sigv4::Error> {
        let kept = self.0.load();
        let known = kept.iter().flat_map(|kept| kept.iter()).find(|derived| {
            *derived.date == *claim.date()
                && *derived.service == *claim.service()
                && *derived.region == *claim.region()
        });
        if let Some(derived) = known {
            return claim.verify(&derived.key, body_sha256);
        }
        let (date, region, service) = (claim.date(), claim.region(), claim.service());
        #[cfg(test)]
        work::DONE.set(work::DONE.get() + 1);
        let key = SigningKey::derive(secret.expose(), date, region, service);
        let verified = claim.verify(&key, body_sha256)?;
        let newest = Derived {
            date: date.into(),
            region: region.into(),
            service: service.into(),
            key,
        };
        let older = kept.iter().flat_map(|kept| kept.iter()).cloned();
        let scopes = std::iter::once(newest).chain(older).take(SCOPES).collect();
        self.0.store(Some(Arc::new(scopes)));
        Ok(verified)
    }
}

/// A secret that belongs to nobody. Claims of keys that are not there are verified with it, so that
/// they cost what a wrong secret costs, and their time tells nothing.
pub(crate) struct Decoy(Secret);

impl Decoy {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self(crate::realm::generate_secret(entropy))
    }

    /// Does the work of verifying a claim. Nobody can have signed with this.
    pub(crate) fn verify(&self, claim: &Claim<'_>, body_sha256: Option<&[u8; 32]>) {
        // The outcome is known; only the work is wanted.
        drop(SigningKeys::default().verify(&self.0, claim, body_sha256));
    }
}

/// Counts derivations of signing keys, each of which a verification follows.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::Cell;

    thread_local! {
        pub(crate) static DONE: Cell<usize> = const { Cell::new(0) };
    }
}
