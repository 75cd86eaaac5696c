//! Encrypted assertions.

use super::*;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey,
    PrivateDecryptingKey,
};

static KEY: LazyLock<PrivateDecryptingKey> =
    LazyLock::new(|| PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap());

const MGF1P: &str =
    r#"<e:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>"#;
const OAEP_256: &str = r#"<e:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><g:MGF xmlns:g="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/></e:EncryptionMethod>"#;
const GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const CBC: &str = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";

fn pkcs8(key: &PrivateDecryptingKey) -> Vec<u8> {
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    der.as_ref().to_vec()
}

fn opening() -> SamlTrust {
    let mut trust = trust();
    assert!(trust.add_private_key(&pkcs8(&KEY)));
    trust
}

/// A content key, and what it seals.
fn seal(content: &[u8], method: &str) -> (Vec<u8>, Vec<u8>) {
    let mut sealed = content.to_vec();
    if method == GCM {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let nonce = Nonce::assume_unique_for_key([9; 12]);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)
            .unwrap();
        return (vec![7; 32], [&[9; 12], sealed.as_slice()].concat());
    }
    let key = UnboundCipherKey::new(&AES_128, &[7; 16]).unwrap();
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
    let context = EncryptionContext::Iv128((&[9; 16]).into());
    key.less_safe_encrypt(&mut sealed, context).unwrap();
    (vec![7; 16], [&[9; 16], sealed.as_slice()].concat())
}

type SealedBy = (&'static str, &'static OaepAlgorithm);
const OAEP_OLD: SealedBy = (MGF1P, &OAEP_SHA1_MGF1SHA1);
const OAEP_NEW: SealedBy = (OAEP_256, &OAEP_SHA256_MGF1SHA256);

/// A response with this encrypted, and `{r}` where its signature belongs.
fn encrypted(content: &str, method: &str, (key_method, algorithm): SealedBy) -> String {
    let (key, data) = seal(content.as_bytes(), method);
    let public = OaepPublicEncryptingKey::new(KEY.public_key()).unwrap();
    let mut sealed_key = vec![0; public.ciphertext_size()];
    public
        .encrypt(algorithm, &key, &mut sealed_key, None)
        .unwrap();
    let (data, key) = (BASE64.encode(&data), BASE64.encode(&sealed_key));
    let content = format!(
        r#"<s:EncryptedAssertion><e:EncryptedData xmlns:e="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element"><e:EncryptionMethod Algorithm="{method}"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><e:EncryptedKey>{key_method}<e:CipherData><e:CipherValue>{key}</e:CipherValue></e:CipherData></e:EncryptedKey></ds:KeyInfo><e:CipherData><e:CipherValue>{data}</e:CipherValue></e:CipherData></e:EncryptedData></s:EncryptedAssertion>"#
    );
    response(&content)
}

/// Without a signature of the response.
fn bare(content: &str, method: &str, key: SealedBy) -> String {
    encrypted(content, method, key).replace("{r}", "")
}

/// The genuine assertion, alone.
fn alone() -> String {
    let text = genuine();
    text[text.find("<s:Assertion").unwrap()..text.find("</p:Response>").unwrap()].to_owned()
}

fn open(trust: &SamlTrust, text: &str) -> Result<Assertion, SamlFault> {
    open_by(trust, text, SamlRules::default())
}

fn open_by(trust: &SamlTrust, text: &str, rules: SamlRules) -> Result<Assertion, SamlFault> {
    trust.verify(&BASE64.encode(text.as_bytes()), rules, NOW)
}

#[test]
fn they_are_opened_and_then_like_any_other() {
    let trust = opening();
    for key in [OAEP_OLD, OAEP_NEW] {
        assert_eq!(
            open(&trust, &bare(&alone(), GCM, key)).unwrap(),
            accepted(&genuine())
        );
    }
    // Namespaces that are declared around it count inside.
    let undeclared = alone().replacen(" xmlns:s=\"urn:oasis:names:tc:SAML:2.0:assertion\"", "", 1);
    open(&trust, &bare(&undeclared, GCM, OAEP_NEW)).unwrap();
    let required = SamlRules {
        encryption_required: true,
        ..SamlRules::default()
    };
    open_by(&trust, &bare(&alone(), GCM, OAEP_NEW), required).unwrap();
    assert_eq!(
        open_by(&trust, &genuine(), required),
        Err(SamlFault::NotEncrypted)
    );
    assert_eq!(
        verify(&bare(&alone(), GCM, OAEP_NEW)),
        Err(SamlFault::NoPrivateKey)
    );
    // The response's signature does not replace the one inside.
    let unsigned = Said::default().assertion().replace("{a}", "");
    assert_eq!(
        open(&trust, &bare(&unsigned, GCM, OAEP_NEW)),
        Err(SamlFault::Unsigned)
    );
    let outside = Sign::default().sign(&encrypted(&unsigned, GCM, OAEP_NEW), "r");
    assert_eq!(open(&trust, &outside), Err(SamlFault::Unsigned));
    // While keys are changed there are two.
    let mut two = super::trust();
    let other = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    assert!(two.add_private_key(&pkcs8(&other)));
    let text = bare(&alone(), GCM, OAEP_NEW);
    assert_eq!(open(&two, &text), Err(SamlFault::Decryption));
    assert!(two.add_private_key(&pkcs8(&KEY)));
    open(&two, &text).unwrap();
    assert!(!two.add_private_key(b"no key"));
}

#[test]
fn cbc_counts_where_a_signature_covers_it_or_it_is_allowed() {
    let text = bare(&alone(), CBC, OAEP_OLD);
    assert_eq!(open(&opening(), &text), Err(SamlFault::CipherBlockChaining));
    let covered = Sign::default().sign(&encrypted(&alone(), CBC, OAEP_OLD), "r");
    open(&opening(), &covered).unwrap();
    let trust = opening();
    let rules = SamlRules {
        allow_cbc: true,
        ..SamlRules::default()
    };
    let lenient = |text: &str| open_by(&trust, text, rules);
    lenient(&text).unwrap();
    // Whatever is wrong with what comes out is one fault: XML, signature, shape, padding.
    for content in [
        alone().replace(">ann<", ">eve<"),
        "<s:Assertion>".to_owned(),
        "no XML".to_owned(),
        String::new(),
        format!("{0}{0}", alone()),
        Said::default().assertion().replace("{a}", ""),
    ] {
        let text = bare(&content, CBC, OAEP_OLD);
        assert_eq!(lenient(&text), Err(SamlFault::Decryption), "{content}");
    }
    let start = text.rfind("<e:CipherValue>").unwrap() + "<e:CipherValue>".len();
    let end = text.rfind("</e:CipherValue>").unwrap();
    // The last digits may have bits that stand for nothing, and must be zero.
    for at in (start..start + 64).chain(end - 64..end - 4) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        if let Err(fault) = lenient(&changed) {
            assert_eq!(fault, SamlFault::Decryption, "{at}");
        }
    }
}

#[test]
fn other_methods_and_shapes() {
    let trust = opening();
    let text = bare(&alone(), GCM, OAEP_NEW);
    for (from, to) in [
        (GCM, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
        (
            "http://www.w3.org/2009/xmlenc11#rsa-oaep\"",
            "http://www.w3.org/2001/04/xmlenc#rsa-1_5\"",
        ),
        ("mgf1sha256", "mgf1sha1"),
        ("mgf1sha256", "mgf1sha224"),
    ] {
        let changed = text.replace(from, to);
        assert_eq!(
            open(&trust, &changed),
            Err(SamlFault::EncryptionMethod),
            "{to}"
        );
    }
    for (from, to) in [
        ("</s:EncryptedAssertion>", "<x/></s:EncryptedAssertion>"),
        ("xmlenc#Element", "xmlenc#Content"),
        ("<e:CipherValue>", "<e:CipherReference/><e:CipherValue>"),
        ("e:EncryptedKey>", "e:Other>"),
    ] {
        let found = open(&trust, &text.replace(from, to));
        assert!(matches!(found, Err(SamlFault::Shape(_))), "{to}");
    }
    // What is inside cannot end what it stands in, nor share its ID with what is outside.
    let escape = format!("{}</opened><opened>", alone());
    let found = open(&trust, &bare(&escape, GCM, OAEP_NEW));
    assert_eq!(found, Err(SamlFault::Xml(XmlFault::Malformed)));
    let twice = open(&trust, &bare(&format!("{0}{0}", alone()), GCM, OAEP_NEW));
    assert!(matches!(twice, Err(SamlFault::Shape(_))));
    let shared = open(&trust, &text.replace("ID=\"r\"", "ID=\"a\""));
    assert!(matches!(shared, Err(SamlFault::Shape(_))));
}
