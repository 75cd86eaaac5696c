//! The policies of users, groups and roles.

use super::{A, B, Simulation, custom, getting, letting, list, one, shown, when};
use crate::common::{World, fails, n};
use crate::support::new_role;
use locum_identity::iam::attachments::{AttachGroupPolicy, AttachUserPolicy};
use locum_identity::iam::groups::{AddUserToGroup, CreateGroup};
use locum_identity::iam::inline_policies::{PutGroupPolicy, PutRolePolicy, PutUserPolicy};
use locum_identity::iam::policies::{CreatePolicy, CreatePolicyVersion};
use locum_identity::iam::simulate::Verdict::{self, Allowed, ExplicitDeny, ImplicitDeny};
use locum_identity::iam::simulate::{
    GetContextKeysForCustomPolicy, GetContextKeysForPrincipalPolicy, InlinePolicyIdentifier,
    PolicyIdentifier, PolicyIdentifierType, SimulatePrincipalPolicy,
};
use locum_identity::iam::users::{CreateUser, GetUser, GotUser, PutUserPermissionsBoundary};

/// Ann is in a group; both have an inline policy, and a managed one is attached to both. There is a
/// role with an inline policy.
fn peopled() -> World {
    let world = World::new();
    let user = CreateUser {
        user_name: n("Ann"),
        path: Some(n("/x/")),
        permissions_boundary: None,
        tags: Vec::new(),
    };
    world.root(user).unwrap();
    world
        .root(CreateGroup {
            group_name: n("Staff"),
            path: Some(n("/x/")),
        })
        .unwrap();
    world.root(new_role("r")).unwrap();
    let managed = |name: &str, document: &str| {
        let policy = CreatePolicy {
            policy_name: n(name),
            path: Some(n("/y/")),
            policy_document: n(document),
            description: None,
            tags: Vec::new(),
        };
        world.root(policy).unwrap().arn
    };
    let arn = managed(
        "Managed",
        "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"s3:DeleteObject\",\n      \"Resource\": \"*\"\n    }\n  ]\n}",
    );
    managed("Bound", &one("Allow", "s3:GetObject", "*"));
    world
        .root(PutUserPolicy {
            user_name: n("ann"),
            policy_name: n("Own"),
            policy_document: n(&one("Allow", "s3:GetObject", A)),
        })
        .unwrap();
    world
        .root(PutGroupPolicy {
            group_name: n("staff"),
            policy_name: n("Shared"),
            policy_document: n(&one("Allow", "s3:PutObject", B)),
        })
        .unwrap();
    world
        .root(PutRolePolicy {
            role_name: n("r"),
            policy_name: n("Inline"),
            policy_document: n(&when(
                r#""StringLike":{"aws:PrincipalArn":"${aws:username}*"}"#,
            )),
        })
        .unwrap();
    world
        .root(AttachUserPolicy {
            user_name: n("ann"),
            policy_arn: n(&arn),
        })
        .unwrap();
    world
        .root(AttachGroupPolicy {
            group_name: n("staff"),
            policy_arn: n(&arn),
        })
        .unwrap();
    world
        .root(AddUserToGroup {
            group_name: n("staff"),
            user_name: n("ann"),
        })
        .unwrap();
    world
}

fn of(source: &str, simulation: Simulation) -> SimulatePrincipalPolicy {
    SimulatePrincipalPolicy {
        policy_source_arn: n(source),
        exclusions: Vec::new(),
        simulation,
    }
}

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::123456789012:{resource}")
}

#[test]
fn the_policies_of_a_user_its_groups_a_group_and_a_role() {
    let world = peopled();
    let check = |source: &str, expected: [(&str, Verdict, Vec<&str>); 3]| {
        let simulation = Simulation {
            actions: list(&expected.clone().map(|(action, ..)| action)),
            resources: list(&[A, B]),
            ..Simulation::default()
        };
        let page = world.root(of(&arn(source), simulation)).unwrap();
        for (result, (action, decision, matched)) in page.results.iter().zip(expected) {
            assert_eq!(
                (result.decision, shown(&result.matched)),
                (decision, matched.iter().map(|m| (*m).to_owned()).collect()),
                "{source} {action}"
            );
            assert_eq!(result.allowed_by_organizations, Some(true));
            assert_eq!(result.allowed_by_boundary, None);
        }
    };
    let own = "user_Ann_Own Iam 1:38 1:115";
    let shared = "group_Staff_Shared Iam 1:38 1:115";
    // Once, though it is attached twice.
    let managed = "Managed Iam 3:17 8:6";
    // The path counts for nothing, nor does letter case.
    for source in ["user/x/Ann", "user/ann", "user/other/path/ANN"] {
        check(
            source,
            [
                ("s3:GetObject", ImplicitDeny, vec![own]),
                ("s3:PutObject", ImplicitDeny, vec![shared]),
                ("s3:DeleteObject", Allowed, vec![managed]),
            ],
        );
    }
    check(
        "group/x/Staff",
        [
            ("s3:GetObject", ImplicitDeny, vec![]),
            ("s3:PutObject", ImplicitDeny, vec![shared]),
            ("s3:DeleteObject", Allowed, vec![managed]),
        ],
    );
    // The trust policy has no part in it.
    check(
        "role/r",
        [
            ("s3:GetObject", ImplicitDeny, vec![]),
            ("sts:AssumeRole", ImplicitDeny, vec![]),
            ("s3:DeleteObject", ImplicitDeny, vec![]),
        ],
    );
}

#[test]
fn what_the_request_adds_to_a_principal() {
    let world = peopled();
    let simulate = |simulation: Simulation| {
        let page = world.root(of(&arn("user/x/Ann"), simulation)).unwrap();
        page.results[0].clone()
    };
    let more = simulate(Simulation {
        resources: list(&[A]),
        ..getting(&[&one("Allow", "*", "*")])
    });
    assert_eq!(
        shown(&more.matched),
        [
            "user_Ann_Own Iam 1:38 1:115",
            "PolicyInputList.1 Iam 1:38 1:84"
        ]
    );
    // The user is the caller: its name and ARN are known, and resource policies can name it.
    let known = when(
        r#""StringEquals":{"aws:username":"Ann","aws:PrincipalArn":"arn:aws:iam::123456789012:user/x/Ann"}"#,
    );
    assert_eq!(simulate(getting(&[&known])).decision, Allowed);
    let named = |caller: Option<&str>| Simulation {
        resources: list(&[B]),
        resource_policy: Some(n(&letting("Allow", &arn("user/x/Ann")))),
        caller: caller.map(n),
        ..getting(&[])
    };
    assert_eq!(simulate(named(None)).decision, Allowed);
    assert_eq!(
        simulate(named(Some(&arn("user/bob")))).decision,
        ImplicitDeny
    );
    // It is also known by its id, unless somebody else calls.
    let got = world.root(GetUser {
        user_name: Some(n("ann")),
    });
    let Ok(GotUser::User(ann)) = got else {
        panic!("no user")
    };
    let id = &ann.state.user.id;
    let by_id = |caller: Option<&str>| Simulation {
        resource_policy: Some(n(&letting("Allow", id.as_str()))),
        ..named(caller)
    };
    assert_eq!(simulate(by_id(None)).decision, Allowed);
    assert_eq!(
        simulate(by_id(Some(&arn("user/bob")))).decision,
        ImplicitDeny
    );
    // A group or role needs a caller for a resource policy.
    for source in ["group/Staff", "role/r"] {
        let without = world.root(of(&arn(source), named(None)));
        fails(
            without,
            "InvalidInput",
            "Invalid caller - Caller cannot be null or empty.",
        );
        let with = world.root(of(&arn(source), named(Some(&arn("user/x/Ann")))));
        assert_eq!(with.unwrap().results[0].decision, Allowed);
    }
}

#[test]
fn a_principals_boundary_unless_the_request_has_another() {
    let world = peopled();
    world
        .root(PutUserPermissionsBoundary {
            principal: n("ann"),
            permissions_boundary: n(&arn("policy/y/Bound")),
        })
        .unwrap();
    let simulate = |boundaries: &[&str]| {
        let simulation = Simulation {
            actions: list(&["s3:GetObject", "s3:DeleteObject"]),
            resources: list(&[A]),
            boundaries: list(boundaries),
            ..getting(&[])
        };
        let page = world.root(of(&arn("user/x/Ann"), simulation)).unwrap();
        page.results
            .iter()
            .map(|r| (r.decision, r.allowed_by_boundary))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        simulate(&[]),
        [(Allowed, Some(true)), (ImplicitDeny, Some(false))]
    );
    assert_eq!(
        simulate(&[&one("Allow", "s3:DeleteObject", "*")]),
        [(ImplicitDeny, Some(false)), (Allowed, Some(true))]
    );
    // An attached one goes by its name.
    world
        .root(CreatePolicyVersion {
            policy_arn: n(&arn("policy/y/Bound")),
            policy_document: n(&one("Deny", "s3:*", "*")),
            set_as_default: true,
        })
        .unwrap();
    let page = world.root(of(&arn("user/x/Ann"), getting(&[]))).unwrap();
    assert_eq!(
        (page.results[0].decision, shown(&page.results[0].matched)),
        (ExplicitDeny, vec!["Bound Boundary 1:38 1:86".to_owned()])
    );
}

#[test]
fn sources_that_are_none() {
    let world = peopled();
    let both = |source: &str, code: &str, message: &str| {
        fails(world.root(of(source, getting(&[]))), code, message);
        let keys = GetContextKeysForPrincipalPolicy {
            policy_source_arn: n(source),
            policies: Vec::new(),
        };
        fails(world.root(keys), code, message);
    };
    for kind in ["user", "group", "role"] {
        both(
            &arn(&format!("{kind}/nobody")),
            "NoSuchEntity",
            "Unable to retrieve specified IAM entity.",
        );
        let foreign = format!("arn:aws:iam::999999999999:{kind}/Ann");
        both(
            &foreign,
            "InvalidInput",
            "Invalid Policy Source Arn: caller's account 123456789012 does not have access to policies in account 999999999999.",
        );
    }
    for source in [
        arn("root"),
        arn("policy/y/Managed"),
        arn("user/"),
        "arn:aws:sts::123456789012:assumed-role/r/session".to_owned(),
        "not-an-arn-but-long-enough".to_owned(),
    ] {
        both(
            &source,
            "InvalidInput",
            &format!("Invalid ARN provided in the request: {source}"),
        );
    }
}

#[test]
fn who_may_simulate_whom() {
    let world = peopled();
    let bob = world.user_with_key("bob");
    let principal = || of(&arn("user/wrong/ann"), getting(&[]));
    let keys = || GetContextKeysForPrincipalPolicy {
        policy_source_arn: n(&arn("group/staff")),
        policies: Vec::new(),
    };
    let sentence = |action: &str, resource: &str| {
        format!(
            "User: {} is not authorized to perform: iam:{action} on resource: {resource} because no identity-based policy allows the iam:{action} action",
            arn("user/bob")
        )
    };
    // The stored ARN counts.
    fails(
        world.call(&bob, principal()),
        "AccessDenied",
        &sentence("SimulatePrincipalPolicy", &arn("user/x/Ann")),
    );
    fails(
        world.call(&bob, keys()),
        "AccessDenied",
        &sentence("GetContextKeysForPrincipalPolicy", &arn("group/x/Staff")),
    );
    fails(
        world.call(&bob, custom(getting(&[]))),
        "AccessDenied",
        &sentence("SimulateCustomPolicy", "*"),
    );
    fails(
        world.call(
            &bob,
            GetContextKeysForCustomPolicy {
                policies: Vec::new(),
            },
        ),
        "AccessDenied",
        &sentence("GetContextKeysForCustomPolicy", "*"),
    );
    // Before anything else is looked at.
    let missing = of(&arn("role/nobody"), Simulation::default());
    fails(
        world.call(&bob, missing),
        "AccessDenied",
        &sentence("SimulatePrincipalPolicy", &arn("role/nobody")),
    );
    world.allow("bob", &format!(r#"{{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy","Resource":"{}"}},{{"Effect":"Allow","Action":"iam:GetContextKeysFor*","Resource":"{}"}}"#, arn("user/x/*"), arn("group/x/*")));
    assert_eq!(world.call(&bob, principal()).unwrap().results.len(), 1);
    assert_eq!(world.call(&bob, keys()).unwrap(), [""; 0]);
}

#[test]
fn context_keys() {
    let world = peopled();
    let first =
        when(r#""StringEquals":{"my:key":"${aws:username}${*}","My:Key":"${aws:username}"}"#);
    let custom = |policies: &[&str]| {
        world.root(GetContextKeysForCustomPolicy {
            policies: list(policies),
        })
    };
    // Once in each document.
    assert_eq!(
        custom(&[&first, &first]).unwrap(),
        [
            "my:key",
            "aws:username",
            "*",
            "My:Key",
            "my:key",
            "aws:username",
            "*",
            "My:Key"
        ]
    );
    assert_eq!(custom(&[]).unwrap(), [""; 0]);
    assert_eq!(
        custom(&[r#"{"Statement":[{"Condition":{"Null":{"a:b":"true"}}}]}"#]).unwrap(),
        ["a:b"]
    );
    fails(
        custom(&[&first, r#"{"Statement":[{"Unknown":1}]}"#]),
        "InvalidInput",
        "Policy input list item 2 has invalid content",
    );
    let of = |source: &str, policies: &[&str]| {
        world.root(GetContextKeysForPrincipalPolicy {
            policy_source_arn: n(&arn(source)),
            policies: list(policies),
        })
    };
    assert_eq!(
        of("role/r", &[]).unwrap(),
        ["aws:PrincipalArn", "aws:username"]
    );
    assert_eq!(
        of("user/ann", &[&first]).unwrap(),
        ["my:key", "aws:username", "*", "My:Key"]
    );
    let bounded = when(r#""Bool":{"aws:ViaAWSService":"true"}"#);
    world
        .root(CreatePolicyVersion {
            policy_arn: n(&arn("policy/y/Bound")),
            policy_document: n(&bounded),
            set_as_default: true,
        })
        .unwrap();
    world
        .root(PutUserPermissionsBoundary {
            principal: n("ann"),
            permissions_boundary: n(&arn("policy/y/Bound")),
        })
        .unwrap();
    let group = PutGroupPolicy {
        group_name: n("staff"),
        policy_name: n("Shared"),
        policy_document: n(&when(r#""Bool":{"aws:SecureTransport":"true"}"#)),
    };
    world.root(group).unwrap();
    assert_eq!(
        of("user/ann", &[]).unwrap(),
        ["aws:SecureTransport", "aws:ViaAWSService"]
    );
    assert_eq!(of("group/staff", &[]).unwrap(), ["aws:SecureTransport"]);
}

#[test]
fn policies_that_are_left_out() {
    use PolicyIdentifierType::{
        AwsManaged, Inline, PermissionBoundary, ResourceControl, ServiceControl, UserManaged,
    };
    let world = peopled();
    let attach = AttachUserPolicy {
        user_name: n("ann"),
        policy_arn: n("arn:aws:iam::aws:policy/IAMReadOnlyAccess"),
    };
    world.root(attach).unwrap();
    let simulate = |exclusions: Vec<PolicyIdentifier>| {
        let simulation = Simulation {
            actions: list(&[
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "iam:GetUser",
            ]),
            policies: list(&[&when(r#""Bool":{"my:key":"true"}"#)]),
            ..Simulation::default()
        };
        let operation = SimulatePrincipalPolicy {
            exclusions,
            ..of(&arn("user/x/Ann"), simulation)
        };
        world.root(operation)
    };
    let allowed = |exclusions: Vec<PolicyIdentifier>| -> Vec<String> {
        let results = simulate(exclusions).unwrap().results;
        let allowed = results.iter().filter(|r| r.decision == Allowed);
        allowed.map(|r| r.action.clone()).collect()
    };
    let of_type = |policy_type| PolicyIdentifier {
        policy_type: Some(policy_type),
        ..PolicyIdentifier::default()
    };
    let by_arn = |arn: &str| PolicyIdentifier {
        policy_arn: Some(n(arn)),
        ..PolicyIdentifier::default()
    };
    let both = ["s3:DeleteObject", "iam:GetUser"];
    assert_eq!(allowed(vec![]), both);
    assert_eq!(allowed(vec![of_type(UserManaged)]), ["iam:GetUser"]);
    assert_eq!(allowed(vec![of_type(AwsManaged)]), ["s3:DeleteObject"]);
    for ignored in [Inline, PermissionBoundary, ResourceControl, ServiceControl] {
        assert_eq!(allowed(vec![of_type(ignored)]), both);
    }
    let controlled = |exclusions| simulate(exclusions).unwrap().results[0].allowed_by_organizations;
    assert_eq!(controlled(vec![of_type(Inline)]), Some(true));
    assert_eq!(controlled(vec![of_type(ServiceControl)]), None);
    for of_ours in [
        "policy/y/Managed",
        "policy/y/Man*",
        "policy/y/?anaged",
        "policy/*",
    ] {
        assert_eq!(allowed(vec![by_arn(&arn(of_ours))]), ["iam:GetUser"]);
    }
    assert_eq!(allowed(vec![by_arn(&arn("policy/other"))]), both);
    assert_eq!(
        allowed(vec![
            by_arn("arn:aws:iam::aws:policy/IAM*"),
            by_arn(&arn("policy/y/*d"))
        ]),
        [""; 0]
    );
    // The boundary is not attached, and only its type names it.
    let bound = PutUserPermissionsBoundary {
        principal: n("ann"),
        permissions_boundary: n(&arn("policy/y/Bound")),
    };
    world.root(bound).unwrap();
    assert_eq!(allowed(vec![by_arn(&arn("policy/y/Bound"))]), [""; 0]);
    assert_eq!(allowed(vec![of_type(PermissionBoundary)]), both);
    for wrong in [
        "arn:aws:iam::*:policy/y/Bound",
        "arn:aws:iam::123456789012:policy/*a*",
        "arn:aws:iam::123456789012:user/ann",
        "not-an-arn-but-long-enough",
    ] {
        let message = format!("Invalid ARN provided in the request: {wrong}");
        fails(simulate(vec![by_arn(wrong)]), "InvalidInput", &message);
    }
    let message = "Invalid policy exclusion: exactly one of policyType, policyArn, and inlinePolicyIdentifier is required";
    let two = PolicyIdentifier {
        policy_type: Some(Inline),
        ..by_arn(&arn("policy/y/Bound"))
    };
    for wrong in [PolicyIdentifier::default(), two] {
        fails(simulate(vec![wrong]), "InvalidInput", message);
    }
}

#[test]
fn inline_policies_that_are_left_out() {
    let world = peopled();
    let simulate = |kind: &str, owner: &str, policy: &str| {
        let simulation = Simulation {
            actions: list(&["s3:GetObject", "s3:PutObject"]),
            resources: list(&[A, B]),
            ..Simulation::default()
        };
        let inline = InlinePolicyIdentifier {
            policy_name: Some(policy.to_owned()),
            attachment_type: Some(kind.to_owned()),
            attachment_name: Some(owner.to_owned()),
        };
        let operation = SimulatePrincipalPolicy {
            exclusions: vec![PolicyIdentifier {
                inline: Some(inline),
                ..PolicyIdentifier::default()
            }],
            ..of(&arn("user/x/Ann"), simulation)
        };
        let page = world.root(operation)?;
        let matched = page.results.iter().flat_map(|r| &r.matched);
        Ok(matched.map(|m| m.source_id.clone()).collect::<Vec<_>>())
    };
    let (own, shared) = ("user_Ann_Own", "group_Staff_Shared");
    for owner in ["Ann", "A*", "*nn", "A?n"] {
        assert_eq!(simulate("user", owner, "Own").unwrap(), [shared]);
    }
    assert_eq!(simulate("group", "Staff", "Shared").unwrap(), [own]);
    for (kind, owner, policy) in [
        ("group", "Ann", "Own"),
        ("user", "Bob", "Own"),
        ("user", "Ann", "Shared"),
    ] {
        assert_eq!(simulate(kind, owner, policy).unwrap(), [own, shared]);
    }
    let message = "Invalid inline policy exclusion: policyName, attachmentType, and attachmentName are required";
    for (kind, owner, policy) in [
        ("user", "Ann", "O*"),
        ("user", "*", "Own"),
        ("user", "A*n*", "Own"),
        ("policy", "Ann", "Own"),
        ("user", "", "Own"),
    ] {
        fails(simulate(kind, owner, policy), "InvalidInput", message);
    }
}
