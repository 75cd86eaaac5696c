//! The S3 data plane on a local directory, authorized as AWS authorizes it.
//!
//! A request takes one path, [`S3::call`]: its signature is verified, whatever the signature says
//! of the body is checked while the body is read, the S3 codec finds out which operation it is,
//! one table says what that needs authorized, the realm decides, and only then it is done. The
//! codec (the `s3s` crate) does routing, XML and typed inputs and outputs; it never sees a
//! signature. [`disk::Objects`] keeps the objects.

mod access;
mod action;
mod backend;
mod code;
mod digests;
pub mod disk;
mod fault;
mod host;
mod payload;
mod query;
mod service;

pub use action::{action_of, need_of};
pub use fault::access_denied;
pub use service::{Body, Report, S3};

#[cfg(test)]
mod tests;
