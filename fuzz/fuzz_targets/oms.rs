#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::crypto::oms;

fuzz_target!(|bytes: &[u8]| {
    let _ = oms::verify(bytes, &[], &[]);
});
