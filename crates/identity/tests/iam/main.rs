//! The rules of IAM's operations, each by its success and by every refusal it knows.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;

#[cfg(test)]
mod access_keys;
#[cfg(test)]
mod attachments;
#[cfg(test)]
mod denials;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod inline_policies;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod support;
#[cfg(test)]
mod users;
