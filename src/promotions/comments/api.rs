use crate::{
    accounts,
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        ids::{AccountId, CommentId, PromotionId},
        page::{self, PageRequest},
        text::Paragraph,
    },
    error::{Error, InField},
    http::{
        extract::{PageParams, ValidJson},
        problem::{Changed, Found, Problem},
    },
    promotions::comments::{Comment, ops},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use std::collections::HashMap;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "comments";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(say);
}

#[derive(serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentInput {
    /// At most 8,000 bytes.
    pub body: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CommentView {
    pub id: CommentId,
    pub by: String,
    pub body: String,
    pub at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CommentPage {
    pub items: Vec<CommentView>,
    pub next_cursor: Option<String>,
}

/// List what was said on a request, oldest first.
#[utoipa::path(tag = "promotions", operation_id = "listComments",
    params(("promotion" = PromotionId, Path, description = "Request id"), PageParams),
    responses((status = 200, description = "A page of comments", body = CommentPage), Found))]
#[get("/promotions/{promotion}/comments")]
async fn list(
    app: Data<App>,
    who: Principal,
    id: Path<PromotionId>,
    params: Query<PageParams>,
) -> Result<Json<CommentPage>, Problem> {
    Ok(Json(shown(&app, &who, *id, params.parse(LIST)?).await?))
}

/// Say something on a request, open or closed. It changes nothing that is decided on.
#[utoipa::path(tag = "promotions", operation_id = "commentOnPromotion", request_body = CommentInput,
    params(("promotion" = PromotionId, Path, description = "Request id")),
    responses((status = 201, description = "Said, for good", body = CommentView), Changed))]
#[post("/promotions/{promotion}/comments")]
async fn say(
    app: Data<App>,
    who: Principal,
    id: Path<PromotionId>,
    input: ValidJson<CommentInput>,
) -> Result<HttpResponse, Problem> {
    let body = Paragraph::parse_required(&input.0.body).in_field("body")?;
    let made = ops::comment(&app, &who, *id, body).await?;
    let names = HashMap::from([(made.account, who.name)]);
    Ok(HttpResponse::Created().json(show(made, &names)))
}

/// A page as it is shown, with names.
pub async fn shown(app: &App, who: &Principal, id: PromotionId, page: PageRequest) -> Result<CommentPage, Error> {
    let page = ops::list(app, who, id, page).await?;
    let people: Vec<_> = page.items.iter().map(|comment| comment.account).collect();
    let names = accounts::ops::names(app, &people).await?;
    let page = page.map(|comment| show(comment, &names));
    Ok(CommentPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items })
}

fn show(comment: Comment, names: &HashMap<AccountId, String>) -> CommentView {
    CommentView {
        id: comment.id,
        by: names.get(&comment.account).cloned().unwrap_or_default(),
        body: comment.body,
        at: rfc3339(comment.created_at),
    }
}
