//! Random sequences of steps, held against a plain model of the states.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Associate,
    Update,
    Accept,
    Reject,
    Send,
    Receive,
    Redeem,
    /// By an account that it does not concern.
    Stranger(u8),
    Wait(i64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        4 => Just(Step::Associate),
        2 => Just(Step::Update),
        4 => Just(Step::Accept),
        1 => Just(Step::Reject),
        4 => Just(Step::Send),
        2 => Just(Step::Receive),
        3 => Just(Step::Redeem),
        1 => (0..6u8).prop_map(Step::Stranger),
        2 => prop_oneof![Just(1), Just(HOUR), Just(2 * HOUR - 1), Just(2 * HOUR), Just(DAY), Just(7 * DAY - 1), Just(7 * DAY)].prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(one, 1..16)
}

/// What the documents say, in the plainest words.
struct Model {
    now: i64,
    state: State,
    since: i64,
    sent: Option<i64>,
    redeemed: bool,
}

impl Model {
    fn state(&self) -> State {
        let lasts = if self.state == State::Unassigned {
            DAY
        } else {
            7 * DAY
        };
        if self.now - self.since >= lasts {
            State::Expired
        } else {
            self.state
        }
    }

    fn expired_for(&self) -> i64 {
        let lasts = if self.state == State::Unassigned {
            DAY
        } else {
            7 * DAY
        };
        self.now - self.since - lasts
    }

    /// Whether the step is taken.
    fn go(&mut self, from: &[State], to: State) -> bool {
        let may = from.contains(&self.state());
        if may {
            if self.state != to {
                self.since = self.now;
            }
            self.state = to;
        }
        may
    }

    fn token_is_good(&self) -> bool {
        self.sent.is_some_and(|sent| self.now - sent < 7200) && !self.redeemed
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_go_where_the_documents_say(steps in steps()) {
        let mut scene = scene();
        let other = member(&scene.world, "other");
        let stranger = administrator(&scene.world, other, "stranger");
        let id = scene.ask("workflow-1");
        let mut model = Model { now: 0, state: State::Unassigned, since: 0, sent: None, redeemed: false };
        let mut token = None;
        for step in steps {
            use State::{Accepted, Assigned, Finalized, PendingApproval, Rejected, Unassigned};
            let kept = model.expired_for() < 7 * DAY;
            let (got, wanted) = match step {
                Step::Associate => (scene.associate(&scene.owner, &id), model.go(&[Unassigned], Assigned)),
                Step::Update => (scene.update(&scene.admin, &id, None), model.go(&[Assigned, PendingApproval], PendingApproval)),
                Step::Accept => (scene.accept(&scene.admin, &id), model.go(&[Assigned, PendingApproval], Accepted)),
                Step::Reject => (scene.reject(&scene.admin, &id), model.go(&[Assigned, PendingApproval, Accepted], Rejected)),
                Step::Send => {
                    let sent = model.go(&[Accepted], Finalized);
                    if sent {
                        model.sent = Some(model.now);
                    }
                    (scene.send(&scene.admin, &id), sent)
                }
                Step::Receive => {
                    let received = scene.receive(&scene.partner, &id);
                    if let Ok(received) = &received {
                        token = Some(received.clone());
                    }
                    (received.map(drop), model.token_is_good())
                }
                Step::Redeem => {
                    let Some(token) = &token else { continue };
                    let good = model.token_is_good();
                    model.redeemed |= good;
                    (scene.redeem(&scene.partner, token).map(drop), good)
                }
                Step::Stranger(what) => {
                    let got = match what {
                        0 => scene.associate(&stranger, &id),
                        1 => scene.accept(&stranger, &id),
                        2 => scene.reject(&stranger, &id),
                        3 => scene.send(&stranger, &id),
                        4 => scene.receive(&stranger, &id).map(drop),
                        _ => scene.redeem(&stranger, token.as_deref().unwrap_or("x")).map(drop),
                    };
                    (got, false)
                }
                Step::Wait(seconds) => {
                    scene.world.wait(seconds);
                    model.now += seconds;
                    continue;
                }
                Step::Restart => {
                    scene = Scene { world: scene.world.reopened(), ..scene };
                    continue;
                }
            };
            prop_assert_eq!(got.is_ok(), wanted, "{:?}: {:?}", step, got);
            let shown = scene.get(&scene.partner, &id);
            match shown {
                Ok(shown) => prop_assert_eq!(shown.request.state, model.state()),
                Err(_) => prop_assert!(!kept),
            }
        }
    }
}
