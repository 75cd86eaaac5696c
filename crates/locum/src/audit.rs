//! The record: one JSON line a request, in CloudTrail's record format, and last uses.
//!
//! Requests hand over what they know through a bounded queue; a thread makes and writes the lines,
//! behind the requests' backs. When the queue is full, requests wait: nothing goes unrecorded while
//! the disk takes it.

mod identity;
pub(crate) mod sessions;

use locum_identity::caller::{Caller, Credentials, RequestFacts, Who};
use locum_identity::environment::{Entropy, timestamp};
use locum_identity::ids::uuid;
use locum_identity::names::{AccountId, Constrained as _, DelegationRequestId};
use locum_identity::realm::Realm;
use locum_policy::Arn;
use locum_wire::Outcome;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Requests that may wait to be recorded.
const QUEUE: usize = 8192;
/// How long events gather before they are written together.
const GATHER: Duration = Duration::from_millis(1);
/// The file of the process that is alone, or was first.
const CURRENT: &str = "audit.jsonl";
/// Processes that may write records into one directory.
const MOST_WRITERS: usize = 64;
/// The directory of the audit log in the data directory.
pub(crate) const DIRECTORY: &str = "audit";
/// Longer texts are cut: they are the sender's to choose, and the record is not theirs to fill.
const LONGEST_USER_AGENT: usize = 512;
const LONGEST_MESSAGE: usize = 2048;
/// What a record of a refusal has besides CloudTrail's members: the need that was refused, and the
/// message about it.
pub(crate) const ADDITIONAL: &str = "additionalEventData";
pub(crate) const REFUSED_ACTION: &str = "refusedAction";
pub(crate) const REFUSED_RESOURCE: &str = "refusedResource";
pub(crate) const ENCODED_MESSAGE: &str = "encodedAuthorizationMessage";

/// What is recorded of one request.
pub(crate) struct Event {
    pub(crate) realm: Arc<Realm>,
    pub(crate) facts: RequestFacts,
    /// `None` if the request was not authenticated.
    pub(crate) caller: Option<Caller>,
    /// The access key id that the request claimed, proven or not.
    pub(crate) claimed_key: Option<String>,
    pub(crate) outcome: Outcome,
}

/// Where requests hand over what is to be recorded.
#[derive(Clone)]
pub(crate) struct Recorder(mpsc::Sender<Message>);

/// What comes through the queue.
enum Message {
    Event(Box<Event>),
    /// Nothing comes any more that has to be recorded.
    Stop,
}

impl Recorder {
    /// Starts the recording thread. `file` is `None` where nothing is kept.
    pub(crate) fn start(
        file: Option<AuditFile>,
        entropy: Arc<dyn Entropy>,
    ) -> (Self, std::thread::JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::spawn(move || record(receiver, file, &*entropy));
        (Self(sender), thread)
    }

    /// Hands over one event.
    pub(crate) async fn record(&self, event: Event) {
        // The receiver lives as long as a sender does.
        let _ = self.0.send(Message::Event(Box::new(event))).await;
    }

    /// Ends the recording thread, behind everything that was handed over.
    pub(crate) async fn stop(&self) {
        let _ = self.0.send(Message::Stop).await;
    }
}

fn record(
    mut receiver: mpsc::Receiver<Message>,
    mut file: Option<AuditFile>,
    entropy: &dyn Entropy,
) {
    let mut line = Vec::new();
    let mut stopped = false;
    while !stopped {
        let mut next = receiver.blocking_recv();
        stopped = next.is_none();
        gather();
        while let Some(message) = next {
            let Message::Event(event) = message else {
                stopped = true;
                break;
            };
            note_use(&event);
            if let Some(file) = &mut file {
                for record in cloud_trail_records(&event, entropy) {
                    line.clear();
                    if serde_json::to_writer(&mut line, &record).is_ok() {
                        line.push(b'\n');
                        file.write(&line, event.facts.now);
                    }
                }
            }
            next = receiver.try_recv().ok();
        }
        if let Some(file) = &mut file {
            file.flush();
        }
    }
}

/// Lets events gather: to be woken for each would cost requests more than the record does.
#[expect(clippy::disallowed_methods, reason = "this waits for nothing but time")]
fn gather() {
    std::thread::sleep(GATHER);
}

fn note_use(event: &Event) {
    let Some(caller) = &event.caller else { return };
    let Some(account) = caller.account_id() else {
        return;
    };
    if let (Some(session), Some(id)) = (caller.session(), caller.access_key_id()) {
        let (at, source_ip) = (event.facts.now, event.facts.source_ip);
        let uses = event.realm.session_uses();
        uses.record(account, id, session, at, source_ip);
    }
    let service = service(event.outcome.event_source);
    let (uses, facts) = (event.realm.last_uses(), &event.facts);
    let note = |subject: &str| uses.note(account, subject, facts.now, service, &facts.region);
    match (&caller.credentials, &caller.who) {
        (Credentials::LongTerm { access_key_id }, _) => note(access_key_id),
        (_, Who::AssumedRole { role, .. }) => note(role.role.id.as_str()),
        _ => {}
    }
    if let Some(action) = action(&event.outcome) {
        let (accesses, facts) = (event.realm.accesses(), &event.facts);
        let note = |principal: &str| {
            let tried = (service, action);
            accesses.note(account, principal, tried, facts.now, &facts.region);
        };
        match &caller.who {
            Who::Root => note(account.as_str()),
            Who::User(state) => note(state.user.id.as_str()),
            Who::AssumedRole { role, .. } => note(role.role.id.as_str()),
            // What a federated user does counts as its user's, as that user's policies bound it.
            Who::FederatedUser { issuer, .. } => match issuer {
                Some(state) => note(state.user.id.as_str()),
                None => note(account.as_str()),
            },
            Who::Anonymous | Who::Service(_) | Who::Federated(_) => {}
        }
    }
}

/// `iam` of `iam.amazonaws.com`.
fn service(event_source: &'static str) -> &'static str {
    event_source.split('.').next().unwrap_or_default()
}

/// The action that a request tried, without its service; `None` if it was none that there is.
fn action(outcome: &Outcome) -> Option<&str> {
    let operation = outcome.event_name.as_str();
    match outcome.event_source {
        // S3's operations and actions have names of their own each.
        "s3.amazonaws.com" => locum_s3::action_of(operation)?.strip_prefix("s3:"),
        // A request that was refused before it was looked at may name anything.
        source => locum_wire::operation(service(source), operation),
    }
}

/// The records of one request: of the caller's account, and of the account that was entered if that is
/// another. What they have in common is told by a `sharedEventID`.
fn cloud_trail_records(event: &Event, entropy: &dyn Entropy) -> Vec<Value> {
    let mut record = cloud_trail_record(event, entropy);
    let Some((resource, owner)) = entered(event, &record) else {
        return vec![record];
    };
    set(&mut record, "resources", json!([resource]));
    let caller = event.caller.as_ref();
    let account = caller.and_then(Caller::account_id).map(|id| id.to_string());
    // A service has no account that it could be on record in besides.
    if account.as_ref().is_none_or(|account| *account == owner) {
        return vec![record];
    }
    set(&mut record, "sharedEventID", json!(uuid(entropy)));
    let mut owners = record.clone();
    set(&mut owners, "eventID", json!(uuid(entropy)));
    set(&mut owners, "recipientAccountId", json!(owner));
    // Who the caller is in its own account is not for the other one to know.
    let identity = json!({
        "type": "AWSAccount",
        "principalId": caller.map(Caller::user_id),
        "accountId": account,
    });
    set(&mut owners, "userIdentity", identity);
    // Nor is what its session descends from.
    if let Some(data) = owners.get_mut(ADDITIONAL).and_then(Value::as_object_mut) {
        data.retain(|name, _| !sessions::MEMBERS.contains(&name.as_str()));
    }
    vec![record, owners]
}

/// Adds to what a record tells beyond request and answer.
fn add(record: &mut Value, more: Value) {
    let members = record.as_object_mut();
    let data = members.map(|members| members.entry(ADDITIONAL).or_insert_with(|| json!({})));
    if let (Some(Value::Object(data)), Value::Object(more)) = (data, more) {
        data.extend(more);
    }
}

fn set(record: &mut Value, name: &str, value: Value) {
    if let Some(members) = record.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// As whom a request got credentials of an account, as the resource of the record, and the account.
fn entered(event: &Event, record: &Value) -> Option<(Value, String)> {
    let outcome = &event.outcome;
    if outcome.event_source != "sts.amazonaws.com" || outcome.error.is_some() {
        return None;
    }
    let asked = |name: &str| record.get("requestParameters")?.get(name)?.as_str();
    match outcome.event_name.as_str() {
        "AssumeRole" => {
            let role = asked("roleArn")?;
            let owner = Arn::parse(role)?.account().to_owned();
            let resource = json!({"accountId": owner, "type": "AWS::IAM::Role", "ARN": role});
            Some((resource, owner))
        }
        "AssumeRoot" => {
            let target = asked("targetPrincipal")?;
            let owner = match Arn::parse(target) {
                Some(arn) => arn.account().to_owned(),
                None => target.to_owned(),
            };
            let root = format!("arn:aws:iam::{owner}:root");
            Some((json!({"accountId": owner, "ARN": root}), owner))
        }
        "GetDelegatedAccessToken" => {
            let resource = delegation(record)?;
            let owner = resource.get("accountId")?.as_str()?.to_owned();
            Some((resource, owner))
        }
        _ => None,
    }
}

/// The record of one request (CloudTrail user guide, "CloudTrail record contents").
fn cloud_trail_record(event: &Event, entropy: &dyn Entropy) -> Value {
    let Event { facts, outcome, .. } = event;
    let parameters = request_parameters(event);
    let recipient = recipient(event, &parameters);
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": identity::user_identity(event),
        "eventTime": timestamp(facts.now),
        "eventSource": outcome.event_source,
        "eventName": outcome.event_name,
        "awsRegion": facts.region,
        "sourceIPAddress": facts.source_ip.map(|ip| ip.to_string()),
        "userAgent": facts.user_agent.as_deref().map(|agent| cut(agent, LONGEST_USER_AGENT)),
        "requestParameters": parameters,
        "responseElements": outcome.response_elements.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
        "requestID": facts.request_id,
        "eventID": uuid(entropy),
        "readOnly": is_read(&outcome.event_name),
        "eventType": match outcome.event_source {
            "signin.amazonaws.com" => "AwsConsoleSignIn",
            _ => "AwsApiCall",
        },
        "managementEvent": outcome.event_source != "s3.amazonaws.com",
        "recipientAccountId": recipient,
    });
    if let Some(Who::Service(service)) = event.caller.as_ref().map(|caller| &caller.who) {
        let source = &service.source;
        let source = json!({
            "sourceArn": source.arn.as_deref(),
            "sourceAccount": source.account.map(|id| id.to_string()),
        });
        add(&mut record, source);
    }
    if let Some(session) = event.caller.as_ref().and_then(Caller::session) {
        add(&mut record, sessions::data(session));
    }
    if let Some(denied) = outcome.refused.as_ref().filter(|_| outcome.error.is_some()) {
        let refused = json!({
            REFUSED_ACTION: cut(&denied.action, LONGEST_MESSAGE),
            REFUSED_RESOURCE: cut(&denied.resource, LONGEST_MESSAGE),
            ENCODED_MESSAGE: denied.encoded,
        });
        add(&mut record, refused);
    }
    let explanations = facts.notes.explanations();
    if !explanations.is_empty() {
        add(&mut record, json!({"explanation": explanations}));
    }
    if let Some(resource) = delegation(&record) {
        set(&mut record, "resources", json!([resource]));
    }
    if let Some((code, message)) = &outcome.error {
        let message = cut(first_line(message), LONGEST_MESSAGE);
        set(&mut record, "errorCode", json!(code));
        set(&mut record, "errorMessage", json!(message));
    }
    record
}

/// Whose record it is: the caller's account, or of what a service asks for the account of the role.
fn recipient(event: &Event, parameters: &Value) -> Option<String> {
    if let Some(identity) = event.facts.notes.identity() {
        return Some(identity.account.to_string());
    }
    let caller = event.caller.as_ref()?;
    if let Who::Service(_) = caller.who {
        let arn = Arn::parse(parameters.get("roleArn")?.as_str()?)?;
        let id = AccountId::parse(arn.account()).ok()?;
        return caller
            .directory()
            .accounts
            .contains_key(&id)
            .then(|| id.to_string());
    }
    caller.account_id().map(|id| id.to_string())
}

/// The other account that a delegation request is about, as the resource of the record: of a request
/// the one that made it, of its credentials the one that they are good in.
fn delegation(record: &Value) -> Option<Value> {
    let text = |part: &str, name: &str| record.get(part)?.get(name)?.as_str();
    if let Some(principal) = text("responseElements", "assumedPrincipal") {
        let account = principal.split(':').nth(4)?;
        return Some(json!({"ARN": principal, "accountId": account}));
    }
    let id = text("requestParameters", "delegationRequestId")
        .or_else(|| text("responseElements", "delegationRequestId"))?;
    let account = DelegationRequestId::account_of(id)?;
    Some(json!({
        "ARN": format!("arn:aws:iam::{account}:delegation-request/{id}"),
        "accountId": account.as_str(),
        "type": "AWS::IAM::DelegationRequest",
    }))
}

/// What was asked for, and for AssumeRole what the calling session hands down besides.
fn request_parameters(event: &Event) -> Value {
    let Event {
        caller, outcome, ..
    } = event;
    let mut parameters = outcome.request.request_parameters();
    let session = caller.as_ref().and_then(Caller::session);
    if let (Some(session), Some(members)) = (session, parameters.as_object_mut())
        && (outcome.event_source, outcome.event_name.as_str())
            == ("sts.amazonaws.com", "AssumeRole")
    {
        let tags = session.transitive_tags();
        let inherited: serde_json::Map<_, _> = tags
            .map(|tag| (tag.key.to_string(), json!(tag.value.as_str())))
            .collect();
        if !inherited.is_empty() {
            members.insert("incomingTransitiveTags".to_owned(), inherited.into());
        }
        if let Some(identity) = &session.source_identity {
            members.insert("sourceIdentity".to_owned(), json!(identity.as_str()));
        }
    }
    parameters
}

/// A message without what stands behind its first line: the canonical request of a signature that
/// does not match repeats headers, and a session token may be one of them.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// At most `longest` characters of a text.
fn cut(text: &str, longest: usize) -> &str {
    text.char_indices()
        .nth(longest)
        .and_then(|(end, _)| text.get(..end))
        .unwrap_or(text)
}

fn is_read(name: &str) -> bool {
    // STS operations that hand out credentials are reads in CloudTrail's eyes.
    [
        "Get", "List", "Describe", "Head", "Simulate", "Assume", "Decode",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

/// The audit file: appended to, and moved aside when it is large. Each process that serves a data
/// directory has one of its own: `audit.jsonl`, and `audit.2.jsonl` and so on while that is taken.
pub(crate) struct AuditFile {
    directory: PathBuf,
    current: PathBuf,
    rotate_bytes: u64,
    keep: usize,
    open: Option<(BufWriter<File>, u64)>,
    failing: bool,
    /// Held as long as the file is this process's.
    _lock: File,
}

impl AuditFile {
    /// Opens an audit file of a directory.
    pub(crate) fn open(directory: &Path, rotate_bytes: u64, keep: usize) -> std::io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let (number, lock) = writer(directory)?;
        let name = match number {
            1 => CURRENT.to_owned(),
            _ => format!("audit.{number}.jsonl"),
        };
        let mut file = Self {
            directory: directory.to_owned(),
            current: directory.join(name),
            rotate_bytes,
            keep,
            open: None,
            failing: false,
            _lock: lock,
        };
        file.reopen()?;
        Ok(file)
    }

    fn reopen(&mut self) -> std::io::Result<()> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.current)?;
        let length = file.metadata()?.len();
        self.open = Some((BufWriter::with_capacity(64 * 1024, file), length));
        Ok(())
    }

    fn write(&mut self, line: &[u8], now: i64) {
        let result = self.try_write(line, now);
        self.report(result);
    }

    fn try_write(&mut self, line: &[u8], now: i64) -> std::io::Result<()> {
        if self.open.as_ref().is_some_and(|(_, length)| {
            *length > 0 && length + line.len() as u64 > self.rotate_bytes
        }) {
            self.rotate(now)?;
        }
        if self.open.is_none() {
            self.reopen()?;
        }
        if let Some((file, length)) = &mut self.open {
            file.write_all(line)?;
            *length += line.len() as u64;
        }
        Ok(())
    }

    fn rotate(&mut self, now: i64) -> std::io::Result<()> {
        if let Some((mut file, _)) = self.open.take() {
            file.flush()?;
        }
        let stamp = timestamp(now).replace([':', '-'], "");
        std::fs::rename(&self.current, self.reserve(&stamp)?)?;
        if self.keep > 0 {
            let mut rotated: Vec<_> = std::fs::read_dir(&self.directory)?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    path.file_name()
                        .and_then(|name| name.to_str())
                        .is_some_and(|name| name.starts_with("audit-"))
                })
                .collect();
            rotated.sort();
            for path in rotated.iter().take(rotated.len().saturating_sub(self.keep)) {
                match std::fs::remove_file(path) {
                    // Another process was first.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
        }
        Ok(())
    }

    /// A name for the file that is moved aside, made so that no other process takes it.
    fn reserve(&self, stamp: &str) -> std::io::Result<PathBuf> {
        for number in 0.. {
            let path = self
                .directory
                .join(format!("audit-{stamp}-{number:04}.jsonl"));
            let made = OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&path);
            match made {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => return made.map(|_| path),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    fn flush(&mut self) {
        if let Some((file, _)) = &mut self.open {
            let result = file.flush();
            self.report(result);
        }
    }

    /// Says once that records are being lost, and once that they are not any more.
    fn report(&mut self, result: std::io::Result<()>) {
        match result {
            Err(error) if !self.failing => {
                self.failing = true;
                self.open = None;
                tracing::error!("audit records cannot be written and are lost: {error}");
            }
            Err(_) => self.open = None,
            Ok(()) if self.failing => {
                self.failing = false;
                tracing::info!("audit records are written again");
            }
            Ok(()) => {}
        }
    }
}

/// The first place for a writer that is free, and the lock that keeps it.
fn writer(directory: &Path) -> std::io::Result<(usize, File)> {
    for number in 1..=MOST_WRITERS {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(directory.join(format!("lock.{number}")))?;
        match lock.try_lock() {
            Ok(()) => return Ok((number, lock)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(ErrorKind::ResourceBusy.into())
}
