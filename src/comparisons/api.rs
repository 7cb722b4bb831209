use crate::{
    accounts,
    app::App,
    authz::Principal,
    comparisons::{
        Comparison,
        figures::ComparisonBody,
        ops::{self, Against},
    },
    core::{
        clock::rfc3339,
        ids::{ComparisonId, ReleaseId},
        page,
    },
    error::{Error, InField},
    http::{
        extract::{PageParams, ValidJson},
        problem::{Changed, Found, Guarded, Problem},
    },
    validation::api::ReasonView,
    versions::{self, VersionRef},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "comparisons";
/// What is active in the environment.
const RELEASE: &str = "release";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(request_comparison).service(find);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparisonInput {
    pub model: String,
    /// Number or digest of the candidate.
    pub version: String,
    /// Whose rows and loads are used.
    pub environment: String,
    /// `release`, what is active there now; or the number or digest of another version of the model.
    pub against: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ComparisonView {
    pub id: ComparisonId,
    pub model: String,
    /// Number of the candidate.
    pub version: i64,
    /// Number of the version that it is held against.
    pub baseline: i64,
    /// The release that was active at the request, where that is the baseline.
    pub release: Option<ReleaseId>,
    pub environment: String,
    /// `queued`, `completed` or `failed`.
    pub state: String,
    pub reason: Option<ReasonView>,
    pub result: Option<ComparisonBody>,
    /// sha256 over the canonical JSON of `result`.
    pub digest: Option<String>,
    pub requested_by: String,
    pub requested_at: String,
    pub finished_at: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ComparisonSummary {
    pub id: ComparisonId,
    pub state: String,
    pub requested_at: String,
    pub finished_at: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ComparisonPage {
    pub items: Vec<ComparisonSummary>,
    pub next_cursor: Option<String>,
}

/// List comparisons, newest first.
#[utoipa::path(tag = "comparisons", operation_id = "listComparisons", params(PageParams), responses(
    (status = 200, description = "A page of comparisons", body = ComparisonPage), Guarded))]
#[get("/comparisons")]
async fn list(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<ComparisonPage>, Problem> {
    let page = ops::list(&app, &who, params.parse(LIST)?).await?.map(ComparisonSummary::from);
    Ok(Json(ComparisonPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items }))
}

/// Ask for two sealed versions of a model to be measured side by side: on the same rows, in turn. Judges nothing.
#[utoipa::path(tag = "comparisons", operation_id = "requestComparison", request_body = ComparisonInput, responses(
    (status = 201, description = "Queued; fetch it to see the result", body = ComparisonView), Changed))]
#[post("/comparisons")]
async fn request_comparison(
    app: Data<App>,
    who: Principal,
    input: ValidJson<ComparisonInput>,
) -> Result<HttpResponse, Problem> {
    let i = input.0;
    let version = VersionRef::parse(&i.version).in_field("version")?;
    let against = match i.against.as_str() {
        RELEASE => Against::Release,
        other => Against::Version(VersionRef::parse(other).in_field("against")?),
    };
    let made = ops::request(&app, &who, (&i.model, &version), &i.environment, &against).await?;
    Ok(HttpResponse::Created().json(view(&app, &who, made).await?))
}

/// Fetch a comparison with its result.
#[utoipa::path(tag = "comparisons", operation_id = "getComparison", params(("comparison" = ComparisonId, Path, description = "Comparison id")),
    responses((status = 200, description = "The comparison as it stands", body = ComparisonView), Found))]
#[get("/comparisons/{comparison}")]
async fn find(app: Data<App>, who: Principal, id: Path<ComparisonId>) -> Result<Json<ComparisonView>, Problem> {
    let found = ops::find(&app, &who, *id).await?;
    Ok(Json(view(&app, &who, found).await?))
}

pub async fn view(app: &App, who: &Principal, comparison: Comparison) -> Result<ComparisonView, Error> {
    let (model, version) = versions::ops::label(app, who, comparison.version).await?;
    let (_, baseline) = versions::ops::label(app, who, comparison.baseline).await?;
    let names = accounts::ops::names(app, &[comparison.requested_by]).await?;
    let environment = ops::place(app, who, &comparison).await?;
    Ok(ComparisonView {
        id: comparison.id,
        model,
        version: version.number,
        baseline: baseline.number,
        release: comparison.release,
        environment,
        state: comparison.state.name().to_owned(),
        reason: comparison.reason.map(|(code, detail)| ReasonView { code, detail }),
        result: comparison.body.map(|body| serde_json::from_str(&body)).transpose().map_err(Error::internal)?,
        digest: comparison.digest.map(|digest| digest.to_string()),
        requested_by: names.get(&comparison.requested_by).cloned().unwrap_or_default(),
        requested_at: rfc3339(comparison.requested_at),
        finished_at: comparison.finished_at.map(rfc3339),
    })
}

impl From<Comparison> for ComparisonSummary {
    fn from(comparison: Comparison) -> Self {
        Self {
            id: comparison.id,
            state: comparison.state.name().to_owned(),
            requested_at: rfc3339(comparison.requested_at),
            finished_at: comparison.finished_at.map(rfc3339),
        }
    }
}
