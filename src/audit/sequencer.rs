//! Gives committed events their place: dense, in the order of their ids; and
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
/// When there was much, more comes soon; whoever needs a place or a head at once asks for it.
const GATHER_MUCH: Duration = Duration::from_millis(250);
const MUCH: u64 = 20;
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
        let done = if due { pass(&app).await } else { place(&app).await };
        if due {
            signed_at = Some(Instant::now());
        }
        let done = match done {
            Ok(placed) if due || backlog => mention(&app).await.map(|mentioned| {
                backlog = mentioned == BATCH;
                placed
            }),
            done => done,
        };
        let gather = match &done {
            Ok(placed) if MUCH < placed.count => GATHER_MUCH,
            _ => GATHER,
        };
        complaint.about(done);
        if std::mem::take(&mut backlog) {
            continue;
        }
        tokio::select! {
            () = woken => tokio::time::sleep(gather).await,
            () = tokio::time::sleep(POLL) => {}
            _ = stop.changed() => {}
        }
    }
    // What was committed last should not have to wait for the next start.
    complaint.about(pass(&app).await);
}

/// Says once what goes wrong again and again.
#[derive(Default)]
struct Complaint(Option<String>);

impl Complaint {
    fn about(&mut self, done: Result<Placed, Error>) {
        let said = match &done {
            Ok(placed) => placed.doubt.clone(),
            Err(error) => Some(error.to_string()),
        };
        if said != self.0 {
            match &done {
                Err(error) if guard::is_refusal(error) => tracing::error!("the audit log is not extended: {error}"),
                Err(error) => tracing::error!(?error, "the audit log can't be sequenced"),
                Ok(Placed { doubt: Some(doubt), .. }) => tracing::error!("{doubt}"),
                Ok(_) => tracing::info!("the audit log is extended again"),
            }
            self.0 = said;
        }
    }
}

/// What placing came to.
#[derive(Default)]
struct Placed {
    count: u64,
    /// What waits and gets no place, because the service did not write it.
    doubt: Option<String>,
}

/// Sequences everything that is committed and signs the head; returns how many events got a place.
pub async fn sequence(app: &App) -> Result<u64, Error> {
    Ok(pass(app).await?.count)
}

async fn pass(app: &App) -> Result<Placed, Error> {
    witness::client::ask_once(app).await;
    let placed = place(app).await?;
    sign(app).await?;
    Ok(placed)
}

async fn place(app: &App) -> Result<Placed, Error> {
    let mut total = Placed::default();
    loop {
        let placed = batch(app).await?;
        total.count += placed.count;
        total.doubt = placed.doubt.or(total.doubt);
        if placed.count < BATCH {
            return Ok(total);
        }
    }
}

/// The rows that the service wrote, and what there is to say about the others.
fn sound(events: Vec<audit_event::Model>) -> Result<(Vec<audit_event::Model>, Option<String>), Error> {
    let (mut sound, mut doubts) = (Vec::new(), Vec::new());
    for event in events {
        match row::doubt(&event) {
            None => sound.push(event),
            Some(doubt) => doubts.push(doubt),
        }
    }
    let Some(first) = doubts.first() else { return Ok((sound, None)) };
    let count = doubts.len();
    let rows = match count {
        1 => "a row of the audit log was written past the service and gets no place:".to_owned(),
        _ => format!("{count} rows of the audit log were written past the service and get no place, first"),
    };
    let doubt = format!("{rows} {first}");
    if u64::try_from(count).is_ok_and(|count| count == BATCH) {
        return Err(Error::Unavailable { code: guard::REFUSED, detail: format!("{doubt}; nothing gets past them") });
    }
    Ok((sound, Some(doubt)))
}

async fn batch(app: &App) -> Result<Placed, Error> {
    let tx = app.db.begin_bookkeeping().await?;
    let first = store::lock_head(&tx).await?;
    let (events, doubt) = sound(store::pending(&tx, BATCH).await?)?;
    if events.is_empty() {
        return Ok(Placed { count: 0, doubt });
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
    Ok(Placed { count: size - first, doubt })
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
