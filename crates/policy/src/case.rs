//! Policy cases: a request, every policy that has a say in it, and the answer AWS gives.
//!
//! A case file is a JSON list of such cases. `testdata/policies` holds the corpus that this crate is
//! checked against; people write files of their own to test their policies with `locum policy test`.
//! Any engine can run them: nothing in a file is about this one.
//!
//! ```
//! use locum_policy::case::Case;
//!
//! let file = r#"[{
//!     "name": "ann reads her own reports",
//!     "principal": "arn:aws:iam::123456789012:user/ann",
//!     "action": "s3:GetObject",
//!     "resource": "arn:aws:s3:::reports/bob/july.csv",
//!     "identity_policies": [{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
//!         "Action": "s3:Get*", "Resource": "arn:aws:s3:::reports/${aws:username}/*"}}],
//!     "expect": "implicit_deny",
//!     "because": "because no identity-based policy allows the s3:GetObject action"
//! }]"#;
//! for case in Case::read_all(file)? {
//!     let outcome = case?.run();
//!     assert!(outcome.passed, "{outcome}");
//! }
//! # Ok::<(), locum_policy::case::CaseError>(())
//! ```
//!
//! # The members of a case
//!
//! | member | meaning |
//! |---|---|
//! | `name` | unique in its file |
//! | `rule` | the rule the case is about |
//! | `principal` | who calls: an ARN, a service principal, a federation provider, or `anonymous` |
//! | `principal_id` | the unique id of the user or role; else `AIDAEXAMPLEEXAMPLE001`, `AROAEXAMPLEEXAMPLE001` |
//! | `principal_issuer` | the ARN of a session's role, where it has a path; of the user, or root, that a federated user is of |
//! | `principal_tags` | tags, seen as `aws:PrincipalTag/…` |
//! | `action` | `service:Action` |
//! | `resource` | an ARN, or `*` for an action without a resource |
//! | `resource_account` | the resource's owner; else the account in its ARN, else the caller's |
//! | `context` | condition keys: one value for a single-valued key, a list for a multi-valued one |
//! | `identity_policies` | of the user, its groups, or the role |
//! | `resource_policy` | the policy of the resource; its trust policy where a role is assumed |
//! | `permissions_boundary` | one policy |
//! | `session_policies` | passed when the session was made |
//! | `service_control_policies` | a list for each level: the root, each organizational unit, the account |
//! | `resource_control_policies` | likewise, of the organization of the resource's owner |
//! | `expect` | `allowed`, `explicit_deny` or `implicit_deny` |
//! | `because` | the end of AWS's AccessDenied sentence, as [`Denial::reason`] gives it |
//!
//! `name`, `principal`, `action`, `resource` and `expect` are required. An absent member, `null` and
//! an empty list mean "none". A level without policies, `[[]]`, allows nothing.
//!
//! - A role's ARN as principal is a session of it with the name `session`.
//! - The keys `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalType`,
//!   `aws:PrincipalIsAWSService`, `aws:PrincipalServiceName`, `aws:FederatedProvider`, `aws:userid`,
//!   `aws:username` and `aws:ResourceAccount` follow from the other members as on AWS. `context`
//!   overrides them.
//! - Policies are read as those that stand ([`Policy::stored`]). Identity policies of version
//!   2008-10-17, which can no longer be written and still have effect, are read by the looser rules
//!   of session policies.
//! - A role has a trust policy: where none is given, its trust policy lets nobody in.
//! - `RCPFullAWSAccess`, which is attached everywhere, may be written or left out.
//! - No policy can deny GetCallerIdentity or GetSessionToken to who has credentials.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::arn;
use crate::compiled::Compiled;
use crate::context::Value;
use crate::decide::{Decision, Denial, Level, Policies, Request, ResourcePolicy};
use crate::document::{Document, Policy};
use crate::explain::{Explanation, explain};
use crate::plain::Plain;

mod caller;
mod read;

pub use caller::Caller;
pub use read::CaseError;

/// The longest case file that is read, in bytes: 16 MiB.
pub const LONGEST_FILE: usize = crate::json::MAX_LENGTH;

/// One case of a file. See the [module](self) for what its members mean.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, unique in the file.
    pub name: String,
    /// The rule it is about; empty when the file does not say.
    pub rule: String,
    /// Who calls.
    pub caller: Caller,
    /// What is asked, `service:Action`.
    pub action: String,
    /// What it is done to, an ARN or `*`.
    pub resource: String,
    /// The account that owns the resource; empty when neither the case nor an ARN tells.
    pub resource_account: String,
    /// The condition keys of the request, in lower case, with those that follow from the caller.
    pub context: BTreeMap<String, Value<'static>>,
    /// The caller's own policies.
    pub identity: Vec<Policy>,
    /// The policy of the resource, or the trust policy of the role to be assumed.
    pub resource_policy: Option<Policy>,
    /// The caller's permissions boundary.
    pub boundary: Option<Policy>,
    /// The policies of the session; `None` where it was given none.
    pub session: Option<Vec<Policy>>,
    /// Service control policies, level by level.
    pub service_control: Vec<Vec<Policy>>,
    /// Resource control policies, level by level, without `RCPFullAWSAccess`.
    pub resource_control: Vec<Vec<Policy>>,
    /// The answer AWS gives.
    pub expect: Expect,
    /// The reason AWS gives with a denial, if the case says one.
    pub because: Option<String>,
}

/// The answers that case files tell apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Expect {
    /// The request is allowed.
    Allowed,
    /// A statement denies it.
    ExplicitDeny,
    /// A policy whose permission is needed does not give it.
    ImplicitDeny,
}

/// What became of a case. Its `Display` is for people, as that of [`Explanation`]: one line, and below
/// it the rule and the explanation of what was decided.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case's name.
    pub name: String,
    /// The case's rule; may be empty.
    pub rule: String,
    /// What was decided.
    pub decision: Decision,
    /// What the case expects.
    pub expected: Expect,
    /// The reason the case expects, if it says one.
    pub because: Option<String>,
    /// Why it was decided so.
    pub explanation: Explanation,
    /// Whether the decision, and the reason if the case says one, are those expected.
    pub passed: bool,
}

impl Case {
    /// Reads a case file.
    ///
    /// A member that is unknown or of the wrong type, a name given twice, and a policy that could
    /// not be written are errors of their case: nothing in a file is left out of account. The other
    /// cases of the file can still be run.
    ///
    /// # Errors
    ///
    /// The text is not JSON (by RFC 8259, no key twice, not nested deeper than a case can need), not a
    /// list, or longer than [`LONGEST_FILE`].
    pub fn read_all(text: &str) -> Result<Vec<Result<Case, CaseError>>, CaseError> {
        read::all(text)
    }

    /// Decides the case's request and compares the answer.
    pub fn run(&self) -> Outcome {
        let explanation = self.explain();
        let decision = explanation.decision;
        let reason = explanation.reason();
        let reason_fits = self.because.is_none() || self.because == reason;
        Outcome {
            name: self.name.clone(),
            rule: self.rule.clone(),
            decision,
            expected: self.expect,
            because: self.because.clone(),
            explanation,
            passed: self.expect == Expect::of(decision) && reason_fits,
        }
    }

    /// The request that is decided.
    pub fn request(&self) -> Request<'_> {
        Request {
            principal: self.caller.principal(),
            action: &self.action,
            resource: &self.resource,
            resource_account: &self.resource_account,
            context: &self.context,
        }
    }

    /// Whether a role is to be assumed, so that the resource's policy is a trust policy.
    pub fn assumes_role(&self) -> bool {
        assumes_role(&self.action, &self.resource)
    }

    fn explain(&self) -> Explanation {
        let identity = compile(&self.identity);
        let boundary = self.boundary.as_ref().map(Policy::compile);
        let session = self.session.as_deref().map(compile);
        let attached = self.resource_policy.as_ref().map(Policy::compile);
        let nobody = Compiled::new(&Document {
            variables: false,
            statements: Vec::new(),
        });
        let resource = match attached.as_ref() {
            policy if self.assumes_role() => Some(ResourcePolicy::Trust(policy.unwrap_or(&nobody))),
            policy => policy.map(ResourcePolicy::Attached),
        };
        let (service_control, resource_control) = (
            levels(&self.service_control),
            levels(&self.resource_control),
        );
        let policies = Policies {
            identity: &identity,
            boundary: boundary.as_ref(),
            session_binds: false,
            session: session.as_deref(),
            resource,
            service_control: &service_control,
            resource_control: &resource_control,
        };
        let mut explanation = explain(&self.request(), &policies);
        if self.is_beyond_policies() {
            explanation.decision = Decision::Allowed;
            explanation.layers.clear();
        }
        explanation
    }

    /// Whether the request is one that AWS decides without looking at any policy.
    fn is_beyond_policies(&self) -> bool {
        let exempt = ["sts:GetCallerIdentity", "sts:GetSessionToken"];
        self.caller.account().is_some()
            && exempt.iter().any(|e| e.eq_ignore_ascii_case(&self.action))
    }
}

impl Expect {
    /// The answer that a decision is.
    pub fn of(decision: Decision) -> Expect {
        match decision {
            Decision::Allowed => Expect::Allowed,
            Decision::Denied(Denial { explicit: true, .. }) => Expect::ExplicitDeny,
            Decision::Denied(Denial {
                explicit: false, ..
            }) => Expect::ImplicitDeny,
        }
    }

    /// The word that case files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Expect::Allowed => "allowed",
            Expect::ExplicitDeny => "explicit_deny",
            Expect::ImplicitDeny => "implicit_deny",
        }
    }

    fn parse(text: &str) -> Option<Expect> {
        [Expect::Allowed, Expect::ExplicitDeny, Expect::ImplicitDeny]
            .into_iter()
            .find(|expect| expect.as_str() == text)
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Plain(&self.name))?;
        if !self.passed {
            let (expected, seen) = (self.expected, Expect::of(self.decision));
            write!(f, ": expected {expected}")?;
            // Only where a reason was expected it can be the wrong one.
            let (mut wanted, mut given) = (String::new(), String::new());
            if let Some(because) = &self.because {
                wanted = format!(" {because}");
                let reason = self.explanation.reason();
                given = reason.map_or(given, |reason| format!(" {reason}"));
            }
            write!(f, "{}, got {seen}{}", Plain(&wanted), Plain(&given))?;
        }
        writeln!(f)?;
        if !self.rule.is_empty() {
            writeln!(f, "  rule: {}", Plain(&self.rule))?;
        }
        let explanation = self.explanation.to_string();
        explanation
            .lines()
            .try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// Whether an action on a resource is one that a role's trust policy is asked about.
fn assumes_role(action: &str, resource: &str) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    service.eq_ignore_ascii_case("sts")
        && matches!(arn::split(resource), Some([_, _, "iam", _, _, name]) if name.starts_with("role/"))
}

fn compile(policies: &[Policy]) -> Vec<Arc<Compiled>> {
    policies.iter().map(|p| Arc::new(p.compile())).collect()
}

fn levels(levels: &[Vec<Policy>]) -> Vec<Level> {
    levels.iter().map(|level| compile(level).into()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Case, Expect, assumes_role};
    use crate::decide::{Decision, Denial, Layer};

    const CASE: &str = r#"[{"name": "n", "rule": "r", "principal": "arn:aws:iam::123456789012:user/ann",
        "action": "s3:GetObject", "resource": "arn:aws:s3:::b/x", "expect": "EXPECT" MORE}]"#;

    fn case(expect: &str, more: &str) -> Case {
        let text = CASE.replace("EXPECT", expect).replace("MORE", more);
        Case::read_all(&text).unwrap().remove(0).unwrap()
    }

    #[test]
    fn an_outcome_is_told() {
        let outcome = case("implicit_deny", "").run();
        assert!(outcome.passed);
        let told = "  rule: r\n\
                    \x20 implicitly denied: arn:aws:iam::123456789012:user/ann may not perform \
                    s3:GetObject on arn:aws:s3:::b/x\n\
                    \x20   because no identity-based policy allows the s3:GetObject action\n\
                    \x20 identity-based policy: no allow\n\
                    \x20   there is no statement\n";
        assert_eq!(outcome.to_string(), format!("`n`\n{told}"));

        let outcome = case("allowed", "").run();
        assert!(!outcome.passed);
        assert_eq!(
            outcome.decision,
            Decision::Denied(Denial {
                explicit: false,
                layer: Layer::Identity
            })
        );
        assert_eq!(
            outcome.to_string(),
            format!("`n`: expected allowed, got implicit_deny\n{told}")
        );
    }

    #[test]
    fn the_reason_counts_where_it_is_said() {
        let right =
            r#", "because": "because no identity-based policy allows the s3:GetObject action""#;
        assert!(case("implicit_deny", right).run().passed);
        let wrong = r#", "because": "because no session policy allows the s3:GetObject action""#;
        let outcome = case("implicit_deny", wrong).run();
        assert!(!outcome.passed);
        assert!(outcome.to_string().starts_with(
            "`n`: expected implicit_deny because no session policy allows the s3:GetObject action, \
             got implicit_deny because no identity-based policy allows the s3:GetObject action\n"
        ));
        let all = r#", "because": "x", "identity_policies": [{"Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}]"#;
        assert!(!case("allowed", all).run().passed);
    }

    #[test]
    fn what_is_asked_of_a_trust_policy() {
        let role = "arn:aws:iam::123456789012:role/team/r";
        assert!(assumes_role("sts:AssumeRole", role));
        assert!(assumes_role("STS:TagSession", role));
        assert!(!assumes_role("iam:GetRole", role));
        assert!(!assumes_role("sts:AssumeRole", "*"));
        assert!(!assumes_role(
            "sts:AssumeRole",
            "arn:aws:iam::123456789012:user/r"
        ));
        assert!(!assumes_role("sts:AssumeRole", "arn:aws:s3:::b/role/r"));
    }

    #[test]
    fn answers_read_back() {
        for expect in [Expect::Allowed, Expect::ExplicitDeny, Expect::ImplicitDeny] {
            assert_eq!(Expect::parse(expect.as_str()), Some(expect));
        }
        assert_eq!(Expect::parse("Allowed"), None);
    }
}
