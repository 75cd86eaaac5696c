//! An explanation as commands print it: JSON for programs; the text for people is the explanation's own.

use super::text::Paint;
use locum_identity::trace::{self, LayerTrace};
use locum_policy::case::Expect;
use locum_policy::{Explanation, Plain};
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
    layers: Vec<LayerTrace>,
    /// For people.
    #[serde(skip)]
    text: String,
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
            layers: trace::layers(explanation),
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

fn owned(keys: Vec<&str>) -> Vec<String> {
    keys.into_iter().map(str::to_owned).collect()
}
