//! Which services a user, group, role or policy gives access to, and who used that when.
//!
//! Whether there is access says the permission policies alone, by the services of what they allow. When
//! it was used is what this system saw: attempts of the last 400 days, refused ones too.

use super::{group, parsed_arn, role, user};
use crate::account::{Account, GroupState, RoleState, UserState};
use crate::caller::Need;
use crate::entity::Attachments;
use crate::environment::Seconds;
use crate::error::{Error, Missing};
use crate::iam::{Page, PageRequest};
use crate::ids::uuid;
use crate::names::{AccountId, ArnText, Constrained as _, JobId, ServiceNamespace};
use crate::operation::{Call, Granted, Operation, Service};
use crate::port::{Access, Report};
use locum_policy::{Kind, Policy, service_name};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

mod granting;
mod organizations;

pub use granting::{
    GrantingPolicy, ListPoliciesGrantingServiceAccess, PolicyHolder, ServiceGrants,
};
pub use organizations::{
    AccessDetail, GenerateOrganizationsAccessReport, GetOrganizationsAccessReport,
    OrganizationsAccessPage, SortKey,
};

/// How long a report is kept for who asked for it. AWS does not say how long it keeps one.
const KEPT_FOR: Seconds = 24 * 60 * 60;
/// Services on a page where the request does not say: what AWS answers, though its guide says 100.
const SERVICES_ON_A_PAGE: usize = 200;

/// What a report tells.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Granularity {
    /// `SERVICE_LEVEL`
    #[default]
    Service,
    /// `ACTION_LEVEL`
    Action,
}

/// GenerateServiceLastAccessedDetails: the report is made before the job's id is answered.
#[derive(Clone, Debug)]
pub struct GenerateServiceLastAccessedDetails {
    /// `Arn`
    pub arn: ArnText,
    /// `Granularity`
    pub granularity: Granularity,
}

/// A report as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Details {
    /// The only one who may see it, as [`crate::caller::Caller::user_id`] tells principals apart.
    asker: String,
    granularity: Granularity,
    /// Who could use the access.
    entities: Vec<EntityInfo>,
    /// By namespace.
    services: Vec<ServiceUse>,
}

/// A user or role.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct EntityInfo {
    /// `Arn`
    pub arn: String,
    /// `Name`
    pub name: String,
    /// Whether it is a role, and not a user.
    pub is_role: bool,
    /// `Id`
    pub id: String,
    /// `Path`
    pub path: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ServiceUse {
    namespace: String,
    /// The newest first.
    uses: Vec<EntityUse>,
    /// By name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    actions: Vec<ActionUse>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct EntityUse {
    /// Its place among the entities.
    entity: usize,
    at: Seconds,
    region: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ActionUse {
    name: String,
    last: EntityUse,
}

/// Who last used something, when and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LastAccess {
    /// The ARN of the user or role.
    pub entity: String,
    /// When.
    pub at: Seconds,
    /// The region.
    pub region: String,
}

/// `ServiceLastAccessed`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceLastAccessed {
    /// `ServiceName`
    pub name: &'static str,
    /// `ServiceNamespace`
    pub namespace: String,
    /// The last attempt, if there was one.
    pub last: Option<LastAccess>,
    /// `TotalAuthenticatedEntities`
    pub total_entities: usize,
    /// `TrackedActionsLastAccessed`: those that were tried.
    pub actions: Vec<(String, LastAccess)>,
}

/// `EntityDetails`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EntityDetails {
    /// `EntityInfo`
    pub entity: EntityInfo,
    /// `LastAuthenticated`
    pub last_authenticated: Option<Seconds>,
}

/// A page of a report.
#[derive(Clone, Debug)]
pub struct ReportPage<T> {
    /// `JobCreationDate` and `JobCompletionDate`
    pub made: Seconds,
    /// `JobType`
    pub granularity: Granularity,
    /// The items.
    pub page: Page<T>,
}

/// What a report is about.
enum Subject<'a> {
    User(&'a Arc<UserState>),
    Group(&'a Arc<GroupState>),
    Role(&'a Arc<RoleState>),
    /// By ARN.
    Policy(&'a str),
}

impl<'a> Subject<'a> {
    fn find(account: &'a Account, arn: &'a str) -> Result<Self, Error> {
        let parsed = parsed_arn(arn)?;
        let invalid = || Error::InvalidInput(format!("Invalid ARN provided in the request: {arn}"));
        if parsed.service() != "iam" {
            return Err(invalid());
        }
        let (kind, _) = parsed.resource().split_once('/').ok_or_else(invalid)?;
        let name = arn.rsplit('/').next().unwrap_or_default();
        let other = |missing: Missing| Error::NoSuchEntity(missing);
        match kind {
            "user" => {
                let state = user(account, name)?;
                let missing = Missing::User(name.to_owned());
                (state.arn == arn)
                    .then_some(Self::User(state))
                    .ok_or_else(|| other(missing))
            }
            "group" => {
                let state = group(account, name)?;
                let missing = Missing::Group(name.to_owned());
                (state.arn == arn)
                    .then_some(Self::Group(state))
                    .ok_or_else(|| other(missing))
            }
            "role" => {
                let state = role(account, name)?;
                let missing = Missing::Role(name.to_owned());
                (state.arn == arn)
                    .then_some(Self::Role(state))
                    .ok_or_else(|| other(missing))
            }
            "policy" => {
                let missing = Missing::Policy(arn.to_owned());
                let found = account.managed_policy(arn).map(|_| Self::Policy(arn));
                found.ok_or_else(|| other(missing))
            }
            _ => Err(invalid()),
        }
    }

    /// The need of an action on what has that ARN. What there is not is authorized as it was named.
    fn need(call: &'a Call<'_>, action: &'static str, arn: &'a ArnText) -> Result<Need<'a>, Error> {
        let parsed = parsed_arn(arn.as_str())?;
        let account = call.account()?;
        let mut need = Need::new(action, arn.as_str());
        need.resource_account = AccountId::parse(parsed.account()).ok();
        Ok(match Self::find(account, arn.as_str()) {
            Ok(Self::User(state)) => super::need_on_user(call, action, state.user.name.as_str())?,
            Ok(Self::Role(state)) => super::need_on_role(call, action, state.role.name.as_str())?,
            Ok(Self::Policy(arn)) => match account.policy_with_arn(arn) {
                Some(state) => need.resource_tags(&state.policy.tags, None),
                None => need,
            },
            Ok(Self::Group(_)) | Err(_) => need,
        })
    }

    /// The services that the permission policies give access to.
    fn services(&self, account: &Account) -> BTreeSet<&'static str> {
        let held = match self {
            Self::User(state) => {
                let groups = state.user.groups.iter();
                let groups = groups.filter_map(|id| account.groups.with_id(id));
                let groups = groups.map(|state| &state.group.policies);
                std::iter::once(&state.user.policies)
                    .chain(groups)
                    .collect()
            }
            Self::Group(state) => vec![&state.group.policies],
            Self::Role(state) => vec![&state.role.policies],
            Self::Policy(arn) => return services_of(managed_document(account, arn)),
        };
        held.into_iter()
            .flat_map(|it| services_held(account, it))
            .collect()
    }

    /// The users and roles that have the access.
    fn entities(&self, account: &Account) -> Vec<EntityInfo> {
        match self {
            Self::User(state) => vec![EntityInfo::user(state)],
            Self::Role(state) => vec![EntityInfo::role(state)],
            Self::Group(state) => {
                let members = account.members(&state.group.id);
                members.map(|(_, state)| EntityInfo::user(state)).collect()
            }
            Self::Policy(arn) => {
                let holds = |held: &Attachments| held.attached.iter().any(|other| other == arn);
                let groups = account.groups.iter().map(|(_, state)| &state.group);
                let groups: HashSet<_> = groups
                    .filter(|group| holds(&group.policies))
                    .map(|group| &group.id)
                    .collect();
                let users = account.users.iter().filter(|(_, state)| {
                    let mut of = state.user.groups.iter();
                    holds(&state.user.policies) || of.any(|id| groups.contains(id))
                });
                let roles = account.roles.iter();
                let roles = roles.filter(|(_, state)| holds(&state.role.policies));
                users
                    .map(|(_, state)| EntityInfo::user(state))
                    .chain(roles.map(|(_, state)| EntityInfo::role(state)))
                    .collect()
            }
        }
    }
}

impl EntityInfo {
    fn user(state: &UserState) -> Self {
        Self {
            arn: state.arn.clone(),
            name: state.user.name.to_string(),
            is_role: false,
            id: state.user.id.to_string(),
            path: state.user.path.to_string(),
        }
    }

    fn role(state: &RoleState) -> Self {
        Self {
            arn: state.arn.clone(),
            name: state.role.name.to_string(),
            is_role: true,
            id: state.role.id.to_string(),
            path: state.role.path.to_string(),
        }
    }
}

/// The document in force of a managed policy, this account's or AWS's.
fn managed_document<'a>(account: &'a Account, arn: &str) -> Option<&'a str> {
    if let Some(policy) = account.aws_managed.policy(arn) {
        return Some(&policy.document);
    }
    let policy = &account.policy_with_arn(arn)?.policy;
    let versions = policy.versions.iter();
    let mut in_force = versions.filter(|version| version.number == policy.default_version);
    in_force.next().map(|version| version.document.as_str())
}

/// The services that a document allows something of.
fn services_of(document: Option<&str>) -> BTreeSet<&'static str> {
    let policy = document.and_then(|text| Policy::stored(text, Kind::Identity).ok());
    policy
        .map(|policy| policy.allowed_services())
        .unwrap_or_default()
}

fn services_held(account: &Account, held: &Attachments) -> BTreeSet<&'static str> {
    let inline = held
        .inline
        .values()
        .map(|inline| Some(inline.document.as_str()));
    let attached = held
        .attached
        .iter()
        .map(|arn| managed_document(account, arn));
    inline.chain(attached).flat_map(services_of).collect()
}

impl Operation for GenerateServiceLastAccessedDetails {
    type Output = String;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GenerateServiceLastAccessedDetails";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:GenerateServiceLastAccessedDetails";
        call.allow(&Subject::need(call, action, &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<String, Error> {
        let account = call.account()?;
        let subject = Subject::find(account, self.arn.as_str())?;
        let entities = subject.entities(account);
        let ids = entities.iter().map(|entity| entity.id.as_str()).collect();
        let accesses = call.realm.accesses_of(account.id, &ids).await?;
        let services = subject.services(account);
        let details = Details {
            asker: call.caller.user_id(),
            granularity: self.granularity,
            services: used(services, &entities, &accesses, self.granularity),
            entities,
        };
        keep(call, &details).await
    }
}

/// What is known of the use of each service.
fn used(
    services: BTreeSet<&'static str>,
    entities: &[EntityInfo],
    accesses: &[Access],
    granularity: Granularity,
) -> Vec<ServiceUse> {
    let places = entities.iter().enumerate();
    let places: HashMap<_, _> = places
        .map(|(at, entity)| (entity.id.as_str(), at))
        .collect();
    let mut by_service: HashMap<&str, Vec<(&Access, EntityUse)>> = HashMap::new();
    for access in accesses {
        if let Some(entity) = places.get(access.principal.as_str()) {
            let one = EntityUse {
                entity: *entity,
                at: access.at,
                region: access.region.clone(),
            };
            by_service
                .entry(&access.service)
                .or_default()
                .push((access, one));
        }
    }
    let service_use = |namespace: &'static str| {
        let mut uses: Vec<_> = by_service.remove(namespace).unwrap_or_default();
        // The newest first; of one moment, whoever comes first among the entities.
        uses.sort_by_key(|(_, one)| (std::cmp::Reverse(one.at), one.entity));
        let mut actions = BTreeMap::new();
        if granularity == Granularity::Action {
            for (access, one) in &uses {
                actions
                    .entry(access.action.clone())
                    .or_insert_with(|| one.clone());
            }
        }
        let mut once = HashSet::new();
        let uses = uses.into_iter().map(|(_, one)| one);
        ServiceUse {
            namespace: namespace.to_owned(),
            uses: uses.filter(|one| once.insert(one.entity)).collect(),
            actions: actions
                .into_iter()
                .map(|(name, last)| ActionUse { name, last })
                .collect(),
        }
    };
    services.into_iter().map(service_use).collect()
}

/// Keeps a report under a new job id.
async fn keep(call: &Call<'_>, body: &impl Serialize) -> Result<String, Error> {
    let now = call.facts.now;
    let id = uuid(&*call.realm.environment().entropy);
    let body = serde_json::to_string(body).map_err(|error| Error::Internal(Box::new(error)))?;
    let report = Report {
        account: call.account()?.id,
        id: id.clone(),
        created: now,
        expires: now + KEPT_FOR,
        body,
    };
    call.realm.keep_report(report).await?;
    Ok(id)
}

/// The report of a job, with when it was made. Jobs of another kind are no jobs.
async fn kept<T: DeserializeOwned>(call: &Call<'_>, id: &JobId) -> Result<(T, Seconds), Error> {
    let report = call
        .realm
        .kept_report(call.account()?.id, id.as_str())
        .await?;
    let found = report.and_then(|it| Some((serde_json::from_str(&it.body).ok()?, it.created)));
    found.ok_or_else(|| no_job(id))
}

fn no_job(id: &JobId) -> Error {
    Error::NoSuchEntity(Missing::ReportJob(id.to_string()))
}

impl Details {
    /// The report of a job, for who asked for it: to others it is not there.
    async fn of(call: &Call<'_>, id: &JobId) -> Result<(Self, Seconds), Error> {
        let (details, made): (Self, _) = kept(call, id).await?;
        if details.asker == call.caller.user_id() {
            Ok((details, made))
        } else {
            Err(no_job(id))
        }
    }

    fn last(&self, one: &EntityUse) -> Option<LastAccess> {
        Some(LastAccess {
            entity: self.entities.get(one.entity)?.arn.clone(),
            at: one.at,
            region: one.region.clone(),
        })
    }

    fn told(&self, service: &ServiceUse) -> ServiceLastAccessed {
        let actions = service.actions.iter();
        ServiceLastAccessed {
            name: service_name(&service.namespace).unwrap_or_default(),
            namespace: service.namespace.clone(),
            last: service.uses.first().and_then(|one| self.last(one)),
            total_entities: service.uses.len(),
            actions: actions
                .filter_map(|action| Some((action.name.clone(), self.last(&action.last)?)))
                .collect(),
        }
    }
}

/// GetServiceLastAccessedDetails: the services by namespace.
#[derive(Clone, Debug)]
pub struct GetServiceLastAccessedDetails {
    /// `JobId`
    pub job_id: JobId,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for GetServiceLastAccessedDetails {
    type Output = ReportPage<ServiceLastAccessed>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetServiceLastAccessedDetails";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:GetServiceLastAccessedDetails", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let (details, made) = Details::of(call, &self.job_id).await?;
        let page = PageRequest {
            max_items: self.page.max_items.or(Some(SERVICES_ON_A_PAGE)),
            ..self.page
        };
        let services = details.services.iter();
        let page = page.page_of_all(services.map(|it| (it.namespace.as_str(), details.told(it))));
        Ok(ReportPage {
            made,
            granularity: details.granularity,
            page,
        })
    }
}

/// GetServiceLastAccessedDetailsWithEntities: who has the access to a service, the last to use it first.
#[derive(Clone, Debug)]
pub struct GetServiceLastAccessedDetailsWithEntities {
    /// `JobId`
    pub job_id: JobId,
    /// `ServiceNamespace`
    pub service_namespace: ServiceNamespace,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for GetServiceLastAccessedDetailsWithEntities {
    type Output = ReportPage<EntityDetails>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetServiceLastAccessedDetailsWithEntities";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:GetServiceLastAccessedDetailsWithEntities";
        call.allow(&Need::new(action, "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let (details, made) = Details::of(call, &self.job_id).await?;
        let wanted = self.service_namespace.as_str();
        let service = details.services.iter().find(|it| it.namespace == wanted);
        let service = service.ok_or_else(|| {
            Error::InvalidInput(format!("The report does not have the service {wanted}."))
        })?;
        let used: HashSet<_> = service.uses.iter().map(|one| one.entity).collect();
        let uses = service.uses.iter().map(|one| (one.entity, Some(one.at)));
        let unused = (0..details.entities.len()).filter(|at| !used.contains(at));
        let all = uses.chain(unused.map(|at| (at, None)));
        let told = all.filter_map(|(at, last_authenticated)| {
            Some(EntityDetails {
                entity: details.entities.get(at)?.clone(),
                last_authenticated,
            })
        });
        Ok(ReportPage {
            made,
            granularity: details.granularity,
            page: page_by_place(&self.page, told),
        })
    }
}

/// A page of what is in an order of its own, and does not change.
fn page_by_place<T>(page: &PageRequest, items: impl Iterator<Item = T>) -> Page<T> {
    let keyed: Vec<_> = items
        .enumerate()
        .map(|(at, item)| (format!("{at:08}"), item))
        .collect();
    let (keys, items): (Vec<_>, Vec<_>) = keyed.into_iter().unzip();
    page.page_of_all(keys.iter().map(String::as_str).zip(items))
}
