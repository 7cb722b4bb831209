use crate::{
    app::App,
    authz::Principal,
    core::clock::rfc3339,
    error::{Error, InField},
    frameworks::{
        Entry, FrameworkProfile, ItemState, MetricResult, Standing,
        coverage::tally,
        ops::{self, Held},
    },
    http::problem::{Found, Guarded, Problem},
    policies::OnMissing,
    versions::VersionRef,
};
use actix_web::{
    get,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, NaiveDate, Utc};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(find).service(show_coverage);
}

/// One revision of a framework in a list.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FrameworkSummary {
    pub id: String,
    pub revision: u32,
    pub title: String,
    pub jurisdiction: String,
    /// On the day that was asked for; today if none was.
    pub standing: Standing,
    pub effective_from: NaiveDate,
    /// The first day on which it no longer applies.
    pub effective_to: Option<NaiveDate>,
    pub supersedes: Option<String>,
    pub required_items: usize,
    pub metric_rules: usize,
    pub digest: String,
}

/// Every revision at once: there are few, and they come with the build.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FrameworkList {
    pub items: Vec<FrameworkSummary>,
    /// Always null: the list has one page.
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FrameworkView {
    /// sha256 over the canonical JSON of `profile`; decisions name it.
    pub digest: String,
    /// Today.
    pub standing: Standing,
    pub profile: FrameworkProfile,
}

/// What is on record for a version in an environment, held against one revision.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CoverageView {
    pub model: String,
    pub version: i64,
    pub version_digest: String,
    pub environment: String,
    /// When ages were counted.
    pub at: String,
    #[serde(flatten)]
    pub held: HeldView,
}

/// The states of one revision's items and figures.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct HeldView {
    /// Such as `sr-26-2`.
    pub framework: String,
    pub revision: u32,
    pub title: String,
    pub digest: String,
    /// On the day that the revision was looked up for.
    pub standing: Standing,
    /// What the environment's policy makes of a missing or stale item; only in requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_missing: Option<OnMissing>,
    pub present: usize,
    pub stale: usize,
    pub missing: usize,
    pub items: Vec<ItemState>,
    pub metrics: Vec<MetricResult>,
    pub disclaimer: String,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// Only what is in force on this day, such as `2026-04-16`.
    pub in_force_on: Option<String>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CoverageParams {
    /// An id such as `sr-26-2`, or one revision of it such as `sr-11-7@1`.
    pub framework: String,
    /// Environment name.
    pub environment: String,
    /// The day, or time, that the revision is looked up for; today if absent.
    pub as_of: Option<String>,
}

/// List the frameworks of this build, every revision.
#[utoipa::path(tag = "frameworks", operation_id = "listFrameworks", params(ListParams), responses(
    (status = 200, description = "All of them", body = FrameworkList), Guarded))]
#[get("/frameworks")]
async fn list(app: Data<App>, who: Principal, params: Query<ListParams>) -> Result<Json<FrameworkList>, Problem> {
    let on = params.in_force_on.as_deref().map(|raw| day("in_force_on", raw)).transpose()?;
    let today = on.unwrap_or_else(|| app.db.clock().now().date_naive());
    let items = ops::list(&who, on)?.into_iter().map(|entry| FrameworkSummary::new(entry, today)).collect();
    Ok(Json(FrameworkList { items, next_cursor: None }))
}

/// Fetch one revision with everything that it asks for.
#[utoipa::path(tag = "frameworks", operation_id = "getFramework",
    params(("framework" = String, Path, description = "Framework id"), ("revision" = u32, Path, description = "Revision, from 1")),
    responses((status = 200, description = "The revision; it never changes", body = FrameworkView), Found))]
#[get("/frameworks/{framework}/revisions/{revision}")]
async fn find(app: Data<App>, who: Principal, path: Path<(String, u32)>) -> Result<Json<FrameworkView>, Problem> {
    let (id, revision) = path.into_inner();
    Ok(Json(FrameworkView::new(ops::find(&who, &id, revision)?, app.db.clock().now())))
}

/// Hold a version in an environment against a framework: what is present, stale and missing.
#[utoipa::path(tag = "frameworks", operation_id = "getCoverage",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"), CoverageParams),
    responses((status = 200, description = "One state per item, one result or more per figure", body = CoverageView), Found))]
#[get("/models/{model}/versions/{version}/coverage")]
async fn show_coverage(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    params: Query<CoverageParams>,
) -> Result<Json<CoverageView>, Problem> {
    let (model, version) = path.into_inner();
    let version = VersionRef::parse(&version).in_field("version")?;
    let as_of = params.as_of.as_deref().map(|raw| day("as_of", raw)).transpose()?;
    Ok(Json(coverage(&app, &who, &model, &version, &params.environment, &params.framework, as_of).await?))
}

pub async fn coverage(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    environment: &str,
    framework: &str,
    as_of: Option<NaiveDate>,
) -> Result<CoverageView, Error> {
    let (facts, held) = ops::covered(app, who, model, version, environment, framework, as_of).await?;
    Ok(CoverageView {
        model: facts.model.name,
        version: facts.version.number,
        version_digest: facts.version.manifest.to_string(),
        environment: facts.environment.name,
        at: rfc3339(app.db.clock().now()),
        held: HeldView::new(held),
    })
}

/// A day, or the day of a time (UTC).
pub fn day(field: &str, raw: &str) -> Result<NaiveDate, Error> {
    if let Ok(at) = DateTime::parse_from_rfc3339(raw) {
        return Ok(at.with_timezone(&Utc).date_naive());
    }
    let wrong = || Error::invalid(field, "use a day such as 2026-04-16, or a time in RFC 3339");
    NaiveDate::parse_from_str(raw, "%Y-%m-%d").ok().filter(|_| raw.len() == 10).ok_or_else(wrong)
}

impl FrameworkSummary {
    pub fn new(entry: &Entry, on: NaiveDate) -> Self {
        let profile = &entry.profile;
        Self {
            id: profile.id.clone(),
            revision: profile.revision,
            title: profile.title.clone(),
            jurisdiction: profile.jurisdiction.clone(),
            standing: profile.standing(on),
            effective_from: profile.effective_from,
            effective_to: profile.effective_to,
            supersedes: profile.supersedes.clone(),
            required_items: profile.required_items.len(),
            metric_rules: profile.metric_rules.len(),
            digest: entry.digest.to_string(),
        }
    }
}

impl FrameworkView {
    pub fn new(entry: &Entry, now: DateTime<Utc>) -> Self {
        let standing = entry.profile.standing(now.date_naive());
        Self { digest: entry.digest.to_string(), standing, profile: entry.profile.clone() }
    }
}

impl HeldView {
    pub fn new(held: Held) -> Self {
        let Held { entry, standing, on_missing, items, metrics } = held;
        let (present, stale, missing) = tally(&items);
        Self {
            framework: entry.profile.id.clone(),
            revision: entry.profile.revision,
            title: entry.profile.title.clone(),
            digest: entry.digest.to_string(),
            standing,
            on_missing,
            present,
            stale,
            missing,
            items,
            metrics,
            disclaimer: entry.profile.disclaimer.clone(),
        }
    }
}
