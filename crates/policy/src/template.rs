//! Texts with policy variables: `${key}`, `${key, 'default'}`, `${*}`, `${?}`, `${$}`.
//!
//! See "IAM policy elements: Variables and tags". What a variable stands for is put in literally: a
//! `*` in it is an asterisk. A variable without a value and without a default makes the whole text
//! match nothing. Only version 2012-10-17 has variables; before, `${…}` is plain text.

use crate::context::Value;
use crate::facts::Facts;
use crate::glob;
use crate::texts::Lower;

/// A text has `${` that opens no well-formed variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadVariable;

/// Whether a text must be expanded before it is matched; fails when that is not possible.
pub(crate) fn expands(text: &str) -> Result<bool, BadVariable> {
    parts(text).try_fold(false, |expands, part| {
        Ok(expands | !matches!(part?, Part::Text(_)))
    })
}

/// An expanded text: on the stack unless it is long.
pub(crate) struct Expanded {
    short: [u8; 256],
    length: usize,
    long: Vec<u8>,
}

impl Expanded {
    fn new() -> Expanded {
        Expanded {
            short: [0; 256],
            length: 0,
            long: Vec::new(),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() {
            self.short.get(..self.length).unwrap_or_default()
        } else {
            &self.long
        }
    }

    /// The text, if no wildcards were asked for.
    pub(crate) fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.short.get_mut(self.length..end) {
            Some(free) if self.long.is_empty() => free.copy_from_slice(bytes),
            _ => {
                if self.long.is_empty() {
                    let short = self.short.get(..self.length).unwrap_or_default();
                    self.long.extend_from_slice(short);
                }
                self.long.extend_from_slice(bytes);
            }
        }
        self.length = end;
    }

    fn push_wild(&mut self, text: &str) {
        for piece in text
            .as_bytes()
            .split_inclusive(|b| matches!(b, b'*' | b'?'))
        {
            match piece.split_last() {
                Some((b'*', literal)) => {
                    self.push(literal);
                    self.push(&[glob::MANY]);
                }
                Some((b'?', literal)) => {
                    self.push(literal);
                    self.push(&[glob::ONE]);
                }
                _ => self.push(piece),
            }
        }
    }
}

/// Puts the variables of a text in. With `wildcards`, `*` and `?` that were written become
/// [`glob::MANY`] and [`glob::ONE`].
///
/// `None` when a variable has no value, or when variables bring in more than `limit` bytes: the
/// caller knows that so much cannot match, and the cost of expanding stays in proportion to the
/// request, however often a pattern names a long value.
pub(crate) fn expand(
    text: &str,
    wildcards: bool,
    facts: &Facts<'_>,
    limit: usize,
) -> Option<Expanded> {
    let mut expanded = Expanded::new();
    let mut left = limit;
    for part in parts(text) {
        match part.ok()? {
            Part::Text(text) if wildcards => expanded.push_wild(text),
            Part::Text(text) => expanded.push(text.as_bytes()),
            Part::Escape(c) => expanded.push(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Part::Variable { key, default } => {
                let fact = facts.get(Lower::unicode(key).as_str());
                let value = match (fact.value(), default) {
                    (Some(Value::One(value)), _) => value.as_ref(),
                    // A multi-valued key has no single text, and a default is only for absence.
                    (Some(Value::Many(_)), _) | (None, None) => return None,
                    (None, Some(default)) => default,
                };
                left = left.checked_sub(value.len())?;
                expanded.push(value.as_bytes());
            }
        }
    }
    Some(expanded)
}

/// A part of a text, as written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part<'a> {
    /// Text in which `*` and `?` may be wildcards.
    Text(&'a str),
    /// `${*}`, `${?}` or `${$}`: the character itself.
    Escape(char),
    /// `${key}` or `${key, 'default'}`.
    Variable {
        key: &'a str,
        default: Option<&'a str>,
    },
}

/// The parts of a text that may have variables, up to the first that is malformed.
pub(crate) struct Parts<'a> {
    rest: &'a str,
}

pub(crate) fn parts(text: &str) -> Parts<'_> {
    Parts { rest: text }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, BadVariable>;

    fn next(&mut self) -> Option<Self::Item> {
        let (before, after) = match self.rest.find("${") {
            None => (self.rest, ""),
            Some(0) => return Some(self.variable()),
            Some(at) => self.rest.split_at_checked(at)?,
        };
        self.rest = after;
        (!before.is_empty()).then_some(Ok(Part::Text(before)))
    }
}

impl<'a> Parts<'a> {
    fn variable(&mut self) -> Result<Part<'a>, BadVariable> {
        let text = std::mem::take(&mut self.rest);
        let text = text.strip_prefix("${").ok_or(BadVariable)?;
        let (part, rest) = variable(text)?;
        self.rest = rest;
        Ok(part)
    }
}

/// Reads what follows `${`, up to and with the closing brace.
fn variable(text: &str) -> Result<(Part<'_>, &str), BadVariable> {
    for (special, c) in [("*}", '*'), ("?}", '?'), ("$}", '$')] {
        if let Some(after) = text.strip_prefix(special) {
            return Ok((Part::Escape(c), after));
        }
    }
    let end = text.find([',', '}']).ok_or(BadVariable)?;
    let (key, after) = text.split_at_checked(end).ok_or(BadVariable)?;
    // A name with a blank at an end is another name, which no key has.
    if key.is_empty() || key.trim() != key || key.contains(['$', '{', '\'', '*', '?']) {
        return Err(BadVariable);
    }
    if let Some(after) = after.strip_prefix('}') {
        return Ok((Part::Variable { key, default: None }, after));
    }
    let after = after.strip_prefix(',').ok_or(BadVariable)?;
    let quoted = after.strip_prefix(' ').unwrap_or(after).strip_prefix('\'');
    let (default, after) = quoted.and_then(|t| t.split_once('\'')).ok_or(BadVariable)?;
    let after = after.strip_prefix('}').ok_or(BadVariable)?;
    let default = Some(default);
    Ok((Part::Variable { key, default }, after))
}

#[cfg(test)]
mod tests {
    use super::{expand, expands};
    use crate::facts::Facts;
    use crate::glob::Glob;

    const FACTS: [(&str, &str); 3] = [
        ("aws:username", "ann"),
        ("aws:PrincipalTag/Team", "a*"),
        ("aws:userid", ""),
    ];

    fn check(pattern: &str, text: &str, wanted: Option<bool>) {
        let seen = expands(pattern).ok().map(|_| {
            expand(pattern, true, &Facts::new(&FACTS), text.len())
                .is_some_and(|expanded| Glob::expanded(expanded.as_bytes()).matches(text))
        });
        assert_eq!(seen, wanted, "{pattern} on {text}");
    }

    #[test]
    fn variables() {
        check("home/${aws:username}/*", "home/ann/x", Some(true));
        check("home/${AWS:UserName}/*", "home/ann/x", Some(true));
        check("home/${aws:username}/*", "home/bob/x", Some(false));
        check("${aws:principaltag/team}", "a*", Some(true));
        check("${aws:principaltag/team}", "ab", Some(false));
        check("x${aws:userid}", "x", Some(true));
        check("${aws:absent}", "", Some(false));
        check("${aws:absent, 'dflt'}", "dflt", Some(true));
        check("${aws:absent,'*'}", "x", Some(false));
        check("${aws:absent,''}", "", Some(true));
        check("${aws:username, 'dflt'}", "ann", Some(true));
        check("${*}${?}${$}", "*?$", Some(true));
        check("${*}", "x", Some(false));
        check("${*}?*${?}", "*x?", Some(true));
        check("a$b{c}", "a$b{c}", Some(true));
        check("${", "${", None);
        check("${}", "", None);
        check("${aws:username", "", None);
        check("${aws:username, dflt}", "", None);
        check("${aws:username, 'dflt'", "", None);
        check("${a${b}}", "", None);
        check("${ aws:username}", "ann", None);
        check("${aws:username }", "ann", None);
        check("${aws:username , 'dflt'}", "ann", None);
        check("${aws:username,  'dflt'}", "ann", None);
        check("${aws:username, 'dflt' }", "ann", None);
    }

    #[test]
    fn what_needs_no_expanding() {
        assert_eq!(expands("a$b{c}*"), Ok(false));
        assert_eq!(expands("a${*}"), Ok(true));
    }

    #[test]
    fn long_values_named_often_cost_no_more_than_the_text_to_match() {
        let long = "x".repeat(1_000);
        let facts = [("k", long.as_str())];
        let facts = Facts::new(&facts);
        let pattern = "${k}".repeat(1_000);
        assert!(expand(&pattern, true, &facts, 10_999).is_none());
        let expanded = expand(&"${k}b".repeat(10), true, &facts, 10_000).unwrap();
        assert_eq!(expanded.as_str().unwrap(), format!("{long}b").repeat(10));
    }
}
