//! libFuzzer's program of [`locum_fuzz::jwks`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::jwks::run(data));
