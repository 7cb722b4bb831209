//! The only SQL about whom and what a policy speaks of.

use crate::{
    authz::Scope,
    constraints::words::Words,
    core::{
        digest::Digest,
        ids::{AccountId, EnvironmentId, ModelId, VersionId, WorkspaceId},
    },
    db::{
        Conn,
        entity::{account, finding, membership, model_owner, model_version, release},
    },
    error::Error,
    models::Accountability,
    oversight::findings::{Severity, State},
    policies::soak::{FindingSpan, Span},
    promotions::assessment::Facts,
};
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::BTreeMap;

/// How far back a soak looks: this many releases of the same bytes.
const SPANS: u64 = 500;
/// How many findings a soak looks at, the newest first.
const FINDINGS: u64 = 1_000;

/// An active person with a role here.
#[derive(Clone, Debug)]
pub struct Judge {
    pub account: AccountId,
    pub name: String,
    pub roles: Vec<String>,
}

/// Who answers for a model, and for what.
pub(super) async fn owners(conn: &Conn<'_>, model: ModelId) -> Result<Vec<(Accountability, AccountId, String)>, Error> {
    let rows = model_owner::Entity::find().filter(model_owner::COLUMN.model_id.eq(model)).all(conn).await?;
    let names = names(conn, rows.iter().map(|row| row.account_id).collect()).await?;
    let owner = |row: model_owner::Model| {
        let what = Accountability::parse(&row.accountability).map_err(|e| Error::internal(e.0))?;
        Ok(names.get(&row.account_id).map(|name| (what, row.account_id, name.clone())))
    };
    rows.into_iter().filter_map(|row| owner(row).transpose()).collect()
}

/// Whoever holds one of some roles, with the role.
pub(super) async fn holders(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    roles: &[String],
) -> Result<Vec<(AccountId, String)>, Error> {
    if roles.is_empty() {
        return Ok(Vec::new());
    }
    let rows = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.role.is_in(roles.to_vec()))
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.role)).collect())
}

/// Accounts of this workspace with one of some names.
pub(super) async fn accounts(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    wanted: &[String],
) -> Result<Vec<(AccountId, String)>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = account::Entity::find().filter(account::COLUMN.name.is_in(wanted.to_vec())).all(conn).await?;
    let members = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.account_id.is_in(rows.iter().map(|row| row.id)))
        .all(conn)
        .await?;
    let is_member = |id: AccountId| members.iter().any(|row| row.account_id == id);
    Ok(rows.into_iter().filter(|row| is_member(row.id)).map(|row| (row.id, row.name)).collect())
}

/// Every active person who holds one of some roles here, by name.
pub(crate) async fn judges(conn: &Conn<'_>, workspace: WorkspaceId, roles: &[String]) -> Result<Vec<Judge>, Error> {
    let mut held: BTreeMap<AccountId, Vec<String>> = BTreeMap::new();
    for (account, role) in holders(conn, workspace, roles).await? {
        held.entry(account).or_default().push(role);
    }
    let rows = account::Entity::find()
        .filter(account::COLUMN.id.is_in(held.keys().copied()))
        .filter(account::COLUMN.state.eq("active"))
        .filter(account::COLUMN.kind.eq("user"))
        .order_by_asc(account::Column::Name)
        .all(conn)
        .await?;
    let judge = |row: account::Model| Judge {
        account: row.id,
        name: row.name,
        roles: held.get(&row.id).cloned().unwrap_or_default(),
    };
    Ok(rows.into_iter().map(judge).collect())
}

/// When the bytes of a digest were active in an environment as a version of a model.
pub(super) async fn spans(
    conn: &Conn<'_>,
    environment: EnvironmentId,
    model: ModelId,
    digest: &Digest,
) -> Result<Vec<Span>, Error> {
    let versions: Vec<VersionId> = model_version::Entity::find()
        .select_only()
        .column(model_version::Column::Id)
        .filter(model_version::COLUMN.model_id.eq(model))
        .filter(model_version::COLUMN.manifest_digest.eq(digest.to_string()))
        .into_tuple()
        .all(conn)
        .await?;
    let rows = release::Entity::find()
        .filter(release::COLUMN.environment_id.eq(environment))
        .filter(release::COLUMN.model_id.eq(model))
        .filter(release::COLUMN.version_id.is_in(versions))
        .order_by_desc(release::Column::Id)
        .limit(SPANS)
        .all(conn)
        .await?;
    let span = |row: release::Model| Span {
        digest: *digest,
        from: row.activated_at,
        until: row.ended_at,
        // A state that this does not know is none that ended well.
        failed: !matches!(row.state.as_str(), "active" | "superseded"),
    };
    Ok(rows.into_iter().map(span).collect())
}

/// When findings of at least a severity bore on this version upstream. One whose risk is accepted
/// at this moment is not counted.
pub(super) async fn finding_spans(
    conn: &Conn<'_>,
    scope: Scope,
    facts: &Facts,
    upstream: EnvironmentId,
    from: Severity,
    now: DateTime<Utc>,
) -> Result<Vec<FindingSpan>, Error> {
    let (of_model, of_version, of_environment) =
        (finding::COLUMN.model_id, finding::COLUMN.version_id, finding::COLUMN.environment_id);
    let somewhere = of_model.is_not_null().or(of_version.is_not_null()).or(of_environment.is_not_null());
    let mut query = finding::Entity::find()
        .filter(of_model.is_null().or(of_model.eq(facts.model.id)))
        .filter(of_version.is_null().or(of_version.eq(facts.version.id)))
        .filter(of_environment.is_null().or(of_environment.eq(upstream)))
        .filter(somewhere);
    if let Scope::Workspace(workspace) = scope {
        query = query.filter(finding::COLUMN.workspace_id.eq(workspace));
    }
    let rows = query.order_by_desc(finding::Column::Id).limit(FINDINGS).all(conn).await?;
    let mut spans = Vec::new();
    for row in rows {
        let severity = Severity::from_word(&row.severity).ok_or_else(|| Error::internal(row.severity.clone()))?;
        let is_accepted = row.state == State::RiskAccepted.word() && row.accepted_until.is_some_and(|end| now < end);
        if from <= severity && !is_accepted {
            spans.push(FindingSpan { from: row.opened_at, until: row.closed_at });
        }
    }
    Ok(spans)
}

async fn names(conn: &Conn<'_>, ids: Vec<AccountId>) -> Result<BTreeMap<AccountId, String>, Error> {
    let rows = account::Entity::find().filter(account::COLUMN.id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
