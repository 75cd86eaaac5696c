//! The policy engine: decisions beside what could be written by hand and beside Cedar, how they
//! grow with what is attached and with what is held, compiling, and memory.

#[cfg(feature = "cedar")]
mod cedar;
mod hand;

use crate::figures::{Figure, Report};
use crate::timing::{pair, time};
use crate::{Effort, Outcome};
use hand::{Asked, Scan};
use locum_bench::counted;
use locum_bench::policies::{Attached, Case, Services, attached, compile, policy_of_size};
use locum_bench::realm::{Held, facts, reads};
use locum_identity::caller::Caller;
use locum_identity::names::AccountId;
use locum_policy::{Compiled, Decision, Policies, decide};
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;

/// Measures all of it and adds it to the report.
///
/// # Errors
/// When a decision is other than it must be, or the program that counts allocations fails.
pub(crate) fn measure(effort: Effort, report: &mut Report) -> Outcome {
    decisions(effort, report)?;
    growth(effort, report)?;
    compiling(effort, report)?;
    memory(report)?;
    held(effort, report)
}

/// The sets of policies that one decision is measured on.
fn sets() -> [(&'static str, Attached); 3] {
    [
        ("3x10", Attached::new(3, 10, Services::Same)),
        ("10x50", Attached::new(10, 50, Services::Same)),
        ("10x50_mixed", Attached::new(10, 50, Services::Mixed)),
    ]
}

/// Decides, and tells whether the answer is the right one.
fn decides(case: Case, policies: &Policies<'_>) -> bool {
    let decision = decide(black_box(&case.request()), black_box(policies));
    (decision == Decision::Allowed) == (case == Case::Allowed)
}

fn check(case: Case, policies: &Policies<'_>) -> Outcome {
    if decides(case, policies) {
        Ok(())
    } else {
        Err(format!("the answer should be: {}", case.name()).into())
    }
}

/// One decision, beside the hand-written scan and index and beside Cedar.
fn decisions(effort: Effort, report: &mut Report) -> Outcome {
    let sets: Vec<(&str, Attached, Vec<Arc<Compiled>>)> = sets()
        .into_iter()
        .map(|(name, set)| {
            let compiled = set.compiled()?;
            Ok((name, set, compiled))
        })
        .collect::<Outcome<_>>()?;
    report.section("One decision", "scan by hand");
    for (name, set, compiled) in &sets {
        let scan = Scan::new(set);
        for case in Case::ALL {
            let policies = attached(compiled);
            check(case, &policies)?;
            let asked = Asked::new(case);
            report.add(time(
                &format!("decide.{name}.{}", case.name()),
                effort,
                || decides(case, &policies),
                || {
                    black_box(scan.decides(black_box(&asked)));
                },
            ));
        }
    }
    report.section("One decision", "index by hand");
    for (name, set, compiled) in &sets {
        let scan = Scan::new(set);
        let index = scan.index();
        for case in Case::ALL {
            let policies = attached(compiled);
            let asked = Asked::new(case);
            report.add(time(
                &format!("decide.{name}.{}.index", case.name()),
                effort,
                || decides(case, &policies),
                || {
                    black_box(index.decides(black_box(&asked)));
                },
            ));
        }
    }
    #[cfg(feature = "cedar")]
    {
        report.section("One decision", "Cedar");
        for (name, set, compiled) in &sets {
            for case in Case::ALL {
                let policies = attached(compiled);
                let peer = cedar::Peer::new(set, case)?;
                if peer.decides() != (case == Case::Allowed) {
                    return Err(format!("Cedar should answer: {}", case.name()).into());
                }
                report.add(time(
                    &format!("decide.{name}.{}.cedar", case.name()),
                    effort,
                    || decides(case, &policies),
                    || {
                        black_box(peer.decides());
                    },
                ));
            }
        }
    }
    Ok(())
}

/// A decision as more and more statements are attached.
fn growth(effort: Effort, report: &mut Report) -> Outcome {
    for (name, services) in [("same", Services::Same), ("mixed", Services::Mixed)] {
        let title = match services {
            Services::Same => "Statements attached, all of the action asked for",
            Services::Mixed => "Statements attached, one in ten of the service asked for",
        };
        report.section(title, "scan by hand");
        for count in [1, 10, 100, 1000] {
            let set = Attached::of_statements(count, services);
            let compiled = set.compiled()?;
            let policies = attached(&compiled);
            let scan = Scan::new(&set);
            for (case, place) in [(Case::Allowed, "last"), (Case::ImplicitDeny, "none")] {
                check(case, &policies)?;
                let asked = Asked::new(case);
                report.add(time(
                    &format!("growth.{name}.{place}.{count}"),
                    effort,
                    || decides(case, &policies),
                    || {
                        black_box(scan.decides(black_box(&asked)));
                    },
                ));
            }
        }
    }
    Ok(())
}

/// Policy text per second, beside reading the same text as plain JSON.
fn compiling(effort: Effort, report: &mut Report) -> Outcome {
    report.section("Parse and compile", "serde_json");
    let aws: Vec<String> = locum_identity::aws_managed::builtin()
        .policies()
        .map(|policy| policy.document.to_string())
        .collect();
    for (name, texts) in [
        ("1k", vec![policy_of_size(1024)]),
        ("6k", vec![policy_of_size(6144)]),
        ("aws_managed", aws),
    ] {
        for text in &texts {
            compile(text)?;
        }
        let size: usize = texts.iter().map(String::len).sum();
        let (ours, peer) = pair(
            effort,
            || texts.iter().all(|text| compile(black_box(text)).is_ok()),
            || {
                for text in &texts {
                    let json = serde_json::from_str::<serde_json::Value>(black_box(text));
                    let _ = black_box(json);
                }
            },
        );
        // Bytes per nanosecond are thousands of megabytes per second.
        let speed = |nanoseconds: f64| size as f64 * 1000.0 / nanoseconds;
        report.add(Figure::more_is_better(
            format!("compile.{name}"),
            speed(ours),
            "MB/s",
            speed(peer),
        ));
    }
    Ok(())
}

/// What the program that counts allocations finds.
fn memory(report: &mut Report) -> Outcome {
    let program = std::env::current_exe()?.with_file_name("locum-bench-memory");
    let output = Command::new(&program)
        .output()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    for section in serde_json::from_slice::<Vec<counted::Section>>(&output.stdout)? {
        report.section(&section.title, &section.against);
        for counted::Figure {
            name,
            value,
            unit,
            against,
        } in section.figures
        {
            // The units are few, and live as long as the program.
            let unit = String::leak(unit);
            report.add(match against {
                Some(against) => Figure::less_is_better(name, value, unit, against),
                None => Figure::alone(name, value, unit),
            });
        }
    }
    Ok(())
}

/// How many sessions take turns: few enough for their policies to stay in the processor's caches.
const SESSIONS: usize = 64;

/// A decision of sessions of roles, and finding their roles, as more and more roles are held.
fn held(effort: Effort, report: &mut Report) -> Outcome {
    let sizes: &[usize] = if effort.long {
        &[1_000, 10_000, 100_000, 1_000_000]
    } else {
        &[1_000, 10_000, 100_000]
    };
    let realms: Vec<Held> = sizes
        .iter()
        .map(|roles| Held::new(*roles, SESSIONS))
        .collect::<Outcome<_>>()?;
    let Some(smallest) = realms.first() else {
        return Ok(());
    };
    let facts = facts();
    report.section(
        &format!("Roles held, {SESSIONS} sessions in turns"),
        "fewest held",
    );
    for realm in &realms {
        if !realm.callers().iter().all(|caller| reads(caller, &facts)) {
            return Err("every session should be allowed to read".into());
        }
        let [mut ours, mut peer] = [realm, smallest].map(|realm| realm.callers().iter().cycle());
        let next = |callers: &mut dyn Iterator<Item = &Caller>| {
            callers.next().is_some_and(|caller| reads(caller, &facts))
        };
        report.add(time(
            &format!("held.decide.{}", realm.roles),
            effort,
            || next(&mut ours),
            || {
                black_box(next(&mut peer));
            },
        ));
    }
    for realm in &realms {
        let [ours, peer] = [realm, smallest].map(Held::names);
        let (mut ours, mut peer) = (ours.iter().cycle(), peer.iter().cycle());
        let next = |realm: &Held, names: &mut dyn Iterator<Item = &(AccountId, String)>| {
            let next = names.next();
            next.is_some_and(|(account, name)| realm.finds(*account, name))
        };
        report.add(time(
            &format!("held.find.{}", realm.roles),
            effort,
            || next(realm, &mut ours),
            || {
                black_box(next(smallest, &mut peer));
            },
        ));
    }
    Ok(())
}
