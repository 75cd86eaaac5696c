//! The case files of `testdata/policies`: readable by any engine, run by this one and by the slow
//! reference evaluator.
//!
//! A file is a list of cases; `README.md` beside them tells the members. What a principal's ARN alone
//! does not say (its unique id, the role of a session) has defaults, so that most cases stay short.

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use locum_policy::{Arn, Decision, Denial, Kind, Malformed, Policy, Value};
    use serde_json::{Map, Value as Json};

    use crate::support::{Caller, Facts, World, reference};

    #[test]
    fn every_case_is_decided_as_expected() {
        let mut failures = Vec::new();
        let mut count = 0;
        for file in files(&folder()) {
            let mut names = BTreeSet::new();
            for case in cases(&file) {
                count += 1;
                let name = text(&case, "name").to_owned();
                assert!(
                    names.insert(name.clone()),
                    "{}: {name} twice",
                    file.display()
                );
                assert!(
                    !text(&case, "rule").is_empty(),
                    "{}: {name} has no rule",
                    file.display()
                );
                if let Err(failure) = run(&case) {
                    failures.push(format!("{}: {name}: {failure}", file.display()));
                }
            }
        }
        assert!(
            failures.is_empty(),
            "{} of {count} cases fail:\n{}",
            failures.len(),
            failures.join("\n")
        );
        assert!(count >= 600, "only {count} cases were found");
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

    fn run(case: &Map<String, Json>) -> Result<(), String> {
        let world = world(case);
        let decision = world.decide();
        let outcome = match decision {
            Decision::Allowed => "allowed",
            Decision::Denied(Denial { explicit: true, .. }) => "explicit_deny",
            Decision::Denied(Denial {
                explicit: false, ..
            }) => "implicit_deny",
        };
        let wanted = text(case, "expect");
        if outcome != wanted {
            return Err(format!(
                "expected {wanted}, got {outcome}\n{}",
                world.explain()
            ));
        }
        if let (Some(because), Decision::Denied(denial)) = (case.get("because"), decision) {
            let reason = denial.reason(&world.action);
            if because != &reason {
                return Err(format!(
                    "expected {because}, got {reason:?}\n{}",
                    world.explain()
                ));
            }
        }
        if reference::decide(&world) != decision {
            return Err(format!(
                "the reference says {:?}",
                reference::decide(&world)
            ));
        }
        if world.explain().decision != decision {
            return Err("the explanation decides otherwise".to_owned());
        }
        Ok(())
    }

    fn world(case: &Map<String, Json>) -> World {
        const KNOWN: [&str; 16] = [
            "name",
            "rule",
            "principal",
            "principal_id",
            "principal_issuer",
            "principal_tags",
            "action",
            "resource",
            "resource_account",
            "context",
            "identity_policies",
            "resource_policy",
            "permissions_boundary",
            "session_policies",
            "expect",
            "because",
        ];
        for key in case.keys() {
            assert!(
                KNOWN.contains(&key.as_str()),
                "a member this test does not know: {key}"
            );
        }
        let documents = |name: &str| case.get(name).and_then(Json::as_array).cloned();
        let action = text(case, "action").to_owned();
        let resource = text(case, "resource").to_owned();
        let caller = caller(case, &action);
        let facts = facts(case, &caller);
        let policy = case.get("resource_policy").cloned();
        let assumes = action.starts_with("sts:") && resource.contains(":role/");
        let (attached, trust) = if assumes {
            (None, policy)
        } else {
            (policy, None)
        };
        World {
            caller,
            action,
            resource,
            resource_account: text(case, "resource_account").to_owned(),
            facts,
            identity: documents("identity_policies").unwrap_or_default(),
            boundary: case.get("permissions_boundary").cloned(),
            session: documents("session_policies"),
            attached,
            trust,
        }
    }

    fn caller(case: &Map<String, Json>, action: &str) -> Caller {
        let principal = text(case, "principal").to_owned();
        let issuer = case.get("principal_issuer").and_then(Json::as_str);
        let id = |default: &str| {
            case.get("principal_id")
                .and_then(Json::as_str)
                .unwrap_or(default)
                .to_owned()
        };
        if principal == "anonymous" {
            return Caller::Anonymous;
        }
        let Some(arn) = Arn::parse(&principal) else {
            if action.contains("With") {
                return Caller::Federated {
                    provider: principal,
                    account: "111122223333".to_owned(),
                };
            }
            return Caller::Service { name: principal };
        };
        let account = arn.account().to_owned();
        let mut parts = arn.resource().split('/');
        match (arn.service(), parts.next().unwrap_or_default()) {
            ("iam", "root") => Caller::Root { account },
            ("iam", "user") => Caller::User {
                account,
                arn: principal,
                id: id("AIDAEXAMPLEEXAMPLE001"),
            },
            ("iam", "saml-provider" | "oidc-provider") => Caller::Federated {
                provider: principal,
                account,
            },
            ("sts", "federated-user") => {
                let issuer = issuer.expect("principal_issuer of a federated user");
                let user = (!issuer.ends_with(":root"))
                    .then(|| (issuer.to_owned(), id("AIDAEXAMPLEEXAMPLE001")));
                Caller::FederatedUser {
                    account,
                    arn: principal,
                    user,
                }
            }
            ("sts", "assumed-role") => {
                let role = parts.next().expect("a role name");
                let name = parts.next().expect("a session name").to_owned();
                let default = format!("arn:aws:iam::{account}:role/{role}");
                Caller::AssumedRole {
                    account,
                    role: issuer.unwrap_or(&default).to_owned(),
                    id: id("AROAEXAMPLEEXAMPLE001"),
                    session: principal,
                    name,
                }
            }
            _ => panic!("no caller: {principal}"),
        }
    }

    /// The keys that follow from the principal, then those the case gives.
    fn facts(case: &Map<String, Json>, caller: &Caller) -> Facts {
        let mut facts = Facts::new();
        let mut put = |key: &str, value: &str| {
            facts.insert(key.to_owned(), Value::from(value.to_owned()));
        };
        match caller {
            Caller::Anonymous => {
                put("aws:principaltype", "Anonymous");
                put("aws:principalaccount", "anonymous");
                put("aws:userid", "anonymous");
            }
            Caller::Root { account } => {
                put("aws:principaltype", "Account");
                put("aws:principalaccount", account);
                put("aws:principalarn", &format!("arn:aws:iam::{account}:root"));
                put("aws:userid", account);
            }
            Caller::User { account, arn, id } => {
                put("aws:principaltype", "User");
                put("aws:principalaccount", account);
                put("aws:principalarn", arn);
                put("aws:userid", id);
                put("aws:username", arn.rsplit('/').next().unwrap_or_default());
            }
            Caller::FederatedUser { account, arn, .. } => {
                put("aws:principaltype", "FederatedUser");
                put("aws:principalaccount", account);
                put("aws:principalarn", arn);
                let name = arn.rsplit('/').next().unwrap_or_default();
                put("aws:userid", &format!("{account}:{name}"));
            }
            Caller::AssumedRole {
                account,
                role,
                id,
                name,
                ..
            } => {
                put("aws:principaltype", "AssumedRole");
                put("aws:principalaccount", account);
                put("aws:principalarn", role);
                put("aws:userid", &format!("{id}:{name}"));
            }
            Caller::Service { name } => {
                put("aws:principalisawsservice", "true");
                put("aws:principalservicename", name);
            }
            Caller::Federated { provider, .. } => {
                put("aws:principaltype", "User");
                put("aws:userid", provider);
            }
        }
        for (tag, value) in members(case, "principal_tags") {
            put(
                &format!("aws:principaltag/{}", tag.to_lowercase()),
                value.as_str().unwrap(),
            );
        }
        for (key, value) in members(case, "context") {
            let value = match value {
                Json::String(text) => Value::from(text.clone()),
                Json::Array(items) => Value::Many(
                    items
                        .iter()
                        .map(|i| i.as_str().unwrap().to_owned().into())
                        .collect(),
                ),
                other => panic!("a context value is a string or a list: {other}"),
            };
            facts.insert(key.to_lowercase(), value);
        }
        facts
    }

    fn members<'a>(
        case: &'a Map<String, Json>,
        name: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Json)> {
        case.get(name)
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
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
