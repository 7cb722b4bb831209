#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::crypto::dsse::Envelope;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::parse(bytes) {
        // What was read says the same again.
        let again = envelope.to_json().to_string();
        assert!(Envelope::parse(again.as_bytes()).is_ok());
    }
});
