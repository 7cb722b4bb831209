use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// A leaf mentions also what the rows that it changed belong to. All leaves get their mentions
    /// again; those that are there are among the new ones and stay.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make_again(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.exec_stmt(Query::delete().from_table("audit_mention").to_owned()).await?;
        make_again(manager).await
    }
}

async fn make_again(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager.exec_stmt(Query::update().table("audit_mentioned").value("size", 0).to_owned()).await
}
