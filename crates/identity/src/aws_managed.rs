//! The AWS-managed policies that are built in (`arn:aws:iam::aws:policy/…`).

use locum_policy::Compiled;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A built-in policy.
#[derive(Debug)]
pub struct AwsManagedPolicy {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: &'static str,
    /// The document.
    pub document: &'static str,
    /// The document, compiled.
    pub compiled: Arc<Compiled>,
}

/// The built-in policy of that ARN.
pub fn policy(arn: &str) -> Option<&'static AwsManagedPolicy> {
    POLICIES.get(arn)
}

static POLICIES: LazyLock<BTreeMap<String, AwsManagedPolicy>> = LazyLock::new(BTreeMap::new);
