//! The only SQL about comments.

use crate::{
    core::{
        ids::{CommentId, PromotionId},
        page::{Page, PageRequest},
    },
    db::{Reader, WriteTx, entity::promotion_comment},
    error::Error,
    promotions::comments::Comment,
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set};

/// Of a request that the caller found, oldest first.
pub async fn list(reader: &Reader<'_>, promotion: PromotionId, page: PageRequest) -> Result<Page<Comment>, Error> {
    let mut query = promotion_comment::Entity::find()
        .filter(promotion_comment::COLUMN.promotion_id.eq(promotion))
        .order_by_asc(promotion_comment::Column::Id)
        .limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(promotion_comment::COLUMN.id.gt(CommentId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id.0).map(to_comment))
}

pub async fn count(tx: &WriteTx, promotion: PromotionId) -> Result<u64, Error> {
    let all = promotion_comment::Entity::find().filter(promotion_comment::COLUMN.promotion_id.eq(promotion));
    Ok(all.count(&tx.conn()).await?)
}

pub async fn insert(tx: &WriteTx, new: &Comment) -> Result<(), Error> {
    let row = promotion_comment::ActiveModel {
        id: Set(new.id),
        promotion_id: Set(new.promotion),
        account_id: Set(new.account),
        body: Set(new.body.clone()),
        created_at: Set(new.created_at),
    };
    promotion_comment::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

fn to_comment(row: promotion_comment::Model) -> Comment {
    Comment {
        id: row.id,
        promotion: row.promotion_id,
        account: row.account_id,
        body: row.body,
        created_at: row.created_at,
    }
}
