//! What can only be seen from inside.

#[path = "../../tests/common/mod.rs"]
mod common;

use crate::error::{Error, SignatureError};
use crate::iam::access_keys::UpdateAccessKey;
use crate::signing::work::DONE;
use common::{Key, World, n};

/// How many signing keys a failing request has derived and verified with, and its error.
fn work(world: &World, id: &str) -> (usize, Error) {
    let before = DONE.get();
    let key = Key {
        id: id.to_owned(),
        secret: "a guess".to_owned(),
    };
    // No scope that the key has signed for, whose signing key would be known.
    let error = world.caller(&key, "organizations").unwrap_err();
    (DONE.get() - before, error)
}

/// That a key is not there takes the work that a wrong secret takes: time tells nothing.
#[test]
fn an_unknown_key_costs_what_a_wrong_secret_costs() {
    let world = World::new();
    let alice = world.user_with_key("alice");
    let off = world.user_with_key("off");
    world
        .root(UpdateAccessKey {
            user_name: Some(n("off")),
            access_key_id: n(&off.id),
            status: crate::entity::KeyStatus::Inactive,
        })
        .unwrap();
    let (wrong, error) = work(&world, &alice.id);
    assert!(matches!(
        error,
        Error::Signature(SignatureError::SignatureDoesNotMatch { .. })
    ));
    assert_eq!(wrong, 1);
    let mut other = alice.id.clone().into_bytes();
    other.swap(18, 19);
    other[17] = if other[17] == b'A' { b'B' } else { b'A' };
    for id in [
        off.id.as_str(),
        // Of the same account, of an account that is not, of no account.
        std::str::from_utf8(&other).unwrap(),
        "AKIAQQQQQQQQQQQQQQQQ",
        "AKIAAAAAAAAAAAAAAAAA",
        "x",
    ] {
        let (done, error) = work(&world, id);
        assert!(matches!(error, Error::InvalidClientTokenId), "{id}");
        assert_eq!(done, wrong, "{id}");
    }
}
