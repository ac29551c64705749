//! See `onepath_fuzz::damaged_store`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onepath_fuzz::damaged_store(data));
