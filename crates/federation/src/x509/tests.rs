//! Chains and revocation lists of an authority made for each test.

use super::*;
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CustomExtension, DnType, DnValue, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519,
    RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm, date_time_ymd,
};

/// 2026-06-01T00:00:00Z
const NOW: i64 = 1_780_272_000;

/// A key with what its certificate says.
struct Party {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

impl Party {
    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn workload(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.serial_number = Some(SerialNumber::from(77));
    params
}

fn made(
    params: CertificateParams,
    algorithm: &'static SignatureAlgorithm,
    by: Option<&Party>,
) -> Party {
    with_key(params, KeyPair::generate_for(algorithm).unwrap(), by)
}

fn with_key(params: CertificateParams, key: KeyPair, by: Option<&Party>) -> Party {
    let made = match by {
        Some(by) => params.signed_by(&key, &by.issuer()),
        None => params.self_signed(&key),
    };
    let certificate = Certificate::from_der(made.unwrap().der()).unwrap();
    Party {
        params,
        key,
        certificate,
    }
}

fn root() -> Party {
    made(authority("root"), &PKCS_ECDSA_P256_SHA256, None)
}

fn below(params: CertificateParams, by: &Party) -> Party {
    made(params, &PKCS_ECDSA_P256_SHA256, Some(by))
}

fn verified(leaf: &Party, others: &[&Party], anchors: &[&Party]) -> Result<Path, ChainFault> {
    verified_with(leaf, others, anchors, &[])
}

fn verified_with(
    leaf: &Party,
    others: &[&Party],
    anchors: &[&Party],
    lists: &[RevocationList],
) -> Result<Path, ChainFault> {
    let others: Vec<Vec<u8>> = others.iter().map(|one| one.der()).collect();
    let anchors: Vec<_> = anchors.iter().map(|one| one.certificate.clone()).collect();
    verify_chain(&leaf.certificate, &others, &anchors, lists, NOW)
}

fn no_path(why: &str) -> ChainFault {
    ChainFault::NoPath(why.to_owned())
}

const NO_ISSUER: &str = "no certificate at hand is its issuer's";

#[track_caller]
fn refused(result: Result<Path, ChainFault>, fault: &ChainFault) {
    assert_eq!(result.map(drop), Err(fault.clone()));
}

#[test]
fn a_chain_leads_to_an_anchor_in_whatever_order_it_came() {
    let root = root();
    let one = made(authority("one"), &PKCS_ECDSA_P384_SHA384, Some(&root));
    let two = made(authority("two"), &PKCS_ECDSA_P521_SHA512, Some(&one));
    let leaf = below(workload("leaf"), &two);
    let stranger = below(authority("stranger"), &root);
    for others in [
        &[&one, &two][..],
        &[&two, &one],
        &[&two, &one, &root],
        &[&stranger, &two, &leaf, &one],
        &[&two, &two, &one],
    ] {
        let path = verified(&leaf, others, &[&root]).unwrap();
        let names: Vec<String> = path
            .certificates
            .iter()
            .map(|one| one.subject.to_string())
            .collect();
        assert_eq!(names, ["CN=leaf", "CN=two", "CN=one", "CN=root"]);
    }
    // An authority in the middle may be trusted, and need not come along.
    assert_eq!(verified(&leaf, &[], &[&two]).unwrap().certificates.len(), 2);
    refused(verified(&leaf, &[&two], &[&root]), &no_path(NO_ISSUER));
    refused(
        verified(&leaf, &[&one, &two], &[&stranger]),
        &no_path(NO_ISSUER),
    );
    let many = [&one, &two, &root, &stranger, &stranger, &stranger];
    refused(verified(&leaf, &many, &[&root]), &ChainFault::TooLong);
}

#[test]
fn cross_signed_authorities_and_loops() {
    let (old, new) = (
        root(),
        made(authority("new"), &PKCS_ECDSA_P256_SHA256, None),
    );
    // The new root's key, certified by the old one.
    let key = KeyPair::try_from(new.key.serialize_der()).unwrap();
    let crossed = with_key(authority("new"), key, Some(&old));
    let leaf = below(workload("leaf"), &new);
    for anchor in [&old, &new] {
        assert!(verified(&leaf, &[&crossed], &[anchor]).is_ok());
    }
    // Two authorities that certify each other, and nobody else does.
    let (a, b) = (
        made(authority("a"), &PKCS_ECDSA_P256_SHA256, None),
        made(authority("b"), &PKCS_ECDSA_P256_SHA256, None),
    );
    let key = |party: &Party| KeyPair::try_from(party.key.serialize_der()).unwrap();
    let a_by_b = with_key(authority("a"), key(&a), Some(&b));
    let b_by_a = with_key(authority("b"), key(&b), Some(&a));
    let leaf = below(workload("leaf"), &a);
    refused(
        verified(&leaf, &[&a_by_b, &b_by_a], &[&old]),
        &no_path(NO_ISSUER),
    );
}

#[test]
fn the_certificate_that_signs_is_what_it_must_be() {
    let root = root();
    let check = |change: fn(&mut CertificateParams), fault: ChainFault| {
        let mut params = workload("leaf");
        change(&mut params);
        refused(verified(&below(params, &root), &[], &[&root]), &fault);
    };
    check(
        |leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        ChainFault::Requirement(Requirement::NoAuthority),
    );
    check(
        |leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
        ChainFault::Requirement(Requirement::DigitalSignature),
    );
    check(
        |leaf| leaf.key_usages.clear(),
        ChainFault::Requirement(Requirement::DigitalSignature),
    );
    check(
        |leaf| leaf.distinguished_name = rcgen::DistinguishedName::new(),
        ChainFault::Requirement(Requirement::Subject),
    );
    check(
        |leaf| leaf.not_after = date_time_ymd(2026, 5, 31),
        ChainFault::Expired {
            until: NOW - 86_400,
            now: NOW,
        },
    );
    check(
        |leaf| leaf.not_before = date_time_ymd(2026, 6, 2),
        ChainFault::NotYetValid {
            from: NOW + 86_400,
            now: NOW,
        },
    );
    check(
        |leaf| {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![0x05, 0x00]);
            extension.set_criticality(true);
            leaf.custom_extensions.push(extension);
        },
        no_path("a certificate has a critical extension that is not understood"),
    );
    // What does not matter.
    let mut params = workload("leaf");
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert!(verified(&below(params, &root), &[], &[&root]).is_ok());
}

#[test]
fn the_ends_of_a_validity_belong_to_it() {
    let root = root();
    let mut params = workload("leaf");
    params.not_before = date_time_ymd(2026, 6, 1);
    params.not_after = date_time_ymd(2026, 6, 1);
    let leaf = below(params, &root).certificate;
    let anchors = [root.certificate];
    for (at, good) in [(NOW - 1, false), (NOW, true), (NOW + 1, false)] {
        let verified = verify_chain(&leaf, &[], &anchors, &[], at);
        assert_eq!(verified.is_ok(), good, "{at}");
    }
}

#[test]
fn anchors_are_authorities_and_valid() {
    let check = |params: CertificateParams, fault: AnchorFault| {
        let anchor = made(params, &PKCS_ECDSA_P256_SHA256, None);
        let leaf = below(workload("leaf"), &anchor);
        let expected = ChainFault::NoAnchor(vec![fault]);
        refused(verified(&leaf, &[], &[&anchor]), &expected);
    };
    check(workload("root"), AnchorFault::NoAuthority);
    let mut without = authority("root");
    without.key_usages = vec![KeyUsagePurpose::CrlSign];
    check(without, AnchorFault::NoAuthority);
    let mut silent = authority("root");
    silent.key_usages.clear();
    check(silent, AnchorFault::NoAuthority);
    let mut expired = authority("root");
    expired.not_after = date_time_ymd(2026, 5, 31);
    check(expired, AnchorFault::Expired);
    let mut early = authority("root");
    early.not_before = date_time_ymd(2026, 6, 2);
    check(early, AnchorFault::NotYetValid);
}

#[test]
fn authorities_between_are_authorities_and_valid() {
    let root = root();
    let check = |params: CertificateParams, why: &str| {
        let between = below(params, &root);
        let leaf = below(workload("leaf"), &between);
        refused(verified(&leaf, &[&between], &[&root]), &no_path(why));
    };
    let none = "a certificate of the path is no certification authority's that signs certificates";
    check(workload("between"), none);
    let mut without = authority("between");
    without.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    check(without, none);
    let mut expired = authority("between");
    expired.not_after = date_time_ymd(2026, 5, 31);
    check(expired, "a certificate of the path has expired");
    let mut early = authority("between");
    early.not_before = date_time_ymd(2026, 6, 2);
    check(early, "a certificate of the path is not valid yet");
}

#[test]
fn path_lengths_bind_anchors_too() {
    let long = "the path is longer than an authority allows";
    let constrained = |name: &str, most: u8| {
        let mut params = authority(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(most));
        params
    };
    let root = root();
    let one = below(constrained("one", 0), &root);
    let two = below(authority("two"), &one);
    assert!(verified(&below(workload("leaf"), &one), &[&one], &[&root]).is_ok());
    let leaf = below(workload("leaf"), &two);
    refused(verified(&leaf, &[&one, &two], &[&root]), &no_path(long));
    let narrow = made(constrained("narrow", 0), &PKCS_ECDSA_P256_SHA256, None);
    assert!(verified(&below(workload("leaf"), &narrow), &[], &[&narrow]).is_ok());
    let between = below(authority("between"), &narrow);
    let leaf = below(workload("leaf"), &between);
    refused(verified(&leaf, &[&between], &[&narrow]), &no_path(long));
}

#[test]
fn name_constraints_bind_who_stands_below() {
    let violated = "a name is not one that an authority may certify";
    let constrained = |permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>| {
        let mut params = authority("between");
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted,
            excluded_subtrees: excluded,
        });
        params
    };
    let named = |dns: &str| {
        let mut params = workload("leaf");
        let name = SanType::DnsName(dns.try_into().unwrap());
        params.subject_alt_names = vec![name];
        params
    };
    let root = root();
    let dns = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let between = below(
        constrained(vec![dns("example.com")], vec![dns("secret.example.com")]),
        &root,
    );
    for (name, good) in [
        ("a.example.com", true),
        ("a.secret.example.com", false),
        ("a.example.org", false),
        ("example.com.evil.org", false),
    ] {
        let leaf = below(named(name), &between);
        let result = verified(&leaf, &[&between], &[&root]);
        assert_eq!(
            result.map(drop),
            if good { Ok(()) } else { Err(no_path(violated)) },
            "{name}"
        );
    }
    // The anchor's own bind, too.
    let anchor = made(
        constrained(vec![dns("example.com")], vec![]),
        &PKCS_ECDSA_P256_SHA256,
        None,
    );
    let leaf = below(named("a.example.org"), &anchor);
    refused(verified(&leaf, &[], &[&anchor]), &no_path(violated));
    // Kinds of names that are not compared.
    let directory = GeneralSubtree::DirectoryName(params("x").distinguished_name);
    let between = below(constrained(vec![directory], vec![]), &root);
    let leaf = below(workload("leaf"), &between);
    refused(verified(&leaf, &[&between], &[&root]), &no_path(violated));
}

#[test]
fn only_the_issuers_key_signs() {
    let (root, other) = (root(), root());
    // The right name, and another key.
    let leaf = below(workload("leaf"), &other);
    let forged = no_path("a signature is not that of the issuer's key");
    refused(verified(&leaf, &[], &[&root]), &forged);
    assert!(verified(&leaf, &[], &[&root, &other]).is_ok());
    refused(verified(&leaf, &[], &[]), &ChainFault::NoAnchor(vec![]));
    // A certificate that signed itself is nobody's.
    let own = made(workload("root"), &PKCS_ECDSA_P256_SHA256, None);
    refused(verified(&own, &[&own], &[&root]), &forged);
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let made = workload("leaf").signed_by(&key, &root.issuer()).unwrap();
    let fault = Certificate::from_der(made.der()).map(drop);
    assert_eq!(fault, Err(CertificateFault::Key));
}

#[test]
fn a_chain_that_cannot_be_read_is_refused_whole() {
    let root = root();
    let leaf = below(workload("leaf"), &root).certificate;
    let anchors = [root.certificate.clone()];
    let others = [root.der(), b"x".to_vec()];
    assert_eq!(
        verify_chain(&leaf, &others, &anchors, &[], NOW).map(drop),
        Err(ChainFault::Unreadable(1, CertificateFault::Unreadable))
    );
}

// Revocation lists

fn list_params(serials: &[u64]) -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 5, 1),
        next_update: date_time_ymd(2026, 7, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: date_time_ymd(2026, 5, 1),
                reason_code: None,
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

fn list(params: &CertificateRevocationListParams, by: &Party) -> RevocationList {
    let signed = params.clone().signed_by(&by.issuer()).unwrap();
    let pem = RevocationList::parse(signed.pem().unwrap().as_bytes()).unwrap();
    let der = RevocationList::parse(signed.der()).unwrap();
    assert_eq!(pem.len(), der.len());
    der
}

#[test]
fn a_certificate_on_a_list_of_its_issuer_is_refused() {
    let root = root();
    let between = below(authority("between"), &root);
    let leaf = below(workload("leaf"), &between);
    let revoked = |list: RevocationList| verified_with(&leaf, &[&between], &[&root], &[list]);
    assert!(revoked(list(&list_params(&[76, 78]), &between)).is_ok());
    let fault = ChainFault::Revoked {
        subject: "CN=leaf".to_owned(),
        serial: "4d".to_owned(),
    };
    refused(revoked(list(&list_params(&[1, 77]), &between)), &fault);
    // Another authority's certificates have numbers of their own.
    assert!(revoked(list(&list_params(&[77]), &root)).is_ok());
    // A list after one that does not have it.
    let lists = [
        list(&list_params(&[]), &between),
        list(&list_params(&[77]), &between),
    ];
    refused(verified_with(&leaf, &[&between], &[&root], &lists), &fault);
}

#[test]
fn a_revoked_authority_revokes_all_below() {
    let root = root();
    let mut params = authority("between");
    params.serial_number = Some(SerialNumber::from(5));
    let between = below(params, &root);
    let leaf = below(workload("leaf"), &between);
    let lists = [list(&list_params(&[5]), &root)];
    refused(
        verified_with(&leaf, &[&between], &[&root], &lists),
        &ChainFault::Revoked {
            subject: "CN=between".to_owned(),
            serial: "05".to_owned(),
        },
    );
}

#[test]
fn lists_that_are_over_or_forged_let_nobody_in() {
    let (root, other) = (root(), root());
    let leaf = below(workload("leaf"), &root);
    let mut over = list_params(&[]);
    over.next_update = date_time_ymd(2026, 5, 31);
    let fault = ChainFault::StaleRevocationList {
        issuer: "CN=root".to_owned(),
        valid: (1_777_593_600, NOW - 86_400),
        now: NOW,
    };
    let lists = [list(&over, &root)];
    refused(verified_with(&leaf, &[], &[&root], &lists), &fault);
    let lists = [list(&list_params(&[]), &other)];
    let fault = ChainFault::ForgedRevocationList {
        issuer: "CN=root".to_owned(),
    };
    refused(verified_with(&leaf, &[], &[&root], &lists), &fault);
    // The other one of that name is an authority, too. It need not speak for all.
    let lists = [list(&list_params(&[76]), &other)];
    assert!(verified_with(&leaf, &[], &[&root, &other], &lists).is_ok());
    // But an authority that has a new key revokes with it what it signed with the old one.
    let lists = [list(&list_params(&[77]), &other)];
    let revoked = ChainFault::Revoked {
        subject: "CN=leaf".to_owned(),
        serial: "4d".to_owned(),
    };
    refused(
        verified_with(&leaf, &[], &[&root, &other], &lists),
        &revoked,
    );
    // Who may not sign lists signed none.
    let mut params = authority("mute");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mute = made(params, &PKCS_ECDSA_P256_SHA256, None);
    let speaking = Party {
        params: authority("mute"),
        key: KeyPair::try_from(mute.key.serialize_der()).unwrap(),
        certificate: mute.certificate.clone(),
    };
    let leaf = below(workload("leaf"), &mute);
    // Not even where somebody brings a certificate that says so: who is on the list is on it.
    let lists = [list(&list_params(&[77]), &speaking)];
    let key = KeyPair::try_from(mute.key.serialize_der()).unwrap();
    let brought = with_key(authority("mute"), key, Some(&other));
    for others in [&[][..], &[&brought]] {
        let result = verified_with(&leaf, others, &[&mute], &lists);
        refused(result, &revoked);
    }
    let lists = [list(&list_params(&[]), &speaking)];
    let fault = ChainFault::ForgedRevocationList {
        issuer: "CN=mute".to_owned(),
    };
    refused(verified_with(&leaf, &[], &[&mute], &lists), &fault);
}

#[test]
fn lists_of_other_kinds_are_refused() {
    let root = root();
    let whole = list_params(&[77]).signed_by(&root.issuer()).unwrap();
    let mut behind = whole.der().to_vec();
    behind.push(0);
    for bytes in [
        &b""[..],
        b"x",
        root.certificate.der(),
        root.certificate.pem().as_bytes(),
        &behind,
        whole.pem().unwrap().repeat(2).as_bytes(),
        whole.pem().unwrap().replace("X509 CRL", "CRL").as_bytes(),
    ] {
        let fault = RevocationList::parse(bytes).map(drop);
        assert_eq!(fault, Err(RevocationListFault::Unreadable));
    }
    // One for some certificates only is one all the same.
    let mut some = list_params(&[77]);
    some.issuing_distribution_point = Some(CrlIssuingDistributionPoint {
        distribution_point: CrlDistributionPoint {
            uris: vec!["http://example.com/crl".to_owned()],
        },
        scope: Some(rcgen::CrlScope::UserCertsOnly),
    });
    assert_eq!(list(&some, &root).len(), 1);
}

// Names

#[test]
fn names_as_text() {
    let mut params = workload("x");
    let names = &mut params.distinguished_name;
    *names = rcgen::DistinguishedName::new();
    names.push(DnType::CountryName, "DE");
    names.push(
        DnType::OrganizationName,
        DnValue::BmpString("Zoë".try_into().unwrap()),
    );
    names.push(DnType::CustomDnType(vec![1, 2, 3]), "own");
    names.push(DnType::CommonName, " a,b\n");
    params.subject_alt_names = vec![
        SanType::Rfc822Name("a@example.com".try_into().unwrap()),
        SanType::DnsName("one.example.com".try_into().unwrap()),
        SanType::DnsName("two.example.com".try_into().unwrap()),
        SanType::URI("spiffe://example.com/a".try_into().unwrap()),
    ];
    let leaf = below(params, &root()).certificate;
    assert_eq!(
        leaf.subject.to_string(),
        "CN=\\ a\\,b\\0a,1.2.3=own,O=Zoë,C=DE"
    );
    assert_eq!(leaf.subject.values("O").collect::<Vec<_>>(), ["Zoë"]);
    assert_eq!(leaf.issuer.to_string(), "CN=root");
    let names = &leaf.alternative_names;
    assert_eq!(names.dns.as_deref(), Some("one.example.com"));
    assert_eq!(names.uri.as_deref(), Some("spiffe://example.com/a"));
    assert_eq!(names.directory, None);
}

#[test]
fn serial_numbers_as_text() {
    for (bytes, decimal, hexadecimal) in [
        (&[1][..], "1", "01"),
        (&[0x0a, 0xbc], "2748", "0abc"),
        (&[0x00, 0xff], "255", "ff"),
        (
            &[0x7f; 20],
            "727885129180488904360266563744972327436484050815",
            "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        ),
    ] {
        let mut params = workload("leaf");
        params.serial_number = Some(SerialNumber::from_slice(bytes));
        let serial = below(params, &root()).certificate.serial;
        assert_eq!(serial.decimal(), decimal);
        assert_eq!(serial.hexadecimal(), hexadecimal);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn a_cut_or_flipped_certificate_or_list_is_not_believed(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
        let root = root();
        let leaf = below(workload("leaf"), &root);
        let spoil = |whole: &[u8]| {
            let mut bytes = whole.to_vec();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << bit;
            }
            bytes
        };
        if let Ok(read) = Certificate::from_der(&spoil(leaf.certificate.der())) {
            let anchors = [root.certificate.clone()];
            prop_assert!(verify_chain(&read, &[], &anchors, &[], NOW).is_err());
        }
        let signed = list_params(&[77]).signed_by(&root.issuer()).unwrap();
        if let Ok(read) = RevocationList::parse(&spoil(signed.der())) {
            prop_assert!(!read.is_signed_by(&root.certificate));
        }
    }
}
