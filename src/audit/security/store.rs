//! The only SQL about what stands out.

use super::{Kind, Seen};
use crate::{
    authz::{Action, Scope},
    core::ids::{TokenId, WorkspaceId},
    db::{
        Reader,
        entity::{api_token, audit_event},
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};
use serde_json::Value;
use std::collections::HashMap;
use tokio::task::spawn_blocking;

/// The newest refusals and events with these actions, in their order, and whether there were more.
pub async fn seen(
    reader: &Reader<'_>,
    actions: &[Action],
    since: DateTime<Utc>,
    most: usize,
) -> Result<(Vec<Seen>, bool), Error> {
    let Scope::Workspace(workspace) = reader.scope() else { return Ok((Vec::new(), false)) };
    let mut rows = Vec::new();
    // The database would read every record of that time rather than merge what these indices give. In words, since a
    // partial index is found by the condition that it was made with.
    let refused = Expr::cust("outcome = 'denied'");
    rows.extend(newest(reader, workspace, since, refused.clone(), most).await?);
    for action in actions {
        let done = audit_event::Column::Action.eq(action.name()).and(refused.clone().not());
        rows.extend(newest(reader, workspace, since, done, most).await?);
    }
    rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.at, row.id)));
    let is_cut = most < rows.len();
    rows.truncate(most);
    // Thousands of records take long enough to read that others would notice.
    let seen = spawn_blocking(move || rows.iter().rev().filter_map(look).collect()).await.map_err(Error::internal)?;
    Ok((seen, is_cut))
}

async fn newest(
    reader: &Reader<'_>,
    workspace: WorkspaceId,
    since: DateTime<Utc>,
    which: SimpleExpr,
    most: usize,
) -> Result<Vec<audit_event::Model>, Error> {
    let rows = audit_event::Entity::find()
        .filter(audit_event::COLUMN.workspace_id.eq(workspace))
        .filter(audit_event::Column::At.gte(since))
        .filter(which)
        .order_by_desc(audit_event::Column::At)
        .order_by_desc(audit_event::Column::Id)
        .limit(most as u64 + 1)
        .all(reader.conn())
        .await?;
    Ok(rows)
}

/// What one event is to the feed, if anything.
fn look(row: &audit_event::Model) -> Option<Seen> {
    let leaf: Value = serde_json::from_str(&row.leaf).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let event = leaf["detail"]["event"].as_str().unwrap_or_default();
    let about = text(&leaf["object"]["id"]).filter(|id| id != "unknown");
    let (kind, account) = match event {
        _ if row.outcome == "denied" => (Kind::RepeatedRefusals, row.actor_id.map(|id| id.to_string())),
        "session_refused"
        | "confirmation_refused"
        | "second_factor_refused"
        | "provider_refused"
        | "workload_refused"
        | "provider_confirmation_refused" => (Kind::RepeatedFailures, about),
        "blob_quarantined" => (Kind::DamagedBytes, None),
        "session_opened" if leaf["detail"]["new_device"] == true => (Kind::NewDevice, text(&leaf["detail"]["account"])),
        "session_opened" | "session_confirmed" => return None,
        // A program with a token may be as quick as it likes.
        _ if leaf["actor"]["auth"] == "session" => (Kind::Burst, row.actor_id.map(|id| id.to_string())),
        _ => return None,
    };
    let credential = match kind {
        Kind::NewDevice => text(&leaf["object"]["id"]),
        _ => text(&leaf["actor"]["credential"]),
    };
    Some(Seen { id: row.id, at: row.at, kind, account, action: row.action.clone(), credential })
}

/// Of sessions and tokens: which of the two, and with which program a session was opened.
pub async fn credentials(
    reader: &Reader<'_>,
    ids: Vec<TokenId>,
) -> Result<HashMap<String, (String, Option<String>)>, Error> {
    let rows = api_token::Entity::find().filter(api_token::COLUMN.id.is_in(ids)).all(reader.conn()).await?;
    Ok(rows.into_iter().map(|row| (row.id.to_string(), (row.kind, row.client))).collect())
}
