//! The policy simulator on the wire.

use crate::common::World;
use crate::support::{Form, answer, result};

const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
const ASKS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"my:key":"true"}}}]}"#;
const LETS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Principal":"*"}]}"#;
const POLICY: (&str, &str) = ("PolicyInputList.member.1", ALLOW);
const ACTION: (&str, &str) = ("ActionNames.member.1", "s3:GetObject");
const MATCHED: &str = "<MatchedStatements><member><SourcePolicyId>PolicyInputList.1</SourcePolicyId><SourcePolicyType>IAM Policy</SourcePolicyType><StartPosition><Line>1</Line><Column>38</Column></StartPosition><EndPosition><Line>1</Line><Column>95</Column></EndPosition></member></MatchedStatements>";

#[track_caller]
fn check(world: &World, operation: &str, form: Form<'_>, expected: &str) {
    assert_eq!(result(world, operation, form).as_deref(), Some(expected));
}

fn page(results: &str) -> String {
    format!("<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>")
}

#[test]
fn results_on_everything_and_on_resources() {
    let world = World::new();
    let whole = format!(
        "<member><EvalActionName>s3:GetObject</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>allowed</EvalDecision>{MATCHED}<MissingContextValues></MissingContextValues></member>"
    );
    check(
        &world,
        "SimulateCustomPolicy",
        &[POLICY, ACTION],
        &page(&whole),
    );
    let allowed = "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>";
    let missing = "<MissingContextValues><member>my:key</member></MissingContextValues>";
    let across = "<EvalDecisionDetails><entry><key>IAM Policy</key><value>allowed</value></entry><entry><key>Resource Policy</key><value>allowed</value></entry><entry><key>Permissions Boundary Policy</key><value>implicitDeny</value></entry></EvalDecisionDetails>";
    let specific = |name: &str| {
        format!(
            "<member><EvalResourceName>{name}</EvalResourceName><EvalResourceDecision>implicitDeny</EvalResourceDecision>{missing}{across}{allowed}</member>"
        )
    };
    let results = format!(
        "<member><EvalActionName>s3:GetObject</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>implicitDeny</EvalDecision><MatchedStatements></MatchedStatements>{missing}{allowed}{across}<ResourceSpecificResults>{}{}</ResourceSpecificResults></member>",
        specific("arn:aws:s3:::b/1"),
        specific("arn:aws:s3:::b/2")
    );
    let form = [
        POLICY,
        ACTION,
        ("PermissionsBoundaryPolicyInputList.member.1", ASKS),
        ("ResourceArns.member.1", "arn:aws:s3:::b/1"),
        ("ResourceArns.member.2", "arn:aws:s3:::b/2"),
        ("ResourcePolicy", LETS),
        ("ResourceOwner", "arn:aws:iam::999999999999:root"),
        ("CallerArn", "arn:aws:iam::123456789012:user/ann"),
    ];
    check(&world, "SimulateCustomPolicy", &form, &page(&results));
}

#[test]
fn of_a_principal_in_an_organization() {
    let world = World::new();
    world.user("ann");
    let result = "<member><EvalActionName>s3:GetObject</EvalActionName><EvalResourceName>arn:aws:s3:::b/1</EvalResourceName><EvalDecision>allowed</EvalDecision>MATCHED<MissingContextValues></MissingContextValues><OrganizationsDecisionDetail><AllowedByOrganizations>true</AllowedByOrganizations></OrganizationsDecisionDetail><EvalDecisionDetails></EvalDecisionDetails><ResourceSpecificResults><member><EvalResourceName>arn:aws:s3:::b/1</EvalResourceName><EvalResourceDecision>allowed</EvalResourceDecision>MATCHED</member></ResourceSpecificResults></member>";
    let form = [
        POLICY,
        ACTION,
        ("ResourceArns.member.1", "arn:aws:s3:::b/1"),
        ("PolicySourceArn", "arn:aws:iam::123456789012:user/ann"),
    ];
    check(
        &world,
        "SimulatePrincipalPolicy",
        &form,
        &page(&result.replace("MATCHED", MATCHED)),
    );
    let missing = [
        ACTION,
        ("PolicySourceArn", "arn:aws:iam::123456789012:user/bob"),
    ];
    let (status, body) = answer(&world, &world.root, "SimulatePrincipalPolicy", &missing);
    assert_eq!(status, 404);
    assert!(
        body.contains(
            "<Code>NoSuchEntity</Code><Message>Unable to retrieve specified IAM entity.</Message>"
        ),
        "{body}"
    );
}

#[test]
fn context_keys() {
    let world = World::new();
    world.user("ann");
    let keys = "<ContextKeyNames><member>my:key</member></ContextKeyNames>";
    let policies = ("PolicyInputList.member.1", ASKS);
    check(&world, "GetContextKeysForCustomPolicy", &[policies], keys);
    let source = ("PolicySourceArn", "arn:aws:iam::123456789012:user/ann");
    let operation = "GetContextKeysForPrincipalPolicy";
    check(&world, operation, &[source, policies], keys);
    check(
        &world,
        operation,
        &[source],
        "<ContextKeyNames></ContextKeyNames>",
    );
}

/// The text of an element that stands once.
fn text<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = body.split_once(&format!("<{name}>"))?;
    Some(behind.split_once(&format!("</{name}>"))?.0)
}

#[test]
fn markers_survive_other_inputs_but_not_other_operations() {
    let world = World::new();
    world.user("ann");
    let three = [
        ("ActionNames.member.1", "s3:GetObject"),
        ("ActionNames.member.2", "s3:PutObject"),
        ("ActionNames.member.3", "iam:GetUser"),
    ];
    let mut form = vec![POLICY, ("MaxItems", "1")];
    form.extend(three);
    let first = result(&world, "SimulateCustomPolicy", &form).unwrap();
    assert_eq!(text(&first, "EvalActionName"), Some("s3:GetObject"));
    assert_eq!(text(&first, "IsTruncated"), Some("true"));
    let marker = text(&first, "Marker").unwrap();
    let mut other = vec![
        ("PolicyInputList.member.1", ASKS),
        ("ResourceArns.member.1", "arn:aws:s3:::b/1"),
        ("MaxItems", "2"),
        ("Marker", marker),
    ];
    other.extend(three);
    let rest = result(&world, "SimulateCustomPolicy", &other).unwrap();
    assert_eq!(rest.matches("<EvalActionName>").count(), 2);
    assert_eq!(text(&rest, "EvalActionName"), Some("s3:PutObject"));
    assert_eq!(text(&rest, "IsTruncated"), Some("false"));
    assert_eq!(text(&rest, "Marker"), None);
    let invalid = "<Code>InvalidInput</Code><Message>Invalid marker for pagination.</Message>";
    let principal = [
        ACTION,
        ("PolicySourceArn", "arn:aws:iam::123456789012:user/ann"),
        ("Marker", marker),
    ];
    let (status, body) = answer(&world, &world.root, "SimulatePrincipalPolicy", &principal);
    assert_eq!((status, body.contains(invalid)), (400, true), "{body}");
    let made_up = [POLICY, ACTION, ("Marker", "not-a-simulation-marker")];
    let (status, body) = answer(&world, &world.root, "SimulateCustomPolicy", &made_up);
    assert_eq!((status, body.contains(invalid)), (400, true), "{body}");
}

#[test]
fn the_models_constraints() {
    let world = World::new();
    let check = |more: Form<'_>, failed: &str| {
        let mut form = vec![POLICY];
        if !more.iter().any(|(name, _)| name.starts_with("ActionNames")) {
            form.push(ACTION);
        }
        form.extend(more);
        let (status, body) = answer(&world, &world.root, "SimulateCustomPolicy", &form);
        let message = format!(
            "<Code>ValidationError</Code><Message>1 validation error detected: Value at '{failed}</Message>"
        );
        let message = message.replace("' must", "' failed to satisfy constraint: Member must");
        assert_eq!((status, body.contains(&message)), (400, true), "{body}");
    };
    let long = |length: usize| "a".repeat(length);
    check(
        &[("ActionNames.member.1", "s3")],
        "actionNames.1.member' must have length greater than or equal to 3",
    );
    check(
        &[("ActionNames.member.1", &long(129))],
        "actionNames.1.member' must have length less than or equal to 128",
    );
    check(
        &[("ResourceArns.member.1", "")],
        "resourceArns.1.member' must have length greater than or equal to 1",
    );
    check(
        &[("ResourceArns.member.1", &long(2049))],
        "resourceArns.1.member' must have length less than or equal to 2048",
    );
    check(
        &[("CallerArn", "")],
        "callerArn' must have length greater than or equal to 1",
    );
    check(
        &[("ResourceOwner", &long(2049))],
        "resourceOwner' must have length less than or equal to 2048",
    );
    check(
        &[("ResourceHandlingOption", &long(65))],
        "resourceHandlingOption' must have length less than or equal to 64",
    );
    check(
        &[("PolicyInputList.member.2", &long(131_073))],
        "policyInputList.2.member' must have length less than or equal to 131072",
    );
    check(
        &[("PermissionsBoundaryPolicyInputList.member.1", "")],
        "permissionsBoundaryPolicyInputList.1.member' must have length greater than or equal to 1",
    );
    check(
        &[("ResourcePolicy", "")],
        "resourcePolicy' must have length greater than or equal to 1",
    );
    check(
        &[("MaxItems", "0")],
        "maxItems' must have value greater than or equal to 1",
    );
    check(
        &[("MaxItems", "1001")],
        "maxItems' must have value less than or equal to 1000",
    );
    for (name, value, failed) in [
        (
            "ContextEntries.member.1.ContextKeyName",
            "a:bc".to_owned(),
            "contextKeyName' must have length greater than or equal to 5",
        ),
        (
            "ContextEntries.member.1.ContextKeyName",
            long(257),
            "contextKeyName' must have length less than or equal to 256",
        ),
        (
            "ContextEntries.member.1.ContextKeyType",
            "int".to_owned(),
            "contextKeyType' must satisfy enum value set",
        ),
        (
            "ContextEntries.member.1.ContextKeyValues.member.1",
            long(2049),
            "contextKeyValues.1.member' must have length less than or equal to 2048",
        ),
    ] {
        check(
            &[(name, &value)],
            &format!("contextEntries.1.member.{failed}"),
        );
    }
    let many: Vec<_> = (1..=1001)
        .map(|number| format!("ActionNames.member.{number}"))
        .collect();
    let many: Vec<_> = many
        .iter()
        .map(|name| (name.as_str(), "s3:GetObject"))
        .collect();
    check(
        &many,
        "actionNames' must have length less than or equal to 1000",
    );
    let arn = [ACTION, ("PolicySourceArn", "too-short")];
    let (status, body) = answer(&world, &world.root, "SimulatePrincipalPolicy", &arn);
    assert_eq!((status, body.contains("Value at 'policySourceArn' failed to satisfy constraint: Member must have length greater than or equal to 20")), (400, true), "{body}");
}

#[test]
fn lists_may_be_empty() {
    let world = World::new();
    let empty = result(
        &world,
        "SimulateCustomPolicy",
        &[("PolicyInputList", ""), ACTION],
    );
    assert_eq!(text(&empty.unwrap(), "EvalDecision"), Some("implicitDeny"));
    let none = answer(
        &world,
        &world.root,
        "SimulateCustomPolicy",
        &[("PolicyInputList", ""), ("ActionNames", "")],
    );
    assert!(none.1.contains(
        "<Code>InvalidInput</Code><Message>ActionNames cannot be null or empty.</Message>"
    ));
}

#[test]
fn organization_policies_and_exclusions() {
    let world = World::new();
    world.user("ann");
    let put = [
        ("UserName", "ann"),
        ("PolicyName", "Own"),
        ("PolicyDocument", ALLOW),
    ];
    assert_eq!(result(&world, "PutUserPolicy", &put), None);
    let level = |number: usize| {
        format!(
            "OrderedOrganizationPolicyInputList.member.{number}.ServiceControlPolicyInputList.member.1"
        )
    };
    let (first, second) = (level(1), level(2));
    let denied =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let form = [
        POLICY,
        ACTION,
        (first.as_str(), ALLOW),
        (second.as_str(), denied),
    ];
    let answer_of = result(&world, "SimulateCustomPolicy", &form).unwrap();
    assert_eq!(text(&answer_of, "EvalDecision"), Some("explicitDeny"));
    assert_eq!(text(&answer_of, "AllowedByOrganizations"), Some("false"));
    let source = ("PolicySourceArn", "arn:aws:iam::123456789012:user/ann");
    let decision = |more: Form<'_>| {
        let mut form = vec![source, ACTION];
        form.extend(more);
        let body = answer(&world, &world.root, "SimulatePrincipalPolicy", &form).1;
        let told = text(&body, "EvalDecision").or(text(&body, "Message"));
        told.map(str::to_owned).unwrap_or_default()
    };
    const MEMBER: &str = "PolicyExclusionList.member.1.";
    let name = |member: &str| format!("{MEMBER}{member}");
    assert_eq!(decision(&[]), "allowed");
    assert_eq!(decision(&[(&name("PolicyType"), "inline")]), "implicitDeny");
    let inline = |owner: &str| {
        decision(&[
            (&name("InlinePolicyIdentifier.PolicyName"), "Own"),
            (&name("InlinePolicyIdentifier.AttachmentType"), "user"),
            (&name("InlinePolicyIdentifier.AttachmentName"), owner),
        ])
    };
    assert_eq!(inline("a*"), "implicitDeny");
    assert_eq!(inline("b*"), "allowed");
    assert_eq!(
        decision(&[(&name("PolicyArn"), "arn:aws:iam::aws:policy/*")]),
        "allowed"
    );
    assert_eq!(
        decision(&[(&name("PolicyType"), "bogus")]),
        "1 validation error detected: Value at 'policyExclusionList.1.member.policyType' failed to satisfy constraint: Member must satisfy enum value set"
    );
    let levels: Vec<_> = (1..=8).map(level).collect();
    let mut form = vec![POLICY, ACTION];
    form.extend(levels.iter().map(|name| (name.as_str(), ALLOW)));
    let (_, body) = answer(&world, &world.root, "SimulateCustomPolicy", &form);
    assert!(body.contains("Value at 'orderedOrganizationPolicyInputList' failed to satisfy constraint: Member must have length less than or equal to 7"), "{body}");
}
