use crate::{
    app::App,
    authz::Principal,
    error::{Error, InField},
    http::{
        extract::ValidJson,
        idempotency::ShownOnce,
        problem::{Changed, Found, Problem},
    },
    inference::{
        ops,
        v2::{self, InferInput, InferView, MetadataView},
    },
    sandbox::{Failure, FailureKind, Trial},
    versions::VersionRef,
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    post,
    web::{Data, Json, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config.service(describe).service(infer);
}

/// What a version takes and gives, as the Open Inference Protocol v2 says it. Loads the model, within limits.
#[utoipa::path(tag = "inference", operation_id = "getInferenceMetadata",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    responses((status = 200, description = "Inputs and outputs", body = MetadataView), Found))]
#[get("/models/{model}/versions/{version}/infer")]
async fn describe(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<Json<MetadataView>, Problem> {
    let (model, version) = path.into_inner();
    let described = async {
        let reference = VersionRef::parse(&version).in_field("version")?;
        let (version, tried) = ops::attempt(&app, &who, &model, &reference, Trial::Describe).await?;
        Ok(Json(v2::metadata(&model, version.number, &tried.map_err(refused)?)))
    };
    described.await.map_err(Problem::for_inference)
}

/// Try a sealed version by hand with the Open Inference Protocol v2: one call in the sandbox, at most 10 seconds and 1 GiB
/// of memory, two at once in all. For people who may inspect it; the values are in no log, and the answer is no evidence.
#[utoipa::path(tag = "inference", operation_id = "infer",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    request_body = InferInput, responses((status = 200, description = "What the model answered", body = InferView), Changed))]
#[post("/models/{model}/versions/{version}/infer")]
async fn infer(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<InferInput>,
) -> Result<HttpResponse, Problem> {
    let (model, version) = path.into_inner();
    let called = async {
        let reference = VersionRef::parse(&version).in_field("version")?;
        let (trial, id) = input.0.trial()?;
        let (version, tried) = ops::attempt(&app, &who, &model, &reference, trial).await?;
        Ok((version, tried.map_err(refused)?, id))
    };
    let (version, tried, id) = called.await.map_err(Problem::for_inference)?;
    let named = (version.number, version.manifest.to_string());
    let mut response = HttpResponse::Ok().json(v2::answer(&model, named, id, tried));
    // What somebody tried is kept nowhere, also not to be given once more.
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}

/// The model's fault, or that of what was sent.
fn refused(failure: Failure) -> Problem {
    match failure.kind {
        FailureKind::InputMismatch => Error::invalid("inputs or outputs", failure.detail).into(),
        kind => {
            let detail = format!("{}: {}", kind.name(), failure.detail);
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "model_failed", detail)
        }
    }
}
