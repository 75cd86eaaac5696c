//! Trusted access, delegated administrators, and the switches of centralized root access.

use crate::common::{ACCOUNT, START, World, fails, n};
use crate::support::{denied, everything, first, refused, root_of, statement};
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::root_access::{
    DisableOrganizationsRootCredentialsManagement, DisableOrganizationsRootSessions,
    EnableOrganizationsRootCredentialsManagement, EnableOrganizationsRootSessions,
    ListOrganizationsFeatures, OrganizationsFeatures,
};
use locum_identity::names::AccountId;
use locum_identity::operation::Operation;
use locum_identity::organizations::{
    ConstraintReason, CreateOrganizationalUnit, DeregisterDelegatedAdministrator, DescribeAccount,
    DisableAwsServiceAccess, EnableAwsServiceAccess, Fault, InvalidReason, ListAccounts,
    ListAwsServiceAccessForOrganization, ListDelegatedAdministrators,
    ListDelegatedServicesForAccount, RegisterDelegatedAdministrator,
};
use locum_identity::root_access::RootFeature;

const IAM: &str = "iam.amazonaws.com";
const NOT_MANAGEMENT: &str = "You don't have permissions to access this resource.";

fn enable(service: &str) -> EnableAwsServiceAccess {
    EnableAwsServiceAccess {
        service_principal: n(service),
    }
}

fn disable(service: &str) -> DisableAwsServiceAccess {
    DisableAwsServiceAccess {
        service_principal: n(service),
    }
}

fn register(account_id: AccountId, service: &str) -> RegisterDelegatedAdministrator {
    RegisterDelegatedAdministrator {
        account_id,
        service_principal: n(service),
    }
}

fn deregister(account_id: AccountId, service: &str) -> DeregisterDelegatedAdministrator {
    DeregisterDelegatedAdministrator {
        account_id,
        service_principal: n(service),
    }
}

fn trusted(world: &World, page: PageRequest) -> Vec<(String, i64)> {
    let listed = world.root(ListAwsServiceAccessForOrganization { page });
    let items = listed.unwrap().items.into_iter();
    items
        .map(|(name, since)| (name.to_string(), since))
        .collect()
}

fn administrators(world: &World, service: Option<&str>) -> Vec<(AccountId, i64)> {
    let listed = world.root(ListDelegatedAdministrators {
        service_principal: service.map(n),
        page: everything(),
    });
    let items = listed.unwrap().items.into_iter();
    items
        .map(|one| (one.account.account.id, one.since))
        .collect()
}

fn services(world: &World, account_id: AccountId) -> Result<Vec<(String, i64)>, Error> {
    let listed = world.root(ListDelegatedServicesForAccount {
        account_id,
        page: everything(),
    });
    let items = listed?.items.into_iter();
    Ok(items
        .map(|(name, since)| (name.to_string(), since))
        .collect())
}

#[test]
fn trusted_access_comes_and_goes() {
    let world = World::new();
    assert_eq!(trusted(&world, everything()), []);
    world.root(enable("sso.amazonaws.com")).unwrap();
    world.wait(10);
    world.root(enable(IAM)).unwrap();
    world.wait(10);
    // The time is that of the first.
    world.root(enable(IAM)).unwrap();
    let both = [
        (IAM.to_owned(), START + 10),
        ("sso.amazonaws.com".to_owned(), START),
    ];
    assert_eq!(trusted(&world, everything()), both);
    assert_eq!(trusted(&world, first(1)), both[..1]);
    let reopened = world.reopened();
    assert_eq!(trusted(&reopened, everything()), both);
    world.root(disable(IAM)).unwrap();
    world.root(disable(IAM)).unwrap();
    assert_eq!(trusted(&world, everything()), both[1..]);
    for service in [
        "iam",
        "IAM.amazonaws.com",
        "iam.amazonaws.com.",
        ".amazonaws.com",
        "amazonaws.com",
        "iam.amazonaws.com@x",
        "..amazonaws.com",
    ] {
        let fault = || Fault::InvalidInput(InvalidReason::UnrecognizedServicePrincipal);
        refused(world.root(enable(service)), fault());
        refused(world.root(disable(service)), fault());
        refused(world.root(register(n(ACCOUNT), service)), fault());
    }
}

#[test]
fn members_administer_services_with_trusted_access() {
    let world = World::new();
    let [one, two] = ["one", "two"].map(|name| world.member(name));
    let constraint = Fault::ConstraintViolation;
    refused(
        world.root(register(one, IAM)),
        constraint(ConstraintReason::ServiceAccessNotEnabled),
    );
    world.root(enable(IAM)).unwrap();
    world.root(enable("sso.amazonaws.com")).unwrap();
    refused(
        world.root(register(n(ACCOUNT), IAM)),
        constraint(ConstraintReason::CannotRegisterMasterAsDelegatedAdministrator),
    );
    fails(
        world.root(register(n("999999999999"), IAM)),
        "AccountNotFound",
        "You specified an account that doesn't exist.",
    );
    world.root(register(one, "sso.amazonaws.com")).unwrap();
    world.wait(5);
    world.root(register(one, IAM)).unwrap();
    world.root(register(two, IAM)).unwrap();
    refused(
        world.root(register(one, IAM)),
        Fault::AccountAlreadyRegistered,
    );
    let mut of_iam = vec![(one, START + 5), (two, START + 5)];
    of_iam.sort();
    assert_eq!(administrators(&world, Some(IAM)), of_iam);
    let mut of_any = vec![(one, START), (two, START + 5)];
    of_any.sort();
    assert_eq!(administrators(&world, None), of_any);
    assert_eq!(administrators(&world, Some("config.amazonaws.com")), []);
    assert_eq!(
        services(&world, one).unwrap(),
        [
            (IAM.to_owned(), START + 5),
            ("sso.amazonaws.com".to_owned(), START)
        ]
    );
    refused(services(&world, n(ACCOUNT)), Fault::AccountNotRegistered);
    assert!(matches!(
        services(&world, n("999999999999")),
        Err(Error::AccountNotFound)
    ));
    // They stay registered without trusted access, which they need to be of use.
    world.root(disable(IAM)).unwrap();
    assert_eq!(administrators(&world, Some(IAM)), of_iam);
    world.root(deregister(two, IAM)).unwrap();
    refused(
        world.root(deregister(two, IAM)),
        Fault::AccountNotRegistered,
    );
    refused(
        world.root(deregister(two, "config.amazonaws.com")),
        Fault::AccountNotRegistered,
    );
    fails(
        world.root(deregister(n("999999999999"), IAM)),
        "AccountNotFound",
        "You specified an account that doesn't exist.",
    );
    assert_eq!(administrators(&world, Some(IAM)), [(one, START + 5)]);
}

#[test]
fn a_service_has_five_administrators_at_most() {
    let world = World::new();
    world.root(enable(IAM)).unwrap();
    for number in 0..5 {
        let member = world.member(&format!("m{number}"));
        world.root(register(member, IAM)).unwrap();
    }
    let sixth = world.member("sixth");
    refused(
        world.root(register(sixth, IAM)),
        Fault::ConstraintViolation(
            ConstraintReason::MaxDelegatedAdministratorsForServiceLimitExceeded,
        ),
    );
}

#[test]
fn a_delegated_administrator_reads_the_organization_and_changes_nothing() {
    let world = World::new();
    let member = world.member("member");
    let other = world.member("other");
    world.root(enable("sso.amazonaws.com")).unwrap();
    world.root(register(member, "sso.amazonaws.com")).unwrap();
    let all = statement("Allow", "organizations:*");
    let admin = world.user_of(member, "admin", &all);
    let stranger = world.user_of(other, "admin", &all);
    let list = || ListAccounts { page: everything() };
    let describe = || DescribeAccount { account_id: other };
    let who = || ListDelegatedAdministrators {
        service_principal: None,
        page: everything(),
    };
    assert_eq!(world.call_as(&admin, list()).unwrap().items.len(), 3);
    world.call_as(&admin, describe()).map(drop).unwrap();
    world.call_as(&admin, who()).map(drop).unwrap();
    let page = everything();
    let access = ListAwsServiceAccessForOrganization { page };
    world.call_as(&admin, access).map(drop).unwrap();
    let code = "NotManagementAccount";
    fails(world.call_as(&stranger, list()), code, NOT_MANAGEMENT);
    fails(world.call_as(&stranger, describe()), code, NOT_MANAGEMENT);
    fails(world.call_as(&stranger, who()), code, NOT_MANAGEMENT);
    let unit = CreateOrganizationalUnit {
        parent_id: n(&world.root_id()),
        name: n("unit"),
        tags: Vec::new(),
    };
    fails(world.call_as(&admin, unit), code, NOT_MANAGEMENT);
    fails(
        world.call_as(&admin, register(other, "sso.amazonaws.com")),
        code,
        NOT_MANAGEMENT,
    );
    fails(world.call_as(&admin, enable(IAM)), code, NOT_MANAGEMENT);
    fails(world.call_as(&admin, disable(IAM)), code, NOT_MANAGEMENT);
}

#[test]
fn the_service_is_a_condition_key_and_the_account_a_resource() {
    let world = World::new();
    let member = world.member("member");
    let organization = world.realm.directory().organization.clone().unwrap();
    let arn = organization.arn(&format!("account/{}/{member}", organization.id));
    let only = format!(
        r#"{{"Effect":"Allow","Action":"organizations:*","Resource":["*"],"Condition":{{"StringEquals":{{"organizations:ServicePrincipal":"{IAM}"}}}}}}"#
    );
    let ann = world.user_of(n(ACCOUNT), "ann", &only);
    world.call_as(&ann, enable(IAM)).unwrap();
    let sentence = |action: &str, resource: &str| {
        format!(
            "organizations:{action} on resource: {resource} because no identity-based policy allows the organizations:{action} action"
        )
    };
    denied(
        world.call_as(&ann, enable("sso.amazonaws.com")),
        &sentence("EnableAWSServiceAccess", "*"),
    );
    denied(
        world.call_as(&ann, disable("sso.amazonaws.com")),
        &sentence("DisableAWSServiceAccess", "*"),
    );
    world.root(enable("sso.amazonaws.com")).unwrap();
    denied(
        world.call_as(&ann, register(member, "sso.amazonaws.com")),
        &sentence("RegisterDelegatedAdministrator", &arn),
    );
    world.call_as(&ann, register(member, IAM)).unwrap();
    denied(
        world.call_as(&ann, deregister(member, "sso.amazonaws.com")),
        &sentence("DeregisterDelegatedAdministrator", &arn),
    );
    world.call_as(&ann, deregister(member, IAM)).unwrap();
    let list = |service: Option<&str>| ListDelegatedAdministrators {
        service_principal: service.map(n),
        page: everything(),
    };
    world.call_as(&ann, list(Some(IAM))).map(drop).unwrap();
    denied(
        world.call_as(&ann, list(None)),
        &sentence("ListDelegatedAdministrators", "*"),
    );
}

fn fault<O: Operation<Output = OrganizationsFeatures>>(
    world: &World,
    principal: &str,
    operation: O,
    message: &str,
) {
    fails(world.call_as(principal, operation), "RootAccess", message);
}

#[test]
fn root_access_is_switched_by_who_may() {
    let world = World::new();
    let [delegated, member] = ["delegated", "member"].map(|name| world.member(name));
    let (manager, admin, other) = (root_of(n(ACCOUNT)), root_of(delegated), root_of(member));
    let no_trust = "Trusted access is not enabled for iam.amazonaws.com in the organization.";
    let no_admin =
        "The account is neither the management account nor a delegated administrator for IAM.";
    let not_manager = "The account is not the management account of the organization.";
    fault(&world, &manager, ListOrganizationsFeatures, no_trust);
    fault(&world, &manager, EnableOrganizationsRootSessions, no_trust);
    fault(&world, &manager, DisableOrganizationsRootSessions, no_trust);
    world.root(enable(IAM)).unwrap();
    world.root(register(delegated, IAM)).unwrap();
    let id = world
        .realm
        .directory()
        .organization
        .clone()
        .unwrap()
        .id
        .clone();
    let is = |result: Result<OrganizationsFeatures, Error>, features: &[RootFeature]| {
        let wanted = OrganizationsFeatures {
            organization_id: id.clone(),
            enabled: features.iter().copied().collect(),
        };
        assert_eq!(result.unwrap(), wanted);
    };
    let (sessions, credentials) = (RootFeature::Sessions, RootFeature::CredentialsManagement);
    is(world.call_as(&manager, ListOrganizationsFeatures), &[]);
    is(
        world.call_as(&manager, EnableOrganizationsRootSessions),
        &[sessions],
    );
    is(
        world.call_as(&manager, EnableOrganizationsRootSessions),
        &[sessions],
    );
    let both = [sessions, credentials];
    is(
        world.call_as(&manager, EnableOrganizationsRootCredentialsManagement),
        &both,
    );
    is(world.call_as(&admin, ListOrganizationsFeatures), &both);
    is(
        world.reopened().call_as(&admin, ListOrganizationsFeatures),
        &both,
    );
    // The delegated administrator disables, and does not enable.
    is(
        world.call_as(&admin, DisableOrganizationsRootSessions),
        &[credentials],
    );
    fault(&world, &admin, EnableOrganizationsRootSessions, not_manager);
    fault(
        &world,
        &admin,
        EnableOrganizationsRootCredentialsManagement,
        not_manager,
    );
    is(
        world.call_as(&admin, DisableOrganizationsRootCredentialsManagement),
        &[],
    );
    // Other members do neither.
    fault(&world, &other, ListOrganizationsFeatures, no_admin);
    fault(&world, &other, EnableOrganizationsRootSessions, no_admin);
    fault(
        &world,
        &other,
        EnableOrganizationsRootCredentialsManagement,
        no_admin,
    );
    fault(&world, &other, DisableOrganizationsRootSessions, no_admin);
    fault(
        &world,
        &other,
        DisableOrganizationsRootCredentialsManagement,
        no_admin,
    );
    // Permission comes first.
    let ann = world.user_of(member, "ann", &statement("Allow", "s3:*"));
    denied(
        world.call_as(&ann, ListOrganizationsFeatures),
        "iam:ListOrganizationsFeatures on resource: * because no identity-based policy allows the iam:ListOrganizationsFeatures action",
    );
}
