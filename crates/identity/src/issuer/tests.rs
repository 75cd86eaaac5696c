use super::*;
use crate::environment::testing::Counter;
use crate::names::Constrained as _;
use crate::sealing::Secret;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;

const NOW: Seconds = 1_767_225_600;
const DAY: Seconds = 86_400;

fn root_key() -> RootKey {
    RootKey::new(&[7; 32]).unwrap()
}

fn account() -> AccountId {
    AccountId::parse("123456789012").unwrap()
}

fn issuer() -> Issuer {
    Issuer {
        id: IssuerId::generate(account(), &Counter::default()),
        enabled: true,
        keys: Vec::new(),
    }
}

/// A key of P-384, which is quickly made.
fn add(issuer: &mut Issuer, now: Seconds, signs_from: Seconds) {
    let fresh = Fresh {
        algorithm: Algorithm::Es384,
        private: PrivateKey::generate(Algorithm::Es384).unwrap(),
    };
    issuer
        .add(&fresh, now, signs_from, (&root_key(), &Counter::default()))
        .unwrap();
}

#[track_caller]
fn check(issuer: &Issuer, now: Seconds, signs: &str, published: &[&str]) {
    let signing = issuer.signing(Algorithm::Es384, now).unwrap();
    assert_eq!(signing.kid(), signs);
    let state = IssuerState::open(issuer, account(), &root_key()).unwrap();
    let kids: Vec<_> = state.published(now).map(|one| one.key.kid()).collect();
    assert_eq!(kids, published);
    // One of them signs; those before it fade, those behind it wait.
    for one in state.published(now) {
        let told = match one.stage {
            KeyStage::Waits => one.key.number > signing.number,
            KeyStage::Signs => one.key.number == signing.number,
            KeyStage::Fades(until) => one.key.number < signing.number && until > now,
        };
        assert!(told, "{} {:?}", one.key.kid(), one.stage);
    }
}

#[test]
fn a_key_is_published_before_it_signs_and_as_long_as_its_tokens_live() {
    let mut issuer = issuer();
    add(&mut issuer, NOW, NOW);
    check(&issuer, NOW, "EC384_0", &["EC384_0"]);
    add(&mut issuer, NOW, NOW + DAY);
    let both = ["EC384_0", "EC384_1"];
    check(&issuer, NOW, "EC384_0", &both);
    check(&issuer, NOW + DAY - 1, "EC384_0", &both);
    check(&issuer, NOW + DAY, "EC384_1", &both);
    let gone = NOW + DAY + 3600 + 300;
    check(&issuer, gone - 1, "EC384_1", &both);
    check(&issuer, gone, "EC384_1", &["EC384_1"]);
    // Where the clock is set back, the keys are there that were then.
    check(&issuer, NOW - DAY, "EC384_0", &both);
    // The next rotation forgets it for good. Its number is not used again.
    add(&mut issuer, gone, gone + DAY);
    let numbers: Vec<_> = issuer.keys.iter().map(|key| key.number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_key_is_due_a_day_before_it_has_signed_for_ninety() {
    let mut issuer = issuer();
    let due = |issuer: &Issuer, now| issuer.due(now).collect::<Vec<_>>();
    assert_eq!(due(&issuer, NOW), Algorithm::ALL);
    add(&mut issuer, NOW, NOW);
    assert_eq!(due(&issuer, NOW + 89 * DAY - 1), [Algorithm::Rs256]);
    assert_eq!(due(&issuer, NOW + 89 * DAY), Algorithm::ALL);
    add(&mut issuer, NOW + 89 * DAY, NOW + 90 * DAY);
    assert_eq!(due(&issuer, NOW + 90 * DAY), [Algorithm::Rs256]);
}

#[test]
fn one_rotation_is_under_way_at_a_time() {
    let mut issuer = issuer();
    let rotatable = |issuer: &Issuer, now| issuer.rotatable(now).collect::<Vec<_>>();
    add(&mut issuer, NOW, NOW);
    assert_eq!(rotatable(&issuer, NOW), Algorithm::ALL);
    add(&mut issuer, NOW, NOW + DAY);
    assert_eq!(rotatable(&issuer, NOW + DAY - 1), [Algorithm::Rs256]);
    assert_eq!(rotatable(&issuer, NOW + DAY), Algorithm::ALL);
}

#[test]
fn withdrawn_keys_are_gone_at_once() {
    let mut issuer = issuer();
    add(&mut issuer, NOW, NOW);
    add(&mut issuer, NOW, NOW + DAY);
    add(&mut issuer, NOW, NOW);
    issuer.withdraw(Algorithm::Rs256);
    assert_eq!(issuer.keys.len(), 3);
    issuer.withdraw(Algorithm::Es384);
    check(&issuer, NOW, "EC384_2", &["EC384_2"]);
}

#[test]
fn a_key_opens_only_for_its_account_and_its_name() {
    let mut issuer = issuer();
    add(&mut issuer, NOW, NOW);
    let open = |issuer: &Issuer, account, key: &RootKey| {
        IssuerState::open(issuer, account, key).map(|state| state.signers.len())
    };
    assert_eq!(open(&issuer, account(), &root_key()), Ok(1));
    let other = AccountId::parse("210987654321").unwrap();
    assert_eq!(open(&issuer, other, &root_key()), Err(KeyFault));
    let wrong = RootKey::new(&[8; 32]).unwrap();
    assert_eq!(open(&issuer, account(), &wrong), Err(KeyFault));
    for key in &mut issuer.keys {
        key.number = 1;
    }
    assert_eq!(open(&issuer, account(), &root_key()), Err(KeyFault));
}

#[test]
fn tokens_verify_by_what_is_published() {
    let mut issuer = issuer();
    for algorithm in Algorithm::ALL {
        let private = PrivateKey::generate(algorithm).unwrap();
        let fresh = Fresh { algorithm, private };
        let by = (&root_key(), &Counter::default() as &dyn Entropy);
        issuer.add(&fresh, NOW, NOW, by).unwrap();
    }
    let state = IssuerState::open(&issuer, account(), &root_key()).unwrap();
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    for (published, header) in state.published(NOW).zip([
        r#"{"alg":"RS256","kid":"RSA_0","typ":"JWT"}"#,
        r#"{"alg":"ES384","kid":"EC384_0","typ":"JWT"}"#,
    ]) {
        let token = state.sign(published.key.algorithm, b"{}", NOW).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (head, claims) = message.split_once('.').unwrap();
        assert_eq!(decode(head), header.as_bytes());
        assert_eq!(decode(claims), b"{}");
        let signature = decode(signature);
        match published.public {
            PublicKey::Rsa { modulus } => RsaPublicKeyComponents {
                n: decode(modulus),
                e: decode(PublicKey::EXPONENT),
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
            .unwrap(),
            PublicKey::Ec { x, y } => {
                let point = [&[4][..], &decode(x), &decode(y)].concat();
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                    .verify(message.as_bytes(), &signature)
                    .unwrap();
            }
        }
    }
}

#[test]
fn private_keys_do_not_print() {
    let mut issuer = issuer();
    let private = PrivateKey::generate(Algorithm::Es384).unwrap();
    assert_eq!(format!("{private:?}"), "PrivateKey(…)");
    let document = Secret::new(data_encoding::BASE64.encode(private.bytes()));
    add(&mut issuer, NOW, NOW);
    let state = IssuerState::open(&issuer, account(), &root_key()).unwrap();
    let printed = format!("{state:?}");
    assert!(printed.contains("Signer(Ec {"), "{printed}");
    assert!(!printed.contains(document.expose()));
}
