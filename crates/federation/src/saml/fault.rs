//! Why a response says nothing that would be believed.

use super::signature::SignatureFault;
use super::time::Seconds;
use super::xml::XmlFault;
use crate::quote::Quoted;
use jiff::Timestamp;
use std::fmt;

/// Why a response says nothing that would be believed. It prints as a person's words: which check failed, and
/// what did not fit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SamlFault {
    /// It is not base64 of UTF-8.
    Encoding,
    /// It is longer than 100,000 characters of base64.
    TooLong,
    /// It is no XML that would be believed.
    Xml(XmlFault),
    /// It is no `Response` of SAML 2.0 with one assertion: what is wrong with it.
    Shape(&'static str),
    /// The provider says that it did not sign anybody in.
    Status(String),
    /// The assertion is of another issuer than the provider's metadata says.
    Issuer {
        /// `Issuer` of the assertion.
        found: String,
        /// `entityID` of the metadata.
        wanted: String,
    },
    /// The assertion has no signature of its own. That of a response does not replace it.
    Unsigned,
    /// The assertion's signature does not count.
    Signature(SignatureFault),
    /// The response has a signature that does not count.
    ResponseSignature(SignatureFault),
    /// The assertion is not encrypted, and the provider's must be.
    NotEncrypted,
    /// The assertion is encrypted by a method that is not allowed.
    EncryptionMethod,
    /// The assertion is encrypted by AES-CBC, and no signature covers the ciphertext.
    CipherBlockChaining,
    /// There is no private key for the provider.
    NoPrivateKey,
    /// The assertion could not be decrypted. With AES-CBC that is also said of whatever is wrong with what
    /// came out, until its signature is verified.
    Decryption,
    /// A moment is none.
    Time {
        /// The attribute.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// The assertion is over.
    Expired {
        /// The attribute that says so, with its element.
        name: &'static str,
        /// What it says.
        at: Seconds,
        /// The time of day here.
        now: Seconds,
    },
    /// The `SubjectConfirmationData` says nothing of this name.
    NoConfirmation(&'static str),
    /// The `NameID` has no `Format`.
    NoFormat,
}

impl fmt::Display for SamlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str("the response is not base64 of UTF-8"),
            Self::TooLong => f.write_str("the response is longer than 100,000 characters of base64"),
            Self::Xml(fault) => fault.fmt(f),
            Self::Shape(what) => f.write_str(what),
            Self::Status(code) => {
                write!(f, "the identity provider reports that sign-in failed: status {}", Quoted(code))
            }
            Self::Issuer { found, wanted } => write!(
                f,
                "the assertion's issuer is {}, and the provider's metadata is of {}",
                Quoted(found),
                Quoted(wanted)
            ),
            Self::Unsigned => f.write_str(
                "the assertion has no signature of its own; that of the response does not replace it",
            ),
            Self::Signature(fault) => write!(f, "the assertion's signature does not count: {fault}"),
            Self::ResponseSignature(fault) => {
                write!(f, "the response's signature does not count: {fault}")
            }
            Self::NotEncrypted => {
                f.write_str("the assertion is not encrypted, and the provider's AssertionEncryptionMode is Required")
            }
            Self::EncryptionMethod => f.write_str(
                "the assertion is encrypted by a method that is not allowed: AES-GCM or AES-CBC with a key \
                 sealed by RSA-OAEP, whose digest and mask function are the same",
            ),
            Self::CipherBlockChaining => f.write_str(
                "the assertion is encrypted by AES-CBC: then the response must be signed, or the provider \
                 allowed it by its settings",
            ),
            Self::NoPrivateKey => {
                f.write_str("the assertion is encrypted, and the provider has no private key")
            }
            Self::Decryption => f.write_str(
                "the assertion could not be decrypted with the provider's private keys, or is no assertion",
            ),
            Self::Time { name, value } => {
                write!(f, "{name} is {}, which is no moment", Quoted(value))
            }
            Self::Expired { name, at, now } => write!(
                f,
                "the assertion is over: {name} is {}, which was {} s ago by the clock here",
                moment(*at),
                now.saturating_sub(*at)
            ),
            Self::NoConfirmation(name) => {
                write!(f, "the assertion's SubjectConfirmationData has no {name}")
            }
            Self::NoFormat => f.write_str("the assertion's NameID has no Format"),
        }
    }
}

impl std::error::Error for SamlFault {}

impl From<XmlFault> for SamlFault {
    fn from(fault: XmlFault) -> Self {
        Self::Xml(fault)
    }
}

fn moment(seconds: Seconds) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}
