//! The AWS protocols: bytes to typed operations, and typed answers to bytes.
//!
//! This crate alone spells what goes over the wire: parameter names, XML and JSON, error codes and
//! statuses. [`operations`] is the one table of every operation; what is not in it cannot be
//! reached.

mod answer;
mod eks;
mod eks_auth;
mod error;
mod fields;
mod iam;
mod json;
mod locum;
mod node;
pub mod openid;
mod organizations;
mod params;
mod query;
mod recorded;
mod rest_json;
mod roles_anywhere;
mod sts;
mod table;

pub use answer::{Answer, Outcome, Recorded};
pub use error::{Spelled, spell};
pub use json::{JsonService, json, target};
pub use params::{MalformedQuery, Params};
pub use query::{QueryService, query};
pub use rest_json::{RestRequest, RestService, rest_json};
pub use table::{Binding, operation, operations};
