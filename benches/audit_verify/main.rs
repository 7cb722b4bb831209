//! This side of the benchmark of the audit log's verification: writes an export of as many
//! records as asked for, signed by a key made for it, or verifies one and says in JSON what
//! that gave and what it cost. `measure` next to this file runs both and the reference.
//!
//! Invariant: what is timed is what `plimsoll audit verify` does, reading the file included.

use plimsoll::{
    audit::{
        changes::{Change, Operation, Row},
        export::{header_line, leaf_line},
        leaf::{Leaf, LeafActor, LeafObject, Outcome},
        verify::verify,
    },
    crypto::{
        checkpoint::Checkpoint,
        keys::RegistryKey,
        merkle::{CompactRange, leaf_hash},
        note,
    },
};
use rustix::time::{ClockId, clock_gettime};
use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    time::Instant,
};

const ORIGIN: &str = "plimsoll.example/log";
/// As `plimsoll audit verify` reads.
const BUFFER_BYTES: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` adds the flag of that name.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["write", file, records] => println!("{}", write(file, records.parse()?)?),
        ["verify", file, vkey] => println!("{}", timed(file, vkey)?),
        _ => eprintln!("nothing measured: this needs `write FILE RECORDS` or `verify FILE VKEY`; see `make bench`"),
    }
    Ok(())
}

/// Gives the verifier key.
fn write(file: &str, records: u64) -> Result<String, Box<dyn Error>> {
    let key = RegistryKey::generate()?;
    let mut tree = CompactRange::new();
    for n in 0..records {
        tree.append(leaf_hash(record(n)?.as_bytes()));
    }
    let note = Checkpoint { origin: ORIGIN.to_owned(), size: tree.size(), root: tree.root() }.sign(&key);
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(file)?);
    out.write_all(header_line(ORIGIN, &note).as_bytes())?;
    for n in 0..records {
        out.write_all(leaf_line(&record(n)?).as_bytes())?;
    }
    out.flush()?;
    Ok(note::vkey(ORIGIN, &key.public_bytes()))
}

/// The events that a registry has most of: uploads, pulls and runs, with ids as long as real ones.
fn record(n: u64) -> Result<String, Box<dyn Error>> {
    let id = |kind: u64| format!("019a4c1e-{kind:04x}-7000-8000-{n:012x}");
    let (action, detail) = match n % 3 {
        0 => (
            "version.upload",
            serde_json::json!({"event": "file_uploaded", "version": id(1), "sha256": format!("{n:064x}"), "size_bytes": n * 7}),
        ),
        1 => (
            "release.pull",
            serde_json::json!({"event": "release_pulled", "release": id(2), "manifest": format!("sha256:{n:064x}"), "path": null}),
        ),
        _ => (
            "run.finish",
            serde_json::json!({"event": "run_finished", "run": id(3), "state": "passed", "attempt": 1,
                "evidence": [format!("sha256:{n:064x}")], "verdicts": format!("sha256:{:064x}", n + 1)}),
        ),
    };
    let (day, second, micro) = (1 + n / 100_000 % 28, n / 2 % 60, n % 1_000_000);
    let actor = LeafActor {
        kind: "service".to_owned(),
        id: Some(id(4)),
        name: None,
        auth: "token".to_owned(),
        credential: None,
    };
    let leaf = Leaf {
        v: 1,
        id: id(5),
        at: format!("2026-01-{day:02}T10:00:{second:02}.{micro:06}Z"),
        workspace: Some(id(6)),
        actor,
        action: action.to_owned(),
        outcome: Outcome::Done,
        object: Some(LeafObject { kind: "version".to_owned(), id: id(1) }),
        request_id: Some(id(7)),
        detail,
        changes: vec![Change {
            table: "version_file".to_owned(),
            key: id(8),
            op: Operation::Update,
            row: Row::from([("uploaded_at".to_owned(), Some("2026-01-01T10:00:00.000000Z".into()))]),
        }],
    };
    Ok(leaf.to_canonical()?)
}

fn timed(file: &str, vkey: &str) -> Result<serde_json::Value, Box<dyn Error>> {
    let (wall, cpu_s) = (Instant::now(), cpu_seconds());
    let verified = verify(BufReader::with_capacity(BUFFER_BYTES, File::open(file)?), vkey)?;
    let (wall_s, cpu_s) = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu_s);
    Ok(serde_json::json!({
        "records": verified.size, "root": verified.root, "wall_s": wall_s, "cpu_s": cpu_s, "peak_bytes": peak_bytes()?,
    }))
}

/// Time that the processor spent for this process, in user mode and in the kernel.
fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// `VmHWM` of proc(5).
fn peak_bytes() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.parse::<u64>().ok());
    kibibytes.map(|k| k * 1024).ok_or_else(|| io::Error::other("proc says no VmHWM"))
}
