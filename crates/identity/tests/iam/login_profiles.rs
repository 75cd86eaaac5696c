//! Login profiles: who sets whose password, to what, and what signing in makes of it.

use crate::common::{ACCOUNT, Key, START, World, fails, n, ready};
use locum_identity::entity::LoginProfile;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::login_profiles::{
    ChangePassword, CreateLoginProfile, DeleteLoginProfile, GetLoginProfile, UpdateLoginProfile,
};
use locum_identity::iam::password_policy::UpdateAccountPasswordPolicy;
use locum_identity::iam::users::{DeleteUser, GetUser, GotUser, ListUsers, UpdateUser};
use locum_identity::names::{MaxPasswordAge, Password, PasswordReusePrevention};
use locum_identity::password::{Work, Working, Workshop};
use locum_identity::port::{Scope, Store as _};
use locum_identity::realm::Standing;
use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

const FIRST: &str = "Correct-Horse-7";
const SECOND: &str = "Battery-Staple-8";
const THIRD: &str = "Hung\u{e4}rian-Phrase-9";
const DAY: i64 = 86_400;
const VIOLATION: &str = "Password does not conform to the account password policy.";
const WRONG: &str = "The old password is incorrect.";
const MAY_CHANGE: &str = r#"{"Effect":"Allow","Action":"iam:ChangePassword","Resource":"*"}"#;

pub(crate) fn password(text: &str) -> Password {
    n(text)
}

pub(crate) fn create(user: Option<&str>, text: Option<&str>) -> CreateLoginProfile {
    CreateLoginProfile {
        user_name: user.map(n),
        password: text.map(password),
        password_reset_required: false,
    }
}

fn get(user: &str) -> GetLoginProfile {
    GetLoginProfile {
        user_name: Some(n(user)),
    }
}

fn update(user: &str, text: Option<&str>, reset: Option<bool>) -> UpdateLoginProfile {
    UpdateLoginProfile {
        user_name: n(user),
        password: text.map(password),
        password_reset_required: reset,
    }
}

fn delete(user: &str) -> DeleteLoginProfile {
    DeleteLoginProfile {
        user_name: Some(n(user)),
    }
}

pub(crate) fn change(old: &str, new: &str) -> ChangePassword {
    ChangePassword {
        old_password: password(old),
        new_password: password(new),
    }
}

fn sign_in(world: &World, user: &str, text: &str) -> Option<Standing> {
    let signed = ready(world.realm.sign_in(n(ACCOUNT), user, &password(text))).unwrap();
    signed.map(|signed| signed.standing)
}

/// `ann`, who has a key and the first password.
fn ann() -> (World, Key) {
    let world = World::new();
    let key = world.user_with_key("ann");
    world.root(create(Some("ann"), Some(FIRST))).unwrap();
    (world, key)
}

#[track_caller]
fn missing<T>(result: Result<T, Error>, user: &str) {
    let text = format!("Login Profile for User {user} cannot be found.");
    fails(result, "NoSuchEntity", &text);
}

#[test]
fn a_user_has_one_password() {
    let world = World::new();
    world.user("ann");
    missing(world.root(get("ANN")), "ann");
    missing(world.root(update("ann", Some(FIRST), None)), "ann");
    missing(world.root(delete("ann")), "ann");
    let made = world.root(CreateLoginProfile {
        password_reset_required: true,
        ..create(Some("ANN"), Some(FIRST))
    });
    let made = made.unwrap();
    assert_eq!(
        (
            made.user_name.as_str(),
            made.profile.created,
            made.profile.reset_required
        ),
        ("ann", START, true)
    );
    assert_eq!(world.root(get("ann")).unwrap().profile, made.profile);
    // Whatever the letter case of the name.
    fails(
        world.root(create(Some("Ann"), Some(SECOND))),
        "EntityAlreadyExists",
        "Login Profile for user ann already exists.",
    );
    assert_eq!(sign_in(&world, "ann", SECOND), None);
    world.root(delete("aNN")).unwrap();
    missing(world.root(get("ann")), "ann");
    assert_eq!(sign_in(&world, "ann", FIRST), None);
    let unknown = "The user with name bob cannot be found.";
    fails(
        world.root(create(Some("bob"), Some(FIRST))),
        "NoSuchEntity",
        unknown,
    );
    fails(world.root(get("bob")), "NoSuchEntity", unknown);
    fails(
        world.root(update("bob", None, None)),
        "NoSuchEntity",
        unknown,
    );
    fails(world.root(delete("bob")), "NoSuchEntity", unknown);
}

#[test]
fn a_password_goes_with_its_user_and_not_with_the_name() {
    let (world, _) = ann();
    world
        .root(UpdateUser {
            user_name: n("ann"),
            new_path: Some(n("/x/")),
            new_user_name: Some(n("anna")),
        })
        .unwrap();
    world.user("ann");
    missing(world.root(get("ann")), "ann");
    assert_eq!(sign_in(&world, "ann", FIRST), None);
    assert_eq!(sign_in(&world, "ANNA", FIRST), Some(Standing::Good));
    fails(
        world.root(DeleteUser {
            user_name: n("anna"),
        }),
        "DeleteConflict",
        "Cannot delete entity, must delete login profile first.",
    );
    world.root(delete("anna")).unwrap();
    fails(
        world.root(DeleteUser {
            user_name: n("anna"),
        }),
        "DeleteConflict",
        "Cannot delete entity, must delete access keys first.",
    );
}

#[test]
fn the_root_user_has_no_password_of_its_own_making() {
    let world = World::new();
    let unnamed = "Must specify userName when calling with root user credentials";
    fails(
        world.root(create(None, Some(FIRST))),
        "ValidationText",
        unnamed,
    );
    fails(
        world.root(GetLoginProfile { user_name: None }),
        "ValidationText",
        unnamed,
    );
    fails(
        world.root(DeleteLoginProfile { user_name: None }),
        "ValidationText",
        unnamed,
    );
    fails(
        world.root(change(FIRST, SECOND)),
        "Iam",
        "Only IAM Users can change their own password.",
    );
    fails(
        world.root(create(Some("ann"), None)),
        "Validation",
        "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null",
    );
}

#[test]
fn without_a_name_the_caller_is_meant() {
    let (world, key) = ann();
    world.user("bob");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:*LoginProfile","Resource":"*"}"#,
    );
    let own = world
        .call(&key, GetLoginProfile { user_name: None })
        .unwrap();
    assert_eq!(own.user_name, "ann");
    world
        .call(&key, DeleteLoginProfile { user_name: None })
        .unwrap();
    world.call(&key, create(None, Some(SECOND))).unwrap();
    assert_eq!(sign_in(&world, "ann", SECOND), Some(Standing::Good));
    missing(world.root(get("bob")), "bob");
}

#[test]
fn a_policy_about_a_user_holds_whatever_the_letter_case() {
    let (world, key) = ann();
    world.user("bob");
    world.root(create(Some("bob"), Some(FIRST))).unwrap();
    let mine = "arn:aws:iam::123456789012:user/ann";
    world.allow(
        "ann",
        &format!(r#"{{"Effect":"Allow","Action":"iam:*","Resource":"{mine}"}}"#),
    );
    for name in ["bob", "BOB", "Bob"] {
        fails(
            world.call(&key, update(name, Some(SECOND), None)),
            "AccessDenied",
            &format!(
                "User: {mine} is not authorized to perform: iam:UpdateLoginProfile on resource: arn:aws:iam::123456789012:user/bob because no identity-based policy allows the iam:UpdateLoginProfile action"
            ),
        );
    }
    assert_eq!(sign_in(&world, "bob", FIRST), Some(Standing::Good));
    world.call(&key, update("ANN", Some(SECOND), None)).unwrap();
    assert_eq!(sign_in(&world, "ann", SECOND), Some(Standing::Good));
}

#[test]
fn an_administrator_sets_a_password_or_has_it_set() {
    let (world, _) = ann();
    world.wait(10);
    world.root(update("ann", None, None)).unwrap();
    assert_eq!(sign_in(&world, "ann", FIRST), Some(Standing::Good));
    world.root(update("ann", None, Some(true))).unwrap();
    assert_eq!(sign_in(&world, "ann", FIRST), Some(Standing::MustChange));
    world.root(update("ann", Some(SECOND), None)).unwrap();
    assert_eq!(sign_in(&world, "ann", FIRST), None);
    assert_eq!(sign_in(&world, "ann", SECOND), Some(Standing::MustChange));
    world.root(update("ann", None, Some(false))).unwrap();
    assert_eq!(sign_in(&world, "ann", SECOND), Some(Standing::Good));
    let profile = world.root(get("ann")).unwrap().profile;
    assert_eq!((profile.created, profile.changed), (START, START + 10));
    fails(
        world.root(update("ann", Some("short"), None)),
        "Iam",
        VIOLATION,
    );
}

#[test]
fn a_user_changes_the_password_that_it_knows() {
    let (world, key) = ann();
    world.allow("ann", MAY_CHANGE);
    world.root(update("ann", None, Some(true))).unwrap();
    fails(world.call(&key, change(SECOND, THIRD)), "Forbidden", WRONG);
    // Letter case and blanks count.
    for wrong in [
        FIRST.to_lowercase(),
        format!("{FIRST} "),
        FIRST.replacen('C', "", 1),
    ] {
        fails(world.call(&key, change(&wrong, THIRD)), "Forbidden", WRONG);
    }
    fails(
        world.call(&key, change(FIRST, "password")),
        "Iam",
        VIOLATION,
    );
    assert_eq!(sign_in(&world, "ann", FIRST), Some(Standing::MustChange));
    world.call(&key, change(FIRST, THIRD)).unwrap();
    assert_eq!(sign_in(&world, "ann", THIRD), Some(Standing::Good));
    assert_eq!(sign_in(&world, "ann", FIRST), None);
    world.root(delete("ann")).unwrap();
    missing(world.call(&key, change(THIRD, FIRST)), "ann");
    // Another process knows what this one did.
    world.root(create(Some("ann"), Some(SECOND))).unwrap();
    assert_eq!(
        sign_in(&world.reopened(), "ann", SECOND),
        Some(Standing::Good)
    );
}

#[test]
fn the_account_may_let_its_users_change_their_passwords() {
    let (world, key) = ann();
    let denied = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:ChangePassword on resource: arn:aws:iam::123456789012:user/ann";
    let nothing =
        format!("{denied} because no identity-based policy allows the iam:ChangePassword action");
    fails(
        world.call(&key, change(FIRST, SECOND)),
        "AccessDenied",
        &nothing,
    );
    let policy = |lets| UpdateAccountPasswordPolicy {
        allow_users_to_change: lets,
        ..UpdateAccountPasswordPolicy::default()
    };
    world.root(policy(false)).unwrap();
    fails(
        world.call(&key, change(FIRST, SECOND)),
        "AccessDenied",
        &nothing,
    );
    world.root(policy(true)).unwrap();
    world.call(&key, change(FIRST, SECOND)).unwrap();
    // What denies it still wins.
    world.allow(
        "ann",
        r#"{"Effect":"Deny","Action":"iam:ChangePassword","Resource":"*"}"#,
    );
    let explicit = format!("{denied} with an explicit deny in an identity-based policy");
    fails(
        world.call(&key, change(SECOND, FIRST)),
        "AccessDenied",
        &explicit,
    );
    // It is no way to anybody's password but one's own, nor to anything else.
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
    );
    let caller = world.caller(&key, "iam").unwrap();
    let allows = |action: &'static str, user: &str| {
        let resource = format!("arn:aws:iam::123456789012:user/{user}");
        let need = locum_identity::caller::Need::new(action, resource);
        caller.allow(&world.facts(), &need).is_ok()
    };
    assert!(allows("iam:ChangePassword", "ann"));
    assert!(!allows("iam:ChangePassword", "bob"));
    assert!(!allows("iam:UpdateLoginProfile", "ann"));
    assert!(allows("iam:GetAccountPasswordPolicy", "ann"));
}

#[test]
fn the_latest_passwords_are_not_used_again() {
    let (world, key) = ann();
    world.allow("ann", MAY_CHANGE);
    let remember = |count| UpdateAccountPasswordPolicy {
        password_reuse_prevention: PasswordReusePrevention::new(count).ok(),
        ..UpdateAccountPasswordPolicy::default()
    };
    // Nothing says so.
    world.call(&key, change(FIRST, FIRST)).unwrap();
    world.call(&key, change(FIRST, SECOND)).unwrap();
    world.root(remember(1)).unwrap();
    fails(world.call(&key, change(SECOND, SECOND)), "Iam", VIOLATION);
    world.root(remember(2)).unwrap();
    fails(world.call(&key, change(SECOND, FIRST)), "Iam", VIOLATION);
    // Who does not know the old one is not told what was in use.
    fails(world.call(&key, change(THIRD, FIRST)), "Forbidden", WRONG);
    // Nor does an administrator set it.
    fails(
        world.root(update("ann", Some(FIRST), None)),
        "Iam",
        VIOLATION,
    );
    // Another letter case makes another password.
    world
        .call(&key, change(SECOND, &FIRST.to_uppercase()))
        .unwrap();
    world
        .call(&key, change(&FIRST.to_uppercase(), FIRST))
        .unwrap();
    world.root(remember(24)).unwrap();
    fails(world.call(&key, change(FIRST, SECOND)), "Iam", VIOLATION);
}

#[test]
fn twenty_four_passwords_are_kept_and_no_more() {
    let (world, key) = ann();
    world.allow("ann", MAY_CHANGE);
    let nth = |number: usize| format!("Password-{number}");
    world.call(&key, change(FIRST, &nth(0))).unwrap();
    for number in 1..24 {
        world
            .call(&key, change(&nth(number - 1), &nth(number)))
            .unwrap();
    }
    let profile = world.root(get("ann")).unwrap().profile;
    assert_eq!(profile.passwords().count(), LoginProfile::REMEMBERED);
    let policy = UpdateAccountPasswordPolicy {
        password_reuse_prevention: PasswordReusePrevention::new(24).ok(),
        ..UpdateAccountPasswordPolicy::default()
    };
    world.root(policy).unwrap();
    fails(
        world.call(&key, change(&nth(23), &nth(0))),
        "Iam",
        VIOLATION,
    );
    world.call(&key, change(&nth(23), FIRST)).unwrap();
}

#[test]
fn passwords_expire() {
    let (world, key) = ann();
    world.allow("ann", MAY_CHANGE);
    let aged = |hard| UpdateAccountPasswordPolicy {
        max_password_age: MaxPasswordAge::new(30).ok(),
        hard_expiry: hard,
        ..UpdateAccountPasswordPolicy::default()
    };
    world.root(aged(None)).unwrap();
    world.wait(30 * DAY - 1);
    assert_eq!(sign_in(&world, "ann", FIRST), Some(Standing::Good));
    world.wait(1);
    assert_eq!(sign_in(&world, "ann", FIRST), Some(Standing::MustChange));
    world.root(aged(Some(true))).unwrap();
    assert_eq!(sign_in(&world, "ann", FIRST), Some(Standing::Locked));
    assert_eq!(sign_in(&world, "ann", SECOND), None);
    world.root(aged(Some(false))).unwrap();
    assert_eq!(sign_in(&world, "ann", FIRST), Some(Standing::MustChange));
    // With an access key the password can be changed all the same.
    world.root(aged(Some(true))).unwrap();
    world.call(&key, change(FIRST, SECOND)).unwrap();
    assert_eq!(sign_in(&world, "ann", SECOND), Some(Standing::Good));
}

fn last_used(world: &World) -> Option<i64> {
    let got = world.root(GetUser {
        user_name: Some(n("ann")),
    });
    let Ok(GotUser::User(ann)) = got else {
        panic!("no user")
    };
    let listed = ListUsers {
        path_prefix: None,
        page: PageRequest::default(),
    };
    let listed = world.root(listed).unwrap();
    assert_eq!(listed.items[0].password_last_used, ann.password_last_used);
    ann.password_last_used
}

#[test]
fn the_last_use_of_a_password_is_kept() {
    let (world, _) = ann();
    assert_eq!(last_used(&world), None);
    world.wait(60);
    assert_eq!(sign_in(&world, "ann", SECOND), None);
    assert_eq!(last_used(&world), None, "a wrong one is no use");
    assert_eq!(sign_in(&world, "ann", FIRST), Some(Standing::Good));
    assert_eq!(last_used(&world), Some(START + 60));
    ready(world.realm.save_last_uses()).unwrap();
    assert_eq!(last_used(&world.reopened()), Some(START + 60));
}

/// Counts what it is given to do.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Workshop for Counted {
    fn run(&self, work: Work) -> Working<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        work();
        Box::pin(std::future::ready(()))
    }
}

/// A world of `ann`'s whose work is counted.
fn counted() -> (World, Key, Arc<Counted>) {
    let (mut world, key) = ann();
    let workshop = Arc::new(Counted::default());
    world.realm = world.realm.with_workshop(workshop.clone());
    (world, key, workshop)
}

#[test]
fn who_is_not_there_costs_what_a_wrong_password_costs() {
    let (world, _, workshop) = counted();
    world.user("bob");
    let cost = |account: &str, user: &str, text: &str| {
        let before = workshop.0.load(Ordering::Relaxed);
        let signed = ready(world.realm.sign_in(n(account), user, &password(text))).unwrap();
        (
            signed.is_some(),
            workshop.0.load(Ordering::Relaxed) - before,
        )
    };
    assert_eq!(cost(ACCOUNT, "ann", FIRST), (true, 1));
    assert_eq!(cost(ACCOUNT, "ann", SECOND), (false, 1));
    assert_eq!(
        cost(ACCOUNT, "bob", FIRST),
        (false, 1),
        "without a password"
    );
    assert_eq!(cost(ACCOUNT, "nobody", FIRST), (false, 1));
    assert_eq!(cost("999999999999", "ann", FIRST), (false, 1));
}

#[test]
fn what_is_refused_anyway_costs_no_work() {
    let (world, key, workshop) = counted();
    let refused = [
        world.root(create(Some("ann"), Some(SECOND))).map(drop),
        world.root(create(Some("bob"), Some(SECOND))).map(drop),
        world.root(update("ann", Some("short"), None)),
        world.root(update("ann", None, Some(true))),
        world.call(&key, change(FIRST, SECOND)),
    ];
    assert_eq!(refused.iter().filter(|result| result.is_err()).count(), 4);
    assert_eq!(workshop.0.load(Ordering::Relaxed), 0);
}

/// Keeps what it is given to do until somebody does it.
#[derive(Default)]
struct Waiting(Mutex<VecDeque<Work>>);

impl Workshop for Waiting {
    fn run(&self, work: Work) -> Working<'_> {
        self.0.lock().unwrap().push_back(work);
        // Ready at the second poll: by then the work is done.
        let mut is_first = true;
        Box::pin(std::future::poll_fn(move |_| {
            if std::mem::take(&mut is_first) {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }))
    }
}

impl Waiting {
    /// Does what waits; how much that was.
    fn work(&self) -> usize {
        let all = std::mem::take(&mut *self.0.lock().unwrap());
        all.into_iter().map(|work| work()).count()
    }
}

#[test]
fn few_passwords_are_hashed_at_once() {
    let (mut world, _) = ann();
    let workshop = Arc::new(Waiting::default());
    world.realm = world.realm.with_workshop(workshop.clone());
    let context = &mut Context::from_waker(Waker::noop());
    let first = password(FIRST);
    let mut all: Vec<_> = (0..16)
        .map(|_| Box::pin(world.realm.sign_in(n(ACCOUNT), "ann", &first)))
        .collect();
    let mut signed = 0;
    while signed < 16 {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(answer) => {
                assert!(answer.unwrap().is_some());
                signed += 1;
                false
            }
        });
        assert!(workshop.work() <= 4, "76 MiB at most");
    }
}

#[test]
fn a_flood_of_passwords_is_throttled_and_leaves_room_for_others() {
    let (mut world, _) = ann();
    let workshop = Arc::new(Waiting::default());
    world.realm = world.realm.with_workshop(workshop.clone());
    let context = &mut Context::from_waker(Waker::noop());
    let first = password(FIRST);
    let mut flood = |account: &str, count: usize| {
        let mut come = Vec::new();
        let mut throttled = 0;
        for _ in 0..count {
            let mut one = Box::pin(world.realm.sign_in(n(account), "ann", &first));
            match one.as_mut().poll(context) {
                Poll::Pending => come.push(one),
                Poll::Ready(answer) => {
                    assert!(matches!(answer, Err(Error::Throttled)), "{answer:?}");
                    throttled += 1;
                }
            }
        }
        (come, throttled)
    };
    let (own, throttled) = flood(ACCOUNT, 1000);
    assert_eq!((own.len(), throttled), (16, 984), "of one account");
    // Whether there is such an account does not show.
    let others = ["999999999991", "999999999992", "999999999993"].map(|it| flood(it, 17));
    assert!(others.iter().all(|(come, _)| come.len() == 16), "of others");
    let (none, throttled) = flood("999999999994", 1);
    assert_eq!((none.len(), throttled), (0, 1), "of all together");
    // Who hangs up leaves the queue; what is worked on has its place until it is done.
    drop(others);
    let (next, _) = flood("999999999994", 17);
    assert_eq!(next.len(), 16);
    drop((own, next));
    let (rest, _) = flood(ACCOUNT, 17);
    assert_eq!(rest.len(), 12);
    drop(rest);
    assert_eq!(workshop.work(), 4);
    assert_eq!(flood(ACCOUNT, 17).0.len(), 16);
}

#[test]
fn of_two_that_create_a_password_one_does() {
    let mut world = World::new();
    world.user("ann");
    let workshop = Arc::new(Waiting::default());
    world.realm = world.realm.with_workshop(workshop.clone());
    let caller = world.caller(&world.root, "iam").unwrap();
    let facts = world.facts();
    let context = &mut Context::from_waker(Waker::noop());
    let call = |text| {
        world
            .realm
            .call(&caller, &facts, create(Some("ann"), Some(text)))
    };
    let (mut one, mut other) = (pin!(call(FIRST)), pin!(call(SECOND)));
    assert!(one.as_mut().poll(context).is_pending());
    assert!(other.as_mut().poll(context).is_pending());
    assert_eq!(workshop.work(), 2, "both found no password");
    let Poll::Ready(Ok(_)) = other.as_mut().poll(context) else {
        panic!("refused")
    };
    let Poll::Ready(late) = one.as_mut().poll(context) else {
        panic!("waits")
    };
    fails(
        late,
        "EntityAlreadyExists",
        "Login Profile for user ann already exists.",
    );
}

/// What was compared must be what is replaced.
#[test]
fn a_password_that_was_changed_meanwhile_is_not_known_any_more() {
    let (mut world, key) = ann();
    world.allow("ann", MAY_CHANGE);
    let workshop = Arc::new(Waiting::default());
    world.realm = world.realm.with_workshop(workshop.clone());
    let ann = world.caller(&key, "iam").unwrap();
    let root = world.caller(&world.root, "iam").unwrap();
    let facts = world.facts();
    let context = &mut Context::from_waker(Waker::noop());
    let mut own = pin!(world.realm.call(&ann, &facts, change(FIRST, SECOND)));
    let reset = update("ann", Some(THIRD), Some(true));
    let mut reset = pin!(world.realm.call(&root, &facts, reset));
    assert!(own.as_mut().poll(context).is_pending());
    assert!(reset.as_mut().poll(context).is_pending());
    assert_eq!(workshop.work(), 2);
    assert!(matches!(reset.as_mut().poll(context), Poll::Ready(Ok(()))));
    // Once more, with the password as it is now.
    assert!(own.as_mut().poll(context).is_pending());
    assert_eq!(workshop.work(), 1);
    let Poll::Ready(late) = own.as_mut().poll(context) else {
        panic!("waits")
    };
    fails(late, "Forbidden", WRONG);
    let third = password(THIRD);
    let mut signed = pin!(world.realm.sign_in(n(ACCOUNT), "ann", &third));
    assert!(signed.as_mut().poll(context).is_pending());
    assert_eq!(workshop.work(), 1);
    let Poll::Ready(Ok(Some(signed))) = signed.as_mut().poll(context) else {
        panic!("the administrator's password does not sign in")
    };
    assert_eq!(signed.standing, Standing::MustChange);
}

#[test]
fn no_password_is_stored_or_printed() {
    let (world, key) = ann();
    world.allow("ann", MAY_CHANGE);
    world.call(&key, change(FIRST, THIRD)).unwrap();
    let stored = ready(world.store.load(Scope::Account(n(ACCOUNT)))).unwrap();
    let feed = ready(world.store.feed(0, 1000)).unwrap();
    let everything = format!("{stored:?} {feed:?}");
    assert!(everything.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
    let printed = format!(
        "{:?} {:?} {:?} {:?}",
        create(Some("ann"), Some(FIRST)),
        change(FIRST, THIRD),
        update("ann", Some(FIRST), None),
        world.root(get("ann")).unwrap(),
    );
    assert!(!printed.contains("$argon2id"), "{printed}");
    for text in [FIRST, THIRD, "Hung", "Correct-Horse"] {
        assert!(
            !everything.contains(text) && !printed.contains(text),
            "{text}"
        );
    }
}
