//! Which condition keys a request has, and with what values: one table.

use super::assume_root::enable as enable_root_access;
use super::{
    Signer, assume, assume_tagged, authenticate, call, credentials, n, tagged_role, tags, trusting,
};
use crate::common::World;
use crate::support::{document, statement};
use locum_identity::caller::Need;
use locum_identity::iam::inline_policies::PutRolePolicy;
use locum_identity::iam::users::TagUser;
use locum_identity::root_access::TaskPolicy;
use locum_identity::sts::{
    AssumeRole, AssumeRoot, GetFederationToken, GetSessionToken, SessionPolicies,
};
use locum_policy::{Kind, Policy, ResourcePolicy};

const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const ALL: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// What a request has under a key.
#[derive(Clone, Copy)]
enum Has {
    Nothing,
    One(&'static str),
    Many(&'static [&'static str]),
}
use Has::{Many, Nothing, One};

impl Has {
    /// Conditions that hold of exactly this.
    fn condition(self, key: &str) -> String {
        match self {
            Nothing => format!(r#"{{"Null":{{"{key}":"true"}}}}"#),
            One(value) => format!(r#"{{"StringEquals":{{"{key}":"{value}"}}}}"#),
            // Every value is one of these, and each of these is there.
            Many(values) => {
                let list = values.join("\",\"");
                format!(
                    r#"{{"ForAllValues:StringEquals":{{"{key}":["{list}"]}},"Null":{{"{key}":"false"}}}}"#
                )
            }
        }
    }

    /// One condition for each value that must be there.
    fn each(self, key: &str) -> Vec<String> {
        let each =
            |value: &&str| format!(r#"{{"ForAnyValue:StringEquals":{{"{key}":"{value}"}}}}"#);
        match self {
            Many(values) => values.iter().map(each).collect(),
            Nothing | One(_) => Vec::new(),
        }
    }
}

fn world() -> (World, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    let own = TagUser {
        resource: n("bob"),
        tags: tags(&[("Desk", "of-user"), ("Team", "of-user")]),
    };
    world.root(own).unwrap();
    world.allow("bob", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    (world, bob)
}

/// The keys of AssumeRole while it is decided. Each row is a role that trusts its caller only under
/// the condition; the role's tags are Team=of-role and Stage=of-role.
#[test]
fn keys_of_the_assume_call() {
    let (world, bob) = world();
    let a = tagged_role(&world, "A", &trusting(BOB, &ALL, "{}"), &[("Desk", "of-A")]);
    let plain = credentials(call(&world, &bob, assume(&a)));
    let full = AssumeRole {
        source_identity: Some(n("Ann")),
        ..assume_tagged(
            &a,
            &[("Team", "handed"), ("Extra", "handed"), ("Own", "1")],
            &["Team", "Extra"],
        )
    };
    let full = credentials(call(&world, &bob, full));

    // By a user, with nothing; by a user, with everything; by a plain session; by one that hands
    // down tags and a source identity, with nothing and with more.
    let rows: [(&str, [Has; 5]); 22] = [
        ("sts:RoleSessionName", [One("session"); 5]),
        (
            "sts:ExternalId",
            [Nothing, One("Id-1"), Nothing, Nothing, One("Id-1")],
        ),
        (
            "sts:SourceIdentity",
            [Nothing, One("Zoe"), Nothing, One("Ann"), One("Ann")],
        ),
        (
            "aws:SourceIdentity",
            [Nothing, Nothing, Nothing, One("Ann"), One("Ann")],
        ),
        (
            "sts:TransitiveTagKeys",
            [Nothing, Many(&["k1"]), Nothing, Nothing, Many(&["k1"])],
        ),
        (
            "aws:TagKeys",
            [
                Nothing,
                Many(&["k1", "k2"]),
                Nothing,
                Nothing,
                Many(&["k1", "k2"]),
            ],
        ),
        (
            "aws:RequestTag/k1",
            [Nothing, One("v1"), Nothing, Nothing, One("v1")],
        ),
        (
            "aws:RequestTag/K2",
            [Nothing, One("v2"), Nothing, Nothing, One("v2")],
        ),
        ("aws:RequestTag/Team", [Nothing; 5]),
        (
            "aws:PrincipalTag/Desk",
            [
                One("of-user"),
                One("of-user"),
                One("of-A"),
                One("of-A"),
                One("of-A"),
            ],
        ),
        (
            "aws:PrincipalTag/Team",
            [
                One("of-user"),
                One("of-user"),
                Nothing,
                One("handed"),
                One("handed"),
            ],
        ),
        (
            "aws:PrincipalTag/Own",
            [Nothing, Nothing, Nothing, One("1"), One("1")],
        ),
        ("aws:PrincipalTag/k1", [Nothing; 5]),
        (
            "aws:ResourceTag/Team",
            [
                One("of-role"),
                One("of-role"),
                One("of-role"),
                One("handed"),
                One("handed"),
            ],
        ),
        (
            "iam:ResourceTag/tEAM",
            [
                One("of-role"),
                One("of-role"),
                One("of-role"),
                One("handed"),
                One("handed"),
            ],
        ),
        ("aws:ResourceTag/Stage", [One("of-role"); 5]),
        // What is handed down takes the place of a tag of the role, and adds none.
        ("aws:ResourceTag/Extra", [Nothing; 5]),
        (
            "aws:TokenIssueTime",
            [
                Nothing,
                Nothing,
                One("2026-01-01T00:00:00Z"),
                One("2026-01-01T00:00:00Z"),
                One("2026-01-01T00:00:00Z"),
            ],
        ),
        (
            "aws:MultiFactorAuthPresent",
            [Nothing, Nothing, One("false"), One("false"), One("false")],
        ),
        ("aws:MultiFactorAuthAge", [Nothing; 5]),
        (
            "aws:username",
            [One("bob"), One("bob"), Nothing, Nothing, Nothing],
        ),
        ("sts:RequestContextProviders", [Nothing; 5]),
    ];
    for (number, (key, cases)) in rows.into_iter().enumerate() {
        for (case, has) in cases.into_iter().enumerate() {
            for (part, condition) in std::iter::once(has.condition(key))
                .chain(has.each(key))
                .enumerate()
            {
                let principal = if case < 2 { BOB } else { a.as_str() };
                let name = format!("r-{number}-{case}-{part}");
                let statement = trusting(principal, &ALL, &condition);
                let with = [("Team", "of-role"), ("Stage", "of-role")];
                let role = tagged_role(&world, &name, &statement, &with);
                let more = || AssumeRole {
                    external_id: Some(n("Id-1")),
                    ..assume_tagged(&role, &[("k1", "v1"), ("k2", "v2")], &["k1"])
                };
                let (signer, attempt) = match case {
                    0 => (&bob, assume(&role)),
                    1 => (
                        &bob,
                        AssumeRole {
                            source_identity: Some(n("Zoe")),
                            ..more()
                        },
                    ),
                    2 => (&plain, assume(&role)),
                    3 => (&full, assume(&role)),
                    _ => (&full, more()),
                };
                let outcome = call(&world, signer, attempt);
                assert!(outcome.is_ok(), "{key}, case {case}: {condition}");
            }
        }
    }
}

/// The keys of what is called with the credentials later.
#[test]
fn keys_of_later_requests() {
    let (world, bob) = world();
    let a = tagged_role(
        &world,
        "A",
        &trusting(BOB, &ALL, "{}"),
        &[("Desk", "of-A"), ("Team", "of-A")],
    );
    let full = AssumeRole {
        source_identity: Some(n("Ann")),
        external_id: Some(n("Id-1")),
        ..assume_tagged(&a, &[("tEAM", "passed")], &["Team"])
    };
    let role = credentials(call(&world, &bob, full));
    let own = Signer::from(&call(&world, &bob, GetSessionToken::default()).unwrap());
    let all =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let federated = GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("carol"),
        duration: None,
        session_policies: SessionPolicies {
            policy: Some(all.to_owned()),
            policy_arns: Vec::new(),
        },
        tags: tags(&[("Team", "passed")]),
    };
    let federated = Signer::from(&call(&world, &bob, federated).unwrap().credentials);
    let root = Signer::from(&world.root);
    let entered = root_session(&world, &role_with_identity(&world, &bob));
    let signers = [&root, &bob, &own, &role, &federated, &entered];
    const NOW: Has = One("2026-01-01T00:00:00Z");
    // By root, a user, a user's own session, a role session, a federated user, a session of AssumeRoot.
    let rows: [(&str, [Has; 6]); 17] = [
        (
            "aws:SourceIdentity",
            [Nothing, Nothing, Nothing, One("Ann"), Nothing, One("Ann")],
        ),
        ("aws:TokenIssueTime", [Nothing, Nothing, NOW, NOW, NOW, NOW]),
        (
            "aws:MultiFactorAuthPresent",
            [
                Nothing,
                Nothing,
                One("false"),
                One("false"),
                Nothing,
                One("false"),
            ],
        ),
        ("aws:MultiFactorAuthAge", [Nothing; 6]),
        (
            "aws:PrincipalTag/Desk",
            [
                Nothing,
                One("of-user"),
                One("of-user"),
                One("of-A"),
                One("of-user"),
                Nothing,
            ],
        ),
        (
            "aws:PrincipalTag/team",
            [
                Nothing,
                One("of-user"),
                One("of-user"),
                One("passed"),
                One("passed"),
                Nothing,
            ],
        ),
        (
            "aws:PrincipalType",
            [
                One("Account"),
                One("User"),
                One("User"),
                One("AssumedRole"),
                One("FederatedUser"),
                One("Account"),
            ],
        ),
        (
            "aws:username",
            [Nothing, One("bob"), One("bob"), Nothing, Nothing, Nothing],
        ),
        (
            "aws:AssumedRoot",
            [Nothing, Nothing, Nothing, Nothing, Nothing, One("true")],
        ),
        ("aws:FederatedProvider", [Nothing; 6]),
        // These belong to the call that made the session.
        ("sts:SourceIdentity", [Nothing; 6]),
        ("sts:RoleSessionName", [Nothing; 6]),
        ("sts:ExternalId", [Nothing; 6]),
        ("sts:TransitiveTagKeys", [Nothing; 6]),
        ("sts:TaskPolicyArn", [Nothing; 6]),
        ("aws:TagKeys", [Nothing; 6]),
        ("aws:RequestTag/Team", [Nothing; 6]),
    ];
    for (key, cases) in rows {
        for (signer, has) in signers.into_iter().zip(cases) {
            let condition = has.condition(key);
            let policy = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/*","Condition":{condition}}}]}}"#
            );
            let policy = Policy::parse(&policy, Kind::Resource).unwrap().compile();
            let mut need = Need::new("s3:GetObject", "arn:aws:s3:::lake/1");
            need.resource_policy = Some(ResourcePolicy::Attached(&policy));
            let caller = authenticate(&world, signer, "s3").unwrap();
            let decided = caller.decide(&world.facts(), &need);
            let explicit =
                matches!(decided, locum_policy::Decision::Denied(denial) if denial.explicit);
            assert!(explicit, "{key} of {:?}: {condition}", caller.arn());
        }
    }
}

/// A session of a role that hands down a source identity and a tag, and may enter members.
fn role_with_identity(world: &World, bob: &Signer) -> Signer {
    let arn = tagged_role(
        world,
        "operator",
        &trusting(BOB, &ALL, "{}"),
        &[("Team", "of-role")],
    );
    let put = PutRolePolicy {
        role_name: n("operator"),
        policy_name: n("enter"),
        policy_document: n(&document(&statement("Allow", "sts:AssumeRoot"))),
    };
    world.root(put).unwrap();
    let operator = AssumeRole {
        source_identity: Some(n("Ann")),
        ..assume_tagged(&arn, &[("Desk", "passed")], &["Desk"])
    };
    credentials(call(world, bob, operator))
}

/// A session of the root user of a new member.
fn root_session(world: &World, signer: &Signer) -> Signer {
    let member = world.member("member");
    enable_root_access(world);
    let enter = AssumeRoot {
        minimum_token_size: Default::default(),
        target_principal: n(member.as_str()),
        task_policy_arn: n(TaskPolicy::UnlockBucket.arn()),
        duration: None,
    };
    Signer::from(&call(world, signer, enter).unwrap().credentials)
}

/// The keys of AssumeRoot while it is decided, by a user with a long-term key and by a session with a
/// source identity and a tag that it hands down: the tag and the name stay behind.
#[test]
fn keys_of_the_root_call() {
    let (world, bob) = world();
    let operator = role_with_identity(&world, &bob);
    root_session(&world, &operator);
    let member = world.member("target");
    const TASK: Has = One("arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy");
    let rows: [(&str, [Has; 2]); 15] = [
        ("sts:TaskPolicyArn", [TASK; 2]),
        ("aws:SourceIdentity", [Nothing, One("Ann")]),
        ("aws:PrincipalTag/Desk", [One("of-user"), One("passed")]),
        ("aws:TokenIssueTime", [Nothing, One("2026-01-01T00:00:00Z")]),
        ("aws:MultiFactorAuthPresent", [Nothing, One("false")]),
        ("aws:MultiFactorAuthAge", [Nothing; 2]),
        ("aws:username", [One("bob"), Nothing]),
        ("aws:AssumedRoot", [Nothing; 2]),
        ("sts:SourceIdentity", [Nothing; 2]),
        ("sts:RoleSessionName", [Nothing; 2]),
        ("sts:ExternalId", [Nothing; 2]),
        ("sts:TransitiveTagKeys", [Nothing; 2]),
        ("sts:DurationSeconds", [Nothing; 2]),
        ("aws:TagKeys", [Nothing; 2]),
        ("aws:RequestTag/Desk", [Nothing; 2]),
    ];
    for (key, cases) in rows {
        for (signer, has) in [&bob, &operator].into_iter().zip(cases) {
            let condition = has.condition(key);
            let statement = format!(
                r#"{{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"*","Condition":{condition}}}"#
            );
            world.allow("bob", &statement);
            let put = PutRolePolicy {
                role_name: n("operator"),
                policy_name: n("enter"),
                policy_document: n(&document(&statement)),
            };
            world.root(put).unwrap();
            let enter = AssumeRoot {
                minimum_token_size: Default::default(),
                target_principal: n(member.as_str()),
                task_policy_arn: n(TaskPolicy::UnlockBucket.arn()),
                duration: None,
            };
            let outcome = call(&world, signer, enter);
            assert!(outcome.is_ok(), "{key}: {condition}: {outcome:?}");
        }
    }
}

/// The keys of GetFederationToken while it is decided.
#[test]
fn keys_of_the_federation_call() {
    let (world, bob) = world();
    let rows: [(&str, Has); 6] = [
        ("aws:RequestTag/team", One("blue")),
        ("aws:TagKeys", Many(&["Team"])),
        ("aws:PrincipalTag/Team", One("of-user")),
        ("sts:TransitiveTagKeys", Nothing),
        ("sts:RoleSessionName", Nothing),
        ("aws:TokenIssueTime", Nothing),
    ];
    for (key, has) in rows {
        let statement = format!(
            r#"{{"Effect":"Allow","Action":["sts:GetFederationToken","sts:TagSession"],"Resource":"*","Condition":{}}}"#,
            has.condition(key)
        );
        world.allow("bob", &statement);
        let federate = GetFederationToken {
            minimum_token_size: Default::default(),
            name: n("carol"),
            duration: None,
            session_policies: SessionPolicies::default(),
            tags: tags(&[("Team", "blue")]),
        };
        assert!(call(&world, &bob, federate).is_ok(), "{key}");
    }
}
