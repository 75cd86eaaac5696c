//! The condition keys of a simulated request.

use super::{Simulation, entry, getting, refused, single, when};
use crate::common::{ACCOUNT, n};
use locum_identity::iam::simulate::ContextEntry;
use locum_identity::iam::simulate::Verdict::{self, Allowed, ImplicitDeny};

#[test]
fn a_key_of_every_type() {
    #[track_caller]
    fn check(kind: &str, values: &[&str], condition: &str, expected: Verdict) {
        let result = single(Simulation {
            context: vec![entry("my:key", kind, values)],
            ..getting(&[&when(condition)])
        });
        assert_eq!(result.decision, expected, "{kind} {values:?} {condition}");
    }
    check(
        "string",
        &["a"],
        r#""StringEquals":{"my:key":"a"}"#,
        Allowed,
    );
    check("string", &[""], r#""StringEquals":{"my:key":""}"#, Allowed);
    check(
        "string",
        &["b"],
        r#""StringEquals":{"my:key":"a"}"#,
        ImplicitDeny,
    );
    let any = r#""ForAnyValue:StringEquals":{"my:key":"a"}"#;
    check("stringList", &["b", "a"], any, Allowed);
    check("stringList", &["b"], any, ImplicitDeny);
    // Without a set operator a multi-valued key matches nothing, though it has one value.
    check(
        "stringList",
        &["a"],
        r#""StringEquals":{"my:key":"a"}"#,
        ImplicitDeny,
    );
    check(
        "numeric",
        &["01.0"],
        r#""NumericEquals":{"my:key":"1"}"#,
        Allowed,
    );
    check(
        "numeric",
        &["1e2"],
        r#""NumericGreaterThan":{"my:key":"99"}"#,
        Allowed,
    );
    check(
        "numericList",
        &["1", "2"],
        r#""ForAllValues:NumericLessThan":{"my:key":"3"}"#,
        Allowed,
    );
    check("boolean", &["TRUE"], r#""Bool":{"my:key":"true"}"#, Allowed);
    check("boolean", &["yes"], r#""Bool":{"my:key":"false"}"#, Allowed);
    check(
        "booleanList",
        &["true", "false"],
        r#""ForAnyValue:Bool":{"my:key":"false"}"#,
        Allowed,
    );
    check(
        "ip",
        &["192.0.2.1"],
        r#""IpAddress":{"my:key":"192.0.2.0/24"}"#,
        Allowed,
    );
    check(
        "ip",
        &["2001:db8::1"],
        r#""NotIpAddress":{"my:key":"192.0.2.0/24"}"#,
        Allowed,
    );
    check(
        "ipList",
        &["192.0.2.1", "10.0.0.1"],
        r#""ForAllValues:IpAddress":{"my:key":"192.0.2.0/24"}"#,
        ImplicitDeny,
    );
    check(
        "binary",
        &["eWVz"],
        r#""BinaryEquals":{"my:key":"eWVz"}"#,
        Allowed,
    );
    check(
        "binaryList",
        &["YQ==", ""],
        r#""ForAnyValue:BinaryEquals":{"my:key":"YQ=="}"#,
        Allowed,
    );
    check(
        "date",
        &["2035-01-02T03:04:05Z"],
        r#""DateGreaterThan":{"my:key":"2035-01-01"}"#,
        Allowed,
    );
    check(
        "date",
        &["1735787045"],
        r#""DateLessThan":{"my:key":"2035-01-01T00:00:00Z"}"#,
        Allowed,
    );
    check(
        "dateList",
        &["2020-01-01", "2021-01-01"],
        r#""ForAllValues:DateLessThan":{"my:key":"2022-01-01"}"#,
        Allowed,
    );
}

#[test]
fn entries_that_cannot_be_read() {
    #[track_caller]
    fn check(entries: Vec<ContextEntry>, message: &str) {
        let simulation = Simulation {
            context: entries,
            ..getting(&[])
        };
        refused(simulation, message);
    }
    let bad = |kind: &str, value: &str, expected: &str| {
        let message = format!("Invalid context value for key my:key: expected {expected}.");
        check(vec![entry("my:key", kind, &[value])], &message);
        let (list, good) = (
            format!("{kind}List"),
            match kind {
                "numeric" => "1",
                "date" => "2035-01-01",
                "ip" => "::1",
                _ => "",
            },
        );
        check(vec![entry("my:key", &list, &[good, value])], &message);
    };
    for value in ["abc", "NaN", "0x10", " 1 ", "Infinity", ""] {
        bad("numeric", value, "numeric format");
    }
    bad("date", "tomorrow", "DateTime format");
    for value in ["999.0.0.1", "192.0.2.0/24", "fe80::1%eth0"] {
        bad("ip", value, "IP address");
    }
    for value in ["!base64", "eWVz\n", "YQ", "YR==", "YQ-_"] {
        bad("binary", value, "base-64 encoded binary format");
    }
    check(
        vec![entry("my:key", "string", &["a", "b"])],
        "Context key string expected a single value, but received 2.",
    );
    for kind in ["string", "stringList"] {
        check(
            vec![entry("my:key", kind, &[])],
            "Context values for context key my:key cannot be null or empty.",
        );
    }
    check(
        vec![
            entry("my:key", "string", &["a"]),
            entry("MY:KEY", "string", &["b"]),
        ],
        "Duplicate context key: MY:KEY.",
    );
    let nameless = ContextEntry {
        name: None,
        ..entry("my:key", "string", &["a"])
    };
    check(vec![nameless], "ContextKeyName cannot be null or empty.");
    let typeless = ContextEntry {
        kind: None,
        ..entry("my:key", "string", &["a"])
    };
    check(vec![typeless], "Context key my:key has invalid type null.");
}

#[test]
fn what_the_simulator_knows_of_the_caller() {
    #[track_caller]
    fn check(caller: Option<&str>, condition: &str, expected: Verdict) {
        let result = single(Simulation {
            caller: caller.map(n),
            ..getting(&[&when(condition)])
        });
        assert_eq!(result.decision, expected, "{condition}");
    }
    let equals = |key: &str, value: &str| format!(r#""StringEquals":{{"aws:{key}":"{value}"}}"#);
    check(
        None,
        &equals("userid", "STUB_PRINCIPAL_FOR_POLICY_SIMULATOR"),
        Allowed,
    );
    check(None, &equals("PrincipalAccount", ACCOUNT), Allowed);
    check(
        None,
        r#""Null":{"aws:PrincipalArn":"true","aws:username":"true"}"#,
        Allowed,
    );
    // Nothing is known of when and from where.
    check(
        None,
        r#""Null":{"aws:CurrentTime":"true","aws:SourceIp":"true"}"#,
        Allowed,
    );
    let other = "arn:aws:iam::999999999999:user/x/ann";
    check(Some(other), &equals("userid", other), Allowed);
    check(Some(other), &equals("PrincipalArn", other), Allowed);
    check(
        Some(other),
        &equals("PrincipalAccount", "999999999999"),
        Allowed,
    );
    check(Some(other), &equals("username", "ann"), Allowed);
    let role = "arn:aws:iam::999999999999:role/r";
    check(Some(role), &equals("PrincipalArn", role), Allowed);
    check(Some(role), r#""Null":{"aws:username":"true"}"#, Allowed);
    // What is given comes first; what is not counts as missing.
    let given = single(Simulation {
        caller: Some(n(other)),
        context: vec![entry("aws:UserName", "string", &["bob"])],
        ..getting(&[&when(&equals("username", "bob"))])
    });
    assert_eq!(given.decision, Allowed);
    let assumed = single(getting(&[&when(&equals("userid", "AIDA"))]));
    assert_eq!(assumed.missing, ["aws:userid"]);
}
