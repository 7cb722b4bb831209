//! The only SQL that searches the log.
//!
//! One index gives candidates in order, and the other conditions are looked at event by event:
//! whatever names an id, a digest, a request, a refusal, or who did it, is found by its mentions
//! (primary key of `audit_mention`); an action by `(workspace_id, action, at, id)`; everything
//! else by `(workspace_id, at, id)`.

use crate::{
    audit::{
        Entry,
        mentions::{self, store::workspace_of},
        search::{By, Filter, Order, Place},
    },
    authz::Scope,
    core::ids::WorkspaceId,
    db::{
        Reader,
        entity::{audit_event, audit_leaf, audit_mention},
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, Order as Direction, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr},
};
use std::collections::{BTreeSet, HashMap};

/// Candidates per statement.
const CHUNK: u64 = 500;
/// Candidates per page: a page that found less is not the last one.
const WINDOW: u64 = 5_000;

/// Events of a page, and where the next one begins.
pub struct Found {
    pub entries: Vec<Entry>,
    pub next: Option<Place>,
}

/// What gives the candidates.
enum Source<'a> {
    Mentions(Vec<String>),
    Actions(&'a [String]),
    Everything,
}

impl Filter {
    fn source(&self) -> Source<'_> {
        if let Some(request) = &self.request {
            return Source::Mentions(vec![mentions::of_request(request)]);
        }
        if let Some(ids) = self.mentions.as_ref().or(self.objects.as_ref()) {
            return Source::Mentions(ids.iter().filter(|id| mentions::is_id(id)).cloned().collect());
        }
        if let Some(by) = &self.by {
            return Source::Mentions(vec![term_of(by)]);
        }
        if let Some(actions) = &self.actions {
            return Source::Actions(actions);
        }
        match self.outcome.as_deref() {
            Some("denied") => Source::Mentions(vec![mentions::DENIED.to_owned()]),
            _ => Source::Everything,
        }
    }

    /// What the source does not vouch for.
    fn rest(&self) -> Condition {
        let mut rest = Condition::all();
        match &self.by {
            Some(By::Account(id)) => rest = rest.add(audit_event::Column::ActorId.eq(*id)),
            Some(by) => rest = rest.add(mentioning(&[term_of(by)])),
            None => {}
        }
        if let Some(request) = &self.request {
            rest = rest.add(mentioning(&[mentions::of_request(request)]));
        }
        if let Some(ids) = &self.mentions {
            rest = rest.add(mentioning(ids));
        }
        if let Some(ids) = &self.objects {
            rest = rest.add(audit_event::Column::ObjectId.is_in(ids.clone()));
        }
        if let Some(actions) = &self.actions {
            rest = rest.add(audit_event::Column::Action.is_in(actions.clone()));
        }
        if let Some(kind) = &self.kind {
            rest = rest.add(audit_event::Column::ObjectKind.eq(kind.as_str()));
        }
        if let Some(outcome) = &self.outcome {
            rest = rest.add(audit_event::Column::Outcome.eq(outcome.as_str()));
        }
        rest
    }
}

fn term_of(by: &By) -> String {
    match by {
        By::Account(id) => id.to_string(),
        By::System => mentions::BY_SYSTEM.to_owned(),
        By::Anonymous => mentions::BY_ANONYMOUS.to_owned(),
    }
}

/// A lookup by the whole primary key.
fn mentioning(terms: &[String]) -> SimpleExpr {
    let of_event = |column: audit_event::Column| Expr::col((audit_event::Entity, column));
    let mut found = Query::select();
    found
        .expr(Expr::value(1))
        .from(audit_mention::Entity)
        .and_where(audit_mention::Column::ObjectId.is_in(terms.to_vec()))
        .and_where(
            Expr::col((audit_mention::Entity, audit_mention::Column::WorkspaceId))
                .eq(of_event(audit_event::Column::WorkspaceId)),
        )
        .and_where(Expr::col((audit_mention::Entity, audit_mention::Column::At)).eq(of_event(audit_event::Column::At)))
        .and_where(
            Expr::col((audit_mention::Entity, audit_mention::Column::EventId)).eq(of_event(audit_event::Column::Id)),
        );
    Expr::exists(found)
}

/// A page of the events of the reader's workspace that fit.
pub async fn page(
    reader: &Reader<'_>,
    filter: &Filter,
    order: Order,
    after: Option<Place>,
    limit: u64,
) -> Result<Found, Error> {
    let Scope::Workspace(workspace) = reader.scope() else {
        return Err(Error::internal("a search is of one workspace"));
    };
    let (source, rest) = (filter.source(), filter.rest());
    // Most conditions are the source's own: the first look is usually enough.
    let mut chunk = limit + 1;
    let limit = usize::try_from(limit).map_err(Error::internal)?;
    let (mut kept, mut last, mut examined): (Vec<(Place, audit_event::Model)>, _, _) = (Vec::new(), after, 0);
    let next = loop {
        let span = Span { filter, order, after: last, limit: chunk };
        let places = candidates(reader, workspace, &source, &span).await?;
        let mut rows = fitting(reader, workspace, &rest, &places).await?;
        kept.extend(places.iter().filter_map(|place| Some((*place, rows.remove(&place.id)?))));
        if limit < kept.len() {
            kept.truncate(limit);
            break kept.last().map(|(place, _)| *place);
        }
        let found = places.len() as u64;
        if found < chunk {
            break None;
        }
        (last, examined, chunk) = (places.last().copied(), examined + found, CHUNK);
        if WINDOW <= examined {
            break last;
        }
    };
    let rows = kept.into_iter().map(|(_, row)| row).collect();
    Ok(Found { entries: with_index(reader, rows).await?, next })
}

/// A stretch of the order.
struct Span<'a> {
    filter: &'a Filter,
    order: Order,
    after: Option<Place>,
    limit: u64,
}

impl Span<'_> {
    fn direction(&self) -> Direction {
        match self.order {
            Order::Newest => Direction::Desc,
            Order::Oldest => Direction::Asc,
        }
    }

    fn holds<C: ColumnTrait>(&self, at: C, id: C) -> Condition {
        let mut within = Condition::all();
        if let Some(since) = self.filter.since {
            within = within.add(at.gte(since));
        }
        if let Some(until) = self.filter.until {
            within = within.add(at.lt(until));
        }
        // The outer bound is what an index can use.
        match (self.order, self.after) {
            (_, None) => within,
            (Order::Newest, Some(place)) => within.add(at.lte(place.at)).add(at.lt(place.at).or(id.lt(place.id))),
            (Order::Oldest, Some(place)) => within.add(at.gte(place.at)).add(at.gt(place.at).or(id.gt(place.id))),
        }
    }

    /// The first of what several indices gave, in order and each once.
    fn merged(&self, rows: Vec<(DateTime<Utc>, i64)>) -> Vec<Place> {
        let places: BTreeSet<Place> = rows.into_iter().map(|(at, id)| Place { at, id }).collect();
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        match self.order {
            Order::Newest => places.into_iter().rev().take(limit).collect(),
            Order::Oldest => places.into_iter().take(limit).collect(),
        }
    }
}

async fn candidates(
    reader: &Reader<'_>,
    workspace: WorkspaceId,
    source: &Source<'_>,
    span: &Span<'_>,
) -> Result<Vec<Place>, Error> {
    let mut rows = Vec::new();
    match source {
        Source::Mentions(terms) => {
            for term in terms {
                rows.extend(mentioned(reader, workspace, term, span).await?);
            }
        }
        Source::Actions(actions) => {
            for action in *actions {
                rows.extend(written(reader, workspace, Some(action), span).await?);
            }
        }
        Source::Everything => rows = written(reader, workspace, None, span).await?,
    }
    Ok(span.merged(rows))
}

async fn mentioned(
    reader: &Reader<'_>,
    workspace: WorkspaceId,
    term: &str,
    span: &Span<'_>,
) -> Result<Vec<(DateTime<Utc>, i64)>, Error> {
    let query = audit_mention::Entity::find()
        .select_only()
        .column(audit_mention::Column::At)
        .column(audit_mention::Column::EventId)
        .filter(audit_mention::Column::ObjectId.eq(term))
        .filter(audit_mention::Column::WorkspaceId.eq(workspace_of(Some(workspace))))
        .filter(span.holds(audit_mention::Column::At, audit_mention::Column::EventId))
        .order_by(audit_mention::Column::At, span.direction())
        .order_by(audit_mention::Column::EventId, span.direction())
        .limit(span.limit);
    Ok(query.into_tuple().all(reader.conn()).await?)
}

async fn written(
    reader: &Reader<'_>,
    workspace: WorkspaceId,
    action: Option<&str>,
    span: &Span<'_>,
) -> Result<Vec<(DateTime<Utc>, i64)>, Error> {
    let mut query = audit_event::Entity::find()
        .select_only()
        .column(audit_event::Column::At)
        .column(audit_event::Column::Id)
        .filter(audit_event::Column::WorkspaceId.eq(workspace))
        .filter(span.holds(audit_event::Column::At, audit_event::Column::Id))
        .order_by(audit_event::Column::At, span.direction())
        .order_by(audit_event::Column::Id, span.direction())
        .limit(span.limit);
    if let Some(action) = action {
        query = query.filter(audit_event::Column::Action.eq(action));
    }
    Ok(query.into_tuple().all(reader.conn()).await?)
}

/// Which of the candidates fit, by id.
async fn fitting(
    reader: &Reader<'_>,
    workspace: WorkspaceId,
    rest: &Condition,
    places: &[Place],
) -> Result<HashMap<i64, audit_event::Model>, Error> {
    let ids: Vec<i64> = places.iter().map(|place| place.id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = audit_event::Entity::find()
        .filter(audit_event::Column::Id.is_in(ids))
        .filter(audit_event::Column::WorkspaceId.eq(workspace))
        .filter(rest.clone())
        .all(reader.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// With the places in the tree that they have.
async fn with_index(reader: &Reader<'_>, rows: Vec<audit_event::Model>) -> Result<Vec<Entry>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let leaves = audit_leaf::Entity::find().filter(audit_leaf::Column::EventId.is_in(ids)).all(reader.conn()).await?;
    let index: HashMap<_, _> = leaves.into_iter().map(|leaf| (leaf.event_id, leaf.seq)).collect();
    let entry = |row: audit_event::Model| Entry {
        id: row.id,
        index: index.get(&row.id).copied(),
        at: row.at,
        action: row.action,
        outcome: row.outcome,
        leaf: row.leaf,
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// The event at a place of the tree, if it is of the reader's workspace.
pub async fn at_index(reader: &Reader<'_>, index: u64) -> Result<Option<Entry>, Error> {
    let Scope::Workspace(workspace) = reader.scope() else {
        return Err(Error::internal("a search is of one workspace"));
    };
    let Ok(index) = i64::try_from(index) else { return Ok(None) };
    let Some(leaf) = audit_leaf::Entity::find_by_id(index).one(reader.conn()).await? else { return Ok(None) };
    let row = audit_event::Entity::find_by_id(leaf.event_id)
        .filter(audit_event::Column::WorkspaceId.eq(workspace))
        .one(reader.conn())
        .await?;
    Ok(with_index(reader, row.into_iter().collect()).await?.pop())
}
