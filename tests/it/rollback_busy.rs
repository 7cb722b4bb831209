//! The way back while everybody is busy: each rollback beside a plain transaction of the same pool at the same moment.
//! `ROLLBACKS` says how many; `benches/rollback` runs many of a release build on both databases.

use crate::story::{ENVIRONMENT, MODEL, Story, policy, spec};
use futures_util::future::{join, join_all};
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use serde_json::json;
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

const CLIENTS: usize = 64;

fn rollbacks() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a benchmark says how many it needs")]
    let asked = std::env::var("ROLLBACKS").ok();
    asked.map_or(40, |count| count.parse().expect("ROLLBACKS is a number"))
}

/// Deployment tools that pull without a pause, each pull a change of its own, people who look at lists, and authors who
/// register models.
async fn busy(story: &Story, client: usize, done: &AtomicBool, served: &AtomicUsize) {
    let place = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}");
    while !done.load(Ordering::Relaxed) {
        let turn = served.fetch_add(1, Ordering::Relaxed);
        let answer = match client % 4 {
            0 => story.app.get(&story.ada, &format!("{place}/releases")).await,
            1 => story.app.get(&story.robot, &format!("{place}/release/files/README.md")).await,
            2 => story.app.get(&story.robot, &format!("{place}/release")).await,
            _ => {
                let model =
                    json!({ "name": format!("busy-{turn}"), "intended_use": "Keeps busy.", "risk_tier": "low" });
                story.app.post(&story.ines, "/api/v1/models", model).await
            }
        };
        // The one who is served nothing has found the release moving.
        assert!([200, 201, 503].contains(&answer.status), "{}: {}", answer.status, answer.text());
    }
}

const PLAIN: &str = "CREATE TABLE plain_release (id INTEGER PRIMARY KEY, state VARCHAR(20) NOT NULL)";

/// The least that going back to an earlier release can be: one row ends, one begins.
async fn plain(db: &DatabaseConnection, n: usize) {
    let tx = db.begin().await.expect("begin");
    tx.execute_unprepared("UPDATE plain_release SET state = 'rolled_back' WHERE state = 'active'").await.expect("end");
    tx.execute_unprepared(&format!("INSERT INTO plain_release VALUES ({n}, 'active')")).await.expect("begin anew");
    tx.commit().await.expect("commit");
}

fn sorted(mut taken: Vec<Duration>) -> Vec<Duration> {
    taken.sort_unstable();
    taken
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// The figures are of this build and machine; what must hold anywhere is that a rollback waits its turn and no longer.
#[actix_web::test]
async fn the_median_rollback_takes_less_than_a_second_while_sixty_four_clients_are_busy() {
    // What is measured is the way back, and not how often somebody may ask.
    let story = Story::stage_with(&["--requests-per-minute", "0"], spec(), policy(1)).await;
    story.released(1).await;
    story.released(2).await;
    let db = story.app.app.db.raw_for_tests();
    db.execute_unprepared(PLAIN).await.expect("a table");
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let clients = join_all((0..CLIENTS).map(|client| busy(&story, client, &done, &served)));
    let measured = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (mut ours, mut reference) = (Vec::new(), Vec::new());
        for n in 0..rollbacks() {
            let begun = Instant::now();
            story.roll_back(Some(if n % 2 == 0 { "1" } else { "2" })).await.expect(201);
            ours.push(begun.elapsed());
            let begun = Instant::now();
            plain(db, n).await;
            reference.push(begun.elapsed());
        }
        done.store(true, Ordering::Relaxed);
        (sorted(ours), sorted(reference))
    };
    let begun = Instant::now();
    let (_, (ours, reference)) = join(clients, measured).await;
    let rate = served.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    let seconds = |sorted: &[Duration]| json!(sorted.iter().map(Duration::as_secs_f64).collect::<Vec<_>>());
    println!("{}", json!({ "rollbacks_s": seconds(&ours), "plain_s": seconds(&reference), "others_per_s": rate }));
    let (p50, p99) = (at(&ours, 50), at(&ours, 99));
    println!("rollbacks: p50 {p50:?}, p99 {p99:?} of {}; others {rate:.0} answers/s", ours.len());
    assert!(p50 < Duration::from_secs(1), "p50 {p50:?}, p99 {p99:?}");
}
