//! SSH public keys (RFC 4253, section 6.6; RFC 4251, section 5): RSA, as a line of `authorized_keys` or
//! in PEM.

use data_encoding::BASE64;
use locum_federation::x509::rsa::RsaPublicKey;
use locum_federation::x509::{der, pem};
use md5::{Digest as _, Md5};
use std::ops::RangeInclusive;

const SSH_RSA: &str = "ssh-rsa";
/// Bits of the modulus: AWS's least, and OpenSSH's most.
const SIZES: RangeInclusive<usize> = 2048..=16_384;

/// How a public key is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SshEncoding {
    /// A line of `authorized_keys`: `ssh-rsa`, base64, and a comment.
    Ssh,
    /// `SubjectPublicKeyInfo` in PEM.
    Pem,
}

/// Why a text is no SSH public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SshKeyFault {
    /// It is written in no way that is read here, or is of another type than RSA.
    Unrecognized,
    /// It is not whole, or not a key to use.
    Invalid,
}

/// An RSA public key for SSH, of 2048 to 16,384 bits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SshKey {
    key: RsaPublicKey,
    comment: String,
    /// How it was written.
    pub encoding: SshEncoding,
}

impl SshKey {
    /// Reads a key: an `ssh-rsa` line, or PEM with the label `PUBLIC KEY` or `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// [`SshKeyFault`]
    pub fn parse(text: &str) -> Result<Self, SshKeyFault> {
        let text = pem::trimmed(text);
        if pem::is_meant(text) {
            return Self::from_pem(text);
        }
        let (kind, rest) = text
            .split_once([' ', '\t'])
            .ok_or(SshKeyFault::Unrecognized)?;
        if kind != SSH_RSA {
            return Err(SshKeyFault::Unrecognized);
        }
        Self::from_line(rest).ok_or(SshKeyFault::Invalid)
    }

    fn from_pem(text: &str) -> Result<Self, SshKeyFault> {
        let block = pem::only(text).ok_or(SshKeyFault::Invalid)?;
        let key = match block.label {
            "PUBLIC KEY" => RsaPublicKey::from_spki(&block.contents, &SIZES),
            "RSA PUBLIC KEY" => RsaPublicKey::from_pkcs1(&block.contents, &SIZES),
            _ => return Err(SshKeyFault::Unrecognized),
        };
        Ok(Self {
            key: key.ok_or(SshKeyFault::Invalid)?,
            comment: String::new(),
            encoding: SshEncoding::Pem,
        })
    }

    /// What stands behind the type: base64, and a comment that is shown again.
    fn from_line(rest: &str) -> Option<Self> {
        let rest = rest.trim_start_matches([' ', '\t']);
        let (base64, comment) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let comment = comment.trim_matches([' ', '\t']);
        let blob = BASE64.decode(base64.as_bytes()).ok()?;
        (!comment.contains(char::is_control)).then_some(())?;
        let (kind, rest) = string(&blob)?;
        let (exponent, rest) = string(rest)?;
        let (modulus, rest) = string(rest)?;
        (kind == SSH_RSA.as_bytes() && rest.is_empty()).then_some(())?;
        // A number of SSH (`mpint`) has the form of a number of DER.
        let (exponent, modulus) = (der::positive(exponent)?, der::positive(modulus)?);
        Some(Self {
            key: RsaPublicKey::new(modulus, exponent, &SIZES)?,
            comment: comment.to_owned(),
            encoding: SshEncoding::Ssh,
        })
    }

    /// The key as SSH sends it.
    fn blob(&self) -> Vec<u8> {
        let (exponent, modulus) = (
            der::signed(self.key.exponent()),
            der::signed(self.key.modulus()),
        );
        let mut blob = Vec::with_capacity(modulus.len() + 32);
        for part in [SSH_RSA.as_bytes(), &exponent, &modulus] {
            // Parts of keys in requests are short.
            let length = u32::try_from(part.len()).unwrap_or_default();
            blob.extend_from_slice(&length.to_be_bytes());
            blob.extend_from_slice(part);
        }
        blob
    }

    /// Writes the key. Equal keys are equal texts, but for the comment of a line.
    pub fn write(&self, encoding: SshEncoding) -> String {
        match encoding {
            SshEncoding::Ssh => {
                let line = format!("{SSH_RSA} {} {}", BASE64.encode(&self.blob()), self.comment);
                line.trim_end().to_owned()
            }
            SshEncoding::Pem => pem::write("PUBLIC KEY", &self.key.to_spki()),
        }
    }

    /// The MD5 digest of the key as SSH sends it, which `ssh-keygen -l -E md5` prints too: pairs of
    /// hexadecimal digits with colons between them.
    pub fn fingerprint(&self) -> String {
        let pairs: Vec<_> = Md5::digest(self.blob())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        pairs.join(":")
    }

    /// Whether two are the same key, whatever was said about them.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// A string of SSH: four bytes of length, and so many bytes.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}
