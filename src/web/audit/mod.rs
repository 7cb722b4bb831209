//! The audit log, for those who may read it: a search with its conditions in the address, and
//! a page for each record with its proof.

pub mod asof;
pub mod record;
pub mod security;

use crate::{
    app::App,
    audit::{
        ops,
        search::api::{EntryView, EventPage, EventParams, NamedView, find},
    },
    error::Error,
    web::{
        PageError, access,
        frame::{Frame, page_with},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;

#[derive(Template)]
#[template(path = "audit/list.html")]
struct ListPage {
    frame: Frame,
    size: u64,
    note: String,
    fields: Vec<Field>,
    outcome: String,
    oldest_first: bool,
    is_filtered: bool,
    /// What is wrong with the conditions: field, label, and what would be right.
    problems: Vec<(String, String, String)>,
    events: Vec<EventRow>,
    next: Option<String>,
}

/// One condition of the form.
struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
}

struct EventRow {
    index: Option<i64>,
    at: String,
    who: String,
    /// Kind of the actor and of the credential.
    auth: String,
    summary: String,
    action: String,
    outcome: String,
    object: Option<ObjectCell>,
}

struct ObjectCell {
    kind: String,
    label: String,
    address: Option<String>,
    /// Address of everything that mentions it.
    history: Option<String>,
}

#[get("/audit")]
pub async fn list(app: Data<App>, visitor: Visitor, params: Query<EventParams>) -> Result<HttpResponse, PageError> {
    let head = ops::head(&app, &visitor.who, 0).await?;
    let (found, problems) = match find(&app, &visitor.who, &params).await {
        Ok(found) => (found, Vec::new()),
        Err(Error::Invalid(problems)) => (EventPage { items: Vec::new(), next_cursor: None }, problems),
        Err(error) => return Err(error.into()),
    };
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let query = query_of(&params);
    let next = found.next_cursor.map(|cursor| format!("/audit?{query}cursor={}", access::encode(&cursor)));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let fields = fields(&params);
    let label = |field: &str| fields.iter().find(|f| f.name == field).map_or(field, |f| f.label).to_owned();
    let problems = problems.into_iter().map(|(field, detail)| (field.clone(), label(&field), detail)).collect();
    let shown = ListPage {
        frame: Frame::new("Audit log", &visitor),
        size: head.size,
        note: head.note,
        fields,
        outcome: text(&params.outcome),
        oldest_first: params.order.as_deref() == Some("oldest"),
        is_filtered: !query.is_empty(),
        problems,
        events: found.items.into_iter().map(EventRow::from).collect(),
        next,
    };
    page_with(status, &shown)
}

fn fields(params: &EventParams) -> Vec<Field> {
    let field = |name, label, hint, value: &Option<String>| {
        let value = value.clone().unwrap_or_default();
        Field { name, label, hint, value }
    };
    vec![
        field("actor", "Who", "name, id, system or anonymous", &params.actor),
        field("action", "Action", "promotion.approve, or promotion. for all", &params.action),
        field("mentions", "Concerning", "id, digest, model:NAME, model:NAME@3", &params.mentions),
        field("object", "Object", "written the same way", &params.object),
        field("kind", "Kind of object", "model, version, promotion …", &params.kind),
        field("since", "From", "2026-01-31, midnight UTC", &params.since),
        field("until", "Before", "2026-02-01", &params.until),
        field("request", "Request", "id of a request", &params.request),
    ]
}

/// The conditions as the beginning of a query, with a separator at its end; empty if there are none.
fn query_of(params: &EventParams) -> String {
    let all = [
        ("actor", &params.actor),
        ("action", &params.action),
        ("object", &params.object),
        ("mentions", &params.mentions),
        ("kind", &params.kind),
        ("outcome", &params.outcome),
        ("request", &params.request),
        ("since", &params.since),
        ("until", &params.until),
        ("order", &params.order),
    ];
    let said = all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref().filter(|v| !v.is_empty())?)));
    said.filter(|(name, value)| (*name, *value) != ("order", "newest"))
        .map(|(name, value)| format!("{name}={}&", access::encode(value)))
        .collect()
}

impl From<EntryView> for EventRow {
    fn from(event: EntryView) -> Self {
        let auth = match event.leaf["actor"]["auth"].as_str() {
            Some(auth) if auth != "none" => format!("{}, by {auth}", event.actor.kind),
            _ if event.actor.label() == event.actor.kind => String::new(),
            _ => event.actor.kind.clone(),
        };
        Self {
            index: event.index,
            at: event.at,
            who: event.actor.label().to_owned(),
            auth,
            summary: event.summary,
            action: event.action,
            outcome: event.outcome,
            object: event.object.map(ObjectCell::from),
        }
    }
}

impl From<NamedView> for ObjectCell {
    fn from(object: NamedView) -> Self {
        let history = object.id.as_deref().map(|id| format!("/audit?mentions={}", access::encode(id)));
        Self { address: address_of(&object), label: object.label().to_owned(), kind: spoken(&object.kind), history }
    }
}

fn spoken(kind: &str) -> String {
    match kind {
        "run" => "validation run".to_owned(),
        "promotion" => "request".to_owned(),
        "break_glass" => "emergency".to_owned(),
        kind => words::spoken(kind),
    }
}

/// The page of an object, if it has one and is still there.
fn address_of(object: &NamedView) -> Option<String> {
    let (id, name) = (object.id.as_deref()?, object.name.as_deref()?);
    match object.kind.as_str() {
        "model" => Some(format!("/models/{name}")),
        "version" => name.split_once('@').map(|(model, number)| format!("/models/{model}/versions/{number}")),
        "evidence" => name.split_once('@').map(|(model, number)| format!("/models/{model}/versions/{number}")),
        "environment" => Some(format!("/environments/{name}")),
        "release" => name.split_once(" in ").map(|(_, environment)| format!("/environments/{environment}")),
        "run" => Some(format!("/runs/{id}")),
        "promotion" => Some(format!("/promotions/{id}")),
        "finding" => Some(format!("/findings/{id}")),
        "waiver" => Some(format!("/waivers/{id}")),
        "break_glass" => Some(format!("/break-glass/{id}")),
        "delegation" => Some("/delegations".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_leads_to_its_page_while_it_has_a_name() {
        let at = |kind: &str, name: Option<&str>| {
            address_of(&NamedView { kind: kind.to_owned(), id: Some("7".to_owned()), name: name.map(str::to_owned) })
        };
        assert_eq!(at("version", Some("a@3")).as_deref(), Some("/models/a/versions/3"));
        assert_eq!(at("release", Some("a@3 in b")).as_deref(), Some("/environments/b"));
        assert_eq!(at("promotion", Some("a@3 in b")).as_deref(), Some("/promotions/7"));
        assert_eq!(at("finding", Some("leak: a@3 in b")).as_deref(), Some("/findings/7"));
        assert_eq!((at("model", None), at("token", Some("x"))), (None, None));
    }

    #[test]
    fn the_next_page_has_the_same_conditions() {
        let said = |text: &str| Some(text.to_owned());
        let params = EventParams {
            actor: said("a&b"),
            kind: said(""),
            order: said("newest"),
            cursor: said("x"),
            ..EventParams::default()
        };
        assert_eq!(query_of(&params), "actor=a%26b&");
        assert_eq!(query_of(&EventParams { order: said("oldest"), ..EventParams::default() }), "order=oldest&");
    }
}
