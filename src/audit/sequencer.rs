//! Gives committed events their place: dense, in the order of their transactions; and
//! signs the head of the tree that they make.
//!
//! Invariants: any process may run it, and a lock on the head row makes them take turns;
//! a head is signed only if it goes on from the last one (`guard`), is kept outside the
//! database first (`kept_head`), and only then can be read; each process keeps the newest
//! head, also if another one signed it.

use crate::{
    app::App,
    audit::{Head, guard, mentions, row, store, witness},
    authz::policy,
    crypto::merkle::{self, Hash},
    db::entity::audit_event,
    error::Error,
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Events per transaction.
const BATCH: u64 = 1_000;
/// How often to look without being woken: other processes write too.
const POLL: Duration = Duration::from_millis(500);
/// After a wake-up, wait for company: one transaction for many events.
const GATHER: Duration = Duration::from_millis(20);
/// A head is signed this often without being asked for; whoever asks gets a new one at once.
const SIGN: Duration = Duration::from_secs(1);

pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let committed = app.db.committed();
    let mut signed_at: Option<Instant> = None;
    let mut complaint = Complaint::default();
    // A log that is older than its mentions gets them bit by bit.
    let mut backlog = false;
    while !*stop.borrow() {
        let woken = committed.notified();
        let due = signed_at.is_none_or(|at| SIGN <= at.elapsed());
        let done = if due { sequence(&app).await } else { place(&app).await };
        if due {
            signed_at = Some(Instant::now());
        }
        let done = match done {
            Ok(_) if due || backlog => mention(&app).await.map(|mentioned| backlog = mentioned == BATCH),
            done => done.map(drop),
        };
        complaint.about(done.err());
        if std::mem::take(&mut backlog) {
            continue;
        }
        tokio::select! {
            () = woken => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(POLL) => {}
            _ = stop.changed() => {}
        }
    }
    // What was committed last should not have to wait for the next start.
    complaint.about(sequence(&app).await.err());
}

/// Says once what goes wrong again and again.
#[derive(Default)]
struct Complaint(Option<String>);

impl Complaint {
    fn about(&mut self, error: Option<Error>) {
        let said = error.as_ref().map(ToString::to_string);
        if said != self.0 {
            match &error {
                Some(error) if guard::is_refusal(error) => tracing::error!("the audit log is not extended: {error}"),
                Some(error) => tracing::error!(?error, "the audit log can't be sequenced"),
                None => tracing::info!("the audit log is extended again"),
            }
            self.0 = said;
        }
    }
}

/// Sequences everything that is committed and signs the head; returns how many events got a place.
pub async fn sequence(app: &App) -> Result<u64, Error> {
    witness::client::ask_once(app).await;
    let placed = place(app).await?;
    sign(app).await?;
    Ok(placed)
}

async fn place(app: &App) -> Result<u64, Error> {
    let mut total = 0;
    loop {
        let placed = batch(app).await?;
        total += placed;
        if placed < BATCH {
            return Ok(total);
        }
    }
}

/// Without the rows that the service did not write: they get no place, and are complained of. When
/// there is nothing else, that is why.
fn sound(events: Vec<audit_event::Model>) -> Result<Vec<audit_event::Model>, Error> {
    let (sound, doubtful): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| row::doubt(event).is_none());
    for doubt in doubtful.iter().filter_map(row::doubt) {
        tracing::error!("somebody wrote into the audit log past the service, and it gets no place: {doubt}");
    }
    if sound.is_empty() && u64::try_from(doubtful.len()).is_ok_and(|n| n == BATCH) {
        let detail = "the queue of the audit log is full of rows that the service did not write; remove them";
        return Err(Error::Unavailable { code: guard::REFUSED, detail: detail.to_owned() });
    }
    Ok(sound)
}

async fn batch(app: &App) -> Result<u64, Error> {
    let tx = app.db.begin_bookkeeping().await?;
    let first = store::lock_head(&tx).await?;
    let events = sound(store::pending(&tx, BATCH).await?)?;
    if events.is_empty() {
        return Ok(0);
    }
    guard::check(app, first).await?;
    // The peaks of the tree are all that later leaves can need of earlier ones.
    let mut known: HashMap<u64, Hash> = store::nodes_in(&tx, &merkle::root_positions(first)).await?;
    let mut added = Vec::new();
    let mut size = first;
    for event in &events {
        let hashes = merkle::stored_for_leaf(size, store::leaf_hash(event), |position| known.get(&position).copied());
        let hashes = hashes.ok_or_else(|| Error::internal("the log's tree lacks a node"))?;
        for (position, hash) in (merkle::stored_index(0, size)..).zip(hashes) {
            known.insert(position, hash);
            added.push((position, hash));
        }
        size += 1;
    }
    store::extend(&tx, first, &events, &added).await?;
    tx.commit().await?;
    Ok(size - first)
}

/// Adds what mentions earlier leaves lack, a batch of them; returns of how many.
pub(super) async fn mention(app: &App) -> Result<u64, Error> {
    let reader = app.db.read(&policy::upkeep());
    if mentions::store::size(&reader).await? == store::size(&reader).await? {
        return Ok(0);
    }
    let tx = app.db.begin_bookkeeping().await?;
    let size = store::lock_head(&tx).await?;
    let mentioned = mentions::store::catch_up(&tx, size, BATCH).await?;
    tx.commit().await?;
    Ok(mentioned)
}

/// Signs the head of what is placed, unless that was done.
async fn sign(app: &App) -> Result<(), Error> {
    let tx = app.db.begin_bookkeeping().await?;
    let size = store::lock_head(&tx).await?;
    // Even when there is nothing to sign: a database that was put back is noticed at once.
    let lacked = guard::check(app, size).await?;
    if size <= store::signed_size(&tx).await? {
        return match lacked {
            Some(head) => app.kept_head.write(&head.note).await,
            None => Ok(()),
        };
    }
    let nodes = store::nodes_in(&tx, &merkle::root_positions(size)).await?;
    let peaks = merkle::root_positions(size).iter().map(|p| nodes.get(p).copied()).collect::<Option<Vec<_>>>();
    let peaks = peaks.ok_or_else(|| Error::internal("the log's tree lacks a peak"))?;
    let root = merkle::root_from(size, &peaks);
    let head = Head { size, note: app.signer.sign_checkpoint(size, root) };
    app.kept_head.write(&head.note).await?;
    store::insert_checkpoint(&tx, &head, &root).await?;
    tx.commit().await
}
