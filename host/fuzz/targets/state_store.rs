//! See `onepath_fuzz::state_store`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onepath_fuzz::state_store(data));
