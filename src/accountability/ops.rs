use crate::{
    accountability::{
        Body, Content, Held, Kind, Record, Records, review_day, store,
        store::{Filter, Revision},
        vacancy,
    },
    accounts,
    app::App,
    authz::{Action, Principal, ReadPermit, Scope, policy},
    core::{
        clock::rfc3339,
        event::Event,
        ids::RecordId,
        name::Name,
        page::{Page, PageRequest},
    },
    db::{Conn, WriteTx},
    environments::{self, Environment},
    error::Error,
    models::{self, Model},
    oversight::{self, Names, Reach},
    promotions::invalidation::{self, Cause},
};
use chrono::{DateTime, Utc};

pub const NOT_FOUND: Error = Error::NotFound { kind: "record" };

/// What a record is of, as a path names it: a model, an environment, or a model in an environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    pub model: Option<&'a str>,
    pub environment: Option<&'a str>,
}

/// A record as somebody writes it.
pub struct Written {
    /// An account's name.
    pub owner: String,
    pub review_by: DateTime<Utc>,
    pub body: Body,
}

/// A record with its history, and the names of what it is of.
pub struct Detail {
    pub held: Held,
    /// Newest first.
    pub revisions: Vec<Revision>,
    pub names: Names,
}

/// What bears on a model in an environment.
pub(crate) async fn load(
    conn: &Conn<'_>,
    scope: Scope,
    model: &Model,
    environment: &Environment,
) -> Result<Records, Error> {
    Ok(Records {
        held: store::reaching(conn, scope, model.id, environment.id).await?,
        owners: store::owners_of(conn, model.id).await?.into_iter().collect(),
        model: model.name.clone(),
        environment: environment.name.clone(),
    })
}

/// Writes a revision of a record, if the current one is still the one that the caller saw; 0 for the
/// first. Open requests that rest on it end with it.
pub async fn put(
    app: &App,
    who: &Principal,
    place: Place<'_>,
    kind: Kind,
    name: Name,
    seen: i64,
    written: Written,
) -> Result<Record, Error> {
    let sight = policy::read(who, Action::RecordRead)?;
    let scope = sight.scope();
    let mut tx = app.db.begin().await?;
    let reach = resolve(&tx.conn(), scope, place).await?;
    let permit = policy::put_record(who, reach.model.is_some())?;
    let revised_by = who.id.ok_or(Error::Unauthenticated)?;
    let owner = accounts::ops::require_member_in(&tx.conn(), who, "owner", &written.owner).await?;
    vacancy::hold(&tx, scope, &[reach]).await?;
    let last = store::lock(&tx, scope, reach, kind, name.as_str()).await?;
    tx.catch_up(last.as_ref().map(|last| last.revised_at));
    let review_by = review_day(written.review_by, tx.at())?;
    let number = last.as_ref().map_or(0, |last| last.revision);
    if number != seen {
        return Err(Error::Stale { current: format!("\"{number}\"") });
    }
    let content = Content {
        kind,
        name: name.as_str(),
        model: place.model,
        environment: place.environment,
        owner,
        body: &written.body,
    };
    let record = Record {
        id: last.as_ref().map_or_else(RecordId::generate, |last| last.id),
        workspace: who.workspace,
        kind,
        name: name.to_string(),
        reach,
        revision: number + 1,
        owner,
        review_by,
        digest: content.digest()?,
        body: written.body,
        revised_by,
        revised_at: tx.at(),
        lapsed_at: None,
    };
    match last {
        Some(last) if last.digest == record.digest && last.review_by == record.review_by => return Ok(last),
        // Somebody else could say for the owner that it still holds.
        Some(last) if last.digest == record.digest => {
            let detail = "only the day of its review differs; the record's owner says that it still holds: review it";
            return Err(Error::conflict("only_the_review", detail));
        }
        Some(_) => store::revise(&tx, &record).await?,
        None if store::insert(&tx, &record).await? => {}
        None => return Err(raced(&tx, scope, &record).await?),
    }
    let event = revised(&record);
    let mut then = vacancy::settle(&tx, &record).await?;
    then.extend(invalidation::follow(&tx, scope, Cause::Oversight(reach)).await?);
    tx.commit_all(permit, event, then).await?;
    Ok(record)
}

/// Somebody wrote the first revision at the same moment.
async fn raced(tx: &WriteTx, scope: Scope, record: &Record) -> Result<Error, Error> {
    let there = store::find(&tx.conn(), scope, record.reach, record.kind, &record.name).await?;
    Ok(Error::Stale { current: format!("\"{}\"", there.map_or(1, |there| there.revision)) })
}

/// The owner says that the record that they saw still holds, and by when they look again.
pub async fn review(
    app: &App,
    who: &Principal,
    place: Place<'_>,
    kind: Kind,
    name: &str,
    seen: i64,
    review_by: DateTime<Utc>,
) -> Result<Record, Error> {
    let sight = policy::read(who, Action::RecordRead)?;
    let scope = sight.scope();
    let mut tx = app.db.begin().await?;
    let reach = resolve(&tx.conn(), scope, place).await?;
    vacancy::hold(&tx, scope, &[reach]).await?;
    let mut record = store::lock(&tx, scope, reach, kind, name).await?.ok_or(NOT_FOUND)?;
    let permit = policy::review_record(who, record.owner).map_err(|denied| denied.on("record", record.id))?;
    tx.catch_up(Some(record.revised_at));
    if record.revision != seen {
        return Err(Error::Stale { current: format!("\"{}\"", record.revision) });
    }
    record.review_by = review_day(review_by, tx.at())?;
    record.revision += 1;
    record.revised_at = tx.at();
    record.lapsed_at = None;
    store::revise(&tx, &record).await?;
    let event = Event::RecordReviewed {
        record: record.id,
        revision: record.revision,
        digest: record.digest.to_string(),
        review_by: rfc3339(record.review_by),
    };
    let mut then = vacancy::settle(&tx, &record).await?;
    then.extend(invalidation::follow(&tx, scope, Cause::Oversight(reach)).await?);
    tx.commit_all(permit, event, then).await?;
    Ok(record)
}

fn revised(record: &Record) -> Event {
    let (id, kind, revision) = (record.id, record.kind.to_string(), record.revision);
    let (digest, owner, review_by) = (record.digest.to_string(), record.owner, rfc3339(record.review_by));
    if record.reach.model.is_some() {
        Event::RecordRevised { record: id, kind, revision, digest, owner, review_by }
    } else {
        Event::EnvironmentRecordRevised { record: id, kind, revision, digest, owner, review_by }
    }
}

pub async fn find(app: &App, who: &Principal, place: Place<'_>, kind: Kind, name: &str) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::RecordRead)?;
    let reader = app.db.read(&sight);
    let reach = resolve(reader.conn(), sight.scope(), place).await?;
    let record = store::find(reader.conn(), sight.scope(), reach, kind, name).await?.ok_or(NOT_FOUND)?;
    detail(app, &sight, record.id).await
}

async fn detail(app: &App, sight: &ReadPermit, id: RecordId) -> Result<Detail, Error> {
    let reader = app.db.read(sight);
    let held = store::held(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let revisions = store::revisions(reader.conn(), id).await?;
    let names = oversight::store::names(reader.conn(), &[held.record.reach]).await?;
    Ok(Detail { held, revisions, names })
}

/// Records of a model, also in environments, or of an environment, also of models in it; oldest first.
pub async fn list(
    app: &App,
    who: &Principal,
    place: Place<'_>,
    kind: Option<Kind>,
    page: PageRequest,
) -> Result<(Page<Held>, Names), Error> {
    let sight = policy::read(who, Action::RecordRead)?;
    let reader = app.db.read(&sight);
    let Reach { model, environment, .. } = resolve(reader.conn(), sight.scope(), place).await?;
    let page = store::list(&reader, Filter { model, environment, kind }, page).await?;
    let reaches: Vec<_> = page.items.iter().map(|held| held.record.reach).collect();
    let names = oversight::store::names(reader.conn(), &reaches).await?;
    Ok((page, names))
}

async fn resolve(conn: &Conn<'_>, scope: Scope, place: Place<'_>) -> Result<Reach, Error> {
    let mut reach = Reach::default();
    if let Some(name) = place.model {
        reach.model = Some(models::store::find(conn, scope, name).await?.ok_or(Error::not_found("model"))?.id);
    }
    if let Some(name) = place.environment {
        let environment = environments::store::find(conn, scope, name).await?;
        reach.environment = Some(environment.ok_or(environments::ops::NOT_FOUND)?.id);
    }
    Ok(reach)
}
