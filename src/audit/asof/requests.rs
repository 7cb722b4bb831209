//! What had become of requests, closed ones too, as the log tells it.

use super::text;
use crate::audit::replay::Tables;
use std::collections::BTreeMap;

/// States by the ids of requests.
pub fn states(tables: &Tables) -> BTreeMap<String, String> {
    tables.rows("promotion_request").map(|(id, row)| (id.clone(), text(row, "state").to_owned())).collect()
}
