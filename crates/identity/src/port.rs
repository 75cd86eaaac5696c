//! The store port: what the domain needs of a durable store, and nothing more.
//!
//! The unit of state and of consistency is the *scope*: one account, or the realm (the list of
//! accounts and what is unique over all of them). A commit names the version of each scope that it
//! was made from and succeeds only if that version is still the newest.

use crate::environment::Seconds;
use crate::names::AccountId;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a version belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// The accounts, the organization, the keyring, and names unique over all accounts.
    Realm,
    /// One account.
    Account(AccountId),
}

impl Scope {
    /// `realm`, or the account's digits.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Realm => "realm",
            Self::Account(id) => id.as_str(),
        }
    }

    /// The inverse of [`Scope::as_text`].
    pub fn parse(text: &str) -> Option<Self> {
        use crate::names::Constrained as _;
        match text {
            "realm" => Some(Self::Realm),
            _ => AccountId::parse(text).ok().map(Self::Account),
        }
    }
}

/// One entity as it is stored. `(kind, key)` is unique in a scope.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// What it is: `user`, `role`, …
    pub kind: String,
    /// Its id, or its name where it has no id.
    pub key: String,
    /// A JSON document.
    pub body: String,
}

/// A scope as it was at one version.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Loaded {
    /// 0 for a scope that was never written.
    pub version: u64,
    /// Every entity.
    pub records: Vec<Record>,
}

/// Who made a change, when and how: kept in the feed for ever.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// When.
    pub at: Seconds,
    /// The ARN of the caller, or `locum` for what the program does by itself.
    pub actor: String,
    /// `iam:CreateUser`, …
    pub action: String,
    /// The id of the request.
    pub request_id: String,
}

/// The changes to one scope.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Write {
    /// What is changed.
    pub scope: Scope,
    /// The version the change was made from. The new version is one more.
    pub expected_version: u64,
    /// Entities created or replaced.
    pub puts: Vec<Record>,
    /// `(kind, key)` of entities deleted.
    pub deletes: Vec<(String, String)>,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Committed {
    /// Everything is durable.
    Yes,
    /// Another commit came first to one of the scopes; nothing was written.
    Conflict,
}

/// Commits to one scope of which each was made from the one before, whatever became of that.
///
/// Versions alone do not keep them together: where the first was refused because somebody else made
/// that version, the second would find the version that it expects.
#[derive(Clone, Debug, Default)]
pub struct Chain(Arc<AtomicBool>);

impl Chain {
    /// One of its commits did not succeed.
    pub fn break_off(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether one of its commits did not succeed.
    pub fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// One entry of the feed: the history of every scope, in commit order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedEntry {
    /// Strictly increasing over all scopes.
    pub sequence: u64,
    /// The scope that changed.
    pub scope: Scope,
    /// The version that the change made.
    pub version: u64,
    /// Who, when and how.
    pub origin: Origin,
    /// Entities created or replaced.
    pub puts: Vec<Record>,
    /// `(kind, key)` of entities deleted.
    pub deletes: Vec<(String, String)>,
}

/// When something was last used. Not part of any version: losing the newest uses in a crash is
/// allowed, as AWS updates them with a delay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LastUse {
    /// The account.
    pub account: AccountId,
    /// An access key id or the unique id of a role.
    pub subject: String,
    /// When.
    pub at: Seconds,
    /// `iam`, `sts`, `s3`, …
    pub service: String,
    /// The region of the request's credential scope.
    pub region: String,
}

/// When a principal last tried an action, whatever came of it. Not part of any version, as
/// [`LastUse`] is not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Access {
    /// The account.
    pub account: AccountId,
    /// The unique id of a user or role, or the account's id for the root user.
    pub principal: String,
    /// `iam`, `sts`, `s3`, …
    pub service: String,
    /// The action without the service: `CreateUser`.
    pub action: String,
    /// When.
    pub at: Seconds,
    /// The region of the request's credential scope.
    pub region: String,
}

/// A report that somebody of an account asked for. Not part of any version: nothing hangs on it, and it
/// goes when its time is up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// The account.
    pub account: AccountId,
    /// Unique in the account.
    pub id: String,
    /// When it was made.
    pub created: Seconds,
    /// When it goes.
    pub expires: Seconds,
    /// A JSON document.
    pub body: String,
}

/// What the source of a foreign identity (a directory, an OpenID provider, a list of revoked certificates)
/// is asked again while sessions of that identity live. Not part of any version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Voucher {
    /// The provider's ARN.
    pub provider: String,
    /// What is asked; unique of a provider.
    pub question: String,
    /// Changes whenever anything of it does. Not looked at when it is saved.
    pub version: i64,
    /// A JSON document: what asking needs.
    pub body: String,
    /// When the last session is over.
    pub expires: Seconds,
    /// When the source last stood by it.
    pub answered: Seconds,
    /// When it is to be asked.
    pub due: Seconds,
}

/// What became of asking.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settled {
    /// The provider's ARN.
    pub provider: String,
    /// What was asked.
    pub question: String,
    /// The version that was read.
    pub version: i64,
    /// When the source last stood by it, and when to ask again; `None` to forget it.
    pub next: Option<(Seconds, Seconds)>,
}

/// How many reports of one account are kept: beyond that, the oldest go.
pub const REPORTS_KEPT: usize = 100;

/// The store could not tell. Never means "not there".
#[derive(Debug)]
pub struct StoreError(pub Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store failed: {}", self.0)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// The answer of a store, when it comes.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A durable store.
///
/// Once `commit` has answered [`Committed::Yes`], the writes survive the death of the process and
/// of the machine. A commit that never answered may or may not have happened, but wholly.
pub trait Store: Send + Sync + 'static {
    /// Every entity of a scope, and the scope's version, as of one moment.
    fn load(&self, scope: Scope) -> Answer<'_, Loaded>;

    /// Writes to one or several scopes, all or nothing, if each is still at its expected version.
    fn commit(&self, writes: Vec<Write>, origin: Origin) -> Answer<'_, Committed>;

    /// Puts a commit in line, and answers when it is there, with what will tell what became of it. It goes
    /// on though nobody waits. Of a chain, the commits are done in the order in which they were put in
    /// line, and from the first that does not succeed on, all are refused with
    /// [`Committed::Conflict`] and the chain is broken.
    ///
    /// A store that is not asked to do otherwise commits when it is waited for.
    fn submit(
        self: Arc<Self>,
        writes: Vec<Write>,
        origin: Origin,
        chain: Chain,
    ) -> Answer<'static, Answer<'static, Committed>> {
        let commit: Answer<'static, Committed> = Box::pin(async move {
            if chain.is_broken() {
                return Ok(Committed::Conflict);
            }
            let committed = self.commit(writes, origin).await;
            if !matches!(committed, Ok(Committed::Yes)) {
                chain.break_off();
            }
            committed
        });
        Box::pin(std::future::ready(Ok(commit)))
    }

    /// At most `limit` entries of the feed behind `after`, oldest first.
    fn feed(&self, after: u64, limit: usize) -> Answer<'_, Vec<FeedEntry>>;

    /// The sequence number of the newest feed entry; 0 when there is none.
    fn newest(&self) -> Answer<'_, u64>;

    /// Keeps uses, replacing older ones of the same subject.
    fn save_last_uses(&self, uses: Vec<LastUse>) -> Answer<'_, ()>;

    /// Every last use of an account.
    fn last_uses(&self, account: AccountId) -> Answer<'_, Vec<LastUse>>;

    /// Keeps when actions were last tried, replacing older attempts of the same principal at the same
    /// action, and forgets every attempt of before `since`. Where there are none, nothing is done.
    fn save_accesses(&self, accesses: Vec<Access>, since: Seconds) -> Answer<'_, ()>;

    /// The last attempts of a principal of an account, or of all of them, in no order.
    fn accesses(&self, account: AccountId, principal: Option<String>) -> Answer<'_, Vec<Access>>;

    /// Keeps a report, forgets every report that has expired when it was made, and of its account all
    /// but the newest [`REPORTS_KEPT`].
    fn save_report(&self, report: Report) -> Answer<'_, ()>;

    /// The report of that id, though it may have expired.
    fn report(&self, account: AccountId, id: String) -> Answer<'_, Option<Report>>;

    /// Keeps a voucher, over an older one of the same provider and question: of the two, the later
    /// expiry and the later answer stay. Vouchers that have expired are forgotten.
    ///
    /// A store that keeps none says so: no session is bound to a source that nobody would ask.
    fn save_voucher(&self, _: Voucher) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Err(StoreError(
            "this store keeps no vouchers".into(),
        ))))
    }

    /// At most `limit` vouchers that are due and have not expired, the longest overdue first.
    fn due_vouchers(&self, _now: Seconds, _limit: usize) -> Answer<'_, Vec<Voucher>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Settles all of them; none, where one has changed since it was read.
    fn settle_vouchers(&self, settled: Vec<Settled>) -> Answer<'_, Committed> {
        let none = settled.is_empty();
        let committed = if none {
            Committed::Yes
        } else {
            Committed::Conflict
        };
        Box::pin(std::future::ready(Ok(committed)))
    }
}
