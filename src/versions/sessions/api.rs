use super::{
    completion::{self, Completion},
    ops::{self, Plan, Progress},
};
use crate::{
    app::App,
    authz::Principal,
    core::{clock::rfc3339, digest::Digest, ids::UploadId, path::FilePath},
    error::{Error, InField},
    http::{
        extract::{ValidJson, require_type},
        idempotency::Unsettled,
        problem::{Changed, Found, Keeps, Problem},
    },
    versions::api::reference,
};
use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header::RETRY_AFTER,
    post, put,
    web::{Data, Json, Path, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// RFC 9530.
const DIGEST_HEADER: &str = "content-digest";

pub fn routes(config: &mut ServiceConfig) {
    config.service(begin).service(look).service(chunk).service(complete).service(abandon);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadInput {
    /// A file that the version declares.
    pub path: String,
    /// Of the whole, as declared.
    pub sha256: String,
    /// Of the whole, as declared.
    pub size_bytes: i64,
    /// Of every piece but the last: 65,536 to 67,108,864, and at most 10,000 pieces.
    pub chunk_bytes: i64,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct UploadView {
    pub id: UploadId,
    pub path: String,
    pub sha256: String,
    pub size_bytes: i64,
    pub chunk_bytes: i64,
    /// How many pieces there are, numbered from 0.
    pub chunks: i64,
    /// The numbers of those that are here, as long as it is open.
    pub received: Vec<i64>,
    /// `open`, `completed` (the file is here) or `mismatched` (its pieces were another file together, and are gone).
    pub state: String,
    /// From then on it does not exist.
    pub expires_at: String,
}

/// Begin to send a declared file in pieces. Where you have begun already, that is the answer, with what is here.
#[utoipa::path(tag = "versions", operation_id = "beginUpload",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    request_body = UploadInput, responses(
    (status = 201, description = "Send its pieces, in any order and several at once, then complete it", body = UploadView),
    (status = 200, description = "You have begun already; go by its `chunk_bytes`", body = UploadView), Keeps, Changed))]
#[post("/models/{model}/versions/{version}/uploads")]
async fn begin(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<UploadInput>,
) -> Result<HttpResponse, Problem> {
    let (model, version) = path.into_inner();
    let plan = Plan {
        path: FilePath::parse(&input.0.path).in_field("path")?,
        sha256: Digest::parse(&input.0.sha256).in_field("sha256")?,
        size_bytes: input.0.size_bytes,
        chunk_bytes: input.0.chunk_bytes,
    };
    let (progress, is_new) = ops::begin(&app, &who, &model, &reference(&version)?, plan).await?;
    let view = UploadView::from(progress);
    Ok(if is_new { HttpResponse::Created().json(view) } else { HttpResponse::Ok().json(view) })
}

/// How far an upload of yours is.
#[utoipa::path(tag = "versions", operation_id = "getUpload",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("upload" = UploadId, Path, description = "Upload id")),
    responses((status = 200, description = "Which pieces are here", body = UploadView), Found))]
#[get("/models/{model}/versions/{version}/uploads/{upload}")]
async fn look(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, UploadId)>,
) -> Result<Json<UploadView>, Problem> {
    let (model, version, id) = path.into_inner();
    Ok(Json(ops::look(&app, &who, &model, &reference(&version)?, id).await?.into()))
}

/// Send one piece. It is kept if it has the sha256 that the header says; the same again changes nothing.
#[utoipa::path(tag = "versions", operation_id = "uploadChunk",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("upload" = UploadId, Path, description = "Upload id"), ("number" = i64, Path, description = "From 0"),
        ("Content-Digest" = String, Header, description = "`sha-256=:…:`, the piece's sha256 in base64 (RFC 9530)")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204, description = "The piece is here"), Changed))]
#[put("/models/{model}/versions/{version}/uploads/{upload}/chunks/{number}")]
async fn chunk(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    path: Path<(String, String, UploadId, i64)>,
    mut body: Payload,
) -> Result<HttpResponse, Problem> {
    let (model, version, id, number) = path.into_inner();
    require_type(&request, "application/octet-stream")?;
    let version = reference(&version)?;
    let sha256 = digest(&request)?;
    let Some(mut piece) = ops::begin_piece(&app, &who, (&model, &version), id, number, sha256).await? else {
        return Ok(HttpResponse::NoContent().finish());
    };
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|e| Error::BadRequest { code: "body_unreadable", detail: e.to_string() })?;
        piece.write(&bytes).await?;
    }
    ops::finish_piece(&app, &who, piece).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Put the pieces together. The sha256 of the whole is computed, and another file is refused. It goes on when you go away,
/// and may be asked for again.
#[utoipa::path(tag = "versions", operation_id = "completeUpload",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("upload" = UploadId, Path, description = "Upload id")),
    responses((status = 204, description = "The file is here, and the upload is over"),
        (status = 202, description = "It takes longer and goes on; ask again after `Retry-After`, and you wait on for it"), Changed))]
#[post("/models/{model}/versions/{version}/uploads/{upload}/completion")]
async fn complete(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, UploadId)>,
) -> Result<HttpResponse, Problem> {
    let (model, version, id) = path.into_inner();
    let app = app.into_inner();
    Ok(match completion::complete(&app, &who, &model, &reference(&version)?, id).await? {
        Completion::Done => HttpResponse::NoContent().finish(),
        Completion::UnderWay => {
            let mut answer = HttpResponse::Accepted().insert_header((RETRY_AFTER, "1")).finish();
            answer.extensions_mut().insert(Unsettled);
            answer
        }
    })
}

/// Abandon an upload; what came of it is taken away.
#[utoipa::path(tag = "versions", operation_id = "abandonUpload",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("upload" = UploadId, Path, description = "Upload id")),
    responses((status = 204, description = "It is gone"), Changed))]
#[delete("/models/{model}/versions/{version}/uploads/{upload}")]
async fn abandon(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String, UploadId)>,
) -> Result<HttpResponse, Problem> {
    let (model, version, id) = path.into_inner();
    ops::abandon(&app, &who, &model, &reference(&version)?, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Of a list of digests by algorithm (RFC 9530, section 2), the one that counts here.
fn digest(request: &HttpRequest) -> Result<Digest, Error> {
    let lines = request.headers().get_all(DIGEST_HEADER).filter_map(|value| value.to_str().ok());
    let sha256 = lines.flat_map(|line| line.split(',')).filter_map(|one| one.trim().strip_prefix("sha-256=:"));
    let bytes = sha256
        .last()
        .and_then(|said| said.split(';').next()?.trim_end().strip_suffix(':'))
        .and_then(|text| STANDARD.decode(text).ok())
        .filter(|bytes| bytes.len() == 32);
    let bytes = bytes.ok_or_else(|| {
        Error::invalid(
            "Content-Digest",
            "send the piece's sha256 as Content-Digest: sha-256=:BASE64: (RFC 9530)".to_owned(),
        )
    })?;
    Digest::from_hex(&crate::crypto::hex::encode(&bytes)).map_err(|e| Error::internal(e.0))
}

impl From<Progress> for UploadView {
    fn from(Progress { session, received }: Progress) -> Self {
        Self {
            id: session.id,
            path: session.path.to_string(),
            sha256: session.sha256.to_string(),
            size_bytes: session.size_bytes,
            chunk_bytes: session.chunk_bytes,
            chunks: session.chunks(),
            received,
            state: session.state.name().to_owned(),
            expires_at: rfc3339(session.expires_at),
        }
    }
}
