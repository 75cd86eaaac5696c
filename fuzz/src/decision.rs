//! Whole decisions, against the slow and obvious evaluator: the bytes are the chance that the
//! differential test's generators draw from.

use crate::support::generate::{Theme, world};
use crate::support::reference;

const THEMES: [Theme; 7] = [
    Theme::Layers,
    Theme::Across,
    Theme::Trust,
    Theme::Organization,
    Theme::Principals,
    Theme::Conditions,
    Theme::Matching,
];

/// A byte for the theme, and what the case is drawn from.
pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let world = world(THEMES[usize::from(*first) % THEMES.len()], rest);
    let wanted = reference::decide(&world);
    let file = || world.to_file(wanted);
    assert_eq!(world.decide(), wanted, "{}", file());
    assert_eq!(world.explain().decision, wanted, "{}", file());
}
