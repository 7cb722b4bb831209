//! The textual form of keys (RFC 7468), written in exactly one way: 64 columns, LF, and a
//! final newline. Fingerprints are taken over this text, so it must never vary.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// More than any key that Plimsoll reads.
pub const MAX_PEM_BYTES: usize = 8 << 10;

/// The body passes through buffers that are wiped, as it may be a secret.
pub fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(body.len() + body.len() / 32 + 2 * label.len() + 64));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
