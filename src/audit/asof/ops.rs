use super::{
    LeftOut, Selection, State,
    beside::StateAndRows,
    kept::{Key, Replay, Told},
    state, whole,
};
use crate::{
    accounts,
    app::App,
    audit::{
        changes::Change,
        replay::{Tables, store},
    },
    authz::{Action, Principal, ReadPermit, policy},
    core::ids::AccountId,
    db::Reader,
    error::Error,
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::task::spawn_blocking;

/// Records per read.
const PAGE: u64 = 2_000;
/// What the state is made of; the rest of what is logged need not be held in memory.
const TABLES: &[&str] = &[
    "account",
    "approval",
    "environment",
    "environment_revision",
    "membership",
    "model",
    "model_owner",
    "model_version",
    "promotion_request",
    "release",
];

/// What of a leaf the replay needs.
#[derive(serde::Deserialize)]
struct Leaf {
    #[serde(default)]
    changes: Vec<Change>,
}

/// What there is to see of a date.
pub enum Look {
    /// At most so many of a kind, how many were left out, and how many records made it.
    Told(State, LeftOut, u64),
    /// How much of the log was replayed, in percent.
    UnderWay(i64),
}

/// The state of the caller's workspace after the last record of `at` or before, and how many
/// records made it.
pub async fn as_of(
    app: &Arc<App>,
    who: &Principal,
    at: DateTime<Utc>,
    wanted: &Selection,
) -> Result<(State, u64), Error> {
    let told = replay(app, who, at).await?.told().await?;
    let (state, _) = shown(app, &told, wanted, usize::MAX).await?;
    Ok((state, told.records))
}

/// The same for somebody who would rather see how far it is than wait longer than this.
pub async fn look(
    app: &Arc<App>,
    who: &Principal,
    at: DateTime<Utc>,
    wanted: &Selection,
    (patience, most): (Duration, usize),
) -> Result<Look, Error> {
    let replay = replay(app, who, at).await?;
    let Some(told) = replay.within(patience).await? else { return Ok(Look::UnderWay(replay.percent())) };
    let (state, left_out) = shown(app, &told, wanted, most).await?;
    Ok(Look::Told(state, left_out, told.records))
}

async fn shown(app: &App, told: &Told, wanted: &Selection, most: usize) -> Result<(State, LeftOut), Error> {
    let (mut part, left_out) = told.state.part(wanted, most);
    let names = names(app, part.people().iter()).await?;
    Ok((part.named(&names), left_out))
}

/// The replay up to a date, begun if nobody asked for it lately. It goes on when whoever asked has left.
async fn replay(app: &Arc<App>, who: &Principal, at: DateTime<Utc>) -> Result<Arc<Replay>, Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    if app.db.clock().now() < at {
        return Err(Error::invalid("at", "that is in the future; ask for a time that has passed"));
    }
    let reader = app.db.read(&sight);
    let last = store::last_change_until(&reader, at).await?.unwrap_or(0);
    let (replay, begun) = app.states.of(Key { scope: reader.scope(), last })?;
    if let Some(begun) = begun {
        let (app, replay) = (app.clone(), replay.clone());
        tokio::spawn(async move {
            match tell(&app, &sight, last, &replay).await {
                Ok(told) => drop(begun.send_replace(Some(Arc::new(told)))),
                Err(error) => tracing::error!(last, %error, "the log did not replay"),
            }
        });
    }
    Ok(replay)
}

async fn tell(app: &App, sight: &ReadPermit, last: i64, replay: &Replay) -> Result<Told, Error> {
    let _turn = app.replays.acquire().await.map_err(Error::internal)?;
    let snapshot = app.db.snapshot(sight).await?;
    let (tables, records) = replayed(&snapshot.reader(), last, |record| replay.has_read(record)).await?;
    let state = spawn_blocking(move || whole(&tables)).await.map_err(Error::internal)?;
    Ok(Told { state, records })
}

/// The same and more, for use-cases that asked the policy already and that waited for their turn to
/// replay (`App::replays`).
pub(crate) async fn told_at(
    app: &App,
    reader: &Reader<'_>,
    at: DateTime<Utc>,
    wanted: &Selection,
) -> Result<StateAndRows, Error> {
    let last = store::last_change_until(reader, at).await?.unwrap_or(0);
    let (tables, _) = replayed(reader, last, |_| {}).await?;
    let names = names(app, tables.rows("account").map(|(id, _)| id)).await?;
    Ok(StateAndRows::new(state(&tables, wanted, &names), &tables))
}

async fn replayed(reader: &Reader<'_>, last: i64, has_read: impl Fn(i64)) -> Result<(Tables, u64), Error> {
    let mut tables = Tables::default();
    let (mut records, mut after) = (0, 0);
    loop {
        let page = store::changing(reader, after, last, PAGE).await?;
        let Some((id, _)) = page.last() else { return Ok((tables, records)) };
        after = *id;
        records += page.len() as u64;
        // Some thousand records take long enough that others would notice.
        tables = spawn_blocking(move || applied(tables, &page)).await.map_err(Error::internal)??;
        has_read(after);
    }
}

fn applied(mut tables: Tables, page: &[(i64, String)]) -> Result<Tables, Error> {
    for (id, leaf) in page {
        let told: Leaf = serde_json::from_str(leaf).map_err(Error::internal)?;
        let kept: Vec<_> = told.changes.into_iter().filter(|c| TABLES.contains(&c.table.as_str())).collect();
        tables.apply(&kept).map_err(|e| Error::internal(format!("event {id} does not follow: {e}")))?;
    }
    Ok(tables)
}

/// Today's names of accounts.
async fn names<'a>(app: &App, ids: impl Iterator<Item = &'a String>) -> Result<BTreeMap<String, String>, Error> {
    let ids: Vec<_> = ids.filter_map(|id| id.parse().ok().map(AccountId)).collect();
    let names = accounts::ops::names(app, &ids).await?;
    Ok(names.into_iter().map(|(id, name)| (id.to_string(), name)).collect())
}
