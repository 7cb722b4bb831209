use crate::{
    capture::{Captured, capture},
    table::{append_only, drop_all, frozen, index, references},
};
use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        links_and_teams(manager).await?;
        delegations(manager).await?;
        comments(manager).await?;
        earlier_authors(manager).await?;
        add(manager, ColumnDef::new("on_behalf_of").uuid().null().take()).await?;
        add(manager, ColumnDef::new("conditions").text().null().take()).await?;
        capture(manager, &Captured::new("approval")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite refuses to drop a column that a trigger names.
        crate::capture::stop(manager, "approval").await?;
        for column in ["conditions", "on_behalf_of"] {
            manager.alter_table(Table::alter().table("approval").drop_column(column).to_owned()).await?;
        }
        drop_all(manager, &["earlier_author", "promotion_comment", "delegation", "person_team", "person_link"]).await?;
        capture(manager, &Captured::new("approval")).await
    }
}

async fn add(manager: &SchemaManager<'_>, mut column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table("approval").add_column(&mut column).to_owned()).await
}

/// At most one person and one team for each account of a workspace.
async fn links_and_teams(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("person_link")
                .col(uuid("workspace_id"))
                .col(uuid("account_id"))
                .col(uuid("person_id"))
                .col(uuid_null("linked_by"))
                .col(timestamp_with_time_zone("linked_at"))
                .primary_key(Index::create().col("workspace_id").col("account_id"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("account_id", "account"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("person_team")
                .col(uuid("workspace_id"))
                .col(uuid("account_id"))
                .col(string("team"))
                .col(uuid_null("set_by"))
                .col(timestamp_with_time_zone("set_at"))
                .primary_key(Index::create().col("workspace_id").col("account_id"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("account_id", "account"))
                .to_owned(),
        )
        .await?;
    capture(manager, &Captured::new("person_link").key(&["workspace_id", "account_id"]).plain()).await?;
    capture(manager, &Captured::new("person_team").key(&["workspace_id", "account_id"]).plain()).await
}

async fn delegations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("delegation")
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(uuid("from_account"))
                .col(uuid("to_account"))
                .col(timestamp_with_time_zone("valid_from"))
                .col(timestamp_with_time_zone("valid_until"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone_null("revoked_at"))
                .col(uuid_null("revoked_by"))
                .check(Expr::col("from_account").ne(Expr::col("to_account")))
                .check(Expr::col("valid_from").lt(Expr::col("valid_until")))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("from_account", "account"))
                .foreign_key(&mut references("to_account", "account"))
                .to_owned(),
        )
        .await?;
    index(manager, "delegation", &["workspace_id", "valid_until"]).await?;
    let fixed = ["id", "workspace_id", "from_account", "to_account", "valid_from", "valid_until", "created_at"];
    frozen(manager, "delegation", &fixed).await?;
    revocation_is_final(manager).await?;
    capture(manager, &Captured::new("delegation").plain()).await
}

async fn revocation_is_final(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let sql = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => {
            "CREATE TRIGGER delegation_final BEFORE UPDATE ON delegation WHEN OLD.revoked_at IS NOT NULL \
             BEGIN SELECT RAISE(ABORT, 'delegation is append-only'); END"
        }
        _ => {
            "CREATE TRIGGER delegation_final BEFORE UPDATE ON delegation FOR EACH ROW \
             WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION refuse_change()"
        }
    };
    manager.get_connection().execute_unprepared(sql).await?;
    Ok(())
}

async fn comments(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("promotion_comment")
                .col(pk_uuid("id"))
                .col(uuid("promotion_id"))
                .col(uuid("account_id"))
                .col(text("body"))
                .col(timestamp_with_time_zone("created_at"))
                .foreign_key(&mut references("promotion_id", "promotion_request"))
                .foreign_key(&mut references("account_id", "account"))
                .to_owned(),
        )
        .await?;
    index(manager, "promotion_comment", &["promotion_id", "id"]).await?;
    append_only(manager, "promotion_comment").await?;
    capture(manager, &Captured::new("promotion_comment")).await
}

/// Who declared a draft before somebody else took it over.
async fn earlier_authors(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("earlier_author")
                .col(uuid("version_id"))
                .col(uuid("account_id"))
                .col(timestamp_with_time_zone("until"))
                .primary_key(Index::create().col("version_id").col("account_id"))
                .foreign_key(&mut references("version_id", "model_version"))
                .foreign_key(&mut references("account_id", "account"))
                .to_owned(),
        )
        .await?;
    append_only(manager, "earlier_author").await?;
    capture(manager, &Captured::new("earlier_author").key(&["version_id", "account_id"]).plain()).await
}
