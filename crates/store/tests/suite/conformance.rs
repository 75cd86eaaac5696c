//! What every implementation of the store port must do. A module names its stores with
//! `conformance!`, and each check below becomes a test that runs on a new and empty store.

use locum_identity::names::{AccountId, Constrained as _};
use locum_identity::port::{
    Access, Committed, FeedEntry, LastUse, Loaded, Origin, REPORTS_KEPT, Record, Report, Scope,
    Settled, Store, Voucher, Write,
};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// One module of tests for each kind of store; `$open` is a function that gives something which
/// dereferences to a new store.
macro_rules! conformance {
    ($($name:ident => $open:expr;)*) => {
        $(conformance!(@ $name, $open,
            a_scope_never_written_is_empty,
            commits_are_read_back,
            a_version_that_is_not_the_newest_conflicts,
            a_conflict_of_one_scope_writes_nothing,
            an_empty_commit_changes_nothing,
            a_write_of_nothing_makes_a_version,
            keys_keep_their_letter_case,
            any_text_is_a_key,
            bodies_come_back_byte_for_byte,
            what_makes_no_sense_is_refused,
            the_feed_tells_everything_in_order,
            the_feed_is_read_in_pages,
            the_newest_use_is_kept,
            the_newest_attempt_at_each_action_is_kept,
            old_attempts_are_forgotten,
            reports_are_kept_until_they_expire,
            of_an_account_the_newest_reports_are_kept,
            a_voucher_is_settled_by_who_read_it_last,
            writers_to_one_scope_lose_no_update,
            writers_to_many_scopes_all_succeed,
            writers_to_two_scopes_change_both_or_none,
        );)*
    };
    (@ $name:ident, $open:expr, $($check:ident,)*) => {
        mod $name {
            use super::*;
            $(#[test]
            fn $check() {
                conformance::$check(&*$open());
            })*
        }
    };
}
pub(crate) use conformance;

/// Runs a future on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

pub(crate) fn account_id(number: u64) -> AccountId {
    AccountId::parse(&format!("{number:012}")).unwrap()
}

pub(crate) fn account(number: u64) -> Scope {
    Scope::Account(account_id(number))
}

pub(crate) fn origin(request: &str) -> Origin {
    Origin {
        at: 1_700_000_000,
        actor: "arn:aws:iam::000000000001:root".into(),
        action: "iam:CreateUser".into(),
        request_id: request.into(),
    }
}

pub(crate) fn record(kind: &str, key: &str, body: &str) -> Record {
    Record {
        kind: kind.into(),
        key: key.into(),
        body: body.into(),
    }
}

pub(crate) fn write(
    scope: Scope,
    expected_version: u64,
    puts: &[Record],
    deletes: &[(&str, &str)],
) -> Write {
    let deletes = deletes
        .iter()
        .map(|(kind, key)| ((*kind).to_owned(), (*key).to_owned()))
        .collect();
    Write {
        scope,
        expected_version,
        puts: puts.to_vec(),
        deletes,
    }
}

fn commit(store: &dyn Store, writes: &[Write]) -> Committed {
    block_on(store.commit(writes.to_vec(), origin("request"))).unwrap()
}

fn load(store: &dyn Store, scope: Scope) -> Loaded {
    let mut loaded = block_on(store.load(scope)).unwrap();
    loaded
        .records
        .sort_by(|a, b| (&a.kind, &a.key).cmp(&(&b.kind, &b.key)));
    loaded
}

/// Asserts the version and the entities, which are given in order.
fn check(store: &dyn Store, scope: Scope, version: u64, records: &[Record]) {
    assert_eq!(
        load(store, scope),
        Loaded {
            version,
            records: records.to_vec()
        }
    );
}

fn newest(store: &dyn Store) -> u64 {
    block_on(store.newest()).unwrap()
}

pub(crate) fn a_scope_never_written_is_empty(store: &dyn Store) {
    check(store, Scope::Realm, 0, &[]);
    check(store, account(1), 0, &[]);
    assert_eq!(newest(store), 0);
    assert_eq!(block_on(store.feed(0, 10)).unwrap(), []);
    assert_eq!(block_on(store.last_uses(account_id(1))).unwrap(), []);
}

pub(crate) fn commits_are_read_back(store: &dyn Store) {
    let (ann, bob, role) = (
        record("user", "ann", "1"),
        record("user", "bob", "2"),
        record("role", "ann", "3"),
    );
    let put = [ann.clone(), bob.clone(), role.clone()];
    assert_eq!(
        commit(store, &[write(account(1), 0, &put, &[])]),
        Committed::Yes
    );
    check(store, account(1), 1, &[role.clone(), ann.clone(), bob]);
    check(store, account(2), 0, &[]);
    check(store, Scope::Realm, 0, &[]);

    let bob = record("user", "bob", "{\"new\":true}");
    let second = write(
        account(1),
        1,
        std::slice::from_ref(&bob),
        &[("role", "ann"), ("role", "nobody")],
    );
    assert_eq!(commit(store, &[second]), Committed::Yes);
    check(store, account(1), 2, &[ann, bob]);
}

pub(crate) fn a_version_that_is_not_the_newest_conflicts(store: &dyn Store) {
    let (old, new) = (
        record("user", "ann", "\"old\""),
        record("user", "ann", "\"new\""),
    );
    let put = |expected| {
        [write(
            account(1),
            expected,
            std::slice::from_ref(&new),
            &[("user", "bob")],
        )]
    };
    for expected in [1, 2, u64::MAX / 2, u64::MAX] {
        assert_eq!(
            commit(store, &put(expected)),
            Committed::Conflict,
            "{expected}"
        );
    }
    check(store, account(1), 0, &[]);
    assert_eq!(
        commit(
            store,
            &[write(account(1), 0, std::slice::from_ref(&old), &[])]
        ),
        Committed::Yes
    );
    for expected in [0, 2, u64::MAX / 2, u64::MAX] {
        assert_eq!(
            commit(store, &put(expected)),
            Committed::Conflict,
            "{expected}"
        );
    }
    check(store, account(1), 1, &[old]);
    assert_eq!(newest(store), 1);
    assert_eq!(commit(store, &put(1)), Committed::Yes);
    check(store, account(1), 2, &[new]);
}

pub(crate) fn a_conflict_of_one_scope_writes_nothing(store: &dyn Store) {
    let ann = record("user", "ann", "1");
    let both = |first, second| {
        [
            write(account(1), first, std::slice::from_ref(&ann), &[]),
            write(account(2), second, std::slice::from_ref(&ann), &[]),
        ]
    };
    assert_eq!(commit(store, &both(0, 1)), Committed::Conflict);
    assert_eq!(commit(store, &both(1, 0)), Committed::Conflict);
    check(store, account(1), 0, &[]);
    check(store, account(2), 0, &[]);
    assert_eq!(newest(store), 0);
    assert_eq!(commit(store, &both(0, 0)), Committed::Yes);
    check(store, account(1), 1, std::slice::from_ref(&ann));
    check(store, account(2), 1, &[ann]);
    assert_eq!(newest(store), 2);
}

pub(crate) fn an_empty_commit_changes_nothing(store: &dyn Store) {
    assert_eq!(commit(store, &[]), Committed::Yes);
    assert_eq!(newest(store), 0);
}

pub(crate) fn a_write_of_nothing_makes_a_version(store: &dyn Store) {
    assert_eq!(
        commit(store, &[write(Scope::Realm, 0, &[], &[])]),
        Committed::Yes
    );
    check(store, Scope::Realm, 1, &[]);
    assert_eq!(newest(store), 1);
}

pub(crate) fn keys_keep_their_letter_case(store: &dyn Store) {
    let keys = ["ANN", "Ann", "ann", "Ä", "ä"];
    let records = keys.map(|key| record("user", key, &format!("\"{key}\"")));
    assert_eq!(
        commit(store, &[write(account(1), 0, &records, &[])]),
        Committed::Yes
    );
    check(store, account(1), 1, &records);
    assert_eq!(
        commit(
            store,
            &[write(
                account(1),
                1,
                &[],
                &[("user", "ann"), ("USER", "Ann")]
            )]
        ),
        Committed::Yes
    );
    let left: Vec<_> = records
        .into_iter()
        .filter(|record| record.key != "ann")
        .collect();
    check(store, account(1), 2, &left);
}

pub(crate) fn any_text_is_a_key(store: &dyn Store) {
    let keys = [
        "",
        "\0",
        "\0a",
        " ",
        " a",
        "%",
        "'; DROP TABLE entities; --",
        "1",
        "1.0",
        "_",
        "a\"b\\",
        "a ",
        "\u{10FFFF}",
    ];
    let mut records = keys.map(|key| record("kind", key, "null")).to_vec();
    records.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(
        commit(store, &[write(account(1), 0, &records, &[])]),
        Committed::Yes
    );
    check(store, account(1), 1, &records);
    assert_eq!(feed_puts(store), records);
}

pub(crate) fn bodies_come_back_byte_for_byte(store: &dyn Store) {
    let bodies = [
        "{}",
        "{ \"b\" : 1,\n\t\"a\" : 1.0 , \"a\" : 1e2 }",
        "\"\\u00e9\\/ é \u{10FFFF}\"",
        "123456789012345678901234567890.00",
        "[null,true,-0]",
    ];
    let long = format!("\"{}\"", "long ".repeat(100_000));
    let bodies: Vec<&str> = bodies.into_iter().chain([long.as_str()]).collect();
    let records: Vec<_> = (0..)
        .zip(&bodies)
        .map(|(n, body)| record("kind", &format!("{n}"), body))
        .collect();
    assert_eq!(
        commit(store, &[write(account(1), 0, &records, &[])]),
        Committed::Yes
    );
    check(store, account(1), 1, &records);
    assert_eq!(feed_puts(store), records);
}

/// The entities put by the only feed entry.
fn feed_puts(store: &dyn Store) -> Vec<Record> {
    let [entry] = block_on(store.feed(0, 2)).unwrap().try_into().unwrap();
    entry.puts
}

pub(crate) fn what_makes_no_sense_is_refused(store: &dyn Store) {
    let ann = record("user", "ann", "1");
    let put = |body| {
        vec![write(
            account(1),
            0,
            &[ann.clone(), record("user", "bob", body)],
            &[],
        )]
    };
    let refusals = [
        vec![
            write(account(1), 0, &[], &[]),
            write(account(1), 1, &[], &[]),
        ],
        vec![write(account(1), 0, &[ann.clone(), ann.clone()], &[])],
        vec![write(
            account(1),
            0,
            std::slice::from_ref(&ann),
            &[("user", "ann")],
        )],
        vec![write(
            account(1),
            0,
            &[],
            &[("user", "ann"), ("user", "ann")],
        )],
        put(""),
        put("{"),
        put("{} {}"),
        put(" 1"),
        put("1\n"),
        put("text"),
    ];
    for writes in refusals {
        let error = block_on(store.commit(writes.clone(), origin("request"))).unwrap_err();
        assert!(
            error.to_string().starts_with("the store failed: the "),
            "{writes:?}: {error}"
        );
    }
    check(store, account(1), 0, &[]);
    assert_eq!(newest(store), 0);
}

pub(crate) fn the_feed_tells_everything_in_order(store: &dyn Store) {
    let (ann, bob) = (
        record("user", "ann", "{\"a\": 1}"),
        record("user", "bob", "2"),
    );
    let first = write(account(7), 0, &[bob.clone(), ann.clone()], &[]);
    let second = [
        write(Scope::Realm, 0, &[ann], &[]),
        write(account(7), 1, &[], &[("user", "bob"), ("role", "x")]),
    ];
    let origins = [
        Origin {
            at: -5,
            actor: "locum".into(),
            action: "init".into(),
            request_id: String::new(),
        },
        origin("\"é\\"),
    ];
    assert_eq!(
        block_on(store.commit(vec![first.clone()], origins[0].clone())).unwrap(),
        Committed::Yes
    );
    assert_eq!(
        commit(store, &[write(account(7), 0, &[bob], &[])]),
        Committed::Conflict
    );
    assert_eq!(
        block_on(store.commit(second.to_vec(), origins[1].clone())).unwrap(),
        Committed::Yes
    );

    let feed = block_on(store.feed(0, 10)).unwrap();
    let sequences: Vec<u64> = feed.iter().map(|entry| entry.sequence).collect();
    assert!(
        sequences.is_sorted_by(|a, b| a < b) && sequences.iter().all(|n| *n > 0),
        "{sequences:?}"
    );
    assert_eq!(sequences.last(), Some(&newest(store)));
    let expected: Vec<FeedEntry> = [(first, 0), (second[0].clone(), 1), (second[1].clone(), 1)]
        .into_iter()
        .zip(sequences)
        .map(|((write, origin), sequence)| FeedEntry {
            sequence,
            scope: write.scope,
            version: write.expected_version + 1,
            origin: origins[origin].clone(),
            puts: write.puts,
            deletes: write.deletes,
        })
        .collect();
    assert_eq!(feed, expected);
}

pub(crate) fn the_feed_is_read_in_pages(store: &dyn Store) {
    for version in 0..25 {
        assert_eq!(
            commit(store, &[write(account(version % 2), version / 2, &[], &[])]),
            Committed::Yes
        );
    }
    let all = block_on(store.feed(0, usize::MAX)).unwrap();
    assert_eq!(all.len(), 25);
    let (mut after, mut paged) = (0, Vec::new());
    loop {
        let page = block_on(store.feed(after, 10)).unwrap();
        assert!(page.len() <= 10);
        let Some(last) = page.last() else { break };
        after = last.sequence;
        paged.extend(page);
    }
    assert_eq!(paged, all);
    assert_eq!(after, newest(store));
    assert_eq!(block_on(store.feed(0, 0)).unwrap(), []);
    assert_eq!(block_on(store.feed(u64::MAX, 10)).unwrap(), []);
}

pub(crate) fn the_newest_use_is_kept(store: &dyn Store) {
    let used = |account, subject: &str, at, service: &str| LastUse {
        account: account_id(account),
        subject: subject.into(),
        at,
        service: service.into(),
        region: "eu-central-1".into(),
    };
    let save = |uses: &[LastUse]| block_on(store.save_last_uses(uses.to_vec())).unwrap();
    let check = |account, expected: &[LastUse]| {
        let mut uses = block_on(store.last_uses(account_id(account))).unwrap();
        uses.sort_by(|a, b| a.subject.cmp(&b.subject));
        assert_eq!(uses, expected);
    };
    save(&[]);
    save(&[
        used(1, "A", 10, "iam"),
        used(1, "B", 10, "iam"),
        used(2, "A", 5, "s3"),
        used(1, "A", 11, "sts"),
    ]);
    check(1, &[used(1, "A", 11, "sts"), used(1, "B", 10, "iam")]);
    check(2, &[used(2, "A", 5, "s3")]);
    save(&[used(1, "A", 9, "old"), used(1, "B", 12, "s3")]);
    check(1, &[used(1, "A", 11, "sts"), used(1, "B", 12, "s3")]);
    check(3, &[]);
    assert_eq!(newest(store), 0, "uses are not part of any version");
}

fn access(account: u64, principal: &str, action: &str, at: i64) -> Access {
    Access {
        account: account_id(account),
        principal: principal.into(),
        service: "s3".into(),
        action: action.into(),
        at,
        region: format!("region-{at}"),
    }
}

#[track_caller]
fn check_accesses(store: &dyn Store, account: u64, of: Option<&str>, expected: &[Access]) {
    let of = of.map(str::to_owned);
    let mut accesses = block_on(store.accesses(account_id(account), of)).unwrap();
    accesses.sort_by(|a, b| (&a.principal, &a.action).cmp(&(&b.principal, &b.action)));
    assert_eq!(accesses, expected);
}

pub(crate) fn the_newest_attempt_at_each_action_is_kept(store: &dyn Store) {
    let save = |accesses: &[Access]| block_on(store.save_accesses(accesses.to_vec(), 0)).unwrap();
    save(&[]);
    check_accesses(store, 1, None, &[]);
    save(&[
        access(1, "A", "Get", 10),
        access(1, "A", "Put", 10),
        access(1, "B", "Get", 11),
        access(2, "A", "Get", 12),
        access(1, "A", "Get", 13),
    ]);
    // What another process saw earlier, and later.
    save(&[access(1, "A", "Get", 12), access(1, "A", "Put", 14)]);
    let of_a = [access(1, "A", "Get", 13), access(1, "A", "Put", 14)];
    check_accesses(store, 1, Some("A"), &of_a);
    let [get, put] = of_a;
    check_accesses(store, 1, None, &[get, put, access(1, "B", "Get", 11)]);
    check_accesses(store, 2, None, &[access(2, "A", "Get", 12)]);
    check_accesses(store, 1, Some("a"), &[]);
    check_accesses(store, 3, None, &[]);
    assert_eq!(newest(store), 0, "attempts are not part of any version");
}

pub(crate) fn old_attempts_are_forgotten(store: &dyn Store) {
    let save = |accesses: &[Access], since| {
        block_on(store.save_accesses(accesses.to_vec(), since)).unwrap();
    };
    save(&[access(1, "A", "Get", 10), access(2, "A", "Get", 20)], 0);
    save(&[access(1, "B", "Get", 30)], 20);
    check_accesses(store, 1, None, &[access(1, "B", "Get", 30)]);
    check_accesses(store, 2, None, &[access(2, "A", "Get", 20)]);
}

fn report(account: u64, id: &str, created: i64, expires: i64) -> Report {
    Report {
        account: account_id(account),
        id: id.into(),
        created,
        expires,
        body: format!("{{\"of\":\"{id}\"}}"),
    }
}

pub(crate) fn reports_are_kept_until_they_expire(store: &dyn Store) {
    let save = |report: &Report| block_on(store.save_report(report.clone())).unwrap();
    let read =
        |account, id: &str| block_on(store.report(account_id(account), id.to_owned())).unwrap();
    let (first, second) = (report(1, "first", 10, 20), report(2, "second", 15, 30));
    save(&first);
    save(&second);
    assert_eq!(read(1, "first"), Some(first));
    assert_eq!(read(2, "first"), None, "it is another account's");
    assert_eq!(read(1, "FIRST"), None);
    save(&report(1, "third", 20, 30));
    assert_eq!(read(1, "first"), None, "it has expired");
    assert_eq!(read(2, "second"), Some(second));
    assert_eq!(newest(store), 0, "reports are not part of any version");
}

pub(crate) fn of_an_account_the_newest_reports_are_kept(store: &dyn Store) {
    let save = |report: Report| block_on(store.save_report(report)).unwrap();
    let is_there = |account, id: &str| {
        let report = block_on(store.report(account_id(account), id.to_owned()));
        report.unwrap().is_some()
    };
    save(report(2, "other", 1, 1000));
    for number in 0..=REPORTS_KEPT {
        save(report(1, &number.to_string(), 1, 1000));
    }
    assert!(!is_there(1, "0"));
    assert!(is_there(1, "1") && is_there(1, &REPORTS_KEPT.to_string()));
    assert!(is_there(2, "other"));
}

pub(crate) fn a_voucher_is_settled_by_who_read_it_last(store: &dyn Store) {
    let voucher = |question: &str, answered, due, expires| Voucher {
        provider: "arn:p".into(),
        question: question.into(),
        version: 0,
        body: format!("{{\"q\":\"{question}\"}}"),
        expires,
        answered,
        due,
    };
    let save = |voucher| block_on(store.save_voucher(voucher)).unwrap();
    let due = |now| block_on(store.due_vouchers(now, 10)).unwrap();
    let settle = |voucher: &Voucher, next| {
        let settled = Settled {
            provider: voucher.provider.clone(),
            question: voucher.question.clone(),
            version: voucher.version,
            next,
        };
        block_on(store.settle_vouchers(vec![settled])).unwrap()
    };
    save(voucher("a", 10, 30, 100));
    save(voucher("b", 10, 20, 50));
    let names = |now| -> Vec<String> { due(now).into_iter().map(|one| one.question).collect() };
    assert_eq!(
        (names(19), names(20), names(30)),
        (
            vec![],
            vec!["b".to_owned()],
            vec!["b".to_owned(), "a".to_owned()]
        )
    );
    let [b, a] = <[Voucher; 2]>::try_from(due(30)).unwrap();
    assert_eq!(settle(&b, Some((31, 60))), Committed::Yes);
    assert_eq!(settle(&b, None), Committed::Conflict, "it has changed");
    // Who logs in again meanwhile is not forgotten with the answer of before.
    save(voucher("a", 25, 30, 90));
    assert_eq!(settle(&a, None), Committed::Conflict);
    let again = due(30);
    assert_eq!((again[0].expires, again[0].answered), (100, 25));
    assert_eq!(settle(&again[0], None), Committed::Yes);
    assert_eq!(names(60), Vec::<String>::new(), "b has expired");
    save(voucher("c", 55, 60, 200));
    assert_eq!(names(60), ["c"]);
    assert_eq!(newest(store), 0, "vouchers are not part of any version");
}

/// Commits what `change` makes of the newest state until no other commit came first.
fn retry(store: &dyn Store, scopes: &[Scope], change: impl Fn(&Loaded) -> Record) {
    loop {
        let writes: Vec<Write> = scopes
            .iter()
            .map(|scope| {
                let loaded = load(store, *scope);
                write(*scope, loaded.version, &[change(&loaded)], &[])
            })
            .collect();
        if commit(store, &writes) == Committed::Yes {
            return;
        }
    }
}

/// Counts in the entity `counter`.
fn count(loaded: &Loaded) -> Record {
    let old = loaded
        .records
        .iter()
        .find(|record| record.key == "counter")
        .map_or(0, number);
    record("number", "counter", &(old + 1).to_string())
}

fn number(record: &Record) -> u64 {
    record.body.parse().unwrap()
}

pub(crate) fn writers_to_one_scope_lose_no_update(store: &dyn Store) {
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..3 {
                    retry(store, &[account(1)], count);
                }
            });
        }
    });
    check(
        store,
        account(1),
        64 * 3,
        &[record("number", "counter", "192")],
    );
    assert_eq!(newest(store), 64 * 3);
}

pub(crate) fn writers_to_many_scopes_all_succeed(store: &dyn Store) {
    thread::scope(|scope| {
        for n in 0..32 {
            scope.spawn(move || {
                for version in 0..10 {
                    let put = record("user", &format!("{version}"), "0");
                    assert_eq!(
                        commit(store, &[write(account(n), version, &[put], &[])]),
                        Committed::Yes
                    );
                    assert_eq!(
                        load(store, account(n)).version,
                        version + 1,
                        "an answered commit is seen"
                    );
                }
            });
        }
    });
    for n in 0..32 {
        let loaded = load(store, account(n));
        assert_eq!((loaded.version, loaded.records.len()), (10, 10));
    }
    let feed = block_on(store.feed(0, usize::MAX)).unwrap();
    assert_eq!(feed.len(), 320);
    for n in 0..32 {
        let versions: Vec<u64> = feed
            .iter()
            .filter(|entry| entry.scope == account(n))
            .map(|entry| entry.version)
            .collect();
        assert_eq!(versions, (1..=10).collect::<Vec<_>>());
    }
}

pub(crate) fn writers_to_two_scopes_change_both_or_none(store: &dyn Store) {
    thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || {
                for _ in 0..5 {
                    retry(store, &[Scope::Realm, account(n)], count);
                }
            });
        }
    });
    let counter = |scope| number(&load(store, scope).records[0]);
    assert_eq!(counter(Scope::Realm), 40);
    assert_eq!((0..8).map(|n| counter(account(n))).sum::<u64>(), 40);
}
