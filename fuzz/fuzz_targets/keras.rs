#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::archive;

fuzz_target!(|bytes: &[u8]| {
    plimsoll_fuzz::file("model.keras", &archive(&[("config.json", bytes), ("metadata.json", b"{}")]));
});
