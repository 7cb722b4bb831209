#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_fuzz::archive;

fuzz_target!(|bytes: &[u8]| {
    // The pickle is what is fuzzed; the archive around it is whole.
    plimsoll_fuzz::file("model.pt", &archive(&[("m/data.pkl", bytes), ("m/data/0", b"1234"), ("m/version", b"3")]));
});
