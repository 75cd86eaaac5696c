//! The texts of role templates (`iam/2010-05-08`).

use super::{Constrained, Constraint, Illegal, check};
use std::fmt;

/// Latin-1 without control characters, but for tabs and line ends.
fn printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}')
}

text_type! {
    /// `TemplateName`: 1 to 128 of `[\w+=,.-]`.
    RoleTemplateName, (1, 128), r"[\w+=,.\-]+",
    |c| c.is_ascii_alphanumeric() || "_+=,.-".contains(c)
}
text_type! {
    /// `Description` of a role template: at most 512 characters of printable Latin-1.
    RoleTemplateDescription, (0, 512), r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*", printable
}
text_type! {
    /// `RoleNamePattern` and `RoleDescriptionPattern`: 1 to 512 characters. What they make is checked.
    RolePattern, (1, 512), "", |_| true
}
text_type! {
    /// The name of a parameter of a role template, or what else names something in one: 1 to 128
    /// characters.
    TemplateWord, (1, 128), "", |_| true
}
text_type! {
    /// The name or a value in `ReplacementValues`. The model has no constraint.
    ReplacementText, (0, u32::MAX), "", |_| true
}
