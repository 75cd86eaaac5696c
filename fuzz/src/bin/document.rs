//! libFuzzer's program of [`locum_fuzz::document`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::document::run(data));
