//! The readers of certificates, chains and private keys.

use locum_identity::key_material::{Certificate, CertificateFault, private_key_matches};

/// A self-signed certificate on P-256 whose private key is in the corpus.
const KNOWN: &str = include_str!("../../crates/identity/testdata/key_material/secp256r1.pem");

/// Any bytes: as text, and as what stands in PEM of every kind.
pub fn run(data: &[u8]) {
    let known = Certificate::parse(KNOWN).expect("the certificate is one");
    if let Ok(text) = std::str::from_utf8(data) {
        read(text, &known);
    }
    for label in [
        "CERTIFICATE",
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
    ] {
        read(&crate::pem(label, data), &known);
    }
}

fn read(text: &str, known: &Certificate) {
    // A text is a certificate or a private key, not both.
    let key = private_key_matches(text, known).is_ok();
    let chain = known.check_chain(text, known.not_before);
    match Certificate::parse(text) {
        Err(fault) => assert!(matches!(
            fault,
            CertificateFault::Unreadable | CertificateFault::Key | CertificateFault::SelfSignature
        )),
        Ok(read) => {
            assert!(!key);
            let same = Certificate::parse(&text.replace('\n', " \r\n"))
                .expect("line breaks of two bytes mean the same");
            assert_eq!(same.fingerprint(), read.fingerprint());
            if read.not_before <= read.not_after {
                for (at, valid) in [
                    (read.not_before - 1, false),
                    (read.not_before, true),
                    (read.not_after, true),
                    (read.not_after + 1, false),
                ] {
                    assert_eq!(read.check_validity(at).is_ok(), valid);
                }
            }
        }
    }
    // The known certificate is no authority, so nothing has signed it.
    assert!(matches!(chain, Err(CertificateFault::Chain(-1 | 0..))));
}
