//! What each kind of credentials may call, of every operation of the table: whatever is bound and is
//! not listed here for a kind is barred to it.

use crate::common::{Key, World, n, ready};
use crate::totp::Device;
use locum_identity::caller::Caller;
use locum_identity::iam::roles::CreateRole;
use locum_identity::iam::root_access::EnableOrganizationsRootSessions;
use locum_identity::operation::Service;
use locum_identity::organizations::{CreateAccount, EnableAwsServiceAccess};
use locum_identity::root_access::TaskPolicy;
use locum_identity::session::TemporaryCredentials;
use locum_identity::sts::{
    AssumeRole, AssumeRoot, GetFederationToken, GetSessionToken, SessionPolicies,
};
use locum_identity::supposed::{Beyond, beyond_policies};
use locum_wire::{operations, spell};

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// What a kind of credentials may call, by AWS's table.
struct Row {
    kind: &'static str,
    iam: bool,
    sts: fn(&str) -> bool,
}

const ROWS: &[Row] = &[
    Row {
        kind: "root user",
        iam: true,
        sts: |name| !matches!(name, "AssumeRole" | "GetWebIdentityToken"),
    },
    Row {
        kind: "user",
        iam: true,
        sts: |_| true,
    },
    Row {
        kind: "role session",
        iam: true,
        sts: |name| !matches!(name, "GetSessionToken" | "GetFederationToken"),
    },
    Row {
        kind: "GetSessionToken with MFA",
        iam: true,
        sts: |name| {
            matches!(
                name,
                "AssumeRole" | "GetCallerIdentity" | "GetWebIdentityToken"
            )
        },
    },
    Row {
        kind: "GetSessionToken",
        iam: false,
        sts: |name| {
            matches!(
                name,
                "AssumeRole" | "GetCallerIdentity" | "GetWebIdentityToken"
            )
        },
    },
    Row {
        kind: "GetFederationToken",
        iam: false,
        sts: |name| name == "GetCallerIdentity",
    },
    Row {
        kind: "AssumeRoot",
        iam: true,
        sts: |name| name == "GetCallerIdentity",
    },
];

fn session(world: &World, credentials: &TemporaryCredentials) -> Caller {
    let key = Key {
        id: credentials.access_key_id.to_string(),
        secret: credentials.secret_access_key.expose().to_owned(),
    };
    let token = Some(credentials.session_token.as_str());
    world.caller_with(&key, token, "sts").unwrap()
}

/// A caller of the kind, who may do everything.
fn caller(world: &World, kind: &str) -> Caller {
    let ann = world.user_with_key("ann");
    world.allow("ann", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    match kind {
        "root user" => world.caller(&world.root, "sts").unwrap(),
        "user" => world.caller(&ann, "sts").unwrap(),
        "role session" => {
            let trust = EVERYTHING.replace(r#""Resource":"*""#, r#""Principal":{"AWS":"*"}"#);
            let trust = trust.replace(r#""Action":"*""#, r#""Action":"sts:AssumeRole""#);
            let made = CreateRole {
                role_name: n("role"),
                path: None,
                assume_role_policy_document: n(&trust),
                description: None,
                max_session_duration: None,
                permissions_boundary: None,
                tags: Vec::new(),
            };
            world.root(made).map(drop).unwrap();
            let assume = AssumeRole::new(n("arn:aws:iam::123456789012:role/role"), n("session"));
            session(world, &world.call(&ann, assume).unwrap().credentials)
        }
        "GetSessionToken with MFA" => with_mfa(world, &ann),
        "GetSessionToken" => session(
            world,
            &world.call(&ann, GetSessionToken::default()).unwrap(),
        ),
        "GetFederationToken" => {
            let federate = GetFederationToken {
                minimum_token_size: Default::default(),
                name: n("fay"),
                duration: None,
                session_policies: SessionPolicies {
                    policy: Some(EVERYTHING.to_owned()),
                    policy_arns: Vec::new(),
                },
                tags: Vec::new(),
            };
            session(world, &world.call(&ann, federate).unwrap().credentials)
        }
        "AssumeRoot" => {
            let member = CreateAccount {
                account_name: n("member"),
                email: n("member@example.com"),
                role_name: None,
                tags: Vec::new(),
            };
            let member = world.root(member).unwrap().account.unwrap();
            let trusted = EnableAwsServiceAccess {
                service_principal: n("iam.amazonaws.com"),
            };
            world.root(trusted).unwrap();
            world
                .root(EnableOrganizationsRootSessions)
                .map(drop)
                .unwrap();
            let enter = AssumeRoot {
                minimum_token_size: Default::default(),
                target_principal: n(member.as_str()),
                task_policy_arn: n(TaskPolicy::UnlockBucket.arn()),
                duration: None,
            };
            session(world, &world.call(&ann, enter).unwrap().credentials)
        }
        other => panic!("{other}"),
    }
}

fn with_mfa(world: &World, ann: &Key) -> Caller {
    let device = Device::of(world, "ann");
    world.wait(60);
    let token = GetSessionToken {
        minimum_token_size: Default::default(),
        duration: None,
        mfa: device.shows(world, 0),
    };
    session(world, &world.call(ann, token).unwrap())
}

#[test]
fn each_kind_of_credentials_calls_what_its_row_says_and_nothing_else() {
    for row in ROWS {
        let world = World::new();
        let caller = caller(&world, row.kind);
        for binding in operations() {
            let action = format!("{}:{}", binding.service.name(), binding.name);
            let known = ready(world.realm.supposed_resource(&action, "*")).unwrap();
            let need = known.need(&action);
            let refusal = match beyond_policies(&caller, &need, &known) {
                Some(Beyond::Refused(error)) => Some(error),
                Some(Beyond::Exempt) | None => None,
            };
            let may = match binding.service {
                Service::Sts => (row.sts)(binding.name),
                Service::Iam => row.iam,
                Service::Organizations
                | Service::Eks
                | Service::EksAuth
                | Service::RolesAnywhere => true,
                // As IAM, and nothing for a task of a root user.
                Service::Locum => row.iam && row.kind != "AssumeRoot",
            };
            // Of which account one may ask AssumeRoot has tests of its own.
            if action == "sts:AssumeRoot" && may {
                continue;
            }
            assert_eq!(
                refusal.is_none(),
                may,
                "{}: {action}: {refusal:?}",
                row.kind
            );
            let Some(error) = refusal else { continue };
            let arn = caller.arn().unwrap();
            let (code, message) = match action.as_str() {
                "sts:GetSessionToken" | "sts:GetFederationToken" => (
                    "AccessDenied",
                    format!("Cannot call {} with session credentials", binding.name),
                ),
                "sts:AssumeRole" if row.kind == "root user" => (
                    "AccessDenied",
                    "Roles may not be assumed by root accounts.".to_owned(),
                ),
                _ if matches!(binding.service, Service::Iam | Service::Locum) => (
                    "InvalidClientTokenId",
                    "The security token included in the request is invalid".to_owned(),
                ),
                _ => (
                    "AccessDenied",
                    format!("User: {arn} is not authorized to perform: {action} on resource: *"),
                ),
            };
            let spelled = spell(&error);
            assert_eq!(
                (spelled.code, spelled.status, error.to_string()),
                (code, 403, message),
                "{}: {action}",
                row.kind
            );
        }
    }
}
