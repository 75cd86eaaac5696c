//! A login: find, bind, read.

use super::settings::TAG_OF_GROUPS;
use super::text::{DistinguishedName, render_dn, render_filter};
use super::{
    Conversation, Depth, Directory, Entry, GroupNames, GroupSource, LdapFault, LdapSettings,
    Search, UserSource,
};
use crate::names::{Constrained as _, SourceIdentity, Tag, TagKey, TagValue};
use std::collections::{BTreeMap, BTreeSet};

/// The longest name, in characters, and the longest password, in bytes.
const LONGEST_USERNAME: usize = 256;
const LONGEST_PASSWORD: usize = 1024;
/// Groups of one user.
pub(super) const MOST_GROUPS: usize = 1000;
/// The longest value of a claim, in bytes.
const LONGEST_CLAIM: usize = 2048;
/// What is asked for an entry by its DN.
const ANY_ENTRY: &str = "(objectClass=*)";
/// Where directories say that an account is disabled.
const ACCOUNT_CONTROL: &str = "userAccountControl";
const LOCKED_TIME: &str = "pwdAccountLockedTime";
const ACCOUNT_LOCK: &str = "nsAccountLock";

/// Who logged in, as the directory has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirectoryIdentity {
    /// The claim `sub`.
    pub subject: String,
    /// The entry's DN, as the directory spells it.
    pub dn: String,
    /// Claims by name in small letters: `groups`, where groups are asked for, and those of the settings.
    /// What the entry does not have is not there.
    pub claims: BTreeMap<String, Vec<String>>,
    /// Session tags.
    pub tags: Vec<Tag>,
    /// The source identity.
    pub source_identity: Option<SourceIdentity>,
}

impl Directory<'_> {
    /// Finds out who somebody is by name and password.
    ///
    /// A name that nobody has costs the same conversation as a wrong password.
    ///
    /// # Errors
    /// [`LdapFault`]
    pub async fn login(
        &self,
        authorities: Option<&str>,
        username: &str,
        password: &str,
    ) -> Result<DirectoryIdentity, LdapFault> {
        check_username(username)?;
        if password.is_empty() {
            return Err(LdapFault::EmptyPassword);
        }
        if password.len() > LONGEST_PASSWORD || password.contains('\0') {
            return Err(LdapFault::Password);
        }
        let reach = self.settings.reach(authorities);
        let mut open = self.server.connect(&reach).await?;
        let open = &mut *open;
        let entry = match &self.settings.users {
            UserSource::Search { base, filter } => {
                self.bind_to_search(open).await?;
                let search = Search {
                    base: base.clone(),
                    depth: Depth::Subtree,
                    filter: render_filter(filter, username, ""),
                    attributes: self.settings.attributes(),
                    most: 1,
                };
                let found = one(open.search(&search).await?);
                let dn = match &found {
                    Ok(entry) => entry.dn.clone(),
                    // Somebody who is not there is asked for all the same.
                    Err(_) => format!("cn=nobody,{base}"),
                };
                let right = bind(open, &dn, password).await?;
                let entry = found?;
                if !right {
                    return Err(LdapFault::WrongPassword);
                }
                entry
            }
            UserSource::Template(template) => {
                let dn = render_dn(template, username);
                if !bind(open, &dn, password).await? {
                    return Err(LdapFault::WrongPassword);
                }
                if self.settings.bind_dn.is_some() {
                    self.bind_to_search(open).await?;
                }
                let search = Search {
                    base: dn,
                    depth: Depth::Base,
                    filter: ANY_ENTRY.to_owned(),
                    attributes: self.settings.attributes(),
                    most: 1,
                };
                one(open.search(&search).await?).map_err(|_| LdapFault::Unreadable)?
            }
        };
        let searching = matches!(self.settings.groups, GroupSource::Search { .. });
        if searching && self.settings.bind_dn.is_some() {
            self.bind_to_search(open).await?;
        }
        self.identity(open, entry, username).await
    }

    /// Who an entry is, and whether they may log in.
    pub(super) async fn identity(
        &self,
        open: &mut dyn Conversation,
        entry: Entry,
        username: &str,
    ) -> Result<DirectoryIdentity, LdapFault> {
        let settings = self.settings;
        if let Some(attribute) = entry.disabled() {
            return Err(LdapFault::Disabled(attribute));
        }
        let subject = entry.one(&settings.subject)?;
        let mut claims = BTreeMap::new();
        for (claim, attribute) in &settings.claims {
            let values = entry.texts(attribute);
            if !values.is_empty() {
                claims.insert(claim.to_ascii_lowercase(), values);
            }
        }
        let groups = self.groups(open, &entry, username).await?;
        let required = &settings.required_groups;
        if !required.is_empty() && !required.iter().any(|group| groups.contains(group)) {
            return Err(LdapFault::NotInGroup(required.clone()));
        }
        let tags = settings.tags(&entry, &groups)?;
        let source_identity = settings.source_identity.as_ref().map(|attribute| {
            let value = entry.one(attribute)?;
            SourceIdentity::parse(&value).map_err(|_| LdapFault::Tag {
                key: "SourceIdentity".to_owned(),
                value,
            })
        });
        if settings.groups != GroupSource::None && !groups.is_empty() {
            claims.insert("groups".to_owned(), groups.into_iter().collect());
        }
        Ok(DirectoryIdentity {
            subject,
            dn: entry.dn,
            claims,
            tags,
            source_identity: source_identity.transpose()?,
        })
    }

    /// Binds as the account that searches, where there is one.
    pub(super) async fn bind_to_search(
        &self,
        open: &mut dyn Conversation,
    ) -> Result<(), LdapFault> {
        let Some(dn) = &self.settings.bind_dn else {
            return Ok(());
        };
        let password = self.bind_password.ok_or(LdapFault::SearchAccount)?;
        if bind(open, dn, password.expose()).await? {
            Ok(())
        } else {
            Err(LdapFault::SearchAccount)
        }
    }

    /// The groups of an entry, as the claim names them.
    async fn groups(
        &self,
        open: &mut dyn Conversation,
        entry: &Entry,
        username: &str,
    ) -> Result<BTreeSet<String>, LdapFault> {
        let dns = match &self.settings.groups {
            GroupSource::None => return Ok(BTreeSet::new()),
            GroupSource::Attribute(attribute) => {
                // Active Directory tells long lists in parts, each under a name of its own.
                let part = format!("{};range=", attribute.to_ascii_lowercase());
                if entry.attributes.keys().any(|name| name.starts_with(&part)) {
                    return Err(LdapFault::TooManyGroups);
                }
                entry.texts(attribute)
            }
            GroupSource::Search { base, filter } => {
                let search = Search {
                    base: base.clone(),
                    depth: Depth::Subtree,
                    filter: render_filter(filter, username, &entry.dn),
                    // Nothing but the DN is wanted.
                    attributes: vec!["1.1".to_owned()],
                    most: MOST_GROUPS,
                };
                open.search(&search)
                    .await?
                    .into_iter()
                    .map(|group| group.dn)
                    .collect()
            }
        };
        if dns.len() > MOST_GROUPS {
            return Err(LdapFault::TooManyGroups);
        }
        Ok(dns
            .iter()
            .filter_map(|dn| self.settings.group_name(dn))
            .collect())
    }
}

impl LdapSettings {
    /// The attributes of a user that are read.
    pub(super) fn attributes(&self) -> Vec<String> {
        let tags = self.tags.values().filter(|source| *source != TAG_OF_GROUPS);
        let mut wanted: BTreeSet<String> = [&self.subject]
            .into_iter()
            .chain(self.claims.values())
            .chain(tags)
            .chain(&self.source_identity)
            .cloned()
            .collect();
        if let GroupSource::Attribute(attribute) = &self.groups {
            wanted.insert(attribute.clone());
        }
        let control = [ACCOUNT_CONTROL, LOCKED_TIME, ACCOUNT_LOCK];
        wanted.extend(control.map(str::to_owned));
        wanted.into_iter().collect()
    }

    /// How the claim names a group; `None` for one that it leaves out.
    fn group_name(&self, dn: &str) -> Option<String> {
        let dn = DistinguishedName::parse(dn)?;
        match &self.group_names {
            GroupNames::Dn => Some(dn.canonical()),
            GroupNames::Beneath(base) => {
                let base = DistinguishedName::parse(base)?.canonical();
                let beneath = dn.parent().is_some_and(|parent| parent.canonical() == base);
                dn.name().filter(|_| beneath).map(str::to_owned)
            }
        }
    }

    /// The session tags of a user. An attribute that is not there makes none.
    fn tags(&self, entry: &Entry, groups: &BTreeSet<String>) -> Result<Vec<Tag>, LdapFault> {
        let value = |source: &str| -> Result<Option<String>, LdapFault> {
            if source == TAG_OF_GROUPS {
                let names: Vec<_> = groups.iter().map(String::as_str).collect();
                // A name with the separator in it would be read as two.
                if let Some(name) = names.iter().find(|name| name.contains(':')) {
                    return Err(LdapFault::Tag {
                        key: TAG_OF_GROUPS.to_owned(),
                        value: (*name).to_owned(),
                    });
                }
                return Ok((!names.is_empty()).then(|| format!(":{}:", names.join(":"))));
            }
            match entry.texts(source).len() {
                0 => Ok(None),
                _ => entry.one(source).map(Some),
            }
        };
        let mut tags = Vec::new();
        for (key, source) in &self.tags {
            let Some(value) = value(source)? else {
                continue;
            };
            tags.push(tag(key, value)?);
        }
        Ok(tags)
    }
}

fn tag(key: &TagKey, value: String) -> Result<Tag, LdapFault> {
    match TagValue::parse(&value) {
        Ok(value) => Ok(Tag {
            key: key.clone(),
            value,
        }),
        Err(_) => Err(LdapFault::Tag {
            key: key.to_string(),
            value,
        }),
    }
}

impl Entry {
    /// The values of an attribute that are text. A GUID of Active Directory is told as it is written.
    pub(super) fn texts(&self, attribute: &str) -> Vec<String> {
        let name = attribute.to_ascii_lowercase();
        let values = self.attributes.get(&name).into_iter().flatten();
        let text = |value: &Vec<u8>| {
            if name == "objectguid" {
                return guid(value);
            }
            let text = std::str::from_utf8(value).ok()?;
            let legal = !text.is_empty() && text.len() <= LONGEST_CLAIM;
            (legal && !text.chars().any(char::is_control)).then(|| text.to_owned())
        };
        values.filter_map(text).collect()
    }

    /// The one value of an attribute.
    fn one(&self, attribute: &str) -> Result<String, LdapFault> {
        let all = self.attributes.get(&attribute.to_ascii_lowercase());
        let all = all.map_or(0, Vec::len);
        let mut texts = self.texts(attribute);
        match (all, texts.pop()) {
            (1, Some(text)) => Ok(text),
            _ => Err(LdapFault::NotOne {
                attribute: attribute.to_owned(),
                values: all,
            }),
        }
    }

    /// The attribute that says that the account is disabled.
    fn disabled(&self) -> Option<&'static str> {
        /// ACCOUNTDISABLE
        const DISABLED: i64 = 2;
        let control = self.texts(ACCOUNT_CONTROL);
        // What cannot be read is a doubt.
        if control.iter().any(|flags| {
            flags
                .parse()
                .map_or(true, |flags: i64| flags & DISABLED != 0)
        }) {
            return Some(ACCOUNT_CONTROL);
        }
        // Locked by an administrator, and not for some wrong passwords.
        if self
            .texts(LOCKED_TIME)
            .iter()
            .any(|time| time == "000001010000Z")
        {
            return Some(LOCKED_TIME);
        }
        let locked = self.texts(ACCOUNT_LOCK);
        let is_locked = locked
            .iter()
            .any(|value| !value.eq_ignore_ascii_case("false"));
        is_locked.then_some(ACCOUNT_LOCK)
    }
}

/// A GUID in its usual spelling: its first three numbers lie with the last byte first.
fn guid(bytes: &[u8]) -> Option<String> {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes else {
        return None;
    };
    let rest: [u8; 8] = rest.try_into().ok()?;
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let (clock, node) = rest.split_at(2);
    Some(format!(
        "{}-{}-{}-{}-{}",
        hex(&[*d, *c, *b, *a]),
        hex(&[*f, *e]),
        hex(&[*h, *g]),
        hex(clock),
        hex(node)
    ))
}

pub(super) fn check_username(username: &str) -> Result<(), LdapFault> {
    let length = username.chars().count();
    let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    // Directories pass over blanks at the ends: one user would have several names.
    let odd = blank(username.chars().next()) || blank(username.chars().next_back());
    if odd || length > LONGEST_USERNAME || username.chars().any(char::is_control) {
        return Err(LdapFault::Username);
    }
    Ok(())
}

/// A bind that cannot be anonymous.
async fn bind(open: &mut dyn Conversation, dn: &str, password: &str) -> Result<bool, LdapFault> {
    if dn.is_empty() || password.is_empty() {
        return Ok(false);
    }
    Ok(open.bind(dn, password).await?)
}

pub(super) fn one(found: Vec<Entry>) -> Result<Entry, LdapFault> {
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(entry), None) if !entry.dn.is_empty() => Ok(entry),
        (Some(_), Some(_)) => Err(LdapFault::SeveralEntries),
        _ => Err(LdapFault::UnknownUser),
    }
}
