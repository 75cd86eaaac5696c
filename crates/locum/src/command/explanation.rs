//! An explanation as commands print it: one view, for JSON and for people.

use super::text::{Paint, Plain};
use locum_policy::case::Expect;
use locum_policy::{
    Effect, Explanation, Layer, LayerAnswer, LayerReport, Mismatch, StatementReport,
};
use serde::Serialize;
use std::fmt::Write as _;

/// Why a request is allowed or denied. The names are stable.
#[derive(Debug, Serialize)]
pub(super) struct View {
    /// `allowed`, `explicit_deny` or `implicit_deny`.
    pub(super) decision: &'static str,
    /// The end of AWS's AccessDenied sentence.
    pub(super) reason: Option<String>,
    /// What the client is told.
    pub(super) message: Option<String>,
    principal: String,
    action: String,
    resource: String,
    /// What a reader should know besides.
    pub(super) notes: Vec<String>,
    /// Keys that statements ask for and the request does not have.
    missing_keys: Vec<String>,
    pub(super) layers: Vec<LayerView>,
}

#[derive(Debug, Serialize)]
pub(super) struct LayerView {
    layer: &'static str,
    /// From 1, the root of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    answer: &'static str,
    statements: Vec<StatementView>,
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    says: String,
}

#[derive(Debug, Serialize)]
struct StatementView {
    /// The name of the policy, where it has one.
    policy: Option<String>,
    /// The policy's number in its layer, from 1.
    policy_number: usize,
    /// The statement's number in its policy, from 1.
    statement: usize,
    sid: Option<String>,
    effect: &'static str,
    matched: bool,
    /// The first element that does not match.
    mismatch: Option<MismatchView>,
    missing_keys: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MismatchView {
    /// `Action`, `NotAction`, `Resource`, `NotResource`, `Principal`, `NotPrincipal` or `Condition`.
    element: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    wanted: Vec<String>,
    /// `None` for a key that the request does not have.
    seen: Option<Vec<String>>,
}

/// Values shown of one element to people; programs get all.
const SHOWN: usize = 8;

impl View {
    pub(super) fn new(explanation: &Explanation) -> Self {
        Self {
            decision: Expect::of(explanation.decision).as_str(),
            reason: explanation.reason(),
            message: None,
            principal: explanation.principal.clone(),
            action: explanation.action.clone(),
            resource: explanation.resource.clone(),
            notes: Vec::new(),
            missing_keys: owned(explanation.missing_keys()),
            layers: explanation.layers.iter().map(LayerView::new).collect(),
        }
    }

    /// The principals that the policy of the resource names, where they do not match.
    pub(super) fn principals(&mut self) -> impl Iterator<Item = &mut String> {
        let statements = self
            .layers
            .iter_mut()
            .flat_map(|layer| &mut layer.statements);
        statements
            .filter_map(|statement| statement.mismatch.as_mut())
            .filter(|mismatch| matches!(mismatch.element, "Principal" | "NotPrincipal"))
            .flat_map(|mismatch| &mut mismatch.wanted)
    }

    /// For people, every line ended.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out, paint);
        out
    }

    fn write(&self, out: &mut String, paint: Paint) -> std::fmt::Result {
        let (word, may) = match self.decision {
            "allowed" => (paint.green("allowed"), "may perform"),
            "explicit_deny" => (paint.red("explicitly denied"), "may not perform"),
            _ => (paint.red("implicitly denied"), "may not perform"),
        };
        let (principal, action) = (Plain(&self.principal), Plain(&self.action));
        let resource = Plain(&self.resource);
        writeln!(out, "{word}: {principal} {may} {action} on {resource}")?;
        if let Some(reason) = &self.reason {
            writeln!(out, "  {}", Plain(reason))?;
        }
        if let Some(message) = &self.message {
            writeln!(out, "  the client is told: {}", Plain(message))?;
        }
        for layer in &self.layers {
            layer.write(out, paint)?;
        }
        if !self.missing_keys.is_empty() && self.decision != "allowed" {
            let keys = list(&self.missing_keys, ", ");
            writeln!(out, "keys that the request does not have: {keys}")?;
        }
        for note in &self.notes {
            writeln!(out, "note: {}", Plain(note))?;
        }
        Ok(())
    }
}

impl LayerView {
    fn new(report: &LayerReport) -> Self {
        Self {
            layer: match report.layer {
                Layer::ResourceControl => "resource_control",
                Layer::ServiceControl => "service_control",
                Layer::Identity => "identity",
                Layer::Resource => "resource",
                Layer::Trust => "trust",
                Layer::Boundary => "boundary",
                Layer::Session => "session",
            },
            level: report.level.map(|level| level + 1),
            answer: match report.answer {
                LayerAnswer::ExplicitDeny => "explicit_deny",
                LayerAnswer::Allow => "allow",
                LayerAnswer::NoAllow => "no_allow",
                LayerAnswer::WaivedForRoot => "waived_for_root",
                LayerAnswer::WaivedByResource => "waived_by_resource",
            },
            statements: report.statements.iter().map(StatementView::new).collect(),
            title: report.layer.name(),
            says: report.answer.to_string(),
        }
    }

    fn write(&self, out: &mut String, paint: Paint) -> std::fmt::Result {
        let says = match self.answer {
            "explicit_deny" | "no_allow" => paint.red(&self.says),
            _ => paint.green(&self.says),
        };
        write!(out, "{}", paint.bold(self.title))?;
        if let Some(level) = self.level {
            write!(out, ", level {level}")?;
        }
        writeln!(out, ": {says}")?;
        let (others, told): (Vec<_>, Vec<_>) = self
            .statements
            .iter()
            .partition(|s| s.is_about_another_action());
        for statement in &told {
            statement.write(out, paint)?;
        }
        match (others.len(), told.len()) {
            (0, 0) => writeln!(out, "  there is no statement"),
            (0, _) => Ok(()),
            (1, _) => writeln!(out, "  1 statement is about other actions"),
            (count, _) => writeln!(out, "  {count} statements are about other actions"),
        }
    }
}

impl StatementView {
    fn new(report: &StatementReport) -> Self {
        Self {
            policy: report.label.clone(),
            policy_number: report.policy + 1,
            statement: report.statement + 1,
            sid: report.sid.clone(),
            effect: match report.effect {
                Effect::Allow => "Allow",
                Effect::Deny => "Deny",
            },
            matched: report.matches(),
            mismatch: report.mismatch.as_ref().map(MismatchView::new),
            missing_keys: report.missing_keys.clone(),
        }
    }

    fn is_about_another_action(&self) -> bool {
        let element = self.mismatch.as_ref().map(|mismatch| mismatch.element);
        matches!(element, Some("Action" | "NotAction"))
    }

    fn write(&self, out: &mut String, paint: Paint) -> std::fmt::Result {
        match &self.policy {
            Some(name) => write!(out, "  {}", Plain(name))?,
            None => write!(out, "  policy {}", self.policy_number)?,
        }
        write!(out, ", statement {}", self.statement)?;
        if let Some(sid) = self.sid.as_deref().filter(|sid| !sid.is_empty()) {
            write!(out, " ({})", Plain(sid))?;
        }
        match &self.mismatch {
            None => {
                let matches = match self.effect {
                    "Deny" => paint.red("matches"),
                    _ => paint.green("matches"),
                };
                writeln!(out, ", {}: {matches}", self.effect)
            }
            Some(mismatch) => {
                writeln!(out, ", {}: does not match", self.effect)?;
                mismatch.write(out, paint)
            }
        }
    }
}

impl MismatchView {
    fn new(mismatch: &Mismatch) -> Self {
        match mismatch {
            Mismatch::Element {
                element,
                wanted,
                seen,
            } => Self {
                element: element.as_str(),
                operator: None,
                key: None,
                wanted: wanted.clone(),
                seen: Some(vec![seen.clone()]),
            },
            Mismatch::Condition {
                operator,
                key,
                wanted,
                seen,
            } => Self {
                element: "Condition",
                operator: Some(operator.clone()),
                key: Some(key.clone()),
                wanted: wanted.clone(),
                seen: seen.clone(),
            },
        }
    }

    fn write(&self, out: &mut String, paint: Paint) -> std::fmt::Result {
        let what = match (&self.operator, &self.key) {
            (Some(operator), Some(key)) => format!("{} {}", Plain(operator), Plain(key)),
            _ => self.element.to_owned(),
        };
        let wanted = list(&self.wanted, " or ");
        let seen = match &self.seen {
            None => paint.yellow("nothing"),
            Some(seen) if seen.is_empty() => paint.yellow("an empty list"),
            Some(seen) => list(seen, ", "),
        };
        writeln!(out, "    {what}: {wanted}")?;
        writeln!(out, "    the request has: {seen}")
    }
}

/// Values in quotation marks, the first few of them.
fn list(values: &[String], between: &str) -> String {
    let mut shown: Vec<String> = values
        .iter()
        .take(SHOWN)
        .map(|value| format!("\"{}\"", Plain(value)))
        .collect();
    if values.len() > SHOWN {
        shown.push(format!("{} more", values.len() - SHOWN));
    }
    shown.join(between)
}

fn owned(keys: Vec<&str>) -> Vec<String> {
    keys.into_iter().map(str::to_owned).collect()
}
