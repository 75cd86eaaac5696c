//! The AWS IAM policy language: parse, compile, evaluate, explain.
//!
//! | to | there is |
//! | --- | --- |
//! | read a document that is written, or one that was stored | [`Policy::parse`], [`Policy::stored`] |
//! | tell what is wrong with a document, or probably not meant | [`check`] |
//! | decide a request | [`Policy::compile`] once, then [`decide`] |
//! | decide it and tell why | [`explain`], and where time is short [`explain_briefly`] |
//! | run files of requests with the answers they must get | [`case`] |
//! | know which condition keys a document asks for | [`context_keys`] |
//! | know how long policies may be | [`quotas`] |
//!
//! A [`Policy`] is a document that passed the checks AWS makes when it is written. It is compiled
//! once to a [`Compiled`], which decides requests. [`decide`] takes one [`Request`] and the
//! [`Policies`] that have a say in it, and answers by AWS's published evaluation logic; [`explain`]
//! answers the same by the same code, and tells what every layer and every statement had to do with it.
//!
//! ```
//! use std::sync::Arc;
//! use locum_policy::{Kind, Policies, Policy, Principal, Request, check, decide, explain};
//!
//! // A document is checked and read when it is written …
//! let text = r#"{"Version": "2012-10-17", "Statement": {"Sid": "Office", "Effect": "Allow",
//!     "Action": "s3:Get*", "Resource": "arn:aws:s3:::reports/*",
//!     "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}}"#;
//! assert_eq!(check(text, Kind::Identity, None), []);
//! let policy = Policy::parse(text, Kind::Identity)?;
//!
//! // … compiled once …
//! let identity = [Arc::new(policy.compile().labelled("readers"))];
//! let policies = Policies { identity: &identity, ..Policies::default() };
//!
//! // … and asked at every request.
//! let request = Request {
//!     principal: Principal::User {
//!         account: "123456789012",
//!         arn: "arn:aws:iam::123456789012:user/ann",
//!         unique_id: "AIDAEXAMPLEEXAMPLE01",
//!     },
//!     action: "s3:GetObject",
//!     resource: "arn:aws:s3:::reports/july.csv",
//!     resource_account: "123456789012",
//!     context: &[("aws:SourceIp", "198.51.100.7")],
//! };
//! let decision = decide(&request, &policies);
//!
//! let explanation = explain(&request, &policies);
//! assert_eq!(explanation.decision, decision);
//! let reason = "because no identity-based policy allows the s3:GetObject action";
//! assert_eq!(explanation.reason().as_deref(), Some(reason));
//! assert_eq!(
//!     explanation.layers[0].to_string(),
//!     r#"identity-based policy: no allow
//!   readers, statement 1 (Office), Allow: does not match
//!     IpAddress aws:SourceIp: "203.0.113.0/24"
//!     the request has: "198.51.100.7"
//! "#,
//! );
//! # Ok::<(), locum_policy::Malformed>(())
//! ```
//!
//! The crate is pure: no clock, no network, no files. What a request knows (the time, the client's
//! address, tags) it is asked for through [`Context`], key by key, and only for the keys that some
//! policy names.
//!
//! A doubt is a denial: a document that cannot be understood is refused when it is written, a value
//! that cannot be read matches nothing.

mod arn;
pub mod case;
mod compiled;
mod context;
mod decide;
mod document;
mod explain;
mod facts;
mod findings;
mod glob;
mod index;
mod json;
mod missing;
mod number;
mod operator;
mod plain;
mod position;
mod principal;
pub mod quotas;
mod quote;
mod report;
mod resource;
mod template;
mod texts;
mod validate;

pub use arn::Arn;
pub use compiled::Compiled;
pub use context::{Context, Value};
pub use decide::{Decision, Denial, Layer, Level, Policies, Request, ResourcePolicy, decide};
pub use document::{Effect, Kind, Malformed, Policy};
pub use explain::{
    ElementName, Explanation, LayerAnswer, LayerReport, Mismatch, StatementReport, explain,
    explain_briefly,
};
pub use findings::{Finding, Severity, check, service_name, service_namespaces};
pub use glob::wildcard_matches;
pub use plain::Plain;
pub use position::Position;
pub use principal::{Principal, PrincipalType};
pub use quote::{Quote, QuotedCondition, QuotedList};
pub use validate::context_keys;
