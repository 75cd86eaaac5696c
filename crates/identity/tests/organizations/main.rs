//! AWS Organizations: its operations, and how its policies bind accounts and what is theirs.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;

#[cfg(test)]
mod attachments;
#[cfg(test)]
mod authorization;
#[cfg(test)]
mod enforcement;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod services;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tags;
#[cfg(test)]
mod units;
