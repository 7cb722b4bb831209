//! Sends each new head to the configured witnesses, and keeps what they sign.
//!
//! Invariants: a cosignature is kept only if it verifies with the witness's configured key;
//! a witness that is slow, gone or hostile holds up nothing but its own cosignatures.

use super::{SIZE_TYPE, Witness, request::Request};
use crate::{
    app::App,
    audit::{Head, store},
    authz::policy,
    crypto::{merkle, note::Note},
    error::Error,
};
use reqwest::{StatusCode, header::CONTENT_TYPE};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::watch;

const PAUSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
/// A few signature lines, or a sentence.
const MAX_ANSWER_BYTES: usize = 16 << 10;

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error("it can't be reached: {0}")]
    Unreachable(String),
    #[error("it answers {status}: {said}")]
    Refused { status: StatusCode, said: String },
    #[error(
        "it saw {witness} records of this log, and there are only {own}: the database was restored from an older copy, \
         or another registry signs with this key"
    )]
    Ahead { witness: u64, own: u64 },
    #[error("its answer holds no cosignature that its key verifies")]
    NotSigned,
    #[error(transparent)]
    Own(#[from] Error),
}

/// Until the service stops.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut said: HashMap<String, String> = HashMap::new();
    while !app.witnesses.is_empty() && !*stop.borrow() {
        for (label, result) in push_all(&app).await {
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            let before = said.insert(label.clone(), message.clone()).unwrap_or_default();
            if message != before {
                match message.is_empty() {
                    true => tracing::info!(witness = label, "cosigns again"),
                    false => tracing::warn!(witness = label, "the log's head is not cosigned: {message}"),
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Offers the last signed head to every witness that has not seen it; says how each took it.
pub async fn push_all(app: &App) -> Vec<(String, Result<(), PushError>)> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
    let pushes = app.witnesses.iter().map(|witness| {
        let http = http.as_ref();
        async move {
            let result = match http {
                Ok(http) => push(app, http, witness).await,
                Err(error) => Err(PushError::Unreachable(error.to_string())),
            };
            (witness.key.label(), result)
        }
    });
    futures_util::future::join_all(pushes).await
}

async fn push(app: &App, http: &reqwest::Client, witness: &Witness) -> Result<(), PushError> {
    let reader = app.db.read(&policy::upkeep());
    let Some(head) = store::head(&reader).await? else { return Ok(()) };
    let mut old_size = store::cosigned_size(&reader, &witness.key.label()).await?;
    if head.size < old_size {
        return Err(PushError::Ahead { witness: old_size, own: head.size });
    }
    if head.size == old_size {
        return Ok(());
    }
    // The second time with the size that the witness says it knows.
    for _ in 0..2 {
        let request = request(app, old_size, &head).await?;
        let answer = http.post(witness.url.clone()).body(request.to_text()).send().await;
        let answer = answer.map_err(|e| PushError::Unreachable(e.without_url().to_string()))?;
        let (status, is_size) = (answer.status(), is_size(&answer));
        let said = text(answer).await?;
        match status {
            StatusCode::OK => return keep(app, &head, witness, &said).await,
            StatusCode::CONFLICT if is_size => match said.trim_end().parse() {
                Ok(size) if size <= head.size && size != old_size => old_size = size,
                Ok(size) if head.size < size => return Err(PushError::Ahead { witness: size, own: head.size }),
                _ => return Err(PushError::Refused { status, said }),
            },
            status => return Err(PushError::Refused { status, said }),
        }
    }
    Err(PushError::Refused { status: StatusCode::CONFLICT, said: "its size changes while it is asked".to_owned() })
}

async fn request(app: &App, old_size: u64, head: &Head) -> Result<Request, Error> {
    let nodes =
        store::nodes(&app.db.read(&policy::upkeep()), &merkle::consistency_positions(old_size, head.size)).await?;
    let proof = merkle::consistency_proof(old_size, head.size, |position| nodes.get(&position).copied());
    let proof = proof.ok_or_else(|| Error::internal("the log's tree lacks a node"))?;
    Ok(Request { old_size, proof, checkpoint: head.note.clone() })
}

fn is_size(answer: &reqwest::Response) -> bool {
    answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == SIZE_TYPE.as_bytes())
}

/// What was said, without control characters, and no more of it than anybody needs.
async fn text(mut answer: reqwest::Response) -> Result<String, PushError> {
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= MAX_ANSWER_BYTES => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(PushError::Unreachable("its answer is too long".to_owned())),
            Ok(None) => break,
            Err(error) => return Err(PushError::Unreachable(error.without_url().to_string())),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).chars().filter(|c| *c == '\n' || !c.is_control()).collect())
}

/// A witness may send lines of several keys; the one of the configured key is kept.
async fn keep(app: &App, head: &Head, witness: &Witness, said: &str) -> Result<(), PushError> {
    let holds = |line: &&str| {
        let note = Note::parse(&format!("{}{line}\n", head.note));
        note.is_ok_and(|note| witness.key.seen_at(&note).is_ok())
    };
    let line = said.lines().find(holds).ok_or(PushError::NotSigned)?;
    let tx = app.db.begin_bookkeeping().await?;
    store::insert_cosignature(&tx, head.size, &witness.key.label(), &format!("{line}\n")).await?;
    Ok(tx.commit().await?)
}
