//! See `onepath_fuzz::project_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onepath_fuzz::project_file(data));
