//! What OpenSSL and OpenSSH write is read, and nothing that only looks like it.

use super::private_key::{UnreadablePrivateKey, private_key_matches};
use super::ssh::{SshEncoding, SshKey, SshKeyFault};
use super::{Certificate, CertificateFault};
use data_encoding::BASE64;
use locum_federation::x509::der::{self, BIT_STRING, INTEGER, Reader, SEQUENCE};
use locum_federation::x509::{pem, rsa::RsaPublicKey};
use proptest::prelude::*;

macro_rules! stored {
    ($name:literal) => {
        include_str!(concat!("../../testdata/key_material/", $name))
    };
}

/// 2026-01-01T00:00:00Z
const NOW: i64 = 1_767_225_600;
const LEAF: &str = stored!("leaf.pem");

fn contents(text: &str) -> Vec<u8> {
    pem::only(text).unwrap().contents.to_vec()
}

// SSH

#[track_caller]
fn check_ssh(text: &str, fault: SshKeyFault) {
    assert_eq!(SshKey::parse(text), Err(fault), "{text}");
}

/// An `ssh-rsa` line of these strings behind the type.
fn line(parts: &[&[u8]]) -> String {
    let mut blob = Vec::new();
    for part in [&b"ssh-rsa"[..]].iter().chain(parts) {
        blob.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend_from_slice(part);
    }
    format!("ssh-rsa {}", BASE64.encode(&blob))
}

/// An odd number of so many bits, as `mpint`.
fn modulus(bits: usize) -> Vec<u8> {
    let mut magnitude = vec![0xff; bits.div_ceil(8)];
    magnitude[0] >>= (8 - bits % 8) % 8;
    der::signed(&magnitude)
}

const E: &[u8] = &[1, 0, 1];

#[test]
fn every_encoding_of_a_key_is_the_same_key() {
    let texts = [
        stored!("ssh.pub"),
        stored!("ssh.pub.pem"),
        stored!("ssh.pkcs1.pem"),
    ];
    for text in texts {
        for text in [
            text.to_owned(),
            text.replace('\n', "\r\n"),
            format!("\n {text} \n"),
        ] {
            let key = SshKey::parse(&text).unwrap();
            assert!(key.is_same_key(&SshKey::parse(texts[0]).unwrap()), "{text}");
            assert_eq!(key.fingerprint(), stored!("ssh.md5").trim());
            assert_eq!(key.write(SshEncoding::Pem), stored!("ssh.pub.pem"));
            let line = texts[0].split_whitespace().take(2).collect::<Vec<_>>();
            let written = key.write(SshEncoding::Ssh);
            assert_eq!(written.split(' ').take(2).collect::<Vec<_>>(), line);
        }
    }
}

#[test]
fn a_comment_is_kept_and_makes_no_other_key() {
    let plain = line(&[E, &modulus(2048)]);
    let key = SshKey::parse(&plain).unwrap();
    assert_eq!(key.write(SshEncoding::Ssh), plain);
    for (behind, comment) in [(" a b", " a b"), ("\té\t", " é"), ("  ", "")] {
        let other = SshKey::parse(&format!("{plain}{behind}")).unwrap();
        assert!(other.is_same_key(&key));
        assert_eq!(other.write(SshEncoding::Ssh), format!("{plain}{comment}"));
    }
    for behind in [" a\nb", " a\r\nssh-rsa AAAA", " a\u{85}b", " \u{7f}"] {
        check_ssh(&format!("{plain}{behind}"), SshKeyFault::Invalid);
    }
}

#[test]
fn sizes_of_ssh_keys() {
    for bits in [2048, 2049, 3072, 4096, 16_384] {
        assert!(SshKey::parse(&line(&[E, &modulus(bits)])).is_ok(), "{bits}");
    }
    for bits in [8, 1024, 2040, 2047, 16_385, 65_536] {
        check_ssh(&line(&[E, &modulus(bits)]), SshKeyFault::Invalid);
    }
    check_ssh(stored!("rsa1024.pub"), SshKeyFault::Invalid);
}

#[test]
fn numbers_that_no_rsa_key_has() {
    let n = modulus(2048);
    let even: Vec<u8> = [&n[..n.len() - 1], &[0xfe]].concat();
    for parts in [
        // Exponents: zero, one, even, negative, with a byte too many, too long, none.
        [&[0][..], &n],
        [&[1], &n],
        [&[2], &n],
        [&[0xff], &n],
        [&[0x81], &n],
        [&[0, 3], &n],
        [&[1; 9], &n],
        [&[], &n],
        // Moduli: even, negative, with a byte too many, none.
        [E, &even],
        [E, &n[1..]],
        [E, &[&[0], &n[..]].concat()],
        [E, &[]],
    ] {
        check_ssh(&line(&parts), SshKeyFault::Invalid);
    }
    assert!(SshKey::parse(&line(&[&[3], &n])).is_ok());
    // Neither too few parts nor too many.
    check_ssh(&line(&[E]), SshKeyFault::Invalid);
    check_ssh(&line(&[E, &n, &[]]), SshKeyFault::Invalid);
    // The type inside says the same as the type outside.
    let inner = line(&[E, &n]).replace("ssh-rsa AAAAB3NzaC1yc2", "ssh-rsa AAAAB3NzaC1kc3");
    assert!(inner.contains("AAAAB3NzaC1kc3"));
    check_ssh(&inner, SshKeyFault::Invalid);
}

#[test]
fn other_keys_and_encodings() {
    let key = line(&[E, &modulus(2048)]);
    for text in [
        stored!("ed25519.pub"),
        stored!("ecdsa.pub"),
        stored!("leaf.key"),
        LEAF,
        "",
        "ssh-rsa",
        "ssh-rsa  ",
        "AAAAB3NzaC1yc2EAAAA",
        &key.replacen("ssh-rsa", "SSH-RSA", 1),
        &key.replacen("ssh-rsa ", "", 1),
        &key.replacen("ssh-rsa", "ssh-dss", 1),
        &format!("no-pty {key}"),
        "---- BEGIN SSH2 PUBLIC KEY ----",
    ] {
        check_ssh(text, SshKeyFault::Unrecognized);
    }
    for text in [
        "ssh-rsa x",
        "ssh-rsa !!!!",
        &key.replacen("AAAA", "A A AA", 1),
        // What base64 leaves over is zero.
        &format!("{}=", key.trim_end_matches('=')),
        &stored!("ssh.pub.pem").replace("END PUBLIC", "END RSA PUBLIC"),
        &stored!("ssh.pub.pem").replace("PUBLIC KEY", "RSA PUBLIC KEY"),
        &stored!("ssh.pkcs1.pem").replace("RSA PUBLIC KEY", "PUBLIC KEY"),
        &stored!("ssh.pub.pem").repeat(2),
        &format!("{}x", stored!("ssh.pub.pem")),
        &pem::write("PUBLIC KEY", b"x"),
    ] {
        check_ssh(text, SshKeyFault::Invalid);
    }
}

proptest! {
    #[test]
    fn a_key_that_is_read_is_read_again(
        magnitude in prop::collection::vec(any::<u8>(), 250..600),
        exponent in prop::collection::vec(any::<u8>(), 1..10),
    ) {
        let text = line(&[&der::signed(&exponent), &der::signed(&magnitude)]);
        if let Ok(key) = SshKey::parse(&text) {
            for encoding in [SshEncoding::Ssh, SshEncoding::Pem] {
                let again = SshKey::parse(&key.write(encoding)).unwrap();
                prop_assert!(again.is_same_key(&key));
                prop_assert_eq!(again.fingerprint(), key.fingerprint());
            }
            prop_assert_eq!(key.write(SshEncoding::Ssh), text);
        }
    }

    #[test]
    fn a_cut_or_flipped_key_is_no_key_or_another(at in 0usize..420, bit in 0u8..7, cut in any::<bool>()) {
        for text in [stored!("ssh.pub").split_once(" ann").unwrap().0, stored!("ssh.pub.pem")] {
            let key = SshKey::parse(text).unwrap();
            let mut bytes = text.trim_end().as_bytes().to_vec();
            let at = at % bytes.len();
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << bit;
            }
            if let Ok(other) = SshKey::parse(std::str::from_utf8(&bytes).unwrap()) {
                // A blank that became a tab means the same; all else is another modulus.
                prop_assert!(!other.is_same_key(&key) || !text.as_bytes()[at].is_ascii_alphanumeric());
            }
        }
    }
}

// PEM

#[test]
fn pem_holds_nothing_but_its_blocks() {
    let text = stored!("root.pem");
    let two = format!("{text}\n\r\n{LEAF}");
    assert_eq!(pem::blocks(&two).unwrap().len(), 2);
    assert_eq!(pem::write("CERTIFICATE", &contents(text)), text);
    let body = text.lines().nth(1).unwrap();
    for text in [
        String::new(),
        "\n".to_owned(),
        format!("subject=CN = root\n{text}"),
        format!("{text}subject=CN = root"),
        format!("{text}\nbetween\n{text}"),
        text.replacen('\n', "\nProc-Type: 4,ENCRYPTED\n\n", 1),
        text.replacen('\n', "\n\n", 1),
        text.replace("END CERTIFICATE", "END X509 CRL"),
        text.replace("-----END", "----END"),
        text.replace("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE----"),
        text.replace(body, body.split_at(1).1),
        text.replace(body, &body.replacen(char::is_alphanumeric, "*", 1)),
        text.replace(body, &format!("\u{a0}{body}")),
        text.replace('\n', "\r"),
        text.replace("-----END CERTIFICATE-----", ""),
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----".to_owned(),
    ] {
        assert!(pem::blocks(&text).is_none(), "{text}");
    }
    for text in [two, format!("{text}{text}")] {
        assert!(pem::only(&text).is_none());
    }
}

// DER

#[test]
fn der_has_one_encoding_for_a_value() {
    #[track_caller]
    fn check(hex: &str, is_der: bool) {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE
            .decode(hex.replace(' ', "").as_bytes())
            .unwrap();
        assert_eq!(der::is_one_value(&bytes), is_der, "{hex}");
    }
    for hex in [
        "05 00",
        "30 00",
        "31 03 02 01 00",
        "30 06 02 01 7f 02 01 80",
        "02 02 00 80",
        "02 02 ff 7f",
        "01 01 ff",
        "03 01 00",
        "03 02 07 80",
        "a0 03 02 01 02",
        "81 02 ff ff",
        "06 03 2a 86 48",
        "04 00",
    ] {
        check(hex, true);
    }
    for hex in [
        "",
        "05",
        "05 00 00",
        "05 00 05 00",
        "05 01 00",
        "30 80 00 00",
        "30 81 00",
        "30 81 03 02 01 00",
        "30 82 00 00",
        "30 85 00 00 00 00 00",
        "30 84 ff ff ff ff",
        "30 01 02",
        "30 03 02 01",
        "10 00",
        "11 00",
        "22 03 02 01 00",
        "24 02 04 00",
        "02 00",
        "02 02 00 7f",
        "02 02 ff 80",
        "0a 02 00 01",
        "01 01 01",
        "01 00",
        "03 00",
        "03 01 01",
        "03 02 08 00",
        "03 02 07 c0",
        "06 00",
        "06 01 80",
        "1f 1f 00",
        "bf 20 00",
        "a0 02 02 00",
        "70 00",
        "f0 00",
        "42 01 00",
        "c2 01 00",
    ] {
        check(hex, false);
    }
    let deep = (0..40).fold(vec![5, 0], |inner, _| der::encode(SEQUENCE, &[&inner]));
    assert!(!der::is_one_value(&deep));
    let long = der::encode(SEQUENCE, &[&der::encode(4, &[&vec![7; 70_000]])]);
    assert!(der::is_one_value(&long));
}

// Certificates

#[track_caller]
fn check(text: &str, fault: CertificateFault) {
    assert_eq!(Certificate::parse(text).map(drop), Err(fault), "{text}");
}

#[test]
fn certificates_of_every_kind_of_key() {
    for text in [
        LEAF,
        stored!("root.pem"),
        stored!("secp256r1.pem"),
        stored!("secp384r1.pem"),
        stored!("secp521r1.pem"),
    ] {
        let certificate = Certificate::parse(text).unwrap();
        assert_eq!(certificate.check_validity(NOW), Ok(()));
        let same = Certificate::parse(&text.replace('\n', " \r\n")).unwrap();
        assert_eq!(same.fingerprint(), certificate.fingerprint());
    }
    for text in [
        stored!("rsa1024.pem"),
        stored!("ed25519.pem"),
        stored!("secp256k1.pem"),
    ] {
        check(text, CertificateFault::Key);
    }
    check(stored!("forged.pem"), CertificateFault::SelfSignature);
    check(stored!("sha1.pem"), CertificateFault::SelfSignature);
    for text in [
        &format!("{LEAF}{}", stored!("above.pem")),
        &format!("Certificate:\n{LEAF}"),
        &LEAF.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        &LEAF.replace("CERTIFICATE", "X509 CERTIFICATE"),
        stored!("leaf.key"),
        stored!("ssh.pub"),
        "x",
    ] {
        check(text, CertificateFault::Unreadable);
    }
}

#[test]
fn the_ends_of_the_validity_belong_to_it() {
    let certificate = Certificate::parse(stored!("expired.pem")).unwrap();
    let (first, last) = (certificate.not_before, certificate.not_after);
    for (at, expected) in [
        (first - 1, Err(CertificateFault::NotYetValid)),
        (first, Ok(())),
        (last, Ok(())),
        (last + 1, Err(CertificateFault::Expired)),
        (NOW, Err(CertificateFault::Expired)),
    ] {
        assert_eq!(certificate.check_validity(at), expected, "{at}");
    }
}

/// The leaf with another serial number, which nobody signed.
fn with_serial(serial: &[u8]) -> String {
    let bytes = contents(LEAF);
    let mut outer = Reader::new(der::only(SEQUENCE, &bytes).unwrap());
    let signed = outer.value(SEQUENCE).unwrap();
    // The version stands in front, the signature's algorithm behind.
    let (version, rest) = signed.split_at(5);
    let mut rest = Reader::new(rest);
    let old = rest.value(INTEGER).unwrap();
    let behind = &signed[5 + 2 + old.len()..];
    let signed = der::encode(
        SEQUENCE,
        &[version, &der::encode(INTEGER, &[serial]), behind],
    );
    let algorithm = der::encode(SEQUENCE, &[outer.value(SEQUENCE).unwrap()]);
    let signature = der::encode(BIT_STRING, &[outer.value(BIT_STRING).unwrap()]);
    let whole = der::encode(SEQUENCE, &[&signed, &algorithm, &signature]);
    pem::write("CERTIFICATE", &whole)
}

#[test]
fn serial_numbers() {
    for serial in [&[0][..], &[1], &[0, 0x80], &[0x7f; 20]] {
        assert!(
            Certificate::parse(&with_serial(serial)).is_ok(),
            "{serial:?}"
        );
    }
    for serial in [
        &[0x7f; 1000][..],
        &[0x7f; 21],
        &[0xff],
        &[0x80, 0],
        &[0, 1],
        &[],
    ] {
        check(&with_serial(serial), CertificateFault::Unreadable);
    }
}

#[test]
fn a_certificate_has_no_second_spelling() {
    let bytes = contents(LEAF);
    let inner = der::only(SEQUENCE, &bytes).unwrap();
    let length = u32::try_from(inner.len()).unwrap().to_be_bytes();
    for spelling in [
        [&[SEQUENCE, 0x80][..], inner, &[0, 0]].concat(),
        [&[SEQUENCE, 0x83], &length[1..], inner].concat(),
        [&[SEQUENCE, 0x84], &length[..], inner].concat(),
        [&bytes[..], &[0]].concat(),
        [&bytes[..], &[5, 0]].concat(),
        [&[0x70], &bytes[1..]].concat(),
        [&[0xb0], &bytes[1..]].concat(),
        [&bytes[..4], &[0xb0], &bytes[5..]].concat(),
        bytes[..bytes.len() - 1].to_vec(),
    ] {
        check(
            &pem::write("CERTIFICATE", &spelling),
            CertificateFault::Unreadable,
        );
    }
    assert_eq!(der::encode(SEQUENCE, &[inner]), bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_cut_or_flipped_certificate_never_panics(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
        for text in [LEAF, stored!("secp256r1.pem")] {
            let whole = contents(text);
            let mut bytes = whole.clone();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << bit;
            }
            let read = Certificate::parse(&pem::write("CERTIFICATE", &bytes));
            if let Ok(read) = read {
                // Nobody's key at hand signed the leaf, nor what no longer says that it is self-signed.
                prop_assert!(!cut);
                prop_assert_ne!(read.fingerprint(), Certificate::parse(text).unwrap().fingerprint());
                prop_assert_eq!(
                    read.check_chain(stored!("above.pem"), NOW),
                    Err(CertificateFault::Chain(-1))
                );
            }
        }
    }
}

// Chains

#[test]
fn a_chain_is_in_order_and_signs() {
    let leaf = Certificate::parse(LEAF).unwrap();
    let (above, root) = (stored!("above.pem"), stored!("root.pem"));
    let plain = stored!("above.plain.pem");
    for (chain, expected) in [
        (above.to_owned(), None),
        (format!("{above}{root}"), None),
        (format!("{above}\r\n{root}\r\n"), None),
        (format!("{above}{root}{root}"), None),
        // The wrong order, the certificate itself, a gap.
        (format!("{root}{above}"), Some(-1)),
        (format!("{LEAF}{above}"), Some(0)),
        (root.to_owned(), Some(-1)),
        (format!("{above}{above}"), Some(0)),
        // The right name, and another key, no authority, or no longer valid.
        (stored!("above.other.pem").to_owned(), Some(-1)),
        (plain.to_owned(), Some(0)),
        (format!("{above}{plain}"), Some(1)),
        (stored!("above.expired.pem").to_owned(), Some(0)),
        (format!("{above}{}", stored!("forged.pem")), Some(1)),
        (format!("{above}{}", stored!("rsa1024.pem")), Some(1)),
        // What is no chain.
        (format!("text\n{above}"), Some(-1)),
        ("x".to_owned(), Some(-1)),
        (stored!("leaf.key").to_owned(), Some(0)),
        (format!("{above}{}", root.repeat(10)), Some(-1)),
    ] {
        let expected = match expected {
            None => Ok(()),
            Some(index) => Err(CertificateFault::Chain(index)),
        };
        assert_eq!(leaf.check_chain(&chain, NOW), expected, "{chain}");
    }
    let root = Certificate::parse(root).unwrap();
    assert_eq!(root.check_chain(stored!("root.pem"), NOW), Ok(()));
}

// Private keys

#[test]
fn private_keys_in_every_form() {
    let keys = [
        (LEAF, stored!("leaf.key"), stored!("leaf.pkcs1.key")),
        (
            stored!("secp256r1.pem"),
            stored!("secp256r1.key"),
            stored!("secp256r1.sec1.key"),
        ),
        (
            stored!("secp384r1.pem"),
            stored!("secp384r1.key"),
            stored!("secp384r1.sec1.key"),
        ),
        (
            stored!("secp521r1.pem"),
            stored!("secp521r1.key"),
            stored!("secp521r1.sec1.key"),
        ),
    ];
    for (certificate, ..) in keys {
        let read = Certificate::parse(certificate).unwrap();
        for (owner, pkcs8, own) in keys {
            for text in [pkcs8, own] {
                let same = owner == certificate;
                assert_eq!(private_key_matches(text, &read), Ok(same), "{text}");
                assert_eq!(
                    private_key_matches(&text.replace('\n', "\r\n"), &read),
                    Ok(same)
                );
            }
        }
        assert_eq!(private_key_matches(stored!("other.key"), &read), Ok(false));
    }
}

#[test]
fn what_is_no_private_key() {
    let leaf = Certificate::parse(LEAF).unwrap();
    let key = stored!("leaf.key");
    let behind = [contents(key), vec![5, 0]].concat();
    for text in [
        "x",
        "",
        LEAF,
        stored!("ssh.pub.pem"),
        stored!("leaf.encrypted.key"),
        stored!("leaf.encrypted.pkcs1.key"),
        stored!("ed25519.key"),
        stored!("secp256k1.key"),
        &key.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
        &key.replace("PRIVATE KEY", "EC PRIVATE KEY"),
        &key.replace("PRIVATE KEY", "ANY PRIVATE KEY"),
        &stored!("leaf.pkcs1.key").replace("RSA PRIVATE KEY", "PRIVATE KEY"),
        &stored!("secp256r1.sec1.key").replace("EC PRIVATE KEY", "PRIVATE KEY"),
        &key.repeat(2),
        &format!("{key}{LEAF}"),
        &pem::write("PRIVATE KEY", &behind),
    ] {
        assert_eq!(
            private_key_matches(text, &leaf),
            Err(UnreadablePrivateKey),
            "{text}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_cut_or_flipped_private_key_never_panics(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
        for (certificate, text, label) in [
            (LEAF, stored!("leaf.key"), "PRIVATE KEY"),
            (LEAF, stored!("leaf.pkcs1.key"), "RSA PRIVATE KEY"),
            (stored!("secp256r1.pem"), stored!("secp256r1.sec1.key"), "EC PRIVATE KEY"),
        ] {
            let mut bytes = contents(text);
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << bit;
            }
            let certificate = Certificate::parse(certificate).unwrap();
            let read = private_key_matches(&pem::write(label, &bytes), &certificate);
            prop_assert!(!cut || read == Err(UnreadablePrivateKey));
        }
    }
}

#[test]
fn a_public_key_is_written_as_it_was_read() {
    let bytes = contents(stored!("ssh.pub.pem"));
    let key = RsaPublicKey::from_spki(&bytes, &(2048..=2048)).unwrap();
    assert_eq!(key.to_spki(), bytes);
    assert_eq!(key.to_pkcs1(), contents(stored!("ssh.pkcs1.pem")));
    assert_eq!(RsaPublicKey::from_spki(&bytes, &(3072..=4096)), None);
}
