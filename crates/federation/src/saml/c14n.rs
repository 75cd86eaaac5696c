//! Exclusive XML Canonicalization 1.0, without comments (<https://www.w3.org/TR/xml-exc-c14n/>), of an
//! element and what is in it.
//!
//! For documents that [`super::xml`] parsed only: without comments, processing instructions and document type
//! definitions, with namespaces that are absolute, at most 64 levels deep.

use super::xml::{attribute_prefix, namespace_of, prefix};
use roxmltree::{Attribute, Node, NodeId};

/// The most prefixes that may be kept. Each is looked for at each element.
const MOST_INCLUSIVE: usize = 16;

/// The canonical form of an element. What `without` names is left out. The prefixes in `inclusive` are
/// written wherever they are in scope; `#default` is the default namespace.
///
/// `None`, if the document is none that may be canonicalised, or more than 16 prefixes are to be kept.
pub(super) fn canonical(
    element: Node<'_, '_>,
    without: Option<NodeId>,
    inclusive: &str,
) -> Option<Vec<u8>> {
    let list = inclusive.split_ascii_whitespace();
    if list.clone().count() > MOST_INCLUSIVE {
        return None;
    }
    let mut writer = Writer {
        without,
        inclusive: list
            .map(|prefix| if prefix == "#default" { "" } else { prefix })
            .collect(),
        rendered: Vec::new(),
        out: Vec::new(),
    };
    writer.element(element)?;
    Some(writer.out)
}

struct Writer<'a> {
    without: Option<NodeId>,
    inclusive: Vec<&'a str>,
    /// The declarations that were written for the elements around, the innermost last.
    rendered: Vec<(&'a str, &'a str)>,
    out: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn element<'i: 'a>(&mut self, element: Node<'a, 'i>) -> Option<()> {
        let outer = self.rendered.len();
        let own = prefix(element)?;
        let name = element.tag_name().name();
        self.out.push(b'<');
        self.name(own, name);
        self.namespaces(element, own)?;
        self.attributes(element)?;
        self.out.push(b'>');
        for child in element.children() {
            if Some(child.id()) == self.without {
                continue;
            }
            if child.is_element() {
                self.element(child)?;
            } else {
                self.text(child.text().filter(|_| child.is_text())?);
            }
        }
        self.out.extend(b"</");
        self.name(own, name);
        self.out.push(b'>');
        self.rendered.truncate(outer);
        Some(())
    }

    fn name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.out.extend(prefix.as_bytes());
            self.out.push(b':');
        }
        self.out.extend(local.as_bytes());
    }

    /// The declarations that the element and its attributes make use of and that are not in force already.
    fn namespaces<'i: 'a>(&mut self, element: Node<'a, 'i>, own: &'a str) -> Option<()> {
        let mut used = vec![own];
        for attribute in element.attributes() {
            let prefix = attribute_prefix(element, attribute)?;
            if !prefix.is_empty() {
                used.push(prefix);
            }
        }
        let in_scope =
            |prefix: &&&str| prefix.is_empty() || namespace_of(element, prefix).is_some();
        used.extend(self.inclusive.iter().filter(in_scope));
        used.sort_unstable();
        used.dedup();
        for prefix in used {
            let uri = namespace_of(element, prefix).unwrap_or_default();
            let mut around = self.rendered.iter().rev();
            let around = around
                .find(|(other, _)| *other == prefix)
                .map(|(_, uri)| *uri);
            // Where nothing was written, the default namespace is none.
            let in_force = around.or(prefix.is_empty().then_some(""));
            if prefix == "xml" || in_force == Some(uri) {
                continue;
            }
            self.out.extend(b" xmlns");
            if !prefix.is_empty() {
                self.out.push(b':');
                self.out.extend(prefix.as_bytes());
            }
            self.value(uri);
            self.rendered.push((prefix, uri));
        }
        Some(())
    }

    fn attributes<'i: 'a>(&mut self, element: Node<'a, 'i>) -> Option<()> {
        let mut all: Vec<Attribute<'a, 'i>> = element.attributes().collect();
        all.sort_unstable_by_key(|attribute| {
            (attribute.namespace().unwrap_or_default(), attribute.name())
        });
        for attribute in all {
            self.out.push(b' ');
            self.name(attribute_prefix(element, attribute)?, attribute.name());
            self.value(attribute.value());
        }
        Some(())
    }

    fn value(&mut self, value: &str) {
        self.out.extend(b"=\"");
        for byte in value.bytes() {
            match byte {
                b'&' => self.out.extend(b"&amp;"),
                b'<' => self.out.extend(b"&lt;"),
                b'"' => self.out.extend(b"&quot;"),
                b'\t' => self.out.extend(b"&#x9;"),
                b'\n' => self.out.extend(b"&#xA;"),
                b'\r' => self.out.extend(b"&#xD;"),
                byte => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }

    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'&' => self.out.extend(b"&amp;"),
                b'<' => self.out.extend(b"&lt;"),
                b'>' => self.out.extend(b"&gt;"),
                b'\r' => self.out.extend(b"&#xD;"),
                byte => self.out.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests;
