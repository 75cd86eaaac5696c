//! The JSON of DecodeAuthorizationMessage: AWS's members, and behind them the engine's own.

use super::{AuthorizationMessage, is_callers};
use crate::environment::timestamp;
use crate::trace;
use locum_policy::{Arn, Decision, Effect, Layer, Quote, QuotedList};
use serde_json::{Value, json};

impl AuthorizationMessage {
    /// `DecodedMessage`
    pub fn decoded(&self) -> String {
        let explanation = &self.explanation;
        let explicit = matches!(explanation.decision, Decision::Denied(denial) if denial.explicit);
        let matched = self.matched.iter();
        json!({
            "allowed": explanation.decision == Decision::Allowed,
            "explicitDeny": explicit,
            "matchedStatements": items(matched.map(|(layer, quote)| self.statement(*layer, quote))),
            "failures": items([]),
            "context": {
                "principal": {"id": self.principal_id, "arn": self.arn},
                "action": explanation.action,
                "resource": explanation.resource,
                "conditions": items(self.conditions().into_iter().map(condition)),
            },
            "reason": explanation.reason(),
            "eventTime": timestamp(self.at),
            "requestId": self.request_id,
            "missingKeys": explanation.missing_keys(),
            "layers": trace::layers(explanation),
            "notes": self.notes(),
        })
        .to_string()
    }

    fn statement(&self, layer: Layer, quote: &Quote) -> Value {
        // What is attached to the caller names nobody: it is about the caller.
        let attached = || {
            let id = self.principal_id.split(':').next().unwrap_or_default();
            let own = is_callers(layer) && layer != Layer::ServiceControl;
            (
                QuotedList {
                    negated: false,
                    values: own.then(|| id.to_owned()).into_iter().collect(),
                },
                None,
            )
        };
        let sides = |list: &QuotedList| match list.negated {
            false => (list.clone(), None),
            true => (QuotedList::default(), Some(list.clone())),
        };
        let (principals, not_principals) = quote.principals.as_ref().map_or_else(attached, sides);
        let (actions, not_actions) = sides(&quote.actions);
        let resources = quote.resources.as_ref().map(sides);
        let (resources, not_resources) = resources.unwrap_or_default();
        let conditions = quote.conditions.iter().map(|wanted| {
            json!({
                "key": wanted.key,
                "values": values(&wanted.values),
                "operator": wanted.operator,
            })
        });
        let mut statement = json!({
            "statementId": quote.sid.as_deref().unwrap_or_default(),
            "effect": match quote.effect {
                Effect::Allow => "ALLOW",
                Effect::Deny => "DENY",
            },
            "principals": values(&principals.values),
            "principalGroups": items([]),
            "actions": values(&actions.values),
            "resources": values(&resources.values),
            "conditions": items(conditions),
            "layer": trace::layer_name(layer),
        });
        let negated = [
            ("notPrincipals", not_principals),
            ("notActions", not_actions),
            ("notResources", not_resources),
        ];
        for (name, list) in negated {
            if let (Some(list), Some(members)) = (list, statement.as_object_mut()) {
                members.insert(name.to_owned(), values(&list.values));
            }
        }
        statement
    }

    /// The parts of the resource's ARN, as AWS lists them, and the condition keys of the request.
    fn conditions(&self) -> Vec<(String, Vec<String>)> {
        let mut conditions = Vec::new();
        let mut part = |name: &str, text: &str| {
            if !text.is_empty() {
                conditions.push((format!("aws:{name}"), vec![text.to_owned()]));
            }
        };
        let service = self.explanation.action.split(':').next();
        part("Region", &self.region);
        part("Service", service.unwrap_or_default());
        if let Some(arn) = Arn::parse(&self.explanation.resource) {
            let (kind, id) = arn
                .resource()
                .split_once(['/', ':'])
                .unwrap_or((arn.resource(), ""));
            part("Resource", arn.resource());
            part("Type", kind);
            part("Account", arn.account());
            part("ID", id);
        }
        part("ARN", &self.explanation.resource);
        let keys = self.context.iter();
        conditions.extend(keys.map(|(key, value)| (key.clone(), super::texts(value))));
        conditions
    }
}

fn condition((key, texts): (String, Vec<String>)) -> Value {
    json!({"key": key, "values": values(&texts)})
}

fn values(texts: &[String]) -> Value {
    items(texts.iter().map(|text| json!({"value": text})))
}

fn items(all: impl IntoIterator<Item = Value>) -> Value {
    json!({"items": all.into_iter().collect::<Vec<_>>()})
}
