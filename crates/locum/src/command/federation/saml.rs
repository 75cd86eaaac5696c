//! The flags of SAML providers, and responses in files.

use crate::Failure;
use crate::command::input;
use clap::Args;
use data_encoding::BASE64;
use locum_identity::entity::SamlSettings;
use locum_identity::names::{Constrained as _, SamlAssertionText};
use std::path::Path;

/// The longest file with a response, in bytes.
const LONGEST_RESPONSE: u64 = 256 * 1024;

/// What is asked of a provider's responses beyond AWS, and what is let pass; what is not given stays.
#[derive(Args, Clone, Debug)]
pub(super) struct SamlArgs {
    /// Whether an assertion of a SAML provider gets one session at most
    #[arg(long, value_name = "BOOL")]
    saml_single_use: Option<bool>,
    /// Whether SHA-1 counts in its signatures, which can be forged by who has the means
    #[arg(long, value_name = "BOOL")]
    saml_allow_sha1: Option<bool>,
    /// Whether assertions may be encrypted by AES-CBC in responses that are not signed, which lets who can
    /// send them find out what is in others'
    #[arg(long, value_name = "BOOL")]
    saml_allow_cbc: Option<bool>,
}

impl SamlArgs {
    pub(super) fn apply(&self, settings: &mut SamlSettings) {
        let set = |setting: &mut bool, given: Option<bool>| *setting = given.unwrap_or(*setting);
        set(&mut settings.single_use, self.saml_single_use);
        set(&mut settings.allow_sha1, self.saml_allow_sha1);
        set(&mut settings.allow_cbc, self.saml_allow_cbc);
    }
}

/// In a person's words what was said of a provider's responses.
pub(super) fn described(settings: SamlSettings) -> Vec<&'static str> {
    let all = [
        (settings.single_use, "its assertions get one session each"),
        (settings.allow_sha1, "its signatures may be made with SHA-1"),
        (
            settings.allow_cbc,
            "its assertions may be encrypted by AES-CBC in responses that are not signed",
        ),
    ];
    let said = all.into_iter().filter(|(is, _)| *is);
    said.map(|(_, words)| words).collect()
}

/// The response in a file, as XML or as the base64 that browsers post.
pub(super) fn response(path: &Path) -> Result<SamlAssertionText, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("`{}` {what}", path.display()));
    let text = input::read(path, LONGEST_RESPONSE).map_err(|error| wrong(&error))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let encoded = match text.starts_with('<') {
        true => BASE64.encode(text.as_bytes()),
        false => text.to_owned(),
    };
    SamlAssertionText::parse(&encoded)
        .map_err(|_| wrong("has no response of 4 to 100000 characters of base64"))
}
