//! The compiled form of a policy: flat lists that refer to one buffer of strings.
//!
//! A statement is a range in each list. Patterns and values are matched as they are written, so that
//! matching and explaining share every string, and a compiled policy takes up little more than its
//! text.

use crate::decide::Request;
use crate::document::{Document, Effect};
use crate::facts::Facts;
use crate::glob::Glob;
use crate::index::{Index, Prefixes};
use crate::operator::{self, Operand, Operator};
use crate::principal::{self, Form, Grant, Name, PrincipalType, Scene};
use crate::resource::ArnPattern;
use crate::texts::{Place, Texts};

mod build;

/// A policy made ready to decide requests; immutable and shared between threads.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What explanations call the policy.
    label: Option<Box<str>>,
    texts: Texts,
    statements: Box<[Statement]>,
    actions: Box<[(Place, ActionPattern)]>,
    resources: Box<[(Place, ArnPattern)]>,
    principals: Box<[NamedPrincipal]>,
    conditions: Box<[Condition]>,
    operands: Box<[(Place, Operand)]>,
    index: Index,
    /// Some statement denies.
    denies: bool,
    /// Version 2012-10-17: `${…}` is a variable.
    variables: bool,
}

#[derive(Clone, Debug)]
struct Statement {
    sid: Option<Place>,
    effect: Effect,
    actions: List,
    resources: Option<List>,
    principals: Option<List>,
    conditions: List,
}

/// An element of a statement: a part of the list of its kind.
#[derive(Clone, Copy, Debug)]
struct List {
    start: u32,
    end: u32,
    negated: bool,
}

#[derive(Clone, Copy, Debug)]
enum ActionPattern {
    Any,
    Exact,
    /// One wildcard: a `*` at the end.
    Prefix,
    /// Anything else, kept in lower case too.
    General(Place),
}

#[derive(Clone, Copy, Debug)]
struct NamedPrincipal {
    kind: PrincipalType,
    form: Form,
    /// The text by which callers are known.
    known: Place,
    written: Place,
}

/// One operator with one key and its values.
#[derive(Clone, Copy, Debug)]
struct Condition {
    operator: Operator,
    name: Place,
    /// In lower case.
    key: Place,
    written: Place,
    operands: List,
}

/// A request as statements look at it: what is the same for every statement is made once.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request<'a>,
    /// Lower-case, because actions compare whatever their case.
    pub(crate) action: &'a str,
    pub(crate) action_prefixes: &'a Prefixes,
    pub(crate) resource_prefixes: &'a Prefixes,
    pub(crate) facts: &'a Facts<'a>,
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
        build::Builder::new(document).finish()
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

    /// Every statement, in order.
    pub(crate) fn statements(&self) -> impl Iterator<Item = StatementOf<'_>> {
        self.statements.iter().map(|statement| StatementOf {
            policy: self,
            statement,
        })
    }

    /// Whether some statement denies.
    pub(crate) fn denies(&self) -> bool {
        self.denies
    }

    /// Calls `visit` with each statement that could match, in no particular order and some more than
    /// once, until it says `true`.
    pub(crate) fn candidates(
        &self,
        call: &Call<'_>,
        mut visit: impl FnMut(StatementOf<'_>) -> bool,
    ) {
        let (action, resource) = (call.action_prefixes, call.resource_prefixes);
        self.index.candidates(action, resource, |number| {
            self.statements
                .get(number as usize)
                .is_some_and(|statement| {
                    visit(StatementOf {
                        policy: self,
                        statement,
                    })
                })
        });
    }
}

impl List {
    #[inline]
    fn of<'l, T>(&self, all: &'l [T]) -> &'l [T] {
        all.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// A statement within its policy.
#[derive(Clone, Copy)]
pub(crate) struct StatementOf<'a> {
    policy: &'a Compiled,
    statement: &'a Statement,
}

/// An element as written: whether it is the negated form, and its values.
pub(crate) struct Written<V> {
    pub(crate) negated: bool,
    pub(crate) values: V,
}

/// A condition as written.
pub(crate) struct WrittenCondition<'a, V> {
    pub(crate) operator: Operator,
    pub(crate) operator_name: &'a str,
    pub(crate) key: &'a str,
    pub(crate) values: V,
}

impl<'a> StatementOf<'a> {
    pub(crate) fn effect(self) -> Effect {
        self.statement.effect
    }

    /// Whether `${…}` is a variable.
    pub(crate) fn variables(self) -> bool {
        self.policy.variables
    }

    pub(crate) fn sid(self) -> Option<&'a str> {
        self.statement.sid.map(|place| self.policy.texts.get(place))
    }

    pub(crate) fn actions(self) -> Written<impl Iterator<Item = &'a str>> {
        let list = self.statement.actions;
        Written {
            negated: list.negated,
            values: self.texts(list.of(&self.policy.actions)),
        }
    }

    pub(crate) fn resources(self) -> Option<Written<impl Iterator<Item = &'a str>>> {
        let list = self.statement.resources?;
        Some(Written {
            negated: list.negated,
            values: self.texts(list.of(&self.policy.resources)),
        })
    }

    pub(crate) fn principals(
        self,
    ) -> Option<Written<impl Iterator<Item = (PrincipalType, &'a str)>>> {
        let list = self.statement.principals?;
        let names = list.of(&self.policy.principals).iter();
        Some(Written {
            negated: list.negated,
            values: names.map(move |name| (name.kind, self.policy.texts.get(name.written))),
        })
    }

    pub(crate) fn conditions(
        self,
    ) -> impl Iterator<Item = WrittenCondition<'a, impl Iterator<Item = &'a str>>> {
        let texts = &self.policy.texts;
        let all = self.statement.conditions.of(&self.policy.conditions).iter();
        all.map(move |condition| WrittenCondition {
            operator: condition.operator,
            operator_name: texts.get(condition.name),
            key: texts.get(condition.written),
            values: self.texts(condition.operands.of(&self.policy.operands)),
        })
    }

    fn texts<T>(self, list: &'a [(Place, T)]) -> impl Iterator<Item = &'a str> {
        let texts = &self.policy.texts;
        list.iter().map(|(place, _)| texts.get(*place))
    }

    /// Whether the statement matches, or the first element that does not.
    pub(crate) fn matches(self, call: &Call<'_>, reading: Reading) -> Match {
        let StatementOf { policy, statement } = self;
        let texts = &policy.texts;
        let actions = statement.actions;
        let action =
            |(place, pattern): &(Place, ActionPattern)| pattern.matches(texts, *place, call.action);
        if actions.of(&policy.actions).iter().any(action) == actions.negated {
            return Match::Action;
        }
        let resource = |(place, pattern): &(Place, ArnPattern)| {
            pattern.matches(texts.get(*place), call.request.resource, call.facts)
        };
        if let Some(resources) = statement.resources
            && resources.of(&policy.resources).iter().any(resource) == resources.negated
        {
            return Match::Resource;
        }
        let Some(grant) = self.applies(call, reading) else {
            return Match::Principal;
        };
        let conditions = statement.conditions.of(&policy.conditions);
        match conditions.iter().position(|c| !c.holds(policy, call.facts)) {
            Some(index) => Match::Condition(index),
            None => Match::Yes(grant),
        }
    }

    /// How the statement applies to the caller; `None` when it does not.
    pub(crate) fn applies(self, call: &Call<'_>, reading: Reading) -> Option<Grant> {
        let StatementOf { policy, statement } = self;
        match (reading, statement.principals) {
            (Reading::Attached, None) => Some(Grant::default()),
            (Reading::Naming { trust }, Some(list)) => {
                let scene = Scene {
                    trust,
                    bounded: call.bounded,
                };
                let names = list.of(&policy.principals).iter().map(|name| Name {
                    form: name.form,
                    text: policy.texts.get(name.known),
                });
                let caller = &call.request.principal;
                if list.negated {
                    (!principal::exempts(&names, caller, scene)).then_some(Grant::default())
                } else {
                    principal::named(names, caller, scene)
                }
            }
            // A policy of one kind in the place of another: it may take away, never give.
            (Reading::Attached, Some(_)) | (Reading::Naming { .. }, None) => {
                (statement.effect == Effect::Deny).then(Grant::default)
            }
        }
    }
}

impl Condition {
    fn holds(&self, policy: &Compiled, facts: &Facts<'_>) -> bool {
        let fact = facts.get(policy.texts.get(self.key));
        let operands = self.operands.of(&policy.operands).iter();
        let operands = operands.map(|(place, operand)| (operand, policy.texts.get(*place)));
        operator::holds(self.operator, operands, &fact, facts)
    }
}

impl ActionPattern {
    /// Whether an action, in lower case, matches a pattern as it is written.
    fn matches(self, texts: &Texts, written: Place, action: &str) -> bool {
        match self {
            ActionPattern::Any => true,
            ActionPattern::Exact => texts.get(written).eq_ignore_ascii_case(action),
            ActionPattern::Prefix => {
                let start = texts.get(written).as_bytes().split_last();
                start.is_some_and(|(_, start)| {
                    let action = action.as_bytes().get(..start.len());
                    action.is_some_and(|action| start.eq_ignore_ascii_case(action))
                })
            }
            ActionPattern::General(lower) => Glob::new(texts.get(lower)).matches(action),
        }
    }
}
