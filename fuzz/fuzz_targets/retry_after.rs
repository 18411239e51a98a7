//! The target `retry_after` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| connectors::pipeline::fuzzing::retry_after(data));
