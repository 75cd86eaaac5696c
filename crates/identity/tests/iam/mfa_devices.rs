//! MFA devices.

use crate::common::{ACCOUNT, START, World, fails, n};
use crate::totp::Device;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::mfa_devices::{
    AssignmentStatus, CreateVirtualMfaDevice, DeactivateMfaDevice, DeleteVirtualMfaDevice,
    DeviceOwner, GetMfaDevice, ListMfaDeviceTags, ListMfaDevices, ListVirtualMfaDevices,
    ResyncMfaDevice, TagMfaDevice, UntagMfaDevice,
};
use locum_identity::iam::users::{CreateUser, DeleteUser, UpdateUser};
use locum_identity::names::{Constrained as _, Tag, VirtualMfaDeviceName};
use locum_identity::port::{Scope, Store as _};

const STEP: i64 = START / 30;

fn create(path: Option<&str>, name: &str) -> CreateVirtualMfaDevice {
    CreateVirtualMfaDevice {
        name: n(name),
        path: path.map(n),
        tags: Vec::new(),
    }
}

fn delete(serial: &str) -> DeleteVirtualMfaDevice {
    DeleteVirtualMfaDevice {
        serial_number: n(serial),
    }
}

fn deactivate(user: &str, serial: &str) -> DeactivateMfaDevice {
    DeactivateMfaDevice {
        user_name: Some(n(user)),
        serial_number: n(serial),
    }
}

fn get(user: &str, serial: &str) -> GetMfaDevice {
    GetMfaDevice {
        user_name: Some(n(user)),
        serial_number: n(serial),
    }
}

fn list(user: Option<&str>) -> ListMfaDevices {
    ListMfaDevices {
        user_name: user.map(n),
        page: PageRequest::default(),
    }
}

fn list_virtual(status: AssignmentStatus) -> ListVirtualMfaDevices {
    ListVirtualMfaDevices {
        assignment_status: status,
        page: PageRequest::default(),
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: n(key),
        value: n(value),
    }
}

fn missing(serial: &str) -> String {
    format!("VirtualMFADevice with serial number {serial} doesn't exist.")
}

#[test]
fn from_creation_to_deletion() {
    let world = World::new();
    world.user("ann");
    let device = Device::new(&world, "phone");
    assert_eq!(device.serial, format!("arn:aws:iam::{ACCOUNT}:mfa/phone"));
    let invalid = "MFA Device invalid for user.";
    fails(
        world.root(get("ann", &device.serial)),
        "NoSuchEntity",
        invalid,
    );
    fails(
        world.root(deactivate("ann", &device.serial)),
        "NoSuchEntity",
        invalid,
    );
    world.wait(60);
    device.enable(&world, "ANN", STEP).unwrap();
    let got = world.root(get("ann", &device.serial)).unwrap();
    assert_eq!(
        (got.user_name.as_deref(), got.serial_number, got.enabled),
        (Some("ann"), device.serial.clone(), START + 60)
    );
    let listed = world.root(list(Some("ann"))).unwrap();
    assert_eq!(listed.user_name.as_deref(), Some("ann"));
    assert_eq!(listed.devices.items.len(), 1);
    assert_eq!(listed.devices.items[0].arn, device.serial);
    fails(
        world.root(delete(&device.serial)),
        "DeleteConflict",
        "MFA VirtualDevice in use. Must deactivate first.",
    );
    let delete_user = || DeleteUser {
        user_name: n("ann"),
    };
    fails(
        world.root(delete_user()),
        "DeleteConflict",
        "Cannot delete entity, must delete MFA device first.",
    );
    world.root(deactivate("ann", &device.serial)).unwrap();
    assert!(
        world
            .root(list(Some("ann")))
            .unwrap()
            .devices
            .items
            .is_empty()
    );
    world.root(delete_user()).unwrap();
    world.root(delete(&device.serial)).unwrap();
    fails(
        world.root(delete(&device.serial)),
        "NoSuchEntity",
        &missing(&device.serial),
    );
}

#[test]
fn path_and_name_are_unique_whatever_their_case() {
    let world = World::new();
    let created = world.root(create(Some("/Team/"), "Phone")).unwrap();
    assert_eq!(
        created.serial_number,
        format!("arn:aws:iam::{ACCOUNT}:mfa/Team/Phone")
    );
    let exists = "MFADevice entity at the same path and name already exists.";
    for (path, name) in [("/Team/", "Phone"), ("/team/", "PHONE")] {
        fails(
            world.root(create(Some(path), name)),
            "EntityAlreadyExists",
            exists,
        );
    }
    world.root(create(None, "Phone")).map(drop).unwrap();
    // Serial numbers are ARNs, and those are compared with their case.
    let lower = created.serial_number.to_lowercase();
    fails(world.root(delete(&lower)), "NoSuchEntity", &missing(&lower));
    world.root(delete(&created.serial_number)).unwrap();
}

#[test]
fn a_device_whose_arn_is_no_serial_number_is_not_made() {
    let world = World::new();
    let prefix = format!("arn:aws:iam::{ACCOUNT}:mfa/").len();
    let longest = "n".repeat(256 - prefix);
    world.root(create(None, &longest)).map(drop).unwrap();
    fails(
        world.root(create(None, &format!("{longest}n"))),
        "Validation",
        "1 validation error detected: Value at 'virtualMFADeviceName' failed to satisfy constraint: Member must have length less than or equal to 256",
    );
    fails(
        world.root(create(Some("/a!b/"), "n")),
        "Validation",
        r"1 validation error detected: Value at 'virtualMFADeviceName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=/:,.@-]+",
    );
    assert!(VirtualMfaDeviceName::parse("").is_err());
}

#[test]
fn two_codes_that_do_not_belong_together_enable_nothing() {
    let world = World::new();
    world.user("ann");
    let device = Device::new(&world, "phone");
    let wrong = "Authentication code for device is not valid.";
    let other = Device::new(&world, "other");
    for (first, second) in [
        (device.code(STEP + 1), device.code(STEP)),
        (device.code(STEP), device.code(STEP)),
        (device.code(STEP), device.code(STEP + 2)),
        (other.code(STEP), other.code(STEP + 1)),
        (device.code(STEP + 2_000), device.code(STEP + 2_001)),
    ] {
        let mut enabling = device.enabling("ann", STEP);
        enabling.first_code = n(&first);
        enabling.second_code = n(&second);
        fails(world.root(enabling), "InvalidAuthenticationCode", wrong);
    }
    device.enable(&world, "ann", STEP).unwrap();
    // What enabled it does not do so again.
    world.root(deactivate("ann", &device.serial)).unwrap();
    fails(
        device.enable(&world, "ann", STEP),
        "InvalidAuthenticationCode",
        wrong,
    );
    device.enable(&world, "ann", STEP + 2).unwrap();
}

#[test]
fn a_device_has_one_user_and_a_user_eight_devices() {
    let world = World::new();
    world.user("ann");
    world.user("bob");
    for number in 0..8 {
        let device = Device::new(&world, &format!("phone{number}"));
        device.enable(&world, "ann", STEP).unwrap();
        fails(
            device.enable(&world, "bob", STEP + 2),
            "EntityAlreadyExists",
            "MFA Device is already in use.",
        );
        fails(
            world.root(deactivate("bob", &device.serial)),
            "NoSuchEntity",
            "MFA Device invalid for user.",
        );
    }
    let ninth = Device::new(&world, "phone8");
    fails(
        ninth.enable(&world, "ann", STEP),
        "LimitExceeded",
        "Cannot exceed quota for MFADevicesPerUser: 8",
    );
    ninth.enable(&world, "bob", STEP).unwrap();
}

#[test]
fn resynchronising_is_for_an_enabled_device() {
    let world = World::new();
    world.user("ann");
    let device = Device::new(&world, "phone");
    let resync = |step: i64| ResyncMfaDevice {
        user_name: n("ann"),
        serial_number: n(&device.serial),
        first_code: n(&device.code(step)),
        second_code: n(&device.code(step + 1)),
    };
    fails(
        world.root(resync(STEP)),
        "NoSuchEntity",
        "MFA Device invalid for user.",
    );
    device.enable(&world, "ann", STEP).unwrap();
    for step in [STEP, STEP + 1, STEP - 10] {
        fails(
            world.root(resync(step)),
            "InvalidAuthenticationCode",
            "Authentication code for device is not valid.",
        );
    }
    world.root(resync(STEP + 500)).unwrap();
}

#[test]
fn the_root_user_is_called_root_unless_a_user_is() {
    let world = World::new();
    let device = Device::new(&world, "root-account-mfa-device");
    device.enable(&world, "root", STEP).unwrap();
    let listed = world.root(list(None)).unwrap();
    assert_eq!(listed.user_name, None);
    assert_eq!(listed.devices.items[0].arn, device.serial);
    let all = world
        .root(list_virtual(AssignmentStatus::Assigned))
        .unwrap();
    assert!(matches!(all.items[0].owner, Some(DeviceOwner::Root(_))));
    world.user("root");
    let users = Device::new(&world, "users");
    users.enable(&world, "root", STEP).unwrap();
    let listed = world.root(list(Some("root"))).unwrap();
    assert_eq!(listed.devices.items[0].arn, users.serial);
    // Nobody but the root user means it by that name.
    let ann = world.user_with_key("ann");
    world.allow("ann", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let listed = world.call(&ann, list(Some("root"))).unwrap();
    assert_eq!(listed.devices.items[0].arn, users.serial);
}

#[test]
fn lists_go_by_assignment_and_in_pages() {
    let world = World::new();
    world.user("ann");
    let serials: Vec<_> = (0..5)
        .map(|number| Device::new(&world, &format!("phone{number}")))
        .inspect(|device| {
            if device.serial.ends_with(['1', '3']) {
                device.enable(&world, "ann", STEP).unwrap();
            }
        })
        .map(|device| device.serial)
        .collect();
    let listed = |status| {
        let page = world.root(list_virtual(status)).unwrap();
        page.items
            .iter()
            .map(|listed| {
                let user = listed.owner.as_ref().map(|owner| match owner {
                    DeviceOwner::User(state) => state.arn.clone(),
                    DeviceOwner::Root(account) => account.iam_arn("root"),
                });
                (listed.state.arn.clone(), user)
            })
            .collect::<Vec<_>>()
    };
    let ann = Some(format!("arn:aws:iam::{ACCOUNT}:user/ann"));
    let row = |number: usize, user: &Option<String>| (serials[number].clone(), user.clone());
    assert_eq!(
        listed(AssignmentStatus::Assigned),
        [row(1, &ann), row(3, &ann)]
    );
    assert_eq!(
        listed(AssignmentStatus::Unassigned),
        [row(0, &None), row(2, &None), row(4, &None)]
    );
    assert_eq!(listed(AssignmentStatus::Any).len(), 5);
    let mut page = PageRequest {
        behind: String::new(),
        max_items: Some(2),
    };
    let mut seen = Vec::new();
    loop {
        let got = world
            .root(ListVirtualMfaDevices {
                assignment_status: AssignmentStatus::Any,
                page: page.clone(),
            })
            .unwrap();
        assert!(got.items.len() <= 2);
        seen.extend(got.items.iter().map(|listed| listed.state.arn.clone()));
        let Some(next) = got.next else { break };
        page.behind = next;
    }
    assert_eq!(seen, serials);
}

#[test]
fn tags_of_devices_are_case_sensitive() {
    let world = World::new();
    let created = CreateVirtualMfaDevice {
        tags: vec![tag("Desk", "1")],
        ..create(None, "phone")
    };
    let created = world.root(created).unwrap();
    assert_eq!(created.tags, [tag("Desk", "1")]);
    let serial = created.serial_number;
    world
        .root(TagMfaDevice {
            resource: n(&serial),
            tags: vec![tag("desk", "2"), tag("Desk", "3")],
        })
        .unwrap();
    let tags = || {
        let list = ListMfaDeviceTags {
            resource: n(&serial),
            page: PageRequest::default(),
        };
        world.root(list).unwrap().items
    };
    assert_eq!(tags(), [tag("Desk", "3"), tag("desk", "2")]);
    world
        .root(UntagMfaDevice {
            resource: n(&serial),
            tag_keys: vec![n("Desk")],
        })
        .unwrap();
    assert_eq!(tags(), [tag("desk", "2")]);
    fails(
        world.root(TagMfaDevice {
            resource: n("arn:aws:iam::999999999999:mfa/phone"),
            tags: vec![tag("a", "b")],
        }),
        "AccessDenied",
        &format!(
            "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: iam:TagMFADevice on resource: arn:aws:iam::999999999999:mfa/phone because no resource-based policy allows the iam:TagMFADevice action"
        ),
    );
}

/// What each operation is done to, as the service authorization reference has it.
#[test]
fn devices_and_their_users_are_what_policies_name() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    let device = Device::new(&world, "phone");
    let serial = || n(&device.serial);
    let user = format!("arn:aws:iam::{ACCOUNT}:user/ann");
    #[track_caller]
    fn denied<T>(result: Result<T, Error>, action: &str, resource: &str) {
        fails(
            result,
            "AccessDenied",
            &format!(
                "User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: iam:{action} on resource: {resource} because no identity-based policy allows the iam:{action} action"
            ),
        );
    }
    let made = format!("arn:aws:iam::{ACCOUNT}:mfa/a/b");
    denied(
        world.call(&ann, create(Some("/a/"), "b")),
        "CreateVirtualMFADevice",
        &made,
    );
    denied(
        world.call(&ann, delete(&device.serial)),
        "DeleteVirtualMFADevice",
        &device.serial,
    );
    denied(
        world.call(&ann, delete("GAHT12345678")),
        "DeleteVirtualMFADevice",
        &format!("arn:aws:iam::{ACCOUNT}:mfa/GAHT12345678"),
    );
    denied(
        world.call(&ann, device.enabling("ann", STEP)),
        "EnableMFADevice",
        &user,
    );
    let resync = ResyncMfaDevice {
        user_name: n("ann"),
        serial_number: serial(),
        first_code: n("000000"),
        second_code: n("000000"),
    };
    denied(world.call(&ann, resync), "ResyncMFADevice", &user);
    let mine = DeactivateMfaDevice {
        user_name: None,
        serial_number: serial(),
    };
    denied(world.call(&ann, mine), "DeactivateMFADevice", &user);
    denied(world.call(&ann, list(None)), "ListMFADevices", &user);
    denied(
        world.call(&ann, get("ann", &device.serial)),
        "GetMFADevice",
        &user,
    );
    denied(
        world.call(&ann, list_virtual(AssignmentStatus::Any)),
        "ListVirtualMFADevices",
        &format!("arn:aws:iam::{ACCOUNT}:mfa/"),
    );
    let tagging = || TagMfaDevice {
        resource: serial(),
        tags: vec![tag("Desk", "1")],
    };
    denied(world.call(&ann, tagging()), "TagMFADevice", &device.serial);
    let untagging = || UntagMfaDevice {
        resource: serial(),
        tag_keys: vec![n("Desk")],
    };
    denied(
        world.call(&ann, untagging()),
        "UntagMFADevice",
        &device.serial,
    );
    let listing = || ListMfaDeviceTags {
        resource: serial(),
        page: PageRequest::default(),
    };
    denied(
        world.call(&ann, listing()),
        "ListMFADeviceTags",
        &device.serial,
    );

    // A device's tags are seen, and those of the request; making one with tags is tagging too.
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:*MFADevice*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Desk":"1"}}},{"Effect":"Allow","Action":["iam:CreateVirtualMFADevice"],"Resource":"arn:aws:iam::*:mfa/*"},{"Effect":"Allow","Action":"iam:TagMFADevice","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/Desk":"1"},"ForAllValues:StringEquals":{"aws:TagKeys":"Desk"}}}"#,
    );
    denied(
        world.call(&ann, listing()),
        "ListMFADeviceTags",
        &device.serial,
    );
    world.call(&ann, tagging()).unwrap();
    world.call(&ann, listing()).map(drop).unwrap();
    world.call(&ann, create(None, "plain")).map(drop).unwrap();
    let with = |value: &str| CreateVirtualMfaDevice {
        tags: vec![tag("Desk", value)],
        ..create(None, "tagged")
    };
    denied(
        world.call(&ann, with("2")),
        "TagMFADevice",
        &format!("arn:aws:iam::{ACCOUNT}:mfa/tagged"),
    );
    world.call(&ann, with("1")).map(drop).unwrap();
    world.call(&ann, untagging()).unwrap();
    denied(
        world.call(&ann, listing()),
        "ListMFADeviceTags",
        &device.serial,
    );
}

/// A device is its owner's by id: neither a new name nor a new user of the old name changes that.
#[test]
fn a_device_follows_its_user() {
    let world = World::new();
    world.user("ann");
    let device = Device::of(&world, "ann");
    let renamed = UpdateUser {
        user_name: n("ann"),
        new_path: None,
        new_user_name: Some(n("eve")),
    };
    world.root(renamed).unwrap();
    let again = CreateUser {
        user_name: n("ann"),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    world.root(again).map(drop).unwrap();
    assert!(
        world
            .root(list(Some("ann")))
            .unwrap()
            .devices
            .items
            .is_empty()
    );
    let listed = world.root(list(Some("eve"))).unwrap();
    assert_eq!(listed.devices.items[0].arn, device.serial);
}

#[test]
fn a_seed_is_sealed_in_the_store_and_does_not_print() {
    let world = World::new();
    let created = world.root(create(None, "phone")).unwrap();
    let seed = created.seed.expose();
    assert_eq!(seed.len(), 64);
    let loaded = crate::common::ready(world.store.load(Scope::Account(n(ACCOUNT)))).unwrap();
    let record = loaded
        .records
        .iter()
        .find(|record| record.kind == "mfa-device");
    let record = record.unwrap();
    assert_eq!(record.key, "/phone");
    assert!(!record.body.contains(seed));
    let bytes = data_encoding::BASE32_NOPAD.decode(seed.as_bytes()).unwrap();
    for text in [
        data_encoding::BASE64.encode(&bytes),
        data_encoding::HEXLOWER.encode(&bytes),
    ] {
        assert!(!record.body.contains(text.trim_end_matches('=')));
    }
    let listed = world.root(list_virtual(AssignmentStatus::Any)).unwrap();
    let printed = format!("{listed:?}");
    assert!(
        printed.contains("Seed(…)") && !printed.contains(seed),
        "{printed}"
    );
    // A picture, with the signature and the end of a PNG.
    assert!(created.qr_code.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(created.qr_code.ends_with(b"IEND\xaeB`\x82"));
}

/// A sealed seed opens for its own device only: the account is not served with it in another's place.
#[test]
fn a_seed_does_not_open_for_another_device() {
    let world = World::new();
    world.root(create(None, "one")).map(drop).unwrap();
    world.root(create(None, "two")).map(drop).unwrap();
    let devices = world.root(list_virtual(AssignmentStatus::Any)).unwrap();
    let [one, two] = &devices.items[..] else {
        panic!("{devices:?}")
    };
    let mut moved = one.state.device.clone();
    moved.seed = two.state.device.seed.clone();
    let applied = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.put(moved)));
    assert!(applied.is_err());
}
