use crate::table::{append_only, drop_all, index, references, unique};
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
        manager
            .create_table(
                Table::create()
                    .table("audit_event")
                    .col(big_pk_auto("id").check(Expr::col("id").gt(0)))
                    .col(timestamp_with_time_zone("at"))
                    .col(uuid_null("workspace_id"))
                    .col(uuid_null("actor_id"))
                    .col(string("action"))
                    .col(string("outcome"))
                    .col(string_null("object_kind"))
                    .col(string_null("object_id"))
                    .col(text("leaf"))
                    .col(string("leaf_hash"))
                    .to_owned(),
            )
            .await?;
        index(manager, "audit_event", &["workspace_id", "id"]).await?;
        index(manager, "audit_event", &["object_id"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_pending")
                    .col(big_integer("event_id").primary_key())
                    .foreign_key(&mut references("event_id", "audit_event"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_leaf")
                    .col(big_integer("seq").primary_key())
                    .col(big_integer_uniq("event_id"))
                    .foreign_key(&mut references("event_id", "audit_event"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_node")
                    .col(big_integer("position").primary_key())
                    .col(string("hash"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_head")
                    .col(integer("id").primary_key())
                    .col(big_integer("size"))
                    .to_owned(),
            )
            .await?;
        manager
            .exec_stmt(
                Query::insert()
                    .into_table("audit_head")
                    .columns(["id", "size"])
                    .values_panic([1.into(), 0.into()])
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_checkpoint")
                    .col(big_integer("size").primary_key())
                    .col(string("root"))
                    .col(text("note"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        for table in ["audit_event", "audit_leaf", "audit_node", "audit_checkpoint"] {
            append_only(manager, table).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("job")
                    .col(pk_uuid("id"))
                    .col(string("kind"))
                    .col(text("payload"))
                    .col(string("state"))
                    .col(timestamp_with_time_zone("run_after"))
                    .col(integer("attempts"))
                    .col(string_null("locked_by"))
                    .col(timestamp_with_time_zone_null("locked_until"))
                    .col(text_null("last_error"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        index(manager, "job", &["state", "run_after"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("idempotency_claim")
                    .col(pk_uuid("id"))
                    .col(uuid("account_id"))
                    .col(string("key"))
                    .col(string("request_hash"))
                    .col(string("state"))
                    .col(integer_null("status"))
                    .col(text_null("reply"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        unique(manager, "idempotency_claim", &["account_id", "key"]).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(
            manager,
            &[
                "idempotency_claim",
                "job",
                "audit_checkpoint",
                "audit_head",
                "audit_node",
                "audit_leaf",
                "audit_pending",
                "audit_event",
            ],
        )
        .await?;
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION refuse_change()").await?;
        }
        Ok(())
    }
}
