//! The realm as it was: rebuilt from the feed, which keeps every change.

use crate::environment::{Seconds, timestamp};
use crate::names::AccountId;
use crate::port::{
    Access, Answer, Committed, FeedEntry, LastUse, Loaded, Origin, Record, Report, Scope, Store,
    StoreError, Write,
};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Feed entries read at once.
const PAGE: usize = 1000;

/// What a store held at a time: a store that is only read. A [`Realm`](crate::realm::Realm) opened
/// on it decides as the realm did then, but for the AWS-managed policies that are built in, which are those of the program.
pub struct Past {
    scopes: HashMap<Scope, Kept>,
}

/// One scope: its version and its entities, by kind and key.
#[derive(Default)]
struct Kept {
    version: u64,
    records: BTreeMap<(String, String), String>,
}

/// Why the past cannot be told.
#[derive(Debug)]
pub enum Untold {
    /// The feed does not begin with the realm: what was before is not kept any more.
    Forgotten {
        /// What was asked for.
        at: Seconds,
        /// When the oldest entry that is kept was made.
        since: Seconds,
    },
    /// There was no realm yet.
    Before {
        /// What was asked for.
        at: Seconds,
        /// When it came to be.
        since: Seconds,
    },
    /// The store has never been written to.
    Empty,
    /// The store could not tell.
    Store(StoreError),
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forgotten { at, since } => write!(
                f,
                "the feed of changes no longer reaches back to {}: what is kept of it begins at {}",
                timestamp(*at),
                timestamp(*since)
            ),
            Self::Before { at, since } => write!(
                f,
                "at {} there was nothing yet: the first change was made at {}",
                timestamp(*at),
                timestamp(*since)
            ),
            Self::Empty => f.write_str("the store has no changes"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Untold {}

impl Past {
    /// What `store` held when the last change up to `at`, in the order of the feed, was made.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn of(store: &dyn Store, at: Seconds) -> Result<Self, Untold> {
        let mut past = Self {
            scopes: HashMap::new(),
        };
        let mut cursor = 0;
        let mut since = None;
        loop {
            let entries = store.feed(cursor, PAGE).await.map_err(Untold::Store)?;
            let Some(last) = entries.last() else { break };
            cursor = last.sequence;
            for entry in entries {
                let since = *since.get_or_insert(entry.origin.at);
                if entry.origin.at > at {
                    return past.begun(at, since);
                }
                if !past.follow(entry) {
                    return Err(Untold::Forgotten { at, since });
                }
            }
        }
        match since {
            Some(since) => past.begun(at, since),
            None => Err(Untold::Empty),
        }
    }

    fn begun(self, at: Seconds, since: Seconds) -> Result<Self, Untold> {
        if self.scopes.is_empty() {
            Err(Untold::Before { at, since })
        } else {
            Ok(self)
        }
    }

    /// Takes in the next entry; `false` if one before it is missing.
    fn follow(&mut self, entry: FeedEntry) -> bool {
        let kept = self.scopes.entry(entry.scope).or_default();
        if entry.version != kept.version + 1 {
            return false;
        }
        kept.version = entry.version;
        for key in &entry.deletes {
            kept.records.remove(key);
        }
        for put in entry.puts {
            kept.records.insert((put.kind, put.key), put.body);
        }
        true
    }
}

fn answer<'a, T: Send + 'a>(result: Result<T, StoreError>) -> Answer<'a, T> {
    Box::pin(std::future::ready(result))
}

fn read_only<'a, T: Send + 'a>() -> Answer<'a, T> {
    answer(Err(StoreError("the past cannot be changed".into())))
}

impl Store for Past {
    fn load(&self, scope: Scope) -> Answer<'_, Loaded> {
        let loaded = self.scopes.get(&scope).map(|kept| Loaded {
            version: kept.version,
            records: kept
                .records
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

    fn commit(&self, _: Vec<Write>, _: Origin) -> Answer<'_, Committed> {
        read_only()
    }

    fn feed(&self, _: u64, _: usize) -> Answer<'_, Vec<FeedEntry>> {
        answer(Ok(Vec::new()))
    }

    fn newest(&self) -> Answer<'_, u64> {
        answer(Ok(0))
    }

    fn save_last_uses(&self, _: Vec<LastUse>) -> Answer<'_, ()> {
        read_only()
    }

    fn last_uses(&self, _: AccountId) -> Answer<'_, Vec<LastUse>> {
        answer(Ok(Vec::new()))
    }

    fn save_accesses(&self, _: Vec<Access>, _: Seconds) -> Answer<'_, ()> {
        read_only()
    }

    fn accesses(&self, _: AccountId, _: Option<String>) -> Answer<'_, Vec<Access>> {
        answer(Ok(Vec::new()))
    }

    fn save_report(&self, _: Report) -> Answer<'_, ()> {
        read_only()
    }

    fn report(&self, _: AccountId, _: String) -> Answer<'_, Option<Report>> {
        answer(Ok(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    /// A feed, and nothing else.
    struct Feed(Vec<FeedEntry>);

    impl Store for Feed {
        fn load(&self, _: Scope) -> Answer<'_, Loaded> {
            read_only()
        }
        fn commit(&self, _: Vec<Write>, _: Origin) -> Answer<'_, Committed> {
            read_only()
        }
        fn feed(&self, after: u64, limit: usize) -> Answer<'_, Vec<FeedEntry>> {
            let behind = self.0.iter().filter(|entry| entry.sequence > after);
            answer(Ok(behind.take(limit).cloned().collect()))
        }
        fn newest(&self) -> Answer<'_, u64> {
            read_only()
        }
        fn save_last_uses(&self, _: Vec<LastUse>) -> Answer<'_, ()> {
            read_only()
        }
        fn last_uses(&self, _: AccountId) -> Answer<'_, Vec<LastUse>> {
            read_only()
        }
        fn save_accesses(&self, _: Vec<Access>, _: Seconds) -> Answer<'_, ()> {
            read_only()
        }
        fn accesses(&self, _: AccountId, _: Option<String>) -> Answer<'_, Vec<Access>> {
            read_only()
        }
        fn save_report(&self, _: Report) -> Answer<'_, ()> {
            read_only()
        }
        fn report(&self, _: AccountId, _: String) -> Answer<'_, Option<Report>> {
            read_only()
        }
    }

    fn entry(sequence: u64, version: u64, at: Seconds, body: Option<&str>) -> FeedEntry {
        let key = ("user".to_owned(), "ann".to_owned());
        FeedEntry {
            sequence,
            scope: Scope::Realm,
            version,
            origin: Origin {
                at,
                actor: String::new(),
                action: String::new(),
                request_id: String::new(),
            },
            puts: body
                .map(|body| Record {
                    kind: key.0.clone(),
                    key: key.1.clone(),
                    body: body.to_owned(),
                })
                .into_iter()
                .collect(),
            deletes: if body.is_none() {
                vec![key]
            } else {
                Vec::new()
            },
        }
    }

    fn at(feed: &Feed, at: Seconds) -> Result<(u64, Vec<String>), String> {
        let past = ready(Past::of(feed, at)).map_err(|untold| untold.to_string())?;
        let loaded = ready(past.load(Scope::Realm)).unwrap();
        let bodies = loaded.records.into_iter().map(|record| record.body);
        Ok((loaded.version, bodies.collect()))
    }

    #[test]
    fn every_moment_has_what_was_committed_until_then() {
        let feed = Feed(vec![
            entry(1, 1, 10, Some("1")),
            entry(4, 2, 20, Some("2")),
            // A request that came before the one above and was committed after it.
            entry(5, 3, 19, Some("3")),
            entry(7, 4, 30, None),
        ]);
        let one = |version, body: &str| Ok((version, vec![body.to_owned()]));
        assert_eq!(
            at(&feed, 9),
            Err("at 1970-01-01T00:00:09Z there was nothing yet: the first change was made at 1970-01-01T00:00:10Z".to_owned())
        );
        assert_eq!(at(&feed, 10), one(1, "1"));
        assert_eq!(at(&feed, 19), one(1, "1"));
        assert_eq!(at(&feed, 20), one(3, "3"));
        assert_eq!(at(&feed, 29), one(3, "3"));
        assert_eq!(at(&feed, 30), Ok((4, Vec::new())));
        assert_eq!(at(&feed, i64::MAX), Ok((4, Vec::new())));
    }

    #[test]
    fn a_feed_that_lost_its_beginning_says_so() {
        let feed = Feed(vec![entry(8, 3, 20, Some("3")), entry(9, 4, 30, Some("4"))]);
        for time in [20, 25, 40] {
            let told = at(&feed, time).unwrap_err();
            assert!(
                told.starts_with("the feed of changes no longer reaches back to"),
                "{told}"
            );
            assert!(told.ends_with("begins at 1970-01-01T00:00:20Z"), "{told}");
        }
        // One in the middle is missing.
        let feed = Feed(vec![entry(1, 1, 10, Some("1")), entry(9, 3, 30, Some("3"))]);
        assert!(at(&feed, 29).is_ok());
        assert!(at(&feed, 30).is_err());
        assert_eq!(
            at(&Feed(Vec::new()), 1),
            Err("the store has no changes".to_owned())
        );
    }

    #[test]
    fn long_feeds_are_read_page_by_page() {
        let entries = (1..=2500).map(|n| entry(n, n, n as Seconds, Some(&n.to_string())));
        let feed = Feed(entries.collect());
        assert_eq!(at(&feed, 1700), Ok((1700, vec!["1700".to_owned()])));
        assert_eq!(at(&feed, 9999), Ok((2500, vec!["2500".to_owned()])));
    }

    #[test]
    fn the_past_cannot_be_changed() {
        let past = ready(Past::of(&Feed(vec![entry(1, 1, 1, Some("1"))]), 1)).unwrap();
        let origin = entry(1, 1, 1, None).origin;
        assert!(ready(past.commit(Vec::new(), origin)).is_err());
        assert!(ready(past.save_last_uses(Vec::new())).is_err());
    }
}
