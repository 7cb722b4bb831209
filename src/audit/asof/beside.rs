//! What the log tells beside the state: what had become of closed requests, and what stood in the
//! record of a model, its texts as salted hashes.

use super::{State, text};
use crate::audit::{changes::Row, replay::Tables};
use std::collections::BTreeMap;

pub struct StateAndRows {
    pub state: State,
    /// States by the ids of requests, closed ones too.
    pub requests: BTreeMap<String, String>,
    /// Rows by the ids of models.
    pub models: BTreeMap<String, Row>,
}

impl StateAndRows {
    pub fn new(state: State, tables: &Tables) -> Self {
        let requests = tables.rows("promotion_request").map(|(id, row)| (id.clone(), text(row, "state").to_owned()));
        let models = tables.rows("model").map(|(id, row)| (id.clone(), row.clone()));
        Self { state, requests: requests.collect(), models: models.collect() }
    }
}
