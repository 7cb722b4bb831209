//! Amounts of bytes as people write them.

use std::{fmt, str::FromStr};

/// Beyond this, numbers in JSON are not exact everywhere: 8 PiB.
const MOST: u64 = 1 << 53;
const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];

/// So many bytes, at most 8 PiB: written as a number, or as a whole number of KiB, MiB, GiB or TiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(u64);

impl Bytes {
    pub fn get(self) -> u64 {
        self.0
    }

    /// As databases have numbers.
    pub fn signed(self) -> i64 {
        self.0 as i64
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let shift = match unit.trim_start() {
            "" => Some(0),
            unit => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, shift)| *shift),
        };
        let bytes = shift.and_then(|shift| number.parse::<u64>().ok()?.checked_mul(1 << shift));
        match bytes {
            Some(bytes) if bytes <= MOST => Ok(Self(bytes)),
            Some(_) => Err(format!("\"{text}\" is more than 8192TiB")),
            None => Err(format!(
                "\"{text}\" is no amount of bytes: a number, or one of KiB, MiB, GiB or TiB such as 500GiB"
            )),
        }
    }
}

/// In the largest unit of which it is a whole number.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().rev().find(|(_, shift)| self.0 != 0 && self.0.trailing_zeros() >= *shift);
        match whole {
            Some((unit, shift)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_number_with_or_without_a_unit_and_is_written_as_it_is_read() {
        for (text, bytes, written) in [
            ("0", 0, "0"),
            ("1023", 1023, "1023"),
            ("1536", 1536, "1536"),
            ("2048", 2048, "2KiB"),
            ("500GiB", 500 << 30, "500GiB"),
            ("3 TiB", 3 << 40, "3TiB"),
            ("8192TiB", 1 << 53, "8192TiB"),
        ] {
            let read: Bytes = text.parse().expect(text);
            assert_eq!((read.get(), read.to_string().as_str()), (bytes, written), "{text}");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for text in
            ["", "GiB", "-1", "+1", "1.5GiB", "1GB", "1gib", "1 G", "1e3", "8193TiB", "99999999999999999999", "1GiB "]
        {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
