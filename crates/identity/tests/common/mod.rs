//! A realm to call operations in: a store in memory, a stopped clock, repeatable randomness.

#![allow(dead_code, reason = "each test binary uses its part")]

use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::entity::Entity;
use locum_identity::environment::{Clock, Entropy, Environment};
use locum_identity::error::Error;
use locum_identity::iam::access_keys::CreateAccessKey;
use locum_identity::iam::inline_policies::{PutRolePolicy, PutUserPolicy};
use locum_identity::iam::users::CreateUser;
use locum_identity::ids::AccessKeyId;
use locum_identity::names::{AccountId, Constrained};
use locum_identity::operation::Operation;
use locum_identity::port::{
    Access, Answer, Committed, FeedEntry, LastUse, Loaded, Origin, Record, Report, Scope, Store,
    StoreError, Write,
};
use locum_identity::realm::{Bootstrap, Realm, RootCredentials};
use locum_identity::sealing::{RootKey, Secret};
use locum_identity::thumbprint::CertificateFetcher;
use locum_sigv4::{Claim, Credentials, Dialect, SignPayload, sha256, sign};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// The account of [`World::new`].
pub(crate) const ACCOUNT: &str = "123456789012";
/// 2026-01-01T00:00:00Z, where the clock stands at first.
pub(crate) const START: i64 = 1_767_225_600;

/// The answer of a future that waits for nothing.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here may wait"),
    }
}

/// A legal name, path, ARN…
#[track_caller]
pub(crate) fn n<T: Constrained>(text: &str) -> T {
    match T::parse(text) {
        Ok(value) => value,
        Err(failed) => panic!("{text:?}: {failed:?}"),
    }
}

/// That an operation failed with this variant of [`Error`] (which is the code) and this message.
#[track_caller]
pub(crate) fn fails<T>(result: Result<T, Error>, code: &str, message: &str) {
    let Err(error) = result else {
        panic!("succeeded, instead of {code}: {message}")
    };
    let debug = format!("{error:?}");
    let variant = debug.split(['(', ' ']).next().unwrap_or_default();
    assert_eq!((variant, error.to_string().as_str()), (code, message));
}

/// A clock that stands where it is put.
pub(crate) struct Stopped(AtomicI64);

impl Clock for Stopped {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed) * 1000
    }
}

/// "Randomness" that never repeats.
#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let n = self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15);
            chunk.copy_from_slice(&n.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A store in memory.
#[derive(Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
    conflicts: AtomicUsize,
    broken: AtomicUsize,
}

/// Bodies by kind and key.
type Records = BTreeMap<(String, String), String>;

#[derive(Default)]
struct State {
    scopes: BTreeMap<Scope, (u64, Records)>,
    feed: Vec<FeedEntry>,
    uses: BTreeMap<(AccountId, String), LastUse>,
    accesses: BTreeMap<[String; 4], Access>,
    reports: BTreeMap<(AccountId, String), Report>,
}

impl Memory {
    /// Lets the next commits come too late.
    pub(crate) fn lose_races(&self, count: usize) {
        self.conflicts.store(count, Ordering::Relaxed);
    }

    /// Lets the next commits fail.
    pub(crate) fn fail_commits(&self, count: usize) {
        self.broken.store(count, Ordering::Relaxed);
    }

    fn spend(counter: &AtomicUsize) -> bool {
        counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                count.checked_sub(1)
            })
            .is_ok()
    }

    fn commit_now(&self, writes: &[Write], origin: &Origin) -> Result<Committed, StoreError> {
        if Self::spend(&self.broken) {
            return Err(StoreError("the disk is full".into()));
        }
        let mut state = self.state.lock().unwrap();
        let current = |write: &Write| {
            state
                .scopes
                .get(&write.scope)
                .map_or(0, |(version, _)| *version)
        };
        if Self::spend(&self.conflicts)
            || writes
                .iter()
                .any(|write| current(write) != write.expected_version)
        {
            return Ok(Committed::Conflict);
        }
        for write in writes {
            let (version, records) = state.scopes.entry(write.scope).or_default();
            *version += 1;
            for key in &write.deletes {
                records.remove(key);
            }
            for record in &write.puts {
                records.insert(
                    (record.kind.clone(), record.key.clone()),
                    record.body.clone(),
                );
            }
            let entry = FeedEntry {
                sequence: state.feed.len() as u64 + 1,
                scope: write.scope,
                version: write.expected_version + 1,
                origin: origin.clone(),
                puts: write.puts.clone(),
                deletes: write.deletes.clone(),
            };
            state.feed.push(entry);
        }
        Ok(Committed::Yes)
    }
}

fn answer<'a, T: Send + 'a>(result: Result<T, StoreError>) -> Answer<'a, T> {
    Box::pin(std::future::ready(result))
}

impl Store for Memory {
    fn load(&self, scope: Scope) -> Answer<'_, Loaded> {
        let state = self.state.lock().unwrap();
        let loaded = state.scopes.get(&scope).map(|(version, records)| Loaded {
            version: *version,
            records: records
                .iter()
                .map(|((kind, key), body)| Record {
                    kind: kind.clone(),
                    key: key.clone(),
                    body: body.clone(),
                })
                .collect(),
        });
        answer(Ok(loaded.unwrap_or_default()))
    }

    fn commit(&self, writes: Vec<Write>, origin: Origin) -> Answer<'_, Committed> {
        answer(self.commit_now(&writes, &origin))
    }

    fn feed(&self, after: u64, limit: usize) -> Answer<'_, Vec<FeedEntry>> {
        let state = self.state.lock().unwrap();
        answer(Ok(state
            .feed
            .iter()
            .filter(|entry| entry.sequence > after)
            .take(limit)
            .cloned()
            .collect()))
    }

    fn newest(&self) -> Answer<'_, u64> {
        answer(Ok(self.state.lock().unwrap().feed.len() as u64))
    }

    fn save_last_uses(&self, uses: Vec<LastUse>) -> Answer<'_, ()> {
        let mut state = self.state.lock().unwrap();
        for one in uses {
            state.uses.insert((one.account, one.subject.clone()), one);
        }
        answer(Ok(()))
    }

    fn last_uses(&self, account: AccountId) -> Answer<'_, Vec<LastUse>> {
        let state = self.state.lock().unwrap();
        answer(Ok(state
            .uses
            .values()
            .filter(|one| one.account == account)
            .cloned()
            .collect()))
    }

    fn save_accesses(&self, accesses: Vec<Access>, since: i64) -> Answer<'_, ()> {
        let mut state = self.state.lock().unwrap();
        for one in accesses {
            let Access {
                principal,
                service,
                action,
                ..
            } = one.clone();
            let key = [one.account.to_string(), principal, service, action];
            state.accesses.insert(key, one);
        }
        state.accesses.retain(|_, one| one.at >= since);
        answer(Ok(()))
    }

    fn accesses(&self, account: AccountId, principal: Option<String>) -> Answer<'_, Vec<Access>> {
        let state = self.state.lock().unwrap();
        let of = |one: &&Access| {
            one.account == account && principal.as_ref().is_none_or(|it| *it == one.principal)
        };
        answer(Ok(state.accesses.values().filter(of).cloned().collect()))
    }

    fn save_report(&self, report: Report) -> Answer<'_, ()> {
        let mut state = self.state.lock().unwrap();
        state
            .reports
            .retain(|_, other| other.expires > report.created);
        state
            .reports
            .insert((report.account, report.id.clone()), report);
        answer(Ok(()))
    }

    fn report(&self, account: AccountId, id: String) -> Answer<'_, Option<Report>> {
        let state = self.state.lock().unwrap();
        answer(Ok(state.reports.get(&(account, id)).cloned()))
    }
}

/// An access key.
#[derive(Clone)]
pub(crate) struct Key {
    /// `AKIA…`
    pub(crate) id: String,
    /// The secret access key.
    pub(crate) secret: String,
}

/// A realm and what stands around it.
pub(crate) struct World {
    /// The realm.
    pub(crate) realm: Realm,
    /// Its store.
    pub(crate) store: Arc<Memory>,
    /// The root user's key.
    pub(crate) root: Key,
    clock: Arc<Stopped>,
}

impl World {
    /// A realm with the one account [`ACCOUNT`], in which nothing is yet.
    pub(crate) fn new() -> Self {
        let store = Arc::new(Memory::default());
        let root = Key {
            id: "AKIAROOTROOTROOTROOT".to_owned(),
            secret: "root/secret/root/secret/root/secret/root".to_owned(),
        };
        let clock = Arc::new(Stopped(AtomicI64::new(START)));
        let realm = open(&(store.clone() as Arc<dyn Store>), &clock);
        let bootstrap = Bootstrap {
            account: n(ACCOUNT),
            root: RootCredentials {
                access_key_id: AccessKeyId::parse(&root.id).unwrap(),
                secret_access_key: Secret::new(root.secret.clone()),
            },
        };
        ready(realm.initialise(&bootstrap)).unwrap();
        Self {
            realm,
            store,
            root,
            clock,
        }
    }

    /// The same store, read anew.
    pub(crate) fn reopened(&self) -> Self {
        Self {
            realm: open(&(self.store.clone() as Arc<dyn Store>), &self.clock),
            store: self.store.clone(),
            root: self.root.clone(),
            clock: self.clock.clone(),
        }
    }

    /// The same store, read anew through another one in front of it.
    pub(crate) fn behind(&self, front: &Arc<dyn Store>) -> Self {
        Self {
            realm: open(front, &self.clock),
            store: self.store.clone(),
            root: self.root.clone(),
            clock: self.clock.clone(),
        }
    }

    /// The same world, in which the servers of identity providers are asked in this way.
    pub(crate) fn with_certificates(self, certificates: Arc<dyn CertificateFetcher>) -> Self {
        Self {
            realm: self.realm.with_certificates(certificates),
            ..self
        }
    }

    /// Puts the clock on.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The caller of a request that is signed and authenticated like any other.
    pub(crate) fn caller(&self, key: &Key, service: &str) -> Result<Caller, Error> {
        self.caller_with(key, None, service)
    }

    /// The caller of a request that is signed with temporary credentials.
    pub(crate) fn caller_with(
        &self,
        key: &Key,
        session_token: Option<&str>,
        service: &str,
    ) -> Result<Caller, Error> {
        let (mut head, ()) = http::Request::post("https://localhost/")
            .body(())
            .unwrap()
            .into_parts();
        let credentials = Credentials {
            access_key_id: &key.id,
            secret_access_key: &key.secret,
            session_token,
        };
        let scope = locum_sigv4::Scope {
            dialect: Dialect::General,
            region: "us-east-1",
            service,
        };
        sign(
            &mut head,
            &credentials,
            &scope,
            self.clock.now(),
            SignPayload::Body(b""),
        )
        .unwrap();
        let claim = Claim::parse(&head, Dialect::General).unwrap().unwrap();
        let (caller, _) = ready(self.realm.authenticate(&claim, service, Some(&sha256(b""))))?;
        Ok(caller)
    }

    /// What is known of a request made now.
    pub(crate) fn facts(&self) -> RequestFacts {
        sample_facts(self.clock.now())
    }

    /// Calls an operation.
    pub(crate) fn call<O: Operation>(&self, key: &Key, operation: O) -> Result<O::Output, Error> {
        let caller = self.caller(key, O::SERVICE.name())?;
        ready(self.realm.call(&caller, &self.facts(), operation))
    }

    /// Puts an entity into the account that no operation makes.
    pub(crate) fn put(&self, entity: impl Into<Entity>) {
        let scope = Scope::Account(n(ACCOUNT));
        let write = Write {
            scope,
            expected_version: ready(self.store.load(scope)).unwrap().version,
            puts: vec![entity.into().to_record().unwrap()],
            deletes: Vec::new(),
        };
        let origin = Origin {
            at: self.clock.now(),
            actor: "test".to_owned(),
            action: "test:Put".to_owned(),
            request_id: String::new(),
        };
        assert_eq!(
            ready(self.store.commit(vec![write], origin)).unwrap(),
            Committed::Yes
        );
        ready(self.realm.catch_up()).unwrap();
    }

    /// Calls an operation as the root user.
    pub(crate) fn root<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.call(&self.root, operation)
    }

    /// Creates a user who may do nothing.
    pub(crate) fn user(&self, name: &str) {
        let created = self.root(CreateUser {
            user_name: n(name),
            path: None,
            permissions_boundary: None,
            tags: Vec::new(),
        });
        assert_eq!(created.unwrap().name.as_str(), name);
    }

    /// Creates a user with an access key.
    pub(crate) fn user_with_key(&self, name: &str) -> Key {
        self.user(name);
        let created = self
            .root(CreateAccessKey {
                user_name: Some(n(name)),
            })
            .unwrap();
        Key {
            id: created.access_key_id.to_string(),
            secret: created.secret_access_key.expose().to_owned(),
        }
    }

    /// Gives a user an inline policy of one statement.
    pub(crate) fn allow(&self, user: &str, statement: &str) {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let put = PutUserPolicy {
            user_name: n(user),
            policy_name: n("allowed"),
            policy_document: n(&document),
        };
        self.root(put).unwrap();
    }

    /// Gives a role an inline policy of one statement.
    pub(crate) fn allow_role(&self, role: &str, statement: &str) {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let put = PutRolePolicy {
            role_name: n(role),
            policy_name: n("allowed"),
            policy_document: n(&document),
        };
        self.root(put).unwrap();
    }
}

/// What is known of a request made at `now`.
pub(crate) fn sample_facts(now: i64) -> RequestFacts {
    RequestFacts {
        now,
        source_ip: Some([192, 0, 2, 7].into()),
        secure_transport: true,
        user_agent: Some("test".to_owned()),
        referer: None,
        region: "us-east-1".to_owned(),
        request_id: "00000000-0000-0000-0000-000000000000".to_owned(),
        notes: Arc::default(),
    }
}

fn open(store: &Arc<dyn Store>, clock: &Arc<Stopped>) -> Realm {
    let environment = Environment {
        clock: clock.clone(),
        entropy: Arc::new(Counter::default()),
    };
    let root_key = RootKey::new(&[7; 32]).unwrap();
    ready(Realm::open(store.clone(), environment, root_key)).unwrap()
}
