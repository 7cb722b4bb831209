use crate::{
    app::App,
    authz::Principal,
    core::{clock::rfc3339, ids::EnvironmentId, name::Name, page},
    environments::{Current, Document, DocumentKind, Environment, Revision, ops, profile::Profile},
    error::{Error, InField},
    http::{
        extract::{IfMatch, PageParams, ValidJson, etag},
        problem::{Changed, Found, Guarded, Problem, Revised},
    },
};
use actix_web::{
    HttpResponse, get, post, put,
    web::{Data, Json, Path, Query},
};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "environments";
const REVISIONS: &str = "revisions";

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list)
        .service(create)
        .service(find)
        .service(get_document)
        .service(revise)
        .service(list_revisions)
        .service(get_revision);
}

/// One immutable revision of a document.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RevisionView {
    /// Counts from 1; also the ETag.
    pub revision: i64,
    /// sha256 over the canonical JSON of `body`.
    pub digest: String,
    /// The document with every default written out.
    #[schema(value_type = Object)]
    pub body: Value,
    pub created_at: String,
}

/// One entry of a document's history.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RevisionSummary {
    pub revision: i64,
    pub digest: String,
    /// Of a policy `published` or `retired`, of others `active` or `superseded`: the first of the
    /// two is the revision that holds.
    pub state: String,
    /// The account's name; empty if it was erased.
    pub created_by: String,
    pub created_at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RevisionPage {
    pub items: Vec<RevisionSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EnvironmentView {
    pub id: EnvironmentId,
    pub name: String,
    pub created_at: String,
    /// What it is.
    pub profile: Option<RevisionView>,
    /// Its load line.
    pub constraints: Option<RevisionView>,
    /// What it asks for before anything becomes active.
    pub policy: Option<RevisionView>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EnvironmentSummary {
    pub id: EnvironmentId,
    pub name: String,
    pub created_at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EnvironmentPage {
    pub items: Vec<EnvironmentSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentInput {
    /// 1 to 64 of `a-z 0-9 . _ -`.
    pub name: String,
    #[schema(value_type = Profile)]
    pub profile: Value,
}

/// List the workspace's environments.
#[utoipa::path(tag = "environments", operation_id = "listEnvironments", params(PageParams), responses(
    (status = 200, description = "A page of environments", body = EnvironmentPage), Guarded))]
#[get("/environments")]
async fn list(app: Data<App>, who: Principal, params: Query<PageParams>) -> Result<Json<EnvironmentPage>, Problem> {
    let page = ops::list(&app, &who, params.parse(LIST)?).await?.map(EnvironmentSummary::from);
    Ok(Json(EnvironmentPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items }))
}

/// Create an environment.
#[utoipa::path(tag = "environments", operation_id = "createEnvironment", request_body = EnvironmentInput, responses(
    (status = 201, description = "Created; give it constraints and a policy next", body = EnvironmentView), Changed))]
#[post("/environments")]
async fn create(app: Data<App>, who: Principal, input: ValidJson<EnvironmentInput>) -> Result<HttpResponse, Problem> {
    let name = Name::parse(&input.0.name).in_field("name")?;
    let profile = Profile::parse(&input.0.profile).map_err(|e| within(e, "profile"))?;
    let made = ops::create(&app, &who, name, profile).await?;
    let (environment, current) = ops::find(&app, &who, &made.name).await?;
    Ok(HttpResponse::Created().json(EnvironmentView::new(environment, current)?))
}

/// Fetch an environment with its current documents.
#[utoipa::path(tag = "environments", operation_id = "getEnvironment",
    params(("environment" = String, Path, description = "Environment name")), responses(
    (status = 200, description = "The environment and the documents that hold now", body = EnvironmentView), Found))]
#[get("/environments/{environment}")]
async fn find(app: Data<App>, who: Principal, name: Path<String>) -> Result<Json<EnvironmentView>, Problem> {
    let (environment, current) = ops::find(&app, &who, &name).await?;
    Ok(Json(EnvironmentView::new(environment, current)?))
}

/// Fetch the current revision of a document.
#[utoipa::path(tag = "environments", operation_id = "getDocument",
    params(("environment" = String, Path, description = "Environment name"),
        ("document" = String, Path, description = "profile, constraints or policy")),
    responses((status = 200, description = "The revision; its number is the ETag", body = RevisionView), Found))]
#[get("/environments/{environment}/{document:profile|constraints|policy}")]
async fn get_document(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (environment, kind) = path.into_inner();
    let kind = DocumentKind::parse(&kind).map_err(|_| Error::not_found("document"))?;
    let revision = ops::document(&app, &who, &environment, kind).await?;
    Ok(HttpResponse::Ok().insert_header(etag(revision.number)).json(RevisionView::try_from(revision)?))
}

/// Add a revision of a document. Send the ETag that you saw as If-Match, `"0"` for the first.
#[utoipa::path(tag = "environments", operation_id = "reviseDocument",
    params(("environment" = String, Path, description = "Environment name"),
        ("document" = String, Path, description = "profile, constraints or policy"),
        ("If-Match" = String, Header, description = "The ETag last seen")),
    request_body(content = Object, description = "The whole document"),
    responses((status = 200, description = "The revision that holds now", body = RevisionView), Revised))]
#[put("/environments/{environment}/{document:profile|constraints|policy}")]
async fn revise(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    seen: IfMatch,
    input: ValidJson<Value>,
) -> Result<HttpResponse, Problem> {
    let (environment, kind) = path.into_inner();
    let kind = DocumentKind::parse(&kind).map_err(|_| Error::not_found("document"))?;
    let document = Document::parse(kind, &input.0)?;
    let revision = ops::revise(&app, &who, &environment, seen.0, document).await?;
    Ok(HttpResponse::Ok().insert_header(etag(revision.number)).json(RevisionView::try_from(revision)?))
}

/// List the revisions of a document, the newest first. None of them ever changes.
#[utoipa::path(tag = "environments", operation_id = "listRevisions",
    params(("environment" = String, Path, description = "Environment name"),
        ("document" = String, Path, description = "profile, constraints or policy"), PageParams),
    responses((status = 200, description = "A page of revisions", body = RevisionPage), Found))]
#[get("/environments/{environment}/{document}/revisions")]
async fn list_revisions(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    params: Query<PageParams>,
) -> Result<Json<RevisionPage>, Problem> {
    let (environment, kind) = path.into_inner();
    let kind = DocumentKind::parse(&kind).map_err(|_| Error::not_found("document"))?;
    let page = ops::revisions(&app, &who, &environment, kind, params.parse(REVISIONS)?).await?;
    let page = page.map(RevisionSummary::from);
    Ok(Json(RevisionPage { next_cursor: page.next.map(|id| page::encode(REVISIONS, id)), items: page.items }))
}

/// Fetch one revision of a document, whether or not it still holds.
#[utoipa::path(tag = "environments", operation_id = "getRevision",
    params(("environment" = String, Path, description = "Environment name"),
        ("document" = String, Path, description = "profile, constraints or policy"),
        ("revision" = i64, Path, description = "Counts from 1")),
    responses((status = 200, description = "The revision; its number is the ETag", body = RevisionView), Found))]
#[get("/environments/{environment}/{document}/revisions/{revision}")]
async fn get_revision(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (environment, kind, number) = path.into_inner();
    let kind = DocumentKind::parse(&kind).map_err(|_| Error::not_found("document"))?;
    let number = number.parse().map_err(|_| Error::not_found("revision"))?;
    let revision = ops::revision(&app, &who, &environment, kind, number).await?;
    Ok(HttpResponse::Ok().insert_header(etag(revision.number)).json(RevisionView::try_from(revision)?))
}

fn within(error: Error, parent: &str) -> Error {
    match error {
        Error::Invalid(fields) => {
            Error::Invalid(fields.into_iter().map(|(field, detail)| (format!("{parent}.{field}"), detail)).collect())
        }
        other => other,
    }
}

impl EnvironmentView {
    pub fn new(environment: Environment, current: Current) -> Result<Self, Error> {
        let view = |revision: Option<Revision>| revision.map(RevisionView::try_from).transpose();
        Ok(Self {
            id: environment.id,
            name: environment.name,
            created_at: rfc3339(environment.created_at),
            profile: view(current.profile)?,
            constraints: view(current.constraints)?,
            policy: view(current.policy)?,
        })
    }
}

impl TryFrom<Revision> for RevisionView {
    type Error = Error;

    fn try_from(revision: Revision) -> Result<Self, Error> {
        Ok(Self {
            revision: revision.number,
            digest: revision.digest.to_string(),
            body: revision.value()?,
            created_at: rfc3339(revision.created_at),
        })
    }
}

impl From<ops::Made> for RevisionSummary {
    fn from(made: ops::Made) -> Self {
        let state = match (made.revision.kind, made.holds) {
            (DocumentKind::Policy, true) => "published",
            (DocumentKind::Policy, false) => "retired",
            (_, true) => "active",
            (_, false) => "superseded",
        };
        Self {
            revision: made.revision.number,
            digest: made.revision.digest.to_string(),
            state: state.to_owned(),
            created_by: made.created_by,
            created_at: rfc3339(made.revision.created_at),
        }
    }
}

impl From<Environment> for EnvironmentSummary {
    fn from(environment: Environment) -> Self {
        Self { id: environment.id, name: environment.name, created_at: rfc3339(environment.created_at) }
    }
}
