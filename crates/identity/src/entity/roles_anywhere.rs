//! What IAM Roles Anywhere keeps: whom certificates are trusted from, for which roles, and who came.

use crate::environment::Seconds;
use crate::names::{AnywhereName, Tag};
use serde::{Deserialize, Serialize};

/// What trust anchors, profiles and revocation lists have in common.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AnywhereHead {
    /// A UUID, unique in the account.
    pub id: String,
    /// The region that it was created in, and is seen in.
    pub region: String,
    /// The name, which several may have.
    pub name: AnywhereName,
    /// Whether it counts.
    pub enabled: bool,
    /// Another name, which no other of the kind has in the account and region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// When it was created.
    pub created: Seconds,
    /// When it was last changed.
    pub updated: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// Certificates of authorities whose certificates get sessions.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TrustAnchor {
    /// What all have.
    #[serde(flatten)]
    pub head: AnywhereHead,
    /// The certificates in PEM, as they were submitted.
    pub certificates: String,
    /// `crlDpRevocationEnabled`. It is kept and not acted on: nothing is fetched from where a certificate
    /// says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distribution_points: bool,
    /// Settings of notifications that were set, at most one for each event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<NotificationSetting>,
}

/// What a notification is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum NotificationEvent {
    /// `CA_CERTIFICATE_EXPIRY`
    AuthorityExpiry,
    /// `END_ENTITY_CERTIFICATE_EXPIRY`
    EndEntityExpiry,
}

/// When somebody is notified.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct NotificationSetting {
    /// Of what.
    pub event: NotificationEvent,
    /// Whether at all.
    pub enabled: bool,
    /// How many days ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u32>,
}

/// Which roles certificates may ask for, and what their sessions get.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AnywhereProfile {
    /// What all have.
    #[serde(flatten)]
    pub head: AnywhereHead,
    /// The ARN of who created it.
    pub created_by: String,
    /// The ARNs of the roles.
    pub role_arns: Vec<String>,
    /// A session policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_policy: Option<String>,
    /// ARNs of managed policies that are session policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managed_policy_arns: Vec<String>,
    /// How long sessions last that ask for no less.
    pub duration: u32,
    /// `requireInstanceProperties`, which means nothing yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requires_instance_properties: bool,
    /// Whether requests may name their sessions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepts_session_name: bool,
    /// What of a certificate becomes tags, for each field that was ever put: its specifiers.
    pub mappings: Vec<AttributeMapping>,
}

/// A part of a certificate that tags are made of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum CertificateField {
    /// `x509Issuer`
    Issuer,
    /// `x509SAN`
    AlternativeNames,
    /// `x509Subject`
    Subject,
}

/// Which attributes of a field become tags.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AttributeMapping {
    /// The field.
    pub field: CertificateField,
    /// `CN`, `DNS`, `Name/OU`, `*` and so on; never empty.
    pub specifiers: Vec<String>,
}

/// A certificate revocation list.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AnywhereCrl {
    /// What all have.
    #[serde(flatten)]
    pub head: AnywhereHead,
    /// The list as it was submitted, in base64.
    pub data: String,
    /// The ARN of the trust anchor that it is for.
    pub trust_anchor: String,
}

/// Who came with a certificate: all certificates of one subject in a region.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AnywhereSubject {
    /// A UUID, unique in the account.
    pub id: String,
    /// The region.
    pub region: String,
    /// The subject, as RFC 4514 writes names.
    pub subject: String,
    /// When it first came.
    pub created: Seconds,
    /// When it last came, as far as that was written down.
    pub seen: Seconds,
    /// The certificates that it came with, the latest first.
    pub credentials: Vec<SeenCredential>,
    /// What it said of its machine, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<SeenProperties>,
}

/// A certificate that somebody came with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SeenCredential {
    /// When.
    pub seen: Seconds,
    /// Its serial number in decimal digits.
    pub serial: String,
    /// Who signed it.
    pub issuer: String,
    /// The certificate in PEM.
    pub certificate: String,
    /// The ARN of the trust anchor.
    pub trust_anchor: String,
    /// Whether it got no session the last time.
    pub failed: bool,
}

/// What a request said of the machine it came from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SeenProperties {
    /// When.
    pub seen: Seconds,
    /// Keys and values.
    pub properties: Vec<(String, String)>,
    /// Whether it got no session.
    pub failed: bool,
}
