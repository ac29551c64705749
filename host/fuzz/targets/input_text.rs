//! See `onepath_fuzz::input_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onepath_fuzz::input_text(data));
