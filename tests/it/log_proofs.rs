//! Tiles, entries and proofs over HTTP, in the layout that any client of transparency logs knows.

use crate::story::Story;
use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll::crypto::{
    checkpoint, hex,
    merkle::{self, CompactRange, Hash, check_consistency, check_inclusion, leaf_hash},
    tile::Tile,
};

const LOG: &str = "/api/v1/audit";

fn hash(text: &str) -> Hash {
    STANDARD.decode(text).expect("base64").try_into().expect("32 bytes")
}

/// Enough events for a full tile and a partial one.
async fn long_log(models: usize) -> Story {
    let story = Story::begin_without_runtime(&[]).await;
    for n in 0..models {
        story.model(&format!("model-{n}")).await;
    }
    story
}

#[actix_web::test]
async fn the_tiles_and_entries_give_the_signed_root_and_stay_the_same() {
    let story = long_log(260).await;
    let note = story.app.get(&story.ada, &format!("{LOG}/checkpoint")).await.expect(200).text();
    let head = checkpoint::open(&note, &story.verifier_key().await).expect("signed");
    assert!(260 < head.size, "{}", head.size);
    let mut tree = CompactRange::new();
    let (mut first, mut tiles) = (Vec::new(), 0);
    for tile in Tile::of_tree(head.size) {
        let path = format!("{LOG}/tile/{}/{}", tile.level(), tile.path());
        let answer = story.app.get(&story.ada, &path).await.expect(200);
        assert_eq!(answer.header("cache-control"), "private, max-age=31536000, immutable");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        let (from, to) = tile.range();
        assert_eq!(answer.body.len() as u64, 32 * (to - from), "{path}");
        tiles += 1;
        if tile.level() > 0 {
            continue;
        }
        first.extend(answer.body.clone());
        let path = format!("{LOG}/tile/entries/{}", tile.path());
        let bundle = story.app.get(&story.ada, &path).await.expect(200);
        assert_eq!(bundle.header("cache-control"), "private, max-age=31536000, immutable");
        let mut rest = bundle.body.as_slice();
        for at in 0..to - from {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            let hash = leaf_hash(&rest[2..2 + length]);
            let at = usize::try_from(at).expect("fits") * 32;
            assert_eq!(answer.body[at..at + 32], hash, "{path}");
            tree.append(hash);
            rest = &rest[2 + length..];
        }
        assert!(rest.is_empty(), "{path}");
    }
    assert_eq!((tree.size(), tree.root(), tiles), (head.size, head.root, 3));

    // What was partial stays as it is when the tile fills up.
    story.model("one-more").await;
    story.app.get(&story.ada, &format!("{LOG}/checkpoint")).await.expect(200);
    let partial = format!("{LOG}/tile/0/001.p/{}", head.size - 256);
    let again = story.app.get(&story.ada, &partial).await.expect(200).body;
    assert_eq!(again, first[256 * 32..]);
}

#[actix_web::test]
async fn a_tile_that_no_head_covers_is_not_there() {
    let story = Story::begin_without_runtime(&[]).await;
    let note = story.app.get(&story.ada, &format!("{LOG}/checkpoint")).await.expect(200).text();
    let size = checkpoint::open(&note, &story.verifier_key().await).expect("signed").size;
    story.app.get(&story.ada, &format!("{LOG}/tile/0/000.p/{size}")).await.expect(200);
    // One more is committed, and no head over it is signed.
    story.model("unsigned").await;
    for path in [
        format!("0/000.p/{}", size + 1),
        format!("entries/000.p/{}", size + 1),
        "0/000".to_owned(),
        "1/000.p/1".to_owned(),
        "8/000.p/1".to_owned(),
        "entries/x".to_owned(),
        "entries/000.p/0".to_owned(),
        "0/x999/x999/x999/x999/x999/x999/999".to_owned(),
        "0/..%2f..%2fcheckpoint".to_owned(),
        format!("entries/{}", "x000/".repeat(1_000)),
    ] {
        let answer = story.app.get(&story.ada, &format!("{LOG}/tile/{path}")).await.expect(404);
        assert_eq!(answer.code(), "not_found", "{path}");
    }
}

#[actix_web::test]
async fn two_heads_are_proven_to_be_of_one_log() {
    let story = Story::begin_without_runtime(&[]).await;
    let key = story.verifier_key().await;
    let mut heads = Vec::new();
    for n in 0..5 {
        let note = story.app.get(&story.ada, &format!("{LOG}/checkpoint")).await.expect(200).text();
        heads.push(checkpoint::open(&note, &key).expect("signed"));
        story.model(&format!("model-{n}")).await;
    }
    for (n, old) in heads.iter().enumerate() {
        for new in &heads[n..] {
            let path = format!("{LOG}/consistency?from={}&to={}", old.size, new.size);
            let proven = story.app.get(&story.ada, &path).await.expect(200).json();
            let proof: Vec<Hash> =
                proven["proof"].as_array().expect("proof").iter().map(|h| hash(h.as_str().expect("hash"))).collect();
            assert!(check_consistency(old.size, old.root, new.size, new.root, &proof), "{path}");
            assert_eq!(hash(proven["from_root"].as_str().expect("root")), old.root);
            assert_eq!(hash(proven["to_root"].as_str().expect("root")), new.root);
        }
    }
    let (first, last) = (&heads[0], &heads[4]);
    let from = |query: String| format!("{LOG}/consistency?{query}");
    let open_end = story.app.get(&story.ada, &from(format!("from={}", first.size))).await.expect(200).json();
    assert!(last.size < open_end["to"].as_u64().expect("size"));
    let of_nothing = story.app.get(&story.ada, &from("from=0&to=0".to_owned())).await.expect(200).json();
    assert_eq!(hash(of_nothing["to_root"].as_str().expect("root")), merkle::EMPTY_ROOT);
    story.app.get(&story.ada, &from(format!("from=2&to={}", u64::MAX))).await.expect(404);
    story.app.get(&story.ada, &from("from=3&to=2".to_owned())).await.expect(422);
    story.app.get(&story.ada, &from("from=-1".to_owned())).await.expect(400);
    story.app.get(&story.ada, &from("from=1&of=2".to_owned())).await.expect(400);
}

#[actix_web::test]
async fn the_proof_for_programs_says_the_same_as_the_one_for_files() {
    let story = Story::begin_without_runtime(&[]).await;
    let key = story.verifier_key().await;
    let view = story.app.get(&story.ada, &format!("{LOG}/leaves/3/inclusion")).await.expect(200).json();
    let text = story.app.get(&story.ada, &format!("{LOG}/leaves/3/proof")).await.expect(200).text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 3\n"), "{text}");
    let lines: Vec<&str> = view["proof"].as_array().expect("proof").iter().filter_map(|h| h.as_str()).collect();
    assert!(text.contains(&format!("index 3\n{}\n\n", lines.join("\n"))), "{text}");
    let head = checkpoint::open(view["checkpoint"].as_str().expect("note"), &key).expect("signed");
    let leaf = hex::decode::<32>(view["leaf_hash"].as_str().expect("hash")).expect("hex");
    let proof: Vec<Hash> = lines.iter().map(|line| hash(line)).collect();
    assert_eq!(view["size"], head.size);
    assert!(check_inclusion(leaf, 3, head.size, &proof, head.root));
    assert!(!check_inclusion(leaf, 4, head.size, &proof, head.root));
    story.app.get(&story.ada, &format!("{LOG}/leaves/{}/inclusion", u64::MAX)).await.expect(404);
}
