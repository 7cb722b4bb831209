//! What the bytes of a copy are sealed with.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = manager.get_connection();
        sql.execute_unprepared("ALTER TABLE stored_blob ADD COLUMN key_name varchar").await?;
        // A key without the name of what opens it, or the other way round, would be bytes that nobody reads again.
        let both =
            "ALTER TABLE stored_blob ADD COLUMN wrapped_key varchar CHECK ((wrapped_key IS NULL) = (key_name IS NULL))";
        sql.execute_unprepared(both).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = manager.get_connection();
        for column in ["wrapped_key", "key_name"] {
            sql.execute_unprepared(&format!("ALTER TABLE stored_blob DROP COLUMN {column}")).await?;
        }
        Ok(())
    }
}
