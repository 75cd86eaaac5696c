//! Writers of one account, one behind the other: who waits for whom, and what becomes of those behind a
//! commit that fails.

use crate::common::{ACCOUNT, Memory, World, fails, n};
use locum_identity::caller::Caller;
use locum_identity::entity::ImportedPolicy;
use locum_identity::environment::Seconds;
use locum_identity::error::Error;
use locum_identity::iam::groups::{AddUserToGroup, CreateGroup};
use locum_identity::iam::users::{CreateUser, TagUser, UpdateUser};
use locum_identity::names::{AccountId, Tag};
use locum_identity::operation::Operation;
use locum_identity::organizations::CreateAccount;
use locum_identity::port::{
    Access, Answer, Chain, Committed, FeedEntry, LastUse, Loaded, Origin, Report, Scope, Store,
    StoreError, Write,
};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// A store that answers commits of chains when it is told to, as a slow disk does.
struct Slow {
    behind: Arc<Memory>,
    /// Whether accounts cannot be read.
    unreadable: AtomicBool,
    line: Mutex<VecDeque<Waiting>>,
}

struct Waiting {
    writes: Vec<Write>,
    origin: Origin,
    chain: Chain,
    answer: Arc<Mutex<Option<Result<Committed, StoreError>>>>,
}

impl Slow {
    fn waiting(&self) -> usize {
        self.line.lock().unwrap().len()
    }

    /// Does the first commit of the line, or lets the disk be full.
    fn step(&self, disk_is_full: bool) {
        let waiting = self.line.lock().unwrap().pop_front().unwrap();
        let committed = if waiting.chain.is_broken() {
            Ok(Committed::Conflict)
        } else if disk_is_full {
            Err(StoreError("the disk is full".into()))
        } else {
            now(self.behind.commit(waiting.writes, waiting.origin))
        };
        if !matches!(committed, Ok(Committed::Yes)) {
            waiting.chain.break_off();
        }
        *waiting.answer.lock().unwrap() = Some(committed);
    }
}

impl Store for Slow {
    fn load(&self, scope: Scope) -> Answer<'_, Loaded> {
        if scope != Scope::Realm && self.unreadable.load(Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(StoreError("no answer".into()))));
        }
        self.behind.load(scope)
    }

    fn commit(&self, writes: Vec<Write>, origin: Origin) -> Answer<'_, Committed> {
        self.behind.commit(writes, origin)
    }

    fn submit(
        self: Arc<Self>,
        writes: Vec<Write>,
        origin: Origin,
        chain: Chain,
    ) -> Answer<'static, Answer<'static, Committed>> {
        let answer = Arc::new(Mutex::new(None));
        self.line.lock().unwrap().push_back(Waiting {
            writes,
            origin,
            chain,
            answer: answer.clone(),
        });
        let told: Answer<'static, Committed> =
            Box::pin(std::future::poll_fn(move |_| {
                match answer.lock().unwrap().take() {
                    Some(told) => Poll::Ready(told),
                    None => Poll::Pending,
                }
            }));
        Box::pin(std::future::ready(Ok(told)))
    }

    fn feed(&self, after: u64, limit: usize) -> Answer<'_, Vec<FeedEntry>> {
        self.behind.feed(after, limit)
    }

    fn newest(&self) -> Answer<'_, u64> {
        self.behind.newest()
    }

    fn save_last_uses(&self, uses: Vec<LastUse>) -> Answer<'_, ()> {
        self.behind.save_last_uses(uses)
    }

    fn last_uses(&self, account: AccountId) -> Answer<'_, Vec<LastUse>> {
        self.behind.last_uses(account)
    }

    fn save_accesses(&self, accesses: Vec<Access>, kept_from: Seconds) -> Answer<'_, ()> {
        self.behind.save_accesses(accesses, kept_from)
    }

    fn accesses(&self, account: AccountId, principal: Option<String>) -> Answer<'_, Vec<Access>> {
        self.behind.accesses(account, principal)
    }

    fn save_report(&self, report: Report) -> Answer<'_, ()> {
        self.behind.save_report(report)
    }

    fn report(&self, account: AccountId, id: String) -> Answer<'_, Option<Report>> {
        self.behind.report(account, id)
    }
}

fn now<T>(mut future: Pin<Box<impl Future<Output = T> + ?Sized>>) -> T {
    match poll(&mut future) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn poll<T>(future: &mut Pin<Box<impl Future<Output = T> + ?Sized>>) -> Poll<T> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// A world with the user `first`, and one over the same store in which commits wait.
fn worlds() -> (World, World, Arc<Slow>) {
    let quick = World::new();
    quick.user("first");
    let slow = Arc::new(Slow {
        behind: quick.store.clone(),
        unreadable: AtomicBool::new(false),
        line: Mutex::default(),
    });
    let world = quick.behind(&(slow.clone() as Arc<dyn Store>));
    // What the other world drew is not drawn again.
    for _ in 0..50 {
        world.realm.environment().entropy.fill(&mut [0; 8]);
    }
    (quick, world, slow)
}

/// A request under way.
type Request<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

/// Begins a request of the root user: as far as it gets without the disk.
fn begin<'a, O: Operation + 'a>(world: &'a World, operation: O) -> Request<'a, O::Output> {
    let root: Caller = world.caller(&world.root, O::SERVICE.name()).unwrap();
    let facts = world.facts();
    let mut request: Request<'a, O::Output> =
        Box::pin(async move { world.realm.call(&root, &facts, operation).await });
    assert!(poll(&mut request).is_pending(), "it did not wait");
    request
}

fn create(name: &str) -> CreateUser {
    CreateUser {
        user_name: n(name),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    }
}

fn users(world: &World) -> Vec<String> {
    let account = world.realm.account(n(ACCOUNT));
    let account = now(Box::pin(account)).unwrap().unwrap();
    account
        .users
        .iter()
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn writers_wait_for_the_disk_together_and_readers_see_what_is_durable() {
    let (_, world, slow) = worlds();
    let mut requests: Vec<_> = (0..5)
        .map(|number| begin(&world, create(&format!("user-{number}"))))
        .collect();
    assert_eq!(slow.waiting(), 5);
    assert_eq!(users(&world), ["first"]);
    slow.step(false);
    slow.step(false);
    // The one behind is asked first: what is before it is durable then too.
    assert!(matches!(poll(&mut requests[1]), Poll::Ready(Ok(_))));
    assert_eq!(users(&world), ["first", "user-0", "user-1"]);
    assert!(matches!(poll(&mut requests[0]), Poll::Ready(Ok(_))));
    assert!(poll(&mut requests[2]).is_pending());
    for _ in 2..5 {
        slow.step(false);
    }
    for request in &mut requests[2..] {
        assert!(matches!(poll(request), Poll::Ready(Ok(_))));
    }
    assert_eq!(users(&world).len(), 6);
    assert_eq!(users(&world.reopened()), users(&world));
}

#[test]
fn an_answer_that_rests_on_a_commit_under_way_waits_for_it() {
    let (_, world, slow) = worlds();
    let mut one = begin(&world, create("ann"));
    // That there is an ann already, and that there is nothing to change about her.
    let mut two = begin(&world, create("Ann"));
    let mut three = begin(
        &world,
        UpdateUser {
            user_name: n("ann"),
            new_path: None,
            new_user_name: None,
        },
    );
    assert_eq!(slow.waiting(), 1);
    slow.step(false);
    assert!(matches!(poll(&mut one), Poll::Ready(Ok(_))));
    fails(
        now(two),
        "EntityAlreadyExists",
        "User with name Ann already exists.",
    );
    assert!(matches!(poll(&mut three), Poll::Ready(Ok(()))));

    // Where it fails, the answer is another.
    let mut one = begin(&world, create("bob"));
    two = begin(&world, create("Bob"));
    slow.step(true);
    fails(
        match poll(&mut one) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("it waits"),
        },
        "ServiceUnavailable",
        "Service is temporarily unavailable, please retry the request.",
    );
    assert!(poll(&mut two).is_pending());
    slow.step(false);
    assert_eq!(now(two).unwrap().name.as_str(), "Bob");
    assert_eq!(users(&world), ["ann", "bob", "first"]);
}

#[test]
fn what_was_made_on_a_commit_that_fails_is_made_again_or_refused() {
    let (_, world, slow) = worlds();
    let group = begin(
        &world,
        CreateGroup {
            group_name: n("team"),
            path: None,
        },
    );
    let mut member = begin(
        &world,
        AddUserToGroup {
            group_name: n("team"),
            user_name: n("first"),
        },
    );
    let mut other = begin(&world, create("other"));
    assert_eq!(slow.waiting(), 3);
    slow.step(true);
    slow.step(false);
    slow.step(false);
    // Neither of the two behind was written: they begin again, on what is there.
    fails(
        now(group),
        "ServiceUnavailable",
        "Service is temporarily unavailable, please retry the request.",
    );
    // The first to begin again waits until the others know that they failed.
    assert!(poll(&mut member).is_pending());
    assert!(poll(&mut other).is_pending());
    fails(
        now(member),
        "NoSuchEntity",
        "The group with name team cannot be found.",
    );
    assert!(poll(&mut other).is_pending());
    assert_eq!(users(&world), ["first"]);
    slow.step(false);
    assert!(now(other).is_ok());
    assert_eq!(users(&world.reopened()), ["first", "other"]);
}

/// The versions would fit: the other process made the one that the first of the chain was to make.
#[test]
fn a_chain_is_not_carried_on_upon_another_process_change() {
    let (quick, world, slow) = worlds();
    let mut one = begin(&world, create("one"));
    let mut two = begin(&world, create("two"));
    let mut three = begin(&world, create("three"));
    let tag = Tag {
        key: n("by"),
        value: n("another process"),
    };
    quick
        .root(TagUser {
            resource: n("first"),
            tags: vec![tag.clone()],
        })
        .unwrap();
    for _ in 0..3 {
        slow.step(false);
    }
    // Twice: the first to begin again waits until the others know that they failed.
    for _ in 0..2 {
        for request in [&mut one, &mut two, &mut three] {
            assert!(poll(request).is_pending());
        }
    }
    assert_eq!(slow.waiting(), 3);
    assert_eq!(users(&quick), ["first"]);
    for _ in 0..3 {
        slow.step(false);
    }
    for request in [one, two, three] {
        assert!(now(request).is_ok());
    }
    for world in [&world, &world.reopened()] {
        assert_eq!(users(world), ["first", "one", "three", "two"]);
        let account = now(Box::pin(world.realm.account(n(ACCOUNT)))).unwrap();
        let account = account.unwrap();
        assert_eq!(
            account.users.named("first").unwrap().user.tags,
            std::slice::from_ref(&tag)
        );
    }
    now(Box::pin(quick.realm.catch_up())).unwrap();
    assert_eq!(users(&quick), ["first", "one", "three", "two"]);
}

#[test]
fn a_request_that_is_cancelled_leaves_nothing_that_is_not_so() {
    let (_, world, slow) = worlds();
    // It is in line already, and happens though nobody waits; who comes later builds on it.
    drop(begin(&world, create("gone")));
    let next = begin(&world, create("next"));
    slow.step(false);
    slow.step(false);
    assert!(now(next).is_ok());
    assert_eq!(users(&world), ["first", "gone", "next"]);

    // Nobody comes: whoever follows the feed sees it.
    drop(begin(&world, create("alone")));
    slow.step(false);
    assert_eq!(users(&world), ["first", "gone", "next"]);
    now(Box::pin(world.realm.catch_up())).unwrap();
    assert_eq!(users(&world), ["alone", "first", "gone", "next"]);

    // It fails: who built on it begins again.
    drop(begin(&world, create("never")));
    let mut after = begin(&world, create("Never"));
    slow.step(true);
    assert!(poll(&mut after).is_pending());
    slow.step(false);
    assert_eq!(now(after).unwrap().name.as_str(), "Never");
    assert_eq!(users(&world.reopened()).len(), 5);
}

#[test]
fn accounts_that_were_not_used_for_longest_leave_memory_and_come_back() {
    let (quick, world, slow) = worlds();
    let mut others = Vec::new();
    for name in ["a", "b", "c"] {
        let created = quick.root(CreateAccount {
            account_name: n(name),
            email: n(&format!("{name}@example.com")),
            role_name: None,
            tags: Vec::new(),
        });
        others.push(created.unwrap().account.unwrap());
    }
    now(Box::pin(world.realm.catch_up())).unwrap();
    let use_it = |id: AccountId| {
        let account = now(Box::pin(world.realm.account(id))).unwrap();
        account.unwrap()
    };
    let first = use_it(n(ACCOUNT));
    // Room for that one and two of the others.
    world
        .realm
        .keep_at_most(first.entities() + 2 * use_it(others[0]).entities());
    use_it(others[1]);
    use_it(n(ACCOUNT));
    assert_eq!(world.realm.in_memory().0, 3);
    use_it(others[2]);
    assert_eq!(world.realm.in_memory().0, 3);
    // The first of the others went; who holds it keeps it, and it is loaded again when it is used.
    assert_eq!(use_it(others[0]).id, others[0]);
    assert_eq!(world.realm.in_memory().0, 3);

    // One that is being written stays, however little room there is.
    world.realm.keep_at_most(0);
    let request = begin(&world, create("late"));
    use_it(others[1]);
    use_it(others[2]);
    assert_eq!(world.realm.in_memory().0, 2);
    slow.step(false);
    assert!(now(request).is_ok());
    use_it(others[0]);
    assert_eq!(world.realm.in_memory().0, 1);
    // What another process changes meanwhile is there when it comes back.
    quick.user("elsewhere");
    now(Box::pin(world.realm.catch_up())).unwrap();
    assert_eq!(users(&world), ["elsewhere", "first", "late"]);
    assert_eq!(users(&world.reopened()), users(&world));
}

/// Another process imports; this one knows of the policies, but cannot read its accounts at once.
#[test]
fn accounts_have_imported_policies_though_the_store_did_not_answer_at_first() {
    let (quick, world, slow) = worlds();
    let arn = "arn:aws:iam::aws:policy/Imported";
    let has_it = || {
        let account = now(Box::pin(world.realm.account(n(ACCOUNT)))).unwrap();
        account.unwrap().aws_managed.policy(arn).is_some()
    };
    assert!(!has_it());
    let policy = ImportedPolicy {
        arn: arn.to_owned(),
        id: None,
        description: None,
        version: 1,
        created: 0,
        updated: 0,
        document: r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned(),
    };
    now(Box::pin(quick.realm.import_aws_managed_policies(
        std::slice::from_ref(&policy),
        false,
    )))
    .unwrap();
    slow.unreadable.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let error = now(Box::pin(world.realm.catch_up())).unwrap_err();
        assert!(matches!(error, Error::ServiceUnavailable(_)), "{error}");
        assert!(!has_it());
    }
    slow.unreadable.store(false, Ordering::Relaxed);
    now(Box::pin(world.realm.catch_up())).unwrap();
    assert!(has_it());
}
