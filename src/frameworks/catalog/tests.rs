use super::*;
use crate::frameworks::{profile::tests::least, selector::Selector};
use serde_json::{Value, json};

fn day(raw: &str) -> NaiveDate {
    raw.parse().expect("day")
}

fn profile(id: &str, revision: u32, change: Value) -> FrameworkProfile {
    let mut written = least();
    (written["id"], written["revision"]) = (id.into(), revision.into());
    for (field, value) in change.as_object().expect("object") {
        written[field] = value.clone();
    }
    FrameworkProfile::parse(&written).expect("profile")
}

#[test]
fn the_profiles_of_this_build_are_sound() {
    let catalog = embedded().expect("catalog");
    let wanted = ["eu-ai-act", "gdpr", "hipaa", "iso-42001", "nist-ai-rmf", "nyc-ll144", "sr-11-7", "sr-26-2", "ugesp"];
    assert_eq!(catalog.ids(), wanted);
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/frameworks")).expect("folder");
    let yaml = files.filter(|f| f.as_ref().expect("file").path().extension().is_some_and(|e| e == "yaml")).count();
    assert_eq!((yaml, FILES.len()), (FILES.len(), catalog.all().len()), "a file that nobody reads");
}

/// A published revision is what decisions name by digest. To publish another text, add a
/// revision, and its line to the list.
#[test]
fn no_revision_changed_since_it_was_published() {
    let line = |entry: &Entry| format!("{} {}\n", entry.profile.name(), entry.digest);
    let lines: String = embedded().expect("catalog").all().iter().map(line).collect();
    let published = include_str!("../../../frameworks/digests.txt");
    assert!(published == lines, "add a revision instead of changing one; the list would be:\n{lines}");
}

#[test]
fn the_day_picks_the_revision() {
    let catalog = embedded().expect("catalog");
    for (id, on, wanted) in [
        ("sr-11-7", "2011-04-03", None),
        ("sr-11-7", "2011-04-04", Some(1)),
        ("sr-11-7", "2026-04-16", Some(1)),
        ("sr-11-7", "2026-04-17", None),
        ("sr-26-2", "2026-04-16", None),
        ("sr-26-2", "2026-04-17", Some(1)),
        ("eu-ai-act", "2027-12-01", None),
        ("eu-ai-act", "2027-12-02", Some(1)),
        ("eu-ai-act", "2028-08-01", Some(1)),
        ("eu-ai-act", "2028-08-02", Some(2)),
        ("nobody", "2026-01-01", None),
    ] {
        assert_eq!(catalog.in_force(id, day(on)).map(|e| e.profile.revision), wanted, "{id} on {on}");
    }
}

#[test]
fn what_is_to_come_can_be_prepared_for_and_what_is_past_says_what_followed() {
    let catalog = embedded().expect("catalog");
    let today = day("2026-11-21");
    assert_eq!(catalog.applicable("eu-ai-act", today).expect("upcoming").profile.revision, 1);
    let past = catalog.applicable("sr-11-7", today).expect_err("past");
    assert!(past.contains("2026-04-17") && past.contains("sr-26-2"), "{past}");
    assert!(catalog.applicable("sr-7", today).expect_err("unknown").contains("sr-26-2"));
}

#[test]
fn two_revisions_never_bind_on_one_day() {
    let first = || profile("a-rule", 1, json!({"effective_to": "2026-06-01"}));
    let second = |from: &str| profile("a-rule", 2, json!({"effective_from": from}));
    assert!(Catalog::new(vec![second("2026-06-01"), first()]).is_ok());
    assert!(Catalog::new(vec![first(), second("2026-05-31")]).is_err());
    assert!(Catalog::new(vec![profile("a-rule", 1, json!({})), second("2027-01-01")]).is_err(), "no end");
    assert!(Catalog::new(vec![first(), first()]).is_err(), "twice");
    let draft = profile("a-rule", 2, json!({"status": "proposed"}));
    assert!(Catalog::new(vec![first(), draft]).is_ok(), "a draft binds nobody");
    // With a draft between them as well.
    let draft = || profile("a-rule", 2, json!({"status": "proposed"}));
    let third = |from: &str| profile("a-rule", 3, json!({"effective_from": from}));
    assert!(Catalog::new(vec![first(), draft(), third("2026-05-31")]).is_err());
    assert!(Catalog::new(vec![first(), draft(), third("2026-06-01")]).is_ok());
}

#[test]
fn what_is_superseded_is_there() {
    let one = profile("a-rule", 1, json!({"supersedes": "b-rule@1"}));
    assert!(Catalog::new(vec![one.clone()]).is_err());
    assert!(Catalog::new(vec![one, profile("b-rule", 1, json!({}))]).is_ok());
}

/// What a profile asks for has to be something that people can do, so each document is explained.
#[test]
fn every_document_that_a_profile_asks_for_is_described() {
    let guide = include_str!("../../../docs/frameworks.md");
    let described: Vec<_> = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |")).collect();
    let catalog = embedded().expect("catalog");
    let items = catalog.all().iter().flat_map(|entry| &entry.profile.required_items);
    for item in items {
        if let Selector::Reported { document: Some(name), .. } = &item.satisfied_by {
            assert!(described.iter().any(|(word, _)| word == name), "docs/frameworks.md says nothing on {name}");
        }
    }
}
