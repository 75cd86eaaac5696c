//! What relying parties read of an issuer: OpenID Connect Discovery 1.0, and its keys (RFC 7517).

use locum_identity::environment::Seconds;
use locum_identity::issuer::{Algorithm, IssuerState, PublicKey, PublishedKey};
use serde_json::{Value, json};

/// `/.well-known/openid-configuration` of the issuer at `url`.
pub fn discovery(url: &str) -> Value {
    json!({
        "issuer": url,
        "jwks_uri": format!("{url}/.well-known/jwks.json"),
        "subject_types_supported": ["public"],
        "response_types_supported": ["id_token"],
        "id_token_signing_alg_values_supported": Algorithm::ALL.map(Algorithm::name),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", "https://sts.amazonaws.com/"],
    })
}

/// `/.well-known/jwks.json`: the public keys that an issuer publishes `now`.
pub fn key_set(issuer: &IssuerState, now: Seconds) -> Value {
    let keys: Vec<_> = issuer.published(now).map(web_key).collect();
    json!({ "keys": keys })
}

fn web_key(published: PublishedKey<'_>) -> Value {
    let (kid, alg) = (published.key.kid(), published.key.algorithm.name());
    match published.public {
        PublicKey::Rsa { modulus } => json!({
            "kty": "RSA", "use": "sig", "alg": alg, "kid": kid, "n": modulus, "e": PublicKey::EXPONENT,
        }),
        PublicKey::Ec { x, y } => json!({
            "kty": "EC", "use": "sig", "alg": alg, "kid": kid, "crv": "P-384", "x": x, "y": y,
        }),
    }
}
