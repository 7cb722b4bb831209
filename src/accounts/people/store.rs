//! The only SQL about links, teams and delegations.

use crate::{
    accounts::people::{Bonds, Delegation},
    authz::{Leave, People, Scope},
    core::{
        ids::{AccountId, DelegationId, PersonId, WorkspaceId},
        page::{Page, PageRequest},
    },
    db::{
        Conn, Reader, WriteTx,
        entity::{account, delegation, person_link, person_team},
    },
    error::Error,
};
use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set, SqlErr,
    sea_query::{Expr, LockType},
};

/// What is on record about the people of a workspace that may matter from a moment on: delegations that were
/// revoked bind nobody, and those that have ended bind nobody again.
pub(crate) async fn people(conn: &Conn<'_>, workspace: WorkspaceId, from: DateTime<Utc>) -> Result<People, Error> {
    let links = person_link::Entity::find().filter(person_link::COLUMN.workspace_id.eq(workspace)).all(conn).await?;
    let teams = person_team::Entity::find().filter(person_team::COLUMN.workspace_id.eq(workspace)).all(conn).await?;
    let delegations = delegation::Entity::find()
        .filter(delegation::COLUMN.workspace_id.eq(workspace))
        .filter(delegation::COLUMN.revoked_at.is_null())
        .filter(delegation::COLUMN.valid_until.gt(from))
        .all(conn)
        .await?;
    Ok(People {
        links: links.into_iter().map(|row| (row.account_id, row.person_id)).collect(),
        teams: teams.into_iter().map(|row| (row.account_id, row.team)).collect(),
        delegations: delegations.into_iter().map(|row| to_delegation(row).leave()).collect(),
    })
}

/// Waits for whoever is binding one of these accounts, always in the order of their ids.
pub async fn lock(tx: &WriteTx, accounts: &[AccountId]) -> Result<(), Error> {
    account::Entity::find()
        .filter(account::COLUMN.id.is_in(accounts.to_vec()))
        .order_by_asc(account::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(&tx.conn())
        .await?;
    Ok(())
}

pub(crate) async fn person(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    account: AccountId,
) -> Result<Option<PersonId>, Error> {
    Ok(person_link::Entity::find_by_id((workspace, account)).one(conn).await?.map(|row| row.person_id))
}

pub(crate) async fn bonds(conn: &Conn<'_>, workspace: WorkspaceId, account: AccountId) -> Result<Bonds, Error> {
    let mut same_person = Vec::new();
    let person = person(conn, workspace, account).await?;
    if let Some(person) = person {
        let rows = person_link::Entity::find()
            .filter(person_link::COLUMN.workspace_id.eq(workspace))
            .filter(person_link::COLUMN.person_id.eq(person))
            .all(conn)
            .await?;
        same_person.extend(rows.into_iter().map(|row| row.account_id).filter(|other| *other != account));
    }
    let team = person_team::Entity::find_by_id((workspace, account)).one(conn).await?.map(|row| row.team);
    Ok(Bonds { same_person, is_said: person.is_some(), team })
}

/// Makes an account one of a person's, whoever's it was before.
pub async fn link(
    tx: &WriteTx,
    workspace: WorkspaceId,
    account: AccountId,
    person: PersonId,
    by: Option<AccountId>,
) -> Result<(), Error> {
    unlink(tx, workspace, account).await?;
    let row = person_link::ActiveModel {
        workspace_id: Set(workspace),
        account_id: Set(account),
        person_id: Set(person),
        linked_by: Set(by),
        linked_at: Set(tx.at()),
    };
    person_link::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::conflict("people_changed", "somebody else changed this link at the same moment; look again")
        }
        _ => e.into(),
    })?;
    Ok(())
}

pub async fn unlink(tx: &WriteTx, workspace: WorkspaceId, account: AccountId) -> Result<(), Error> {
    person_link::Entity::delete_by_id((workspace, account)).exec(&tx.conn()).await?;
    Ok(())
}

pub async fn set_team(
    tx: &WriteTx,
    workspace: WorkspaceId,
    account: AccountId,
    team: Option<&str>,
    by: Option<AccountId>,
) -> Result<(), Error> {
    person_team::Entity::delete_by_id((workspace, account)).exec(&tx.conn()).await?;
    let Some(team) = team else { return Ok(()) };
    let row = person_team::ActiveModel {
        workspace_id: Set(workspace),
        account_id: Set(account),
        team: Set(team.to_owned()),
        set_by: Set(by),
        set_at: Set(tx.at()),
    };
    person_team::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

pub(crate) async fn find_delegation(
    conn: &Conn<'_>,
    scope: Scope,
    id: DelegationId,
) -> Result<Option<Delegation>, Error> {
    Ok(visible(scope).filter(delegation::COLUMN.id.eq(id)).one(conn).await?.map(to_delegation))
}

pub async fn lock_delegation(tx: &WriteTx, scope: Scope, id: DelegationId) -> Result<Option<Delegation>, Error> {
    let query = visible(scope).filter(delegation::COLUMN.id.eq(id)).lock(LockType::NoKeyUpdate);
    Ok(query.one(&tx.conn()).await?.map(to_delegation))
}

/// Newest first.
pub async fn delegations(reader: &Reader<'_>, page: PageRequest) -> Result<Page<Delegation>, Error> {
    let mut query = visible(reader.scope()).order_by_desc(delegation::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(delegation::COLUMN.id.lt(DelegationId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id.0).map(to_delegation))
}

/// Those of the two accounts that end later than now.
pub async fn delegations_of(tx: &WriteTx, new: &Delegation) -> Result<Vec<Delegation>, Error> {
    let sides = [new.from, new.to];
    let rows = delegation::Entity::find()
        .filter(delegation::COLUMN.workspace_id.eq(new.workspace))
        .filter(delegation::COLUMN.revoked_at.is_null())
        .filter(delegation::COLUMN.valid_until.gt(tx.at()))
        .filter(
            sea_orm::Condition::any()
                .add(delegation::COLUMN.from_account.is_in(sides))
                .add(delegation::COLUMN.to_account.is_in(sides)),
        )
        .all(&tx.conn())
        .await?;
    Ok(rows.into_iter().map(to_delegation).collect())
}

pub async fn insert_delegation(tx: &WriteTx, new: &Delegation) -> Result<(), Error> {
    let row = delegation::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        from_account: Set(new.from),
        to_account: Set(new.to),
        valid_from: Set(new.valid_from),
        valid_until: Set(new.valid_until),
        created_at: Set(new.created_at),
        revoked_at: Set(None),
        revoked_by: Set(None),
    };
    delegation::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

pub async fn revoke_delegation(tx: &WriteTx, id: DelegationId, by: Option<AccountId>) -> Result<(), Error> {
    delegation::Entity::update_many()
        .col_expr(delegation::Column::RevokedAt, Expr::value(tx.at()))
        .col_expr(delegation::Column::RevokedBy, Expr::value(by))
        .filter(delegation::COLUMN.id.eq(id))
        .exec(&tx.conn())
        .await?;
    Ok(())
}

fn visible(scope: Scope) -> Select<delegation::Entity> {
    match scope {
        Scope::Instance => delegation::Entity::find(),
        Scope::Workspace(id) => delegation::Entity::find().filter(delegation::COLUMN.workspace_id.eq(id)),
    }
}

fn to_delegation(row: delegation::Model) -> Delegation {
    Delegation {
        id: row.id,
        workspace: row.workspace_id,
        from: row.from_account,
        to: row.to_account,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}

impl Delegation {
    fn leave(&self) -> Leave {
        Leave { from: self.from, to: self.to, valid_from: self.valid_from, valid_until: self.valid_until }
    }
}
