//! Who calls, with what request, and what the call needs: the three inputs of a decision.

use crate::account::{Account, RoleState, UserState};
use crate::authorization_message::{AuthorizationMessage, Refused};
use crate::directory::Directory;
use crate::entity::KeyOwner;
use crate::environment::Entropy;
use crate::error::{Denied, Error};
use crate::names::{AccountId, FederatedUserName, RoleSessionName, Tag};
use crate::notes::ForeignIdentity;
use crate::organizations::tree::Place;
use crate::roles_anywhere::PresentedCertificate;
use crate::root_access::TaskPolicy;
use crate::services::ServiceCaller;
use crate::session::{Session, SessionPrincipal};
use locum_policy::{Compiled, Decision, Explanation, Policies, Principal, Request, Value};
use std::sync::Arc;

mod keys;
mod need;
mod own_password;

use keys::Keys;
pub(crate) use keys::same_key;
pub use need::{Need, RequestFacts};

/// An authenticated (or anonymous) caller, with the state of its account and of the organization at
/// that moment.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whom the credentials act as.
    pub who: Who,
    /// The credentials.
    pub credentials: Credentials,
    /// The account of the caller; `None` for the anonymous one and for services.
    account: Option<Arc<Account>>,
    /// The realm, whose organization binds callers and resources.
    directory: Arc<Directory>,
    arn: String,
}

/// Whom credentials act as.
#[derive(Clone, Debug)]
pub enum Who {
    /// An unsigned request.
    Anonymous,
    /// The root user, also in a session of AssumeRoot.
    Root,
    /// An IAM user, with a long-term key or by GetSessionToken.
    User(Arc<UserState>),
    /// A role session.
    AssumedRole {
        /// The role as it is now.
        role: Arc<RoleState>,
        /// `RoleSessionName`
        session_name: RoleSessionName,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// Who asked for it; `None` for the root user.
        issuer: Option<Arc<UserState>>,
        /// `Name`
        name: FederatedUserName,
    },
    /// A service, which is of no account.
    Service(Arc<ServiceCaller>),
    /// Whom an identity provider vouches for, and who has no credentials yet.
    Federated(Arc<ForeignIdentity>),
}

/// What the request was signed with.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nothing.
    None,
    /// The key of a certificate, which nobody need trust.
    Certificate(Arc<PresentedCertificate>),
    /// A long-term access key.
    LongTerm {
        /// `AKIA…`
        access_key_id: String,
    },
    /// Temporary credentials.
    Temporary {
        /// `ASIA…`
        access_key_id: String,
        /// What the token says.
        session: Arc<Session>,
        /// The session policies, compiled. `None` where the session has none and needs none;
        /// empty where nothing is granted.
        policies: Option<Arc<[Arc<Compiled>]>>,
    },
}

impl Who {
    /// Whom a session acts as now. The token of a deleted principal dies with it, and one created
    /// again under the old name has another id; a session of AssumeRoot dies when its account is no
    /// member of the organization any more.
    ///
    /// # Errors
    /// [`Error::InvalidClientTokenId`]
    pub(crate) fn of_session(
        account: &Account,
        directory: &Directory,
        session: &Session,
    ) -> Result<Self, Error> {
        Self::of_principal(account, directory, &session.principal)
    }

    /// The same, for whom a session would act as.
    ///
    /// # Errors
    /// [`Error::InvalidClientTokenId`]
    pub(crate) fn of_principal(
        account: &Account,
        directory: &Directory,
        principal: &SessionPrincipal,
    ) -> Result<Self, Error> {
        let user = |id| {
            account
                .users
                .with_id(id)
                .cloned()
                .ok_or(Error::InvalidClientTokenId)
        };
        Ok(match principal {
            SessionPrincipal::Root => Self::Root,
            SessionPrincipal::AssumedRoot(_) if directory.is_member(account.id) => Self::Root,
            SessionPrincipal::AssumedRoot(_) => return Err(Error::InvalidClientTokenId),
            SessionPrincipal::User(id) => Self::User(user(id)?),
            SessionPrincipal::AssumedRole { role, session_name } => Self::AssumedRole {
                role: account
                    .roles
                    .with_id(role)
                    .cloned()
                    .ok_or(Error::InvalidClientTokenId)?,
                session_name: session_name.clone(),
            },
            SessionPrincipal::FederatedUser { issuer, name } => Self::FederatedUser {
                issuer: issuer.as_ref().map(user).transpose()?,
                name: name.clone(),
            },
        })
    }
}

/// The session policies of a session, compiled. A managed policy that is gone leaves a doubt about
/// what was denied, and a doubt is a denial: nothing is granted then.
pub(crate) fn session_policies(
    account: &Account,
    session: &Session,
) -> Option<Arc<[Arc<Compiled>]>> {
    if let SessionPrincipal::AssumedRoot(task) = &session.principal {
        return Some(task.ceiling());
    }
    let packed = &session.packed;
    if !packed.has_policies() {
        let mandatory = matches!(session.principal, SessionPrincipal::FederatedUser { .. });
        return mandatory.then(Arc::default);
    }
    let inline = packed.policy().map(|_| packed.compiled().cloned());
    let managed = packed
        .policy_arns()
        .iter()
        .map(|arn| account.managed_policy(arn));
    let compiled: Option<Arc<[_]>> = inline.into_iter().chain(managed).collect();
    Some(compiled.unwrap_or_default())
}

impl Caller {
    /// The same caller in its account and realm as they are now.
    ///
    /// # Errors
    /// [`Error::InvalidClientTokenId`], if the account does not have the principal any more;
    /// [`Error::ExpiredToken`], if the session was revoked.
    pub(crate) fn refreshed(
        &self,
        account: &Arc<Account>,
        directory: &Arc<Directory>,
    ) -> Result<Self, Error> {
        self.check_unrevoked(directory)?;
        let who = match &self.who {
            Who::Anonymous => Who::Anonymous,
            Who::Federated(identity) => Who::Federated(identity.clone()),
            Who::Service(service) => {
                let id = self.access_key_id().unwrap_or_default();
                let known = directory.services().key(id);
                known.ok_or(Error::InvalidClientTokenId)?;
                let caller = ServiceCaller::clone(service);
                return Ok(Self::service(
                    directory.clone(),
                    caller,
                    self.credentials.clone(),
                ));
            }
            Who::Root => match self.session() {
                Some(session) => Who::of_session(account, directory, session)?,
                None => Who::Root,
            },
            Who::User(state) => Who::User(
                account
                    .users
                    .with_id(&state.user.id)
                    .cloned()
                    .ok_or(Error::InvalidClientTokenId)?,
            ),
            Who::AssumedRole { .. } | Who::FederatedUser { .. } => {
                let session = self.session().ok_or(Error::InvalidClientTokenId)?;
                Who::of_session(account, directory, session)?
            }
        };
        let credentials = match &self.credentials {
            Credentials::Temporary {
                access_key_id,
                session,
                ..
            } => Credentials::Temporary {
                access_key_id: access_key_id.clone(),
                session: session.clone(),
                policies: session_policies(account, session),
            },
            other => other.clone(),
        };
        let (account, directory) = (account.clone(), directory.clone());
        Ok(Self::new(account, directory, who, credentials))
    }

    /// Refuses a session that was revoked in the realm as it is in `directory`.
    ///
    /// # Errors
    /// [`Error::ExpiredToken`]
    pub(crate) fn check_unrevoked(&self, directory: &Directory) -> Result<(), Error> {
        match (&self.credentials, self.account_id()) {
            (
                Credentials::Temporary {
                    access_key_id,
                    session,
                    ..
                },
                Some(account),
            ) if directory
                .revocations()
                .revokes(access_key_id, account, session) =>
            {
                Err(Error::ExpiredToken)
            }
            _ => Ok(()),
        }
    }

    /// The caller of an unsigned request.
    pub(crate) fn anonymous(directory: Arc<Directory>) -> Self {
        Self {
            who: Who::Anonymous,
            credentials: Credentials::None,
            account: None,
            directory,
            arn: String::new(),
        }
    }

    /// Whoever signed a request with the key of a certificate.
    pub(crate) fn with_certificate(
        directory: Arc<Directory>,
        certificate: Arc<PresentedCertificate>,
    ) -> Self {
        Self {
            credentials: Credentials::Certificate(certificate),
            ..Self::anonymous(directory)
        }
    }

    /// The certificate that signed the request, if one did.
    pub fn certificate(&self) -> Option<&PresentedCertificate> {
        match &self.credentials {
            Credentials::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }

    /// A service that calls.
    pub(crate) fn service(
        directory: Arc<Directory>,
        service: ServiceCaller,
        credentials: Credentials,
    ) -> Self {
        Self {
            arn: service.name.to_string(),
            who: Who::Service(Arc::new(service)),
            credentials,
            account: None,
            directory,
        }
    }

    /// Whom an identity provider vouches for, verified.
    pub(crate) fn federated(directory: Arc<Directory>, identity: Arc<ForeignIdentity>) -> Self {
        Self {
            who: Who::Federated(identity),
            ..Self::anonymous(directory)
        }
    }

    /// A caller of `account`.
    pub(crate) fn new(
        account: Arc<Account>,
        directory: Arc<Directory>,
        who: Who,
        credentials: Credentials,
    ) -> Self {
        let arn = match &who {
            Who::Anonymous | Who::Federated(_) => String::new(),
            Who::Service(service) => service.name.to_string(),
            Who::Root => account.iam_arn("root"),
            Who::User(state) => state.arn.clone(),
            Who::AssumedRole { role, session_name } => {
                format!(
                    "arn:aws:sts::{}:assumed-role/{}/{session_name}",
                    account.id, role.role.name
                )
            }
            Who::FederatedUser { name, .. } => {
                format!("arn:aws:sts::{}:federated-user/{name}", account.id)
            }
        };
        Self {
            who,
            credentials,
            account: Some(account),
            directory,
            arn,
        }
    }

    /// The ARN as GetCallerIdentity gives it, which of a service is its name; `None` for the anonymous
    /// caller.
    pub fn arn(&self) -> Option<&str> {
        (!self.arn.is_empty()).then_some(self.arn.as_str())
    }

    /// The caller's account as it was when the request came.
    ///
    /// # Errors
    /// [`Error::Signature`] with a missing token, for the anonymous caller and for services, which are
    /// admitted to nothing that asks for it.
    pub fn account(&self) -> Result<&Arc<Account>, Error> {
        self.account.as_ref().ok_or(Error::Signature(
            locum_sigv4::Error::MissingAuthenticationToken,
        ))
    }

    /// The caller's account id.
    pub fn account_id(&self) -> Option<AccountId> {
        self.account.as_ref().map(|account| account.id)
    }

    /// The realm as it was when the request came.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Where the caller's account stands in the organization.
    pub fn place(&self) -> Option<&Place> {
        self.directory.place(self.account_id()?)
    }

    /// `aws:userid`: `AIDA…`, `AROA…:session`, `ACCOUNT`, `ACCOUNT:name`.
    pub fn user_id(&self) -> String {
        let account = self
            .account_id()
            .map(|id| id.to_string())
            .unwrap_or_default();
        match &self.who {
            Who::Anonymous => "anonymous".to_owned(),
            Who::Service(service) => service.name.to_string(),
            Who::Federated(identity) => identity.principal_id(),
            Who::Root => account,
            Who::User(state) => state.user.id.to_string(),
            Who::AssumedRole { role, session_name } => format!("{}:{session_name}", role.role.id),
            Who::FederatedUser { name, .. } => format!("{account}:{name}"),
        }
    }

    /// The session, if the credentials are temporary.
    pub fn session(&self) -> Option<&Session> {
        match &self.credentials {
            Credentials::Temporary { session, .. } => Some(session),
            Credentials::None | Credentials::Certificate(_) | Credentials::LongTerm { .. } => None,
        }
    }

    /// The task that a session of AssumeRoot is for.
    pub fn task(&self) -> Option<TaskPolicy> {
        match self.session()?.principal {
            SessionPrincipal::AssumedRoot(task) => Some(task),
            _ => None,
        }
    }

    /// The account that acts, where the credentials were made for a delegation request: its
    /// requestor's.
    pub fn delegate(&self) -> Option<AccountId> {
        self.session()?.delegate
    }

    /// The access key id that signed the request.
    pub fn access_key_id(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::None | Credentials::Certificate(_) => None,
            Credentials::LongTerm { access_key_id }
            | Credentials::Temporary { access_key_id, .. } => Some(access_key_id),
        }
    }

    /// Whose access keys are meant when a request names no user.
    pub fn key_owner(&self) -> Option<KeyOwner> {
        match &self.who {
            Who::Root => Some(KeyOwner::Root),
            Who::User(state) => Some(KeyOwner::User(state.user.id.clone())),
            Who::Anonymous
            | Who::AssumedRole { .. }
            | Who::FederatedUser { .. }
            | Who::Service(_)
            | Who::Federated(_) => None,
        }
    }

    /// The caller as the policy engine sees it.
    pub fn principal(&self) -> Principal<'_> {
        if let Who::Service(service) = &self.who {
            let name = service.name.as_str();
            return Principal::Service { name };
        }
        if let Who::Federated(identity) = &self.who {
            return Principal::Federated {
                provider: &identity.provider,
                account: identity.account.as_str(),
            };
        }
        let Some(account) = &self.account else {
            return Principal::Anonymous;
        };
        let account = account.id.as_str();
        match &self.who {
            Who::Anonymous | Who::Service(_) | Who::Federated(_) => Principal::Anonymous,
            Who::Root => Principal::Root { account },
            Who::User(state) => Principal::User {
                account,
                arn: &state.arn,
                unique_id: state.user.id.as_str(),
            },
            Who::AssumedRole { role, session_name } => Principal::AssumedRole {
                account,
                role_arn: &role.arn,
                unique_id: role.role.id.as_str(),
                session_arn: &self.arn,
                session_name: session_name.as_str(),
            },
            Who::FederatedUser { issuer, .. } => Principal::FederatedUser {
                account,
                arn: &self.arn,
                user: issuer
                    .as_ref()
                    .map(|state| (state.arn.as_str(), state.user.id.as_str())),
            },
        }
    }

    /// The caller's own policies.
    fn policies(&self) -> Policies<'_> {
        let own = match &self.who {
            Who::Anonymous | Who::Root | Who::Service(_) | Who::Federated(_) => None,
            Who::User(state) => Some(&state.policies),
            Who::AssumedRole { role, .. } => Some(&role.policies),
            Who::FederatedUser { issuer, .. } => issuer.as_ref().map(|state| &state.policies),
        };
        let session = match &self.credentials {
            Credentials::Temporary { policies, .. } => policies.as_deref(),
            Credentials::None | Credentials::Certificate(_) | Credentials::LongTerm { .. } => None,
        };
        Policies {
            identity: own.map(|own| &*own.identity).unwrap_or_default(),
            boundary: own.and_then(|own| own.boundary.as_deref()),
            session,
            session_binds: self.delegate().is_some(),
            ..Policies::default()
        }
    }

    /// Decides one need.
    pub fn decide(&self, facts: &RequestFacts, need: &Need<'_>) -> Decision {
        self.with_request(facts, need, locum_policy::decide)
    }

    /// Decides one need and tells why, by the same evaluator.
    pub fn explain(&self, facts: &RequestFacts, need: &Need<'_>) -> Explanation {
        self.with_request(facts, need, locum_policy::explain)
    }

    /// `Ok` if the need is allowed.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] with the whole sentence.
    pub fn allow(&self, facts: &RequestFacts, need: &Need<'_>) -> Result<(), Error> {
        match self.decide(facts, need) {
            Decision::Allowed => Ok(()),
            Decision::Denied(denial) => Err(Error::AccessDenied(self.denied(need, Some(denial)))),
        }
    }

    /// The same where the refusal is the answer to the request: where the caller may have one, it
    /// carries an [`AuthorizationMessage`].
    ///
    /// # Errors
    /// [`Error::AccessDenied`]
    pub fn allow_or_tell(
        &self,
        facts: &RequestFacts,
        need: &Need<'_>,
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        self.allow(facts, need).map_err(|error| match error {
            Error::AccessDenied(denied) => {
                let why = denied.denial.map_or(Refused::Absent, Refused::Denied);
                let encoded = AuthorizationMessage::seal(self, facts, need, why, entropy);
                Error::AccessDenied(Denied { encoded, ..denied })
            }
            other => other,
        })
    }

    /// The refusal of a need.
    pub fn denied(&self, need: &Need<'_>, denial: Option<locum_policy::Denial>) -> Denied {
        Denied {
            principal: self.arn().map(str::to_owned),
            action: need.action.to_string(),
            resource: need.resource.to_string(),
            denial,
            encoded: None,
        }
    }

    /// The condition keys that a request for a need has, as AWS spells those that all have.
    pub(crate) fn context(
        &self,
        facts: &RequestFacts,
        need: &Need<'_>,
    ) -> Vec<(String, Value<'static>)> {
        self.keys(facts, need).all()
    }

    /// The tags of the user or role, or of the user that asked for a federated user's credentials.
    fn own_tags(&self) -> &[Tag] {
        match &self.who {
            Who::User(state) => &state.user.tags,
            Who::AssumedRole { role, .. } => &role.role.tags,
            Who::FederatedUser { issuer, .. } => {
                issuer.as_ref().map_or(&[], |state| &state.user.tags)
            }
            Who::Anonymous | Who::Root | Who::Service(_) | Who::Federated(_) => &[],
        }
    }

    fn keys<'a>(&'a self, facts: &'a RequestFacts, need: &'a Need<'_>) -> Keys<'a> {
        let account = need.resource_account.or_else(|| self.account_id());
        Keys {
            caller: self,
            facts,
            need,
            owner: account.and_then(|id| self.directory.place(id)),
        }
    }

    /// Whether the need is one that no bucket policy can deny the caller.
    fn is_sovereign(&self, need: &Need<'_>, owner: Option<AccountId>) -> bool {
        matches!(self.who, Who::Root)
            && self.account_id() == owner
            && SOVEREIGN
                .iter()
                .any(|action| need.action.eq_ignore_ascii_case(action))
    }

    /// Hands over the request for a need and the policies that have a say in it.
    pub(crate) fn with_request<T>(
        &self,
        facts: &RequestFacts,
        need: &Need<'_>,
        decide: impl FnOnce(&Request<'_>, &Policies<'_>) -> T,
    ) -> T {
        let account = need.resource_account.or_else(|| self.account_id());
        let context = self.keys(facts, need);
        let own = self.policies();
        let granted = own_password::with_grant(self, need, own.identity);
        let policies = Policies {
            identity: granted.as_deref().unwrap_or(own.identity),
            resource: need
                .resource_policy
                .filter(|_| !self.is_sovereign(need, account)),
            service_control: self.place().map_or(&[], |place| &place.service_control),
            resource_control: context.owner.map_or(&[], |place| &place.resource_control),
            ..own
        };
        let request = Request {
            principal: self.principal(),
            action: &need.action,
            resource: &need.resource,
            resource_account: account.as_ref().map(AccountId::as_str).unwrap_or_default(),
            context: &context,
        };
        decide(&request, &policies)
    }
}

/// What the root user of a bucket's owner may do whatever the bucket policy says, lest it lock
/// everyone out. The organization's policies hold all the same.
const SOVEREIGN: [&str; 3] = [
    "s3:GetBucketPolicy",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
];
