//! libFuzzer's program of [`locum_fuzz::variables`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::variables::run(data));
