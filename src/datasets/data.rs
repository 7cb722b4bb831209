//! The rows of a data set, whatever file they came in.

use super::{
    Description,
    table::Table,
    tensors::{Tensors, bind},
};
use crate::{core::Malformed, formats::npz};
use std::io::Cursor;

/// Unpacked bytes of all arrays. They go to the sandbox in one message.
const MAX_ARRAY_BYTES: u64 = 512 << 20;

/// What a model is measured on. Invariant: table and tensors have the same rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// All columns of a CSV; of an `.npz` the labels and the sensitive columns.
    pub table: Table,
    /// What feeds the model, where that is no table.
    pub tensors: Option<Tensors>,
}

/// Why a file and its description are no data set.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What is at fault: the `file` alone, or the `description` of it.
    pub field: &'static str,
    /// Names the line, the column or the array.
    pub detail: String,
}

impl Unfit {
    fn file(detail: &str) -> Self {
        Self { field: "file", detail: detail.to_owned() }
    }

    fn description(wrong: Malformed) -> Self {
        Self { field: "description", detail: wrong.0 }
    }
}

impl Data {
    /// Reads a CSV, or an `.npz` where the description speaks of arrays.
    ///
    /// # Errors
    /// Names the line, the column or the array that is wrong.
    pub fn read(bytes: &[u8], description: &Description) -> Result<Self, Unfit> {
        let Some(of) = &description.tensors else {
            let table = Table::parse(bytes).map_err(|wrong| Unfit::file(&wrong.0))?;
            if let Some(column) = description.columns().find(|column| table.column(column).is_none()) {
                return Err(Unfit::description(Malformed::new(format!("the file has no column \"{column}\""))));
            }
            check_labels(description, &table)?;
            if let Some(recorded) = &description.recorded {
                recorded.fits(&table).map_err(Unfit::description)?;
            }
            return Ok(Self { table, tensors: None });
        };
        let arrays = npz::read(Cursor::new(bytes), MAX_ARRAY_BYTES).map_err(|refusal| Unfit::file(refusal.detail()))?;
        let (table, tensors) = bind(description, of, &arrays).map_err(Unfit::description)?;
        check_labels(description, &table)?;
        Ok(Self { table, tensors: Some(tensors) })
    }

    pub fn rows(&self) -> usize {
        self.table.rows()
    }
}

/// A row without a label would count as wrong, whatever the model says of it. Where no row has one, nothing is counted.
fn check_labels(description: &Description, table: &Table) -> Result<(), Unfit> {
    let labels = table.column(&description.label).filter(|_| description.has_label()).unwrap_or_default();
    let is_unlabelled = description.positive_label.is_none() && labels.iter().all(String::is_empty);
    if let Some(row) = labels.iter().position(String::is_empty).filter(|_| !is_unlabelled) {
        return Err(Unfit { field: "label", detail: format!("row {} has no label; every row needs one", row + 1) });
    }
    match &description.positive_label {
        Some(positive) if !labels.contains(positive) => {
            let detail = format!("no row has the label \"{positive}\"; is it spelt as in the file?");
            Err(Unfit { field: "positive_label", detail })
        }
        _ => Ok(()),
    }
}
