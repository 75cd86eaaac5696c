use super::*;
use crate::environment::testing::Counter;
use crate::names::{Constraint, MinimumTokenSize, TagKey, TagValue};
use crate::notes::FederationKind;
use crate::root_access::TaskPolicy;
use crate::services::ServiceName;
use data_encoding::{BASE64, BASE64URL_NOPAD};

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
        packed: Arc::default(),
        source_identity: None,
        mfa: None,
        ancestry: Ancestry::default(),
        delegate: None,
    }
}

fn pack(policy: Option<&str>, arns: &[&str], tags: &[(&str, &str, bool)]) -> Arc<Packed> {
    let tag = |(key, value, transitive): &(&str, &str, bool)| SessionTag {
        tag: Tag {
            key: TagKey::parse(key).unwrap(),
            value: TagValue::parse(value).unwrap(),
        },
        transitive: *transitive,
    };
    let packed = Packed::new(
        policy.map(str::to_owned),
        arns.iter().map(|arn| (*arn).to_owned()).collect(),
        tags.iter().map(tag).collect(),
    );
    Arc::new(packed.unwrap())
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
    for task in TaskPolicy::ALL {
        check_round_trip(&session(SessionPrincipal::AssumedRoot(task)));
    }
    check_round_trip(&session(SessionPrincipal::User(user.clone())));
    check_round_trip(&session(SessionPrincipal::FederatedUser {
        issuer: Some(user),
        name: name.clone(),
    }));
    check_round_trip(&session(SessionPrincipal::FederatedUser {
        issuer: None,
        name,
    }));
    let arns = [
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::123456789012:policy/p",
    ];
    let tags = [
        ("Team", "blue", true),
        ("empty", "", false),
        ("Größe", "日本 10", true),
    ];
    for packed in [
        pack(Some(POLICY), &[], &[]),
        pack(Some(""), &[], &[]),
        pack(None, &arns, &[]),
        pack(None, &[], &tags),
        pack(Some(POLICY), &arns, &tags),
        pack(Some(&"é".repeat(50_000)), &[], &[]),
    ] {
        check_round_trip(&Session {
            packed,
            ..role_session()
        });
    }
    for before in [0, 1, 200, 100_000] {
        let user = session(SessionPrincipal::Root);
        check_round_trip(&Session {
            mfa: Some(user.issued - before),
            ..user
        });
    }
    check_round_trip(&Session {
        source_identity: Some(SourceIdentity::parse("Ann").unwrap()),
        ..role_session()
    });
    for number in [0, 1, 999_999_999_999] {
        check_round_trip(&Session {
            delegate: AccountId::from_number(number),
            mfa: Some(1_800_000_000),
            ..role_session()
        });
    }
}

fn long_term(id: &str, principal: LongTermPrincipal) -> Option<LongTerm> {
    Some(LongTerm {
        access_key_id: AccessKeyId::parse(id).unwrap(),
        principal,
    })
}

/// A chain of `length` sessions of two roles in two accounts, and of one user's own.
fn ancestors(length: usize, name: &str) -> Vec<Ancestor> {
    let entropy = Counter::default();
    let other = AccountId::from_number(999_999_999_999).unwrap();
    let role = UniqueId::generate(IdKind::Role, account(), &entropy);
    let theirs = UniqueId::generate(IdKind::Role, other, &entropy);
    let user = UniqueId::generate(IdKind::User, account(), &entropy);
    let ancestor = |place: usize| {
        let (account, principal) = match place % 3 {
            _ if place == 0 => (account(), SessionPrincipal::User(user.clone())),
            0 => (account(), SessionPrincipal::Root),
            1 => (account(), assumed(&role, name)),
            _ => (other, assumed(&theirs, &format!("{name}{}", place % 10))),
        };
        Ancestor {
            access_key_id: AccessKeyId::generate_temporary(account, &entropy),
            principal,
            issued: 1_800_000_000 - place as i64,
        }
    };
    (0..length).map(ancestor).collect()
}

fn assumed(role: &UniqueId, name: &str) -> SessionPrincipal {
    SessionPrincipal::AssumedRole {
        role: role.clone(),
        session_name: RoleSessionName::parse(name).unwrap(),
    }
}

#[test]
fn a_session_keeps_what_it_descends_from() {
    let user = UniqueId::generate(IdKind::User, account(), &Counter::default());
    let key = AccessKeyId::generate_long_term(account(), &Counter::default());
    let other = AccountId::from_number(7).unwrap();
    for origin in [
        None,
        long_term(key.as_str(), LongTermPrincipal::User(user.clone())),
        long_term(key.as_str(), LongTermPrincipal::Root(account())),
        long_term(key.as_str(), LongTermPrincipal::Root(other)),
        long_term("AKIAIOSFODNN7EXAMPLE", LongTermPrincipal::User(user)),
        long_term("an_operators_own_key_1", LongTermPrincipal::Root(account())),
        long_term(
            AccessKeyId::generate_without_account(&Counter::default()).as_str(),
            LongTermPrincipal::Service(ServiceName::parse("ec2.amazonaws.com").unwrap()),
        ),
    ] {
        for length in [0, 1, 2, 9, MOST_ANCESTORS] {
            check_round_trip(&Session {
                ancestry: Ancestry {
                    federation: None,
                    origin: origin.clone(),
                    sessions: ancestors(length, "worker"),
                },
                ..role_session()
            });
        }
    }
    let session = Session {
        ancestry: Ancestry {
            federation: None,
            origin: None,
            sessions: ancestors(MOST_ANCESTORS + 1, "worker"),
        },
        ..role_session()
    };
    let refused = keyring(&[1]).issue(account(), &session, &Counter::default());
    assert_eq!(refused.err(), Some(TokenError::Unsealable));
}

#[test]
fn what_a_foreign_identity_brought_is_kept() {
    for (kind, session_id, keys) in [
        (FederationKind::WebIdentity, None, Vec::new()),
        (
            FederationKind::Saml,
            Some("_1f"),
            vec![("saml:sub", vec!["é|b"])],
        ),
        (
            FederationKind::Certificate,
            Some("0a"),
            vec![("k:amr", vec!["pwd", "", "otp"]), ("k:none", Vec::new())],
        ),
        (FederationKind::Pod, None, vec![("a", vec!["b"])]),
    ] {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        let keys = keys
            .into_iter()
            .map(|(key, values)| (key.to_owned(), owned(values)));
        let federation = SessionFederation {
            kind,
            provider: "arn:aws:iam::123456789012:oidc-provider/idp.example.com".to_owned(),
            subject: "alice".to_owned(),
            session_id: session_id.map(str::to_owned),
            keys: keys.collect(),
        };
        for sessions in [0, 2] {
            let session = Session {
                ancestry: Ancestry {
                    federation: Some(Box::new(federation.clone())),
                    origin: None,
                    sessions: ancestors(sessions, "worker"),
                },
                ..role_session()
            };
            check_round_trip(&session);
            // Who is assumed by it acts as itself.
            assert_eq!(session.federation().is_some(), sessions == 0);
        }
    }
}

/// Tokens of version 1, as that version made them: they are good until they expire.
#[test]
fn tokens_of_version_1_open() {
    let id = "ASIARZPUZDIKAAAAAAAA";
    let key = keyring(&[7]);
    let open = |token: &str| {
        let (session, secret) = key.open(id, token).unwrap();
        assert_eq!(secret.expose(), "V7z96riMYoCUOO9k9x4vZb+PMX7mj7NaNj4O2Pv7");
        session
    };
    let arns = [
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::123456789012:policy/p",
    ];
    let limited = Session {
        packed: pack(Some(POLICY), &arns, &[]),
        ..role_session()
    };
    let token = "AQcVfEp_uXk3nir4lP78oMnPKrWueEo8D3LbiLgRo6pyvjdlRKsV_Qy43H5FibFVZvC6BGLTEt4FFnLCWCNoY-_HHafQgJp-Sth8zdwvh6rHpOv9ckKBHipKloCFDOU4664P-ftUqXChE-heBHDnUBqJmryWO9Pr5VKWZG4tLCkrjCU7YI97ZKN6RHcklRl1yNi7HQZ8ssPj00PN0oI";
    assert_eq!(open(token), limited);
    let plain = "AQcVfEp_uXk3nir4lP5BWlexvl8m9_mSh0hd1Gc8btgr_FXRJb64dGLdtC4RQCjJ";
    assert_eq!(open(plain), role_session());
    let root = "AQcVfEp_uXk3nir4lP7lPxKr9x7sqNk_Am5SCpFwqg6-FTKT4g";
    assert_eq!(open(root), session(SessionPrincipal::Root));
    let federated = "AQcVfEp_uXk3nir4lP5w1mJ5s6AJDS96lJJY_zeSvSEZw1Hiy11EX51--052bAw";
    let user = UniqueId::generate(IdKind::User, account(), &Counter::default());
    let of_user = SessionPrincipal::FederatedUser {
        issuer: Some(user),
        name: FederatedUserName::parse("bob").unwrap(),
    };
    assert_eq!(open(federated), session(of_user));
    // The version is sealed with the rest: a token does not pass for one of another version.
    let mut bytes = BASE64URL_NOPAD.decode(plain.as_bytes()).unwrap();
    bytes[0] = 2;
    let forged = key.open(id, &BASE64URL_NOPAD.encode(&bytes));
    assert_eq!(forged.err(), Some(TokenError::Invalid));
}

#[test]
fn what_is_packed_has_one_size() {
    let arn = "arn:aws:iam::123456789012:policy/p";
    assert_eq!(pack(None, &[], &[]).size(), 0);
    let policy = pack(Some(POLICY), &[], &[]).size();
    assert!((20..60).contains(&policy), "{policy}");
    let with_arn = pack(Some(POLICY), &[arn], &[]).size();
    let with_tag = pack(Some(POLICY), &[arn], &[("Team", "blue", false)]).size();
    assert!(
        policy < with_arn && with_arn < with_tag,
        "{with_arn} {with_tag}"
    );
    // What is sealed is what was measured.
    let packed = pack(Some(POLICY), &[arn], &[("Team", "blue", false)]);
    let issue = |packed: Arc<Packed>| {
        let session = Session {
            packed,
            ..role_session()
        };
        let issued = keyring(&[1])
            .issue(account(), &session, &Counter::default())
            .unwrap();
        BASE64URL_NOPAD
            .decode(issued.session_token.as_bytes())
            .unwrap()
            .len()
    };
    let field = 1 + 1;
    assert_eq!(
        issue(packed.clone()) - issue(Arc::default()),
        packed.size() + field
    );
}

#[test]
fn the_longest_token_is_not_too_long_to_open() {
    // Tags of letters without a pattern, up to what may be packed.
    let mut seed = 7u64;
    let letters = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        char::from(b'a' + (seed >> 33) as u8 % 26)
    });
    let text: String = letters.take(4000).collect();
    let mut tags: Vec<(String, String, bool)> = Vec::new();
    let mut packed = pack(None, &[], &[]);
    for (place, value) in text.as_bytes().chunks(200).enumerate() {
        tags.push((
            format!("key{place}"),
            String::from_utf8(value.to_vec()).unwrap(),
            true,
        ));
        let tags: Vec<_> = tags
            .iter()
            .map(|(key, value, transitive)| (key.as_str(), value.as_str(), *transitive))
            .collect();
        let next = pack(None, &[], &tags);
        if next.size() > 2048 {
            break;
        }
        packed = next;
    }
    let name = "x".repeat(63);
    let session = Session {
        packed,
        source_identity: Some(SourceIdentity::parse(&"s".repeat(64)).unwrap()),
        ancestry: Ancestry {
            federation: None,
            origin: long_term(&"k".repeat(128), LongTermPrincipal::Root(account())),
            sessions: ancestors(MOST_ANCESTORS, &name),
        },
        ..role_session()
    };
    check_round_trip(&session);
    let plain = Session {
        ancestry: Ancestry::default(),
        ..session.clone()
    };
    let token = |session: &Session| {
        let issued = keyring(&[u32::MAX]).issue(account(), session, &Counter::default());
        issued.unwrap().session_token.len()
    };
    assert!(token(&plain) < 4096, "{}", token(&plain));
    assert!(token(&session) < LONGEST_TOKEN, "{}", token(&session));
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
        packed: pack(Some(POLICY), &[], &[]),
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
    let full = Session {
        packed: pack(Some(POLICY), &[], &[("Team", "blue", true)]),
        source_identity: Some(SourceIdentity::parse("Ann").unwrap()),
        ancestry: Ancestry {
            federation: None,
            origin: long_term("an_operators_own_key_1", LongTermPrincipal::Root(account())),
            sessions: ancestors(2, "worker"),
        },
        ..role_session()
    };
    for session in [role_session(), full] {
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

/// The credentials of a session whose token was asked to have so many characters.
fn padded(session: &Session, characters: i32) -> TemporaryCredentials {
    let minimum = MinimumTokenSize::from_characters(characters).unwrap();
    let issued = keyring(&[1]).issue_padded(account(), session, minimum, &Counter::default());
    issued.unwrap()
}

#[test]
fn a_token_is_as_long_as_was_asked_and_opens() {
    let full = Session {
        packed: pack(Some(POLICY), &[], &[("Team", "blue", true)]),
        delegate: AccountId::from_number(1),
        ..role_session()
    };
    for session in [role_session(), full] {
        let plain = padded(&session, 0).token_size();
        for asked in 0..=4096 {
            let issued = padded(&session, asked);
            let size = issued.token_size();
            let asked = asked as usize;
            if asked <= plain {
                assert_eq!(size, plain, "{asked}");
            } else {
                // Base64 has no text of 4n + 1 characters.
                assert_eq!(size, asked + usize::from(asked % 4 == 1), "{asked}");
            }
            let id = issued.access_key_id.as_str();
            let (again, _) = keyring(&[1]).open(id, &issued.session_token).unwrap();
            assert_eq!(again, session, "{asked}");
            assert_eq!(
                issued.token_utilization() as usize,
                (size * 100).div_ceil(LONGEST_TOKEN)
            );
        }
    }
    for (wrong, constraint) in [
        (-1, Constraint::MinValue(0)),
        (4097, Constraint::MaxValue(4096)),
        (i32::MAX, Constraint::MaxValue(4096)),
        (i32::MIN, Constraint::MinValue(0)),
    ] {
        assert_eq!(MinimumTokenSize::from_characters(wrong), Err(constraint));
    }
}

#[test]
fn padding_is_zeros_to_the_end() {
    let mut body = codec::encode(&role_session()).unwrap();
    let plain = body.len();
    let opens = |body: &[u8]| codec::decode(codec::Version::Two, body, account(), None);
    codec::pad(&mut body, plain + 9);
    assert_eq!(opens(&body), Some(role_session()));
    for place in plain + 1..body.len() {
        let mut wrong = body.clone();
        wrong[place] = 1;
        assert_eq!(opens(&wrong), None, "{place}");
        // Neither more padding nor another field hides in it.
        wrong[place] = body[plain];
        assert_eq!(opens(&wrong), None, "{place}");
    }
    // What tokens of version 1 never had, they do not have now.
    let mut old = codec::encode(&role_session()).unwrap();
    assert!(codec::decode(codec::Version::One, &old, account(), None).is_some());
    codec::pad(&mut old, plain + 1);
    assert!(codec::decode(codec::Version::One, &old, account(), None).is_none());
}
