//! Tests of the public face of `locum-sigv4`.

mod canonicalisation;
mod chunks;
mod general;
mod properties;
mod s3;
mod support;
mod vectors;
