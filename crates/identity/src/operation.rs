//! What an operation is: load, decide, act, in that order, and no way around the decision.

use crate::account::Account;
use crate::admission;
use crate::authorization_message::{AuthorizationMessage, Refused};
use crate::caller::{Caller, Need, RequestFacts};
use crate::directory::Directory;
use crate::entity::Change;
use crate::environment::{Entropy, Seconds};
use crate::error::{Denied, Error};
use crate::names::AccountId;
use crate::port::Origin;
use crate::realm::Realm;
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The services whose operations are here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// AWS Security Token Service, API version 2011-06-15.
    Sts,
    /// AWS Identity and Access Management, API version 2010-05-08.
    Iam,
    /// AWS Organizations, API version 2016-11-28.
    Organizations,
    /// locum's own: what AWS has no operation for.
    Locum,
    /// Amazon EKS, API version 2017-11-01: what Pod Identity needs of it.
    Eks,
    /// Amazon EKS Auth, API version 2023-11-26.
    EksAuth,
    /// IAM Roles Anywhere, API version 2018-05-10.
    RolesAnywhere,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 7] = [
        Self::Sts,
        Self::Iam,
        Self::Organizations,
        Self::Locum,
        Self::Eks,
        Self::EksAuth,
        Self::RolesAnywhere,
    ];

    /// The signing name, which is also the prefix of the service's actions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::Organizations => "organizations",
            Self::Locum => "locum",
            Self::Eks => "eks",
            Self::EksAuth => "eks-auth",
            Self::RolesAnywhere => "rolesanywhere",
        }
    }
}

/// An operation: its value is its input.
pub trait Operation: Clone + Send + Sync {
    /// What it answers.
    type Output: Send;
    /// What authorizing found that acting needs.
    type Found: Send;
    /// The service.
    const SERVICE: Service;
    /// The name on the wire; with the service's prefix, the action it needs allowed.
    const NAME: &'static str;

    /// The resource that a refusal names to a caller whose credentials may not call this at all.
    fn resource(&self, _caller: &Caller) -> Cow<'_, str> {
        Cow::Borrowed("*")
    }

    /// Decides whether the caller may. The only ways to a [`Granted`] are [`Call::allow`] and
    /// [`Call::exempt`].
    fn authorize(
        &self,
        call: &Call<'_>,
    ) -> impl Future<Output = Result<Granted<Self::Found>, Error>> + Send;

    /// Does it.
    fn perform(
        self,
        call: &Call<'_>,
        found: Self::Found,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// The proof that an operation was authorized, with what that found.
pub struct Granted<T = ()>(T);

impl Granted {
    /// The proof, with something found on the way.
    pub fn with<T>(self, found: T) -> Granted<T> {
        Granted(found)
    }
}

impl<T> Granted<T> {
    /// The proof, and what was found.
    pub(crate) fn apart(self) -> (Granted, T) {
        (Granted(()), self.0)
    }
}

/// One call of an operation.
pub struct Call<'a> {
    /// Where.
    pub realm: &'a Realm,
    /// By whom.
    pub caller: &'a Caller,
    /// With what request.
    pub facts: &'a RequestFacts,
    service: Service,
    /// The operation's name.
    name: &'static str,
    /// Decides again, for a caller whose account has changed since.
    again: Option<&'a dyn Decide>,
}

/// The step authorize of an operation of any type.
trait Decide: Sync {
    fn decide<'b>(
        &'b self,
        call: &'b Call<'b>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'b>>;
}

impl<O: Operation> Decide for O {
    fn decide<'b>(
        &'b self,
        call: &'b Call<'b>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'b>> {
        Box::pin(async move { self.authorize(call).await.map(drop) })
    }
}

impl<'a> Call<'a> {
    /// A decision by the caller's policies (and the need's resource policy).
    ///
    /// # Errors
    /// [`Error::AccessDenied`]
    pub fn allow(&self, need: &Need<'_>) -> Result<Granted, Error> {
        let entropy = &*self.realm.environment().entropy;
        self.caller.allow_or_tell(self.facts, need, entropy)?;
        Ok(Granted(()))
    }

    /// The same for a caller that the operation itself found out about: whom an identity provider vouches
    /// for, or the service that acts for a certificate.
    ///
    /// # Errors
    /// [`Error::AccessDenied`]
    pub(crate) fn allow_as(&self, caller: &Caller, need: &Need<'_>) -> Result<Granted, Error> {
        caller.allow(self.facts, need)?;
        Ok(Granted(()))
    }

    /// The same call by another caller, whom the operation found out about.
    pub(crate) fn by<'b>(&'b self, caller: &'b Caller) -> Call<'b> {
        Call {
            realm: self.realm,
            caller,
            facts: self.facts,
            service: self.service,
            name: self.name,
            again: None,
        }
    }

    /// The refusal of a need of what is not there, or not to be had. The sentence does not say so, and
    /// where a refusal by policies would carry a message, so does this.
    pub(crate) fn absent(&self, need: &Need<'_>) -> Error {
        let entropy = &*self.realm.environment().entropy;
        let why = Refused::Absent;
        let encoded = AuthorizationMessage::seal(self.caller, self.facts, need, why, entropy);
        Error::AccessDenied(Denied {
            encoded,
            ..self.caller.denied(need, None)
        })
    }

    /// For the operations that no policy can allow or deny. `because` says where AWS says so.
    pub fn exempt(&self, because: Exemption) -> Granted {
        match because {
            Exemption::CallerIdentity | Exemption::SessionToken => Granted(()),
        }
    }

    /// The caller's account as it was when the request came.
    ///
    /// # Errors
    /// For the anonymous caller.
    pub fn account(&self) -> Result<&Arc<Account>, Error> {
        self.caller.account()
    }

    /// Changes the caller's account: `mutate` is pure and may run again on a fresher account. What
    /// is changed is what was authorized: where the account is not the one that the decision saw,
    /// the decision is made again.
    ///
    /// # Errors
    /// What `mutate` answers, or [`Error::ServiceUnavailable`].
    pub async fn change<T>(
        &self,
        mutate: impl Fn(&mut Draft<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error>
    where
        T: Send,
    {
        self.realm.change_as_decided(self, mutate).await
    }

    /// Changes the account `home`, which may be another's, and beside it the caller's own where
    /// both change: they do together, or not at all. `mutate` gets a draft of `home`, the caller's
    /// account, and what changes there.
    ///
    /// As with [`Call::change`], the decision is made again where the caller's account has changed.
    /// What of `home` it rested on is for `mutate` to look at again.
    ///
    /// # Errors
    /// What `mutate` answers, or [`Error::ServiceUnavailable`].
    pub(crate) async fn change_beside<T>(
        &self,
        home: AccountId,
        mutate: impl Fn(&mut Draft<'_>, &Account, &mut Change) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error>
    where
        T: Send,
    {
        self.realm.change_beside(self, home, mutate).await
    }

    /// Changes the organization: `mutate` is pure and may run again on a fresher realm. As with
    /// [`Call::change`], what is changed is what was authorized.
    ///
    /// # Errors
    /// What `mutate` answers, or [`Error::ServiceUnavailable`].
    pub async fn change_organization<T>(
        &self,
        mutate: impl Fn(&Directory, &mut Change) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error>
    where
        T: Send,
    {
        self.realm.change_directory(self, mutate).await
    }

    /// Makes the decision again, on the caller's account and the realm as they are now.
    ///
    /// # Errors
    /// What the operation's decision answers, or that the caller is gone.
    pub(crate) async fn decide_again(
        &self,
        account: &Arc<Account>,
        directory: &Arc<Directory>,
    ) -> Result<(), Error> {
        let caller = self.caller.refreshed(account, directory)?;
        let call = Call {
            realm: self.realm,
            caller: &caller,
            facts: self.facts,
            service: self.service,
            name: self.name,
            again: None,
        };
        match self.again {
            Some(operation) => operation.decide(&call).await,
            None => Ok(()),
        }
    }

    /// Who does this, for the history.
    pub fn origin(&self) -> Origin {
        Origin {
            at: self.facts.now,
            actor: self.caller.arn().unwrap_or("anonymous").to_owned(),
            action: format!("{}:{}", self.service.name(), self.name),
            request_id: self.facts.request_id.clone(),
        }
    }
}

/// Operations that policies do not govern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exemption {
    /// GetCallerIdentity: "no permissions are required", and an explicit deny has no effect.
    CallerIdentity,
    /// GetSessionToken: no policy can allow or deny it.
    SessionToken,
}

/// A mutation in the making: the account it starts from, and what it changes.
pub struct Draft<'a> {
    /// The account.
    pub account: &'a Account,
    /// What will change.
    pub change: Change,
    /// When.
    pub now: Seconds,
    /// For ids and secrets.
    pub entropy: &'a dyn Entropy,
    /// For sealing secrets.
    pub root_key: &'a crate::sealing::RootKey,
}

impl Realm {
    /// The step authorize alone: whether an operation would be done. What it finds out is in the notes of
    /// the request.
    ///
    /// # Errors
    /// The operation's.
    pub async fn rehearse<O: Operation>(
        &self,
        caller: &Caller,
        facts: &RequestFacts,
        operation: O,
    ) -> Result<(), Error> {
        let resource = || operation.resource(caller);
        if let Some(error) = admission::refusal(caller, O::SERVICE, O::NAME, resource) {
            return Err(error);
        }
        let call = Call {
            realm: self,
            caller,
            facts,
            service: O::SERVICE,
            name: O::NAME,
            again: None,
        };
        operation.authorize(&call).await.map(drop)
    }

    /// The steps authorize and act of the one path, around every operation.
    ///
    /// # Errors
    /// The operation's.
    pub async fn call<O: Operation>(
        &self,
        caller: &Caller,
        facts: &RequestFacts,
        operation: O,
    ) -> Result<O::Output, Error> {
        let resource = || operation.resource(caller);
        let refusal = admission::refusal(caller, O::SERVICE, O::NAME, resource);
        if let Some(error) = refusal {
            return Err(error);
        }
        // STS changes nothing that was decided on: it remembers codes of MFA devices.
        let again = (O::SERVICE != Service::Sts).then(|| operation.clone());
        let call = Call {
            realm: self,
            caller,
            facts,
            service: O::SERVICE,
            name: O::NAME,
            again: again.as_ref().map(|operation| operation as &dyn Decide),
        };
        let Granted(found) = operation.authorize(&call).await?;
        operation.perform(&call, found).await
    }
}
