//! PEM (RFC 7468): blocks with nothing but blanks and line breaks between them.

use data_encoding::BASE64;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Characters of base64 in a line that is written.
const LINE: usize = 64;

/// One block.
pub struct Block<'a> {
    /// `CERTIFICATE`, …
    pub label: &'a str,
    /// What it holds, which may be a secret.
    pub contents: Zeroizing<Vec<u8>>,
}

/// Whether a text wants to be PEM.
pub fn is_meant(text: &str) -> bool {
    trimmed(text).starts_with(BEGIN)
}

/// Text without the blanks and line breaks around it, which mean nothing.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// The blocks of a text, at least one. `None`: text outside of them, headers inside (as encrypted keys
/// have), labels that differ, or base64 that is none.
pub fn blocks(text: &str) -> Option<Vec<Block<'_>>> {
    let mut blocks = Vec::new();
    let mut lines = trimmed(text).split('\n').map(line);
    while let Some(head) = lines.next() {
        if head.is_empty() {
            continue;
        }
        let label = head.strip_prefix(BEGIN)?.strip_suffix(DASHES)?;
        let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
        loop {
            let line = lines.next()?;
            match line.strip_prefix(END) {
                Some(end) if end.strip_suffix(DASHES) == Some(label) => break,
                Some(_) => return None,
                None if line.is_empty() => return None,
                None => base64.extend_from_slice(line.as_bytes()),
            }
        }
        let contents = Zeroizing::new(BASE64.decode(&base64).ok()?);
        if contents.is_empty() {
            return None;
        }
        blocks.push(Block { label, contents });
    }
    (!blocks.is_empty()).then_some(blocks)
}

/// The one block that a text is.
pub fn only(text: &str) -> Option<Block<'_>> {
    let mut blocks = blocks(text)?;
    let block = blocks.pop()?;
    blocks.is_empty().then_some(block)
}

/// A line without what ends it.
fn line(line: &str) -> &str {
    let line = line.strip_suffix('\r').unwrap_or(line);
    line.trim_end_matches([' ', '\t'])
}

/// A block as OpenSSL writes it, with a line break at its end.
pub fn write(label: &str, contents: &[u8]) -> String {
    let mut out = format!("{BEGIN}{label}{DASHES}\n");
    // 48 bytes are one line of 64 characters.
    for chunk in contents.chunks(LINE / 4 * 3) {
        BASE64.encode_append(chunk, &mut out);
        out.push('\n');
    }
    out + END + label + DASHES + "\n"
}
