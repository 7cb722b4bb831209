use crate::{
    app::App,
    audit::proofs::{Consistency, Inclusion, ops},
    authz::Principal,
    crypto::{hex, merkle::Hash, proof_file, tile::Tile},
    error::Error,
    http::problem::{Found, Problem},
};
use actix_web::{
    HttpResponse, get,
    http::header::CACHE_CONTROL,
    web::{Data, Json, Path, Query},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// What is signed never changes; who may see it is decided per caller, so shared caches keep nothing.
const FOREVER: &str = "private, max-age=31536000, immutable";

pub fn routes(config: &mut ServiceConfig) {
    // The entries come first: a level could be any word.
    config.service(read_entries).service(read_tile).service(consistency).service(inclusion_proof).service(inclusion);
}

/// The entries of a run of the log, each after its length in two bytes (C2SP tlog-tiles).
#[utoipa::path(tag = "audit", operation_id = "getEntries",
    params(("path" = String, Path, description = "Number of the bundle in groups of three digits, `x001/x234/067`; `.p/W` for the first W of its 256 entries")),
    responses((status = 200, description = "An entry bundle", content_type = "application/octet-stream"), Found))]
#[get("/audit/tile/entries/{path:.*}")]
async fn read_entries(app: Data<App>, who: Principal, path: Path<String>) -> Result<HttpResponse, Problem> {
    let tile = Tile::parse_entries(&path).ok_or(Error::not_found("tile"))?;
    Ok(kept(ops::entries(&app, &who, tile).await?))
}

/// The hashes of a tile of the log's tree (C2SP tlog-tiles).
#[utoipa::path(tag = "audit", operation_id = "getTile",
    params(("level" = String, Path, description = "Level of the tile, 0 to 7"),
        ("path" = String, Path, description = "Number of the tile in groups of three digits, `x001/x234/067`; `.p/W` for the first W of its 256 hashes")),
    responses((status = 200, description = "Up to 256 hashes of 32 bytes", content_type = "application/octet-stream"), Found))]
#[get("/audit/tile/{level}/{path:.*}")]
async fn read_tile(app: Data<App>, who: Principal, path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let tile = Tile::parse(&path.0, &path.1).ok_or(Error::not_found("tile"))?;
    Ok(kept(ops::tile(&app, &who, tile).await?))
}

fn kept(bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/octet-stream").insert_header((CACHE_CONTROL, FOREVER)).body(bytes)
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyParams {
    /// Leaves of the older tree.
    pub from: u64,
    /// Leaves of the newer tree; those of the last signed head if absent.
    pub to: Option<u64>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ConsistencyView {
    pub from: u64,
    pub to: u64,
    /// Root of the older tree, in base64, as checkpoints have it.
    pub from_root: String,
    pub to_root: String,
    /// The proof of RFC 6962, section 2.1.2: hashes in base64.
    pub proof: Vec<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct InclusionView {
    pub index: u64,
    /// Lowercase hex.
    pub leaf_hash: String,
    /// Leaves of the tree that the checkpoint signs.
    pub size: u64,
    /// The proof of RFC 6962, section 2.1.1: hashes in base64, from the leaf upwards.
    pub proof: Vec<String>,
    /// The signed note.
    pub checkpoint: String,
}

/// Prove that the log only grew between two sizes.
#[utoipa::path(tag = "audit", operation_id = "getConsistencyProof", params(ConsistencyParams),
    responses((status = 200, description = "The proof with both roots", body = ConsistencyView),
        (status = 422, description = "The older tree is said to be the larger one", body = Problem, content_type = "application/problem+json"),
        Found))]
#[get("/audit/consistency")]
async fn consistency(
    app: Data<App>,
    who: Principal,
    params: Query<ConsistencyParams>,
) -> Result<Json<ConsistencyView>, Problem> {
    Ok(Json(ops::consistency(&app, &who, params.from, params.to).await?.into()))
}

/// A proof that a leaf is in the log, to be verified offline (C2SP tlog-proof).
#[utoipa::path(tag = "audit", operation_id = "getInclusionProof", params(("index" = u64, Path, description = "Place in the tree")),
    responses((status = 200, description = "The proof", body = String, content_type = "text/plain"), Found))]
#[get("/audit/leaves/{index}/proof")]
async fn inclusion_proof(app: Data<App>, who: Principal, index: Path<u64>) -> Result<HttpResponse, Problem> {
    let found = ops::inclusion(&app, &who, *index).await?;
    let text = proof_file::format(found.index, &found.proof, &found.note);
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text))
}

/// The same proof, for programs that read JSON.
#[utoipa::path(tag = "audit", operation_id = "getInclusion", params(("index" = u64, Path, description = "Place in the tree")),
    responses((status = 200, description = "The proof", body = InclusionView), Found))]
#[get("/audit/leaves/{index}/inclusion")]
async fn inclusion(app: Data<App>, who: Principal, index: Path<u64>) -> Result<Json<InclusionView>, Problem> {
    Ok(Json(ops::inclusion(&app, &who, *index).await?.into()))
}

fn lines(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

impl From<Consistency> for ConsistencyView {
    fn from(proven: Consistency) -> Self {
        Self {
            from: proven.from,
            to: proven.to,
            from_root: STANDARD.encode(proven.from_root),
            to_root: STANDARD.encode(proven.to_root),
            proof: lines(&proven.proof),
        }
    }
}

impl From<Inclusion> for InclusionView {
    fn from(proven: Inclusion) -> Self {
        Self {
            index: proven.index,
            leaf_hash: hex::encode(&proven.leaf_hash),
            size: proven.size,
            proof: lines(&proven.proof),
            checkpoint: proven.note,
        }
    }
}
