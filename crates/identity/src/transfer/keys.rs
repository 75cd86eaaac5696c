//! Access keys of an import: those that users brought along from elsewhere.

use super::NewKey;
use super::plan::Planner;
use crate::entity::{AccessKey, Change, Entity, EntityKind, KeyAlias, KeyOwner, KeyStatus};
use crate::quotas::AccountQuota;
use locum_sigv4::constant_time_eq;
use std::collections::BTreeMap;

impl Planner<'_> {
    /// Plans the keys; what the realm must know of them goes to its change.
    pub(super) fn keys(&mut self, keys: &[NewKey], realm: &mut Change) {
        let mut owners: BTreeMap<String, (KeyOwner, Vec<&str>)> = BTreeMap::new();
        for key in keys {
            if let Some(user) = self.user_id(&key.user) {
                let owner = KeyOwner::User(user);
                let (_, new) = owners.entry(owner.key()).or_insert((owner, Vec::new()));
                new.push(key.id.as_str());
            }
            self.key(key, realm);
        }
        for (owner, new) in owners.into_values() {
            let kept = self.account.keys_of(&owner);
            let kept = kept.filter(|state| !new.contains(&state.key.id.as_str()));
            let count = kept.count() + new.len();
            self.need(AccountQuota::AccessKeysPerUser, count, None);
        }
    }

    fn key(&mut self, new: &NewKey, realm: &mut Change) {
        let mut reasons = Vec::new();
        let (account, id) = (self.account.id, new.id.as_str());
        self.is_second(EntityKind::AccessKey, id, &mut reasons);
        let state = self.account.keys.get(id);
        let holder = self.directory.account_of_key(id);
        if holder.is_some_and(|other| other != account)
            || self.directory.services().key(id).is_some()
        {
            reasons.push("the access key id is another's".to_owned());
        }
        let owner = self.user_id(&new.user).map(KeyOwner::User);
        let Some(owner) = owner else {
            reasons.push(format!("there is no user `{}`", new.user));
            return self.settle(EntityKind::AccessKey, id, None, None, reasons);
        };
        if state.is_some_and(|state| state.key.owner != owner) {
            reasons.push("the access key is another user's".to_owned());
        }
        // A name that somebody has here may be somebody else's there.
        let is_known = self.account.users.named(&new.user).is_some();
        if is_known && state.is_none() && !self.options.overwrite {
            reasons.push(format!(
                "the user `{}` is there already (--overwrite gives them the key)",
                new.user
            ));
        }
        let status = if new.active {
            KeyStatus::Active
        } else {
            KeyStatus::Inactive
        };
        // The same secret stays as it is sealed.
        let same = state.filter(|state| {
            let known = state.secret.expose().as_bytes();
            constant_time_eq(known, new.secret.expose().as_bytes())
        });
        let sealed = match same {
            Some(state) => Ok(state.key.secret.clone()),
            None => {
                let secret = new.secret.expose().as_bytes();
                self.root_key.seal(id, secret, self.entropy)
            }
        };
        let after = match sealed {
            Ok(secret) => Some(AccessKey {
                id: new.id.clone(),
                owner,
                secret,
                status,
                created: state.map_or(self.now, |state| state.key.created),
            }),
            Err(fault) => {
                reasons.push(fault.to_string());
                None
            }
        };
        if holder != Some(account) {
            realm.put(KeyAlias {
                id: new.id.clone(),
                account,
            });
        }
        let before = state.map(|state| Entity::from(state.key.clone()));
        self.settle(
            EntityKind::AccessKey,
            id,
            before,
            after.map(Entity::from),
            reasons,
        );
    }
}
