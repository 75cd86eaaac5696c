//! What is known of the use of services, and by which policies they may be used.

use crate::common::{ACCOUNT, Key, START, World, fails, n, ready};
use crate::support::READ;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::attachments::{AttachGroupPolicy, AttachUserPolicy};
use locum_identity::iam::groups::{AddUserToGroup, CreateGroup};
use locum_identity::iam::last_accessed::{
    AccessDetail, GenerateOrganizationsAccessReport, GenerateServiceLastAccessedDetails,
    GetOrganizationsAccessReport, GetServiceLastAccessedDetails,
    GetServiceLastAccessedDetailsWithEntities, GrantingPolicy, Granularity, LastAccess,
    ListPoliciesGrantingServiceAccess, PolicyHolder, ServiceLastAccessed, SortKey,
};
use locum_identity::iam::users::DeleteUser;

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const DAY: i64 = 86_400;

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}

fn generate(
    world: &World,
    key: &Key,
    arn: &str,
    granularity: Granularity,
) -> Result<String, Error> {
    let arn = n(arn);
    world.call(key, GenerateServiceLastAccessedDetails { arn, granularity })
}

fn get(world: &World, key: &Key, job: &str) -> Result<Vec<ServiceLastAccessed>, Error> {
    let got = world.call(
        key,
        GetServiceLastAccessedDetails {
            job_id: n(job),
            page: PageRequest {
                max_items: Some(1000),
                ..PageRequest::default()
            },
        },
    );
    got.map(|report| report.page.items)
}

/// What the root user is told of an ARN.
fn details(world: &World, arn: &str, granularity: Granularity) -> Vec<ServiceLastAccessed> {
    let job = generate(world, &world.root, arn, granularity).unwrap();
    get(world, &world.root, &job).unwrap()
}

fn id_of_user(world: &World, name: &str) -> String {
    let account = ready(world.realm.account(n(ACCOUNT))).unwrap().unwrap();
    account.users.named(name).unwrap().user.id.to_string()
}

/// Somebody tried an action now.
fn tried(world: &World, principal: &str, action: (&'static str, &str), region: &str) {
    let at = world.facts().now;
    world
        .realm
        .accesses()
        .note(n(ACCOUNT), principal, action, at, region);
}

fn last(entity: &str, at: i64, region: &str) -> LastAccess {
    LastAccess {
        entity: entity.to_owned(),
        at,
        region: region.to_owned(),
    }
}

#[test]
fn the_services_are_those_that_permission_policies_allow() {
    let world = World::new();
    world.user("ann");
    let services = || -> Vec<String> {
        let told = details(&world, &arn("user/ann"), Granularity::Service);
        told.into_iter().map(|service| service.namespace).collect()
    };
    assert_eq!(services(), [""; 0]);
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":["sqs:SendMessage","S3:Get*"],"Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*"}"#,
    );
    assert_eq!(services(), ["s3", "sqs"]);
    let create = CreateGroup {
        group_name: n("g"),
        path: None,
    };
    world.root(create).unwrap();
    world
        .root(AddUserToGroup {
            group_name: n("g"),
            user_name: n("ann"),
        })
        .unwrap();
    world
        .root(AttachGroupPolicy {
            group_name: n("g"),
            policy_arn: n("arn:aws:iam::aws:policy/IAMFullAccess"),
        })
        .unwrap();
    assert!(services().contains(&"iam".to_owned()));
    let told = details(&world, ADMINISTRATOR, Granularity::Service);
    assert_eq!(told.len(), locum_policy::service_namespaces().count());
    assert!(
        told.iter()
            .all(|service| !service.name.is_empty() && service.last.is_none())
    );
}

#[test]
fn the_last_attempt_is_told_by_service_and_by_action() {
    let world = World::new();
    world.user("ann");
    let ann = id_of_user(&world, "ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":["s3:*","sqs:*"],"Resource":"*"}"#,
    );
    tried(&world, &ann, ("s3", "GetObject"), "eu-west-1");
    // Of what policies do not allow nothing is told, though it was tried.
    tried(&world, &ann, ("iam", "ListUsers"), "us-east-1");
    world.wait(60);
    tried(&world, &ann, ("s3", "PutObject"), "eu-west-2");
    let who = arn("user/ann");
    let s3 = ServiceLastAccessed {
        name: "Amazon S3",
        namespace: "s3".to_owned(),
        last: Some(last(&who, START + 60, "eu-west-2")),
        total_entities: 1,
        actions: Vec::new(),
    };
    let sqs = ServiceLastAccessed {
        name: "Amazon SQS",
        namespace: "sqs".to_owned(),
        last: None,
        total_entities: 0,
        actions: Vec::new(),
    };
    assert_eq!(
        details(&world, &who, Granularity::Service),
        [s3.clone(), sqs.clone()]
    );
    let actions = vec![
        ("GetObject".to_owned(), last(&who, START, "eu-west-1")),
        ("PutObject".to_owned(), last(&who, START + 60, "eu-west-2")),
    ];
    let s3 = ServiceLastAccessed { actions, ..s3 };
    assert_eq!(details(&world, &who, Granularity::Action), [s3, sqs]);
}

#[test]
fn attempts_count_for_400_days() {
    let world = World::new();
    world.user("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
    );
    tried(
        &world,
        &id_of_user(&world, "ann"),
        ("s3", "GetObject"),
        "eu-west-1",
    );
    let is_known = || {
        details(&world, &arn("user/ann"), Granularity::Service)[0]
            .last
            .is_some()
    };
    assert!(is_known());
    world.wait(400 * DAY - 1);
    assert!(is_known());
    world.wait(1);
    assert!(!is_known());
}

#[test]
fn another_user_of_the_same_name_used_nothing() {
    let world = World::new();
    world.user("ann");
    tried(
        &world,
        &id_of_user(&world, "ann"),
        ("s3", "GetObject"),
        "eu-west-1",
    );
    let user_name = n("ann");
    world.root(DeleteUser { user_name }).unwrap();
    world.user("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
    );
    let told = details(&world, &arn("user/ann"), Granularity::Action);
    assert_eq!((told[0].last.as_ref(), told[0].total_entities), (None, 0));
}

/// A policy that two users have, one by a group, of whom one used it.
fn shared() -> (World, String) {
    let world = World::new();
    world.user("ann");
    world.user("bob");
    world.user("carol");
    let policy = world.policy("p").arn;
    let create = CreateGroup {
        group_name: n("g"),
        path: None,
    };
    world.root(create).unwrap();
    world
        .root(AddUserToGroup {
            group_name: n("g"),
            user_name: n("bob"),
        })
        .unwrap();
    world
        .root(AttachGroupPolicy {
            group_name: n("g"),
            policy_arn: n(&policy),
        })
        .unwrap();
    world
        .root(AttachUserPolicy {
            user_name: n("ann"),
            policy_arn: n(&policy),
        })
        .unwrap();
    (world, policy)
}

#[test]
fn of_a_policy_or_group_its_entities_are_told() {
    let (world, policy) = shared();
    let entities = |arn: &str| {
        let job = generate(&world, &world.root, arn, Granularity::Service).unwrap();
        let told = world.root(GetServiceLastAccessedDetailsWithEntities {
            job_id: n(&job),
            service_namespace: n("s3"),
            page: PageRequest::default(),
        });
        let items = told.unwrap().page.items.into_iter();
        items
            .map(|it| (it.entity.name, it.last_authenticated))
            .collect::<Vec<_>>()
    };
    let row = |name: &str, at| (name.to_owned(), at);
    assert_eq!(entities(&policy), [row("ann", None), row("bob", None)]);
    tried(
        &world,
        &id_of_user(&world, "bob"),
        ("s3", "GetObject"),
        "eu-west-1",
    );
    tried(
        &world,
        &id_of_user(&world, "carol"),
        ("s3", "GetObject"),
        "eu-west-1",
    );
    assert_eq!(
        entities(&policy),
        [row("bob", Some(START)), row("ann", None)]
    );
    assert_eq!(entities(&arn("group/g")), [row("bob", Some(START))]);
    world.wait(60);
    tried(
        &world,
        &id_of_user(&world, "ann"),
        ("s3", "ListBucket"),
        "eu-west-1",
    );
    let told = details(&world, &policy, Granularity::Service);
    assert_eq!(told[0].total_entities, 2);
    assert_eq!(
        told[0].last,
        Some(last(&arn("user/ann"), START + 60, "eu-west-1"))
    );
}

#[test]
fn a_report_is_of_the_moment_it_was_asked_for() {
    let (world, policy) = shared();
    let job = generate(&world, &world.root, &policy, Granularity::Service).unwrap();
    let before = get(&world, &world.root, &job).unwrap();
    tried(
        &world,
        &id_of_user(&world, "ann"),
        ("s3", "GetObject"),
        "eu-west-1",
    );
    assert_eq!(get(&world, &world.root, &job).unwrap(), before);
}

#[test]
fn a_job_is_its_askers_alone_and_not_for_ever() {
    let world = World::new();
    let everything = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#;
    let (ann, bob) = (world.user_with_key("ann"), world.user_with_key("bob"));
    world.allow("ann", everything);
    world.allow("bob", everything);
    let job = generate(&world, &ann, &arn("user/bob"), Granularity::Service).unwrap();
    let missing = |result| {
        let text = format!("The job with id {job} cannot be found.");
        fails(result, "NoSuchEntity", &text);
    };
    assert!(get(&world, &ann, &job).is_ok());
    missing(get(&world, &bob, &job));
    missing(get(&world, &world.root, &job));
    let entities = |key: &Key, namespace: &str| {
        world.call(
            key,
            GetServiceLastAccessedDetailsWithEntities {
                job_id: n(&job),
                service_namespace: n(namespace),
                page: PageRequest::default(),
            },
        )
    };
    assert!(entities(&ann, "iam").is_ok());
    missing(entities(&bob, "iam").map(|_| Vec::new()));
    fails(
        entities(&ann, "s3"),
        "InvalidInput",
        "The report does not have the service s3.",
    );
    world.wait(DAY - 1);
    assert!(get(&world, &ann, &job).is_ok());
    world.wait(1);
    missing(get(&world, &ann, &job));
}

#[test]
fn what_cannot_be_asked_about() {
    let world = World::new();
    let check = |arn: &str, code: &str, message: &str| {
        let asked = generate(&world, &world.root, arn, Granularity::Service);
        fails(asked, code, message);
    };
    check(
        &arn("user/nobody"),
        "NoSuchEntity",
        "The user with name nobody cannot be found.",
    );
    check(
        &arn("group/no"),
        "NoSuchEntity",
        "The group with name no cannot be found.",
    );
    check(
        &arn("role/no"),
        "NoSuchEntity",
        "The role with name no cannot be found.",
    );
    let policy = arn("policy/no");
    check(
        &policy,
        "NoSuchEntity",
        &format!("Policy {policy} was not found."),
    );
    let device = arn("mfa/device");
    let invalid = format!("Invalid ARN provided in the request: {device}");
    check(&device, "InvalidInput", &invalid);
    world.user("ann");
    // Another account's user, and a path that is not ann's, are not ann.
    check(
        "arn:aws:iam::210987654321:user/ann",
        "AccessDenied",
        "User: arn:aws:iam::123456789012:root is not authorized to perform: iam:GenerateServiceLastAccessedDetails on resource: arn:aws:iam::210987654321:user/ann because no resource-based policy allows the iam:GenerateServiceLastAccessedDetails action",
    );
    check(
        &arn("user/x/ann"),
        "NoSuchEntity",
        "The user with name ann cannot be found.",
    );
}

#[test]
fn policies_that_grant_are_told_once_each() {
    let (world, policy) = shared();
    world
        .root(AttachUserPolicy {
            user_name: n("bob"),
            policy_arn: n(&policy),
        })
        .unwrap();
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#,
    );
    assert!(READ.contains("s3:GetObject"));
    let grants = |arn: &str| {
        let listed = world.root(ListPoliciesGrantingServiceAccess {
            arn: n(arn),
            service_namespaces: ["sqs", "s3", "iam"].map(n).to_vec(),
            page: PageRequest::default(),
        });
        let items = listed.unwrap().items.into_iter();
        items
            .map(|it| (it.namespace, it.policies))
            .collect::<Vec<_>>()
    };
    let inline = GrantingPolicy::Inline {
        name: "allowed".to_owned(),
        holder: PolicyHolder::User,
        holder_name: "bob".to_owned(),
    };
    let managed = GrantingPolicy::Managed(policy.clone());
    let row =
        |namespace: &str, policies: &[GrantingPolicy]| (namespace.to_owned(), policies.to_vec());
    assert_eq!(
        grants(&arn("user/bob")),
        [
            row("sqs", &[inline]),
            row("s3", std::slice::from_ref(&managed)),
            row("iam", &[])
        ]
    );
    assert_eq!(
        grants(&arn("group/g")),
        [row("sqs", &[]), row("s3", &[managed]), row("iam", &[])]
    );
}

#[test]
fn an_organization_s_accounts_are_told_together() {
    let world = World::new();
    world.enable_service_control();
    let organization = world.realm.directory().organization.clone().unwrap();
    let path = format!("{}/{}", organization.id, organization.root_id());
    let report = |path: &str, sort_key| {
        let job = world.root(GenerateOrganizationsAccessReport {
            entity_path: n(path),
            organizations_policy_id: None,
        });
        let got = world.root(GetOrganizationsAccessReport {
            job_id: n(&job.unwrap()),
            sort_key,
            page: PageRequest {
                max_items: Some(2),
                ..PageRequest::default()
            },
        });
        got.unwrap()
    };
    tried(&world, ACCOUNT, ("sts", "GetCallerIdentity"), "eu-west-1");
    // The management account is bound by no policy, so it is not among those of the root.
    let all = locum_policy::service_namespaces().count();
    let root = report(&path, SortKey::NamespaceAscending);
    assert_eq!((root.accessible, root.not_accessed), (all, all));
    let own = format!("{path}/{ACCOUNT}");
    let management = report(&own, SortKey::TimeDescending);
    assert_eq!(
        (management.accessible, management.not_accessed),
        (all, all - 1)
    );
    let sts = AccessDetail {
        name: "AWS Security Token Service",
        namespace: "sts".to_owned(),
        last: Some((START, "eu-west-1".to_owned(), own)),
        total_accounts: 1,
    };
    assert_eq!(management.page.items[0], sts);
    assert!(management.page.next.is_some());
    let backwards = report(&path, SortKey::NamespaceDescending).page.items;
    assert!(backwards[0].namespace > backwards[1].namespace);
    let unknown = world.root(GenerateOrganizationsAccessReport {
        entity_path: n(&format!("{path}/ou-none")),
        organizations_policy_id: None,
    });
    let text = format!("The entity path {path}/ou-none is not one of the organization.");
    fails(unknown, "InvalidInput", &text);
}
