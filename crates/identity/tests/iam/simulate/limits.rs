//! Pages, and what one page may cost.

use super::{Simulation, custom, entry, getting, list, one, policy, refused, statement, when};
use crate::common::{World, n};
use locum_identity::iam::simulate::{Marker, SimulateCustomPolicy, SimulationPage};

const TOO_LARGE: &str = "The simulation is too large. Reduce the number of resources, the size of the policies or the size of the context values.";

fn names(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("s3:Action{number}"))
        .collect()
}

fn page(simulation: Simulation) -> SimulationPage {
    World::new().root(custom(simulation)).unwrap()
}

fn actions(page: &SimulationPage) -> Vec<&str> {
    page.results
        .iter()
        .map(|result| result.action.as_str())
        .collect()
}

#[test]
fn pages_of_actions() {
    let names = names(201);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let simulate = |marker: Option<usize>, max_items: Option<usize>| {
        page(Simulation {
            actions: list(&all),
            marker: marker.map(Marker::Behind),
            max_items,
            ..getting(&[&one("Allow", "*", "*")])
        })
    };
    let first = simulate(None, None);
    assert_eq!(
        (actions(&first), first.next),
        (all[..100].to_vec(), Some(100))
    );
    let second = simulate(first.next, Some(101));
    assert_eq!((actions(&second), second.next), (all[100..].to_vec(), None));
    let some = simulate(Some(199), Some(1));
    assert_eq!(
        (actions(&some), some.next),
        (all[199..200].to_vec(), Some(200))
    );
    // A marker of a longer list.
    let beyond = simulate(Some(500), None);
    assert_eq!((actions(&beyond), beyond.next), (Vec::new(), None));
    let beyond = simulate(Some(usize::MAX), Some(1000));
    assert_eq!((actions(&beyond), beyond.next), (Vec::new(), None));
}

/// Statements enough that few decisions fill a page.
fn large() -> String {
    let many: Vec<_> = (0..1500)
        .map(|number| statement("Allow", "s3:*", "*", &format!(r#","Sid":"S{number}""#)))
        .collect();
    policy(&many.join(","))
}

#[test]
fn a_page_is_shorter_where_it_costs_more() {
    let names = names(100);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let document = large();
    let simulate = |marker| {
        page(Simulation {
            actions: list(&all),
            marker,
            ..getting(&[&document])
        })
    };
    let mut seen = 0;
    let mut marker = None;
    loop {
        let page = simulate(marker);
        let length = page.results.len();
        assert!((1..50).contains(&length), "{length}");
        assert_eq!(actions(&page), all[seen..seen + length]);
        assert_eq!(page.results[0].matched.len(), 1500);
        seen += length;
        match page.next {
            Some(next) => {
                assert_eq!(next, seen);
                marker = Some(Marker::Behind(next));
            }
            None => break,
        }
    }
    assert_eq!(seen, 100);
}

#[test]
fn one_action_may_not_cost_more_than_a_page() {
    let resources: Vec<_> = (0..1000)
        .map(|number| format!("arn:aws:s3:::b/{number}"))
        .collect();
    let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
    let on_all = |policy: &str| Simulation {
        resources: list(&resources),
        ..getting(&[policy])
    };
    refused(on_all(&large()), TOO_LARGE);
    assert_eq!(
        page(on_all(&one("Allow", "*", "*"))).results[0]
            .resources
            .len(),
        1000
    );
}

#[test]
fn long_texts_count_for_more() {
    // Patterns that are looked for at every place of the text.
    let patterns = vec![r#""*x*""#; 20_000].join(",");
    let document = when(&format!(r#""StringLike":{{"my:key":[{patterns}]}}"#));
    let given = |length: usize, count: usize| {
        let value = "y".repeat(length);
        Simulation {
            context: vec![entry("my:key", "stringList", &vec![value.as_str(); count])],
            ..getting(&[&document])
        }
    };
    assert_eq!(page(given(2048, 10)).results.len(), 1);
    refused(given(2048, 100), TOO_LARGE);
}

/// However short: each of many is compared with each of many.
#[test]
fn many_short_texts_count_too() {
    let values = vec![r#""É""#; 20_000].join(",");
    let document = when(&format!(
        r#""ForAnyValue:StringEqualsIgnoreCase":{{"my:key":[{values}]}}"#
    ));
    let names = names(100);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let given = |count: usize| Simulation {
        actions: list(&all),
        context: vec![entry("my:key", "stringList", &vec!["ÈÈ"; count])],
        ..getting(&[&document])
    };
    assert_eq!(page(given(1)).results.len(), 100);
    assert_eq!(page(given(100)).results.len(), 3);
    refused(given(400), TOO_LARGE);
}

/// Each resource's result lists them.
#[test]
fn missing_keys_are_paid_for_in_each_result() {
    let keys: Vec<_> = (0..10_000).map(|n| format!(r#""a:{n}":"""#)).collect();
    let document = when(&format!(r#""StringEquals":{{{}}}"#, keys.join(",")));
    let resources: Vec<_> = (0..200).map(|n| format!("arn:aws:s3:::b/{n}")).collect();
    let on = |count: usize| Simulation {
        resources: list(
            &resources[..count]
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        ),
        ..getting(&[&document])
    };
    let few = page(on(20));
    assert_eq!(few.results[0].resources[19].missing.len(), 10_000);
    refused(on(200), TOO_LARGE);
}

#[test]
fn variables_do_not_multiply_without_end() {
    let document = |slots: usize| {
        let value = "${my:key}".repeat(slots);
        when(&format!(r#""StringEquals":{{"a:key":"{value}"}}"#))
    };
    let names = names(100);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let given = |slots: usize| Simulation {
        actions: list(&all),
        context: vec![
            entry("my:key", "string", &[&"y".repeat(2048)]),
            entry("a:key", "string", &["y"]),
        ],
        ..getting(&[&document(slots)])
    };
    // What they stand for is paid for, and one text may not become too long.
    assert_eq!(page(given(512)).results.len(), 7);
    refused(given(513), TOO_LARGE);
    let long = format!("arn:aws:iam::123456789012:user/{}", "y".repeat(2000));
    let caller = Simulation {
        caller: Some(n(&long)),
        ..getting(&[&document(600).replace("my:key", "aws:PrincipalArn")])
    };
    refused(caller, TOO_LARGE);
}

#[test]
fn the_levels_of_an_organization_are_paid_for() {
    let names = names(100);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let document = large();
    let simulation = Simulation {
        actions: list(&all),
        ..getting(&[])
    };
    let operation = SimulateCustomPolicy {
        organization_policies: vec![list(&[&document]), list(&[&document])],
        simulation,
    };
    let page = World::new().root(operation).unwrap();
    assert_eq!(page.results.len(), 19);
}
