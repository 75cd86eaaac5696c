//! The credential report.

use crate::common::{ACCOUNT, World, fails, n, ready};
use crate::login_profiles::create;
use locum_identity::entity::{KeyOwner, KeyStatus, SigningCertificate, User};
use locum_identity::iam::access_keys::{CreateAccessKey, UpdateAccessKey};
use locum_identity::iam::credential_report::{
    GenerateCredentialReport, GetCredentialReport, ReportState,
};
use locum_identity::iam::password_policy::UpdateAccountPasswordPolicy;
use locum_identity::names::MaxPasswordAge;
use std::collections::BTreeMap;

const HOUR: i64 = 60 * 60;
const MADE: &str = "2026-01-01T00:00:00Z";

fn generate(world: &World) -> ReportState {
    world.root(GenerateCredentialReport).unwrap()
}

/// The lines of a report made now.
fn lines(world: &World) -> Vec<String> {
    world.wait(4 * HOUR);
    assert_eq!(generate(world), ReportState::Started);
    let report = world.root(GetCredentialReport).unwrap();
    report.content.split('\n').map(str::to_owned).collect()
}

/// One line by column; the account has no field that needs quoting.
fn row(world: &World, line: usize) -> BTreeMap<String, String> {
    let lines = lines(world);
    let columns = lines[0].split(',').map(str::to_owned);
    columns
        .zip(lines[line].split(',').map(str::to_owned))
        .collect()
}

fn owner(world: &World, name: &str) -> KeyOwner {
    let account = ready(world.realm.account(n(ACCOUNT))).unwrap().unwrap();
    KeyOwner::User(account.users.named(name).unwrap().user.id.clone())
}

#[test]
fn a_report_is_good_for_four_hours() {
    let world = World::new();
    let get = || world.root(GetCredentialReport);
    fails(
        get(),
        "Iam",
        "The credential report does not exist. To generate a credential report, use GenerateCredentialReport.",
    );
    assert_eq!(generate(&world), ReportState::Started);
    assert_eq!(generate(&world), ReportState::Complete);
    let first = get().unwrap();
    world.user("ann");
    world.wait(4 * HOUR - 1);
    assert_eq!(generate(&world), ReportState::Complete);
    assert_eq!(get().unwrap(), first, "it is as it was made");
    world.wait(1);
    fails(
        get(),
        "Iam",
        "The most recent credential report has expired. To generate a new credential report, use GenerateCredentialReport.",
    );
    assert_eq!(generate(&world), ReportState::Started);
    let second = get().unwrap();
    assert_eq!(second.generated, first.generated + 4 * HOUR);
    assert_eq!(second.content.split('\n').count(), 3);
}

#[test]
fn the_root_user_comes_first_and_users_by_name() {
    let world = World::new();
    for name in ["bob", "Alice", "carol", "Bert"] {
        world.user(name);
    }
    let lines = lines(&world);
    assert_eq!(
        lines[0],
        "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
    );
    assert_eq!(
        lines[1],
        format!(
            "<root_account>,arn:aws:iam::123456789012:root,{MADE},not_supported,no_information,not_supported,not_supported,false,true,{MADE},N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        )
    );
    let users: Vec<_> = lines[2..]
        .iter()
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(users, ["Alice", "Bert", "bob", "carol"]);
    assert_eq!(
        lines[4],
        format!(
            "bob,arn:aws:iam::123456789012:user/bob,{MADE},false,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        )
    );
}

#[test]
fn keys_are_told_oldest_first_with_their_last_use() {
    let world = World::new();
    let first = world.user_with_key("ann");
    world.wait(HOUR);
    let create = CreateAccessKey {
        user_name: Some(n("ann")),
    };
    let second = world.root(create).unwrap();
    world
        .root(UpdateAccessKey {
            user_name: Some(n("ann")),
            access_key_id: n(&first.id),
            status: KeyStatus::Inactive,
        })
        .unwrap();
    let at = world.facts().now;
    let used = second.access_key_id.as_str();
    world
        .realm
        .last_uses()
        .note(n(ACCOUNT), used, at, "s3", "eu-west-1");
    let row = row(&world, 2);
    let of = |place: u8| {
        [
            "active",
            "last_rotated",
            "last_used_date",
            "last_used_region",
            "last_used_service",
        ]
        .map(|what| row[&format!("access_key_{place}_{what}")].clone())
    };
    assert_eq!(of(1), ["false", MADE, "N/A", "N/A", "N/A"]);
    let later = "2026-01-01T01:00:00Z";
    assert_eq!(of(2), ["true", later, later, "eu-west-1", "s3"]);
}

#[test]
fn passwords_and_certificates_are_told() {
    let world = World::new();
    world.user("ann");
    let owner = owner(&world, "ann");
    world
        .root(create(Some("ann"), Some("Correct-Horse-7")))
        .unwrap();
    world
        .root(UpdateAccountPasswordPolicy {
            max_password_age: MaxPasswordAge::new(90).ok(),
            ..UpdateAccountPasswordPolicy::default()
        })
        .unwrap();
    let made = world.facts().now;
    world
        .realm
        .last_uses()
        .note(n(ACCOUNT), &owner.key(), made + 60, "signin", "");
    for (id, status, uploaded) in [("B", KeyStatus::Active, 1), ("A", KeyStatus::Inactive, 2)] {
        world.put(SigningCertificate {
            id: id.to_owned(),
            owner: owner.clone(),
            body: String::new(),
            fingerprint: String::new(),
            status,
            uploaded,
        });
    }
    let row = row(&world, 2);
    let told = |columns: [&str; 4]| columns.map(|column| row[column].clone());
    assert_eq!(
        told([
            "password_enabled",
            "password_last_used",
            "password_last_changed",
            "password_next_rotation"
        ]),
        ["true", "2026-01-01T00:01:00Z", MADE, "2026-04-01T00:00:00Z"]
    );
    assert_eq!(
        told([
            "cert_1_active",
            "cert_1_last_rotated",
            "cert_2_active",
            "cert_2_last_rotated"
        ]),
        [
            "true",
            "1970-01-01T00:00:01Z",
            "false",
            "1970-01-01T00:00:02Z"
        ]
    );
    assert!(!lines(&world).concat().contains("argon2"));
}

#[test]
fn names_and_paths_cannot_make_columns() {
    let world = World::new();
    world.user("a,true,b");
    let account = ready(world.realm.account(n(ACCOUNT))).unwrap().unwrap();
    let user = account.users.named("a,true,b").unwrap().user.clone();
    world.put(User {
        path: n("/\",\"/"),
        ..user
    });
    assert!(
        lines(&world)[2]
            .starts_with("\"a,true,b\",\"arn:aws:iam::123456789012:user/\"\",\"\"/a,true,b\",2026")
    );
}
