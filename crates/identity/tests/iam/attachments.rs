//! Managed policies attached to users, groups and roles.

use crate::common::{World, fails, n};
use crate::support::new_role;
use locum_identity::error::Error;
use locum_identity::iam::attachments::{
    AttachGroupPolicy, AttachRolePolicy, AttachUserPolicy, DetachGroupPolicy, DetachRolePolicy,
    DetachUserPolicy, ListAttachedGroupPolicies, ListAttachedRolePolicies,
    ListAttachedUserPolicies,
};
use locum_identity::iam::groups::CreateGroup;
use locum_identity::iam::policies::GetPolicy;
use locum_identity::iam::{Page, PageRequest};
use locum_identity::operation::Operation;

const AWS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const JOB: &str = "arn:aws:iam::aws:policy/job-function/Billing";

/// The rules are the same of every kind of holder.
struct Face<A, D, L> {
    /// As the quota names it.
    kind: &'static str,
    attach: fn(&str, &str) -> A,
    detach: fn(&str, &str) -> D,
    list: fn(&str, Option<&str>, PageRequest) -> L,
}

impl<A, D, L> Face<A, D, L>
where
    A: Operation<Output = ()>,
    D: Operation<Output = ()>,
    L: Operation<Output = Page<locum_identity::iam::attachments::AttachedPolicy>>,
{
    fn check(&self) {
        let world = World::new();
        world.user("Holder");
        world.root(new_role("Holder")).unwrap();
        world
            .root(CreateGroup {
                group_name: n("Holder"),
                path: None,
            })
            .unwrap();
        world.policy("p");
        let own = "arn:aws:iam::123456789012:policy/p";
        let attach = |arn: &str| world.root((self.attach)("HOLDER", arn));
        let detach = |arn: &str| world.root((self.detach)("holder", arn));
        let list = |prefix: Option<&str>, behind: &str, max: usize| {
            let page = PageRequest {
                behind: behind.to_owned(),
                max_items: Some(max),
            };
            let page = world.root((self.list)("holder", prefix, page)).unwrap();
            (
                page.items
                    .into_iter()
                    .map(|policy| (policy.name, policy.arn))
                    .collect::<Vec<_>>(),
                page.next,
            )
        };
        let item = |name: &str, arn: &str| (name.to_owned(), arn.to_owned());

        for arn in [JOB, AWS, own, AWS] {
            attach(arn).unwrap();
        }
        let all = vec![
            item("p", own),
            item("ReadOnlyAccess", AWS),
            item("Billing", JOB),
        ];
        assert_eq!(list(None, "", 9), (all.clone(), None));
        assert_eq!(list(None, "", 2), (all[..2].to_vec(), Some(AWS.to_owned())));
        assert_eq!(list(None, AWS, 2), (all[2..].to_vec(), None));
        assert_eq!(
            list(Some("/job-function/"), "", 2),
            (all[2..].to_vec(), None)
        );
        assert_eq!(
            world
                .reopened()
                .root(GetPolicy { policy_arn: n(own) })
                .unwrap()
                .attachment_count,
            1
        );

        detach(own).unwrap();
        fails(
            detach(own),
            "NoSuchEntity",
            &format!("Policy {own} was not found."),
        );
        assert_eq!(
            world
                .root(GetPolicy { policy_arn: n(own) })
                .unwrap()
                .attachment_count,
            0
        );
        for arn in [
            "arn:aws:iam::123456789012:policy/none",
            "arn:aws:iam::aws:policy/None",
        ] {
            let message = format!("Policy {arn} does not exist or is not attachable.");
            fails(attach(arn), "NoSuchEntity", &message);
        }
        let no_arn = "this is not an arn at all";
        fails(
            attach(no_arn),
            "ValidationText",
            "Invalid ARN:  Could not be parsed!",
        );
        fails(
            detach(no_arn),
            "ValidationText",
            "Invalid ARN:  Could not be parsed!",
        );

        for number in 0..8 {
            attach(&world.policy(&format!("q{number}")).arn).unwrap();
        }
        fails(
            attach(own),
            "LimitExceeded",
            &format!("Cannot exceed quota for PoliciesPer{}: 10", self.kind),
        );
        attach(AWS).unwrap();

        let missing = |result: Result<(), Error>| {
            let kind = self.kind.to_lowercase();
            fails(
                result,
                "NoSuchEntity",
                &format!("The {kind} with name none cannot be found."),
            );
        };
        missing(world.root((self.attach)("none", AWS)));
        missing(world.root((self.detach)("none", AWS)));
        missing(
            world
                .root((self.list)("none", None, PageRequest::default()))
                .map(drop),
        );
    }
}

#[test]
fn of_users() {
    Face {
        kind: "User",
        attach: |name, arn| AttachUserPolicy {
            user_name: n(name),
            policy_arn: n(arn),
        },
        detach: |name, arn| DetachUserPolicy {
            user_name: n(name),
            policy_arn: n(arn),
        },
        list: |name, prefix, page| ListAttachedUserPolicies {
            user_name: n(name),
            path_prefix: prefix.map(n),
            page,
        },
    }
    .check();
}

#[test]
fn of_groups() {
    Face {
        kind: "Group",
        attach: |name, arn| AttachGroupPolicy {
            group_name: n(name),
            policy_arn: n(arn),
        },
        detach: |name, arn| DetachGroupPolicy {
            group_name: n(name),
            policy_arn: n(arn),
        },
        list: |name, prefix, page| ListAttachedGroupPolicies {
            group_name: n(name),
            path_prefix: prefix.map(n),
            page,
        },
    }
    .check();
}

#[test]
fn of_roles() {
    Face {
        kind: "Role",
        attach: |name, arn| AttachRolePolicy {
            role_name: n(name),
            policy_arn: n(arn),
        },
        detach: |name, arn| DetachRolePolicy {
            role_name: n(name),
            policy_arn: n(arn),
        },
        list: |name, prefix, page| ListAttachedRolePolicies {
            role_name: n(name),
            path_prefix: prefix.map(n),
            page,
        },
    }
    .check();
}

#[test]
fn a_condition_can_say_which_policies_may_be_attached() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.allow(
        "ann",
        &format!(
            r#"{{"Effect":"Allow","Action":["iam:AttachUserPolicy","iam:DetachUserPolicy"],"Resource":"*","Condition":{{"ArnEquals":{{"iam:PolicyARN":"{JOB}"}}}}}}"#
        ),
    );
    let attach = |arn: &str| {
        world.call(
            &ann,
            AttachUserPolicy {
                user_name: n("ann"),
                policy_arn: n(arn),
            },
        )
    };
    attach(JOB).unwrap();
    assert!(matches!(attach(AWS), Err(Error::AccessDenied(_))));
    world
        .root(AttachUserPolicy {
            user_name: n("ann"),
            policy_arn: n("arn:aws:iam::aws:policy/AWSDenyAll"),
        })
        .unwrap();
    assert!(matches!(attach(JOB), Err(Error::AccessDenied(_))));
}

#[test]
fn a_condition_can_ask_for_a_boundary() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.user("free");
    world.user("bounded");
    let put = locum_identity::iam::users::PutUserPermissionsBoundary {
        principal: n("bounded"),
        permissions_boundary: n(AWS),
    };
    world.root(put).unwrap();
    world.allow(
        "ann",
        &format!(
            r#"{{"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{{"StringEquals":{{"iam:PermissionsBoundary":"{AWS}"}}}}}}"#
        ),
    );
    let attach = |user: &str| {
        world.call(
            &ann,
            AttachUserPolicy {
                user_name: n(user),
                policy_arn: n(JOB),
            },
        )
    };
    attach("bounded").unwrap();
    assert!(matches!(attach("free"), Err(Error::AccessDenied(_))));
}
