//! A real service that is killed with SIGKILL while files come, at any point: what was acknowledged is there and readable, nothing is
//! to be seen by half, an upload in pieces goes on, and what is nobody's is collected.
//!
//! `UPLOAD_KILLS=n` kills n times, `UPLOAD_SEED=n` scatters them in another way; a failure names both.

mod pusher;

use crate::{
    rig::{
        random::Random,
        service::{Address, Place, Service},
    },
    stores,
    story::{MODEL, Story},
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use plimsoll::{
    audit::invariants::ops::check,
    blobs,
    db::entity::{blob, dataset, stored_blob, upload_chunk, upload_session, version_file},
};
use pusher::{Push, Pusher};
use sea_orm::{EntityTrait, QueryFilter};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};
use tokio::sync::Notify;

/// Pushes at once.
const LANES: usize = 2;
/// A point that is not reached by then is passed.
const PATIENCE: Duration = Duration::from_secs(3);

/// When the service is killed: a little after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    Anywhere,
    /// A whole file is being sent.
    Sending,
    /// Some piece is.
    SendingPieces,
    /// A copy has its place, and nobody refers to it yet.
    Placed,
    Completing,
    Sealing,
}

const POINTS: [Point; 6] =
    [Point::Completing, Point::Placed, Point::Sealing, Point::SendingPieces, Point::Sending, Point::Anywhere];

/// What a killer waits for.
pub struct Aim {
    point: Point,
    reached: Notify,
}

impl Aim {
    pub fn at(&self, point: Point) {
        if point == self.point {
            self.reached.notify_one();
        }
    }
}

struct Trial {
    story: Story,
    place: Arc<Place>,
    random: Random,
    /// What is under way, in each lane.
    lanes: Vec<Push>,
    done: Vec<Push>,
    collected: blobs::Collected,
    /// How often each point was reached, and aimed at.
    hits: [(u64, u64); POINTS.len()],
}

fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "`make kills` says how many")]
    std::env::var(name).ok().map(|n| n.parse().expect("a number"))
}

impl Trial {
    async fn begin(seed: u64) -> Self {
        let story = Story::begin_without_runtime(&[]).await;
        story.model(MODEL).await;
        let place = Place {
            data: story.app.data().to_owned(),
            database: story.app.database().map(str::to_owned),
            log: story.app.data().join("killed.log"),
            address: Address::default(),
        };
        let mut random = Random::new(seed, 1);
        let lanes = (0..LANES).map(|_| Push::new(&mut random)).collect();
        let collected = blobs::Collected::default();
        let hits = Default::default();
        Self { story, place: Arc::new(place), random, lanes, done: Vec::new(), collected, hits }
    }

    /// The clock of the service begins where that of the test stands.
    fn start(&self) -> Service {
        let real = UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
        self.place.start(self.story.app.app.db.clock().now().timestamp() - i64::try_from(real).expect("fits"))
    }

    fn pusher(&self, aim: &Arc<Aim>) -> Pusher {
        Pusher::new(self.place.address.get(), self.story.ines.clone(), aim.clone())
    }

    /// Pushes until the service is killed.
    async fn suffer(&mut self, service: Service, point: Point) {
        let aim = Arc::new(Aim { point, reached: Notify::new() });
        let delay = Duration::from_micros(self.random.below(match point {
            Point::Anywhere => 700_000,
            // What follows takes some thousandths of a second.
            Point::Placed | Point::Completing => 3_000,
            _ => 40_000,
        }) as u64);
        let killer = kill(service, aim.clone(), delay, self.place.data.clone());
        let pusher = self.pusher(&aim);
        let seeds: Vec<_> = (0..LANES).map(|_| self.random.next()).collect();
        let lanes = self.lanes.drain(..).zip(seeds).map(|(push, seed)| live(&pusher, push, seed));
        let (lived, is_hit) = tokio::join!(join_all(lanes), killer);
        let aimed = POINTS.iter().position(|one| *one == point).expect("a point");
        self.hits[aimed].0 += u64::from(is_hit);
        self.hits[aimed].1 += 1;
        for (push, done) in lived {
            self.lanes.push(push);
            self.done.extend(done);
        }
    }

    /// What is nobody's goes, and then there is as much as is somebody's. The service is dead meanwhile.
    async fn collect(&mut self, told: &str) {
        // A server of databases may still be ending what the dead one asked for.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let app = &self.story.app.app;
        app.db.clock().advance(TimeDelta::minutes(1));
        let collected = blobs::collect(app, Duration::ZERO, false).await.expect("collected");
        self.collected.copies += collected.copies;
        self.collected.strays += collected.strays;
        let db = app.db.raw_for_tests();
        let rows = stored_blob::Entity::find().all(db).await.expect("copies");
        let blobs = blob::Entity::find().all(db).await.expect("bytes");
        let datasets = dataset::Entity::find().all(db).await.expect("datasets");
        let pieces = upload_chunk::Entity::find().all(db).await.expect("pieces");
        let digests: BTreeSet<_> =
            blobs.into_iter().map(|row| row.sha256).chain(datasets.into_iter().map(|row| row.sha256)).collect();
        let pieces: BTreeSet<_> = pieces.into_iter().map(|row| row.stored_blob_id).collect();
        for row in &rows {
            let is_somebodys = pieces.contains(&row.id) || (row.state == "kept" && digests.contains(&row.sha256));
            assert!(is_somebodys, "{told}: {row:?} is nobody's and stays");
        }
        assert_eq!(rows.len(), digests.len() + pieces.len(), "{told}: a copy for each");
        assert_eq!(stores::count(&self.place.data).await, rows.len(), "{told}: as many files as copies");
        let incoming = std::fs::read_dir(self.place.data.join("blobs/incoming")).expect("folder").count();
        assert_eq!(incoming, 0, "{told}: nothing half-written stays");
        // Whatever is shown as uploaded has bytes.
        let uploaded = version_file::COLUMN.uploaded_at.is_not_null();
        for file in version_file::Entity::find().filter(uploaded).all(db).await.expect("files") {
            assert!(digests.contains(&file.sha256), "{told}: {file:?} has no bytes");
        }
    }

    /// What was acknowledged is so.
    async fn look(&self, pushes: impl IntoIterator<Item = &Push>, told: &str) {
        let aim = Arc::new(Aim { point: Point::Anywhere, reached: Notify::new() });
        let pusher = self.pusher(&aim);
        for push in pushes {
            pusher.require(push, told).await;
        }
    }

    /// Ends what is under way, and looks at all that ever was.
    async fn settle(&mut self, told: &str) {
        let service = self.start();
        let aim = Arc::new(Aim { point: Point::Anywhere, reached: Notify::new() });
        let pusher = self.pusher(&aim);
        for mut push in std::mem::take(&mut self.lanes) {
            assert!(pusher.push(&mut push).await.is_ok(), "{told}: a push does not go on: {push:?}");
            self.done.push(push);
        }
        self.look(&self.done, told).await;
        assert!(service.stop(), "{told}: it stops cleanly");
        self.collect(told).await;
        let app = &self.story.app.app;
        let sessions = upload_session::Entity::find().all(app.db.raw_for_tests()).await.expect("sessions");
        let open: Vec<_> = sessions.iter().filter(|session| session.state != "completed").collect();
        assert!(open.is_empty(), "{told}: uploads are still open: {open:?}");
        let scrubbed = blobs::scrub(app, None, |_| {}).await.expect("scrubbed");
        assert!(scrubbed.damaged.is_empty(), "{told}: damaged bytes");
        let report = check(app).await.expect("checked");
        let violations: Vec<_> = report.violations().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{told}: {violations:#?}");
        assert_eq!(self.place.panics(), Vec::<String>::new(), "{told}");
    }
}

/// One push after the other, until the service is gone: what is under way, and what is done.
async fn live(pusher: &Pusher, mut push: Push, seed: u64) -> (Push, Vec<Push>) {
    let (mut random, mut done) = (Random::new(seed, 2), Vec::new());
    while pusher.push(&mut push).await.is_ok() {
        done.push(std::mem::replace(&mut push, Push::new(&mut random)));
    }
    (push, done)
}

/// Says whether the point was reached.
async fn kill(service: Service, aim: Arc<Aim>, delay: Duration, data: PathBuf) -> bool {
    let is_hit = match aim.point {
        Point::Anywhere => true,
        // What gets its place goes from where it came in, whether into a folder or into a bucket.
        Point::Placed => {
            let killed = tokio::task::spawn_blocking(move || {
                let (folder, begun, mut most) = (data.join("blobs/incoming"), Instant::now(), 0);
                while begun.elapsed() < PATIENCE {
                    let coming = std::fs::read_dir(&folder).expect("folder").count();
                    if coming < most {
                        break;
                    }
                    most = coming;
                    std::thread::sleep(Duration::from_micros(200));
                }
                let is_hit = begun.elapsed() < PATIENCE;
                std::thread::sleep(delay);
                service.kill();
                is_hit
            });
            return killed.await.expect("killed");
        }
        _ => tokio::time::timeout(PATIENCE, aim.reached.notified()).await.is_ok(),
    };
    tokio::time::sleep(delay).await;
    service.kill();
    is_hit
}

#[actix_web::test]
async fn a_service_that_is_killed_while_files_come_loses_nothing_and_shows_nothing_by_half() {
    let (kills, seed) = (setting("UPLOAD_KILLS").unwrap_or(6), setting("UPLOAD_SEED").unwrap_or(1));
    let mut trial = Trial::begin(seed).await;
    for round in 0..kills {
        let point = POINTS[usize::try_from(round).expect("small") % POINTS.len()];
        let told = format!("UPLOAD_SEED={seed} UPLOAD_KILLS={kills}, kill {round} at {point:?}");
        let (service, before) = (trial.start(), trial.done.len());
        trial.look(&trial.lanes, &format!("{told}, before")).await;
        trial.suffer(service, point).await;
        trial.collect(&told).await;
        let again = trial.start();
        trial.look(trial.lanes.iter().chain(&trial.done[before..]), &told).await;
        again.kill();
    }
    trial.settle(&format!("UPLOAD_SEED={seed} UPLOAD_KILLS={kills}, in the end")).await;
    for (point, (hits, aimed)) in POINTS.iter().zip(trial.hits) {
        assert!(hits != 0 || aimed < 3, "UPLOAD_SEED={seed}: {point:?} was never reached in {aimed} attempts");
    }
    let hits: Vec<_> =
        POINTS.iter().zip(trial.hits).map(|(point, (hits, of))| format!("{point:?} {hits} of {of}")).collect();
    let pieces: usize = trial.done.iter().map(|push| push.pieces).sum();
    let files: usize = trial.done.iter().map(|push| push.files.len()).sum();
    println!(
        "UPLOAD_SEED={seed}: {kills} kills; {} versions, {files} files and {pieces} pieces were acknowledged and are there; \
         {} copies and {} files without a row were nobody's; reached: {}",
        trial.done.len(),
        trial.collected.copies,
        trial.collected.strays,
        hits.join(", ")
    );
}
