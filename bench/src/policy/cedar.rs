//! The peer of a decision: `cedar-policy`, with a Cedar policy for each statement.
//!
//! Actions with wildcards are groups of actions, as Cedar has them; resources match an attribute
//! with `like`; the conditions ask the context.

use crate::Outcome;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use locum_bench::policies::{ACTION, Attached, Case, NETWORKS, ORGANIZATION, SOURCE_IP, Statement};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

/// Policies, entities and a request, all made beforehand.
pub(super) struct Peer {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    request: Request,
}

impl Peer {
    /// # Errors
    /// When Cedar refuses any of it.
    pub(super) fn new(attached: &Attached, case: Case) -> Outcome<Self> {
        let statements = || attached.policies.iter().flatten();
        let mut text = String::new();
        for statement in statements() {
            text.push_str(&policy(statement)?);
        }
        let groups: BTreeSet<&str> = statements()
            .flat_map(|statement| &statement.actions)
            .filter(|action| contains(action, ACTION))
            .map(String::as_str)
            .collect();
        let groups: HashSet<EntityUid> = groups
            .into_iter()
            .map(|name| uid("Action", name))
            .collect::<Outcome<_>>()?;
        let [principal, action, resource] = [
            uid("Role", "catalog-writer")?,
            uid("Action", ACTION)?,
            uid("Object", "o")?,
        ];
        let arn = RestrictedExpression::new_string(case.resource().to_owned());
        let entities = [
            Entity::new(principal.clone(), HashMap::new(), HashSet::new())?,
            Entity::new(action.clone(), HashMap::new(), groups)?,
            Entity::new(
                resource.clone(),
                [("arn".to_owned(), arn)].into(),
                HashSet::new(),
            )?,
        ];
        let organization = RestrictedExpression::new_string(ORGANIZATION.to_owned());
        let context = Context::from_pairs([
            (
                "sourceip".to_owned(),
                RestrictedExpression::new_ip(SOURCE_IP),
            ),
            ("principalorgid".to_owned(), organization),
        ])?;
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: text.parse()?,
            entities: Entities::from_entities(entities, None)?,
            request: Request::new(principal, action, resource, context, None)?,
        })
    }

    pub(super) fn decides(&self) -> bool {
        let response = self
            .authorizer
            .is_authorized(&self.request, &self.policies, &self.entities);
        response.decision() == Decision::Allow
    }
}

/// Whether a group of actions, named as in IAM, has that action.
fn contains(group: &str, action: &str) -> bool {
    match group.strip_suffix('*') {
        Some(start) => action.starts_with(start),
        None => group == action,
    }
}

fn uid(kind: &str, id: &str) -> Outcome<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(
        kind.parse()?,
        cedar_policy::EntityId::new(id),
    ))
}

fn policy(statement: &Statement) -> Outcome<String> {
    let all = |items: &mut dyn Iterator<Item = String>, between: &str| {
        items.collect::<Vec<_>>().join(between)
    };
    let actions = all(
        &mut statement
            .actions
            .iter()
            .map(|action| format!("Action::\"{action}\"")),
        ", ",
    );
    let resources = all(
        &mut statement
            .resources
            .iter()
            .map(|resource| format!("resource.arn like \"{resource}\"")),
        " || ",
    );
    let networks = all(
        &mut NETWORKS
            .iter()
            .map(|network| format!("context.sourceip.isInRange(ip(\"{network}\"))")),
        " || ",
    );
    let effect = if statement.denies { "forbid" } else { "permit" };
    let mut text = String::new();
    writeln!(
        text,
        "{effect}(principal, action in [{actions}], resource) when {{ ({resources}) && ({networks}) && context.principalorgid == \"{ORGANIZATION}\" }};"
    )?;
    Ok(text)
}
