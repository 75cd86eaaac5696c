//! The policies that are decided on, described once: as the text that locum compiles, as the
//! hand-written matchers and as the Cedar policies that it is held against.

use crate::Outcome;
use locum_policy::{Compiled, Kind, Policies, Policy, Principal, Request};
use serde_json::json;
use std::sync::Arc;

/// The client's address, within [`NETWORKS`].
pub const SOURCE_IP: &str = "10.20.30.40";
/// The first condition of every statement.
pub const NETWORKS: [&str; 2] = ["192.0.2.0/24", "10.0.0.0/8"];
/// The second condition of every statement.
pub const ORGANIZATION: &str = "o-exampleorg1";
/// What every request does.
pub const ACTION: &str = "s3:GetObject";
/// The most statements that one policy gets.
pub const STATEMENTS_OF_A_POLICY: usize = 50;

/// What the actions of the statements are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Services {
    /// All statements name the action asked for: only their resources tell them apart.
    Same,
    /// One statement in ten is of the service asked for, the others are of nine other services.
    Mixed,
}

/// A request on a set of policies, and the one right answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Case {
    /// The very last statement allows, and nothing else matches.
    Allowed,
    /// No statement matches.
    ImplicitDeny,
    /// The last but one statement denies what the last one allows.
    ExplicitDeny,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::ImplicitDeny, Self::ExplicitDeny];

    /// The name in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ImplicitDeny => "implicit_deny",
            Self::ExplicitDeny => "explicit_deny",
        }
    }

    /// What is asked for.
    pub fn resource(self) -> &'static str {
        match self {
            Self::Allowed => {
                "arn:aws:s3:::acme-lakehouse-prod/warehouse/sales.db/orders/part-00017.parquet"
            }
            Self::ImplicitDeny => {
                "arn:aws:s3:::acme-archive-prod/warehouse/sales.db/orders/part-00017.parquet"
            }
            Self::ExplicitDeny => {
                "arn:aws:s3:::acme-lakehouse-secret/warehouse/staff.db/pay/part-00017.parquet"
            }
        }
    }

    /// The request. The keys of its context are those that the conditions ask for.
    pub fn request(self) -> Request<'static> {
        Request {
            principal: Principal::AssumedRole {
                account: "123456789012",
                role_arn: "arn:aws:iam::123456789012:role/catalog-writer",
                unique_id: "AROAEXAMPLEEXAMPLE001",
                session_arn: "arn:aws:sts::123456789012:assumed-role/catalog-writer/spark",
                session_name: "spark",
            },
            action: ACTION,
            resource: self.resource(),
            resource_account: "123456789012",
            context: &[
                ("aws:sourceip", SOURCE_IP),
                ("aws:principalorgid", ORGANIZATION),
            ],
        }
    }
}

/// One statement: what it does to whom under the two conditions.
#[derive(Clone, Debug)]
pub struct Statement {
    /// It denies.
    pub denies: bool,
    /// Its actions, with wildcards.
    pub actions: Vec<String>,
    /// Its resources, with wildcards.
    pub resources: Vec<String>,
}

/// Policies attached to one role.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Each policy's statements.
    pub policies: Vec<Vec<Statement>>,
}

impl Attached {
    /// So many policies of so many statements each.
    pub fn new(policies: usize, statements: usize, services: Services) -> Self {
        Self::of_sizes(vec![statements; policies], services)
    }

    /// So many statements in all, in policies that are full but for the last.
    pub fn of_statements(count: usize, services: Services) -> Self {
        let mut sizes = vec![STATEMENTS_OF_A_POLICY; count / STATEMENTS_OF_A_POLICY];
        match count % STATEMENTS_OF_A_POLICY {
            0 => {}
            rest => sizes.push(rest),
        }
        Self::of_sizes(sizes, services)
    }

    fn of_sizes(sizes: Vec<usize>, services: Services) -> Self {
        let count: usize = sizes.iter().sum();
        let mut number = 0;
        let policies = sizes.into_iter().map(|size| {
            let statements = (0..size).map(|_| {
                number += 1;
                match count - number {
                    0 => Statement::of_s3(false, "acme-lakehouse-*"),
                    1 => Statement::of_s3(true, "acme-lakehouse-secret"),
                    _ => Statement::other(number, services),
                }
            });
            statements.collect()
        });
        Self {
            policies: policies.collect(),
        }
    }

    /// How many statements there are.
    pub fn statements(&self) -> usize {
        self.policies.iter().map(Vec::len).sum()
    }

    /// The text of each policy.
    pub fn texts(&self) -> Vec<String> {
        self.policies
            .iter()
            .map(|policy| {
                let statements: Vec<_> = policy.iter().map(Statement::json).collect();
                json!({"Version": "2012-10-17", "Statement": statements}).to_string()
            })
            .collect()
    }

    /// The policies as locum keeps them.
    ///
    /// # Errors
    /// When locum refuses one.
    pub fn compiled(&self) -> Outcome<Vec<Arc<Compiled>>> {
        self.texts().iter().map(|text| compile(text)).collect()
    }
}

/// Parses and compiles an identity policy.
///
/// # Errors
/// When it is malformed.
pub fn compile(text: &str) -> Outcome<Arc<Compiled>> {
    Ok(Arc::new(Policy::parse(text, Kind::Identity)?.compile()))
}

/// Policies that are attached to the caller and are all that has a say.
pub fn attached(identity: &[Arc<Compiled>]) -> Policies<'_> {
    Policies {
        identity,
        ..Policies::default()
    }
}

impl Statement {
    /// A statement that names the action asked for.
    fn of_s3(denies: bool, bucket: &str) -> Self {
        Self {
            denies,
            actions: ["s3:Get*", "s3:PutObject", "s3:List*"]
                .map(str::to_owned)
                .to_vec(),
            resources: vec![
                format!("arn:aws:s3:::{bucket}"),
                format!("arn:aws:s3:::{bucket}/warehouse/*.db/*"),
            ],
        }
    }

    /// A statement that does not match. One in ten denies.
    fn other(number: usize, services: Services) -> Self {
        const OTHERS: [(&str, [&str; 3], &str); 9] = [
            ("dynamodb", ["Get*", "Query", "BatchGetItem"], "table"),
            ("sqs", ["SendMessage", "Receive*", "GetQueueUrl"], "queue"),
            ("kms", ["Decrypt", "GenerateDataKey*", "Describe*"], "key"),
            (
                "logs",
                ["Get*", "FilterLogEvents", "Describe*"],
                "log-group",
            ),
            ("glue", ["Get*", "BatchGetPartition", "Search*"], "table"),
            ("ec2", ["Describe*", "StartInstances", "Stop*"], "instance"),
            (
                "athena",
                ["Get*", "StartQueryExecution", "List*"],
                "workgroup",
            ),
            (
                "secretsmanager",
                ["Get*", "Describe*", "ListSecrets"],
                "secret",
            ),
            ("lambda", ["Invoke*", "GetFunction", "List*"], "function"),
        ];
        let denies = number % 10 == 9;
        let other = number
            .checked_sub(1)
            .and_then(|number| OTHERS.get(number % 10));
        match (services, other) {
            (Services::Mixed, Some((service, actions, kind))) => Self {
                denies,
                actions: actions.map(|action| format!("{service}:{action}")).to_vec(),
                resources: ["", "/*"]
                    .map(|end| {
                        format!("arn:aws:{service}:*:123456789012:{kind}/acme-team-{number}-*{end}")
                    })
                    .to_vec(),
            },
            _ => Self::of_s3(denies, &format!("acme-team-{number}-*")),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "Effect": if self.denies { "Deny" } else { "Allow" },
            "Action": self.actions,
            "Resource": self.resources,
            "Condition": {
                "IpAddress": {"aws:SourceIp": NETWORKS},
                "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
            },
        })
    }
}

/// A text of a policy of about that many characters without white space, of several kinds of
/// statements, as people write them.
pub fn policy_of_size(characters: usize) -> String {
    let mut number = 0;
    let mut text = String::new();
    let mut statements = Vec::new();
    loop {
        number += 1;
        let bucket = format!("arn:aws:s3:::acme-team-{number}");
        statements.push(match number % 3 {
            0 => json!({
                "Sid": format!("Home{number}"),
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                "Resource": format!("{bucket}/home/${{aws:username}}/*"),
                "Condition": {"StringEquals": {"aws:PrincipalTag/team": "data"}},
            }),
            1 => json!({
                "Sid": format!("List{number}"),
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": bucket,
                "Condition": {"StringLike": {"s3:prefix": ["home/*", "shared/*", ""]}},
            }),
            _ => json!({
                "Sid": format!("Tls{number}"),
                "Effect": "Deny",
                "Action": "s3:*",
                "Resource": [bucket.clone(), format!("{bucket}/*")],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }),
        });
        let longer = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        if longer.len() > characters && !text.is_empty() {
            return text;
        }
        text = longer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use locum_policy::{Decision, decide};

    #[test]
    fn every_set_answers_every_case_as_it_is_named() {
        for services in [Services::Same, Services::Mixed] {
            for count in [1, 2, 9, 30, 50, 51, 500] {
                let attached_set = Attached::of_statements(count, services);
                assert_eq!(attached_set.statements(), count);
                let compiled = attached_set.compiled().unwrap();
                for case in Case::ALL {
                    let decision = decide(&case.request(), &attached(&compiled));
                    let explicit = match decision {
                        Decision::Allowed => None,
                        Decision::Denied(denial) => Some(denial.explicit),
                    };
                    let wanted = match case {
                        Case::Allowed => None,
                        Case::ImplicitDeny => Some(false),
                        // A single statement has no room for one that denies.
                        Case::ExplicitDeny if count == 1 => None,
                        Case::ExplicitDeny => Some(true),
                    };
                    assert_eq!(explicit, wanted, "{services:?} {count} {case:?}");
                }
            }
        }
    }

    #[test]
    fn policies_have_the_size_they_are_asked_for() {
        for size in [1024, 6144] {
            let text = policy_of_size(size);
            assert!(
                (size * 7 / 10..=size).contains(&text.len()),
                "{}",
                text.len()
            );
            assert!(compile(&text).is_ok());
        }
    }
}
