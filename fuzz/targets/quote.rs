//! The readers of what ICMP errors quote, on any bytes.
#![no_main]

#[path = "../quote.rs"]
mod quote;

libfuzzer_sys::fuzz_target!(|data: &[u8]| quote::check(data));
