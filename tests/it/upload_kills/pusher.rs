//! Somebody who pushes, goes on where it broke off, and remembers what was acknowledged.

use super::{Aim, Point};
use crate::{
    harness::{Reply, reply},
    rig::random::Random,
    story::{Files, MODEL, declaration, text},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, stream};
use plimsoll::core::digest::Digest;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

const CHUNK: usize = 64 << 10;
/// Pieces at once.
const AT_ONCE: usize = 3;

/// There was no answer, or one that says to come again.
pub struct Broken;

/// A version on its way, and what is known of it.
#[derive(Default)]
pub struct Push {
    pub files: Files,
    /// Its number in the registry, once that was said.
    version: Option<u64>,
    /// By their place: those that were acknowledged.
    kept: BTreeSet<usize>,
    /// By the place of the file: the upload in pieces, and which of them were acknowledged.
    uploads: BTreeMap<usize, (String, BTreeSet<u64>)>,
    is_sealed: bool,
    /// How many pieces were acknowledged.
    pub pieces: usize,
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<_> = self.files.iter().map(|(path, bytes)| (path, bytes.len())).collect();
        write!(
            f,
            "version {:?} with {sizes:?}, kept {:?}, uploads {:?}, sealed {}",
            self.version, self.kept, self.uploads, self.is_sealed
        )
    }
}

impl Push {
    /// One file by one request, one in pieces, and sometimes one that others have too.
    pub fn new(random: &mut Random) -> Self {
        let (whole, pieces) = (1 + random.below(300 << 10), CHUNK + random.below(500 << 10));
        let mut files =
            vec![("a.bin".to_owned(), scattered(random, whole)), ("b.bin".to_owned(), scattered(random, pieces))];
        if random.percent(30) {
            let same = random.below(3);
            files.push(("c.bin".to_owned(), vec![same as u8; 100_000 + same]));
        }
        Self { files, ..Self::default() }
    }
}

fn scattered(random: &mut Random, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        std::iter::repeat_with(|| random.next().to_le_bytes()).take(len / 8 + 1).flatten().collect();
    bytes.truncate(len);
    // By chance they could begin as a pickle does, which no version may hold.
    if let Some(first) = bytes.first_mut() {
        *first = b'#';
    }
    bytes
}

pub struct Pusher {
    address: String,
    token: String,
    http: reqwest::Client,
    aim: Arc<Aim>,
}

impl Pusher {
    pub fn new(address: String, token: String, aim: Arc<Aim>) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("client");
        Self { address, token, http, aim }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("method");
        self.http
            .request(method, format!("{}/api/v1/models/{MODEL}/versions{path}", self.address))
            .bearer_auth(&self.token)
    }

    /// The answer; none where the service is gone, or busy.
    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Reply, Broken> {
        let answer = request.send().await.map_err(|_| Broken)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|_| Broken)?.to_vec();
        if status == 503 { Err(Broken) } else { Ok(Reply { status, headers, body }) }
    }

    /// Goes on until it is sealed, or there is no answer.
    pub async fn push(&self, push: &mut Push) -> Result<(), Broken> {
        let declared =
            self.ask(self.request("POST", "").json(&declaration(&push.files))).await?.expect_success().json();
        let number = declared["number"].as_u64().expect("a number");
        assert!(push.version.is_none_or(|known| known == number), "{push:?} is {number} now");
        push.version = Some(number);
        for place in 0..push.files.len() {
            let is_here = declared["files"]
                .as_array()
                .expect("files")
                .iter()
                .any(|file| file["path"] == push.files[place].0.as_str() && file["uploaded"] == true);
            assert!(is_here || !push.kept.contains(&place), "{push:?}: what was kept is asked for again");
            match (is_here, place) {
                (true, _) => {}
                (false, 1) => self.send_pieces(push, place).await?,
                _ => self.send_whole(push, place).await?,
            }
            // It may be here without having been acknowledged to us.
            push.kept.insert(place);
            // Whoever did not hear that it is over asks again.
            if is_here && let Some((upload, _)) = push.uploads.get(&place) {
                self.complete(upload).await?;
            }
        }
        if declared["state"] == "draft" {
            self.aim.at(Point::Sealing);
            self.ask(self.request("POST", &format!("/{number}/seal")).json(&json!({}))).await?.expect(200);
        }
        push.is_sealed = true;
        Ok(())
    }

    async fn send_whole(&self, push: &Push, place: usize) -> Result<(), Broken> {
        let (path, bytes) = &push.files[place];
        let version = push.version.expect("declared");
        let request = self.request("PUT", &format!("/{version}/files/{path}"));
        self.aim.at(Point::Sending);
        self.ask(request.header("content-type", "application/octet-stream").body(bytes.clone())).await?.expect(204);
        Ok(())
    }

    async fn send_pieces(&self, push: &mut Push, place: usize) -> Result<(), Broken> {
        let (path, bytes) = push.files[place].clone();
        let version = push.version.expect("declared");
        let plan = json!({"path": path, "sha256": Digest::of(&bytes).to_string(), "size_bytes": bytes.len(), "chunk_bytes": CHUNK});
        let begun =
            self.ask(self.request("POST", &format!("/{version}/uploads")).json(&plan)).await?.expect_success().json();
        let upload = format!("/{version}/uploads/{}", text(&begun["id"]));
        let received = numbers(&begun["received"]);
        if let Some((known, acknowledged)) = push.uploads.get(&place) {
            assert_eq!(*known, upload, "{push:?}: the upload is another one");
            assert!(acknowledged.is_subset(&received), "{push:?}: pieces are asked for again, {received:?} are here");
        }
        push.uploads.insert(place, (upload.clone(), received.clone()));
        let missing = bytes.chunks(CHUNK).zip(0_u64..).filter(|(_, number)| !received.contains(number));
        let sent: Vec<_> = stream::iter(missing)
            .map(|(piece, number)| {
                let upload = &upload;
                async move { (number, self.send_piece(upload, number, piece).await) }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut all = Ok(());
        for (number, outcome) in sent {
            match outcome {
                Ok(()) => {
                    push.pieces += 1;
                    push.uploads.entry(place).or_default().1.insert(number);
                }
                Err(broken) => all = Err(broken),
            }
        }
        all?;
        self.aim.at(Point::Completing);
        self.complete(&upload).await
    }

    async fn complete(&self, upload: &str) -> Result<(), Broken> {
        loop {
            let answer = self.ask(self.request("POST", &format!("{upload}/completion"))).await?;
            if answer.status != 202 {
                answer.expect(204);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn send_piece(&self, upload: &str, number: u64, piece: &[u8]) -> Result<(), Broken> {
        let said = format!("sha-256=:{}:", STANDARD.encode(Digest::of(piece).bytes()));
        let request = self.request("PUT", &format!("{upload}/chunks/{number}")).header("content-digest", said);
        self.aim.at(Point::SendingPieces);
        self.ask(request.header("content-type", "application/octet-stream").body(piece.to_vec())).await?.expect(204);
        Ok(())
    }

    /// Whatever was acknowledged is there, and whatever is shown is whole.
    pub async fn require(&self, push: &Push, told: &str) {
        let Some(number) = push.version else { return };
        let shown = reply(self.request("GET", &format!("/{number}"))).await.expect(200).json();
        let is_sealed = shown["state"] == "sealed";
        assert!(is_sealed || !push.is_sealed, "{told}: {push:?} is {}", shown["state"]);
        for (place, (path, bytes)) in push.files.iter().enumerate() {
            let listed = shown["files"].as_array().expect("files");
            let file = listed.iter().find(|file| file["path"] == path.as_str()).expect("a file");
            assert!(!file["damaged"].as_bool().unwrap_or(false), "{told}: {push:?} {file}");
            let is_here = file["uploaded"] == true;
            assert!(is_here || !(is_sealed || push.kept.contains(&place)), "{told}: {push:?} lacks {path}");
            if is_here {
                let read = reply(self.request("GET", &format!("/{number}/files/{path}"))).await.expect(200);
                assert!(read.body == *bytes, "{told}: {push:?} {path} has other bytes");
            } else if let Some((upload, acknowledged)) = push.uploads.get(&place) {
                let received = numbers(&reply(self.request("GET", upload)).await.expect(200).json()["received"]);
                assert!(acknowledged.is_subset(&received), "{told}: {push:?} has lost pieces: {received:?}");
            }
        }
    }
}

fn numbers(listed: &Value) -> BTreeSet<u64> {
    listed.as_array().expect("a list").iter().map(|number| number.as_u64().expect("a number")).collect()
}
