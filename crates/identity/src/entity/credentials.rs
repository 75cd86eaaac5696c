//! What users sign in with beside access keys and MFA devices.

use super::{KeyOwner, KeyStatus};
use crate::environment::Seconds;
use crate::ids::UniqueId;
use crate::names::{EntityName, Path, Tag};
use crate::password::PasswordHash;
use crate::sealing::{RootKey, Sealed, Unsealable};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Seconds of a day.
pub(crate) const DAY: Seconds = 86_400;

/// The password of a user or the root user.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LoginProfile {
    /// Whose it is.
    pub owner: KeyOwner,
    /// When the profile was created.
    pub created: Seconds,
    /// The password's hash. The root user of a member account may recover the password where the profile
    /// has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordHash>,
    /// When the password was last set.
    pub changed: Seconds,
    /// Whether the next sign-in must set another password.
    pub reset_required: bool,
    /// Hashes of the passwords before, the newest first: as many as a password policy can remember.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<PasswordHash>,
}

impl LoginProfile {
    /// How many passwords a password policy can remember, with the one in use.
    pub const REMEMBERED: usize = 24;

    /// The latest passwords, the one in use first.
    pub fn passwords(&self) -> impl Iterator<Item = &PasswordHash> {
        self.password.iter().chain(&self.previous)
    }

    /// The profile with another password.
    #[must_use]
    pub fn with_password(&self, password: PasswordHash, now: Seconds) -> Self {
        Self {
            previous: self
                .passwords()
                .take(Self::REMEMBERED - 1)
                .cloned()
                .collect(),
            password: Some(password),
            changed: now,
            ..self.clone()
        }
    }

    /// When the password expires by a policy, if it does.
    pub fn expires(&self, policy: &PasswordPolicy) -> Option<Seconds> {
        let days = Seconds::from(policy.max_age?);
        Some(self.changed.saturating_add(days * DAY))
    }
}

/// An account's password policy.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// `MinimumPasswordLength`
    pub minimum_length: u32,
    /// `RequireSymbols`
    pub require_symbols: bool,
    /// `RequireNumbers`
    pub require_numbers: bool,
    /// `RequireUppercaseCharacters`
    pub require_uppercase: bool,
    /// `RequireLowercaseCharacters`
    pub require_lowercase: bool,
    /// `AllowUsersToChangePassword`
    pub allow_users_to_change: bool,
    /// `MaxPasswordAge`, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// `PasswordReusePrevention`: how many passwords are remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse_prevention: Option<u32>,
    /// `HardExpiry`: whether an expired password cannot be changed by its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_expiry: Option<bool>,
}

/// The public half of a user's SSH key.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SshPublicKey {
    /// `APKA…`
    pub id: UniqueId,
    /// Whose it is.
    pub user: UniqueId,
    /// The key in the form of an `authorized_keys` line, with its comment.
    pub body: String,
    /// Whether it is usable.
    pub status: KeyStatus,
    /// When it was uploaded.
    pub uploaded: Seconds,
}

/// An X.509 certificate that a user or the root user signs with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SigningCertificate {
    /// 32 upper-case letters and digits.
    pub id: String,
    /// Whose it is.
    pub owner: KeyOwner,
    /// PEM, as uploaded.
    pub body: String,
    /// What tells the certificate from all others: SHA-256 of its DER, in hexadecimal digits.
    pub fingerprint: String,
    /// Whether it is usable.
    pub status: KeyStatus,
    /// When it was uploaded.
    pub uploaded: Seconds,
}

/// A server certificate with its private key.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ServerCertificate {
    /// `ASCA…`
    pub id: UniqueId,
    /// The name, unique whatever its letter case.
    pub name: EntityName,
    /// The path.
    pub path: Path,
    /// PEM, as uploaded but for white space around it.
    pub body: String,
    /// PEM of the certificates above it, in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The private key in PEM, sealed under the root key. No operation shows it.
    pub private_key: Sealed,
    /// When it was uploaded.
    pub uploaded: Seconds,
    /// When it expires.
    pub expires: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl ServerCertificate {
    /// What the private key of the certificate with that id is sealed for. No access key id has a blank,
    /// so it opens as nothing else.
    pub(crate) fn purpose(id: &UniqueId) -> String {
        format!("private key of {id}")
    }

    /// The private key in PEM.
    ///
    /// # Errors
    /// [`Unsealable`], if it was sealed under another key or for another certificate.
    pub fn open_private_key(&self, root_key: &RootKey) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        root_key.open(&Self::purpose(&self.id), &self.private_key)
    }
}

/// A service that knows users by credentials of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum CredentialService {
    /// Amazon Bedrock: API keys.
    #[serde(rename = "bedrock.amazonaws.com")]
    Bedrock,
    /// Amazon Keyspaces: user name and password.
    #[serde(rename = "cassandra.amazonaws.com")]
    Cassandra,
    /// AWS CodeCommit: user name and password.
    #[serde(rename = "codecommit.amazonaws.com")]
    CodeCommit,
    /// Amazon CloudWatch Logs: API keys.
    #[serde(rename = "logs.amazonaws.com")]
    Logs,
}

impl CredentialService {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Bedrock, Self::Cassandra, Self::CodeCommit, Self::Logs];

    /// Its service principal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bedrock => "bedrock.amazonaws.com",
            Self::Cassandra => "cassandra.amazonaws.com",
            Self::CodeCommit => "codecommit.amazonaws.com",
            Self::Logs => "logs.amazonaws.com",
        }
    }

    /// What its API keys begin with; `None` where a credential is a user name and a password.
    pub fn key_prefix(self) -> Option<&'static str> {
        match self {
            Self::Bedrock => Some("ABSK"),
            Self::Logs => Some("ACWL"),
            Self::Cassandra | Self::CodeCommit => None,
        }
    }
}

/// A user name and password, or an API key, that one service knows a user by.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ServiceSpecificCredential {
    /// `ACCA…`
    pub id: UniqueId,
    /// Whose it is.
    pub user: UniqueId,
    /// The service.
    pub service: CredentialService,
    /// The user name that the service knows, or the public part of an API key: unique among the
    /// service's in the account.
    pub alias: String,
    /// The password or API key, sealed under the root key.
    pub secret: Sealed,
    /// Whether it is usable, as long as it has not expired.
    pub status: KeyStatus,
    /// When it was created.
    pub created: Seconds,
    /// When it expires, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Seconds>,
}
