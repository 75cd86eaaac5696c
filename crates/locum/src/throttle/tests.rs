//! What fills a bucket, whom it stops, and what floods do to it.

use super::*;
use locum_identity::environment::Entropy;

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

const NOW: i64 = 1_767_225_600_000;

fn rate(count: u32, seconds: u32) -> Option<Rate> {
    Some(Rate { count, seconds })
}

fn throttle(key: Option<Rate>, source: Option<Rate>) -> Throttle {
    let limits = Limits {
        key_failures: key,
        source_failures: source,
        ..Limits::default()
    };
    Throttle::new(&limits, &Zeros)
}

fn at(throttle: &Throttle, source: &str, key: &str) -> Claimant {
    throttle
        .claimant(Some(source.parse().unwrap()), key)
        .unwrap()
}

/// Fails until refused: how often it could.
fn fail_until_refused(throttle: &Throttle, who: Claimant, now: i64) -> usize {
    for count in 0..10_000 {
        if throttle.refuses(who, now) {
            return count;
        }
        throttle.failed(who, now);
    }
    panic!("never refused");
}

#[test]
fn so_many_failures_and_then_one_for_each_that_ran_out() {
    for (count, seconds) in [(30, 60), (7, 60), (1, 1), (600, 1), (20, 3600)] {
        let throttle = throttle(rate(count, seconds), None);
        let who = at(&throttle, "192.0.2.1", "AKIAVICTIM");
        assert_eq!(
            fail_until_refused(&throttle, who, NOW),
            count as usize,
            "{count}/{seconds}"
        );
        let one = i64::from(seconds) * 1000 / i64::from(count) + 1;
        assert_eq!(fail_until_refused(&throttle, who, NOW + one), 1);
        let whole = one + i64::from(seconds) * 1000;
        assert_eq!(
            fail_until_refused(&throttle, who, NOW + whole),
            count as usize
        );
    }
}

#[test]
fn who_knows_a_key_id_does_not_stop_its_owner() {
    let throttle = throttle(rate(10, 60), rate(40, 60));
    let owner = at(&throttle, "192.0.2.1", "AKIAVICTIM");
    for last in 2..200 {
        let attacker = at(&throttle, &format!("192.0.2.{last}"), "AKIAVICTIM");
        assert_eq!(fail_until_refused(&throttle, attacker, NOW), 10);
    }
    assert!(!throttle.refuses(owner, NOW));
}

#[test]
fn a_source_is_stopped_whatever_keys_it_tries() {
    let throttle = throttle(rate(10, 60), rate(40, 60));
    for number in 0..40 {
        throttle.failed(at(&throttle, "192.0.2.1", &format!("AKIA{number}")), NOW);
    }
    assert!(throttle.refuses(at(&throttle, "192.0.2.1", "AKIANEW"), NOW));
    assert!(!throttle.refuses(at(&throttle, "192.0.2.2", "AKIANEW"), NOW));
}

#[test]
fn a_key_known_at_a_source_is_not_held_up_by_its_neighbours() {
    let throttle = throttle(rate(10, 60), rate(40, 60));
    let (owner, stranger) = (
        at(&throttle, "192.0.2.1", "AKIAOWNER"),
        at(&throttle, "192.0.2.1", "AKIASTRANGER"),
    );
    throttle.succeeded(owner, NOW);
    for number in 0..40 {
        throttle.failed(at(&throttle, "192.0.2.1", &format!("AKIA{number}")), NOW);
    }
    assert!(throttle.refuses(stranger, NOW));
    assert!(!throttle.refuses(owner, NOW));
    // It is known there only, and not for ever, and has its own limit all the same.
    assert!(!throttle.refuses(at(&throttle, "192.0.2.2", "AKIAOWNER"), NOW));
    assert_eq!(fail_until_refused(&throttle, owner, NOW), 10);
    let later = NOW + 3_600_001;
    for number in 0..40 {
        throttle.failed(at(&throttle, "192.0.2.1", &format!("AKIA{number}")), later);
    }
    assert!(throttle.refuses(owner, later));
}

#[test]
fn one_stale_client_does_not_stop_all_of_its_source() {
    let throttle = throttle(rate(30, 60), rate(300, 60));
    let stale = at(&throttle, "192.0.2.1", "AKIASTALE");
    let mut now = NOW;
    for _ in 0..10_000 {
        now += 100;
        if !throttle.refuses(stale, now) {
            throttle.failed(stale, now);
        }
    }
    assert!(throttle.refuses(stale, now));
    assert!(!throttle.refuses(at(&throttle, "192.0.2.1", "AKIAOTHER"), now));
}

#[test]
fn the_holder_of_an_ipv6_network_is_one_source() {
    let throttle = throttle(None, rate(5, 60));
    for host in 1..=5 {
        throttle.failed(at(&throttle, &format!("2001:db8:1:2::{host}"), "AKIA"), NOW);
    }
    assert!(throttle.refuses(at(&throttle, "2001:db8:1:2:ffff::1", "AKIA"), NOW));
    assert!(!throttle.refuses(at(&throttle, "2001:db8:1:3::1", "AKIA"), NOW));
    // An IPv4 address is not the IPv6 network that begins with its bytes, nor is an unknown one.
    let four = network(Some("32.1.13.184".parse().unwrap()));
    let six = network(Some("2001:db8::".parse().unwrap()));
    assert_ne!(four, six);
    assert_ne!(network(None), network(Some("0.0.0.0".parse().unwrap())));
}

/// However many keys and addresses come, the tables stay as they are, and who was stopped before the
/// flood is stopped behind it.
#[test]
fn a_flood_of_keys_and_addresses_frees_nobody() {
    let throttle = throttle(rate(10, 600), rate(20, 600));
    let attacker = at(&throttle, "192.0.2.1", "AKIAVICTIM");
    fail_until_refused(&throttle, attacker, NOW);
    let size = throttle.per_key.as_ref().unwrap().cells.len();
    for number in 0..200_000u32 {
        let source = std::net::Ipv4Addr::from(0x0a00_0000 + number);
        let key = format!("AKIA{number}");
        throttle.failed(throttle.claimant(Some(source.into()), &key).unwrap(), NOW);
    }
    assert_eq!(throttle.per_key.as_ref().unwrap().cells.len(), size);
    assert!(throttle.refuses(attacker, NOW));
    // And stops nobody who came to no harm before it.
    let mut stopped = 0;
    for number in 0..1000u32 {
        let source = std::net::Ipv4Addr::from(0xc633_0000 + number);
        let who = throttle.claimant(Some(source.into()), "AKIAOWNER").unwrap();
        stopped += usize::from(throttle.refuses(who, NOW));
    }
    assert_eq!(stopped, 0);
}

#[test]
fn a_clock_that_is_set_back_stops_nobody_for_long() {
    let throttle = throttle(rate(10, 60), None);
    let who = at(&throttle, "192.0.2.1", "AKIA");
    fail_until_refused(&throttle, who, NOW);
    assert!(!throttle.refuses(who, NOW - 3_600_000));
}

#[test]
fn threads_that_fail_at_once_are_all_counted() {
    let throttle = throttle(rate(800, 60), None);
    let who = at(&throttle, "192.0.2.1", "AKIA");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..150).for_each(|_| throttle.failed(who, NOW)));
        }
    });
    assert!(throttle.refuses(who, NOW));
    assert!(!throttle.refuses(who, NOW + 100));
}

#[test]
fn what_is_off_refuses_nobody() {
    let throttle = throttle(None, None);
    assert_eq!(throttle.claimant(None, "AKIA"), None);
}

/// A table holds its room whatever is asked of it: a quota of requests is exact.
#[test]
fn a_quota_lets_through_what_it_says() {
    let requests = Buckets::new(Rate {
        count: 600,
        seconds: 1,
    });
    let allowed = (0..2000).filter(|_| requests.add(1, NOW)).count();
    assert_eq!(allowed, 600);
    let allowed = (0..2000).filter(|_| requests.add(1, NOW + 500)).count();
    assert!((299..=301).contains(&allowed), "{allowed}");
}

#[test]
fn a_password_counts_as_wrong_until_it_is_right() {
    let limits = Limits {
        guesses: rate(3, 60),
        ..Limits::default()
    };
    let throttle = Throttle::new(&limits, &Zeros);
    let guess = |bucket| Guess {
        wrong: Suspicion::WrongPassword,
        bucket,
        guessed: None,
    };
    let wrong = Err(Some(Suspicion::WrongPassword));
    // As many as come before the first is compared are no more than the bucket holds.
    let begun = (0..100).filter(|_| !throttle.refuses_guess(guess(7), NOW));
    assert_eq!(begun.count(), 3);
    assert!(!throttle.refuses_guess(guess(8), NOW), "another's");
    throttle.guessed(guess(7), wrong, NOW);
    assert!(throttle.refuses_guess(guess(7), NOW));
    // What was right, or refused for something else, makes room again.
    for became in [Ok(()), Err(None), Err(Some(Suspicion::Denied))] {
        throttle.guessed(guess(7), became, NOW);
        assert!(!throttle.refuses_guess(guess(7), NOW), "{became:?}");
        assert!(throttle.refuses_guess(guess(7), NOW), "{became:?}");
    }
    // However often it is right.
    for _ in 0..100 {
        assert!(!throttle.refuses_guess(guess(9), NOW));
        throttle.guessed(guess(9), Ok(()), NOW);
    }
}
