//! A simulation made ready, and what it answers for each action and resource.

use super::context::SimulatedContext;
use super::sources::{Controls, Size, Source};
use super::{
    EvaluationResult, MatchedStatement, ResourceResult, SimulationPage, SourceType, Verdict,
};
use crate::error::Error;
use crate::names::{AccountId, ActionName};
use locum_policy::{
    Compiled, Decision, Effect, Explanation, Layer, LayerAnswer, LayerReport, Policies, Principal,
    Request, ResourcePolicy, explain,
};
use std::sync::Arc;

/// What one page may cost, counted as [`Trial::cost`] does: bytes of policies read and of answers
/// written. It keeps a page well under a second.
const PAGE: usize = 32 << 20;
/// Characters that a text's variables may stand for together.
const EXPANSION: usize = 1 << 20;

/// Everything that decides, checked.
pub(super) struct Trial {
    pub(super) identity: Vec<Source>,
    pub(super) boundary: Option<Source>,
    pub(super) resource_policy: Option<Source>,
    /// `None` if the simulation knows of no organization.
    pub(super) controls: Option<Controls>,
    /// The caller's ARN; empty if there is none.
    pub(super) caller: String,
    pub(super) unique_id: String,
    pub(super) account: AccountId,
    /// `ResourceOwner`
    pub(super) owner: Option<AccountId>,
    pub(super) context: SimulatedContext,
    /// ARNs; empty for `*`.
    pub(super) resources: Vec<String>,
}

/// What is said about one action and resource.
struct Outcome {
    decision: Verdict,
    matched: Vec<MatchedStatement>,
    allowed_by_organizations: Option<bool>,
    allowed_by_boundary: Option<bool>,
    /// Of a request across accounts: what each kind of policy says.
    details: Vec<(SourceType, Verdict)>,
    /// Whether the keys that were not given may be why the answer is no.
    lacks_keys: bool,
}

impl Trial {
    /// Answers for a page of `actions`, from the one behind the first `first` on. There are fewer
    /// than `max_items` where they would cost too much together.
    ///
    /// # Errors
    /// [`Error::InvalidInput`], if one action alone costs too much.
    pub(super) fn page(
        &self,
        actions: &[ActionName],
        first: usize,
        max_items: usize,
    ) -> Result<SimulationPage, Error> {
        let too_large = || {
            Error::InvalidInput(
                "The simulation is too large. Reduce the number of resources, the size of the policies or the size of the context values."
                    .to_owned(),
            )
        };
        let missing = self.missing();
        let cost = self.cost().saturating_add(self.listed(&missing));
        let affordable = PAGE.checked_div(cost).unwrap_or(PAGE);
        if affordable == 0 || self.expansion() > EXPANSION {
            return Err(too_large());
        }
        let identity: Vec<_> = self.identity.iter().map(|s| s.compiled.clone()).collect();
        let results: Vec<_> = actions
            .iter()
            .skip(first)
            .take(max_items.min(affordable))
            .map(|action| self.evaluate(action.as_str(), &identity, &missing))
            .collect();
        let last = first + results.len();
        Ok(SimulationPage {
            next: (last < actions.len()).then_some(last),
            results,
        })
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        let others = [&self.boundary, &self.resource_policy];
        self.identity.iter().chain(others.into_iter().flatten())
    }

    /// The keys that the policies ask for and `ContextEntries` does not give. AWS's simulator counts
    /// its own defaults as not given, and leaves service control policies out.
    fn missing(&self) -> Vec<String> {
        let mut once = std::collections::BTreeSet::new();
        let mut keys: Vec<_> = self.sources().flat_map(Source::keys).collect();
        keys.retain(|key| !self.context.gives(key) && once.insert(key.to_lowercase()));
        keys
    }

    fn sizes(&self) -> impl Iterator<Item = Size> {
        let controls = self.controls.iter().map(|controls| controls.size);
        self.sources().map(Source::size).chain(controls)
    }

    /// What one action costs: for every resource the bytes of the policies, held against texts of
    /// some length and with their variables put in, and those of what is answered.
    fn cost(&self) -> usize {
        const STATEMENT: usize = 512;
        let size: Size = self.sizes().sum();
        let policies = size.bytes + STATEMENT * size.statements;
        let expanded = size.variables.saturating_mul(4 * self.context.longest());
        let of_resource = |length: usize| {
            let factor = 1 + length.max(self.context.heaviest()) / 256;
            let read = policies.saturating_mul(factor).saturating_add(expanded);
            read.saturating_add(STATEMENT + 4 * length)
        };
        match self.resources.as_slice() {
            [] => of_resource(1),
            some => some
                .iter()
                .map(|resource| of_resource(resource.len()))
                .fold(0, usize::saturating_add),
        }
    }

    /// What the missing keys cost one action: every resource's result may list them all.
    fn listed(&self, missing: &[String]) -> usize {
        const KEY: usize = 128;
        let list: usize = missing.iter().map(|key| KEY + key.len()).sum();
        list.saturating_mul(self.resources.len().max(1))
    }

    /// The most characters that the variables of one document can become.
    fn expansion(&self) -> usize {
        let variables = self.sizes().map(|size| size.variables);
        let variables = variables.max().unwrap_or_default();
        variables.saturating_mul(self.context.longest())
    }

    fn evaluate(
        &self,
        action: &str,
        identity: &[Arc<Compiled>],
        missing: &[String],
    ) -> EvaluationResult {
        let whole = |resource: &str, outcome: &Outcome| EvaluationResult {
            action: action.to_owned(),
            resource: resource.to_owned(),
            decision: outcome.decision,
            matched: outcome.matched.clone(),
            missing: outcome.missing(missing),
            allowed_by_organizations: outcome.allowed_by_organizations,
            allowed_by_boundary: outcome.allowed_by_boundary,
            details: None,
            resources: Vec::new(),
        };
        if self.resources.is_empty() {
            return whole("*", &self.outcome(action, "*", identity));
        }
        let outcomes: Vec<_> = self
            .resources
            .iter()
            .map(|resource| (resource, self.outcome(action, resource, identity)))
            .collect();
        let resource = match self.resources.as_slice() {
            [only] => only,
            // AWS has the template of the action's resources here, from its catalogue of actions,
            // and this for actions that are not in it.
            _ => "*",
        };
        let together = Outcome::together(outcomes.iter().map(|(_, outcome)| outcome));
        EvaluationResult {
            details: Some(together.details.clone()),
            resources: outcomes
                .into_iter()
                .map(|(resource, outcome)| ResourceResult {
                    resource: resource.clone(),
                    decision: outcome.decision,
                    missing: outcome.missing(missing),
                    matched: outcome.matched,
                    details: outcome.details,
                    allowed_by_boundary: outcome.allowed_by_boundary,
                })
                .collect(),
            ..whole(resource, &together)
        }
    }

    fn outcome(&self, action: &str, resource: &str, identity: &[Arc<Compiled>]) -> Outcome {
        // Without a resource policy the simulator asks the caller's side alone, whosever the
        // resource is.
        let of_resource = resource
            .split(':')
            .nth(4)
            .filter(|account| !account.is_empty());
        let account = self.account.as_str();
        let owner = match (&self.resource_policy, &self.owner) {
            (None, _) => account,
            (Some(_), Some(owner)) => owner.as_str(),
            (Some(_), None) => of_resource.unwrap_or(account),
        };
        let request = Request {
            // Whoever is simulated, user, role or group, is named by its own ARN: there is no
            // session.
            principal: Principal::User {
                account,
                arn: &self.caller,
                unique_id: &self.unique_id,
            },
            action,
            resource,
            resource_account: owner,
            context: &self.context,
        };
        let policy = self.resource_policy.as_ref();
        let controls = self.controls.as_ref().map(|controls| &*controls.levels);
        let policies = Policies {
            identity,
            boundary: self.boundary.as_ref().map(|source| &*source.compiled),
            resource: policy.map(|source| ResourcePolicy::Attached(&source.compiled)),
            service_control: controls.unwrap_or_default(),
            ..Policies::default()
        };
        self.read(&explain(&request, &policies), owner == account)
    }

    /// What the simulator makes of an explanation. It has no evaluator of its own.
    fn read(&self, explanation: &Explanation, own: bool) -> Outcome {
        let layers = |wanted| {
            let layers = explanation.layers.iter();
            layers.filter(move |report| report.layer == wanted)
        };
        let answer = |layer| {
            layers(layer)
                .next()
                .map(|report| Verdict::of(report.answer))
        };
        let granted = answer(Layer::Resource) == Some(Verdict::Allowed);
        let decision = match explanation.decision {
            Decision::Allowed => Verdict::Allowed,
            Decision::Denied(denial) if denial.explicit => Verdict::ExplicitDeny,
            // In the simulator a resource's policy that allows a caller of its account suffices,
            // however it names them, where a live request may need more.
            Decision::Denied(denial)
                if own && granted && matches!(denial.layer, Layer::Identity | Layer::Boundary) =>
            {
                Verdict::Allowed
            }
            Decision::Denied(_) => Verdict::ImplicitDeny,
        };
        let controlled =
            layers(Layer::ServiceControl).all(|report| report.answer == LayerAnswer::Allow);
        let allowed_by_organizations = self.controls.as_ref().map(|_| controlled);
        // Where the organization denies, the simulation ends, and nothing else is said.
        if !controlled {
            return Outcome {
                decision,
                matched: Vec::new(),
                allowed_by_organizations,
                allowed_by_boundary: None,
                details: Vec::new(),
                lacks_keys: false,
            };
        }
        let boundary = self.boundary.as_ref().and(answer(Layer::Boundary));
        let verdicts = [
            (SourceType::Iam, answer(Layer::Identity)),
            (SourceType::Resource, answer(Layer::Resource)),
            (SourceType::Boundary, boundary),
        ];
        let details = verdicts.into_iter().filter(|_| !own);
        Outcome {
            decision,
            matched: self.matched(explanation, decision),
            allowed_by_organizations,
            allowed_by_boundary: boundary.map(|verdict| verdict == Verdict::Allowed),
            details: details
                .filter_map(|(kind, verdict)| Some((kind, verdict?)))
                .collect(),
            lacks_keys: decision == Verdict::ImplicitDeny,
        }
    }

    /// The statements that made the decision: those that deny, or those that give the permission. A
    /// boundary gives none.
    fn matched(&self, explanation: &Explanation, decision: Verdict) -> Vec<MatchedStatement> {
        let effect = match decision {
            Verdict::Allowed => Effect::Allow,
            Verdict::ExplicitDeny => Effect::Deny,
            Verdict::ImplicitDeny => return Vec::new(),
        };
        let mut matched = Vec::new();
        for report in &explanation.layers {
            let bounds = report.layer == Layer::Boundary;
            if bounds && effect == Effect::Allow {
                continue;
            }
            for statement in &report.statements {
                if statement.mismatch.is_none()
                    && statement.effect == effect
                    && let Some(found) = self.found(report, (statement.policy, statement.statement))
                {
                    matched.push(found);
                }
            }
        }
        matched
    }

    fn found(
        &self,
        report: &LayerReport,
        (policy, statement): (usize, usize),
    ) -> Option<MatchedStatement> {
        let (source_type, source) = match report.layer {
            Layer::Identity => (SourceType::Iam, self.identity.get(policy)),
            Layer::Resource => (SourceType::Resource, self.resource_policy.as_ref()),
            Layer::Boundary => (SourceType::Boundary, self.boundary.as_ref()),
            Layer::ResourceControl | Layer::ServiceControl | Layer::Trust | Layer::Session => {
                return None;
            }
        };
        let source = source?;
        let (start, end) = source.positions(statement)?;
        Some(MatchedStatement {
            source_id: source.id.clone(),
            source_type,
            start,
            end,
        })
    }
}

impl Outcome {
    fn missing(&self, keys: &[String]) -> Vec<String> {
        if self.lacks_keys {
            keys.to_vec()
        } else {
            Vec::new()
        }
    }

    /// What is said of an action on several resources: it is allowed if it is on each.
    fn together<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Outcome {
        let decision = outcomes.clone().map(|o| o.decision).max();
        let decision = decision.unwrap_or(Verdict::ImplicitDeny);
        let all = |of: fn(&Outcome) -> Option<bool>| {
            let mut answers = outcomes.clone().filter_map(of).peekable();
            let any = answers.peek().is_some();
            any.then(|| answers.all(|yes| yes))
        };
        let mut together = Outcome {
            decision,
            matched: Vec::new(),
            allowed_by_organizations: all(|outcome| outcome.allowed_by_organizations),
            allowed_by_boundary: all(|outcome| outcome.allowed_by_boundary),
            details: Vec::new(),
            lacks_keys: outcomes.clone().any(|outcome| outcome.lacks_keys),
        };
        let mut once = std::collections::HashSet::new();
        for outcome in outcomes {
            // Beside a denying statement none that allows is named.
            if decision != Verdict::ExplicitDeny || outcome.decision == decision {
                let matched = outcome.matched.iter();
                let new = matched.filter(|found| once.insert(*found));
                together.matched.extend(new.cloned());
            }
            for (kind, verdict) in &outcome.details {
                match together.details.iter_mut().find(|(k, _)| k == kind) {
                    Some((_, worst)) => *worst = (*worst).max(*verdict),
                    None => together.details.push((*kind, *verdict)),
                }
            }
        }
        together
    }
}

impl Verdict {
    fn of(answer: LayerAnswer) -> Self {
        match answer {
            LayerAnswer::ExplicitDeny => Self::ExplicitDeny,
            LayerAnswer::Allow => Self::Allowed,
            LayerAnswer::NoAllow | LayerAnswer::WaivedForRoot | LayerAnswer::WaivedByResource => {
                Self::ImplicitDeny
            }
        }
    }
}
