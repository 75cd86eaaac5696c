//! Service principals: who calls on behalf of others, with credentials of the realm instead of an
//! account's.
//!
//! An operator registers a service, and the roles whose trust policies name it (`"Principal":
//! {"Service": "spark.example.internal"}`) are its to assume. It has no policies of its own and no
//! account, so nothing but a role's trust speaks for it, and it calls nothing but AssumeRole and
//! GetCallerIdentity. For whom it calls it says in two headers, which trust policies can look at: that
//! keeps a service that serves many from being used by one against another (the confused deputy).

use crate::entity::{Change, Damaged, Entity, EntityKind};
use crate::environment::Seconds;
use crate::error::Error;
use crate::ids::AccessKeyId;
use crate::names::{AccountId, Constrained, Constraint};
use crate::sealing::{RootKey, Sealed, Secret};
use crate::signing::SigningKeys;
use locum_policy::Arn;
use locum_sigv4::Claim;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// The ARN of the resource for which a service calls. It counts only from services, and signed.
pub const SOURCE_ARN: &str = "x-amz-source-arn";
/// The account for which a service calls. It counts only from services, and signed.
pub const SOURCE_ACCOUNT: &str = "x-amz-source-account";

/// Longer ARNs name nothing.
const LONGEST_ARN: usize = 2048;

/// Access keys that a service may have: the one it uses, and the one before.
pub(crate) const MOST_KEYS: usize = 2;

/// The name of a service principal, such as `ec2.amazonaws.com`: two or more labels of lower-case
/// letters, digits and hyphens, at most 253 characters.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

impl ServiceName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Constrained for ServiceName {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        const PATTERN: &str = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+";
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(legal)
        };
        if text.len() > 253 {
            Err(vec![Constraint::MaxLength(253)])
        } else if text.contains('.') && text.split('.').all(label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(vec![Constraint::Pattern(PATTERN)])
        }
    }
}

impl TryFrom<String> for ServiceName {
    type Error = crate::names::Illegal;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| crate::names::Illegal("ServiceName"))
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> String {
        name.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A service that may call: an entity of the realm.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ServicePrincipal {
    /// Its name.
    pub name: ServiceName,
    /// When it was registered.
    pub created: Seconds,
    /// Its access keys, oldest first; two at most.
    pub keys: Vec<ServiceKey>,
}

/// A long-term access key of a service.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ServiceKey {
    /// `AKIA…`, with no account in it.
    pub id: AccessKeyId,
    /// The secret access key, sealed under the root key.
    pub secret: Sealed,
    /// When it was made.
    pub created: Seconds,
}

/// What the secret access key of a service is sealed for: the key and whose it is.
pub(crate) fn service_key_purpose(name: &ServiceName, id: &AccessKeyId) -> String {
    format!("service/{name}/{id}")
}

/// A key of a service with its secret at hand.
pub(crate) struct ServiceKeyState {
    pub(crate) name: ServiceName,
    pub(crate) secret: Secret,
    pub(crate) keys: SigningKeys,
}

/// Every service, and their keys by id.
#[derive(Clone, Default)]
pub(crate) struct Services {
    principals: Arc<BTreeMap<String, Arc<ServicePrincipal>>>,
    keys: Arc<HashMap<String, Arc<ServiceKeyState>>>,
}

impl Services {
    /// The services after `change`.
    pub(crate) fn apply(&self, change: &Change, root_key: &RootKey) -> Result<Self, Damaged> {
        let mut next = self.clone();
        for deleted in &change.deletes {
            if deleted.kind == EntityKind::ServicePrincipal {
                next.forget(&deleted.key);
            }
        }
        for entity in &change.puts {
            let Entity::ServicePrincipal(principal) = entity else {
                continue;
            };
            let name = principal.name.as_str();
            next.forget(name);
            for key in &principal.keys {
                let damaged = || Damaged {
                    kind: EntityKind::ServicePrincipal.as_str().to_owned(),
                    key: name.to_owned(),
                };
                let purpose = service_key_purpose(&principal.name, &key.id);
                let secret = root_key
                    .open(&purpose, &key.secret)
                    .map_err(|_| damaged())?;
                let secret = std::str::from_utf8(&secret).map_err(|_| damaged())?;
                let state = ServiceKeyState {
                    name: principal.name.clone(),
                    secret: Secret::new(secret.to_owned()),
                    keys: SigningKeys::default(),
                };
                Arc::make_mut(&mut next.keys).insert(key.id.as_str().to_owned(), Arc::new(state));
            }
            Arc::make_mut(&mut next.principals)
                .insert(name.to_owned(), Arc::new(principal.clone()));
        }
        Ok(next)
    }

    fn forget(&mut self, name: &str) {
        if let Some(gone) = Arc::make_mut(&mut self.principals).remove(name) {
            let keys = Arc::make_mut(&mut self.keys);
            for key in &gone.keys {
                keys.remove(key.id.as_str());
            }
        }
    }

    /// The services, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<ServicePrincipal>> {
        self.principals.values()
    }

    /// The service of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<ServicePrincipal>> {
        self.principals.get(name)
    }

    /// The key of that id.
    pub(crate) fn key(&self, access_key_id: &str) -> Option<&Arc<ServiceKeyState>> {
        self.keys.get(access_key_id)
    }
}

/// For whom a service calls, as it says itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Source {
    /// `aws:SourceArn`
    pub arn: Option<String>,
    /// `aws:SourceAccount`: the account that is named, or else that of the ARN.
    pub account: Option<AccountId>,
}

impl Source {
    /// What the headers of a service's request say.
    ///
    /// # Errors
    /// [`Error::ValidationText`]: a header that the signature does not cover, that is there twice or
    /// is not what it must be, or two headers that contradict each other. Whom a service calls for
    /// must never be in doubt.
    pub(crate) fn of(claim: &Claim<'_>) -> Result<Self, Error> {
        let invalid =
            |header: &str, why: &str| Error::ValidationText(format!("The header {header} {why}"));
        let value = |header: &'static str| {
            claim
                .signed_value(header)
                .map_err(|_| invalid(header, "must be signed, and given once"))
        };
        let arn = match value(SOURCE_ARN)? {
            None => None,
            Some(text) => {
                let arn = Arn::parse(text).filter(|_| text.len() <= LONGEST_ARN);
                let plain = text
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && b != b'*' && b != b'?');
                let whole =
                    |arn: &Arn| ![arn.partition(), arn.service(), arn.resource()].contains(&"");
                Some(
                    arn.filter(|arn| plain && whole(arn))
                        .ok_or_else(|| invalid(SOURCE_ARN, "must be an ARN"))?,
                )
            }
        };
        let account = |text: &str, header: &str| {
            AccountId::parse(text).map_err(|_| invalid(header, "must name an account"))
        };
        let of_arn = match arn.as_ref().map(Arn::account) {
            None | Some("") => None,
            Some(text) => Some(account(text, SOURCE_ARN)?),
        };
        let named = match value(SOURCE_ACCOUNT)? {
            None => None,
            Some(text) => Some(account(text, SOURCE_ACCOUNT)?),
        };
        if let (Some(of_arn), Some(named)) = (of_arn, named)
            && of_arn != named
        {
            return Err(invalid(
                SOURCE_ACCOUNT,
                "names another account than x-amz-source-arn",
            ));
        }
        Ok(Self {
            arn: arn.map(|arn| arn.to_string()),
            account: named.or(of_arn),
        })
    }
}

/// A service that calls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceCaller {
    /// Which.
    pub name: ServiceName,
    /// For whom.
    pub source: Source,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for text in [
            "ec2.amazonaws.com",
            "a.b",
            "spark-1.example.internal",
            "1.2",
        ] {
            assert!(ServiceName::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "ec2",
            ".",
            "a.",
            ".b",
            "a..b",
            "-a.b",
            "a-.b",
            "EC2.amazonaws.com",
            "a_b.c",
            "a.b/c",
            "a.b\n",
            "a b.c",
            "*.amazonaws.com",
            "äc2.amazonaws.com",
        ] {
            assert!(ServiceName::parse(text).is_err(), "{text}");
        }
        assert!(ServiceName::parse(&format!("{}.b", "a".repeat(251))).is_ok());
        assert!(ServiceName::parse(&format!("{}.b", "a".repeat(252))).is_err());
    }
}
