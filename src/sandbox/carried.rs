//! What a model is given back of its own: values that one call leaves for the next.

use super::{
    failure::{Failure, quoted},
    predict::Table,
    session::Argument,
};
use ort::{
    session::{SessionInputValue, SessionOutputs},
    value::DynValue,
};

/// The state between two calls; empty where the table has none.
#[derive(Default)]
pub(super) struct Carried {
    /// One for each slot of the table.
    values: Vec<DynValue>,
}

impl Carried {
    /// Begins anew where a sequence begins with this row, or where nothing was carried yet.
    pub fn before(&mut self, table: &Table, row: usize) -> Result<(), Failure> {
        if self.values.len() != table.state.len() || table.starts.binary_search(&row).is_ok() {
            self.values = table.state.iter().map(super::feeding::Slot::begin).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    pub fn arguments<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = Argument<'a>> {
        let pairs = table.state.iter().zip(&self.values);
        pairs.map(|(slot, value)| (slot.input.as_str(), SessionInputValue::from(value)))
    }

    /// Takes what the call left for the next one.
    pub fn after(&mut self, table: &Table, answers: &mut SessionOutputs<'_>) -> Result<(), Failure> {
        for (slot, value) in table.state.iter().zip(&mut self.values) {
            let left = answers.remove(&slot.output);
            let absent = || Failure::output(format!("the output {} was not given", quoted(&slot.output)));
            *value = left.ok_or_else(absent)?;
        }
        Ok(())
    }
}
