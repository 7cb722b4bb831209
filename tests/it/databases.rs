//! Each test has a database of its own. Making the schema takes longer than most tests, so it is made once and copied.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use std::{
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Of PostgreSQL's advisory locks: one process makes the template, the others wait.
const TEMPLATE_LOCK: i64 = 0x7465_6d70;

/// `None` means SQLite in the data folder; otherwise an empty PostgreSQL database.
pub async fn empty() -> Option<String> {
    let base = postgres()?;
    let name = next_name();
    admin(&base).await.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("create");
    Some(format!("{base}/{name}"))
}

/// The same with a schema that is current; SQLite's is in the data folder then.
pub async fn migrated(data: &Path) -> Option<String> {
    let Some(base) = postgres() else {
        let template = sqlite_template().await;
        std::fs::copy(template, data.join("plimsoll.db")).expect("a copy of the template");
        return None;
    };
    let (admin, name) = (admin(&base).await, next_name());
    let template = postgres_template(&admin, &base).await;
    let copy = format!("CREATE DATABASE {name} TEMPLATE {template}");
    admin.execute_unprepared(&copy).await.expect("a copy of the template");
    Some(format!("{base}/{name}"))
}

fn postgres() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the tests' script says where PostgreSQL is")]
    std::env::var("TEST_POSTGRES").ok()
}

/// Not by the process: the numbers of processes come round again within a long suite.
fn next_name() -> String {
    format!("plimsoll_{}", uuid::Uuid::now_v7().simple())
}

async fn admin(base: &str) -> DatabaseConnection {
    // The lock belongs to a connection, so it has to be taken and given back on the same one.
    let mut options = ConnectOptions::new(format!("{base}/postgres"));
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("admin")
}

/// Migrations may have changed whenever the tests were built again.
fn build() -> u128 {
    let program = std::env::current_exe().and_then(std::fs::metadata).expect("this program");
    let built = program.modified().expect("its time");
    built.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()
}

async fn sqlite_template() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("schemas");
    let template = folder.join(format!("{}.db", build()));
    if template.exists() {
        return template;
    }
    // Those of earlier builds serve nobody. Whoever comes second replaces a file by its equal.
    if let Ok(files) = std::fs::read_dir(&folder) {
        files.flatten().filter(|f| f.path().extension().is_some_and(|e| e == "db")).for_each(|f| {
            let _ = std::fs::remove_file(f.path());
        });
    }
    std::fs::create_dir_all(&folder).expect("folder");
    let unfinished = folder.join(format!("{}.unfinished", std::process::id()));
    plimsoll::db::migrate(&format!("sqlite://{}", unfinished.display())).await.expect("migrated");
    std::fs::rename(unfinished, &template).expect("renamed");
    template
}

async fn postgres_template(admin: &DatabaseConnection, base: &str) -> String {
    let name = format!("schema_{}", build());
    let lock = |what: &str| format!("SELECT pg_advisory_{what}({TEMPLATE_LOCK})");
    admin.execute_unprepared(&lock("lock")).await.expect("locked");
    let known = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
    let known = Statement::from_string(DbBackend::Postgres, known);
    if admin.query_one_raw(known).await.expect("an answer").is_none() {
        let unfinished = next_name();
        admin.execute_unprepared(&format!("CREATE DATABASE {unfinished}")).await.expect("create");
        plimsoll::db::migrate(&format!("{base}/{unfinished}")).await.expect("migrated");
        let rename = format!("ALTER DATABASE {unfinished} RENAME TO {name}");
        admin.execute_unprepared(&rename).await.expect("renamed");
    }
    admin.execute_unprepared(&lock("unlock")).await.expect("unlocked");
    name
}
