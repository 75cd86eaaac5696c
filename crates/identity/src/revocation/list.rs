//! ListRevocations and ListSessions.

use super::target::{Target, arn_of, concerns};
use super::{Aim, Revocation};
use crate::account::{Account, iam_arn};
use crate::environment::Seconds;
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::ids::{AccessKeyId, UniqueId};
use crate::names::{AccountId, PrincipalText};
use crate::operation::{Call, Granted, Operation, Service};
use crate::session::{LongTerm, LongTermPrincipal, Session, SessionPrincipal};
use crate::session_use::SessionUse;
use std::net::IpAddr;
use std::sync::Arc;

/// ListRevocations: what is revoked in the caller's account, by id. Authorized on
/// `arn:aws:locum::ACCOUNT:account`.
#[derive(Clone, Debug, Default)]
pub struct ListRevocations {
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListRevocations {
    type Output = Page<Arc<Revocation>>;
    type Found = ();
    const SERVICE: Service = Service::Locum;
    const NAME: &'static str = "ListRevocations";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let target = Target::account(call.account()?.id);
        call.allow(&target.need("locum:ListRevocations"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        let entries = directory.revocations().of(call.account()?.id);
        let live = entries.filter(|entry| entry.is_live(call.facts.now));
        Ok(self
            .page
            .page_of_all(live.map(|entry| (entry.id.as_str(), entry.clone()))))
    }
}

/// ListSessions: sessions of the caller's account that were in use lately, as far as this process
/// knows, by access key id. Authorized on the principal if one is given, else on
/// `arn:aws:locum::ACCOUNT:account`.
#[derive(Clone, Debug, Default)]
pub struct ListSessions {
    /// `Principal`: only those issued to or by it.
    pub principal: Option<PrincipalText>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

/// A session in use.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// `ASIA…`
    pub access_key_id: String,
    /// The ARN of whom it acts as.
    pub principal: String,
    /// When it was issued.
    pub issued: Seconds,
    /// When it ends by itself.
    pub expires: Seconds,
    /// When it was first and last used, as far as is known.
    pub used: (Seconds, Seconds),
    /// Where it was last used from.
    pub source_ip: Option<IpAddr>,
    /// Its source identity.
    pub source_identity: Option<String>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// What it descends from, the long-term credentials first.
    pub chain: Vec<ListedAncestor>,
}

/// Credentials that a session descends from.
#[derive(Clone, Debug)]
pub struct ListedAncestor {
    /// The access key id; `None` for another account's.
    pub access_key_id: Option<String>,
    /// An ARN, or a unique id if it is gone or of another account. Of another account's credentials
    /// that did not ask for the session themselves, the account.
    pub principal: String,
    /// When it was issued; `None` for a long-term key, and for another account's.
    pub issued: Option<Seconds>,
}

impl Operation for ListSessions {
    type Output = Page<ListedSession>;
    type Found = Option<Aim>;
    const SERVICE: Service = Service::Locum;
    const NAME: &'static str = "ListSessions";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Option<Aim>>, Error> {
        let account = call.account()?;
        let (target, named) = match &self.principal {
            Some(text) => (Target::principal(account, text), true),
            None => (Target::account(account.id), false),
        };
        let granted = call.allow(&target.need("locum:ListSessions"))?;
        let aim = target.aim?;
        Ok(granted.with(named.then_some(aim)))
    }

    async fn perform(self, call: &Call<'_>, aim: Option<Aim>) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let mut uses = call.realm.session_uses().of(account.id, call.facts.now);
        uses.retain(|known| {
            let wanted = aim.as_ref();
            wanted.is_none_or(|aim| concerns(aim, account.id, &known.session))
        });
        uses.sort_by(|one, other| one.access_key_id.cmp(&other.access_key_id));
        let page = self.page.page_of_all(
            uses.iter()
                .map(|known| (known.access_key_id.as_str(), known)),
        );
        Ok(Page {
            items: page
                .items
                .into_iter()
                .map(|known| listed(call, account, known))
                .collect(),
            next: page.next,
        })
    }
}

fn listed(call: &Call<'_>, account: &Account, known: &SessionUse) -> ListedSession {
    let session = &known.session;
    let revocations = call.caller.directory().revocations();
    let identity = session.source_identity.as_ref();
    ListedSession {
        access_key_id: known.access_key_id.clone(),
        principal: arn_of(account, account.id, &session.principal),
        issued: session.issued,
        expires: session.expires,
        used: (known.first, known.last),
        source_ip: known.source_ip,
        source_identity: identity.map(ToString::to_string),
        revoked: revocations.revokes(&known.access_key_id, account.id, session),
        chain: descent(account, session),
    }
}

/// What a session of `account` descends from. Of another account's credentials it shows whose they are
/// that asked for a session here, and no more than the account of those before: how its principals come
/// by their credentials is that account's affair.
fn descent(account: &Account, session: &Session) -> Vec<ListedAncestor> {
    let ancestry = &session.ancestry;
    let origin = ancestry.origin.iter().map(|key| {
        let of = match &key.principal {
            LongTermPrincipal::Root(of) => Some(*of),
            LongTermPrincipal::User(id) => UniqueId::account_of(id.as_str()),
            LongTermPrincipal::Service(_) => None,
        };
        (of, &key.access_key_id, long_term(account, key), None)
    });
    let between = ancestry.sessions.iter().map(|ancestor| {
        let id = &ancestor.access_key_id;
        let of = AccessKeyId::account_of(id.as_str());
        let principal = of_any(account, of, &ancestor.principal);
        (of, id, principal, Some(ancestor.issued))
    });
    let mut chain: Vec<_> = origin
        .chain(between)
        .map(|(of, id, principal, issued)| match of {
            Some(of) if of != account.id => ListedAncestor {
                access_key_id: None,
                principal: of.to_string(),
                issued: None,
            },
            Some(_) => ListedAncestor {
                access_key_id: Some(id.to_string()),
                principal,
                issued,
            },
            // A service's keys are the operator's.
            None => ListedAncestor {
                access_key_id: None,
                principal,
                issued,
            },
        })
        .collect();
    let asker = match (ancestry.sessions.last(), &ancestry.origin) {
        (Some(ancestor), _) => {
            let of = AccessKeyId::account_of(ancestor.access_key_id.as_str());
            Some(of_any(account, of, &ancestor.principal))
        }
        (None, Some(key)) => Some(long_term(account, key)),
        (None, None) => None,
    };
    if let (Some(last), Some(asker)) = (chain.last_mut(), asker) {
        last.principal = asker;
    }
    chain
}

fn long_term(account: &Account, key: &LongTerm) -> String {
    match &key.principal {
        LongTermPrincipal::Root(of) => iam_arn(*of, "root"),
        LongTermPrincipal::Service(name) => name.to_string(),
        LongTermPrincipal::User(id) => {
            let of = UniqueId::account_of(id.as_str());
            of_any(account, of, &SessionPrincipal::User(id.clone()))
        }
    }
}

fn of_any(account: &Account, of: Option<AccountId>, principal: &SessionPrincipal) -> String {
    arn_of(account, of.unwrap_or(account.id), principal)
}
