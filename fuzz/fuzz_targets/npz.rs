#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = plimsoll_formats::npz::read(std::io::Cursor::new(bytes), 1 << 20);
});
