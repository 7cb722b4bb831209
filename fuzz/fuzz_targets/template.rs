#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    plimsoll_fuzz::file("chat_template.jinja", bytes);
    plimsoll_fuzz::file("tokenizer_config.json", bytes);
});
