//! Sessions that end with their source: beyond AWS, by provider, and off unless its settings say so.
//!
//! Who got a session from a bound provider is written down (a [`Voucher`]) before the
//! credentials leave, with what the source will be asked. A process claims what is due by writing
//! down that it does, so that several share the asking and none asks twice. Where the source does not
//! stand by somebody any more, their sessions are revoked, with what descends from them, and a process
//! learns of that as of any revocation.

use crate::environment::Seconds;
use crate::ldap::Watched;
use crate::names::AccountId;
use crate::port::Voucher;
use crate::revocation::Aim;
use crate::sealing::Sealed;
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// How a provider's sessions are bound to it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Seconds between two questions about one user.
    pub interval: u32,
    /// For how many seconds sessions go on while the source cannot be asked; 0 ends them at the first
    /// question that is not answered, `None` lets them live out their time.
    pub grace: Option<u32>,
    /// How an OpenID Connect provider is asked about tokens; without it, it only tells by itself
    /// (back-channel logout).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection: Option<Introspection>,
}

/// Where a provider says whether a token is still good (RFC 7662).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Introspection {
    /// `https://…`
    pub url: String,
    /// As which client it is asked.
    pub client_id: String,
    /// The client's secret, sealed under the root key.
    pub client_secret: Sealed,
}

impl Introspection {
    /// What the client's secret is called where it is sealed.
    pub const SECRET: &str = "introspection-secret";
}

impl Binding {
    /// What an interval may be.
    pub const INTERVALS: std::ops::RangeInclusive<u32> = 5..=3600;
    /// The longest grace: no session lives longer.
    pub const LONGEST_GRACE: u32 = 7 * 86_400;
}

impl Default for Binding {
    /// Once a minute; an hour without an answer.
    fn default() -> Self {
        Self {
            interval: 60,
            grace: Some(3600),
            introspection: None,
        }
    }
}

/// What is asked about somebody, as it is stored.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Watch {
    /// Whether the directory still has them.
    Ldap(Watched),
    /// Whether the certificate, or one that it rests on, stands on a revocation list.
    Certificate(WatchedCertificate),
    /// Whether the provider still stands by the token.
    Token(WatchedToken),
}

/// A token that got a session.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct WatchedToken {
    /// Its `sub`.
    pub(crate) subject: String,
    /// Its `sid`.
    pub(crate) session_id: Option<String>,
    /// Its SHA-256 in hexadecimal digits.
    pub(crate) digest: String,
    /// The token, sealed under the root key.
    pub(crate) token: Sealed,
}

/// A certificate that got a session.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct WatchedCertificate {
    /// Whose it is.
    pub(crate) subject: String,
    /// Its serial number in hexadecimal digits.
    pub(crate) serial: String,
    /// It, and what came along with it: DER in base64.
    pub(crate) chain: Vec<String>,
}

impl Watch {
    /// What tells questions of one provider apart.
    pub(crate) fn question(&self) -> String {
        match self {
            Self::Ldap(watched) => format!("ldap:{}", watched.subject),
            Self::Certificate(watched) => {
                // What another authority issued under the same number is another.
                let chain = watched.chain.join(",");
                let hash = digest(&SHA256, chain.as_bytes());
                let hash = HEXLOWER.encode(hash.as_ref());
                format!("certificate:{}:{hash}", watched.serial)
            }
            Self::Token(watched) => format!("token:{}", watched.digest),
        }
    }

    /// Which sessions end, where the source says no.
    pub(crate) fn aim(&self, provider: &str) -> Aim {
        let provider = provider.to_owned();
        match self {
            Self::Ldap(watched) => Aim::FederatedSubject {
                provider,
                subject: watched.subject.clone(),
            },
            // Who has another certificate of the same name keeps its sessions.
            Self::Certificate(watched) => Aim::FederatedSession {
                provider,
                session_id: watched.serial.clone(),
            },
            Self::Token(watched) => match &watched.session_id {
                Some(session_id) => Aim::FederatedSession {
                    provider,
                    session_id: session_id.clone(),
                },
                None => Aim::FederatedSubject {
                    provider,
                    subject: watched.subject.clone(),
                },
            },
        }
    }

    /// Who is asked about.
    pub(crate) fn subject(&self) -> &str {
        match self {
            Self::Ldap(watched) => &watched.subject,
            Self::Certificate(watched) => &watched.subject,
            Self::Token(watched) => &watched.subject,
        }
    }
}

/// Questions for one source that a process has taken on.
#[derive(Clone, Debug)]
pub struct Questions {
    /// The provider's ARN.
    pub(crate) provider: String,
    /// As they were claimed.
    pub(crate) vouchers: Vec<Voucher>,
}

/// Sessions that were ended because their source does not stand by them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ended {
    /// The account whose provider it is.
    pub account: AccountId,
    /// The provider's ARN.
    pub provider: String,
    /// Whose sessions.
    pub subject: String,
    /// When.
    pub at: Seconds,
    /// The id of the revocation.
    pub revocation_id: String,
    /// Why, in a person's words.
    pub why: String,
}
