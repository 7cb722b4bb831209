use super::{Family, Made, Named, ops};
use crate::{
    app::App,
    authz::Principal,
    core::ids::VersionId,
    error::InField,
    http::problem::{Found, Guarded, Problem},
    versions::VersionRef,
};
use actix_web::{
    get,
    web::{Data, Json, Path, Query},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(of_version).service(of_digest);
}

#[derive(Debug, Default, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HowFar {
    /// How many generations, 1 to 10; 3 if it is not said.
    pub generations: Option<u32>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Algorithm and value, such as `sha256:…` of a dataset, a file or a version, or `gitCommit:…`.
    pub digest: String,
    /// How many generations, 1 to 10; 3 if it is not said.
    pub generations: Option<u32>,
}

/// A sealed version of the workspace.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct RelativeView {
    pub model: String,
    pub number: i64,
    pub digest: String,
    /// `sealed` or `revoked`.
    pub state: String,
}

/// That a version was made from something, as its signed statement says.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct MadeView {
    /// How many steps away from what was asked about.
    pub generation: u32,
    /// What was made.
    pub version: RelativeView,
    /// `training-dataset`, `validation-dataset`, `base-model`, `code`, `environment` or `other`.
    pub role: String,
    pub name: Option<String>,
    pub uri: Option<String>,
    /// Of what it was made from, algorithm and value.
    pub digests: Vec<String>,
    /// Versions of the workspace that go by one of the digests: by their manifest, by all files together, or by a file.
    pub versions: Vec<RelativeView>,
    /// Registered datasets with one of the digests.
    pub datasets: Vec<String>,
    /// The digest of the statement that says so.
    pub attestation: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct LineageView {
    pub version: RelativeView,
    pub made_from: Vec<MadeView>,
    pub made_into: Vec<MadeView>,
    /// More is known than is shown: ask for more generations, or about one of those that are shown.
    pub is_cut: bool,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct DigestLineageView {
    pub digest: String,
    /// Registered datasets with this digest.
    pub datasets: Vec<String>,
    pub made_into: Vec<MadeView>,
    /// More is known than is shown.
    pub is_cut: bool,
}

/// Say what a version was made from and what was made from it, as signed statements say, over several generations.
#[utoipa::path(tag = "versions", operation_id = "versionLineage",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"), HowFar),
    responses((status = 200, description = "Its family", body = LineageView), Found))]
#[get("/models/{model}/versions/{version}/lineage")]
async fn of_version(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    how: Query<HowFar>,
) -> Result<Json<LineageView>, Problem> {
    let (model, version) = path.into_inner();
    let version = VersionRef::parse(&version).in_field("version")?;
    let found = ops::of_version(&app, &who, &model, &version, how.generations).await?;
    Ok(Json(found.into()))
}

/// Say which versions were made from something with this digest, such as a dataset, and what was made from those.
#[utoipa::path(tag = "versions", operation_id = "digestLineage", params(Wanted),
    responses((status = 200, description = "What was made from it; nothing where nothing is known", body = DigestLineageView), Guarded))]
#[get("/lineage")]
async fn of_digest(app: Data<App>, who: Principal, wanted: Query<Wanted>) -> Result<Json<DigestLineageView>, Problem> {
    let Wanted { digest, generations } = wanted.into_inner();
    let (datasets, family) = ops::of_digest(&app, &who, &digest, generations).await?;
    Ok(Json(DigestLineageView::new(digest, datasets, &family)))
}

impl From<ops::Found> for LineageView {
    fn from(found: ops::Found) -> Self {
        let ops::Found { version, model, family } = found;
        Self {
            made_from: views(&family, &family.made_from),
            made_into: views(&family, &family.made_into),
            is_cut: family.is_cut,
            version: relative(&model, &version),
        }
    }
}

impl DigestLineageView {
    pub fn new(digest: String, datasets: Vec<String>, family: &Family) -> Self {
        Self { digest, datasets, made_into: views(family, &family.made_into), is_cut: family.is_cut }
    }
}

fn views(family: &Family, made: &[Made]) -> Vec<MadeView> {
    let known = |id: &VersionId| family.versions.get(id).map(|(model, named)| relative(model, named));
    let view = |made: &Made| {
        Some(MadeView {
            generation: made.generation,
            version: known(&made.version)?,
            role: made.role.clone(),
            name: made.name.clone(),
            uri: made.uri.clone(),
            digests: made.digests.clone(),
            versions: made.is.iter().filter_map(known).collect(),
            datasets: made.datasets.clone(),
            attestation: made.attestation.clone(),
        })
    };
    made.iter().filter_map(view).collect()
}

fn relative(model: &str, named: &Named) -> RelativeView {
    RelativeView {
        model: model.to_owned(),
        number: named.number,
        digest: named.digest.clone(),
        state: named.state.clone(),
    }
}

impl RelativeView {
    /// As people name it.
    pub fn label(&self) -> String {
        format!("{}@{}", self.model, self.number)
    }
}
