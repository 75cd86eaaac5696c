//! What a verified assertion says.

use super::fault::SamlFault;
use super::time::{self, Seconds};
use super::xml::{attribute, elements, text};
use roxmltree::Node;

/// The namespace of assertions.
pub(super) const ASSERTIONS: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// What an identity provider says of somebody, after its signature was verified: only
/// [`SamlTrust::verify`](super::SamlTrust::verify) makes one, from the very elements that it verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assertion {
    id: String,
    issuer: String,
    subject: String,
    format: String,
    recipient: String,
    expires: Seconds,
    session_ends: Option<Seconds>,
    session_index: Option<String>,
    audiences: Vec<String>,
    attributes: Vec<(String, Vec<String>)>,
}

impl Assertion {
    /// The ID, which its issuer gives to no other.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `Issuer`
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The text of the `NameID`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The `Format` of the `NameID`.
    pub fn format(&self) -> &str {
        &self.format
    }

    /// `Recipient` of the `SubjectConfirmationData`: where the assertion may be delivered to.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// The first second, since 1970, at which it is good no more.
    pub fn expires(&self) -> Seconds {
        self.expires
    }

    /// `SessionNotOnOrAfter` of the `AuthnStatement`: when sessions that rest on it must have ended, in seconds
    /// since 1970. The earliest, if there are several.
    pub fn session_ends(&self) -> Option<Seconds> {
        self.session_ends
    }

    /// The first `SessionIndex` of an `AuthnStatement`: what the provider calls the session that it has with
    /// the user.
    pub fn session_index(&self) -> Option<&str> {
        self.session_index.as_deref()
    }

    /// Every `Audience` of its conditions.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// The values of all attributes of this name, exactly as they are written. Of an attribute whose value is
    /// a `NameID` it is the text of that; values that are other elements are left out.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self
            .attributes
            .iter()
            .filter(move |(other, _)| other == name);
        named.flat_map(|(_, values)| values.iter().map(String::as_str))
    }

    /// Every attribute with its values, in the order of the document. A name may come several times.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.attributes
            .iter()
            .map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Reads an `Assertion` that was verified, and checks what it says of times.
    pub(super) fn read(
        assertion: Node<'_, '_>,
        issuer: String,
        now: Seconds,
    ) -> Result<Self, SamlFault> {
        let mut parts = Parts::default();
        for child in shape(
            elements(assertion),
            "the Assertion has text between its elements",
        )? {
            parts.take(child)?;
        }
        let subject = parts
            .subject
            .ok_or(SamlFault::Shape("the Assertion has no Subject"))?;
        let subject = Subject::read(subject, now)?;
        let (audiences, conditions_end) = match parts.conditions {
            Some(conditions) => read_conditions(conditions, now)?,
            None => (Vec::new(), None),
        };
        let mut session_ends: Option<Seconds> = None;
        let mut session_index = None;
        for statement in parts.authn {
            session_index = session_index.or_else(|| attribute(statement, "SessionIndex"));
            if let Some(moment) = time_of(statement, "SessionNotOnOrAfter")? {
                session_ends = Some(session_ends.map_or(moment, |other| other.min(moment)));
            }
        }
        let mut attributes = Vec::new();
        for statement in parts.attributes {
            read_attributes(statement, &mut attributes)?;
        }
        Ok(Self {
            id: attribute(assertion, "ID").unwrap_or_default().to_owned(),
            issuer,
            subject: subject.name,
            format: subject.format,
            recipient: subject.recipient,
            expires: conditions_end.map_or(subject.expires, |end| end.min(subject.expires)),
            session_ends,
            session_index: session_index.map(str::to_owned),
            audiences,
            attributes,
        })
    }
}

/// The children of an assertion that say something.
#[derive(Default)]
struct Parts<'a, 'i> {
    subject: Option<Node<'a, 'i>>,
    conditions: Option<Node<'a, 'i>>,
    authn: Vec<Node<'a, 'i>>,
    attributes: Vec<Node<'a, 'i>>,
}

impl<'a, 'i> Parts<'a, 'i> {
    fn take(&mut self, child: Node<'a, 'i>) -> Result<(), SamlFault> {
        let name = child.tag_name();
        let of_ours = name.namespace() == Some(ASSERTIONS);
        let twice = match (of_ours, name.name()) {
            (true, "Subject") => self.subject.replace(child).is_some(),
            (true, "Conditions") => self.conditions.replace(child).is_some(),
            (true, "AuthnStatement") => {
                self.authn.push(child);
                false
            }
            (true, "AttributeStatement") => {
                self.attributes.push(child);
                false
            }
            // The issuer and the signature were read already; others say nothing here.
            (true, "Issuer" | "Advice" | "AuthzDecisionStatement") => false,
            _ if super::signature::is_signature(child) => false,
            _ => {
                return Err(SamlFault::Shape(
                    "the Assertion has an element that assertions do not have",
                ));
            }
        };
        match twice {
            true => Err(SamlFault::Shape(
                "the Assertion has two Subjects or two Conditions",
            )),
            false => Ok(()),
        }
    }
}

struct Subject {
    name: String,
    format: String,
    recipient: String,
    expires: Seconds,
}

impl Subject {
    fn read(subject: Node<'_, '_>, now: Seconds) -> Result<Self, SamlFault> {
        let parts = shape(
            elements(subject),
            "the Subject has text between its elements",
        )?;
        let [name, confirmation] = parts.as_slice() else {
            return Err(SamlFault::Shape(
                "the Subject must have a NameID and one SubjectConfirmation",
            ));
        };
        if !is(*name, "NameID") || !is(*confirmation, "SubjectConfirmation") {
            return Err(SamlFault::Shape(
                "the Subject must have a NameID and one SubjectConfirmation",
            ));
        }
        let format = attribute(*name, "Format").filter(|format| !format.is_empty());
        let format = format.ok_or(SamlFault::NoFormat)?.to_owned();
        let name = shape(text(*name), "the NameID has elements")?;
        if name.is_empty() {
            return Err(SamlFault::Shape("the NameID is empty"));
        }
        if attribute(*confirmation, "Method") != Some(BEARER) {
            return Err(SamlFault::Shape(
                "the SubjectConfirmation's Method is not bearer",
            ));
        }
        let mut data = confirmation
            .children()
            .filter(|node| is(*node, "SubjectConfirmationData"));
        let (Some(data), None) = (data.next(), data.next()) else {
            return Err(SamlFault::Shape(
                "the SubjectConfirmation must have one SubjectConfirmationData",
            ));
        };
        let recipient = attribute(data, "Recipient").filter(|recipient| !recipient.is_empty());
        let recipient = recipient
            .ok_or(SamlFault::NoConfirmation("Recipient"))?
            .to_owned();
        time_of(data, "NotBefore")?;
        let expires = time_of(data, "NotOnOrAfter")?;
        let expires = expires.ok_or(SamlFault::NoConfirmation("NotOnOrAfter"))?;
        still_good("NotOnOrAfter of the SubjectConfirmationData", expires, now)?;
        Ok(Self {
            name,
            format,
            recipient,
            expires,
        })
    }
}

/// The audiences and the end of `Conditions`. Whom an assertion is meant for does not decide whether it is
/// good: trust policies do, by its recipient.
fn read_conditions(
    conditions: Node<'_, '_>,
    now: Seconds,
) -> Result<(Vec<String>, Option<Seconds>), SamlFault> {
    // What begins later counts already, as it does with AWS, but it must be a moment.
    time_of(conditions, "NotBefore")?;
    let end = time_of(conditions, "NotOnOrAfter")?;
    if let Some(end) = end {
        still_good("NotOnOrAfter of the Conditions", end, now)?;
    }
    let mut audiences = Vec::new();
    for condition in shape(
        elements(conditions),
        "the Conditions have text between their elements",
    )? {
        if is(condition, "AudienceRestriction") {
            for audience in shape(
                elements(condition),
                "an AudienceRestriction has text between its elements",
            )? {
                if !is(audience, "Audience") {
                    return Err(SamlFault::Shape(
                        "an AudienceRestriction has something else than an Audience",
                    ));
                }
                audiences.push(shape(text(audience), "an Audience has elements")?);
            }
        } else if !is(condition, "OneTimeUse") && !is(condition, "ProxyRestriction") {
            // One that is not understood makes an assertion indeterminate (saml-core, 2.5.1.1).
            return Err(SamlFault::Shape(
                "the Conditions have a condition that is not known",
            ));
        }
    }
    Ok((audiences, end))
}

fn read_attributes(
    statement: Node<'_, '_>,
    into: &mut Vec<(String, Vec<String>)>,
) -> Result<(), SamlFault> {
    for one in shape(
        elements(statement),
        "the AttributeStatement has text between its elements",
    )? {
        if !is(one, "Attribute") {
            return Err(SamlFault::Shape(
                "the AttributeStatement has something else than an Attribute",
            ));
        }
        let name = attribute(one, "Name").filter(|name| !name.is_empty());
        let name = name.ok_or(SamlFault::Shape("an Attribute has no Name"))?;
        let mut values = Vec::new();
        for value in shape(elements(one), "an Attribute has text between its values")? {
            if !is(value, "AttributeValue") {
                return Err(SamlFault::Shape(
                    "an Attribute has something else than an AttributeValue",
                ));
            }
            values.extend(text(value).or_else(|| name_in(value)));
        }
        into.push((name.to_owned(), values));
    }
    Ok(())
}

/// The text of a `NameID` that is all of a value.
fn name_in(value: Node<'_, '_>) -> Option<String> {
    match elements(value)?.as_slice() {
        [name] if is(*name, "NameID") => text(*name),
        _ => None,
    }
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((ASSERTIONS, name))
}

fn shape<T>(found: Option<T>, fault: &'static str) -> Result<T, SamlFault> {
    found.ok_or(SamlFault::Shape(fault))
}

/// The moment in an attribute that may be there.
fn time_of(node: Node<'_, '_>, name: &'static str) -> Result<Option<Seconds>, SamlFault> {
    let Some(value) = attribute(node, name) else {
        return Ok(None);
    };
    let moment = time::parse(value).ok_or_else(|| SamlFault::Time {
        name,
        value: value.to_owned(),
    })?;
    Ok(Some(moment))
}

fn still_good(name: &'static str, at: Seconds, now: Seconds) -> Result<(), SamlFault> {
    match now < at {
        true => Ok(()),
        false => Err(SamlFault::Expired { name, at, now }),
    }
}
