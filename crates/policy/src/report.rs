//! Explanations as people read them.

use std::fmt;

use crate::decide::Decision;
use crate::explain::{
    ElementName, Explanation, LayerAnswer, LayerReport, Mismatch, StatementReport,
};
use crate::plain::Plain;

/// More values of one element are counted instead of shown.
const SHOWN_VALUES: usize = 8;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verdict, may) = match self.decision {
            Decision::Allowed => ("allowed", "may"),
            Decision::Denied(denial) if denial.explicit => ("explicitly denied", "may not"),
            Decision::Denied(_) => ("implicitly denied", "may not"),
        };
        let [principal, action, resource] =
            [&self.principal, &self.action, &self.resource].map(|text| Plain(text));
        writeln!(
            f,
            "{verdict}: {principal} {may} perform {action} on {resource}"
        )?;
        if let Some(reason) = self.reason() {
            writeln!(f, "  {}", Plain(&reason))?;
        }
        for layer in &self.layers {
            write!(f, "{layer}")?;
        }
        let missing = self.missing_keys();
        if !missing.is_empty() && self.decision != Decision::Allowed {
            let keys = Values(missing, ", ");
            writeln!(f, "keys that the request does not have: {keys}")?;
        }
        Ok(())
    }
}

impl fmt::Display for LayerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.layer.name())?;
        if let Some(level) = self.level {
            write!(f, ", level {}", level + 1)?;
        }
        writeln!(f, ": {}", self.answer)?;
        let (others, told): (Vec<_>, Vec<_>) = self
            .statements
            .iter()
            .partition(|report| report.is_about_another_action());
        for report in &told {
            write!(f, "{report}")?;
        }
        match (self.left_out, others.len() + self.other_actions, told.len()) {
            (0, 0, 0) => return writeln!(f, "  there is no statement"),
            (_, 0, _) => {}
            (_, 1, _) => writeln!(f, "  1 statement is about other actions")?,
            (_, count, _) => writeln!(f, "  {count} statements are about other actions")?,
        }
        match self.left_out {
            0 => Ok(()),
            1 => writeln!(f, "  1 statement more is left out"),
            count => writeln!(f, "  {count} statements more are left out"),
        }
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

impl StatementReport {
    fn is_about_another_action(&self) -> bool {
        matches!(
            self.mismatch,
            Some(Mismatch::Element {
                element: ElementName::Action | ElementName::NotAction,
                ..
            })
        )
    }
}

impl fmt::Display for StatementReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Some(label) => write!(f, "  {}", Plain(label))?,
            None => write!(f, "  policy {}", self.policy + 1)?,
        }
        write!(f, ", statement {}", self.statement + 1)?;
        if let Some(sid) = self.sid.as_ref().filter(|sid| !sid.is_empty()) {
            write!(f, " ({})", Plain(sid))?;
        }
        match &self.mismatch {
            None => writeln!(f, ", {}: matches", self.effect),
            Some(mismatch) => {
                writeln!(f, ", {}: does not match", self.effect)?;
                write!(f, "{mismatch}")
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wanted, seen) = match self {
            Mismatch::Element {
                element,
                wanted,
                seen,
            } => {
                write!(f, "    {}", element.as_str())?;
                (wanted, Some(vec![seen.as_str()]))
            }
            Mismatch::Condition {
                operator,
                key,
                wanted,
                seen,
            } => {
                write!(f, "    {} {}", Plain(operator), Plain(key))?;
                (wanted, seen.as_deref().map(texts))
            }
        };
        writeln!(f, ": {}", Values(texts(wanted), " or "))?;
        f.write_str("    the request has: ")?;
        match seen {
            None => writeln!(f, "nothing"),
            Some(seen) if seen.is_empty() => writeln!(f, "an empty list"),
            Some(seen) => writeln!(f, "{}", Values(seen, ", ")),
        }
    }
}

fn texts(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

/// Values in quotation marks, the first few of them, and what stands between them.
struct Values<'a>(Vec<&'a str>, &'static str);

impl fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Values(values, between) = self;
        for (index, value) in values.iter().take(SHOWN_VALUES).enumerate() {
            let between = if index == 0 { "" } else { between };
            write!(f, "{between}\"{}\"", Plain(value))?;
        }
        match values.len().saturating_sub(SHOWN_VALUES) {
            0 => Ok(()),
            more => write!(f, "{between}{more} more"),
        }
    }
}
