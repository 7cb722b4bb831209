//! One-time codes by the clock: RFC 6238 with SHA-1, 30 seconds and six digits, which is what every
//! authenticator understands.

use std::fmt::Write as _;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

/// RFC 4226 asks for 128 bits and recommends 160.
const SECRET_BYTES: usize = 20;
/// How many steps a clock may be off, on either side.
const TOLERANCE: u16 = 1;
pub const STEP_SECONDS: u64 = 30;
const DIGITS: u8 = 6;

#[derive(Debug, thiserror::Error)]
pub enum TotpError {
    #[error("the operating system gave no randomness")]
    NoRandomness,
    #[error("this is no secret of an authenticator: it has another length")]
    Length,
}

/// What the service and an authenticator share. Wiped from memory when dropped.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, TotpError> {
        let mut bytes = Zeroizing::new(vec![0; SECRET_BYTES]);
        getrandom::fill(&mut bytes).map_err(|_| TotpError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// # Errors
    /// When it has another length than those that are made here.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Result<Self, TotpError> {
        if bytes.len() == SECRET_BYTES { Ok(Self(bytes)) } else { Err(TotpError::Length) }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As people type it: base32 without padding.
    pub fn base32(&self) -> String {
        totp_rs::Secret::from(self.0.to_vec()).to_base32()
    }

    /// What an authenticator reads from a picture.
    pub fn address(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (encoded(issuer), encoded(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.base32())
    }

    /// The code of a moment in seconds since 1970.
    pub fn code(&self, seconds: u64) -> String {
        self.totp().generate(seconds).to_string()
    }

    /// The step that a code is of, if it is of now, give or take one. Spaces do not matter.
    pub fn step_of(&self, code: &str, seconds: u64) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let is_code = code.len() == usize::from(DIGITS) && code.bytes().all(|byte| byte.is_ascii_digit());
        if is_code { self.totp().check(&code, seconds) } else { None }
    }

    /// The length of the secret was checked when it was made.
    fn totp(&self) -> Totp {
        Builder::new()
            .with_secret(self.0.to_vec())
            .with_digits(DIGITS)
            .with_skew(TOLERANCE)
            .with_step_duration(STEP_SECONDS)
            .build_noncompliant()
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => encoded.push(char::from(byte)),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_the_rfc() -> Secret {
        Secret::from_bytes(Zeroizing::new(b"12345678901234567890".to_vec())).expect("20 bytes")
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Its codes have eight digits; these are the last six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(of_the_rfc().code(seconds), code, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_of_now_give_or_take_a_step() {
        let (secret, now) = (of_the_rfc(), 1_111_111_111);
        let step = now / STEP_SECONDS;
        for (shift, fits) in [(0_u64, false), (1, true), (2, true), (3, true), (4, false)] {
            let step = step + shift - 2;
            let code = secret.code(step * STEP_SECONDS);
            assert_eq!(secret.step_of(&code, now), fits.then_some(step), "{shift}");
        }
        let code = secret.code(now);
        assert_eq!(secret.step_of(&format!(" {} {}\t", &code[..3], &code[3..]), now), Some(step));
        for bad in ["", "000000", &code[..5], "0504710", "50471", "+50471", "٠٥٠٤٧١"] {
            assert_eq!(secret.step_of(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn a_secret_is_typed_and_photographed() {
        let secret = of_the_rfc();
        assert_eq!(secret.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let address = secret.address("plimsoll.example/log", "ines");
        assert!(address.starts_with("otpauth://totp/plimsoll.example%2Flog:ines?secret=GEZDG"), "{address}");
        assert_ne!(Secret::generate().expect("one").base32(), Secret::generate().expect("another").base32());
        assert!(Secret::from_bytes(Zeroizing::new(b"short".to_vec())).is_err());
    }
}
