//! What a believed token says about the session that is asked for: condition keys, tags, the source
//! identity, the roles that the provider allows (STS user guide, "Pass session tags in AWS STS"; IAM user
//! guide, "Available keys for AWS web identity federation").

use super::{WebIdentity, not_valid};
use crate::error::{Error, FederationFault};
use crate::names::{Constrained, SourceIdentity, Tag, TagKey, TagValue};
use crate::notes::{FederationKind, RequestNotes};
use crate::session::SessionFederation;
use locum_federation::oidc::{Json, Object};
use locum_policy::{Arn, Value};
use std::borrow::Cow;
use std::fmt;

const TAGS: &str = "https://aws.amazon.com/tags";
const FLAT_TAG: &str = "https://aws.amazon.com/tags/principal_tags/";
const FLAT_TRANSITIVE: &str = "https://aws.amazon.com/tags/transitive_tag_keys";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";
const ROLES: &str = "https://aws.amazon.com/roles";
const WRONG_SOURCE_IDENTITY: &str =
    r#"Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:""#;

/// Claims that say nothing of the user, or that have keys of their own.
const NO_KEYS: [&str; 9] = [
    "iss", "exp", "iat", "nbf", "jti", "aud", "oaud", "sub", "azp",
];
/// The keys that requests of the session have, too.
const KEPT: [&str; 4] = ["aud", "oaud", "sub", "amr"];
/// The longest name of a claim that becomes a key, in bytes.
const LONGEST_NAME: usize = 128;
/// How deep objects may lie in one another whose members become keys (`kubernetes.io/pod/name`).
const DEEPEST: usize = 3;

/// What a token says about the session.
#[derive(Debug)]
pub(crate) struct Claims {
    /// Condition keys, in lower case.
    pub(crate) keys: Vec<(Cow<'static, str>, Value<'static>)>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) transitive_tag_keys: Vec<TagKey>,
    pub(crate) source_identity: Option<SourceIdentity>,
    pub(crate) federation: SessionFederation,
}

impl Claims {
    /// Reads them, for a session of a role.
    ///
    /// # Errors
    /// [`Error::Federation`], for what is not as AWS wants it; the notes say what.
    pub(crate) fn of(
        identity: &WebIdentity,
        role_arn: &str,
        notes: &RequestNotes,
    ) -> Result<Self, Error> {
        let reader = Reader {
            claims: identity.verified.claims(),
            notes,
        };
        let by_provider = reader.authorizes(role_arn)?;
        let mut tags = reader.nested_tags()?;
        let mut transitive_tag_keys = reader.nested_transitive()?;
        tags.extend(reader.flat_tags()?);
        transitive_tag_keys.extend(reader.flat_transitive()?);
        let keys = condition_keys(identity);
        if let Some(name) = twice(&keys) {
            return Err(reader.refused(format_args!(
                "two claims of the token would be the condition key `{name}`"
            )));
        }
        let kept = |(name, _): &&(String, Values)| {
            let rest = name.strip_prefix(&prefix(identity));
            rest.is_some_and(|rest| KEPT.contains(&rest))
        };
        let federation = SessionFederation {
            kind: FederationKind::WebIdentity,
            provider: identity.provider.name.clone(),
            subject: identity.subject.clone(),
            session_id: reader.text("sid").map(str::to_owned),
            keys: keys
                .iter()
                .filter(kept)
                .map(|(name, values)| (name.clone(), values.all.clone()))
                .collect(),
        };
        let mut keys: Vec<_> = keys
            .into_iter()
            .map(|(name, values)| (Cow::Owned(name), values.value()))
            .collect();
        let authorized = if by_provider { "true" } else { "false" };
        keys.push((
            Cow::Borrowed("sts:roleauthorizedbyidp"),
            Value::One(Cow::Borrowed(authorized)),
        ));
        Ok(Self {
            keys,
            tags,
            transitive_tag_keys,
            source_identity: reader.source_identity()?,
            federation,
        })
    }
}

/// The values of a key; one that a claim has as an array is multi-valued.
#[derive(Clone, Debug)]
struct Values {
    all: Vec<String>,
    many: bool,
}

impl Values {
    fn one(value: impl Into<String>) -> Self {
        Self {
            all: vec![value.into()],
            many: false,
        }
    }

    fn many(all: Vec<String>) -> Self {
        Self { all, many: true }
    }

    fn value(mut self) -> Value<'static> {
        match self.all.pop() {
            Some(value) if !self.many => Value::One(Cow::Owned(value)),
            last => {
                self.all.extend(last);
                Value::Many(self.all.into_iter().map(Cow::Owned).collect())
            }
        }
    }
}

/// What stands before a claim's name in a key: `token.actions.githubusercontent.com:`.
fn prefix(identity: &WebIdentity) -> String {
    format!("{}:", identity.provider.url.to_lowercase())
}

/// The condition keys of a token. AWS names some claims of some providers; here every claim is one that
/// has a plain name and a plain value.
fn condition_keys(identity: &WebIdentity) -> Vec<(String, Values)> {
    let prefix = prefix(identity);
    let key = |name: &str| format!("{prefix}{name}");
    let audience = &identity.audience;
    let mut keys = vec![
        (key("aud"), Values::one(&audience.client)),
        (key("sub"), Values::one(&identity.subject)),
    ];
    if let Some(party) = &audience.authorized_party {
        keys.push((key("azp"), Values::one(party)));
        keys.push((
            key("oaud"),
            match audience.all.as_slice() {
                [one] => Values::one(one),
                all => Values::many(all.to_vec()),
            },
        ));
    }
    members(
        identity.verified.claims(),
        "",
        DEEPEST,
        &mut |name, values| {
            let name = name.to_lowercase();
            if !NO_KEYS.contains(&name.as_str()) {
                keys.push((key(&name), values));
            }
        },
    );
    keys
}

/// A name that two keys have.
fn twice(keys: &[(String, Values)]) -> Option<&str> {
    let mut names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let same = |pair: &&[&str]| pair.first() == pair.last();
    names.windows(2).find(same)?.first().copied()
}

/// Tells each plain claim; of an object in it, each member with a slash between.
fn members(object: &Object, above: &str, left: usize, tell: &mut impl FnMut(&str, Values)) {
    for (name, value) in object {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        let name_fits =
            !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_plain);
        if !name_fits {
            continue;
        }
        let name = format!("{above}{name}");
        match value {
            Json::Text(text) => tell(&name, Values::one(text)),
            Json::Integer(number) => tell(&name, Values::one(number.to_string())),
            Json::Bool(value) => tell(&name, Values::one(value.to_string())),
            Json::Array(_) => {
                if let Some(texts) = value.texts() {
                    let texts = texts.into_iter().map(str::to_owned).collect();
                    tell(&name, Values::many(texts));
                }
            }
            Json::Object(inner) if left > 1 => {
                members(inner, &format!("{name}/"), left - 1, tell);
            }
            Json::Object(_) | Json::Null | Json::Fraction => {}
        }
    }
}

struct Reader<'a> {
    claims: &'a Object,
    notes: &'a RequestNotes,
}

impl<'a> Reader<'a> {
    fn claim(&self, name: &str) -> Option<&'a Json> {
        self.claims.get(name).filter(|value| **value != Json::Null)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.claim(name).and_then(Json::text)
    }

    fn refused(&self, why: impl fmt::Display) -> Error {
        self.notes.explain(why);
        not_valid().into()
    }

    /// Whether the provider says that the user may have the role. Where it lists roles, this one must be
    /// among them.
    fn authorizes(&self, role_arn: &str) -> Result<bool, Error> {
        let Some(claim) = self.claim(ROLES) else {
            return Ok(false);
        };
        let wrong = || {
            self.refused(format_args!(
                "the token's `{ROLES}` does not list the role {role_arn}"
            ))
        };
        let roles: Vec<&str> = match claim {
            Json::Text(text) => text.split(';').collect(),
            other => other.texts().ok_or_else(wrong)?,
        };
        let is_role =
            |text: &&&str| Arn::parse(text).is_some_and(|arn| arn.resource().starts_with("role/"));
        let mut valid = roles.iter().filter(is_role);
        if valid.any(|role| *role == role_arn) {
            Ok(true)
        } else {
            Err(wrong())
        }
    }

    /// `{"principal_tags": {"K": ["v"]}, "transitive_tag_keys": ["K"]}`
    fn nested(&self, member: &str) -> Result<Option<&'a Json>, Error> {
        match self.claim(TAGS) {
            None => Ok(None),
            Some(Json::Object(tags)) => Ok(tags.get(member).filter(|value| **value != Json::Null)),
            Some(_) => Err(self.refused(format_args!("the token's `{TAGS}` is no object"))),
        }
    }

    fn nested_tags(&self) -> Result<Vec<Tag>, Error> {
        let Some(tags) = self.nested("principal_tags")? else {
            return Ok(Vec::new());
        };
        let Json::Object(tags) = tags else {
            return Err(self.refused(format_args!(
                "`principal_tags` in the token's `{TAGS}` is no object"
            )));
        };
        let tag = |(key, value): (&String, &Json)| {
            let one = match value {
                Json::Array(values) => match values.as_slice() {
                    [Json::Text(value)] => Some(value),
                    _ => None,
                },
                _ => None,
            };
            let one = one.ok_or_else(|| {
                self.refused(format_args!(
                    "the value of the tag `{key}` in the token's `{TAGS}` is not an array of one text"
                ))
            })?;
            self.tag(key, one)
        };
        tags.iter().map(tag).collect()
    }

    fn nested_transitive(&self) -> Result<Vec<TagKey>, Error> {
        match self.nested("transitive_tag_keys")? {
            None => Ok(Vec::new()),
            Some(keys) => self.tag_keys(keys, TAGS),
        }
    }

    fn flat_tags(&self) -> Result<Vec<Tag>, Error> {
        let flat = self.claims.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(FLAT_TAG)?;
            (*value != Json::Null).then_some((key, value))
        });
        flat.map(|(key, value)| match value {
            Json::Text(value) => self.tag(key, value),
            _ => Err(self.refused(format_args!("the token's `{FLAT_TAG}{key}` is no text"))),
        })
        .collect()
    }

    fn flat_transitive(&self) -> Result<Vec<TagKey>, Error> {
        match self.claim(FLAT_TRANSITIVE) {
            None => Ok(Vec::new()),
            Some(keys) => self.tag_keys(keys, FLAT_TRANSITIVE),
        }
    }

    fn tag(&self, key: &str, value: &str) -> Result<Tag, Error> {
        let legal = TagValue::parse(value);
        let value = legal.map_err(|_| {
            self.refused(format_args!(
                "the value of the tag `{key}` in the token cannot be one"
            ))
        })?;
        let key = self.tag_key(key)?;
        Ok(Tag { key, value })
    }

    fn tag_key(&self, text: &str) -> Result<TagKey, Error> {
        TagKey::parse(text).map_err(|_| {
            self.refused(format_args!(
                "the tag key `{text}` in the token cannot be one"
            ))
        })
    }

    fn tag_keys(&self, keys: &Json, of: &str) -> Result<Vec<TagKey>, Error> {
        let Json::Array(keys) = keys else {
            return Err(self.refused(format_args!(
                "the transitive tag keys in the token's `{of}` are no array"
            )));
        };
        let key = |key: &Json| match key {
            Json::Text(text) => self.tag_key(text),
            _ => Err(self.refused(format_args!(
                "a transitive tag key in the token's `{of}` is no text"
            ))),
        };
        keys.iter().map(key).collect()
    }

    fn source_identity(&self) -> Result<Option<SourceIdentity>, Error> {
        let Some(claim) = self.claim(SOURCE_IDENTITY) else {
            return Ok(None);
        };
        let text = claim.text().unwrap_or_default();
        SourceIdentity::parse(text).map(Some).map_err(|_| {
            self.notes.explain(format_args!(
                "the token's `{SOURCE_IDENTITY}` cannot be a source identity"
            ));
            FederationFault::InvalidIdentityToken(WRONG_SOURCE_IDENTITY.into()).into()
        })
    }
}
