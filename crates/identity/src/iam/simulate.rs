//! The policy simulator: what policies would decide, without anything being done.
//!
//! SimulateCustomPolicy, SimulatePrincipalPolicy, and the operations that list the context keys for
//! them. The decisions are those of the one evaluator; what the simulator says of them is read off
//! its explanation. Where recorded answers of AWS's simulator say more than its documentation, or
//! other than that, these follow the answers:
//!
//! - There is one result for each action. With ARNs, each has a result of its own in it, and the
//!   action is allowed if it is on all of them.
//! - `MissingContextValues` are, of an implicit denial, all keys that the policies ask for and
//!   `ContextEntries` does not give, whichever statement asks. Other decisions have none. They come
//!   with the action, and with each resource too.
//! - A resource policy that allows a caller of the same account suffices, also where it names the
//!   account alone, and beside a boundary that does not allow. Without a resource policy the
//!   resource's owner is not asked, whoever that is.
//! - Service control policies take part with their conditions. Where they do not allow, nothing else
//!   is told. Resource control policies have no part.
//! - Markers count actions, and stay good when everything else changes.
//!
//! AWS also knows which resources an action takes, and answers implicitDeny for others; here a
//! resource is what its ARN says.

use super::{need_on_group, need_on_role, need_on_user};
use crate::caller::Need;
use crate::error::Error;
use crate::names::{
    AccountId, ActionName, ArnText, Constrained as _, DocumentText, ResourceHandlingOption,
    ResourceName,
};
use crate::operation::{Call, Granted, Operation, Service};
use context::SimulatedContext;
use exclusions::Exclusions;
use locum_policy::Arn;
use sources::{Controls, Entity, EntityArn, EntityArnKind, Source};
use trial::Trial;

mod context;
mod exclusions;
mod sources;
mod trial;

pub use context::{ContextEntry, ContextKeyType, ContextValueType};
pub use exclusions::{InlinePolicyIdentifier, PolicyIdentifier, PolicyIdentifierType};
pub use locum_policy::Position;

/// What both simulations take.
#[derive(Clone, Debug, Default)]
pub struct Simulation {
    /// `PolicyInputList`
    pub policies: Vec<DocumentText>,
    /// `PermissionsBoundaryPolicyInputList`, of which there may be one.
    pub boundaries: Vec<DocumentText>,
    /// `ActionNames`
    pub actions: Vec<ActionName>,
    /// `ResourceArns`; `*` if empty.
    pub resources: Vec<ResourceName>,
    /// `ResourcePolicy`
    pub resource_policy: Option<DocumentText>,
    /// `ResourceOwner`
    pub resource_owner: Option<ResourceName>,
    /// `CallerArn`
    pub caller: Option<ResourceName>,
    /// `ContextEntries`
    pub context: Vec<ContextEntry>,
    /// `ResourceHandlingOption`
    pub resource_handling: Option<ResourceHandlingOption>,
    /// `Marker`: how many actions the pages before answered.
    pub marker: Option<Marker>,
    /// `MaxItems`, 1 to 1000; 100 if not given.
    pub max_items: Option<usize>,
}

/// Where a page of a simulation begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Marker {
    /// Behind so many actions.
    Behind(usize),
    /// It is no marker of a simulation.
    Unreadable,
}

/// A page of results.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SimulationPage {
    /// One result for each action, in the order of the request.
    pub results: Vec<EvaluationResult>,
    /// How many actions were answered up to here, if there are more.
    pub next: Option<usize>,
}

/// The result of one action.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvaluationResult {
    /// `EvalActionName`
    pub action: String,
    /// `EvalResourceName`: `*`, also for several resources.
    pub resource: String,
    /// `EvalDecision`
    pub decision: Verdict,
    /// `MatchedStatements`
    pub matched: Vec<MatchedStatement>,
    /// `MissingContextValues`
    pub missing: Vec<String>,
    /// `OrganizationsDecisionDetail`; `None` if no organization has a say.
    pub allowed_by_organizations: Option<bool>,
    /// `PermissionsBoundaryDecisionDetail`; `None` without a boundary.
    pub allowed_by_boundary: Option<bool>,
    /// `EvalDecisionDetails`; `None` for `*`, and empty within one account.
    pub details: Option<Vec<(SourceType, Verdict)>>,
    /// `ResourceSpecificResults`; none for `*`.
    pub resources: Vec<ResourceResult>,
}

/// The result of one action on one resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResourceResult {
    /// `EvalResourceName`
    pub resource: String,
    /// `EvalResourceDecision`
    pub decision: Verdict,
    /// `MatchedStatements`
    pub matched: Vec<MatchedStatement>,
    /// `MissingContextValues`
    pub missing: Vec<String>,
    /// `EvalDecisionDetails`; empty within one account.
    pub details: Vec<(SourceType, Verdict)>,
    /// `PermissionsBoundaryDecisionDetail`; `None` without a boundary.
    pub allowed_by_boundary: Option<bool>,
}

/// A decision, from the best to the worst.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each variant is the decision of its name")]
pub enum Verdict {
    Allowed,
    ImplicitDeny,
    ExplicitDeny,
}

/// What kind of policy a statement is of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SourceType {
    /// Of a user, group or role, or of `PolicyInputList`.
    Iam,
    /// `ResourcePolicy`
    Resource,
    /// The permissions boundary.
    Boundary,
}

/// A statement that made a decision.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct MatchedStatement {
    /// `SourcePolicyId`
    pub source_id: String,
    /// `SourcePolicyType`
    pub source_type: SourceType,
    /// `StartPosition`
    pub start: Position,
    /// `EndPosition`
    pub end: Position,
}

/// SimulateCustomPolicy: of policies that the request brings.
#[derive(Clone, Debug)]
pub struct SimulateCustomPolicy {
    /// `OrderedOrganizationPolicyInputList`: the service control policies of each level of an
    /// organization, from the root down; at most 7 levels.
    pub organization_policies: Vec<Vec<DocumentText>>,
    /// All else.
    pub simulation: Simulation,
}

impl Operation for SimulateCustomPolicy {
    type Output = SimulationPage;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SimulateCustomPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:SimulateCustomPolicy", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<SimulationPage, Error> {
        self.simulation.run(Subject {
            account: call.account()?.id,
            identity: Vec::new(),
            boundary: None,
            controls: sources::submitted_controls(&self.organization_policies)?,
            entity: None,
        })
    }
}

/// SimulatePrincipalPolicy: of the policies of a user with its groups, a group or a role, and of
/// those that the request brings besides. Trust and session policies have no part in it.
#[derive(Clone, Debug)]
pub struct SimulatePrincipalPolicy {
    /// `PolicySourceArn`
    pub policy_source_arn: ArnText,
    /// `PolicyExclusionList`
    pub exclusions: Vec<PolicyIdentifier>,
    /// All else.
    pub simulation: Simulation,
}

impl Operation for SimulatePrincipalPolicy {
    type Output = SimulationPage;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SimulatePrincipalPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let need = need_on_source(call, "iam:SimulatePrincipalPolicy", &self.policy_source_arn)?;
        call.allow(&need)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<SimulationPage, Error> {
        let account = call.account()?;
        let entity = Entity::find(account, self.policy_source_arn.as_str())?;
        let without = Exclusions::read(&self.exclusions)?;
        let controls = match call.caller.place() {
            Some(_) if without.all_of(PolicyIdentifierType::ServiceControl) => None,
            Some(_) if entity.is_service_linked() => Some(Controls::default()),
            place => place.map(|place| Controls::over(&place.service_control)),
        };
        self.simulation.run(Subject {
            account: account.id,
            identity: entity.policies(account, &without)?,
            boundary: entity.boundary(account, &without)?,
            controls,
            entity: Some(entity),
        })
    }
}

/// GetContextKeysForCustomPolicy: the keys that policies of the request ask for.
#[derive(Clone, Debug)]
pub struct GetContextKeysForCustomPolicy {
    /// `PolicyInputList`
    pub policies: Vec<DocumentText>,
}

impl Operation for GetContextKeysForCustomPolicy {
    type Output = Vec<String>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetContextKeysForCustomPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:GetContextKeysForCustomPolicy", "*"))
    }

    async fn perform(self, _: &Call<'_>, (): ()) -> Result<Vec<String>, Error> {
        sources::keys_of(&self.policies, std::iter::empty())
    }
}

/// GetContextKeysForPrincipalPolicy: the keys that the policies of a user with its groups, a group
/// or a role ask for, boundary included, and policies of the request besides.
#[derive(Clone, Debug)]
pub struct GetContextKeysForPrincipalPolicy {
    /// `PolicySourceArn`
    pub policy_source_arn: ArnText,
    /// `PolicyInputList`
    pub policies: Vec<DocumentText>,
}

impl Operation for GetContextKeysForPrincipalPolicy {
    type Output = Vec<String>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetContextKeysForPrincipalPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:GetContextKeysForPrincipalPolicy";
        call.allow(&need_on_source(call, action, &self.policy_source_arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Vec<String>, Error> {
        let account = call.account()?;
        let entity = Entity::find(account, self.policy_source_arn.as_str())?;
        let everything = Exclusions::default();
        let own = entity.policies(account, &everything)?;
        let boundary = entity.boundary(account, &everything)?;
        sources::keys_of(&self.policies, own.iter().chain(&boundary))
    }
}

/// The need of an action on a user, group or role given by ARN. One that there is not is authorized
/// as it was named.
fn need_on_source<'a>(
    call: &'a Call<'_>,
    action: &'static str,
    arn: &'a ArnText,
) -> Result<Need<'a>, Error> {
    match Entity::find(call.account()?, arn.as_str()) {
        Ok(Entity::User(state)) => need_on_user(call, action, state.user.name.as_str()),
        Ok(Entity::Group(state)) => need_on_group(call, action, state.group.name.as_str()),
        Ok(Entity::Role(state)) => need_on_role(call, action, state.role.name.as_str()),
        Err(_) => Ok(Need::new(action, arn.as_str())),
    }
}

/// Whose permissions are simulated, with what the account says about them.
struct Subject {
    account: AccountId,
    entity: Option<Entity>,
    identity: Vec<Source>,
    boundary: Option<Source>,
    /// `None` if no organization is known of.
    controls: Option<Controls>,
}

impl Simulation {
    /// Checks all that the model does not, and runs.
    fn run(&self, subject: Subject) -> Result<SimulationPage, Error> {
        let boundary = sources::submitted_boundary(&self.boundaries)?;
        let resources = self.checked_resources()?;
        self.check_actions(!resources.is_empty())?;
        let mut context = SimulatedContext::read(&self.context)?;
        let submitted = sources::submitted(&self.policies)?;
        let caller = self.checked_caller(subject.entity.as_ref())?;
        let owner = match &self.resource_owner {
            None => None,
            Some(text) => Some(owner(text.as_str())?),
        };
        let resource_policy = self.checked_resource_policy(caller.is_none(), &resources)?;
        let account = caller.map_or(subject.account, |(_, arn)| arn.account);
        context.assume("aws:principalaccount", account.as_str());
        context.assume("aws:userid", "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR");
        if let Some((text, arn)) = caller {
            context.assume("aws:principalarn", text);
            context.assume("aws:userid", text);
            if arn.kind == EntityArnKind::User {
                context.assume("aws:username", arn.name);
            }
        }
        let caller = caller.map_or("", |(text, _)| text);
        let itself = subject
            .entity
            .as_ref()
            .filter(|entity| entity.arn() == caller);
        let trial = Trial {
            unique_id: itself.map_or("", Entity::unique_id).to_owned(),
            caller: caller.to_owned(),
            account,
            owner,
            boundary: boundary.or(subject.boundary),
            identity: subject.identity.into_iter().chain(submitted).collect(),
            resource_policy,
            controls: subject.controls,
            context,
            resources,
        };
        let first = match self.marker {
            None => 0,
            Some(Marker::Behind(count)) => count,
            Some(Marker::Unreadable) => return invalid("Invalid marker for pagination."),
        };
        trial.page(&self.actions, first, self.max_items.unwrap_or(100))
    }

    /// `ResourceArns` that are ARNs; none for `*`.
    fn checked_resources(&self) -> Result<Vec<String>, Error> {
        if let [one] = self.resources.as_slice()
            && one.as_str() == "*"
        {
            return Ok(Vec::new());
        }
        let checked = |name: &ResourceName| match Arn::parse(name.as_str()) {
            Some(_) => Ok(name.to_string()),
            None => no_arn(name.as_str()),
        };
        self.resources.iter().map(checked).collect()
    }

    fn check_actions(&self, on_resources: bool) -> Result<(), Error> {
        if self.actions.is_empty() {
            return invalid("ActionNames cannot be null or empty.");
        }
        if self.actions.iter().any(|name| !name.as_str().contains(':')) {
            return invalid("The action is invalid since it is missing names");
        }
        // The scenarios tell AWS's simulator which resources belong together. It refuses them for
        // other actions, does not insist on the resources, and does not look at them for `*`.
        let Some(option) = self.resource_handling.as_ref().filter(|_| on_resources) else {
            return Ok(());
        };
        let known = SCENARIOS.contains(&option.as_str());
        let mut names = self.actions.iter().map(ActionName::as_str);
        match names.find(|name| !known || !name.eq_ignore_ascii_case("ec2:RunInstances")) {
            None => Ok(()),
            Some(name) => invalid(format!(
                "Invalid input resource handling options. Action does not support resource handling options: {name}. Please refer to the documentation for more details: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html"
            )),
        }
    }

    /// The ARN of the caller: `CallerArn`, or that of the simulated entity.
    fn checked_caller<'a>(
        &'a self,
        entity: Option<&'a Entity>,
    ) -> Result<Option<(&'a str, EntityArn<'a>)>, Error> {
        let text = match (&self.caller, entity) {
            (Some(caller), _) => caller.as_str(),
            // A resource policy names users, so a group or role needs one to stand for it.
            (None, Some(Entity::Group(_) | Entity::Role(_))) if self.resource_policy.is_some() => {
                return Ok(None);
            }
            (None, Some(entity)) => entity.arn(),
            (None, None) => return Ok(None),
        };
        match EntityArn::parse(text) {
            Some(arn) => Ok(Some((text, arn))),
            None => invalid(
                "Invalid caller - Caller must be an IAM user, role or group in this context.",
            ),
        }
    }

    fn checked_resource_policy(
        &self,
        anonymous: bool,
        resources: &[String],
    ) -> Result<Option<Source>, Error> {
        let Some(text) = &self.resource_policy else {
            return Ok(None);
        };
        if anonymous {
            return invalid("Invalid caller - Caller cannot be null or empty.");
        }
        if resources.is_empty() {
            return invalid("Invalid Entity Arn: * does not clearly define entity type and name.");
        }
        let source = sources::submitted_resource(text)?;
        if source.is_about_everything() {
            return no_arn("*");
        }
        Ok(Some(source))
    }
}

/// The values of `ResourceHandlingOption` that AWS documents.
const SCENARIOS: [&str; 4] = [
    "EC2-VPC-InstanceStore",
    "EC2-VPC-InstanceStore-Subnet",
    "EC2-VPC-EBS",
    "EC2-VPC-EBS-Subnet",
];

/// The account of a `ResourceOwner`: any ARN of IAM's tells one, the number alone does not.
fn owner(text: &str) -> Result<AccountId, Error> {
    let account = Arn::parse(text)
        .filter(|arn| arn.service() == "iam" && arn.region().is_empty())
        .and_then(|arn| AccountId::parse(arn.account()).ok());
    match account {
        Some(account) => Ok(account),
        None => invalid(format!("'{text}' is not a valid as a Resource Owner.")),
    }
}

fn no_arn<T>(text: &str) -> Result<T, Error> {
    invalid(format!(
        "ResourceNames are not in a valid ARN format: {text}."
    ))
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::InvalidInput(message.into()))
}
