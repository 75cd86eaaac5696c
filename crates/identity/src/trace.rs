//! An explanation of the policy engine as programs read it. The names are stable: the command
//! `locum explain` prints them, and decoded authorization messages have them.

use locum_policy::{
    Effect, Explanation, Layer, LayerAnswer, LayerReport, Mismatch, StatementReport,
};
use serde::Serialize;

/// What the policies of one layer had to do with a decision.
#[derive(Debug, Serialize)]
pub struct LayerTrace {
    layer: &'static str,
    /// From 1, the root of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    answer: &'static str,
    statements: Vec<StatementTrace>,
    #[serde(skip_serializing_if = "is_zero")]
    other_actions: usize,
    #[serde(skip_serializing_if = "is_zero")]
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct StatementTrace {
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
    mismatch: Option<MismatchTrace>,
    missing_keys: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MismatchTrace {
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

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The layers of an explanation, in the order of evaluation.
pub fn layers(explanation: &Explanation) -> Vec<LayerTrace> {
    explanation.layers.iter().map(LayerTrace::new).collect()
}

/// The name of a layer.
pub fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::ResourceControl => "resource_control",
        Layer::ServiceControl => "service_control",
        Layer::Identity => "identity",
        Layer::Resource => "resource",
        Layer::Trust => "trust",
        Layer::Boundary => "boundary",
        Layer::Session => "session",
    }
}

impl LayerTrace {
    fn new(report: &LayerReport) -> Self {
        Self {
            layer: layer_name(report.layer),
            level: report.level.map(|level| level + 1),
            answer: match report.answer {
                LayerAnswer::ExplicitDeny => "explicit_deny",
                LayerAnswer::Allow => "allow",
                LayerAnswer::NoAllow => "no_allow",
                LayerAnswer::WaivedForRoot => "waived_for_root",
                LayerAnswer::WaivedByResource => "waived_by_resource",
            },
            statements: report.statements.iter().map(StatementTrace::new).collect(),
            other_actions: report.other_actions,
            left_out: report.left_out,
        }
    }
}

impl StatementTrace {
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
            mismatch: report.mismatch.as_ref().map(MismatchTrace::new),
            missing_keys: report.missing_keys.clone(),
        }
    }
}

impl MismatchTrace {
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
