//! Service control policies, from the root of an organization down.

use super::{A, Simulation, entry, getting, list, one, shown, when};
use crate::common::{World, fails, n};
use locum_identity::error::Error;
use locum_identity::iam::simulate::Verdict::{self, Allowed, ExplicitDeny, ImplicitDeny};
use locum_identity::iam::simulate::{EvaluationResult, SimulateCustomPolicy};

fn under(levels: &[&[&str]], simulation: Simulation) -> Result<EvaluationResult, Error> {
    let operation = SimulateCustomPolicy {
        organization_policies: levels.iter().map(|level| list(level)).collect(),
        simulation,
    };
    let mut page = World::new().root(operation)?;
    Ok(page.results.remove(0))
}

#[test]
fn every_level_must_allow() {
    let check = |levels: &[&[&str]], expected: Verdict| {
        let allow = one("Allow", "s3:GetObject", "*");
        let simulation = Simulation {
            resources: list(&[A]),
            boundaries: vec![n(&allow)],
            ..getting(&[&allow])
        };
        let result = under(levels, simulation).unwrap();
        assert_eq!(result.decision, expected);
        assert_eq!(result.resources[0].decision, expected);
        let allowed = expected == Allowed;
        assert_eq!(result.allowed_by_organizations, Some(allowed));
        // Where the organization says no, nothing else is told.
        assert_eq!(result.allowed_by_boundary, allowed.then_some(true));
        assert_eq!(result.matched.is_empty(), !allowed);
        assert_eq!(result.missing, [""; 0]);
        assert_eq!(result.details, Some(Vec::new()));
    };
    let all = one("Allow", "*", "*");
    let other = one("Allow", "s3:PutObject", "*");
    let deny = one("Deny", "s3:GetObject", "*");
    check(&[&[&all], &[&all]], Allowed);
    check(&[&[&all], &[&other, &all]], Allowed);
    check(&[&[&all], &[&other]], ImplicitDeny);
    check(&[&[&other], &[&all]], ImplicitDeny);
    check(&[&[&all, &deny], &[&all]], ExplicitDeny);
    check(&[&[&all], &[&deny]], ExplicitDeny);
    // Their conditions count, and see the context; their keys are not told to be missing.
    let when_given = when(r#""StringEquals":{"aws:RequestedRegion":"eu-west-1"}"#);
    check(&[&[&when_given]], ImplicitDeny);
    let given = Simulation {
        context: vec![entry("aws:RequestedRegion", "string", &["eu-west-1"])],
        ..getting(&[&all])
    };
    let result = under(&[&[&when_given]], given).unwrap();
    assert_eq!(
        (result.decision, shown(&result.matched)),
        (Allowed, vec!["PolicyInputList.1 Iam 1:38 1:84".to_owned()])
    );
    // The denial of an identity policy stays one, but is not told.
    let denied = under(&[&[&other]], getting(&[&deny])).unwrap();
    assert_eq!(
        (denied.decision, denied.matched),
        (ExplicitDeny, Vec::new())
    );
}

#[test]
fn levels_that_are_none() {
    let all = one("Allow", "*", "*");
    let message = "Organization policy at index 2 must contain at least one service control policy";
    let empty = under(&[&[&all], &[]], getting(&[]));
    fails(empty, "InvalidInput", message);
    let named = all.replace(r#""Resource""#, r#""Principal":"*","Resource""#);
    for wrong in ["{", &named] {
        let answer = under(&[&[wrong]], getting(&[]));
        fails(
            answer,
            "InvalidInput",
            "Organization policy at index 1 has invalid content",
        );
    }
}
