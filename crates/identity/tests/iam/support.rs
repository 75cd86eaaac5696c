//! What the tests of several kinds of entity use.

use crate::common::{World, n};
use locum_identity::iam::policies::{CreatePolicy, DescribedPolicy};
use locum_identity::iam::roles::{CreateRole, ShownRole};
use locum_identity::names::Tag;
use locum_identity::organizations::EnablePolicyType;

/// A document that allows listing a bucket.
pub(crate) const LIST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
/// A document that allows reading objects.
pub(crate) const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

/// A legal document of exactly `size` characters that are not white space.
pub(crate) fn document_of(size: usize) -> String {
    let frame = r#"{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    let sid = "x".repeat(size - frame.len());
    frame
        .replace(r#""Sid":"""#, &format!(r#""Sid":"{sid}""#))
        .replace(r#","#, ",\n\t ")
}

/// A trust policy that names one principal of type AWS.
pub(crate) fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: n(key),
        value: n(value),
    }
}

pub(crate) fn pairs(tags: &[Tag]) -> Vec<(&str, &str)> {
    tags.iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str()))
        .collect()
}

impl World {
    /// Creates a managed policy at the path `/`.
    pub(crate) fn policy(&self, name: &str) -> DescribedPolicy {
        self.root(CreatePolicy {
            policy_name: n(name),
            path: None,
            policy_document: n(READ),
            description: None,
            tags: Vec::new(),
        })
        .unwrap()
    }

    /// Creates a role at the path `/` that trusts the account.
    pub(crate) fn role(&self, name: &str) -> ShownRole {
        self.root(new_role(name)).unwrap()
    }
}

pub(crate) fn new_role(name: &str) -> CreateRole {
    CreateRole {
        role_name: n(name),
        assume_role_policy_document: n(&trust("arn:aws:iam::123456789012:root")),
        path: None,
        description: None,
        max_session_duration: None,
        permissions_boundary: None,
        tags: Vec::new(),
    }
}

impl World {
    /// Enables service control policies in the organization's root.
    pub(crate) fn enable_service_control(&self) {
        let root_id = self.realm.directory().tree().root().to_owned();
        self.root(EnablePolicyType {
            root_id: n(&root_id),
            policy_type: n("SERVICE_CONTROL_POLICY"),
        })
        .unwrap();
    }
}
