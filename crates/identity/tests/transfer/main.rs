//! The rules of importing and exporting accounts.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod import;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod stored;
#[cfg(test)]
mod support;
