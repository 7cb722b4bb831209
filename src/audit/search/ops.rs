use crate::{
    app::App,
    audit::{
        Entry, mentions,
        names::{self, Reference, store::Names},
        ops::catch_up,
        search::{By, Filter, Named, Order, Place, Record, actions, parse_time, store},
        sequencer,
    },
    authz::{Action, Principal, policy},
    core::{
        ids::AccountId,
        page::{Page, PageError, PageRequest},
        words::with_verb,
    },
    db::Reader,
    error::Error,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Batches of mentions that a search makes itself before it says that they are being made.
const PATIENCE: usize = 5;
const MAX_TEXT_BYTES: usize = 300;

/// What somebody asks for, as text.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub object: Option<String>,
    pub mentions: Option<String>,
    pub kind: Option<String>,
    pub outcome: Option<String>,
    pub request: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
}

/// Events of the caller's workspace that fit.
pub async fn search(
    app: &App,
    who: &Principal,
    question: &Question,
    order: Order,
    page: PageRequest,
) -> Result<Page<Record>, Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    let reader = app.db.read(&sight);
    let filter = understand(&reader, question).await?;
    find(app, &reader, &filter, order, page).await
}

/// Everything that concerns one object, by id, digest or name.
///
/// # Errors
/// [`Error::NotFound`] when nothing is known of it, or not in the caller's workspace.
pub async fn history(
    app: &App,
    who: &Principal,
    reference: &str,
    order: Order,
    page: PageRequest,
) -> Result<Page<Record>, Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    let reader = app.db.read(&sight);
    let reference = Reference::parse(checked("reference", reference)?);
    let ids = names::store::resolve(&reader, &reference).await?;
    let is_first = page.after.is_none();
    let filter = Filter { mentions: Some(ids), ..Filter::default() };
    let found = find(app, &reader, &filter, order, page).await?;
    match found.items.is_empty() && is_first {
        true => Err(Error::not_found(reference.kind())),
        false => Ok(found),
    }
}

/// The event at a place of the tree.
pub async fn at_index(app: &App, who: &Principal, index: u64) -> Result<Record, Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    catch_up(app).await?;
    let reader = app.db.read(&sight);
    let entry = store::at_index(&reader, index).await?.ok_or(Error::not_found("log entry"))?;
    let mut records = with_names(&reader, vec![entry]).await?;
    records.pop().ok_or_else(|| Error::internal("a record has gone"))
}

async fn find(
    app: &App,
    reader: &Reader<'_>,
    filter: &Filter,
    order: Order,
    page: PageRequest,
) -> Result<Page<Record>, Error> {
    let after = match page.after {
        Some(cursor) => Some(Place::from_cursor(cursor).ok_or(PageError::Cursor)?),
        None => None,
    };
    catch_up(app).await?;
    all_mentioned(app).await?;
    let found = store::page(reader, filter, order, after, page.limit).await?;
    let next = found.next.map(Place::to_cursor);
    Ok(Page { items: with_names(reader, found.entries).await?, next })
}

/// A search over half of the mentions would leave things out without saying so.
async fn all_mentioned(app: &App) -> Result<(), Error> {
    for _ in 0..PATIENCE {
        if sequencer::mention(app).await? == 0 {
            return Ok(());
        }
    }
    let mentioned = mentions::store::size(&app.db.read(&policy::upkeep())).await?;
    Err(Error::Unavailable {
        code: "index_building",
        detail: format!(
            "the log was written by an earlier version and is being made searchable; {} done. Try again shortly",
            with_verb(mentioned, "record", ["is", "are"])
        ),
    })
}

async fn understand(reader: &Reader<'_>, question: &Question) -> Result<Filter, Error> {
    let time = |field: &str, text: &Option<String>| match text.as_deref() {
        None => Ok(None),
        Some(text) => parse_time(text)
            .map(Some)
            .ok_or_else(|| Error::invalid(field, "write a day like 2026-01-31 or a time like 2026-01-31T09:00:00Z")),
    };
    let plain = |field: &'static str, text: &Option<String>| match text.as_deref() {
        None => Ok(None),
        Some(text) => checked(field, text).map(|text| Some(text.to_owned())),
    };
    Ok(Filter {
        by: by(reader, question.actor.as_deref()).await?,
        actions: plain("action", &question.action)?.map(|action| meant(&action)).transpose()?,
        objects: ids(reader, "object", question.object.as_deref()).await?,
        mentions: ids(reader, "mentions", question.mentions.as_deref()).await?,
        kind: plain("kind", &question.kind)?,
        outcome: match question.outcome.as_deref() {
            None | Some("done" | "denied") => question.outcome.clone(),
            Some(_) => return Err(Error::invalid("outcome", "use done or denied")),
        },
        request: plain("request", &question.request)?,
        since: time("since", &question.since)?,
        until: time("until", &question.until)?,
    })
}

/// Text that a database takes.
fn checked<'a>(field: &str, text: &'a str) -> Result<&'a str, Error> {
    match text.contains('\0') || MAX_TEXT_BYTES < text.len() {
        true => Err(Error::BadRequest {
            code: "malformed_query",
            detail: format!("{field}: at most {MAX_TEXT_BYTES} bytes, and none of them zero"),
        }),
        false => Ok(text),
    }
}

fn meant(action: &str) -> Result<Vec<String>, Error> {
    actions::meant(action).map_err(|unknown| Error::invalid("action", unknown))
}

async fn by(reader: &Reader<'_>, actor: Option<&str>) -> Result<Option<By>, Error> {
    let Some(actor) = actor else { return Ok(None) };
    match checked("actor", actor)? {
        "system" => return Ok(Some(By::System)),
        "anonymous" => return Ok(Some(By::Anonymous)),
        _ => {}
    }
    if let Ok(id) = actor.parse::<Uuid>() {
        return Ok(Some(By::Account(AccountId(id))));
    }
    let name = actor.strip_prefix("account:").unwrap_or(actor);
    let found = names::store::find_account(reader, name).await?;
    let unknown = || Error::invalid("actor", "no account here has that name; use a name, an id, system or anonymous");
    Ok(Some(By::Account(found.ok_or_else(unknown)?)))
}

async fn ids(reader: &Reader<'_>, field: &str, text: Option<&str>) -> Result<Option<Vec<String>>, Error> {
    let Some(text) = text else { return Ok(None) };
    let reference = Reference::parse(checked(field, text)?);
    let ids = names::store::resolve(reader, &reference).await?;
    if ids.is_empty() {
        return Err(Error::invalid(field, format!("there is no {} of that name here", reference.kind())));
    }
    Ok(Some(ids))
}

/// Looks up what the ids are called now: the log itself keeps ids only.
async fn with_names(reader: &Reader<'_>, entries: Vec<Entry>) -> Result<Vec<Record>, Error> {
    let mut records: Vec<Record> = entries.into_iter().map(nameless).collect();
    let mut wanted: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
    for named in records.iter().flat_map(|record| std::iter::once(&record.actor).chain(&record.object)) {
        let id = named.id.as_deref().and_then(|id| id.parse::<Uuid>().ok());
        wanted.entry(kind_of(&named.kind).to_owned()).or_default().extend(id);
    }
    let mut found: HashMap<String, Names> = HashMap::new();
    for (kind, ids) in wanted {
        let names = names::store::names(reader, &kind, &ids).await?;
        found.insert(kind, names);
    }
    let name_of = |named: &Named| {
        let id = named.id.as_deref()?.parse::<Uuid>().ok()?;
        found.get(kind_of(&named.kind))?.get(&id).cloned()
    };
    for record in &mut records {
        record.actor.name = name_of(&record.actor).or(record.actor.name.take());
        if let Some(object) = &mut record.object {
            object.name = name_of(object);
        }
    }
    Ok(records)
}

/// Actors are accounts of one kind or another.
fn kind_of(kind: &str) -> &str {
    if matches!(kind, "user" | "service") { "account" } else { kind }
}

fn nameless(entry: Entry) -> Record {
    let leaf: Value = serde_json::from_str(&entry.leaf).unwrap_or_default();
    let text = |pointer: &str| leaf.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let kind = text("/actor/kind").unwrap_or_default();
    // The name in a leaf is that of a part of the registry; people's names are in their accounts.
    let name = text("/actor/name").filter(|_| kind_of(&kind) != "account");
    let actor = Named { id: text("/actor/id"), name, kind };
    let object = text("/object/kind").map(|kind| Named { kind, id: text("/object/id"), name: None });
    Record { entry, actor, object }
}
