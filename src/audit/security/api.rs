use super::{
    Kind, Signal,
    ops::{self, Feed},
};
use crate::{
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        page::{self, PageRequest},
    },
    error::Error,
    http::problem::{Guarded, Problem},
};
use actix_web::{
    get,
    web::{Data, Json, Query},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "security-feed";
pub const DAYS: i64 = 7;

pub fn routes(config: &mut ServiceConfig) {
    config.service(read);
}

#[derive(Debug, Default, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FeedParams {
    /// How far to look back: 1 to 90 days, 7 if absent.
    pub days: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200; 50 if absent.
    pub limit: Option<u64>,
}

/// What stands out, in the shape of a CloudEvents 1.0 event: it can be handed to a webhook as it is.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SecurityEvent {
    /// `1.0`.
    pub specversion: String,
    /// The same however long it goes on: kind and event.
    pub id: String,
    /// The name of this registry.
    pub source: String,
    /// `plimsoll.security.repeated_refusals`, `….repeated_failures` of sign-ins, `….burst`, `….new_device` or
    /// `….damaged_bytes`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was seen last.
    pub time: String,
    /// The account's name; absent if nobody is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub datacontenttype: String,
    pub data: SignalView,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SignalView {
    /// In words.
    pub summary: String,
    pub account: Option<String>,
    pub since: String,
    pub until: String,
    pub count: usize,
    pub actions: Vec<ActionCount>,
    pub from: Vec<FromView>,
    /// The event that made it stand out, as `listEvents` numbers them.
    pub event: i64,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ActionCount {
    pub action: String,
    pub count: usize,
}

/// With what it was done.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct FromView {
    /// `session` or `token`.
    pub credential: String,
    pub id: String,
    /// What the program said that it is when it signed in.
    pub client: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct SecurityFeed {
    /// The newest first.
    pub items: Vec<SecurityEvent>,
    pub next_cursor: Option<String>,
    /// Whether more happened in that time than is looked at: the oldest of it is missing.
    pub is_cut: bool,
}

/// See what stands out in the log: refusals and failed sign-ins that repeat, more decisions than a person takes in a
/// minute, and sign-ins from a new browser or machine.
#[utoipa::path(tag = "audit", operation_id = "readSecurityFeed", params(FeedParams), responses(
    (status = 200, description = "What stands out, for whoever reads the log", body = SecurityFeed), Guarded))]
#[get("/audit/security-feed")]
async fn read(app: Data<App>, who: Principal, params: Query<FeedParams>) -> Result<Json<SecurityFeed>, Problem> {
    Ok(Json(find(&app, &who, &params).await?))
}

/// The same for pages.
pub async fn find(app: &App, who: &Principal, params: &FeedParams) -> Result<SecurityFeed, Error> {
    let page = PageRequest::parse(LIST, params.cursor.as_deref(), params.limit)?;
    let feed = ops::feed(app, who, params.days.unwrap_or(DAYS), page).await?;
    let items = feed.page.items.iter().map(|signal| event(app.signer.origin(), signal, &feed)).collect();
    let next_cursor = feed.page.next.map(|next| page::encode(LIST, next));
    Ok(SecurityFeed { items, next_cursor, is_cut: feed.is_cut })
}

fn event(origin: &str, signal: &Signal, feed: &Feed) -> SecurityEvent {
    let name = signal.account.as_ref().map(|id| feed.names.get(id).unwrap_or(id).clone());
    let from = signal.credentials.iter().map(|id| {
        let known = feed.credentials.get(id);
        FromView {
            credential: known.map_or_else(|| "unknown".to_owned(), |(kind, _)| kind.clone()),
            id: id.clone(),
            client: known.and_then(|(_, client)| client.clone()),
        }
    });
    SecurityEvent {
        specversion: "1.0".to_owned(),
        id: format!("{}:{}", signal.kind.name(), signal.event),
        source: origin.to_owned(),
        kind: format!("plimsoll.security.{}", signal.kind.name()),
        time: rfc3339(signal.until),
        subject: name.clone(),
        datacontenttype: "application/json".to_owned(),
        data: SignalView {
            summary: summary(signal, name.as_deref()),
            account: name,
            since: rfc3339(signal.since),
            until: rfc3339(signal.until),
            count: signal.count,
            actions: signal
                .actions
                .iter()
                .map(|(action, count)| ActionCount { action: action.clone(), count: *count })
                .collect(),
            from: from.collect(),
            event: signal.event,
        },
    }
}

fn summary(signal: &Signal, name: Option<&str>) -> String {
    let (who, count) = (name.unwrap_or("somebody who is not known"), signal.count);
    match signal.kind {
        Kind::RepeatedRefusals => format!("{who} was refused {count} times"),
        Kind::RepeatedFailures => format!("the password of {who} was wrong {count} times"),
        Kind::Burst => format!("{who} did {count} things that weigh much, faster than by hand"),
        Kind::NewDevice => format!("{who} signed in from a new browser or machine"),
        Kind::DamagedBytes => "stored bytes of this workspace are damaged and in quarantine".to_owned(),
    }
}
