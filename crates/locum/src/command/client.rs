//! What commands need that speak to a server as an AWS client does: this one or AWS itself.

pub(super) mod assume;
mod cache;
mod caller;
mod endpoint;
mod http;
mod own;
mod profile;
pub(super) mod variables;

pub(crate) use assume::{Assume, AssumeArgs, Freshness, Session};
pub(crate) use caller::CallerArgs;
pub(crate) use http::Structure;
pub(crate) use own::OwnService;

/// A variable of the environment; an empty one counts as absent, as it does for the SDKs.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
