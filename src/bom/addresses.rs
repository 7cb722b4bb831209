//! Which addresses a bill may have: the schema's strict readers refuse a whole bill for one that is none.

/// Longer ones are left out.
const ADDRESS_BYTES: usize = 2_000;

/// An address with a scheme as RFC 3986 writes it, which the schema's format `iri-reference` accepts. Others, and those with
/// letters beyond ASCII, are left out rather than written in another way than their author did.
pub fn address(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let fits = text.len() <= ADDRESS_BYTES && !rest.is_empty() && rest.matches('#').count() <= 1;
    let has_authority = rest.strip_prefix("//").is_none_or(is_place);
    (is_scheme && fits && has_authority && is_spelt(rest)).then(|| text.to_owned())
}

/// `user@host:port`, up to the path; the host is not looked at further.
fn is_place(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.split_once('@').map_or(authority, |(_, place)| place);
    let port = place.split_once(':').map_or("", |(_, port)| port);
    !place.contains('@') && port.bytes().all(|b| b.is_ascii_digit())
}

/// Only characters that stand for themselves, and percent signs with two hex digits.
fn is_spelt(rest: &str) -> bool {
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        let fits = match byte {
            b'%' => [left.next(), left.next()].iter().all(|digit| digit.is_some_and(|d| d.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_or_is_left_out() {
        for good in [
            "https://example.org/a%20b?c=d&e=(f)#g",
            "git+https://example.org/credit.git@refs/heads/main",
            "ssh://git@example.org:22/credit",
            "s3://bucket/rows.csv",
            "urn:example:rows",
        ] {
            assert_eq!(address(good).as_deref(), Some(good));
        }
        let long = format!("https://example.org/{}", "x".repeat(ADDRESS_BYTES));
        for bad in [
            "",
            "rows.csv",
            "https:",
            "1https://example.org",
            "https://example.org/a b",
            "https://example.org/%2",
            "https://example.org/%zz",
            "https://example.org/<script>",
            "https://example.org:port/",
            "https://[::1/",
            "https://example.org/a#b#c",
            "https://example.org/ü",
            "https://example.org/\u{202E}",
            &long,
        ] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
