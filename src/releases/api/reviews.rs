use super::REVIEWS;
use crate::{
    accounts,
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        ids::{ReleaseId, ReviewId},
        page::{self, PageRequest},
        text::Line,
    },
    error::{Error, InField},
    http::{
        extract::ValidJson,
        problem::{Changed, Guarded, Problem},
    },
    releases::reviews::{self, Outcome, Review},
};
use actix_web::{
    get, post,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(give).service(list);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewInput {
    /// `justified` or `unjustified`.
    pub outcome: String,
    /// Why; kept with the review.
    pub reason: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReviewView {
    pub id: ReviewId,
    /// The release that the rollback made.
    pub release: ReleaseId,
    /// `due`, `overdue` or `done`.
    pub state: String,
    pub due_at: String,
    pub reminded_at: Option<String>,
    pub outcome: Option<String>,
    pub reason: Option<String>,
    pub reviewed_by: Option<String>,
    pub reviewed_at: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReviewPage {
    pub items: Vec<ReviewView>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReviewParams {
    /// Only those that nobody gave in time.
    #[serde(default)]
    pub overdue: bool,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// Say whether a rollback was right; not for the one who carried it out.
#[utoipa::path(tag = "releases", operation_id = "reviewRollback",
    params(("release" = ReleaseId, Path, description = "The release that the rollback made")), request_body = ReviewInput,
    responses((status = 200, description = "Reviewed", body = ReviewView), Changed))]
#[post("/releases/{release}/review")]
async fn give(
    app: Data<App>,
    who: Principal,
    release: Path<ReleaseId>,
    input: ValidJson<ReviewInput>,
) -> Result<Json<ReviewView>, Problem> {
    let outcome = Outcome::parse(&input.0.outcome)?;
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let given = reviews::review(&app, &who, *release, outcome, reason).await?;
    Ok(Json(view(&app, given, app.db.clock().now()).await?))
}

/// Reviews of rollbacks, newest first.
#[utoipa::path(tag = "releases", operation_id = "listRollbackReviews", params(ReviewParams),
    responses((status = 200, description = "A page of reviews", body = ReviewPage), Guarded))]
#[get("/rollback-reviews")]
async fn list(app: Data<App>, who: Principal, params: Query<ReviewParams>) -> Result<Json<ReviewPage>, Problem> {
    let request = PageRequest::parse(REVIEWS, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let page = reviews::list(&app, &who, params.overdue, request).await?;
    let (now, mut items) = (app.db.clock().now(), Vec::new());
    for review in page.items {
        items.push(view(&app, review, now).await?);
    }
    Ok(Json(ReviewPage { next_cursor: page.next.map(|id| page::encode(REVIEWS, id)), items }))
}

async fn view(app: &App, review: Review, now: DateTime<Utc>) -> Result<ReviewView, Error> {
    let state = match &review.given {
        Some(_) => "done",
        None if review.is_overdue(now) => "overdue",
        None => "due",
    };
    let by = review.given.as_ref().map(|given| given.by);
    let names = accounts::ops::names(app, &by.into_iter().collect::<Vec<_>>()).await?;
    let given = review.given.as_ref();
    Ok(ReviewView {
        id: review.id,
        release: review.release,
        state: state.to_owned(),
        due_at: rfc3339(review.due_at),
        reminded_at: review.reminded_at.map(rfc3339),
        outcome: given.map(|given| given.outcome.name().to_owned()),
        reason: given.map(|given| given.reason.clone()),
        reviewed_by: by.and_then(|by| names.get(&by).cloned()),
        reviewed_at: given.map(|given| rfc3339(given.at)),
    })
}
