use crate::{
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        ids::ModelId,
        name::Name,
        page::{self, PageRequest},
        text::{Line, Paragraph},
    },
    error::{Error, InField},
    http::{
        extract::{IfMatch, ValidJson, etag},
        problem::{Changed, Found, Guarded, Problem, Revised},
    },
    models::{Model, ModelChange, NewModel, OwnerNames, RiskTier, ops, parse_owners},
};
use actix_web::{
    HttpResponse, get, patch, post,
    web::{Data, Json, Path, Query},
};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "models";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(register).service(find).service(update);
}

/// A registered model.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ModelView {
    pub id: ModelId,
    pub name: String,
    pub title: String,
    pub intended_use: String,
    pub prohibited_use: String,
    /// `low`, `medium` or `high`.
    pub risk_tier: String,
    /// Account names by accountability.
    pub owners: BTreeMap<String, String>,
    /// Counts changes of this record; also the ETag.
    pub revision: i64,
    pub created_at: String,
}

/// A model in a list.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ModelSummary {
    pub id: ModelId,
    pub name: String,
    pub title: String,
    pub risk_tier: String,
    pub created_at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ModelPage {
    pub items: Vec<ModelSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelInput {
    /// 1 to 64 of `a-z 0-9 . _ -`.
    pub name: String,
    #[serde(default)]
    pub title: String,
    /// What it is for, and for whom.
    pub intended_use: String,
    #[serde(default)]
    pub prohibited_use: String,
    /// `low`, `medium` or `high`.
    pub risk_tier: String,
    /// Account names by accountability: business, development, validation, operations, data, compliance.
    #[serde(default)]
    pub owners: BTreeMap<String, String>,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelPatch {
    pub title: Option<String>,
    pub intended_use: Option<String>,
    pub prohibited_use: Option<String>,
    pub risk_tier: Option<String>,
    pub owners: Option<BTreeMap<String, String>>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// How the name begins.
    pub search: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// List the workspace's models.
#[utoipa::path(tag = "models", operation_id = "listModels", params(ListParams), responses(
    (status = 200, description = "A page of models", body = ModelPage), Guarded))]
#[get("/models")]
async fn list(app: Data<App>, who: Principal, params: Query<ListParams>) -> Result<Json<ModelPage>, Problem> {
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let search = params.search.as_deref().map(Line::parse).transpose().in_field("search")?;
    let page = ops::list(&app, &who, search.as_ref().map(Line::as_str), request).await?.map(ModelSummary::from);
    Ok(Json(ModelPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items }))
}

/// Register a model.
#[utoipa::path(tag = "models", operation_id = "registerModel", request_body = ModelInput, responses(
    (status = 201, description = "Registered", body = ModelView), Changed))]
#[post("/models")]
async fn register(app: Data<App>, who: Principal, input: ValidJson<ModelInput>) -> Result<HttpResponse, Problem> {
    let model = ops::register(&app, &who, NewModel::try_from(input.0)?).await?;
    let owners = ops::owners(&app, &who, model.id).await?;
    Ok(HttpResponse::Created().insert_header(etag(model.revision)).json(ModelView::new(model, owners)))
}

/// Fetch one model.
#[utoipa::path(tag = "models", operation_id = "getModel", params(("model" = String, Path, description = "Model name")),
    responses((status = 200, description = "The model; its revision is the ETag", body = ModelView), Found))]
#[get("/models/{model}")]
async fn find(app: Data<App>, who: Principal, name: Path<String>) -> Result<HttpResponse, Problem> {
    let model = ops::find(&app, &who, &name).await?;
    let owners = ops::owners(&app, &who, model.id).await?;
    Ok(HttpResponse::Ok().insert_header(etag(model.revision)).json(ModelView::new(model, owners)))
}

/// Change a model's record. Send the ETag that you saw as If-Match.
#[utoipa::path(tag = "models", operation_id = "updateModel",
    params(("model" = String, Path, description = "Model name"), ("If-Match" = String, Header, description = "The ETag last seen")),
    request_body = ModelPatch, responses((status = 200, description = "Changed", body = ModelView), Revised))]
#[patch("/models/{model}")]
async fn update(
    app: Data<App>,
    who: Principal,
    name: Path<String>,
    seen: IfMatch,
    input: ValidJson<ModelPatch>,
) -> Result<HttpResponse, Problem> {
    let model = ops::update(&app, &who, &name, seen.0, ModelChange::try_from(input.0)?).await?;
    let owners = ops::owners(&app, &who, model.id).await?;
    Ok(HttpResponse::Ok().insert_header(etag(model.revision)).json(ModelView::new(model, owners)))
}

impl TryFrom<ModelInput> for NewModel {
    type Error = Error;

    fn try_from(input: ModelInput) -> Result<Self, Error> {
        Ok(Self {
            name: Name::parse(&input.name).in_field("name")?,
            title: Line::parse(&input.title).in_field("title")?,
            intended_use: Paragraph::parse_required(&input.intended_use).in_field("intended_use")?,
            prohibited_use: Paragraph::parse(&input.prohibited_use).in_field("prohibited_use")?,
            risk_tier: RiskTier::parse(&input.risk_tier).in_field("risk_tier")?,
            owners: parse_owners(&input.owners)?,
        })
    }
}

impl TryFrom<ModelPatch> for ModelChange {
    type Error = Error;

    fn try_from(input: ModelPatch) -> Result<Self, Error> {
        Ok(Self {
            title: input.title.as_deref().map(Line::parse).transpose().in_field("title")?,
            intended_use: input
                .intended_use
                .as_deref()
                .map(Paragraph::parse_required)
                .transpose()
                .in_field("intended_use")?,
            prohibited_use: input
                .prohibited_use
                .as_deref()
                .map(Paragraph::parse)
                .transpose()
                .in_field("prohibited_use")?,
            risk_tier: input.risk_tier.as_deref().map(RiskTier::parse).transpose().in_field("risk_tier")?,
            owners: input.owners.as_ref().map(parse_owners).transpose()?,
        })
    }
}

impl ModelView {
    pub fn new(model: Model, owners: OwnerNames) -> Self {
        Self {
            id: model.id,
            name: model.name,
            title: model.title,
            intended_use: model.intended_use,
            prohibited_use: model.prohibited_use,
            risk_tier: model.risk_tier.to_string(),
            owners: owners.into_iter().map(|(what, who)| (what.to_string(), who)).collect(),
            revision: model.revision,
            created_at: rfc3339(model.created_at),
        }
    }
}

impl From<Model> for ModelSummary {
    fn from(model: Model) -> Self {
        Self {
            id: model.id,
            name: model.name,
            title: model.title,
            risk_tier: model.risk_tier.to_string(),
            created_at: rfc3339(model.created_at),
        }
    }
}
