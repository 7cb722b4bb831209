//! Every page in a registry with very many versions: light, and quick where a release build is measured.
//!
//! The rows are copies of real ones, made by SQL of the database itself through the real schema, with its keys and
//! constraints; the triggers that note changes for the log are away meanwhile. The log gets a record for each version.
//! `VERSIONS` says how many; `benches/pages` asks for 100,000 and measures a release build on SQLite.

use crate::{
    pages::stage::{Browser, Stage},
    story::text,
};
use plimsoll::{
    core::clock::rfc3339,
    crypto::{hex, merkle},
    db::entity::audit_event,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, Statement,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

const MODELS: u64 = 1_000;
const MOST_BYTES: usize = 100_000;

fn versions() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a benchmark says how many it needs")]
    let asked = std::env::var("VERSIONS").ok();
    asked.map_or(2_000, |count| count.parse().expect("VERSIONS is a number"))
}

/// How often each page is asked for.
fn times() -> usize {
    if versions() < 100_000 { 2 } else { 41 }
}

/// Numbers from 1 to `n` as the table `n(i)`.
fn up_to(n: u64) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})")
}

/// A copy of one row for each number: `changed` are the columns that differ, and what they are then.
async fn copies(db: &DatabaseConnection, table: &str, n: u64, changed: &[(&str, &str)], which: &str) {
    let listed = Statement::from_string(DbBackend::Sqlite, format!("SELECT name FROM pragma_table_info('{table}')"));
    let rows = db.query_all_raw(listed).await.expect("columns");
    let columns: Vec<String> = rows.iter().map(|row| row.try_get("", "name").expect("a name")).collect();
    let of = |column: &String| {
        let found = changed.iter().find(|(name, _)| name == column);
        found.map_or_else(|| format!("o.\"{column}\""), |(_, now)| (*now).to_owned())
    };
    let (into, from) = (columns.join("\", \""), columns.iter().map(of).collect::<Vec<_>>().join(", "));
    let sql = format!(
        "{} INSERT INTO {table} (\"{into}\") SELECT {from} FROM (SELECT * FROM {table} WHERE {which} LIMIT 1) o, n",
        up_to(n)
    );
    db.execute_unprepared(&sql).await.expect(table);
}

/// An id that sorts before those of today.
fn id(kind: u8, n: &str) -> String {
    format!("unhex(printf('0100{kind:02x}0000007000a00000%010x', {n}))")
}

async fn fill(stage: &Stage) -> DatabaseConnection {
    let path = stage.app.data().join("plimsoll.db");
    let mut options = sea_orm::ConnectOptions::new(format!("sqlite://{}", path.display()));
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.expect("the database");
    let all = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'";
    let kept = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, all)).await.expect("triggers");
    let kept: Vec<(String, String)> = kept
        .iter()
        .map(|row| (row.try_get("", "name").expect("a name"), row.try_get("", "sql").expect("its text")))
        .collect();
    db.execute_unprepared("BEGIN IMMEDIATE").await.expect("begin");
    for (name, _) in &kept {
        db.execute_unprepared(&format!("DROP TRIGGER \"{name}\"")).await.expect("dropped");
    }
    let n = versions();
    let digest = "'sha256:' || lower(hex(randomblob(32)))";
    let (model, version, file) = (id(1, "n.i"), id(2, "n.i"), id(3, "n.i"));
    copies(&db, "model", MODELS, &[("id", &model), ("name", "printf('team-%04d', n.i)")], "name = 'credit-risk'").await;
    // A fifth of all are versions of one model, the rest are shared evenly.
    let of = format!("CASE WHEN n.i % 5 = 0 THEN o.model_id ELSE {} END", id(1, &format!("n.i % {MODELS} + 1")));
    let row = [("id", version.as_str()), ("model_id", &of), ("number", "n.i + 100"), ("manifest_digest", digest)];
    copies(&db, "model_version", n, &row, "number = 1").await;
    let row = [("id", file.as_str()), ("version_id", &version)];
    copies(&db, "version_file", n, &row, "path = 'model.onnx'").await;
    let fifth = n / 5;
    let run = id(4, "n.i");
    let row = [("id", run.as_str()), ("version_id", &version)];
    copies(&db, "validation_run", fifth, &row, "state IN ('passed', 'failed')").await;
    let request = id(5, "n.i");
    let row = [("id", request.as_str()), ("version_id", &version), ("model_id", &of), ("run_id", &run)];
    copies(&db, "promotion_request", fifth, &row, "state = 'activated'").await;
    // Of 200 more somebody has to decide, each of a version of a model of its own.
    let other = "(n.i + (n.i - 1) / 4)";
    let (asked, of_asked) = (id(2, other), id(1, &format!("{other} % {MODELS} + 1")));
    let open = id(6, "n.i");
    let row = [("id", open.as_str()), ("version_id", &asked), ("model_id", &of_asked), ("run_id", "NULL")];
    copies(&db, "promotion_request", 200, &row, "state = 'awaiting_approval'").await;
    let ended = id(7, "n.i");
    let row = [
        ("id", ended.as_str()),
        ("version_id", &version),
        ("model_id", &of),
        ("state", "'superseded'"),
        ("ended_at", "o.activated_at"),
    ];
    copies(&db, "release", fifth, &row, "state = 'active'").await;
    let active = id(8, "n.i");
    let row = [("id", active.as_str()), ("model_id", &of_asked), ("version_id", &asked)];
    copies(&db, "release", 150, &row, "state = 'active'").await;
    let (account, member) = (id(9, "n.i"), id(10, "n.i"));
    let row = [("id", account.as_str()), ("name", "printf('member-%04d', n.i)")];
    copies(&db, "account", 1_000, &row, "name = 'vera'").await;
    let row = [("id", member.as_str()), ("account_id", &account)];
    copies(&db, "membership", 1_000, &row, "role = 'viewer'").await;
    for (_, sql) in &kept {
        db.execute_unprepared(sql).await.expect("made again");
    }
    db.execute_unprepared("COMMIT").await.expect("commit");
    db
}

/// A record in the log for each copied version, made from the one that tells of the real one, and placed by the service.
async fn tell(stage: &Stage, db: &DatabaseConnection) {
    let told = audit_event::Entity::find().all(db).await.expect("records");
    let insert = |row: &Value| row["table"] == "model_version" && row["op"] == "insert";
    let made = told.into_iter().find(|record| {
        let leaf: Value = serde_json::from_str(&record.leaf).expect("a leaf");
        leaf["changes"].as_array().is_some_and(|changes| changes.iter().any(insert))
    });
    let made = made.expect("the record of a version");
    let leaf: Value = serde_json::from_str(&made.leaf).expect("a leaf");
    let changes = leaf["changes"].as_array().expect("changes").iter();
    let key = text(&changes.into_iter().find(|row| insert(row)).expect("a version")["key"]);
    let record = |n: u64| {
        let leaf = made.leaf.replace(&text(&leaf["id"]), &Uuid::from_u128(u128::from(n)).to_string());
        let leaf = leaf.replace(&key, &Uuid::from_u128(u128::from(n) << 64).to_string());
        let object_id = made
            .object_id
            .as_ref()
            .map(|id| if *id == key { Uuid::from_u128(u128::from(n) << 64).to_string() } else { id.clone() });
        let mut row = audit_event::ActiveModel::from(made.clone());
        row.id = NotSet;
        row.object_id = Set(object_id);
        row.leaf_hash = Set(hex::encode(&merkle::leaf_hash(leaf.as_bytes())));
        row.leaf = Set(leaf);
        row
    };
    db.execute_unprepared("BEGIN IMMEDIATE").await.expect("begin");
    let all: Vec<u64> = (1..=versions()).collect();
    for some in all.chunks(500) {
        audit_event::Entity::insert_many(some.iter().copied().map(record)).exec(db).await.expect("records");
    }
    db.execute_unprepared("COMMIT").await.expect("commit");
    plimsoll::audit::sequencer::sequence(&stage.app.app).await.expect("placed");
}

struct Asked<'a> {
    stage: &'a Stage,
    version: i64,
    run: String,
    request: String,
}

impl Asked<'_> {
    fn pages(&self) -> Vec<(&'static str, String)> {
        let version = format!("/models/credit-risk/versions/{}", self.version);
        let mut pages = vec![
            ("version", version.clone()),
            ("graph", format!("{version}/graph")),
            ("contents of a file", format!("{version}/contents/model.onnx")),
            ("two versions", format!("{version}/compare?with=1")),
            ("coverage", format!("{version}/coverage")),
            ("run", format!("/runs/{}", self.run)),
            ("decision", format!("/promotions/{}", self.request)),
        ];
        let now = rfc3339(self.stage.app.app.db.clock().now());
        pages.push(("as of a date", format!("/audit/as-of?at={now}")));
        let fixed = [
            ("overview", "/"),
            ("account", "/account"),
            ("models", "/models"),
            ("models by name", "/models?search=team-05"),
            ("versions by digest", "/models?search=sha256:abcdef"),
            ("model", "/models/credit-risk"),
            ("requests", "/promotions"),
            ("environments", "/environments"),
            ("environment", "/environments/production"),
            ("revisions", "/environments/production/policy/revisions"),
            ("revision", "/environments/production/policy/revisions/1"),
            ("comparisons", "/comparisons"),
            ("frameworks", "/frameworks"),
            ("framework", "/frameworks/nyc-ll144/1"),
            ("findings", "/findings"),
            ("waivers", "/waivers"),
            ("emergencies", "/break-glass"),
            ("delegations", "/delegations"),
            ("members", "/members"),
            ("member", "/members/mara"),
            ("tokens", "/tokens"),
            ("trusted keys", "/trust-keys"),
            ("workers", "/workers"),
            ("log", "/audit"),
            ("record", "/audit/records/0"),
            ("what stands out", "/audit/security"),
            ("as of a date, to be asked", "/audit/as-of"),
        ];
        pages.extend(fixed.map(|(name, address)| (name, address.to_owned())));
        pages
    }

    /// The median of several, and the bytes of the answer.
    async fn measure(&self, browser: &Browser<'_>, address: &str) -> (Duration, usize) {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        for _ in 0..times() {
            let started = Instant::now();
            let page = browser.get(address).await.expect(200);
            taken.push(started.elapsed());
            bytes = page.body.len();
        }
        taken.sort_unstable();
        (taken[taken.len() / 2], bytes)
    }

    async fn all(&self) -> Value {
        let (mara, ada) = (self.stage.sign_in("mara").await, self.stage.sign_in("ada").await);
        let mut found = Vec::new();
        for (name, address) in self.pages() {
            let who = if address.starts_with("/audit") { &ada } else { &mara };
            let (health, _) = self.measure(who, "/readyz").await;
            let (took, bytes) = self.measure(who, &address).await;
            assert!(bytes < MOST_BYTES, "{name}: {bytes} bytes");
            found.push(json!({"page": name, "median_s": took.as_secs_f64(), "bytes": bytes,
                "health_s": health.as_secs_f64()}));
        }
        Value::Array(found)
    }
}

/// The plans of the database that go through a whole table of versions, for what pages ask.
async fn whole_scans(db: &DatabaseConnection) -> Vec<String> {
    let range = "manifest_digest >= 'sha256:ab' AND manifest_digest <= 'sha256:abff'";
    let queries = [
        "SELECT * FROM model_version WHERE workspace_id = ? AND model_id = ? ORDER BY id DESC LIMIT 51".to_owned(),
        format!("SELECT * FROM model_version WHERE workspace_id = ? AND {range} ORDER BY manifest_digest, id LIMIT 50"),
        "SELECT * FROM model WHERE workspace_id = ? AND name >= 'a' AND name <= 'az' ORDER BY name LIMIT 51".to_owned(),
        "SELECT * FROM promotion_request WHERE workspace_id = ? AND version_id = ? ORDER BY id DESC LIMIT 50"
            .to_owned(),
        "SELECT * FROM release WHERE workspace_id = ? AND state = 'active' ORDER BY id DESC LIMIT 200".to_owned(),
        "SELECT * FROM release WHERE workspace_id = ? AND environment_id = ? ORDER BY id DESC LIMIT 50".to_owned(),
        "SELECT * FROM release WHERE workspace_id = ? AND version_id = ? AND state = 'active' ORDER BY id DESC"
            .to_owned(),
        "SELECT * FROM audit_event WHERE id IN (SELECT event_id FROM audit_pending) ORDER BY id LIMIT 1000".to_owned(),
        "SELECT * FROM audit_event WHERE workspace_id = ? AND id IN (1, 2, 3, 4, 5, 6, 7, 8, 9)".to_owned(),
        "SELECT * FROM audit_event WHERE workspace_id = ? AND at >= ? AND outcome = 'denied' ORDER BY at DESC, id DESC"
            .to_owned(),
    ];
    let mut scans = Vec::new();
    for query in queries {
        let plan =
            Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {}", query.replace('?', "NULL")));
        for row in db.query_all_raw(plan).await.expect("a plan") {
            let detail: String = row.try_get("", "detail").expect("text");
            if detail.starts_with("SCAN") {
                scans.push(format!("{query}: {detail}"));
            }
        }
    }
    scans
}

#[actix_web::test]
async fn every_page_stays_light_and_no_page_reads_a_whole_table_of_versions() {
    let stage = Stage::set().await;
    if stage.app.database().is_some() {
        // The copies are made in the words of SQLite, whose figures the benchmark is about.
        return;
    }
    let first = stage.push("v1").await;
    stage.measure(first).await;
    let live = stage.ask(first).await;
    let mara = stage.sign_in("mara").await;
    let digest = text(&live["decision_digest"]);
    let approve = [("decision_digest", digest.as_str()), ("outcome", "approve")];
    mara.send(&format!("/promotions/{}", text(&live["id"])), &approve).await.expect(303);
    let tom = stage.sign_in("tom").await;
    tom.send(&format!("/promotions/{}/activation", text(&live["id"])), &[]).await.expect(303);
    let version = stage.push("v2").await;
    let run = stage.measure(version).await;
    let request = text(&stage.ask(version).await["id"]);
    let started = Instant::now();
    let db = fill(&stage).await;
    tell(&stage, &db).await;
    // What the service does by itself, twice a minute.
    stage.app.app.db.refresh_statistics().await.expect("statistics");
    let filled_s = started.elapsed().as_secs_f64();
    let scans = whole_scans(&db).await;
    assert!(scans.is_empty(), "{scans:#?}");
    let pages = Asked { stage: &stage, version, run, request }.all().await;
    println!("{}", json!({"versions": versions(), "models": MODELS, "filled_s": filled_s, "pages": pages}));
}
