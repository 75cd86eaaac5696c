//! Documents that somebody made to do harm.

use crate::common::{ACCOUNT, World};
use crate::support::{OLD, allowing, attached, dump, group, policy, role, user};
use locum_identity::transfer::{Details, Options};
use serde_json::{Value, json};

fn refused(dump: &Value, expected: &[&str]) {
    World::new().refuses(dump, &Options::default(), expected);
}

#[test]
fn names_are_names() {
    let with = dump(|dump| {
        let mut moved = user("moved");
        moved["Path"] = json!("/../");
        let mut nowhere = user("nowhere");
        nowhere["Path"] = json!("//");
        dump["UserDetailList"] = json!([
            user("../root"),
            user(""),
            user(&"a".repeat(200)),
            moved,
            nowhere
        ]);
    });
    let long = "a".repeat(128);
    refused(
        &with,
        &[
            "user ../root: the name `../root` must match [\\w+=,.@-]+",
            "user : the name `` must have at least 1 characters",
            &format!("user {long}…: the name `{long}…` must have at most 64 characters"),
            "user nowhere: the path `//` must match (\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)",
        ],
    );
}

#[test]
fn letter_case_tells_nobody_apart() {
    let world = World::new();
    let with = dump(|dump| {
        dump["UserDetailList"] = json!([user("alice"), user("Alice")]);
        dump["Policies"] = json!([
            policy("p", &allowing("s3:*", "*")),
            policy("P", &allowing("iam:*", "*"))
        ]);
    });
    let second = "there is another of that name among the documents";
    world.refuses(
        &with,
        &Options::default(),
        &[
            &format!("policy P: {second}"),
            &format!("user Alice: {second}"),
        ],
    );
    world.user("ALICE");
    let overwrite = Options {
        overwrite: true,
        ..Options::default()
    };
    world.refuses(
        &dump(|dump| dump["UserDetailList"] = json!([user("alice")])),
        &overwrite,
        &["user alice: there is `ALICE` already, spelled differently"],
    );
}

#[test]
fn references_to_nothing_refuse() {
    let own = format!("arn:aws:iam::{OLD}:policy/gone");
    let foreign = "arn:aws:iam::444455556666:policy/theirs";
    let with = dump(|dump| {
        let mut alice = user("alice");
        alice["GroupList"] = json!(["alice", "devs", "devs"]);
        let mut bob = user("bob");
        bob["AttachedManagedPolicies"] = attached(&own);
        let mut carol = user("carol");
        carol["AttachedManagedPolicies"] = attached(foreign);
        let mut dave = user("dave");
        dave["AttachedManagedPolicies"] = attached("AdministratorAccess");
        dump["UserDetailList"] = json!([alice, bob, carol, dave]);
        dump["GroupDetailList"] = json!([group("devs")]);
    });
    refused(
        &with,
        &[
            "user alice: there is no group `alice`",
            &format!("user bob: there is no policy `arn:aws:iam::{ACCOUNT}:policy/gone`"),
            &format!("user carol: there is no policy `{foreign}`"),
            "user dave: there is no policy `AdministratorAccess`",
        ],
    );
}

#[test]
fn a_hundred_policies_are_too_many() {
    let with = dump(|dump| {
        let names: Vec<String> = (0..100).map(|place| format!("p{place}")).collect();
        let policies = names
            .iter()
            .map(|name| policy(name, &allowing("s3:*", "*")));
        dump["Policies"] = policies.collect();
        let mut greedy = user("greedy");
        let attached = names.iter().map(|name| {
            json!({"PolicyName": name, "PolicyArn": format!("arn:aws:iam::{OLD}:policy/{name}")})
        });
        greedy["AttachedManagedPolicies"] = attached.collect();
        dump["UserDetailList"] = json!([greedy]);
    });
    refused(
        &with,
        &[
            "user greedy: Cannot exceed quota for PoliciesPerUser: 10 (this makes 100; --raise-quotas raises the quota)",
        ],
    );
}

#[test]
fn documents_are_judged_as_any_other() {
    let huge = "x".repeat(10_000_000);
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let twice = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let text = |document: &str| {
        let dump = dump(|dump| dump["Policies"] = json!([policy("p", &json!("DOCUMENT"))]));
        dump.to_string().replace("\"DOCUMENT\"", document)
    };
    let reason = |document: &str| {
        let mut details = Details::default();
        details.read(&text(document)).unwrap();
        let report = World::new().import(
            &locum_identity::transfer::Import::aws(details),
            &Options::default(),
        );
        crate::support::reasons(&report)
            .first()
            .cloned()
            .unwrap_or_default()
    };
    assert!(
        reason(&format!(r#"{{"Version":"{huge}"}}"#))
            .ends_with("must have at most 131072 characters")
    );
    assert_eq!(
        reason(&format!(r#"{{"Statement":{deep}}}"#))
            .split("` must")
            .last(),
        Some(" have at most 131072 characters")
    );
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    let syntax = "policy p: version v1: Syntax errors in policy.";
    assert_eq!(reason(&format!(r#"{{"Statement":{deep}}}"#)), syntax);
    assert_eq!(reason(twice), syntax);
    assert_eq!(
        reason("17"),
        "policy p: version v1: the document is neither a JSON object nor an encoded one"
    );
    assert_eq!(
        reason("\"%7B\\u0000\""),
        "policy p: version v1: the policy document `{\0` must match [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"
    );
}

#[test]
fn what_is_no_dump_is_said_to_be_none() {
    let said = |text: &str| Details::default().read(text).unwrap_err().to_string();
    let none = "has none of UserDetailList, GroupDetailList, RoleDetailList and Policies: this is not \
                what get-account-authorization-details prints";
    assert_eq!(said("{}"), none);
    assert_eq!(said(""), "holds no JSON");
    assert_eq!(
        said("[]"),
        "invalid length 0, expected struct Page with 6 elements at line 1 column 2"
    );
    assert_eq!(
        said(r#"{"UserDetailList": [], "UserDetailList": []}"#),
        "duplicate field `UserDetailList` at line 1 column 39"
    );
    assert_eq!(
        said(r#"{"UserDetailList": [{"Path": 1, "UserName": "a"}]}"#),
        "invalid type: integer `1`, expected a string at line 1 column 30"
    );
    assert_eq!(
        said(r#"{"UserDetailList": "#),
        "EOF while parsing a value at line 1 column 19"
    );
    let deep = format!("{{\"Policies\": [], \"x\": {}", "[".repeat(1_000_000));
    assert!(
        said(&deep).starts_with("EOF while parsing a list"),
        "{}",
        said(&deep)
    );
}

#[test]
fn documents_of_two_accounts_are_not_mixed() {
    let with = dump(|dump| {
        let mut stranger = user("stranger");
        stranger["Arn"] = json!("arn:aws:iam::444455556666:user/stranger");
        let mut china = user("china");
        china["Arn"] = json!(format!("arn:aws-cn:iam::{OLD}:user/china"));
        let mut odd = user("odd");
        odd["Arn"] = json!("odd");
        dump["UserDetailList"] = json!([user("alice"), stranger, china, odd]);
    });
    refused(
        &with,
        &[
            &format!("user stranger: it is of account `444455556666`, and others are of {OLD}"),
            "user china: it is of the partition `aws-cn`, and ARNs here are of `aws`",
            "user odd: `odd` is no ARN",
        ],
    );
}

#[test]
fn an_id_of_nobody_cannot_be_taken() {
    // A role of the dump's account that nobody has: whoever makes it later is a stranger.
    let world = World::new();
    let with = dump(|dump| {
        let principal = json!({"AWS": format!("arn:aws:iam::{OLD}:user/later")});
        dump["RoleDetailList"] = json!([role("open", &principal)]);
    });
    let keep = Options {
        keep_unknown_principals: true,
        ..Options::default()
    };
    world.import_aws(&with, &keep);
    world.user("later");
    let account = world.account();
    let trust = &account.roles.named("open").unwrap().role.trust_policy;
    let later = &account.users.named("later").unwrap().user.id;
    assert!(trust.contains("\"AIDA0") && !trust.contains(later.as_str()));
}
