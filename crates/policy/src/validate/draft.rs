//! A document of the right shape, in which anything may still be missing or wrong.
//!
//! It borrows from the text and knows where each part stands, so that the checks of every kind, and
//! the findings, can point at what they mean.

use std::borrow::Cow;

use crate::document::{
    ConditionEntry, Document, Effect, Element, NamedPrincipal, PrincipalElement, Statement,
};
use crate::json::{Json, Member, Node, Span};
use crate::operator::{Operand, Operator, Test};
use crate::principal::PrincipalType;
use crate::{arn, template, validate};

pub(crate) struct Draft<'a> {
    pub(crate) span: Span,
    pub(crate) version: Option<Text<'a>>,
    /// Where the key `Id` stands.
    pub(crate) id: Option<Span>,
    pub(crate) statements: Vec<DraftStatement<'a>>,
    /// The value of `Statement`.
    pub(crate) list: Span,
    /// `Statement` is a list, not a single object.
    pub(crate) listed: bool,
}

/// A string and where it stands, quotes included.
#[derive(Clone, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) value: Cow<'a, str>,
    pub(crate) span: Span,
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.value
    }
}

pub(crate) struct DraftStatement<'a> {
    pub(crate) span: Span,
    pub(crate) sid: Option<Text<'a>>,
    pub(crate) effect: Option<Effect>,
    pub(crate) principal: Option<DraftPrincipal<'a>>,
    pub(crate) actions: Option<DraftElement<'a>>,
    pub(crate) resources: Option<DraftElement<'a>>,
    pub(crate) conditions: Vec<DraftCondition<'a>>,
    /// The `Condition` object, if there is one.
    pub(crate) condition_block: Option<Span>,
}

/// `Action`, `Resource` or one of their negations.
pub(crate) struct DraftElement<'a> {
    pub(crate) negated: bool,
    /// The element's name.
    pub(crate) name: Span,
    pub(crate) values: Vec<Text<'a>>,
}

pub(crate) struct DraftPrincipal<'a> {
    pub(crate) negated: bool,
    /// The element's name.
    pub(crate) name: Span,
    /// Written as a bare string.
    pub(crate) bare: bool,
    /// Some value is written as a list.
    pub(crate) listed: bool,
    pub(crate) values: Vec<(PrincipalType, Text<'a>)>,
}

/// One operator with one key.
pub(crate) struct DraftCondition<'a> {
    pub(crate) operator: Operator,
    pub(crate) operator_name: Text<'a>,
    pub(crate) key: Text<'a>,
    pub(crate) values: Vec<Text<'a>>,
}

/// What is wrong with a document's shape.
pub(crate) struct BadShape {
    /// Access Analyzer's code for it.
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) span: Span,
}

fn bad<T>(code: &'static str, span: Span, detail: impl Into<String>) -> Result<T, BadShape> {
    Err(BadShape {
        code,
        detail: detail.into(),
        span,
    })
}

fn mismatch<T>(span: Span, detail: impl Into<String>) -> Result<T, BadShape> {
    bad("DATA_TYPE_MISMATCH", span, detail)
}

impl<'a> Draft<'a> {
    pub(crate) fn read(root: Node<'a>) -> Result<Draft<'a>, BadShape> {
        let Json::Object(members) = root.value else {
            return mismatch(root.span, "a policy document is a JSON object");
        };
        let mut draft = Draft {
            span: root.span,
            version: None,
            id: None,
            statements: Vec::new(),
            list: root.span,
            listed: false,
        };
        let mut found = false;
        for Member {
            key,
            key_span,
            node,
        } in members
        {
            match &*key {
                "Version" => draft.version = Some(string(node, "Version")?),
                "Id" => {
                    string(node, "Id")?;
                    draft.id = Some(key_span);
                }
                "Statement" => {
                    found = true;
                    draft.list = node.span;
                    match node.value {
                        Json::Array(items) => {
                            draft.listed = true;
                            draft.statements.reserve_exact(items.len());
                            for item in items {
                                draft.statements.push(DraftStatement::read(item)?);
                            }
                        }
                        _ => draft.statements = vec![DraftStatement::read(node)?],
                    }
                }
                other => {
                    let detail = format!("`{other}` is no element of a policy document");
                    return bad("INVALID_POLICY_ELEMENT", key_span, detail);
                }
            }
        }
        if found {
            Ok(draft)
        } else {
            bad(
                "MISSING_STATEMENT",
                root.span,
                "the policy has no Statement",
            )
        }
    }

    /// Version 2012-10-17: `${…}` is a variable.
    pub(crate) fn variables(&self) -> bool {
        self.version.as_ref().is_some_and(|v| v.value == CURRENT)
    }

    /// Whether the version is absent or known.
    pub(crate) fn known_version(&self) -> bool {
        let version = self.version.as_ref().map(|v| &*v.value);
        matches!(version, None | Some(CURRENT | "2008-10-17"))
    }

    /// The version as written, or the document where it has none.
    pub(crate) fn version_span(&self) -> Span {
        self.version.as_ref().map_or(self.span, |v| v.span)
    }

    /// A Sid that is given twice; empty ones do not count.
    pub(crate) fn repeated_sid(&self) -> Option<Span> {
        let sids = self.statements.iter().filter_map(|s| s.sid.as_ref());
        let mut sids: Vec<(&str, Span)> = sids
            .filter(|sid| !sid.value.is_empty())
            .map(|sid| (&*sid.value, sid.span))
            .collect();
        sids.sort_unstable_by_key(|(sid, span)| (*sid, span.start));
        sids.windows(2)
            .filter_map(|pair| match pair {
                [(a, _), (b, span)] if a == b => Some(*span),
                _ => None,
            })
            .min_by_key(|span| span.start)
    }

    /// The document, once its kind's checks have passed; `None` when one let something through that
    /// is not whole.
    pub(crate) fn finish(self) -> Option<Document> {
        let statements = self.statements_between();
        let variables = self.variables();
        let finished = self.statements.into_iter().zip(statements);
        Some(Document {
            variables,
            statements: finished
                .map(|(statement, reported)| statement.finish(reported))
                .collect::<Option<Vec<_>>>()?,
        })
    }

    /// Where the policy simulator says that each statement starts and ends: what its parser has read
    /// before and after the statement. The first starts behind the bracket that opens the list (or
    /// the brace, where there is no list), each other one where the one before it ended.
    fn statements_between(&self) -> Vec<Span> {
        let mut start = self.list.start + 1;
        let statements = self.statements.iter().map(|statement| {
            let span = Span {
                start,
                end: statement.span.end,
            };
            start = statement.span.end;
            span
        });
        statements.collect()
    }
}

const CURRENT: &str = "2012-10-17";

impl<'a> DraftStatement<'a> {
    fn read(node: Node<'a>) -> Result<DraftStatement<'a>, BadShape> {
        let Json::Object(members) = node.value else {
            return mismatch(node.span, "a statement is a JSON object");
        };
        let mut draft = DraftStatement {
            span: node.span,
            sid: None,
            effect: None,
            principal: None,
            actions: None,
            resources: None,
            conditions: Vec::new(),
            condition_block: None,
        };
        for Member {
            key,
            key_span,
            node,
        } in members
        {
            let negated = key.starts_with("Not");
            let taken = match &*key {
                "Sid" => draft.sid.replace(string(node, "Sid")?).is_some(),
                "Effect" => draft.effect.replace(effect(node)?).is_some(),
                "Principal" | "NotPrincipal" => {
                    let principal = principal(negated, key_span, node)?;
                    draft.principal.replace(principal).is_some()
                }
                "Action" | "NotAction" => {
                    let element = element(negated, &key, key_span, node)?;
                    draft.actions.replace(element).is_some()
                }
                "Resource" | "NotResource" => {
                    let element = element(negated, &key, key_span, node)?;
                    draft.resources.replace(element).is_some()
                }
                "Condition" => {
                    let block = draft.condition_block.replace(node.span);
                    draft.conditions = conditions(node)?;
                    block.is_some()
                }
                other => {
                    let detail = format!("`{other}` is no element of a statement");
                    return bad("INVALID_POLICY_ELEMENT", key_span, detail);
                }
            };
            if taken {
                let detail = "a statement takes an element or its negation, not both";
                return bad("UNSUPPORTED_ELEMENT_COMBINATION", key_span, detail);
            }
        }
        Ok(draft)
    }

    fn finish(self, reported: Span) -> Option<Statement> {
        let element = |element: DraftElement<'_>| Element {
            negated: element.negated,
            values: owned(element.values),
        };
        let principal = |principal: DraftPrincipal<'_>| PrincipalElement {
            negated: principal.negated,
            values: principal
                .values
                .into_iter()
                .map(|(kind, text)| NamedPrincipal {
                    kind,
                    value: text.value.into_owned(),
                    span: text.span,
                })
                .collect(),
        };
        Some(Statement {
            reported,
            sid: self.sid.map(|sid| sid.value.into_owned()),
            effect: self.effect?,
            principals: self.principal.map(principal),
            actions: element(self.actions?),
            resources: self.resources.map(element),
            conditions: self
                .conditions
                .into_iter()
                .map(|entry| ConditionEntry {
                    operator: entry.operator,
                    operator_name: entry.operator_name.value.into_owned(),
                    key: entry.key.value.into_owned(),
                    values: owned(entry.values),
                })
                .collect(),
        })
    }

    pub(crate) fn has_actions(&self) -> bool {
        self.actions().next().is_some()
    }

    pub(crate) fn has_resources(&self) -> bool {
        self.resources().next().is_some()
    }

    pub(crate) fn actions(&self) -> impl Iterator<Item = &Text<'a>> {
        self.actions.iter().flat_map(|element| &element.values)
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = &Text<'a>> {
        self.resources.iter().flat_map(|element| &element.values)
    }

    /// The first condition value that its operator cannot read.
    pub(crate) fn unreadable_value(&self, variables: bool) -> Option<Span> {
        self.conditions.iter().find_map(|entry| {
            let unreadable = |text: &&Text<'_>| !readable(entry.operator.test, text, variables);
            entry.values.iter().find(unreadable).map(|text| text.span)
        })
    }

    /// The first resource with a variable that is not well formed.
    pub(crate) fn unreadable_resource(&self, variables: bool) -> Option<Span> {
        self.resources()
            .find(|text| {
                has_variables(text, variables)
                    && !well_formed(arn::behind_the_fifth_colon(&text.value))
            })
            .map(|text| text.span)
    }
}

/// Whether an operator can read a value. What needs no compiling to be seen is not compiled.
fn readable(test: Test, text: &Text<'_>, variables: bool) -> bool {
    let value = &*text.value;
    match test {
        Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike => {
            !has_variables(text, variables) || well_formed(value)
        }
        Test::Arn if !has_variables(text, variables) => value == "*" || arn::split(value).is_some(),
        Test::Bool | Test::Null if ["true", "false"].contains(&value) => true,
        _ => Operand::parse(test, value, variables).is_ok(),
    }
}

/// Whether each `${` opens a variable.
fn well_formed(text: &str) -> bool {
    template::parts(text).all(|part| part.is_ok())
}

fn has_variables(text: &Text<'_>, variables: bool) -> bool {
    variables && text.value.contains("${")
}

fn owned(values: Vec<Text<'_>>) -> Vec<String> {
    values.into_iter().map(|t| t.value.into_owned()).collect()
}

fn string<'a>(node: Node<'a>, name: &str) -> Result<Text<'a>, BadShape> {
    match node.value {
        Json::String(value) => Ok(Text {
            value,
            span: node.span,
        }),
        _ => mismatch(node.span, format!("{name} takes strings")),
    }
}

fn effect(node: Node<'_>) -> Result<Effect, BadShape> {
    let text = string(node, "Effect")?;
    match &*text.value {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => {
            let detail = format!("Effect is Allow or Deny, not `{other}`");
            bad("INVALID_EFFECT", text.span, detail)
        }
    }
}

/// A string, or a list of strings.
fn strings<'a>(node: Node<'a>, name: &str) -> Result<Vec<Text<'a>>, BadShape> {
    match node.value {
        Json::Array(items) => items.into_iter().map(|item| string(item, name)).collect(),
        _ => Ok(vec![string(node, name)?]),
    }
}

fn element<'a>(
    negated: bool,
    key: &str,
    name: Span,
    node: Node<'a>,
) -> Result<DraftElement<'a>, BadShape> {
    Ok(DraftElement {
        negated,
        name,
        values: strings(node, key)?,
    })
}

fn principal<'a>(
    negated: bool,
    name: Span,
    node: Node<'a>,
) -> Result<DraftPrincipal<'a>, BadShape> {
    let mut draft = DraftPrincipal {
        negated,
        name,
        bare: false,
        listed: false,
        values: Vec::new(),
    };
    let members = match node.value {
        Json::Object(members) => members,
        Json::String(value) => {
            let span = node.span;
            draft.bare = true;
            draft.values = vec![(PrincipalType::Everyone, Text { value, span })];
            return Ok(draft);
        }
        _ => return mismatch(node.span, "Principal takes an object, or \"*\""),
    };
    for Member {
        key,
        key_span,
        node,
    } in members
    {
        let Some(kind) = PrincipalType::parse(&key) else {
            let detail = format!("`{key}` is no kind of principal");
            return bad("INVALID_PRINCIPAL_KEY", key_span, detail);
        };
        draft.listed |= matches!(node.value, Json::Array(_));
        let values = strings(node, "Principal")?;
        draft
            .values
            .extend(values.into_iter().map(|text| (kind, text)));
    }
    Ok(draft)
}

fn conditions(node: Node<'_>) -> Result<Vec<DraftCondition<'_>>, BadShape> {
    let Json::Object(operators) = node.value else {
        return mismatch(node.span, "Condition takes an object");
    };
    let mut entries = Vec::new();
    for member in operators {
        let operator_name = Text {
            value: member.key,
            span: member.key_span,
        };
        let Some(operator) = Operator::parse(&operator_name.value) else {
            return Err(validate::bad_operator(&operator_name));
        };
        let Json::Object(keys) = member.node.value else {
            return mismatch(member.node.span, "an operator takes an object of keys");
        };
        for Member {
            key,
            key_span,
            node,
        } in keys
        {
            let values = match node.value {
                Json::Array(items) => items.into_iter().map(scalar).collect::<Result<_, _>>()?,
                _ => vec![scalar(node)?],
            };
            entries.push(DraftCondition {
                operator,
                operator_name: operator_name.clone(),
                key: Text {
                    value: key,
                    span: key_span,
                },
                values,
            });
        }
    }
    Ok(entries)
}

/// A condition value: numbers and booleans count as their text.
fn scalar(node: Node<'_>) -> Result<Text<'_>, BadShape> {
    let value = match node.value {
        Json::String(text) => text,
        Json::Number(text) => Cow::Borrowed(text),
        Json::Bool(true) => Cow::Borrowed("true"),
        Json::Bool(false) => Cow::Borrowed("false"),
        Json::Null | Json::Array(_) | Json::Object(_) => {
            return mismatch(node.span, "a condition takes strings, numbers and booleans");
        }
    };
    Ok(Text {
        value,
        span: node.span,
    })
}
