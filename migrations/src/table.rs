//! What every migration needs: foreign keys, indices, append-only tables.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

/// A foreign key inside `CREATE TABLE`: SQLite can't add one later.
pub fn references(column: &'static str, table: &'static str) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    key.from_col(column).to(table, "id");
    key
}

pub async fn unique(manager: &SchemaManager<'_>, table: &'static str, columns: &[&'static str]) -> Result<(), DbErr> {
    let mut index = named("uq", table, columns);
    manager.create_index(index.unique().to_owned()).await
}

pub async fn index(manager: &SchemaManager<'_>, table: &'static str, columns: &[&'static str]) -> Result<(), DbErr> {
    manager.create_index(named("ix", table, columns)).await
}

fn named(kind: &str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{kind}_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

/// At most one row may satisfy the condition for each value of the columns.
pub async fn unique_where(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[&str],
    condition: &str,
) -> Result<(), DbErr> {
    let sql = format!(
        "CREATE UNIQUE INDEX uq_{table}_{}_one ON {table} ({}) WHERE {condition}",
        columns.join("_"),
        columns.join(", ")
    );
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

/// Lets the database itself refuse to rewrite history.
pub async fn append_only(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let statements = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => vec![
            format!(
                "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            ),
            format!(
                "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            ),
        ],
        _ => vec![
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$".to_owned(),
            format!(
                "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            ),
            format!(
                "CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            ),
        ],
    };
    for sql in statements {
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Rows stay, and so do these columns; the others may change.
pub async fn frozen(manager: &SchemaManager<'_>, table: &str, columns: &[&str]) -> Result<(), DbErr> {
    let columns = columns.join(", ");
    let statements = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => vec![
            format!(
                "CREATE TRIGGER {table}_frozen BEFORE UPDATE OF {columns} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            ),
            format!(
                "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            ),
        ],
        // `refuse_change` exists since the first append-only table.
        _ => vec![
            format!(
                "CREATE TRIGGER {table}_frozen BEFORE UPDATE OF {columns} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            ),
            format!(
                "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            ),
            format!(
                "CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            ),
        ],
    };
    for sql in statements {
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// A row whose `state` is no longer this one never changes again.
pub async fn final_states(manager: &SchemaManager<'_>, table: &str, open: &str) -> Result<(), DbErr> {
    let sql = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => format!(
            "CREATE TRIGGER {table}_final BEFORE UPDATE ON {table} WHEN OLD.state <> '{open}' BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        ),
        _ => format!(
            "CREATE TRIGGER {table}_final BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.state <> '{open}') EXECUTE FUNCTION refuse_change()"
        ),
    };
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

pub async fn drop_all(manager: &SchemaManager<'_>, tables: &[&'static str]) -> Result<(), DbErr> {
    for table in tables {
        manager.drop_table(Table::drop().table(*table).to_owned()).await?;
    }
    Ok(())
}
