//! Chains of sessions: what they carry of those before them, where they end, and that nothing is
//! gained by going through them.

use super::{
    Signer, assume, assume_tagged, authenticate, call, credentials, identity, n, tagged_role,
    trusting,
};
use crate::common::{ACCOUNT, World, fails, ready};
use locum_identity::entity::{Attachments, Entity, Role};
use locum_identity::iam::inline_policies::PutRolePolicy;
use locum_identity::iam::roles::{DeleteRole, GetRole};
use locum_identity::ids::UniqueId;
use locum_identity::limits::RoleLimits;
use locum_identity::names::MaxSessionDuration;
use locum_identity::session::{Ancestry, LongTermPrincipal, MOST_ANCESTORS, SessionPrincipal};
use locum_identity::sts::{
    AssumeRole, GetFederationToken, GetSessionToken, ProvidedContext, SessionPolicies,
};
use locum_identity::supposed::{Beyond, Supposed, beyond_policies};

const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const ROOT: &str = "arn:aws:iam::123456789012:root";

fn world() -> (World, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    (world, bob)
}

fn refusal(principal: &str, action: &str, role: &str) -> String {
    format!("User: {principal} is not authorized to perform: {action} on resource: {role}")
}

fn ancestry(world: &World, signer: &Signer) -> Ancestry {
    let caller = authenticate(world, signer, "sts").unwrap();
    caller.session().unwrap().ancestry.clone()
}

#[test]
fn a_session_names_all_it_descends_from() {
    let (world, bob) = world();
    let a = tagged_role(&world, "A", &trusting(BOB, &["sts:AssumeRole"], "{}"), &[]);
    let b = tagged_role(&world, "B", &trusting(&a, &["sts:AssumeRole"], "{}"), &[]);
    let c = tagged_role(&world, "C", &trusting(&b, &["sts:AssumeRole"], "{}"), &[]);
    let own = call(&world, &bob, GetSessionToken::default()).unwrap();
    let own = Signer::from(&own);
    world.wait(1);
    let first = credentials(call(&world, &own, assume(&a)));
    let second = credentials(call(&world, &first, assume(&b)));
    let third = credentials(call(&world, &second, assume(&c)));
    for (signer, parents) in [
        (&own, &[][..]),
        (&first, &[&own]),
        (&second, &[&own, &first]),
        (&third, &[&own, &first, &second]),
    ] {
        let found = ancestry(&world, signer);
        let origin = found.origin.unwrap();
        assert_eq!(origin.access_key_id.as_str(), bob.id);
        assert!(
            matches!(&origin.principal, LongTermPrincipal::User(id) if id.as_str().starts_with("AIDA"))
        );
        let ids: Vec<_> = found
            .sessions
            .iter()
            .map(|ancestor| ancestor.access_key_id.as_str())
            .collect();
        let expected: Vec<_> = parents.iter().map(|parent| parent.id.as_str()).collect();
        assert_eq!(ids, expected);
    }
    let found = ancestry(&world, &third).sessions;
    assert!(matches!(found[0].principal, SessionPrincipal::User(_)));
    assert!(
        matches!(&found[2].principal, SessionPrincipal::AssumedRole { session_name, .. } if session_name.as_str() == "session")
    );
    assert_eq!(found[1].issued - found[0].issued, 1);
    // Another session of the same user descends from none of these.
    let root = Signer::from(&world.root);
    let federated = GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("carol"),
        duration: None,
        session_policies: SessionPolicies::default(),
        tags: Vec::new(),
    };
    let federated = Signer::from(&call(&world, &root, federated).unwrap().credentials);
    let found = ancestry(&world, &federated);
    assert_eq!(found.sessions, []);
    let origin = found.origin.unwrap();
    assert_eq!(origin.access_key_id.as_str(), world.root.id);
    assert_eq!(origin.principal, LongTermPrincipal::Root(n(ACCOUNT)));
}

#[test]
fn a_chain_ends_before_it_could_be_forgotten() {
    let (world, bob) = world();
    let trust = trusting(ROOT, &["sts:AssumeRole"], "{}");
    let role = tagged_role(&world, "r", &trust, &[]);
    let all =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let put = PutRolePolicy {
        role_name: n("r"),
        policy_name: n("all"),
        policy_document: n(all),
    };
    world.root(put).unwrap();
    world.allow("bob", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let mut session = credentials(call(&world, &bob, assume(&role)));
    for _ in 0..MOST_ANCESTORS {
        session = credentials(call(&world, &session, assume(&role)));
    }
    assert_eq!(ancestry(&world, &session).sessions.len(), MOST_ANCESTORS);
    assert!(session.token.as_ref().unwrap().len() < 4096);
    fails(
        call(&world, &session, assume(&role)),
        "PackedPolicyTooLarge",
        "Serialized token too large for session",
    );
}

#[test]
fn a_role_that_trusts_itself_by_name_is_assumed_by_its_sessions() {
    let (world, bob) = world();
    let trust = trusting(BOB, &["sts:AssumeRole"], "{}");
    let role = tagged_role(&world, "r", &trust, &[]);
    let session = credentials(call(&world, &bob, assume(&role)));
    let me = "arn:aws:sts::123456789012:assumed-role/r/session";
    let text = refusal(me, "sts:AssumeRole", &role);
    fails(call(&world, &session, assume(&role)), "AccessDenied", &text);
    let update = locum_identity::iam::roles::UpdateAssumeRolePolicy {
        role_name: n("r"),
        policy_document: n(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{},{}]}}"#,
            trust,
            trusting(&role, &["sts:AssumeRole"], "{}")
        )),
    };
    world.root(update).map(drop).unwrap();
    credentials(call(&world, &session, assume(&role)));
}

#[test]
fn a_service_linked_role_is_its_services_alone() {
    let (world, bob) = world();
    let trust = trusting(BOB, &["sts:AssumeRole"], "{}");
    tagged_role(&world, "model", &trust, &[]);
    let model = world
        .root(GetRole {
            role_name: n("model"),
        })
        .unwrap();
    let name = "AWSServiceRoleForNobody";
    let role = Role {
        id: UniqueId::generate(
            locum_identity::ids::IdKind::Role,
            n(ACCOUNT),
            &*world.realm.environment().entropy,
        ),
        name: n(name),
        path: n("/aws-service-role/nobody.amazonaws.com/"),
        created: 0,
        description: None,
        max_session_duration: MaxSessionDuration::default(),
        // Even one that was made to trust somebody.
        trust_policy: model.assume_role_policy_document.clone(),
        tags: Vec::new(),
        limits: RoleLimits::default(),
        permissions_boundary: None,
        source: None,
        policies: Attachments::default(),
    };
    world.put(Entity::Role(role));
    world.allow("bob", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/nobody.amazonaws.com/{name}");
    let text = refusal(BOB, "sts:AssumeRole", &arn);
    fails(call(&world, &bob, assume(&arn)), "AccessDenied", &text);
    let supposed = Supposed {
        principal: BOB.to_owned(),
        ..Supposed::default()
    };
    let caller = ready(world.realm.supposed_caller(&supposed)).unwrap();
    let known = ready(world.realm.supposed_resource("sts:AssumeRole", &arn)).unwrap();
    match beyond_policies(&caller, &known.need("sts:AssumeRole"), &known) {
        Some(Beyond::Refused(error)) => assert_eq!(error.to_string(), text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_context_that_cannot_be_verified_is_not_taken() {
    let (world, bob) = world();
    let context = ProvidedContext {
        provider_arn: Some(n("arn:aws:iam::aws:contextProvider/IdentityCenter")),
        assertion: Some(n("eyJhbGciOiJub25lIn0.e30.")),
    };
    let with = |arn: &str| AssumeRole {
        provided_contexts: vec![context.clone()],
        ..assume(arn)
    };
    let silent = trusting(BOB, &["sts:AssumeRole"], "{}");
    let silent = tagged_role(&world, "silent", &silent, &[]);
    let text = refusal(BOB, "sts:SetContext", &silent);
    fails(call(&world, &bob, with(&silent)), "AccessDenied", &text);
    let condition = r#"{"ForAllValues:ArnEquals":{"sts:RequestContextProviders":"arn:aws:iam::aws:contextProvider/IdentityCenter"},"Null":{"sts:RequestContextProviders":"false"}}"#;
    let statements = format!(
        "{},{}",
        trusting(BOB, &["sts:AssumeRole"], "{}"),
        trusting(BOB, &["sts:SetContext"], condition)
    );
    let role = tagged_role(&world, "r", &statements, &[]);
    fails(
        call(&world, &bob, with(&role)),
        "InvalidContextAssertion",
        "The context assertion that was passed is expired or is not valid.",
    );
}

#[test]
fn a_session_in_use_is_still_checked() {
    let (world, bob) = world();
    let trust = trusting(BOB, &["sts:AssumeRole", "sts:TagSession"], "{}");
    let role = tagged_role(&world, "r", &trust, &[]);
    let one = credentials(call(
        &world,
        &bob,
        assume_tagged(&role, &[("Team", "1")], &[]),
    ));
    let two = credentials(call(&world, &bob, assume(&role)));
    // From here on both are kept.
    for signer in [&one, &two] {
        assert!(identity(&world, signer).is_ok());
    }
    let broken = "The security token included in the request is invalid";
    let spliced = Signer {
        token: two.token.clone(),
        ..one.clone()
    };
    fails(identity(&world, &spliced), "InvalidSessionToken", broken);
    let forged = Signer {
        secret: two.secret.clone(),
        ..one.clone()
    };
    let text = identity(&world, &forged).unwrap_err().to_string();
    assert!(
        text.starts_with("The request signature we calculated does not match"),
        "{text}"
    );
    let mut longer = one.clone();
    longer.token = longer.token.map(|token| token + "A");
    fails(identity(&world, &longer), "InvalidSessionToken", broken);
    // Another service is another signing key.
    assert!(authenticate(&world, &one, "s3").is_ok());
    assert!(identity(&world, &one).is_ok());
    // Expired, or without its role, it is gone as if it had not been kept.
    let delete = DeleteRole { role_name: n("r") };
    let short = credentials(call(&world, &bob, {
        AssumeRole {
            duration: locum_identity::names::RoleSessionDuration::from_seconds(900).ok(),
            ..assume(&role)
        }
    }));
    assert!(identity(&world, &short).is_ok());
    world.wait(900);
    let expired = "The security token included in the request is expired";
    fails(identity(&world, &short), "ExpiredToken", expired);
    world.root(delete).unwrap();
    let invalid = "The security token included in the request is invalid.";
    fails(identity(&world, &one), "InvalidClientTokenId", invalid);
}
