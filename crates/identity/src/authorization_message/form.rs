//! What is sealed: the request in one part, what policies say in the other. What the policies were
//! matched against is the request's, so it is not in the second part but found again in the first.

use super::{AuthorizationMessage, texts};
use crate::environment::Seconds;
use crate::names::{AccountId, Constrained as _};
use crate::session::message::Parts;
use locum_policy::{
    Decision, Denial, Effect, ElementName, Explanation, Layer, LayerAnswer, LayerReport, Mismatch,
    Quote, QuotedCondition, QuotedList, StatementReport, Value,
};
use serde::{Deserialize, Serialize};

/// How much of a message is kept.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Statements, those that are quoted and those that are told each.
    statements: usize,
    /// Condition keys of the request.
    keys: usize,
    /// Values of one element or key.
    values: usize,
    /// Bytes of one text.
    text: usize,
}

/// From what most messages never reach to what always fits, one after the other.
pub(super) const LIMITS: [Limits; 4] = [
    Limits {
        statements: 64,
        keys: 128,
        values: 32,
        text: 1024,
    },
    Limits {
        statements: 24,
        keys: 48,
        values: 12,
        text: 256,
    },
    Limits {
        statements: 6,
        keys: 24,
        values: 4,
        text: 128,
    },
    Limits {
        statements: 1,
        keys: 0,
        values: 1,
        text: 96,
    },
];
/// Bytes of the names that a refusal is about, which are kept whole as long as it goes.
const LONGEST_NAME: usize = 1100;

const LAYERS: [Layer; 7] = [
    Layer::ResourceControl,
    Layer::ServiceControl,
    Layer::Identity,
    Layer::Resource,
    Layer::Trust,
    Layer::Boundary,
    Layer::Session,
];
const ANSWERS: [LayerAnswer; 5] = [
    LayerAnswer::ExplicitDeny,
    LayerAnswer::Allow,
    LayerAnswer::NoAllow,
    LayerAnswer::WaivedForRoot,
    LayerAnswer::WaivedByResource,
];
const ELEMENTS: [ElementName; 6] = [
    ElementName::Action,
    ElementName::NotAction,
    ElementName::Resource,
    ElementName::NotResource,
    ElementName::Principal,
    ElementName::NotPrincipal,
];
/// A condition, in the place of an element.
const CONDITION: usize = ELEMENTS.len();

pub(super) struct Form {
    request: RequestForm,
    policies: PoliciesForm,
}

#[derive(Serialize, Deserialize)]
struct RequestForm {
    at: Seconds,
    id: String,
    region: String,
    arn: String,
    /// As explanations call who asked, where that is not the ARN.
    name: Option<String>,
    user: String,
    action: String,
    resource: String,
    owner: Option<String>,
    explicit: bool,
    layer: usize,
    absent: bool,
    cut: bool,
    issuer: Option<String>,
    policy: Option<String>,
    policies: Vec<String>,
    context: Vec<(String, ValueForm)>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ValueForm {
    One(String),
    Many(Vec<String>),
}

#[derive(Serialize, Deserialize)]
struct PoliciesForm(Vec<LayerForm>, Vec<(usize, QuoteForm)>);

/// Layer, level, answer, other actions, left out, statements.
#[derive(Serialize, Deserialize)]
struct LayerForm(
    usize,
    Option<usize>,
    usize,
    usize,
    usize,
    Vec<StatementForm>,
);

/// Policy, label, statement, Sid, denies, mismatch, missing keys.
#[derive(Serialize, Deserialize)]
struct StatementForm(
    usize,
    Option<String>,
    usize,
    Option<String>,
    bool,
    Option<MismatchForm>,
    Vec<String>,
);

/// Element, operator and key of a condition, wanted, whether the request has the key.
#[derive(Serialize, Deserialize)]
struct MismatchForm(usize, String, String, Vec<String>, bool);

/// Sid, denies, principals, actions, resources, conditions.
#[derive(Serialize, Deserialize)]
struct QuoteForm(
    Option<String>,
    bool,
    Option<ListForm>,
    ListForm,
    Option<ListForm>,
    Vec<(String, String, Vec<String>)>,
);

/// Negated, values.
#[derive(Serialize, Deserialize)]
struct ListForm(bool, Vec<String>);

impl Form {
    pub(super) fn of(message: AuthorizationMessage) -> Self {
        let explanation = message.explanation;
        let denial = match explanation.decision {
            Decision::Denied(denial) => denial,
            Decision::Allowed => Denial {
                explicit: false,
                layer: Layer::Identity,
            },
        };
        let mut context: Vec<_> = message
            .context
            .into_iter()
            .map(|(key, value)| (key, ValueForm::of(value)))
            .collect();
        for report in explanation
            .layers
            .iter()
            .flat_map(|layer| &layer.statements)
        {
            if let Some(Mismatch::Condition {
                key,
                seen: Some(seen),
                ..
            }) = &report.mismatch
                && !context.iter().any(|(known, _)| same(known, key))
            {
                context.push((key.clone(), ValueForm::Many(seen.clone())));
            }
        }
        Self {
            request: RequestForm {
                at: message.at,
                id: message.request_id,
                region: message.region,
                name: (explanation.principal != message.arn).then_some(explanation.principal),
                arn: message.arn,
                user: message.principal_id,
                action: explanation.action,
                resource: explanation.resource,
                owner: message.resource_account.map(|id| id.to_string()),
                explicit: denial.explicit,
                layer: number(&LAYERS, denial.layer),
                absent: message.absent,
                cut: message.is_cut,
                issuer: message.issuer,
                policy: message.session_policy,
                policies: message.session_policy_arns,
                context,
            },
            policies: PoliciesForm(
                explanation.layers.into_iter().map(LayerForm::of).collect(),
                message
                    .matched
                    .into_iter()
                    .map(|(layer, quote)| (number(&LAYERS, layer), QuoteForm::of(quote)))
                    .collect(),
            ),
        }
    }

    /// Leaves out what is over the limits.
    pub(super) fn cut(&mut self, limits: Limits) {
        let mut knife = Knife { limits, cut: false };
        let request = &mut self.request;
        for name in [&mut request.arn, &mut request.action, &mut request.resource] {
            knife.text(name, LONGEST_NAME);
        }
        let short = [&mut request.id, &mut request.user, &mut request.region];
        let named = request.issuer.iter_mut().chain(&mut request.name);
        for text in short.into_iter().chain(named) {
            knife.text(text, limits.text.max(256));
        }
        // A policy is whole or not there: half of one is another one.
        if limits.keys == 0 {
            knife.cut |= request.policy.take().is_some() || !request.policies.is_empty();
            request.policies.clear();
        }
        knife.list(&mut request.context, limits.keys);
        for (key, value) in &mut request.context {
            knife.text(key, limits.text);
            match value {
                ValueForm::One(text) => knife.text(text, limits.text),
                ValueForm::Many(texts) => knife.texts(texts),
            }
        }
        let PoliciesForm(layers, quotes) = &mut self.policies;
        let mut room = limits.statements;
        for LayerForm(.., left_out, statements) in layers {
            let before = statements.len();
            // What matches decides, so it goes before what does not.
            let matching = statements
                .iter()
                .filter(|report| report.5.is_none())
                .count();
            let mut spare = room.saturating_sub(matching);
            statements.retain(|report| {
                let kept = report.5.is_none() || spare > 0;
                spare -= usize::from(kept && report.5.is_some());
                kept
            });
            statements.truncate(room);
            room -= statements.len();
            *left_out += before - statements.len();
            knife.cut |= before > statements.len();
            statements
                .iter_mut()
                .for_each(|report| report.cut(&mut knife));
        }
        knife.list(quotes, limits.statements);
        quotes
            .iter_mut()
            .for_each(|(_, quote)| quote.cut(&mut knife));
        self.request.cut |= knife.cut;
    }

    pub(super) fn parts(&self) -> Option<Parts> {
        Some(Parts {
            request: serde_json::to_vec(&self.request).ok()?,
            policies: serde_json::to_vec(&self.policies).ok()?,
        })
    }

    pub(super) fn parse(parts: &Parts) -> Option<Self> {
        Some(Self {
            request: serde_json::from_slice(&parts.request).ok()?,
            policies: serde_json::from_slice(&parts.policies).ok()?,
        })
    }

    /// What was sealed; `None` if it makes no sense.
    pub(super) fn message(self, account: AccountId) -> Option<AuthorizationMessage> {
        let Self { request, policies } = self;
        let context: Vec<_> = request
            .context
            .into_iter()
            .map(|(key, value)| (key, value.value()))
            .collect();
        let mut explanation = Explanation {
            principal: request.name.unwrap_or_else(|| request.arn.clone()),
            action: request.action,
            resource: request.resource,
            decision: Decision::Denied(Denial {
                explicit: request.explicit,
                layer: *LAYERS.get(request.layer)?,
            }),
            layers: Vec::new(),
        };
        let PoliciesForm(layers, quotes) = policies;
        explanation.layers = layers
            .into_iter()
            .map(|layer| layer.report(&explanation, &context))
            .collect::<Option<_>>()?;
        Some(AuthorizationMessage {
            account,
            at: request.at,
            request_id: request.id,
            region: request.region,
            resource_account: match request.owner {
                Some(id) => Some(AccountId::parse(&id).ok()?),
                None => None,
            },
            arn: request.arn,
            principal_id: request.user,
            issuer: request.issuer,
            session_policy: request.policy,
            session_policy_arns: request.policies,
            explanation,
            matched: quotes
                .into_iter()
                .map(|(layer, quote)| Some((*LAYERS.get(layer)?, quote.quote())))
                .collect::<Option<_>>()?,
            context,
            absent: request.absent,
            is_cut: request.cut,
        })
    }
}

impl ValueForm {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::One(text) => Self::One(text.into_owned()),
            many @ Value::Many(_) => Self::Many(texts(&many)),
        }
    }

    fn value(self) -> Value<'static> {
        match self {
            Self::One(text) => Value::One(text.into()),
            Self::Many(texts) => Value::Many(texts.into_iter().map(Into::into).collect()),
        }
    }
}

impl LayerForm {
    fn of(report: LayerReport) -> Self {
        Self(
            number(&LAYERS, report.layer),
            report.level,
            number(&ANSWERS, report.answer),
            report.other_actions,
            report.left_out,
            report
                .statements
                .into_iter()
                .map(StatementForm::of)
                .collect(),
        )
    }

    fn report(
        self,
        explanation: &Explanation,
        context: &[(String, Value<'_>)],
    ) -> Option<LayerReport> {
        let Self(layer, level, answer, other_actions, left_out, statements) = self;
        Some(LayerReport {
            layer: *LAYERS.get(layer)?,
            level,
            answer: *ANSWERS.get(answer)?,
            statements: statements
                .into_iter()
                .map(|form| form.report(explanation, context))
                .collect::<Option<_>>()?,
            other_actions,
            left_out,
        })
    }
}

impl StatementForm {
    fn of(report: StatementReport) -> Self {
        Self(
            report.policy,
            report.label,
            report.statement,
            report.sid,
            report.effect == Effect::Deny,
            report.mismatch.map(MismatchForm::of),
            report.missing_keys,
        )
    }

    fn cut(&mut self, knife: &mut Knife) {
        let Self(_, label, _, sid, _, mismatch, missing) = self;
        let longest = knife.limits.text;
        for text in label.iter_mut().chain(sid) {
            knife.text(text, longest);
        }
        if let Some(MismatchForm(_, operator, key, wanted, _)) = mismatch {
            knife.text(operator, longest);
            knife.text(key, longest);
            knife.texts(wanted);
        }
        knife.texts(missing);
    }

    fn report(
        self,
        explanation: &Explanation,
        context: &[(String, Value<'_>)],
    ) -> Option<StatementReport> {
        let Self(policy, label, statement, sid, denies, mismatch, missing_keys) = self;
        Some(StatementReport {
            policy,
            label,
            statement,
            sid,
            effect: effect(denies),
            mismatch: match mismatch {
                Some(form) => Some(form.mismatch(explanation, context)?),
                None => None,
            },
            missing_keys,
        })
    }
}

impl MismatchForm {
    fn of(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::Element {
                element, wanted, ..
            } => Self(
                number(&ELEMENTS, element),
                String::new(),
                String::new(),
                wanted,
                true,
            ),
            Mismatch::Condition {
                operator,
                key,
                wanted,
                seen,
            } => Self(CONDITION, operator, key, wanted, seen.is_some()),
        }
    }

    fn mismatch(
        self,
        explanation: &Explanation,
        context: &[(String, Value<'_>)],
    ) -> Option<Mismatch> {
        let Self(element, operator, key, wanted, has) = self;
        if element == CONDITION {
            let known = context.iter().find(|(known, _)| same(known, &key));
            let seen = has.then(|| match known {
                Some((_, value)) => texts(value),
                None => vec![CUT.to_owned()],
            });
            return Some(Mismatch::Condition {
                operator,
                key,
                wanted,
                seen,
            });
        }
        let element = *ELEMENTS.get(element)?;
        Some(Mismatch::Element {
            element,
            wanted,
            seen: match element {
                ElementName::Action | ElementName::NotAction => explanation.action.clone(),
                ElementName::Resource | ElementName::NotResource => explanation.resource.clone(),
                ElementName::Principal | ElementName::NotPrincipal => explanation.principal.clone(),
            },
        })
    }
}

impl QuoteForm {
    fn of(quote: Quote) -> Self {
        let list = |list: QuotedList| ListForm(list.negated, list.values);
        Self(
            quote.sid,
            quote.effect == Effect::Deny,
            quote.principals.map(list),
            list(quote.actions),
            quote.resources.map(list),
            quote
                .conditions
                .into_iter()
                .map(|condition| (condition.operator, condition.key, condition.values))
                .collect(),
        )
    }

    fn cut(&mut self, knife: &mut Knife) {
        let Self(sid, _, principals, actions, resources, conditions) = self;
        let longest = knife.limits.text;
        sid.iter_mut().for_each(|sid| knife.text(sid, longest));
        for ListForm(_, values) in principals.iter_mut().chain([actions]).chain(resources) {
            knife.texts(values);
        }
        knife.list(conditions, knife.limits.values);
        for (operator, key, values) in conditions {
            knife.text(operator, longest);
            knife.text(key, longest);
            knife.texts(values);
        }
    }

    fn quote(self) -> Quote {
        let Self(sid, denies, principals, actions, resources, conditions) = self;
        let list = |ListForm(negated, values)| QuotedList { negated, values };
        Quote {
            sid,
            effect: effect(denies),
            principals: principals.map(list),
            actions: list(actions),
            resources: resources.map(list),
            conditions: conditions
                .into_iter()
                .map(|(operator, key, values)| QuotedCondition {
                    operator,
                    key,
                    values,
                })
                .collect(),
        }
    }
}

/// What stands where something was cut.
const CUT: &str = "…";

/// Cuts, and remembers whether it did.
struct Knife {
    limits: Limits,
    cut: bool,
}

impl Knife {
    fn text(&mut self, text: &mut String, longest: usize) {
        if text.len() > longest {
            text.truncate(text.floor_char_boundary(longest));
            text.push_str(CUT);
            self.cut = true;
        }
    }

    fn texts(&mut self, texts: &mut Vec<String>) {
        let longest = self.limits.text;
        self.list(texts, self.limits.values);
        for text in texts {
            self.text(text, longest);
        }
    }

    fn list<T>(&mut self, list: &mut Vec<T>, most: usize) {
        self.cut |= list.len() > most;
        list.truncate(most);
    }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}

fn effect(denies: bool) -> Effect {
    if denies { Effect::Deny } else { Effect::Allow }
}

/// The place of a value in the list of all.
fn number<T: Copy + PartialEq>(all: &[T], value: T) -> usize {
    all.iter()
        .position(|one| *one == value)
        .unwrap_or(usize::MAX)
}
