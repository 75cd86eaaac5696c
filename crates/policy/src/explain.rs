//! The explanation of a decision: what every layer answered and what each statement failed on.

use std::fmt;

use crate::compiled::{Compiled, CompiledStatement, Match};
use crate::context::{Context, Value};
use crate::decide::{Answer, Decision, Layer, Policies, Request, Sink, Waiver, evaluate};
use crate::document::Effect;

/// Decides a request and tells why. Its decision is that of [`decide`](crate::decide), made by the
/// same evaluator.
pub fn explain(request: &Request<'_>, policies: &Policies<'_>) -> Explanation {
    let mut record = Record {
        context: request.context,
        layers: Vec::new(),
        statements: Vec::new(),
    };
    let decision = evaluate(request, policies, &mut record);
    Explanation {
        principal: request.principal.to_string(),
        action: request.action.to_owned(),
        resource: request.resource.to_owned(),
        decision,
        layers: record.layers,
    }
}

/// Why a request is allowed or denied. Its `Display` is for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// Who called.
    pub principal: String,
    /// What was to be done.
    pub action: String,
    /// To what.
    pub resource: String,
    /// The outcome.
    pub decision: Decision,
    /// The layers that took part, in the order of evaluation.
    pub layers: Vec<LayerReport>,
}

/// What the policies of one layer say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LayerReport {
    /// The layer.
    pub layer: Layer,
    /// The level within an organization, from 0 for its root; `None` for layers without levels.
    pub level: Option<usize>,
    /// Its answer.
    pub answer: LayerAnswer,
    /// Every statement of its policies, in order.
    pub statements: Vec<StatementReport>,
}

/// The answer of a layer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LayerAnswer {
    /// A statement denies.
    ExplicitDeny,
    /// A statement allows, and none denies.
    Allow,
    /// No statement matches, and one would be needed.
    NoAllow,
    /// No statement matches, and none is needed: root needs none in its account.
    WaivedForRoot,
    /// No statement matches, and none is needed: the resource's policy names the caller.
    WaivedByResource,
}

/// The outcome of one statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatementReport {
    /// The policy within its layer (and level), from 0.
    pub policy: usize,
    /// The policy's label, if it was given one.
    pub label: Option<String>,
    /// The statement within its policy, from 0.
    pub statement: usize,
    /// The statement's Sid.
    pub sid: Option<String>,
    /// What it does when it matches.
    pub effect: Effect,
    /// `None` when it matches, or the first element that does not.
    pub mismatch: Option<Mismatch>,
}

/// The element on which a statement fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mismatch {
    /// `Action` or `NotAction`.
    Action,
    /// `Resource` or `NotResource`.
    Resource,
    /// `Principal` or `NotPrincipal`.
    Principal,
    /// A condition.
    Condition {
        /// The operator as written.
        operator: String,
        /// The key as written.
        key: String,
        /// The values of the policy.
        wanted: Vec<String>,
        /// The values of the request; `None` when it does not have the key.
        seen: Option<Vec<String>>,
    },
}

struct Record<'a> {
    context: &'a dyn Context,
    layers: Vec<LayerReport>,
    /// Of the layer at work.
    statements: Vec<StatementReport>,
}

impl Sink for Record<'_> {
    const THOROUGH: bool = true;

    fn statement(
        &mut self,
        (policy, number): (usize, usize),
        compiled: &Compiled,
        statement: &CompiledStatement,
        outcome: Match,
    ) {
        let mismatch = match outcome {
            Match::Yes(_) => None,
            Match::Action => Some(Mismatch::Action),
            Match::Resource => Some(Mismatch::Resource),
            Match::Principal => Some(Mismatch::Principal),
            Match::Condition(index) => {
                statement
                    .conditions
                    .get(index)
                    .map(|condition| Mismatch::Condition {
                        operator: condition.operator_name.to_string(),
                        key: condition.written_key.to_string(),
                        wanted: condition.wanted.iter().map(ToString::to_string).collect(),
                        seen: condition.seen(self.context).map(|value| match value {
                            Value::One(text) => vec![text.into_owned()],
                            Value::Many(texts) => texts.into_iter().map(Into::into).collect(),
                        }),
                    })
            }
        };
        self.statements.push(StatementReport {
            policy,
            label: compiled.label().map(str::to_owned),
            statement: number,
            sid: statement.sid.as_deref().map(str::to_owned),
            effect: statement.effect,
            mismatch,
        });
    }

    fn layer(&mut self, layer: Layer, level: Option<usize>, answer: Answer) {
        let answer = match answer {
            Answer::ExplicitDeny => LayerAnswer::ExplicitDeny,
            Answer::Allow(_) => LayerAnswer::Allow,
            Answer::Nothing => LayerAnswer::NoAllow,
        };
        let statements = std::mem::take(&mut self.statements);
        self.layers.push(LayerReport {
            layer,
            level,
            answer,
            statements,
        });
    }

    fn waived(&mut self, layer: Layer, why: Waiver) {
        let answer = match why {
            Waiver::Root => LayerAnswer::WaivedForRoot,
            Waiver::Named => LayerAnswer::WaivedByResource,
        };
        if let Some(report) = self.layers.iter_mut().find(|report| report.layer == layer) {
            report.answer = answer;
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation {
            principal,
            action,
            resource,
            decision,
            layers,
        } = self;
        match decision {
            Decision::Allowed => {
                writeln!(f, "allowed: {principal} may perform {action} on {resource}")?;
            }
            Decision::Denied(denial) => writeln!(
                f,
                "denied: {principal} may not perform {action} on {resource} {}",
                denial.reason(action)
            )?,
        }
        layers.iter().try_for_each(|layer| write!(f, "{layer}"))
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
        self.statements
            .iter()
            .try_for_each(|statement| writeln!(f, "    {statement}"))
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
        if let Some(sid) = &self.sid {
            write!(f, " ({sid})")?;
        }
        write!(f, ", {}: ", self.effect)?;
        match &self.mismatch {
            None => f.write_str("matches"),
            Some(mismatch) => write!(f, "{mismatch}"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Action => f.write_str("action does not match"),
            Mismatch::Resource => f.write_str("resource does not match"),
            Mismatch::Principal => f.write_str("principal does not match"),
            Mismatch::Condition {
                operator,
                key,
                wanted,
                seen,
            } => {
                write!(
                    f,
                    "condition {operator} {key} [{}] does not hold: ",
                    wanted.join(", ")
                )?;
                match seen {
                    None => f.write_str("the request does not have the key"),
                    Some(seen) => write!(f, "the request has [{}]", seen.join(", ")),
                }
            }
        }
    }
}
