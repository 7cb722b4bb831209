//! The only SQL of the checker: the texts that its rules need, page by page.

use super::Texts;
use crate::{
    db::{
        Reader,
        entity::{environment_revision, promotion_request, validation_run},
    },
    error::Error,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

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
    Ok(texts)
}
