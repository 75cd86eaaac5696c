//! What the audit record keeps of a request and its answer: all but secrets.

use crate::node::{Node, Times, to_json};
use crate::params::Params;
use serde_json::Value;
use std::collections::BTreeMap;

/// Parameters that are secrets, in requests and answers, known in any letter case, and in requests
/// wherever they stand in a name: what was misspelled is a secret all the same.
const SECRET: [&str; 21] = [
    "Token",
    "SecretAccessKey",
    "SessionToken",
    "TokenCode",
    "Password",
    "LDAPPassword",
    "OldPassword",
    "NewPassword",
    "ServicePassword",
    "ServiceCredentialSecret",
    "SAMLAssertion",
    "WebIdentityToken",
    "AuthenticationCode1",
    "AuthenticationCode2",
    "Base32StringSeed",
    "QRCodePNG",
    "PrivateKey",
    "AddPrivateKey",
    "ContextAssertion",
    "TradeInToken",
    "ExchangeToken",
];
/// How a private key in PEM begins, whatever parameter it was sent in by mistake.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// What the audit record keeps of the parameters: as many as AWS's largest request has, and no
/// more bytes than CloudTrail keeps.
const MOST_RECORDED: usize = 512;
const LONGEST_RECORD: usize = 100 * 1024;
/// Lists in lists: no request of AWS's has more.
const DEEPEST: usize = 4;

/// The parameters as the audit record has them: first letters in lower case, lists as lists, without
/// secrets, and cut where the sender made them longer than the record is to be.
pub(crate) fn request_parameters(params: &Params) -> Value {
    let mut shown = Shown::default();
    let mut room = LONGEST_RECORD;
    let parameters = params
        .iter()
        .filter(|(name, _)| !matches!(*name, "Action" | "Version"));
    for (name, value) in parameters.take(MOST_RECORDED) {
        let value = if name.split('.').any(is_secret) || value.contains(PRIVATE_KEY) {
            HIDDEN
        } else {
            cut(value)
        };
        let Some(left) = room.checked_sub(name.len() + value.len()) else {
            break;
        };
        room = left;
        shown.put(name, value, DEEPEST);
    }
    match shown {
        Shown::Structure(members) if members.is_empty() => Value::Null,
        shown => shown.into(),
    }
}

fn is_secret(part: &str) -> bool {
    SECRET
        .iter()
        .any(|secret| part.eq_ignore_ascii_case(secret))
}

/// Parameters put together to what they say: `Tags.member.1.Key` is the member `key` of the first
/// element of the list `tags`.
enum Shown {
    Text(String),
    Structure(BTreeMap<String, Shown>),
    List(BTreeMap<u32, Shown>),
    /// Entries by their place: keys and values.
    Map(BTreeMap<u32, [String; 2]>),
}

impl Default for Shown {
    fn default() -> Self {
        Self::Structure(BTreeMap::new())
    }
}

impl Shown {
    /// Puts a value where its name belongs. What has no place in the shape that others have made is
    /// shown under its whole name.
    fn put(&mut self, name: &str, value: &str, depth: usize) {
        let Self::Structure(members) = self else {
            return;
        };
        if let Some((list, index, rest)) = element(name).filter(|_| depth > 0) {
            let list = members
                .entry(lower_first(list))
                .or_insert_with(|| Self::List(BTreeMap::new()));
            if let Self::List(elements) = list {
                match (elements.get_mut(&index), rest) {
                    (Some(element @ Self::Structure(_)), Some(rest)) => {
                        return element.put(rest, value, depth - 1);
                    }
                    (None, Some(rest)) => {
                        let mut element = Self::default();
                        element.put(rest, value, depth - 1);
                        elements.insert(index, element);
                        return;
                    }
                    (None, None) => {
                        elements.insert(index, Self::Text(value.to_owned()));
                        return;
                    }
                    (Some(_), _) => {}
                }
            }
        }
        if let Some((map, index, half)) = entry(name) {
            let map = members
                .entry(lower_first(map))
                .or_insert_with(|| Self::Map(BTreeMap::new()));
            if let Self::Map(entries) = map {
                let halves = entries.entry(index).or_default();
                if let Some(place) = halves.get_mut(half) {
                    value.clone_into(place);
                }
                return;
            }
        }
        if let Some((structure, rest)) = member(name).filter(|_| depth > 0) {
            let structure = members
                .entry(lower_first(structure))
                .or_insert_with(Self::default);
            if let Self::Structure(_) = structure {
                return structure.put(rest, value, depth - 1);
            }
        }
        members
            .entry(lower_first(name))
            .or_insert_with(|| Self::Text(value.to_owned()));
    }
}

/// The structure and its member: `TaskPolicyArn.arn`.
fn member(name: &str) -> Option<(&str, &str)> {
    let legal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphabetic());
    name.split_once('.')
        .filter(|(structure, rest)| legal(structure) && legal(rest))
}

/// `NAME.member.INDEX` and what follows behind another dot.
fn element(name: &str) -> Option<(&str, u32, Option<&str>)> {
    let (list, rest) = name.split_once(".member.")?;
    let (index, rest) = match rest.split_once('.') {
        Some((index, rest)) => (index, Some(rest)),
        None => (rest, None),
    };
    Some((list, index.parse().ok()?, rest))
}

/// `NAME.entry.INDEX.key` or `.value`, of which key is the first half.
fn entry(name: &str) -> Option<(&str, u32, usize)> {
    let (map, rest) = name.split_once(".entry.")?;
    let (index, half) = rest.split_once('.')?;
    let half = ["key", "value"].iter().position(|name| *name == half)?;
    Some((map, index.parse().ok()?, half))
}

impl From<Shown> for Value {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Text(text) => text.into(),
            Shown::Map(entries) => entries
                .into_values()
                .map(|[key, value]| (key, Value::from(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Shown::List(elements) => elements.into_values().map(Value::from).collect(),
            Shown::Structure(members) => members
                .into_iter()
                .map(|(name, shown)| (name, Value::from(shown)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// The answer as the audit record has it, in JSON. CloudTrail records it for operations that change
/// something or issue credentials; lists and other reads are left out for their size.
///
/// A text, because it is made while a client waits: reading it is for who writes the record.
pub(crate) fn response_elements(node: &Node<'_>) -> String {
    let mut out = Vec::with_capacity(512);
    write_elements(&mut out, node);
    String::from_utf8(out).unwrap_or_default()
}

fn write_elements(out: &mut Vec<u8>, node: &Node<'_>) {
    // Writing to memory does not fail.
    match node {
        Node::Structure(members) => {
            out.push(b'{');
            let mut first = true;
            for (name, node) in members {
                if matches!(node, Node::List(_)) || matches!(*name, "IsTruncated" | "Marker") {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                // Names of members are letters and digits.
                out.push(b'"');
                let mut letters = name.bytes();
                out.extend(letters.next().map(|first| first.to_ascii_lowercase()));
                out.extend(letters);
                out.extend_from_slice(b"\":");
                if is_secret(name) {
                    let _ = serde_json::to_writer(&mut *out, HIDDEN);
                } else {
                    write_elements(out, node);
                }
            }
            out.push(b'}');
        }
        Node::Text(text)
            if text
                .bytes()
                .fold(true, |plain, byte| plain & is_plain(byte)) =>
        {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        node => {
            let _ = serde_json::to_writer(out, &to_json(node, Times::Epoch));
        }
    }
}

/// Whether a byte stands for itself in a JSON string.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

/// At most the first characters of a parameter that the record has room for.
fn cut(value: &str) -> &str {
    const LONGEST: usize = 8192;
    if value.len() <= LONGEST {
        return value;
    }
    let end = value.char_indices().nth(LONGEST).map(|(end, _)| end);
    end.and_then(|end| value.get(..end)).unwrap_or(value)
}

fn lower_first(name: &str) -> String {
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(form: &str, expected: &Value) {
        let params = Params::parse("", form.as_bytes()).unwrap();
        assert_eq!(request_parameters(&params), *expected, "{form}");
    }

    #[test]
    fn lists_are_shown_as_lists() {
        check("Action=A&Version=1", &Value::Null);
        check(
            "RoleArn=r&Tags.member.2.Key=b&Tags.member.2.Value=2&Tags.member.10.Key=c&Tags.member.1.Key=a\
             &Tags.member.1.Value=1&TransitiveTagKeys.member.1=a&PolicyArns.member.1.arn=p",
            &json!({
                "roleArn": "r",
                "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}, {"key": "c"}],
                "transitiveTagKeys": ["a"],
                "policyArns": [{"arn": "p"}],
            }),
        );
        check(
            "TargetPrincipal=t&TaskPolicyArn.arn=a",
            &json!({"targetPrincipal": "t", "taskPolicyArn": {"arn": "a"}}),
        );
        check(
            "A.member.1.B.member.1.C=d",
            &json!({"a": [{"b": [{"c": "d"}]}]}),
        );
        check(
            "tags.entry.2.key=b&tags.entry.2.value=2&tags.entry.1.key=a&tags.entry.1.value=1",
            &json!({"tags": {"a": "1", "b": "2"}}),
        );
    }

    #[test]
    fn what_has_no_shape_is_shown_as_it_is() {
        check(
            "T=1&T.arn=2&U..x=3&.V=4&W.a.b=5",
            &json!({"t": "1", "t.arn": "2", "u..x": "3", ".V": "4", "w.a.b": "5"}),
        );
        check(
            "Tags.member.x=1&Tags.member.=2&Tags=&Tags.member.1=3",
            &json!({"tags": "", "tags.member.": "2", "tags.member.x": "1", "tags.member.1": "3"}),
        );
        check(
            "L.member.1=a&L.member.1.B=c",
            &json!({"l": ["a"], "l.member.1.B": "c"}),
        );
        // However deep a name pretends to be.
        let deep = "A.member.1.".repeat(5_000);
        let mut shown =
            &request_parameters(&Params::parse("", format!("{deep}B=c").as_bytes()).unwrap());
        for _ in 0..DEEPEST {
            shown = &shown["a"][0];
        }
        let (name, value) = shown.as_object().unwrap().iter().next().unwrap();
        assert!(name.ends_with(".B") && value == "c");
    }

    #[test]
    fn answers_are_shown_without_secrets_and_lists() {
        use crate::node::Members;
        let node = Members::new()
            .structure(
                "Credentials",
                Members::new()
                    .text("SecretAccessKey", "s")
                    .text("sessionToken", "s")
                    .text("AccessKeyId", "ASIA\"\n")
                    .time("Expiration", 7),
            )
            .list("Tags", [])
            .boolean("IsTruncated", false)
            .node();
        let shown: Value = serde_json::from_str(&response_elements(&node)).unwrap();
        assert_eq!(
            shown,
            json!({"credentials": {"secretAccessKey": HIDDEN, "sessionToken": HIDDEN, "accessKeyId": "ASIA\"\n", "expiration": 7}})
        );
    }

    #[test]
    fn a_private_key_is_not_shown_wherever_it_was_put() {
        check(
            "PrivateKey=x&CertificateBody=-----BEGIN+CERTIFICATE-----%0A&SSHPublicKeyBody=-----BEGIN+RSA+PRIVATE+KEY-----%0Ax",
            &json!({
                "privateKey": HIDDEN,
                "certificateBody": "-----BEGIN CERTIFICATE-----\n",
                "sSHPublicKeyBody": HIDDEN,
            }),
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        check(
            "TokenCode=123456&token=jwt&TradeInToken=abc&AddPrivateKey=pem&ProvidedContexts.member.1.ContextAssertion=abcd\
             &Password=a&OldPassword=b&NewPassword=c&password=d&Password.member.1=e&X.PASSWORD.y=f",
            &json!({
                "tokenCode": HIDDEN,
                "token": HIDDEN,
                "addPrivateKey": HIDDEN,
                "password": HIDDEN,
                "oldPassword": HIDDEN,
                "newPassword": HIDDEN,
                "password.member.1": HIDDEN,
                "x.PASSWORD.y": HIDDEN,
                "tradeInToken": HIDDEN,
                "providedContexts": [{"contextAssertion": HIDDEN}],
            }),
        );
    }
}
