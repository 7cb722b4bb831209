//! One record of the log, its hash, and the files that prove it.

use crate::{
    app::App,
    audit::{
        proofs,
        search::{api::EntryView, ops},
    },
    crypto::{hex, merkle::leaf_hash, proof_file},
    error::Error,
    web::{
        PageError, access,
        audit::EventRow,
        frame::{Frame, page},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use askama::Template;
use serde_json::Value;

#[derive(Template)]
#[template(path = "audit/record.html")]
struct RecordPage {
    frame: Frame,
    index: u64,
    event: EventRow,
    actor_id: Option<String>,
    request: Option<String>,
    request_in_query: String,
    leaf_hash: String,
    pretty: String,
}

#[get("/audit/records/{index}")]
pub async fn show(app: Data<App>, visitor: Visitor, index: Path<u64>) -> Result<HttpResponse, PageError> {
    let record = ops::at_index(&app, &visitor.who, *index).await?;
    let hash = hex::encode(&leaf_hash(record.entry.leaf.as_bytes()));
    let view = EntryView::try_from(record)?;
    let request = view.leaf["request_id"].as_str().map(str::to_owned);
    page(&RecordPage {
        frame: Frame::new("Audit log", &visitor),
        index: *index,
        actor_id: view.actor.id.clone(),
        request_in_query: access::encode(request.as_deref().unwrap_or_default()),
        request,
        leaf_hash: hash,
        pretty: pretty(&view.leaf)?,
        event: EventRow::from(view),
    })
}

fn pretty(value: &Value) -> Result<String, Error> {
    serde_json::to_string_pretty(value).map_err(Error::internal)
}

/// The record as it was hashed.
#[get("/audit/records/{index}/leaf")]
pub async fn leaf(app: Data<App>, visitor: Visitor, index: Path<u64>) -> Result<HttpResponse, PageError> {
    let record = ops::at_index(&app, &visitor.who, *index).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(record.entry.leaf))
}

/// Its C2SP tlog-proof.
#[get("/audit/records/{index}/proof")]
pub async fn proof(app: Data<App>, visitor: Visitor, index: Path<u64>) -> Result<HttpResponse, PageError> {
    let found = proofs::ops::inclusion(&app, &visitor.who, *index).await?;
    let text = proof_file::format(found.index, &found.proof, &found.note);
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text))
}
