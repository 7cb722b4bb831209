use crate::{
    app::App,
    audit::search::{
        Named, Order, Record,
        ops::{self, Question},
    },
    authz::Principal,
    core::{
        clock::rfc3339,
        page::{self, Page, PageRequest},
    },
    error::Error,
    http::problem::{Found, Guarded, Problem},
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Json, Path, Query},
};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const EVENTS: &str = "events";
const HISTORY: &str = "history";

pub fn routes(config: &mut ServiceConfig) {
    config.service(list_events).service(history).service(read_leaf);
}

/// An event, with the names that its ids have now.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EntryView {
    /// The order of writing.
    pub id: i64,
    /// The place in the tree; absent for a moment after the event.
    pub index: Option<i64>,
    pub at: String,
    /// Such as `promotion.approve`.
    pub action: String,
    /// What happened, in words.
    pub summary: String,
    /// `done` or `denied`.
    pub outcome: String,
    pub actor: NamedView,
    pub object: Option<NamedView>,
    /// Address of the C2SP tlog-proof of this leaf.
    pub proof: Option<String>,
    /// The canonical leaf: actor, object, detail.
    #[schema(value_type = Object)]
    pub leaf: Value,
}

/// Whoever did it, or what it was done to.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct NamedView {
    pub kind: String,
    pub id: Option<String>,
    /// What it is called now: `scorer@3` for a version, `scorer@3 in production` for a release.
    pub name: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct EventPage {
    /// May be fewer than `limit`, or none, and still not the last page.
    pub items: Vec<EntryView>,
    pub next_cursor: Option<String>,
}

#[derive(Debug, Default, Clone, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventParams {
    /// Name or id of an account, `system` or `anonymous`.
    pub actor: Option<String>,
    /// Such as `promotion.approve`; `promotion.` or `promotion.*` for all that begin so.
    pub action: Option<String>,
    /// The object that an event is about: id, `model:NAME`, `model:NAME@NUMBER`, `environment:NAME`, `dataset:NAME` or `account:NAME`.
    pub object: Option<String>,
    /// An object or digest that an event mentions anywhere; written as `object` is.
    pub mentions: Option<String>,
    /// Kind of the object, such as `version`.
    pub kind: Option<String>,
    /// `done` or `denied`.
    pub outcome: Option<String>,
    /// Id of the request that led to it.
    pub request: Option<String>,
    /// The earliest time, in RFC 3339, or a day, which begins at midnight UTC.
    pub since: Option<String>,
    /// The first time that is too late.
    pub until: Option<String>,
    /// `newest` first, as if absent, or `oldest`.
    pub order: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

#[derive(Debug, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryParams {
    /// `newest` first, as if absent, or `oldest`.
    pub order: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// Search what happened in this workspace.
#[utoipa::path(tag = "audit", operation_id = "listEvents", params(EventParams), responses(
    (status = 200, description = "A page of events", body = EventPage), Guarded))]
#[get("/audit/events")]
async fn list_events(app: Data<App>, who: Principal, params: Query<EventParams>) -> Result<Json<EventPage>, Problem> {
    Ok(Json(find(&app, &who, &params).await?))
}

/// The same, for the page.
pub async fn find(app: &App, who: &Principal, params: &EventParams) -> Result<EventPage, Error> {
    let request = PageRequest::parse(EVENTS, params.cursor.as_deref(), params.limit)?;
    let order = parse_order(params.order.as_deref())?;
    let found = ops::search(app, who, &Question::from(params), order, request).await?;
    EventPage::of(EVENTS, found)
}

/// Everything that concerns one object, with the places of the proofs.
#[utoipa::path(tag = "audit", operation_id = "getHistory", params(
    ("reference" = String, Path, description = "Id, digest, `model:NAME`, `model:NAME@NUMBER`, `environment:NAME`, `dataset:NAME` or `account:NAME`"),
    HistoryParams), responses((status = 200, description = "A page of events", body = EventPage), Found))]
#[get("/audit/history/{reference}")]
async fn history(
    app: Data<App>,
    who: Principal,
    reference: Path<String>,
    params: Query<HistoryParams>,
) -> Result<Json<EventPage>, Problem> {
    let request = PageRequest::parse(HISTORY, params.cursor.as_deref(), params.limit).map_err(Error::from)?;
    let order = parse_order(params.order.as_deref())?;
    let found = ops::history(&app, &who, &reference, order, request).await?;
    Ok(Json(EventPage::of(HISTORY, found)?))
}

/// A record of the log, byte for byte as it was hashed: what its proof proves.
#[utoipa::path(tag = "audit", operation_id = "getLeaf", params(("index" = u64, Path, description = "Place in the tree")),
    responses((status = 200, description = "The leaf, in canonical JSON", body = Object, content_type = "application/json"), Found))]
#[get("/audit/leaves/{index}")]
async fn read_leaf(app: Data<App>, who: Principal, index: Path<u64>) -> Result<HttpResponse, Problem> {
    let record = ops::at_index(&app, &who, *index).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(record.entry.leaf))
}

fn parse_order(text: Option<&str>) -> Result<Order, Error> {
    match text {
        None | Some("newest") => Ok(Order::Newest),
        Some("oldest") => Ok(Order::Oldest),
        Some(_) => Err(Error::invalid("order", "use newest or oldest")),
    }
}

impl From<&EventParams> for Question {
    fn from(params: &EventParams) -> Self {
        // A form sends what was left empty, too.
        let said = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
        Self {
            actor: said(&params.actor),
            action: said(&params.action),
            object: said(&params.object),
            mentions: said(&params.mentions),
            kind: said(&params.kind),
            outcome: said(&params.outcome),
            request: said(&params.request),
            since: said(&params.since),
            until: said(&params.until),
        }
    }
}

impl EventPage {
    fn of(list: &str, found: Page<Record>) -> Result<Self, Error> {
        let items = found.items.into_iter().map(EntryView::try_from).collect::<Result<_, _>>()?;
        Ok(Self { items, next_cursor: found.next.map(|id| page::encode(list, id)) })
    }
}

impl TryFrom<Record> for EntryView {
    type Error = Error;

    fn try_from(record: Record) -> Result<Self, Error> {
        let entry = record.entry;
        let leaf: Value = serde_json::from_str(&entry.leaf).map_err(Error::internal)?;
        Ok(Self {
            id: entry.id,
            index: entry.index,
            at: rfc3339(entry.at),
            summary: summary(&entry.action, &leaf["detail"]),
            action: entry.action,
            outcome: entry.outcome,
            actor: record.actor.into(),
            object: record.object.map(NamedView::from),
            proof: entry.index.map(|index| format!("/api/v1/audit/leaves/{index}/proof")),
            leaf,
        })
    }
}

impl From<Named> for NamedView {
    fn from(named: Named) -> Self {
        Self { kind: named.kind, id: named.id, name: named.name }
    }
}

impl NamedView {
    /// The name, or the id of what has none, or the kind of what has neither.
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.id.as_deref()).unwrap_or(&self.kind)
    }
}

/// Events are named in the past tense: `promotion_approved` reads "promotion approved".
fn summary(action: &str, detail: &Value) -> String {
    match (detail["event"].as_str(), detail["code"].as_str()) {
        (Some("denied"), Some(code)) => format!("refused: {} ({})", spoken(action), spoken(code)),
        (Some(event), _) => spoken(event),
        _ => spoken(action),
    }
}

fn spoken(name: &str) -> String {
    name.replace(['_', '.'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_reads_as_words() {
        assert_eq!(summary("promotion.approve", &json!({"event": "promotion_approved"})), "promotion approved");
        let refusal = json!({"event": "denied", "code": "separation_of_duties"});
        assert_eq!(summary("promotion.approve", &refusal), "refused: promotion approve (separation of duties)");
        assert_eq!(summary("model.update", &json!({})), "model update");
    }

    #[test]
    fn what_a_form_leaves_empty_is_not_asked() {
        let params =
            EventParams { actor: Some(String::new()), kind: Some(" version ".to_owned()), ..Default::default() };
        let question = Question::from(&params);
        assert_eq!((question.actor, question.kind.as_deref()), (None, Some("version")));
    }
}
