//! IAM's operations as they stand on the wire: each answer's form, and who may call.

#[cfg(test)]
mod account;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod callers;
#[cfg(test)]
mod certificates;
#[cfg(test)]
#[path = "../../../identity/tests/common/mod.rs"]
mod common;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod support;
#[cfg(test)]
#[path = "../../../identity/tests/common/totp.rs"]
mod totp;
