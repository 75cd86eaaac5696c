//! A realm of many roles in many accounts, and callers who are sessions of them.
//!
//! The accounts are put into the store as records, as an earlier run would have left them; a
//! million calls of CreateRole would measure something else.

mod federated;
mod revoked;

pub use federated::Federated;
pub use revoked::Revoked;

use crate::Outcome;
use http::request::Parts;
use locum_identity::account::Account;
use locum_identity::caller::{Caller, Need, RequestFacts, Who};
use locum_identity::entity::{
    AccountRecord, Attachments, Entity, InlinePolicy, ManagedPolicy, PolicyVersion, Role, User,
};
use locum_identity::environment::{Clock, Entropy, Environment};
use locum_identity::iam::access_keys::CreateAccessKey;
use locum_identity::iam::inline_policies::PutUserPolicy;
use locum_identity::iam::users::CreateUser;
use locum_identity::ids::{AccessKeyId, IdKind, UniqueId};
use locum_identity::limits::RoleLimits;
use locum_identity::names::{AccountId, Constrained, MaxSessionDuration, Path};
use locum_identity::port::{
    Access, Answer, Committed, FeedEntry, LastUse, Loaded, Origin, Record, Report, Scope, Store,
    Write,
};
use locum_identity::realm::{Bootstrap, Realm, RootCredentials};
use locum_identity::sealing::{RootKey, Secret};
use locum_identity::sts::AssumeRole;
use locum_policy::Decision;
use locum_sigv4::{Claim, Credentials, Dialect, SignPayload, sha256, sign};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// AWS's quota of roles in an account.
pub const ROLES_OF_AN_ACCOUNT: usize = 1000;
/// Customer managed policies in each account that are attached to nothing.
pub const UNATTACHED_OF_AN_ACCOUNT: usize = 500;
/// 2026-01-01T00:00:00Z, where the clock stands.
const NOW: i64 = 1_767_225_600;
const MANAGEMENT: u64 = 123_456_789_012;
const FIRST_ACCOUNT: u64 = 200_000_000_000;
const ROOT_KEY: [u8; 32] = [7; 32];

/// A realm with its accounts in memory, and some of its roles' sessions.
pub struct Held {
    /// How many roles it holds.
    pub roles: usize,
    realm: Realm,
    callers: Vec<Caller>,
}

impl Held {
    /// A realm of so many roles, with sessions of `sessions` roles of the account in its middle: what
    /// they touch is as much in any realm, whatever else is held.
    ///
    /// # Errors
    /// When the realm does not accept what it is given.
    pub fn new(roles: usize, sessions: usize) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(Self::build(roles, sessions))
    }

    async fn build(roles: usize, sessions: usize) -> Outcome<Self> {
        let accounts = roles.div_ceil(ROLES_OF_AN_ACCOUNT);
        let (realm, key) = open(roles, Vec::new()).await?;
        let mut callers = Vec::new();
        for session in 0..sessions {
            let first = accounts / 2 * ROLES_OF_AN_ACCOUNT;
            let roles = (roles - first).min(ROLES_OF_AN_ACCOUNT);
            let role = first + session * roles / sessions;
            callers.push(session_of(&realm, &key, role).await?);
        }
        Ok(Self {
            roles,
            realm,
            callers,
        })
    }

    /// The sessions.
    pub fn callers(&self) -> &[Caller] {
        &self.callers
    }

    /// Whether a role is found by its account and name, as a request for it finds it.
    pub fn finds(&self, account: AccountId, name: &str) -> bool {
        let found = pin!(self.realm.account(account));
        // An account that is in memory is there at once.
        match found.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(Some(account))) => account.roles.named(name).is_some(),
            Poll::Ready(_) | Poll::Pending => false,
        }
    }

    /// Account and name of each session's role.
    pub fn names(&self) -> Vec<(AccountId, String)> {
        let name = |caller: &Caller| match &caller.who {
            Who::AssumedRole { role, .. } => {
                Some((caller.account_id()?, role.role.name.as_str().to_owned()))
            }
            _ => None,
        };
        self.callers.iter().filter_map(name).collect()
    }
}

/// A realm of so many roles with its accounts in memory, and the key of a user who may assume each.
/// `more` is what else the realm's own records are.
async fn open(roles: usize, more: Vec<Record>) -> Outcome<(Realm, Key)> {
    let accounts = roles.div_ceil(ROLES_OF_AN_ACCOUNT);
    let store = Arc::new(Accounts::new(roles));
    let environment = Environment {
        clock: Arc::new(Stopped),
        entropy: Arc::new(Counter::default()),
    };
    let root_key = || RootKey::new(&ROOT_KEY).map_err(|_| "the root key is refused");
    let realm = Realm::open(store.clone(), environment.clone(), root_key()?).await?;
    let root = Key {
        id: "AKIAROOTROOTROOTROOT".to_owned(),
        secret: "root/secret/root/secret/root/secret/root".to_owned(),
        token: None,
    };
    realm
        .initialise(&Bootstrap {
            account: account(MANAGEMENT)?,
            root: RootCredentials {
                access_key_id: AccessKeyId::parse(&root.id).ok_or("no access key id")?,
                secret_access_key: Secret::new(root.secret.clone()),
            },
        })
        .await?;
    store.list(accounts, more)?;
    let realm = Realm::open(store, environment, root_key()?).await?;
    for number in 0..accounts {
        let id = account(FIRST_ACCOUNT + number as u64)?;
        realm.account(id).await?.ok_or("an account is missing")?;
    }
    let key = assuming_user(&realm, &root, NOW).await?;
    Ok((realm, key))
}

/// Whether a session of a role may read an object, as its policies say.
pub fn reads(caller: &Caller, facts: &RequestFacts) -> bool {
    let need = Need::new(
        "s3:GetObject",
        "arn:aws:s3:::acme-lakehouse-prod/warehouse/sales.db/orders/part-00017.parquet",
    );
    caller.decide(facts, &need) == Decision::Allowed
}

/// What is known of the requests.
pub fn facts() -> RequestFacts {
    RequestFacts {
        now: NOW,
        source_ip: Some([10, 20, 30, 40].into()),
        secure_transport: true,
        user_agent: Some("aws-sdk-rust/1.3.9 os/linux lang/rust/1.95.0".to_owned()),
        referer: None,
        region: "us-east-1".to_owned(),
        request_id: "6b9c2a3e-31c6-4e52-b5f0-6bb11c7b9a10".to_owned(),
        notes: Arc::default(),
    }
}

/// An account of so many roles and unattached policies, as the store has it.
///
/// # Errors
/// When a record cannot be written.
pub fn records(first_role: usize, roles: usize, unattached: usize) -> Outcome<Vec<Record>> {
    let id = account(FIRST_ACCOUNT + (first_role / ROLES_OF_AN_ACCOUNT) as u64)?;
    let entropy = Counter::default();
    let mut entities = vec![Entity::from(account_record(id)?)];
    for number in first_role..first_role + roles {
        entities.push(role(id, number, &entropy)?.into());
    }
    for number in 0..unattached {
        entities.push(managed_policy(id, number, &entropy)?.into());
    }
    let records = entities.iter().map(Entity::to_record);
    Ok(records.collect::<Result<_, _>>()?)
}

/// So many accounts, each with the record that the realm keeps of it.
///
/// # Errors
/// When they cannot be made.
pub fn listed(accounts: usize) -> Outcome<Vec<(AccountId, Record)>> {
    (0..accounts)
        .map(|number| {
            let id = account(FIRST_ACCOUNT + number as u64)?;
            Ok((id, Entity::from(account_record(id)?).to_record()?))
        })
        .collect()
}

/// The role `administrator`, which may do everything and which the management account enters by.
///
/// # Errors
/// When it cannot be made.
pub fn administrator(id: AccountId) -> Outcome<Record> {
    // Ids that none of the other roles has.
    let entropy = Counter(AtomicU64::new(1 << 40));
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{MANAGEMENT:012}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let administrator = Role {
        name: legal("administrator")?,
        trust_policy: trust,
        policies: Attachments {
            inline: Default::default(),
            attached: vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()],
        },
        ..role(id, 0, &entropy)?
    };
    Ok(Entity::from(administrator).to_record()?)
}

/// So many users of an account.
///
/// # Errors
/// When they cannot be made.
pub fn users(id: AccountId, count: usize) -> Outcome<Vec<Record>> {
    let entropy = Counter::default();
    (0..count)
        .map(|number| {
            let user = User {
                id: UniqueId::generate(IdKind::User, id, &entropy),
                name: legal(&format!("user-{number}"))?,
                path: Path::default(),
                created: NOW,
                tags: Vec::new(),
                permissions_boundary: None,
                policies: Attachments {
                    inline: Default::default(),
                    attached: vec!["arn:aws:iam::aws:policy/IAMUserChangePassword".to_owned()],
                },
                groups: Vec::new(),
            };
            Ok(Entity::from(user).to_record()?)
        })
        .collect()
}

/// The account that those records are.
///
/// # Errors
/// When they are none.
pub fn load(records: &[Record]) -> Outcome<Account> {
    let root_key = RootKey::new(&ROOT_KEY).map_err(|_| "the root key is refused")?;
    Ok(Account::load(
        account(FIRST_ACCOUNT)?,
        1,
        records,
        locum_identity::aws_managed::builtin(),
        &root_key,
    )?)
}

struct Key {
    id: String,
    secret: String,
    token: Option<String>,
}

/// The head of a signed request without a body.
fn signed(key: &Key, service: &str) -> Outcome<Parts> {
    signed_at(key, service, NOW)
}

/// The same of a request at another time.
fn signed_at(key: &Key, service: &str, now: i64) -> Outcome<Parts> {
    let (mut head, ()) = http::Request::post("https://localhost/")
        .body(())?
        .into_parts();
    let credentials = Credentials {
        access_key_id: &key.id,
        secret_access_key: &key.secret,
        session_token: key.token.as_deref(),
    };
    let scope = locum_sigv4::Scope {
        dialect: Dialect::General,
        region: "us-east-1",
        service,
    };
    sign(&mut head, &credentials, &scope, now, SignPayload::Body(b""))?;
    Ok(head)
}

/// The caller of a request that is signed and authenticated like any other.
async fn caller(realm: &Realm, key: &Key, service: &str) -> Outcome<Caller> {
    authenticated(realm, &signed(key, service)?, service).await
}

async fn authenticated(realm: &Realm, head: &Parts, service: &str) -> Outcome<Caller> {
    let claim = Claim::parse(head, Dialect::General)?.ok_or("an unsigned request")?;
    let body = sha256(b"");
    Ok(realm.authenticate(&claim, service, Some(&body)).await?.0)
}

/// The key of a user of the management account who may assume every role.
async fn assuming_user(realm: &Realm, root: &Key, now: i64) -> Outcome<Key> {
    // A caller knows its account as it was when its request came: each call is a request.
    let head = signed_at(root, "iam", now)?;
    let user = "assumer";
    let create = CreateUser {
        user_name: legal(user)?,
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    realm
        .call(&authenticated(realm, &head, "iam").await?, &facts(), create)
        .await?;
    let put = PutUserPolicy {
        user_name: legal(user)?,
        policy_name: legal("assume")?,
        policy_document: legal(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}"#,
        )?,
    };
    realm
        .call(&authenticated(realm, &head, "iam").await?, &facts(), put)
        .await?;
    let create = CreateAccessKey {
        user_name: Some(legal(user)?),
    };
    let created = realm
        .call(&authenticated(realm, &head, "iam").await?, &facts(), create)
        .await?;
    Ok(Key {
        id: created.access_key_id.to_string(),
        secret: created.secret_access_key.expose().to_owned(),
        token: None,
    })
}

async fn session_of(realm: &Realm, key: &Key, role: usize) -> Outcome<Caller> {
    caller(realm, &session_key(realm, key, role).await?, "s3").await
}

/// The credentials of a session of a role.
async fn session_key(realm: &Realm, key: &Key, role: usize) -> Outcome<Key> {
    let id = account(FIRST_ACCOUNT + (role / ROLES_OF_AN_ACCOUNT) as u64)?;
    let role = legal(&format!("arn:aws:iam::{id}:role/{}", role_name(role)))?;
    let assume = AssumeRole {
        external_id: Some(legal("acme-7c1f0f6e")?),
        ..AssumeRole::new(role, legal("spark")?)
    };
    let user = caller(realm, key, "sts").await?;
    let assumed = realm.call(&user, &facts(), assume).await?;
    Ok(Key {
        id: assumed.credentials.access_key_id.to_string(),
        secret: assumed.credentials.secret_access_key.expose().to_owned(),
        token: Some(assumed.credentials.session_token),
    })
}

fn account(number: u64) -> Outcome<AccountId> {
    Ok(AccountId::from_number(number).ok_or("no account id")?)
}

fn legal<T: Constrained>(text: &str) -> Outcome<T> {
    T::parse(text).map_err(|failed| format!("`{text}` is not legal: {failed:?}").into())
}

fn account_record(id: AccountId) -> Outcome<AccountRecord> {
    Ok(AccountRecord {
        id,
        name: legal("acme")?,
        email: legal(&format!("aws+{id}@acme.example"))?,
        joined: NOW,
        created_by_organization: true,
        parent: None,
        tags: Vec::new(),
    })
}

fn role_name(number: usize) -> String {
    format!("catalog-writer-{number}")
}

fn role(account: AccountId, number: usize, entropy: &dyn Entropy) -> Outcome<Role> {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{MANAGEMENT:012}:root"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"acme-7c1f0f6e"}}}}}}]}}"#
    );
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Own","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::acme-team-{number}/*"}},{{"Sid":"Lake","Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::acme-lakehouse-*","arn:aws:s3:::acme-lakehouse-*/warehouse/*.db/*"],"Condition":{{"IpAddress":{{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/8"]}},"StringEquals":{{"aws:PrincipalAccount":"{account}"}}}}}},{{"Sid":"Tls","Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}]}}"#
    );
    let inline = InlinePolicy {
        name: legal("lake")?,
        document,
    };
    Ok(Role {
        id: UniqueId::generate(IdKind::Role, account, entropy),
        name: legal(&role_name(number))?,
        path: Path::default(),
        created: NOW,
        description: None,
        max_session_duration: MaxSessionDuration::default(),
        trust_policy: trust,
        tags: Vec::new(),
        limits: RoleLimits::default(),
        permissions_boundary: None,
        source: None,
        policies: Attachments {
            inline: [("lake".to_owned(), inline)].into(),
            attached: vec!["arn:aws:iam::aws:policy/IAMUserChangePassword".to_owned()],
        },
    })
}

fn managed_policy(
    account: AccountId,
    number: usize,
    entropy: &dyn Entropy,
) -> Outcome<ManagedPolicy> {
    Ok(ManagedPolicy {
        id: UniqueId::generate(IdKind::ManagedPolicy, account, entropy),
        name: legal(&format!("team-{number}"))?,
        path: Path::default(),
        created: NOW,
        updated: NOW,
        description: None,
        tags: Vec::new(),
        versions: vec![PolicyVersion {
            number: 1,
            document: crate::policies::policy_of_size(1024),
            created: NOW,
        }],
        default_version: 1,
        next_version: 2,
    })
}

/// A clock that stands.
struct Stopped;

impl Clock for Stopped {
    fn now_millis(&self) -> i64 {
        NOW * 1000
    }
}

/// "Randomness" that never repeats and costs nothing.
#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
            for (byte, random) in chunk.iter_mut().zip(mixed) {
                *byte = random;
            }
        }
    }
}

/// A store of many accounts, whose records are made when they are loaded. What is written stays in
/// memory.
struct Accounts {
    roles: usize,
    written: Mutex<HashMap<Scope, Loaded>>,
}

impl Accounts {
    fn new(roles: usize) -> Self {
        Self {
            roles,
            written: Mutex::default(),
        }
    }

    /// Puts accounts into the list that the realm keeps of them, and other records beside them.
    fn list(&self, accounts: usize, more: Vec<Record>) -> Outcome {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let realm = written.entry(Scope::Realm).or_default();
        realm.version += 1;
        for number in 0..accounts {
            let id = account(FIRST_ACCOUNT + number as u64)?;
            let record = Entity::from(account_record(id)?).to_record()?;
            realm.records.push(record);
        }
        realm.records.extend(more);
        Ok(())
    }

    fn made(&self, id: AccountId) -> Outcome<Loaded> {
        let Some(number) = id.number().checked_sub(FIRST_ACCOUNT) else {
            return Ok(Loaded::default());
        };
        let first = usize::try_from(number)? * ROLES_OF_AN_ACCOUNT;
        let roles = self.roles.saturating_sub(first).min(ROLES_OF_AN_ACCOUNT);
        Ok(Loaded {
            version: 1,
            records: records(first, roles, UNATTACHED_OF_AN_ACCOUNT)?,
        })
    }

    fn change(&self, writes: Vec<Write>) -> Committed {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let version = |scope| written.get(scope).map_or(0, |loaded| loaded.version);
        if writes
            .iter()
            .any(|write| write.expected_version != version(&write.scope))
        {
            return Committed::Conflict;
        }
        for write in writes {
            let loaded = written.entry(write.scope).or_default();
            loaded.version += 1;
            let gone = |record: &Record| {
                let is = |kind: &str, key: &str| record.kind == kind && record.key == key;
                let put = write.puts.iter().any(|put| is(&put.kind, &put.key));
                put || write.deletes.iter().any(|(kind, key)| is(kind, key))
            };
            loaded.records.retain(|record| !gone(record));
            loaded.records.extend(write.puts);
        }
        Committed::Yes
    }
}

fn answer<T: Send + 'static>(value: T) -> Answer<'static, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Store for Accounts {
    fn load(&self, scope: Scope) -> Answer<'_, Loaded> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = match (written.get(&scope), scope) {
            (Some(loaded), _) => Ok(loaded.clone()),
            (None, Scope::Account(id)) => self.made(id),
            (None, Scope::Realm) => Ok(Loaded::default()),
        };
        Box::pin(std::future::ready(
            loaded.map_err(locum_identity::port::StoreError),
        ))
    }

    fn commit(&self, writes: Vec<Write>, _origin: Origin) -> Answer<'_, Committed> {
        answer(self.change(writes))
    }

    fn feed(&self, _after: u64, _limit: usize) -> Answer<'_, Vec<FeedEntry>> {
        answer(Vec::new())
    }

    fn newest(&self) -> Answer<'_, u64> {
        answer(0)
    }

    fn save_last_uses(&self, _uses: Vec<LastUse>) -> Answer<'_, ()> {
        answer(())
    }

    fn last_uses(&self, _account: AccountId) -> Answer<'_, Vec<LastUse>> {
        answer(Vec::new())
    }

    fn save_accesses(&self, _accesses: Vec<Access>, _since: i64) -> Answer<'_, ()> {
        answer(())
    }

    fn accesses(&self, _account: AccountId, _of: Option<String>) -> Answer<'_, Vec<Access>> {
        answer(Vec::new())
    }

    fn save_report(&self, _report: Report) -> Answer<'_, ()> {
        answer(())
    }

    fn report(&self, _account: AccountId, _id: String) -> Answer<'_, Option<Report>> {
        answer(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_roles_amid_others_are_decided() {
        let held = Held::new(2_500, 5).unwrap();
        let accounts: Vec<String> = held
            .callers()
            .iter()
            .map(|caller| caller.account_id().unwrap().to_string())
            .collect();
        assert_eq!(accounts, vec![(FIRST_ACCOUNT + 1).to_string(); 5]);
        let tls = facts();
        let plain = RequestFacts {
            secure_transport: false,
            ..facts()
        };
        let names = held.names();
        let roles: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(
            roles,
            [1000, 1200, 1400, 1600, 1800].map(|number| format!("catalog-writer-{number}"))
        );
        for (account, name) in names {
            assert!(held.finds(account, &name));
            assert!(!held.finds(account, "another"));
        }
        for caller in held.callers() {
            assert!(reads(caller, &tls));
            assert!(!reads(caller, &plain));
        }
    }
}
