//! The target `definition` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| connectors::pipeline::fuzzing::definition(data));
