//! Secrets that somebody left in a text: keys of which the beginning says what they are. A warning, never a proof.

use crate::Finding;

/// Longer texts are data.
pub(crate) const MAX_BYTES: u64 = 1 << 20;
const ADVICE: &str = "revoke it, and take it out of the files before they are sealed";
const MAX_FOUND: usize = 8;

/// What a secret begins with, how many letters and digits follow at least, and whose it is.
const KINDS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "an access key of AWS"),
    ("ASIA", 16, "a temporary access key of AWS"),
    ("ghp_", 36, "a token of GitHub"),
    ("gho_", 36, "a token of GitHub"),
    ("ghs_", 36, "a token of GitHub"),
    ("github_pat_", 22, "a token of GitHub"),
    ("glpat-", 20, "a token of GitLab"),
    ("hf_", 34, "a token of Hugging Face"),
    ("sk-ant-", 32, "a key of Anthropic"),
    ("sk-proj-", 32, "a key of OpenAI"),
    ("xoxb-", 24, "a token of Slack"),
    ("xoxp-", 24, "a token of Slack"),
    ("AIza", 35, "a key of Google"),
    ("npm_", 36, "a token of npm"),
    ("pypi-AgEIcHlwaS5vcmc", 40, "a token of PyPI"),
    ("plm_", 32, "a token of this registry"),
    ("dop_v1_", 64, "a token of DigitalOcean"),
    ("-----BEGIN ", 0, ""),
];

/// What looks like a secret, by where it stands. The secret itself is not repeated.
pub(crate) fn findings(text: &[u8]) -> Vec<Finding> {
    let mut found = Vec::new();
    let is_of = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    for at in 0..text.len() {
        let rest = text.get(at..).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        if before.is_some_and(is_of) && !rest.starts_with(b"-----BEGIN ") {
            continue;
        }
        let of = |(start, least, whose): &(&'static str, usize, &'static str)| {
            let rest = rest.strip_prefix(start.as_bytes())?;
            if whose.is_empty() {
                let line: Vec<u8> = rest.iter().copied().take(40).take_while(|byte| *byte != b'\n').collect();
                return String::from_utf8_lossy(&line).contains("PRIVATE KEY-----").then_some("a private key");
            }
            (*least <= rest.iter().take_while(|byte| is_of(byte)).take(*least).count()).then_some(*whose)
        };
        if let Some(whose) = KINDS.iter().find_map(of) {
            let what = format!("something that looks like {whose}");
            found.push(Finding::warning("secret", what, ADVICE).at(at as u64));
            if MAX_FOUND <= found.len() {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_where_they_stand_and_never_repeated() {
        let token = format!("token = hf_{}", "aB3".repeat(12));
        for (text, at) in
            [(token.as_str(), 8), ("key: AKIAABCDEFGHIJKLMNOP\n", 5), ("a\n-----BEGIN EC PRIVATE KEY-----\nx", 2)]
        {
            let found = findings(text.as_bytes());
            assert_eq!(found.first().and_then(|finding| finding.offset), Some(at), "{text}: {found:?}");
            assert!(!found[0].to_string().contains("ABCDEFGHIJ"));
        }
        let names = "sha256:AKIA short hf_hub glpat- -----BEGIN CERTIFICATE----- xAKIAABCDEFGHIJKLMNOP";
        assert_eq!(findings(names.as_bytes()), []);
    }
}
