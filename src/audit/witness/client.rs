//! Sends each new head to the configured witnesses, and keeps what they sign.
//!
//! Invariants: a cosignature is kept only if it verifies with the witness's configured key;
//! a witness that is slow or gone holds up nothing but its own cosignatures. One that says
//! that it saw more of the log, or another tree, stops the signing until it signs again.

use super::{SIZE_TYPE, Witness, request::Request};
use crate::{
    app::App,
    audit::{Head, store},
    authz::policy,
    core::words::counted,
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
        "it saw {} of this log, and there {} only {own}: the database was restored from an older copy, or another \
         registry signs with this key",
        counted(*witness, "record"),
        if *own == 1 { "is" } else { "are" }
    )]
    Ahead { witness: u64, own: u64 },
    #[error(
        "it saw another tree of this log than the one whose head over {} it was shown (its answer: {}): \
         the database was restored and went on differently, or was rewritten, or another registry signs with this key",
        counted(*own, "record"),
        status
    )]
    OtherTree { own: u64, status: u16 },
    #[error("its answer holds no cosignature that its key verifies")]
    NotSigned,
    #[error(transparent)]
    Own(#[from] Error),
}

impl PushError {
    /// Whether the witness says that the database has another log than the one that it saw.
    fn is_objection(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::OtherTree { .. })
    }
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
    offer(app, false).await
}

/// Asks every witness once after the start, before anything is signed: also a service that
/// kept no head learns here that its database is older than what was signed. A witness that
/// does not answer is not waited for.
pub async fn ask_once(app: &App) {
    if app.witnesses.is_empty() {
        return;
    }
    let ask = async || {
        for (label, result) in offer(app, true).await {
            if let Err(error) = result {
                tracing::warn!(witness = label, "asked about the log before the first signature: {error}");
            }
        }
    };
    app.objections.asked.get_or_init(ask).await;
}

async fn offer(app: &App, again: bool) -> Vec<(String, Result<(), PushError>)> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
    let pushes = app.witnesses.iter().map(|witness| {
        let http = http.as_ref();
        async move {
            let label = witness.key.label();
            let result = match http {
                Ok(http) => push(app, http, witness, again || app.objections.stands(&label)).await,
                Err(error) => Err(PushError::Unreachable(error.to_string())),
            };
            match &result {
                Ok(()) => app.objections.withdraw(&label),
                Err(error) if error.is_objection() => app.objections.raise(&label, error.to_string()),
                Err(_) => {}
            }
            (label, result)
        }
    });
    futures_util::future::join_all(pushes).await
}

/// The last signed head; of a log that has none that of the empty tree, which every log goes on from.
async fn last_head(app: &App, again: bool) -> Result<Option<Head>, Error> {
    let head = store::head(&app.db.read(&policy::upkeep())).await?;
    let empty = || Head { size: 0, note: app.signer.sign_checkpoint(0, merkle::EMPTY_ROOT) };
    Ok(head.or_else(|| (again && app.signer.check().is_ok()).then(empty)))
}

/// `again`: also when the witness signed this head before.
async fn push(app: &App, http: &reqwest::Client, witness: &Witness, again: bool) -> Result<(), PushError> {
    let reader = app.db.read(&policy::upkeep());
    let Some(head) = last_head(app, again).await? else { return Ok(()) };
    let mut old_size = store::cosigned_size(&reader, &witness.key.label()).await?;
    if head.size < old_size {
        return behind(app, old_size).await;
    }
    if head.size == old_size && !again {
        return Ok(());
    }
    // The second time with the size that the witness says it knows.
    for _ in 0..2 {
        let request = request(app, old_size, &head).await?;
        let answer = http.post(witness.url.clone()).body(request.to_text()).send().await;
        let answer = answer.map_err(|e| PushError::Unreachable(e.without_url().to_string()))?;
        let (status, is_size) = (answer.status(), is_size(&answer));
        let said = text(answer).await?;
        let size = said.trim_end().parse::<u64>().ok().filter(|_| is_size);
        match (status, size) {
            (StatusCode::OK, _) if head.size == 0 => return Ok(()),
            (StatusCode::OK, _) => return keep(app, &head, witness, &said).await,
            (StatusCode::CONFLICT, Some(size)) if head.size < size => return behind(app, size).await,
            (StatusCode::CONFLICT, Some(size)) if size != old_size => old_size = size,
            // Our proof leads from our own tree of the size that it knows: it knows another one.
            (StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY, _) => {
                return Err(PushError::OtherTree { own: head.size, status: status.as_u16() });
            }
            (status, _) => return Err(PushError::Refused { status, said }),
        }
    }
    Err(PushError::Refused { status: StatusCode::CONFLICT, said: "its size changes while it is asked".to_owned() })
}

/// Another process of the service may have shown it a newer head meanwhile: a head is in the
/// database before any witness sees it.
async fn behind(app: &App, witness: u64) -> Result<(), PushError> {
    let own = store::head(&app.db.read(&policy::upkeep())).await?.map_or(0, |head| head.size);
    match own < witness {
        true => Err(PushError::Ahead { witness, own }),
        false => Ok(()),
    }
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
