//! Validation at write, in AWS's order and with AWS's words.
//!
//! Reading the shape comes first and is the same for every kind: what is not JSON, an unknown
//! element, a value of the wrong type, an unknown operator. Then each kind has its own checks.

use crate::document::{
    ConditionEntry, Document, Effect, Element, Kind, Malformed, NamedPrincipal, PrincipalElement,
    Statement,
};
use crate::json::{self, Json, Node};
use crate::operator::{Operand, Operator};
use crate::principal::PrincipalType;
use crate::resource::ArnPattern;

mod control;
mod identity;
mod trust;

/// Reads a document and checks it by the rules of its kind.
pub(crate) fn document(text: &str, kind: Kind) -> Result<Document, Malformed> {
    let root = json::parse(text).map_err(|_| Malformed::new(not_json(kind)))?;
    let draft = Draft::read(root).ok_or_else(|| Malformed::new(bad_shape(kind)))?;
    match kind {
        Kind::Identity | Kind::Session => identity::check(&draft, kind)?,
        Kind::Trust | Kind::Resource => trust::check(&draft, kind)?,
        Kind::ServiceControl | Kind::ResourceControl => control::check(&draft, kind)?,
    }
    draft
        .finish()
        .ok_or_else(|| Malformed::new(bad_shape(kind)))
}

fn not_json(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity | Kind::Session => "Syntax errors in policy.",
        Kind::Trust => "This policy contains invalid Json",
        Kind::Resource => "Policies must be valid JSON and the first byte must be '{'",
        Kind::ServiceControl | Kind::ResourceControl => control::MALFORMED,
    }
}

fn bad_shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity | Kind::Session => "Syntax errors in policy.",
        Kind::Trust | Kind::Resource => "Syntax error in policy.",
        Kind::ServiceControl | Kind::ResourceControl => control::MALFORMED,
    }
}

/// A document of the right shape, in which anything may still be missing.
struct Draft {
    version: Option<String>,
    statements: Vec<DraftStatement>,
}

struct DraftStatement {
    sid: Option<String>,
    effect: Option<Effect>,
    principal: Option<DraftPrincipal>,
    actions: Option<Element>,
    resources: Option<Element>,
    conditions: Vec<ConditionEntry>,
}

struct DraftPrincipal {
    element: PrincipalElement,
    /// Written as a bare string.
    bare: bool,
}

impl Draft {
    fn read(root: Node) -> Option<Draft> {
        let Json::Object(members) = root.value else {
            return None;
        };
        let (mut version, mut statements) = (None, None);
        for (name, node) in members {
            match (name.as_str(), node.value) {
                ("Version", Json::String(text)) => version = Some(text),
                ("Id", Json::String(_)) => {}
                ("Statement", Json::Array(items)) => {
                    let items = items
                        .into_iter()
                        .map(|item| DraftStatement::read(item.value));
                    statements = Some(items.collect::<Option<Vec<_>>>()?);
                }
                ("Statement", single @ Json::Object(_)) => {
                    statements = Some(vec![DraftStatement::read(single)?]);
                }
                _ => return None,
            }
        }
        Some(Draft {
            version,
            statements: statements?,
        })
    }

    /// Version 2012-10-17: `${…}` is a variable.
    fn variables(&self) -> bool {
        self.version.as_deref() == Some(CURRENT)
    }

    /// Whether the version is absent or known.
    fn known_version(&self) -> bool {
        matches!(self.version.as_deref(), None | Some(CURRENT | "2008-10-17"))
    }

    /// Whether no Sid is given twice; empty ones do not count.
    fn unique_sids(&self) -> bool {
        let mut sids: Vec<&str> = self
            .statements
            .iter()
            .filter_map(|s| s.sid.as_deref())
            .filter(|s| !s.is_empty())
            .collect();
        sids.sort_unstable();
        sids.windows(2)
            .all(|pair| !matches!(pair, [a, b] if a == b))
    }

    /// The document, once its kind's checks have passed.
    fn finish(self) -> Option<Document> {
        let variables = self.variables();
        let statements = self.statements.into_iter().map(DraftStatement::finish);
        Some(Document {
            variables,
            statements: statements.collect::<Option<Vec<_>>>()?,
        })
    }
}

const CURRENT: &str = "2012-10-17";

impl DraftStatement {
    fn read(json: Json) -> Option<DraftStatement> {
        let Json::Object(members) = json else {
            return None;
        };
        let mut draft = DraftStatement {
            sid: None,
            effect: None,
            principal: None,
            actions: None,
            resources: None,
            conditions: Vec::new(),
        };
        for (name, node) in members {
            let taken = match name.as_str() {
                "Sid" => draft.sid.replace(string(node.value)?).is_some(),
                "Effect" => draft
                    .effect
                    .replace(effect(&string(node.value)?)?)
                    .is_some(),
                "Principal" => draft.principal.replace(principal(false, node)?).is_some(),
                "NotPrincipal" => draft.principal.replace(principal(true, node)?).is_some(),
                "Action" => draft.actions.replace(element(false, node)?).is_some(),
                "NotAction" => draft.actions.replace(element(true, node)?).is_some(),
                "Resource" => draft.resources.replace(element(false, node)?).is_some(),
                "NotResource" => draft.resources.replace(element(true, node)?).is_some(),
                "Condition" => {
                    draft.conditions = conditions(node.value)?;
                    false
                }
                _ => return None,
            };
            // An element together with its negation.
            if taken {
                return None;
            }
        }
        Some(draft)
    }

    fn finish(self) -> Option<Statement> {
        Some(Statement {
            sid: self.sid,
            effect: self.effect?,
            principals: self.principal.map(|p| p.element),
            actions: self.actions?,
            resources: self.resources,
            conditions: self.conditions,
        })
    }

    fn has_actions(&self) -> bool {
        self.actions.as_ref().is_some_and(|e| !e.values.is_empty())
    }

    fn has_resources(&self) -> bool {
        self.resources
            .as_ref()
            .is_some_and(|e| !e.values.is_empty())
    }

    /// Whether every condition value can be read by its operator.
    fn readable_conditions(&self, variables: bool) -> bool {
        self.conditions.iter().all(|entry| {
            let test = entry.operator.test;
            entry
                .values
                .iter()
                .all(|text| Operand::parse(test, text, variables).is_ok())
        })
    }

    /// Whether every variable of the resources is well formed.
    fn readable_resources(&self, variables: bool) -> bool {
        self.resources
            .iter()
            .flat_map(|e| &e.values)
            .all(|text| ArnPattern::resource(text, variables).is_some())
    }
}

fn string(json: Json) -> Option<String> {
    if let Json::String(text) = json {
        Some(text)
    } else {
        None
    }
}

fn effect(text: &str) -> Option<Effect> {
    match text {
        "Allow" => Some(Effect::Allow),
        "Deny" => Some(Effect::Deny),
        _ => None,
    }
}

fn element(negated: bool, node: Node) -> Option<Element> {
    let values = match node.value {
        Json::String(text) => vec![text],
        Json::Array(items) => items
            .into_iter()
            .map(|item| string(item.value))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    Some(Element { negated, values })
}

fn principal(negated: bool, node: Node) -> Option<DraftPrincipal> {
    let members = match node.value {
        Json::String(value) => {
            let named = NamedPrincipal {
                kind: PrincipalType::Everyone,
                value,
                span: node.span,
            };
            let element = PrincipalElement {
                negated,
                values: vec![named],
            };
            return Some(DraftPrincipal {
                element,
                bare: true,
            });
        }
        Json::Object(members) => members,
        _ => return None,
    };
    let mut values = Vec::new();
    for (key, node) in members {
        let kind = PrincipalType::parse(&key)?;
        let nodes = match node.value {
            Json::Array(items) => items,
            value => vec![Node {
                value,
                span: node.span,
            }],
        };
        for node in nodes {
            values.push(NamedPrincipal {
                kind,
                value: string(node.value)?,
                span: node.span,
            });
        }
    }
    Some(DraftPrincipal {
        element: PrincipalElement { negated, values },
        bare: false,
    })
}

fn conditions(json: Json) -> Option<Vec<ConditionEntry>> {
    let Json::Object(operators) = json else {
        return None;
    };
    let mut entries = Vec::new();
    for (name, node) in operators {
        let operator = Operator::parse(&name)?;
        let Json::Object(keys) = node.value else {
            return None;
        };
        for (key, node) in keys {
            let values = match node.value {
                Json::Array(items) => items
                    .into_iter()
                    .map(|item| scalar(item.value))
                    .collect::<Option<_>>()?,
                single => vec![scalar(single)?],
            };
            entries.push(ConditionEntry {
                operator,
                operator_name: name.clone(),
                key,
                values,
            });
        }
    }
    Some(entries)
}

/// A condition value: numbers and booleans count as their text.
fn scalar(json: Json) -> Option<String> {
    match json {
        Json::String(text) | Json::Number(text) => Some(text),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
