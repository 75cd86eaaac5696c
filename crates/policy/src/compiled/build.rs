//! How a document becomes what decides: its strings once each, its lists one behind the other.

use std::ops::Range;

use super::{ActionPattern, Compiled, Condition, List, NamedPrincipal, Statement};
use crate::document::{ConditionEntry, Document, Effect, Element, PrincipalElement};
use crate::index::{self, Part};
use crate::operator::Operand;
use crate::principal::Name;
use crate::resource::ArnPattern;
use crate::texts::{Interner, Lower, Place};

/// A policy in the making.
pub(super) struct Builder<'a> {
    texts: Interner,
    index: index::Builder<'a>,
    statements: Vec<Statement>,
    actions: Vec<(Place, ActionPattern)>,
    resources: Vec<(Place, ArnPattern)>,
    principals: Vec<NamedPrincipal>,
    conditions: Vec<Condition>,
    operands: Vec<(Place, Operand)>,
    variables: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(document: &'a Document) -> Builder<'a> {
        let mut builder = Builder {
            texts: Interner::default(),
            index: index::Builder::default(),
            statements: Vec::with_capacity(document.statements.len()),
            actions: Vec::new(),
            resources: Vec::new(),
            principals: Vec::new(),
            conditions: Vec::new(),
            operands: Vec::new(),
            variables: document.variables,
        };
        for statement in &document.statements {
            let actions = builder.actions(&statement.actions);
            let resources = statement.resources.as_ref().map(|r| builder.resources(r));
            builder.file(&statement.actions, statement.resources.as_ref(), resources);
            let statement = Statement {
                sid: statement.sid.as_deref().map(|sid| builder.texts.add(sid)),
                effect: statement.effect,
                actions,
                resources,
                principals: statement.principals.as_ref().map(|p| builder.principals(p)),
                conditions: builder.conditions(&statement.conditions),
            };
            builder.statements.push(statement);
        }
        builder
    }

    fn actions(&mut self, element: &Element) -> List {
        let start = self.actions.len();
        for text in &element.values {
            let pattern = ActionPattern::new(text, &mut self.texts);
            self.actions.push((self.texts.add(text), pattern));
        }
        list(start..self.actions.len(), element.negated)
    }

    fn resources(&mut self, element: &Element) -> List {
        let start = self.resources.len();
        for text in &element.values {
            // What validation let through is readable; a doubt matches nothing.
            let pattern = ArnPattern::resource(text, self.variables).unwrap_or(ArnPattern::Never);
            self.resources.push((self.texts.add(text), pattern));
        }
        list(start..self.resources.len(), element.negated)
    }

    /// Tells the index what is literal in a statement's actions and resources.
    fn file(&mut self, actions: &'a Element, resources: Option<&'a Element>, list: Option<List>) {
        let action = |text: &'a String| {
            let wild = text.find(['*', '?']);
            Part {
                literal: text.get(..wild.unwrap_or(text.len())).unwrap_or_default(),
                whole: wild.is_none(),
            }
        };
        let patterns = list
            .map(|list| list.of(&self.resources))
            .unwrap_or_default();
        let resource = |(text, (_, pattern)): (&'a String, &(Place, ArnPattern))| {
            let literal = pattern.literal(text);
            Part {
                literal: literal.unwrap_or(text),
                whole: literal.is_none(),
            }
        };
        self.index.statement(
            (!actions.negated).then(|| actions.values.iter().map(action)),
            resources
                .filter(|element| !element.negated)
                .map(|element| element.values.iter().zip(patterns).map(resource)),
        );
    }

    fn principals(&mut self, element: &PrincipalElement) -> List {
        let start = self.principals.len();
        for named in &element.values {
            let name = Name::new(named.kind, &named.value);
            self.principals.push(NamedPrincipal {
                kind: named.kind,
                form: name.form,
                known: self.texts.add(name.text),
                written: self.texts.add(&named.value),
            });
        }
        list(start..self.principals.len(), element.negated)
    }

    fn conditions(&mut self, entries: &[ConditionEntry]) -> List {
        let start = self.conditions.len();
        for entry in entries {
            let first = self.operands.len();
            for text in &entry.values {
                let operand = Operand::parse(entry.operator.test, text, self.variables);
                let place = self.texts.add(text);
                self.operands
                    .push((place, operand.unwrap_or(Operand::Never)));
            }
            self.conditions.push(Condition {
                operator: entry.operator,
                name: self.texts.add(&entry.operator_name),
                key: self.texts.add(Lower::unicode(&entry.key).as_str()),
                written: self.texts.add(&entry.key),
                operands: list(first..self.operands.len(), false),
            });
        }
        list(start..self.conditions.len(), false)
    }

    pub(super) fn finish(self) -> Compiled {
        Compiled {
            label: None,
            texts: self.texts.finish(),
            denies: self.statements.iter().any(|s| s.effect == Effect::Deny),
            statements: self.statements.into(),
            actions: self.actions.into(),
            resources: self.resources.into(),
            principals: self.principals.into(),
            conditions: self.conditions.into(),
            operands: self.operands.into(),
            index: self.index.finish(),
            variables: self.variables,
        }
    }
}

impl ActionPattern {
    fn new(text: &str, texts: &mut Interner) -> ActionPattern {
        match text.find(['*', '?']) {
            None => ActionPattern::Exact,
            Some(0) if text == "*" => ActionPattern::Any,
            Some(at) if at + 1 == text.len() && text.ends_with('*') => ActionPattern::Prefix,
            Some(_) => ActionPattern::General(texts.add(Lower::ascii(text).as_str())),
        }
    }
}

fn list(range: Range<usize>, negated: bool) -> List {
    // No list is longer than the text, which the reader bounds.
    let number = |at: usize| at.try_into().unwrap_or(u32::MAX);
    List {
        start: number(range.start),
        end: number(range.end),
        negated,
    }
}
