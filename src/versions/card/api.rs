use crate::{
    app::App,
    authz::Principal,
    error::InField,
    http::problem::{Found, Problem},
    readme::{Card, Metadata, Reported},
    versions::VersionRef,
};
use actix_web::{
    get,
    web::{Data, Json, Path},
};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}

/// What the author says about the model; nobody checked it.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CardMetadata {
    pub license: Option<String>,
    pub license_name: Option<String>,
    pub license_link: Option<String>,
    pub pipeline_tag: Option<String>,
    pub library: Option<String>,
    pub language: Vec<String>,
    pub tags: Vec<String>,
    pub datasets: Vec<String>,
    pub base_model: Vec<String>,
    pub reported: Vec<CardResult>,
}

/// A result that the author reports, from `model-index`.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CardResult {
    pub task: Option<String>,
    pub dataset: Option<String>,
    pub metric: String,
    /// As it is written.
    pub value: String,
}

/// The `README.md` of a version: its author's word, and no evidence.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CardView {
    pub metadata: CardMetadata,
    /// Why the metadata were not read, if there are some.
    pub metadata_refused: Option<String>,
    /// Made of an allow-list of elements; the source is the file itself.
    pub html: String,
    /// Whether the end is left out.
    pub is_cut: bool,
}

/// Read the model card of a version: the metadata at its head, and its text as harmless HTML.
#[utoipa::path(tag = "versions", operation_id = "showCard",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    responses((status = 200, description = "What its author says", body = CardView), Found))]
#[get("/models/{model}/versions/{version}/card")]
async fn show(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<Json<CardView>, Problem> {
    let (model, version) = path.into_inner();
    let version = VersionRef::parse(&version).in_field("version")?;
    Ok(Json(super::of(&app, &who, &model, &version).await?.into()))
}

impl From<Card> for CardView {
    fn from(card: Card) -> Self {
        let Card { metadata, metadata_refused, html, is_cut } = card;
        Self { metadata: metadata.into(), metadata_refused, html, is_cut }
    }
}

impl From<Metadata> for CardMetadata {
    fn from(said: Metadata) -> Self {
        Self {
            license: said.license,
            license_name: said.license_name,
            license_link: said.license_link,
            pipeline_tag: said.pipeline_tag,
            library: said.library,
            language: said.language,
            tags: said.tags,
            datasets: said.datasets,
            base_model: said.base_model,
            reported: said.reported.into_iter().map(CardResult::from).collect(),
        }
    }
}

impl From<Reported> for CardResult {
    fn from(said: Reported) -> Self {
        Self { task: said.task, dataset: said.dataset, metric: said.metric, value: said.value }
    }
}
