#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::{constraints::ConstraintSpec, crypto::json};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let written = json::value(yaml_serde::Deserializer::from_str(text));
    if let Ok(written) = written {
        // Units stand in every limit of a spec, so that this tries them, too.
        let _ = ConstraintSpec::parse(&written);
    }
});
