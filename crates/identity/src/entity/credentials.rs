//! What users sign in with beside access keys and MFA devices.

use super::{KeyOwner, KeyStatus};
use crate::environment::Seconds;
use crate::ids::UniqueId;
use crate::names::{EntityName, Path, Tag};
use crate::sealing::{RootKey, Sealed, Unsealable};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The password of a user or the root user.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LoginProfile {
    /// Whose it is.
    pub owner: KeyOwner,
    /// When the profile was created.
    pub created: Seconds,
    /// The password's argon2id hash, as a PHC string.
    pub password: String,
    /// When the password was last set.
    pub changed: Seconds,
    /// Whether the next sign-in must set another password.
    pub reset_required: bool,
    /// Hashes of the passwords before, the newest first: as many as a password policy can remember.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<String>,
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

/// A user name and password, or a bearer token, that one service knows a user by.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ServiceSpecificCredential {
    /// `ACCA…`
    pub id: String,
    /// Whose it is.
    pub user: UniqueId,
    /// `codecommit.amazonaws.com`, …
    pub service_name: String,
    /// The user name that the service knows.
    pub service_user_name: String,
    /// The password's argon2id hash, as a PHC string.
    pub password: String,
    /// Whether it is usable.
    pub status: KeyStatus,
    /// When it was created.
    pub created: Seconds,
    /// When it expires, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Seconds>,
}
