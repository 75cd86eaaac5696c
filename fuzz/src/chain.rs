//! The building of chains: certificates that come along with a request.

use locum_federation::x509::{Certificate, verify_chain};

/// A certificate for signing, the authority that signed it, and that one's.
const KNOWN: &str = include_str!("../corpus/chain.known.pem");
/// 2027-01-01T00:00:00Z
const NOW: i64 = 1_798_761_600;

/// Any bytes: as the certificate that signs, as one that comes along, and as one that is trusted.
pub fn run(data: &[u8]) {
    let known = Certificate::parse_all(KNOWN).expect("the certificates are some");
    let [leaf, between, root] = known.as_slice() else {
        panic!("there are three");
    };
    let anchors = [root.clone()];
    let others = [data.to_vec(), between.der().to_vec()];
    if let Ok(read) = Certificate::from_der(data) {
        assert_eq!(read.der(), data);
        let _ = (
            read.subject.to_string(),
            read.serial.decimal(),
            &read.alternative_names,
        );
        assert_eq!(read.serial.hexadecimal().len() % 2, 0);
        let others = [between.der().to_vec()];
        if verify_chain(&read, &others, &anchors, &[], NOW).is_ok() {
            // The two that the known authority signed, bit for bit.
            let is_known = read.der() == leaf.der() || read.subject.to_string() == "CN=other";
            assert!(is_known);
        }
        // Who is trusted is trusted for name and key, and need not have signed that.
        let is_one = [root, between]
            .iter()
            .any(|one| one.key() == read.key() && one.subject == read.subject);
        let trusted = verify_chain(leaf, &others, &[read], &[], NOW).is_ok();
        assert!(!trusted || is_one);
    }
    // What comes along may be of no use, but it must be a certificate.
    let with_more = verify_chain(leaf, &others, &anchors, &[], NOW).is_ok();
    assert_eq!(with_more, Certificate::from_der(data).is_ok());
    let alone = verify_chain(leaf, &others[..1], &anchors, &[], NOW).is_ok();
    assert_eq!(alone, data == between.der());
}
