//! Passwords that are tried first: those of lists that leaked, and what is made of them.
//!
//! `common.bin` holds the first six bytes of the SHA-256 of each, in ascending order: the file can be
//! searched, and shows nobody what stands in it. `NOTICE` says where the list comes from.

use sha2::{Digest as _, Sha256};

const LISTED: &[u8] = include_bytes!("common.bin");
const PREFIX: usize = 6;
/// What is longer stands on no list, and is made of nothing that does.
const MAX_CHARS: usize = 64;
const MIN_PIECE: usize = 4;
/// What is said again and again is tried first when it is short; a sentence said twice is a sentence.
const MAX_UNIT: usize = 8;
/// Two words that are tried first are tried together as well; three are a phrase.
const MAX_PIECES: u8 = 2;
/// Characters that follow each other on a keyboard or in a list, each row also read backwards.
const ROWS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "012345678901234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "qawsedrftgyhujikolp",
];

/// Whether a password in lower case stands on the list, with or without digits and signs around it,
/// or is nothing but two such pieces, rows of the keyboard or repetitions.
pub fn is_guessed_first(lower: &str) -> bool {
    if is_listed(lower) || is_repetition(lower, MAX_UNIT) {
        return true;
    }
    let bare: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    if MAX_CHARS < bare.chars().count() {
        return false;
    }
    let inner = bare.trim_matches(|c: char| c.is_ascii_digit());
    [bare.as_str(), inner].iter().any(|text| MIN_PIECE <= text.len() && is_made_of(text, MAX_PIECES))
}

fn is_made_of(text: &str, pieces: u8) -> bool {
    if text.is_empty() {
        return true;
    }
    let mut ends = (MIN_PIECE..=text.len()).filter(|end| text.is_char_boundary(*end));
    0 < pieces && ends.any(|end| is_piece(&text[..end]) && is_made_of(&text[end..], pieces - 1))
}

fn is_piece(text: &str) -> bool {
    is_row(text) || is_repetition(text, 4) || is_listed(text)
}

fn is_row(text: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}

/// Whether the text is one unit of so many characters at most, again and again.
fn is_repetition(text: &str, max_unit: usize) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let repeats = |unit: usize| chars.iter().zip(chars.iter().skip(unit)).all(|(one, next)| one == next);
    (1..=max_unit.min(chars.len() / 2)).any(repeats)
}

fn is_listed(text: &str) -> bool {
    let digest = Sha256::digest(text.as_bytes());
    let (prefixes, _) = LISTED.as_chunks::<PREFIX>();
    prefixes.binary_search_by(|prefix| prefix.as_slice().cmp(&digest[..PREFIX])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        let (prefixes, rest) = LISTED.as_chunks::<PREFIX>();
        assert!(rest.is_empty() && prefixes.is_sorted() && 15_000 < prefixes.len(), "{}", prefixes.len());
        for listed in ["password", "123456", "qwerty", "iloveyou", "dragon", "letmein", "monkey", "football"] {
            assert!(is_listed(listed), "{listed}");
        }
    }

    #[test]
    fn what_is_tried_first_is_known_in_its_usual_disguises() {
        for bad in [
            "passwordpassword",
            "password12345678",
            "password-iloveyou",
            "123456789012345",
            "qwertyuiopasdfghjkl",
            "1qaz2wsx3edc4rfv",
            "zyxwvutsrqponmlk",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "1q2w3e4r5t6y7u8i",
            "iloveyou!!!!2024",
            "monkey.dragon.99",
            "2024-football-2024",
            "princess-sunshine",
            "11111111111111111",
            "chelsea-liverpool!",
        ] {
            assert!(is_guessed_first(bad), "{bad}");
        }
        for good in
            ["a password of some length", "a long enough one", "corrected horses battering", "8f3a-91bc-77d0-e1f2"]
        {
            assert!(!is_guessed_first(good), "{good}");
        }
    }
}
