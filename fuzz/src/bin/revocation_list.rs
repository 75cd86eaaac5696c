//! libFuzzer's program of [`locum_fuzz::revocation_list`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::revocation_list::run(data));
