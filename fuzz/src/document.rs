//! The document parser: whatever the text, it is read or refused, and what is read keeps its text,
//! compiles and decides. What is found in it has a place in it.

use locum_policy::{
    Kind, Policies, Policy, Principal, Request, ResourcePolicy, Severity, check, context_keys,
    decide, explain,
};
use std::sync::Arc;

const KINDS: [Kind; 6] = [
    Kind::Identity,
    Kind::Trust,
    Kind::Resource,
    Kind::Session,
    Kind::ServiceControl,
    Kind::ResourceControl,
];

/// A text, read as each kind of document.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Which keys it asks for can be told of a text of any kind.
    let _ = context_keys(text);
    for kind in KINDS {
        let read = Policy::parse(text, kind);
        found(text, kind, read.is_err());
        if let Ok(policy) = read {
            keeps_its_text(&policy, kind);
            decides(&policy, kind);
        }
    }
}

/// What is found lies in the text, and is an error exactly if the document is refused. How long it is
/// the parser does not mind.
fn found(text: &str, kind: Kind, refused: bool) {
    for account in [None, Some("111122223333")] {
        let findings = check(text, kind, account);
        for finding in &findings {
            let (start, end) = (finding.start, finding.end);
            assert!(start.line <= text.split(['\n', '\r']).count(), "{finding}");
            assert!(
                (start.line, start.column) <= (end.line, end.column),
                "{finding}"
            );
        }
        let error = findings
            .iter()
            .filter(|finding| !finding.code.starts_with("POLICY_SIZE_EXCEEDS_"))
            .any(|finding| finding.severity == Severity::Error);
        assert_eq!(error, refused, "{kind:?} {findings:#?}");
    }
}

fn keeps_its_text(policy: &Policy, kind: Kind) {
    let text = policy.text();
    assert_eq!(policy.with_principals(|_, _| None), text);
    // Its own principals put back leave a document that names the same ones.
    let again = policy.with_principals(|_, value| Some(value.to_owned()));
    match Policy::parse(&again, kind) {
        Ok(again) => assert!(again.principals().eq(policy.principals()), "{text}"),
        Err(error) => panic!("{error}: {again}"),
    }
    assert!(policy.size() <= text.chars().count());
    for index in 0..policy.statement_count() {
        assert!(policy.statement_positions(index).is_some(), "{text}");
    }
}

/// Both sinks of the evaluator agree, wherever the policy stands.
fn decides(policy: &Policy, kind: Kind) {
    let compiled = Arc::new(policy.compile());
    let one = [compiled.clone()];
    let levels = [Arc::from([compiled.clone()])];
    let policies = match kind {
        Kind::Identity => Policies {
            identity: &one,
            boundary: Some(&compiled),
            ..Policies::default()
        },
        Kind::Session => Policies {
            identity: &one,
            session: Some(&one),
            ..Policies::default()
        },
        Kind::Trust => Policies {
            resource: Some(ResourcePolicy::Trust(&compiled)),
            ..Policies::default()
        },
        Kind::Resource => Policies {
            resource: Some(ResourcePolicy::Attached(&compiled)),
            ..Policies::default()
        },
        Kind::ServiceControl => Policies {
            identity: &one,
            service_control: &levels,
            ..Policies::default()
        },
        Kind::ResourceControl => Policies {
            identity: &one,
            resource_control: &levels,
            ..Policies::default()
        },
    };
    let callers = [
        Principal::Anonymous,
        Principal::User {
            account: "111122223333",
            arn: "arn:aws:iam::111122223333:user/ann",
            unique_id: "AIDAEXAMPLEEXAMPLE001",
        },
        Principal::AssumedRole {
            account: "111122223333",
            role_arn: "arn:aws:iam::111122223333:role/r",
            unique_id: "AROAEXAMPLEEXAMPLE001",
            session_arn: "arn:aws:sts::111122223333:assumed-role/r/s",
            session_name: "s",
        },
    ];
    for principal in callers {
        for (action, resource) in [
            ("s3:GetObject", "arn:aws:s3:::b/\u{1f600}/x"),
            ("sts:AssumeRole", "arn:aws:iam::111122223333:role/r"),
            ("ec2:DescribeInstances", "*"),
        ] {
            let request = Request {
                principal,
                action,
                resource,
                resource_account: "111122223333",
                context: &[
                    ("aws:username", "*"),
                    ("aws:sourceip", "10.1.2.3"),
                    ("aws:currenttime", "2026-11-21T06:10:00Z"),
                    ("aws:multifactorauthage", "-0.5e1"),
                    ("aws:securetransport", "true"),
                    ("aws:sourcearn", "arn:aws:s3:::b"),
                    ("aws:principaltag/team", ""),
                ],
            };
            assert_eq!(
                explain(&request, &policies).decision,
                decide(&request, &policies),
                "{}",
                policy.text()
            );
        }
    }
}
