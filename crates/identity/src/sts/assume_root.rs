//! AssumeRoot: temporary credentials of a member account's root user, for one task.

use super::NewSession;
use crate::account::iam_arn;
use crate::caller::{Caller, Need, Who};
use crate::environment::Seconds;
use crate::error::{Error, Forbidden};
use crate::names::{
    AccountId, ArnText, Constrained as _, MinimumTokenSize, RootSessionDuration, SourceIdentity,
    TargetPrincipal,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::root_access::{TaskPolicy, consent, is_enabled, is_open_to};
use crate::session::{Packed, SessionPrincipal, TemporaryCredentials};
use locum_policy::ResourcePolicy;
use std::borrow::Cow;

const DEFAULT_ROOT_SESSION: Seconds = 900;

/// AssumeRoot: temporary credentials of a member account's root user, for users and roles of the
/// management account or of the delegated administrator for IAM.
#[derive(Clone, Debug)]
pub struct AssumeRoot {
    /// `TargetPrincipal`: the member account's id, or its root user's ARN.
    pub target_principal: TargetPrincipal,
    /// `TaskPolicyArn.arn`: one of the policies below `root-task/`.
    pub task_policy_arn: ArnText,
    /// `DurationSeconds`; fifteen minutes if not given.
    pub duration: Option<RootSessionDuration>,
    /// `MinimumSessionTokenSize`
    pub minimum_token_size: MinimumTokenSize,
}

/// What AssumeRoot answers.
#[derive(Debug)]
pub struct AssumedRoot {
    /// `Credentials`
    pub credentials: TemporaryCredentials,
    /// `SourceIdentity`: the calling session's, which the root session keeps.
    pub source_identity: Option<SourceIdentity>,
}

impl Operation for AssumeRoot {
    type Output = AssumedRoot;
    type Found = (AccountId, TaskPolicy);
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRoot";

    fn resource(&self, _: &Caller) -> Cow<'_, str> {
        match self.target() {
            Some(target) => Cow::Owned(iam_arn(target, "root")),
            None => Cow::Borrowed(self.target_principal.as_str()),
        }
    }

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Self::Found>, Error> {
        let invalid = |text: &str| Error::ValidationText(format!("{text} is invalid"));
        let target = self
            .target()
            .ok_or_else(|| invalid(self.target_principal.as_str()))?;
        let task = TaskPolicy::of_arn(self.task_policy_arn.as_str())
            .ok_or_else(|| invalid(self.task_policy_arn.as_str()))?;
        let directory = call.caller.directory();
        let consent = consent(directory, target);
        let mut need = Need::new("sts:AssumeRoot", iam_arn(target, "root"))
            .key("sts:taskpolicyarn", task.arn());
        need.resource_account = Some(target);
        need.resource_policy = consent.as_deref().map(ResourcePolicy::Attached);
        let refused = || call.caller.denied(&need, None);
        if let Who::Root = call.caller.who {
            return Err(Error::AccessDenied(refused()));
        }
        let granted = call.allow(&need)?;
        if !is_open_to(call.caller, target) {
            return Err(Error::AccessDenied(refused()));
        }
        let organization = directory.organization.as_deref();
        if !organization.is_some_and(|own| is_enabled(own, task.feature())) {
            return Err(Error::Forbidden(Forbidden::RootAccessDisabled(
                refused(),
                task.feature(),
            )));
        }
        Ok(granted.with((target, task)))
    }

    async fn perform(
        self,
        call: &Call<'_>,
        (target, task): (AccountId, TaskPolicy),
    ) -> Result<AssumedRoot, Error> {
        let source_identity = call
            .caller
            .session()
            .and_then(|session| session.source_identity.clone());
        let session = NewSession {
            principal: SessionPrincipal::AssumedRoot(task),
            lifetime: self
                .duration
                .map_or(DEFAULT_ROOT_SESSION, RootSessionDuration::seconds),
            packed: Packed::default(),
            source_identity: source_identity.clone(),
            mfa: None,
            delegate: None,
            federation: None,
        };
        Ok(AssumedRoot {
            credentials: session.issue(call, target, self.minimum_token_size)?,
            source_identity,
        })
    }
}

impl AssumeRoot {
    /// The account that is meant: twelve digits, or exactly the ARN of a root user.
    fn target(&self) -> Option<AccountId> {
        let text = self.target_principal.as_str();
        let id = match text.strip_prefix("arn:aws:iam::") {
            Some(rest) => rest.strip_suffix(":root")?,
            None => text,
        };
        AccountId::parse(id).ok()
    }
}
