//! The reader of OpenID Connect tokens.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use locum_federation::oidc::{KeySet, Token, Verified};
use std::sync::LazyLock;

struct Provider {
    key: EcdsaKeyPair,
    keys: KeySet,
}

static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
    let set = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"k","x":"{x}","y":"{y}"}}]}}"#);
    let keys = KeySet::parse(set.as_bytes()).expect("a key set");
    Provider { key, keys }
});

/// Any text as a token, which nobody signed; and its lines as a header and claims that the provider did.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(token) = Token::parse(text) {
        assert!(token.verify(&PROVIDER.keys).is_err());
    }
    if let Some([header, claims]) = crate::lines(data) {
        signed(header, claims);
    }
    signed(r#"{"alg":"ES256","kid":"k"}"#, text);
}

#[expect(clippy::disallowed_methods, reason = "a provider outside")]
fn signed(header: &str, claims: &str) {
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = PROVIDER.key.sign(&SystemRandom::new(), message.as_bytes());
    let signature = BASE64URL_NOPAD.encode(signature.expect("a signature").as_ref());
    let token = format!("{message}.{signature}");
    let Ok(parsed) = Token::parse(&token) else {
        return;
    };
    let issuer = parsed.issuer().to_owned();
    assert!(parsed.key_id() != Some(""));
    if let Ok(verified) = parsed.verify(&PROVIDER.keys) {
        assert_eq!(verified.issuer(), issuer);
        read(&verified);
    }
}

fn read(verified: &Verified) {
    let _ = verified.subject();
    let _ = verified.check_names();
    if let Ok(audience) = verified.audience() {
        assert!(!audience.all.is_empty());
        let party = audience.authorized_party.as_ref();
        assert_eq!(party.unwrap_or(&audience.all[0]), &audience.client);
    }
    let now = 1_800_000_000;
    if let Ok(expiry) = verified.check_times(now) {
        assert!(expiry > now - 300);
        // What is valid now is not once it has expired.
        assert!(verified.check_times(i64::MAX).is_err());
    }
}
