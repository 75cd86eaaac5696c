//! libFuzzer's program of [`locum_fuzz::certificate`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::certificate::run(data));
