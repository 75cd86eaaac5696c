//! The verifier of SAML responses: no change of a document makes it say anything else.

use data_encoding::BASE64;
use locum_federation::saml::{Assertion, SamlMetadata, SamlRules, SamlTrust, mentioned_providers};
use std::sync::OnceLock;

/// A response with a signed assertion, and the metadata of who signed it.
const KNOWN: &str = include_str!("../corpus/saml_response.known.xml");
const METADATA: &str = include_str!("../corpus/saml_metadata.known.xml");
/// 2027-01-01T00:00:00Z, when it is good.
const NOW: i64 = 1_798_761_600;

fn trust() -> &'static SamlTrust {
    static TRUST: OnceLock<SamlTrust> = OnceLock::new();
    TRUST.get_or_init(|| {
        SamlTrust::new(&SamlMetadata::parse(METADATA).expect("the metadata is some"))
    })
}

fn verify(text: &[u8]) -> Option<Assertion> {
    let rules = SamlRules {
        allow_sha1: true,
        allow_cbc: true,
        ..SamlRules::default()
    };
    let response = BASE64.encode(text);
    let _ = mentioned_providers(&response, 10);
    trust().verify(&response, rules, NOW).ok()
}

/// Any bytes: as a response, and, where they are `AT COUNT`, a line break and text, as a change of the known
/// one: from that byte on so many are replaced by the text.
pub fn run(data: &[u8]) {
    let known = verify(KNOWN.as_bytes()).expect("the known response is good");
    let changed = change(data).unwrap_or_else(|| data.to_vec());
    if let Some(said) = verify(&changed) {
        assert_eq!(said, known);
    }
}

fn change(data: &[u8]) -> Option<Vec<u8>> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (head, text) = data.split_at(end);
    let (at, count) = std::str::from_utf8(head).ok()?.split_once(' ')?;
    let (at, count): (usize, usize) = (at.parse().ok()?, count.parse().ok()?);
    let before = KNOWN.as_bytes().get(..at)?;
    let after = KNOWN.as_bytes().get(at.checked_add(count)?..)?;
    Some([before, &text[1..], after].concat())
}
