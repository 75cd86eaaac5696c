//! The compiled form of a policy: matchers in place of texts.

use std::collections::{BTreeMap, BTreeSet};

use crate::context::{Context, Value};
use crate::decide::Request;
use crate::document::{ConditionEntry, Document, Effect, Element, Statement};
use crate::glob::Glob;
use crate::operator::{self, Operand, Operator};
use crate::principal::{Grant, Principals, Scene};
use crate::resource::ArnPattern;

/// A policy made ready to decide requests; immutable and shared between threads.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What explanations call the policy.
    label: Option<Box<str>>,
    pub(crate) statements: Box<[CompiledStatement]>,
    /// Statements that may match whatever the service: `*` and `NotAction`.
    any_service: Box<[usize]>,
    /// The others by the services their actions name, sorted.
    by_service: Box<[(Box<str>, Vec<usize>)]>,
}

#[derive(Clone, Debug)]
pub(crate) struct CompiledStatement {
    pub(crate) effect: Effect,
    principals: Option<Principals>,
    actions: Matcher<Glob>,
    resources: Option<Matcher<ArnPattern>>,
    pub(crate) conditions: Box<[Condition]>,
    /// The statement as written, for explanations.
    pub(crate) written: Statement,
    /// Whether `${…}` is a variable in it.
    pub(crate) variables: bool,
}

#[derive(Clone, Debug)]
struct Matcher<T> {
    negated: bool,
    any_of: Box<[T]>,
}

/// One operator with one key and its values.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    operator: Operator,
    /// In lower case.
    key: Box<str>,
    operands: Box<[Operand]>,
}

/// A request as statements look at it: what is the same for every statement is made once.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request<'a>,
    /// Lower-case, because actions compare whatever their case.
    pub(crate) action: &'a str,
    pub(crate) bounded: bool,
}

/// How a layer reads the `Principal` element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reading {
    /// The policy is attached to the caller, who needs no naming.
    Attached,
    /// The policy of a resource names whom it is about.
    Naming {
        /// A role trust policy.
        trust: bool,
    },
}

/// The outcome of one statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Match {
    Yes(Grant),
    Action,
    Resource,
    Principal,
    /// The condition with this index fails.
    Condition(usize),
}

impl Compiled {
    pub(crate) fn new(document: &Document) -> Compiled {
        let statement = |s: &Statement| CompiledStatement::new(s, document.variables);
        let mut any_service = Vec::new();
        let mut by_service: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, statement) in document.statements.iter().enumerate() {
            match services(&statement.actions) {
                None => any_service.push(index),
                Some(services) => {
                    for service in services {
                        by_service.entry(service).or_default().push(index);
                    }
                }
            }
        }
        Compiled {
            label: None,
            statements: document.statements.iter().map(statement).collect(),
            any_service: any_service.into(),
            by_service: by_service
                .into_iter()
                .map(|(name, list)| (name.into(), list))
                .collect(),
        }
    }

    /// The same policy under a name for explanations: an ARN, or the name of an inline policy.
    pub fn labelled(mut self, label: impl Into<Box<str>>) -> Compiled {
        self.label = Some(label.into());
        self
    }

    /// What explanations call the policy.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The statements whose actions can match an action of a service, in no particular order.
    pub(crate) fn of_service(&self, service: &str) -> impl Iterator<Item = &CompiledStatement> {
        let place = self
            .by_service
            .binary_search_by(|(name, _)| (**name).cmp(service));
        let named = place.ok().and_then(|at| self.by_service.get(at));
        let named = named.map(|(_, list)| list.as_slice()).unwrap_or_default();
        self.any_service
            .iter()
            .chain(named)
            .filter_map(|index| self.statements.get(*index))
    }
}

/// The services that an element's actions are of; `None` when they may be of any.
fn services(actions: &Element) -> Option<BTreeSet<String>> {
    let service = |action: &String| {
        let (service, _) = action.split_once(':')?;
        (!service.contains(['*', '?'])).then(|| service.to_ascii_lowercase())
    };
    if actions.negated {
        None
    } else {
        actions.values.iter().map(service).collect()
    }
}

impl CompiledStatement {
    fn new(statement: &Statement, variables: bool) -> CompiledStatement {
        let action = |text: &String| Glob::new(&text.to_ascii_lowercase());
        // What validation let through is readable; a doubt matches nothing.
        let resource =
            |text: &String| ArnPattern::resource(text, variables).unwrap_or(ArnPattern::Never);
        CompiledStatement {
            effect: statement.effect,
            principals: statement.principals.as_ref().map(|element| {
                let values = element.values.iter().map(|p| (p.kind, p.value.as_str()));
                Principals::new(element.negated, values)
            }),
            actions: Matcher::new(&statement.actions, action),
            resources: statement
                .resources
                .as_ref()
                .map(|r| Matcher::new(r, resource)),
            conditions: statement
                .conditions
                .iter()
                .map(|entry| Condition::new(entry, variables))
                .collect(),
            written: statement.clone(),
            variables,
        }
    }

    /// Whether the statement matches, or the first element that does not.
    pub(crate) fn matches(&self, call: &Call<'_>, reading: Reading) -> Match {
        let context = call.request.context;
        if !self.actions.matches(|glob| glob.matches(call.action)) {
            return Match::Action;
        }
        if let Some(resources) = &self.resources
            && !resources.matches(|pattern| pattern.matches(call.request.resource, context))
        {
            return Match::Resource;
        }
        let Some(grant) = self.applies(call, reading) else {
            return Match::Principal;
        };
        match self
            .conditions
            .iter()
            .position(|condition| !condition.holds(context))
        {
            Some(index) => Match::Condition(index),
            None => Match::Yes(grant),
        }
    }

    pub(crate) fn applies(&self, call: &Call<'_>, reading: Reading) -> Option<Grant> {
        match (reading, &self.principals) {
            (Reading::Attached, None) => Some(Grant::default()),
            (Reading::Naming { trust }, Some(principals)) => {
                let scene = Scene {
                    trust,
                    bounded: call.bounded,
                };
                principals.apply(&call.request.principal, scene)
            }
            // A policy of one kind in the place of another: it may take away, never give.
            (Reading::Attached, Some(_)) | (Reading::Naming { .. }, None) => {
                (self.effect == Effect::Deny).then(Grant::default)
            }
        }
    }
}

impl<T> Matcher<T> {
    fn new(element: &Element, compile: impl Fn(&String) -> T) -> Matcher<T> {
        Matcher {
            negated: element.negated,
            any_of: element.values.iter().map(compile).collect(),
        }
    }

    fn matches(&self, matches: impl Fn(&T) -> bool) -> bool {
        self.any_of.iter().any(matches) != self.negated
    }
}

impl Condition {
    fn new(entry: &ConditionEntry, variables: bool) -> Condition {
        let operand = |text: &String| {
            Operand::parse(entry.operator.test, text, variables).unwrap_or(Operand::Never)
        };
        Condition {
            operator: entry.operator,
            key: entry.key.to_lowercase().into(),
            operands: entry.values.iter().map(operand).collect(),
        }
    }

    fn holds(&self, context: &dyn Context) -> bool {
        let value = self.seen(context);
        operator::holds(self.operator, &self.operands, value.as_ref(), context)
    }

    /// The request's value of the key.
    pub(crate) fn seen<'a>(&self, context: &'a dyn Context) -> Option<Value<'a>> {
        context.value(&self.key)
    }
}

/// A text in lower case, on the stack when it has an action's length.
pub(crate) struct Lower {
    short: [u8; 96],
    length: usize,
    long: String,
}

impl Lower {
    pub(crate) fn new(text: &str) -> Lower {
        let mut lower = Lower {
            short: [0; 96],
            length: 0,
            long: String::new(),
        };
        match lower.short.get_mut(..text.len()) {
            Some(short) => {
                short.copy_from_slice(text.as_bytes());
                short.make_ascii_lowercase();
                lower.length = text.len();
            }
            None => lower.long = text.to_ascii_lowercase(),
        }
        lower
    }

    pub(crate) fn as_str(&self) -> &str {
        let short = self.short.get(..self.length).filter(|s| !s.is_empty());
        // ASCII letters alone were changed, so it is as valid as the text was.
        short
            .and_then(|s| std::str::from_utf8(s).ok())
            .unwrap_or(&self.long)
    }
}
