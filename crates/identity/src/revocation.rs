//! Revocation that can be aimed: sessions that end before their time.
//!
//! A token says who it is of and what it descends from, so what is revoked is said once, in the
//! realm, and compared with each session at its next request. A revoked session is answered as an
//! expired one, so that SDKs drop it and ask for another.
//!
//! Who may order what: an entry belongs to an account. Without [`Revocation::chain`] it ends sessions
//! of that account and no others. With it, also whatever descends from them, or from the account's
//! long-term credentials, in whichever account: who owns the ancestor lent the power in the first
//! place. Nothing else of another account is ever touched.
//!
//! A revocation cannot be withdrawn, as expiry cannot: whoever has got into an account must not be
//! able to bring back what was ended there. Who was hit by mistake asks for a new session.

use crate::environment::Seconds;
use crate::ids::{AccessKeyId, UniqueId};
use crate::names::{AccountId, FederatedUserName, RoleSessionName, SourceIdentity};
use serde::{Deserialize, Serialize};

mod index;
mod list;
mod revoke;
mod target;

pub use index::Revocations;
pub use list::{ListRevocations, ListSessions, ListedAncestor, ListedSession};
pub(crate) use revoke::order;
pub use revoke::{AimRequest, RevokeSession};

/// Live entries that an account may have; those for the whole account do not count, so that one can
/// always be made.
pub const REVOCATIONS_PER_ACCOUNT: usize = 10_000;

/// What a revocation ends, in the account that it belongs to.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// The session with that access key id; of a long-term key, what was issued with it.
    AccessKey(AccessKeyId),
    /// The sessions of a role under one name.
    RoleSession {
        /// `AROA…`
        role: UniqueId,
        /// `RoleSessionName`
        session_name: RoleSessionName,
    },
    /// The sessions with a source identity.
    SourceIdentity(SourceIdentity),
    /// What was issued to or by a user.
    User(UniqueId),
    /// What was issued to or by a role.
    Role(UniqueId),
    /// What was issued to or by the root user.
    Root,
    /// The sessions of a foreign identity.
    FederatedSubject {
        /// The provider, as [`SessionFederation`](crate::session::SessionFederation) has it.
        provider: String,
        /// Who it is to the provider.
        subject: String,
    },
    /// The sessions of one sign-in at an identity provider.
    FederatedSession {
        /// The provider.
        provider: String,
        /// What the provider calls the sign-in.
        session_id: String,
    },
    /// The sessions of a federated user, and what was issued by them.
    FederatedUser(FederatedUserName),
    /// Everything.
    Account,
}

impl Aim {
    /// The value of the condition key `locum:Aim`, which is also what lists say.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AccessKey(_) => "AccessKey",
            Self::RoleSession { .. } => "RoleSession",
            Self::SourceIdentity(_) => "SourceIdentity",
            Self::User(_) | Self::Role(_) | Self::Root | Self::FederatedUser(_) => "Principal",
            Self::FederatedSubject { .. } => "FederatedSubject",
            Self::FederatedSession { .. } => "FederatedSession",
            Self::Account => "Account",
        }
    }

    /// The session name, where one is aimed at.
    pub fn session_name(&self) -> Option<&str> {
        match self {
            Self::RoleSession { session_name, .. } => Some(session_name.as_str()),
            _ => None,
        }
    }
}

/// A revocation as it is stored, in the realm.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Revocation {
    /// `rev-…`
    pub id: String,
    /// Whose sessions are ended.
    pub account: AccountId,
    /// Which.
    pub aim: Aim,
    /// Only those issued before; `None` for a session by its access key id, which is issued once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seconds>,
    /// Whether what descends from them ends too, in any account.
    #[serde(default)]
    pub chain: bool,
    /// The ARN that was authorized.
    pub resource: String,
    /// When it was last ordered.
    pub created: Seconds,
    /// When nothing that it could end is left: the longest session it concerns is over.
    pub expires: Seconds,
    /// The ARN of who ordered it.
    pub ordered_by: String,
}

impl Revocation {
    /// What tells it from the others of the realm: the account stands in it, so that one that is
    /// deleted is found.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.account, self.id)
    }

    /// Whether there may still be a session that it ends.
    pub fn is_live(&self, now: Seconds) -> bool {
        now < self.expires
    }
}
