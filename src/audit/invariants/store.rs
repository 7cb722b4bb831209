//! The only SQL of the checker: the texts that its rules need, page by page.

use super::Texts;
use crate::{
    audit::changes::tables,
    db::{
        Reader,
        entity::{environment_revision, promotion_request, validation_run},
    },
    error::Error,
};
use plimsoll_migrations::capture;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

/// Rows per statement.
const PAGE: u64 = 1_000;

pub async fn texts(reader: &Reader<'_>) -> Result<Texts, Error> {
    let mut texts = Texts::default();
    let mut after = None;
    loop {
        let query = promotion_request::Entity::find().order_by_asc(promotion_request::Column::Id).limit(PAGE);
        let query = match after {
            Some(id) => query.filter(promotion_request::COLUMN.id.gt(id)),
            None => query,
        };
        let page = query.all(reader.conn()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        page.iter().for_each(|row| texts.add_decision(&row.id.to_string(), &row.decision, &row.decision_digest));
    }
    for row in environment_revision::Entity::find().all(reader.conn()).await? {
        texts.add_document(&row.body, &row.digest);
    }
    let mut after = None;
    loop {
        let query = validation_run::Entity::find().order_by_asc(validation_run::Column::Id).limit(PAGE);
        let query = match after {
            Some(id) => query.filter(validation_run::COLUMN.id.gt(id)),
            None => query,
        };
        let page = query.all(reader.conn()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for row in page {
            if let Some((text, digest)) = row.verdicts.zip(row.verdicts_digest) {
                texts.add_verdicts(&text, &digest);
            }
        }
    }
    names(reader, &mut texts).await?;
    Ok(texts)
}

/// What accounts are called: limits and policies name people.
async fn names(reader: &Reader<'_>, texts: &mut Texts) -> Result<(), Error> {
    let Some(accounts) = tables::find("account") else { return Ok(()) };
    let mut after = 0;
    loop {
        let page = capture::stored(reader.conn(), accounts.name, accounts.key, after, PAGE).await?;
        for row in &page {
            let name = serde_json::from_str::<Value>(&row.row).map_err(Error::internal)?;
            if let (Some(name), Some(salt)) = (name.get("name").and_then(Value::as_str), &row.salt) {
                texts.add_name(name, salt);
            }
        }
        after += page.len() as u64;
        if (page.len() as u64) < PAGE {
            return Ok(());
        }
    }
}
