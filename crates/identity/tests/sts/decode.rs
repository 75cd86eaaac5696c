//! Authorization messages: which refusals carry one, who can open it, and what it says.

use super::{
    Signer, assume, assume_tagged, authenticate, call, credentials, role, tagged_role, trusting,
};
use crate::common::{ACCOUNT, START, World, fails, n, ready};
use locum_identity::caller::Need;
use locum_identity::error::Error;
use locum_identity::iam::inline_policies::PutUserPolicy;
use locum_identity::iam::users::CreateUser;
use locum_identity::names::AccountId;
use locum_identity::organizations::{CreateAccount, CreateOrganizationalUnit};
use locum_identity::sts::{
    DecodeAuthorizationMessage, GetFederationToken, GetSessionToken, SessionPolicies,
};
use serde_json::{Value, json};

const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const INVALID: (&str, &str) = ("InvalidAuthorizationMessage", "Message is not valid");

/// `bob`, who may do little, and `dan`, who may decode.
fn world() -> (World, Signer, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    let dan = Signer::from(&world.user_with_key("dan"));
    world.allow(
        "dan",
        r#"{"Effect":"Allow","Action":["sts:DecodeAuthorizationMessage","sts:GetFederationToken"],"Resource":"*"}"#,
    );
    (world, bob, dan)
}

/// The message that a refusal carries.
fn message<T>(refused: Result<T, Error>) -> Option<String> {
    match refused.map(drop).unwrap_err() {
        Error::AccessDenied(denied) => denied.encoded,
        other => panic!("{other}"),
    }
}

fn decode(world: &World, signer: &Signer, message: &str) -> Result<String, Error> {
    let operation = DecodeAuthorizationMessage {
        encoded_message: n(message),
    };
    call(world, signer, operation).map(|output| output.decoded_message)
}

fn decoded(world: &World, signer: &Signer, message: &str) -> Value {
    serde_json::from_str(&decode(world, signer, message).unwrap()).unwrap()
}

fn create_user(name: &str) -> CreateUser {
    CreateUser {
        user_name: n(name),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    }
}

/// The administrator of a new account.
fn other_account(world: &World) -> (AccountId, Signer) {
    let admin = Signer::from(&world.user_with_key("admin"));
    world.allow(
        "admin",
        r#"{"Effect":"Allow","Action":["sts:AssumeRole","organizations:*"],"Resource":"*"}"#,
    );
    let created = CreateAccount {
        account_name: n("other"),
        email: n("other@example.com"),
        role_name: None,
        tags: Vec::new(),
    };
    let status = call(world, &admin, created).unwrap();
    let id = status.account.unwrap();
    let arn = format!("arn:aws:iam::{id}:role/OrganizationAccountAccessRole");
    (id, credentials(call(world, &admin, assume(&arn))))
}

#[test]
fn an_implicit_denial_in_the_form_that_aws_documents() {
    let (world, bob, dan) = world();
    world.allow(
        "bob",
        r#"{"Sid":"Night","Effect":"Allow","Action":"iam:CreateUser","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}"#,
    );
    let encoded = message(call(&world, &bob, create_user("eve"))).unwrap();
    assert!(encoded.len() <= 10_240);
    assert!(
        encoded
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );
    let found = decoded(&world, &dan, &encoded);
    assert_eq!(found["allowed"], json!(false));
    assert_eq!(found["explicitDeny"], json!(false));
    assert_eq!(found["matchedStatements"], json!({"items": []}));
    assert_eq!(found["failures"], json!({"items": []}));
    let context = &found["context"];
    assert_eq!(context["principal"]["arn"], json!(BOB));
    let id = context["principal"]["id"].as_str().unwrap();
    assert!(id.starts_with("AIDA"), "{id}");
    assert_eq!(context["action"], json!("iam:CreateUser"));
    let eve = format!("arn:aws:iam::{ACCOUNT}:user/eve");
    assert_eq!(context["resource"], json!(eve));
    let has = |key: &str, value: &str| {
        let one = json!({"key": key, "values": {"items": [{"value": value}]}});
        let all = context["conditions"]["items"].as_array().unwrap();
        assert!(all.contains(&one), "{key}: {all:?}");
    };
    has("aws:Region", "us-east-1");
    has("aws:Service", "iam");
    has("aws:Resource", "user/eve");
    has("aws:Type", "user");
    has("aws:Account", ACCOUNT);
    has("aws:ID", "eve");
    has("aws:ARN", &eve);
    has("aws:PrincipalArn", BOB);
    has("aws:EpochTime", &START.to_string());
    // Behind AWS's members the trace of the engine.
    assert_eq!(
        found["reason"],
        json!("because no identity-based policy allows the iam:CreateUser action")
    );
    assert_eq!(found["missingKeys"], json!(["aws:PrincipalTag/team"]));
    assert_eq!(
        found["layers"],
        json!([{"layer": "identity", "answer": "no_allow", "statements": [{
            "policy": "allowed (inline, user bob)", "policy_number": 1, "statement": 1, "sid": "Night",
            "effect": "Allow", "matched": false, "missing_keys": ["aws:PrincipalTag/team"],
            "mismatch": {"element": "Condition", "operator": "StringEquals", "key": "aws:PrincipalTag/team",
                "wanted": ["red"], "seen": null},
        }]}])
    );
    assert_eq!(found["notes"], json!([]));
}

#[test]
fn an_explicit_denial_quotes_the_statements_that_deny() {
    let (world, bob, dan) = world();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"sts:*","Resource":"*"},
        {"Sid":"No","Effect":"Deny","Action":["iam:Create*","iam:Put*"],"NotResource":"arn:aws:iam::*:user/x",
         "Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1"]}}}]}"#;
    let put = PutUserPolicy {
        user_name: n("bob"),
        policy_name: n("deny"),
        policy_document: n(policy),
    };
    world.root(put).unwrap();
    let encoded = message(call(&world, &bob, create_user("eve"))).unwrap();
    let found = decoded(&world, &dan, &encoded);
    assert_eq!(found["explicitDeny"], json!(true));
    let id = &found["context"]["principal"]["id"];
    assert_eq!(
        found["matchedStatements"],
        json!({"items": [{
            "statementId": "No", "effect": "DENY", "layer": "identity",
            "principals": {"items": [{"value": id}]}, "principalGroups": {"items": []},
            "actions": {"items": [{"value": "iam:Create*"}, {"value": "iam:Put*"}]},
            "resources": {"items": []},
            "notResources": {"items": [{"value": "arn:aws:iam::*:user/x"}]},
            "conditions": {"items": [{"key": "aws:RequestedRegion", "operator": "StringNotEquals",
                "values": {"items": [{"value": "eu-west-1"}]}}]},
        }]})
    );
    assert_eq!(found["layers"][0]["other_actions"], json!(1));
}

#[test]
fn only_who_may_decode_of_the_same_account_opens_a_message() {
    let (world, bob, dan) = world();
    let encoded = message(call(&world, &bob, create_user("eve"))).unwrap();
    assert!(decode(&world, &dan, &encoded).is_ok());
    // Who was refused may not know why, and the refusal to say so carries a message of its own.
    let refused = decode(&world, &bob, &encoded);
    let sentence = format!(
        "User: {BOB} is not authorized to perform: sts:DecodeAuthorizationMessage on resource: * because no identity-based policy allows the sts:DecodeAuthorizationMessage action"
    );
    assert!(message(decode(&world, &bob, &encoded)).is_some());
    fails(refused, "AccessDenied", &sentence);
    let (_, foreign) = other_account(&world);
    fails(decode(&world, &foreign, &encoded), INVALID.0, INVALID.1);
    // Another realm, with the same account.
    let elsewhere = World::new();
    let root = Signer::from(&elsewhere.root);
    let there = message(call(
        &elsewhere,
        &Signer::from(&elsewhere.user_with_key("bob")),
        create_user("eve"),
    ));
    assert!(decode(&elsewhere, &root, &there.unwrap()).is_ok());
}

#[test]
fn what_is_no_message_is_refused() {
    let (world, bob, dan) = world();
    let encoded = message(call(&world, &bob, create_user("eve"))).unwrap();
    let session = call(&world, &bob, GetSessionToken::default()).unwrap();
    let mut flipped = encoded.clone().into_bytes();
    let last = flipped.len() / 2;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    for text in [
        "x",
        encoded.get(1..).unwrap(),
        encoded.get(..encoded.len() - 4).unwrap(),
        &format!("{encoded}\n"),
        &format!(" {encoded}"),
        &String::from_utf8(flipped).unwrap(),
        &session.session_token,
        "é",
    ] {
        fails(decode(&world, &dan, text), INVALID.0, INVALID.1);
    }
    // And a message is no token.
    let swapped = Signer {
        token: Some(encoded),
        ..Signer::from(&session)
    };
    fails(
        authenticate(&world, &swapped, "sts"),
        "InvalidSessionToken",
        "The security token included in the request is invalid",
    );
}

#[test]
fn sessions_of_users_do_not_decode() {
    let (world, bob, dan) = world();
    let encoded = message(call(&world, &bob, create_user("eve"))).unwrap();
    let session = call(&world, &dan, GetSessionToken::default()).unwrap();
    let federated = GetFederationToken {
minimum_token_size: Default::default(),
        name: n("fay"),
        duration: None,
        session_policies: SessionPolicies {
            policy: Some(
                r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#
                    .to_owned(),
            ),
            policy_arns: Vec::new(),
        },
        tags: Vec::new(),
    };
    let federated = call(&world, &dan, federated).unwrap().credentials;
    for (signer, arn) in [
        (Signer::from(&session), "arn:aws:iam::123456789012:user/dan"),
        (
            Signer::from(&federated),
            "arn:aws:sts::123456789012:federated-user/fay",
        ),
    ] {
        let sentence = format!(
            "User: {arn} is not authorized to perform: sts:DecodeAuthorizationMessage on resource: *"
        );
        fails(decode(&world, &signer, &encoded), "AccessDenied", &sentence);
    }
}

#[test]
fn other_accounts_affairs_stay_theirs() {
    let (world, bob, dan) = world();
    let (id, foreign) = other_account(&world);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#,
    );
    // Whether it trusts him or not, whether it is there or not: there is no message.
    role(
        &world,
        &foreign,
        "closed",
        "arn:aws:iam::123456789012:user/dan",
        None,
    );
    role(&world, &foreign, "open", BOB, None);
    for name in ["closed", "none"] {
        let arn = format!("arn:aws:iam::{id}:role/{name}");
        assert_eq!(message(call(&world, &bob, assume(&arn))), None, "{name}");
    }
    // Dan's own policies do not let him: to say so would tell that the role is there.
    for name in ["closed", "none"] {
        let arn = format!("arn:aws:iam::{id}:role/{name}");
        assert_eq!(message(call(&world, &dan, assume(&arn))), None, "{name}");
    }
    // What bob's own account refuses he is told, and nothing of the resource.
    let caller = authenticate(&world, &bob, "s3").unwrap();
    let facts = world.facts();
    let owner = ready(world.realm.account(id)).unwrap().unwrap().id;
    let mut need = Need::new("s3:GetObject", "arn:aws:s3:::theirs/x")
        .key("s3:resourceaccount", owner.as_str().to_owned());
    need.resource_account = Some(owner);
    let entropy = &*world.realm.environment().entropy;
    let refused = caller.allow_or_tell(&facts, &need, entropy);
    assert_eq!(message(refused), None);
    let open = locum_policy::Policy::parse(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}"#,
        locum_policy::Kind::Resource,
    );
    let open = open.unwrap().compile().labelled("secret of theirs");
    need.resource_policy = Some(locum_policy::ResourcePolicy::Attached(&open));
    let encoded = message(caller.allow_or_tell(&facts, &need, entropy)).unwrap();
    let text = decode(&world, &dan, &encoded).unwrap();
    assert!(
        !text.contains(id.as_str()) && !text.contains("secret"),
        "{text}"
    );
    let layers = decoded(&world, &dan, &encoded);
    assert_eq!(layers["layers"].as_array().unwrap().len(), 1);
    fails(decode(&world, &foreign, &encoded), INVALID.0, INVALID.1);
}

#[test]
fn a_missing_role_of_ones_own_account_looks_like_one_that_does_not_trust() {
    let (world, bob, dan) = world();
    let closed = tagged_role(
        &world,
        "closed",
        &trusting(
            "arn:aws:iam::123456789012:user/dan",
            &["sts:AssumeRole"],
            "{}",
        ),
        &[],
    );
    let missing = format!("arn:aws:iam::{ACCOUNT}:role/absent");
    let one = message(call(&world, &bob, assume(&closed))).unwrap();
    let other = message(call(&world, &bob, assume(&missing))).unwrap();
    assert_eq!(one.len(), other.len());
    let one = decoded(&world, &dan, &one);
    assert_eq!(one["layers"][0]["layer"], json!("trust"));
    // People are named by their ARNs, not by the ids that policies are stored with.
    assert_eq!(
        one["layers"][0]["statements"][0]["mismatch"]["wanted"],
        json!(["AWS: arn:aws:iam::123456789012:user/dan"])
    );
    let other = decoded(&world, &dan, &other);
    assert_eq!(
        other["notes"],
        json!([format!(
            "`{missing}` does not exist, or only the service that it is linked to may have it: no policy of it was asked"
        )])
    );
    assert_eq!(other["allowed"], json!(false));
}

#[test]
fn a_message_that_would_be_too_long_is_cut_and_says_so() {
    let (world, bob, dan) = world();
    for number in 0..5 {
        let values: Vec<_> = (0..40)
            .map(|value| {
                format!(
                    "\"{:x}\"",
                    (value + 97 * number + 1) * 0x9E37_79B9_7F4A_7C15_u128
                )
            })
            .collect();
        let statement = format!(
            r#"{{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*","Condition":{{"StringNotEquals":{{"aws:UserAgent":[{}]}}}}}}"#,
            values.join(",")
        );
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let put = PutUserPolicy {
            user_name: n("bob"),
            policy_name: n(&format!("long{number}")),
            policy_document: n(&document),
        };
        // Inline policies of a user have 2,048 characters together.
        if world.root(put).is_err() {
            break;
        }
    }
    let tags: Vec<(String, String)> = (0..50)
        .map(|tag: u128| {
            let value = format!("{:x}", (tag + 7) * 0x9E37_79B9_7F4A_7C15_F39C_u128).repeat(10);
            (format!("key{tag}"), value)
        })
        .collect();
    let tags: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let role = tagged_role(&world, "r", &trusting(BOB, &["sts:*"], "{}"), &tags);
    let encoded = message(call(&world, &bob, assume_tagged(&role, &tags, &[]))).unwrap();
    assert!(encoded.len() <= 10_240, "{}", encoded.len());
    let found = decoded(&world, &dan, &encoded);
    assert_eq!(found["explicitDeny"], json!(true));
    assert_eq!(found["context"]["resource"], json!(role));
    let notes = found["notes"].as_array().unwrap();
    assert!(
        notes[0]
            .as_str()
            .unwrap()
            .starts_with("the message had no room")
    );
    assert_eq!(
        found["matchedStatements"]["items"][0]["effect"],
        json!("DENY")
    );
}

#[test]
fn messages_that_go_out_in_a_header_are_short() {
    let (world, bob, dan) = world();
    let unit = CreateOrganizationalUnit {
        parent_id: n("r-abcd"),
        name: n("unit"),
        tags: super::tags(&[("key", &"value".repeat(50))]),
    };
    let encoded = message(call(&world, &bob, unit)).unwrap();
    assert!(encoded.len() <= 3000, "{}", encoded.len());
    assert_eq!(
        decoded(&world, &dan, &encoded)["context"]["action"],
        json!("organizations:CreateOrganizationalUnit")
    );
}
