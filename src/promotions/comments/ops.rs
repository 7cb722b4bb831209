use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{
        event::Event,
        ids::{CommentId, PromotionId},
        page::{Page, PageRequest},
        text::Paragraph,
    },
    error::Error,
    promotions::{
        self,
        comments::{Comment, MAX_COMMENTS, store},
        ops::NOT_FOUND,
    },
};

/// Says something on a request, open or closed.
pub async fn comment(app: &App, who: &Principal, id: PromotionId, body: Paragraph) -> Result<Comment, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let tx = app.db.begin().await?;
    promotions::store::lock(&tx, sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let permit = policy::act(who, Action::PromotionComment).map_err(|denied| denied.on("promotion", id))?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    if MAX_COMMENTS <= store::count(&tx, id).await? {
        let detail = format!("a request takes {MAX_COMMENTS} comments, and it has them; say it elsewhere");
        return Err(Error::conflict("comments_full", detail));
    }
    let comment =
        Comment { id: CommentId::generate(), promotion: id, account, body: body.to_string(), created_at: tx.at() };
    store::insert(&tx, &comment).await?;
    tx.commit(permit, Event::PromotionCommented { promotion: id, comment: comment.id }).await?;
    Ok(comment)
}

pub async fn list(app: &App, who: &Principal, id: PromotionId, page: PageRequest) -> Result<Page<Comment>, Error> {
    let sight = policy::read(who, Action::PromotionRead)?;
    let reader = app.db.read(&sight);
    promotions::store::find(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    store::list(&reader, id, page).await
}
