//! Case files: whatever the text, it is read or refused, and what is read is decided as the slow and
//! obvious evaluator decides it.

use crate::is_fair;
use crate::support::{World, reference};
use locum_policy::case::Case;

/// A text, read as a case file.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // A string may stand anywhere, so each must be fair.
    if !text.split('"').all(is_fair) {
        return;
    }
    let Ok(cases) = Case::read_all(text) else {
        return;
    };
    for case in cases.into_iter().flatten() {
        let wanted = reference::answer(&World::of(&case));
        assert_eq!(case.run().decision, wanted, "{case:#?}");
    }
}
