//! How states, times, digests and sizes read to people.

use crate::core::clock;
use chrono::{DateTime, Utc};

/// The colour family of a state; the word itself always stands beside it.
pub fn tone(state: &str) -> &'static str {
    match state {
        "pass" | "passed" | "verified" | "active" | "activated" | "approved" | "approve" | "sealed" | "done"
        | "closed" | "granted" | "justified" | "in_force" | "sound" => "good",
        "fail" | "failed" | "checks_failed" | "rejected" | "reject" | "revoked" | "untrusted" | "invalidated"
        | "denied" | "timed_out" | "errored" | "refuted" | "key_revoked" | "bypassed" | "unjustified" | "refused"
        | "lapsed" | "overdue" | "critical" | "open" | "suspended" => "bad",
        "awaiting_approval" | "inconclusive" | "not_measured" | "not_representative" | "waived" | "absent"
        | "running" | "queued" | "high" | "warn" | "held" | "remediating" | "risk_accepted" | "requested"
        | "proposed" | "medium" | "due" | "upcoming" => "mind",
        _ => "quiet",
    }
}

/// A state as a word: `awaiting_approval` is "awaiting approval".
pub fn spoken(state: &str) -> String {
    state.replace('_', " ")
}

/// RFC 3339, for a `datetime` attribute.
pub fn exact(at: &DateTime<Utc>) -> String {
    clock::rfc3339(*at)
}

/// "2 Jan 2026, 03:04 UTC" for an RFC 3339 time; the exact one goes beside it.
pub fn moment(rfc3339: &str) -> String {
    match DateTime::parse_from_rfc3339(rfc3339) {
        Ok(at) => at.with_timezone(&Utc).format("%-d %b %Y, %H:%M UTC").to_string(),
        Err(_) => rfc3339.to_owned(),
    }
}

/// "2026-01-02 03:04:05 UTC" for an RFC 3339 time: for tables where seconds matter.
pub fn instant(rfc3339: &str) -> String {
    match DateTime::parse_from_rfc3339(rfc3339) {
        Ok(at) => at.with_timezone(&Utc).format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => rfc3339.to_owned(),
    }
}

/// How long something lasted or lies back, in the largest unit that says enough.
pub fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let minutes = (to - from).num_minutes().max(0);
    let (count, unit) = match minutes {
        0..=119 => (minutes, "minute"),
        120..=2879 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The beginning of a digest, for telling things apart; the whole one goes beside it.
pub fn short(digest: &str) -> String {
    let kept = digest.strip_prefix("sha256:").map_or(12, |_| 19);
    match digest.char_indices().nth(kept) {
        Some((end, _)) => format!("{}…", &digest[..end]),
        None => digest.to_owned(),
    }
}

/// Bytes in binary units with one decimal.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while 1024.0 <= value && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A fraction of 1 as a percentage with one decimal.
pub fn percent(fraction: f64) -> String {
    format!("{:.1} %", fraction * 100.0)
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i != 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, TimeZone};

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(moment("2026-01-02T03:04:05.000006Z"), "2 Jan 2026, 03:04 UTC");
        assert_eq!(instant("2026-01-02T03:04:05.000006Z"), "2026-01-02 03:04:05 UTC");
        assert_eq!((moment("later"), instant("later")), ("later".to_owned(), "later".to_owned()));
        assert_eq!((size(1023), size(1024), size(1 << 40)), ("1023 bytes".into(), "1.0 KiB".into(), "1.0 TiB".into()));
        assert_eq!((grouped(7), grouped(1234), grouped(1_234_567)), ("7".into(), "1,234".into(), "1,234,567".into()));
        assert_eq!(percent(0.1184), "11.8 %");
        assert_eq!(short("sha256:0123456789abcdef"), "sha256:0123456789ab…");
        assert_eq!(short("ää"), "ää");
    }

    #[test]
    fn a_span_says_enough() {
        let from = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("valid");
        for (minutes, want) in [(-5, "0 minutes"), (1, "1 minute"), (130, "2 hours"), (60 * 24 * 112, "112 days")] {
            assert_eq!(span(from, from + TimeDelta::minutes(minutes)), want);
        }
    }
}
