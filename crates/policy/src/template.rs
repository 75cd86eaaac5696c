//! Texts with policy variables: `${key}`, `${key, 'default'}`, `${*}`, `${?}`, `${$}`.
//!
//! See "IAM policy elements: Variables and tags". What a variable stands for is put in literally: a
//! `*` in it is an asterisk. A variable without a value and without a default makes the whole text
//! match nothing. Only version 2012-10-17 has variables; before, `${…}` is plain text.

use crate::context::{Context, Value};
use crate::glob::{Glob, Token, tokens};

/// What a text may contain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Syntax {
    /// `${…}` is a variable.
    pub(crate) variables: bool,
    /// `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
}

/// A text has `${` that opens no well-formed variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadVariable;

/// A text that is compared or matched as a whole.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Fixed(Glob),
    Slots(Template),
}

/// A text with at least one variable.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pieces: Box<[Piece]>,
}

#[derive(Clone, Debug)]
enum Piece {
    Token(Token),
    Slot {
        key: Box<str>,
        default: Option<Box<str>>,
    },
}

impl Pattern {
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Pattern, BadVariable> {
        Ok(match parse(text, syntax)? {
            Parsed::Fixed(tokens) => Pattern::Fixed(Glob::from_tokens(tokens)),
            Parsed::Slots(template) => Pattern::Slots(template),
        })
    }

    pub(crate) fn matches(&self, text: &str, context: &dyn Context) -> bool {
        match self {
            Pattern::Fixed(glob) => glob.matches(text),
            Pattern::Slots(template) => {
                // The text before the first variable rules out most candidates without a look-up.
                template.may_match(text)
                    && template
                        .resolve(context)
                        .is_some_and(|tokens| Glob::from_tokens(tokens).matches(text))
            }
        }
    }

    /// The plain text, when it has neither variables nor wildcards.
    pub(crate) fn fixed_text(&self) -> Option<&str> {
        match self {
            Pattern::Fixed(Glob::Exact(text)) => Some(text),
            Pattern::Fixed(_) | Pattern::Slots(_) => None,
        }
    }

    /// The text with its variables put in; `None` when one has no value. Wildcards are left out of
    /// account: for texts that have none.
    pub(crate) fn resolved_text(&self, context: &dyn Context) -> Option<String> {
        match self {
            Pattern::Fixed(_) => self.fixed_text().map(str::to_owned),
            Pattern::Slots(template) => template.resolve(context).map(|tokens| {
                tokens
                    .into_iter()
                    .filter_map(|t| {
                        if let Token::Char(c) = t {
                            Some(c)
                        } else {
                            None
                        }
                    })
                    .collect()
            }),
        }
    }
}

impl Template {
    /// The tokens with the variables put in as plain characters.
    pub(crate) fn resolve(&self, context: &dyn Context) -> Option<Vec<Token>> {
        let mut tokens = Vec::with_capacity(self.pieces.len() + 32);
        for piece in &self.pieces {
            match piece {
                Piece::Token(token) => tokens.push(*token),
                Piece::Slot { key, default } => match (context.value(key), default) {
                    (Some(Value::One(value)), _) => tokens.extend(value.chars().map(Token::Char)),
                    // A multi-valued key has no single text, and a default is only for absence.
                    (Some(Value::Many(_)), _) | (None, None) => return None,
                    (None, Some(default)) => tokens.extend(default.chars().map(Token::Char)),
                },
            }
        }
        Some(tokens)
    }

    fn may_match(&self, text: &str) -> bool {
        let mut chars = text.chars();
        for piece in &self.pieces {
            match piece {
                Piece::Token(Token::Char(c)) => {
                    if chars.next() != Some(*c) {
                        return false;
                    }
                }
                Piece::Token(Token::One | Token::Many) | Piece::Slot { .. } => return true,
            }
        }
        true
    }
}

pub(crate) enum Parsed {
    Fixed(Vec<Token>),
    Slots(Template),
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

pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Parsed, BadVariable> {
    let plain = |text: &str| -> Vec<Token> {
        if syntax.wildcards {
            tokens(text).collect()
        } else {
            text.chars().map(Token::Char).collect()
        }
    };
    if !syntax.variables || !text.contains("${") {
        return Ok(Parsed::Fixed(plain(text)));
    }
    let mut pieces = Vec::new();
    let mut slots = false;
    for part in parts(text) {
        match part? {
            Part::Text(text) => pieces.extend(plain(text).into_iter().map(Piece::Token)),
            Part::Escape(c) => pieces.push(Piece::Token(Token::Char(c))),
            Part::Variable { key, default } => {
                slots = true;
                pieces.push(Piece::Slot {
                    key: key.to_lowercase().into(),
                    default: default.map(Into::into),
                });
            }
        }
    }
    if slots {
        return Ok(Parsed::Slots(Template {
            pieces: pieces.into(),
        }));
    }
    let tokens = pieces
        .into_iter()
        .filter_map(|p| {
            if let Piece::Token(t) = p {
                Some(t)
            } else {
                None
            }
        })
        .collect();
    Ok(Parsed::Fixed(tokens))
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
    let key = key.trim();
    if key.is_empty() || key.contains(['$', '{', '\'', '*', '?']) {
        return Err(BadVariable);
    }
    if let Some(after) = after.strip_prefix('}') {
        return Ok((Part::Variable { key, default: None }, after));
    }
    let quoted = after
        .strip_prefix(',')
        .map(str::trim_start)
        .and_then(|t| t.strip_prefix('\''));
    let (default, after) = quoted.and_then(|t| t.split_once('\'')).ok_or(BadVariable)?;
    let after = after.trim_start().strip_prefix('}').ok_or(BadVariable)?;
    let default = Some(default);
    Ok((Part::Variable { key, default }, after))
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Syntax};

    const FACTS: [(&str, &str); 3] = [
        ("aws:username", "ann"),
        ("aws:PrincipalTag/Team", "a*"),
        ("aws:userid", ""),
    ];

    fn check(pattern: &str, text: &str, wanted: Option<bool>) {
        let parsed = Pattern::parse(
            pattern,
            Syntax {
                variables: true,
                wildcards: true,
            },
        );
        assert_eq!(
            parsed.ok().map(|p| p.matches(text, &FACTS)),
            wanted,
            "{pattern} on {text}"
        );
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
        check("${aws:username, 'dflt'}", "ann", Some(true));
        check("${*}${?}${$}", "*?$", Some(true));
        check("${*}", "x", Some(false));
        check("a$b{c}", "a$b{c}", Some(true));
        check("${", "${", None);
        check("${}", "", None);
        check("${aws:username", "", None);
        check("${aws:username, dflt}", "", None);
        check("${aws:username, 'dflt'", "", None);
        check("${a${b}}", "", None);
    }

    #[test]
    fn before_2012_they_are_text() {
        let old = Pattern::parse(
            "${aws:username}*",
            Syntax {
                variables: false,
                wildcards: true,
            },
        );
        assert!(
            old.clone()
                .is_ok_and(|p| p.matches("${aws:username}/x", &FACTS))
        );
        assert!(!old.is_ok_and(|p| p.matches("ann", &FACTS)));
    }
}
