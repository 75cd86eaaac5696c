//! A realm with revocations that are live, and sessions that none of them ends.

use super::{
    Counter, FIRST_ACCOUNT, NOW, account, authenticated, facts, legal, open, reads, role_name,
    session_key, signed,
};
use crate::Outcome;
use http::request::Parts;
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::entity::Entity;
use locum_identity::ids::{AccessKeyId, IdKind, UniqueId};
use locum_identity::names::AccountId;
use locum_identity::port::Record;
use locum_identity::realm::Realm;
use locum_identity::revocation::{Aim, Revocation};
use locum_identity::sts::GetCallerIdentity;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Roles of the realm.
const ROLES: usize = 10;

/// The realm, and a signed request of each of its sessions.
pub struct Revoked {
    realm: Realm,
    requests: Vec<Parts>,
    next: usize,
    facts: RequestFacts,
}

impl Revoked {
    /// A realm with so many live revocations, of every kind that leaves other sessions alone, and so
    /// many sessions of the same account.
    ///
    /// # Errors
    /// When the realm does not accept what it is given.
    pub fn new(live: usize, sessions: usize) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {
            let (realm, key) = open(ROLES, records(live)?).await?;
            let mut requests = Vec::new();
            for session in 0..sessions {
                let key = session_key(&realm, &key, session % ROLES).await?;
                requests.push(signed(&key, "sts")?);
            }
            Ok(Self {
                realm,
                requests,
                next: 0,
                facts: facts(),
            })
        })
    }

    /// Authenticates a request of the next session, calls GetCallerIdentity and decides whether the
    /// session may read an object. Whether all went as it must.
    pub fn request(&mut self) -> bool {
        self.next = (self.next + 1) % self.requests.len().max(1);
        let Some(head) = self.requests.get(self.next) else {
            return false;
        };
        let answered = pin!(async {
            let caller: Caller = authenticated(&self.realm, head, "sts").await.ok()?;
            let call = self.realm.call(&caller, &self.facts, GetCallerIdentity);
            call.await.ok()?;
            Some(reads(&caller, &self.facts))
        });
        // Everything is in memory, and there at once.
        let polled = answered.poll(&mut Context::from_waker(Waker::noop()));
        matches!(polled, Poll::Ready(Some(true)))
    }
}

/// Revocations of the sessions' account, as the store has them: in turn a session, a session name of a
/// role, a source identity, a user and a role, every other one with its chain.
fn records(live: usize) -> Outcome<Vec<Record>> {
    let of = account(FIRST_ACCOUNT)?;
    let entropy = Counter::default();
    let records = (0..live).map(|number| {
        let revocation = Revocation {
            id: format!("rev-{number:017}"),
            account: of,
            aim: aim(number, of, &entropy)?,
            before: (number % 5 != 0).then_some(NOW),
            chain: number % 2 == 0,
            resource: format!("arn:aws:iam::{of}:role/{}", role_name(number)),
            created: NOW,
            expires: NOW + 86_400,
            ordered_by: format!("arn:aws:iam::{of}:root"),
        };
        Ok(Entity::from(revocation).to_record()?)
    });
    records.collect()
}

fn aim(number: usize, of: AccountId, entropy: &Counter) -> Outcome<Aim> {
    let unique = |kind| UniqueId::generate(kind, of, entropy);
    Ok(match number % 5 {
        // Not the ids that the sessions get, which another counter draws.
        0 => Aim::AccessKey(
            AccessKeyId::parse(&format!("ASIAREVOKED{number:09}")).ok_or("no access key id")?,
        ),
        1 => Aim::RoleSession {
            role: unique(IdKind::Role),
            session_name: legal("spark")?,
        },
        2 => Aim::SourceIdentity(legal(&format!("person-{number}"))?),
        3 => Aim::User(unique(IdKind::User)),
        _ => Aim::Role(unique(IdKind::Role)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_amid_revocations() {
        for live in [0, 10, 1000] {
            let mut realm = Revoked::new(live, 3).unwrap();
            assert!((0..7).all(|_| realm.request()));
            let directory = realm.realm.directory();
            let held = directory.revocations().of(account(FIRST_ACCOUNT).unwrap());
            assert_eq!(held.count(), live);
        }
    }
}
