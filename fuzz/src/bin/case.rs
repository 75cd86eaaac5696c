//! libFuzzer's program of [`locum_fuzz::case`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::case::run(data));
