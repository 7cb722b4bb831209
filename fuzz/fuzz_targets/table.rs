#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::datasets::table::Table;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = Table::parse(bytes) {
        for name in table.names() {
            assert_eq!(table.column(name).map(<[String]>::len), Some(table.rows()));
        }
    }
});
