//! What the policies of an organization bind: principals by service control policies, resources by
//! resource control policies.

use crate::common::{ACCOUNT, START, World, n, ready, sample_facts};
use crate::support::{FULL, RCP, SCP, denied, document, root_of, statement};
use locum_identity::caller::Need;
use locum_identity::iam::roles::GetRole;
use locum_identity::iam::users::{CreateUser, GetUser};
use locum_identity::names::AccountId;
use locum_identity::organizations::{DisablePolicyType, UpdatePolicy};
use locum_identity::sts::{AssumeRole, GetCallerIdentity, GetSessionToken};
use locum_policy::{Decision, Denial, Layer};

const EXPLICIT_SCP: &str = "with an explicit deny in a service control policy";

/// An organization with service control policies and a member in a unit of the root.
fn organization() -> (World, AccountId, String) {
    let world = World::new();
    world.enable(SCP);
    let member = world.member("member");
    let unit = world.unit(&world.root_id(), "unit");
    world.move_account(member, &world.root_id(), &unit).unwrap();
    (world, member, unit)
}

fn create(name: &str) -> CreateUser {
    CreateUser {
        user_name: n(name),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    }
}

fn no_scp(action: &str) -> String {
    format!("because no service control policy allows the {action} action")
}

/// The decision about a principal's need.
fn decide(world: &World, principal: &str, need: &Need<'_>) -> Decision {
    world
        .caller_of(principal)
        .decide(&sample_facts(START), need)
}

fn explicit(layer: Layer) -> Decision {
    Decision::Denied(Denial {
        explicit: true,
        layer,
    })
}

#[test]
fn a_service_control_policy_binds_root_and_administrators_of_members() {
    let (world, member, unit) = organization();
    let admin = world.user_of(member, "admin", &statement("Allow", "*"));
    let policy = world.control(
        SCP,
        "no users",
        &document(&statement("Deny", "iam:CreateUser")),
    );
    world.call_as(&admin, create("before")).unwrap();
    for target in [world.root_id(), unit, member.to_string()] {
        world.attach(&policy, &target).unwrap();
        for principal in [root_of(member), admin.clone()] {
            let resource = format!("arn:aws:iam::{member}:user/x");
            denied(
                world.call_as(&principal, create("x")),
                &format!(
                    "User: {principal} is not authorized to perform: iam:CreateUser on resource: {resource} {EXPLICIT_SCP}"
                ),
            );
        }
        // The management account is bound by none, wherever it is attached.
        world
            .root(create(&format!("free{}", target.len())))
            .unwrap();
        world.detach(&policy, &target).unwrap();
    }
    world.call_as(&admin, create("after")).unwrap();
    world.attach(&policy, ACCOUNT).unwrap();
    world.root(create("anyway")).unwrap();
}

#[test]
fn every_level_must_allow() {
    let (world, member, unit) = organization();
    let root = root_of(member);
    let only =
        |name: &str, action: &str| world.control(SCP, name, &document(&statement("Allow", action)));
    let (iam, reads) = (only("iam", "iam:*"), only("reads", "iam:Get*"));
    world.attach(&iam, &unit).unwrap();
    world.detach(FULL, &unit).unwrap();
    let get = || {
        world.call_as(
            &root,
            GetRole {
                role_name: n("OrganizationAccountAccessRole"),
            },
        )
    };
    world.call_as(&root, create("one")).unwrap();
    get().unwrap();
    let s3 = Need::new("s3:GetObject", "arn:aws:s3:::b/k");
    assert_eq!(
        decide(&world, &root, &s3),
        Decision::Denied(Denial {
            explicit: false,
            layer: Layer::ServiceControl
        })
    );
    // A second list at the account leaves what both allow.
    let reads_target = member.to_string();
    world.attach(&reads, &reads_target).unwrap();
    world.call_as(&root, create("two")).unwrap();
    world.detach(FULL, &reads_target).unwrap();
    get().unwrap();
    denied(
        world.call_as(&root, create("three")),
        &no_scp("iam:CreateUser"),
    );
    // Two policies of one level allow together.
    let creates = only("creates", "iam:Create*");
    world.attach(&creates, &reads_target).unwrap();
    world.call_as(&root, create("three")).unwrap();
}

#[test]
fn what_no_policy_governs_is_not_governed_by_the_organization() {
    let (world, member, _) = organization();
    let policy = world.control(SCP, "nothing", &document(&statement("Deny", "*")));
    world.attach(&policy, member.as_str()).unwrap();
    let root = root_of(member);
    world.call_as(&root, GetCallerIdentity).unwrap();
    let token = GetSessionToken::default();
    world.call_as(&root, token).unwrap();
    denied(
        world.call_as(
            &root,
            GetRole {
                role_name: n("OrganizationAccountAccessRole"),
            },
        ),
        EXPLICIT_SCP,
    );
}

#[test]
fn a_change_counts_at_the_next_request_everywhere() {
    let (world, member, unit) = organization();
    let other = world.reopened();
    let root = root_of(member);
    let policy = world.control(SCP, "one", &document(&statement("Deny", "iam:*")));
    world.attach(&policy, &unit).unwrap();
    ready(other.realm.catch_up()).unwrap();
    denied(other.call_as(&root, create("x")), EXPLICIT_SCP);
    // Another document, another place, no type: each counts at once.
    world
        .root(UpdatePolicy {
            policy_id: n(&policy),
            name: None,
            description: None,
            content: Some(n(&document(&statement("Deny", "s3:*")))),
        })
        .unwrap();
    world.call_as(&root, create("a")).unwrap();
    world
        .root(UpdatePolicy {
            policy_id: n(&policy),
            name: None,
            description: None,
            content: Some(n(&document(&statement("Deny", "iam:*")))),
        })
        .unwrap();
    denied(world.call_as(&root, create("b")), EXPLICIT_SCP);
    world.move_account(member, &unit, &world.root_id()).unwrap();
    world.call_as(&root, create("b")).unwrap();
    world.move_account(member, &world.root_id(), &unit).unwrap();
    denied(world.call_as(&root, create("c")), EXPLICIT_SCP);
    denied(world.reopened().call_as(&root, create("c")), EXPLICIT_SCP);
    world
        .root(DisablePolicyType {
            root_id: n(&world.root_id()),
            policy_type: n(SCP),
        })
        .unwrap();
    world.call_as(&root, create("c")).unwrap();
}

#[test]
fn a_caller_that_came_before_the_change_is_decided_again() {
    let (world, member, _) = organization();
    let early = world.caller_of(&root_of(member));
    let policy = world.control(SCP, "one", &document(&statement("Deny", "iam:*")));
    world.attach(&policy, member.as_str()).unwrap();
    let facts = world.facts();
    denied(
        ready(world.realm.call(&early, &facts, create("x"))),
        EXPLICIT_SCP,
    );
}

#[test]
fn a_resource_control_policy_binds_whoever_comes() {
    let world = World::new();
    let member = world.member("member");
    world.enable(RCP);
    let origin = locum_identity::port::Origin {
        at: START,
        actor: "test".to_owned(),
        action: "s3:CreateBucket".to_owned(),
        request_id: String::new(),
    };
    let bucket = |name: &str, owner: AccountId| {
        ready(world.realm.create_bucket(owner, name, "us-east-1", &origin)).unwrap();
        let found = || ready(world.realm.bucket(name)).unwrap().unwrap();
        let open = document(&format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::{name}","arn:aws:s3:::{name}/*"]}}"#
        ));
        ready(
            world
                .realm
                .put_bucket_policy(&found(), Some(&open), &origin),
        )
        .unwrap();
        found()
    };
    let theirs = bucket("theirs", member);
    let ours = bucket("ours", n(ACCOUNT));
    let admin = world.user_of(n(ACCOUNT), "admin", &statement("Allow", "*"));
    let policy = world.control(
        RCP,
        "within",
        &document(r#"{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"}"#),
    );
    let get = |name: &'static str| Need::new("s3:GetObject", format!("arn:aws:s3:::{name}/k"));
    let put = Need::new("s3:PutObject", "arn:aws:s3:::theirs/k").in_bucket(&theirs);
    let callers = [admin.clone(), root_of(member), "anonymous".to_owned()];
    for caller in &callers {
        let need = get("theirs").in_bucket(&theirs);
        assert_eq!(decide(&world, caller, &need), Decision::Allowed, "{caller}");
    }
    for target in [world.root_id(), member.to_string()] {
        world.attach(&policy, &target).unwrap();
        for caller in &callers {
            let need = get("theirs").in_bucket(&theirs);
            assert_eq!(
                decide(&world, caller, &need),
                explicit(Layer::ResourceControl),
                "{caller}"
            );
            assert_eq!(decide(&world, caller, &put), Decision::Allowed, "{caller}");
        }
        // What the management account owns is not bound.
        for caller in &callers {
            let need = get("ours").in_bucket(&ours);
            assert_eq!(decide(&world, caller, &need), Decision::Allowed, "{caller}");
        }
        world.detach(&policy, &target).unwrap();
    }
}

#[test]
fn the_root_user_of_a_bucket_stands_above_its_policy_and_below_the_organization() {
    let (world, member, _) = organization();
    let origin = locum_identity::port::Origin {
        at: START,
        actor: "test".to_owned(),
        action: "s3:CreateBucket".to_owned(),
        request_id: String::new(),
    };
    ready(world.realm.create_bucket(member, "b", "us-east-1", &origin)).unwrap();
    let bucket = ready(world.realm.bucket("b")).unwrap().unwrap();
    let locked = document(
        r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b"}"#,
    );
    ready(
        world
            .realm
            .put_bucket_policy(&bucket, Some(&locked), &origin),
    )
    .unwrap();
    let bucket = ready(world.realm.bucket("b")).unwrap().unwrap();
    let root = root_of(member);
    let need = |action: &'static str| Need::new(action, "arn:aws:s3:::b").in_bucket(&bucket);
    assert_eq!(
        decide(&world, &root, &need("s3:ListBucket")),
        explicit(Layer::Resource)
    );
    for action in [
        "s3:GetBucketPolicy",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
    ] {
        assert_eq!(decide(&world, &root, &need(action)), Decision::Allowed);
        assert_eq!(
            decide(&world, &root_of(n(ACCOUNT)), &need(action)),
            explicit(Layer::Resource)
        );
    }
    let policy = world.control(SCP, "no s3", &document(&statement("Deny", "s3:*")));
    world.attach(&policy, member.as_str()).unwrap();
    assert_eq!(
        decide(&world, &root, &need("s3:PutBucketPolicy")),
        explicit(Layer::ServiceControl)
    );
}

#[test]
fn a_resource_control_policy_binds_assuming_a_members_roles() {
    let world = World::new();
    let member = world.member("member");
    world.enable(RCP);
    let ann = world.user_of(n(ACCOUNT), "ann", &statement("Allow", "sts:AssumeRole"));
    let role = format!("arn:aws:iam::{member}:role/OrganizationAccountAccessRole");
    let assume = || world.call_as(&ann, AssumeRole::new(n(&role), n("session")));
    assume().unwrap();
    let policy = world.control(
        RCP,
        "nobody",
        &document(r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}"#),
    );
    world.attach(&policy, member.as_str()).unwrap();
    denied(
        assume(),
        &format!("User: {ann} is not authorized to perform: sts:AssumeRole on resource: {role}"),
    );
    // A service's own role is no matter of resource control policies.
    let need = |name: &str| {
        let mut need = Need::new(
            "sts:AssumeRole",
            format!("arn:aws:iam::{member}:role/{name}"),
        );
        need.resource_account = Some(member);
        need
    };
    assert_eq!(
        decide(&world, &ann, &need("r")),
        explicit(Layer::ResourceControl)
    );
    assert_ne!(
        decide(&world, &ann, &need("aws-service-role/x.amazonaws.com/R")),
        explicit(Layer::ResourceControl)
    );
}

#[test]
fn condition_keys_tell_where_accounts_stand() {
    let (world, member, unit) = organization();
    let organization = world.realm.directory().organization.clone().unwrap();
    let (id, root) = (&organization.id, world.root_id());
    let user = |name: &str, condition: &str| {
        let statement = format!(
            r#"{{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{condition}}}"#
        );
        world.user_of(member, name, &statement)
    };
    let path = format!("{id}/{root}/{unit}/");
    let rows = [
        (
            format!(r#"{{"StringEquals":{{"aws:PrincipalOrgID":"{id}"}}}}"#),
            true,
            true,
        ),
        (
            format!(r#"{{"StringEquals":{{"aws:ResourceOrgID":"{id}"}}}}"#),
            true,
            true,
        ),
        (
            r#"{"StringEquals":{"aws:ResourceOrgID":"o-other"}}"#.to_owned(),
            false,
            false,
        ),
        (
            format!(r#"{{"ForAnyValue:StringEquals":{{"aws:PrincipalOrgPaths":"{path}"}}}}"#),
            true,
            false,
        ),
        (
            format!(
                r#"{{"ForAnyValue:StringLike":{{"aws:ResourceOrgPaths":"{id}/{root}/ou-*"}}}}"#
            ),
            true,
            false,
        ),
        (
            format!(r#"{{"ForAnyValue:StringEquals":{{"aws:PrincipalOrgPaths":"{id}/{root}/"}}}}"#),
            false,
            true,
        ),
        // The keys are multi-valued: other operators do not look at them.
        (
            format!(r#"{{"StringEquals":{{"aws:PrincipalOrgPaths":"{path}"}}}}"#),
            false,
            false,
        ),
    ];
    let users: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(place, (condition, ..))| user(&format!("u{place}"), condition))
        .collect();
    let check = |wanted: &dyn Fn(&(String, bool, bool)) -> bool| {
        for (row, principal) in rows.iter().zip(&users) {
            let got = world.call_as(principal, GetUser { user_name: None });
            assert_eq!(got.is_ok(), wanted(row), "{}", row.0);
        }
    };
    check(&|row| row.1);
    world.move_account(member, &unit, &root).unwrap();
    check(&|row| row.2);
}

#[test]
fn an_unsigned_request_is_of_no_organization() {
    let world = World::new();
    world.enable(RCP);
    let member = world.member("member");
    let organization = world.realm.directory().organization.clone().unwrap();
    let policy = world.control(
        RCP,
        "outsiders",
        &document(&format!(
            r#"{{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{{"StringNotEqualsIfExists":{{"aws:PrincipalOrgID":"{0}"}},"StringEquals":{{"aws:ResourceOrgID":"{0}"}}}}}}"#,
            organization.id
        )),
    );
    world.attach(&policy, &world.root_id()).unwrap();
    let mut need = Need::new("s3:GetObject", "arn:aws:s3:::b/k");
    need.resource_account = Some(member);
    assert_eq!(
        decide(&world, "anonymous", &need),
        explicit(Layer::ResourceControl)
    );
    assert_eq!(decide(&world, &root_of(member), &need), Decision::Allowed);
}

#[test]
fn explanations_name_the_policies() {
    let (world, member, unit) = organization();
    let policy = world.control(SCP, "no users", &document(&statement("Deny", "iam:*")));
    world.attach(&policy, &unit).unwrap();
    // The role that every member has.
    let role = format!("arn:aws:iam::{member}:role/OrganizationAccountAccessRole");
    let caller = world.caller_of(&role);
    let need = Need::new("iam:CreateUser", format!("arn:aws:iam::{member}:user/x"));
    let told = caller.explain(&sample_facts(START), &need).to_string();
    for label in [
        "FullAWSAccess (p-FullAWSAccess)".to_owned(),
        format!("no users ({policy})"),
        "arn:aws:iam::aws:policy/AdministratorAccess".to_owned(),
    ] {
        assert!(told.contains(&label), "{label}\n{told}");
    }
}
