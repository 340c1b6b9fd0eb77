//! What a server says first, on any bytes.
#![no_main]

use nwcheck::model::speech::banner;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let read = banner::read(data);
    assert!(!read.text.unwrap_or_default().chars().any(nwcheck::model::text::deceives));
    banner::is_whole(data);
});
