//! Sessions and roles that need an MFA device to be shown.

use super::common::{ACCOUNT, fails};
use super::totp::{Device, parameters};
use super::*;
use locum_identity::caller::Need;
use locum_identity::iam::mfa_devices::{
    DeactivateMfaDevice, DeleteVirtualMfaDevice, ResyncMfaDevice,
};
use locum_identity::iam::users::GetUser;
use locum_identity::sts::{GetSessionToken, MfaParameters};

const WRONG: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const UNABLE: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.";
const INCOMPLETE: &str =
    "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";

/// A user who may do everything, and a device of theirs.
fn world() -> (World, Signer, Device) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    world.allow("bob", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let device = Device::of(&world, "bob");
    (world, bob, device)
}

fn token(mfa: MfaParameters) -> GetSessionToken {
    GetSessionToken {
        minimum_token_size: Default::default(),
        duration: None,
        mfa,
    }
}

fn with(arn: &str, mfa: MfaParameters) -> AssumeRole {
    AssumeRole { mfa, ..assume(arn) }
}

fn session(world: &World, signer: &Signer, mfa: MfaParameters) -> Signer {
    Signer::from(&call(world, signer, token(mfa)).unwrap())
}

/// Whether a caller is allowed an action under this condition.
fn sees(world: &World, signer: &Signer, condition: &str) -> bool {
    let statement =
        format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{condition}}}"#);
    world.allow("bob", &statement);
    let caller = authenticate(world, signer, "s3").unwrap();
    let need = Need::new("s3:GetObject", "arn:aws:s3:::bucket/key");
    caller.allow(&world.facts(), &need).is_ok()
}

#[test]
fn a_session_shows_that_a_device_was_used() {
    let (world, bob, device) = world();
    let plain = session(&world, &bob, MfaParameters::default());
    let strong = session(&world, &bob, device.shows(&world, 0));
    world.wait(100);
    let is = |value| format!(r#"{{"Bool":{{"aws:MultiFactorAuthPresent":"{value}"}}}}"#);
    let age = |age| format!(r#"{{"NumericEquals":{{"aws:MultiFactorAuthAge":"{age}"}}}}"#);
    let no = |key: &str| format!(r#"{{"Null":{{"aws:{key}":"true"}}}}"#);
    for (signer, condition, expected) in [
        (&strong, is("true"), true),
        (&strong, is("false"), false),
        (&strong, age(100), true),
        (&strong, age(0), false),
        (&plain, is("true"), false),
        (&plain, is("false"), true),
        (&plain, no("MultiFactorAuthAge"), true),
        (&bob, is("true"), false),
        (&bob, is("false"), false),
        (&bob, no("MultiFactorAuthPresent"), true),
        (&bob, no("MultiFactorAuthAge"), true),
    ] {
        assert_eq!(sees(&world, signer, &condition), expected, "{condition}");
    }
}

#[test]
fn only_a_session_with_mfa_may_call_iam() {
    let (world, bob, device) = world();
    let get = || GetUser { user_name: None };
    let plain = session(&world, &bob, MfaParameters::default());
    let strong = session(&world, &bob, device.shows(&world, 0));
    call(&world, &strong, get()).map(drop).unwrap();
    fails(
        call(&world, &plain, get()),
        "InvalidSessionToken",
        "The security token included in the request is invalid",
    );
}

#[test]
fn what_is_wrong_with_a_code_is_told_in_awss_words() {
    let (world, bob, device) = world();
    let other = Device::new(&world, "unassigned");
    world.user("ann");
    let anns = Device::of(&world, "ann");
    let deleted = Device::new(&world, "deleted");
    world
        .root(DeleteVirtualMfaDevice {
            serial_number: n(&deleted.serial),
        })
        .unwrap();
    let now = world.facts().now / 30;
    let right = device.code(now);
    let foreign = device.serial.replace(ACCOUNT, "999999999999");
    let upper = device.serial.to_uppercase();
    let rows = [
        (parameters(None, Some(&right)), INCOMPLETE),
        (parameters(Some(&device.serial), None), INCOMPLETE),
        (
            parameters(Some(&device.serial), Some(&device.code(now + 3))),
            WRONG,
        ),
        (
            parameters(Some(&device.serial), Some(&device.code(now - 3))),
            WRONG,
        ),
        (
            parameters(Some(&device.serial), Some(&anns.code(now))),
            WRONG,
        ),
        (other.at(now), UNABLE),
        (anns.at(now), UNABLE),
        (deleted.at(now), UNABLE),
        (parameters(Some("GAHT12345678"), Some(&right)), UNABLE),
        (parameters(Some(&foreign), Some(&right)), UNABLE),
        (parameters(Some(&upper), Some(&right)), UNABLE),
    ];
    role(&world, &Signer::from(&world.root), "r", ACCOUNT, None);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/r");
    for (mfa, message) in rows {
        fails(call(&world, &bob, token(mfa.clone())), "Forbidden", message);
        fails(call(&world, &bob, with(&arn, mfa)), "Forbidden", message);
    }
    // Each of the three wrong codes counted twice; two more attempts, and the right code still is.
    call(&world, &bob, token(device.at(now))).map(drop).unwrap();
    fails(
        call(&world, &bob, token(device.at(now))),
        "Forbidden",
        WRONG,
    );
    // Others' attempts at a device do not count.
    let ann = Signer::from(&{
        let created = world.root(locum_identity::iam::access_keys::CreateAccessKey {
            user_name: Some(n("ann")),
        });
        let created = created.unwrap();
        Key {
            id: created.access_key_id.to_string(),
            secret: created.secret_access_key.expose().to_owned(),
        }
    });
    call(&world, &ann, token(anns.at(now))).map(drop).unwrap();
}

#[test]
fn a_deactivated_device_is_nobodys() {
    let (world, bob, device) = world();
    let deactivate = DeactivateMfaDevice {
        user_name: Some(n("bob")),
        serial_number: n(&device.serial),
    };
    world.root(deactivate).unwrap();
    fails(
        call(&world, &bob, token(device.shows(&world, 0))),
        "Forbidden",
        UNABLE,
    );
}

#[test]
fn a_code_used_before_is_refused_after_a_restart_and_after_enabling_again() {
    let (world, bob, device) = world();
    let now = world.facts().now / 30;
    for away in [0, 2, -2, -1, 1] {
        call(&world, &bob, token(device.at(now + away)))
            .map(drop)
            .unwrap();
    }
    let world = world.reopened();
    fails(
        call(&world, &bob, token(device.at(now))),
        "Forbidden",
        WRONG,
    );
    world.wait(60);
    world
        .root(DeactivateMfaDevice {
            user_name: Some(n("bob")),
            serial_number: n(&device.serial),
        })
        .unwrap();
    device.enable(&world, "bob", now + 1).unwrap();
    fails(
        call(&world, &bob, token(device.at(now + 2))),
        "Forbidden",
        WRONG,
    );
    call(&world, &bob, token(device.at(now + 3)))
        .map(drop)
        .unwrap();
}

#[test]
fn of_two_processes_with_one_code_one_wins() {
    let (world, bob, device) = world();
    // Both know the account as it was before either took the code.
    let other = world.reopened();
    identity(&other, &bob).map(drop).unwrap();
    let now = world.facts().now / 30;
    call(&world, &bob, token(device.at(now))).map(drop).unwrap();
    fails(
        call(&other, &bob, token(device.at(now))),
        "Forbidden",
        WRONG,
    );
    call(&other, &bob, token(device.at(now + 1)))
        .map(drop)
        .unwrap();
    fails(
        call(&world, &bob, token(device.at(now + 1))),
        "Forbidden",
        WRONG,
    );
}

#[test]
fn a_code_that_could_not_be_marked_as_used_is_not_accepted() {
    let (world, bob, device) = world();
    let now = world.facts().now / 30;
    world.store.fail_commits(1);
    let failed = call(&world, &bob, token(device.at(now))).unwrap_err();
    assert!(matches!(failed, Error::ServiceUnavailable(_)), "{failed:?}");
    call(&world, &bob, token(device.at(now))).map(drop).unwrap();
}

#[test]
fn guessing_ends_after_nine_attempts_in_three_minutes() {
    let (world, bob, device) = world();
    let guess = || parameters(Some(&device.serial), Some("000000"));
    for _ in 0..9 {
        fails(call(&world, &bob, token(guess())), "Forbidden", WRONG);
    }
    // Neither another operation nor a restart helps.
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/r");
    let world = world.reopened();
    fails(
        call(&world, &bob, with(&arn, device.shows(&world, 0))),
        "Forbidden",
        UNABLE,
    );
    world.wait(179);
    fails(
        call(&world, &bob, token(device.shows(&world, 0))),
        "Forbidden",
        UNABLE,
    );
    world.wait(1);
    call(&world, &bob, token(device.shows(&world, 0)))
        .map(drop)
        .unwrap();
}

/// Who may assume a role whose trust policy asks for MFA in which way.
#[test]
fn trust_policies_that_ask_for_mfa() {
    let (world, bob, device) = world();
    let plain = session(&world, &bob, MfaParameters::default());
    let old = session(&world, &bob, device.shows(&world, 0));
    world.wait(600);
    let fresh = session(&world, &bob, device.shows(&world, 0));
    world.wait(30);
    let root = Signer::from(&world.root);
    let user = format!("arn:aws:iam::{ACCOUNT}:user/bob");
    // Without a code, with one, from a session without MFA, with MFA long ago, with MFA lately.
    for (number, (condition, expected)) in [
        (
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
            [false, true, false, true, true],
        ),
        (
            r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}"#,
            [true, true, false, true, true],
        ),
        (
            r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"300"}}"#,
            [false, true, false, false, true],
        ),
        (
            r#"{"Null":{"aws:MultiFactorAuthAge":"false"}}"#,
            [false, true, false, true, true],
        ),
        (
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#,
            [false, false, true, false, false],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("role{number}");
        role(&world, &root, &name, &user, Some(condition));
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{name}");
        let code = device.shows(&world, 0);
        let attempts = [
            (&bob, MfaParameters::default()),
            (&bob, code),
            (&plain, MfaParameters::default()),
            (&old, MfaParameters::default()),
            (&fresh, MfaParameters::default()),
        ];
        for ((signer, mfa), expected) in attempts.into_iter().zip(expected) {
            let answer = call(&world, signer, with(&arn, mfa));
            assert_eq!(answer.is_ok(), expected, "{condition}: {:?}", answer.err());
        }
        world.wait(30);
    }
}

/// The caller's own policies see the keys in the same evaluation.
#[test]
fn the_callers_policy_may_ask_for_mfa() {
    let (world, bob, device) = world();
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
    );
    role(&world, &Signer::from(&world.root), "r", ACCOUNT, None);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/r");
    fails(
        call(&world, &bob, assume(&arn)),
        "AccessDenied",
        &format!(
            "User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: sts:AssumeRole on resource: {arn}"
        ),
    );
    call(&world, &bob, with(&arn, device.shows(&world, 0)))
        .map(drop)
        .unwrap();
}

#[test]
fn a_role_session_does_not_show_that_a_device_was_used() {
    let (world, bob, device) = world();
    let root = Signer::from(&world.root);
    role(&world, &root, "first", ACCOUNT, None);
    let first = format!("arn:aws:iam::{ACCOUNT}:role/first");
    let mfa = r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
    role(&world, &root, "second", &first, Some(mfa));
    let second = format!("arn:aws:iam::{ACCOUNT}:role/second");
    let chained = credentials(call(&world, &bob, with(&first, device.shows(&world, 0))));
    let denied = format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/first/session is not authorized to perform: sts:AssumeRole on resource: {second}"
    );
    fails(
        call(&world, &chained, assume(&second)),
        "AccessDenied",
        &denied,
    );
    // Nor can it show a device: it has none.
    let more = device.shows(&world, 1);
    fails(
        call(&world, &chained, with(&second, more)),
        "Forbidden",
        UNABLE,
    );
}

#[test]
fn a_session_without_mfa_does_not_get_stronger() {
    let (world, bob, device) = world();
    role(&world, &Signer::from(&world.root), "r", ACCOUNT, None);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/r");
    let plain = session(&world, &bob, MfaParameters::default());
    let strong = session(&world, &bob, device.shows(&world, 0));
    fails(
        call(&world, &plain, with(&arn, device.shows(&world, 1))),
        "Forbidden",
        UNABLE,
    );
    call(&world, &strong, with(&arn, device.shows(&world, 1)))
        .map(drop)
        .unwrap();
}

#[test]
fn a_root_user_shows_a_device_too() {
    let world = World::new();
    let root = Signer::from(&world.root);
    let device = Device::of(&world, "root");
    let strong = session(&world, &root, device.shows(&world, 0));
    call(&world, &strong, GetUser { user_name: None })
        .map(drop)
        .unwrap();
}

/// Whatever policies allow: a stolen access key does not take the second factor over.
#[test]
fn who_has_a_device_uses_it_to_add_or_remove_one() {
    let (world, bob, device) = world();
    let second = Device::new(&world, "second");
    let now = world.facts().now / 30;
    let deactivate = |serial: &str, name: Option<&str>| DeactivateMfaDevice {
        user_name: name.map(n),
        serial_number: n(serial),
    };
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/bob");
    let refused = |action: &str| {
        format!(
            "User: {arn} is not authorized to perform: iam:{action} on resource: {arn} because who has an MFA device must sign in with it to add or remove one"
        )
    };
    fails(
        call(&world, &bob, second.enabling("bob", now)),
        "Forbidden",
        &refused("EnableMFADevice"),
    );
    for name in [None, Some("bob"), Some("BOB")] {
        fails(
            call(&world, &bob, deactivate(&device.serial, name)),
            "Forbidden",
            &refused("DeactivateMFADevice"),
        );
    }
    // Another's devices, and the clock of one's own, are for policies to say.
    world.user("ann");
    let anns = Device::of(&world, "ann");
    call(&world, &bob, deactivate(&anns.serial, Some("ann"))).unwrap();
    let resync = ResyncMfaDevice {
        user_name: n("bob"),
        serial_number: n(&device.serial),
        first_code: n(&device.code(now + 1)),
        second_code: n(&device.code(now + 2)),
    };
    call(&world, &bob, resync).unwrap();
    let strong = session(&world, &bob, device.at(now + 1));
    call(&world, &strong, second.enabling("bob", now)).unwrap();
    call(&world, &strong, deactivate(&device.serial, None)).unwrap();
    // The last one goes, and the next first one needs none.
    call(&world, &strong, deactivate(&second.serial, None)).unwrap();
    call(&world, &bob, second.enabling("bob", now + 2)).unwrap();
}
