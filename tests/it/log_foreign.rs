//! The log before foreign judges: Go's sumdb packages, aics-tlog and pymerkle read what the
//! real server gave, and so does `plimsoll audit verify`. Each must accept the honest log and
//! find every falsification of what it looks at. `scripts/foreign.sh` installs them.

use crate::{log_restore::past_the_triggers, story::Story};
use plimsoll::{
    crypto::{checkpoint, keys::RegistryKey, note},
    keys,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const CHECKPOINT: &str = "/api/v1/audit/checkpoint";
const FIRST_BUNDLE: &str = "tile/entries/000";

/// The files that the judges look at: a mirror with an older head and a record, and an export.
struct Copy {
    _folder: tempfile::TempDir,
    mirror: PathBuf,
    export: PathBuf,
    key: PathBuf,
}

/// Judges by what they look at.
struct Bench {
    go: PathBuf,
    python: PathBuf,
    has_aics_tlog: bool,
}

impl Bench {
    fn convene(folder: &Path) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let go = folder.join("logcheck");
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(&go).arg(root.join("tests/foreign/logcheck.go"));
        build.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOFLAGS", "");
        build.env("GOCACHE", root.join(".cache/foreign/go"));
        run(build).expect("the foreign verifiers must be here: run scripts/foreign.sh");
        let python = root.join(".cache/foreign/venv/bin/python3");
        assert!(python.exists(), "the foreign verifiers must be here: run scripts/foreign.sh");
        let has_aics_tlog = !root.join(".cache/foreign/no-aics-tlog").exists();
        if !has_aics_tlog {
            eprintln!("no Python 3.12 is here, so aics-tlog did not look at the log");
        }
        Self { go, python, has_aics_tlog }
    }

    /// What each judge of the mirror says.
    fn on_mirror(&self, copy: &Copy) -> Vec<(&'static str, Result<String, String>)> {
        let key = fs::read_to_string(&copy.key).expect("key");
        let mut said = Vec::new();
        let mut go = Command::new(&self.go);
        go.arg(&copy.mirror).arg(&key);
        said.push(("Go", run(go)));
        if self.has_aics_tlog {
            said.push(("aics-tlog", run(self.script("tiles.py", &[&copy.mirror, &copy.key]))));
        }
        let own = plimsoll(&["audit", "verify"], &[&copy.mirror], copy).and_then(|first| {
            let record = copy.mirror.join("record");
            let proof = copy.mirror.join("record.proof");
            plimsoll(&["audit", "verify", "--record"], &[&record, &proof], copy).map(|second| first + &second)
        });
        said.push(("plimsoll", own));
        said
    }

    fn on_export(&self, copy: &Copy) -> Vec<(&'static str, Result<String, String>)> {
        vec![
            ("pymerkle", run(self.script("root.py", &[&copy.export]))),
            ("plimsoll", plimsoll(&["audit", "verify"], &[&copy.export], copy)),
        ]
    }

    fn script(&self, name: &str, arguments: &[&PathBuf]) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name)).args(arguments);
        command
    }
}

fn plimsoll(words: &[&str], files: &[&PathBuf], copy: &Copy) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(words).args(files).arg("--key-file").arg(&copy.key);
    if !words.contains(&"--record") {
        command.arg("--since").arg(copy.mirror.join("older"));
    }
    run(command)
}

fn run(mut command: Command) -> Result<String, String> {
    let done = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if done.status.success() { Ok(said(&done.stdout)) } else { Err(said(&done.stderr)) }
}

/// Mirrors and exports the log with the program itself.
async fn copy_of(story: &Story, older: &str) -> Copy {
    let folder = tempfile::tempdir().expect("folder");
    let copy = Copy {
        mirror: folder.path().join("log"),
        export: folder.path().join("log.jsonl"),
        key: folder.path().join("registry.vkey"),
        _folder: folder,
    };
    let words: [(&str, Vec<PathBuf>); 2] =
        [("mirror", vec![copy.mirror.clone()]), ("export", vec!["-o".into(), copy.export.clone()])];
    for (command, words) in words {
        let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        program.args(["audit", command, "--url", &story.app.url]).args(words);
        program.env("PLIMSOLL_TOKEN", &story.ada).env("PLIMSOLL_CONFIG_DIR", copy.key.with_extension("config"));
        let done = tokio::task::spawn_blocking(move || run(program)).await.expect("ran");
        done.expect(command);
    }
    fs::write(&copy.key, story.verifier_key().await).expect("key");
    fs::write(copy.mirror.join("older"), older).expect("older");
    let path = "/api/v1/audit/leaves/5/proof";
    fs::write(copy.mirror.join("record.proof"), story.app.get(&story.ada, path).await.expect(200).body).expect("proof");
    let export = fs::read_to_string(&copy.export).expect("export");
    fs::write(copy.mirror.join("record"), export.lines().nth(6).expect("a record")).expect("record");
    prove_consistency(story, &copy, older).await;
    copy
}

/// That the mirror's own head goes on from the older one.
async fn prove_consistency(story: &Story, copy: &Copy, older: &str) {
    let note = fs::read_to_string(copy.mirror.join("checkpoint")).expect("checkpoint");
    let key = story.verifier_key().await;
    let size = |note: &str| checkpoint::open(note, &key).expect("signed").size;
    let path = format!("/api/v1/audit/consistency?from={}&to={}", size(older), size(&note));
    let proven = story.app.get(&story.ada, &path).await.expect(200).json();
    let lines: String =
        proven["proof"].as_array().expect("proof").iter().map(|h| format!("{}\n", h.as_str().expect("hash"))).collect();
    fs::write(copy.mirror.join("consistency"), lines).expect("consistency");
}

fn edit(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).expect("file");
    let before = bytes.clone();
    change(&mut bytes);
    assert_ne!(before, bytes, "{}", file.display());
    fs::write(file, bytes).expect("file");
}

fn replace(bytes: &mut Vec<u8>, from: &str, to: &str) {
    let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).expect(from);
    bytes.splice(at..at + from.len(), to.bytes());
}

/// Entries with their lengths.
fn split(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while !bundle.is_empty() {
        let length = 2 + usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
        all.push(bundle[..length].to_vec());
        bundle = &bundle[length..];
    }
    all
}

fn lines(export: &mut Vec<u8>, change: impl FnOnce(&mut Vec<String>)) {
    let mut all: Vec<String> = String::from_utf8(export.clone()).expect("text").lines().map(str::to_owned).collect();
    change(&mut all);
    *export = all.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes();
}

/// What is falsified, how in the mirror, and how in the export if that has it.
type Case = (&'static str, fn(&Path), Option<fn(&mut Vec<u8>)>);

const CASES: &[Case] = &[
    (
        "a record is altered",
        |log| edit(&log.join(FIRST_BUNDLE), |b| replace(b, "\"name\":\"model-7\"", "\"name\":\"model-8\"")),
        Some(|b| replace(b, "\"name\":\"model-7\"", "\"name\":\"model-8\"")),
    ),
    (
        "two records change places",
        |log| {
            edit(&log.join(FIRST_BUNDLE), |b| {
                let mut entries = split(b);
                entries.swap(20, 21);
                *b = entries.concat();
            });
        },
        Some(|b| lines(b, |l| l.swap(21, 22))),
    ),
    (
        "a record stands twice and another is gone",
        |log| {
            edit(&log.join(FIRST_BUNDLE), |b| {
                let mut entries = split(b);
                entries[30] = entries[29].clone();
                *b = entries.concat();
            });
        },
        Some(|b| lines(b, |l| l[31] = l[30].clone())),
    ),
    (
        "the last record of a bundle is gone",
        |log| {
            edit(&log.join(FIRST_BUNDLE), |b| {
                let mut entries = split(b);
                entries.pop();
                *b = entries.concat();
            });
        },
        Some(|b| lines(b, |l| drop(l.pop()))),
    ),
    ("a hash in a tile is altered", |log| edit(&log.join("tile/0/000"), |b| b[1_000] ^= 1), None),
    ("a hash in an upper tile is altered", |log| edit(&log.join("tile/1/000.p/1"), |b| b[3] ^= 1), None),
    ("a tile is cut", |log| edit(&log.join("tile/0/000"), |b| b.truncate(255 * 32)), None),
    (
        "the head has another root",
        |log| edit(&log.join("checkpoint"), |b| other_root(b, "\n")),
        Some(|b| other_root(b, "\\n")),
    ),
    (
        "the head has another size",
        |log| edit(&log.join("checkpoint"), |b| replace(b, "/log\n2", "/log\n1")),
        Some(|b| replace(b, "/log\\n2", "/log\\n1")),
    ),
    ("the proven record is another", |log| edit(&log.join("record"), |b| replace(b, "\"v\":1", "\"v\":1 ")), None),
];

/// The third line of a checkpoint is the root.
fn other_root(bytes: &mut Vec<u8>, line_end: &str) {
    let text = String::from_utf8(bytes.clone()).expect("text");
    let mut parts: Vec<&str> = text.splitn(4, line_end).collect();
    let root = format!("{}{}", if parts[2].starts_with('A') { "B" } else { "A" }, &parts[2][1..]);
    parts[2] = &root;
    *bytes = parts.join(line_end).into_bytes();
}

#[actix_web::test]
async fn every_judge_accepts_the_honest_log_and_finds_every_falsification() {
    let story = Story::begin_without_runtime(&[]).await;
    let mut older = String::new();
    for n in 0..260 {
        story.model(&format!("model-{n}")).await;
        if n == 100 {
            older = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
        }
    }
    let tools = tempfile::tempdir().expect("folder");
    let bench = Bench::convene(tools.path());
    let copy = copy_of(&story, &older).await;
    for (judge, verdict) in bench.on_mirror(&copy).into_iter().chain(bench.on_export(&copy)) {
        assert!(verdict.is_ok(), "{judge} does not accept the honest log: {verdict:?}");
    }
    for (what, falsify_mirror, falsify_export) in CASES {
        let copy = copy_of(&story, &older).await;
        falsify_mirror(&copy.mirror);
        found(what, bench.on_mirror(&copy));
        if let Some(falsify) = falsify_export {
            edit(&copy.export, falsify);
            found(what, bench.on_export(&copy));
        }
    }

    // Heads that somebody else signed, and one that the registry signed over another history.
    let stranger = RegistryKey::generate().expect("key");
    let copy = copy_of(&story, &older).await;
    let head = copy.mirror.join("checkpoint");
    let text = note::Note::parse(&fs::read_to_string(&head).expect("head")).expect("note").text;
    fs::write(&head, note::sign(&text, story.app.app.signer.origin(), &stranger)).expect("head");
    found("the head is signed by another key", bench.on_mirror(&copy));
    let copy = copy_of(&story, &older).await;
    let size = checkpoint::open(&older, &story.verifier_key().await).expect("signed").size;
    fs::write(copy.mirror.join("older"), story.app.app.signer.sign_checkpoint(size, [7; 32])).expect("older");
    found("an older head is of another history", bench.on_mirror(&copy));

    // The database itself.
    let change = "UPDATE audit_event SET leaf = replace(leaf, '\"name\":\"model-7\"', '\"name\":\"model-8\"')";
    past_the_triggers(&story.app, &[change.to_owned()]).await;
    let copy = copy_of(&story, &older).await;
    found("a row of the database is altered", bench.on_mirror(&copy));
    found("a row of the database is altered", bench.on_export(&copy));
}

#[track_caller]
fn found(what: &str, verdicts: Vec<(&'static str, Result<String, String>)>) {
    for (judge, verdict) in verdicts {
        assert!(verdict.is_err(), "{what}, and {judge} says: {verdict:?}");
    }
}

#[actix_web::test]
async fn a_mirror_is_kept_in_step_and_fetches_nothing_twice() {
    let story = Story::begin_without_runtime(&[]).await;
    let older = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
    let copy = copy_of(&story, &older).await;
    let again = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        program.args(["audit", "mirror", "--url", &story.app.url]).arg(&copy.mirror);
        program.env("PLIMSOLL_TOKEN", &story.ada).env("PLIMSOLL_CONFIG_DIR", copy.key.with_extension("config"));
        tokio::task::spawn_blocking(move || run(program).expect("mirror"))
    };
    // The export is an event, so there is one record more than at the first time.
    assert!(again().await.expect("ran").contains("2 files were fetched"));
    assert!(again().await.expect("ran").contains("0 files were fetched"));
    plimsoll(&["audit", "verify"], &[&copy.mirror], &copy).expect("verifies");
}

#[actix_web::test]
async fn every_judge_reads_a_log_whose_key_changes() {
    let story = Story::begin_without_runtime(&[]).await;
    let old_key = story.verifier_key().await;
    let console = story.app.console().await;
    let overlap = chrono::TimeDelta::days(30);
    let new_key = keys::ops::rotate(&story.app.app, &console, overlap, None).await.expect("rotated").new.verifier_key;
    let older = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
    let tools = tempfile::tempdir().expect("folder");
    let bench = Bench::convene(tools.path());
    for n in 0..3 {
        story.model(&format!("model-{n}")).await;
    }
    // Both keys sign, and each judge knows one of them.
    let copy = copy_of(&story, &older).await;
    for key in [&old_key, &new_key] {
        fs::write(&copy.key, key).expect("key");
        for (judge, verdict) in bench.on_mirror(&copy).into_iter().chain(bench.on_export(&copy)) {
            assert!(verdict.is_ok(), "{judge} with {key}: {verdict:?}");
        }
    }
    // The new key alone, in a mirror that was begun before.
    story.app.app.db.clock().advance(chrono::TimeDelta::days(31));
    story.model("later").await;
    let copy = copy_of(&story, &older).await;
    for (judge, verdict) in bench.on_mirror(&copy) {
        assert!(verdict.is_ok(), "{judge} after the overlap: {verdict:?}");
    }
    fs::write(&copy.key, &old_key).expect("key");
    for (judge, verdict) in bench.on_mirror(&copy) {
        assert!(verdict.is_err(), "{judge} believes a key that signs no more: {verdict:?}");
    }
}

#[actix_web::test]
async fn an_unpacked_archive_is_a_mirror_for_every_judge() {
    let story = Story::begin_without_runtime(&[]).await;
    let mut older = String::new();
    for n in 0..260 {
        story.model(&format!("model-{n}")).await;
        if n == 100 {
            older = story.app.get(&story.ada, CHECKPOINT).await.expect(200).text();
        }
    }
    let tools = tempfile::tempdir().expect("folder");
    let bench = Bench::convene(tools.path());
    let copy = copy_of(&story, &older).await;
    for part in ["tile", "checkpoint"] {
        let path = copy.mirror.join(part);
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        gone.expect(part);
    }
    let request = story.app.request(&story.ada, "POST", "/api/v1/audit/export?format=tar");
    let archive = crate::harness::reply(request).await.expect(200).body;
    tar::Archive::new(archive.as_slice()).unpack(&copy.mirror).expect("unpack");
    prove_consistency(&story, &copy, &older).await;
    let mut sums = Command::new("sha256sum");
    sums.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(&copy.mirror);
    run(sums).expect("the digests are those that sha256sum finds");
    for (judge, verdict) in bench.on_mirror(&copy) {
        assert!(verdict.is_ok(), "{judge} does not accept the unpacked archive: {verdict:?}");
    }
    edit(&copy.mirror.join(FIRST_BUNDLE), |b| replace(b, "\"name\":\"model-7\"", "\"name\":\"model-8\""));
    found("a record is altered", bench.on_mirror(&copy));
}
