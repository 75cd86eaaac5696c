//! The rules of IAM's operations, each by its success and by every refusal it knows.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;
#[cfg(test)]
#[path = "../common/totp.rs"]
mod totp;

#[cfg(test)]
mod access_keys;
#[cfg(test)]
mod account_aliases;
#[cfg(test)]
mod account_properties;
#[cfg(test)]
mod account_summary;
#[cfg(test)]
mod attachments;
#[cfg(test)]
mod authorization_details;
#[cfg(test)]
mod credential_report;
#[cfg(test)]
mod denials;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod inline_policies;
#[cfg(test)]
mod instance_profiles;
#[cfg(test)]
mod last_accessed;
#[cfg(test)]
mod login_profiles;
#[cfg(test)]
mod mfa_devices;
#[cfg(test)]
mod open_id_connect_providers;
#[cfg(test)]
mod password_policy;
#[cfg(test)]
mod pipeline;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod role_templates;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod saml_providers;
#[cfg(test)]
mod sequences;
#[cfg(test)]
mod server_certificates;
#[cfg(test)]
mod service_credentials;
#[cfg(test)]
mod service_linked_roles;
#[cfg(test)]
mod signing_certificates;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod ssh_public_keys;
#[cfg(test)]
mod support;
#[cfg(test)]
mod users;
