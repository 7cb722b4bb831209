#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::readme;

fuzz_target!(|bytes: &[u8]| {
    let Ok(card) = readme::read(bytes) else { return };
    let page = card.html.to_ascii_lowercase();
    // What would run or load something: no tag is written but those of the allow-list, and no other sign opens one.
    for forbidden in ["<script", "<img", "<svg", "<iframe", "<style", "<form", "<base", "<!", "href=\"javascript:"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
});
