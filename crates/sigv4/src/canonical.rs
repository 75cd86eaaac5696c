//! The canonical forms of path, query and headers ("Elements of an AWS API request signature",
//! AWS IAM User Guide).
//!
//! All of it works on the request target as it was received, so that what is verified is what is
//! read, and in time linear in the request's head (but for sorting the query's parameters).

use std::borrow::Cow;

use http::HeaderMap;
use http::header::HeaderValue;
use http::request::Parts;

use crate::error::EscapeFault;
use crate::text;

/// The query parameter that presigning adds last, and that therefore is not signed itself.
pub(crate) const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";
/// The query parameter of a session token.
pub(crate) const TOKEN_PARAMETER: &str = "X-Amz-Security-Token";

/// The canonical request.
pub(crate) fn request(
    head: &Parts,
    path: &str,
    query: &Query<'_>,
    but: &[&str],
    signed_headers: &str,
    payload_line: &str,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048);
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(path.as_bytes());
    out.push(b'\n');
    query.write(&mut out, but);
    out.push(b'\n');
    write_headers(&mut out, head, signed_headers);
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload_line.as_bytes());
    out
}

/// The canonical path of every service but S3: dot segments and empty segments are removed, and
/// what is left is encoded once more. `None` for a path that is not absolute, leaves the root, or
/// has a broken escape.
pub(crate) fn path(raw: &str) -> Option<Cow<'_, str>> {
    if raw == "/" || raw.is_empty() {
        return Some(Cow::Borrowed("/"));
    }
    if !raw.starts_with('/') || check_escapes(raw).is_err() {
        return None;
    }
    let mut kept = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop()?;
            }
            other => kept.push(other),
        }
    }
    let mut out = String::with_capacity(raw.len() + 8);
    for segment in &kept {
        out.push('/');
        for byte in segment.bytes() {
            push_encoded(&mut out, byte);
        }
    }
    if kept.is_empty() || raw.ends_with('/') {
        out.push('/');
    }
    Some(Cow::Owned(out))
}

/// The canonical path of S3, where a key may hold `//` and `..`: the encoding is made uniform,
/// nothing else.
pub(crate) fn s3_path(raw: &str) -> Option<Cow<'_, str>> {
    if raw.is_empty() {
        return Some(Cow::Borrowed("/"));
    }
    if !raw.starts_with('/') {
        return None;
    }
    uniform(raw, Part::Path).ok()
}

/// The parameters of a query, each name and value in its canonical encoding, duplicates included.
#[derive(Debug, Default)]
pub(crate) struct Query<'r>(Vec<(Cow<'r, str>, Cow<'r, str>)>);

impl<'r> Query<'r> {
    /// Reads a query as it was received. Nothing is sorted yet.
    pub(crate) fn parse(raw: &'r str) -> Result<Self, EscapeFault> {
        text::pieces(raw, b'&')
            .filter(|piece| !piece.is_empty())
            .map(|piece| {
                let (name, value) = text::cut(piece, b'=').unwrap_or((piece, ""));
                Ok((uniform(name, Part::Query)?, uniform(value, Part::Query)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The value of the first parameter of that name, decoded; before [`Query::sort`], the first
    /// in the order received. `name` must be made of unreserved characters.
    pub(crate) fn first(&self, name: &str) -> Option<Cow<'r, str>> {
        let (_, value) = self.0.iter().find(|(have, _)| have == name)?;
        Some(match value {
            Cow::Borrowed(text) => percent_encoding::percent_decode_str(text).decode_utf8_lossy(),
            Cow::Owned(text) => Cow::Owned(
                percent_encoding::percent_decode_str(text)
                    .decode_utf8_lossy()
                    .into_owned(),
            ),
        })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(have, _)| have == name)
    }

    /// By encoded name, then by encoded value, in byte order.
    pub(crate) fn sort(&mut self) {
        self.0.sort_unstable();
    }

    /// Appends the canonical query without the parameters named in `but`.
    pub(crate) fn write(&self, out: &mut Vec<u8>, but: &[&str]) {
        let mut first = true;
        for (name, value) in &self.0 {
            if but.contains(&name.as_ref()) {
                continue;
            }
            if !first {
                out.push(b'&');
            }
            first = false;
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value.as_bytes());
        }
    }
}

/// The list of signed headers in its canonical order. What a client sends is nearly always
/// sorted already; a name given twice counts once, so that a long value cannot be multiplied.
pub(crate) fn signed_headers(list: Cow<'_, str>) -> Cow<'_, str> {
    let mut last = None;
    if text::pieces(&list, b';').all(|name| last.replace(name) < Some(name)) {
        return list;
    }
    let mut names: Vec<&str> = list.split(';').collect();
    names.sort_unstable();
    names.dedup();
    Cow::Owned(names.join(";"))
}

/// Appends the canonical headers, one line for each name in `signed`. A header that the request
/// lacks has an empty value, which cannot match what a client signed.
fn write_headers(out: &mut Vec<u8>, head: &Parts, signed: &str) {
    for name in text::pieces(signed, b';') {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        let stands_in = match name {
            "host" | ":authority" if !head.headers.contains_key(name) => host(head),
            _ => None,
        };
        match stands_in {
            Some(host) => write_value(out, host),
            None => {
                for (at, value) in values(&head.headers, name).enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_value(out, value.as_bytes());
                }
            }
        }
        out.push(b'\n');
    }
}

/// The host the request is for: the `Host` header, or HTTP/2's `:authority`. An older request
/// without the header has none, whatever its target says: others who read it may look only there.
fn host(head: &Parts) -> Option<&[u8]> {
    match head.headers.get(http::header::HOST) {
        Some(value) => Some(value.as_bytes()),
        None if head.version < http::Version::HTTP_2 => None,
        None => head.uri.authority().map(|name| name.as_str().as_bytes()),
    }
}

/// Every value of a header, in the order received.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h HeaderValue> {
    headers.get_all(name).iter()
}

/// A value without blanks around it, and with one blank for each run of them inside.
fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    let words = value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    /// `/` stays, `+` is a plus sign.
    Path,
    /// `/` is encoded, `+` is a blank, as in a form.
    Query,
}

/// Decodes and encodes again: unreserved characters stand for themselves, all others are escaped
/// in upper case. Borrows if that changes nothing.
fn uniform(raw: &str, part: Part) -> Result<Cow<'_, str>, EscapeFault> {
    let bytes = raw.as_bytes();
    // An escaped slash in a path names the same key as a bare one.
    let is_bare = |byte| is_unreserved(byte) || (byte == b'/' && part == Part::Path);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += match escape(bytes, at)? {
            None if is_bare(byte) => 1,
            Some((decoded, true)) if !is_bare(decoded) => 3,
            _ => return rewrite(bytes, part).map(Cow::Owned),
        };
    }
    Ok(Cow::Borrowed(raw))
}

fn rewrite(bytes: &[u8], part: Part) -> Result<String, EscapeFault> {
    let mut out = String::with_capacity(bytes.len() + 16);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let decoded = match escape(bytes, at)? {
            Some((decoded, _)) => {
                at += 3;
                decoded
            }
            None => {
                at += 1;
                match byte {
                    b'+' if part == Part::Query => b' ',
                    other => other,
                }
            }
        };
        match decoded {
            b'/' if part == Part::Path => out.push('/'),
            other => push_encoded(&mut out, other),
        }
    }
    Ok(out)
}

fn check_escapes(raw: &str) -> Result<(), EscapeFault> {
    let bytes = raw.as_bytes();
    for at in 0..bytes.len() {
        escape(bytes, at)?;
    }
    Ok(())
}

/// The byte that the escape at `at` stands for and whether its digits are upper-case; `None` if
/// there is no escape at `at`.
fn escape(bytes: &[u8], at: usize) -> Result<Option<(u8, bool)>, EscapeFault> {
    if bytes.get(at) != Some(&b'%') {
        return Ok(None);
    }
    let (Some(&high), Some(&low)) = (bytes.get(at + 1), bytes.get(at + 2)) else {
        return Err(EscapeFault::Incomplete);
    };
    let (Some(h), Some(l)) = (hex_digit(high), hex_digit(low)) else {
        return Err(EscapeFault::Illegal(
            String::from_utf8_lossy(&[high, low]).into_owned(),
        ));
    };
    let upper = !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
    Ok(Some((h << 4 | l, upper)))
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// RFC 3986, section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends a byte, escaped unless it is unreserved.
pub(crate) fn push_encoded(out: &mut String, byte: u8) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    if is_unreserved(byte) {
        out.push(char::from(byte));
        return;
    }
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or('0'));
    }
}
