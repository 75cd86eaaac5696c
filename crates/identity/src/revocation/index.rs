//! The live revocations of a realm, so that a session is compared with all of them by a few look-ups.

use super::{Aim, Revocation};
use crate::entity::{Change, Damaged, Entity, EntityKind};
use crate::environment::Seconds;
use crate::ids::{AccessKeyId, UniqueId};
use crate::names::{
    AccountId, Constrained as _, FederatedUserName, RoleSessionName, SourceIdentity,
};
use crate::session::{LongTerm, LongTermPrincipal, Session, SessionFederation, SessionPrincipal};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// All revocations of a realm, by account. A value never changes; its generation tells
/// one from another.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    accounts: Arc<HashMap<AccountId, Arc<OfAccount>>>,
    generation: u64,
}

/// Sessions issued before these moments are over; 0 is never.
#[derive(Clone, Copy, Debug, Default)]
struct Floors {
    /// The session itself.
    itself: Seconds,
    /// What descends from it.
    chain: Seconds,
}

/// Whether a session is looked at for its own sake or as an ancestor, or across accounts: then only
/// what was revoked with its chain counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reach {
    Itself,
    Chain,
}

impl Floors {
    fn raise(&mut self, revocation: &Revocation) {
        let before = revocation.before.unwrap_or(Seconds::MAX);
        self.itself = self.itself.max(before);
        if revocation.chain {
            self.chain = self.chain.max(before);
        }
    }

    fn of(self, reach: Reach) -> Seconds {
        match reach {
            Reach::Itself => self.itself,
            Reach::Chain => self.chain,
        }
    }
}

/// The revocations that belong to one account.
#[derive(Debug, Default)]
struct OfAccount {
    entries: BTreeMap<String, Arc<Revocation>>,
    access_keys: HashMap<String, Floors>,
    role_sessions: HashMap<UniqueId, HashMap<RoleSessionName, Floors>>,
    source_identities: HashMap<SourceIdentity, Floors>,
    /// Users and roles.
    principals: HashMap<UniqueId, Floors>,
    federated_users: HashMap<FederatedUserName, Floors>,
    /// By provider, the subjects and the sign-ins.
    federations: HashMap<String, OfProvider>,
    root: Floors,
    account: Floors,
    /// The latest moments that any of them names.
    newest: Floors,
}

/// What is revoked of one identity provider.
#[derive(Debug, Default)]
struct OfProvider {
    subjects: HashMap<String, Floors>,
    sessions: HashMap<String, Floors>,
}

/// One session on the way from long-term credentials to the one that signed.
#[derive(Clone, Copy)]
struct Link<'a> {
    access_key_id: &'a str,
    account: AccountId,
    principal: &'a SessionPrincipal,
    issued: Seconds,
}

/// Whose credentials asked for a session.
#[derive(Clone, Copy)]
enum By<'a> {
    LongTerm(&'a LongTerm),
    /// A foreign identity, and the account whose provider vouched for it.
    Federation(&'a SessionFederation, AccountId),
    Session(Link<'a>),
}

impl By<'_> {
    fn account(&self) -> Option<AccountId> {
        match self {
            Self::Session(link) => Some(link.account),
            Self::Federation(_, account) => Some(*account),
            Self::LongTerm(key) => match &key.principal {
                LongTermPrincipal::Root(account) => Some(*account),
                LongTermPrincipal::User(user) => UniqueId::account_of(user.as_str()),
                // Services are no account's.
                LongTermPrincipal::Service(_) => None,
            },
        }
    }
}

impl OfAccount {
    fn new(entries: BTreeMap<String, Arc<Revocation>>) -> Self {
        let mut of = Self::default();
        for revocation in entries.values() {
            let floors = match &revocation.aim {
                Aim::AccessKey(id) => of.access_keys.entry(id.as_str().to_owned()).or_default(),
                Aim::RoleSession { role, session_name } => of
                    .role_sessions
                    .entry(role.clone())
                    .or_default()
                    .entry(session_name.clone())
                    .or_default(),
                Aim::SourceIdentity(identity) => {
                    of.source_identities.entry(identity.clone()).or_default()
                }
                Aim::User(id) | Aim::Role(id) => of.principals.entry(id.clone()).or_default(),
                Aim::FederatedUser(name) => of.federated_users.entry(name.clone()).or_default(),
                Aim::FederatedSubject { provider, subject } => {
                    let of = of.federations.entry(provider.clone()).or_default();
                    of.subjects.entry(subject.clone()).or_default()
                }
                Aim::FederatedSession {
                    provider,
                    session_id,
                } => {
                    let of = of.federations.entry(provider.clone()).or_default();
                    of.sessions.entry(session_id.clone()).or_default()
                }
                Aim::Root => &mut of.root,
                Aim::Account => &mut of.account,
            };
            floors.raise(revocation);
            // One session by its access key id is ended whenever it was issued.
            if revocation.before.is_some() {
                of.newest.raise(revocation);
            }
        }
        of.entries = entries;
        of
    }

    /// The floor of what was issued to a principal.
    fn to(&self, principal: &SessionPrincipal, reach: Reach) -> Seconds {
        let named = match principal {
            SessionPrincipal::AssumedRole { role, session_name } => self
                .role_sessions
                .get(role)
                .and_then(|names| names.get(session_name)),
            SessionPrincipal::User(_)
            | SessionPrincipal::Root
            | SessionPrincipal::AssumedRoot(_)
            | SessionPrincipal::FederatedUser { .. } => None,
        };
        let named = named.map_or(0, |floors| floors.of(reach));
        let floor = named.max(self.account.of(reach));
        floor.max(self.principal(principal, reach))
    }

    /// The floor of a principal as such.
    fn principal(&self, principal: &SessionPrincipal, reach: Reach) -> Seconds {
        match principal {
            SessionPrincipal::AssumedRole { role: id, .. } | SessionPrincipal::User(id) => {
                at(&self.principals, id, reach)
            }
            SessionPrincipal::Root | SessionPrincipal::AssumedRoot(_) => self.root.of(reach),
            SessionPrincipal::FederatedUser { name, .. } => at(&self.federated_users, name, reach),
        }
    }

    /// The floor of what a foreign identity got.
    fn federation(&self, federation: &SessionFederation, reach: Reach) -> Seconds {
        let of = |floors: &HashMap<String, Floors>, id: &str| {
            let floors = floors.get(id);
            floors.map_or(0, |floors| floors.of(reach))
        };
        self.federations
            .get(&federation.provider)
            .map_or(0, |here| {
                let session_id = federation.session_id.as_deref();
                let sign_in = session_id.map_or(0, |id| of(&here.sessions, id));
                sign_in.max(of(&here.subjects, &federation.subject))
            })
    }

    fn source_identity(&self, identity: Option<&SourceIdentity>, reach: Reach) -> Seconds {
        identity.map_or(0, |identity| at(&self.source_identities, identity, reach))
    }

    fn access_key(&self, id: &str, reach: Reach) -> Seconds {
        let floors = self.access_keys.get(id);
        floors.map_or(0, |floors| floors.of(reach))
    }
}

/// Who asked for the first session of a chain, whose last is a session of `account`. A provider vouches
/// for the sessions of its own account.
fn first(session: &Session, account: AccountId) -> Option<By<'_>> {
    let ancestry = &session.ancestry;
    let origin = ancestry.origin.as_ref().map(By::LongTerm);
    origin.or_else(|| {
        let federation = ancestry.federation.as_deref()?;
        let first = ancestry.sessions.first();
        let of = first.and_then(|first| AccessKeyId::account_of(first.access_key_id.as_str()));
        Some(By::Federation(federation, of.unwrap_or(account)))
    })
}

fn at<K: Eq + Hash>(floors: &HashMap<K, Floors>, key: &K, reach: Reach) -> Seconds {
    floors.get(key).map_or(0, |floors| floors.of(reach))
}

impl Revocations {
    /// Whether a session of `account` has been revoked, itself or with what it descends from. No
    /// lock, no allocation; a few look-ups for each session of its chain.
    pub(crate) fn revokes(
        &self,
        access_key_id: &str,
        account: AccountId,
        session: &Session,
    ) -> bool {
        if self.accounts.is_empty() {
            return false;
        }
        let identity = session.source_identity.as_ref();
        let mut by = first(session, account);
        for ancestor in &session.ancestry.sessions {
            let id = ancestor.access_key_id.as_str();
            // Every id in a token tells its account; of one that did not, nobody could say.
            let Some(account) = AccessKeyId::account_of(id) else {
                return true;
            };
            let link = Link {
                access_key_id: id,
                account,
                principal: &ancestor.principal,
                issued: ancestor.issued,
            };
            if link.issued < self.floor(link, by, identity, Reach::Chain) {
                return true;
            }
            by = Some(By::Session(link));
        }
        let link = Link {
            access_key_id,
            account,
            principal: &session.principal,
            issued: session.issued,
        };
        link.issued < self.floor(link, by, identity, Reach::Itself)
    }

    /// The first second in which a session that is about to be issued would not be taken for one of
    /// those that were revoked. At most the second after that of the newest revocation.
    pub(crate) fn earliest_issue(&self, account: AccountId, session: &Session) -> Seconds {
        if self.accounts.is_empty() {
            return 0;
        }
        let ancestry = &session.ancestry;
        let by = match ancestry.sessions.last() {
            None => first(session, account),
            Some(ancestor) => {
                let id = ancestor.access_key_id.as_str();
                AccessKeyId::account_of(id).map(|account| {
                    By::Session(Link {
                        access_key_id: id,
                        account,
                        principal: &ancestor.principal,
                        issued: ancestor.issued,
                    })
                })
            }
        };
        let link = Link {
            access_key_id: "",
            account,
            principal: &session.principal,
            issued: session.issued,
        };
        self.floor(link, by, session.source_identity.as_ref(), Reach::Itself)
    }

    /// The latest moment before which sessions of an account must have been issued to be over, whichever
    /// they are. A session may count as issued then, though it was issued earlier.
    pub(super) fn newest(&self, account: AccountId) -> Seconds {
        let accounts = self.accounts.iter();
        let moments = accounts.map(|(id, of)| {
            let reach = if *id == account {
                Reach::Itself
            } else {
                Reach::Chain
            };
            of.newest.of(reach)
        });
        moments.max().unwrap_or(0)
    }

    /// The moment before which a session on the way must not have been issued.
    fn floor(
        &self,
        link: Link<'_>,
        by: Option<By<'_>>,
        identity: Option<&SourceIdentity>,
        reach: Reach,
    ) -> Seconds {
        let to = self.accounts.get(&link.account).map_or(0, |of| {
            of.access_key(link.access_key_id, reach)
                .max(of.to(link.principal, reach))
                .max(of.source_identity(identity, reach))
        });
        let by_account = by.and_then(|by| by.account());
        let (Some(by), Some(by_account)) = (by, by_account) else {
            return to;
        };
        let Some(of) = self.accounts.get(&by_account) else {
            return to;
        };
        // What an account's principals asked for elsewhere is reached by its chain only.
        let reach = if by_account == link.account {
            reach
        } else {
            Reach::Chain
        };
        to.max(match by {
            By::Session(issuer) => of.principal(issuer.principal, reach),
            By::Federation(federation, _) => of.federation(federation, reach),
            // Long-term credentials are no session: what counts is when they asked for one.
            By::LongTerm(key) => {
                let principal = match &key.principal {
                    LongTermPrincipal::User(id) => at(&of.principals, id, reach),
                    LongTermPrincipal::Root(_) => of.root.of(reach),
                    LongTermPrincipal::Service(_) => 0,
                };
                principal
                    .max(of.access_key(key.access_key_id.as_str(), reach))
                    .max(of.source_identity(identity, Reach::Chain))
                    .max(of.account.of(Reach::Chain))
            }
        })
    }

    /// Tells this value from all others that the realm had before or will have: a session that was
    /// not revoked in one generation need not be looked at again in the same.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The entries of an account, live or not, by id.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = &Arc<Revocation>> {
        let of = self.accounts.get(&account);
        of.into_iter().flat_map(|of| of.entries.values())
    }

    /// Entries that concern nothing any more; at most `limit`.
    pub(crate) fn expired(
        &self,
        now: Seconds,
        limit: usize,
    ) -> impl Iterator<Item = &Arc<Revocation>> {
        self.accounts
            .values()
            .flat_map(|of| of.entries.values())
            .filter(move |revocation| !revocation.is_live(now))
            .take(limit)
    }

    /// The revocations after a change to the realm; `generation` is the version it makes.
    pub(crate) fn apply(&self, change: &Change, generation: u64) -> Result<Self, Damaged> {
        let mut touched: HashMap<AccountId, BTreeMap<String, Arc<Revocation>>> = HashMap::new();
        let entries = |account: AccountId| {
            let of = self.accounts.get(&account);
            of.map(|of| of.entries.clone()).unwrap_or_default()
        };
        for key in &change.deletes {
            if key.kind != EntityKind::Revocation {
                continue;
            }
            let parts = key.key.split_once('/');
            let parts = parts.and_then(|(account, id)| Some((AccountId::parse(account).ok()?, id)));
            let (account, id) = parts.ok_or_else(|| Damaged {
                kind: key.kind.as_str().to_owned(),
                key: key.key.clone(),
            })?;
            let of = touched.entry(account).or_insert_with(|| entries(account));
            of.remove(id);
        }
        for entity in &change.puts {
            if let Entity::Revocation(revocation) = entity {
                let account = revocation.account;
                let of = touched.entry(account).or_insert_with(|| entries(account));
                of.insert(revocation.id.clone(), Arc::new(revocation.clone()));
            }
        }
        if touched.is_empty() {
            return Ok(self.clone());
        }
        let mut accounts = HashMap::clone(&self.accounts);
        for (account, entries) in touched {
            if entries.is_empty() {
                accounts.remove(&account);
            } else {
                accounts.insert(account, Arc::new(OfAccount::new(entries)));
            }
        }
        Ok(Self {
            accounts: Arc::new(accounts),
            generation,
        })
    }

    /// The same revocations as the store held them at a version.
    pub(crate) fn loaded_at(self, version: u64) -> Self {
        Self {
            generation: version,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
