//! What logins by the word of identity providers cost, beside AssumeRole.

use crate::figures::{Figure, Report};
use crate::timing::pair;
use crate::{Effort, Outcome};
use locum_bench::realm::Federated;
use std::hint::black_box;

/// Measures all of it and adds it to the report.
///
/// # Errors
/// When a realm cannot be made, or a login does not go as it must.
pub(crate) fn measure(effort: Effort, report: &mut Report) -> Outcome {
    let federated = Federated::new()?;
    let works = federated.assume_role() && federated.web_identity() && federated.saml();
    if !works || !federated.verify_signature() {
        return Err("a login fails".into());
    }
    // A request of AssumeRole has a signature of its own to verify, which no federated one has.
    let baseline = || {
        black_box(federated.assume_role());
        black_box(federated.verify_signature());
    };
    report.section(
        "Logins, beside AssumeRole and verifying one signature",
        "both",
    );
    let (ours, peer) = pair(effort, || federated.web_identity(), baseline);
    let name = "federation.web_identity";
    report.add(Figure::less_is_better(name, ours, "ns", peer));
    let (ours, peer) = pair(effort, || federated.saml(), baseline);
    let name = format!("federation.saml.{}_bytes", federated.response_bytes());
    report.add(Figure::less_is_better(name, ours, "ns", peer));
    report.section("A login while the provider's keys hang", "they do not");
    let (_, at_rest) = pair(
        effort,
        || true,
        || {
            black_box(federated.web_identity());
        },
    );
    let mut waited = false;
    let hanging = federated.while_keys_hang(|| {
        let login = || {
            let came = federated.web_identity();
            waited |= !came;
            came
        };
        pair(effort, login, || {})
    });
    let (hanging, _) = hanging?;
    if waited {
        return Err("a login waited for keys that it did not need".into());
    }
    let name = "federation.web_identity.keys_hang";
    report.add(Figure::less_is_better(name, hanging, "ns", at_rest));
    Ok(())
}
