//! The layering rules, as a test. See `ARCHITECTURE.md` for the reasons.

use std::{fs, path::Path};

/// Where a rule holds: a folder (`src/core/`), one file (`src/app.rs`), or every file of
/// that name (`store.rs`), and the text that must not stand there.
const FORBIDDEN: &[(&[&str], &[&str])] = &[
    // Pure: values in, values out. Given a time, never taking one; given bytes, never reading them.
    (
        &[
            "src/core/",
            "src/stats/",
            "src/constraints/",
            "src/crypto/",
            "src/policies/",
            "formats/src/",
            "src/promotions/workflow/",
        ],
        &[
            "actix_web",
            "sea_orm",
            "sqlx",
            "tokio",
            "reqwest",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "crate::db",
            "crate::http",
            "crate::app",
            "crate::web",
            "crate::jobs",
        ],
    ),
    (&["src/core/", "src/stats/", "src/constraints/", "src/crypto/"], &["crate::authz"]),
    (
        &[
            "src/frameworks/catalog.rs",
            "src/frameworks/coverage.rs",
            "src/frameworks/facts.rs",
            "src/frameworks/found.rs",
            "src/frameworks/metrics.rs",
            "src/frameworks/pins.rs",
            "src/frameworks/profile.rs",
            "src/frameworks/selector.rs",
            "src/comparisons/mod.rs",
            "src/comparisons/figures.rs",
            "src/inference/v2.rs",
            "src/releases/modes.rs",
            "src/releases/summary.rs",
            "src/promotions/parties.rs",
            "src/provenance/mod.rs",
            "src/provenance/slsa.rs",
            "src/provenance/descriptor.rs",
        ],
        &["actix_web", "sea_orm", "sqlx", "tokio", "std::fs", "crate::db", "crate::http", "crate::app", "crate::web"],
    ),
    (
        &["src/audit/invariants/"],
        &[
            "actix_web",
            "sea_orm",
            "sqlx",
            "tokio",
            "std::fs",
            "crate::http",
            "crate::web",
            "quorum::",
            "Stage::",
            "fitness::",
        ],
    ),
    (
        &["src/authz/"],
        &["actix_web", "sea_orm", "sqlx", "tokio", "std::fs", "crate::db", "crate::http", "crate::app", "crate::web"],
    ),
    (
        &[
            "src/oversight/mod.rs",
            "src/oversight/findings/mod.rs",
            "src/oversight/waivers/mod.rs",
            "src/oversight/snapshot/mod.rs",
            "src/oversight/break_glass/mod.rs",
            "src/accountability/mod.rs",
            "src/accountability/kinds.rs",
        ],
        &["actix_web", "sea_orm", "sqlx", "tokio", "std::fs", "crate::db", "crate::http", "crate::web"],
    ),
    (&["store.rs"], &["actix_web", "crate::http", "crate::app", "policy::", "crate::web"]),
    (
        &[
            "ops.rs",
            "seal.rs",
            "files.rs",
            "activation.rs",
            "gate.rs",
            "rollback.rs",
            "emergency.rs",
            "refusal.rs",
            "succession.rs",
            "suspension.rs",
            "watch.rs",
            "assessment.rs",
            "jobs.rs",
            "said.rs",
            "invalidation.rs",
            "src/promotions/decision.rs",
            "lane.rs",
            "src/promotions/record.rs",
            "holds.rs",
            "sweep.rs",
            "src/promotions/changes.rs",
            "fitness.rs",
            "terms.rs",
            "dry_run.rs",
            "vacancy.rs",
            "settling.rs",
            "src/workers/claims.rs",
        ],
        &["actix_web", "sea_orm", "sqlx", "db::entity", "crate::http", "crate::web", "raw_for_tests"],
    ),
    // Edges speak to use-cases, not to tables.
    (&["api.rs", "src/releases/api/", "src/web/"], &["sea_orm", "sqlx", "store::", "crate::db"]),
    (&["src/http/"], &["crate::models::", "crate::promotions::", "crate::releases::", "crate::versions::"]),
    (&["src/cli/", "src/client/", "src/client.rs"], &["sea_orm", "sqlx", "store::", "db::entity"]),
    (&["src/"], &["raw_for_tests()", "unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]),
];

/// Text that may stand in these places and nowhere else.
const CONFINED: &[(&str, &[&str])] = &[
    (
        "begin_bookkeeping",
        &[
            "src/db/",
            "src/jobs/",
            "src/audit/",
            "src/blobs/store.rs",
            "src/blobs/store/",
            "src/http/idempotency/",
            "src/validation/store.rs",
            "src/workers/store.rs",
            "src/accounts/sessions/store.rs",
            "src/versions/sessions/store.rs",
        ],
    ),
    ("std::env::var", &["src/config.rs", "src/config/"]),
    ("Utc::now", &["src/core/clock.rs"]),
    ("Scope::Instance", &["src/authz/", "store.rs", "src/validation/jobs.rs"]),
];

/// Exceptions, each with what makes it one: (file, text, why).
const ALLOWED: &[(&str, &str, &str)] = &[
    ("src/core/ids.rs", "sea_orm", "ids derive how they are stored, so that no store converts them by hand"),
    ("src/audit/invariants/store.rs", "sea_orm", "the texts that digests vouch for; the rules beside it are pure"),
];

const MAX_LINES: usize = 400;
/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[];

#[test]
fn layers_import_only_what_they_may() {
    let mut broken = Vec::new();
    for (name, text) in sources() {
        for (places, forbidden) in FORBIDDEN {
            if !stands_in(&name, places) {
                continue;
            }
            let found = forbidden.iter().filter(|f| text.contains(**f) && !is_allowed(&name, f));
            broken.extend(found.map(|f| format!("{name} mentions {f}")));
        }
        for (confined, places) in CONFINED {
            if text.contains(confined) && !stands_in(&name, places) && !is_allowed(&name, confined) {
                broken.push(format!("{name} mentions {confined}, which belongs in {}", places.join(", ")));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_source_file_outgrows_its_reader() {
    let long: Vec<_> = files()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(name, lines)| MAX_LINES < *lines && !LONGER.iter().any(|(longer, _)| longer == name))
        .collect();
    assert!(long.is_empty(), "over {MAX_LINES} lines; split them: {long:#?}");
}

#[test]
fn every_exception_is_still_needed() {
    let all = sources();
    for (file, text, _) in ALLOWED {
        let holds = all.iter().any(|(name, source)| name == file && source.contains(text));
        assert!(holds, "{file} no longer mentions {text}; take the exception out");
    }
    for (file, _) in LONGER {
        let holds = files().iter().any(|(name, source)| name == file && MAX_LINES < source.lines().count());
        assert!(holds, "{file} is no longer long; take the exception out");
    }
    for (places, _) in FORBIDDEN {
        let known =
            |place: &&str| all.iter().any(|(name, _)| stands_in(name, &[place])) || place.starts_with("src/client");
        assert!(places.iter().any(known), "{places:?} stand for no file");
    }
}

fn stands_in(name: &str, places: &[&str]) -> bool {
    places.iter().any(|place| {
        if place.starts_with("src/") || place.starts_with("formats/") {
            name.starts_with(place)
        } else {
            name.ends_with(&format!("/{place}"))
        }
    })
}

fn is_allowed(name: &str, text: &str) -> bool {
    ALLOWED.iter().any(|(file, allowed, _)| *file == name && *allowed == text)
}

/// What runs in the product: no tests, no comments.
fn sources() -> Vec<(String, String)> {
    let is_test = |name: &str| name.ends_with("tests.rs") || name.contains("/tests/") || name == "src/stats/cases.rs";
    let product = |text: &str| {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        code.collect::<Vec<_>>().join("\n")
    };
    files().into_iter().filter(|(name, _)| !is_test(name)).map(|(name, text)| (name, product(&text))).collect()
}

/// Where the product is: the service, and the readers of files beside it.
const SOURCES: [&str; 2] = ["src", "formats/src"];

/// Every source file of the product, its name relative to the repository with `/`.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in SOURCES {
        walk(&root.join(folder), &mut |path, text| {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
            found.push((name, text));
        });
    }
    assert!(100 < found.len(), "the sources are not where they were");
    found
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, String)) {
    for entry in fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            walk(&path, visit);
        } else if path.extension().is_some_and(|e| e == "rs") {
            visit(&path, fs::read_to_string(&path).expect("utf-8"));
        }
    }
}
