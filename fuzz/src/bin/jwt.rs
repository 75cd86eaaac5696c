//! libFuzzer's program of [`locum_fuzz::jwt`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::jwt::run(data));
