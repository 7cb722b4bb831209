//! API tokens: `plm_`, 43 random base62 characters (256 bits) and 6 checksum characters.
//!
//! Invariants: only the hash of a token is stored; the checksum tells a mistyped or
//! made-up token apart without a look-up; the `Debug` form shows only the accessor.

use crate::crypto::hex;
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

const PREFIX: &str = "plm_";
const SECRET_CHARS: usize = 43;
const CHECKSUM_CHARS: usize = 6;
const TOKEN_BYTES: usize = PREFIX.len() + SECRET_CHARS + CHECKSUM_CHARS;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("this is not a token; a token begins with \"{PREFIX}\" and has {TOKEN_BYTES} characters")]
    NotAToken,
    #[error("the token is mistyped: its last characters do not fit the others; copy it again")]
    Mistyped,
    #[error("the operating system gave no randomness, so no token was made; try again")]
    NoRandomness,
}

/// A token in clear. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    pub fn generate() -> Result<Self, TokenError> {
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_BYTES));
        text.push_str(PREFIX);
        let mut random = Zeroizing::new([0; 64]);
        while text.len() < PREFIX.len() + SECRET_CHARS {
            getrandom::fill(random.as_mut()).map_err(|_| TokenError::NoRandomness)?;
            // 248 is the largest multiple of 62 in a byte: below it, characters are equally likely.
            let fair = random.iter().filter(|byte| **byte < 248);
            for byte in fair.take(PREFIX.len() + SECRET_CHARS - text.len()) {
                text.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Self(text))
    }

    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let secret = text.strip_prefix(PREFIX).ok_or(TokenError::NotAToken)?;
        if text.len() != TOKEN_BYTES || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(TokenError::NotAToken);
        }
        let (body, stated) = text.split_at(TOKEN_BYTES - CHECKSUM_CHARS);
        if checksum(body) != stated {
            return Err(TokenError::Mistyped);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// What is stored and looked up: lowercase hex SHA-256 of the text. The token is random
    /// enough that no slow hash is needed.
    pub fn hash(&self) -> String {
        hex::encode(&Sha256::digest(self.0.as_bytes()))
    }

    /// What people call the token by: `tok_` and 60 bits derived from the hash. No secret.
    pub fn accessor(&self) -> String {
        let digest = Sha256::new().chain_update("accessor\n").chain_update(self.hash()).finalize();
        let bits = digest.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let chars = (0..12).map(|n| char::from(BASE32[(bits >> (59 - 5 * n) & 31) as usize]));
        format!("tok_{}", chars.collect::<String>())
    }

    /// The token in clear, to hand to its owner once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.accessor())
    }
}

/// Six base62 characters of the SHA-256 over everything before them.
fn checksum(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    let mut rest = digest.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut text = String::with_capacity(CHECKSUM_CHARS);
    for _ in 0..CHECKSUM_CHARS {
        text.push(char::from(BASE62[(rest % 62) as usize]));
        rest /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text() {
        let (token, other) = (Token::generate().expect("token"), Token::generate().expect("token"));
        assert_eq!(token.reveal().len(), 53);
        let again = Token::parse(token.reveal()).expect("readable");
        assert_eq!((again.hash(), again.accessor()), (token.hash(), token.accessor()));
        assert_ne!((other.hash(), other.accessor()), (token.hash(), token.accessor()));
        assert_eq!((token.hash().len(), token.accessor().len()), (64, 16));
        assert_eq!(format!("{token:?}"), format!("Token({})", token.accessor()));
    }

    #[test]
    fn mistyped_tokens_are_refused_without_a_look_up() {
        let text = Token::generate().expect("token").reveal().to_owned();
        for at in PREFIX.len()..text.len() {
            let other = if &text[at..=at] == "a" { "b" } else { "a" };
            let typo = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(Token::parse(&typo).err(), Some(TokenError::Mistyped), "{at}");
        }
        for bad in [
            "",
            "plm_",
            &text[1..],
            &text[..52],
            &format!("{text}a"),
            &text.replace("plm_", "plx_"),
            &format!(" {}", &text[..52]),
        ] {
            assert_eq!(Token::parse(bad).err(), Some(TokenError::NotAToken), "{bad}");
        }
    }
}
