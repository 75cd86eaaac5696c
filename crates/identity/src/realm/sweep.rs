//! What time makes void is taken out of the store.

use super::Realm;
use crate::entity::Change;
use crate::error::Error;
use crate::revocation::Revocations;

/// Revocations that are taken out in one change.
pub(crate) const SWEPT_AT_ONCE: usize = 1000;

impl Realm {
    /// Removes revocations that no session is left for. Does nothing where there are none.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn forget_expired_revocations(&self) -> Result<(), Error> {
        let now = self.environment.clock.now();
        let some = |revocations: &Revocations| revocations.expired(now, 1).next().is_some();
        while some(self.directory.value.load().revocations()) {
            let origin = self.own_origin("ForgetExpiredRevocations");
            self.change_directory_if(&origin, None, |directory, change| {
                sweep(directory.revocations(), now, change);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

/// Adds to a change that expired revocations go, some at a time.
pub(crate) fn sweep(revocations: &Revocations, now: i64, change: &mut Change) {
    for revocation in revocations.expired(now, SWEPT_AT_ONCE) {
        change.delete(crate::entity::Entity::from((**revocation).clone()));
    }
}
