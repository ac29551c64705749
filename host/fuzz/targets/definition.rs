//! See `onepath_fuzz::definition`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onepath_fuzz::definition(data));
