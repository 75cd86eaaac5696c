//! The shape of an answer, written as XML (query protocol) or JSON.

use data_encoding::BASE64;
use locum_identity::environment::{Seconds, timestamp};
use std::borrow::Cow;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
    Time(Seconds),
    Blob(&'a [u8]),
    Structure(Vec<(&'static str, Node<'a>)>),
    List(Vec<Node<'a>>),
    /// Keys and their values, in the order they are written.
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// Puts a marker in place of the sort key that encoders leave as `Marker`, `NextToken` or
    /// `nextToken`.
    pub(crate) fn mark(mut self, marker: impl Fn(&str) -> String) -> Self {
        if let Self::Structure(members) = &mut self {
            for (name, node) in members {
                if let ("Marker" | "NextToken" | "nextToken", Self::Text(key)) = (*name, &mut *node)
                {
                    *node = Self::text(marker(key));
                }
            }
        }
        self
    }
}

/// Members of a structure, in the model's order; absent ones are left out.
#[derive(Default)]
pub(crate) struct Members<'a>(Vec<(&'static str, Node<'a>)>);

impl<'a> Members<'a> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn with(mut self, name: &'static str, node: Node<'a>) -> Self {
        self.0.push((name, node));
        self
    }

    pub(crate) fn text(self, name: &'static str, text: impl Into<Cow<'a, str>>) -> Self {
        self.with(name, Node::text(text))
    }

    pub(crate) fn text_if(self, name: &'static str, text: Option<impl Into<Cow<'a, str>>>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    pub(crate) fn integer(self, name: &'static str, number: impl Into<i64>) -> Self {
        self.with(name, Node::Integer(number.into()))
    }

    pub(crate) fn blob(self, name: &'static str, bytes: &'a [u8]) -> Self {
        self.with(name, Node::Blob(bytes))
    }

    pub(crate) fn boolean(self, name: &'static str, value: bool) -> Self {
        self.with(name, Node::Boolean(value))
    }

    pub(crate) fn time(self, name: &'static str, at: Seconds) -> Self {
        self.with(name, Node::Time(at))
    }

    pub(crate) fn time_if(self, name: &'static str, at: Option<Seconds>) -> Self {
        match at {
            Some(at) => self.time(name, at),
            None => self,
        }
    }

    pub(crate) fn list(
        self,
        name: &'static str,
        items: impl IntoIterator<Item = Node<'a>>,
    ) -> Self {
        self.with(name, Node::List(items.into_iter().collect()))
    }

    /// The same members, one of them under another name.
    pub(crate) fn renamed(mut self, from: &str, to: &'static str) -> Self {
        for (name, _) in &mut self.0 {
            if *name == from {
                *name = to;
            }
        }
        self
    }

    pub(crate) fn structure(self, name: &'static str, members: Members<'a>) -> Self {
        self.with(name, members.node())
    }

    pub(crate) fn node(self) -> Node<'a> {
        Node::Structure(self.0)
    }
}

/// Writes `node` as the content of an element: structures as child elements, lists as
/// `member`s, maps as `entry`s.
pub(crate) fn write_xml(out: &mut String, node: &Node<'_>) {
    match node {
        Node::Text(text) => escape_xml(out, text),
        Node::Integer(number) => out.push_str(&number.to_string()),
        Node::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Time(at) => out.push_str(&timestamp(*at)),
        Node::Blob(bytes) => BASE64.encode_append(bytes, out),
        Node::Structure(members) => members
            .iter()
            .for_each(|(name, node)| element(out, name, node)),
        Node::List(items) => items.iter().for_each(|item| element(out, "member", item)),
        Node::Map(entries) => entries.iter().for_each(|(key, value)| {
            out.push_str("<entry><key>");
            escape_xml(out, key);
            out.push_str("</key>");
            element(out, "value", value);
            out.push_str("</entry>");
        }),
    }
}

fn element(out: &mut String, name: &str, node: &Node<'_>) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    write_xml(out, node);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Writes text so that an XML 1.0 parser reads it back. Characters that XML 1.0 cannot carry
/// become U+FFFD.
pub(crate) fn escape_xml(out: &mut String, text: &str) {
    // Most text needs no escape, and is copied whole.
    // All bytes are looked at, so that many are looked at at once.
    if text
        .bytes()
        .fold(true, |plain, byte| plain & is_plain(byte))
    {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}

/// Whether a byte of UTF-8 belongs to a character that stands for itself. U+FFFE and U+FFFF begin
/// with 0xEF, as some do that need no escape.
fn is_plain(byte: u8) -> bool {
    !matches!(byte, 0..=0x1f | b'<' | b'>' | b'&' | b'"' | 0xef)
}

/// How moments are written in JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Times {
    /// Seconds since 1970, which the JSON protocols have where the model says nothing else.
    Epoch,
    /// ISO 8601.
    Iso,
}

/// The value as JSON.
pub(crate) fn to_json(node: &Node<'_>, times: Times) -> serde_json::Value {
    use serde_json::Value;
    match node {
        Node::Text(text) => Value::from(text.as_ref()),
        Node::Time(at) if times == Times::Iso => Value::from(timestamp(*at)),
        Node::Integer(number) | Node::Time(number) => Value::from(*number),
        Node::Boolean(value) => Value::from(*value),
        Node::Blob(bytes) => Value::from(BASE64.encode(bytes)),
        Node::Map(entries) => entries
            .iter()
            .map(|(key, node)| (key.to_string(), to_json(node, times)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Node::Structure(members) => members
            .iter()
            .map(|(name, node)| ((*name).to_owned(), to_json(node, times)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Node::List(items) => items.iter().map(|item| to_json(item, times)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_carries_any_text() {
        let mut out = String::new();
        escape_xml(&mut out, "<a href=\"x\">&\r\n\u{0}é");
        assert_eq!(out, "&lt;a href=&quot;x&quot;&gt;&amp;&#xD;\n\u{fffd}é");
        for plain in [
            "",
            "arn:aws:iam::123456789012:role/é",
            "\u{fffd}",
            "a\tb\nc",
        ] {
            let mut out = String::new();
            escape_xml(&mut out, plain);
            assert_eq!(out, plain);
        }
        for (text, escaped) in [
            ("a>", "a&gt;"),
            ("a\"", "a&quot;"),
            ("\u{fffe}", "\u{fffd}"),
            ("\u{ffff}", "\u{fffd}"),
            ("\u{1f}", "\u{fffd}"),
        ] {
            let mut out = String::new();
            escape_xml(&mut out, text);
            assert_eq!(out, escaped);
        }
    }

    #[test]
    fn structures_and_lists() {
        let node = Members::new()
            .text("Name", "n")
            .boolean("IsTruncated", false)
            .list("Tags", [Members::new().text("Key", "k").node()])
            .time("At", 0)
            .with("Map", Node::Map(vec![("a".into(), Node::Integer(1))]))
            .node();
        let mut out = String::new();
        write_xml(&mut out, &node);
        assert_eq!(
            out,
            "<Name>n</Name><IsTruncated>false</IsTruncated><Tags><member><Key>k</Key></member></Tags><At>1970-01-01T00:00:00Z</At><Map><entry><key>a</key><value>1</value></entry></Map>"
        );
        assert_eq!(
            to_json(&node, Times::Epoch).to_string(),
            r#"{"At":0,"IsTruncated":false,"Map":{"a":1},"Name":"n","Tags":[{"Key":"k"}]}"#
        );
        assert_eq!(to_json(&Node::Time(0), Times::Iso), "1970-01-01T00:00:00Z");
    }
}
