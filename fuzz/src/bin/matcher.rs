//! libFuzzer's program of [`locum_fuzz::matcher`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::matcher::run(data));
