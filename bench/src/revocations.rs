//! What a request costs while sessions are revoked, beside the same request while none is.

use crate::figures::{Figure, Report};
use crate::timing::pair;
use crate::{Effort, Outcome};
use locum_bench::realm::Revoked;

/// More sessions than are kept at hand: each is opened and compared anew.
const MANY: usize = 16 * 1024;

/// Measures all of it and adds it to the report.
///
/// # Errors
/// When a realm cannot be made, or a request does not go as it must.
pub(crate) fn measure(effort: Effort, report: &mut Report) -> Outcome {
    report.section("A session's request with live revocations", "none");
    for (name, sessions) in [("at_hand", 1), ("opened_anew", MANY)] {
        let mut none = Revoked::new(0, sessions)?;
        for live in [10, 10_000] {
            let mut some = Revoked::new(live, sessions)?;
            if !some.request() || !none.request() {
                return Err("a request beside revocations fails".into());
            }
            let (ours, peer) = pair(
                effort,
                || some.request(),
                || {
                    std::hint::black_box(none.request());
                },
            );
            let name = format!("revocations.{name}.{live}");
            report.add(Figure::less_is_better(name, ours, "ns", peer));
        }
    }
    Ok(())
}
