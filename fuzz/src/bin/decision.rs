//! libFuzzer's program of [`locum_fuzz::decision`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::decision::run(data));
