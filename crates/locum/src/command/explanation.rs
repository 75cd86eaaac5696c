//! An explanation as commands print it: JSON for programs; the text for people is the explanation's own.

use super::text::Paint;
use locum_policy::case::Expect;
use locum_policy::{
    Effect, Explanation, Layer, LayerAnswer, LayerReport, Mismatch, Plain, StatementReport,
};
use serde::Serialize;

/// Why a request is allowed or denied. The names are stable.
#[derive(Debug, Serialize)]
pub(super) struct View {
    /// `allowed`, `explicit_deny` or `implicit_deny`.
    pub(super) decision: &'static str,
    /// The end of AWS's AccessDenied sentence.
    reason: Option<String>,
    /// What the client is told.
    pub(super) message: Option<String>,
    principal: String,
    action: String,
    resource: String,
    /// What a reader should know besides.
    pub(super) notes: Vec<String>,
    /// Keys that statements ask for and the request does not have.
    missing_keys: Vec<String>,
    layers: Vec<LayerView>,
    /// For people.
    #[serde(skip)]
    text: String,
}

#[derive(Debug, Serialize)]
struct LayerView {
    layer: &'static str,
    /// From 1, the root of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    answer: &'static str,
    statements: Vec<StatementView>,
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
            text: explanation.to_string(),
        }
    }

    /// For people, every line ended.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mut out = match self.text.split_once(':') {
            Some((verdict, rest)) => format!("{}:{rest}", self.paint(paint, verdict)),
            None => self.text.clone(),
        };
        if let Some(message) = &self.message {
            out += &format!("the client is told: {}\n", Plain(message));
        }
        for note in &self.notes {
            out += &format!("note: {}\n", Plain(note));
        }
        out
    }

    fn paint(&self, paint: Paint, verdict: &str) -> String {
        if self.decision == Expect::Allowed.as_str() {
            paint.green(verdict)
        } else {
            paint.red(verdict)
        }
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
}

fn owned(keys: Vec<&str>) -> Vec<String> {
    keys.into_iter().map(str::to_owned).collect()
}
