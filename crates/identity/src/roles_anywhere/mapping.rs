//! What of a certificate becomes tags of its sessions ("Certificate attribute mapping", user guide).

use crate::entity::{AttributeMapping, CertificateField};
use crate::names::{Constrained as _, Tag, TagKey, TagValue};
use locum_federation::x509::{Attribute, Certificate, Name, SYMBOLS};

impl CertificateField {
    /// As the model spells it, and as tags begin.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "x509Issuer",
            Self::AlternativeNames => "x509SAN",
            Self::Subject => "x509Subject",
        }
    }

    /// A specifier as it is kept: `Name` and `Name/` are `Name/*`. `None` for what specifies nothing.
    pub(super) fn specifier(self, given: &str) -> Option<String> {
        let is_type = |symbol: &str| symbol == "*" || known(symbol) || is_oid(symbol);
        match (self, given) {
            (Self::AlternativeNames, "DNS" | "URI") => Some(given.to_owned()),
            (Self::AlternativeNames, "Name" | "Name/") => Some("Name/*".to_owned()),
            (Self::AlternativeNames, _) => {
                let symbol = given.strip_prefix("Name/")?;
                is_type(symbol).then(|| given.to_owned())
            }
            (Self::Issuer | Self::Subject, _) => is_type(given).then(|| given.to_owned()),
        }
    }
}

fn known(symbol: &str) -> bool {
    SYMBOLS.iter().any(|(known, _)| *known == symbol)
}

/// An object identifier with dots.
fn is_oid(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.contains('.') && text.split('.').all(number)
}

impl AttributeMapping {
    /// What profiles begin with: everything.
    pub(super) fn defaults() -> Vec<Self> {
        let of = |field, specifiers: &[&str]| Self {
            field,
            specifiers: specifiers.iter().map(|it| (*it).to_owned()).collect(),
        };
        vec![
            of(CertificateField::Issuer, &["*"]),
            of(
                CertificateField::AlternativeNames,
                &["DNS", "URI", "Name/*"],
            ),
            of(CertificateField::Subject, &["*"]),
        ]
    }
}

/// The tags of a certificate, and what could not become any: of each field the specifiers.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    pub(super) tags: Vec<Tag>,
    pub(super) left_out: Vec<(CertificateField, String)>,
}

impl Mapped {
    pub(super) fn of(certificate: &Certificate, mappings: &[AttributeMapping]) -> Self {
        let mut mapped = Self::default();
        for AttributeMapping { field, specifiers } in mappings {
            let wanted = |specifier: &str| {
                let all = match specifier.strip_prefix("Name/") {
                    Some(_) => "Name/*",
                    None if *field == CertificateField::AlternativeNames => specifier,
                    None => "*",
                };
                // What nobody has a name for is mapped by its number alone.
                let by_all = !is_oid(specifier.rsplit('/').next().unwrap_or_default());
                specifiers
                    .iter()
                    .any(|it| it == specifier || (by_all && it == all))
            };
            for (specifier, value) in values(certificate, *field) {
                if wanted(&specifier) {
                    mapped.put(*field, specifier, value.as_deref());
                }
            }
        }
        mapped
    }

    fn put(&mut self, field: CertificateField, specifier: String, value: Option<&str>) {
        let key = TagKey::parse(&format!("{}/{specifier}", field.as_str())).ok();
        let value = value.and_then(|value| TagValue::parse(value).ok());
        match key.zip(value) {
            Some((key, value)) => self.tags.push(Tag { key, value }),
            None => self.left_out.push((field, specifier)),
        }
    }

    /// What could not become tags, as AWS says it behind a refusal; empty if there is nothing.
    pub(super) fn complaint(&self) -> String {
        if self.left_out.is_empty() {
            return String::new();
        }
        let of = |field| {
            let here = self.left_out.iter().filter(|(of, _)| *of == field);
            let here: Vec<&str> = here.map(|(_, specifier)| specifier.as_str()).collect();
            format!("[ {} ]", here.join(", "))
        };
        format!(
            ". Some attributes failed to be mapped into session tags. Issuer: {}; Subject: {}; SAN: {}",
            of(CertificateField::Issuer),
            of(CertificateField::Subject),
            of(CertificateField::AlternativeNames)
        )
    }
}

/// What a field of a certificate has: each specifier once, with its value if that is text.
fn values(certificate: &Certificate, field: CertificateField) -> Vec<(String, Option<String>)> {
    let names = &certificate.alternative_names;
    match field {
        CertificateField::Issuer => attributes(&certificate.issuer),
        CertificateField::Subject => attributes(&certificate.subject),
        CertificateField::AlternativeNames => {
            let one = |name: &str, value: &Option<String>| {
                let value = value.clone()?;
                Some((name.to_owned(), Some(value)))
            };
            let directory = names.directory.iter().flat_map(attributes);
            let directory = directory.map(|(symbol, value)| (format!("Name/{symbol}"), value));
            [one("DNS", &names.dns), one("URI", &names.uri)]
                .into_iter()
                .flatten()
                .chain(directory)
                .collect()
        }
    }
}

/// The attributes of a name: those of one type joined by slashes.
fn attributes(name: &Name) -> Vec<(String, Option<String>)> {
    let mut all: Vec<(String, Option<String>)> = Vec::new();
    for Attribute { symbol, value } in name.attributes() {
        match all.iter_mut().find(|(other, _)| other == symbol) {
            Some((_, joined)) => {
                *joined = joined
                    .take()
                    .zip(value.as_ref())
                    .map(|(joined, value)| format!("{joined}/{value}"));
            }
            None => all.push((symbol.clone(), value.clone())),
        }
    }
    all
}
