//! Resource policies, in one account and across two.

use super::{ANN, Simulation, letting, list, on_resource, one, shown, single};
use crate::common::n;
use locum_identity::iam::simulate::Verdict::{Allowed, ExplicitDeny, ImplicitDeny};
use locum_identity::iam::simulate::{SourceType, Verdict};

#[test]
fn a_resource_policy_in_the_same_account_suffices() {
    let bound = one("Allow", "s3:PutObject", "*");
    let resource = |document: &str| {
        let end = document.len() - 1;
        format!("ResourcePolicy Resource 1:38 1:{end}")
    };
    let root = "arn:aws:iam::123456789012:root";
    for principal in ["*", ANN, "123456789012", root] {
        let policy = letting("Allow", principal);
        let result = single(on_resource(&[], &policy));
        assert_eq!(
            (result.decision, shown(&result.matched)),
            (Allowed, vec![resource(&policy)]),
            "{principal}"
        );
        assert_eq!(result.details, Some(Vec::new()));
        assert_eq!(result.resources[0].details, []);
        // The boundary says no, and is passed by.
        let bounded = single(Simulation {
            boundaries: list(&[&bound]),
            ..on_resource(&[], &policy)
        });
        assert_eq!(
            (bounded.decision, bounded.allowed_by_boundary),
            (Allowed, Some(false))
        );
        let denied = single(Simulation {
            boundaries: list(&[&one("Deny", "*", "*")]),
            ..on_resource(&[], &policy)
        });
        assert_eq!(denied.decision, ExplicitDeny);
        assert_eq!(
            single(on_resource(&[&one("Deny", "*", "*")], &policy)).decision,
            ExplicitDeny
        );
    }
    let allow = one("Allow", "s3:GetObject", "*");
    let (everyone, nobody) = (letting("Allow", "*"), letting("Deny", "*"));
    let both = single(on_resource(&[&allow], &everyone));
    assert_eq!(
        shown(&both.matched),
        [
            resource(&everyone).as_str(),
            "PolicyInputList.1 Iam 1:38 1:95"
        ]
    );
    let denied = single(on_resource(&[&allow], &nobody));
    assert_eq!(
        (denied.decision, shown(&denied.matched)),
        (ExplicitDeny, vec![resource(&nobody)])
    );
    let other = letting("Allow", "arn:aws:iam::123456789012:user/bob");
    assert_eq!(single(on_resource(&[], &other)).decision, ImplicitDeny);
    assert_eq!(single(on_resource(&[&allow], &other)).decision, Allowed);
    for caller in ["role/r", "group/g"] {
        let caller = format!("arn:aws:iam::123456789012:{caller}");
        let result = single(Simulation {
            caller: Some(n(&caller)),
            ..on_resource(&[], &letting("Allow", "*"))
        });
        assert_eq!(result.decision, Allowed);
    }
    let role = "arn:aws:iam::123456789012:role/r";
    let named = single(Simulation {
        caller: Some(n(role)),
        ..on_resource(&[], &letting("Allow", role))
    });
    assert_eq!(named.decision, Allowed);
}

#[test]
fn across_accounts_both_must_allow() {
    use SourceType::{Boundary, Iam, Resource};
    let check = |identity: &[&str],
                 boundary: &[&str],
                 resource: &str,
                 details: &[(SourceType, Verdict)],
                 expected| {
        let result = single(Simulation {
            boundaries: list(boundary),
            resource_owner: Some(n("arn:aws:iam::999999999999:root")),
            ..on_resource(identity, resource)
        });
        assert_eq!(result.decision, expected);
        assert_eq!(result.details.as_deref(), Some(details));
        assert_eq!(result.resources[0].details, details);
    };
    let allow = one("Allow", "s3:GetObject", "*");
    let deny = one("Deny", "s3:GetObject", "*");
    let other = one("Allow", "s3:PutObject", "*");
    let lets = letting("Allow", ANN);
    check(
        &[],
        &[],
        &lets,
        &[(Iam, ImplicitDeny), (Resource, Allowed)],
        ImplicitDeny,
    );
    check(
        &[&allow],
        &[],
        &lets,
        &[(Iam, Allowed), (Resource, Allowed)],
        Allowed,
    );
    check(
        &[&allow],
        &[],
        &letting("Allow", "999999999999"),
        &[(Iam, Allowed), (Resource, ImplicitDeny)],
        ImplicitDeny,
    );
    check(
        &[&allow],
        &[],
        &letting("Deny", "*"),
        &[(Iam, Allowed), (Resource, ExplicitDeny)],
        ExplicitDeny,
    );
    check(
        &[&allow],
        &[&allow],
        &lets,
        &[(Iam, Allowed), (Resource, Allowed), (Boundary, Allowed)],
        Allowed,
    );
    check(
        &[&allow],
        &[&other],
        &lets,
        &[
            (Iam, Allowed),
            (Resource, Allowed),
            (Boundary, ImplicitDeny),
        ],
        ImplicitDeny,
    );
    check(
        &[&allow],
        &[&deny],
        &lets,
        &[
            (Iam, Allowed),
            (Resource, Allowed),
            (Boundary, ExplicitDeny),
        ],
        ExplicitDeny,
    );
    // Without an owner the ARN tells the account, if it has one.
    let queue = "arn:aws:sqs:us-east-1:999999999999:q";
    let policy = letting("Allow", ANN).replace("arn:aws:s3:::bucket/*", queue);
    let foreign = Simulation {
        resources: list(&[queue]),
        ..on_resource(&[], &policy)
    };
    assert_eq!(single(foreign.clone()).decision, ImplicitDeny);
    let owned = Simulation {
        resource_owner: Some(n("arn:aws:iam::123456789012:user/anyone")),
        ..foreign.clone()
    };
    assert_eq!(single(owned).decision, Allowed);
    // And without a resource policy only the caller's side is asked.
    let alone = Simulation {
        resource_policy: None,
        ..foreign
    };
    let result = single(Simulation {
        policies: list(&[&allow]),
        ..alone
    });
    assert_eq!(
        (result.decision, result.details),
        (Allowed, Some(Vec::new()))
    );
}
