//! The crates import one another only as the design's table allows, and the arrows point down.

use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::process::Command;

/// The design's table: each crate, and which of ours its normal dependencies may name.
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("locum-policy", &[]),
    ("locum-sigv4", &[]),
    ("locum-federation", &[]),
    (
        "locum-identity",
        &["locum-federation", "locum-policy", "locum-sigv4"],
    ),
    ("locum-store", &["locum-identity"]),
    ("locum-wire", &["locum-identity"]),
    (
        "locum-s3",
        &["locum-identity", "locum-policy", "locum-sigv4"],
    ),
    (
        "locum",
        &[
            "locum-federation",
            "locum-identity",
            "locum-policy",
            "locum-s3",
            "locum-sigv4",
            "locum-store",
            "locum-wire",
        ],
    ),
];

/// Programs beside the product: no crate may import them, whatever they import themselves.
const BESIDE: [&str; 3] = ["locum-bench", "locum-fuzz", "xtask"];

#[test]
fn edges_are_those_of_the_table() -> Result<(), Box<dyn Error>> {
    let mut edges = workspace_edges()?;
    for program in BESIDE {
        assert!(edges.remove(program).is_some(), "there is no `{program}`");
    }
    // It measures what it likes; that no row of the table names it keeps it out of the product.
    let table: BTreeMap<String, Vec<String>> = MAY_IMPORT
        .iter()
        .map(|(name, may)| {
            (
                (*name).to_owned(),
                may.iter().map(|name| (*name).to_owned()).collect(),
            )
        })
        .collect();
    assert_eq!(
        edges.keys().collect::<Vec<_>>(),
        table.keys().collect::<Vec<_>>(),
        "the crates of the table"
    );
    for (name, imports) in &edges {
        let may = table.get(name).ok_or("a crate without a row")?;
        for import in imports {
            assert!(
                may.contains(import),
                "{name} imports {import}; the table lets it import {may:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_inner_crates_know_no_network_and_no_database() -> Result<(), Box<dyn Error>> {
    const OUTER: [&str; 7] = [
        "axum",
        "hyper",
        "hyper-util",
        "rusqlite",
        "rustls",
        "s3s",
        "tokio-rustls",
    ];
    let packages = packages()?;
    for (name, banned) in [
        ("locum-policy", &["tokio"][..]),
        ("locum-sigv4", &["tokio"]),
        ("locum-identity", &[]),
    ] {
        let package = packages
            .iter()
            .find(|package| package["name"] == name)
            .ok_or(name)?;
        for dependency in normal_dependencies(package) {
            let outer = OUTER.iter().chain(banned).any(|outer| *outer == dependency);
            assert!(!outer, "{name} depends on {dependency}");
        }
    }
    Ok(())
}

/// Each package of the workspace and the packages of the workspace it normally depends on.
fn workspace_edges() -> Result<BTreeMap<String, Vec<String>>, Box<dyn Error>> {
    let packages = packages()?;
    let name_of = |package: &Value| package["name"].as_str().map(str::to_owned);
    let ours: Vec<String> = packages.iter().filter_map(name_of).collect();
    packages
        .iter()
        .map(|package| {
            let name = name_of(package).ok_or("a package without a name")?;
            let mut imports = normal_dependencies(package);
            imports.retain(|import| ours.contains(import));
            imports.sort();
            Ok((name, imports))
        })
        .collect()
}

fn normal_dependencies(package: &Value) -> Vec<String> {
    let all = package["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
    normal
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect()
}

fn packages() -> Result<Vec<Value>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--locked",
            "--offline",
            "--no-deps",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    Ok(packages.cloned().ok_or("no packages")?)
}
