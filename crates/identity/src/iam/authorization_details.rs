//! GetAccountAuthorizationDetails: everything about who may do what in an account, page by page.

use super::attachments::AttachedPolicy;
use super::policies::{self, DescribedPolicy, DescribedVersion, Found};
use super::roles::ShownRole;
use super::{Page, PageRequest};
use crate::account::{Account, GroupState, InstanceProfileState, RoleState, UserState};
use crate::caller::Need;
use crate::entity::{Attachments, InlinePolicy};
use crate::error::Error;
use crate::ids::UniqueId;
use crate::names::EntityType;
use crate::operation::{Call, Granted, Operation, Service};
use std::collections::HashMap;
use std::sync::Arc;

/// GetAccountAuthorizationDetails: the users, then the roles, the groups, the account's own managed
/// policies, and AWS's that something is attached to or bounded by, in pages that all of them share.
#[derive(Clone, Debug)]
pub struct GetAccountAuthorizationDetails {
    /// `Filter`; nothing stands for all kinds.
    pub filter: Vec<EntityType>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

/// One entity in full.
#[derive(Debug)]
pub enum AuthorizationDetail {
    /// A user.
    User(UserDetail),
    /// A role.
    Role(Box<RoleDetail>),
    /// A group.
    Group(GroupDetail),
    /// A managed policy.
    Policy(PolicyDetail),
}

/// The policies of a user, group or role.
#[derive(Debug)]
pub struct HeldPolicies {
    /// Inline policies, by name.
    pub inline: Vec<InlinePolicy>,
    /// Attached managed policies, in the order they were attached.
    pub attached: Vec<AttachedPolicy>,
}

/// A user in full.
#[derive(Debug)]
pub struct UserDetail {
    /// The user.
    pub user: Arc<UserState>,
    /// Its policies.
    pub policies: HeldPolicies,
    /// The names of its groups, in the order it joined them.
    pub groups: Vec<String>,
}

/// A group in full.
#[derive(Debug)]
pub struct GroupDetail {
    /// The group.
    pub group: Arc<GroupState>,
    /// Its policies.
    pub policies: HeldPolicies,
}

/// A role in full.
#[derive(Debug)]
pub struct RoleDetail {
    /// The role.
    pub role: ShownRole,
    /// Its policies.
    pub policies: HeldPolicies,
    /// The instance profiles it is in, by name.
    pub instance_profiles: Vec<Arc<InstanceProfileState>>,
}

/// A managed policy in full.
#[derive(Debug)]
pub struct PolicyDetail {
    /// The policy.
    pub policy: DescribedPolicy,
    /// Its versions, the newest first.
    pub versions: Vec<DescribedVersion>,
}

/// An entity of the page.
enum Entry<'a> {
    User(&'a Arc<UserState>),
    Role(&'a Arc<RoleState>),
    Group(&'a Arc<GroupState>),
    Policy(Found<'a>),
}

impl Operation for GetAccountAuthorizationDetails {
    type Output = Page<AuthorizationDetail>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccountAuthorizationDetails";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:GetAccountAuthorizationDetails", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let uses = policies::uses(account);
        let limit = self.page.limit();
        let mut entries: Vec<_> = self.entries(account, &uses).take(limit + 1).collect();
        let next = (entries.len() > limit).then(|| {
            entries.truncate(limit);
            let last = entries.last();
            last.map_or_else(String::new, |(kind, name, _)| format!("{kind}/{name}"))
        });
        let profiles = profiles_by_role(account);
        let mut items = Vec::with_capacity(entries.len());
        for (_, _, entry) in entries {
            items.push(match entry {
                Entry::User(state) => AuthorizationDetail::User(UserDetail {
                    policies: HeldPolicies::of(&state.user.policies),
                    groups: groups_of(account, state),
                    user: state.clone(),
                }),
                Entry::Role(state) => AuthorizationDetail::Role(Box::new(RoleDetail {
                    policies: HeldPolicies::of(&state.role.policies),
                    instance_profiles: profiles.get(&state.role.id).cloned().unwrap_or_default(),
                    role: ShownRole::new(call.realm, account.id, state.role.clone()).await?,
                })),
                Entry::Group(state) => AuthorizationDetail::Group(GroupDetail {
                    policies: HeldPolicies::of(&state.group.policies),
                    group: state.clone(),
                }),
                Entry::Policy(found) => {
                    let uses = uses.get(found.arn()).copied().unwrap_or_default();
                    let versions = found.versions().into_iter().rev();
                    AuthorizationDetail::Policy(PolicyDetail {
                        policy: found.describe(uses),
                        versions: versions.collect(),
                    })
                }
            });
        }
        Ok(Page { items, next })
    }
}

impl GetAccountAuthorizationDetails {
    /// What comes behind the marker, each with what its key is made of: the number of its kind, and
    /// what tells it from others of its kind.
    fn entries<'a>(
        &self,
        account: &'a Account,
        uses: &'a HashMap<&str, (usize, usize)>,
    ) -> impl Iterator<Item = (u8, &'a str, Entry<'a>)> + use<'a> {
        let (users, roles) = (
            self.behind(1, EntityType::User),
            self.behind(2, EntityType::Role),
        );
        let groups = self.behind(3, EntityType::Group);
        let own = self.behind(4, EntityType::LocalManagedPolicy);
        let aws = self.behind(5, EntityType::AwsManagedPolicy);
        let users = users
            .into_iter()
            .flat_map(|name| account.users.behind(&name));
        let roles = roles
            .into_iter()
            .flat_map(|name| account.roles.behind(&name));
        let groups = groups
            .into_iter()
            .flat_map(|name| account.groups.behind(&name));
        let own = own
            .into_iter()
            .flat_map(|name| account.policies.behind(&name));
        let aws = aws.into_iter().flat_map(move |arn| {
            let used = |arn: &str| uses.contains_key(arn);
            let used = account
                .aws_managed
                .policies()
                .filter(move |policy| used(&policy.arn));
            used.filter(move |policy| policy.arn > arn)
        });
        users
            .map(|(name, state)| (1, name, Entry::User(state)))
            .chain(roles.map(|(name, state)| (2, name, Entry::Role(state))))
            .chain(groups.map(|(name, state)| (3, name, Entry::Group(state))))
            .chain(own.map(|(name, state)| (4, name, Entry::Policy(Found::Customer(state)))))
            .chain(aws.map(|policy| (5, policy.arn.as_str(), Entry::Policy(Found::Aws(policy)))))
    }

    /// Behind what the page begins among the entities of a kind; `None` where it has none of them.
    fn behind(&self, number: u8, kind: EntityType) -> Option<String> {
        if !self.filter.is_empty() && !self.filter.contains(&kind) {
            return None;
        }
        let Some((last, name)) = self.page.behind.split_once('/') else {
            return Some(String::new());
        };
        let last: u8 = last.parse().ok()?;
        match number.cmp(&last) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(name.to_owned()),
            std::cmp::Ordering::Greater => Some(String::new()),
        }
    }
}

impl HeldPolicies {
    fn of(policies: &Attachments) -> Self {
        let attached = policies.attached.iter();
        Self {
            inline: policies.inline.values().cloned().collect(),
            attached: attached.map(|arn| AttachedPolicy::new(arn)).collect(),
        }
    }
}

fn groups_of(account: &Account, state: &UserState) -> Vec<String> {
    let groups = state.user.groups.iter();
    let groups = groups.filter_map(|id| account.groups.with_id(id));
    groups.map(|state| state.group.name.to_string()).collect()
}

fn profiles_by_role(account: &Account) -> HashMap<&UniqueId, Vec<Arc<InstanceProfileState>>> {
    let mut profiles: HashMap<_, Vec<_>> = HashMap::new();
    for (_, state) in account.instance_profiles.iter() {
        if let Some(role) = &state.profile.role {
            profiles.entry(role).or_default().push(state.clone());
        }
    }
    profiles
}
