//! The body of a session token, in as few bytes as it takes.
//!
//! `kind ‖ issued ‖ lifetime ‖ principal ‖ fields`: numbers are little-endian base-128, each field
//! is a tag, a length and bytes, and an unknown tag is refused. The inline policy is deflated with
//! a dictionary of what policies are made of.

use super::{Session, SessionPrincipal, constrained, dictionary};
use crate::environment::Seconds;
use crate::ids::UniqueId;
use crate::names::AccountId;

const ROLE: u8 = 1;
const USER: u8 = 2;
const ROOT: u8 = 3;
const FEDERATED_BY_USER: u8 = 4;
const FEDERATED_BY_ROOT: u8 = 5;

const POLICY: u8 = 1;
const POLICY_ARN: u8 = 2;

/// Tokens count their seconds from 2020-01-01, to be a byte shorter.
const EPOCH: Seconds = 1_577_836_800;

/// What an inflated policy may measure at most: more than a request can carry.
const LONGEST_POLICY: usize = 256 * 1024;

/// The bytes of a session; `None` if it cannot be written.
pub(super) fn encode(session: &Session) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    let (kind, id, name) = match &session.principal {
        SessionPrincipal::AssumedRole { role, session_name } => {
            (ROLE, Some(role), Some(session_name.as_str()))
        }
        SessionPrincipal::User(id) => (USER, Some(id), None),
        SessionPrincipal::Root => (ROOT, None, None),
        SessionPrincipal::FederatedUser {
            issuer: Some(id),
            name,
        } => (FEDERATED_BY_USER, Some(id), Some(name.as_str())),
        SessionPrincipal::FederatedUser { issuer: None, name } => {
            (FEDERATED_BY_ROOT, None, Some(name.as_str()))
        }
    };
    out.push(kind);
    write_number(&mut out, u64::try_from(session.issued - EPOCH).ok()?);
    write_number(
        &mut out,
        u64::try_from(session.expires - session.issued).ok()?,
    );
    if let Some(id) = id {
        out.extend_from_slice(&id.chance()?);
    }
    if let Some(name) = name {
        write_bytes(&mut out, name.as_bytes());
    }
    if let Some(policy) = &session.policy {
        out.push(POLICY);
        write_bytes(&mut out, &dictionary::deflate(policy.as_bytes())?);
    }
    for arn in &session.policy_arns {
        out.push(POLICY_ARN);
        write_bytes(&mut out, arn.as_bytes());
    }
    Some(out)
}

/// The session that `bytes` hold, of credentials of `account`. Anything left over, out of order or
/// unknown makes it `None`.
pub(super) fn decode(mut bytes: &[u8], account: AccountId) -> Option<Session> {
    let from = &mut bytes;
    let kind = read_byte(from)?;
    let issued = Seconds::try_from(read_number(from)?)
        .ok()?
        .checked_add(EPOCH)?;
    let expires = issued.checked_add(Seconds::try_from(read_number(from)?).ok()?)?;
    let mut id = |role| {
        let (chance, rest) = from.split_first_chunk::<6>()?;
        *from = rest;
        Some(UniqueId::from_chance(
            SessionPrincipal::id_kind(role),
            account,
            *chance,
        ))
    };
    let principal = match kind {
        ROLE => SessionPrincipal::AssumedRole {
            role: id(true)?,
            session_name: constrained(read_bytes(from)?)?,
        },
        USER => SessionPrincipal::User(id(false)?),
        ROOT => SessionPrincipal::Root,
        FEDERATED_BY_USER => SessionPrincipal::FederatedUser {
            issuer: Some(id(false)?),
            name: constrained(read_bytes(from)?)?,
        },
        FEDERATED_BY_ROOT => SessionPrincipal::FederatedUser {
            issuer: None,
            name: constrained(read_bytes(from)?)?,
        },
        _ => return None,
    };
    let mut session = Session {
        principal,
        issued,
        expires,
        policy: None,
        policy_arns: Vec::new(),
    };
    while !from.is_empty() {
        match read_byte(from)? {
            POLICY if session.policy.is_none() => {
                let inflated = dictionary::inflate(read_bytes(from)?, LONGEST_POLICY)?;
                session.policy = Some(String::from_utf8(inflated).ok()?);
            }
            POLICY_ARN => session
                .policy_arns
                .push(std::str::from_utf8(read_bytes(from)?).ok()?.to_owned()),
            _ => return None,
        }
    }
    Some(session)
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

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn read_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_number(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(bytes)
}
