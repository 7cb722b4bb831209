//! Which licences have an identifier of SPDX. Model cards write them in small letters.

/// The identifiers of the SPDX licence list 3.28 that the schema of CycloneDX 1.6 has, one a line: it refuses others, which are
/// given by their name.
const IDENTIFIERS: &str = include_str!("spdx.txt");

/// The identifier, however its letters are written (SPDX 3.0, annex B).
pub fn identifier(said: &str) -> Option<&'static str> {
    IDENTIFIERS.lines().find(|id| id.eq_ignore_ascii_case(said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_license_is_known_however_its_letters_are_written() {
        assert_eq!(identifier("apache-2.0"), Some("Apache-2.0"));
        assert_eq!(identifier(" MIT "), Some("MIT"));
        assert_eq!(identifier("other"), None);
        assert_eq!(identifier("openrail"), None);
        assert_eq!(identifier(""), None);
    }
}
