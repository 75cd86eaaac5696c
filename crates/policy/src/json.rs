//! A strict JSON reader that keeps what serde forgets: where each value stands, and every key.
//!
//! Follows RFC 8259. A key given twice in one object, nesting deeper than a policy can need, and
//! text after the value are errors, because two readers could understand such a document
//! differently.

use std::ops::Range;

/// More than any policy has: document, list, statement, condition block, operator, key, list.
const MAX_DEPTH: usize = 16;

/// One value and the bytes it takes up.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) value: Json,
    pub(crate) span: Range<usize>,
}

#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// The text as written.
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// The text is not JSON as this reader takes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotJson;

/// Reads one whole document.
pub(crate) fn parse(text: &str) -> Result<Node, NotJson> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.blanks();
    if reader.at == text.len() {
        Ok(node)
    } else {
        Err(NotJson)
    }
}

/// A string as JSON writes it, quotes included.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, NotJson> {
        if depth > MAX_DEPTH {
            return Err(NotJson);
        }
        self.blanks();
        let start = self.at;
        let value = match self.peek().ok_or(NotJson)? {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => Json::String(self.string()?),
            b't' => self.word("true", Json::Bool(true))?,
            b'f' => self.word("false", Json::Bool(false))?,
            b'n' => self.word("null", Json::Null)?,
            _ => Json::Number(self.number()?),
        };
        Ok(Node {
            value,
            span: start..self.at,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Json, NotJson> {
        self.at += 1;
        let mut members: Vec<(String, Node)> = Vec::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            let key = self.string()?;
            self.blanks();
            self.expect(b':')?;
            members.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.eat(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(NotJson);
        }
        Ok(Json::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Json, NotJson> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.eat(b']') {
                return Ok(Json::Array(items));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<String, NotJson> {
        self.expect(b'"')?;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).ok_or(NotJson)?;
            let plain = rest
                .bytes()
                .position(|b| matches!(b, b'"' | b'\\') || b < b' ')
                .ok_or(NotJson)?;
            out.push_str(rest.get(..plain).ok_or(NotJson)?);
            self.at += plain + 1;
            match rest.as_bytes().get(plain) {
                Some(b'"') => return Ok(out),
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(NotJson),
            }
        }
    }

    /// What follows a backslash (RFC 8259, section 7).
    fn escape(&mut self) -> Result<char, NotJson> {
        let letter = self.peek().ok_or(NotJson)?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut units = vec![self.hex()?];
                // A character beyond U+FFFF takes two escapes; half of one is no character.
                if matches!(units.as_slice(), [0xD800..=0xDBFF]) {
                    self.expect(b'\\')?;
                    self.expect(b'u')?;
                    units.push(self.hex()?);
                }
                let mut chars = char::decode_utf16(units);
                let c = chars.next().and_then(Result::ok).ok_or(NotJson)?;
                if chars.next().is_some() {
                    return Err(NotJson);
                }
                c
            }
            _ => return Err(NotJson),
        })
    }

    fn hex(&mut self) -> Result<u16, NotJson> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(NotJson)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotJson);
        }
        self.at += 4;
        u16::from_str_radix(digits, 16).map_err(|_| NotJson)
    }

    fn number(&mut self) -> Result<String, NotJson> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        self.text
            .get(start..self.at)
            .map(str::to_owned)
            .ok_or(NotJson)
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(NotJson)
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, NotJson> {
        let rest = self.text.get(self.at..).ok_or(NotJson)?;
        if !rest.starts_with(word) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(value)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.eat(byte) { Ok(()) } else { Err(NotJson) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, MAX_DEPTH, parse, quote};

    #[track_caller]
    fn check(text: &str, wanted: Option<&str>) {
        let seen = parse(text).ok().map(|node| {
            assert_eq!(node.span.end - node.span.start, text.trim().len(), "{text}");
            match node.value {
                Json::String(text) | Json::Number(text) => text,
                Json::Array(items) => format!("{} items", items.len()),
                Json::Object(members) => format!("{} members", members.len()),
                Json::Bool(value) => value.to_string(),
                Json::Null => "null".to_owned(),
            }
        });
        assert_eq!(seen.as_deref(), wanted, "{text}");
    }

    #[test]
    fn values() {
        check(" null ", Some("null"));
        check("true", Some("true"));
        check("-0.50e+7", Some("-0.50e+7"));
        check("[]", Some("0 items"));
        check("[1, [2], {}]", Some("3 items"));
        check("{}", Some("0 members"));
        check(r#"{"a": 1, "A": 2}"#, Some("2 members"));
        check(r#""a\u00e9\ud83d\ude00\n\/\"""#, Some("aé😀\n/\""));
        check("\"é\"", Some("é"));
    }

    #[test]
    fn what_is_no_json() {
        for text in [
            "",
            " ",
            "nul",
            "truex",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "-",
            "[1,]",
            "[1 2]",
            "{,}",
            "{1:2}",
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            "\"",
            "\"\\",
            r#""\x""#,
            r#""\u12""#,
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\u0041""#,
            "\"\n\"",
            "1 1",
            "{} {}",
            "'a'",
            "//",
            "\u{feff}{}",
            "\u{a0}1",
            "[",
            "{",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_key_twice() {
        check(r#"{"a": 1, "a": 2}"#, None);
        check(r#"{"a": 1, "\u0061": 2}"#, None);
        check(r#"[{"a": {"b": 1, "c": 2, "b": 3}}]"#, None);
    }

    #[test]
    fn depth() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(MAX_DEPTH + 1), Some("1 items"));
        check(&nested(MAX_DEPTH + 2), None);
        check(&nested(1_000_000), None);
    }

    #[test]
    fn quoting_reads_back() {
        for text in ["", "a", "\"\\", "\u{1}\n", "é😀/"] {
            check(&quote(text), Some(text));
        }
    }
}
