//! The case files of `testdata/policies`: readable by any engine, run by this one and by the slow
//! reference evaluator.
//!
//! `README.md` beside them tells the members.

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use locum_policy::case::Case;
    use locum_policy::{Kind, Malformed, Policy};
    use serde_json::{Map, Value as Json};

    use crate::support::{World, reference};

    #[test]
    fn every_case_is_decided_as_expected() {
        let mut failures = Vec::new();
        let mut count = 0;
        for (file, case) in corpus() {
            count += 1;
            if case.rule.is_empty() {
                failures.push(format!("{file}: {} has no rule", case.name));
            }
            let outcome = case.run();
            if !outcome.passed {
                failures.push(format!("{file}: {outcome}"));
            }
        }
        assert!(
            failures.is_empty(),
            "{} of {count} cases fail:\n{}",
            failures.len(),
            failures.join("\n")
        );
        assert!(count >= 950, "only {count} cases were found");
    }

    /// `README.md` lists the sections of the rules: each has a case, and each case a section.
    #[test]
    fn every_rule_has_a_case() {
        let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
        let listed: BTreeSet<&str> = readme
            .lines()
            .filter_map(|line| Some(line.strip_prefix("| ")?.split_once(" |")?.0))
            .filter(|cell| cell.ends_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert!(listed.len() >= 38, "{listed:?}");
        let mut named = BTreeSet::new();
        for (file, case) in corpus() {
            let (sections, words) = case
                .rule
                .split_once(": ")
                .unwrap_or_else(|| panic!("{file}: {}: {}", case.name, case.rule));
            assert!(!words.is_empty(), "{file}: {}", case.name);
            for section in sections.split(", ") {
                let known = listed.get(section);
                named.insert(*known.unwrap_or_else(|| panic!("{file}: {}: {section}", case.name)));
            }
        }
        let without: Vec<_> = listed.difference(&named).collect();
        assert!(without.is_empty(), "no case names {without:?}");
    }

    #[test]
    fn the_readme_tells_every_member() {
        let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
        let told: BTreeSet<&str> = readme
            .lines()
            .filter_map(|line| Some(line.strip_prefix("| `")?.split_once(" |")?.0))
            .flat_map(|cell| cell.split("`, `"))
            .map(|name| name.trim_end_matches('`'))
            .collect();
        let mut read = Case::read_all(r#"[{"no": "member"}]"#).unwrap();
        let error = read.remove(0).unwrap_err().message;
        let (_, known) = error.split_once("a case has ").unwrap();
        assert_eq!(told, known.split(", ").collect());
    }

    /// The corpus judges the reference evaluator as well as the engine.
    #[test]
    fn the_reference_decides_every_case_alike() {
        for (file, case) in corpus() {
            let outcome = case.run();
            let wanted = reference::answer(&World::of(&case));
            assert_eq!(outcome.decision, wanted, "{file}: {outcome}");
        }
    }

    #[test]
    fn every_document_is_taken_or_refused_as_expected() {
        let mut failures = Vec::new();
        let mut count = 0;
        for file in files(&folder().join("documents")) {
            for case in cases(&file) {
                count += 1;
                let document = match &case["document"] {
                    Json::String(text) => text.clone(),
                    json => json.to_string(),
                };
                let kind = match text(&case, "kind") {
                    "identity" => Kind::Identity,
                    "trust" => Kind::Trust,
                    "resource" => Kind::Resource,
                    "session" => Kind::Session,
                    "service_control" => Kind::ServiceControl,
                    "resource_control" => Kind::ResourceControl,
                    other => panic!("no such kind: {other}"),
                };
                let seen = Policy::parse(&document, kind).map(|policy| {
                    assert_eq!(policy.text(), document);
                });
                let seen = seen
                    .as_ref()
                    .map_or_else(Malformed::to_string, |()| "accepted".to_owned());
                if seen != text(&case, "expect") {
                    let (name, wanted) = (text(&case, "name"), text(&case, "expect"));
                    failures.push(format!(
                        "{name}: expected {wanted:?}, got {seen:?} for {document}"
                    ));
                }
            }
        }
        assert!(
            failures.is_empty(),
            "{} of {count} fail:\n{}",
            failures.len(),
            failures.join("\n")
        );
        assert!(count >= 100, "only {count} documents were found");
    }

    /// Every case with the name of its file.
    fn corpus() -> Vec<(String, Case)> {
        let mut all = Vec::new();
        for path in files(&folder()) {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            for case in Case::read_all(&text).unwrap_or_else(|e| panic!("{file}: {e}")) {
                all.push((file.clone(), case.unwrap_or_else(|e| panic!("{file}: {e}"))));
            }
        }
        all
    }

    fn text<'a>(case: &'a Map<String, Json>, name: &str) -> &'a str {
        case.get(name)
            .and_then(Json::as_str)
            .unwrap_or_else(|| panic!("no {name} in {case:?}"))
    }

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/policies")
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        files.sort();
        files
    }

    fn cases(file: &Path) -> Vec<Map<String, Json>> {
        let text = std::fs::read_to_string(file).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }
}
