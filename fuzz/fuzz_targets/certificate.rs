#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::crypto::certificate::{Authority, Chain};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(chain) = Chain::new(vec![bytes.to_vec()]) {
        let _ = chain.key();
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Chain::from_pem(text);
    if let Ok(authority) = Authority::from_pem(text, Vec::new()) {
        // What was read says the same again.
        assert_eq!(Authority::from_pem(&authority.to_pem(), Vec::new()), Ok(authority));
    }
});
