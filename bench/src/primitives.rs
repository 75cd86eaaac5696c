//! Nanoseconds of the steps of the hot path, beside the bare cryptography over the same bytes.

use crate::client::{Call, Keys, Service, now};
use crate::figures::Report;
use crate::requests::SESSION_POLICY;
use crate::timing::time;
use crate::{Effort, Outcome};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, digest, hmac, rand};
use locum_identity::environment::Entropy;
use locum_identity::ids::{IdKind, UniqueId};
use locum_identity::names::{AccountId, Constrained as _, RoleSessionName};
use locum_identity::session::{Ancestry, Keyring, Packed, Session, SessionPrincipal};
use locum_sigv4::{Claim, Dialect, SigningKey, sha256};
use std::hint::black_box;
use std::sync::Arc;

/// Measures all of it and adds it to the report.
///
/// # Errors
/// When a signature or a token is other than it must be.
pub(crate) fn measure(effort: Effort, report: &mut Report) -> Outcome {
    signatures(effort, report)?;
    tokens(effort, report)
}

/// Verifying a signature, beside hashing the body and the canonical request and authenticating the
/// string to sign.
fn signatures(effort: Effort, report: &mut Report) -> Outcome {
    let keys = Keys::root();
    let call = Call {
        service: Service::Sts,
        action: "AssumeRole",
        parameters: &[
            ("RoleArn", "arn:aws:iam::123456789012:role/catalog-writer"),
            ("RoleSessionName", "spark-executor-17"),
        ],
    };
    let (head, body) = call.signed(([127, 0, 0, 1], 7390).into(), &keys)?;
    let now = now()?;
    let date = Claim::parse(&head, Dialect::General)?
        .ok_or("an unsigned request")?
        .date()
        .to_owned();
    let derive = || {
        SigningKey::derive(
            &keys.secret_access_key,
            black_box(&date),
            "us-east-1",
            "sts",
        )
    };
    let at_hand = derive();
    let verify = |key: &SigningKey| {
        let claim =
            Claim::parse(black_box(&head), Dialect::General)?.ok_or("an unsigned request")?;
        claim.check(now, "sts")?;
        claim.verify(key, Some(&sha256(body.as_bytes())))?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    verify(&at_hand)?;

    let canonical = vec![b'c'; canonical_length(&head)];
    let to_sign = [b's'; 140];
    let hmac_key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    let bare_key = hmac_key(&[7; 32]);
    let bare = |key: &hmac::Key| {
        black_box(digest::digest(&digest::SHA256, black_box(body.as_bytes())));
        black_box(digest::digest(&digest::SHA256, black_box(&canonical)));
        let tag = hmac::sign(key, black_box(&to_sign));
        let _ = black_box(constant_time::verify_slices_are_equal(
            tag.as_ref(),
            &[0; 32],
        ));
    };
    let bare_derive = || {
        let mut key = hmac_key(black_box(keys.secret_access_key.as_bytes()));
        for part in [date.as_str(), "us-east-1", "sts", "aws4_request"] {
            key = hmac_key(hmac::sign(&key, part.as_bytes()).as_ref());
        }
        key
    };

    report.section("Verify a signature", "hash+HMAC");
    report.add(time(
        "verify.key_at_hand",
        effort,
        || verify(&at_hand).is_ok(),
        || bare(&bare_key),
    ));
    report.add(time(
        "verify.with_derivation",
        effort,
        || verify(&derive()).is_ok(),
        || bare(&bare_derive()),
    ));
    Ok(())
}

/// Roughly what is hashed: the request line, the signed headers and the body's hash.
fn canonical_length(head: &http::request::Parts) -> usize {
    let signed = ["content-type", "host", "x-amz-date"];
    let headers: usize = head
        .headers
        .iter()
        .filter(|(name, _)| signed.contains(&name.as_str()))
        .map(|(name, value)| name.as_str().len() + value.len() + 2)
        .sum();
    "POST\n/\n\n\n\n".len() + headers + signed.join(";").len() + 64
}

/// Opening and minting session tokens, beside the bare cipher over as many bytes.
fn tokens(effort: Effort, report: &mut Report) -> Outcome {
    let account = AccountId::from_number(123_456_789_012).ok_or("no account id")?;
    let keyring = Keyring::new([(1, &[7; 32][..])]).map_err(|error| format!("{error:?}"))?;
    let role = UniqueId::generate(IdKind::Role, account, &System);
    let session_name =
        RoleSessionName::parse("spark-executor-17").map_err(|error| format!("{error:?}"))?;
    let issued = now()?;
    let plain = Session {
        principal: SessionPrincipal::AssumedRole { role, session_name },
        issued,
        expires: issued + 3600,
        packed: Arc::default(),
        source_identity: None,
        mfa: None,
        ancestry: Ancestry::default(),
        delegate: None,
    };
    let packed = || Packed::new(Some(SESSION_POLICY.to_owned()), Vec::new(), Vec::new());
    let limited = Session {
        packed: Arc::new(packed().ok_or("the policy cannot be packed")?),
        ..plain.clone()
    };
    let key = LessSafeKey::new(
        UnboundKey::new(&AES_256_GCM_SIV, &[7; 32]).map_err(|_| "the cipher refuses its key")?,
    );
    let nonce = || Nonce::assume_unique_for_key([3; 12]);
    let aad = || Aad::from(*b"\x01\x01ASIA1234567890123456");
    for (name, session) in [("plain", &plain), ("policy_1k", &limited)] {
        let credentials = keyring
            .issue(account, session, &System)
            .map_err(|error| format!("{error:?}"))?;
        let id = credentials.access_key_id.as_str();
        let token = credentials.session_token.as_str();
        // Of the token's bytes, the body of the cipher is what is not head, nonce and tag.
        let body = (token.len() * 3 / 4).saturating_sub(2 + 12 + 16);
        let mut sealed = vec![b'b'; body];
        key.seal_in_place_append_tag(nonce(), aad(), &mut sealed)
            .map_err(|_| "the cipher does not seal")?;
        report.section(&format!("Session token, {name}"), "cipher");
        report.add(time(
            &format!("token.open.{name}"),
            effort,
            || keyring.open(black_box(id), black_box(token)).is_ok(),
            || {
                let mut body = sealed.clone();
                let _ = black_box(key.open_in_place(nonce(), aad(), &mut body));
            },
        ));
        report.add(time(
            &format!("token.mint.{name}"),
            effort,
            || {
                // As a request does, with its policy packed first.
                let policy = session.packed.policy().map(str::to_owned);
                let Some(packed) = Packed::new(policy, Vec::new(), Vec::new()) else {
                    return false;
                };
                let session = Session {
                    packed: Arc::new(packed),
                    ..black_box(session).clone()
                };
                keyring.issue(account, &session, &System).is_ok()
            },
            || {
                let mut body = sealed.clone();
                let _ = black_box(key.seal_in_place_append_tag(nonce(), aad(), &mut body));
            },
        ));
    }
    Ok(())
}

/// The system's randomness, as the server has it.
struct System;

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness the rest of the run fails: two tokens would be alike.
        let _ = rand::fill(bytes);
    }
}
