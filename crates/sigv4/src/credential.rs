//! The credential: who signed, and for what.

use std::borrow::Cow;

/// `AKID/YYYYMMDD/region/service/aws4_request`, as sent.
#[derive(Debug)]
pub(crate) struct Credential<'r> {
    pub(crate) text: Cow<'r, str>,
    /// Where the four slashes are, if there are four.
    slashes: Option<[usize; 4]>,
}

impl<'r> Credential<'r> {
    pub(crate) fn new(text: Cow<'r, str>) -> Self {
        let mut at = text
            .bytes()
            .enumerate()
            .filter_map(|(at, byte)| (byte == b'/').then_some(at));
        let slashes = match [at.next(), at.next(), at.next(), at.next(), at.next()] {
            [Some(a), Some(b), Some(c), Some(d), None] => Some([a, b, c, d]),
            _ => None,
        };
        Self { text, slashes }
    }

    pub(crate) fn elements(&self) -> Option<[&str; 5]> {
        let [a, b, c, d] = self.slashes?;
        Some([
            self.text.get(..a)?,
            self.text.get(a + 1..b)?,
            self.text.get(b + 1..c)?,
            self.text.get(c + 1..d)?,
            self.text.get(d + 1..)?,
        ])
    }

    pub(crate) fn element(&self, index: usize) -> &str {
        match self.elements() {
            Some(elements) => elements.get(index).copied().unwrap_or_default(),
            None if index == 0 => self.text.split('/').next().unwrap_or_default(),
            None => "",
        }
    }

    /// All but the access key id; empty if there are not four slashes.
    pub(crate) fn scope(&self) -> &str {
        match self.slashes {
            Some([first, ..]) => self.text.get(first + 1..).unwrap_or_default(),
            None => "",
        }
    }
}
