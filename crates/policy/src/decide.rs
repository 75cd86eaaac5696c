//! The decision: every policy that has a say, combined by AWS's published evaluation logic.
//!
//! See "Policy evaluation logic" in the IAM User Guide. One evaluator serves [`decide`] and
//! [`explain`](crate::explain): what to record is a type parameter, so the explanation cannot tell
//! another story than the decision.

use std::sync::Arc;

use crate::arn;
use crate::compiled::{Call, Compiled, Match, Reading, StatementOf};
use crate::context::Context;
use crate::document::Effect;
use crate::facts::Facts;
use crate::index::{Domain, Prefixes};
use crate::principal::{Grant, Principal, is_service_linked_role};
use crate::texts::Lower;

/// One request to decide.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who calls.
    pub principal: Principal<'a>,
    /// What it does, `service:Action` in any case.
    pub action: &'a str,
    /// The ARN it is done to, or `*` for actions without a resource.
    pub resource: &'a str,
    /// The account that owns the resource; the caller's own for `*`.
    pub resource_account: &'a str,
    /// The facts that conditions and variables ask for.
    pub context: &'a dyn Context,
}

/// The policies that have a say in a request. The default is none.
#[derive(Clone, Copy, Default)]
pub struct Policies<'a> {
    /// Managed and inline policies of the caller and, for a user, of its groups. For a session of a
    /// role those of the role, for a session of a user those of the user.
    pub identity: &'a [Arc<Compiled>],
    /// The permissions boundary of the user or role.
    pub boundary: Option<&'a Compiled>,
    /// The policies passed when the session was made; `Some` of an empty list grants nothing.
    pub session: Option<&'a [Arc<Compiled>]>,
    /// Whether the session's policies must allow though the resource's policy names the session
    /// itself, or everyone. By AWS's rule for sessions they need not; what another account was
    /// granted for a while is to be no more than was granted.
    pub session_binds: bool,
    /// The policy of the resource.
    pub resource: Option<ResourcePolicy<'a>>,
    /// Service control policies of the caller's organization, level by level: the root, each
    /// organizational unit, the account. Every level must allow. Empty where none bind, as in the
    /// management account.
    pub service_control: &'a [Level],
    /// Resource control policies of the organization of the resource's owner, level by level. They
    /// only deny: `RCPFullAWSAccess`, which allows, is everywhere and cannot be detached.
    pub resource_control: &'a [Level],
}

/// The policies attached to one level of an organization, which allow when any of them does.
pub type Level = Arc<[Arc<Compiled>]>;

/// The policy of a resource.
#[derive(Clone, Copy)]
pub enum ResourcePolicy<'a> {
    /// A resource-based policy, such as a bucket policy.
    Attached(&'a Compiled),
    /// The trust policy of the role to be assumed, without whose consent nothing suffices.
    Trust(&'a Compiled),
}

/// The kinds of policies that can decide, in the order in which a denial is looked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Layer {
    /// Resource control policies of the organization of the resource's owner.
    ResourceControl,
    /// Service control policies of the caller's organization.
    ServiceControl,
    /// Policies of the user, its groups, or the role.
    Identity,
    /// The policy of the resource.
    Resource,
    /// The trust policy of the role to be assumed.
    Trust,
    /// The permissions boundary.
    Boundary,
    /// The policies of the session.
    Session,
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Denial {
    /// A statement denies, rather than none allowing.
    pub explicit: bool,
    /// The kind of policy that denies, or that fails to allow.
    pub layer: Layer,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Decision {
    /// Go ahead.
    Allowed,
    /// Refuse.
    Denied(Denial),
}

/// Decides a request.
///
/// ```
/// use std::sync::Arc;
/// use locum_policy::{Decision, Kind, Policies, Policy, Principal, Request, decide};
///
/// let policy = Policy::parse(
///     r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*",
///         "Resource": "arn:aws:s3:::reports/${aws:username}/*"}}"#,
///     Kind::Identity,
/// )?;
/// let request = Request {
///     principal: Principal::User {
///         account: "123456789012",
///         arn: "arn:aws:iam::123456789012:user/ann",
///         unique_id: "AIDAEXAMPLEEXAMPLE01",
///     },
///     action: "s3:GetObject",
///     resource: "arn:aws:s3:::reports/ann/july.csv",
///     resource_account: "123456789012",
///     context: &[("aws:username", "ann")],
/// };
/// let identity = [Arc::new(policy.compile())];
/// let policies = Policies { identity: &identity, ..Policies::default() };
/// assert_eq!(decide(&request, &policies), Decision::Allowed);
/// # Ok::<(), locum_policy::Malformed>(())
/// ```
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    evaluate(request, policies, &mut Silent)
}

impl Denial {
    /// The end of AWS's AccessDenied sentence: `because no identity-based policy allows the
    /// s3:GetObject action`, `with an explicit deny in a permissions boundary`.
    pub fn reason(&self, action: &str) -> String {
        if self.explicit {
            let place = match self.layer {
                Layer::ResourceControl => "a resource control policy",
                Layer::ServiceControl => "a service control policy",
                Layer::Identity => "an identity-based policy",
                Layer::Resource => "a resource-based policy",
                Layer::Trust => "the role trust policy",
                Layer::Boundary => "a permissions boundary",
                Layer::Session => "a session policy",
            };
            format!("with an explicit deny in {place}")
        } else {
            let kind = self.layer.name();
            format!("because no {kind} allows the {action} action")
        }
    }
}

impl Layer {
    /// The name AWS uses in its messages.
    pub fn name(self) -> &'static str {
        match self {
            Layer::ResourceControl => "resource control policy",
            Layer::ServiceControl => "service control policy",
            Layer::Identity => "identity-based policy",
            Layer::Resource => "resource-based policy",
            Layer::Trust => "role trust policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
        }
    }
}

/// What the evaluator tells while it works.
pub(crate) trait Sink {
    /// Whether to look at every statement, also when the answer is already known.
    const THOROUGH: bool;

    /// The outcome of the statement at a position: which policy of the layer, which statement of it.
    fn statement(
        &mut self,
        position: (usize, usize),
        policy: &Compiled,
        statement: StatementOf<'_>,
        outcome: Match,
        asked: (&Call<'_>, Reading),
    );

    /// What a layer answers; where a layer has levels, each by its number.
    fn layer(&mut self, layer: Layer, level: Option<usize>, answer: Answer);

    /// An implicit denial of this layer does not count, for this reason.
    fn waived(&mut self, layer: Layer, why: Waiver);
}

/// Records nothing and costs nothing.
struct Silent;

impl Sink for Silent {
    const THOROUGH: bool = false;

    fn statement(
        &mut self,
        _: (usize, usize),
        _: &Compiled,
        _: StatementOf<'_>,
        _: Match,
        _: (&Call<'_>, Reading),
    ) {
    }

    fn layer(&mut self, _: Layer, _: Option<usize>, _: Answer) {}

    fn waived(&mut self, _: Layer, _: Waiver) {}
}

/// What the policies of one layer say together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    ExplicitDeny,
    Allow(Grant),
    /// No statement matches.
    Nothing,
}

/// Why a layer need not allow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Waiver {
    /// Root may do everything in its own account.
    Root,
    /// A resource policy of the same account names the caller.
    Named,
}

pub(crate) fn evaluate<S: Sink>(
    request: &Request<'_>,
    policies: &Policies<'_>,
    sink: &mut S,
) -> Decision {
    let action = Lower::ascii(request.action);
    let action = action.as_str();
    let call = Call {
        request,
        action,
        action_prefixes: &Prefixes::new(action, Domain::Action),
        resource_prefixes: &Prefixes::new(request.resource, Domain::Resource),
        facts: &Facts::new(request.context),
        bounded: policies.boundary.is_some(),
    };
    let layers = Layers::of(&call, policies);
    let mut answers = Answers::default();
    let mut denied = None;
    for (layer, level, set) in layers.in_order() {
        let answer = ask(layer, set, &call, sink);
        sink.layer(layer, level, answer);
        if answer == Answer::ExplicitDeny {
            denied = denied.or(Some(Denial {
                explicit: true,
                layer,
            }));
            if !S::THOROUGH {
                break;
            }
        }
        answers.put(layer, answer);
    }
    let denied = denied.or_else(|| answers.missing(request, &layers, sink));
    denied.map_or(Decision::Allowed, Decision::Denied)
}

/// The policies of each layer that takes part; `None` is a layer that does not.
struct Layers<'a> {
    resource_control: &'a [Level],
    service_control: &'a [Level],
    /// The layer that the resource's own policy is.
    owner: Layer,
    resource: Option<Set<'a>>,
    identity: Option<Set<'a>>,
    boundary: Option<Set<'a>>,
    session: Option<Set<'a>>,
    session_binds: bool,
}

/// The policies of one layer, which allow when any of them does.
#[derive(Clone, Copy)]
enum Set<'a> {
    One(&'a Compiled),
    Several(&'a [Arc<Compiled>]),
}

impl<'a> Layers<'a> {
    fn of(call: &Call<'_>, policies: &Policies<'a>) -> Layers<'a> {
        let request = call.request;
        let (owner, resource) = match policies.resource {
            Some(ResourcePolicy::Attached(policy)) => (Layer::Resource, Some(Set::One(policy))),
            Some(ResourcePolicy::Trust(policy)) => (Layer::Trust, Some(Set::One(policy))),
            None => (Layer::Resource, None),
        };
        let session = match (policies.session, &request.principal) {
            (Some(session), _) => Some(Set::Several(session)),
            // A session of GetFederationToken that was given no policy may do nothing.
            (None, Principal::FederatedUser { .. }) => Some(Set::Several(&[])),
            (None, _) => None,
        };
        // Most callers are of no organization, and need not be looked at.
        let bound = |levels: &'a [Level], bind: fn(&Call<'_>) -> bool| {
            if levels.is_empty() || !bind(call) {
                &[][..]
            } else {
                levels
            }
        };
        Layers {
            resource_control: bound(policies.resource_control, resource_controls_bind),
            service_control: bound(policies.service_control, service_controls_bind),
            owner,
            resource,
            identity: Some(Set::Several(policies.identity)),
            boundary: policies.boundary.map(Set::One),
            session,
            session_binds: policies.session_binds,
        }
    }

    /// The one list of layers, in the order in which AWS looks for explicit denials. A layer of
    /// several levels comes once for each.
    fn in_order(&self) -> impl Iterator<Item = (Layer, Option<usize>, Set<'a>)> + use<'a> {
        let levels = |layer, levels: &'a [Level]| {
            let numbered = levels.iter().enumerate();
            numbered.map(move |(number, level)| (layer, Some(number), Set::Several(level)))
        };
        let rest = [
            (self.owner, self.resource),
            (Layer::Identity, self.identity),
            (Layer::Boundary, self.boundary),
            (Layer::Session, self.session),
        ];
        levels(Layer::ResourceControl, self.resource_control)
            .chain(levels(Layer::ServiceControl, self.service_control))
            .chain(
                rest.into_iter()
                    .filter_map(|(layer, set)| Some((layer, None, set?))),
            )
    }
}

/// Whether service control policies are asked: they bind users, roles and root users of accounts, not
/// service-linked roles, and neither services on their own behalf nor who has no account.
fn service_controls_bind(call: &Call<'_>) -> bool {
    let principal = &call.request.principal;
    principal.account().is_some() && !principal.is_service_linked_role()
}

/// Whether resource control policies are asked: they bind whoever calls but service-linked roles. They
/// are about resources, so not about an action without one, and neither about assuming a
/// service-linked role nor about the retiring of a grant.
fn resource_controls_bind(call: &Call<'_>) -> bool {
    let request = call.request;
    !request.principal.is_service_linked_role()
        && request.resource != "*"
        && !is_service_linked_role(request.resource)
        && call.action != "kms:retiregrant"
}

/// What each layer answered.
#[derive(Default)]
struct Answers {
    /// Some level of the service control policies does not allow.
    service_control_lacks: bool,
    resource: Option<Answer>,
    identity: Option<Answer>,
    boundary: Option<Answer>,
    session: Option<Answer>,
}

impl Answers {
    fn put(&mut self, layer: Layer, answer: Answer) {
        let place = match layer {
            // They only deny.
            Layer::ResourceControl => return,
            Layer::ServiceControl => {
                self.service_control_lacks |= !matches!(answer, Answer::Allow(_));
                return;
            }
            Layer::Resource | Layer::Trust => &mut self.resource,
            Layer::Identity => &mut self.identity,
            Layer::Boundary => &mut self.boundary,
            Layer::Session => &mut self.session,
        };
        *place = Some(answer);
    }

    /// The first layer whose permission is needed and missing.
    fn missing<S: Sink>(
        &self,
        request: &Request<'_>,
        layers: &Layers<'_>,
        sink: &mut S,
    ) -> Option<Denial> {
        let missing = |layer| {
            Some(Denial {
                explicit: false,
                layer,
            })
        };
        if self.service_control_lacks {
            return missing(Layer::ServiceControl);
        }
        let given = match self.resource {
            Some(Answer::Allow(grant)) => Some(grant),
            Some(Answer::Nothing | Answer::ExplicitDeny) | None => None,
        };
        let account = request.principal.account();
        let own = account == Some(request.resource_account);
        // A foreign resource must itself consent, and any role and KMS key: their policies are the
        // root of who may use them. Who has no account has nothing else that could speak for them.
        let key_policy = self.resource.is_some() && is_kms_key(request.resource);
        if given.is_none() && (!own || layers.owner == Layer::Trust || key_policy) {
            return missing(layers.owner);
        }
        account?;
        let waived = given.filter(|_| own).unwrap_or_default();
        if !matches!(self.identity, Some(Answer::Allow(_))) {
            if request.principal.acts_as_root() {
                sink.waived(Layer::Identity, Waiver::Root);
            } else if waived.identity {
                sink.waived(Layer::Identity, Waiver::Named);
            } else {
                return missing(Layer::Identity);
            }
        }
        for (layer, answer, waived) in [
            (Layer::Boundary, self.boundary, waived.boundary),
            (
                Layer::Session,
                self.session,
                waived.session && !layers.session_binds,
            ),
        ] {
            if matches!(answer, None | Some(Answer::Allow(_))) {
                continue;
            }
            if !waived {
                return missing(layer);
            }
            sink.waived(layer, Waiver::Named);
        }
        None
    }
}

fn is_kms_key(arn: &str) -> bool {
    matches!(arn::split(arn), Some([_, _, "kms", _, _, key]) if key.starts_with("key/"))
}

/// Asks the policies of one layer.
fn ask<S: Sink>(layer: Layer, set: Set<'_>, call: &Call<'_>, sink: &mut S) -> Answer {
    let reading = match layer {
        Layer::Resource => Reading::Naming { trust: false },
        Layer::Trust => Reading::Naming { trust: true },
        // A resource control policy names everyone, which is no more than being attached.
        Layer::ResourceControl
        | Layer::ServiceControl
        | Layer::Identity
        | Layer::Boundary
        | Layer::Session => Reading::Attached,
    };
    let mut state = Asked {
        reading,
        denied: false,
        allowed: None,
    };
    match set {
        Set::One(policy) => state.ask(0, policy, call, sink),
        Set::Several(policies) => {
            for (index, policy) in policies.iter().enumerate() {
                if state.denied && !S::THOROUGH {
                    break;
                }
                state.ask(index, policy, call, sink);
            }
        }
    }
    match state {
        Asked { denied: true, .. } => Answer::ExplicitDeny,
        Asked {
            allowed: Some(grant),
            ..
        } => Answer::Allow(grant),
        Asked { allowed: None, .. } => Answer::Nothing,
    }
}

struct Asked {
    reading: Reading,
    denied: bool,
    allowed: Option<Grant>,
}

impl Asked {
    fn ask<S: Sink>(&mut self, index: usize, policy: &Compiled, call: &Call<'_>, sink: &mut S) {
        if S::THOROUGH {
            for (number, statement) in policy.statements().enumerate() {
                let outcome = self.hear(statement, call);
                sink.statement(
                    (index, number),
                    policy,
                    statement,
                    outcome,
                    (call, self.reading),
                );
            }
            return;
        }
        if self.settled() && !policy.denies() {
            return;
        }
        policy.candidates(call, |statement| {
            if statement.effect() == Effect::Deny || !self.settled() {
                self.hear(statement, call);
            }
            self.denied
        });
    }

    /// Whether further permissions change nothing: those of the caller's own policies. Of a resource's
    /// policy they may, each can name the caller more closely.
    fn settled(&self) -> bool {
        self.allowed.is_some() && self.reading == Reading::Attached
    }

    fn hear(&mut self, statement: StatementOf<'_>, call: &Call<'_>) -> Match {
        let outcome = statement.matches(call, self.reading);
        if let Match::Yes(grant) = outcome {
            match statement.effect() {
                Effect::Deny => self.denied = true,
                Effect::Allow => {
                    self.allowed = Some(self.allowed.unwrap_or_default().union(grant));
                }
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Decision, Denial, Layer, Policies, Request, ResourcePolicy, decide};
    use crate::compiled::Compiled;
    use crate::document::{Kind, Policy};
    use crate::principal::Principal;

    fn compile(text: &str, kind: Kind) -> Arc<Compiled> {
        Arc::new(Policy::parse(text, kind).unwrap().compile())
    }

    fn check(policies: &Policies<'_>, wanted: Decision) {
        let request = Request {
            principal: Principal::User {
                account: "111122223333",
                arn: "arn:aws:iam::111122223333:user/ann",
                unique_id: "AIDAEXAMPLEEXAMPLE001",
            },
            action: "sts:AssumeRole",
            resource: "arn:aws:iam::111122223333:role/r",
            resource_account: "111122223333",
            context: &(),
        };
        assert_eq!(decide(&request, policies), wanted);
    }

    const fn denied(explicit: bool, layer: Layer) -> Decision {
        Decision::Denied(Denial { explicit, layer })
    }

    /// Validation keeps kinds apart; should a policy stand in another's place all the same, it may
    /// take away and never give.
    #[test]
    fn a_policy_in_the_place_of_another_kind() {
        let statement = |effect: &str, rest: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"sts:*",{rest}}}}}"#
            )
        };
        let (everyone, anything) = (r#""Principal":{"AWS":"*"}"#, r#""Resource":"*""#);

        let trust = [compile(&statement("Allow", everyone), Kind::Trust)];
        let policies = Policies {
            identity: &trust,
            ..Policies::default()
        };
        check(&policies, denied(false, Layer::Identity));
        let trust = [compile(&statement("Deny", everyone), Kind::Trust)];
        let policies = Policies {
            identity: &trust,
            ..Policies::default()
        };
        check(&policies, denied(true, Layer::Identity));

        let identity = compile(&statement("Allow", anything), Kind::Identity);
        let resource = Some(ResourcePolicy::Trust(&identity));
        check(
            &Policies {
                resource,
                ..Policies::default()
            },
            denied(false, Layer::Trust),
        );
        let identity = compile(&statement("Deny", anything), Kind::Identity);
        let resource = Some(ResourcePolicy::Attached(&identity));
        check(
            &Policies {
                resource,
                ..Policies::default()
            },
            denied(true, Layer::Resource),
        );
    }

    #[test]
    fn a_session_that_is_bound_is_not_let_off_by_the_resource() {
        let everyone = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
        let attached = compile(everyone, Kind::Resource);
        let request = Request {
            principal: Principal::AssumedRole {
                account: "111122223333",
                role_arn: "arn:aws:iam::111122223333:role/r",
                unique_id: "AROAEXAMPLEEXAMPLE001",
                session_arn: "arn:aws:sts::111122223333:assumed-role/r/s",
                session_name: "s",
            },
            action: "s3:GetObject",
            resource: "arn:aws:s3:::pages/index.html",
            resource_account: "111122223333",
            context: &(),
        };
        let policies = |session_binds| Policies {
            session: Some(&[]),
            session_binds,
            resource: Some(ResourcePolicy::Attached(&attached)),
            ..Policies::default()
        };
        assert_eq!(decide(&request, &policies(false)), Decision::Allowed);
        let bound = decide(&request, &policies(true));
        assert_eq!(bound, denied(false, Layer::Session));
    }

    #[test]
    fn reasons() {
        let rows = [
            (
                Layer::ResourceControl,
                "a resource control policy",
                "resource control policy",
            ),
            (
                Layer::ServiceControl,
                "a service control policy",
                "service control policy",
            ),
            (
                Layer::Identity,
                "an identity-based policy",
                "identity-based policy",
            ),
            (
                Layer::Resource,
                "a resource-based policy",
                "resource-based policy",
            ),
            (Layer::Trust, "the role trust policy", "role trust policy"),
            (
                Layer::Boundary,
                "a permissions boundary",
                "permissions boundary",
            ),
            (Layer::Session, "a session policy", "session policy"),
        ];
        for (layer, place, name) in rows {
            let reason = |explicit| Denial { explicit, layer }.reason("s3:GetObject");
            assert_eq!(reason(true), format!("with an explicit deny in {place}"));
            assert_eq!(
                reason(false),
                format!("because no {name} allows the s3:GetObject action")
            );
        }
    }
}
