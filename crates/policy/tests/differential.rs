//! The engine against the slow and obvious evaluator, on random cases.
//!
//! Decision, reason and every statement's part in it must agree. `LOCUM_DIFFERENTIAL_CASES` is the
//! number of cases over all tests here, at least 200,000 unless it says otherwise. A disagreement is
//! shrunk and printed as a case file. What the cases reach is counted and asserted, so that the
//! generators cannot dry up unseen.

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use locum_policy::case::Case;
    use locum_policy::{
        Decision, Denial, Effect, ElementName, Explanation, Layer, LayerAnswer, Mismatch,
    };
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestError, TestRunner};
    use serde_json::Value as Json;

    use crate::support::generate::{Theme, world};
    use crate::support::reference::{self, Form};
    use crate::support::{Caller, World};

    /// Cases over all tests, and how many in a hundred each runs.
    const CASES: u32 = 220_000;
    const LAYERS: u32 = 25;
    const ACROSS: u32 = 10;
    const TRUST: u32 = 10;
    const ORGANIZATION: u32 = 10;
    const PRINCIPALS: u32 = 10;
    const CONDITIONS: u32 = 25;
    const MATCHING: u32 = 8;
    const FILES: u32 = 2;
    const _: () = assert!(
        LAYERS + ACROSS + TRUST + ORGANIZATION + PRINCIPALS + CONDITIONS + MATCHING + FILES == 100
    );

    /// Something a case brought about.
    #[derive(Clone, Debug, Eq, Hash, PartialEq)]
    enum Reached {
        Decision(Decision),
        /// A condition's operator, and whether it held.
        Condition(String, bool),
        /// A resource's policy named the caller in this form.
        Named(Form, &'static str),
        /// A NotPrincipal spared the caller.
        Spared(&'static str),
        /// The resource of the request matched a pattern or not: element, outcome.
        Element(ElementName, bool),
    }

    type Reach = HashMap<Reached, u32>;

    /// Runs the cases of a theme.
    fn agree(theme: Theme, share: u32) -> Reach {
        let reach = RefCell::new(Reach::new());
        run(theme, share, |world| {
            let wanted = reference::decide(world);
            let decision = world.decide();
            if decision != wanted {
                return Err(format!("decided {decision:?}, the reference {wanted:?}"));
            }
            let reach = &mut *reach.borrow_mut();
            explained(world, wanted, reach)?;
            *reach.entry(Reached::Decision(decision)).or_default() += 1;
            Ok(())
        });
        reach.into_inner()
    }

    fn run(theme: Theme, share: u32, check: impl Fn(&World) -> Result<(), String>) {
        let total = std::env::var("LOCUM_DIFFERENTIAL_CASES").map_or(CASES, |n| n.parse().unwrap());
        let config = Config {
            cases: (total / 100 * share).max(1),
            failure_persistence: None,
            max_shrink_iters: 20_000,
            ..Config::default()
        };
        let bytes = prop::collection::vec(any::<u8>(), 160..320);
        let outcome = TestRunner::new(config).run(&bytes, |bytes| {
            check(&world(theme, &bytes)).map_err(TestCaseError::fail)
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(why, bytes)) => {
                let world = world(theme, &bytes);
                let file = world.to_file(reference::decide(&world));
                panic!("{theme:?}: {why}\n{file}\n{}", world.explain());
            }
            Err(error) => panic!("{theme:?}: {error}"),
        }
    }

    /// The explanation decides the same, its layers are those that take part, and each statement
    /// matches, or fails on an element, as the reference says.
    fn explained(world: &World, wanted: Decision, reach: &mut Reach) -> Result<(), String> {
        let explanation = world.explain();
        if explanation.decision != wanted {
            return Err(format!("explained as {:?}", explanation.decision));
        }
        let stages = reference::stages(world);
        if stages.len() != explanation.layers.len() {
            return Err(format!(
                "{} layers, not {}",
                explanation.layers.len(),
                stages.len()
            ));
        }
        for (stage, layer) in stages.iter().zip(&explanation.layers) {
            if (stage.layer, stage.level) != (layer.layer, layer.level) {
                return Err(format!(
                    "{:?} in the place of {:?}",
                    layer.layer, stage.layer
                ));
            }
            let statements = stage.policies.iter().flat_map(|policy| {
                reference::list(&policy["Statement"])
                    .into_iter()
                    .map(move |s| (*policy, s))
            });
            let (mut allowed, mut denied, mut count) = (false, false, 0);
            for ((policy, statement), report) in statements.zip(&layer.statements) {
                count += 1;
                let verdict = reference::verdict(world, policy, statement, stage.layer);
                if !fits(&verdict, report.mismatch.as_ref(), statement) {
                    return Err(format!("{:?} {count}: {:?}", stage.layer, report.mismatch));
                }
                let effect = if statement["Effect"] == "Deny" {
                    Effect::Deny
                } else {
                    Effect::Allow
                };
                if report.effect != effect {
                    return Err(format!("{:?} {count}: {:?}", stage.layer, report.effect));
                }
                denied |= verdict.matches() && effect == Effect::Deny;
                allowed |= verdict.matches() && effect == Effect::Allow;
                note(world, statement, stage.layer, &verdict, reach);
            }
            if count != layer.statements.len() {
                return Err(format!("{:?}: {count} statements", stage.layer));
            }
            let fits = match layer.answer {
                LayerAnswer::ExplicitDeny => denied,
                LayerAnswer::Allow => allowed && !denied,
                LayerAnswer::NoAllow
                | LayerAnswer::WaivedForRoot
                | LayerAnswer::WaivedByResource => !allowed && !denied,
            };
            if !fits {
                return Err(format!("{:?} answers {:?}", stage.layer, layer.answer));
            }
        }
        borne_out(&explanation)
    }

    /// Whether a reported mismatch is one.
    fn fits(verdict: &reference::Verdict, mismatch: Option<&Mismatch>, statement: &Json) -> bool {
        match mismatch {
            None => verdict.matches(),
            Some(Mismatch::Element { element, .. }) => {
                let failed = match element {
                    ElementName::Action | ElementName::NotAction => !verdict.action,
                    ElementName::Resource | ElementName::NotResource => !verdict.resource,
                    ElementName::Principal | ElementName::NotPrincipal => !verdict.principal,
                };
                failed && statement.get(element.as_str()).is_some()
            }
            Some(Mismatch::Condition { operator, key, .. }) => verdict
                .conditions
                .iter()
                .any(|(o, k, holds)| o == operator && k == key && !holds),
        }
    }

    /// The layers' answers lead to the decision.
    fn borne_out(explanation: &Explanation) -> Result<(), String> {
        let denies = |layer: &&locum_policy::LayerReport| layer.answer == LayerAnswer::ExplicitDeny;
        let first = explanation.layers.iter().find(denies).map(|l| l.layer);
        let denial = match explanation.decision {
            Decision::Denied(denial) => Some(denial),
            Decision::Allowed => None,
        };
        let explicit = denial.filter(|d| d.explicit).map(|d| d.layer);
        if first != explicit {
            return Err(format!("{first:?} denies first, not {explicit:?}"));
        }
        let missing = denial.filter(|d| !d.explicit).map(|d| d.layer);
        let lacks = |layer| {
            let mut of_layer = explanation
                .layers
                .iter()
                .filter(|l| l.layer == layer)
                .peekable();
            of_layer.peek().is_none() || of_layer.any(|l| l.answer == LayerAnswer::NoAllow)
        };
        if missing.is_some_and(|layer| !lacks(layer)) {
            return Err(format!("{missing:?} does not lack an allow"));
        }
        Ok(())
    }

    fn note(
        world: &World,
        statement: &Json,
        layer: Layer,
        verdict: &reference::Verdict,
        reach: &mut Reach,
    ) {
        let mut count = |what| *reach.entry(what).or_default() += 1;
        for (operator, _, holds) in &verdict.conditions {
            count(Reached::Condition(operator.clone(), *holds));
        }
        for (element, matches) in [
            (ElementName::Action, verdict.action),
            (ElementName::NotAction, verdict.action),
            (ElementName::Resource, verdict.resource),
            (ElementName::NotResource, verdict.resource),
            (ElementName::Principal, verdict.principal),
            (ElementName::NotPrincipal, verdict.principal),
        ] {
            if statement.get(element.as_str()).is_some() {
                count(Reached::Element(element, matches));
            }
        }
        if matches!(layer, Layer::Resource | Layer::Trust) {
            let kind = kind(&world.caller);
            if let Some(element) = statement.get("Principal") {
                for form in reference::forms_of(element, world) {
                    count(Reached::Named(form, kind));
                }
            } else if !verdict.principal {
                count(Reached::Spared(kind));
            }
        }
    }

    fn kind(caller: &Caller) -> &'static str {
        match caller {
            Caller::Anonymous => "anonymous",
            Caller::Root { .. } => "root",
            Caller::User { .. } => "user",
            Caller::FederatedUser { user: None, .. } => "federated by root",
            Caller::FederatedUser { .. } => "federated",
            Caller::AssumedRole { .. } => "role",
            Caller::Service { .. } => "service",
            Caller::Federated { .. } => "provider",
        }
    }

    /// Asserts that each of a list was reached so many times.
    #[track_caller]
    fn assert_reached(reach: &Reach, least: u32, wanted: impl IntoIterator<Item = Reached>) {
        let mut short = Vec::new();
        for what in wanted {
            let count = reach.get(&what).copied().unwrap_or(0);
            if count < least {
                short.push(format!("{what:?}: {count}"));
            }
        }
        // A run of fewer cases than the usual number reaches less.
        if std::env::var("LOCUM_DIFFERENTIAL_CASES").is_err() {
            assert!(
                short.is_empty(),
                "fewer than {least}:\n{}",
                short.join("\n")
            );
        }
    }

    fn denials(layers: &[Layer]) -> impl Iterator<Item = Reached> {
        layers.iter().flat_map(|layer| {
            [true, false].map(|explicit| {
                let layer = *layer;
                Reached::Decision(Decision::Denied(Denial { explicit, layer }))
            })
        })
    }

    const ALLOWED: Reached = Reached::Decision(Decision::Allowed);

    #[test]
    fn whole_decisions() {
        let reach = agree(Theme::Layers, LAYERS);
        let layers = [
            Layer::Identity,
            Layer::Resource,
            Layer::Boundary,
            Layer::Session,
            Layer::ServiceControl,
        ];
        assert_reached(&reach, 300, denials(&layers));
        assert_reached(&reach, 2_000, [ALLOWED]);
    }

    #[test]
    fn whole_decisions_across_accounts() {
        let reach = agree(Theme::Across, ACROSS);
        let layers = [
            Layer::Identity,
            Layer::Resource,
            Layer::Boundary,
            Layer::Session,
        ];
        assert_reached(&reach, 50, denials(&layers));
        assert_reached(&reach, 300, [ALLOWED]);
    }

    #[test]
    fn whole_decisions_about_assuming_roles() {
        let reach = agree(Theme::Trust, TRUST);
        let layers = [
            Layer::Trust,
            Layer::Identity,
            Layer::Boundary,
            Layer::Session,
        ];
        assert_reached(&reach, 50, denials(&layers));
        assert_reached(&reach, 300, [ALLOWED]);
    }

    #[test]
    fn control_policies() {
        let reach = agree(Theme::Organization, ORGANIZATION);
        assert_reached(&reach, 500, denials(&[Layer::ServiceControl]));
        let (explicit, layer) = (true, Layer::ResourceControl);
        let denial = Decision::Denied(Denial { explicit, layer });
        assert_reached(&reach, 500, [ALLOWED, Reached::Decision(denial)]);
    }

    #[test]
    fn principals() {
        let reach = agree(Theme::Principals, PRINCIPALS);
        assert_reached(&reach, 500, [ALLOWED]);
        let callers = [
            ("root", &[Form::Account, Form::Everyone][..]),
            ("user", &[Form::Account, Form::UserOrRole, Form::Everyone]),
            (
                "federated",
                &[
                    Form::Account,
                    Form::UserOrRole,
                    Form::Session,
                    Form::Everyone,
                ],
            ),
            (
                "federated by root",
                &[Form::Account, Form::Session, Form::Everyone],
            ),
            (
                "role",
                &[
                    Form::Account,
                    Form::UserOrRole,
                    Form::Session,
                    Form::Everyone,
                ],
            ),
            ("anonymous", &[Form::Everyone]),
            ("service", &[Form::Other, Form::Everyone]),
            ("provider", &[Form::Other]),
        ];
        let named = callers
            .iter()
            .flat_map(|(kind, forms)| forms.iter().map(|form| Reached::Named(*form, kind)));
        assert_reached(&reach, 10, named);
        let spared = callers.iter().map(|(kind, _)| Reached::Spared(kind));
        assert_reached(
            &reach,
            20,
            spared.filter(|s| *s != Reached::Spared("anonymous")),
        );
        let both = [true, false].map(|hit| Reached::Element(ElementName::NotPrincipal, hit));
        assert_reached(&reach, 300, both);
    }

    #[test]
    fn conditions() {
        let reach = agree(Theme::Conditions, CONDITIONS);
        let mut wanted = vec![
            Reached::Condition("Null".to_owned(), true),
            Reached::Condition("Null".to_owned(), false),
        ];
        for operator in OPERATORS {
            for set in ["", "ForAllValues:", "ForAnyValue:"] {
                for suffix in ["", "IfExists"] {
                    for holds in [true, false] {
                        wanted.push(Reached::Condition(
                            format!("{set}{operator}{suffix}"),
                            holds,
                        ));
                    }
                }
            }
        }
        assert_eq!(wanted.len(), 2 + 26 * 3 * 2 * 2);
        assert_reached(&reach, 12, wanted);
    }

    /// Every operator but Null.
    const OPERATORS: [&str; 26] = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnEquals",
        "ArnLike",
        "ArnNotEquals",
        "ArnNotLike",
    ];

    #[test]
    fn actions_and_resources() {
        let reach = agree(Theme::Matching, MATCHING);
        let elements = [
            ElementName::Action,
            ElementName::NotAction,
            ElementName::Resource,
            ElementName::NotResource,
        ];
        let wanted = elements
            .iter()
            .flat_map(|element| [true, false].map(|matches| Reached::Element(*element, matches)));
        assert_reached(&reach, 300, wanted);
    }

    /// A case file says all that a case is: read back, it is decided alike.
    #[test]
    fn case_files() {
        for theme in [
            Theme::Layers,
            Theme::Trust,
            Theme::Organization,
            Theme::Conditions,
        ] {
            run(theme, FILES, |world| {
                // Cases are of sessions by AWS's rule.
                if world.session_binds {
                    return Ok(());
                }
                let wanted = reference::decide(world);
                let file = world.to_file(wanted);
                let read = Case::read_all(&file).map_err(|e| e.to_string())?;
                let [case] = <[_; 1]>::try_from(read).map_err(|_| "not one case")?;
                let outcome = case.map_err(|e| e.to_string())?.run();
                if outcome.passed && outcome.decision == wanted {
                    Ok(())
                } else {
                    Err(format!("read back as {outcome}"))
                }
            });
        }
    }
}
