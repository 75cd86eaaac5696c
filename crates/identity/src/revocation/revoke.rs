//! RevokeSession.

use super::target::{Target, own_arn};
use super::{Aim, REVOCATIONS_PER_ACCOUNT, Revocation};
use crate::directory::Directory;
use crate::entity::{Change, Entity};
use crate::environment::Seconds;
use crate::error::{Error, Forbidden};
use crate::ids::{AccessKeyId, lower_case_id};
use crate::names::{AccessKeyIdText, AccountId, PrincipalText, RoleSessionName, SourceIdentity};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::room_for_one;
use crate::realm::sweep;
use crate::session::LONGEST_SESSION;
use crate::sts::FARTHEST_AHEAD;
use std::sync::Arc;

/// How many seconds the clocks of two nodes may differ: as far as those of clients.
const CLOCKS_APART: Seconds = 15 * 60;

/// RevokeSession: ends sessions before their time, at their next request.
///
/// The action `locum:RevokeSession` is authorized on what is aimed at: `arn:aws:locum::ACCOUNT:session/ID`
/// for an access key id, the role or the principal by its own ARN,
/// `arn:aws:locum::ACCOUNT:source-identity/NAME`, `arn:aws:locum::ACCOUNT:account` for the account
/// itself and, by the management account alone, a member by its ARN in the organization. Condition
/// keys: `locum:Aim` ([`Aim::kind`]), `locum:Chain`, `locum:RoleSessionName`, the tags of role, user
/// or member.
#[derive(Clone, Debug)]
pub struct RevokeSession {
    /// `AccessKeyId`, `Role` with `RoleSessionName`, `SourceIdentity`, `Principal` or `AccountId`
    pub aim: AimRequest,
    /// `Before`: only what was issued before; now, if not given.
    pub before: Option<Seconds>,
    /// `Chain`: whatever descends from it too, in any account.
    pub chain: bool,
}

/// What a request aims at, not looked up yet.
#[derive(Clone, Debug)]
pub enum AimRequest {
    /// `AccessKeyId`: a session; or what was issued with a long-term key, which needs `Chain`.
    AccessKey(AccessKeyIdText),
    /// `Role` and `RoleSessionName`
    RoleSession {
        /// A name, an ARN or `AROA…`
        role: PrincipalText,
        /// The name of its sessions.
        session_name: RoleSessionName,
    },
    /// `SourceIdentity`
    SourceIdentity(SourceIdentity),
    /// `Principal`: the ARN of a user, role, root user or federated user, or a unique id.
    Principal(PrincipalText),
    /// `AccountId`
    Account(AccountId),
}

/// What is to be revoked, as it was authorized.
#[derive(Clone, Debug)]
pub struct Aimed {
    account: AccountId,
    aim: Aim,
    resource: String,
}

impl AimRequest {
    /// The value of `locum:Aim`.
    fn kind(&self) -> &'static str {
        match self {
            Self::AccessKey(_) => "AccessKey",
            Self::RoleSession { .. } => "RoleSession",
            Self::SourceIdentity(_) => "SourceIdentity",
            Self::Principal(_) => "Principal",
            Self::Account(_) => "Account",
        }
    }

    /// What is aimed at, and in which account.
    fn target<'a>(&self, call: &'a Call<'_>) -> Result<(AccountId, Target<'a>), Error> {
        let account = call.account()?;
        let own = account.id;
        let target = match self {
            Self::AccessKey(text) => {
                let arn = own_arn(own, &format!("session/{text}"));
                Target::new(access_key(call.caller.directory(), own, text), arn)
            }
            Self::RoleSession { role, session_name } => {
                let mut target = Target::role(account, role);
                target.aim = target.aim.map(|aim| match aim {
                    Aim::Role(role) => Aim::RoleSession {
                        role,
                        session_name: session_name.clone(),
                    },
                    other => other,
                });
                target
            }
            Self::SourceIdentity(identity) => Target::new(
                Ok(Aim::SourceIdentity(identity.clone())),
                own_arn(own, &format!("source-identity/{identity}")),
            ),
            Self::Principal(text) => Target::principal(account, text),
            Self::Account(id) if *id == own => Target::account(own),
            Self::Account(id) => return Ok((*id, member(call.caller.directory(), own, *id))),
        };
        Ok((own, target))
    }
}

/// An access key id that is of the account.
fn access_key(directory: &Directory, own: AccountId, text: &AccessKeyIdText) -> Result<Aim, Error> {
    let id = AccessKeyId::parse(text.as_str()).ok_or(Error::InvalidClientTokenId)?;
    let of = if AccessKeyId::is_temporary(id.as_str()) {
        AccessKeyId::account_of(id.as_str())
    } else {
        directory.account_of_key(id.as_str())
    };
    if of == Some(own) {
        Ok(Aim::AccessKey(id))
    } else {
        Err(Error::Forbidden(Forbidden::AccessKeyOfAnotherAccount(id)))
    }
}

/// Another account: a member, as the management account sees it. To all others it is none.
fn member(directory: &Directory, own: AccountId, id: AccountId) -> Target<'_> {
    let organization = directory.organization.as_deref();
    let managing = organization.filter(|organization| organization.management_account == own);
    match (managing, directory.accounts.get(&id)) {
        (Some(organization), Some(record)) => Target {
            aim: Ok(Aim::Account),
            arn: record.arn(organization),
            tags: &record.tags,
        },
        (Some(organization), None) => Target::new(
            Err(Error::AccountNotFound),
            organization.arn(&format!("account/{}/{id}", organization.id)),
        ),
        (None, _) => Target::new(Err(Error::NotManagementAccount), own_arn(id, "account")),
    }
}

impl Operation for RevokeSession {
    type Output = Revocation;
    type Found = Aimed;
    const SERVICE: Service = Service::Locum;
    const NAME: &'static str = "RevokeSession";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Aimed>, Error> {
        let (account, target) = self.aim.target(call)?;
        let session_name = match &self.aim {
            AimRequest::RoleSession { session_name, .. } => Some(session_name.as_str()),
            _ => None,
        };
        let need = target
            .need("locum:RevokeSession")
            .key("locum:aim", self.aim.kind())
            .key("locum:chain", if self.chain { "true" } else { "false" })
            .key_if("locum:rolesessionname", session_name);
        let granted = call.allow(&need)?;
        let resource = target.arn.clone();
        Ok(granted.with(Aimed {
            account,
            aim: target.aim?,
            resource,
        }))
    }

    async fn perform(self, call: &Call<'_>, found: Aimed) -> Result<Revocation, Error> {
        let environment = call.realm.environment();
        let id = format!("rev-{}", lower_case_id(17, &*environment.entropy));
        let actor = call.origin().actor;
        let (before, chain) = (self.before, self.chain);
        call.realm
            .change_directory(call, |directory, change| {
                let now = environment.clock.now();
                let wanted = Revocation {
                    id: id.clone(),
                    account: found.account,
                    aim: found.aim.clone(),
                    before: None,
                    chain,
                    resource: found.resource.clone(),
                    created: now,
                    expires: now,
                    ordered_by: actor.clone(),
                };
                order(directory, change, wanted, before)
            })
            .await
    }
}

/// Adds a revocation to a change. Its times are set here.
///
/// # Errors
/// [`Error::ValidationText`], or that the account has no room for another.
pub(crate) fn order(
    directory: &Directory,
    change: &mut Change,
    wanted: Revocation,
    before: Option<Seconds>,
) -> Result<Revocation, Error> {
    let newest = directory.revocations().newest(wanted.account);
    put(directory, change, timed(wanted, before, newest)?)
}

/// The revocation with its times, which say what it concerns and how long that can live. `newest` is the
/// latest moment of those there are.
fn timed(
    wanted: Revocation,
    before: Option<Seconds>,
    newest: Seconds,
) -> Result<Revocation, Error> {
    let refuse = |text: &str| Err(Error::ValidationText(text.to_owned()));
    // Sessions tell their issue in whole seconds: those of the present one are among them.
    let next = wanted.created + 1;
    // Those issued after a revocation of this very second count as issued later, and are over too.
    let to_now = (newest + 1).clamp(next, next + FARTHEST_AHEAD);
    let before = match (&wanted.aim, before) {
        (Aim::AccessKey(id), Some(_)) if AccessKeyId::is_temporary(id.as_str()) => {
            return refuse("Before does not go with the access key id of a session");
        }
        (Aim::AccessKey(id), _) if !AccessKeyId::is_temporary(id.as_str()) && !wanted.chain => {
            return refuse(
                "a long-term access key is no session: give Chain to end what was issued with it, and deactivate the key itself with UpdateAccessKey",
            );
        }
        (Aim::AccessKey(id), None) if AccessKeyId::is_temporary(id.as_str()) => None,
        (_, Some(before)) if before > next => return refuse("Before must not be in the future"),
        (_, before) => Some(before.unwrap_or(to_now)),
    };
    // A descendant may have been issued until now, whenever its ancestor was.
    let last_issued = before.filter(|_| !wanted.chain).unwrap_or(to_now);
    let expires = last_issued.saturating_add(LONGEST_SESSION);
    if expires <= wanted.created {
        return refuse("all sessions that were issued before that time have expired");
    }
    Ok(Revocation {
        before,
        expires,
        ..wanted
    })
}

/// Puts an entry where it belongs: over the one with the same aim, if there is one. What it makes
/// needless goes, and so does what time has made void.
fn put(
    directory: &Directory,
    change: &mut Change,
    mut wanted: Revocation,
) -> Result<Revocation, Error> {
    let now = wanted.created;
    let revocations = directory.revocations();
    let live = || {
        let of = revocations.of(wanted.account);
        of.filter(|entry| entry.is_live(now))
    };
    let same = |entry: &&Arc<Revocation>| entry.aim == wanted.aim && entry.chain == wanted.chain;
    if let Some(known) = live().find(same) {
        wanted.id.clone_from(&known.id);
        wanted.before = wanted.before.max(known.before);
        wanted.expires = wanted.expires.max(known.expires);
    } else if wanted.aim != Aim::Account {
        let count = live().filter(|entry| entry.aim != Aim::Account).count();
        room_for_one(count, "RevocationsPerAccount", REVOCATIONS_PER_ACCOUNT)?;
    }
    sweep(revocations, now, change);
    for entry in live().filter(|entry| is_covered(entry, &wanted)) {
        change.delete(Entity::from((**entry).clone()));
    }
    change.put(wanted.clone());
    Ok(wanted)
}

/// Whether a revocation of the whole account ends all that `entry` does, so that room can always be
/// made.
fn is_covered(entry: &Revocation, wanted: &Revocation) -> bool {
    // Of one session only its end is known: by the clock of another node it may have been issued
    // later than it was revoked.
    let before = entry.before.unwrap_or(entry.created + CLOCKS_APART);
    wanted.aim == Aim::Account
        && entry.aim != Aim::Account
        && (wanted.chain || !entry.chain)
        && wanted.before.is_some_and(|all| before <= all)
}
