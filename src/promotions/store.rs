//! The only SQL about requests and approvals.

use crate::{
    authz::{self, Role, Scope, Touched},
    core::{
        digest::Digest,
        ids::{AccountId, ApprovalId, ApprovalWithdrawalId, EnvironmentId, PromotionId, VersionId, WorkspaceId},
        page::{Page, PageRequest},
        text::Line,
    },
    db::{
        Reader, WriteTx,
        entity::{account, approval, approval_withdrawal, membership, promotion_request},
    },
    environments::profile::OperatingMode,
    error::Error,
    oversight::Reach,
    promotions::{Approval, Outcome, Promotion, Stage, Withdrawn, invalidation::Cause},
    sweeps, trust,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, DatabaseExecutor, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, LockType},
};
use std::collections::BTreeSet;

const OPEN: [&str; 3] = ["awaiting_approval", "approved", "held"];

pub(crate) async fn find(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    id: PromotionId,
) -> Result<Option<Promotion>, Error> {
    visible(scope).filter(promotion_request::COLUMN.id.eq(id)).one(conn).await?.map(TryInto::try_into).transpose()
}

pub(crate) async fn lock(tx: &WriteTx, scope: Scope, id: PromotionId) -> Result<Option<Promotion>, Error> {
    let row =
        visible(scope).filter(promotion_request::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate).one(&tx.conn()).await?;
    row.map(TryInto::try_into).transpose()
}

/// Newest first; only those that somebody can still decide on, if asked.
pub async fn list(reader: &Reader<'_>, open_only: bool, page: PageRequest) -> Result<Page<Promotion>, Error> {
    let mut query = visible(reader.scope()).order_by_desc(promotion_request::Column::Id).limit(page.limit + 1);
    if open_only {
        query = query.filter(promotion_request::COLUMN.state.is_in(OPEN));
    }
    if let Some(after) = page.after {
        query = query.filter(promotion_request::COLUMN.id.lt(PromotionId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// Those that somebody can still decide on, oldest first, after one of them.
pub async fn waiting(reader: &Reader<'_>, page: PageRequest) -> Result<Page<Promotion>, Error> {
    let open = visible(reader.scope()).filter(promotion_request::COLUMN.state.is_in(OPEN));
    let mut query = open.order_by_asc(promotion_request::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(promotion_request::COLUMN.id.gt(PromotionId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// Requests for a version, newest first.
pub async fn of_version(reader: &Reader<'_>, version: VersionId, limit: u64) -> Result<Vec<Promotion>, Error> {
    let rows = visible(reader.scope())
        .filter(promotion_request::COLUMN.version_id.eq(version))
        .order_by_desc(promotion_request::Column::Id)
        .limit(limit)
        .all(reader.conn())
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The request for this version here that is still open, if there is one.
pub(crate) async fn find_open(
    conn: &DatabaseExecutor<'_>,
    version: VersionId,
    environment: EnvironmentId,
) -> Result<Option<Promotion>, Error> {
    let row = promotion_request::Entity::find()
        .filter(promotion_request::COLUMN.version_id.eq(version))
        .filter(promotion_request::COLUMN.environment_id.eq(environment))
        .filter(promotion_request::COLUMN.state.is_in(OPEN))
        .one(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Where the open requests are that a cause reaches.
pub(crate) async fn places(
    conn: &DatabaseExecutor<'_>,
    scope: Scope,
    cause: Cause,
) -> Result<BTreeSet<EnvironmentId>, Error> {
    let query = reached(scope, cause).select_only().column(promotion_request::Column::EnvironmentId).distinct();
    let places: Vec<EnvironmentId> = query.into_tuple().all(conn).await?;
    Ok(places.into_iter().collect())
}

/// The open requests that a cause reaches, oldest first. Their environments are locked already.
pub(crate) async fn lock_reached(tx: &WriteTx, scope: Scope, cause: Cause) -> Result<Vec<Promotion>, Error> {
    let query = reached(scope, cause).order_by_asc(promotion_request::Column::Id).lock(LockType::NoKeyUpdate);
    query.all(&tx.conn()).await?.into_iter().map(TryInto::try_into).collect()
}

fn reached(scope: Scope, cause: Cause) -> Select<promotion_request::Entity> {
    let open = visible(scope).filter(promotion_request::COLUMN.state.is_in(OPEN));
    match cause {
        Cause::Documents(environment) => open.filter(promotion_request::COLUMN.environment_id.eq(environment)),
        Cause::Version(version) => open.filter(promotion_request::COLUMN.version_id.eq(version)),
        Cause::TrustKey(key) => open.filter(trust::store::rests_on(key, promotion_request::Column::VersionId)),
        Cause::Model(model) => open.filter(promotion_request::COLUMN.model_id.eq(model)),
        Cause::Release(environment, model) => open
            .filter(promotion_request::COLUMN.environment_id.eq(environment))
            .filter(promotion_request::COLUMN.model_id.eq(model)),
        Cause::Oversight(Reach { model, version, environment }) => {
            let open = model.map_or(open.clone(), |id| open.filter(promotion_request::COLUMN.model_id.eq(id)));
            let open = version.map_or(open.clone(), |id| open.filter(promotion_request::COLUMN.version_id.eq(id)));
            environment.map_or(open.clone(), |id| open.filter(promotion_request::COLUMN.environment_id.eq(id)))
        }
    }
}

pub async fn overdue(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<Promotion>, Error> {
    let rows = promotion_request::Entity::find()
        .filter(promotion_request::COLUMN.state.is_in(OPEN))
        .filter(promotion_request::COLUMN.expires_at.lte(now))
        .limit(500)
        .all(reader.conn())
        .await?;
    Ok(sweeps::readable(rows))
}

pub async fn insert(tx: &WriteTx, new: &Promotion) -> Result<(), Error> {
    let row = promotion_request::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        model_id: Set(new.model),
        version_id: Set(new.version),
        environment_id: Set(new.environment),
        run_id: Set(new.run),
        state: Set(new.stage.name().to_owned()),
        decision: Set(new.decision.clone()),
        decision_digest: Set(new.decision_digest.to_string()),
        checks: Set(serde_json::to_string(&new.checks).map_err(Error::internal)?),
        comment: Set(new.comment.clone()),
        requested_by: Set(new.requested_by),
        requested_at: Set(new.requested_at),
        expires_at: Set(new.expires_at),
        closed_at: Set(new.closed_at),
        closed_reason: Set(new.closed_reason.clone()),
        mode: Set(new.mode.map(|mode| mode.name().to_owned())),
    };
    promotion_request::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// Moves a request on. A stage that is not open closes it, with the reason.
pub(crate) async fn set_stage(tx: &WriteTx, id: PromotionId, stage: Stage, reason: Option<&str>) -> Result<(), Error> {
    let closed = (!stage.is_open()).then(|| tx.at());
    promotion_request::Entity::update_many()
        .col_expr(promotion_request::Column::State, Expr::value(stage.name()))
        .col_expr(promotion_request::Column::ClosedAt, Expr::value(closed))
        .col_expr(promotion_request::Column::ClosedReason, Expr::value(reason))
        .filter(promotion_request::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

pub(crate) async fn approvals(conn: &DatabaseExecutor<'_>, promotion: PromotionId) -> Result<Vec<Approval>, Error> {
    let rows = approval::Entity::find()
        .filter(approval::COLUMN.promotion_id.eq(promotion))
        .order_by_asc(approval::Column::Id)
        .all(conn)
        .await?;
    let ids: Vec<ApprovalId> = rows.iter().map(|row| row.id).collect();
    let withdrawn = approval_withdrawal::Entity::find()
        .filter(approval_withdrawal::COLUMN.approval_id.is_in(ids))
        .all(conn)
        .await?;
    let mut all: Vec<Approval> = rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    for row in withdrawn {
        if let Some(approval) = all.iter_mut().find(|approval| approval.id == row.approval_id) {
            approval.withdrawn = Some(Withdrawn { at: row.created_at, reason: row.reason });
        }
    }
    Ok(all)
}

/// The decision of another request in the same place that has this digest.
pub(crate) async fn decided_by(
    conn: &DatabaseExecutor<'_>,
    promotion: &Promotion,
    digest: &Digest,
) -> Result<Option<String>, Error> {
    let row = visible(Scope::Workspace(promotion.workspace))
        .filter(promotion_request::COLUMN.environment_id.eq(promotion.environment))
        .filter(promotion_request::COLUMN.model_id.eq(promotion.model))
        .filter(promotion_request::COLUMN.decision_digest.eq(digest.to_string()))
        .order_by_desc(promotion_request::Column::Id)
        .one(conn)
        .await?;
    Ok(row.map(|row| row.decision))
}

/// One of several pages of the open requests of all workspaces.
pub(crate) async fn open_page(reader: &Reader<'_>, turn: u64, size: u64) -> Result<Vec<Promotion>, Error> {
    let open = visible(reader.scope()).filter(promotion_request::COLUMN.state.is_in(OPEN));
    let pages = open.order_by_asc(promotion_request::Column::Id).paginate(reader.conn(), size);
    let count = pages.num_pages().await?.max(1);
    Ok(sweeps::readable(pages.fetch_page(turn % count).await?))
}

pub(crate) async fn withdraw_approval(
    tx: &WriteTx,
    workspace: WorkspaceId,
    approval: ApprovalId,
    by: AccountId,
    reason: &Line,
) -> Result<(), Error> {
    let row = approval_withdrawal::ActiveModel {
        id: Set(ApprovalWithdrawalId::generate()),
        workspace_id: Set(workspace),
        approval_id: Set(approval),
        account_id: Set(by),
        reason: Set(reason.to_string()),
        created_at: Set(tx.at()),
    };
    approval_withdrawal::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

pub async fn insert_approval(tx: &WriteTx, new: &Approval, roles: &[&str]) -> Result<(), Error> {
    let conditions = Some(&new.conditions).filter(|all| !all.is_empty());
    let conditions = conditions.map(serde_json::to_string).transpose().map_err(Error::internal)?;
    let row = approval::ActiveModel {
        id: Set(new.id),
        promotion_id: Set(new.promotion),
        account_id: Set(new.account),
        outcome: Set(new.outcome.name().to_owned()),
        decision_digest: Set(new.decision_digest.to_string()),
        roles: Set(roles.join(",")),
        reason: Set(new.reason.clone()),
        statement: Set(new.statement.clone()),
        created_at: Set(new.created_at),
        on_behalf_of: Set(new.on_behalf_of),
        conditions: Set(conditions),
        expires_at: Set(new.expires_at),
    };
    approval::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

/// The roles that people hold now where something is decided; somebody deactivated holds none.
pub(crate) async fn roles_now(
    conn: &DatabaseExecutor<'_>,
    workspace: WorkspaceId,
    place: &Touched,
    people: &[AccountId],
) -> Result<Vec<Vec<String>>, Error> {
    let mut all = Vec::new();
    for person in people {
        let active = account::Entity::find_by_id(*person).one(conn).await?.is_some_and(|a| a.state == "active");
        let held = membership::Entity::find()
            .filter(membership::COLUMN.workspace_id.eq(workspace))
            .filter(membership::COLUMN.account_id.eq(*person))
            .all(conn)
            .await?;
        let mut roles = Vec::new();
        for row in held.into_iter().filter(|_| active) {
            if is_held_in(&row, place)? {
                roles.push(row.role);
            }
        }
        all.push(roles);
    }
    Ok(all)
}

/// Whether a role is held in a place: everywhere, or within a range that covers it.
pub(crate) fn is_held_in(row: &membership::Model, place: &Touched) -> Result<bool, Error> {
    Ok(authz::Reach::read(row.reach.as_deref()).map_err(Error::internal)?.covers(place))
}

/// The robots among accounts, each with the person who owns it.
pub(crate) async fn robots(
    conn: &DatabaseExecutor<'_>,
    of: &[AccountId],
) -> Result<Vec<(AccountId, AccountId)>, Error> {
    let rows = account::Entity::find()
        .filter(account::COLUMN.id.is_in(of.to_vec()))
        .filter(account::COLUMN.owner_id.is_not_null())
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.id, row.owner_id?))).collect())
}

/// Names of active people who hold a role in a place and had no part in it: who can unblock it.
pub(crate) async fn holders(
    conn: &DatabaseExecutor<'_>,
    workspace: WorkspaceId,
    place: &Touched,
    roles: &[Role],
    except: &[AccountId],
) -> Result<Vec<String>, Error> {
    let held = membership::Entity::find()
        .filter(membership::COLUMN.workspace_id.eq(workspace))
        .filter(membership::COLUMN.role.is_in(roles.iter().map(|role| role.name())))
        .all(conn)
        .await?;
    let mut ids = Vec::new();
    for row in held {
        if !except.contains(&row.account_id) && is_held_in(&row, place)? {
            ids.push(row.account_id);
        }
    }
    let rows = account::Entity::find()
        .filter(account::COLUMN.id.is_in(ids))
        .filter(account::COLUMN.state.eq("active"))
        .order_by_asc(account::Column::Name)
        .limit(50)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

fn visible(scope: Scope) -> Select<promotion_request::Entity> {
    match scope {
        Scope::Instance => promotion_request::Entity::find(),
        Scope::Workspace(id) => promotion_request::Entity::find().filter(promotion_request::COLUMN.workspace_id.eq(id)),
    }
}

impl TryFrom<promotion_request::Model> for Promotion {
    type Error = Error;

    fn try_from(row: promotion_request::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            workspace: row.workspace_id,
            model: row.model_id,
            version: row.version_id,
            environment: row.environment_id,
            run: row.run_id,
            stage: Stage::parse(&row.state).map_err(|e| Error::internal(e.0))?,
            decision: row.decision,
            decision_digest: Digest::parse(&row.decision_digest).map_err(|e| Error::internal(e.0))?,
            checks: serde_json::from_str(&row.checks).map_err(Error::internal)?,
            comment: row.comment,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            expires_at: row.expires_at,
            closed_at: row.closed_at,
            closed_reason: row.closed_reason,
            mode: row.mode.as_deref().map(OperatingMode::parse).transpose().map_err(|e| Error::internal(e.0))?,
        })
    }
}

impl TryFrom<approval::Model> for Approval {
    type Error = Error;

    fn try_from(row: approval::Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            promotion: row.promotion_id,
            account: row.account_id,
            outcome: match row.outcome.as_str() {
                "approve" => Outcome::Approve,
                "reject" => Outcome::Reject,
                other => return Err(Error::internal(format!("approval outcome {other}"))),
            },
            decision_digest: Digest::parse(&row.decision_digest).map_err(|e| Error::internal(e.0))?,
            reason: row.reason,
            statement: row.statement,
            created_at: row.created_at,
            on_behalf_of: row.on_behalf_of,
            conditions: match row.conditions {
                Some(conditions) => serde_json::from_str(&conditions).map_err(Error::internal)?,
                None => Vec::new(),
            },
            expires_at: row.expires_at,
            withdrawn: None,
        })
    }
}
