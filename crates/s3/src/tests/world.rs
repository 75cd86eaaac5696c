//! A realm in memory, objects in a temporary directory, and clients that sign.

use crate::disk::Objects;
use crate::service::{Report, S3};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::environment::{Clock, Entropy, Environment};
use locum_identity::iam::access_keys::CreateAccessKey;
use locum_identity::iam::inline_policies::PutUserPolicy;
use locum_identity::iam::users::CreateUser;
use locum_identity::names::{AccountId, Constrained as _, DocumentText, EntityName, UserName};
use locum_identity::port::{
    Access, Answer, Committed, FeedEntry, LastUse, Loaded, Origin, Scope, Store, StoreError, Write,
};
use locum_identity::realm::{Bootstrap, Realm, RootCredentials};
use locum_identity::sealing::RootKey;
use locum_sigv4::{Claim, Credentials, Dialect, Scope as SignatureScope, SignPayload, sign};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// The time at which everything happens.
pub(super) const NOW: i64 = 1_767_225_600;

/// The account of the realm.
pub(super) const ACCOUNT: &str = "123456789012";

/// A store that forgets.
#[derive(Default)]
struct Memory(Mutex<HashMap<Scope, Loaded>>);

impl Store for Memory {
    fn load(&self, scope: Scope) -> Answer<'_, Loaded> {
        let loaded = self
            .0
            .lock()
            .unwrap()
            .get(&scope)
            .cloned()
            .unwrap_or_default();
        Box::pin(async move { Ok::<_, StoreError>(loaded) })
    }

    fn commit(&self, writes: Vec<Write>, _: Origin) -> Answer<'_, Committed> {
        let mut scopes = self.0.lock().unwrap();
        let version =
            |scopes: &HashMap<Scope, Loaded>, scope| scopes.get(scope).map_or(0, |it| it.version);
        let current = writes
            .iter()
            .all(|write| version(&scopes, &write.scope) == write.expected_version);
        if current {
            for write in writes {
                let scope = scopes.entry(write.scope).or_default();
                let replaced = |kind: &str, key: &str| {
                    write
                        .puts
                        .iter()
                        .any(|put| put.kind == kind && put.key == key)
                        || write
                            .deletes
                            .iter()
                            .any(|gone| gone.0 == kind && gone.1 == key)
                };
                scope
                    .records
                    .retain(|record| !replaced(&record.kind, &record.key));
                scope.records.extend(write.puts);
                scope.version += 1;
            }
        }
        let committed = if current {
            Committed::Yes
        } else {
            Committed::Conflict
        };
        Box::pin(async move { Ok(committed) })
    }

    fn feed(&self, _: u64, _: usize) -> Answer<'_, Vec<FeedEntry>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn newest(&self) -> Answer<'_, u64> {
        Box::pin(async { Ok(0) })
    }

    fn save_last_uses(&self, _: Vec<LastUse>) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn last_uses(&self, _: AccountId) -> Answer<'_, Vec<LastUse>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn save_accesses(&self, _: Vec<Access>, _: i64) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn accesses(&self, _: AccountId, _: Option<String>) -> Answer<'_, Vec<Access>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn save_report(&self, _: locum_identity::port::Report) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn report(&self, _: AccountId, _: String) -> Answer<'_, Option<locum_identity::port::Report>> {
        Box::pin(async { Ok(None) })
    }
}

struct Stopped;

impl Clock for Stopped {
    fn now_millis(&self) -> i64 {
        NOW * 1000
    }
}

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

/// An access key.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
}

/// The server, and its root user's key.
pub(super) struct World {
    pub(super) realm: Arc<Realm>,
    pub(super) s3: S3,
    pub(super) root: Key,
    _objects: TempDir,
}

/// What a request was answered.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) report: Report,
}

impl Answered {
    /// Status and error code, or the empty string.
    pub(super) fn outcome(&self) -> (u16, &str) {
        (
            self.status,
            self.report.error_code.as_deref().unwrap_or_default(),
        )
    }

    /// An element of the body.
    pub(super) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    }
}

/// What is known of every request.
pub(super) fn facts() -> RequestFacts {
    RequestFacts {
        now: NOW,
        source_ip: Some([192, 0, 2, 1].into()),
        secure_transport: false,
        user_agent: None,
        referer: None,
        region: "us-east-1".into(),
        request_id: "REQUEST".into(),
        notes: Arc::default(),
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let environment = Environment {
            clock: Arc::new(Stopped),
            entropy: Arc::new(Counter::default()),
        };
        let entropy = Arc::clone(&environment.entropy);
        let account = AccountId::parse(ACCOUNT).unwrap();
        let root = RootCredentials::generate(account, &*entropy);
        let realm = Realm::open(
            Arc::new(Memory::default()),
            environment,
            RootKey::new(&[7; 32]).unwrap(),
        )
        .await
        .unwrap();
        realm
            .initialise(&Bootstrap {
                account,
                root: root.clone(),
            })
            .await
            .unwrap();
        let realm = Arc::new(realm);
        let directory = tempfile::tempdir().unwrap();
        let objects =
            Objects::open(directory.path(), Arc::new(move |bytes| entropy.fill(bytes))).unwrap();
        let s3 = S3::new(Arc::clone(&realm), objects, vec!["s3.example.com".into()]);
        let root = Key {
            id: root.access_key_id.as_str().to_owned(),
            secret: root.secret_access_key.expose().to_owned(),
        };
        Self {
            realm,
            s3,
            root,
            _objects: directory,
        }
    }

    /// A user with one inline policy, if any.
    pub(super) async fn user(&self, name: &str, policy: Option<&str>) -> Key {
        let root = self.caller(&self.root).await;
        let create = CreateUser {
            user_name: UserName::parse(name).unwrap(),
            path: None,
            permissions_boundary: None,
            tags: Vec::new(),
        };
        self.realm.call(&root, &facts(), create).await.unwrap();
        if let Some(policy) = policy {
            let put = PutUserPolicy {
                user_name: EntityName::parse(name).unwrap(),
                policy_name: EntityName::parse("inline").unwrap(),
                policy_document: DocumentText::parse(policy).unwrap(),
            };
            let root = self.caller(&self.root).await;
            self.realm.call(&root, &facts(), put).await.unwrap();
        }
        let create = CreateAccessKey {
            user_name: Some(EntityName::parse(name).unwrap()),
        };
        let root = self.caller(&self.root).await;
        let key = self.realm.call(&root, &facts(), create).await.unwrap();
        Key {
            id: key.access_key_id.as_str().to_owned(),
            secret: key.secret_access_key.expose().to_owned(),
        }
    }

    async fn caller(&self, key: &Key) -> Caller {
        let head = signed(Some(key), Method::GET, "/", &[], SignPayload::Body(b""))
            .into_parts()
            .0;
        let claim = Claim::parse(&head, Dialect::S3).unwrap().unwrap();
        self.realm.authenticate(&claim, "s3", None).await.unwrap().0
    }

    /// Sends a request, signed with `key` if there is one.
    pub(super) async fn send(
        &self,
        key: Option<&Key>,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answered {
        let request = signed(key, method, target, headers, SignPayload::Body(body));
        self.answer(request.map(|()| Bytes::copy_from_slice(body)))
            .await
    }

    /// Sends a request as it is.
    pub(super) async fn answer(&self, request: Request<Bytes>) -> Answered {
        let (mut head, body) = request.into_parts();
        head.headers.insert("content-length", body.len().into());
        let response = self
            .s3
            .call(Request::from_parts(head, Full::new(body)), facts())
            .await;
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            report: head.extensions.remove().unwrap(),
        }
    }
}

/// A signed head. The host is `s3.example.com` unless the headers say otherwise.
pub(super) fn signed(
    key: Option<&Key>,
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    payload: SignPayload<'_>,
) -> Request<()> {
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "s3.example.com");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    if let Some(key) = key {
        let credentials = Credentials {
            access_key_id: &key.id,
            secret_access_key: &key.secret,
            session_token: None,
        };
        let scope = SignatureScope {
            dialect: Dialect::S3,
            region: "us-east-1",
            service: "s3",
        };
        sign(&mut head, &credentials, &scope, NOW, payload).unwrap();
    }
    Request::from_parts(head, ())
}
