//! The way back while everybody is busy.

use crate::story::{ENVIRONMENT, MODEL, Story};
use futures_util::future::{join, join_all};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

const CLIENTS: usize = 64;
const ROLLBACKS: usize = 40;

/// Deployment tools that pull without a pause, each pull a change of its own, and people who look at lists.
async fn busy(story: &Story, client: usize, done: &AtomicBool, served: &AtomicUsize) {
    let place = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}");
    while !done.load(Ordering::Relaxed) {
        let answer = match client % 4 {
            0 => story.app.get(&story.ines, &format!("{place}/releases")).await,
            1 => story.app.get(&story.robot, &format!("{place}/release/files/README.md")).await,
            _ => story.app.get(&story.robot, &format!("{place}/release")).await,
        };
        // The one who is served nothing has found the release moving.
        assert!([200, 503].contains(&answer.status), "{}: {}", answer.status, answer.text());
        served.fetch_add(1, Ordering::Relaxed);
    }
}

/// The figures are of this build and machine; what must hold anywhere is that a rollback waits its turn and no longer.
#[actix_web::test]
async fn the_median_rollback_takes_less_than_a_second_while_sixty_four_clients_are_busy() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let clients = join_all((0..CLIENTS).map(|client| busy(&story, client, &done, &served)));
    let rollbacks = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut taken = Vec::new();
        for n in 0..ROLLBACKS {
            let begun = Instant::now();
            story.roll_back(Some(if n % 2 == 0 { "1" } else { "2" })).await.expect(201);
            taken.push(begun.elapsed());
        }
        done.store(true, Ordering::Relaxed);
        taken
    };
    let begun = Instant::now();
    let (_, mut taken) = join(clients, rollbacks).await;
    taken.sort_unstable();
    let (p50, p95, worst) = (taken[ROLLBACKS / 2], taken[ROLLBACKS * 95 / 100], taken[ROLLBACKS - 1]);
    let rate = served.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    println!("rollbacks: p50 {p50:?}, p95 {p95:?}, worst {worst:?} of {ROLLBACKS}; others {rate:.0} answers/s");
    assert!(p50 < Duration::from_secs(1), "p50 {p50:?}, worst {worst:?}");
}
