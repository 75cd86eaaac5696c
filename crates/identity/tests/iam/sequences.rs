//! Random sequences of operations against the implementation and against maps and sets.
//!
//! After each step the answers are the same, and so is everything that the account holds. Names are few
//! and come in both cases, so that most operations meet something.

use crate::common::{ACCOUNT, World, n, ready};
use crate::support::{LIST, READ, new_role, tag};
use locum_identity::account::Account;
use locum_identity::entity::{Attachments, KeyOwner, KeyStatus};
use locum_identity::error::Error;
use locum_identity::iam::access_keys::{CreateAccessKey, DeleteAccessKey, UpdateAccessKey};
use locum_identity::iam::attachments::{
    AttachGroupPolicy, AttachRolePolicy, AttachUserPolicy, DetachGroupPolicy, DetachRolePolicy,
    DetachUserPolicy,
};
use locum_identity::iam::groups::{
    AddUserToGroup, CreateGroup, DeleteGroup, RemoveUserFromGroup, UpdateGroup,
};
use locum_identity::iam::inline_policies::{
    DeleteGroupPolicy, DeleteRolePolicy, DeleteUserPolicy, PutGroupPolicy, PutRolePolicy,
    PutUserPolicy,
};
use locum_identity::iam::policies::{
    CreatePolicy, CreatePolicyVersion, DeletePolicy, DeletePolicyVersion, SetDefaultPolicyVersion,
    TagPolicy, UntagPolicy,
};
use locum_identity::iam::roles::{
    DeleteRole, DeleteRolePermissionsBoundary, PutRolePermissionsBoundary, TagRole, UntagRole,
    UpdateRole,
};
use locum_identity::iam::users::{
    CreateUser, DeleteUser, DeleteUserPermissionsBoundary, PutUserPermissionsBoundary, TagUser,
    UntagUser, UpdateUser,
};
use locum_identity::names::{MaxSessionDuration, Tag};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use Kind::{Group, Policy, Role, User};

/// One account, one step.
#[derive(Clone, Debug)]
enum Step {
    Create(Kind, Name),
    Delete(Kind, Name),
    /// Of a user or group: another name, another path.
    Update(Kind, Name, Option<Name>, Option<&'static str>),
    Describe(Name, &'static str, u32),
    Attach(Kind, Name, Name),
    Detach(Kind, Name, Name),
    Put(Kind, Name, Name, &'static str),
    Remove(Kind, Name, Name),
    Join(Name, Name),
    Leave(Name, Name),
    Tag(Kind, Name, &'static str, &'static str),
    Untag(Kind, Name, &'static str),
    Bound(Kind, Name, Name),
    Unbound(Kind, Name),
    NewVersion(Name, bool),
    DeleteVersion(Name, u32),
    SetDefault(Name, u32),
    /// Of a key: which of all that were made.
    CreateKey(Name),
    SetKey(Name, usize, KeyStatus),
    DeleteKey(Name, usize),
    /// The account is read anew from the store.
    Reopen,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    User,
    Group,
    Role,
    Policy,
}

type Name = &'static str;

const NAMES: [Name; 3] = ["a", "A", "b"];
const PATHS: [&str; 2] = ["/", "/x/"];

fn arn(name: Name) -> String {
    format!("arn:aws:iam::123456789012:policy/{name}")
}

// The model

/// What there is of a user, group, role or policy.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Thing {
    name: String,
    path: String,
    description: String,
    duration: u32,
    tags: BTreeMap<String, String>,
    attached: BTreeSet<String>,
    /// Name and document by the name in lower case.
    inline: BTreeMap<String, (String, String)>,
    boundary: Option<String>,
    /// Names in lower case.
    groups: BTreeSet<String>,
    keys: BTreeMap<String, bool>,
    versions: BTreeSet<u32>,
    default_version: u32,
    next_version: u32,
}

/// Everything, by kind and name in lower case.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Model(BTreeMap<(Kind, String), Thing>);

/// What an operation says: what it made, or the code of its error.
type Said = Result<String, String>;

fn no(code: &str) -> Said {
    Err(code.to_owned())
}

fn yes() -> Said {
    Ok(String::new())
}

impl Model {
    fn thing(&mut self, kind: Kind, name: Name) -> Result<&mut Thing, String> {
        let found = self.0.get_mut(&(kind, name.to_lowercase()));
        found.ok_or_else(|| "NoSuchEntity".to_owned())
    }

    /// The policy of that ARN, which is spelled as the policy's name is.
    fn policy(&mut self, name: Name) -> Result<&mut Thing, String> {
        let found = self.thing(Policy, name)?;
        if found.name == name {
            Ok(found)
        } else {
            Err("NoSuchEntity".to_owned())
        }
    }

    /// Takes the step. `made` is what the implementation says it has made, where that is not to be foreseen.
    fn take(&mut self, step: &Step, keys: &[String], made: &Said) -> Said {
        match *step {
            Step::Create(kind, name) => {
                if self.thing(kind, name).is_ok() {
                    return no("EntityAlreadyExists");
                }
                let mut thing = Thing {
                    name: name.to_owned(),
                    path: "/".to_owned(),
                    ..Thing::default()
                };
                if kind == Role {
                    thing.duration = 3600;
                } else if kind == Policy {
                    thing.versions.insert(1);
                    (thing.default_version, thing.next_version) = (1, 2);
                }
                self.0.insert((kind, name.to_lowercase()), thing);
                yes()
            }
            Step::Delete(Policy, name) => {
                let arn = arn(name);
                let only = self.policy(name)?.versions.len() == 1;
                let used = |thing: &Thing| {
                    thing.attached.contains(&arn) || thing.boundary.as_ref() == Some(&arn)
                };
                if !only || self.0.values().any(used) {
                    return no("DeleteConflict");
                }
                self.0.remove(&(Policy, name.to_lowercase()));
                yes()
            }
            Step::Delete(kind, name) => {
                let thing = self.thing(kind, name)?;
                let holds = !thing.attached.is_empty()
                    || !thing.inline.is_empty()
                    || !thing.groups.is_empty()
                    || !thing.keys.is_empty();
                let key = name.to_lowercase();
                if holds
                    || kind == Group && self.0.values().any(|other| other.groups.contains(&key))
                {
                    return no("DeleteConflict");
                }
                self.0.remove(&(kind, key));
                yes()
            }
            Step::Update(kind, name, new, path) => {
                let mut thing = self.thing(kind, name)?.clone();
                let (old, new) = (name.to_lowercase(), new.unwrap_or(name));
                let new_key = new.to_lowercase();
                if new_key != old && self.thing(kind, new).is_ok() {
                    return no("EntityAlreadyExists");
                }
                thing.name = if let Step::Update(_, _, Some(_), _) = step {
                    new.to_owned()
                } else {
                    thing.name
                };
                thing.path = path.map_or(thing.path, str::to_owned);
                self.0.remove(&(kind, old.clone()));
                self.0.insert((kind, new_key.clone()), thing);
                if kind == Group {
                    for thing in self.0.values_mut() {
                        if thing.groups.remove(&old) {
                            thing.groups.insert(new_key.clone());
                        }
                    }
                }
                yes()
            }
            Step::Describe(name, description, duration) => {
                let role = self.thing(Role, name)?;
                description.clone_into(&mut role.description);
                role.duration = duration;
                yes()
            }
            Step::Attach(kind, name, policy) => {
                self.thing(kind, name)?;
                self.policy(policy)?;
                self.thing(kind, name)?.attached.insert(arn(policy));
                yes()
            }
            Step::Detach(kind, name, policy) => {
                if self.thing(kind, name)?.attached.remove(&arn(policy)) {
                    yes()
                } else {
                    no("NoSuchEntity")
                }
            }
            Step::Put(kind, name, policy, document) => {
                let inline = &mut self.thing(kind, name)?.inline;
                let entry = inline.entry(policy.to_lowercase()).or_default();
                if entry.0.is_empty() {
                    policy.clone_into(&mut entry.0);
                }
                document.clone_into(&mut entry.1);
                yes()
            }
            Step::Remove(kind, name, policy) => {
                let inline = &mut self.thing(kind, name)?.inline;
                match inline.remove(&policy.to_lowercase()) {
                    Some(_) => yes(),
                    None => no("NoSuchEntity"),
                }
            }
            Step::Join(user, group) => {
                self.thing(Group, group)?;
                self.thing(User, user)?.groups.insert(group.to_lowercase());
                yes()
            }
            Step::Leave(user, group) => {
                self.thing(Group, group)?;
                self.thing(User, user)?.groups.remove(&group.to_lowercase());
                yes()
            }
            Step::Tag(kind, name, key, value) => {
                let tags = &mut self.tagged(kind, name)?.tags;
                if kind != Policy {
                    tags.retain(|other, _| !other.eq_ignore_ascii_case(key));
                }
                tags.insert(key.to_owned(), value.to_owned());
                yes()
            }
            Step::Untag(kind, name, key) => {
                let tags = &mut self.tagged(kind, name)?.tags;
                tags.retain(|other, _| {
                    other != key && (kind == Policy || !other.eq_ignore_ascii_case(key))
                });
                yes()
            }
            Step::Bound(kind, name, policy) => {
                self.thing(kind, name)?;
                self.policy(policy)?;
                self.thing(kind, name)?.boundary = Some(arn(policy));
                yes()
            }
            Step::Unbound(kind, name) => match self.thing(kind, name)?.boundary.take() {
                Some(_) => yes(),
                None => no("NoSuchEntity"),
            },
            Step::NewVersion(name, as_default) => {
                let policy = self.policy(name)?;
                if policy.versions.len() == 5 {
                    return no("LimitExceeded");
                }
                let number = policy.next_version;
                policy.next_version += 1;
                policy.versions.insert(number);
                if as_default {
                    policy.default_version = number;
                }
                Ok(format!("v{number} {as_default}"))
            }
            Step::DeleteVersion(name, number) => {
                let policy = self.policy(name)?;
                if !policy.versions.contains(&number) {
                    no("NoSuchEntity")
                } else if policy.default_version == number {
                    no("DeleteConflict")
                } else {
                    policy.versions.remove(&number);
                    yes()
                }
            }
            Step::SetDefault(name, number) => {
                let policy = self.policy(name)?;
                if !policy.versions.contains(&number) {
                    return no("NoSuchEntity");
                }
                policy.default_version = number;
                yes()
            }
            Step::CreateKey(name) => {
                let user = self.thing(User, name)?;
                if user.keys.len() == 2 {
                    return no("LimitExceeded");
                }
                let id = made.clone().unwrap_or_default();
                user.keys.insert(id.clone(), true);
                Ok(id)
            }
            Step::SetKey(name, which, status) => {
                let id = key(keys, which);
                match self.thing(User, name)?.keys.get_mut(&id) {
                    Some(active) => *active = status == KeyStatus::Active,
                    None => return no("NoSuchEntity"),
                }
                yes()
            }
            Step::DeleteKey(name, which) => {
                match self.thing(User, name)?.keys.remove(&key(keys, which)) {
                    Some(_) => yes(),
                    None => no("NoSuchEntity"),
                }
            }
            Step::Reopen => yes(),
        }
    }

    fn tagged(&mut self, kind: Kind, name: Name) -> Result<&mut Thing, String> {
        match kind {
            Policy => self.policy(name),
            kind => self.thing(kind, name),
        }
    }
}

/// The id of one of the keys that were made, or of none.
fn key(keys: &[String], which: usize) -> String {
    let made = keys.iter().rev().nth(which);
    made.map_or_else(|| "AKIAXXXXXXXXXXXXXXXX".to_owned(), String::clone)
}

// The implementation

/// What the implementation says, in the model's words.
fn said<T>(result: Result<T, Error>, made: impl FnOnce(T) -> String) -> Said {
    result.map(made).map_err(|error| {
        let debug = format!("{error:?}");
        debug
            .split(['(', ' '])
            .next()
            .unwrap_or_default()
            .to_owned()
    })
}

/// Calls one of the three operations that differ in whom they are about only.
macro_rules! of_kind {
    ($world:expr, $kind:expr, $name:expr, ($user:ident, $group:ident, $role:ident), { $($field:ident: $value:expr),* }) => {
        match $kind {
            User => said($world.root($user { user_name: n($name), $($field: $value),* }), |_| String::new()),
            Group => said($world.root($group { group_name: n($name), $($field: $value),* }), |_| String::new()),
            _ => said($world.root($role { role_name: n($name), $($field: $value),* }), |_| String::new()),
        }
    };
}

/// Calls an operation on a resource that says nothing.
macro_rules! plain {
    ($world:expr, $operation:expr) => {
        said($world.root($operation), |_| String::new())
    };
}

fn take(world: &World, step: &Step, keys: &[String]) -> Said {
    match *step {
        Step::Create(User, name) => plain!(
            world,
            CreateUser {
                user_name: n(name),
                path: None,
                permissions_boundary: None,
                tags: Vec::new()
            }
        ),
        Step::Create(Group, name) => plain!(
            world,
            CreateGroup {
                group_name: n(name),
                path: None
            }
        ),
        Step::Create(Role, name) => plain!(world, new_role(name)),
        Step::Create(Policy, name) => plain!(
            world,
            CreatePolicy {
                policy_name: n(name),
                path: None,
                policy_document: n(READ),
                description: None,
                tags: Vec::new()
            }
        ),
        Step::Delete(Policy, name) => plain!(
            world,
            DeletePolicy {
                policy_arn: n(&arn(name))
            }
        ),
        Step::Delete(kind, name) => {
            of_kind!(world, kind, name, (DeleteUser, DeleteGroup, DeleteRole), {})
        }
        Step::Update(User, name, new, path) => plain!(
            world,
            UpdateUser {
                user_name: n(name),
                new_path: path.map(n),
                new_user_name: new.map(n)
            }
        ),
        Step::Update(_, name, new, path) => plain!(
            world,
            UpdateGroup {
                group_name: n(name),
                new_path: path.map(n),
                new_group_name: new.map(n)
            }
        ),
        Step::Describe(name, description, duration) => plain!(
            world,
            UpdateRole {
                role_name: n(name),
                description: Some(n(description)),
                max_session_duration: Some(MaxSessionDuration::from_seconds(duration).unwrap())
            }
        ),
        Step::Attach(kind, name, policy) => {
            of_kind!(world, kind, name, (AttachUserPolicy, AttachGroupPolicy, AttachRolePolicy), { policy_arn: n(&arn(policy)) })
        }
        Step::Detach(kind, name, policy) => {
            of_kind!(world, kind, name, (DetachUserPolicy, DetachGroupPolicy, DetachRolePolicy), { policy_arn: n(&arn(policy)) })
        }
        Step::Put(kind, name, policy, document) => {
            of_kind!(world, kind, name, (PutUserPolicy, PutGroupPolicy, PutRolePolicy), { policy_name: n(policy), policy_document: n(document) })
        }
        Step::Remove(kind, name, policy) => {
            of_kind!(world, kind, name, (DeleteUserPolicy, DeleteGroupPolicy, DeleteRolePolicy), { policy_name: n(policy) })
        }
        Step::Join(user, group) => plain!(
            world,
            AddUserToGroup {
                group_name: n(group),
                user_name: n(user)
            }
        ),
        Step::Leave(user, group) => plain!(
            world,
            RemoveUserFromGroup {
                group_name: n(group),
                user_name: n(user)
            }
        ),
        Step::Tag(kind, name, key, value) => {
            let tags = vec![tag(key, value)];
            match kind {
                User => plain!(
                    world,
                    TagUser {
                        resource: n(name),
                        tags
                    }
                ),
                Policy => plain!(
                    world,
                    TagPolicy {
                        resource: n(&arn(name)),
                        tags
                    }
                ),
                _ => plain!(
                    world,
                    TagRole {
                        resource: n(name),
                        tags
                    }
                ),
            }
        }
        Step::Untag(kind, name, key) => {
            let tag_keys = vec![n(key)];
            match kind {
                User => plain!(
                    world,
                    UntagUser {
                        resource: n(name),
                        tag_keys
                    }
                ),
                Policy => plain!(
                    world,
                    UntagPolicy {
                        resource: n(&arn(name)),
                        tag_keys
                    }
                ),
                _ => plain!(
                    world,
                    UntagRole {
                        resource: n(name),
                        tag_keys
                    }
                ),
            }
        }
        Step::Bound(kind, name, policy) => {
            let permissions_boundary = n(&arn(policy));
            match kind {
                User => plain!(
                    world,
                    PutUserPermissionsBoundary {
                        principal: n(name),
                        permissions_boundary
                    }
                ),
                _ => plain!(
                    world,
                    PutRolePermissionsBoundary {
                        principal: n(name),
                        permissions_boundary
                    }
                ),
            }
        }
        Step::Unbound(User, name) => {
            plain!(world, DeleteUserPermissionsBoundary { principal: n(name) })
        }
        Step::Unbound(_, name) => {
            plain!(world, DeleteRolePermissionsBoundary { principal: n(name) })
        }
        Step::NewVersion(name, set_as_default) => said(
            world.root(CreatePolicyVersion {
                policy_arn: n(&arn(name)),
                policy_document: n(LIST),
                set_as_default,
            }),
            |version| format!("v{} {}", version.number, version.is_default),
        ),
        Step::DeleteVersion(name, number) => plain!(
            world,
            DeletePolicyVersion {
                policy_arn: n(&arn(name)),
                version_id: n(&format!("v{number}"))
            }
        ),
        Step::SetDefault(name, number) => plain!(
            world,
            SetDefaultPolicyVersion {
                policy_arn: n(&arn(name)),
                version_id: n(&format!("v{number}"))
            }
        ),
        Step::CreateKey(name) => said(
            world.root(CreateAccessKey {
                user_name: Some(n(name)),
            }),
            |created| created.access_key_id.to_string(),
        ),
        Step::SetKey(name, which, status) => plain!(
            world,
            UpdateAccessKey {
                user_name: Some(n(name)),
                access_key_id: n(&key(keys, which)),
                status
            }
        ),
        Step::DeleteKey(name, which) => plain!(
            world,
            DeleteAccessKey {
                user_name: Some(n(name)),
                access_key_id: n(&key(keys, which))
            }
        ),
        Step::Reopen => yes(),
    }
}

fn account(world: &World) -> Arc<Account> {
    ready(world.realm.account(n(ACCOUNT))).unwrap().unwrap()
}

/// All that an account holds, as the model holds it.
fn view(account: &Account) -> Model {
    let tags = |tags: &[Tag]| {
        let pairs = tags.iter();
        pairs
            .map(|tag| (tag.key.to_string(), tag.value.to_string()))
            .collect()
    };
    let with = |mut thing: Thing, policies: &Attachments| {
        thing.attached = policies.attached.iter().cloned().collect();
        let inline = policies.inline.iter();
        thing.inline = inline
            .map(|(key, inline)| {
                (
                    key.clone(),
                    (inline.name.to_string(), inline.document.clone()),
                )
            })
            .collect();
        thing
    };
    let mut all = BTreeMap::new();
    for (name, state) in account.users.iter() {
        let user = &state.user;
        let groups = user
            .groups
            .iter()
            .filter_map(|id| account.groups.with_id(id));
        let owner = KeyOwner::User(user.id.clone());
        let keys = account
            .keys
            .values()
            .filter(|state| state.key.owner == owner);
        let thing = Thing {
            name: user.name.to_string(),
            path: user.path.to_string(),
            tags: tags(&user.tags),
            boundary: user.permissions_boundary.clone(),
            groups: groups
                .map(|group| group.group.name.as_str().to_lowercase())
                .collect(),
            keys: keys
                .map(|state| {
                    (
                        state.key.id.to_string(),
                        state.key.status == KeyStatus::Active,
                    )
                })
                .collect(),
            ..Thing::default()
        };
        assert_eq!(
            thing.groups.len(),
            user.groups.len(),
            "a group that is no more"
        );
        all.insert((User, name.to_owned()), with(thing, &user.policies));
    }
    for (name, state) in account.groups.iter() {
        let thing = Thing {
            name: state.group.name.to_string(),
            path: state.group.path.to_string(),
            ..Thing::default()
        };
        all.insert((Group, name.to_owned()), with(thing, &state.group.policies));
    }
    for (name, state) in account.roles.iter() {
        let role = &state.role;
        let thing = Thing {
            name: role.name.to_string(),
            path: role.path.to_string(),
            description: role
                .description
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            duration: role.max_session_duration.seconds(),
            tags: tags(&role.tags),
            boundary: role.permissions_boundary.clone(),
            ..Thing::default()
        };
        all.insert((Role, name.to_owned()), with(thing, &role.policies));
    }
    for (name, state) in account.policies.iter() {
        let policy = &state.policy;
        let thing = Thing {
            name: policy.name.to_string(),
            path: policy.path.to_string(),
            tags: tags(&policy.tags),
            versions: policy
                .versions
                .iter()
                .map(|version| version.number)
                .collect(),
            default_version: policy.default_version,
            next_version: policy.next_version,
            ..Thing::default()
        };
        all.insert((Policy, name.to_owned()), thing);
    }
    Model(all)
}

// The sequences

fn step() -> impl Strategy<Value = Step> {
    let name = || select(&NAMES[..]);
    let holder = || select(vec![User, Group, Role]);
    let principal = || select(vec![User, Role]);
    let tagged = || select(vec![User, Role, Policy]);
    let tag_key = || select(vec!["k", "K", "l"]);
    let document = select(vec![READ, LIST]);
    let status = select(vec![KeyStatus::Active, KeyStatus::Inactive]);
    let renamed = select(vec![User, Group]);
    prop_oneof![
        8 => (select(vec![User, Group, Role, Policy]), name()).prop_map(|(kind, name)| Step::Create(kind, name)),
        4 => (select(vec![User, Group, Role, Policy]), name()).prop_map(|(kind, name)| Step::Delete(kind, name)),
        3 => (renamed, name(), proptest::option::of(name()), proptest::option::of(select(&PATHS[..])))
            .prop_map(|(kind, name, new, path)| Step::Update(kind, name, new, path)),
        1 => (name(), select(vec!["d", ""]), select(vec![3600, 43200])).prop_map(|(name, text, duration)| Step::Describe(name, text, duration)),
        5 => (holder(), name(), name()).prop_map(|(kind, name, policy)| Step::Attach(kind, name, policy)),
        3 => (holder(), name(), name()).prop_map(|(kind, name, policy)| Step::Detach(kind, name, policy)),
        3 => (holder(), name(), name(), document).prop_map(|(kind, name, policy, document)| Step::Put(kind, name, policy, document)),
        2 => (holder(), name(), name()).prop_map(|(kind, name, policy)| Step::Remove(kind, name, policy)),
        4 => (name(), name()).prop_map(|(user, group)| Step::Join(user, group)),
        2 => (name(), name()).prop_map(|(user, group)| Step::Leave(user, group)),
        3 => (tagged(), name(), tag_key(), select(vec!["v", ""])).prop_map(|(kind, name, key, value)| Step::Tag(kind, name, key, value)),
        2 => (tagged(), name(), tag_key()).prop_map(|(kind, name, key)| Step::Untag(kind, name, key)),
        2 => (principal(), name(), name()).prop_map(|(kind, name, policy)| Step::Bound(kind, name, policy)),
        1 => (principal(), name()).prop_map(|(kind, name)| Step::Unbound(kind, name)),
        4 => (name(), any::<bool>()).prop_map(|(name, as_default)| Step::NewVersion(name, as_default)),
        3 => (name(), 1..8_u32).prop_map(|(name, number)| Step::DeleteVersion(name, number)),
        2 => (name(), 1..8_u32).prop_map(|(name, number)| Step::SetDefault(name, number)),
        3 => name().prop_map(Step::CreateKey),
        1 => (name(), 0..3_usize, status).prop_map(|(name, which, status)| Step::SetKey(name, which, status)),
        2 => (name(), 0..3_usize).prop_map(|(name, which)| Step::DeleteKey(name, which)),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_does_what_maps_and_sets_do(steps in proptest::collection::vec(step(), 1..120)) {
        let (world, mut model, mut keys) = (World::new(), Model::default(), Vec::new());
        for (at, step) in steps.iter().enumerate() {
            let got = take(&world, step, &keys);
            let expected = model.take(step, &keys, &got);
            prop_assert_eq!(&got, &expected, "step {}: {:?}", at, step);
            if let (Step::CreateKey(_), Ok(id)) = (step, got) {
                keys.push(id);
            }
            prop_assert_eq!(&view(&account(&world)), &model, "after step {}: {:?}", at, step);
            if matches!(step, Step::Reopen) {
                prop_assert_eq!(&view(&account(&world.reopened())), &model, "read anew after step {}", at);
            }
        }
    }
}
