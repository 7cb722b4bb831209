//! The only SQL about accounts, roles and credentials.

use crate::{
    accounts::{
        Account, Identity, Token,
        roles::{custom, store::to_held},
    },
    authz::{CustomRole, CustomRoles, Kind, Ranges, Reach, Role, RoleName, Scope},
    core::{
        digest::Digest,
        ids::{AccountId, MembershipId, TokenId, WorkspaceId},
        page::{Page, PageRequest},
    },
    db::{
        Reader, WriteTx,
        entity::{account, api_token, custom_role, idempotency_claim, membership},
    },
    error::Error,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef, Select, Set,
    SqlErr,
    sea_query::{Expr, Query},
};
use std::collections::HashMap;

pub async fn find_by_name(reader: &Reader<'_>, name: &str) -> Result<Option<Account>, Error> {
    let row = members(reader.scope()).filter(account::COLUMN.name.eq(name)).one(reader.conn()).await?;
    with_roles(reader, row).await
}

pub async fn list(reader: &Reader<'_>, page: PageRequest) -> Result<Page<Account>, Error> {
    let mut query = members(reader.scope()).order_by_asc(account::Column::Id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(account::COLUMN.id.gt(AccountId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let mut items = Vec::new();
    for row in page.items {
        items.extend(with_roles(reader, Some(row)).await?);
    }
    Ok(Page { items, next: page.next })
}

/// The account behind a name, with the stored form of its password.
pub async fn find_login(
    reader: &Reader<'_>,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<(Account, Option<String>)>, Error> {
    let row = members(Scope::Workspace(workspace)).filter(account::COLUMN.name.eq(name)).one(reader.conn()).await?;
    let hash = row.as_ref().and_then(|row| row.password_hash.clone());
    Ok(with_roles(reader, row).await?.map(|account| (account, hash)))
}

pub async fn find_credential(reader: &Reader<'_>, secret_hash: &str) -> Result<Option<(Token, Account)>, Error> {
    let Some(row) =
        api_token::Entity::find().filter(api_token::COLUMN.secret_hash.eq(secret_hash)).one(reader.conn()).await?
    else {
        return Ok(None);
    };
    let account = account::Entity::find_by_id(row.account_id).one(reader.conn()).await?;
    let Some(account) = account else { return Ok(None) };
    let roles = roles_of(reader, account.id, Scope::Workspace(row.workspace_id)).await?;
    Ok(Some((to_token(row)?, to_account(account, roles)?)))
}

pub async fn find_token_by_id(reader: &Reader<'_>, id: TokenId) -> Result<Option<Token>, Error> {
    api_token::Entity::find_by_id(id).one(reader.conn()).await?.map(to_token).transpose()
}

/// Whether an account stands by itself.
pub struct Standing {
    pub active: bool,
    pub owner: Option<AccountId>,
    /// The identity provider that signs its person in.
    pub issuer: Option<String>,
}

pub async fn standing(reader: &Reader<'_>, id: AccountId) -> Result<Option<Standing>, Error> {
    let row = account::Entity::find_by_id(id).one(reader.conn()).await?;
    Ok(row.map(|row| Standing { active: row.state == "active", owner: row.owner_id, issuer: row.issuer }))
}

pub async fn display_name(reader: &Reader<'_>, id: AccountId) -> Result<String, Error> {
    let row = account::Entity::find_by_id(id).one(reader.conn()).await?;
    Ok(row.map(|row| row.display_name).unwrap_or_default())
}

pub async fn names(reader: &Reader<'_>, ids: &[AccountId]) -> Result<HashMap<AccountId, String>, Error> {
    let mut all = HashMap::new();
    for chunk in ids.chunks(500) {
        let rows = account::Entity::find().filter(account::COLUMN.id.is_in(chunk.to_vec())).all(reader.conn()).await?;
        all.extend(rows.into_iter().map(|row| (row.id, row.name)));
    }
    Ok(all)
}

pub async fn insert(
    tx: &WriteTx,
    new: &Account,
    workspace: WorkspaceId,
    password_hash: Option<String>,
) -> Result<(), Error> {
    let row = account::ActiveModel {
        id: Set(new.id),
        name: Set(new.name.clone()),
        display_name: Set(new.display_name.clone()),
        kind: Set(new.kind.name().to_owned()),
        password_hash: Set(password_hash),
        state: Set("active".to_owned()),
        owner_id: Set(new.owner),
        created_at: Set(new.created_at),
        issuer: Set(new.identity.as_ref().map(|identity| identity.issuer.clone())),
        subject: Set(new.identity.as_ref().map(|identity| identity.subject.clone())),
        home_id: Set(Some(workspace)),
    };
    account::Entity::insert(row).exec_without_returning(&tx.conn()).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::conflict("account_name_taken", format!("an account named {} exists", new.name))
        }
        _ => e.into(),
    })?;
    for role in &new.roles {
        let row = membership::ActiveModel {
            id: Set(MembershipId::generate()),
            workspace_id: Set(workspace),
            account_id: Set(new.id),
            role: Set(role.name().to_owned()),
            origin: Set(None),
            reach: Set(None),
            custom_id: Set(None),
        };
        membership::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    }
    Ok(())
}

/// Whether there was anything to end: an account that was active, or a token that lived.
pub async fn deactivate(tx: &WriteTx, id: AccountId) -> Result<bool, Error> {
    let accounts = account::Entity::update_many()
        .col_expr(account::Column::State, Expr::value("deactivated"))
        .filter(account::COLUMN.id.eq(id))
        .filter(account::COLUMN.state.eq("active"))
        .exec(&tx.conn())
        .await?;
    let tokens = api_token::Entity::update_many()
        .col_expr(api_token::Column::RevokedAt, Expr::value(tx.at()))
        .filter(api_token::COLUMN.account_id.eq(id))
        .filter(api_token::COLUMN.revoked_at.is_null())
        .exec(&tx.conn())
        .await?;
    Ok(0 < accounts.rows_affected + tokens.rows_affected)
}

/// Replaces what says who an account and its tokens belonged to; returns the name that is left,
/// and whether there was anything to replace.
pub async fn erase(tx: &WriteTx, id: AccountId) -> Result<(String, bool), Error> {
    let name = format!("erased-{}", id.0.simple());
    let account = account::Entity::find_by_id(id).lock_exclusive().one(&tx.conn()).await?;
    let account = account.filter(|account| account.name != name);
    let mut changed = account.is_some();
    if let Some(account) = account {
        let forgotten =
            account.issuer.zip(account.subject).map(|(issuer, subject)| forgotten_subject(&issuer, &subject));
        tx.forget("account", &id.to_string()).await?;
        account::Entity::update_many()
            .col_expr(account::Column::Name, Expr::value(&name))
            .col_expr(account::Column::DisplayName, Expr::value(&name))
            .col_expr(account::Column::PasswordHash, Expr::value(None::<String>))
            .col_expr(account::Column::Subject, Expr::value(forgotten))
            .filter(account::COLUMN.id.eq(id))
            .exec(&tx.conn())
            .await?;
    }
    // Answers that were kept in case its requests are repeated.
    idempotency_claim::Entity::delete_many()
        .filter(idempotency_claim::COLUMN.account_id.eq(id))
        .exec(&tx.conn())
        .await?;
    let tokens = api_token::Entity::find().filter(api_token::COLUMN.account_id.eq(id)).all(&tx.conn()).await?;
    for token in tokens {
        let hash = format!("erased-{}", token.id);
        if token.secret_hash == hash {
            continue;
        }
        changed = true;
        tx.forget("api_token", &token.id.to_string()).await?;
        api_token::Entity::update_many()
            .col_expr(api_token::Column::Name, Expr::value("erased"))
            .col_expr(api_token::Column::SecretHash, Expr::value(hash))
            .col_expr(api_token::Column::Client, Expr::value(None::<String>))
            .col_expr(api_token::Column::Device, Expr::value(None::<String>))
            .filter(api_token::COLUMN.id.eq(token.id))
            .exec(&tx.conn())
            .await?;
    }
    Ok((name, changed))
}

pub async fn insert_token(tx: &WriteTx, new: &Token, secret_hash: &str) -> Result<(), Error> {
    let row = api_token::ActiveModel {
        id: Set(new.id),
        workspace_id: Set(new.workspace),
        account_id: Set(new.account),
        kind: Set(if new.session { "session" } else { "token" }.to_owned()),
        name: Set(new.name.clone()),
        accessor: Set(new.accessor.clone()),
        secret_hash: Set(secret_hash.to_owned()),
        created_at: Set(new.created_at),
        expires_at: Set(new.expires_at),
        revoked_at: Set(None),
        client: Set(new.client.clone()),
        device: Set(new.device.clone()),
        seen_at: Set(new.seen_at),
        proven_at: Set(new.proven_at),
        reach: Set(new.reach.limits().map(serde_json::to_string).transpose().map_err(Error::internal)?),
        trust_id: Set(new.trust),
    };
    api_token::Entity::insert(row).exec_without_returning(&tx.conn()).await?;
    Ok(())
}

pub async fn find_token(reader: &Reader<'_>, id: TokenId) -> Result<Option<Token>, Error> {
    let row = visible_tokens(reader.scope()).filter(api_token::COLUMN.id.eq(id)).one(reader.conn()).await?;
    row.map(to_token).transpose()
}

pub async fn list_tokens(reader: &Reader<'_>, own: Option<AccountId>, page: PageRequest) -> Result<Page<Token>, Error> {
    let mut query = visible_tokens(reader.scope())
        .filter(api_token::COLUMN.kind.eq("token"))
        .order_by_asc(api_token::Column::Id)
        .limit(page.limit + 1);
    if let Some(own) = own {
        query = query.filter(api_token::COLUMN.account_id.eq(own));
    }
    if let Some(after) = page.after {
        query = query.filter(api_token::COLUMN.id.gt(TokenId(after)));
    }
    let rows = query.all(reader.conn()).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id.0);
    let items = page.items.into_iter().map(to_token).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

/// What is left of a provider's word for somebody who was erased: enough to know them again when they come back, so that
/// they are not taken for another person, and nothing that says who they are.
pub fn forgotten_subject(issuer: &str, subject: &str) -> String {
    format!("erased:{}", Digest::of(format!("plimsoll erased identity v1\n{issuer}\n{subject}")).hex())
}

/// Whether it lived until now.
pub async fn revoke_token(tx: &WriteTx, id: TokenId) -> Result<bool, Error> {
    let tokens = api_token::Entity::update_many()
        .col_expr(api_token::Column::RevokedAt, Expr::value(tx.at()))
        .filter(api_token::COLUMN.id.eq(id))
        .filter(api_token::COLUMN.revoked_at.is_null())
        .exec(&tx.conn())
        .await?;
    Ok(0 < tokens.rows_affected)
}

/// Accounts that were made in the caller's workspace, whatever roles they have left, or hold a role there.
fn members(scope: Scope) -> Select<account::Entity> {
    match scope {
        Scope::Instance => account::Entity::find(),
        Scope::Workspace(id) => {
            let mut here = Query::select();
            here.column(membership::Column::AccountId)
                .from(membership::Entity)
                .and_where(membership::COLUMN.workspace_id.eq(id));
            let tied = Condition::any().add(account::COLUMN.home_id.eq(id)).add(account::COLUMN.id.in_subquery(here));
            account::Entity::find().filter(tied)
        }
    }
}

fn visible_tokens(scope: Scope) -> Select<api_token::Entity> {
    match scope {
        Scope::Instance => api_token::Entity::find(),
        Scope::Workspace(id) => api_token::Entity::find().filter(api_token::COLUMN.workspace_id.eq(id)),
    }
}

async fn with_roles(reader: &Reader<'_>, row: Option<account::Model>) -> Result<Option<Account>, Error> {
    let Some(row) = row else { return Ok(None) };
    let held = roles_of(reader, row.id, reader.scope()).await?;
    to_account(row, held).map(Some)
}

/// Roles with where they are held, in one look: one without its range would be held everywhere.
/// The roles of a workspace's own come with what they say, so that they act as soon as fixed ones.
async fn roles_of(reader: &Reader<'_>, account: AccountId, scope: Scope) -> Result<Roles, Error> {
    let definition: RelationDef = membership::Entity::belongs_to(custom_role::Entity)
        .from(membership::Column::CustomId)
        .to(custom_role::Column::Id)
        .into();
    let mut query = membership::Entity::find()
        .join(JoinType::LeftJoin, definition)
        .select_also(custom_role::Entity)
        .filter(membership::COLUMN.account_id.eq(account));
    if let Scope::Workspace(id) = scope {
        query = query.filter(membership::COLUMN.workspace_id.eq(id));
    }
    let mut roles = Roles::default();
    for (row, definition) in query.all(reader.conn()).await? {
        let held = to_held(row)?;
        match (held.role, definition) {
            (RoleName::Fixed(role), _) => roles.fixed.push((role, held.reach)),
            (RoleName::Custom(_), Some(definition)) => match custom::store::to_role(&definition) {
                Some(role) => roles.custom.push((role, held.reach)),
                // It gives nothing.
                None => tracing::error!(role = definition.name, "by the rules of now there can be no such custom role"),
            },
            (RoleName::Custom(_), None) => {}
        }
    }
    Ok(roles)
}

/// Roles as they are held, each with where.
#[derive(Default)]
struct Roles {
    fixed: Vec<(Role, Reach)>,
    custom: Vec<(CustomRole, Reach)>,
}

fn to_account(row: account::Model, Roles { fixed: held, custom }: Roles) -> Result<Account, Error> {
    Ok(Account {
        id: row.id,
        name: row.name,
        display_name: row.display_name,
        kind: match row.kind.as_str() {
            "user" => Kind::User,
            "service" => Kind::Service,
            other => return Err(Error::internal(format!("account kind {other}"))),
        },
        active: row.state == "active",
        owner: row.owner_id,
        identity: row.issuer.zip(row.subject).map(|(issuer, subject)| Identity { issuer, subject }),
        roles: held.iter().map(|(role, _)| *role).collect(),
        ranges: Ranges::of(held),
        custom: CustomRoles::of(custom),
        created_at: row.created_at,
    })
}

pub(super) fn to_token(row: api_token::Model) -> Result<Token, Error> {
    Ok(Token {
        id: row.id,
        workspace: row.workspace_id,
        account: row.account_id,
        session: row.kind == "session",
        name: row.name,
        accessor: row.accessor,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        client: row.client,
        device: row.device,
        seen_at: row.seen_at,
        proven_at: row.proven_at,
        reach: Reach::read(row.reach.as_deref()).map_err(Error::internal)?,
        trust: row.trust_id,
    })
}
