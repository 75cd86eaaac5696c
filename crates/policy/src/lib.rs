//! The AWS IAM policy language: parse, compile, evaluate, explain.
//!
//! A [`Policy`] is a document that passed the checks AWS makes when it is written. It is compiled
//! once to a [`Compiled`], which decides requests. [`decide`] takes one [`Request`] and the
//! [`Policies`] that have a say in it, and answers by AWS's published evaluation logic; [`explain`]
//! answers the same and tells why. [`check`] tells what is wrong with a document, or probably not meant.
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
mod position;
mod principal;
pub mod quotas;
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
};
pub use findings::{Finding, Severity, check};
pub use position::Position;
pub use principal::{Principal, PrincipalType};
pub use validate::context_keys;
