//! The body of a session token, in as few bytes as it takes.
//!
//! `kind ‖ issued ‖ lifetime ‖ principal ‖ fields`: numbers are little-endian base-128, each field
//! is a tag and what belongs to it, the tags ascend, and an unknown one is refused.
//!
//! Version 2 has the fields [`PACKED`], [`SOURCE_IDENTITY`], [`ORIGIN`], [`ANCESTOR`], [`MFA`],
//! [`FEDERATION`], [`DELEGATE`] and [`PADDING`]. Version 1
//! had the session policies instead, each in a field of its own, and neither tags nor ancestry; its
//! tokens still open.

use super::{
    Ancestor, Ancestry, LongTerm, LongTermPrincipal, MOST_ANCESTORS, Packed, Session,
    SessionFederation, SessionPrincipal, constrained, deflate,
};
use crate::environment::Seconds;
use crate::ids::{AccessKeyId, UniqueId};
use crate::names::AccountId;
use crate::notes::FederationKind;
use crate::root_access::TaskPolicy;
use std::sync::Arc;

const ROLE: u8 = 1;
const USER: u8 = 2;
const ROOT: u8 = 3;
const FEDERATED_BY_USER: u8 = 4;
const FEDERATED_BY_ROOT: u8 = 5;
/// The number of the task follows.
const ASSUMED_ROOT: u8 = 7;
/// Of an ancestor: the principal of an earlier one, whose number follows.
const SAME_AS: u8 = 6;

const POLICY_V1: u8 = 1;
const POLICY_ARN_V1: u8 = 2;
const PACKED: u8 = 3;
const SOURCE_IDENTITY: u8 = 4;
const ORIGIN: u8 = 5;
const ANCESTOR: u8 = 6;
/// How many seconds before it was issued.
const MFA: u8 = 7;
/// The foreign identity that the chain began with.
const FEDERATION: u8 = 8;
/// The number of the account that acts.
const DELEGATE: u8 = 12;
/// Behind all others: zeros, to the end.
const PADDING: u8 = 255;

/// The access key id of an origin: ten bytes behind `AKIA`, or text.
const PACKED_KEY: u8 = 1;
const TEXT_KEY: u8 = 2;
/// Whose it is, in the account that the key id tells.
const USER_OF_KEY: u8 = 1;
const ROOT_OF_KEY: u8 = 2;
/// Whose it is, with the account.
const USER_OF_ACCOUNT: u8 = 3;
const ROOT_OF_ACCOUNT: u8 = 4;
/// A service, whose name follows.
const OF_SERVICE: u8 = 5;

const LONG_TERM: &str = "AKIA";
const TEMPORARY: &str = "ASIA";

/// Tokens count their seconds from 2020-01-01, to be a byte shorter.
const EPOCH: Seconds = 1_577_836_800;

/// What an inflated policy of version 1 may measure at most: more than a request could carry.
const LONGEST_POLICY_V1: usize = 256 * 1024;

/// The version of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    One,
    Two,
}

impl Version {
    pub(super) fn parse(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }
}

/// The bytes of a session, version 2; `None` if it cannot be written.
pub(super) fn encode(session: &Session) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(128 + session.packed.size());
    // The kind comes first, the rest of the principal behind the times.
    let principal = principal_bytes(&session.principal)?;
    let (kind, rest) = principal.split_first()?;
    out.push(*kind);
    write_time(&mut out, session.issued)?;
    write_number(
        &mut out,
        u64::try_from(session.expires - session.issued).ok()?,
    );
    out.extend_from_slice(rest);
    if session.packed.size() > 0 {
        out.push(PACKED);
        write_bytes(&mut out, session.packed.bytes());
    }
    if let Some(identity) = &session.source_identity {
        out.push(SOURCE_IDENTITY);
        write_bytes(&mut out, identity.as_str().as_bytes());
    }
    if let Some(origin) = &session.ancestry.origin {
        out.push(ORIGIN);
        write_origin(&mut out, origin)?;
    }
    let ancestors = &session.ancestry.sessions;
    if ancestors.len() > MOST_ANCESTORS {
        return None;
    }
    for (place, ancestor) in ancestors.iter().enumerate() {
        out.push(ANCESTOR);
        let id = ancestor.access_key_id.as_str();
        out.extend_from_slice(&AccessKeyId::packed(id, TEMPORARY)?);
        write_time(&mut out, ancestor.issued)?;
        let same = |other: &Ancestor| {
            other.principal == ancestor.principal
                && AccessKeyId::account_of(other.access_key_id.as_str())
                    == AccessKeyId::account_of(id)
        };
        match ancestors.iter().take(place).position(same) {
            Some(earlier) => {
                out.push(SAME_AS);
                write_number(&mut out, earlier as u64);
            }
            None => out.extend_from_slice(&principal_bytes(&ancestor.principal)?),
        }
    }
    if let Some(at) = session.mfa {
        out.push(MFA);
        write_number(&mut out, u64::try_from(session.issued - at).ok()?);
    }
    if let Some(federation) = &session.ancestry.federation {
        out.push(FEDERATION);
        write_federation(&mut out, federation);
    }
    if let Some(account) = session.delegate {
        out.push(DELEGATE);
        write_number(&mut out, account.number());
    }
    Some(out)
}

/// Makes a body at least `size` bytes long.
pub(super) fn pad(body: &mut Vec<u8>, size: usize) {
    if body.len() < size {
        body.push(PADDING);
        body.resize(size, 0);
    }
}

/// The session that `bytes` hold, of credentials of `account`. Anything left over, out of order or
/// unknown makes it `None`. What `known` packed is not unpacked again.
pub(super) fn decode(
    version: Version,
    mut bytes: &[u8],
    account: AccountId,
    known: Option<&Arc<Packed>>,
) -> Option<Session> {
    let from = &mut bytes;
    let kind = read_byte(from)?;
    let issued = read_time(from)?;
    let expires = issued.checked_add(Seconds::try_from(read_number(from)?).ok()?)?;
    let mut session = Session {
        principal: read_principal(kind, from, account)?,
        issued,
        expires,
        packed: Arc::default(),
        source_identity: None,
        mfa: None,
        ancestry: Ancestry::default(),
        delegate: None,
    };
    match version {
        Version::One => fields_v1(from, &mut session)?,
        Version::Two => fields(from, &mut session, known)?,
    }
    Some(session)
}

fn fields(from: &mut &[u8], session: &mut Session, known: Option<&Arc<Packed>>) -> Option<()> {
    let mut last = 0;
    while !from.is_empty() {
        let tag = read_byte(from)?;
        // Each once and in order, but for the ancestors.
        if tag <= last && (tag, last) != (ANCESTOR, ANCESTOR) {
            return None;
        }
        last = tag;
        match tag {
            PACKED => {
                let bytes = read_bytes(from)?;
                session.packed = match known {
                    Some(known) if known.bytes() == bytes => known.clone(),
                    _ => Arc::new(Packed::unpack(bytes).filter(|packed| packed.size() > 0)?),
                };
            }
            SOURCE_IDENTITY => session.source_identity = Some(constrained(read_bytes(from)?)?),
            ORIGIN => session.ancestry.origin = Some(read_origin(from)?),
            ANCESTOR => {
                let ancestor = read_ancestor(from, &session.ancestry.sessions)?;
                session.ancestry.sessions.push(ancestor);
                if session.ancestry.sessions.len() > MOST_ANCESTORS {
                    return None;
                }
            }
            MFA => {
                let before = Seconds::try_from(read_number(from)?).ok()?;
                session.mfa = Some(session.issued.checked_sub(before)?);
            }
            FEDERATION => {
                session.ancestry.federation = Some(Box::new(read_federation(from)?));
            }
            PADDING => {
                if from.iter().any(|byte| *byte != 0) {
                    return None;
                }
                *from = &[];
            }
            DELEGATE => session.delegate = Some(AccountId::from_number(read_number(from)?)?),
            _ => return None,
        }
    }
    Some(())
}

fn fields_v1(from: &mut &[u8], session: &mut Session) -> Option<()> {
    let mut policy = None;
    let mut policy_arns = Vec::new();
    while !from.is_empty() {
        match read_byte(from)? {
            POLICY_V1 if policy.is_none() => {
                let inflated = deflate::inflate(read_bytes(from)?, LONGEST_POLICY_V1)?;
                policy = Some(String::from_utf8(inflated).ok()?);
            }
            POLICY_ARN_V1 => {
                policy_arns.push(std::str::from_utf8(read_bytes(from)?).ok()?.to_owned());
            }
            _ => return None,
        }
    }
    session.packed = Arc::new(Packed::new(policy, policy_arns, Vec::new())?);
    Some(())
}

/// `kind ‖ id ‖ name`, without the account, which the access key id tells.
fn principal_bytes(principal: &SessionPrincipal) -> Option<Vec<u8>> {
    let (kind, id, name) = match principal {
        SessionPrincipal::AssumedRole { role, session_name } => {
            (ROLE, Some(role), Some(session_name.as_str()))
        }
        SessionPrincipal::User(id) => (USER, Some(id), None),
        SessionPrincipal::Root => (ROOT, None, None),
        SessionPrincipal::AssumedRoot(task) => {
            let number = TaskPolicy::ALL.iter().position(|other| other == task)?;
            return Some(vec![ASSUMED_ROOT, u8::try_from(number).ok()?]);
        }
        SessionPrincipal::FederatedUser {
            issuer: Some(id),
            name,
        } => (FEDERATED_BY_USER, Some(id), Some(name.as_str())),
        SessionPrincipal::FederatedUser { issuer: None, name } => {
            (FEDERATED_BY_ROOT, None, Some(name.as_str()))
        }
    };
    let mut out = Vec::with_capacity(80);
    out.push(kind);
    if let Some(id) = id {
        out.extend_from_slice(&id.chance()?);
    }
    if let Some(name) = name {
        write_bytes(&mut out, name.as_bytes());
    }
    Some(out)
}

fn read_principal(kind: u8, from: &mut &[u8], account: AccountId) -> Option<SessionPrincipal> {
    Some(match kind {
        ROLE => SessionPrincipal::AssumedRole {
            role: read_id(from, true, account)?,
            session_name: constrained(read_bytes(from)?)?,
        },
        USER => SessionPrincipal::User(read_id(from, false, account)?),
        ROOT => SessionPrincipal::Root,
        ASSUMED_ROOT => {
            let number = usize::from(read_byte(from)?);
            SessionPrincipal::AssumedRoot(*TaskPolicy::ALL.get(number)?)
        }
        FEDERATED_BY_USER => SessionPrincipal::FederatedUser {
            issuer: Some(read_id(from, false, account)?),
            name: constrained(read_bytes(from)?)?,
        },
        FEDERATED_BY_ROOT => SessionPrincipal::FederatedUser {
            issuer: None,
            name: constrained(read_bytes(from)?)?,
        },
        _ => return None,
    })
}

fn read_ancestor(from: &mut &[u8], earlier: &[Ancestor]) -> Option<Ancestor> {
    let access_key_id = AccessKeyId::unpacked(TEMPORARY, *read_array(from)?);
    let account = AccessKeyId::account_of(access_key_id.as_str())?;
    let issued = read_time(from)?;
    let principal = match read_byte(from)? {
        SAME_AS => {
            let place = usize::try_from(read_number(from)?).ok()?;
            earlier.get(place)?.principal.clone()
        }
        kind => read_principal(kind, from, account)?,
    };
    Some(Ancestor {
        access_key_id,
        principal,
        issued,
    })
}

fn write_origin(out: &mut Vec<u8>, origin: &LongTerm) -> Option<()> {
    let id = origin.access_key_id.as_str();
    match AccessKeyId::packed(id, LONG_TERM) {
        Some(bytes) => {
            out.push(PACKED_KEY);
            out.extend_from_slice(&bytes);
        }
        None => {
            out.push(TEXT_KEY);
            write_bytes(out, id.as_bytes());
        }
    }
    let (account, user) = match &origin.principal {
        LongTermPrincipal::Service(name) => {
            out.push(OF_SERVICE);
            write_bytes(out, name.as_str().as_bytes());
            return Some(());
        }
        LongTermPrincipal::User(user) => (UniqueId::account_of(user.as_str())?, Some(user)),
        LongTermPrincipal::Root(account) => (*account, None),
    };
    let told = AccessKeyId::account_of(id) == Some(account);
    out.push(match (user, told) {
        (Some(_), true) => USER_OF_KEY,
        (None, true) => ROOT_OF_KEY,
        (Some(_), false) => USER_OF_ACCOUNT,
        (None, false) => ROOT_OF_ACCOUNT,
    });
    if !told {
        write_number(out, account.number());
    }
    if let Some(user) = user {
        out.extend_from_slice(&user.chance()?);
    }
    Some(())
}

fn read_origin(from: &mut &[u8]) -> Option<LongTerm> {
    let access_key_id = match read_byte(from)? {
        PACKED_KEY => AccessKeyId::unpacked(LONG_TERM, *read_array(from)?),
        TEXT_KEY => AccessKeyId::parse(std::str::from_utf8(read_bytes(from)?).ok()?)?,
        _ => return None,
    };
    let kind = read_byte(from)?;
    if kind == OF_SERVICE {
        let principal = LongTermPrincipal::Service(constrained(read_bytes(from)?)?);
        return Some(LongTerm {
            access_key_id,
            principal,
        });
    }
    let account = match kind {
        USER_OF_KEY | ROOT_OF_KEY => AccessKeyId::account_of(access_key_id.as_str())?,
        _ => AccountId::from_number(read_number(from)?)?,
    };
    let principal = match kind {
        USER_OF_KEY | USER_OF_ACCOUNT => LongTermPrincipal::User(read_id(from, false, account)?),
        ROOT_OF_KEY | ROOT_OF_ACCOUNT => LongTermPrincipal::Root(account),
        _ => return None,
    };
    Some(LongTerm {
        access_key_id,
        principal,
    })
}

/// The kinds of foreign identity, by their numbers in tokens.
const KINDS: [FederationKind; 4] = [
    FederationKind::WebIdentity,
    FederationKind::Saml,
    FederationKind::Certificate,
    FederationKind::Pod,
];

fn write_federation(out: &mut Vec<u8>, federation: &SessionFederation) {
    let kind = KINDS.iter().position(|kind| *kind == federation.kind);
    write_number(out, kind.unwrap_or_default() as u64);
    write_bytes(out, federation.provider.as_bytes());
    write_bytes(out, federation.subject.as_bytes());
    // An empty id is none.
    let session_id = federation.session_id.as_deref().unwrap_or_default();
    write_bytes(out, session_id.as_bytes());
    write_number(out, federation.keys.len() as u64);
    for (key, values) in &federation.keys {
        write_bytes(out, key.as_bytes());
        write_number(out, values.len() as u64);
        for value in values {
            write_bytes(out, value.as_bytes());
        }
    }
}

fn read_federation(from: &mut &[u8]) -> Option<SessionFederation> {
    let kind = *KINDS.get(usize::try_from(read_number(from)?).ok()?)?;
    let (provider, subject) = (read_text(from)?, read_text(from)?);
    let session_id = Some(read_text(from)?).filter(|id| !id.is_empty());
    let mut keys = Vec::new();
    for _ in 0..read_number(from)? {
        let key = read_text(from)?;
        let mut values = Vec::new();
        for _ in 0..read_number(from)? {
            values.push(read_text(from)?);
        }
        keys.push((key, values));
    }
    Some(SessionFederation {
        kind,
        provider,
        subject,
        session_id,
        keys,
    })
}

fn read_text(from: &mut &[u8]) -> Option<String> {
    let text = std::str::from_utf8(read_bytes(from)?).ok()?;
    Some(text.to_owned())
}

fn read_id(from: &mut &[u8], role: bool, account: AccountId) -> Option<UniqueId> {
    let kind = SessionPrincipal::id_kind(role);
    Some(UniqueId::from_chance(kind, account, *read_array(from)?))
}

fn write_time(out: &mut Vec<u8>, at: Seconds) -> Option<()> {
    write_number(out, u64::try_from(at - EPOCH).ok()?);
    Some(())
}

fn read_time(from: &mut &[u8]) -> Option<Seconds> {
    Seconds::try_from(read_number(from)?)
        .ok()?
        .checked_add(EPOCH)
}

/// Writes a number in groups of seven bits, lowest first.
pub(super) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads what [`write_number`] wrote, and no other spelling of the same number.
pub(super) fn read_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let byte = read_byte(from)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (byte != 0 || shift == 0).then_some(number);
        }
    }
    None
}

fn read_byte(from: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = from.split_first()?;
    *from = rest;
    Some(*byte)
}

fn read_array<'a, const N: usize>(from: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (bytes, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(bytes)
}

pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn read_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_number(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(bytes)
}
