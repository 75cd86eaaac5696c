//! The reader of the metadata of SAML providers.

use locum_federation::saml::{SamlMetadata, SamlTrust};

/// Any text: as a document, and as what stands in the element that describes a provider.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    read(text);
    let namespaces = "xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"";
    let protocol = "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"";
    read(&format!(
        "<EntityDescriptor {namespaces} entityID=\"e\"><IDPSSODescriptor {protocol}>{text}</IDPSSODescriptor></EntityDescriptor>"
    ));
}

fn read(text: &str) {
    let Ok(read) = SamlMetadata::parse(text) else {
        return;
    };
    assert!(!read.entity_id.trim().is_empty());
    assert!(!read.signing_certificates.is_empty());
    let of_the_web = |url: &str| {
        let url = url.to_ascii_lowercase();
        url.starts_with("https://") || url.starts_with("http://")
    };
    assert!(
        read.single_sign_on
            .iter()
            .all(|one| of_the_web(&one.location))
    );
    let _ = SamlTrust::new(&read);
    // Line breaks of two bytes mean the same.
    if !text.contains('\r') {
        assert_eq!(SamlMetadata::parse(&text.replace('\n', "\r\n")), Ok(read));
    }
}
