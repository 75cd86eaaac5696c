//! The index against a model that looks at every entry and every session of the chain.

use super::*;
use crate::entity::EntityKey;
use crate::environment::Entropy as _;
use crate::environment::testing::Counter;
use crate::ids::IdKind;
use crate::names::Constrained;
use crate::notes::FederationKind;
use crate::session::{Ancestor, Ancestry, LONGEST_SESSION};
use proptest::prelude::*;

const NOW: Seconds = 1_767_225_600;
const PROVIDER: &str = "arn:aws:iam::100000000000:saml-provider/p";

fn n<T: Constrained>(text: &str) -> T {
    T::parse(text).unwrap_or_else(|failed| panic!("{text:?}: {failed:?}"))
}

fn account(number: u8) -> AccountId {
    AccountId::from_number(100_000_000_000 + u64::from(number)).unwrap()
}

/// The same id for the same numbers.
fn unique(kind: IdKind, of: u8, number: u8) -> UniqueId {
    UniqueId::from_chance(kind, account(of), [0, 0, 0, 0, 0, number])
}

fn temporary(of: u8, number: u8) -> AccessKeyId {
    let bits = 1u128 << 79 | u128::from(account(of).number()) << 39 | u128::from(number);
    let [_, _, _, _, _, _, bytes @ ..] = bits.to_be_bytes();
    AccessKeyId::unpacked("ASIA", bytes)
}

fn long_term(of: u8, number: u8) -> AccessKeyId {
    AccessKeyId::parse(&format!("operators_own_key_{of}_{number}")).unwrap()
}

fn session_name(number: u8) -> RoleSessionName {
    n(&format!("name-{number}"))
}

fn source_identity(number: u8) -> SourceIdentity {
    n(&format!("person-{number}"))
}

fn federated(number: u8) -> FederatedUserName {
    n(&format!("guest-{number}"))
}

/// A world of two accounts in which everything there is comes twice.
fn bit() -> impl Strategy<Value = u8> {
    0u8..2
}

fn principal(of: u8) -> impl Strategy<Value = SessionPrincipal> {
    (0u8..4, bit(), bit()).prop_map(move |(kind, id, name)| match kind {
        0 => SessionPrincipal::User(unique(IdKind::User, of, id)),
        1 => SessionPrincipal::Root,
        2 => SessionPrincipal::FederatedUser {
            issuer: None,
            name: federated(name),
        },
        _ => SessionPrincipal::AssumedRole {
            role: unique(IdKind::Role, of, id),
            session_name: session_name(name),
        },
    })
}

/// A session of an account, its key id, and when it was issued.
fn node() -> impl Strategy<Value = (u8, u8, SessionPrincipal, Seconds)> {
    bit().prop_flat_map(|of| (Just(of), bit(), principal(of), 0i64..4))
}

#[derive(Clone, Debug)]
struct Known {
    id: AccessKeyId,
    account: AccountId,
    session: Session,
}

fn known() -> impl Strategy<Value = Known> {
    let origin = proptest::option::of((bit(), bit(), bit(), any::<bool>()));
    let federation = (bit(), proptest::option::of(bit()));
    let identity = proptest::option::of(bit());
    (
        proptest::collection::vec(node(), 1..4),
        origin,
        identity,
        federation,
    )
        .prop_map(|(mut nodes, origin, identity, (subject, session_id))| {
            // No session is older than the one that asked for it.
            nodes.sort_by_key(|(.., issued)| *issued);
            let (of, number, principal, issued) = nodes.pop().unwrap();
            let origin = origin.map(|(of, number, user, root)| LongTerm {
                access_key_id: long_term(of, number),
                principal: if root {
                    LongTermPrincipal::Root(account(of))
                } else {
                    LongTermPrincipal::User(unique(IdKind::User, of, user))
                },
            });
            // A chain begins with the one or the other.
            let federation = origin.is_none().then(|| SessionFederation {
                kind: FederationKind::Saml,
                provider: PROVIDER.to_owned(),
                subject: subject.to_string(),
                session_id: session_id.map(|id| id.to_string()),
                keys: Vec::new(),
            });
            let ancestors = nodes.into_iter();
            let sessions = ancestors.map(|(of, number, principal, issued)| Ancestor {
                access_key_id: temporary(of, number),
                principal,
                issued: NOW + issued,
            });
            Known {
                id: temporary(of, number),
                account: account(of),
                session: Session {
                    principal,
                    issued: NOW + issued,
                    expires: NOW + issued + 3600,
                    packed: Arc::default(),
                    source_identity: identity.map(source_identity),
                    mfa: None,
                    delegate: None,
                    ancestry: Ancestry {
                        federation: federation.map(Box::new),
                        origin,
                        sessions: sessions.collect(),
                    },
                },
            }
        })
}

fn entry() -> impl Strategy<Value = Revocation> {
    (0u8..11, bit(), bit(), bit(), 0i64..5, any::<bool>(), 0u8..6).prop_map(
        |(kind, of, one, two, before, chain, id)| {
            let (aim, before, chain) = match kind {
                0 => (Aim::AccessKey(temporary(of, one)), None, chain),
                1 => (Aim::AccessKey(long_term(of, one)), Some(before), true),
                2 => {
                    let role = unique(IdKind::Role, of, one);
                    let session_name = session_name(two);
                    (Aim::RoleSession { role, session_name }, Some(before), chain)
                }
                3 => (
                    Aim::SourceIdentity(source_identity(one)),
                    Some(before),
                    chain,
                ),
                4 => (
                    Aim::User(unique(IdKind::User, of, one)),
                    Some(before),
                    chain,
                ),
                5 => (
                    Aim::Role(unique(IdKind::Role, of, one)),
                    Some(before),
                    chain,
                ),
                6 => (Aim::Root, Some(before), chain),
                7 => (Aim::FederatedUser(federated(one)), Some(before), chain),
                8 => {
                    let (provider, subject) = (PROVIDER.to_owned(), one.to_string());
                    let aim = Aim::FederatedSubject { provider, subject };
                    (aim, Some(before), chain)
                }
                9 => {
                    let (provider, session_id) = (PROVIDER.to_owned(), one.to_string());
                    let aim = Aim::FederatedSession {
                        provider,
                        session_id,
                    };
                    (aim, Some(before), chain)
                }
                _ => (Aim::Account, Some(before), chain),
            };
            Revocation {
                id: format!("rev-{id}"),
                account: account(of),
                aim,
                before: before.map(|before| NOW + before),
                chain,
                resource: String::new(),
                created: NOW + 5,
                expires: NOW + 5 + LONGEST_SESSION,
                ordered_by: String::new(),
            }
        },
    )
}

/// What a revocation says, in the order in which its documentation says it.
fn ends(revocation: &Revocation, known: &Known) -> bool {
    let Known {
        id,
        account,
        session,
    } = known;
    struct Step<'a> {
        id: &'a AccessKeyId,
        account: AccountId,
        principal: &'a SessionPrincipal,
        issued: Seconds,
    }
    let mut steps: Vec<Step<'_>> = session
        .ancestry
        .sessions
        .iter()
        .map(|ancestor| Step {
            id: &ancestor.access_key_id,
            account: AccessKeyId::account_of(ancestor.access_key_id.as_str()).unwrap(),
            principal: &ancestor.principal,
            issued: ancestor.issued,
        })
        .collect();
    steps.push(Step {
        id,
        account: *account,
        principal: &session.principal,
        issued: session.issued,
    });
    let is = |principal: &SessionPrincipal| match (&revocation.aim, principal) {
        (Aim::User(id), SessionPrincipal::User(user)) => id == user,
        (Aim::Role(id), SessionPrincipal::AssumedRole { role, .. }) => id == role,
        (Aim::Root, SessionPrincipal::Root) => true,
        (Aim::FederatedUser(one), SessionPrincipal::FederatedUser { name, .. }) => one == name,
        _ => false,
    };
    let identity = matches!(&revocation.aim, Aim::SourceIdentity(one) if session.source_identity.as_ref() == Some(one));
    let federation = session.ancestry.federation.as_ref();
    let federated = federation.is_some_and(|of| match &revocation.aim {
        Aim::FederatedSubject { subject, .. } => of.subject == *subject,
        Aim::FederatedSession { session_id, .. } => of.session_id.as_ref() == Some(session_id),
        _ => false,
    });
    let last = steps.len() - 1;
    let hit = |place: usize| {
        let step = &steps[place];
        let own = step.account == revocation.account;
        let (by_account, by_principal, by_key) = match place.checked_sub(1) {
            Some(before) => {
                let issuer = &steps[before];
                (Some(issuer.account), Some(issuer.principal.clone()), None)
            }
            None => match &session.ancestry.origin {
                None => (None, None, None),
                Some(key) => match &key.principal {
                    LongTermPrincipal::Root(of) => (
                        Some(*of),
                        Some(SessionPrincipal::Root),
                        Some(&key.access_key_id),
                    ),
                    LongTermPrincipal::Service(_) => (None, None, None),
                    LongTermPrincipal::User(id) => (
                        UniqueId::account_of(id.as_str()),
                        Some(SessionPrincipal::User(id.clone())),
                        Some(&key.access_key_id),
                    ),
                },
            },
        };
        let by_own = by_account == Some(revocation.account);
        let from_long_term = by_key.is_some() && by_own && revocation.chain;
        let wanted = match &revocation.aim {
            Aim::AccessKey(id) => own && step.id == id || from_long_term && by_key == Some(id),
            Aim::RoleSession { role, session_name } => {
                own && *step.principal
                    == SessionPrincipal::AssumedRole {
                        role: role.clone(),
                        session_name: session_name.clone(),
                    }
            }
            Aim::SourceIdentity(_) => identity && (own || from_long_term),
            Aim::Account => own || from_long_term,
            Aim::FederatedSubject { .. } | Aim::FederatedSession { .. } => {
                own && place == 0 && federated
            }
            Aim::User(_) | Aim::Role(_) | Aim::Root | Aim::FederatedUser(_) => {
                let by = by_own && by_principal.as_ref().is_some_and(is);
                own && is(step.principal) || by && (own || revocation.chain)
            }
        };
        wanted
            && (place == last || revocation.chain)
            && revocation.before.is_none_or(|before| step.issued < before)
    };
    (0..=last).any(hit)
}

fn change(puts: &[Revocation], deletes: &[Revocation]) -> Change {
    let key = |revocation: &Revocation| EntityKey {
        kind: EntityKind::Revocation,
        key: revocation.key(),
    };
    Change {
        puts: puts.iter().cloned().map(Entity::from).collect(),
        deletes: deletes.iter().map(key).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_index_ends_what_the_entries_say(
        entries in proptest::collection::vec(entry(), 0..6),
        gone in proptest::collection::vec(entry(), 0..3),
        sessions in proptest::collection::vec(known(), 1..6),
    ) {
        // Entries of one id replace one another, as they do in the store.
        let mut kept: BTreeMap<String, Revocation> = BTreeMap::new();
        let mut index = Revocations::default();
        for (place, revocation) in entries.iter().enumerate() {
            kept.insert(revocation.key(), revocation.clone());
            index = index.apply(&change(std::slice::from_ref(revocation), &[]), place as u64 + 1).unwrap();
        }
        for revocation in &gone {
            kept.remove(&revocation.key());
        }
        index = index.apply(&change(&[], &gone), 100).unwrap();
        let puts: Vec<_> = kept.values().cloned().collect();
        let anew = Revocations::default().apply(&change(&puts, &[]), 1).unwrap();
        for one in &sessions {
            let expected = kept.values().any(|revocation| ends(revocation, one));
            prop_assert_eq!(index.revokes(one.id.as_str(), one.account, &one.session), expected);
            prop_assert_eq!(anew.revokes(one.id.as_str(), one.account, &one.session), expected);
            // Without its chain an entry ends nothing of another account.
            let foreign = kept.values().filter(|revocation| !revocation.chain && revocation.account != one.account);
            for revocation in foreign {
                prop_assert!(!ends(revocation, one));
            }
            // Nothing is ended that neither is of the account nor descends from it.
            let mut accounts: Vec<_> = one.session.ancestry.sessions.iter()
                .filter_map(|ancestor| AccessKeyId::account_of(ancestor.access_key_id.as_str()))
                .collect();
            accounts.push(one.account);
            accounts.extend(one.session.ancestry.origin.as_ref().and_then(|key| By::LongTerm(key).account()));
            if kept.values().all(|revocation| !accounts.contains(&revocation.account)) {
                prop_assert!(!expected);
            }
        }
    }

    #[test]
    fn a_session_issued_late_enough_is_not_ended(
        entries in proptest::collection::vec(entry(), 0..6),
        mut one in known(),
    ) {
        let index = Revocations::default().apply(&change(&entries, &[]), 1).unwrap();
        one.session.ancestry.sessions.clear();
        let entropy = Counter::default();
        entropy.fill(&mut [0; 8]);
        let fresh = AccessKeyId::generate_temporary(one.account, &entropy);
        let earliest = index.earliest_issue(one.account, &one.session);
        prop_assert!(earliest <= NOW + 4);
        one.session.issued = earliest;
        prop_assert!(!index.revokes(fresh.as_str(), one.account, &one.session));
        if earliest > 0 {
            one.session.issued = earliest - 1;
            prop_assert!(index.revokes(fresh.as_str(), one.account, &one.session));
        }
    }
}

#[test]
fn only_a_change_of_revocations_is_a_new_generation() {
    let revocation = Revocation {
        id: "rev-a".to_owned(),
        account: account(0),
        aim: Aim::Account,
        before: Some(NOW),
        chain: false,
        resource: String::new(),
        created: NOW,
        expires: NOW + 10,
        ordered_by: String::new(),
    };
    let none = Revocations::default();
    let same = none.apply(&Change::default(), 7).unwrap();
    assert_eq!((none.generation(), same.generation()), (0, 0));
    let one = same
        .apply(&change(std::slice::from_ref(&revocation), &[]), 8)
        .unwrap();
    assert_eq!((one.generation(), one.of(account(0)).count()), (8, 1));
    assert_eq!(one.expired(NOW + 9, 5).count(), 0);
    assert_eq!(one.expired(NOW + 10, 5).count(), 1);
    let gone = one.apply(&change(&[], &[revocation]), 9).unwrap();
    assert_eq!((gone.generation(), gone.of(account(0)).count()), (9, 0));
    assert!(gone.accounts.is_empty());
}

#[test]
fn a_key_without_an_account_is_damage() {
    let delete = |key: &str| Change {
        puts: Vec::new(),
        deletes: vec![EntityKey {
            kind: EntityKind::Revocation,
            key: key.to_owned(),
        }],
    };
    for key in ["", "rev-a", "1234/rev-a"] {
        let error = Revocations::default().apply(&delete(key), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the stored revocation `{key}` cannot be read")
        );
    }
}
