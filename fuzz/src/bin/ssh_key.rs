//! libFuzzer's program of [`locum_fuzz::ssh_key`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::ssh_key::run(data));
