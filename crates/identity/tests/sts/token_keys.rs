//! Rotation of the keys that seal session tokens.

use crate::common::{START, World, fails, ready};
use crate::{Signer, authenticate};
use locum_identity::realm::{NotRetired, TokenKeyState};
use locum_identity::session::{LONGEST_SESSION, TemporaryCredentials};
use locum_identity::sts::GetSessionToken;

/// The week of the longest session, and an hour besides.
const NEEDED: i64 = LONGEST_SESSION + 3600;
/// How long a new key only opens.
const SETTLING: i64 = 10;

fn session(world: &World) -> TemporaryCredentials {
    let key = world.user_with_key(&format!("user-{}", world.realm.environment().clock.now()));
    world.call(&key, GetSessionToken::default()).unwrap()
}

/// The key that sealed a token.
fn key_of(credentials: &TemporaryCredentials) -> u8 {
    let token = data_encoding::BASE64URL_NOPAD
        .decode(credentials.session_token.as_bytes())
        .unwrap();
    token[1]
}

fn works(world: &World, credentials: &TemporaryCredentials) -> bool {
    authenticate(world, &Signer::from(credentials), "sts").is_ok()
}

fn rotate(world: &World) -> TokenKeyState {
    ready(world.realm.rotate_token_key()).unwrap()
}

fn retire(world: &World, only: Option<u32>, at_once: bool) -> Result<Vec<u32>, NotRetired> {
    ready(world.realm.retire_token_keys(only, at_once)).unwrap()
}

#[test]
fn a_new_key_seals_once_everyone_knows_it() {
    let world = World::new();
    let other = world.reopened();
    let before = session(&world);
    let made = rotate(&world);
    assert_eq!((made.id, made.created, made.mints), (2, START, false));
    assert_eq!(made.mints_from, START + SETTLING);
    world.wait(SETTLING - 1);
    assert_eq!(key_of(&session(&world)), 1);
    world.wait(1);
    let after = session(&world);
    assert_eq!((key_of(&before), key_of(&after)), (1, 2));
    // Another process follows before that, and opens both; one that did not opens neither wrongly.
    assert!(works(&other, &before));
    ready(other.realm.catch_up()).unwrap();
    for credentials in [&before, &after] {
        assert!(works(&world, credentials) && works(&other, credentials));
        assert!(works(&world.reopened(), credentials));
    }
    let of_other = other.root(GetSessionToken::default()).unwrap();
    assert_eq!(key_of(&of_other), 2);
}

#[test]
fn a_key_is_needed_until_its_last_session_is_over() {
    let world = World::new();
    assert_eq!(retire(&world, Some(1), true), Err(NotRetired::Minting));
    rotate(&world);
    // While the new one only opens, the old one seals.
    assert_eq!(retire(&world, Some(1), true), Err(NotRetired::Minting));
    assert_eq!(retire(&world, Some(2), true), Err(NotRetired::Minting));
    world.wait(SETTLING);
    let until = START + SETTLING + NEEDED;
    let states = world.realm.token_keys();
    assert_eq!(states[0].needed_until, Some(until));
    assert_eq!((states[0].mints, states[1].mints), (false, true));
    assert_eq!(
        retire(&world, Some(1), false),
        Err(NotRetired::Needed(until))
    );
    assert_eq!(retire(&world, Some(3), true), Err(NotRetired::Unknown));
    world.wait(NEEDED - 1);
    assert_eq!(retire(&world, None, false), Ok(vec![]));
    world.wait(1);
    assert_eq!(retire(&world, None, false), Ok(vec![1]));
    assert_eq!(retire(&world, None, false), Ok(vec![]));
    assert_eq!(world.realm.token_keys().len(), 1);
    assert_eq!(rotate(&world).id, 3);
}

#[test]
fn the_tokens_of_a_removed_key_are_broken() {
    let world = World::new();
    let other = world.reopened();
    let old = session(&world);
    // It is in use, and known from then on.
    assert!(works(&world, &old) && works(&other, &old));
    rotate(&world);
    world.wait(SETTLING);
    let new = session(&world);
    assert_eq!(retire(&world, Some(1), true), Ok(vec![1]));
    ready(other.realm.catch_up()).unwrap();
    for process in [&world, &other, &world.reopened()] {
        fails(
            authenticate(process, &Signer::from(&old), "sts"),
            "InvalidSessionToken",
            "The security token included in the request is invalid",
        );
        assert!(works(process, &new));
    }
}

#[test]
fn several_rotations_keep_every_session() {
    let world = World::new();
    let mut sessions = vec![session(&world)];
    for _ in 0..5 {
        rotate(&world);
        world.wait(SETTLING);
        sessions.push(session(&world));
    }
    let sealed: Vec<_> = sessions.iter().map(key_of).collect();
    assert_eq!(sealed, [1, 2, 3, 4, 5, 6]);
    assert!(
        sessions
            .iter()
            .all(|credentials| works(&world, credentials))
    );
    // Each is needed from when the one behind it began.
    let states = world.realm.token_keys();
    for (key, next) in states.iter().zip(&states[1..]) {
        assert_eq!(key.needed_until, Some(next.mints_from + NEEDED));
    }
}

#[test]
fn there_is_an_end_of_keys() {
    let world = World::new();
    for _ in 1..64 {
        rotate(&world);
    }
    fails(
        ready(world.realm.rotate_token_key()),
        "InvalidInput",
        "there are 64 token keys already: retire some first",
    );
}

/// What one process made a moment ago, the other learns from a token that only it can have sealed.
#[test]
fn a_session_of_a_principal_just_made_elsewhere_works() {
    let world = World::new();
    let other = world.reopened();
    assert!(works(&other, &session(&world)));
    world.wait(1);
    let newest = session(&world);
    assert!(works(&other, &newest));
}
