//! Distinguished names (RFC 5280, section 4.1.2.4) and alternative names (section 4.2.1.6), as text.

use std::fmt;
use x509_parser::asn1_rs::Any;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::x509::X509Name;

/// What types of attributes are called, with their object identifiers in DER. The symbols are those of
/// RFC 4519 where it has one, and Bouncy Castle's `BCStyle` beyond that.
pub const SYMBOLS: [(&str, &[u8]); 26] = [
    ("CN", &[0x55, 0x04, 0x03]),
    ("SURNAME", &[0x55, 0x04, 0x04]),
    ("SERIALNUMBER", &[0x55, 0x04, 0x05]),
    ("C", &[0x55, 0x04, 0x06]),
    ("L", &[0x55, 0x04, 0x07]),
    ("ST", &[0x55, 0x04, 0x08]),
    ("STREET", &[0x55, 0x04, 0x09]),
    ("O", &[0x55, 0x04, 0x0a]),
    ("OU", &[0x55, 0x04, 0x0b]),
    ("T", &[0x55, 0x04, 0x0c]),
    ("DESCRIPTION", &[0x55, 0x04, 0x0d]),
    ("BusinessCategory", &[0x55, 0x04, 0x0f]),
    ("PostalAddress", &[0x55, 0x04, 0x10]),
    ("PostalCode", &[0x55, 0x04, 0x11]),
    ("TelephoneNumber", &[0x55, 0x04, 0x14]),
    ("Name", &[0x55, 0x04, 0x29]),
    ("GIVENNAME", &[0x55, 0x04, 0x2a]),
    ("INITIALS", &[0x55, 0x04, 0x2b]),
    ("GENERATION", &[0x55, 0x04, 0x2c]),
    ("UniqueIdentifier", &[0x55, 0x04, 0x2d]),
    ("DN", &[0x55, 0x04, 0x2e]),
    ("Pseudonym", &[0x55, 0x04, 0x41]),
    ("organizationIdentifier", &[0x55, 0x04, 0x61]),
    (
        "UID",
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01],
    ),
    (
        "DC",
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19],
    ),
    ("E", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01]),
];

/// One attribute of a distinguished name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attribute {
    /// What its type is called: one of [`SYMBOLS`], or its object identifier with dots.
    pub symbol: String,
    /// Its value; `None` where it is no text.
    pub value: Option<String>,
}

/// A distinguished name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name {
    der: Vec<u8>,
    attributes: Vec<Attribute>,
}

impl Name {
    pub(super) fn read(name: &X509Name<'_>) -> Self {
        let attributes = name.iter_attributes().map(|attribute| {
            let oid = attribute.attr_type();
            let known = SYMBOLS.iter().find(|(_, known)| *known == oid.as_bytes());
            Attribute {
                symbol: known
                    .map_or_else(|| oid.to_id_string(), |(symbol, _)| (*symbol).to_owned()),
                value: text(attribute.attr_value()),
            }
        });
        Self {
            attributes: attributes.collect(),
            der: name.as_raw().to_vec(),
        }
    }

    /// The name in DER. Two names are the same where this is, which is stricter than RFC 5280 asks.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The attributes, in the order of the certificate.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// All values of one type, in their order.
    pub fn values<'a>(&'a self, symbol: &'a str) -> impl Iterator<Item = &'a str> {
        let of_type = move |attribute: &&Attribute| attribute.symbol == symbol;
        let found = self.attributes.iter().filter(of_type);
        found.filter_map(|attribute| attribute.value.as_deref())
    }
}

/// RFC 4514: the last attribute first.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, attribute) in self.attributes.iter().rev().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            write!(f, "{}=", attribute.symbol)?;
            let value = attribute.value.as_deref().unwrap_or("#");
            let last = value.chars().count().saturating_sub(1);
            for (at, c) in value.chars().enumerate() {
                let special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
                    || (at == 0 && matches!(c, ' ' | '#') && attribute.value.is_some())
                    || (at == last && c == ' ');
                match c {
                    _ if special => write!(f, "\\{c}")?,
                    // A line of a log stays a line.
                    _ if c.is_control() => write!(f, "\\{:02x}", u32::from(c))?,
                    _ => write!(f, "{c}")?,
                }
            }
        }
        Ok(())
    }
}

/// What stands in the alternative names of a subject: of each kind that names workloads the first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AlternativeNames {
    /// The first DNS name.
    pub dns: Option<String>,
    /// The first URI.
    pub uri: Option<String>,
    /// The first directory name.
    pub directory: Option<Name>,
}

impl AlternativeNames {
    pub(super) fn read(names: &SubjectAlternativeName<'_>) -> Self {
        let mut found = Self::default();
        for name in &names.general_names {
            match name {
                GeneralName::DNSName(name) => {
                    found.dns.get_or_insert_with(|| (*name).to_owned());
                }
                GeneralName::URI(uri) => {
                    found.uri.get_or_insert_with(|| (*uri).to_owned());
                }
                GeneralName::DirectoryName(name) => {
                    found.directory.get_or_insert_with(|| Name::read(name));
                }
                _ => {}
            }
        }
        found
    }
}

/// The text of a `DirectoryString`, or of the other strings that names have.
fn text(value: &Any<'_>) -> Option<String> {
    const UTF8: u32 = 12;
    const NUMERIC: u32 = 18;
    const PRINTABLE: u32 = 19;
    const TELETEX: u32 = 20;
    const IA5: u32 = 22;
    const UNIVERSAL: u32 = 28;
    const BMP: u32 = 30;
    let bytes = value.data;
    match value.tag().0 {
        UTF8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        // What is not ASCII in a teletex string is read in several ways.
        NUMERIC | PRINTABLE | TELETEX | IA5 if bytes.is_ascii() => {
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        BMP => {
            let (units, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            rest.is_empty().then(|| String::from_utf16(&units).ok())?
        }
        UNIVERSAL => {
            let (units, rest) = bytes.as_chunks::<4>();
            let mut chars = units
                .iter()
                .map(|unit| char::from_u32(u32::from_be_bytes(*unit)));
            rest.is_empty().then(|| chars.by_ref().collect())?
        }
        _ => None,
    }
}
