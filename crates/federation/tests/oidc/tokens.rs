//! Tokens: algorithms, headers, claims, and what attackers make of them.

use crate::support::{
    ISSUER, Key, NOW, OTHER_RSA, P256, P384, P521, RSA, claims, encode, set, verified, verify,
};
use aws_lc_rs::hmac;
use locum_federation::oidc::{Audience, Fault, Json, LONGEST_TOKEN, Part, Token};
use proptest::prelude::*;

#[track_caller]
fn refused(token: &str, words: &str) {
    let keys = set(&[RSA.jwk("r", ""), P256.jwk("e", "")]);
    let fault = verify(token, &keys).expect_err(words);
    assert_eq!(fault.to_string(), words);
}

fn with_header(key: &Key, header: &str) -> String {
    key.token(header, &claims(""))
}

#[test]
fn each_algorithm_verifies_with_a_key_of_its_kind_and_no_other() {
    let keys = set(&[
        RSA.jwk("r", ""),
        P256.jwk("e2", ""),
        P384.jwk("e3", ""),
        P521.jwk("e5", ""),
    ]);
    let pairs: [(&Key, &str, &[&str]); 4] = [
        (&RSA, "r", &["RS256", "RS384", "RS512"]),
        (&P256, "e2", &["ES256"]),
        (&P384, "e3", &["ES384"]),
        (&P521, "e5", &["ES512"]),
    ];
    for (key, id, algorithms) in pairs {
        for named in ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] {
            let header = format!(r#"{{"alg":"{named}","kid":"{id}"}}"#);
            let verified = verify(&with_header(key, &header), &keys);
            if algorithms.contains(&named) {
                assert_eq!(verified.unwrap().subject().unwrap(), "me", "{named}");
            } else {
                let words = format!(
                    "the token says that it is signed with {named}, which the key `{id}` is not for"
                );
                assert_eq!(verified.unwrap_err().to_string(), words);
            }
        }
    }
}

#[test]
fn other_algorithms_are_refused_by_name() {
    for name in [
        "none", "None", "nOnE", "", "HS256", "HS512", "PS256", "EdDSA", "ES256K", "rs256",
        "RS256 ", "RS1",
    ] {
        refused(
            &with_header(&RSA, &format!(r#"{{"alg":"{name}","kid":"r"}}"#)),
            &format!(
                "the token's algorithm is `{name}`, and must be one of RS256, RS384, RS512, ES256, ES384, ES512"
            ),
        );
    }
    for header in [r#"{"kid":"r"}"#, r#"{"alg":["RS256"],"kid":"r"}"#] {
        let fault = Token::parse(&with_header(&RSA, header)).unwrap_err();
        assert_eq!(fault, Fault::Algorithm(String::new()));
    }
}

#[test]
fn the_public_key_is_no_secret_of_an_hmac() {
    let header = r#"{"alg":"HS256","kid":"r"}"#;
    let signed = format!("{}.{}", encode(header), encode(claims("")));
    for secret in [RSA.parameters(), RSA.jwk("r", ""), ISSUER.to_owned()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, signed.as_bytes());
        let token = format!("{signed}.{}", encode(tag));
        let fault = Token::parse(&token).unwrap_err();
        assert_eq!(fault, Fault::Algorithm("HS256".to_owned()));
        // Nor does the tag pass for a signature.
        let header = r#"{"alg":"RS256","kid":"r"}"#;
        let token = format!("{}.{}.{}", encode(header), encode(claims("")), encode(tag));
        refused(
            &token,
            "the token's signature (RS256) is wrong: it was changed, or signed with another key of that name",
        );
    }
}

#[test]
fn keys_in_the_header_are_not_believed() {
    for (name, value) in [
        ("jwk", format!("{{{}}}", OTHER_RSA.parameters())),
        ("jku", r#""https://evil.example/jwks""#.to_owned()),
        ("x5u", r#""https://evil.example/x5u""#.to_owned()),
        ("x5c", r#"["AAAA"]"#.to_owned()),
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"r","{name}":{value}}}"#);
        refused(
            &with_header(&OTHER_RSA, &header),
            "the token's signature (RS256) is wrong: it was changed, or signed with another key of that name",
        );
        let keys = set(&[RSA.jwk("r", "")]);
        assert!(verify(&with_header(&RSA, &header), &keys).is_ok());
    }
}

#[test]
fn a_key_id_is_a_name_and_nothing_else() {
    for id in [
        "../../../../dev/null",
        "r' OR '1'='1",
        "https://evil.example/key",
        "R",
        "r ",
        "r\\u0000",
    ] {
        let token = with_header(&RSA, &format!(r#"{{"alg":"RS256","kid":"{id}"}}"#));
        let keys = set(&[RSA.jwk("r", "")]);
        let fault = verify(&token, &keys).unwrap_err();
        assert!(matches!(fault, Fault::UnknownKey { .. }), "{id}: {fault}");
    }
    refused(
        &with_header(&RSA, r#"{"alg":"RS256","kid":"x\ny"}"#),
        "the token is signed with key `x\\u{a}y`, which the provider does not publish; it publishes `e`, `r`",
    );
    let long = "k".repeat(1025);
    for id in ["1", "null", "[\"r\"]", "\"\"", &format!("\"{long}\"")] {
        let token = with_header(&RSA, &format!(r#"{{"alg":"RS256","kid":{id}}}"#));
        assert_eq!(Token::parse(&token).unwrap_err(), Fault::KeyId, "{id}");
    }
}

#[test]
fn extensions_and_tokens_for_other_purposes_are_refused() {
    for (name, value) in [
        ("crit", "[\"exp\"]"),
        ("crit", "[]"),
        ("b64", "false"),
        ("zip", "\"DEF\""),
    ] {
        refused(
            &with_header(
                &RSA,
                &format!(r#"{{"alg":"RS256","kid":"r","{name}":{value}}}"#),
            ),
            &format!("the token's header has `{name}`, which is not understood here"),
        );
    }
    let keys = set(&[RSA.jwk("r", "")]);
    let of_type = |kind: &str| {
        let header = format!(r#"{{"alg":"RS256","kid":"r","typ":"{kind}"}}"#);
        verify(&with_header(&RSA, &header), &keys)
    };
    for kind in [
        "JWT",
        "jwt",
        "application/jwt",
        "at+jwt",
        "application/AT+JWT",
    ] {
        assert!(of_type(kind).is_ok(), "{kind}");
    }
    for kind in [
        "logout+jwt",
        "LOGOUT+JWT",
        "application/dpop+jwt",
        "secevent+jwt",
    ] {
        assert_eq!(of_type(kind).unwrap_err(), Fault::Type(kind.to_owned()));
    }
}

#[test]
fn a_name_that_is_there_twice_is_refused_in_header_and_claims() {
    refused(
        &with_header(&RSA, r#"{"alg":"none","alg":"RS256","kid":"r"}"#),
        "the token's header cannot be read: JSON with `alg` twice",
    );
    refused(
        &RSA.token(r#"{"alg":"RS256","kid":"r"}"#, &claims(r#""sub":"you""#)),
        "the token's claims cannot be read: JSON with `sub` twice",
    );
    refused(
        &RSA.token(
            r#"{"alg":"RS256","kid":"r"}"#,
            &claims(r#""a":{"b":1,"\u0062":1}"#),
        ),
        "the token's claims cannot be read: JSON with `b` twice",
    );
    let alike = verified(&claims(r#""Sub":"you""#));
    assert_eq!(
        alike.check_names().unwrap_err().to_string(),
        "the token's claims `Sub` and `sub` differ in letter case only, which policies cannot tell apart"
    );
    assert_eq!(verified(&claims("")).check_names(), Ok(()));
}

#[test]
fn the_compact_form_has_one_spelling() {
    let token = with_header(&RSA, r#"{"alg":"RS256","kid":"r"}"#);
    let keys = set(&[RSA.jwk("r", "")]);
    assert!(verify(&token, &keys).is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    for (changed, fault) in [
        (String::new(), Fault::Parts(1)),
        (parts[..2].join("."), Fault::Parts(2)),
        (format!("{token}."), Fault::Parts(4)),
        (format!("{token}.."), Fault::Encrypted),
        (format!("{token}="), Fault::Encoding(Part::Signature)),
        (format!("{token}\n"), Fault::Encoding(Part::Signature)),
        (format!(" {token}"), Fault::Encoding(Part::Header)),
        (format!("Bearer {token}"), Fault::Encoding(Part::Header)),
        (token.replacen('.', "=.", 1), Fault::Encoding(Part::Header)),
        ("..".to_owned(), {
            Fault::Json(
                Part::Header,
                locum_federation::oidc::JsonFault::Syntax(
                    "EOF while parsing a value at line 1 column 0".to_owned(),
                ),
            )
        }),
        (
            "a".repeat(LONGEST_TOKEN + 1),
            Fault::TooLong(LONGEST_TOKEN + 1),
        ),
    ] {
        assert_eq!(verify(&changed, &keys).unwrap_err(), fault, "{changed:.40}");
    }
    // A 256-byte signature leaves two bits of its last character over, which must be zero.
    let last = token.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet
        .chars()
        .nth(alphabet.find(last).unwrap() + 1)
        .unwrap();
    let loose = format!("{}{next}", &token[..token.len() - 1]);
    let fault = verify(&loose, &keys).unwrap_err();
    assert_eq!(fault, Fault::Encoding(Part::Signature));
    // Standard base64 is another alphabet.
    let standard = token.replace('-', "+").replace('_', "/");
    assert_ne!(standard, token);
    assert!(matches!(verify(&standard, &keys), Err(Fault::Encoding(_))));
    for header in ["[]", "\"RS256\"", "{", "null", "\u{feff}{}"] {
        let token = with_header(&RSA, header);
        let fault = verify(&token, &keys).unwrap_err();
        assert!(matches!(fault, Fault::Json(Part::Header, _)), "{header}");
    }
}

#[test]
fn ecdsa_signatures_have_one_length_and_are_never_zero() {
    let keys = set(&[P256.jwk("e", "")]);
    let token = with_header(&P256, r#"{"alg":"ES256","kid":"e"}"#);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let signature = P256.sign("ES256", signed.as_bytes());
    let with = |bytes: &[u8]| format!("{signed}.{}", encode(bytes));
    assert!(verify(&with(&signature), &keys).is_ok());
    // ASN.1, as some libraries sign; cut; padded; the "psychic" zeros.
    let asn1 = [
        &[0x30, 0x44, 2, 32][..],
        &signature[..32],
        &[2, 32],
        &signature[32..],
    ]
    .concat();
    for bytes in [
        &asn1[..],
        &signature[..63],
        &[&[0][..], &signature[..]].concat(),
        &[&signature[..], &[0]].concat(),
        &[0; 64],
        &[],
    ] {
        let fault = verify(&with(bytes), &keys).unwrap_err();
        assert!(matches!(fault, Fault::Signature(_)), "{fault}");
    }
}

#[test]
fn the_issuer_is_a_text() {
    let header = r#"{"alg":"RS256","kid":"r"}"#;
    for (claims, fault) in [
        ("{}", Fault::Missing("iss")),
        (r#"{"iss":null}"#, Fault::Missing("iss")),
    ] {
        let token = RSA.token(header, claims);
        assert_eq!(Token::parse(&token).unwrap_err(), fault);
    }
    let token = RSA.token(header, r#"{"iss":["https://idp.example"]}"#);
    let fault = Token::parse(&token).unwrap_err();
    assert_eq!(fault.to_string(), "the token's `iss` is not a text");
    let token = RSA.token(header, &claims(""));
    let parsed = Token::parse(&token).unwrap();
    assert_eq!((parsed.issuer(), parsed.key_id()), (ISSUER, Some("r")));
}

#[test]
fn subjects() {
    for (sub, subject) in [
        (r#""a""#, Ok("a")),
        (r#""""#, Ok("")),
        ("12345678901234567890", Ok("12345678901234567890")),
        ("-5", Ok("-5")),
        ("null", Err("the token has no `sub`")),
        (
            "1.5",
            Err("the token's `sub` is not a text or a whole number"),
        ),
        (
            "1e3",
            Err("the token's `sub` is not a text or a whole number"),
        ),
        // More digits than a number keeps would be another's subject.
        (
            "118446744073709551616",
            Err("the token's `sub` is not a text or a whole number"),
        ),
        (
            "true",
            Err("the token's `sub` is not a text or a whole number"),
        ),
        (
            r#"["a"]"#,
            Err("the token's `sub` is not a text or a whole number"),
        ),
    ] {
        let claims = format!(r#"{{"iss":"{ISSUER}","sub":{sub}}}"#);
        let found = verified(&claims)
            .subject()
            .map_err(|fault| fault.to_string());
        assert_eq!(
            found,
            subject.map(str::to_owned).map_err(str::to_owned),
            "{sub}"
        );
    }
}

#[test]
fn audiences() {
    let several =
        "the token is for several audiences (`a`, `b`) and has no `azp`, which would decide";
    let form = "the token's `aud` is not a text or an array of texts";
    for (claims, client) in [
        (r#""aud":"a""#, Ok("a")),
        (r#""aud":["a"]"#, Ok("a")),
        (r#""aud":["a","b"],"azp":"c""#, Ok("c")),
        (r#""aud":"a","azp":"c""#, Ok("c")),
        (r#""aud":"a","azp":null"#, Ok("a")),
        (r#""aud":["a","b"]"#, Err(several)),
        (r#""aud":[]"#, Err(form)),
        (r#""aud":[1]"#, Err(form)),
        (r#""aud":{"a":1}"#, Err(form)),
        (r#""azp":"a""#, Err("the token has no `aud`")),
        (
            r#""aud":"a","azp":["a"]"#,
            Err("the token's `azp` is not a text"),
        ),
    ] {
        let audience = verified(&format!(r#"{{"iss":"{ISSUER}",{claims}}}"#)).audience();
        let found = audience.map(|audience| audience.client);
        let found = found.map_err(|fault| fault.to_string());
        assert_eq!(
            found,
            client.map(str::to_owned).map_err(str::to_owned),
            "{claims}"
        );
    }
    let both = verified(&format!(
        r#"{{"iss":"{ISSUER}","aud":["a","b"],"azp":"c"}}"#
    ));
    let text = |text: &str| text.to_owned();
    assert_eq!(
        both.audience(),
        Ok(Audience {
            client: text("c"),
            all: vec![text("a"), text("b")],
            authorized_party: Some(text("c")),
        })
    );
}

#[test]
fn dates_are_whole_seconds_with_five_minutes_of_tolerance() {
    let times = |claims: &str| {
        let verified = verified(&format!(r#"{{"iss":"{ISSUER}",{claims}}}"#));
        verified.check_times(NOW).map_err(|fault| fault.to_string())
    };
    let (edge, over) = (NOW - 299, NOW - 300);
    assert_eq!(times(&format!(r#""iat":0,"exp":{edge}"#)), Ok(edge));
    assert_eq!(
        times(&format!(r#""iat":0,"exp":{over}"#)).unwrap_err(),
        "the token expired 300 s ago: `exp` is 1799999700, the time here is 1800000000, and 300 s are tolerated"
    );
    let exp = NOW + 60;
    let (edge, over) = (NOW + 300, NOW + 400);
    assert_eq!(
        times(&format!(r#""iat":{edge},"nbf":{edge},"exp":{exp}"#)),
        Ok(exp)
    );
    for claim in ["iat", "nbf"] {
        let zero = if claim == "iat" { "nbf" } else { "iat" };
        assert_eq!(
            times(&format!(r#""{zero}":0,"{claim}":{over},"exp":{exp}"#)).unwrap_err(),
            format!(
                "the token is from the future, or the clock is off by 400 s: `{claim}` is 1800000400, the time here is 1800000000, and 300 s are tolerated"
            )
        );
    }
    assert_eq!(times(&format!(r#""iat":"{NOW}","exp":"{exp}""#)), Ok(exp));
    assert_eq!(times(r#""iat":1"#).unwrap_err(), "the token has no `exp`");
    assert_eq!(
        times(&format!(r#""exp":{exp}"#)).unwrap_err(),
        "the token has no `iat`"
    );
    for bad in [
        "1800000060.0",
        "1800000060.5",
        "1.8e9",
        "\"\"",
        "\"1800000060.0\"",
        "\"+1800000060\"",
        "\" 1800000060\"",
        "\"99999999999999999999\"",
        "99999999999999999999",
        "18446744073709551615",
        "true",
        "[1800000060]",
    ] {
        let words = "is not a time in whole seconds since 1970";
        for (claim, rest) in [
            ("exp", r#""iat":1"#.to_owned()),
            ("iat", format!(r#""exp":{exp}"#)),
            ("nbf", format!(r#""iat":1,"exp":{exp}"#)),
        ] {
            let found = times(&format!(r#""{claim}":{bad},{rest}"#)).unwrap_err();
            assert_eq!(found, format!("the token's `{claim}` {words}"), "{bad}");
        }
    }
    // The ends of what an integer holds.
    assert_eq!(
        times(&format!(r#""iat":1,"exp":{}"#, i64::MAX)),
        Ok(i64::MAX)
    );
    assert!(times(&format!(r#""iat":1,"exp":{}"#, i64::MIN)).is_err());
    assert!(times(&format!(r#""iat":{},"exp":{exp}"#, i64::MAX)).is_err());
}

#[test]
fn claims_are_there_for_policies() {
    let verified = verified(&claims(r#""amr":["mfa","pwd"],"email":"a@b.c","n":null"#));
    assert_eq!(verified.issuer(), ISSUER);
    assert_eq!(verified.claim("n"), None);
    assert_eq!(verified.text("email"), Ok(Some("a@b.c")));
    assert_eq!(verified.text("none"), Ok(None));
    let amr = verified.claim("amr").and_then(Json::texts);
    assert_eq!(amr, Some(vec!["mfa", "pwd"]));
    assert!(verified.text("amr").is_err());
    assert_eq!(verified.claims().len(), 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever one bit of a token is changed to, it is not believed.
    #[test]
    fn every_bit_flip_is_refused(place in any::<prop::sample::Index>(), bit in 0..8u8) {
        let keys = set(&[P256.jwk("e", "")]);
        let token = with_header(&P256, r#"{"alg":"ES256","kid":"e"}"#);
        let mut bytes = token.into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(verify(text, &keys).is_err(), "{text}");
        }
    }

    /// A cut token is not believed, wherever it is cut.
    #[test]
    fn every_cut_is_refused(place in any::<prop::sample::Index>()) {
        let keys = set(&[P256.jwk("e", "")]);
        let token = with_header(&P256, r#"{"alg":"ES256","kid":"e"}"#);
        let cut = &token[..place.index(token.len())];
        prop_assert!(verify(cut, &keys).is_err(), "{cut}");
    }

    /// What is signed with one key is not believed of another of the same id, whatever it says.
    #[test]
    fn nothing_is_believed_of_another_key(subject in "\\PC{0,20}") {
        let keys = set(&[P256.jwk("e", "")]);
        let more = format!("\"name\":{}", serde_json::to_string(&subject).unwrap());
        let header = r#"{"alg":"ES256","kid":"e"}"#;
        prop_assert!(verify(&P256.token(header, &claims(&more)), &keys).is_ok());
        let other = crate::support::P384.token(header, &claims(&more));
        prop_assert!(verify(&other, &keys).is_err());
    }
}
