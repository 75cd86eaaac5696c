//! What records tell of sessions, so that those in use are known after a restart too.

use locum_identity::environment::{Seconds, parse_timestamp, timestamp};
use locum_identity::ids::{AccessKeyId, UniqueId};
use locum_identity::names::{AccountId, Constrained as _, FederatedUserName, RoleSessionName};
use locum_identity::realm::Realm;
use locum_identity::services::ServiceName;
use locum_identity::session::{
    Ancestor, Ancestry, LongTerm, LongTermPrincipal, MOST_ANCESTORS, Session, SessionPrincipal,
};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What records tell of a session in `additionalEventData`.
pub(super) const MEMBERS: [&str; 3] = [EXPIRATION, ORIGIN, ANCESTRY];
const EXPIRATION: &str = "sessionExpiration";
const ORIGIN: &str = "sessionOrigin";
const ANCESTRY: &str = "sessionAncestry";
/// The newest records that are read at a start, in bytes.
const MOST_READ: u64 = 16 * 1024 * 1024;

/// When a session ends and what it descends from.
pub(super) fn data(session: &Session) -> Value {
    let mut data = json!({EXPIRATION: timestamp(session.expires)});
    let Some(members) = data.as_object_mut() else {
        return data;
    };
    if let Some(origin) = &session.ancestry.origin {
        let principal = match &origin.principal {
            LongTermPrincipal::User(id) => id.to_string(),
            LongTermPrincipal::Root(account) => account.to_string(),
            LongTermPrincipal::Service(name) => name.to_string(),
        };
        let origin =
            json!({"accessKeyId": origin.access_key_id.as_str(), "principalId": principal});
        members.insert(ORIGIN.to_owned(), origin);
    }
    let ancestors = session.ancestry.sessions.iter().map(|ancestor| {
        let id = ancestor.access_key_id.as_str();
        json!({
            "accessKeyId": id,
            "principalId": principal_id(&ancestor.principal, AccessKeyId::account_of(id)),
            "creationDate": timestamp(ancestor.issued),
        })
    });
    let ancestors: Vec<Value> = ancestors.collect();
    if !ancestors.is_empty() {
        members.insert(ANCESTRY.to_owned(), ancestors.into());
    }
    data
}

/// `AROA…:session`, `AIDA…`, `ACCOUNT` or `ACCOUNT:name`, as `principalId` has it.
fn principal_id(principal: &SessionPrincipal, account: Option<AccountId>) -> String {
    let account = account.map(|id| id.to_string()).unwrap_or_default();
    match principal {
        SessionPrincipal::AssumedRole { role, session_name } => format!("{role}:{session_name}"),
        SessionPrincipal::User(id) => id.to_string(),
        SessionPrincipal::Root | SessionPrincipal::AssumedRoot(_) => account,
        SessionPrincipal::FederatedUser { name, .. } => format!("{account}:{name}"),
    }
}

/// The inverse of [`principal_id`]; who asked for a federated user's credentials is not in it, nor the
/// task of a root user.
fn principal(text: &str) -> Option<SessionPrincipal> {
    Some(match text.split_once(':') {
        Some((role, name)) if role.starts_with("AROA") => SessionPrincipal::AssumedRole {
            role: UniqueId::parse(role)?,
            session_name: RoleSessionName::parse(name).ok()?,
        },
        Some((_, name)) => SessionPrincipal::FederatedUser {
            issuer: None,
            name: FederatedUserName::parse(name).ok()?,
        },
        None if text.starts_with("AIDA") => SessionPrincipal::User(UniqueId::parse(text)?),
        None => AccountId::parse(text)
            .map(|_| SessionPrincipal::Root)
            .ok()?,
    })
}

/// Notes the sessions in use that the newest records of a directory tell of. What cannot be read is
/// passed over: nothing is decided by it.
pub(crate) fn restore(directory: &Path, realm: &Realm) {
    let now = realm.environment().clock.now();
    let mut room = MOST_READ;
    for path in newest_first(directory) {
        let read = tail(&path, room, |line| {
            let record: Option<Value> = serde_json::from_slice(line).ok();
            if let Some(seen) = record.as_ref().and_then(seen)
                && now < seen.session.expires
            {
                realm.session_uses().record(
                    seen.account,
                    &seen.access_key_id,
                    &seen.session,
                    seen.at,
                    seen.source_ip,
                );
            }
        });
        match read {
            Ok(read) => room = room.saturating_sub(read),
            Err(error) => tracing::warn!("`{}` cannot be read: {error}", path.display()),
        }
        if room == 0 {
            break;
        }
    }
}

/// The current files of all processes, then the rotated ones, whose names tell their time.
fn newest_first(directory: &Path) -> Vec<PathBuf> {
    let (mut current, mut rotated) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_name().and_then(|name| name.to_str());
        match name.and_then(|name| name.strip_suffix(".jsonl")) {
            Some(name) if name.starts_with("audit-") => rotated.push(path),
            Some(name) if name == "audit" || name.starts_with("audit.") => current.push(path),
            _ => {}
        }
    }
    current.sort();
    rotated.sort();
    current
        .into_iter()
        .chain(rotated.into_iter().rev())
        .collect()
}

/// Reads the lines of the last `room` bytes of a file; how many bytes that were.
fn tail(path: &Path, room: u64, mut each: impl FnMut(&[u8])) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(room);
    file.seek(SeekFrom::Start(start))?;
    // The first line is likely to be cut, and is no JSON then.
    for line in BufReader::new(file).split(b'\n') {
        each(&line?);
    }
    Ok(length - start)
}

/// A use that a record tells of.
struct Seen {
    account: AccountId,
    access_key_id: String,
    session: Session,
    at: Seconds,
    source_ip: Option<IpAddr>,
}

fn seen(record: &Value) -> Option<Seen> {
    let identity = record.get("userIdentity")?;
    let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let time = |value: &Value, name: &str| parse_timestamp(value.get(name)?.as_str()?);
    let access_key_id = text(identity, "accessKeyId")?;
    let account = AccessKeyId::account_of(&access_key_id)
        .filter(|_| AccessKeyId::is_temporary(&access_key_id))?;
    let context = identity.get("sessionContext")?;
    let data = record.get(super::ADDITIONAL)?;
    let source_identity = text(context, "sourceIdentity");
    let session = Session {
        principal: principal(&text(identity, "principalId")?)?,
        issued: time(context.get("attributes")?, "creationDate")?,
        expires: time(data, EXPIRATION)?,
        packed: Arc::default(),
        source_identity: source_identity
            .and_then(|text| locum_identity::names::SourceIdentity::parse(&text).ok()),
        mfa: None,
        delegate: None,
        ancestry: ancestry(data),
    };
    Some(Seen {
        account,
        access_key_id,
        session,
        at: time(record, "eventTime")?,
        source_ip: text(record, "sourceIPAddress").and_then(|text| text.parse().ok()),
    })
}

fn ancestry(data: &Value) -> Ancestry {
    let id = |value: &Value| AccessKeyId::parse(value.get("accessKeyId")?.as_str()?);
    let whose = |value: &Value| principal(value.get("principalId")?.as_str()?);
    let origin = |value: &Value| {
        let text = value.get("principalId")?.as_str()?;
        let root = || AccountId::parse(text).ok().map(LongTermPrincipal::Root);
        let service = || {
            ServiceName::parse(text)
                .ok()
                .map(LongTermPrincipal::Service)
        };
        let principal = match whose(value) {
            Some(SessionPrincipal::User(id)) => LongTermPrincipal::User(id),
            _ => root().or_else(service)?,
        };
        Some(LongTerm {
            access_key_id: id(value)?,
            principal,
        })
    };
    let ancestor = |value: &Value| {
        Some(Ancestor {
            access_key_id: id(value)?,
            principal: whose(value)?,
            issued: parse_timestamp(value.get("creationDate")?.as_str()?)?,
        })
    };
    let sessions = data.get(ANCESTRY).and_then(Value::as_array);
    Ancestry {
        federation: None,
        origin: data.get(ORIGIN).and_then(origin),
        sessions: sessions
            .into_iter()
            .flatten()
            .take(MOST_ANCESTORS)
            .filter_map(ancestor)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use locum_identity::environment::Entropy;
    use locum_identity::ids::IdKind;
    use locum_identity::names::SourceIdentity;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(5);
        }
    }

    fn record(session: &Session, id: &str) -> Value {
        let account = AccessKeyId::account_of(id);
        json!({
            "eventTime": timestamp(session.issued + 7),
            "sourceIPAddress": "192.0.2.7",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": principal_id(&session.principal, account),
                "accessKeyId": id,
                "sessionContext": {
                    "attributes": {"creationDate": timestamp(session.issued)},
                    "sourceIdentity": session.source_identity.as_ref().map(SourceIdentity::as_str),
                },
            },
            crate::audit::ADDITIONAL: data(session),
        })
    }

    #[test]
    fn a_session_is_read_back_from_its_record() {
        let account = AccountId::parse("123456789012").unwrap();
        let role = SessionPrincipal::AssumedRole {
            role: UniqueId::generate(IdKind::Role, account, &Fixed),
            session_name: RoleSessionName::parse("a@b").unwrap(),
        };
        let user = UniqueId::generate(IdKind::User, account, &Fixed);
        let federated = SessionPrincipal::FederatedUser {
            issuer: None,
            name: FederatedUserName::parse("carol").unwrap(),
        };
        let id = AccessKeyId::generate_temporary(account, &Fixed);
        let ancestor = |principal: &SessionPrincipal| Ancestor {
            access_key_id: id.clone(),
            principal: principal.clone(),
            issued: 1_767_225_500,
        };
        let key = |principal| LongTerm {
            access_key_id: AccessKeyId::parse("operators_own_key").unwrap(),
            principal,
        };
        let principals = [
            role,
            SessionPrincipal::User(user.clone()),
            SessionPrincipal::Root,
            federated,
        ];
        let origins = [
            None,
            Some(key(LongTermPrincipal::User(user))),
            Some(key(LongTermPrincipal::Root(account))),
            Some(key(LongTermPrincipal::Service(
                ServiceName::parse("builds.example.com").unwrap(),
            ))),
        ];
        for principal in &principals {
            for origin in &origins {
                let session = Session {
                    principal: principal.clone(),
                    issued: 1_767_225_600,
                    expires: 1_767_229_200,
                    packed: Arc::default(),
                    source_identity: SourceIdentity::parse("alice").ok(),
                    mfa: None,
                    delegate: None,
                    ancestry: Ancestry {
                        federation: None,
                        origin: origin.clone(),
                        sessions: principals.iter().map(ancestor).collect(),
                    },
                };
                let found = seen(&record(&session, id.as_str())).unwrap();
                assert_eq!(found.session, session);
                assert_eq!(
                    (found.account, found.access_key_id.as_str()),
                    (account, id.as_str())
                );
                assert_eq!(found.at, 1_767_225_607);
                assert_eq!(found.source_ip, "192.0.2.7".parse().ok());
            }
        }
    }

    #[test]
    fn what_is_no_record_of_a_session_is_passed_over() {
        for text in [
            "{}",
            "[]",
            "1",
            r#"{"userIdentity":{"type":"Unknown","accessKeyId":"ASIAQNZGKIQY56JQ7WML"}}"#,
            r#"{"userIdentity":{"accessKeyId":"AKIAQNZGKIQY56JQ7WML","sessionContext":{}},"additionalEventData":{}}"#,
        ] {
            assert!(
                seen(&serde_json::from_str(text).unwrap()).is_none(),
                "{text}"
            );
        }
    }

    #[test]
    fn only_the_newest_lines_are_read() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("audit.jsonl", "5\n6\n"),
            ("audit.2.jsonl", "7\n"),
            ("audit-20260102T000000Z-0000.jsonl", "3\n4\n"),
            ("audit-20260101T000000Z-0000.jsonl", "1\n2\n"),
            ("other.jsonl", "9\n"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let names: Vec<_> = newest_first(folder.path())
            .iter()
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect();
        assert_eq!(names, ["7\n", "5\n6\n", "3\n4\n", "1\n2\n"]);
        let mut lines = Vec::new();
        let current = folder.path().join("audit.jsonl");
        let read = tail(&current, 2, |line| lines.push(line.to_vec())).unwrap();
        assert_eq!((read, lines), (2, vec![b"6".to_vec()]));
    }
}
