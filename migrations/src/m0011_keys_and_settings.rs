use crate::{
    capture::{Captured, capture},
    table::{append_only, drop_all, frozen, unique_where},
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
        manager
            .create_table(
                Table::create()
                    .table("registry_key")
                    .col(string("id").primary_key())
                    .col(string("origin"))
                    .col(string("verifier_key"))
                    .col(text("public_key_pem"))
                    .col(text_null("endorsement"))
                    .col(timestamp_with_time_zone("added_at"))
                    .col(timestamp_with_time_zone_null("signs_until"))
                    .col(text_null("reason"))
                    .to_owned(),
            )
            .await?;
        // One key signs until further notice, even when two processes start at once.
        unique_where(manager, "registry_key", &["origin"], "signs_until IS NULL").await?;
        let fixed = ["id", "origin", "verifier_key", "public_key_pem", "endorsement", "added_at"];
        frozen(manager, "registry_key", &fixed).await?;
        retirement_is_final(manager).await?;
        manager
            .create_table(
                Table::create()
                    .table("loaded_settings")
                    .col(big_pk_auto("id"))
                    .col(string("kind"))
                    .col(string("digest"))
                    .col(text("entries"))
                    .col(timestamp_with_time_zone("loaded_at"))
                    .to_owned(),
            )
            .await?;
        append_only(manager, "loaded_settings").await?;
        capture(manager, &Captured::new("registry_key")).await?;
        capture(manager, &Captured::new("loaded_settings")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["loaded_settings", "registry_key"]).await
    }
}

/// The end of a key may come sooner, and never later.
async fn retirement_is_final(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let later = "OLD.signs_until IS NOT NULL AND (NEW.signs_until IS NULL OR NEW.signs_until > OLD.signs_until)";
    let sql = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => format!(
            "CREATE TRIGGER registry_key_final BEFORE UPDATE ON registry_key WHEN {later} \
             BEGIN SELECT RAISE(ABORT, 'registry_key is append-only'); END"
        ),
        _ => format!(
            "CREATE TRIGGER registry_key_final BEFORE UPDATE ON registry_key FOR EACH ROW WHEN ({later}) \
             EXECUTE FUNCTION refuse_change()"
        ),
    };
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}
