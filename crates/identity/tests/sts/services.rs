//! Services that assume roles: whom they may serve, and what else they may not.

use super::{Signer, assume, authenticate, call, credentials, identity, n, role, tags, trusting};
use crate::common::{ACCOUNT, START, World, fails, ready};
use locum_identity::caller::{Caller, Who};
use locum_identity::entity::{Entity, Role};
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::roles::{CreateRole, GetRole, TagRole};
use locum_identity::iam::users::ListUsers;
use locum_identity::names::RoleSessionDuration;
use locum_identity::operation::Operation;
use locum_identity::organizations::DescribeOrganization;
use locum_identity::realm::{NewServiceKey, ServiceFault};
use locum_identity::session::LongTermPrincipal;
use locum_identity::sts::{
    AssumeRole, GetAccessKeyInfo, GetFederationToken, GetSessionToken, MfaParameters,
    SessionPolicies,
};
use locum_sigv4::{Claim, Credentials, Dialect, Scope, SignPayload, sha256, sign};

const SPARK: &str = "spark.example.internal";
const ROLE: &str = "arn:aws:iam::123456789012:role/job";
const REFUSED: &str = "User: spark.example.internal is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/job";
const OTHER: &str = "999999999999";

/// A world with a service.
fn world() -> (World, Signer) {
    let world = World::new();
    let made = ready(world.realm.create_service(&n(SPARK))).unwrap();
    let spark = signer(&made.unwrap());
    (world, spark)
}

fn signer(key: &NewServiceKey) -> Signer {
    Signer {
        id: key.access_key_id.to_string(),
        secret: key.secret_access_key.expose().to_owned(),
        token: None,
    }
}

/// Creates the role with these statements as its trust policy.
fn trusted(world: &World, statements: &str) {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let created = CreateRole {
        role_name: n("job"),
        path: None,
        assume_role_policy_document: n(&document),
        description: None,
        max_session_duration: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    world.root(created).map(drop).unwrap();
}

/// A statement that trusts the service under a condition.
fn to_spark(condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"Service":"{SPARK}"}},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],"Condition":{condition}}}"#
    )
}

/// Authenticates a request with these headers, of which the last ones are added once it is signed.
fn calling(
    world: &World,
    signer: &Signer,
    signed: &[(&str, &str)],
    unsigned: &[(&str, &str)],
) -> Result<Caller, Error> {
    let now = world.realm.environment().clock.now();
    let (mut head, ()) = http::Request::post("https://localhost/")
        .body(())
        .unwrap()
        .into_parts();
    let name = |name: &str| http::HeaderName::from_bytes(name.as_bytes()).unwrap();
    for (key, value) in signed {
        head.headers.append(name(key), value.parse().unwrap());
    }
    let credentials = Credentials {
        access_key_id: &signer.id,
        secret_access_key: &signer.secret,
        session_token: signer.token.as_deref(),
    };
    let scope = Scope {
        dialect: Dialect::General,
        region: "us-east-1",
        service: "sts",
    };
    sign(&mut head, &credentials, &scope, now, SignPayload::Body(b"")).unwrap();
    for (key, value) in unsigned {
        head.headers.append(name(key), value.parse().unwrap());
    }
    let claim = Claim::parse(&head, Dialect::General).unwrap().unwrap();
    ready(world.realm.authenticate(&claim, "sts", Some(&sha256(b"")))).map(|(caller, _)| caller)
}

fn on_behalf<O: Operation>(
    world: &World,
    signer: &Signer,
    headers: &[(&str, &str)],
    operation: O,
) -> Result<O::Output, Error> {
    let caller = calling(world, signer, headers, &[])?;
    ready(world.realm.call(&caller, &world.facts(), operation))
}

#[test]
fn a_service_assumes_roles_that_name_it() {
    let (world, spark) = world();
    trusted(&world, &to_spark("{}"));
    let session = credentials(call(&world, &spark, assume(ROLE)));
    let seen = identity(&world, &session).unwrap();
    assert_eq!(
        seen.arn,
        "arn:aws:sts::123456789012:assumed-role/job/session"
    );
    let itself = identity(&world, &spark).unwrap();
    assert_eq!(
        (itself.arn.as_str(), itself.user_id.as_str(), itself.account),
        (SPARK, SPARK, None)
    );
    // The session says whom it comes from.
    let caller = authenticate(&world, &session, "sts").unwrap();
    let origin = caller.session().unwrap().ancestry.origin.clone().unwrap();
    assert_eq!(origin.principal, LongTermPrincipal::Service(n(SPARK)));
    assert_eq!(origin.access_key_id.as_str(), spark.id);
    // Tags and a source identity, if the trust policy has them.
    let rich = AssumeRole {
        tags: tags(&[("team", "blue")]),
        source_identity: Some(n("ann")),
        ..assume(ROLE)
    };
    call(&world, &spark, rich).unwrap();
}

#[test]
fn nothing_but_its_own_name_admits_a_service() {
    for statement in [
        trusting("*", &["sts:AssumeRole"], "{}"),
        trusting(ACCOUNT, &["sts:AssumeRole"], "{}"),
        to_spark("{}").replace(SPARK, "spark.example.internal.evil.example"),
        to_spark("{}").replace(SPARK, "Spark.example.internal"),
        to_spark("{}").replace(SPARK, "example.internal"),
        to_spark("{}").replace("Allow", "Deny"),
        to_spark(r#"{"Bool":{"aws:PrincipalIsAWSService":"false"}}"#),
        to_spark(r#"{"StringEquals":{"aws:PrincipalAccount":"anonymous"}}"#),
        // None of what a service is not has.
        to_spark(r#"{"Null":{"aws:PrincipalArn":"false"}}"#),
        to_spark(r#"{"Null":{"aws:PrincipalType":"false"}}"#),
        to_spark(r#"{"Null":{"aws:userid":"false"}}"#),
        to_spark(r#"{"Null":{"aws:username":"false"}}"#),
        to_spark(r#"{"Null":{"aws:ViaAWSService":"false"}}"#),
        to_spark(r#"{"Null":{"aws:CalledVia":"false"}}"#),
        to_spark(r#"{"Null":{"aws:PrincipalOrgID":"false"}}"#),
        to_spark(r#"{"Null":{"aws:TokenIssueTime":"false"}}"#),
        to_spark(r#"{"Null":{"aws:MultiFactorAuthPresent":"false"}}"#),
        // Nor a source that was not given.
        to_spark(r#"{"Null":{"aws:SourceArn":"false"}}"#),
        to_spark(r#"{"Null":{"aws:SourceAccount":"false"}}"#),
        to_spark(r#"{"Null":{"aws:SourceOrgID":"false"}}"#),
        to_spark(r#"{"Null":{"aws:SourceOrgPaths":"false"}}"#),
    ] {
        let (world, spark) = world();
        trusted(&world, &statement);
        let refused = call(&world, &spark, assume(ROLE));
        match refused {
            Err(error) => assert_eq!(error.to_string(), REFUSED, "{statement}"),
            Ok(_) => panic!("{statement}"),
        }
    }
    // A role that is not there is refused in the same words.
    let (world, spark) = world();
    fails(call(&world, &spark, assume(ROLE)), "AccessDenied", REFUSED);
}

#[test]
fn what_a_service_is_stands_in_condition_keys() {
    let (world, spark) = world();
    trusted(
        &world,
        &to_spark(
            r#"{"Bool":{"aws:PrincipalIsAWSService":"true"},"StringEquals":{"aws:PrincipalServiceName":"spark.example.internal"},"ForAnyValue:StringEquals":{"aws:PrincipalServiceNamesList":"spark.example.internal"}}"#,
        ),
    );
    call(&world, &spark, assume(ROLE)).unwrap();
    // Users have none of it but the one that says that they are none.
    let bob = Signer::from(&world.user_with_key("bob"));
    role(
        &world,
        &Signer::from(&world.root),
        "users",
        "arn:aws:iam::123456789012:user/bob",
        Some(
            r#"{"Bool":{"aws:PrincipalIsAWSService":"false","aws:ViaAWSService":"false"},"Null":{"aws:PrincipalServiceName":"true","aws:PrincipalServiceNamesList":"true","aws:SourceArn":"true","aws:SourceAccount":"true","aws:SourceOrgID":"true","aws:SourceOrgPaths":"true"}}"#,
        ),
    );
    let users = assume("arn:aws:iam::123456789012:role/users");
    let forged = [
        ("x-amz-source-account", ACCOUNT),
        (
            "x-amz-source-arn",
            "arn:aws:ec2:us-east-1:123456789012:instance/i-1",
        ),
    ];
    call(&world, &bob, users.clone()).unwrap();
    on_behalf(&world, &bob, &forged, users).unwrap();
}

/// The confused deputy: B asks the service to work with A's role.
#[test]
fn a_service_cannot_be_used_by_one_customer_against_another() {
    let (world, spark) = world();
    let job_of_a = "arn:aws:spark:us-east-1:123456789012:job/nightly";
    let job_of_b = "arn:aws:spark:us-east-1:999999999999:job/nightly";
    for condition in [
        format!(r#"{{"StringEquals":{{"aws:SourceAccount":"{ACCOUNT}"}}}}"#),
        format!(r#"{{"ArnLike":{{"aws:SourceArn":"arn:aws:spark:*:{ACCOUNT}:job/*"}}}}"#),
    ] {
        let (world, spark) = self::world();
        trusted(&world, &to_spark(&condition));
        let arn = ("x-amz-source-arn", job_of_a);
        on_behalf(&world, &spark, &[arn], assume(ROLE)).unwrap();
        on_behalf(
            &world,
            &spark,
            &[arn, ("x-amz-source-account", ACCOUNT)],
            assume(ROLE),
        )
        .unwrap();
        for headers in [
            &[][..],
            &[("x-amz-source-arn", job_of_b)],
            &[("x-amz-source-account", OTHER)],
            &[
                ("x-amz-source-arn", job_of_b),
                ("x-amz-source-account", OTHER),
            ],
        ] {
            fails(
                on_behalf(&world, &spark, headers, assume(ROLE)),
                "AccessDenied",
                REFUSED,
            );
        }
    }
    // What is not signed is somebody else's word, and what is there twice is nobody's.
    trusted(
        &world,
        &to_spark(&format!(
            r#"{{"StringEquals":{{"aws:SourceAccount":"{ACCOUNT}"}}}}"#
        )),
    );
    let must_be_signed =
        |header: &str| format!("The header {header} must be signed, and given once");
    for (signed, unsigned, message) in [
        (
            &[][..],
            &[("x-amz-source-account", ACCOUNT)][..],
            must_be_signed("x-amz-source-account"),
        ),
        (
            &[],
            &[("x-amz-source-arn", job_of_a)],
            must_be_signed("x-amz-source-arn"),
        ),
        (
            &[
                ("x-amz-source-account", OTHER),
                ("x-amz-source-account", ACCOUNT),
            ],
            &[],
            must_be_signed("x-amz-source-account"),
        ),
        (
            &[
                ("x-amz-source-arn", job_of_b),
                ("x-amz-source-account", ACCOUNT),
            ],
            &[],
            "The header x-amz-source-account names another account than x-amz-source-arn"
                .to_owned(),
        ),
        (
            &[("x-amz-source-account", "999999999999,123456789012")],
            &[],
            "The header x-amz-source-account must name an account".to_owned(),
        ),
        (
            &[("x-amz-source-account", "")],
            &[],
            "The header x-amz-source-account must name an account".to_owned(),
        ),
        (
            &[("x-amz-source-arn", "arn:aws:spark:*:*:job/nightly")],
            &[],
            "The header x-amz-source-arn must be an ARN".to_owned(),
        ),
        (
            &[(
                "x-amz-source-arn",
                "arn:aws:spark:us-east-1:aws:job/nightly",
            )],
            &[],
            "The header x-amz-source-arn must name an account".to_owned(),
        ),
        (
            &[("x-amz-source-arn", "nightly-job-of-account-123456789012")],
            &[],
            "The header x-amz-source-arn must be an ARN".to_owned(),
        ),
    ] {
        fails(
            calling(&world, &spark, signed, unsigned).map(drop),
            "ValidationText",
            &message,
        );
    }
    // A signed value that was changed is no signature any more.
    let twice = calling(
        &world,
        &spark,
        &[("x-amz-source-account", OTHER)],
        &[("x-amz-source-account", ACCOUNT)],
    );
    let Err(Error::Signature(locum_sigv4::Error::SignatureDoesNotMatch { .. })) = twice else {
        panic!("{twice:?}")
    };
    // An ARN without an account leaves it open, and the other header may say it.
    let bucket = ("x-amz-source-arn", "arn:aws:s3:::lake");
    fails(
        on_behalf(&world, &spark, &[bucket], assume(ROLE)),
        "AccessDenied",
        REFUSED,
    );
    let said = [bucket, ("x-amz-source-account", ACCOUNT)];
    on_behalf(&world, &spark, &said, assume(ROLE)).unwrap();
}

#[test]
fn the_source_stands_in_its_organization() {
    let (world, spark) = world();
    let organization = world.realm.directory().organization.clone().unwrap();
    let (id, root) = (&organization.id, organization.root_id());
    trusted(
        &world,
        &to_spark(&format!(
            r#"{{"StringEquals":{{"aws:SourceOrgID":"{id}"}},"ForAnyValue:StringLike":{{"aws:SourceOrgPaths":"{id}/{root}/*"}}}}"#
        )),
    );
    let ours = [("x-amz-source-account", ACCOUNT)];
    on_behalf(&world, &spark, &ours, assume(ROLE)).unwrap();
    let theirs = [("x-amz-source-account", OTHER)];
    fails(
        on_behalf(&world, &spark, &theirs, assume(ROLE)),
        "AccessDenied",
        REFUSED,
    );
}

#[test]
fn a_service_may_call_nothing_else() {
    let (world, spark) = world();
    trusted(&world, &to_spark("{}"));
    let refused = |action: &str| {
        format!("User: {SPARK} is not authorized to perform: {action} on resource: *")
    };
    #[track_caller]
    fn check<T>(result: Result<T, Error>, message: &str) {
        fails(result, "AccessDenied", message);
    }
    let list = ListUsers {
        path_prefix: None,
        page: PageRequest::default(),
    };
    check(call(&world, &spark, list), &refused("iam:ListUsers"));
    let read = GetRole {
        role_name: n("job"),
    };
    check(call(&world, &spark, read), &refused("iam:GetRole"));
    let session = GetSessionToken::default();
    check(
        call(&world, &spark, session),
        &refused("sts:GetSessionToken"),
    );
    let federated = GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("ann"),
        duration: None,
        session_policies: SessionPolicies::default(),
        tags: Vec::new(),
    };
    check(
        call(&world, &spark, federated),
        &refused("sts:GetFederationToken"),
    );
    let info = GetAccessKeyInfo {
        access_key_id: n(&spark.id),
    };
    check(
        call(&world, &spark, info.clone()),
        &refused("sts:GetAccessKeyInfo"),
    );
    check(
        call(&world, &spark, DescribeOrganization),
        &refused("organizations:DescribeOrganization"),
    );
    // Nor does a service have MFA devices.
    let with_mfa = AssumeRole {
        mfa: MfaParameters {
            serial_number: Some(n("arn:aws:iam::123456789012:mfa/x")),
            token_code: Some(n("123456")),
        },
        ..assume(ROLE)
    };
    fails(
        call(&world, &spark, with_mfa),
        "Forbidden",
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
    );
    // The key belongs to no account, and says so.
    fails(
        call(&world, &Signer::from(&world.root), info),
        "ValidationText",
        &format!("{} is invalid", spark.id),
    );
}

#[test]
fn the_roles_maximum_is_not_for_services() {
    let (world, spark) = world();
    trusted(&world, &to_spark("{}"));
    let lasting = |seconds: i32| AssumeRole {
        duration: RoleSessionDuration::from_seconds(seconds).ok(),
        ..assume(ROLE)
    };
    let longest = call(&world, &spark, lasting(43_200)).unwrap();
    assert_eq!(longest.credentials.expiration, START + 43_200);
    let usual = call(&world, &spark, assume(ROLE)).unwrap();
    assert_eq!(usual.credentials.expiration, START + 3600);
    fails(
        call(&world, &spark, lasting(43_201)),
        "Validation",
        "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
    );
    let tag = TagRole {
        resource: n("job"),
        tags: tags(&[("locum:MaxSessionDuration", "86400")]),
    };
    world.root(tag).unwrap();
    call(&world, &spark, lasting(86_400)).unwrap();
    fails(
        call(&world, &spark, lasting(86_401)),
        "Duration",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    // A session that a service asked for chains like any other.
    let session = credentials(call(&world, &spark, lasting(86_400)));
    let next = super::tagged_role(
        &world,
        "next",
        &trusting(ROLE, &["sts:AssumeRole"], "{}"),
        &[],
    );
    let chained = AssumeRole {
        duration: RoleSessionDuration::from_seconds(3601).ok(),
        ..assume(&next)
    };
    fails(
        call(&world, &session, chained),
        "Duration",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    );
}

#[test]
fn only_its_service_assumes_a_service_linked_role() {
    let (world, spark) = world();
    trusted(&world, &to_spark("{}"));
    let model = world
        .root(GetRole {
            role_name: n("job"),
        })
        .unwrap()
        .role;
    let linked = Role {
        id: locum_identity::ids::UniqueId::generate(
            locum_identity::ids::IdKind::Role,
            n(ACCOUNT),
            &*world.realm.environment().entropy,
        ),
        name: n("AWSServiceRoleForSpark"),
        path: n("/aws-service-role/spark.example.internal/"),
        ..model
    };
    world.put(Entity::Role(linked));
    let arn = "arn:aws:iam::123456789012:role/aws-service-role/spark.example.internal/AWSServiceRoleForSpark";
    call(&world, &spark, assume(arn)).unwrap();
    let made = ready(world.realm.create_service(&n("other.example.internal"))).unwrap();
    let other = signer(&made.unwrap());
    let refused = format!(
        "User: other.example.internal is not authorized to perform: sts:AssumeRole on resource: {arn}"
    );
    fails(call(&world, &other, assume(arn)), "AccessDenied", &refused);
}

#[test]
fn keys_of_services_come_and_go() {
    let unknown = "The security token included in the request is invalid.";
    let (world, first) = world();
    let name = n(SPARK);
    trusted(&world, &to_spark("{}"));
    let ends = |world: &World, key: &Signer| {
        fails(identity(world, key), "InvalidClientTokenId", unknown);
    };
    assert_eq!(
        ready(world.realm.create_service(&name)).unwrap().err(),
        Some(ServiceFault::Exists)
    );
    let rotate = |at_once| {
        let made = ready(world.realm.rotate_service_key(&name, at_once)).unwrap();
        signer(&made.unwrap())
    };
    let second = rotate(false);
    identity(&world, &first).unwrap();
    identity(&world, &second).unwrap();
    let third = rotate(false);
    ends(&world, &first);
    identity(&world, &second).unwrap();
    identity(&world, &third).unwrap();
    let fourth = rotate(true);
    ends(&world, &second);
    ends(&world, &third);
    // Another process, and another start, know the same.
    let reopened = world.reopened();
    identity(&reopened, &fourth).unwrap();
    ends(&reopened, &third);
    let [principal] = reopened.realm.services().try_into().unwrap();
    assert_eq!(principal.name, name);
    assert_eq!(principal.keys.len(), 1);
    let session = credentials(call(&world, &fourth, assume(ROLE)));
    ready(world.realm.delete_service(&name)).unwrap().unwrap();
    ends(&world, &fourth);
    ready(reopened.realm.catch_up()).unwrap();
    ends(&reopened, &fourth);
    identity(&world, &session).unwrap();
    for fault in [
        ready(world.realm.delete_service(&name)).unwrap().err(),
        ready(world.realm.rotate_service_key(&name, false))
            .unwrap()
            .map(drop)
            .err(),
    ] {
        assert_eq!(fault, Some(ServiceFault::Unknown));
    }
    // One of the same name has other keys.
    ready(world.realm.create_service(&name)).unwrap().unwrap();
    ends(&world, &fourth);
}

#[test]
fn a_key_of_a_service_is_sealed_for_it() {
    use locum_identity::port::{Origin, Scope, Store as _, Write};
    let (world, spark) = world();
    let loaded = ready(world.store.load(Scope::Realm)).unwrap();
    let records = loaded.records.iter();
    let mut services = records.filter(|record| record.kind == "service-principal");
    let (Some(record), None) = (services.next(), services.next()) else {
        panic!("{:?}", loaded.records)
    };
    assert!(record.body.contains(&spark.id) && !record.body.contains(&spark.secret));
    let printed = format!("{:?}", world.realm.services());
    assert!(!printed.contains(&spark.secret));
    // Moved under another name by who can write in the store, it does not open.
    let mut moved = record.clone();
    moved.key = "evil.example.internal".to_owned();
    moved.body = moved.body.replace(SPARK, &moved.key);
    let write = Write {
        scope: Scope::Realm,
        expected_version: loaded.version,
        puts: vec![moved],
        deletes: Vec::new(),
    };
    let origin = Origin {
        at: START,
        actor: "test".to_owned(),
        action: "test:Put".to_owned(),
        request_id: String::new(),
    };
    ready(world.store.commit(vec![write], origin)).unwrap();
    let Err(error) = ready(world.realm.catch_up()) else {
        panic!("a key opened for another service")
    };
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        source,
        "the stored service-principal `evil.example.internal` cannot be read"
    );
}

#[test]
fn a_supposed_service_is_decided_like_the_real_one() {
    use locum_identity::supposed::Supposed;
    let (world, _) = world();
    trusted(&world, &to_spark("{}"));
    let suppose = |principal: &str| {
        ready(world.realm.supposed_caller(&Supposed {
            principal: principal.to_owned(),
            ..Supposed::default()
        }))
    };
    let caller = suppose(SPARK).unwrap();
    assert!(matches!(caller.who, Who::Service(_)));
    let resource = ready(world.realm.supposed_resource("sts:AssumeRole", ROLE)).unwrap();
    let need = resource.need("sts:AssumeRole");
    caller.allow(&world.facts(), &need).unwrap();
    let unknown = suppose("nobody.example.internal").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "`nobody.example.internal` does not exist"
    );
}
