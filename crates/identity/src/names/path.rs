//! The paths in which IAM keeps users, groups, roles and policies.

use super::{Constrained, Constraint, Illegal, check, name_character};
use std::fmt;

/// The path of a user, group, role or policy: `/` or `/…/`, 1 to 512 characters U+0021 to U+007E.
#[derive(
    Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Path(String);

impl Path {
    /// The text, with its slashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Path {
    /// `/`
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Constrained for Path {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        const PATTERN: &str = r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)";
        let inner_is_legal = text == "/"
            || text.len() > 2
                && text.starts_with('/')
                && text.ends_with('/')
                && !text.starts_with("//");
        let mut failed = check(text, (1, 512), PATTERN, |c| matches!(c, '!'..='~'))
            .err()
            .unwrap_or_default();
        if !inner_is_legal && !failed.contains(&Constraint::Pattern(PATTERN)) {
            failed.insert(0, Constraint::Pattern(PATTERN));
        }
        if failed.is_empty() {
            Ok(Self(text.to_owned()))
        } else {
            Err(failed)
        }
    }
}

impl TryFrom<String> for Path {
    type Error = Illegal;
    fn try_from(text: String) -> Result<Self, Illegal> {
        Self::parse(&text).map_err(|_| Illegal("Path"))
    }
}

impl From<Path> for String {
    fn from(path: Path) -> String {
        path.0
    }
}

/// The path of a managed policy: a [`Path`] of letters, digits and `.,+@=_-` between slashes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PolicyPath(Path);

impl PolicyPath {
    /// The text, with its slashes.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Constrained for PolicyPath {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        const PATTERN: &str = r"((/[A-Za-z0-9\.,\+@=_-]+)*)/";
        let mut failed = check(text, (1, 512), PATTERN, |c| {
            name_character(c) || "./".contains(c)
        })
        .err()
        .unwrap_or_default();
        let shaped = text.starts_with('/') && text.ends_with('/') && !text.contains("//");
        if !shaped && !failed.contains(&Constraint::Pattern(PATTERN)) {
            failed.insert(0, Constraint::Pattern(PATTERN));
        }
        if failed.is_empty() {
            Ok(Self(Path(text.to_owned())))
        } else {
            Err(failed)
        }
    }
}

impl From<PolicyPath> for Path {
    fn from(path: PolicyPath) -> Path {
        path.0
    }
}

/// A prefix of paths to list: `/` and up to 511 characters U+0021 to U+007F.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathPrefix(String);

impl Constrained for PathPrefix {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        const PATTERN: &str = r"\u002F[\u0021-\u007F]*";
        let mut failed = check(text, (1, 512), PATTERN, |c| matches!(c, '!'..='\u{7f}'));
        if failed.is_ok() && !text.starts_with('/') {
            failed = Err(vec![Constraint::Pattern(PATTERN)]);
        }
        failed.map(|()| Self(text.to_owned()))
    }
}

impl PathPrefix {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `path` lies below the prefix.
    pub fn covers(&self, path: &Path) -> bool {
        path.as_str().starts_with(&self.0)
    }
}
