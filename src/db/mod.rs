//! The database, behind four types.
//!
//! - [`Db`] owns the pools and never lends them out.
//! - [`Reader`] reads; its pool is read-only in the database itself.
//! - [`WriteTx`] changes; it becomes durable only through [`WriteTx::commit`], together
//!   with its audit events.
//! - [`Bookkeeping`] writes what is not a state of the domain (leases, progress,
//!   idempotency claims, the order of the log). Only `jobs`, `audit` and
//!   `http::idempotency` use it; `tests/it/architecture.rs` holds them to it.

mod bookkeeping;
mod changes;
mod credential;
pub mod entity;
pub mod grants;
pub mod reach;
mod reader;
mod slices;
mod tx;

pub use bookkeeping::Bookkeeping;
pub use reader::{Reader, Snapshot};
pub use slices::slices;
pub use tx::WriteTx;

/// A connection or a transaction, to hand from one store function to another.
pub type Conn<'a> = sea_orm::DatabaseExecutor<'a>;

use crate::{
    authz::{Denied, ReadPermit},
    core::{clock::Clock, words::counted},
    error::Error,
};
use plimsoll_migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Waiting longer than this for a connection means that the database is too busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// SQLite's WAL goes into the file when it has so many pages of 4 KiB. A change with its record
/// touches about fifteen, so the 1,000 of the library would mean a stop every few dozen changes.
const CHECKPOINT_PAGES: &str = "8000";
/// One migrating process at a time; any number that no other use of the database has.
const MIGRATION_LOCK: i64 = 0x706c_696d_736f_6c6c;

pub struct Db {
    read: DatabaseConnection,
    write: DatabaseConnection,
    clock: Clock,
    committed: Arc<Notify>,
}

impl Db {
    /// Connects to a database whose schema is current. See [`migrate`].
    pub async fn open(url: &str, clock: Clock) -> Result<Self, DbErr> {
        let write = Database::connect(write_options(url)).await?;
        if write.get_database_backend() == DbBackend::Sqlite {
            require_durable_sqlite(&write).await?;
        }
        let mut options = base_options(url);
        options
            .max_connections(if is_sqlite(url) { sqlite_readers() } else { 16 })
            .map_sqlx_sqlite_opts(|o| o.read_only(true))
            .map_sqlx_postgres_opts(|o| o.options([("default_transaction_read_only", "on")]));
        let read = Database::connect(options).await?;
        Ok(Self { read, write, clock, committed: Arc::new(Notify::new()) })
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Signalled after each commit: the sequencer and the workers wait for it.
    pub fn committed(&self) -> Arc<Notify> {
        self.committed.clone()
    }

    pub fn read(&self, permit: &ReadPermit) -> Reader<'_> {
        Reader::new(&self.read, permit.scope())
    }

    /// All reads of a snapshot see the same moment. It holds a connection until it is dropped.
    pub async fn snapshot(&self, permit: &ReadPermit) -> Result<Snapshot, Error> {
        // SQLite's transactions see one moment anyhow, and know no other level.
        let level = (self.read.get_database_backend() == DbBackend::Postgres).then_some(IsolationLevel::RepeatableRead);
        Ok(Snapshot::new(self.read.begin_with_config(level, None).await?, permit.scope()))
    }

    pub async fn begin(&self) -> Result<WriteTx, Error> {
        WriteTx::new(self.open_tx().await?, self.clock.clone(), self.committed.clone()).await
    }

    pub async fn begin_bookkeeping(&self) -> Result<Bookkeeping, Error> {
        Ok(Bookkeeping::new(self.open_tx().await?, self.clock.now()))
    }

    /// Refusals are history too. Called from one place, the HTTP middleware.
    pub async fn record_denial(&self, denied: &Denied) -> Result<(), Error> {
        self.begin().await?.commit_denial(denied).await
    }

    /// Answers if a write could start now.
    pub async fn ping(&self) -> Result<(), Error> {
        self.open_tx().await?.rollback().await?;
        Ok(())
    }

    /// Has SQLite look again at how large its tables are, where that has changed much; PostgreSQL does so by itself.
    /// Without it, plans that were right for a young registry would read whole tables of an old one.
    pub async fn refresh_statistics(&self) -> Result<(), Error> {
        if self.write.get_database_backend() == DbBackend::Sqlite {
            // All tables, not only those that this connection has read: reading is done by others.
            self.write.execute_unprepared("PRAGMA optimize = 0x10002").await?;
        }
        Ok(())
    }

    /// Whether the service's own role could rewrite the log: it owns the tables, or is a superuser.
    pub async fn may_rewrite_log(&self) -> Result<bool, DbErr> {
        grants::may_rewrite(&self.read, "current_user").await
    }

    /// Waits for what is under way. The last connection that closes merges SQLite's WAL into the file.
    pub async fn close(&self) -> Result<(), DbErr> {
        self.read.close_by_ref().await?;
        self.write.close_by_ref().await
    }

    async fn open_tx(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            // Take SQLite's write lock now, not at the first write, where it can fail.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.write.begin_with_options(options).await
    }

    #[doc(hidden)]
    pub fn raw_for_tests(&self) -> &DatabaseConnection {
        &self.write
    }
}

/// Brings the schema up to date. Safe to call from several processes at once, and by a role
/// that may change no schema when there is nothing to change.
pub async fn migrate(url: &str) -> Result<(), DbErr> {
    let mut options = write_options(url);
    options.max_connections(1);
    let db = Database::connect(options).await?;
    let behind = Migrator::get_pending_migrations_read_only(&db).await?.len();
    let done = if behind == 0 { Ok(()) } else { up(&db, behind).await };
    db.close().await?;
    done
}

async fn up(db: &DatabaseConnection, behind: usize) -> Result<(), DbErr> {
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    if postgres {
        db.execute_unprepared(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await?;
    }
    let done = Migrator::up(db, None).await;
    if postgres {
        db.execute_unprepared(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})")).await?;
    }
    match done {
        Err(error) if error.to_string().contains("permission denied") => Err(DbErr::Custom(format!(
            "the schema is {} behind, and this role may not change it; run `plimsoll migrate` as the \
             owner of the tables, then `plimsoll admin grants --role NAME --apply` ({error})",
            counted(behind, "migration")
        ))),
        done => done,
    }
}

/// The names of all migrations, oldest first.
pub fn schema_versions() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

/// More readers than cores wait for each other, and each holds some 6 MB of schema, most of it triggers.
fn sqlite_readers() -> u32 {
    std::thread::available_parallelism().map_or(2, |cores| u32::try_from(cores.get()).unwrap_or(4).clamp(2, 4))
}

fn base_options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false);
    options
}

fn write_options(url: &str) -> ConnectOptions {
    let mut options = base_options(url);
    options
        // SQLite has one writer; queue for it here, where waiting is fair and bounded.
        .max_connections(if is_sqlite(url) { 1 } else { 16 })
        .map_sqlx_sqlite_opts(|o| {
            o.create_if_missing(true)
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
                .foreign_keys(true)
                .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
                .busy_timeout(ACQUIRE_TIMEOUT)
        });
    options
}

/// WAL with less than `synchronous=FULL` loses acknowledged commits at a power cut.
async fn require_durable_sqlite(db: &DatabaseConnection) -> Result<(), DbErr> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA synchronous")).await?;
    let level: i32 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    if level < 2 {
        return Err(DbErr::Custom(format!("SQLite runs with synchronous={level}; FULL (2) is required")));
    }
    Ok(())
}
