//! XML that can be read in one way only.
//!
//! What is verified and what is read must be the same document to whoever reads it. So what parsers are known
//! to disagree about is refused before anything else looks at it: document type definitions, comments and
//! processing instructions, namespaces declared twice or that are no absolute URIs, names beyond ASCII, and
//! whatever the parser in use takes for something that the text does not say.

use data_encoding::BASE64;
use roxmltree::{Attribute, Document, Node, ParsingOptions};
use std::fmt;

/// The namespace of the prefix `xml`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The most nodes of a document.
const MOST_NODES: u32 = 250_000;
/// The most attributes of an element. The parser compares each with the others.
pub(super) const MOST_ATTRIBUTES: usize = 256;
/// The most declarations of namespaces in a document, where each element may bring its own.
const MOST_DECLARATIONS: usize = 4096;
/// The most namespaces that are in scope at once. Each element keeps all of them.
const MOST_IN_SCOPE: usize = 64;
/// How deep elements may lie in one another.
const DEEPEST: usize = 64;

/// Why a text is no XML that would be believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum XmlFault {
    /// It has a document type definition.
    Dtd,
    /// It is not well-formed, or too large.
    Malformed,
    /// It has a character that XML does not have.
    Character,
    /// It says that it is another version than 1.0, or in another encoding than UTF-8.
    Declaration,
    /// It has a comment or a processing instruction.
    Comment,
    /// It has more attributes, namespaces or levels than there may be.
    TooWide,
    /// A namespace is declared twice, empty, or no absolute URI.
    Namespace,
    /// A name is not ASCII, or could be read in two ways.
    Name,
}

impl fmt::Display for XmlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dtd => "the XML has a document type definition",
            Self::Malformed => "the XML is not well-formed, or has too many elements",
            Self::Character => "the XML has a character that is not allowed in XML",
            Self::Declaration => {
                "the XML declares another version than 1.0 or another encoding than UTF-8"
            }
            Self::Comment => "the XML has a comment or a processing instruction",
            Self::TooWide => "the XML has too many attributes, namespaces or levels",
            Self::Namespace => {
                "the XML declares a namespace twice, an empty one, or one that is no absolute URI"
            }
            Self::Name => "the XML has a name that is not ASCII or that could be read in two ways",
        })
    }
}

/// Parses a text under all the rules of this module.
pub(super) fn parse(text: &str) -> Result<Document<'_>, XmlFault> {
    if !text.chars().all(is_char) {
        return Err(XmlFault::Character);
    }
    check_declaration(text)?;
    if text.contains("<!DOCTYPE") {
        return Err(XmlFault::Dtd);
    }
    if is_too_wide(text, MOST_DECLARATIONS) || is_too_deep(text) {
        return Err(XmlFault::TooWide);
    }
    // The parser takes an attribute `a:xmlns` for a declaration of the default namespace.
    let mut after = text.split(":xmlns").skip(1);
    if after.any(|rest| rest.trim_start().starts_with('=')) {
        return Err(XmlFault::Namespace);
    }
    let options = ParsingOptions {
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|_| XmlFault::Malformed)?;
    for node in document.descendants() {
        check_node(node)?;
    }
    check_depth(document.root_element())?;
    Ok(document)
}

/// Whether there could be more attributes or declarations of namespaces than there may. It is asked before a
/// document is parsed, and so counts what might be some: no attribute is without `=` and two quotes, nor has
/// `<` in it.
pub(super) fn is_too_wide(text: &str, most_declarations: usize) -> bool {
    let count = |tag: &str, wanted: &[u8]| tag.bytes().filter(|b| wanted.contains(b)).count();
    let mut tags = text.split('<').filter(|tag| !tag.starts_with('!'));
    tags.any(|tag| count(tag, b"=").min(count(tag, b"\"'") / 2) > MOST_ATTRIBUTES)
        || text.matches("xmlns").nth(most_declarations).is_some()
}

/// Whether elements could lie deeper in one another than they may, or more namespaces be in scope. The time
/// that the parser takes grows with the third power of these, so it is asked before.
fn is_too_deep(text: &str) -> bool {
    let mut around: Vec<usize> = Vec::new();
    let mut rest = text;
    while let Some((_, from)) = rest.split_once('<') {
        let (inside, next) = match from.as_bytes() {
            [b'!', b'[', ..] => (None, from.split_once("]]>")),
            [b'!', ..] => {
                let comment = from.strip_prefix("!--");
                (None, comment.and_then(|text| text.split_once("-->")))
            }
            [b'?', ..] => (None, from.split_once("?>")),
            [b'/', ..] => {
                around.pop();
                (None, from.split_once('>'))
            }
            _ => {
                let tag = start_tag(from);
                (tag.map(|(tag, _)| tag), tag)
            }
        };
        // What has no end is not well-formed, and the parser gets no further.
        let Some((_, next)) = next else {
            return false;
        };
        if let Some(tag) = inside {
            around.push(tag.matches("xmlns").count());
            if around.len() > DEEPEST || around.iter().sum::<usize>() > MOST_IN_SCOPE {
                return true;
            }
            if tag.ends_with('/') {
                around.pop();
            }
        }
        rest = next;
    }
    false
}

/// A tag, and what comes behind its end. In a value there may be `>`.
fn start_tag(from: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let end = from.find(|c| {
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(_) | None => {}
        }
        quote.is_none() && c == '>'
    })?;
    let (tag, rest) = from.split_at_checked(end)?;
    Some((tag, rest.get(1..)?))
}

/// `Char` of XML 1.0.
fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

/// The XML declaration, which the parser passes over.
fn check_declaration(text: &str) -> Result<(), XmlFault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(rest) = text.strip_prefix("<?xml") else {
        return Ok(());
    };
    let (declaration, _) = rest.split_once("?>").ok_or(XmlFault::Malformed)?;
    let value = |name: &str| {
        let (_, rest) = declaration.split_once(name)?;
        let rest = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest.get(1..)?.split_once(quote).map(|(value, _)| value)
    };
    let version = value("version").is_some_and(|version| version == "1.0");
    let encoding = match declaration.contains("encoding") {
        true => value("encoding").is_some_and(|name| name.eq_ignore_ascii_case("utf-8")),
        false => true,
    };
    match version && encoding {
        true => Ok(()),
        false => Err(XmlFault::Declaration),
    }
}

fn check_node(node: Node<'_, '_>) -> Result<(), XmlFault> {
    if node.is_comment() || node.is_pi() {
        return Err(XmlFault::Comment);
    }
    let legal = |text: &str| text.chars().all(is_char);
    if node.is_text() {
        // A character may have come as a reference.
        return match node.text().is_none_or(legal) {
            true => Ok(()),
            false => Err(XmlFault::Character),
        };
    }
    if !node.is_element() {
        return Ok(());
    }
    let mut defaults = 0;
    for (count, namespace) in node.namespaces().enumerate() {
        let (name, uri) = (namespace.name(), namespace.uri());
        defaults += usize::from(name.is_none());
        let undeclared = uri.is_empty() && name.is_none();
        if name == Some("xmlns") || defaults > 1 || !(undeclared || is_absolute(uri)) {
            return Err(XmlFault::Namespace);
        }
        if name.is_some_and(|name| !is_name(name)) {
            return Err(XmlFault::Name);
        }
        if count >= MOST_IN_SCOPE {
            return Err(XmlFault::TooWide);
        }
    }
    let tag = node.tag_name();
    let prefix = prefix(node).ok_or(XmlFault::Name)?;
    let uri = namespace_of(node, prefix);
    if !is_name(tag.name()) || uri.unwrap_or_default() != tag.namespace().unwrap_or_default() {
        return Err(XmlFault::Name);
    }
    for attribute in node.attributes() {
        let prefix = attribute_prefix(node, attribute).ok_or(XmlFault::Name)?;
        let uri = match prefix {
            "" => None,
            prefix => namespace_of(node, prefix),
        };
        if !is_name(attribute.name()) || uri != attribute.namespace() {
            return Err(XmlFault::Name);
        }
        if !legal(attribute.value()) {
            return Err(XmlFault::Character);
        }
    }
    Ok(())
}

fn check_depth(root: Node<'_, '_>) -> Result<(), XmlFault> {
    let mut deepest = 0;
    let mut level = vec![root];
    while !level.is_empty() {
        deepest += 1;
        if deepest > DEEPEST {
            return Err(XmlFault::TooWide);
        }
        let below = level.iter().flat_map(Node::children);
        level = below.filter(Node::is_element).collect();
    }
    Ok(())
}

/// An `NCName` of ASCII.
fn is_name(name: &str) -> bool {
    let first = |b: &u8| b.is_ascii_alphabetic() || *b == b'_';
    name.as_bytes().first().is_some_and(first)
        && name
            .bytes()
            .all(|b| first(&b) || b.is_ascii_digit() || b"-.".contains(&b))
}

/// Whether a text is a URI with a scheme (RFC 3986): canonicalisation is not defined for others, and
/// implementations that fail there have been made to sign or verify nothing at all.
fn is_absolute(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let mut digits = rest.split('%').skip(1).map(str::as_bytes);
    let escaped = digits.all(|rest| {
        rest.first().is_some_and(u8::is_ascii_hexdigit)
            && rest.get(1).is_some_and(u8::is_ascii_hexdigit)
    });
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&b);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && !rest.is_empty()
        && rest.bytes().all(legal)
        && rest.matches('#').nth(1).is_none()
        && escaped
}

/// The URI that a prefix stands for at an element; the empty prefix is the default namespace's.
pub(super) fn namespace_of<'a>(node: Node<'a, '_>, prefix: &str) -> Option<&'a str> {
    match prefix {
        "" => node.lookup_namespace_uri(None),
        "xml" => Some(XML),
        prefix => node.lookup_namespace_uri(Some(prefix)),
    }
}

/// The prefix that an element is written with, empty if there is none. The parser keeps URIs only, and one
/// may have several prefixes, so this is read from the text.
pub(super) fn prefix<'i>(node: Node<'_, 'i>) -> Option<&'i str> {
    let text = node.document().input_text();
    let tag = text.get(node.range())?.strip_prefix('<')?;
    let end = tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))?;
    prefix_of(tag.get(..end)?, node.tag_name().name())
}

/// The prefix that an attribute of an element is written with, empty if there is none.
pub(super) fn attribute_prefix<'i>(
    node: Node<'_, 'i>,
    attribute: Attribute<'_, 'i>,
) -> Option<&'i str> {
    let text = node.document().input_text().get(attribute.range())?;
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '=')?;
    prefix_of(text.get(..end)?, attribute.name())
}

fn prefix_of<'i>(name: &'i str, local: &str) -> Option<&'i str> {
    match name.split_once(':') {
        None => (name == local).then_some(""),
        Some((prefix, rest)) => (rest == local && is_name(prefix)).then_some(prefix),
    }
}

/// An attribute without a namespace. The parser's own look-up by a local name would find one of any
/// namespace.
pub(super) fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let mut all = node.attributes();
    all.find(|attribute| attribute.namespace().is_none() && attribute.name() == name)
        .map(|attribute| attribute.value())
}

/// The text of an element, if it has nothing else.
pub(super) fn text(node: Node<'_, '_>) -> Option<String> {
    let mut text = String::new();
    for child in node.children() {
        text.push_str(child.text().filter(|_| child.is_text())?);
    }
    Some(text)
}

/// The elements in an element, if there is only white space between them.
pub(super) fn elements<'a, 'i>(node: Node<'a, 'i>) -> Option<Vec<Node<'a, 'i>>> {
    let mut elements = Vec::new();
    for child in node.children() {
        match child.is_element() {
            true => elements.push(child),
            false => {
                let blank = |text: &str| text.bytes().all(|b| b.is_ascii_whitespace());
                child.text().filter(|text| child.is_text() && blank(text))?;
            }
        }
    }
    Some(elements)
}

/// The bytes that an element's text is the base64 of; there may be white space in it.
pub(super) fn bytes(node: Node<'_, '_>) -> Option<Vec<u8>> {
    base64(&text(node)?)
}

/// The bytes that a text is the base64 of; there may be white space in it.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    BASE64.decode(&digits).ok()
}

#[cfg(test)]
mod tests {
    use super::is_too_deep;

    /// What is counted before a document is parsed is what the parser would have to do.
    #[test]
    fn depth_is_counted_before_parsing() {
        let nested = |levels: usize, inside: &str| {
            format!(
                "{}{inside}{}",
                "<a b='/>'>".repeat(levels),
                "</a>".repeat(levels)
            )
        };
        assert!(!is_too_deep(&nested(64, "")));
        assert!(!is_too_deep(&nested(63, &"<b/>".repeat(1000))));
        assert!(is_too_deep(&nested(65, "")));
        let declared = |levels: usize| "<a xmlns:b='u:'>".repeat(levels) + "<!-- -->";
        assert!(!is_too_deep(&declared(64)));
        assert!(is_too_deep(&declared(65)));
        let wide = |count: usize| format!("<a {}/>", "xmlns:b='u:' ".repeat(count));
        assert!(!is_too_deep(&wide(64).repeat(50)));
        assert!(is_too_deep(&wide(65)));
        // Ends that are none leave nothing.
        for end in [
            "<!--></a>-->",
            "<!--</a>-->",
            "<![CDATA[</a>]]>",
            "<b c='</a>'/>",
            "<?p </a>?>",
        ] {
            let text = format!("<a>{end}").repeat(65);
            assert!(is_too_deep(&text), "{end}");
        }
        // Nor do tags in what is text.
        let text = format!("<a>{}</a>", "<![CDATA[<a>]]><!--<a>-->".repeat(100));
        assert!(!is_too_deep(&text));
    }
}
