//! Users of LDAP directories (OpenLDAP, Active Directory, 389): a name and a password become claims.
//!
//! The network is handed in ([`DirectoryServer`]); what is asked, in which order, and what counts as an
//! answer is here. A user is found by one search that gives exactly one entry, or by a DN made of the
//! name; the password is what the directory says it is, by a bind. Claims come from that entry and from
//! the groups that have it as a member, never from what was typed.
//!
//! What somebody without credentials must not learn (whether a name is known, which check failed) is in
//! [`LdapFault`], for the audit record and for `locum federation test`; they are told one sentence.

use crate::sealing::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

mod login;
mod poll;
mod settings;
#[cfg(test)]
mod tests;
mod text;

pub use login::DirectoryIdentity;
pub use poll::Watched;
pub use settings::{
    GroupNames, GroupSource, LdapSettings, LdapUrl, SettingsFault, TAG_OF_GROUPS, UserSource,
};
pub use text::{DistinguishedName, dn_value, filter_value};

/// Asks directories: handed in, so that no rule here knows the network.
pub trait DirectoryServer: Send + Sync + 'static {
    /// Opens a conversation with the first server that answers. TLS is verified before anything is said.
    fn connect<'a>(&'a self, reach: &'a Reach) -> Asking<'a, Box<dyn Conversation>>;
}

/// One connection to a directory. It acts as whom it was last bound as.
pub trait Conversation: Send {
    /// Binds with a name and a password; whether the directory says that they belong together. Neither may
    /// be empty: such a bind is anonymous, and succeeds.
    fn bind<'a>(&'a mut self, dn: &'a str, password: &'a str) -> Asking<'a, bool>;

    /// What a search finds. Referrals are not followed. A base that is not there has nothing beneath it.
    fn search<'a>(&'a mut self, search: &'a Search) -> Asking<'a, Vec<Entry>>;
}

/// An answer on its way.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

/// The directory did not answer as it must: it cannot be reached, its certificate is not trusted, time
/// was up, or it refuses what it must not refuse. In a person's words, and without secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unavailable(pub String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

/// There is no directory: for commands, and until a network is handed in.
impl DirectoryServer for crate::thumbprint::NoNetwork {
    fn connect<'a>(&'a self, _: &'a Reach) -> Asking<'a, Box<dyn Conversation>> {
        let fault = Unavailable("there is no network here".to_owned());
        Box::pin(std::future::ready(Err(fault)))
    }
}

/// How a directory is reached.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Reach {
    /// Its servers, tried in this order.
    pub urls: Vec<String>,
    /// Whether TLS begins after StartTLS, for `ldap:`.
    pub start_tls: bool,
    /// Certificates (PEM) of the authorities that vouch for the servers; `None` for the machine's.
    pub authorities: Option<String>,
    /// How long one step (connecting, one request) may take.
    pub timeout: Duration,
    /// How many conversations there may be at a time.
    pub connections: usize,
}

/// How far below its base a search looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// The base alone.
    Base,
    /// Everything below.
    Subtree,
}

/// A search.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Search {
    /// A DN.
    pub base: String,
    /// How far.
    pub depth: Depth,
    /// A filter (RFC 4515).
    pub filter: String,
    /// Which attributes are wanted.
    pub attributes: Vec<String>,
    /// How many entries are wanted. One more tells that there are too many.
    pub most: usize,
}

/// An entry of a directory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// Its DN, as the directory spells it.
    pub dn: String,
    /// Its attributes, by name in small letters.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

/// Why a login at a directory did not succeed, or why a user is good no longer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LdapFault {
    /// The name is empty, too long, or has characters that no name has.
    Username,
    /// The password is empty: such a bind would be anonymous, and succeed.
    EmptyPassword,
    /// The password is longer than any is, or has a character that none has.
    Password,
    /// Nobody is found under the name.
    UnknownUser,
    /// Several entries are found under the name.
    SeveralEntries,
    /// The directory says that the password is wrong, or that this user may not bind.
    WrongPassword,
    /// The entry is there but cannot be read.
    Unreadable,
    /// The account is disabled; the attribute that says so.
    Disabled(&'static str),
    /// The user is in none of the groups of which one is required.
    NotInGroup(Vec<String>),
    /// An attribute that must have one value has another number of them.
    NotOne {
        /// The attribute.
        attribute: String,
        /// How many values it has.
        values: usize,
    },
    /// The entry is another user's than it was.
    AnotherUser,
    /// The user is in more groups than are asked for, or the directory tells a part of them.
    TooManyGroups,
    /// What would be a session tag cannot be one.
    Tag {
        /// The tag's key.
        key: String,
        /// The value.
        value: String,
    },
    /// The directory refuses the account that searches it.
    SearchAccount,
    /// The directory does not answer.
    Unavailable(Unavailable),
}

impl LdapFault {
    /// Whether it says something of the user, and not of the directory or of how it is set up.
    pub fn is_about_the_user(&self) -> bool {
        !matches!(self, Self::SearchAccount | Self::Unavailable(_))
    }
}

impl From<Unavailable> for LdapFault {
    fn from(fault: Unavailable) -> Self {
        Self::Unavailable(fault)
    }
}

impl fmt::Display for LdapFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username => f.write_str("the username is not one that a directory could have"),
            Self::EmptyPassword => {
                f.write_str("the password is empty, and with an empty one the directory would let anybody in")
            }
            Self::Password => f.write_str("the password is not one that a directory could have"),
            Self::UnknownUser => f.write_str("the directory has no user of that name under the user base and filter"),
            Self::SeveralEntries => {
                f.write_str("the directory has several entries for that name: the user filter must find one")
            }
            Self::WrongPassword => {
                f.write_str("the directory refuses the password, or does not let this user bind")
            }
            Self::Unreadable => f.write_str(
                "the password is right, but the user's entry cannot be read: the user or the search account needs read access",
            ),
            Self::Disabled(attribute) => write!(f, "the user is disabled: {attribute} says so"),
            Self::NotInGroup(groups) => {
                write!(f, "the user is in none of the required groups {}", List(groups))
            }
            Self::NotOne { attribute, values } => write!(
                f,
                "the user's entry has {values} values of {attribute}, and one is needed"
            ),
            Self::AnotherUser => f.write_str("the entry is now another user's"),
            Self::TooManyGroups => write!(
                f,
                "the user is in more than {} groups, or the directory tells only some of them: narrow the group filter",
                login::MOST_GROUPS
            ),
            Self::Tag { key, value } => {
                write!(f, "`{value}` cannot be the value of the session tag `{key}`")
            }
            Self::SearchAccount => {
                f.write_str("the directory refuses the bind DN or its password")
            }
            Self::Unavailable(fault) => write!(f, "the directory does not answer: {fault}"),
        }
    }
}

impl std::error::Error for LdapFault {}

struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            write!(f, "{}`{item}`", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// A directory with all that asking it needs.
pub struct Directory<'a> {
    /// The network.
    pub server: &'a dyn DirectoryServer,
    /// How it is reached, and what is read of it.
    pub settings: &'a LdapSettings,
    /// The password of the account that searches it.
    pub bind_password: Option<&'a Secret>,
}
