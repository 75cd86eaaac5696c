//! The tree of an organization: its root, units, policies and what is attached where, with the
//! policies that bind each account resolved.
//!
//! What binds an account is resolved when the tree changes, once for each root or unit and shared
//! by the accounts in it; only an account with lists of its own has an entry of its own. So a
//! change at the root costs what there are of units, not of accounts, and a decision looks up two
//! maps.

use crate::entity::{
    AccountRecord, Change, Damaged, Entity, EntityKind, Organization, OrganizationPolicy,
    OrganizationalUnit, TargetPolicies,
};
use crate::names::{AccountId, Constrained as _, PolicyType};
use locum_policy::{Compiled, Kind, Level, Malformed, Policy};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

/// Where an account stands, and the policies of the organization that bind it.
#[derive(Debug)]
pub struct Place {
    /// The path as condition keys have it: `o-…/r-…/ou-…/`.
    pub path: String,
    /// The service control policies over the account's principals: the root's, each unit's, the
    /// account's own. Empty for the management account, and while the type is disabled.
    pub service_control: Vec<Level>,
    /// The resource control policies over the account's resources, likewise; empty also where
    /// nothing but AWS's policy, which allows everything, is attached on the whole way.
    pub resource_control: Vec<Level>,
}

/// A policy of the organization, AWS's or its own.
#[derive(Debug)]
pub struct ControlPolicy {
    /// The entity.
    pub policy: OrganizationPolicy,
    /// Whether it is AWS's, which nobody changes.
    pub aws_managed: bool,
    /// The document, compiled.
    compiled: Arc<Compiled>,
}

impl ControlPolicy {
    /// A policy that is being written.
    ///
    /// # Errors
    /// What is wrong with its document.
    pub(crate) fn written(policy: OrganizationPolicy) -> Result<Self, Malformed> {
        let document = Policy::parse(&policy.content, kind(policy.policy_type))?;
        Ok(Self::compile(policy, &document, false))
    }

    /// A policy as the store has it.
    fn stored(policy: OrganizationPolicy) -> Result<Self, Malformed> {
        let document = Policy::stored(&policy.content, kind(policy.policy_type))?;
        Ok(Self::compile(policy, &document, false))
    }

    fn compile(policy: OrganizationPolicy, document: &Policy, aws_managed: bool) -> Self {
        let label = format!("{} ({})", policy.name, policy.id);
        Self {
            compiled: Arc::new(document.compile().labelled(label)),
            aws_managed,
            policy,
        }
    }

    /// `arn:aws:organizations::MANAGEMENT:policy/o-…/service_control_policy/p-…`
    pub fn arn(&self, organization: &Organization) -> String {
        let (folder, id) = (self.policy.policy_type.in_arns(), &self.policy.id);
        if self.aws_managed {
            format!("arn:aws:organizations::aws:policy/{folder}/{id}")
        } else {
            organization.arn(&format!("policy/{}/{folder}/{id}", organization.id))
        }
    }
}

/// AWS's policy of a type, which every target begins with.
struct Default {
    policy: Arc<ControlPolicy>,
    level: Level,
}

static DEFAULTS: LazyLock<BTreeMap<PolicyType, Default>> = LazyLock::new(|| {
    // The tests read both; here, one that could not be read would allow nothing.
    let read = |(policy_type, kind, name, description, content): (_, _, &str, &str, &str)| {
        let policy = OrganizationPolicy {
            id: format!("p-{name}"),
            policy_type,
            name: crate::names::OrganizationPolicyName::parse(name).ok()?,
            description: crate::names::OrganizationPolicyDescription::parse(description).ok()?,
            content: content.to_owned(),
            created: 0,
            tags: Vec::new(),
        };
        let document = Policy::parse(content, kind).ok()?;
        let policy = Arc::new(ControlPolicy::compile(policy, &document, true));
        let level = Level::from([policy.compiled.clone()]);
        Some((policy_type, Default { policy, level }))
    };
    let both = [
        (
            PolicyType::ServiceControl,
            Kind::ServiceControl,
            "FullAWSAccess",
            "Allows access to every operation",
            r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"#,
        ),
        (
            PolicyType::ResourceControl,
            // The one resource control policy that allows: nobody could write it.
            Kind::Resource,
            "RCPFullAWSAccess",
            "Allows access to every resource",
            r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": "*",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"#,
        ),
    ];
    both.into_iter().filter_map(read).collect()
});

/// The id of AWS's policy of a type.
pub(crate) fn default_policy(policy_type: PolicyType) -> &'static str {
    match policy_type {
        PolicyType::ServiceControl => "p-FullAWSAccess",
        PolicyType::ResourceControl => "p-RCPFullAWSAccess",
    }
}

/// The tree: one immutable value, as the directory is whose part it is.
#[derive(Clone, Default)]
pub struct Tree {
    units: Arc<BTreeMap<String, Arc<OrganizationalUnit>>>,
    policies: Arc<BTreeMap<String, Arc<ControlPolicy>>>,
    targets: Arc<BTreeMap<String, Arc<TargetPolicies>>>,
    places: Arc<Places>,
}

#[derive(Default)]
struct Places {
    root: String,
    enabled: Vec<PolicyType>,
    containers: HashMap<String, Container>,
    /// Accounts that are not as every other in their container.
    own: HashMap<AccountId, Place>,
}

/// A root or unit.
struct Container {
    /// Itself: the levels down to its own.
    place: Place,
    /// The accounts in it that have no lists of their own.
    leaf: Place,
}

impl Tree {
    /// The tree after `change`. `organization` and `accounts` are as the change leaves them.
    ///
    /// # Errors
    /// [`Damaged`], if a policy cannot be understood, or something hangs in the air.
    pub(crate) fn apply(
        &self,
        change: &Change,
        organization: Option<&Organization>,
        accounts: &BTreeMap<AccountId, Arc<AccountRecord>>,
    ) -> Result<Self, Damaged> {
        let mut next = self.clone();
        let mut changed = false;
        for key in &change.deletes {
            changed |= match key.kind {
                EntityKind::OrganizationalUnit => {
                    Arc::make_mut(&mut next.units).remove(&key.key).is_some()
                }
                EntityKind::OrganizationPolicy => {
                    Arc::make_mut(&mut next.policies).remove(&key.key).is_some()
                }
                EntityKind::TargetPolicies => {
                    Arc::make_mut(&mut next.targets).remove(&key.key).is_some()
                }
                _ => false,
            };
        }
        for entity in &change.puts {
            match entity {
                Entity::OrganizationalUnit(unit) => {
                    Arc::make_mut(&mut next.units).insert(unit.id.clone(), Arc::new(unit.clone()));
                }
                Entity::OrganizationPolicy(policy) => {
                    let state = ControlPolicy::stored(policy.clone())
                        .map_err(|_| damaged(EntityKind::OrganizationPolicy, &policy.id))?;
                    Arc::make_mut(&mut next.policies).insert(policy.id.clone(), Arc::new(state));
                }
                Entity::TargetPolicies(target) => {
                    Arc::make_mut(&mut next.targets)
                        .insert(target.target.clone(), Arc::new(target.clone()));
                }
                Entity::Organization(_) => {}
                // One without lists of its own is found by its parent.
                Entity::Account(account) if next.targets.contains_key(account.id.as_str()) => {}
                Entity::Account(account) if is_management(organization, account) => {}
                _ => continue,
            }
            changed = true;
        }
        if let Some(organization) = organization
            && changed
        {
            next.places = Arc::new(next.resolve(organization, accounts)?);
        }
        for entity in &change.puts {
            if let Entity::Account(account) = entity
                && !next.places.containers.contains_key(next.parent_of(account))
            {
                return Err(damaged(EntityKind::Account, account.id.as_str()));
            }
        }
        Ok(next)
    }

    /// The id of the root.
    pub fn root(&self) -> &str {
        &self.places.root
    }

    /// The unit of that id.
    pub fn unit(&self, id: &str) -> Option<&Arc<OrganizationalUnit>> {
        self.units.get(id)
    }

    /// Every unit, by id.
    pub fn units(&self) -> impl Iterator<Item = &Arc<OrganizationalUnit>> {
        self.units.values()
    }

    /// The policy of that id, AWS's or the organization's own.
    pub fn policy(&self, id: &str) -> Option<&Arc<ControlPolicy>> {
        let of_aws = DEFAULTS.values().map(|default| &default.policy);
        of_aws
            .into_iter()
            .find(|state| state.policy.id == id)
            .or_else(|| self.policies.get(id))
    }

    /// Every policy of a type, AWS's too, in no order.
    pub fn policies(&self, policy_type: PolicyType) -> impl Iterator<Item = &Arc<ControlPolicy>> {
        DEFAULTS
            .values()
            .map(|default| &default.policy)
            .chain(self.policies.values())
            .filter(move |state| state.policy.policy_type == policy_type)
    }

    /// The id of the root or unit that an account is in.
    pub fn parent_of<'a>(&'a self, account: &'a AccountRecord) -> &'a str {
        account.parent.as_deref().unwrap_or(self.root())
    }

    /// The path of a root or unit as condition keys have it: `o-…/r-…/ou-…/`.
    pub fn path_of(&self, container: &str) -> Option<&str> {
        let found = self.places.containers.get(container)?;
        Some(&found.place.path)
    }

    /// Whether a root or unit has that id.
    pub fn is_container(&self, id: &str) -> bool {
        self.places.containers.contains_key(id)
    }

    /// Whether a policy type is enabled.
    pub fn is_enabled(&self, policy_type: PolicyType) -> bool {
        self.places.enabled.contains(&policy_type)
    }

    /// The ids of the policies of a type that are attached to a root, unit or account that is
    /// there; none while the type is disabled.
    pub fn attached(&self, target: &str, policy_type: PolicyType) -> Vec<&str> {
        if !self.is_enabled(policy_type) {
            return Vec::new();
        }
        match self.own_list(target, policy_type) {
            Some(list) => list.iter().map(String::as_str).collect(),
            None => vec![default_policy(policy_type)],
        }
    }

    /// The lists of a target that is not as it began.
    pub(crate) fn lists_of(&self, target: &str) -> TargetPolicies {
        match self.targets.get(target) {
            Some(lists) => TargetPolicies::clone(lists),
            None => TargetPolicies {
                target: target.to_owned(),
                ..TargetPolicies::default()
            },
        }
    }

    /// Every target that is not as it began.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &Arc<TargetPolicies>> {
        self.targets.values()
    }

    /// Where an account stands.
    pub(crate) fn place(&self, account: &AccountRecord) -> Option<&Place> {
        let places = &*self.places;
        places.own.get(&account.id).or_else(|| {
            let container = places.containers.get(self.parent_of(account))?;
            Some(&container.leaf)
        })
    }

    fn own_list(&self, target: &str, policy_type: PolicyType) -> Option<&Vec<String>> {
        self.targets.get(target)?.attached.get(&policy_type)
    }

    fn resolve(
        &self,
        organization: &Organization,
        accounts: &BTreeMap<AccountId, Arc<AccountRecord>>,
    ) -> Result<Places, Damaged> {
        let root = organization.root_id();
        let enabled: Vec<_> = organization.policy_types.iter().copied().collect();
        let mut children: HashMap<&str, Vec<&OrganizationalUnit>> = HashMap::new();
        for unit in self.units.values() {
            children.entry(&unit.parent).or_default().push(unit);
        }
        let nowhere = Place {
            path: format!("{}/", organization.id),
            service_control: Vec::new(),
            resource_control: Vec::new(),
        };
        let mut containers = HashMap::new();
        let top = self.below(&nowhere, &root, Some(&root), &enabled)?;
        let mut open = vec![(root.as_str(), top)];
        while let Some((id, place)) = open.pop() {
            for unit in children.remove(id).unwrap_or_default() {
                let below = self.below(&place, &unit.id, Some(&unit.id), &enabled)?;
                open.push((&unit.id, below));
            }
            // Nothing is attached to an id that is none.
            let leaf = self.below(&place, "", None, &enabled)?.pruned();
            containers.insert(id.to_owned(), Container { place, leaf });
        }
        // What is left has a parent that is not there, or is above itself.
        if let Some(unit) = children.values().flatten().next() {
            return Err(damaged(EntityKind::OrganizationalUnit, &unit.id));
        }
        let mut own = HashMap::new();
        let parent_place = |id: AccountId| {
            let parent = accounts.get(&id)?.parent.as_deref().unwrap_or(&root);
            containers.get(parent).map(|container| &container.place)
        };
        for target in self.targets.keys() {
            if containers.contains_key(target) {
                continue;
            }
            let missing = || damaged(EntityKind::TargetPolicies, target);
            let id = AccountId::parse(target).map_err(|_| missing())?;
            let place = parent_place(id).ok_or_else(missing)?;
            own.insert(id, self.below(place, target, None, &enabled)?.pruned());
        }
        // No policy of the organization binds its management account.
        let management = organization.management_account;
        if let Some(place) = parent_place(management) {
            let unbound = Place {
                path: place.path.clone(),
                service_control: Vec::new(),
                resource_control: Vec::new(),
            };
            own.insert(management, unbound);
        }
        Ok(Places {
            root,
            enabled,
            containers,
            own,
        })
    }

    /// The place one level further down, at `target`.
    fn below(
        &self,
        place: &Place,
        target: &str,
        segment: Option<&str>,
        enabled: &[PolicyType],
    ) -> Result<Place, Damaged> {
        let levels = |policy_type, above: &[Level]| {
            if !enabled.contains(&policy_type) {
                return Ok(Vec::new());
            }
            let level = self.level(target, policy_type)?;
            Ok([above, &[level]].concat())
        };
        Ok(Place {
            path: match segment {
                Some(segment) => format!("{}{segment}/", place.path),
                None => place.path.clone(),
            },
            service_control: levels(PolicyType::ServiceControl, &place.service_control)?,
            resource_control: levels(PolicyType::ResourceControl, &place.resource_control)?,
        })
    }

    fn level(&self, target: &str, policy_type: PolicyType) -> Result<Level, Damaged> {
        let missing = || damaged(EntityKind::TargetPolicies, target);
        match self.own_list(target, policy_type).map(Vec::as_slice) {
            None => default_level(policy_type).ok_or_else(missing),
            Some([one]) if one == default_policy(policy_type) => {
                default_level(policy_type).ok_or_else(missing)
            }
            Some(list) => {
                let found = list.iter().map(|id| {
                    let state = self.policy(id)?;
                    (state.policy.policy_type == policy_type).then(|| state.compiled.clone())
                });
                found.collect::<Option<_>>().ok_or_else(missing)
            }
        }
    }
}

impl Place {
    /// Without resource control policies where all of them are AWS's, which allows everything.
    fn pruned(mut self) -> Self {
        let default = default_level(PolicyType::ResourceControl);
        let is_default = |level: &Level| {
            default
                .as_ref()
                .is_some_and(|other| Arc::ptr_eq(level, other))
        };
        if self.resource_control.iter().all(is_default) {
            self.resource_control = Vec::new();
        }
        self
    }
}

fn kind(policy_type: PolicyType) -> Kind {
    match policy_type {
        PolicyType::ServiceControl => Kind::ServiceControl,
        PolicyType::ResourceControl => Kind::ResourceControl,
    }
}

fn default_level(policy_type: PolicyType) -> Option<Level> {
    DEFAULTS
        .get(&policy_type)
        .map(|default| default.level.clone())
}

fn is_management(organization: Option<&Organization>, account: &AccountRecord) -> bool {
    organization.is_some_and(|organization| organization.management_account == account.id)
}

fn damaged(kind: EntityKind, key: &str) -> Damaged {
    Damaged {
        kind: kind.as_str().to_owned(),
        key: key.to_owned(),
    }
}
