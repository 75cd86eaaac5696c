//! Service-linked roles.

use crate::common::{World, fails, n};
use locum_identity::error::Error;
use locum_identity::iam::roles::{DeleteRole, GetRole};
use locum_identity::iam::service_linked_roles::{
    CreateServiceLinkedRole, DeleteServiceLinkedRole, GetServiceLinkedRoleDeletionStatus,
};
use locum_identity::organizations::{DisableAwsServiceAccess, EnableAwsServiceAccess};

fn create(service: &str) -> CreateServiceLinkedRole {
    CreateServiceLinkedRole {
        aws_service_name: n(service),
        description: None,
        custom_suffix: None,
    }
}

fn suffixed(service: &str, suffix: &str) -> CreateServiceLinkedRole {
    CreateServiceLinkedRole {
        custom_suffix: Some(n(suffix)),
        ..create(service)
    }
}

fn delete(name: &str) -> DeleteServiceLinkedRole {
    DeleteServiceLinkedRole { role_name: n(name) }
}

fn status(id: &str) -> GetServiceLinkedRoleDeletionStatus {
    GetServiceLinkedRoleDeletionStatus {
        deletion_task_id: n(id),
    }
}

#[test]
fn a_role_is_made_as_its_service_would_have_it() {
    let world = World::new();
    let created = world
        .root(CreateServiceLinkedRole {
            description: Some(n("for fleets")),
            ..create("autoscaling.amazonaws.com")
        })
        .unwrap();
    assert_eq!(
        created.arn,
        "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    );
    assert_eq!(
        created.assume_role_policy_document,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["autoscaling.amazonaws.com"]},"Action":["sts:AssumeRole"]}]}"#
    );
    assert_eq!(created.role.max_session_duration.seconds(), 3600);
    assert_eq!(created.role.description, Some(n("for fleets")));
    // None of the services' own policies is built in.
    assert!(created.role.policies.attached.is_empty());
    let got = world.reopened().root(GetRole {
        role_name: n("awsserviceroleforautoscaling"),
    });
    assert_eq!(got.unwrap().role, created.role);
    fails(
        world.root(DeleteRole {
            role_name: n("AWSServiceRoleForAutoScaling"),
        }),
        "UnmodifiableRole",
        "Cannot perform the operation on the protected role 'AWSServiceRoleForAutoScaling' - this role is only modifiable by AWS",
    );
}

#[test]
fn services_names_and_suffixes_are_the_services_own() {
    let world = World::new();
    world.root(create("batch.amazonaws.com")).unwrap();
    fails(
        world.root(create("batch.amazonaws.com")),
        "InvalidInput",
        "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix.",
    );
    fails(
        world.root(suffixed("batch.amazonaws.com", "two")),
        "InvalidInput",
        "Custom suffix is not allowed for batch.amazonaws.com",
    );
    let two = world.root(suffixed("lexv2.amazonaws.com", "two")).unwrap();
    assert_eq!(two.role.name.as_str(), "AWSServiceRoleForLexV2Bots_two");
    fails(
        world.root(suffixed("lexv2.amazonaws.com", "TWO")),
        "InvalidInput",
        "Service role name AWSServiceRoleForLexV2Bots_TWO has been taken in this account, please try a different suffix.",
    );
    let long = "x".repeat(64);
    fails(
        world.root(suffixed("lexv2.amazonaws.com", &long)),
        "InvalidInput",
        &format!(
            "The role name AWSServiceRoleForLexV2Bots_{long} must not be longer than 64 characters."
        ),
    );
    for unknown in ["nothing.amazonaws.com", "Batch.amazonaws.com", "batch"] {
        fails(
            world.root(create(unknown)),
            "NoSuchEntity",
            &format!("The service {unknown} has no service-linked role."),
        );
    }
}

#[test]
fn a_deletion_is_done_and_can_be_asked_for_a_day() {
    let world = World::new();
    world.root(create("batch.amazonaws.com")).unwrap();
    let id = world.root(delete("awsserviceroleforbatch")).unwrap();
    let stem = "task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/";
    assert_eq!(id.strip_prefix(stem).map(str::len), Some(36), "{id}");
    assert_eq!(world.root(status(&id)).unwrap(), None);
    assert_eq!(world.reopened().root(status(&id)).unwrap(), None);
    fails(
        world.root(delete("AWSServiceRoleForBatch")),
        "NoSuchEntity",
        "The role with name AWSServiceRoleForBatch cannot be found.",
    );
    let missing = |id: &str| {
        fails(
            world.root(status(id)),
            "NoSuchEntity",
            &format!("The deletion task with id {id} cannot be found."),
        );
    };
    missing(&format!("{stem}00000000-0000-0000-0000-000000000000"));
    for malformed in [
        "task",
        "task/aws-service-role/batch.amazonaws.com",
        "task/aws-service-role//r/0",
        "role/aws-service-role/batch.amazonaws.com/r/0",
        "task/aws-service-role/batch.amazonaws.com/r/0/1",
        "task/aws-service-role/*/r/0",
    ] {
        fails(
            world.root(status(malformed)),
            "InvalidInput",
            "The deletion task id must be of the form task/aws-service-role/<service-principal-name>/<role-name>/<task-uuid>.",
        );
    }
    world.wait(86_399);
    assert!(world.root(status(&id)).is_ok());
    world.wait(1);
    missing(&id);
}

#[test]
fn what_became_of_deletions_does_not_pile_up() {
    let world = World::new();
    let tasks = || {
        let caller = world.caller(&world.root, "iam").unwrap();
        caller.account().unwrap().deletion_tasks.len()
    };
    let cycle = || {
        world.root(create("batch.amazonaws.com")).unwrap();
        world.root(delete("AWSServiceRoleForBatch")).unwrap()
    };
    let first = cycle();
    world.wait(1);
    let second = cycle();
    for _ in 2..1001 {
        cycle();
    }
    assert_eq!(tasks(), 1000);
    assert!(world.root(status(&first)).is_err());
    assert!(world.root(status(&second)).is_ok());
    world.wait(86_400);
    cycle();
    assert_eq!(tasks(), 1);
}

#[test]
fn the_role_of_a_service_with_trusted_access_stays() {
    let world = World::new();
    world.root(create("sso.amazonaws.com")).unwrap();
    world.root(create("ssm.amazonaws.com")).unwrap();
    let service_principal = || n("sso.amazonaws.com");
    world
        .root(EnableAwsServiceAccess {
            service_principal: service_principal(),
        })
        .unwrap();
    let id = world.root(delete("AWSServiceRoleForSSO")).unwrap();
    let failure = world.root(status(&id)).unwrap().unwrap();
    assert_eq!(
        failure.reason,
        "The service still has trusted access to the organization."
    );
    assert_eq!(failure.region, "us-east-1");
    assert_eq!(failure.resources.len(), 1);
    assert!(
        failure.resources[0].starts_with("arn:aws:organizations::123456789012:organization/o-"),
        "{failure:?}"
    );
    let there = GetRole {
        role_name: n("AWSServiceRoleForSSO"),
    };
    world.root(there.clone()).unwrap();
    // Another service's access is no obstacle.
    let other = world.root(delete("AWSServiceRoleForAmazonSSM")).unwrap();
    assert_eq!(world.root(status(&other)).unwrap(), None);
    world
        .root(DisableAwsServiceAccess {
            service_principal: service_principal(),
        })
        .unwrap();
    let id = world.root(delete("AWSServiceRoleForSSO")).unwrap();
    assert_eq!(world.root(status(&id)).unwrap(), None);
    assert!(matches!(world.root(there), Err(Error::NoSuchEntity(_))));
}

#[test]
fn only_a_service_linked_role_is_deleted_so() {
    let world = World::new();
    world.role("Job");
    fails(
        world.root(delete("job")),
        "NoSuchEntity",
        "The service-linked role with name Job cannot be found.",
    );
}

/// The usual grant: roles of one service, by its name.
#[test]
fn conditions_see_the_service() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:*ServiceLinkedRole*","Resource":"arn:aws:iam::*:role/aws-service-role/*","Condition":{"StringLike":{"iam:AWSServiceName":"batch.amazonaws.com"}}}"#,
    );
    world.call(&ann, create("batch.amazonaws.com")).unwrap();
    let denied = |action: &str, resource: &str| {
        format!(
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:{action} on resource: arn:aws:iam::123456789012:{resource} because no identity-based policy allows the iam:{action} action"
        )
    };
    fails(
        world.call(&ann, create("ecs.amazonaws.com")),
        "AccessDenied",
        &denied(
            "CreateServiceLinkedRole",
            "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        ),
    );
    fails(
        world.call(&ann, create("nothing.amazonaws.com")),
        "AccessDenied",
        &denied(
            "CreateServiceLinkedRole",
            "role/aws-service-role/nothing.amazonaws.com/*",
        ),
    );
    world.root(create("ecs.amazonaws.com")).unwrap();
    fails(
        world.call(&ann, delete("AWSServiceRoleForECS")),
        "AccessDenied",
        &denied(
            "DeleteServiceLinkedRole",
            "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        ),
    );
    let id = world.call(&ann, delete("AWSServiceRoleForBatch")).unwrap();
    assert_eq!(world.call(&ann, status(&id)).unwrap(), None);
}
