//! The S3 data plane.

pub mod disk;
