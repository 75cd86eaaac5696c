//! The explanation of a decision: what every layer answered and what each statement failed on.

use crate::compiled::{Call, Compiled, Match, Reading, StatementOf};
use crate::context::Value;
use crate::decide::{Answer, Decision, Layer, Policies, Request, Sink, Waiver, evaluate};
use crate::document::Effect;
use crate::missing;
use crate::principal::PrincipalType;
use crate::texts::Lower;

/// Decides a request and tells why. Its decision is that of [`decide`](crate::decide), made by the
/// same evaluator.
pub fn explain(request: &Request<'_>, policies: &Policies<'_>) -> Explanation {
    let record = Record {
        whole: true,
        room: usize::MAX,
        room_for_matches: usize::MAX,
        ..Record::default()
    };
    record.of(request, policies)
}

/// The same in little time, however many policies there are: statements about other actions are only
/// counted, and of the rest the first `most` that match and the first `most` that do not are told.
pub fn explain_briefly(request: &Request<'_>, policies: &Policies<'_>, most: usize) -> Explanation {
    let record = Record {
        room: most,
        room_for_matches: most,
        ..Record::default()
    };
    record.of(request, policies)
}

/// Why a request is allowed or denied. Its `Display` is for people, on terminals too: every line
/// ended, control characters [shown](crate::Plain).
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
    /// The layers that took part, in the order of evaluation. None where policies are not asked.
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
    /// Every statement of its policies, in order, but for those that are only counted.
    pub statements: Vec<StatementReport>,
    /// How many more are about other actions. Only in a brief explanation.
    pub other_actions: usize,
    /// How many more there are. Only in a brief explanation.
    pub left_out: usize,
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
    /// The condition keys and the keys of variables that the statement names, as written, and that
    /// the request does not have; each once, those of the resource first.
    ///
    /// Listed only if action, resource and principal match, or if the resource would with a value
    /// for its variables: the simulator's `MissingContextValues`.
    pub missing_keys: Vec<String>,
}

/// The element on which a statement fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mismatch {
    /// What is done, to what, or by whom.
    Element {
        /// Which element.
        element: ElementName,
        /// Its values as written; those of a principal after their type: `AWS: 123456789012`.
        wanted: Vec<String>,
        /// What the request has: its action, resource or principal.
        seen: String,
    },
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

/// The elements of a statement that tell what it is about.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ElementName {
    /// `Action`
    Action,
    /// `NotAction`
    NotAction,
    /// `Resource`
    Resource,
    /// `NotResource`
    NotResource,
    /// `Principal`
    Principal,
    /// `NotPrincipal`
    NotPrincipal,
}

impl ElementName {
    /// The name as documents spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            ElementName::Action => "Action",
            ElementName::NotAction => "NotAction",
            ElementName::Resource => "Resource",
            ElementName::NotResource => "NotResource",
            ElementName::Principal => "Principal",
            ElementName::NotPrincipal => "NotPrincipal",
        }
    }
}

impl Explanation {
    /// The end of AWS's AccessDenied sentence; `None` when the request is allowed, or no policy was
    /// asked. See [`Denial::reason`](crate::Denial::reason).
    pub fn reason(&self) -> Option<String> {
        match self.decision {
            Decision::Allowed => None,
            Decision::Denied(_) if self.layers.is_empty() => None,
            Decision::Denied(denial) => Some(denial.reason(&self.action)),
        }
    }

    /// The statements that made the decision, with the layer of each: for an explicit denial every
    /// denying one, for a permission every allowing one, none for an implicit denial.
    pub fn matched(&self) -> impl Iterator<Item = (&LayerReport, &StatementReport)> {
        let effect = match self.decision {
            Decision::Allowed => Some(Effect::Allow),
            Decision::Denied(denial) => denial.explicit.then_some(Effect::Deny),
        };
        let all = self
            .layers
            .iter()
            .flat_map(|layer| layer.statements.iter().map(move |report| (layer, report)));
        all.filter(move |(_, report)| report.matches() && Some(report.effect) == effect)
    }

    /// The keys that statements of any layer name and the request does not have, each once.
    pub fn missing_keys(&self) -> Vec<&str> {
        let mut named = missing::Once::default();
        let reports = self.layers.iter().flat_map(|layer| &layer.statements);
        let keys = reports.flat_map(|report| &report.missing_keys);
        let keys = keys.map(String::as_str);
        keys.filter(|key| named.is_new(key)).collect()
    }
}

impl StatementReport {
    /// Whether the statement matches.
    pub fn matches(&self) -> bool {
        self.mismatch.is_none()
    }
}

#[derive(Default)]
struct Record {
    layers: Vec<LayerReport>,
    /// Of the layer at work.
    statements: Vec<StatementReport>,
    other_actions: usize,
    left_out: usize,
    /// Statements about other actions are told too.
    whole: bool,
    /// How many more statements may be told, of those that match and of those that do not.
    room: usize,
    room_for_matches: usize,
}

impl Record {
    fn of(mut self, request: &Request<'_>, policies: &Policies<'_>) -> Explanation {
        let decision = evaluate(request, policies, &mut self);
        Explanation {
            principal: request.principal.to_string(),
            action: request.action.to_owned(),
            resource: request.resource.to_owned(),
            decision,
            layers: self.layers,
        }
    }
}

impl Sink for Record {
    const THOROUGH: bool = true;

    fn statement(
        &mut self,
        (policy, number): (usize, usize),
        compiled: &Compiled,
        statement: StatementOf<'_>,
        outcome: Match,
        (call, reading): (&Call<'_>, Reading),
    ) {
        if outcome == Match::Action && !self.whole {
            self.other_actions += 1;
            return;
        }
        let room = match outcome {
            Match::Yes(_) => &mut self.room_for_matches,
            _ => &mut self.room,
        };
        let Some(rest) = room.checked_sub(1) else {
            self.left_out += 1;
            return;
        };
        *room = rest;
        self.statements.push(StatementReport {
            policy,
            label: compiled.label().map(str::to_owned),
            statement: number,
            sid: statement.sid().map(str::to_owned),
            effect: statement.effect(),
            mismatch: mismatch(statement, outcome, call),
            missing_keys: missing::keys(statement, outcome, call, reading),
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
            other_actions: std::mem::take(&mut self.other_actions),
            left_out: std::mem::take(&mut self.left_out),
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

fn mismatch(statement: StatementOf<'_>, outcome: Match, call: &Call<'_>) -> Option<Mismatch> {
    let request = call.request;
    let owned = |values: &mut dyn Iterator<Item = &str>| values.map(str::to_owned).collect();
    let (element, wanted, seen): (_, Vec<String>, _) = match outcome {
        Match::Yes(_) => return None,
        Match::Condition(index) => {
            return statement.conditions().nth(index).map(|mut condition| {
                let key = Lower::unicode(condition.key);
                Mismatch::Condition {
                    operator: condition.operator_name.to_owned(),
                    key: condition.key.to_owned(),
                    wanted: owned(&mut condition.values),
                    seen: call
                        .facts
                        .get(key.as_str())
                        .value()
                        .map(|value| match value {
                            Value::One(text) => vec![text.to_string()],
                            Value::Many(texts) => texts.iter().map(ToString::to_string).collect(),
                        }),
                }
            });
        }
        Match::Action => {
            let mut written = statement.actions();
            let name = if written.negated {
                ElementName::NotAction
            } else {
                ElementName::Action
            };
            (name, owned(&mut written.values), request.action.to_owned())
        }
        Match::Resource => {
            let mut written = statement.resources();
            let name = if written.as_ref().is_some_and(|w| w.negated) {
                ElementName::NotResource
            } else {
                ElementName::Resource
            };
            let wanted = written.as_mut().map(|w| owned(&mut w.values));
            (
                name,
                wanted.unwrap_or_default(),
                request.resource.to_owned(),
            )
        }
        Match::Principal => {
            let written = statement.principals();
            let name = if written.as_ref().is_some_and(|w| w.negated) {
                ElementName::NotPrincipal
            } else {
                ElementName::Principal
            };
            let values = written.into_iter().flat_map(|w| w.values);
            let wanted = values.map(|(kind, value)| match kind {
                PrincipalType::Everyone => value.to_owned(),
                kind => format!("{kind}: {value}"),
            });
            (name, wanted.collect(), request.principal.to_string())
        }
    };
    Some(Mismatch::Element {
        element,
        wanted,
        seen,
    })
}
