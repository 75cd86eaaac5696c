//! Tests of the public face of `locum-sigv4`.

#[cfg(test)]
mod canonicalisation;
#[cfg(test)]
mod chunks;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod covered;
#[cfg(test)]
mod general;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod support;
#[cfg(test)]
mod vectors;
