//! The feed, a page at a time.

use super::{Signal, derive, store};
use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    core::{
        ids::{AccountId, TokenId},
        page::{Page, PageRequest},
    },
    error::Error,
};
use chrono::TimeDelta;
use std::collections::HashMap;
use uuid::Uuid;

/// Events that are looked at for one page.
const MOST: usize = 20_000;
pub const MAX_DAYS: i64 = 90;

/// What stands out, with the names that its ids have now.
pub struct Feed {
    pub page: Page<Signal>,
    pub names: HashMap<String, String>,
    /// Kind and program of sessions and tokens.
    pub credentials: HashMap<String, (String, Option<String>)>,
    /// Whether there were more events in that time than are looked at.
    pub is_cut: bool,
}

/// What stood out in the last days, the newest first.
pub async fn feed(app: &App, who: &Principal, days: i64, page: PageRequest) -> Result<Feed, Error> {
    let sight = policy::read(who, Action::AuditRead)?;
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Error::invalid("days", format!("use 1 to {MAX_DAYS}")));
    }
    // It reads much: as many at once as read the whole log.
    let _turn = app.replays.acquire().await.map_err(Error::internal)?;
    let reader = app.db.read(&sight);
    let since = app.db.clock().now() - TimeDelta::days(days);
    let (seen, is_cut) = store::seen(&reader, &looked_at(), since, MOST).await?;
    let mut signals = derive(&seen);
    signals.reverse();
    if let Some(after) = page.after {
        signals.retain(|signal| place(signal) < after);
    }
    signals.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1));
    let page = Page::from_rows(signals, page.limit, place);
    let accounts: Vec<AccountId> =
        page.items.iter().filter_map(|signal| signal.account.as_ref()?.parse().ok()).collect();
    let names =
        accounts::ops::names(app, &accounts).await?.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    let ids: Vec<TokenId> = page.items.iter().flat_map(|s| &s.credentials).filter_map(|id| id.parse().ok()).collect();
    let credentials = store::credentials(&reader, ids).await?;
    Ok(Feed { page, names, credentials, is_cut })
}

/// Besides refusals: what weighs much, bytes that somebody looks at, and sign-ins.
fn looked_at() -> Vec<Action> {
    let mut actions: Vec<_> = Action::ALL.iter().copied().filter(|action| policy::is_weighty(*action)).collect();
    actions.extend([Action::SessionOpen, Action::SessionConfirm, Action::VersionInspect, Action::DatasetInspect]);
    actions.push(Action::BlobQuarantine);
    actions
}

/// Where it stands in the feed.
fn place(signal: &Signal) -> Uuid {
    Uuid::from_u64_pair(0, u64::try_from(signal.event).unwrap_or_default())
}
