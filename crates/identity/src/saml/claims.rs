//! What a verified assertion claims, as AWS reads it: "Configure SAML assertions for the authentication
//! response" in the IAM user guide.

use super::{SamlIdentity, invalid};
use crate::environment::Seconds;
use crate::error::{Error, FederationFault};
use crate::names::{
    ArnText, Constrained as _, RoleSessionName, SourceIdentity, Tag, TagKey, TagValue,
};
use crate::notes::{FederationKind, RequestNotes};
use crate::session::SessionFederation;
use locum_federation::saml::Assertion;
use locum_policy::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the names of AWS's attributes begin with.
const AWS: &str = "https://aws.amazon.com/SAML/Attributes/";
const NAME_REQUIRED: &str = "RoleSessionName is required in AuthnResponse";
const NAME_PATTERN: &str = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}";
const SOURCE_PATTERN: &str =
    "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"";

/// Attributes by which people are described elsewhere, and the condition keys that they become.
const MAPPED: [(&str, &str); 30] = [
    // eduPerson and eduOrg
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.1",
        "saml:edupersonaffiliation",
    ),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.2", "saml:edupersonnickname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.3", "saml:edupersonorgdn"),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.4",
        "saml:edupersonorgunitdn",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.5",
        "saml:edupersonprimaryaffiliation",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
        "saml:edupersonprincipalname",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.7",
        "saml:edupersonentitlement",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.8",
        "saml:edupersonprimaryorgunitdn",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.9",
        "saml:edupersonscopedaffiliation",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.10",
        "saml:edupersontargetedid",
    ),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.11",
        "saml:edupersonassurance",
    ),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.2", "saml:eduorghomepageuri"),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.2.1.3",
        "saml:eduorgidentityauthnpolicyuri",
    ),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.4", "saml:eduorglegalname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.5", "saml:eduorgsuperioruri"),
    (
        "urn:oid:1.3.6.1.4.1.5923.1.2.1.6",
        "saml:eduorgwhitepagesuri",
    ),
    // X.500
    ("urn:oid:2.5.4.3", "saml:cn"),
    ("urn:oid:2.5.4.3", "saml:commonname"),
    ("urn:oid:2.5.4.4", "saml:surname"),
    ("urn:oid:2.5.4.42", "saml:givenname"),
    ("urn:oid:2.5.4.45", "saml:x500uniqueidentifier"),
    ("urn:oid:0.9.2342.19200300.100.1.1", "saml:uid"),
    ("urn:oid:0.9.2342.19200300.100.1.3", "saml:mail"),
    (
        "urn:oid:0.9.2342.19200300.100.1.45",
        "saml:organizationstatus",
    ),
    // Active Directory
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        "saml:name",
    ),
    (
        "http://schemas.xmlsoap.org/claims/CommonName",
        "saml:commonname",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
        "saml:givenname",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
        "saml:surname",
    ),
    (
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
        "saml:mail",
    ),
    (
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid",
        "saml:primarygroupsid",
    ),
];

/// What an assertion claims of a session.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) role_session_name: RoleSessionName,
    pub(crate) source_identity: Option<SourceIdentity>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) transitive_tag_keys: Vec<TagKey>,
    /// How long a session may last at most, if it says.
    pub(crate) longest: Option<Seconds>,
    /// Condition keys, in lower case.
    pub(crate) keys: Vec<(Cow<'static, str>, Value<'static>)>,
    pub(crate) federation: SessionFederation,
}

impl Claims {
    /// Reads them.
    ///
    /// # Errors
    /// [`FederationFault::InvalidIdentityToken`] and [`FederationFault::ExpiredToken`], in AWS's words.
    pub(crate) fn of(
        identity: &SamlIdentity,
        now: Seconds,
        notes: &RequestNotes,
    ) -> Result<Self, Error> {
        let said = &identity.assertion;
        let refused = |words: String, text: &'static str| {
            notes.explain(words);
            invalid(text)
        };
        let role_session_name = match single(said, "RoleSessionName") {
            None => {
                return Err(refused(
                    "there is no RoleSessionName".to_owned(),
                    NAME_REQUIRED,
                ));
            }
            Some(name) => {
                let parsed = name.and_then(|name| RoleSessionName::parse(name.trim()).ok());
                let words = || format!("RoleSessionName is {}", shown(name));
                parsed.ok_or_else(|| refused(words(), NAME_PATTERN))?
            }
        };
        let source_identity = match single(said, "SourceIdentity") {
            None => None,
            Some(name) => {
                let parsed = name.and_then(|name| SourceIdentity::parse(name.trim()).ok());
                let words = || format!("SourceIdentity is {}", shown(name));
                Some(parsed.ok_or_else(|| refused(words(), SOURCE_PATTERN))?)
            }
        };
        let (tags, transitive_tag_keys) = tags(said, notes)?;
        let keys = keys(identity);
        Ok(Self {
            role_session_name,
            source_identity,
            tags,
            transitive_tag_keys,
            longest: longest(said, now, notes)?,
            federation: SessionFederation {
                kind: FederationKind::Saml,
                provider: identity.provider.clone(),
                subject: said.subject().to_owned(),
                session_id: said.session_index().map(str::to_owned),
                keys: kept(identity),
            },
            keys,
        })
    }
}

/// The pairs of roles and providers in an assertion, each in either order.
pub(super) fn pairs(said: &Assertion) -> Vec<(ArnText, ArnText)> {
    let name = format!("{AWS}Role");
    let pair = |value: &str| {
        let mut parts = value.split(',').map(str::trim);
        let (first, second) = (parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let (role, provider) = match first.contains(":saml-provider/") {
            true => (second, first),
            false => (first, second),
        };
        let fits = role.contains(":role/") && provider.contains(":saml-provider/");
        let parsed = ArnText::parse(role).ok().zip(ArnText::parse(provider).ok());
        parsed.filter(|_| fits)
    };
    said.values(&name).filter_map(pair).collect()
}

impl SamlIdentity {
    /// Whether the assertion lets its bearer ask for a role by a provider.
    pub(crate) fn allows(&self, role: &ArnText, provider: &ArnText, notes: &RequestNotes) -> bool {
        let pairs = pairs(&self.assertion);
        let allows = pairs
            .iter()
            .any(|pair| pair.0 == *role && pair.1 == *provider);
        if !allows {
            let known: Vec<_> = pairs
                .iter()
                .take(10)
                .map(|(role, by)| format!("{role},{by}"))
                .collect();
            notes.explain(format_args!(
                "{role},{provider} is not among the {} values of the Role attribute: {}",
                pairs.len(),
                known.join("; ")
            ));
        }
        allows
    }
}

/// The value of one of AWS's attributes that has one: `None` if it is not there, and nothing in it if it has
/// none or several.
fn single<'a>(said: &'a Assertion, name: &str) -> Option<Option<&'a str>> {
    let wanted = |other: &str| other.strip_prefix(AWS) == Some(name);
    let mut all = said
        .attributes()
        .filter(|(other, _)| wanted(other))
        .peekable();
    all.peek()?;
    let mut values = all.flat_map(|(_, values)| values);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(Some(value)),
        _ => Some(None),
    }
}

/// A value for a sentence.
fn shown(value: Option<&str>) -> String {
    value.map_or_else(
        || "there not once".to_owned(),
        |value| format!("`{}`", value.chars().take(100).collect::<String>()),
    )
}

/// `PrincipalTag:KEY` and `TransitiveTagKeys`
fn tags(said: &Assertion, notes: &RequestNotes) -> Result<(Vec<Tag>, Vec<TagKey>), Error> {
    let malformed = |words: String| {
        notes.explain(words);
        invalid("The session tags in AuthnResponse are not valid.")
    };
    let mut tags = Vec::new();
    for (name, values) in said.attributes() {
        let Some(key) = name
            .strip_prefix(AWS)
            .and_then(|name| name.strip_prefix("PrincipalTag:"))
        else {
            continue;
        };
        let [value] = values else {
            let count = values.len();
            return Err(malformed(format!(
                "PrincipalTag:{key} has {count} values, and must have one"
            )));
        };
        let parsed = TagKey::parse(key).ok().zip(TagValue::parse(value).ok());
        let words = || {
            format!(
                "PrincipalTag:{key} is {}, which is no tag",
                shown(Some(value))
            )
        };
        let (key, value) = parsed.ok_or_else(|| malformed(words()))?;
        tags.push(Tag { key, value });
    }
    let transitive = said.values("https://aws.amazon.com/SAML/Attributes/TransitiveTagKeys");
    let transitive = transitive.map(|key| {
        let words = || {
            format!(
                "TransitiveTagKeys has {}, which is no key",
                shown(Some(key))
            )
        };
        TagKey::parse(key).map_err(|_| malformed(words()))
    });
    Ok((tags, transitive.collect::<Result<_, _>>()?))
}

/// `SessionDuration`, and the time that is left to the end of the provider's own session.
fn longest(said: &Assertion, now: Seconds, notes: &RequestNotes) -> Result<Option<Seconds>, Error> {
    let duration = match single(said, "SessionDuration") {
        None => None,
        Some(text) => {
            let seconds = text.and_then(|text| text.trim().parse::<Seconds>().ok());
            let seconds = seconds.filter(|seconds| (900..=43_200).contains(seconds));
            let Some(seconds) = seconds else {
                notes.explain(format_args!("SessionDuration is {}", shown(text)));
                return Err(invalid(
                    "SessionDuration in AuthnResponse must be an integer from 900 to 43200",
                ));
            };
            Some(seconds)
        }
    };
    let left = said.session_ends().map(|end| end.saturating_sub(now));
    if let Some(over @ ..=0) = left {
        notes.explain(format_args!("SessionNotOnOrAfter was {} s ago", -over));
        return Err(FederationFault::ExpiredToken(super::EXPIRED.into()).into());
    }
    Ok(duration.into_iter().chain(left).min())
}

/// The condition keys of the trust policy.
fn keys(identity: &SamlIdentity) -> Vec<(Cow<'static, str>, Value<'static>)> {
    let mut all: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
    for (name, values) in identity.assertion.attributes() {
        for (_, key) in MAPPED.iter().filter(|(mapped, _)| *mapped == name) {
            all.entry(key)
                .or_default()
                .extend(values.iter().map(String::as_str));
        }
    }
    let mapped = all.into_iter().filter_map(|(key, values)| {
        let value = match values.as_slice() {
            [] => return None,
            [one] => Value::One(Cow::Owned((*one).to_owned())),
            several => {
                let several = several.iter().map(|one| Cow::Owned((*one).to_owned()));
                Value::Many(several.collect())
            }
        };
        Some((Cow::Borrowed(key), value))
    });
    let own = own(identity).into_iter();
    let own = own.map(|(key, value)| (Cow::Borrowed(key), Value::One(Cow::Owned(value))));
    own.chain(mapped).collect()
}

/// What the session keeps: who it is, and by whom.
fn kept(identity: &SamlIdentity) -> Vec<(String, Vec<String>)> {
    let own = own(identity).into_iter();
    own.map(|(key, value)| (key.to_owned(), vec![value]))
        .collect()
}

fn own(identity: &SamlIdentity) -> [(&'static str, String); 6] {
    let said = &identity.assertion;
    [
        ("saml:aud", said.recipient().to_owned()),
        ("saml:doc", identity.doc()),
        ("saml:iss", said.issuer().to_owned()),
        ("saml:namequalifier", identity.qualifier()),
        ("saml:sub", said.subject().to_owned()),
        ("saml:sub_type", identity.subject_type().to_owned()),
    ]
}
