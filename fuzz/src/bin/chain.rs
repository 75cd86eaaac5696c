//! libFuzzer's program of [`locum_fuzz::chain`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::chain::run(data));
