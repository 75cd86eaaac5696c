//! libFuzzer's program of [`locum_fuzz::saml_response`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| locum_fuzz::saml_response::run(data));
