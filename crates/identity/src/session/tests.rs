use super::*;
use crate::environment::testing::Counter;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/orders/*"}]}"#;

fn account() -> AccountId {
    AccountId::from_number(123_456_789_012).unwrap()
}

fn keyring(ids: &[u32]) -> Keyring {
    let keys: Vec<_> = ids.iter().map(|id| (*id, [*id as u8; 32])).collect();
    Keyring::new(keys.iter().map(|(id, bytes)| (*id, &bytes[..]))).unwrap()
}

fn session(principal: SessionPrincipal) -> Session {
    Session {
        principal,
        issued: 1_800_000_000,
        expires: 1_800_003_600,
        policy: None,
        policy_arns: Vec::new(),
    }
}

fn role_session() -> Session {
    let role = UniqueId::generate(IdKind::Role, account(), &Counter::default());
    session(SessionPrincipal::AssumedRole {
        role,
        session_name: RoleSessionName::parse("test").unwrap(),
    })
}

#[track_caller]
fn check_round_trip(session: &Session) {
    let keys = keyring(&[1]);
    let issued = keys.issue(account(), session, &Counter::default()).unwrap();
    let (again, secret) = keys
        .open(issued.access_key_id.as_str(), &issued.session_token)
        .unwrap();
    assert_eq!(again, *session);
    assert_eq!(secret.expose(), issued.secret_access_key.expose());
    assert_eq!(secret.expose().len(), 40);
}

#[test]
fn every_kind_of_session_opens_as_it_was_sealed() {
    let user = UniqueId::generate(IdKind::User, account(), &Counter::default());
    let name = FederatedUserName::parse("bob").unwrap();
    check_round_trip(&role_session());
    check_round_trip(&session(SessionPrincipal::Root));
    check_round_trip(&session(SessionPrincipal::User(user.clone())));
    check_round_trip(&session(SessionPrincipal::FederatedUser {
        issuer: Some(user),
        name: name.clone(),
    }));
    check_round_trip(&session(SessionPrincipal::FederatedUser {
        issuer: None,
        name,
    }));
    check_round_trip(&Session {
        policy: Some(POLICY.into()),
        policy_arns: vec![
            "arn:aws:iam::aws:policy/ReadOnlyAccess".into(),
            "arn:aws:iam::123456789012:policy/p".into(),
        ],
        ..role_session()
    });
    check_round_trip(&Session {
        policy: Some("é".repeat(50_000)),
        ..role_session()
    });
}

#[test]
fn a_plain_token_is_short_and_a_policy_is_packed() {
    let keys = keyring(&[1]);
    let plain = keys
        .issue(account(), &role_session(), &Counter::default())
        .unwrap()
        .session_token;
    assert!(plain.len() <= 80, "{}", plain.len());
    let with_policy = Session {
        policy: Some(POLICY.into()),
        ..role_session()
    };
    let packed = keys
        .issue(account(), &with_policy, &Counter::default())
        .unwrap()
        .session_token;
    assert!(
        packed.len() - plain.len() < POLICY.len() / 2,
        "{} {}",
        packed.len(),
        plain.len()
    );
}

#[test]
fn every_bit_flip_and_every_cut_of_a_token_is_refused() {
    let keys = keyring(&[1, 2]);
    let with_policy = Session {
        policy: Some(POLICY.into()),
        ..role_session()
    };
    for session in [role_session(), with_policy] {
        let issued = keys
            .issue(account(), &session, &Counter::default())
            .unwrap();
        let id = issued.access_key_id.as_str();
        let bytes = BASE64URL_NOPAD
            .decode(issued.session_token.as_bytes())
            .unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                keys.open(id, &BASE64URL_NOPAD.encode(&forged)).err(),
                Some(TokenError::Invalid),
                "bit {bit}"
            );
        }
        // The text too: a flipped bit of a character either leaves the alphabet or changes the bytes.
        for bit in 0..issued.session_token.len() * 8 {
            let mut forged = issued.session_token.clone().into_bytes();
            forged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(text) = String::from_utf8(forged) {
                assert_eq!(
                    keys.open(id, &text).err(),
                    Some(TokenError::Invalid),
                    "bit {bit}"
                );
            }
        }
        for length in 0..issued.session_token.len() {
            assert_eq!(
                keys.open(id, issued.session_token.get(..length).unwrap())
                    .err(),
                Some(TokenError::Invalid)
            );
        }
        assert_eq!(
            keys.open(id, &format!("{}A", issued.session_token)).err(),
            Some(TokenError::Invalid)
        );
        assert_eq!(
            keys.open(id, &"A".repeat(LONGEST_TOKEN + 1)).err(),
            Some(TokenError::Invalid)
        );
    }
}

#[test]
fn a_token_opens_only_under_its_own_access_key_id() {
    let keys = keyring(&[1]);
    let entropy = Counter::default();
    let one = keys.issue(account(), &role_session(), &entropy).unwrap();
    let two = keys.issue(account(), &role_session(), &entropy).unwrap();
    assert_eq!(
        keys.open(two.access_key_id.as_str(), &one.session_token)
            .err(),
        Some(TokenError::Invalid)
    );
    let stranger = keys.issue(
        AccountId::from_number(1).unwrap(),
        &role_session(),
        &entropy,
    );
    // A role id of one account cannot be sealed into credentials of another.
    assert_eq!(stranger.err(), Some(TokenError::Unsealable));
}

#[test]
fn rotation_keeps_old_tokens_alive_until_their_key_goes() {
    let old = keyring(&[1]);
    let both = keyring(&[1, 200]);
    let new = keyring(&[200]);
    let before = old
        .issue(account(), &role_session(), &Counter::default())
        .unwrap();
    let after = both
        .issue(account(), &role_session(), &Counter::default())
        .unwrap();
    assert!(
        both.open(before.access_key_id.as_str(), &before.session_token)
            .is_ok()
    );
    assert!(
        new.open(after.access_key_id.as_str(), &after.session_token)
            .is_ok()
    );
    assert_eq!(
        new.open(before.access_key_id.as_str(), &before.session_token)
            .err(),
        Some(TokenError::Invalid)
    );
    assert_eq!(
        old.open(after.access_key_id.as_str(), &after.session_token)
            .err(),
        Some(TokenError::Invalid)
    );
}

#[test]
fn the_secret_is_not_in_the_token() {
    let issued = keyring(&[1])
        .issue(account(), &role_session(), &Counter::default())
        .unwrap();
    let token = BASE64URL_NOPAD
        .decode(issued.session_token.as_bytes())
        .unwrap();
    let secret = BASE64
        .decode(issued.secret_access_key.expose().as_bytes())
        .unwrap();
    assert!(
        !token
            .windows(4)
            .any(|window| secret.windows(4).any(|other| other == window))
    );
}
