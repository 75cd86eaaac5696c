//! Names, paths, tags and durations: text that has passed its published constraint.
//!
//! A value of one of these types is legal, so no operation checks it again. The constraints are
//! those of the IAM and STS API models (`iam/2010-05-08`, `sts/2011-06-15`).

use crate::limits::LONGEST_SESSION;
use std::fmt;

/// One constraint of the API model that a value failed.
///
/// The wire spells it as AWS does (`Member must have length less than or equal to 64`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Constraint {
    /// A required member is missing.
    NotNull,
    /// The shortest legal length, in characters or list elements.
    MinLength(u32),
    /// The longest legal length, in characters or list elements.
    MaxLength(u32),
    /// The least legal number.
    MinValue(i64),
    /// The greatest legal number.
    MaxValue(i64),
    /// The regular expression that the model prints.
    Pattern(&'static str),
    /// The enumeration's values.
    OneOf(&'static [&'static str]),
}

/// A type whose only constructor checks the published constraint.
pub trait Constrained: Sized {
    /// Checks `text` against every constraint of the type.
    ///
    /// # Errors
    /// All the constraints that fail, in the order in which AWS lists them.
    fn parse(text: &str) -> Result<Self, Vec<Constraint>>;
}

/// Checks length (in characters) and alphabet.
fn check(
    text: &str,
    (min, max): (u32, u32),
    pattern: &'static str,
    legal: impl Fn(char) -> bool,
) -> Result<(), Vec<Constraint>> {
    let length = text.chars().count();
    let mut failed = Vec::new();
    if !text.chars().all(legal) {
        failed.push(Constraint::Pattern(pattern));
    }
    if length < min as usize {
        failed.push(Constraint::MinLength(min));
    }
    if length > max as usize {
        failed.push(Constraint::MaxLength(max));
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed)
    }
}

/// `[\w+=,.@-]`, the alphabet of IAM names.
fn name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $range:expr, $pattern:expr, $legal:expr) => {
        text_type! { $(#[$doc])* $name, |text| check(text, $range, $pattern, $legal) }
    };
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl Constrained for $name {
            fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
                let check: fn(&str) -> Result<(), Vec<Constraint>> = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Illegal;
            fn try_from(text: String) -> Result<Self, Illegal> {
                Self::parse(&text).map_err(|_| Illegal(stringify!($name)))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

mod certificates;
mod delegation;
pub(crate) mod eks;
mod organizations;
mod path;
mod providers;
mod reports;
mod role_template;
mod roles_anywhere;
mod service_linked;

pub use certificates::{
    CertificateBody, CertificateChain, CertificateIdText, PrivateKeyText, PublicKeyIdText,
    PublicKeyMaterial,
};
pub use delegation::{
    DelegationNotes, DelegationRequestId, DelegationRequestIdText, Locale, NotificationChannel,
    OwnerId, PolicyParameterName, PolicyParameterValue, RedirectUrl, RequestMessage,
    RequestorWorkflowId, TradeInToken,
};
pub use eks::{ClusterName, EksText, PodToken};
pub use organizations::{
    ChildId, OrganizationPolicyContent, OrganizationPolicyDescription, OrganizationPolicyId,
    OrganizationPolicyName, POLICY_TYPES, ParentId, PolicyType, PolicyTypeName, RootId,
    ServicePrincipalName, TaggableId, TargetId, UnitId, UnitName,
};
pub use path::{Path, PathPrefix, PolicyPath};
pub use providers::{
    AccountAliasName, AccountPropertyKey, AccountPropertyValue, ClientId, ProviderUrlText,
    SamlKeyId, SamlMetadataText, SamlPrivateKeyText, SamlProviderName, Thumbprint,
};
pub use reports::{
    EntityType, JobId, OrganizationsEntityPath, OrganizationsPolicyId, ServiceNamespace,
};
pub use role_template::{
    ReplacementText, RolePattern, RoleTemplateDescription, RoleTemplateName, TemplateWord,
};
pub use roles_anywhere::{
    AnchorCertificates, AnywhereAlias, AnywhereArn, AnywhereName, AnywhereNextToken,
    AnywhereTagKey, AnywhereTagValue, AnywhereUuid, CrlIdentifier, InstanceProperty,
    MappingSpecifier, ProfileIdentifier, ProfilePolicyArn, ProfileRoleArn, ProfileSessionPolicy,
    TrustAnchorIdentifier, TrustAnchorIdentifierArn,
};
pub use service_linked::{CustomSuffix, DeletionTaskId};

/// A stored value does not pass its type's constraint: the store was damaged or edited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Illegal(pub &'static str);

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a legal {}", self.0)
    }
}

impl std::error::Error for Illegal {}

text_type! {
    /// `TargetPrincipal` of AssumeRoot: 12 to 2048 characters.
    TargetPrincipal, (12, 2048), r"[\s\S]*", |_| true
}
text_type! {
    /// The name of a new user: 1 to 64 of `[\w+=,.@-]`.
    UserName, (1, 64), r"[\w+=,.@-]+", name_character
}
text_type! {
    /// The name of a role: 1 to 64 of `[\w+=,.@-]`.
    RoleName, (1, 64), r"[\w+=,.@-]+", name_character
}
text_type! {
    /// A name of 1 to 128 of `[\w+=,.@-]`: groups, managed and inline policies, and users looked up.
    EntityName, (1, 128), r"[\w+=,.@-]+", name_character
}
impl From<UserName> for EntityName {
    /// What a new user may be called, a user may be looked up by.
    fn from(name: UserName) -> Self {
        Self(name.0)
    }
}

text_type! {
    /// The description of a role or policy: at most 1000 characters of printable Latin-1.
    Description, (0, 1000), r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*",
    |c| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}')
}
text_type! {
    /// A policy document's text as a parameter: 1 to 131072 characters of Latin-1.
    DocumentText, (1, 131_072), r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')
}
text_type! {
    /// An inline session policy of AssumeRole: no maximum in the model (the packed size limits it).
    SessionPolicyText, (1, u32::MAX), r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')
}
text_type! {
    /// The inline session policy of GetFederationToken: 1 to 2048 characters.
    FederationPolicyText, (1, 2048), r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')
}
text_type! {
    /// `RoleSessionName`: 2 to 64 of `[\w+=,.@-]`.
    RoleSessionName, (2, 64), r"[\w+=,.@-]*", name_character
}
text_type! {
    /// `SourceIdentity`: 2 to 64 of `[\w+=,.@-]`. AWS forbids that it begins with `aws:`, which the
    /// alphabet does already.
    SourceIdentity, (2, 64), r"[\w+=,.@-]*", name_character
}
text_type! {
    /// `ContextAssertion` of a provided context: 4 to 2048 characters.
    ContextAssertion, (4, 2048), r".*", |_| true
}
text_type! {
    /// The name of a federated user: 2 to 32 of `[\w+=,.@-]`.
    FederatedUserName, (2, 32), r"[\w+=,.@-]*", name_character
}
text_type! {
    /// The external id in a trust condition: 2 to 1224 of `[\w+=,.@:/-]`.
    ExternalId, (2, 1224), r"[\w+=,.@:\/-]*",
    |c| name_character(c) || c == ':' || c == '/'
}
text_type! {
    /// An ARN as a parameter: 20 to 2048 characters. Whether it names anything is seen later.
    ArnText, (20, 2048),
    r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+",
    |c| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
text_type! {
    /// `Marker`: 1 to 320 characters of Latin-1. Whether a list gave it is seen later.
    MarkerText, (1, 320), r"[\u0020-\u00FF]+", |c| matches!(c, ' '..='\u{ff}')
}
text_type! {
    /// A principal as a parameter of ours: an ARN, a unique id or a name, of 1 to 2048 characters.
    PrincipalText, (1, 2048), r"[\u0021-\u007E]+", |c| matches!(c, '!'..='~')
}
text_type! {
    /// An access key id as a parameter: 16 to 128 of `[\w]`.
    AccessKeyIdText, (16, 128), r"[\w]+", |c| c.is_ascii_alphanumeric() || c == '_'
}
text_type! {
    /// An authorization message as a parameter: 1 to 10,240 characters.
    EncodedMessage, (1, 10_240), "", |_| true
}
text_type! {
    /// The name of a virtual MFA device: 1 or more of `[\w+=,.@-]`; its ARN must be a serial number.
    VirtualMfaDeviceName, (1, u32::MAX), r"[\w+=,.@-]+", name_character
}
text_type! {
    /// The serial number of an MFA device, which of a virtual one is the ARN: 9 to 256 of
    /// `[\w+=/:,.@-]`.
    SerialNumber, (9, 256), r"[\w+=/:,.@-]+", |c| name_character(c) || c == ':' || c == '/'
}
text_type! {
    /// The same as a parameter of STS, whose model has another pattern for it.
    StsSerialNumber, (9, 256), r"[\w+=/:,.@-]*", |c| name_character(c) || c == ':' || c == '/'
}
text_type! {
    /// A code of an MFA device as a parameter of IAM: six digits.
    AuthenticationCode, (6, 6), r"[\d]+", |c| c.is_ascii_digit()
}
text_type! {
    /// A code of an MFA device as a parameter of STS: six digits.
    TokenCode, (6, 6), r"[\d]*", |c| c.is_ascii_digit()
}
text_type! {
    /// A tag's key: 1 to 128 of letters, separators, numbers and `_.:/=+-@`.
    TagKey, (1, 128), r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", tag_character
}

text_type! {
    /// A tag's value: 0 to 256 of the alphabet of tag keys.
    TagValue, (0, 256), r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", tag_character
}
text_type! {
    /// An account's name in an organization: 1 to 50 printable characters.
    AccountName, (1, 50), r"[\u0020-\u007E]+", |c| matches!(c, ' '..='~')
}
text_type! {
    /// An account's e-mail address: 6 to 64 characters with one `@` and a dot behind it.
    Email, (6, 64), r"[^\s@]+@[^\s@]+\.[^\s@]+", |c| !c.is_whitespace() && !c.is_control()
}

text_type! {
    /// The id of a CreateAccount request: `car-` and 8 to 32 lower-case letters and digits.
    CreateAccountRequestId, (12, 36), r"^car-[a-z0-9]{8,32}$",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

mod reserved;
mod simulation;

pub(crate) use reserved::Reserved;
pub use simulation::{
    ActionName, ContextKeyName, ContextKeyValue, ResourceHandlingOption, ResourceName,
};

/// `\p{L}\p{Z}\p{N}_.:/=+\-@`, as near as the standard library's categories come: letters and
/// numbers of any script, and separators (not control characters).
fn tag_character(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

/// A version of a managed policy as a parameter: `v1`, `v2`, … The model has a pattern for it and
/// no length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyVersionId(String);

impl Constrained for PolicyVersionId {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        const PATTERN: &str = r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?";
        let number = text
            .strip_prefix('v')
            .map(|rest| rest.split_once('.').unwrap_or((rest, "")));
        let legal = number.is_some_and(|(digits, rest)| {
            let is_number = digits.starts_with(|c: char| ('1'..='9').contains(&c))
                && digits.bytes().all(|b| b.is_ascii_digit());
            is_number && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        if legal && text.len() <= 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(vec![Constraint::Pattern(PATTERN)])
        }
    }
}

impl PolicyVersionId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of the version, if the text is `v` and a number.
    pub fn number(&self) -> Option<u32> {
        self.0.strip_prefix('v')?.parse().ok()
    }
}

impl fmt::Display for PolicyVersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A twelve-digit account id.
#[derive(
    Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// The account whose number is `number`, if it has at most twelve digits.
    pub fn from_number(number: u64) -> Option<Self> {
        let mut digits = [b'0'; 12];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        (rest == 0).then_some(Self(digits))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The digits as a number: it fits 40 bits.
    pub fn number(self) -> u64 {
        self.0
            .iter()
            .fold(0, |n, digit| n * 10 + u64::from(digit - b'0'))
    }
}

impl Constrained for AccountId {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        match <[u8; 12]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            _ => Err(vec![Constraint::Pattern(r"\d{12}")]),
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = Illegal;
    fn try_from(text: String) -> Result<Self, Illegal> {
        Self::parse(&text).map_err(|_| Illegal("AccountId"))
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> String {
        id.as_str().to_owned()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A tag of a principal or resource.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tag {
    /// The key, with the spelling it was given.
    pub key: TagKey,
    /// The value.
    pub value: TagValue,
}

/// `MaxSessionDuration` of a role: 3600 to 43200 seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MaxSessionDuration(u32);

impl MaxSessionDuration {
    /// The duration of `seconds`, if a role may have it.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        (3600..=43_200).contains(&seconds).then_some(Self(seconds))
    }

    /// The seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for MaxSessionDuration {
    /// One hour.
    fn default() -> Self {
        Self(3600)
    }
}

impl TryFrom<u32> for MaxSessionDuration {
    type Error = Illegal;
    fn try_from(seconds: u32) -> Result<Self, Illegal> {
        Self::from_seconds(seconds).ok_or(Illegal("MaxSessionDuration"))
    }
}

impl From<MaxSessionDuration> for u32 {
    fn from(duration: MaxSessionDuration) -> u32 {
        duration.0
    }
}

/// A number with a least and a greatest legal value.
macro_rules! seconds_type {
    ($(#[$doc:meta])* $name:ident, $min:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub struct $name(u32);

        impl $name {
            /// The duration of `seconds`.
            ///
            /// # Errors
            /// The limit that fails.
            pub fn from_seconds(seconds: i32) -> Result<Self, Constraint> {
                if i64::from(seconds) < $min {
                    Err(Constraint::MinValue($min))
                } else if i64::from(seconds) > $max {
                    Err(Constraint::MaxValue($max))
                } else {
                    Ok(Self(seconds.unsigned_abs()))
                }
            }

            /// The seconds.
            pub fn seconds(self) -> i64 {
                i64::from(self.0)
            }
        }
    };
}

seconds_type! {
    /// `DurationSeconds` of AssumeRole: 900 to 43200 by the model; the role may allow less, and up to
    /// [`LONGEST_SESSION`].
    RoleSessionDuration, 900, LONGEST_SESSION
}
seconds_type! {
    /// `DurationSeconds` of GetSessionToken and GetFederationToken: 900 to 129600.
    TokenDuration, 900, 129_600
}
seconds_type! {
    /// `SessionDuration` of a delegation request: 300 to 43200.
    DelegationDuration, 300, 43_200
}

seconds_type! {
    /// `DurationSeconds` of AssumeRoot: 0 to 900.
    RootSessionDuration, 0, 900
}

mod outbound;
mod passwords;
mod sts;

pub use outbound::{TokenAudience, WebIdentityTokenDuration};
pub use passwords::{
    CredentialAgeDays, CredentialServiceName, MaxPasswordAge, MinimumPasswordLength, Password,
    PasswordReusePrevention, ServiceSpecificCredentialId,
};
pub use sts::{
    KeyIdToLookUp, MinimumTokenSize, ProviderId, SamlAssertionText, WebIdentityTokenText,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Constrained>(text: &str, legal: bool) {
        assert_eq!(T::parse(text).is_ok(), legal, "{text:?}");
    }

    #[test]
    fn names() {
        check::<UserName>("sts-user", true);
        check::<UserName>("a+=,.@_-9", true);
        check::<UserName>("", false);
        check::<UserName>("a b", false);
        check::<UserName>("a\n", false);
        check::<UserName>("é", false);
        check::<UserName>(&"a".repeat(64), true);
        check::<UserName>(&"a".repeat(65), false);
        check::<EntityName>(&"a".repeat(128), true);
        check::<RoleSessionName>("a", false);
        check::<ExternalId>("Unique/ID:1", true);
        check::<ExternalId>("a b", false);
    }

    #[test]
    fn a_name_can_fail_two_constraints() {
        assert_eq!(
            RoleSessionName::parse(" "),
            Err(vec![
                Constraint::Pattern(r"[\w+=,.@-]*"),
                Constraint::MinLength(2)
            ])
        );
    }

    #[test]
    fn paths() {
        check::<Path>("/", true);
        check::<Path>("/a/", true);
        check::<Path>("/a//b/", true);
        check::<Path>("//", false);
        check::<Path>("/a", false);
        check::<Path>("a/", false);
        check::<Path>("/a b/", false);
        check::<PolicyPath>("/", true);
        check::<PolicyPath>("/a.b,+@=_-/9/", true);
        check::<PolicyPath>("/a//b/", false);
        check::<PolicyPath>("/a!/", false);
        check::<PolicyPath>("/a", false);
        check::<PolicyPath>("", false);
        check::<Path>("", false);
    }

    #[test]
    fn policy_versions() {
        for text in ["v1", "v10", "v2.a-b"] {
            check::<PolicyVersionId>(text, true);
        }
        for text in ["", "v", "9", "v0", "v02", "V1", "v1 ", "v1_", "v+1"] {
            check::<PolicyVersionId>(text, false);
        }
        assert_eq!(PolicyVersionId::parse("v12").unwrap().number(), Some(12));
        assert_eq!(PolicyVersionId::parse("v2.1").unwrap().number(), None);
    }

    #[test]
    fn path_prefixes() {
        check::<PathPrefix>("/", true);
        check::<PathPrefix>("/div", true);
        check::<PathPrefix>("div", false);
        check::<PathPrefix>("", false);
        check::<PathPrefix>("/a b", false);
    }

    #[test]
    fn accounts() {
        check::<AccountId>("123456789012", true);
        check::<AccountId>("12345678901", false);
        check::<AccountId>("12345678901a", false);
        assert_eq!(
            AccountId::from_number(7).map(|a| a.to_string()),
            Some("000000000007".into())
        );
        assert_eq!(AccountId::from_number(1_000_000_000_000), None);
    }
}
