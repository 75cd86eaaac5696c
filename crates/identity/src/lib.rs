//! Accounts, principals and temporary credentials: the heart of locum.
//!
//! Every STS and IAM operation is here as a plain input, a plain output and one function that
//! loads, decides and acts; none of them knows a protocol. [`realm::Realm`] is where they run.

pub mod access;
pub mod account;
pub mod admission;
pub mod authorization_message;
pub mod aws_managed;
pub mod binding;
pub mod caller;
pub mod directory;
pub mod eks;
pub mod entity;
pub mod environment;
pub mod error;
pub mod history;
pub mod http_fetcher;
pub mod iam;
pub mod ids;
pub mod issuer;
pub mod key_material;
pub mod last_use;
pub mod ldap;
pub mod limits;
pub mod mfa;
pub mod names;
pub mod notes;
pub mod operation;
pub mod organizations;
pub mod password;
pub mod past;
pub mod port;
pub mod provider_url;
pub mod quotas;
pub mod realm;
pub mod revocation;
pub mod role_template;
pub mod roles_anywhere;
pub mod root_access;
pub mod saml;
pub mod sealing;
mod service_linked;
pub mod services;
pub mod session;
pub mod session_use;
mod signing;
pub mod sts;
pub mod supposed;
pub mod thumbprint;
pub mod trace;
pub mod transfer;
mod trust;
pub mod web_identity;

// The tests of the inside share a world with those of the outside.
#[cfg(test)]
extern crate self as locum_identity;
