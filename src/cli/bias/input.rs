//! Columns of one or several CSV files that describe the same rows.

use super::super::{Exit, Failure};
use crate::datasets::table::Table;
use std::path::{Path, PathBuf};

pub struct Input(Vec<Table>);

impl Input {
    pub fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let tables = files.iter().map(|file| table(file)).collect::<Result<Vec<_>, _>>()?;
        for (file, table) in files.iter().zip(&tables).skip(1) {
            let rows = tables.first().map_or(0, Table::rows);
            if table.rows() != rows {
                let what = format!(
                    "{} has {} rows and the first file {rows}; give files of the same rows",
                    file.display(),
                    table.rows()
                );
                return Err(Failure::new(Exit::Usage, what));
            }
        }
        Ok(Self(tables))
    }

    pub fn rows(&self) -> usize {
        self.0.first().map_or(0, Table::rows)
    }

    /// Of several files with the column the first one counts.
    pub fn column(&self, name: &str) -> Result<&[String], Failure> {
        let found = self.0.iter().find_map(|table| table.column(name));
        found.ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().flat_map(|table| table.names()).take(40).map(String::as_str).collect();
            Failure::new(Exit::Usage, format!("there is no column \"{name}\"; there are {}", names.join(", ")))
        })
    }

    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, Failure> {
        let cells = self.column(name)?;
        let number = |(row, cell): (usize, &String)| {
            cell.trim().parse::<f64>().map_err(|_| {
                Failure::new(Exit::Usage, format!("row {} of column \"{name}\": {cell:?} is no number", row + 1))
            })
        };
        cells.iter().enumerate().map(number).collect()
    }
}

fn table(file: &Path) -> Result<Table, Failure> {
    let bytes =
        std::fs::read(file).map_err(|e| Failure::new(Exit::Usage, format!("can't read {}: {e}", file.display())))?;
    Table::parse(&bytes).map_err(|e| Failure::new(Exit::Usage, format!("{}: {}", file.display(), e.0)))
}
