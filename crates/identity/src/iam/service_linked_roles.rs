//! Service-linked roles: made for a service by name, and only the service's to change.

use super::roles::ShownRole;
use super::{Named as _, need_on_role, role};
use crate::caller::Need;
use crate::entity::{Attachments, DeletionFailure, DeletionTask, Organization, Role};
use crate::environment::Seconds;
use crate::error::{Error, Missing};
use crate::ids::{IdKind, UniqueId, uuid};
use crate::limits::RoleLimits;
use crate::names::{
    Constrained as _, CustomSuffix, DeletionTaskId, Description, EntityName, MaxSessionDuration,
    RoleName,
};
use crate::operation::{Call, Draft, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use crate::service_linked::LinkedService;

/// The condition key that tells for which service.
const SERVICE_NAME: &str = "iam:awsservicename";
/// How long it can be asked what became of a deletion.
const TASK_LIFE: Seconds = 24 * 60 * 60;
/// Deletions of which it is remembered what became, at most.
const TASKS: usize = 1000;

/// CreateServiceLinkedRole
#[derive(Clone, Debug)]
pub struct CreateServiceLinkedRole {
    /// `AWSServiceName`
    pub aws_service_name: EntityName,
    /// `Description`
    pub description: Option<Description>,
    /// `CustomSuffix`
    pub custom_suffix: Option<CustomSuffix>,
}

impl CreateServiceLinkedRole {
    fn suffix(&self) -> Option<&str> {
        self.custom_suffix.as_ref().map(CustomSuffix::as_str)
    }
}

impl Operation for CreateServiceLinkedRole {
    type Output = ShownRole;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateServiceLinkedRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let service = self.aws_service_name.as_str();
        let name = match LinkedService::of(service) {
            Some(linked) => linked.role_name(self.suffix()),
            None => "*".to_owned(),
        };
        let arn = format!("role{}{service}/{name}", Role::SERVICE_LINKED);
        let need = Need::new("iam:CreateServiceLinkedRole", call.account()?.iam_arn(&arn));
        call.allow(&need.key(SERVICE_NAME, service))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownRole, Error> {
        let service = self.aws_service_name.as_str();
        let unknown = || Error::NoSuchEntity(Missing::LinkedService(service.to_owned()));
        let linked = LinkedService::of(service).ok_or_else(unknown)?;
        let path = linked.path().ok_or_else(unknown)?;
        if self.custom_suffix.is_some() && !linked.takes_suffix() {
            return Err(Error::InvalidInput(format!(
                "Custom suffix is not allowed for {service}"
            )));
        }
        let name = linked.role_name(self.suffix());
        let name = RoleName::parse(&name).map_err(|_| {
            Error::InvalidInput(format!(
                "The role name {name} must not be longer than 64 characters."
            ))
        })?;
        let role = call
            .change(|draft| {
                let account = draft.account;
                if account.roles.named(name.as_str()).is_some() {
                    return Err(Error::InvalidInput(format!(
                        "Service role name {name} has been taken in this account, please try a different suffix."
                    )));
                }
                account.room_for_one(account.roles.len(), AccountQuota::RolesPerAccount)?;
                let policy = Some(linked.policy_arn());
                let policy = policy.filter(|arn| account.managed_policy(arn).is_some());
                let role = Role {
                    id: UniqueId::generate(IdKind::Role, account.id, draft.entropy),
                    name: name.clone(),
                    path: path.clone(),
                    created: draft.now,
                    description: self.description.clone(),
                    max_session_duration: MaxSessionDuration::default(),
                    trust_policy: linked.trust_policy(),
                    tags: Vec::new(),
                    limits: RoleLimits::default(),
                    permissions_boundary: None,
                    source: None,
                    policies: Attachments {
                        attached: policy.into_iter().collect(),
                        ..Attachments::default()
                    },
                };
                draft.change.put(role.clone());
                Ok(role)
            })
            .await?;
        ShownRole::new(call.realm, call.account()?.id, role).await
    }
}

/// DeleteServiceLinkedRole: the deletion is done, or has failed, before it is answered. It fails where
/// the service still has trusted access to the organization.
#[derive(Clone, Debug)]
pub struct DeleteServiceLinkedRole {
    /// `RoleName`
    pub role_name: RoleName,
}

impl Operation for DeleteServiceLinkedRole {
    /// `DeletionTaskId`
    type Output = String;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteServiceLinkedRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:DeleteServiceLinkedRole";
        let need = need_on_role(call, action, self.role_name.as_str())?;
        let role = Role::find(call.account()?, &self.role_name).ok();
        call.allow(&need.key_if(SERVICE_NAME, role.and_then(service_of)))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<String, Error> {
        let directory = call.realm.directory();
        let organization = directory.organization.as_deref();
        call.change(|draft| {
            let role = &role(draft.account, self.role_name.as_str())?.role;
            let service = service_of(role)
                .ok_or_else(|| Error::NoSuchEntity(Missing::LinkedRole(role.name.to_string())))?;
            sweep(draft);
            let failure = organization
                .filter(|organization| organization.trusts(service))
                .map(still_trusted);
            if failure.is_none() {
                draft.change.delete(role.clone());
            }
            let task = DeletionTask {
                id: format!("task{}{}/{}", role.path, role.name, uuid(draft.entropy)),
                role: role.name.clone(),
                at: draft.now,
                failure,
            };
            let id = task.id.clone();
            draft.change.put(task);
            Ok(id)
        })
        .await
    }
}

/// The service of a service-linked role.
fn service_of(role: &Role) -> Option<&str> {
    let path = role.path.as_str().strip_prefix(Role::SERVICE_LINKED)?;
    path.split('/').next().filter(|name| !name.is_empty())
}

fn still_trusted(organization: &Organization) -> DeletionFailure {
    DeletionFailure {
        reason: "The service still has trusted access to the organization.".to_owned(),
        region: "us-east-1".to_owned(),
        resources: vec![organization.arn(&format!("organization/{}", organization.id))],
    }
}

/// Takes out what is too old to be asked for, and the oldest of too many.
fn sweep(draft: &mut Draft<'_>) {
    let mut tasks: Vec<_> = draft.account.deletion_tasks.values().collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.at));
    for (place, task) in tasks.into_iter().enumerate() {
        if place + 1 >= TASKS || is_over(task, draft.now) {
            draft.change.delete(DeletionTask::clone(task));
        }
    }
}

fn is_over(task: &DeletionTask, now: Seconds) -> bool {
    now - task.at >= TASK_LIFE
}

/// GetServiceLinkedRoleDeletionStatus
#[derive(Clone, Debug)]
pub struct GetServiceLinkedRoleDeletionStatus {
    /// `DeletionTaskId`
    pub deletion_task_id: DeletionTaskId,
}

impl Operation for GetServiceLinkedRoleDeletionStatus {
    /// Why the deletion failed; `None` for one that succeeded.
    type Output = Option<DeletionFailure>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetServiceLinkedRoleDeletionStatus";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        // The role that the id names, which may be gone.
        let id = self.deletion_task_id.as_str();
        let arn = match task_parts(id) {
            Some((service, role)) => format!("role{}{service}/{role}", Role::SERVICE_LINKED),
            None => format!("role{}*", Role::SERVICE_LINKED),
        };
        let action = "iam:GetServiceLinkedRoleDeletionStatus";
        let need = Need::new(action, call.account()?.iam_arn(&arn));
        call.allow(&need.key_if(SERVICE_NAME, task_parts(id).map(|(service, _)| service)))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let id = self.deletion_task_id.as_str();
        if task_parts(id).is_none() {
            return Err(Error::InvalidInput(
                "The deletion task id must be of the form task/aws-service-role/<service-principal-name>/<role-name>/<task-uuid>."
                    .to_owned(),
            ));
        }
        let task = call.account()?.deletion_tasks.get(id);
        let task = task.filter(|task| !is_over(task, call.facts.now));
        let missing = || Error::NoSuchEntity(Missing::DeletionTask(id.to_owned()));
        Ok(task.ok_or_else(missing)?.failure.clone())
    }
}

/// The service and the role of `task/aws-service-role/SERVICE/ROLE/UUID`.
fn task_parts(id: &str) -> Option<(&str, &str)> {
    let rest = id
        .strip_prefix("task")?
        .strip_prefix(Role::SERVICE_LINKED)?;
    let mut parts = rest.split('/');
    let (service, role, _uuid) = (parts.next()?, parts.next()?, parts.next()?);
    let names = EntityName::parse(service).is_ok() && RoleName::parse(role).is_ok();
    (names && parts.next().is_none()).then_some((service, role))
}
