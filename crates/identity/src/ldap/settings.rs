//! What an operator says of a directory.

use super::Reach;
use super::text::{DN, DistinguishedName, USERNAME, is_filter};
use crate::names::{ArnText, TagKey};
use crate::sealing::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

/// What a session tag has as its source where it shows the groups, as `:one:two:`.
pub const TAG_OF_GROUPS: &str = "{groups}";

/// Servers of one directory.
const MOST_URLS: usize = 8;
/// Seconds that one step may take.
const TIMEOUT: std::ops::RangeInclusive<u16> = 1..=30;
/// Conversations at a time.
const CONNECTIONS: std::ops::RangeInclusive<u16> = 1..=64;
/// Claims, tags, roles and required groups: of each.
const MOST: usize = 50;

/// The URL of an LDAP server: `ldaps://HOST[:PORT]` or `ldap://HOST[:PORT]`. The host is a name or an IPv4
/// address.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LdapUrl {
    text: String,
    tls: bool,
    loopback: bool,
}

impl LdapUrl {
    /// Reads a URL; `None` for anything besides scheme, host and port.
    pub fn parse(text: &str) -> Option<Self> {
        let (tls, rest) = match text.strip_prefix("ldaps://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("ldap://")?),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        };
        let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
        let is_port = |port: &str| digits(port) && port.parse::<u16>().is_ok_and(|port| port > 0);
        if !port.is_none_or(is_port) {
            return None;
        }
        let label = |label: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(legal)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let address = host.parse::<Ipv4Addr>().ok();
        let last = host.rsplit('.').next().unwrap_or_default();
        let is_name = host.len() <= 253
            && host.split('.').all(label)
            // A name that ends with a number is read as an address by some, and not by others.
            && !last.starts_with(|c: char| c.is_ascii_digit());
        if address.is_none() && !is_name {
            return None;
        }
        let loopback = address.is_some_and(|address| address.is_loopback())
            || host.eq_ignore_ascii_case("localhost");
        Some(Self {
            text: format!("{}://{rest}", if tls { "ldaps" } else { "ldap" }),
            tls,
            loopback,
        })
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for LdapUrl {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no URL of an LDAP server")
    }
}

impl From<LdapUrl> for String {
    fn from(url: LdapUrl) -> Self {
        url.text
    }
}

/// Where a user's entry is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserSource {
    /// It is searched for, as the search account.
    Search {
        /// Where the users are: a DN.
        base: String,
        /// Which of them: a filter that has `{username}`.
        filter: String,
    },
    /// Its DN is made of the name: it has `{username}`. The entry is read as the user.
    Template(String),
}

/// Where a user's groups come from.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupSource {
    /// No claim tells groups.
    #[default]
    None,
    /// An attribute of the user that has the DNs of the groups: `memberOf`.
    Attribute(String),
    /// A search for groups.
    Search {
        /// Where the groups are: a DN.
        base: String,
        /// Which of them: a filter that has `{dn}` or `{username}`.
        filter: String,
    },
}

/// How the claim `groups` names a group.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupNames {
    /// By its DN, in small letters and one spelling.
    #[default]
    Dn,
    /// By the first part of its DN, for groups directly beneath a DN: there, no two have one name. Other
    /// groups are left out.
    Beneath(String),
}

/// How a directory is reached, and what is read of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LdapSettings {
    /// Its servers, tried in this order.
    pub urls: Vec<LdapUrl>,
    /// Whether TLS begins after StartTLS, for `ldap:`.
    #[serde(default)]
    pub start_tls: bool,
    /// Whether passwords may travel in the clear; on the loopback alone.
    #[serde(default)]
    pub plain: bool,
    /// The DN of the account that searches; without one, searches are anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_dn: Option<String>,
    /// Its password, sealed under the root key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_password: Option<Sealed>,
    /// Where users are.
    pub users: UserSource,
    /// Where groups are.
    #[serde(default)]
    pub groups: GroupSource,
    /// How they are named.
    #[serde(default)]
    pub group_names: GroupNames,
    /// Only members of one of these groups (named as the claim names them) log in; none: everybody does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_groups: Vec<String>,
    /// The attribute that says who the user is: the claim `sub`. It must have one value, and should never
    /// go over to somebody else.
    pub subject: String,
    /// Further claims, and the attributes that they come from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
    /// Session tags, and the attributes that they come from, or [`TAG_OF_GROUPS`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<TagKey, String>,
    /// Which of the tags the session hands down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_tag_keys: Vec<TagKey>,
    /// The attribute that the source identity comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The roles of who asks for none, in this order: the first that trusts the claims is it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<ArnText>,
    /// Seconds that one step may take.
    #[serde(default = "five")]
    pub timeout: u16,
    /// Conversations at a time, of one process.
    #[serde(default = "eight")]
    pub connections: u16,
}

fn five() -> u16 {
    5
}

fn eight() -> u16 {
    8
}

/// What is wrong with settings, in a person's words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SettingsFault(String);

impl fmt::Display for SettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsFault {}

impl LdapSettings {
    /// Settings with what cannot be left out.
    pub fn new(urls: Vec<LdapUrl>, users: UserSource, subject: &str) -> Self {
        Self {
            urls,
            start_tls: false,
            plain: false,
            bind_dn: None,
            bind_password: None,
            users,
            groups: GroupSource::None,
            group_names: GroupNames::Dn,
            required_groups: Vec::new(),
            subject: subject.to_owned(),
            claims: BTreeMap::new(),
            tags: BTreeMap::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            roles: Vec::new(),
            timeout: five(),
            connections: eight(),
        }
    }

    /// Whether they make sense, all together. They are stored only if they do.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), SettingsFault> {
        self.check_reach()?;
        self.check_users()?;
        self.check_groups()?;
        let attributes = [&self.subject].into_iter();
        let attributes = attributes
            .chain(self.claims.values())
            .chain(&self.source_identity);
        let groups = |source: &&String| source.as_str() != TAG_OF_GROUPS;
        for attribute in attributes.chain(self.tags.values().filter(groups)) {
            check_attribute(attribute)?;
        }
        for claim in self.claims.keys() {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
            let reserved = ["sub", "groups"].contains(&claim.to_ascii_lowercase().as_str());
            if reserved || claim.is_empty() || claim.len() > 64 || !claim.bytes().all(legal) {
                return fault(format!(
                    "`{claim}` cannot be a claim: letters, digits, `_`, `-`, `.`, and neither sub nor groups"
                ));
            }
        }
        let lower: std::collections::BTreeSet<_> = self
            .claims
            .keys()
            .map(|claim| claim.to_ascii_lowercase())
            .collect();
        if lower.len() < self.claims.len() {
            return fault(
                "two claims differ in letter case alone, and condition keys do not".to_owned(),
            );
        }
        if let Some(key) = self
            .transitive_tag_keys
            .iter()
            .find(|key| !self.tags.contains_key(*key))
        {
            return fault(format!("`{key}` is to be handed down, but is no tag"));
        }
        let many = [
            self.claims.len(),
            self.tags.len(),
            self.roles.len(),
            self.required_groups.len(),
        ];
        if many.into_iter().any(|many| many > MOST) {
            return fault(format!(
                "of claims, tags, roles and required groups there are at most {MOST} each"
            ));
        }
        Ok(())
    }

    fn check_reach(&self) -> Result<(), SettingsFault> {
        if self.urls.is_empty() || self.urls.len() > MOST_URLS {
            return fault(format!("a directory has one to {MOST_URLS} URLs"));
        }
        for url in &self.urls {
            let text = url.as_str();
            match (url.tls, self.start_tls, self.plain) {
                (_, true, true) => {
                    return fault("StartTLS and plain exclude each other".to_owned());
                }
                (true, true, _) => {
                    return fault(format!(
                        "`{text}` begins with TLS, and StartTLS is for ldap:"
                    ));
                }
                (true, _, true) => return fault(format!("`{text}` is not plain")),
                (false, false, false) => {
                    return fault(format!(
                        "passwords would travel to `{text}` in the clear: take ldaps: or StartTLS"
                    ));
                }
                (false, _, true) if !url.loopback => {
                    return fault(format!(
                        "passwords would travel to `{text}` in the clear: plain is for the loopback alone"
                    ));
                }
                _ => {}
            }
        }
        if self.bind_dn.is_some() != self.bind_password.is_some() {
            return fault("a bind DN and its password go together".to_owned());
        }
        if self
            .bind_dn
            .as_ref()
            .is_some_and(|dn| dn.trim().is_empty() || dn.len() > 1024)
        {
            return fault("the bind DN is empty or too long".to_owned());
        }
        if !TIMEOUT.contains(&self.timeout) {
            return fault("the timeout is 1 to 30 seconds".to_owned());
        }
        if !CONNECTIONS.contains(&self.connections) {
            return fault("there are 1 to 64 connections".to_owned());
        }
        Ok(())
    }

    fn check_users(&self) -> Result<(), SettingsFault> {
        match &self.users {
            UserSource::Search { base, filter } => {
                check_dn(base)?;
                if !is_filter(filter) || !filter.contains(USERNAME) || filter.contains(DN) {
                    return fault(format!(
                        "`{filter}` is no filter for a user: it is like (uid={{username}})"
                    ));
                }
            }
            UserSource::Template(template) => {
                // The name must be all of a value: then it cannot be but a value.
                let at = template.split_once(USERNAME);
                let whole = at.is_some_and(|(before, behind)| {
                    before.ends_with('=') && behind.starts_with(',') && !behind.contains(USERNAME)
                });
                if !whole || DistinguishedName::parse(&template.replace(USERNAME, "x")).is_none() {
                    return fault(format!(
                        "`{template}` is no DN of a user: it is like uid={{username}},ou=people,dc=example"
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_groups(&self) -> Result<(), SettingsFault> {
        match &self.groups {
            GroupSource::None if !self.required_groups.is_empty() => {
                return fault("groups are required, but nothing says where they are".to_owned());
            }
            GroupSource::None => {}
            GroupSource::Attribute(attribute) => check_attribute(attribute)?,
            GroupSource::Search { base, filter } => {
                check_dn(base)?;
                if !is_filter(filter) || !(filter.contains(USERNAME) || filter.contains(DN)) {
                    return fault(format!(
                        "`{filter}` is no filter for a user's groups: it is like (member={{dn}})"
                    ));
                }
            }
        }
        match &self.group_names {
            GroupNames::Dn => {
                for group in &self.required_groups {
                    let canonical = DistinguishedName::parse(group).map(|dn| dn.canonical());
                    if canonical.as_ref() != Some(group) {
                        return fault(match canonical {
                            Some(canonical) => {
                                format!("groups are named by their DN: write `{canonical}`")
                            }
                            None => format!("groups are named by their DN, and `{group}` is none"),
                        });
                    }
                }
                Ok(())
            }
            GroupNames::Beneath(base) => check_dn(base),
        }
    }

    /// How the directory is reached.
    pub fn reach(&self, authorities: Option<&str>) -> Reach {
        Reach {
            urls: self.urls.iter().map(|url| url.text.clone()).collect(),
            start_tls: self.start_tls,
            authorities: authorities.map(str::to_owned),
            timeout: Duration::from_secs(self.timeout.into()),
            connections: self.connections.into(),
        }
    }

    /// Whether users can be looked up without their password.
    pub fn can_look_up(&self) -> bool {
        self.bind_dn.is_some() || matches!(self.users, UserSource::Search { .. })
    }
}

fn check_attribute(attribute: &str) -> Result<(), SettingsFault> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-.;".contains(&b);
    let starts = attribute.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts && attribute.len() <= 128 && attribute.bytes().all(legal) {
        return Ok(());
    }
    fault(format!("`{attribute}` is no name of an attribute"))
}

fn check_dn(dn: &str) -> Result<(), SettingsFault> {
    match DistinguishedName::parse(dn) {
        Some(_) if dn.len() <= 1024 => Ok(()),
        _ => fault(format!("`{dn}` is no DN")),
    }
}

fn fault<T>(text: String) -> Result<T, SettingsFault> {
    Err(SettingsFault(text))
}
