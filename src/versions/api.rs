use crate::{
    app::App,
    authz::Principal,
    core::{clock::rfc3339, digest::Digest, ids::VersionId, page, path::FilePath, text::Line},
    error::{Error, InField},
    http::{
        extract::{PageParams, ValidJson, require_type},
        problem::{Changed, Found, Keeps, Parts, Problem, Withheld},
        ranges,
    },
    provenance::{self, api::ProvenanceView},
    versions::{
        Attested, DeclaredFile, Manifest, Signature, State, Version, VersionRef, files, ops,
        ops::Detail,
        seal::{self, Seal},
        settled, stream, told,
    },
};
use actix_web::{
    HttpRequest, HttpResponse, get, head, post, put,
    web::{Data, Json, Path, Payload, Query},
};
use futures_util::StreamExt;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "versions";

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list)
        .service(create)
        .service(upload)
        .service(download)
        .service(head_file)
        .service(seal_version)
        .service(revoke)
        .service(list_attestations)
        .service(find);
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FileView {
    pub path: String,
    pub sha256: String,
    pub size_bytes: i64,
    /// Whether the bytes are here; a push sends those that are not.
    pub uploaded: bool,
    /// Whether what is stored is not what was uploaded: it is withheld until the same bytes are sent again.
    #[serde(default)]
    pub damaged: bool,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct VersionView {
    pub id: VersionId,
    pub model: String,
    pub number: i64,
    /// `draft`, `sealed` or `revoked`.
    pub state: String,
    /// The version's identity: sha256 of its manifest.
    pub digest: String,
    /// `verified`, `untrusted` or `absent`.
    pub signature: String,
    pub signature_detail: Option<String>,
    /// Who signed, where an authority says it, such as `email:ines@example.com`.
    #[serde(default)]
    pub signed_by: Vec<String>,
    /// The SHA-256 of the certificate that signed and of those above it, those of the same certificates with their other ECDSA
    /// signatures, `serial:` with the number of each, and `key:` with the fingerprint of the key that signed.
    #[serde(default)]
    pub certificates: Vec<String>,
    pub files: Vec<FileView>,
    pub created_at: String,
    pub sealed_at: Option<String>,
    pub revocation_reason: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct VersionSummary {
    pub id: VersionId,
    pub number: i64,
    pub state: String,
    pub digest: String,
    pub signature: String,
    pub created_at: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct VersionPage {
    pub items: Vec<VersionSummary>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileInput {
    /// Relative, `/` between parts.
    pub path: String,
    /// `sha256:` and 64 lowercase hex digits.
    pub sha256: String,
    pub size_bytes: i64,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionInput {
    /// 1 to 10,000 files.
    pub files: Vec<FileInput>,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SealInput {
    /// An OpenSSF Model Signing v1.0 bundle over the version's files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub signature: Option<Value>,
    /// Sigstore bundles that hold DSSE-signed in-toto statements, such as SLSA provenance.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub attestations: Vec<Value>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonInput {
    /// Why; kept with the record.
    pub reason: String,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct AttestationView {
    pub predicate_type: String,
    /// sha256 of the bundle as it was received.
    pub digest: String,
    /// The signed bundle.
    #[schema(value_type = Object)]
    pub bundle: Value,
    /// What it says, if it is of SLSA provenance.
    #[serde(default)]
    pub provenance: Option<ProvenanceView>,
}

/// List a model's versions, newest first.
#[utoipa::path(tag = "versions", operation_id = "listVersions",
    params(("model" = String, Path, description = "Model name"), PageParams),
    responses((status = 200, description = "A page of versions", body = VersionPage), Found))]
#[get("/models/{model}/versions")]
async fn list(
    app: Data<App>,
    who: Principal,
    model: Path<String>,
    params: Query<PageParams>,
) -> Result<Json<VersionPage>, Problem> {
    let page = ops::list(&app, &who, &model, params.parse(LIST)?).await?.map(VersionSummary::from);
    Ok(Json(VersionPage { next_cursor: page.next.map(|id| page::encode(LIST, id)), items: page.items }))
}

/// Declare a version's files. The same files again give the version that is there.
#[utoipa::path(tag = "versions", operation_id = "createVersion", params(("model" = String, Path, description = "Model name")),
    request_body = VersionInput, responses(
    (status = 201, description = "A draft; upload the files that are not here, then seal it", body = VersionView),
    (status = 200, description = "These files are a version already", body = VersionView), Keeps, Changed))]
#[post("/models/{model}/versions")]
async fn create(
    app: Data<App>,
    who: Principal,
    model: Path<String>,
    input: ValidJson<VersionInput>,
) -> Result<HttpResponse, Problem> {
    let manifest = manifest(&input.0)?;
    let (detail, created) = ops::create(&app, &who, &model, manifest).await?;
    let view = VersionView::new(&model, detail);
    Ok(if created { HttpResponse::Created().json(view) } else { HttpResponse::Ok().json(view) })
}

/// Fetch a version by number or digest.
#[utoipa::path(tag = "versions", operation_id = "getVersion",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    responses((status = 200, description = "The version and its files", body = VersionView), Found))]
#[get("/models/{model}/versions/{version}")]
async fn find(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<Json<VersionView>, Problem> {
    let (model, version) = path.into_inner();
    let detail = ops::find(&app, &who, &model, &reference(&version)?).await?;
    Ok(Json(VersionView::new(&model, detail)))
}

/// Upload one declared file. The bytes are hashed as they arrive; others are refused.
#[utoipa::path(tag = "versions", operation_id = "uploadFile",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("path" = String, Path, description = "The file's path in the version")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204, description = "The bytes are here"), Keeps, Changed))]
#[put("/models/{model}/versions/{version}/files/{path:.*}")]
async fn upload(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    path: Path<(String, String, String)>,
    mut body: Payload,
) -> Result<HttpResponse, Problem> {
    let (model, version, path) = path.into_inner();
    require_type(&request, "application/octet-stream")?;
    let version = reference(&version)?;
    let path = FilePath::parse(&path).in_field("path")?;
    let mut begun = files::begin(&app, &who, &model, &version, &path).await?;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|e| Error::BadRequest { code: "body_unreadable", detail: e.to_string() })?;
        begun.write(&chunk).await?;
    }
    begun.finish(&app, &who, &model, &version).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Read a file to inspect or sign it. Deployment tools use the gate instead.
#[utoipa::path(tag = "versions", operation_id = "inspectFile",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("path" = String, Path, description = "The file's path in the version")),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream"), (status = 206, description = "The part that `Range` asks for"), (status = 304, description = "It is what `If-None-Match` names"), Withheld, Parts, Found))]
#[get("/models/{model}/versions/{version}/files/{path:.*}")]
async fn download(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (model, version, path) = path.into_inner();
    let path = FilePath::parse(&path).in_field("path")?;
    let version = reference(&version)?;
    if ranges::is_conditional(&request) {
        let file = files::describe(&app, &who, &model, &version, &path).await?;
        if let Some(answer) = settled(&request, &file)? {
            return Ok(answer);
        }
    }
    let (bytes, file) = files::open(&app, &who, &model, &version, &path).await?;
    Ok(stream(app.into_inner(), &request, bytes, &file))
}

/// What `inspectFile` would say, without the bytes.
#[utoipa::path(tag = "versions", operation_id = "headVersionFile",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest"),
        ("path" = String, Path, description = "The file's path in the version")),
    responses((status = 200, description = "How long it is, and its digest as the ETag"), (status = 304, description = "It is what `If-None-Match` names"), (status = 412, description = "It is not what `If-Match` names", body = Problem, content_type = "application/problem+json"), Found))]
#[head("/models/{model}/versions/{version}/files/{path:.*}")]
async fn head_file(
    app: Data<App>,
    who: Principal,
    request: HttpRequest,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (model, version, path) = path.into_inner();
    let path = FilePath::parse(&path).in_field("path")?;
    told(&request, &files::describe(&app, &who, &model, &reference(&version)?, &path).await?)
}

/// Seal a draft: its bytes never change afterwards.
#[utoipa::path(tag = "versions", operation_id = "sealVersion",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    request_body = SealInput, responses((status = 200, description = "Sealed; the signature has been judged", body = VersionView), Changed))]
#[post("/models/{model}/versions/{version}/seal")]
async fn seal_version(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<SealInput>,
) -> Result<Json<VersionView>, Problem> {
    let (model, version) = path.into_inner();
    let with = Seal { signature: input.0.signature, attestations: input.0.attestations };
    let detail = seal::seal(&app, &who, &model, &reference(&version)?, with).await?;
    Ok(Json(VersionView::new(&model, detail)))
}

/// Revoke a version for good.
#[utoipa::path(tag = "versions", operation_id = "revokeVersion",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    request_body = ReasonInput, responses((status = 200, description = "Revoked; the gate gives nothing of it any more", body = VersionView), Changed))]
#[post("/models/{model}/versions/{version}/revocation")]
async fn revoke(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
    input: ValidJson<ReasonInput>,
) -> Result<Json<VersionView>, Problem> {
    let (model, version) = path.into_inner();
    let reason = Line::parse_required(&input.0.reason).in_field("reason")?;
    let detail = ops::revoke(&app, &who, &model, &reference(&version)?, reason).await?;
    Ok(Json(VersionView::new(&model, detail)))
}

/// List the signed statements about a version: provenance and the like.
#[utoipa::path(tag = "versions", operation_id = "listAttestations",
    params(("model" = String, Path, description = "Model name"), ("version" = String, Path, description = "Number or digest")),
    responses((status = 200, description = "The statements as they were received", body = Vec<AttestationView>), Found))]
#[get("/models/{model}/versions/{version}/attestations")]
async fn list_attestations(
    app: Data<App>,
    who: Principal,
    path: Path<(String, String)>,
) -> Result<Json<Vec<AttestationView>>, Problem> {
    let (model, version) = path.into_inner();
    let detail = ops::find(&app, &who, &model, &reference(&version)?).await?;
    let all = ops::attestations(&app, &who, detail.version.id).await?;
    Ok(Json(all.into_iter().map(AttestationView::from).collect()))
}

pub(super) fn reference(raw: &str) -> Result<VersionRef, Error> {
    VersionRef::parse(raw).in_field("version")
}

fn manifest(input: &VersionInput) -> Result<Manifest, Error> {
    let files = input
        .files
        .iter()
        .enumerate()
        .map(|(i, file)| {
            if file.size_bytes < 0 {
                return Err(Error::invalid(format!("files[{i}].size_bytes"), "must not be negative"));
            }
            Ok(DeclaredFile {
                path: FilePath::parse(&file.path).in_field(&format!("files[{i}].path"))?,
                sha256: Digest::parse(&file.sha256).in_field(&format!("files[{i}].sha256"))?,
                size_bytes: file.size_bytes,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    Manifest::new(files).in_field("files")
}

impl VersionView {
    pub fn new(model: &str, detail: Detail) -> Self {
        let version = detail.version;
        let signature_detail = match &version.signature {
            Signature::Untrusted { detail } => Some(detail.clone()),
            Signature::Absent if version.state != State::Draft => Some("the version was sealed without one".to_owned()),
            _ => None,
        };
        let named = match &version.signature {
            Signature::Verified { signatory, .. } => signatory.clone(),
            _ => None,
        };
        let (signed_by, certificates) = named.map_or_else(Default::default, |named| (named.names, named.certificates));
        Self {
            id: version.id,
            model: model.to_owned(),
            signed_by,
            certificates,
            number: version.number,
            state: version.state.name().to_owned(),
            digest: version.manifest.to_string(),
            signature: version.signature.name().to_owned(),
            signature_detail,
            files: detail
                .files
                .into_iter()
                .map(|f| FileView {
                    path: f.declared.path.to_string(),
                    sha256: f.declared.sha256.to_string(),
                    size_bytes: f.declared.size_bytes,
                    uploaded: f.is_here(),
                    damaged: f.damaged,
                })
                .collect(),
            created_at: rfc3339(version.created_at),
            sealed_at: version.sealed_at.map(rfc3339),
            revocation_reason: version.revocation_reason,
        }
    }
}

impl From<Version> for VersionSummary {
    fn from(version: Version) -> Self {
        Self {
            id: version.id,
            number: version.number,
            state: version.state.name().to_owned(),
            digest: version.manifest.to_string(),
            signature: version.signature.name().to_owned(),
            created_at: rfc3339(version.created_at),
        }
    }
}

impl From<Attested> for AttestationView {
    fn from(attested: Attested) -> Self {
        Self {
            predicate_type: attested.predicate_type,
            digest: attested.digest,
            bundle: serde_json::from_str(&attested.statement).unwrap_or_default(),
            provenance: provenance::kept(&attested.statement).map(ProvenanceView::from),
        }
    }
}
