//! The policies that take part in a simulation, each with the name that answers call it by.

use super::exclusions::{Exclusions, PolicyIdentifierType};
use crate::account::{Account, GroupState, RoleState, UserState};
use crate::entity::Attachments;
use crate::error::Error;
use crate::names::{AccountId, Constrained as _, DocumentText};
use locum_policy::quotas::CONTROL_POLICY;
use locum_policy::{Arn, Compiled, Kind, Level, Policy, Position, context_keys};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A policy of the simulation.
#[derive(Debug)]
pub(super) struct Source {
    /// `SourcePolicyId`
    pub(super) id: String,
    policy: Policy,
    pub(super) compiled: Arc<Compiled>,
}

impl Source {
    fn new(id: String, policy: Policy) -> Self {
        Self {
            id,
            compiled: Arc::new(policy.compile()),
            policy,
        }
    }

    /// A policy that the request brings.
    ///
    /// The simulator takes documents without a version, and of the old one. An identity policy must
    /// have the current one when it is written, and is otherwise read as a session policy is: the
    /// only further difference is that a value there that its operator cannot read is no fault.
    fn submitted(id: String, text: &str, kind: Kind) -> Option<Self> {
        let policy = Policy::parse(text, kind).or_else(|fault| match kind {
            Kind::Identity => Policy::parse(text, Kind::Session)
                .ok()
                .filter(|policy| !policy.is_current())
                .ok_or(fault),
            _ => Err(fault),
        });
        Some(Self::new(id, policy.ok()?))
    }

    /// A policy of the account, which was found to be right when it was written.
    fn stored((id, text): (String, &str)) -> Result<Self, Error> {
        match Policy::stored(text, Kind::Identity) {
            Ok(policy) => Ok(Self::new(id, policy)),
            Err(fault) => Err(Error::PolicyEvaluation(format!(
                "Policy {id} could not be evaluated: {fault}"
            ))),
        }
    }

    /// Where a statement stands in the document.
    pub(super) fn positions(&self, statement: usize) -> Option<(Position, Position)> {
        self.policy.statement_positions(statement)
    }

    /// The document.
    pub(super) fn text(&self) -> &str {
        self.policy.text()
    }

    pub(super) fn size(&self) -> Size {
        Size::of(&self.policy)
    }

    /// Whether a statement has `*` among its resources.
    pub(super) fn is_about_everything(&self) -> bool {
        self.policy.resources().any(|resource| resource == "*")
    }

    /// The context keys that the document asks for, as it spells them; not `${*}` and its like.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys = context_keys(self.text()).unwrap_or_default();
        keys.retain(|key| !matches!(key.as_str(), "*" | "?" | "$"));
        keys
    }
}

/// `PolicyInputList`
pub(super) fn submitted(documents: &[DocumentText]) -> Result<Vec<Source>, Error> {
    let numbered = documents.iter().zip(1..);
    numbered
        .map(|(text, number)| {
            let id = format!("PolicyInputList.{number}");
            Source::submitted(id, text.as_str(), Kind::Identity).ok_or_else(|| invalid(number))
        })
        .collect()
}

/// That an element of `PolicyInputList`, counted from 1, is no policy.
fn invalid(number: usize) -> Error {
    Error::InvalidInput(format!(
        "Policy input list item {number} has invalid content"
    ))
}

/// `PermissionsBoundaryPolicyInputList`, which may have one element.
pub(super) fn submitted_boundary(documents: &[DocumentText]) -> Result<Option<Source>, Error> {
    let invalid = |message: &str| Err(Error::InvalidInput(message.to_owned()));
    match documents {
        [] => Ok(None),
        [text] => {
            let id = "PermissionsBoundaryPolicyInputList.1".to_owned();
            match Source::submitted(id, text.as_str(), Kind::Identity) {
                Some(source) => Ok(Some(source)),
                None => {
                    invalid("Permissions boundary policy input list item 1 has invalid content")
                }
            }
        }
        _ => invalid("The list of Permissions Boundary policies cannot exceed 1 items."),
    }
}

/// `ResourcePolicy`
pub(super) fn submitted_resource(text: &DocumentText) -> Result<Source, Error> {
    Source::submitted("ResourcePolicy".to_owned(), text.as_str(), Kind::Resource)
        .ok_or_else(|| Error::InvalidInput("Resource policy has invalid content".to_owned()))
}

/// The service control policies over a simulated principal.
#[derive(Debug, Default)]
pub(super) struct Controls {
    pub(super) levels: Vec<Level>,
    pub(super) size: Size,
}

impl Controls {
    /// Those that are attached over an account, none longer than it may be. What the
    /// variables of an organization's own policies become is left out of account.
    pub(super) fn over(levels: &[Level]) -> Self {
        let policies = levels.iter().map(|level| level.len()).sum::<usize>();
        Self {
            levels: levels.to_vec(),
            size: Size {
                bytes: CONTROL_POLICY * policies,
                ..Size::default()
            },
        }
    }
}

/// What a document costs to be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) bytes: usize,
    pub(super) statements: usize,
    /// Places at which a variable may stand.
    pub(super) variables: usize,
}

impl Size {
    fn of(policy: &Policy) -> Self {
        Self {
            bytes: policy.text().len(),
            statements: policy.statement_count(),
            variables: policy.text().matches("${").count(),
        }
    }
}

impl std::iter::Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), |all, one| Self {
            bytes: all.bytes + one.bytes,
            statements: all.statements + one.statements,
            variables: all.variables + one.variables,
        })
    }
}

/// `OrderedOrganizationPolicyInputList`: the levels of an organization, from the root down. `None`
/// if there are none.
pub(super) fn submitted_controls(levels: &[Vec<DocumentText>]) -> Result<Option<Controls>, Error> {
    let mut controls = Controls::default();
    for (documents, number) in levels.iter().zip(1..) {
        let wrong = |what: &str| {
            let message = format!("Organization policy at index {number} {what}");
            Error::InvalidInput(message)
        };
        if documents.is_empty() {
            return Err(wrong("must contain at least one service control policy"));
        }
        let mut level = Vec::new();
        for text in documents {
            let policy = Policy::parse(text.as_str(), Kind::ServiceControl)
                .map_err(|_| wrong("has invalid content"))?;
            controls.size = [controls.size, Size::of(&policy)].into_iter().sum();
            level.push(Arc::new(policy.compile()));
        }
        controls.levels.push(level.into());
    }
    Ok(Some(controls).filter(|controls| !controls.levels.is_empty()))
}

/// The context keys that each document asks for, one after the other.
pub(super) fn keys_of<'a>(
    submitted: &[DocumentText],
    stored: impl Iterator<Item = &'a Source>,
) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for (text, number) in submitted.iter().zip(1..) {
        keys.extend(context_keys(text.as_str()).map_err(|_| invalid(number))?);
    }
    for source in stored {
        keys.extend(context_keys(source.text()).unwrap_or_default());
    }
    Ok(keys)
}

/// What the ARN of a user, group or role says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct EntityArn<'a> {
    pub(super) account: AccountId,
    pub(super) kind: EntityArnKind,
    /// Without the path.
    pub(super) name: &'a str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EntityArnKind {
    User,
    Group,
    Role,
}

impl EntityArnKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }
}

impl<'a> EntityArn<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let arn =
            Arn::parse(text).filter(|arn| arn.service() == "iam" && arn.region().is_empty())?;
        let (kind, _) = arn.resource().split_once('/')?;
        let kind = match kind {
            "user" => EntityArnKind::User,
            "group" => EntityArnKind::Group,
            "role" => EntityArnKind::Role,
            _ => return None,
        };
        let name = text.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(Self {
            account: AccountId::parse(arn.account()).ok()?,
            kind,
            name,
        })
    }
}

/// Whose policies are simulated.
#[derive(Clone, Debug)]
pub(super) enum Entity {
    User(Arc<UserState>),
    Group(Arc<GroupState>),
    Role(Arc<RoleState>),
}

impl Entity {
    /// The entity that a `PolicySourceArn` means. The name alone counts, not the path.
    ///
    /// # Errors
    /// [`Error::InvalidInput`], [`Error::NoSuchEntity`]
    pub(super) fn find(account: &Account, arn: &str) -> Result<Self, Error> {
        let Some(EntityArn {
            account: owner,
            kind,
            name,
        }) = EntityArn::parse(arn)
        else {
            return Err(Error::InvalidInput(format!(
                "Invalid ARN provided in the request: {arn}"
            )));
        };
        if owner != account.id {
            return Err(Error::InvalidInput(format!(
                "Invalid Policy Source Arn: caller's account {} does not have access to policies in account {owner}.",
                account.id
            )));
        }
        let found = match kind {
            EntityArnKind::User => account.users.named(name).cloned().map(Self::User),
            EntityArnKind::Group => account.groups.named(name).cloned().map(Self::Group),
            EntityArnKind::Role => account.roles.named(name).cloned().map(Self::Role),
        };
        found.ok_or(Error::NoSuchEntity(crate::error::Missing::SimulatedEntity))
    }

    /// Its ARN.
    pub(super) fn arn(&self) -> &str {
        match self {
            Self::User(state) => &state.arn,
            Self::Group(state) => &state.arn,
            Self::Role(state) => &state.arn,
        }
    }

    /// Its unique id.
    pub(super) fn unique_id(&self) -> &str {
        match self {
            Self::User(state) => state.user.id.as_str(),
            Self::Group(state) => state.group.id.as_str(),
            Self::Role(state) => state.role.id.as_str(),
        }
    }

    /// Whether it is a service's own role, which no service control policy binds.
    pub(super) fn is_service_linked(&self) -> bool {
        matches!(self, Self::Role(state) if state.role.is_service_linked())
    }

    /// Its policies and, for a user, those of the groups it is in: the inline ones of each, then
    /// every managed one once. What is excluded is left out.
    pub(super) fn policies(
        &self,
        account: &Account,
        without: &Exclusions,
    ) -> Result<Vec<Source>, Error> {
        let groups = match self {
            Self::User(state) => state.user.groups.as_slice(),
            Self::Group(_) | Self::Role(_) => &[],
        };
        let groups = groups.iter().filter_map(|id| account.groups.with_id(id));
        let own = match self {
            Self::User(state) => (
                EntityArnKind::User,
                state.user.name.as_str(),
                &state.user.policies,
            ),
            Self::Group(state) => group_policies(state),
            Self::Role(state) => (
                EntityArnKind::Role,
                state.role.name.as_str(),
                &state.role.policies,
            ),
        };
        let holders: Vec<_> = std::iter::once(own)
            .chain(groups.map(|state| group_policies(state)))
            .collect();
        let mut sources = Vec::new();
        for (kind, name, policies) in &holders {
            let inline = policies.inline.values();
            for inline in inline.filter(|inline| !without.inline(*kind, name, &inline.name)) {
                let id = format!("{}_{name}_{}", kind.as_str(), inline.name);
                sources.push(Source::stored((id, &inline.document))?);
            }
        }
        let mut once = BTreeSet::new();
        let attached = holders.iter().flat_map(|(_, _, held)| &held.attached);
        for arn in attached.filter(|arn| once.insert(*arn)) {
            if !without.managed(arn, account.aws_managed.policy(arn).is_some()) {
                sources.push(Source::stored(managed(account, arn)?)?);
            }
        }
        Ok(sources)
    }

    /// Its permissions boundary, unless that is excluded.
    pub(super) fn boundary(
        &self,
        account: &Account,
        without: &Exclusions,
    ) -> Result<Option<Source>, Error> {
        if without.all_of(PolicyIdentifierType::PermissionBoundary) {
            return Ok(None);
        }
        let arn = match self {
            Self::User(state) => &state.user.permissions_boundary,
            Self::Group(_) => &None,
            Self::Role(state) => &state.role.permissions_boundary,
        };
        match arn {
            None => Ok(None),
            Some(arn) => Source::stored(managed(account, arn)?).map(Some),
        }
    }
}

fn group_policies(state: &GroupState) -> (EntityArnKind, &str, &Attachments) {
    (
        EntityArnKind::Group,
        state.group.name.as_str(),
        &state.group.policies,
    )
}

/// The name and the document in force of a managed policy.
fn managed<'a>(account: &'a Account, arn: &str) -> Result<(String, &'a str), Error> {
    if let Some(policy) = account.aws_managed.policy(arn) {
        return Ok((policy.name.clone(), &policy.document));
    }
    let document = || {
        let policy = &account.policy_with_arn(arn)?.policy;
        let mut versions = policy.versions.iter();
        let default = versions.find(|version| version.number == policy.default_version)?;
        Some((policy.name.to_string(), default.document.as_str()))
    };
    document()
        .ok_or_else(|| Error::PolicyEvaluation(format!("Policy {arn} could not be evaluated.")))
}
