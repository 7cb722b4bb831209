//! What commands print: data on standard output, talk on standard error.

use super::{Exit, Failure, print};
use crate::core::text::misleads;
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;
use std::io::IsTerminal;

/// One line and much white: tables are short, and are pasted into mails.
const LINE_BELOW_HEADER: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

pub fn json(value: &impl Serialize) -> Result<Exit, Failure> {
    print(&serde_json::to_string_pretty(value).map_err(Failure::other)?)
}

/// An empty table; it takes the width of the terminal, or what it needs.
pub fn table(header: &[&str]) -> Table {
    let mut table = unwrapped_table(header);
    // A terminal that says that it has no width would get a letter per line.
    let width = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| size.ws_col);
    if std::io::stdout().is_terminal() && width != 0 {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

/// An empty table whose rows stay on one line each, whatever the width: what it shows is copied.
pub fn unwrapped_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(LINE_BELOW_HEADER).set_header(header).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// Prints a table, or a sentence instead of an empty one.
pub fn rows(table: &Table, nothing: &str) -> Result<Exit, Failure> {
    if table.is_empty() {
        return print(nothing);
    }
    print(&text(table))
}

/// The lines of a table without trailing spaces.
pub fn text(table: &Table) -> String {
    printable(&table.trim_fmt())
}

/// One `name  value` line each, aligned.
pub fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<_> = pairs.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    printable(&lines.join("\n"))
}

/// Without characters that mislead: a service must not write to the terminal what it likes.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if misleads(c) && c != '\n' && c != '\t' { '\u{FFFD}' } else { c }).collect()
}

/// A time as the service writes it, without the part of a second that only programs need.
pub fn when(rfc3339: &str) -> String {
    match chrono::DateTime::parse_from_rfc3339(rfc3339) {
        Ok(at) => at.to_utc().format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => printable(rfc3339),
    }
}

/// `720 bytes`, `33.5 KiB`, `1.2 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if amount < 1024.0 {
            break;
        }
        (amount, unit) = (amount / 1024.0, next);
    }
    format!("{amount:.1} {unit}")
}

/// That signatures of keys were believed which nobody gave.
pub fn followed(ids: &[String]) -> String {
    format!("the registry changed its key; the given one vouches for those that followed: {}", ids.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(when("2026-11-22T01:43:14.829826Z"), "2026-11-22 01:43:14 UTC");
        assert_eq!(when("soon"), "soon");
    }

    #[test]
    fn sizes_read_well() {
        for (bytes, want) in [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")] {
            assert_eq!(size(bytes), want);
        }
    }

    #[test]
    fn a_service_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\u{FFFD}[2Jb\nc");
    }
}
