use super::*;
use crate::environment::testing::Counter;
use crate::ids::AccessKeyId;
use crate::session::{Ancestor, Ancestry, SessionPrincipal};

const NOW: Seconds = 1_767_225_600;

fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

fn session(lifetime: Seconds, ancestors: usize) -> Session {
    let entropy = Counter::default();
    let ancestor = Ancestor {
        access_key_id: AccessKeyId::generate_temporary(account(1), &entropy),
        principal: SessionPrincipal::Root,
        issued: NOW,
    };
    Session {
        principal: SessionPrincipal::Root,
        issued: NOW,
        expires: NOW + lifetime,
        packed: Arc::new(Packed::new(Some("{}".to_owned()), Vec::new(), Vec::new()).unwrap()),
        source_identity: None,
        mfa: None,
        delegate: None,
        ancestry: Ancestry {
            federation: None,
            origin: None,
            sessions: vec![ancestor; ancestors],
        },
    }
}

fn ids(uses: &SessionUses, of: u64, now: Seconds) -> Vec<String> {
    let uses = uses.of(account(of), now);
    let mut ids: Vec<_> = uses.into_iter().map(|known| known.access_key_id).collect();
    ids.sort();
    ids
}

#[test]
fn the_last_use_is_kept_until_the_session_expires() {
    let uses = SessionUses::default();
    let one = session(100, 0);
    let (here, there) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
    uses.record(account(1), "A", &one, NOW + 5, here);
    uses.record(account(1), "A", &one, NOW + 9, there);
    // Records may come in any order.
    uses.record(account(1), "A", &one, NOW + 1, here);
    let found = uses.of(account(1), NOW + 99);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].first, found[0].last, found[0].source_ip),
        (NOW + 1, NOW + 9, there)
    );
    assert_eq!(found[0].session.packed.policy(), None);
    assert_eq!(ids(&uses, 2, NOW), Vec::<String>::new());
    assert_eq!(ids(&uses, 1, NOW + 100), Vec::<String>::new());
    uses.record(account(1), "B", &one, NOW + 100, here);
    assert_eq!(ids(&uses, 1, NOW), ["A"]);
}

#[test]
fn who_was_idle_longest_gives_way() {
    let uses = SessionUses::of_at_most(8, 100);
    let long = session(1000, 0);
    for number in 0..8 {
        uses.record(account(1), &format!("S{number}"), &long, NOW + number, None);
    }
    uses.record(account(1), "S0", &long, NOW + 50, None);
    uses.record(account(1), "T", &long, NOW + 51, None);
    assert_eq!(
        ids(&uses, 1, NOW),
        ["S0", "S3", "S4", "S5", "S6", "S7", "T"]
    );
    // Ancestors take room too.
    uses.record(account(1), "U", &session(1000, 4), NOW + 52, None);
    assert_eq!(ids(&uses, 1, NOW), ["S0", "S5", "S6", "S7", "T", "U"]);
}

#[test]
fn no_account_pushes_out_the_others() {
    let uses = SessionUses::of_at_most(100, 10);
    let long = session(1000, 0);
    uses.record(account(2), "quiet", &long, NOW, None);
    for number in 0..1000 {
        uses.record(account(1), &format!("S{number}"), &long, NOW + 1, None);
        let state = uses.state.lock().unwrap();
        let weights: usize = state.accounts.values().map(|of| of.weight).sum();
        assert!(state.weight <= 10 && weights == state.weight);
    }
    assert_eq!(ids(&uses, 2, NOW), ["quiet"]);
}
