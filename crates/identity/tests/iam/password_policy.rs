//! The account's password policy, and AWS's default one.

use crate::common::{ACCOUNT, World, fails, n};
use crate::login_profiles::create;
use locum_identity::error::Error;
use locum_identity::iam::login_profiles::DeleteLoginProfile;
use locum_identity::iam::password_policy::{
    DeleteAccountPasswordPolicy, GetAccountPasswordPolicy, UpdateAccountPasswordPolicy,
};
use locum_identity::names::{MaxPasswordAge, MinimumPasswordLength, PasswordReusePrevention};

const VIOLATION: &str = "Password does not conform to the account password policy.";

/// Whether a password may be set.
fn admits(world: &World, text: &str) -> bool {
    match world.root(create(Some("ann"), Some(text))) {
        Ok(_) => {
            let user_name = Some(n("ann"));
            world.root(DeleteLoginProfile { user_name }).unwrap();
            true
        }
        Err(error) => {
            fails::<()>(Err(error), "Iam", VIOLATION);
            false
        }
    }
}

#[track_caller]
fn missing<T>(result: Result<T, Error>) {
    let text = format!("The Password Policy with domain name {ACCOUNT} cannot be found.");
    fails(result, "NoSuchEntity", &text);
}

#[test]
fn a_policy_replaces_the_one_before_whole() {
    let world = World::new();
    missing(world.root(GetAccountPasswordPolicy));
    missing(world.root(DeleteAccountPasswordPolicy));
    let everything = UpdateAccountPasswordPolicy {
        minimum_password_length: MinimumPasswordLength::new(14).ok(),
        require_symbols: true,
        require_numbers: true,
        require_uppercase: true,
        require_lowercase: true,
        allow_users_to_change: true,
        max_password_age: MaxPasswordAge::new(90).ok(),
        password_reuse_prevention: PasswordReusePrevention::new(24).ok(),
        hard_expiry: Some(true),
    };
    world.root(everything).unwrap();
    let got = world.root(GetAccountPasswordPolicy).unwrap();
    assert_eq!(
        (
            got.minimum_length,
            got.max_age,
            got.reuse_prevention,
            got.hard_expiry
        ),
        (14, Some(90), Some(24), Some(true))
    );
    assert!(got.require_symbols && got.require_numbers && got.allow_users_to_change);
    assert!(got.require_uppercase && got.require_lowercase);
    world.root(UpdateAccountPasswordPolicy::default()).unwrap();
    let got = world.reopened().root(GetAccountPasswordPolicy).unwrap();
    assert_eq!(
        (
            got.minimum_length,
            got.max_age,
            got.reuse_prevention,
            got.hard_expiry
        ),
        (6, None, None, None)
    );
    assert!(!got.require_symbols && !got.require_numbers && !got.allow_users_to_change);
    assert!(!got.require_uppercase && !got.require_lowercase);
    world.root(DeleteAccountPasswordPolicy).unwrap();
    missing(world.root(GetAccountPasswordPolicy));
}

#[test]
fn without_a_policy_awss_default_holds() {
    let world = World::new();
    world.user("ann");
    for legal in [
        "aB3aB3aB",
        "aaaaaa3!",
        "AAAAAA3!",
        "aaaaaaA!",
        &format!("aB3{}", "x".repeat(125)),
    ] {
        assert!(admits(&world, legal), "{legal}");
    }
    // Seven characters; two classes; a third that AWS does not count.
    for illegal in [
        "aB3aB3a",
        "aaaaaaaaaaaaaaa3",
        "aaaaaaaaA",
        "aaaaaaa3~",
        "aaaaaaa3\u{c4}",
    ] {
        assert!(!admits(&world, illegal), "{illegal}");
    }
}

#[test]
fn the_accounts_own_names_are_no_passwords() {
    let world = World::new();
    world.user("ann");
    let directory = world.realm.directory();
    let record = &directory.accounts[&n(ACCOUNT)];
    let email = record.email.to_string();
    for text in [email.clone(), email.to_uppercase()] {
        assert!(!admits(&world, &text), "{text}");
        // It is only that.
        assert!(admits(&world, &format!("A1{text}")), "{text}");
    }
}

#[test]
fn a_policy_is_asked_for_each_class() {
    let world = World::new();
    world.user("ann");
    let length = |count| UpdateAccountPasswordPolicy {
        minimum_password_length: MinimumPasswordLength::new(count).ok(),
        ..UpdateAccountPasswordPolicy::default()
    };
    world.root(length(6)).unwrap();
    // Weaker than the default, as its owner wants it.
    assert!(admits(&world, "aaaaaa") && !admits(&world, "aaaaa"));
    world.root(length(128)).unwrap();
    assert!(admits(&world, &"\u{ff}".repeat(128)) && !admits(&world, &"a".repeat(127)));
    type Require = fn(&mut UpdateAccountPasswordPolicy);
    let classes: [(Require, &str, &str); 4] = [
        (
            |policy| policy.require_symbols = true,
            "aaaaaa'",
            "aaaAAA123 ~\u{a7}",
        ),
        (
            |policy| policy.require_numbers = true,
            "aaaaaa1",
            "aaaAAA!\u{b2}",
        ),
        (
            |policy| policy.require_uppercase = true,
            "aaaaaaA",
            "aaa111!\u{c4}",
        ),
        (
            |policy| policy.require_lowercase = true,
            "AAAAAAa",
            "AAA111!\u{e4}",
        ),
    ];
    for (require, legal, illegal) in classes {
        let mut policy = UpdateAccountPasswordPolicy::default();
        require(&mut policy);
        world.root(policy).unwrap();
        assert!(admits(&world, legal), "{legal}");
        assert!(!admits(&world, illegal), "{illegal}");
    }
}
