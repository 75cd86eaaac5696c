//! Temporary credentials: what a session token says.
//!
//! A [`Keyring`] seals and opens tokens. Their body holds only what cannot be known otherwise: the
//! account stands in the access key id and half of the principal's unique id, and the secret access
//! key is not in it at all.

use crate::caller::same_key;
use crate::environment::Seconds;
use crate::ids::{AccessKeyId, IdKind, UniqueId};
use crate::limits::percent;
use crate::names::{
    AccountId, Constrained, FederatedUserName, RoleSessionName, SourceIdentity, Tag,
};
use crate::notes::FederationKind;
use crate::root_access::TaskPolicy;
use crate::sealing::Secret;
use crate::services::ServiceName;
use std::sync::Arc;

mod codec;
mod deflate;
mod keyring;
pub(crate) mod live;
pub(crate) mod message;
mod packed;

pub use crate::limits::LONGEST_SESSION;
pub(crate) use keyring::TradeIn;
pub use keyring::{Keyring, LONGEST_TICKET, LONGEST_TOKEN, TicketKind, TokenError};
pub use packed::Packed;

/// How many sessions may stand between long-term credentials and a session. AWS has no such limit;
/// here a session carries the ids of all it descends from, so that revoking one of them reaches it,
/// and a chain that is longer is refused rather than forgotten.
pub const MOST_ANCESTORS: usize = 64;

/// Whom a session acts as.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum SessionPrincipal {
    /// AssumeRole: the role and the session's name.
    AssumedRole {
        /// `AROA…`
        role: UniqueId,
        /// `RoleSessionName`
        session_name: RoleSessionName,
    },
    /// GetSessionToken of a user.
    User(UniqueId),
    /// GetSessionToken of the root user.
    Root,
    /// AssumeRoot: the root user of the account, for that task.
    AssumedRoot(TaskPolicy),
    /// GetFederationToken.
    FederatedUser {
        /// The user who asked for it; `None` for the root user.
        issuer: Option<UniqueId>,
        /// `Name`
        name: FederatedUserName,
    },
}

/// All that identifies and limits a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Whom it acts as.
    pub principal: SessionPrincipal,
    /// `aws:TokenIssueTime`
    pub issued: Seconds,
    /// The first second in which the credentials no longer work.
    pub expires: Seconds,
    /// Its session policies and tags.
    pub packed: Arc<Packed>,
    /// `aws:SourceIdentity`: set once, and the same in every session that descends from this one.
    pub source_identity: Option<SourceIdentity>,
    /// When who asked for it showed an MFA device; `None` if not.
    pub mfa: Option<Seconds>,
    /// Whose credentials asked for it.
    pub ancestry: Ancestry,
    /// The account that acts: the requestor of the delegation request that the session, or one it
    /// descends from, was made for. `None` where principals act for themselves.
    pub delegate: Option<AccountId>,
}

/// A tag of a session.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SessionTag {
    /// The tag, with the key's spelling as it was passed.
    pub tag: Tag,
    /// Whether the sessions that descend from this one have it too.
    pub transitive: bool,
}

/// The credentials that a session descends from.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ancestry {
    /// The long-term credentials that the chain began with; `None` in tokens of before they were
    /// kept.
    pub origin: Option<LongTerm>,
    /// The foreign identity that the chain began with, where it did with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federation: Option<Box<SessionFederation>>,
    /// The sessions in between, the first of the chain first; at most [`MOST_ANCESTORS`].
    pub sessions: Vec<Ancestor>,
}

/// The identity of somebody else's directory that got a session, as the session's token keeps it.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SessionFederation {
    /// How it was proved.
    pub kind: FederationKind,
    /// The provider as trust policies name it under `Federated`; of certificates and pods the ARN of the
    /// trust anchor or cluster.
    pub provider: String,
    /// Who it is to the provider.
    pub subject: String,
    /// What the provider calls this sign-in, by which it can end it: `sid`, the `SessionIndex`, the serial
    /// number of the certificate in lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The condition keys, in lower case, that requests of the session have of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, Vec<String>)>,
}

/// A long-term access key that a chain of sessions began with.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LongTerm {
    /// `AKIA…`, or what an operator chose.
    pub access_key_id: AccessKeyId,
    /// Whose it is.
    pub principal: LongTermPrincipal,
}

/// Who has long-term credentials.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum LongTermPrincipal {
    /// A user.
    User(UniqueId),
    /// The root user of an account.
    Root(AccountId),
    /// A service.
    Service(ServiceName),
}

/// A session that another one descends from.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ancestor {
    /// `ASIA…`, which tells the account.
    pub access_key_id: AccessKeyId,
    /// Whom it acted as.
    pub principal: SessionPrincipal,
    /// When it was issued.
    pub issued: Seconds,
}

impl SessionTag {
    /// Whether its key is `lower`, which is in lower case: keys compare whatever their letter case.
    pub(crate) fn is(&self, lower: &str) -> bool {
        same_key(self.tag.key.as_str(), lower)
    }
}

impl Session {
    /// The foreign identity whose session it is. Sessions that descend from it act in their own name.
    pub fn federation(&self) -> Option<&SessionFederation> {
        let own = self.ancestry.sessions.is_empty();
        self.ancestry.federation.as_deref().filter(|_| own)
    }

    /// The tags that sessions descending from this one have too, and nobody can override.
    pub fn transitive_tags(&self) -> impl Iterator<Item = &Tag> {
        let tags = self.packed.tags().iter();
        tags.filter(|tag| tag.transitive).map(|tag| &tag.tag)
    }
}

/// Temporary credentials as they are handed out.
#[derive(Clone, Debug)]
pub struct TemporaryCredentials {
    /// `ASIA…`
    pub access_key_id: AccessKeyId,
    /// 40 characters.
    pub secret_access_key: Secret,
    /// The sealed session.
    pub session_token: String,
    /// When they end.
    pub expiration: Seconds,
}

impl TemporaryCredentials {
    /// `SessionTokenSize`: how many characters the token has.
    pub fn token_size(&self) -> usize {
        self.session_token.len()
    }

    /// `SessionTokenUtilization`: how much of [`LONGEST_TOKEN`] that is, in percent.
    pub fn token_utilization(&self) -> u32 {
        percent(self.token_size(), LONGEST_TOKEN)
    }
}

impl SessionPrincipal {
    /// The kind of unique id that the principal has.
    const fn id_kind(role: bool) -> IdKind {
        if role { IdKind::Role } else { IdKind::User }
    }
}

/// Names and tags in tokens pass the same constraint as in requests.
fn constrained<T: Constrained>(bytes: &[u8]) -> Option<T> {
    T::parse(std::str::from_utf8(bytes).ok()?).ok()
}

#[cfg(test)]
mod tests;
