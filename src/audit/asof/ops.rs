use crate::{
    accounts,
    app::App,
    audit::{
        asof::{Selection, State, beside::StateAndRows, state},
        changes::Change,
        replay::{Tables, store},
    },
    authz::{Action, Principal, policy},
    core::ids::AccountId,
    db::Reader,
    error::Error,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

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
struct Told {
    #[serde(default)]
    changes: Vec<Change>,
}

/// The state of the caller's workspace after the last record of `at` or before, and how many
/// records made it.
pub async fn as_of(app: &App, who: &Principal, at: DateTime<Utc>, wanted: &Selection) -> Result<(State, u64), Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    if app.db.clock().now() < at {
        return Err(Error::invalid("at", "that is in the future; ask for a time that has passed"));
    }
    let _turn = app.replays.acquire().await.map_err(Error::internal)?;
    let snapshot = app.db.snapshot(&sight).await?;
    let (tables, records) = replayed(&snapshot.reader(), at).await?;
    let names = names(app, &tables).await?;
    Ok((state(&tables, wanted, &names), records))
}

/// The same and more, for use-cases that asked the policy already and that waited for their turn to
/// replay (`App::replays`).
pub(crate) async fn told_at(
    app: &App,
    reader: &Reader<'_>,
    at: DateTime<Utc>,
    wanted: &Selection,
) -> Result<StateAndRows, Error> {
    let (tables, _) = replayed(reader, at).await?;
    let names = names(app, &tables).await?;
    Ok(StateAndRows::new(state(&tables, wanted, &names), &tables))
}

async fn replayed(reader: &Reader<'_>, at: DateTime<Utc>) -> Result<(Tables, u64), Error> {
    let mut tables = Tables::default();
    let (mut records, mut after) = (0, 0);
    let Some(last) = store::last_until(reader, at).await? else { return Ok((tables, records)) };
    loop {
        let page = store::changing(reader, after, last, PAGE).await?;
        let Some((id, _)) = page.last() else { return Ok((tables, records)) };
        after = *id;
        records += page.len() as u64;
        for (id, leaf) in page {
            let told: Told = serde_json::from_str(&leaf).map_err(Error::internal)?;
            let kept: Vec<_> = told.changes.into_iter().filter(|c| TABLES.contains(&c.table.as_str())).collect();
            tables.apply(&kept).map_err(|e| Error::internal(format!("event {id} does not follow: {e}")))?;
        }
    }
}

/// Today's names of the accounts that there were.
async fn names(app: &App, tables: &Tables) -> Result<BTreeMap<String, String>, Error> {
    let ids: Vec<_> = tables.rows("account").filter_map(|(id, _)| id.parse().ok().map(AccountId)).collect();
    let names = accounts::ops::names(app, &ids).await?;
    Ok(names.into_iter().map(|(id, name)| (id.to_string(), name)).collect())
}
