//! Statements as they are written, for those who are told which of them decided.

use crate::compiled::{Compiled, StatementOf};
use crate::decide::{Layer, Policies, ResourcePolicy};
use crate::document::Effect;
use crate::explain::{LayerReport, StatementReport};
use crate::principal::PrincipalType;

/// A statement as its policy has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quote {
    /// The Sid.
    pub sid: Option<String>,
    /// What it does when it matches.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`, the values of AWS principals and of everyone as written, others
    /// after their type: `Service: ec2.amazonaws.com`.
    pub principals: Option<QuotedList>,
    /// `Action` or `NotAction`
    pub actions: QuotedList,
    /// `Resource` or `NotResource`; trust policies have neither.
    pub resources: Option<QuotedList>,
    /// `Condition`
    pub conditions: Vec<QuotedCondition>,
}

/// The values of an element.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct QuotedList {
    /// It is the `Not…` form.
    pub negated: bool,
    /// As written.
    pub values: Vec<String>,
}

/// One operator with one key and its values, as written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QuotedCondition {
    /// `StringEquals`, `ForAllValues:StringLike`, …
    pub operator: String,
    /// The key.
    pub key: String,
    /// The values.
    pub values: Vec<String>,
}

impl Policies<'_> {
    /// The statement that a report is about. The report must be of a request that these policies
    /// decided; `None` if they have no statement there.
    pub fn quote(&self, layer: &LayerReport, report: &StatementReport) -> Option<Quote> {
        let policy = self.policy(layer.layer, layer.level, report.policy)?;
        policy.statements().nth(report.statement).map(quote)
    }

    fn policy(&self, layer: Layer, level: Option<usize>, number: usize) -> Option<&Compiled> {
        let level = level.unwrap_or_default();
        match layer {
            Layer::ResourceControl => self.resource_control.get(level)?.get(number),
            Layer::ServiceControl => self.service_control.get(level)?.get(number),
            Layer::Identity => self.identity.get(number),
            Layer::Session => self.session?.get(number),
            Layer::Boundary => return self.boundary,
            Layer::Resource | Layer::Trust => {
                return self.resource.map(|policy| match policy {
                    ResourcePolicy::Attached(policy) | ResourcePolicy::Trust(policy) => policy,
                });
            }
        }
        .map(|policy| &**policy)
    }
}

fn quote(statement: StatementOf<'_>) -> Quote {
    let actions = statement.actions();
    let owned = |values: &mut dyn Iterator<Item = &str>| values.map(str::to_owned).collect();
    Quote {
        sid: statement.sid().map(str::to_owned),
        effect: statement.effect(),
        principals: statement.principals().map(|written| QuotedList {
            negated: written.negated,
            values: written
                .values
                .map(|(kind, value)| match kind {
                    PrincipalType::Everyone | PrincipalType::Aws => value.to_owned(),
                    kind => format!("{kind}: {value}"),
                })
                .collect(),
        }),
        actions: QuotedList {
            negated: actions.negated,
            values: actions.values.map(str::to_owned).collect(),
        },
        resources: statement.resources().map(|mut written| QuotedList {
            negated: written.negated,
            values: owned(&mut written.values),
        }),
        conditions: statement
            .conditions()
            .map(|mut condition| QuotedCondition {
                operator: condition.operator_name.to_owned(),
                key: condition.key.to_owned(),
                values: owned(&mut condition.values),
            })
            .collect(),
    }
}
