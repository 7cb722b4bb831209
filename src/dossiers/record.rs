//! The texts of a model's record as they stood at a moment.
//!
//! The tables have the texts of today and the log has salted hashes of all that ever stood there. A
//! text of today that has the hash of that moment is the one of that moment.
//!
//! Invariant: no text that was written later gets into a dossier; one that is not kept is said to
//! be lost, and counts neither as present nor as never written.

use crate::{
    audit::changes::{self, Change, Row},
    core::clock::rfc3339,
    db::Conn,
    dossiers::store,
    error::Error,
    frameworks::{RecordText, selector::ModelField},
    models::{Model, RiskTier},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

/// What of a leaf is looked at.
#[derive(serde::Deserialize)]
struct Told {
    #[serde(default)]
    changes: Vec<Change>,
}

/// Puts the record back to what it was, and says of each field since when it stood or that it is not kept.
pub(super) async fn put_back(
    conn: &Conn<'_>,
    model: &mut Model,
    then: &Row,
    at: DateTime<Utc>,
) -> Result<BTreeMap<ModelField, RecordText>, Error> {
    let plain = |column: &str| then.get(column).and_then(Option::as_ref);
    if let Some(tier) = plain("risk_tier").and_then(Value::as_str) {
        model.risk_tier = RiskTier::parse(tier).map_err(Error::internal)?;
    }
    model.revision = plain("revision").and_then(Value::as_i64).unwrap_or(model.revision);
    let id = model.id.to_string();
    let salt = store::salt(conn, "model", &id).await?;
    let mut fields = written(&store::changes_of_record(conn, model.id, at).await?, &id)?;
    let texts = [
        (ModelField::Title, &mut model.title),
        (ModelField::IntendedUse, &mut model.intended_use),
        (ModelField::ProhibitedUse, &mut model.prohibited_use),
    ];
    for (field, text) in texts {
        let is = |text: &str| {
            let salted = changes::salted(salt.as_deref().unwrap_or_default(), field.word(), text);
            plain(field.word()).and_then(Value::as_str) == Some(salted.as_str())
        };
        if is(text) {
            continue;
        }
        if is("") {
            text.clear();
            continue;
        }
        let since = match fields.insert(field, RecordText::NotKept) {
            Some(RecordText::Since(since)) => format!(" written on {}", rfc3339(since)),
            _ => String::new(),
        };
        *text = format!("(not kept: the text{since} was replaced after this moment, and the log has only its hash)");
    }
    Ok(fields)
}

/// When each field got what stood there; the leaves are newest first.
fn written(leaves: &[(DateTime<Utc>, String)], id: &str) -> Result<BTreeMap<ModelField, RecordText>, Error> {
    let mut fields = BTreeMap::new();
    for (at, leaf) in leaves.iter().rev() {
        let told: Told = serde_json::from_str(leaf).map_err(Error::internal)?;
        let of_it = told.changes.iter().filter(|change| change.table == "model" && change.key == id);
        for change in of_it {
            for field in [ModelField::Title, ModelField::IntendedUse, ModelField::ProhibitedUse, ModelField::RiskTier] {
                if change.row.contains_key(field.word()) {
                    fields.insert(field, RecordText::Since(*at));
                }
            }
        }
    }
    Ok(fields)
}
