use crate::{
    capture::{Captured, capture},
    table::{drop_all, final_states, frozen, index, references, unique},
};
use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What became active, where, when and why never changes; only its end does, once.
const FROZEN: &[&str] = &[
    "id",
    "workspace_id",
    "environment_id",
    "model_id",
    "version_id",
    "promotion_id",
    "restores",
    "reason",
    "statement",
    "activated_by",
    "activated_at",
    "mode",
    "kind",
    "ends_at",
    "summary",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            string_null("mode"),
            string_null("kind"),
            timestamp_with_time_zone_null("ends_at"),
            text_null("summary"),
            uuid_null("ended_by"),
            text_null("ended_reason"),
        ];
        for column in columns {
            add_column(manager, "release", column).await?;
        }
        add_column(manager, "promotion_request", string_null("mode")).await?;
        capture(manager, &Captured::new("release")).await?;
        capture(manager, &Captured::new("promotion_request")).await?;
        frozen(manager, "release", FROZEN).await?;
        final_states(manager, "release", "active").await?;
        in_order(manager).await?;
        index(manager, "release", &["environment_id", "model_id", "activated_at"]).await?;
        reviews(manager).await?;
        rehearsals(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["rehearsal", "rollback_review"]).await?;
        let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
        let mut triggers = vec!["frozen", "no_delete", "final", "in_order"];
        if postgres {
            triggers.push("no_truncate");
        }
        for trigger in triggers {
            let on = if postgres { " ON release" } else { "" };
            manager.get_connection().execute_unprepared(&format!("DROP TRIGGER release_{trigger}{on}")).await?;
        }
        if postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION refuse_disorder").await?;
        }
        let order = "ix_release_environment_id_model_id_activated_at";
        manager.drop_index(Index::drop().name(order).table("release").to_owned()).await?;
        // Triggers that name a column stand in the way of its removal.
        crate::capture::stop(manager, "release").await?;
        crate::capture::stop(manager, "promotion_request").await?;
        for column in ["mode", "kind", "ends_at", "summary", "ended_by", "ended_reason"] {
            drop_column(manager, "release", column).await?;
        }
        drop_column(manager, "promotion_request", "mode").await?;
        capture(manager, &Captured::new("release")).await?;
        capture(manager, &Captured::new("promotion_request")).await
    }
}

async fn add_column(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}

async fn drop_column(manager: &SchemaManager<'_>, table: &'static str, column: &'static str) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await
}

/// Nothing becomes active before what was there before it began, or ended.
async fn in_order(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let later = "SELECT 1 FROM release WHERE environment_id = NEW.environment_id AND model_id = NEW.model_id \
                 AND (NEW.activated_at < activated_at OR NEW.activated_at < ended_at)";
    let statements = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => vec![format!(
            "CREATE TRIGGER release_in_order BEFORE INSERT ON release WHEN EXISTS ({later}) \
             BEGIN SELECT RAISE(ABORT, 'release is out of order'); END"
        )],
        _ => vec![
            format!(
                "CREATE FUNCTION refuse_disorder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF EXISTS ({later}) THEN RAISE EXCEPTION '% is out of order', TG_TABLE_NAME; END IF; \
                 RETURN NEW; END $$"
            ),
            "CREATE TRIGGER release_in_order BEFORE INSERT ON release FOR EACH ROW EXECUTE FUNCTION refuse_disorder()"
                .to_owned(),
        ],
    };
    for sql in statements {
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

async fn reviews(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("rollback_review")
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(uuid("release_id"))
                .col(string("state"))
                .col(timestamp_with_time_zone("due_at"))
                .col(timestamp_with_time_zone_null("reminded_at"))
                .col(string_null("outcome"))
                .col(text_null("reason"))
                .col(uuid_null("reviewed_by"))
                .col(timestamp_with_time_zone_null("reviewed_at"))
                .col(timestamp_with_time_zone("created_at"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("release_id", "release"))
                .foreign_key(&mut references("reviewed_by", "account"))
                .to_owned(),
        )
        .await?;
    unique(manager, "rollback_review", &["release_id"]).await?;
    index(manager, "rollback_review", &["workspace_id", "state", "due_at"]).await?;
    frozen(manager, "rollback_review", &["id", "workspace_id", "release_id", "due_at", "created_at"]).await?;
    final_states(manager, "rollback_review", "due").await?;
    capture(manager, &Captured::new("rollback_review")).await
}

async fn rehearsals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("rehearsal")
                .col(pk_uuid("id"))
                .col(uuid("workspace_id"))
                .col(uuid("environment_id"))
                .col(uuid("model_id"))
                .col(uuid("version_id"))
                .col(uuid("release_id"))
                .col(string("state"))
                .col(uuid("requested_by"))
                .col(timestamp_with_time_zone("requested_at"))
                .col(timestamp_with_time_zone_null("finished_at"))
                .col(text_null("body"))
                .col(string_null("digest"))
                .foreign_key(&mut references("workspace_id", "workspace"))
                .foreign_key(&mut references("environment_id", "environment"))
                .foreign_key(&mut references("model_id", "model"))
                .foreign_key(&mut references("version_id", "model_version"))
                .foreign_key(&mut references("release_id", "release"))
                .foreign_key(&mut references("requested_by", "account"))
                .to_owned(),
        )
        .await?;
    index(manager, "rehearsal", &["environment_id", "model_id", "finished_at"]).await?;
    let said = [
        "id",
        "workspace_id",
        "environment_id",
        "model_id",
        "version_id",
        "release_id",
        "requested_by",
        "requested_at",
    ];
    frozen(manager, "rehearsal", &said).await?;
    final_states(manager, "rehearsal", "queued").await?;
    capture(manager, &Captured::new("rehearsal")).await
}
