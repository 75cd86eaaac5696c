//! AssumeRoot: who may ask, for whom, for what; and what the session is and may.

use super::{Signer, assume, authenticate, call, credentials, identity, n, role};
use crate::common::{ACCOUNT, START, World, fails, ready};
use crate::support::{FULL, RCP, SCP, document, root_of, statement};
use locum_identity::caller::Need;
use locum_identity::entity::KeyStatus;
use locum_identity::error::{Denied, Error, Forbidden};
use locum_identity::iam::access_keys::{
    CreateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed, ListAccessKeys,
};
use locum_identity::iam::login_profiles::{
    ChangePassword, CreateLoginProfile, DeleteLoginProfile, GetLoginProfile,
};
use locum_identity::iam::root_access::{
    DisableOrganizationsRootSessions, EnableOrganizationsRootCredentialsManagement,
    EnableOrganizationsRootSessions,
};
use locum_identity::iam::signing_certificates::{
    DeleteSigningCertificate, ListSigningCertificates, UpdateSigningCertificate,
    UploadSigningCertificate,
};
use locum_identity::iam::users::{CreateUser, GetUser, GotUser};
use locum_identity::names::{AccountId, RootSessionDuration, SourceIdentity};
use locum_identity::operation::Operation;
use locum_identity::organizations::{
    DescribeOrganization, DisableAwsServiceAccess, EnableAwsServiceAccess,
    RegisterDelegatedAdministrator,
};
use locum_identity::port::{Committed, Origin, Scope, Store as _, Write};
use locum_identity::root_access::{RootFeature, TaskPolicy};
use locum_identity::session::{LongTermPrincipal, SessionPrincipal};
use locum_identity::sts::{
    AssumeRole, AssumeRoot, GetFederationToken, GetSessionToken, SessionPolicies,
};
use locum_identity::supposed::{Beyond, Supposed, Unknown, beyond_policies};

const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const ENTER: &str = r#"{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"*"}"#;
const INVALID: &str = "The security token included in the request is invalid.";

/// An organization with both features and a member, and `bob` of the management account, who may enter
/// it.
fn world() -> (World, Signer, AccountId) {
    let world = World::new();
    let member = world.member("member");
    enable(&world);
    let bob = Signer::from(&world.user_with_key("bob"));
    world.allow("bob", ENTER);
    (world, bob, member)
}

pub(super) fn enable(world: &World) {
    let trusted = EnableAwsServiceAccess {
        service_principal: n("iam.amazonaws.com"),
    };
    world.root(trusted).unwrap();
    world
        .root(EnableOrganizationsRootCredentialsManagement)
        .map(drop)
        .unwrap();
    world
        .root(EnableOrganizationsRootSessions)
        .map(drop)
        .unwrap();
}

fn delegate(world: &World, account: AccountId, service: &str) {
    let trusted = EnableAwsServiceAccess {
        service_principal: n(service),
    };
    world.root(trusted).unwrap();
    let register = RegisterDelegatedAdministrator {
        account_id: account,
        service_principal: n(service),
    };
    world.root(register).unwrap();
}

fn root_session(target: &str, task: TaskPolicy) -> AssumeRoot {
    AssumeRoot {
        minimum_token_size: Default::default(),
        target_principal: n(target),
        task_policy_arn: n(task.arn()),
        duration: None,
    }
}

fn enter(world: &World, signer: &Signer, target: AccountId, task: TaskPolicy) -> Signer {
    let entered = call(world, signer, root_session(target.as_str(), task));
    Signer::from(&entered.unwrap().credentials)
}

fn not_authorized(principal: &str, target: AccountId) -> String {
    format!(
        "User: {principal} is not authorized to perform: sts:AssumeRoot on resource: {}",
        root_of(target)
    )
}

/// The credentials of a user of any account with one statement.
fn user_of(world: &World, account: AccountId, name: &str, statement: &str) -> Signer {
    let arn = world.user_of(account, name, statement);
    let made = world.call_as(
        &root_of(account),
        CreateAccessKey {
            user_name: Some(n(name)),
        },
    );
    let made = made.unwrap();
    assert!(arn.ends_with(name));
    Signer {
        id: made.access_key_id.to_string(),
        secret: made.secret_access_key.expose().to_owned(),
        token: None,
    }
}

fn allows(world: &World, signer: &Signer, action: &str, resource: &str) -> Result<(), String> {
    let caller = authenticate(world, signer, "s3").unwrap();
    let need = Need::new(action.to_owned(), resource.to_owned());
    let allowed = caller.allow(&world.facts(), &need);
    allowed.map_err(|error| error.to_string())
}

#[test]
fn a_member_is_entered_as_its_root_user() {
    let (world, bob, member) = world();
    let arn = root_of(member);
    for target in [member.as_str(), arn.as_str()] {
        let entered = call(
            &world,
            &bob,
            root_session(target, TaskPolicy::AuditCredentials),
        );
        let entered = entered.unwrap();
        assert_eq!(entered.credentials.expiration, START + 900);
        assert_eq!(entered.source_identity, None);
        let session = Signer::from(&entered.credentials);
        let who = identity(&world, &session).unwrap();
        assert_eq!(
            (who.arn.as_str(), who.user_id.as_str(), who.account),
            (arn.as_str(), member.as_str(), Some(member))
        );
        let caller = authenticate(&world, &session, "sts").unwrap();
        let known = caller.session().unwrap();
        assert_eq!(
            known.principal,
            SessionPrincipal::AssumedRoot(TaskPolicy::AuditCredentials)
        );
        let origin = known.ancestry.origin.clone().unwrap();
        assert_eq!(origin.access_key_id.as_str(), bob.id);
        assert!(matches!(origin.principal, LongTermPrincipal::User(_)));
    }
}

#[test]
fn a_root_session_lasts_a_quarter_of_an_hour_at_most() {
    let (world, bob, member) = world();
    let lasting = |seconds| AssumeRoot {
        duration: Some(RootSessionDuration::from_seconds(seconds).unwrap()),
        ..root_session(member.as_str(), TaskPolicy::UnlockBucket)
    };
    assert!(RootSessionDuration::from_seconds(901).is_err());
    assert!(RootSessionDuration::from_seconds(-1).is_err());
    let expired = "The security token included in the request is expired";
    for (seconds, works) in [(0, false), (1, true), (900, true)] {
        let entered = call(&world, &bob, lasting(seconds)).unwrap();
        assert_eq!(
            entered.credentials.expiration - world.facts().now,
            i64::from(seconds)
        );
        let session = Signer::from(&entered.credentials);
        if works {
            identity(&world, &session).map(drop).unwrap();
        }
        world.wait(i64::from(seconds));
        fails(identity(&world, &session), "ExpiredToken", expired);
    }
}

#[test]
fn who_may_ask() {
    let (world, bob, member) = world();
    let other = world.member("other");
    let delegated = world.member("delegated");
    delegate(&world, delegated, "iam.amazonaws.com");
    let elsewhere = world.member("elsewhere");
    delegate(&world, elsewhere, "config.amazonaws.com");
    let ask = |signer: &Signer, target: AccountId| {
        let asked = root_session(target.as_str(), TaskPolicy::UnlockBucket);
        call(&world, signer, asked).map(drop)
    };
    // Users and role sessions of the management account and of the delegated administrator, which may
    // enter itself too.
    let root = Signer::from(&world.root);
    role(&world, &root, "operator", BOB, None);
    let put = locum_identity::iam::inline_policies::PutRolePolicy {
        role_name: n("operator"),
        policy_name: n("enter"),
        policy_document: n(&document(ENTER)),
    };
    world.root(put).unwrap();
    let operator = assume("arn:aws:iam::123456789012:role/operator");
    let operator = credentials(call(&world, &bob, operator));
    let ann = user_of(&world, delegated, "ann", ENTER);
    for (signer, target) in [
        (&bob, member),
        (&operator, member),
        (&operator, delegated),
        (&ann, member),
        (&ann, other),
        (&ann, delegated),
    ] {
        ask(signer, target).unwrap();
    }
    // Nobody enters the management account, nor an account that is not of the organization.
    let management: AccountId = n(ACCOUNT);
    let unknown: AccountId = n("999999999999");
    let ann_arn = format!("arn:aws:iam::{delegated}:user/ann");
    let no_consent = "because no resource-based policy allows the sts:AssumeRoot action";
    fails(
        ask(&bob, management),
        "AccessDenied",
        &not_authorized(BOB, management),
    );
    for (signer, arn, target) in [
        (&bob, BOB, unknown),
        (&ann, &ann_arn, management),
        (&ann, &ann_arn, unknown),
    ] {
        let message = format!("{} {no_consent}", not_authorized(arn, target));
        fails(ask(signer, target), "AccessDenied", &message);
    }
    // A member that administers nothing, or another service, enters no one, itself included.
    for account in [other, elsewhere] {
        let eve = user_of(&world, account, "eve", ENTER);
        let arn = format!("arn:aws:iam::{account}:user/eve");
        let message = format!("{} {no_consent}", not_authorized(&arn, member));
        fails(ask(&eve, member), "AccessDenied", &message);
        fails(
            ask(&eve, account),
            "AccessDenied",
            &not_authorized(&arn, account),
        );
    }
    // Permission is needed even so.
    let carol = Signer::from(&world.user_with_key("carol"));
    let message = format!(
        "{} because no identity-based policy allows the sts:AssumeRoot action",
        not_authorized("arn:aws:iam::123456789012:user/carol", member)
    );
    fails(ask(&carol, member), "AccessDenied", &message);
    // Root users do not ask.
    let message = not_authorized("arn:aws:iam::123456789012:root", member);
    fails(ask(&root, member), "AccessDenied", &message);
}

#[test]
fn sessions_of_ones_own_and_federated_users_may_not_ask() {
    let (world, bob, member) = world();
    world.allow("bob", &statement("Allow", "*"));
    let own = Signer::from(&call(&world, &bob, GetSessionToken::default()).unwrap());
    let federate = GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("fay"),
        duration: None,
        session_policies: SessionPolicies {
            policy: Some(document(&statement("Allow", "*"))),
            policy_arns: Vec::new(),
        },
        tags: Vec::new(),
    };
    let federated = Signer::from(&call(&world, &bob, federate).unwrap().credentials);
    let root = Signer::from(&world.root);
    let of_root = Signer::from(&call(&world, &root, GetSessionToken::default()).unwrap());
    for (signer, arn) in [
        (&own, BOB),
        (&federated, "arn:aws:sts::123456789012:federated-user/fay"),
        (&of_root, "arn:aws:iam::123456789012:root"),
    ] {
        let asked = root_session(&root_of(member), TaskPolicy::UnlockBucket);
        let message = not_authorized(arn, member);
        fails(call(&world, signer, asked), "AccessDenied", &message);
    }
}

#[test]
fn only_an_account_id_or_a_root_arn_is_a_target() {
    let (world, bob, member) = world();
    let digits = member.as_str();
    for target in [
        format!(" {digits}"),
        format!("{digits} "),
        format!("{digits}\n"),
        format!("0{digits}"),
        format!("{}\u{0661}", digits.split_at(11).0),
        format!("ARN:aws:iam::{digits}:root"),
        format!("arn:AWS:iam::{digits}:root"),
        format!("arn:aws:iam::{digits}:ROOT"),
        format!("arn:aws:iam::{digits}:root "),
        format!("arn:aws:iam::{digits}:root/"),
        format!("arn:aws:iam::{digits}:root:root"),
        format!("arn:aws:iam:us-east-1:{digits}:root"),
        format!("arn:aws-cn:iam::{digits}:root"),
        format!("arn:aws:sts::{digits}:root"),
        format!("arn:aws:iam::{digits}:user/root"),
        format!("arn:aws:iam::arn:aws:iam::{digits}:root:root"),
        "arn:aws:iam::*:root".to_owned(),
        "arn:aws:iam:::root".to_owned(),
    ] {
        let asked = root_session(&target, TaskPolicy::UnlockBucket);
        let message = format!("{target} is invalid");
        fails(call(&world, &bob, asked), "ValidationText", &message);
    }
}

#[test]
fn only_aws_task_policies_are_tasks() {
    let (world, bob, member) = world();
    for arn in [
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/S3UnlockBucketPolicy",
        "arn:aws:iam::aws:policy/root-task/s3unlockbucketpolicy",
        "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy ",
        "arn:aws:iam::aws:policy/root-task/../AdministratorAccess",
        "arn:aws:iam::123456789012:policy/root-task/S3UnlockBucketPolicy",
    ] {
        let asked = AssumeRoot {
            task_policy_arn: n(arn),
            ..root_session(member.as_str(), TaskPolicy::UnlockBucket)
        };
        let message = format!("{arn} is invalid");
        fails(call(&world, &bob, asked), "ValidationText", &message);
    }
}

#[test]
fn the_feature_of_the_task_must_be_enabled() {
    let world = World::new();
    let member = world.member("member");
    let bob = Signer::from(&world.user_with_key("bob"));
    world.allow("bob", ENTER);
    let disabled = |task: TaskPolicy| {
        let asked = root_session(member.as_str(), task);
        match call(&world, &bob, asked) {
            Ok(_) => None,
            Err(error @ Error::Forbidden(_)) => {
                let Error::Forbidden(Forbidden::RootAccessDisabled(_, feature)) = &error else {
                    panic!("{error:?}")
                };
                let message = format!(
                    "{} because {feature} is not enabled in the organization",
                    not_authorized(BOB, member)
                );
                assert_eq!(error.to_string(), message);
                Some(*feature)
            }
            Err(other) => panic!("{other:?}"),
        }
    };
    let check = |enabled: &[RootFeature]| {
        for task in TaskPolicy::ALL {
            let wanted = (!enabled.contains(&task.feature())).then_some(task.feature());
            assert_eq!(disabled(task), wanted, "{task:?}");
        }
    };
    let access = || n("iam.amazonaws.com");
    check(&[]);
    let trusted = || EnableAwsServiceAccess {
        service_principal: access(),
    };
    world.root(trusted()).unwrap();
    check(&[]);
    world
        .root(EnableOrganizationsRootSessions)
        .map(drop)
        .unwrap();
    check(&[RootFeature::Sessions]);
    world
        .root(EnableOrganizationsRootCredentialsManagement)
        .map(drop)
        .unwrap();
    check(&[RootFeature::Sessions, RootFeature::CredentialsManagement]);
    world
        .root(DisableOrganizationsRootSessions)
        .map(drop)
        .unwrap();
    check(&[RootFeature::CredentialsManagement]);
    // Without trusted access there is nothing, and with it again what there was.
    let untrusted = DisableAwsServiceAccess {
        service_principal: access(),
    };
    world.root(untrusted).unwrap();
    check(&[]);
    world.root(trusted()).unwrap();
    check(&[RootFeature::CredentialsManagement]);
}

#[test]
fn the_task_is_a_condition_key() {
    let (world, bob, member) = world();
    let statement = format!(
        r#"{{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"{}","Condition":{{"StringEquals":{{"sts:TaskPolicyArn":"{}"}}}}}}"#,
        root_of(member),
        TaskPolicy::UnlockBucket.arn()
    );
    world.allow("bob", &statement);
    let other = world.member("other");
    let denied = |target: AccountId, task| {
        let message = format!(
            "{} because no identity-based policy allows the sts:AssumeRoot action",
            not_authorized(BOB, target)
        );
        let asked = root_session(target.as_str(), task);
        fails(call(&world, &bob, asked), "AccessDenied", &message);
    };
    enter(&world, &bob, member, TaskPolicy::UnlockBucket);
    denied(member, TaskPolicy::AuditCredentials);
    denied(other, TaskPolicy::UnlockBucket);
}

#[test]
fn what_the_organization_forbids_binds_root_sessions_and_who_asks_for_them() {
    let (world, bob, member) = world();
    let delegated = world.member("delegated");
    delegate(&world, delegated, "iam.amazonaws.com");
    let ann = user_of(&world, delegated, "ann", ENTER);
    world.enable(SCP);
    world.enable(RCP);
    let session = enter(&world, &bob, member, TaskPolicy::UnlockBucket);
    let unlock = || allows(&world, &session, "s3:DeleteBucketPolicy", "arn:aws:s3:::b");
    unlock().unwrap();
    // Of the target: at the next request of the session.
    let no_root = r#"{"Effect":"Deny","Action":"s3:DeleteBucketPolicy","Resource":"*","Condition":{"Bool":{"aws:AssumedRoot":"true"}}}"#;
    let policy = world.control(SCP, "no root", &document(no_root));
    world.attach(&policy, member.as_str()).unwrap();
    let told = unlock().unwrap_err();
    assert!(
        told.ends_with("with an explicit deny in a service control policy"),
        "{told}"
    );
    // The root user's own key is not a root session.
    let own = world.caller_of(&root_of(member));
    let need = Need::new("s3:DeleteBucketPolicy", "arn:aws:s3:::b");
    own.allow(&world.facts(), &need).unwrap();
    world.detach(&policy, member.as_str()).unwrap();
    unlock().unwrap();
    let nothing = world.control(SCP, "nothing", &document(&statement("Allow", "sqs:*")));
    world.attach(&nothing, member.as_str()).unwrap();
    world.detach(FULL, member.as_str()).unwrap();
    assert!(unlock().is_err());
    // Of the resource's owner, whose root user it is.
    let rcp = r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRoot","Resource":"*"}"#;
    let mut rcp_content = document(rcp);
    rcp_content = rcp_content.replace("sts:AssumeRoot", "sts:*");
    let policy = world.control(RCP, "no entry", &rcp_content);
    world.attach(&policy, member.as_str()).unwrap();
    let asked = || root_session(member.as_str(), TaskPolicy::UnlockBucket);
    let explicit = |arn: &str, layer: &str| {
        format!(
            "{} with an explicit deny in a {layer} control policy",
            not_authorized(arn, member)
        )
    };
    fails(
        call(&world, &bob, asked()),
        "AccessDenied",
        &explicit(BOB, "resource"),
    );
    world.detach(&policy, member.as_str()).unwrap();
    // Of the delegated administrator.
    call(&world, &ann, asked()).map(drop).unwrap();
    let policy = world.control(
        SCP,
        "nobody asks",
        &document(&statement("Deny", "sts:AssumeRoot")),
    );
    world.attach(&policy, delegated.as_str()).unwrap();
    let arn = format!("arn:aws:iam::{delegated}:user/ann");
    fails(
        call(&world, &ann, asked()),
        "AccessDenied",
        &explicit(&arn, "service"),
    );
}

#[test]
fn a_source_identity_goes_along() {
    let (world, bob, member) = world();
    let trust = super::trusting(BOB, &["sts:AssumeRole", "sts:SetSourceIdentity"], "{}");
    let arn = super::tagged_role(&world, "operator", &trust, &[]);
    let put = locum_identity::iam::inline_policies::PutRolePolicy {
        role_name: n("operator"),
        policy_name: n("enter"),
        policy_document: n(&document(ENTER)),
    };
    world.root(put).unwrap();
    let assumed = AssumeRole {
        source_identity: Some(n("Ann")),
        ..assume(&arn)
    };
    let operator = credentials(call(&world, &bob, assumed));
    let asked = root_session(member.as_str(), TaskPolicy::UnlockBucket);
    let entered = call(&world, &operator, asked).unwrap();
    assert_eq!(
        entered.source_identity.as_ref().map(SourceIdentity::as_str),
        Some("Ann")
    );
    let session = Signer::from(&entered.credentials);
    let caller = authenticate(&world, &session, "s3").unwrap();
    let known = caller.session().unwrap();
    assert_eq!(known.source_identity, entered.source_identity);
    assert_eq!(known.ancestry.sessions.len(), 1);
    assert_eq!(
        known.ancestry.sessions[0].access_key_id.as_str(),
        operator.id
    );
}

/// That the session may not, because of its task policy.
fn barred_by_task<O: Operation>(world: &World, session: &Signer, operation: O) {
    match call(world, session, operation) {
        Err(Error::AccessDenied(Denied {
            denial: Some(denial),
            ..
        })) => {
            assert_eq!(
                denial.reason("x"),
                "with an explicit deny in a session policy"
            );
        }
        Err(other) => panic!("{}: {other:?}", O::NAME),
        Ok(_) => panic!("{} is allowed", O::NAME),
    }
}

#[test]
fn a_root_session_may_do_its_task_and_nothing_else() {
    let (world, bob, member) = world();
    role(&world, &Signer::from(&world.root), "open", "*", None);
    for task in TaskPolicy::ALL {
        let session = enter(&world, &bob, member, task);
        let asked = root_session(member.as_str(), task);
        let own = root_of(member);
        fails(
            call(&world, &session, asked),
            "AccessDenied",
            &not_authorized(&own, member),
        );
        let open = "arn:aws:iam::123456789012:role/open";
        let message =
            format!("User: {own} is not authorized to perform: sts:AssumeRole on resource: {open}");
        fails(
            call(&world, &session, assume(open)),
            "AccessDenied",
            &message,
        );
        let message = "Cannot call GetSessionToken with session credentials";
        let token = GetSessionToken::default();
        fails(call(&world, &session, token), "Forbidden", message);
        barred_by_task(&world, &session, DescribeOrganization);
        let create = CreateUser {
            user_name: n("mallory"),
            path: None,
            permissions_boundary: None,
            tags: Vec::new(),
        };
        barred_by_task(&world, &session, create);
        barred_by_task(&world, &session, CreateAccessKey { user_name: None });
        let buckets = allows(&world, &session, "s3:DeleteBucketPolicy", "arn:aws:s3:::b");
        assert_eq!(
            buckets.is_ok(),
            task == TaskPolicy::UnlockBucket,
            "{task:?}"
        );
        assert!(allows(&world, &session, "s3:GetObject", "arn:aws:s3:::b/k").is_err());
    }
}

#[test]
fn credentials_of_a_root_user_are_seen_and_deleted() {
    let (world, bob, member) = world();
    let made = world.call_as(&root_of(member), CreateAccessKey { user_name: None });
    let key = made.unwrap().access_key_id.to_string();
    let eve = user_of(&world, member, "eve", &statement("Allow", "*"));
    let list = |name: Option<&str>| ListAccessKeys {
        user_name: name.map(n),
        page: Default::default(),
    };
    let delete = |name: Option<&str>, id: &str| DeleteAccessKey {
        user_name: name.map(n),
        access_key_id: n(id),
    };
    let used = |id: &str| GetAccessKeyLastUsed {
        access_key_id: n(id),
    };
    let audit = enter(&world, &bob, member, TaskPolicy::AuditCredentials);
    let got = call(&world, &audit, GetUser { user_name: None }).unwrap();
    assert!(matches!(got, GotUser::Root(account) if account.id == member));
    let keys = |signer: &Signer| {
        let listed = call(&world, signer, list(None)).unwrap();
        assert_eq!(listed.user_name, None);
        let ids = listed.keys.items.iter();
        ids.map(|state| {
            assert_eq!(state.key.status, KeyStatus::Active);
            state.key.id.to_string()
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(keys(&audit), [key.as_str()]);
    call(&world, &audit, used(&key)).map(drop).unwrap();
    barred_by_task(&world, &audit, used(&eve.id));
    barred_by_task(&world, &audit, list(Some("eve")));
    barred_by_task(&world, &audit, delete(None, &key));
    let cleaner = enter(&world, &bob, member, TaskPolicy::DeleteCredentials);
    barred_by_task(&world, &cleaner, delete(Some("eve"), &eve.id));
    call(&world, &cleaner, delete(None, &key)).unwrap();
    assert_eq!(keys(&cleaner), [""; 0]);
    identity(&world, &eve).map(drop).unwrap();
}

#[test]
fn a_root_users_password_is_recovered_seen_and_deleted() {
    let (world, bob, member) = world();
    let eve = user_of(&world, member, "eve", &statement("Allow", "*"));
    let create = |name: Option<&str>, password: Option<&str>| CreateLoginProfile {
        user_name: name.map(n),
        password: password.map(n),
        password_reset_required: false,
    };
    let get = || GetLoginProfile { user_name: None };
    let delete = || DeleteLoginProfile { user_name: None };
    let none = "Login Profile for User root cannot be found.";
    let audit = enter(&world, &bob, member, TaskPolicy::AuditCredentials);
    fails(call(&world, &audit, get()), "NoSuchEntity", none);
    barred_by_task(&world, &audit, create(None, None));
    barred_by_task(&world, &audit, delete());
    let recover = enter(&world, &bob, member, TaskPolicy::CreatePassword);
    barred_by_task(
        &world,
        &recover,
        create(Some("eve"), Some("Correct-Horse-7")),
    );
    fails(
        call(&world, &recover, create(None, Some("Correct-Horse-7"))),
        "ValidationText",
        "Password must be omitted when calling with AssumeRoot credentials",
    );
    let made = call(&world, &recover, create(None, None)).unwrap();
    assert_eq!(
        (made.user_name.as_str(), made.profile.created),
        ("root", START)
    );
    assert_eq!(made.profile.password, None, "nobody knows one yet");
    fails(
        call(&world, &recover, create(None, None)),
        "EntityAlreadyExists",
        "Login Profile for user root already exists.",
    );
    for session in [&audit, &recover] {
        assert_eq!(call(&world, session, get()).unwrap().profile, made.profile);
    }
    barred_by_task(&world, &recover, delete());
    let change = ChangePassword {
        old_password: n("x"),
        new_password: n("Correct-Horse-7"),
    };
    barred_by_task(&world, &recover, change);
    let cleaner = enter(&world, &bob, member, TaskPolicy::DeleteCredentials);
    let of_eve = DeleteLoginProfile {
        user_name: Some(n("eve")),
    };
    barred_by_task(&world, &cleaner, of_eve);
    call(&world, &cleaner, delete()).unwrap();
    fails(call(&world, &cleaner, delete()), "NoSuchEntity", none);
    identity(&world, &eve).map(drop).unwrap();
}

#[test]
fn signing_certificates_of_a_root_user_are_seen_and_deleted() {
    let (world, bob, member) = world();
    let eve = user_of(&world, member, "eve", &statement("Allow", "*"));
    let upload = |user: Option<&str>, body: &str| UploadSigningCertificate {
        user_name: user.map(n),
        body: n(body),
    };
    let list = |user: Option<&str>| ListSigningCertificates {
        user_name: user.map(n),
        page: Default::default(),
    };
    let delete = |user: Option<&str>, id: &str| DeleteSigningCertificate {
        user_name: user.map(n),
        id: n(id),
    };
    let disable = |id: &str| UpdateSigningCertificate {
        user_name: None,
        id: n(id),
        status: KeyStatus::Inactive,
    };
    let one = include_str!("../../testdata/key_material/secp256r1.pem");
    let other = include_str!("../../testdata/key_material/secp384r1.pem");
    let of_root = world.call_as(&root_of(member), upload(None, one)).unwrap();
    let of_eve = call(&world, &eve, upload(None, other)).unwrap();
    let (roots, eves) = (of_root.certificate.id, of_eve.certificate.id);
    let ids = |signer: &Signer| {
        let listed = call(&world, signer, list(None)).unwrap();
        assert_eq!(listed.user_name, None);
        let ids = listed.certificates.items.iter().map(|it| it.id.clone());
        ids.collect::<Vec<_>>()
    };
    let audit = enter(&world, &bob, member, TaskPolicy::AuditCredentials);
    assert_eq!(ids(&audit), [roots.as_str()]);
    barred_by_task(&world, &audit, list(Some("eve")));
    barred_by_task(&world, &audit, delete(None, &roots));
    let cleaner = enter(&world, &bob, member, TaskPolicy::DeleteCredentials);
    assert_eq!(ids(&cleaner), [roots.as_str()]);
    barred_by_task(&world, &cleaner, delete(Some("eve"), &eves));
    barred_by_task(&world, &cleaner, disable(&roots));
    barred_by_task(&world, &cleaner, upload(None, other));
    fails(
        call(&world, &cleaner, delete(None, &eves)),
        "NoSuchEntity",
        &format!("The Certificate with id {eves} cannot be found."),
    );
    call(&world, &cleaner, delete(None, &roots)).unwrap();
    assert_eq!(ids(&cleaner), [""; 0]);
    let left = call(&world, &eve, list(None)).unwrap();
    assert_eq!(left.certificates.items[0].id, eves);
}

#[test]
fn a_root_session_dies_with_the_membership() {
    let (world, bob, member) = world();
    let session = enter(&world, &bob, member, TaskPolicy::UnlockBucket);
    identity(&world, &session).map(drop).unwrap();
    let caller = authenticate(&world, &session, "sts").unwrap();
    let write = Write {
        scope: Scope::Realm,
        expected_version: world.realm.directory().version,
        puts: Vec::new(),
        deletes: vec![("account".to_owned(), member.to_string())],
    };
    let origin = Origin {
        at: START,
        actor: "test".to_owned(),
        action: "test:Delete".to_owned(),
        request_id: String::new(),
    };
    let committed = ready(world.store.commit(vec![write], origin)).unwrap();
    assert_eq!(committed, Committed::Yes);
    ready(world.realm.catch_up()).unwrap();
    fails(identity(&world, &session), "InvalidClientTokenId", INVALID);
    // Also what had begun before.
    let begun = CreateAccessKey { user_name: None };
    assert!(ready(world.realm.call(&caller, &world.facts(), begun)).is_err());
}

#[test]
fn root_sessions_are_supposed_by_their_task_policy() {
    let (world, bob, member) = world();
    let suppose = |account: AccountId, arns: &[&str]| {
        let supposed = Supposed {
            principal: root_of(account),
            session_policy_arns: arns.iter().map(|arn| (*arn).to_owned()).collect(),
            ..Supposed::default()
        };
        ready(world.realm.supposed_caller(&supposed))
    };
    let task = TaskPolicy::UnlockBucket;
    let supposed = suppose(member, &[task.arn()]).unwrap();
    let session = enter(&world, &bob, member, task);
    let real = authenticate(&world, &session, "s3").unwrap();
    for action in ["s3:DeleteBucketPolicy", "s3:GetObject", "iam:GetUser"] {
        let need = Need::new(action, "*");
        let facts = world.facts();
        assert_eq!(
            supposed.decide(&facts, &need),
            real.decide(&facts, &need),
            "{action}"
        );
    }
    for refused in [
        suppose(n(ACCOUNT), &[task.arn()]),
        suppose(member, &[task.arn(), task.arn()]),
        suppose(member, &["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
    ] {
        assert!(matches!(refused, Err(Unknown::NoSession)));
    }
    // Whether AssumeRoot would be refused is told like it is done.
    let explain = |principal: &str, target: AccountId| {
        let caller = world.caller_of(principal);
        let arn = root_of(target);
        let known = ready(world.realm.supposed_resource("sts:AssumeRoot", &arn)).unwrap();
        let need = known.need("sts:AssumeRoot");
        let beyond = beyond_policies(&caller, &need, &known);
        let refused = matches!(beyond, Some(Beyond::Refused(_)));
        !refused && caller.allow(&world.facts(), &need).is_ok()
    };
    let eve = world.user_of(member, "eve", ENTER);
    assert!(explain(BOB, member));
    assert!(!explain(BOB, n(ACCOUNT)));
    assert!(!explain(&eve, member));
    assert!(!explain(&root_of(n(ACCOUNT)), member));
}
