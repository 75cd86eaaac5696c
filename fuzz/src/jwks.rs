//! The reader of key sets.

use locum_federation::oidc::{KeySet, Token};

/// A key set, and a token signed with its key `known`.
const KNOWN: &str = include_str!("../corpus/jwks.known.json");
const TOKEN: &str = include_str!("../corpus/jwks.known.jwt");

/// Any bytes as a key set; and as a key in one.
pub fn run(data: &[u8]) {
    read(data);
    let mut set = br#"{"keys":["#.to_vec();
    set.extend(data);
    set.extend(b"]}");
    read(&set);
}

fn read(data: &[u8]) {
    let Ok(set) = KeySet::parse(data) else {
        return;
    };
    assert_eq!(set.has(None), set.len() == 1);
    for (_, why) in set.unusable() {
        assert!(!why.to_string().is_empty());
    }
    let token = Token::parse(TOKEN.trim()).expect("the token is one");
    if token.verify(&set).is_ok() {
        // It has the key that signed, digit for digit.
        let text = String::from_utf8_lossy(data);
        assert!(text.contains("kid"));
        assert!(set.has(Some("known")));
        let known = KeySet::parse(KNOWN.as_bytes()).expect("the set is one");
        let token = Token::parse(TOKEN.trim()).expect("the token is one");
        assert!(token.verify(&known).is_ok());
    }
}
