//! Whether sessions leave anything behind in the server that issued them: what AssumeRole costs, and
//! what the process holds in memory, after the first sessions and after the last of many.

use crate::client::Keys;
use crate::cores::Cores;
use crate::figures::{Figure, Report};
use crate::load::{Load, Work};
use crate::process::{Process, State};
use crate::requests::{ASSUME_ROLE, principals};
use crate::{Effort, Outcome};
use std::path::Path;
use std::time::Duration;

const CONNECTIONS: usize = 16;

/// Issues 100,000 sessions, a million if there is time for it, and adds what the last tenth cost to
/// the report, beside the first.
///
/// # Errors
/// When the server does not start, or any answer is other than 200.
pub(crate) fn measure(
    program: &Path,
    cores: &Cores,
    effort: Effort,
    report: &mut Report,
) -> Outcome {
    let sessions = if effort.long { 1_000_000 } else { 100_000 };
    let runtime = cores.generator()?;
    let root = Keys::root();
    let server = cores.as_server(|| Process::locum(program, &State::Ephemeral, &root))?;
    let user = runtime.block_on(principals(server.address, &root))?;
    let request = ASSUME_ROLE.bytes(server.address, &user)?;
    let work = Work::Repeat(request.into(), effort.round);
    let (first, last) = runtime.block_on(async {
        let mut load = Load::open(server.address, CONNECTIONS).await?;
        let first = Tenth::issue(&server, &mut load, &work, sessions / 10).await?;
        Tenth::issue(&server, &mut load, &work, sessions / 10 * 8).await?;
        let last = Tenth::issue(&server, &mut load, &work, sessions / 10).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((first, last))
    })?;
    report.section(
        &format!("The last tenth of {sessions} sessions"),
        "the first tenth",
    );
    for (figure, unit, ours, peer) in [
        ("cpu", "us", last.cpu_per_session, first.cpu_per_session),
        ("memory", "KiB", last.resident, first.resident),
    ] {
        let name = format!("minted.{sessions}.{figure}");
        report.add(Figure::less_is_better(name, ours, unit, peer));
    }
    Ok(())
}

/// What a number of sessions cost.
struct Tenth {
    cpu_per_session: f64,
    /// Afterwards, in kibibytes.
    resident: f64,
}

impl Tenth {
    async fn issue(
        server: &Process,
        load: &mut Load,
        work: &Work,
        sessions: usize,
    ) -> Outcome<Self> {
        let before = server.cpu()?;
        let mut issued = 0;
        while issued < sessions {
            issued += load.round(work).await?.latencies.len();
        }
        let cpu: Duration = server.cpu()?.saturating_sub(before);
        Ok(Self {
            cpu_per_session: cpu.as_secs_f64() * 1e6 / issued as f64,
            resident: server.resident()? as f64,
        })
    }
}
