//! The reader of revocation lists.

use locum_federation::x509::{Certificate, RevocationList};

/// A list, and the certificates among which is its authority's.
const KNOWN: &str = include_str!("../corpus/revocation_list.known.pem");
const CERTIFICATES: &str = include_str!("../corpus/chain.known.pem");

/// Any bytes, as DER and in PEM.
pub fn run(data: &[u8]) {
    let known = RevocationList::parse(KNOWN.as_bytes()).expect("the list is one");
    let certificates = Certificate::parse_all(CERTIFICATES).expect("the certificates are some");
    let authority = certificates.get(1).expect("there are three");
    assert!(known.is_signed_by(authority));
    let der = RevocationList::parse(data);
    if std::str::from_utf8(data).is_ok() {
        // It may be a list in PEM, spelled in one of several ways.
        return;
    }
    let pem = RevocationList::parse(crate::pem("X509 CRL", data).as_bytes());
    if let Ok(read) = &der {
        for certificate in &certificates {
            let listed = read.has(&certificate.serial);
            assert!(!listed || !read.is_empty());
            if read.is_signed_by(certificate) {
                // The one that the known authority signed.
                assert_eq!(certificate.der(), authority.der());
                assert_eq!(
                    crate::pem("X509 CRL", data).replace('\n', ""),
                    KNOWN.replace('\n', "")
                );
                assert_eq!(
                    (read.len(), listed),
                    (known.len(), known.has(&certificate.serial))
                );
            }
        }
    }
    assert_eq!(der.is_ok(), pem.is_ok());
}
