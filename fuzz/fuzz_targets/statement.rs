#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::{crypto::statement::Statement, provenance};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = Statement::parse(bytes) {
        let _ = statement.to_canonical();
        let _ = provenance::of(&statement);
    }
});
