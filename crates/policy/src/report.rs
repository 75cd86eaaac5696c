//! Explanations as people read them: what mattered first, then what came close.

use std::fmt;

use crate::decide::Decision;
use crate::explain::{
    ElementName, Explanation, LayerAnswer, LayerReport, Mismatch, StatementReport,
};

/// More values of one element are counted instead of shown.
const SHOWN_VALUES: usize = 6;
/// More statements of one layer that came close are counted instead of shown.
const SHOWN_NEAR: usize = 20;
/// More statements of one layer about other actions are counted instead of shown.
const SHOWN_FAR: usize = 3;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verdict, may) = match self.decision {
            Decision::Allowed => ("allowed", "may"),
            Decision::Denied(_) => ("denied", "may not"),
        };
        let (principal, action, resource) = (&self.principal, &self.action, &self.resource);
        write!(
            f,
            "{verdict}: {principal} {may} perform {action} on {resource}"
        )?;
        if let Some(reason) = self.reason() {
            write!(f, " {reason}")?;
        }
        writeln!(f)?;
        self.layers
            .iter()
            .try_for_each(|layer| write!(f, "{layer}"))
    }
}

impl fmt::Display for LayerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.layer.name())?;
        if let Some(level) = self.level {
            write!(f, ", level {}", level + 1)?;
        }
        writeln!(f, ": {}", self.answer)?;
        if self.statements.is_empty() {
            return writeln!(f, "    no statements");
        }
        let mut near: Vec<&StatementReport> = Vec::new();
        let mut far: Vec<&StatementReport> = Vec::new();
        for report in &self.statements {
            match distance(report) {
                0 => writeln!(f, "    {report}")?,
                FAR => far.push(report),
                _ => near.push(report),
            }
        }
        near.sort_by_key(|report| distance(report));
        list(f, &near, SHOWN_NEAR, "that do not match")?;
        let shown = if far.len() > SHOWN_FAR { 0 } else { SHOWN_FAR };
        list(f, &far, shown, "about other actions")
    }
}

/// The distance of a statement about another action.
const FAR: u8 = 4;

/// How far a statement is from matching: how early in the order of elements it fails.
fn distance(report: &StatementReport) -> u8 {
    match &report.mismatch {
        None => 0,
        Some(Mismatch::Condition { .. }) => 1,
        Some(Mismatch::Element { element, .. }) => match element {
            ElementName::Principal | ElementName::NotPrincipal => 2,
            ElementName::Resource | ElementName::NotResource => 3,
            ElementName::Action | ElementName::NotAction => FAR,
        },
    }
}

fn list(
    f: &mut fmt::Formatter<'_>,
    reports: &[&StatementReport],
    shown: usize,
    rest: &str,
) -> fmt::Result {
    for report in reports.iter().take(shown) {
        writeln!(f, "    {report}")?;
    }
    let more = if shown == 0 { "" } else { "more " };
    match reports.len().saturating_sub(shown) {
        0 => Ok(()),
        1 => writeln!(f, "    1 {more}statement {rest}"),
        count => writeln!(f, "    {count} {more}statements {rest}"),
    }
}

impl fmt::Display for LayerAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LayerAnswer::ExplicitDeny => "explicit deny",
            LayerAnswer::Allow => "allow",
            LayerAnswer::NoAllow => "no allow",
            LayerAnswer::WaivedForRoot => "not needed, root may do everything in its account",
            LayerAnswer::WaivedByResource => "not needed, the resource's policy names the caller",
        })
    }
}

impl fmt::Display for StatementReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Some(label) => write!(f, "policy {label}")?,
            None => write!(f, "policy {}", self.policy + 1)?,
        }
        write!(f, " statement {}", self.statement + 1)?;
        if let Some(sid) = self.sid.as_ref().filter(|sid| !sid.is_empty()) {
            write!(f, " ({sid})")?;
        }
        write!(f, ", {}: ", self.effect)?;
        match &self.mismatch {
            None => f.write_str("matches"),
            Some(mismatch) => {
                write!(f, "{mismatch}")?;
                match (mismatch, self.missing_keys.as_slice()) {
                    (Mismatch::Condition { .. }, _) | (_, []) => Ok(()),
                    (_, keys) => write!(f, ": the request does not have {}", keys.join(", ")),
                }
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Element {
                element, wanted, ..
            } => {
                let fault = match element {
                    ElementName::Action | ElementName::Resource | ElementName::Principal => {
                        "does not match"
                    }
                    ElementName::NotAction
                    | ElementName::NotResource
                    | ElementName::NotPrincipal => "excludes it",
                };
                write!(f, "{} {} {fault}", element.as_str(), Values(wanted))
            }
            Mismatch::Condition {
                operator,
                key,
                wanted,
                seen,
            } => {
                let wanted = Values(wanted);
                write!(f, "condition {operator} {key} {wanted} does not hold: ")?;
                match seen {
                    None => f.write_str("the request does not have the key"),
                    Some(seen) => write!(f, "the request has {}", Values(seen)),
                }
            }
        }
    }
}

/// Values in brackets, the first few of them.
struct Values<'a>(&'a [String]);

impl fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Values(values) = self;
        f.write_str("[")?;
        for (index, value) in values.iter().take(SHOWN_VALUES).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{value}")?;
        }
        match values.len().saturating_sub(SHOWN_VALUES) {
            0 => f.write_str("]"),
            more => write!(f, ", {more} more]"),
        }
    }
}
