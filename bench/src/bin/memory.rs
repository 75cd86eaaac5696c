//! `locum-bench-memory`: allocations of a decision, and memory of what is held.
//!
//! A program of its own, because the allocator that counts would slow down what `locum-bench`
//! times.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for another program: what it prints is its product"
)]

use allocation_counter::measure;
use locum_bench::Outcome;
use locum_bench::counted::{Figure, Section};
use locum_bench::policies::{Attached, Case, Services, attached, compile, policy_of_size};
use locum_bench::realm::{Held, facts, load, reads, records};
use locum_policy::decide;
use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let counted = || {
        let sections = [policies()?, realm()?, decisions()?];
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(serde_json::to_string(&sections)?)
    };
    match counted() {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Bytes that stay allocated for what `make` makes.
fn bytes<T>(make: impl FnOnce() -> Outcome<T>) -> Outcome<f64> {
    let mut made = None;
    let counted = measure(|| made = Some(make()));
    match made {
        Some(Ok(_)) => Ok(counted.bytes_current as f64),
        Some(Err(error)) => Err(error),
        None => Err("nothing was made".into()),
    }
}

fn figure(name: impl Into<String>, value: f64, unit: &str, against: Option<f64>) -> Figure {
    Figure {
        name: name.into(),
        value,
        unit: unit.to_owned(),
        against,
    }
}

/// Compiled policies, beside their texts.
fn policies() -> Outcome<Section> {
    let aws: Vec<String> = locum_identity::aws_managed::builtin()
        .policies()
        .map(|policy| policy.document.to_string())
        .collect();
    let mut figures = Vec::new();
    for (name, texts) in [
        ("1k", vec![policy_of_size(1024)]),
        ("6k", vec![policy_of_size(6144)]),
        ("aws_managed", aws),
        ("3x10", Attached::new(3, 10, Services::Same).texts()),
        (
            "10x50_mixed",
            Attached::new(10, 50, Services::Mixed).texts(),
        ),
    ] {
        let mut compiled = 0.0;
        for text in &texts {
            compiled += bytes(|| compile(text))?;
        }
        let size: usize = texts.iter().map(String::len).sum();
        figures.push(figure(
            format!("memory.compiled.{name}"),
            compiled,
            "bytes",
            Some(size as f64),
        ));
    }
    Ok(Section {
        title: "Memory of compiled policies".to_owned(),
        against: "their text".to_owned(),
        figures,
    })
}

/// What an account holds of a role and of a policy, beside their records in the store.
fn realm() -> Outcome<Section> {
    const COUNT: usize = 500;
    let empty = bytes(|| load(&records(0, 0, 0)?))?;
    let mut figures = Vec::new();
    for (name, roles, policies) in [("role", COUNT, 0), ("managed_policy", 0, COUNT)] {
        let records = records(0, roles, policies)?;
        let stored: usize = records.iter().map(|record| record.body.len()).sum();
        let held = bytes(|| load(&records))?;
        figures.push(figure(
            format!("memory.held.{name}"),
            (held - empty) / COUNT as f64,
            "bytes",
            Some(stored as f64 / COUNT as f64),
        ));
    }
    Ok(Section {
        title: "Memory of what a realm holds, each".to_owned(),
        against: "its record".to_owned(),
        figures,
    })
}

/// Allocations of one decision.
fn decisions() -> Outcome<Section> {
    let mut figures = Vec::new();
    for (name, set) in [
        ("3x10", Attached::new(3, 10, Services::Same)),
        ("10x50", Attached::new(10, 50, Services::Same)),
        ("10x50_mixed", Attached::new(10, 50, Services::Mixed)),
    ] {
        let compiled = set.compiled()?;
        for case in Case::ALL {
            let request = case.request();
            let policies = attached(&compiled);
            let counted = measure(|| {
                black_box(decide(&request, &policies));
            });
            figures.push(figure(
                format!("allocations.decide.{name}.{}", case.name()),
                counted.count_total as f64,
                "allocations",
                None,
            ));
        }
    }
    let held = Held::new(1, 1)?;
    let facts = facts();
    let session = held.callers().first().ok_or("no session")?;
    if !reads(session, &facts) {
        return Err("the session should be allowed to read".into());
    }
    let counted = measure(|| {
        black_box(reads(session, &facts));
    });
    figures.push(figure(
        "allocations.session",
        counted.count_total as f64,
        "allocations",
        None,
    ));
    Ok(Section {
        title: "Allocations of one decision".to_owned(),
        against: String::new(),
        figures,
    })
}
