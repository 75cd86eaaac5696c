//! A strict JSON reader that keeps what serde forgets: where each key and value stands, and every key.
//!
//! Follows RFC 8259. A key given twice in one object, nesting deeper than a policy can need, and
//! text after the value are errors, because two readers could understand such a document
//! differently. Strings without escapes are borrowed from the text. Reading takes time and memory in
//! proportion to the text; how long a document may be is for quotas to say, far below [`MAX_LENGTH`].

use std::borrow::Cow;
use std::fmt;

/// More than any policy has: document, list, statement, condition block, operator, key, list.
const MAX_DEPTH: usize = 16;

/// A hundred times what AWS takes: 131,072 characters. What is compiled from a document refers to its
/// parts by 32 bits.
pub(crate) const MAX_LENGTH: usize = 1 << 24;

/// Bytes of the text: from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One value and where it stands.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: Json<'a>,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// The text as written.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

/// A key of an object with its value.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: Cow<'a, str>,
    /// Quotes included.
    pub(crate) key_span: Span,
    pub(crate) node: Node<'a>,
}

/// The text is not JSON as this reader takes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotJson {
    /// The byte at which reading failed.
    pub(crate) at: usize,
    pub(crate) fault: Fault,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    Syntax,
    /// The text ends before the value does.
    Truncated,
    DuplicateKey,
    TooDeep,
    /// Longer than [`MAX_LENGTH`], 16 MiB.
    TooLong,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Syntax => "this is not JSON: unexpected character",
            Fault::Truncated => "this is not JSON: the text ends too early",
            Fault::DuplicateKey => "the object has this key already",
            Fault::TooDeep => "nested too deeply",
            Fault::TooLong => "longer than 16 MiB",
        })
    }
}

/// Reads one whole document.
pub(crate) fn parse(text: &str) -> Result<Node<'_>, NotJson> {
    if text.len() > MAX_LENGTH {
        let (at, fault) = (MAX_LENGTH, Fault::TooLong);
        return Err(NotJson { at, fault });
    }
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.blanks();
    if reader.at == text.len() {
        Ok(node)
    } else {
        Err(reader.fail())
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

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, NotJson> {
        self.blanks();
        if depth > MAX_DEPTH {
            return Err(NotJson {
                at: self.at,
                fault: Fault::TooDeep,
            });
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Json::String(self.string()?),
            Some(b't') => self.word("true", Json::Bool(true))?,
            Some(b'f') => self.word("false", Json::Bool(false))?,
            Some(b'n') => self.word("null", Json::Null)?,
            _ => Json::Number(self.number()?),
        };
        Ok(Node {
            value,
            span: self.since(start),
        })
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, NotJson> {
        self.at += 1;
        let mut members: Vec<Member<'a>> = Vec::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            let start = self.at;
            let key = self.string()?;
            let key_span = self.since(start);
            self.blanks();
            self.expect(b':')?;
            let node = self.value(depth + 1)?;
            members.push(Member {
                key,
                key_span,
                node,
            });
            self.blanks();
            if self.eat(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        match second_of_its_name(&members) {
            None => Ok(Json::Object(members)),
            Some(at) => Err(NotJson {
                at,
                fault: Fault::DuplicateKey,
            }),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, NotJson> {
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

    fn string(&mut self) -> Result<Cow<'a, str>, NotJson> {
        self.expect(b'"')?;
        let plain = self.plain()?;
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut out = plain.to_owned();
        loop {
            self.expect(b'\\')?;
            out.push(self.escape()?);
            out.push_str(self.plain()?);
            if self.eat(b'"') {
                return Ok(Cow::Owned(out));
            }
        }
    }

    /// The characters up to a quote or a backslash.
    fn plain(&mut self) -> Result<&'a str, NotJson> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|b| matches!(b, b'"' | b'\\') || *b < b' ');
        self.at += length.unwrap_or(rest.len());
        self.text.get(start..self.at).ok_or_else(|| self.fail())
    }

    /// What follows a backslash (RFC 8259, section 7).
    fn escape(&mut self) -> Result<char, NotJson> {
        let letter = self.peek().ok_or_else(|| self.fail())?;
        let c = match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.fail()),
        };
        self.at += 1;
        Ok(c)
    }

    /// The hexadecimal digits of `\u`, and those of a second one where a character takes two.
    fn unicode(&mut self) -> Result<char, NotJson> {
        let start = self.fail();
        let first = self.hex()?;
        let mut units = [first, 0];
        let mut count = 1;
        // A character beyond U+FFFF takes two escapes; half of one is no character.
        if matches!(first, 0xD800..=0xDBFF) {
            self.expect(b'\\')?;
            self.expect(b'u')?;
            units = [first, self.hex()?];
            count = 2;
        }
        let mut chars = char::decode_utf16(units.into_iter().take(count));
        match (chars.next(), chars.next()) {
            (Some(Ok(c)), None) => Ok(c),
            _ => Err(start),
        }
    }

    fn hex(&mut self) -> Result<u16, NotJson> {
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|d| u16::from_str_radix(d, 16).ok());
        let unit = unit.ok_or_else(|| self.fail())?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<&'a str, NotJson> {
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
        self.text.get(start..self.at).ok_or_else(|| self.fail())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(self.fail())
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, NotJson> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.fail());
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
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.fail())
        }
    }

    fn since(&self, start: usize) -> Span {
        Span {
            start,
            end: self.at,
        }
    }

    fn fail(&self) -> NotJson {
        let fault = if self.at >= self.text.len() {
            Fault::Truncated
        } else {
            Fault::Syntax
        };
        NotJson { at: self.at, fault }
    }
}

/// Where the first key stands that the object has already.
fn second_of_its_name(members: &[Member<'_>]) -> Option<usize> {
    // Most objects are small, and then looking at each pair is quicker than sorting.
    if members.len() <= 8 {
        return members
            .iter()
            .enumerate()
            .find(|(index, member)| members.iter().take(*index).any(|m| m.key == member.key))
            .map(|(_, member)| member.key_span.start);
    }
    let mut keys: Vec<(&str, usize)> = members
        .iter()
        .map(|m| (&*m.key, m.key_span.start))
        .collect();
    keys.sort_unstable();
    keys.windows(2)
        .filter_map(|pair| match pair {
            [(a, _), (b, at)] if a == b => Some(*at),
            _ => None,
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::{Fault, Json, MAX_DEPTH, NotJson, parse, quote};

    #[track_caller]
    fn check(text: &str, wanted: Option<&str>) {
        let seen = parse(text).ok().map(|node| {
            assert_eq!(node.span.end - node.span.start, text.trim().len(), "{text}");
            match node.value {
                Json::String(text) => text.into_owned(),
                Json::Number(text) => text.to_owned(),
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
    fn where_reading_failed() {
        let failure = |text: &str| parse(text).err().map(|NotJson { at, fault }| (at, fault));
        let many: String = (0..20).map(|n| format!("\"{n}\": 0, ")).collect();
        for (text, at, fault) in [
            ("", 0, Fault::Truncated),
            (r#"{"a": "#, 6, Fault::Truncated),
            (r#"{"a": 1,}"#, 8, Fault::Syntax),
            (r#"{"a": x}"#, 6, Fault::Syntax),
            (r#"{"a" 1}"#, 5, Fault::Syntax),
            ("[1] 2", 4, Fault::Syntax),
            ("\"a\nb\"", 2, Fault::Syntax),
            (r#""é\x""#, 4, Fault::Syntax),
            (r#""\u12g4""#, 3, Fault::Syntax),
            (r#""a"#, 2, Fault::Truncated),
            (r#"{"a": 1, "b": 2, "a": 3}"#, 17, Fault::DuplicateKey),
            (
                &format!("{{{many}\"7\": 0, \"8\": 0}}"),
                171,
                Fault::DuplicateKey,
            ),
            (&"[".repeat(18), 17, Fault::TooDeep),
        ] {
            assert_eq!(failure(text), Some((at, fault)), "{text}");
        }
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
