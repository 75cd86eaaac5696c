use super::*;
use proptest::prelude::*;

/// The seed of the test vectors of RFC 6238, appendix B.
fn seed() -> Seed {
    Seed(Zeroizing::new(b"12345678901234567890".to_vec()))
}

fn at(step: i64) -> Code {
    code(&key(&seed()), step)
}

/// A device whose clock is `drift` steps ahead, enabled in step `here` with the codes it shows.
fn enabled(here: i64, drift: i64) -> Clockwork {
    let mut clockwork = Clockwork::default();
    let codes = (at(here + drift - 1), at(here + drift));
    assert!(clockwork.synchronise(&seed(), codes, here * STEP));
    clockwork
}

#[test]
fn codes_are_those_of_the_rfc() {
    for (time, expected) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000i64, "353130"),
    ] {
        assert_eq!(&at(time / STEP)[..], expected.as_bytes(), "{time}");
    }
}

#[test]
fn a_seed_is_64_letters_of_base32() {
    let text = Seed::generate(&crate::environment::testing::Counter::default()).text();
    assert_eq!(text.len(), 64);
    assert!(
        text.bytes()
            .all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
    );
}

/// Which steps, counted from the one a device shows, STS accepts.
#[test]
fn the_window_is_two_steps_on_either_side_of_the_drift() {
    for drift in [0, 5, -300, 900] {
        for (away, expected) in [
            (-3, Verdict::Wrong),
            (-2, Verdict::Accepted),
            (-1, Verdict::Accepted),
            (0, Verdict::Accepted),
            (1, Verdict::Accepted),
            (2, Verdict::Accepted),
            (3, Verdict::Wrong),
        ] {
            let mut clockwork = enabled(10_000, drift);
            let verdict = clockwork.accept(&seed(), at(10_000 + drift + away), 10_000 * STEP + 29);
            assert_eq!(verdict, expected, "{away} steps from a drift of {drift}");
        }
    }
}

#[test]
fn both_codes_of_an_enrolment_stay_usable_once() {
    let mut clockwork = enabled(10_000, 0);
    let now = 10_000 * STEP;
    for (step, expected) in [
        (10_000, Verdict::Accepted),
        (9_999, Verdict::Accepted),
        (10_000, Verdict::Wrong),
        (9_999, Verdict::Wrong),
    ] {
        assert_eq!(clockwork.accept(&seed(), at(step), now), expected);
    }
}

#[test]
fn an_older_code_stays_valid_after_a_newer_one() {
    let mut clockwork = enabled(10_000, 0);
    let now = 10_000 * STEP;
    for step in [10_002, 9_998, 10_000] {
        assert_eq!(clockwork.accept(&seed(), at(step), now), Verdict::Accepted);
    }
}

#[test]
fn two_codes_must_be_consecutive_in_order_and_near() {
    let check = |codes, now: i64, expected: bool| {
        let mut clockwork = Clockwork::default();
        assert_eq!(clockwork.synchronise(&seed(), codes, now * STEP), expected);
        assert_eq!(clockwork == Clockwork::default(), !expected);
    };
    check((at(100_000), at(100_001)), 100_001, true);
    check((at(100_001), at(100_000)), 100_001, false);
    check((at(100_000), at(100_002)), 100_001, false);
    check((at(100_000), at(100_000)), 100_000, false);
    check((at(101_000), at(101_001)), 100_001, true);
    check((at(101_001), at(101_002)), 100_001, false);
    check((at(99_002), at(99_003)), 100_001, true);
    check((at(99_001), at(99_002)), 100_001, false);
}

#[test]
fn a_pair_is_good_for_one_enrolment() {
    let mut clockwork = enabled(10_000, 0);
    let now = 10_000 * STEP;
    for (first, expected) in [
        (9_999, false),
        (9_998, false),
        (10_000, false),
        (10_001, true),
    ] {
        let codes = (at(first), at(first + 1));
        assert_eq!(
            clockwork.synchronise(&seed(), codes, now),
            expected,
            "{first}"
        );
    }
}

#[test]
fn nine_codes_are_looked_at_in_three_minutes() {
    let mut clockwork = enabled(10_002, 0);
    let now = 10_002 * STEP;
    assert_eq!(now % SPAN, 0);
    for _ in 0..8 {
        assert_eq!(clockwork.accept(&seed(), *b"abcdef", now), Verdict::Wrong);
    }
    // A success counts as well.
    assert_eq!(
        clockwork.accept(&seed(), at(10_002), now),
        Verdict::Accepted
    );
    let before = clockwork.clone();
    for second in [0, 1, 179] {
        let verdict = clockwork.accept(&seed(), at(10_003), now + second);
        assert_eq!(verdict, Verdict::TooMany, "{second}");
    }
    assert_eq!(clockwork, before);
    let verdict = clockwork.accept(&seed(), at(10_008), now + SPAN);
    assert_eq!(verdict, Verdict::Accepted);
}

proptest! {
    // A resynchronisation works out two thousand codes.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is asked, in whatever order, by a clock that steps about, with resynchronisations in
    /// between: no step's code is accepted twice, and none far from where the device is.
    #[test]
    fn no_step_is_accepted_twice(
        asked in proptest::collection::vec((0..40i64, -4..=4i64, prop::bool::weighted(0.1)), 1..150),
    ) {
        let mut clockwork = enabled(1_000_000, 0);
        let mut accepted = std::collections::BTreeSet::new();
        let mut now = 1_000_000;
        for (forward, away, resynchronise) in asked {
            // The clock goes forward mostly, and back now and then.
            now += forward - 10;
            if resynchronise {
                let codes = (at(now + away - 1), at(now + away));
                clockwork.synchronise(&seed(), codes, now * STEP);
            }
            for step in now - 4..=now + 4 {
                if clockwork.accept(&seed(), at(step), now * STEP) == Verdict::Accepted {
                    prop_assert!(accepted.insert(step), "step {} again", step);
                }
            }
        }
        prop_assert!(clockwork.used.len() <= KEPT);
        prop_assert!(clockwork.used.is_sorted());
    }
}

#[test]
fn what_is_not_kept_one_by_one_is_spent() {
    let mut clockwork = enabled(10_000, 0);
    for step in 10_000..10_000 + 3 * KEPT as i64 {
        let verdict = clockwork.accept(&seed(), at(step), step * STEP);
        assert_eq!(verdict, Verdict::Accepted);
    }
    // The device is set back: its old codes are no good, though forgotten one by one.
    let back = (at(10_001), at(10_002));
    assert!(clockwork.synchronise(&seed(), back, 10_100 * STEP));
    for step in 10_000..10_005 {
        let verdict = clockwork.accept(&seed(), at(step), 10_100 * STEP);
        assert_eq!(verdict, Verdict::Wrong, "{step}");
    }
}
