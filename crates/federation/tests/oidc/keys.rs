//! Key sets: which keys verify, and which do not.

use crate::support::{Key, OTHER_RSA, P256, P384, RSA, claims, encode, set, verify};
use data_encoding::BASE64;
use locum_federation::oidc::{Discovery, KeySet};

fn unusable(set: &KeySet) -> Vec<String> {
    set.unusable().map(|(_, why)| why.to_string()).collect()
}

#[track_caller]
fn useless(jwk: &str, why: &str) {
    let set = set(&[jwk.to_owned()]);
    assert!(set.is_empty(), "{jwk}");
    assert_eq!(unusable(&set), [why], "{jwk}");
}

fn token(key: &Key, id: &str) -> String {
    let alg = if matches!(key, Key::Rsa(_)) {
        "RS256"
    } else {
        "ES256"
    };
    key.token(&format!(r#"{{"alg":"{alg}","kid":"{id}"}}"#), &claims(""))
}

#[test]
fn only_keys_for_signatures_verify() {
    for more in [
        "",
        r#""use":"sig""#,
        r#""alg":"ES512""#,
        r#""alg":7"#,
        r#""x5t":"x""#,
    ] {
        let keys = set(&[RSA.jwk("r", more)]);
        assert!(verify(&token(&RSA, "r"), &keys).is_ok(), "{more}");
    }
    let for_encryption = "it is for `enc`, not for signatures";
    useless(&RSA.jwk("r", r#""use":"enc""#), for_encryption);
    useless(
        &P256.jwk("e", r#""use":"""#),
        "it is for ``, not for signatures",
    );
    useless(
        &P256.jwk("e", r#""use":1"#),
        "its `use` is missing or unreadable",
    );
    for operations in [r#"["verify"]"#, r#"["sign"]"#, "[]"] {
        useless(
            &RSA.jwk("r", &format!(r#""key_ops":{operations}"#)),
            "it has `key_ops`",
        );
    }
    let keys = set(&[RSA.jwk("r", r#""use":"enc""#)]);
    assert_eq!(
        verify(&token(&RSA, "r"), &keys).unwrap_err().to_string(),
        "the provider publishes the token's key `r`, but it cannot be used: it is for `enc`, not for signatures"
    );
}

#[test]
fn a_key_without_an_id_is_none() {
    let bare = format!("{{{}}}", RSA.parameters());
    useless(&bare, "its `kid` is missing or unreadable");
    useless(&RSA.jwk("", ""), "its `kid` is missing or unreadable");
    let unnamed = RSA.token(r#"{"alg":"RS256"}"#, &claims(""));
    let one = set(&[
        RSA.jwk("r", ""),
        bare.clone(),
        P256.jwk("e", r#""use":"enc""#),
    ]);
    assert!(verify(&unnamed, &one).is_ok());
    assert!(one.has(None) && one.has(Some("r")) && !one.has(Some("e")));
    for (keys, count) in [
        (set(&[bare]), 0),
        (set(&[RSA.jwk("r", ""), P256.jwk("e", "")]), 2),
        (set(&[RSA.jwk("r", ""), OTHER_RSA.jwk("o", "")]), 2),
    ] {
        assert_eq!(
            verify(&unnamed, &keys).unwrap_err().to_string(),
            format!(
                "the token does not say which key it is signed with, and the provider publishes {count} keys that have an id: it must be exactly one"
            )
        );
        assert!(!keys.has(None));
    }
}

#[test]
fn of_keys_with_one_id_the_last_that_can_be_used_is() {
    let (first, last) = (RSA.jwk("k", ""), OTHER_RSA.jwk("k", ""));
    let keys = set(&[first.clone(), last.clone()]);
    assert_eq!(keys.len(), 1);
    assert!(verify(&token(&OTHER_RSA, "k"), &keys).is_ok());
    assert!(verify(&token(&RSA, "k"), &keys).is_err());
    let keys = set(&[last, first, P256.jwk("k", r#""use":"enc""#)]);
    assert!(verify(&token(&RSA, "k"), &keys).is_ok());
    assert!(verify(&token(&OTHER_RSA, "k"), &keys).is_err());
}

#[test]
fn of_more_than_a_hundred_rsa_keys_none_is_used() {
    let mut keys = vec![RSA.jwk("r", ""), P256.jwk("e", "")];
    // They count, whether they can be used or not.
    keys.extend((0..99).map(|n| format!(r#"{{"kty":"RSA","kid":"{n}"}}"#)));
    let hundred = set(&keys);
    assert!(verify(&token(&RSA, "r"), &hundred).is_ok());
    keys.push(r#"{"kty":"RSA"}"#.to_owned());
    let more = set(&keys);
    assert_eq!(
        verify(&token(&RSA, "r"), &more).unwrap_err().to_string(),
        "the provider publishes 101 RSA keys; of more than 100 none is used"
    );
    assert!(verify(&token(&P256, "e"), &more).is_ok());
}

#[test]
fn rsa_numbers_have_their_bounds() {
    let Key::Rsa(pair) = &*RSA else {
        unreachable!()
    };
    let (n, e) = RSA.numbers(pair);
    let jwk = |n: &[u8], e: &[u8]| {
        let (n, e) = (encode(n), encode(e));
        format!(r#"{{"kty":"RSA","kid":"r","n":"{n}","e":"{e}"}}"#)
    };
    // A zero in front, as ASN.1 writes it.
    let keys = set(&[jwk(&[&[0][..], &n].concat(), &[&[0][..], &e].concat())]);
    assert!(verify(&token(&RSA, "r"), &keys).is_ok());
    for (bits, modulus) in [
        (0, vec![]),
        (1024, [&[0x80][..], &[1; 127]].concat()),
        (2047, [&[0x7f][..], &n[1..]].concat()),
        (8193, [&[1][..], &[1; 1024]].concat()),
        (16384, [&[0x80][..], &[1; 2047]].concat()),
    ] {
        let why = format!("it has {bits} bits, and must have 2048 to 8192");
        useless(&jwk(&modulus, &e), &why);
    }
    for exponent in [
        &[][..],
        &[0],
        &[1],
        &[2],
        &[1, 0, 0],
        &[2, 0, 0, 0, 1],
        &[1; 6],
    ] {
        useless(&jwk(&n, exponent), "its numbers are no key");
    }
    // An even modulus is no product of two primes that anybody uses.
    let even = [&n[..n.len() - 1], &[n[n.len() - 1] & 0xfe]].concat();
    useless(&jwk(&even, &e), "its numbers are no key");
    let padded = format!(
        r#"{{"kty":"RSA","kid":"r","n":"{}","e":"AQAB="}}"#,
        encode(&n)
    );
    useless(&padded, "its `e` is missing or unreadable");
    useless(
        r#"{"kty":"RSA","kid":"r","e":"AQAB"}"#,
        "its `n` is missing or unreadable",
    );
}

#[test]
fn points_lie_on_one_of_three_curves() {
    let (x, y) = ("A".repeat(43), "A".repeat(43));
    let jwk = |crv: &str, x: &str, y: &str| {
        format!(r#"{{"kty":"EC","kid":"e","crv":"{crv}","x":"{x}","y":"{y}"}}"#)
    };
    useless(&jwk("P-256", &x, &y), "its numbers are no key");
    useless(&jwk("P-384", &x, &y), "its `x` is missing or unreadable");
    useless(
        &jwk("P-256", &x, &y[1..]),
        "its `y` is missing or unreadable",
    );
    for curve in ["secp256k1", "P-192", "p-256", "Ed25519"] {
        useless(
            &jwk(curve, &x, &y),
            &format!("it is on the curve `{curve}`, not P-256, P-384 or P-521"),
        );
    }
    useless(
        r#"{"kty":"EC","kid":"e"}"#,
        "its `crv` is missing or unreadable",
    );
    for kind in ["oct", "OKP", "rsa", ""] {
        useless(
            &format!(r#"{{"kty":"{kind}","kid":"e","k":"AAAA"}}"#),
            &format!("it is of kind `{kind}`, not RSA or EC"),
        );
    }
    useless("7", "its `keys` is missing or unreadable");
    useless("{}", "its `kty` is missing or unreadable");
}

#[test]
fn a_certificate_must_be_of_the_key() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&pair).unwrap();
    let der = certificate.der();
    let point = &pair.public_key_raw()[1..];
    let (x, y) = point.split_at(32);
    let own = format!(
        r#"{{"kty":"EC","kid":"e","crv":"P-256","x":"{}","y":"{}","x5c":["{}"]}}"#,
        encode(x),
        encode(y),
        BASE64.encode(der)
    );
    assert_eq!(set(&[own]).len(), 1);
    let why = "its certificate (`x5c`) is not of this key";
    let x5c = |value: &str| format!(r#""x5c":{value}"#);
    for value in [
        format!("[\"{}\"]", BASE64.encode(der)),
        format!(
            "[\"{}AA==\"]",
            BASE64.encode(&der[..der.len() - der.len() % 3])
        ),
        "[]".to_owned(),
        "[7]".to_owned(),
        "\"AAAA\"".to_owned(),
        "null".to_owned(),
        "[\"AAAA\"]".to_owned(),
        "[\"\"]".to_owned(),
    ] {
        for key in [&*P256, &*P384, &*RSA] {
            useless(&key.jwk("k", &x5c(&value)), why);
        }
    }
}

#[test]
fn what_is_no_set_is_refused() {
    let fault = |bytes: &[u8]| KeySet::parse(bytes).unwrap_err().to_string();
    assert_eq!(fault(b"[]"), "the key set is no JSON object");
    assert_eq!(fault(b"{}"), "the key set has no array `keys`");
    assert_eq!(fault(br#"{"keys":{}}"#), "the key set has no array `keys`");
    assert_eq!(
        fault(br#"{"keys":[],"keys":[]}"#),
        "the key set is JSON with `keys` twice"
    );
    assert_eq!(
        fault(br#"{"keys":[{"kid":"a","kid":"b"}]}"#),
        "the key set is JSON with `kid` twice"
    );
    assert_eq!(
        fault(b"<html>"),
        "the key set is no JSON: expected value at line 1 column 1"
    );
    assert_eq!(
        fault(&vec![b' '; 512 * 1024 + 1]),
        "the key set has 524289 bytes, and may have 524288"
    );
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 1001].join(","));
    assert_eq!(
        fault(many.as_bytes()),
        "the key set has 1001 keys, and may have 1000"
    );
    assert!(KeySet::parse(br#"{"keys":[]}"#).unwrap().is_empty());
}

#[test]
fn a_configuration_names_its_issuer_letter_by_letter() {
    let parse = |text: &str| {
        let parsed = Discovery::parse(text.as_bytes(), "https://idp.example/a");
        parsed.map_err(|fault| fault.to_string())
    };
    let good = parse(
        r#"{"issuer":"https://idp.example/a","jwks_uri":"https://idp.example/keys","x":["y"]}"#,
    );
    let good = good.unwrap();
    assert_eq!(good.jwks_uri(), "https://idp.example/keys");
    assert_eq!(good.texts("x"), Some(vec!["y"]));
    assert_eq!(good.text("token_endpoint"), None);
    for issuer in [
        "https://idp.example/a/",
        "https://IDP.example/a",
        "https://idp.example",
        "",
    ] {
        let document = format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://idp.example/keys"}}"#);
        assert_eq!(
            parse(&document).unwrap_err(),
            format!(
                "the provider's configuration says that its issuer is `{issuer}`, and must say `https://idp.example/a`"
            )
        );
    }
    assert_eq!(
        parse(r#"{"issuer":"https://idp.example/a"}"#).unwrap_err(),
        "the provider's configuration has no `jwks_uri`"
    );
    assert_eq!(
        parse(&" ".repeat(256 * 1024 + 1)).unwrap_err(),
        "the provider's configuration has 262145 bytes, and may have 262144"
    );
    assert!(parse("<html>").is_err());
}
