//! The figures of this module against reference figures that other libraries computed.
//!
//! The cases live outside the repository, in the folder that `PLIMSOLL_CASES` names (default
//! `../shared/cases`). They are found by their kind, never by their name; without the folder
//! these tests say that they skip. A key that no test knows fails, so that no figure is passed
//! over in silence.

use serde_json::Value;
use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

mod baseline;
mod binary;
mod bootstrap;
mod contrast;
mod counts;
mod decision;
mod disparity;
mod drift;
mod edge;
mod fairlearn;
mod group;
mod impact;
mod multiclass;
mod regression;
mod second_library;

/// For figures that come from counts.
const LABELS: f64 = 1e-9;
/// For figures that come from float32 scores, written as short as they can be.
const SCORES: f64 = 1e-6;

thread_local! {
    /// Figures that this test has checked.
    static CHECKED: Cell<u64> = const { Cell::new(0) };
}

/// What a case has to say about this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Binary,
    Multiclass,
    Regression,
    /// Counts by category, as an auditor publishes them.
    Counts,
    /// Many tiny data sets in one file.
    Edge,
    Drift,
}

type Columns = BTreeMap<String, Vec<String>>;

struct Case {
    name: String,
    folder: PathBuf,
    kind: Option<Kind>,
    expected: Value,
    schema: Value,
}

impl Case {
    fn at(folder: PathBuf) -> Self {
        let (expected, schema) = (json(&folder.join("expected.json")), json(&folder.join("schema.json")));
        let kind = kind(&folder, &expected, &schema);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, folder, kind, expected, schema }
    }

    fn has(&self, file: &str) -> bool {
        self.folder.join(file).is_file()
    }

    fn json(&self, file: &str) -> Value {
        json(&self.folder.join(file))
    }

    /// Columns by name.
    fn columns(&self, file: &str) -> Columns {
        let mut reader = csv::Reader::from_path(self.folder.join(file)).expect("readable");
        let names: Vec<String> = reader.headers().expect("header").iter().map(String::from).collect();
        let mut columns: Columns = names.iter().map(|name| (name.clone(), Vec::new())).collect();
        for row in reader.records() {
            for (name, cell) in names.iter().zip(row.expect("row").iter()) {
                columns.get_mut(name).expect("there").push(cell.to_owned());
            }
        }
        columns
    }

    /// The label that the figures are about.
    fn positive_label(&self) -> String {
        match &self.schema["outputs"]["positive_class"] {
            Value::String(label) => label.clone(),
            Value::Null => "1".to_owned(),
            other => other.to_string(),
        }
    }
}

fn kind(folder: &Path, expected: &Value, schema: &Value) -> Option<Kind> {
    let has = |key: &str| expected.get(key).is_some();
    let file = |name: &str| folder.join(name).is_file();
    let predicted = file("predictions.csv") && file("test.csv") && has("by_group");
    match schema["task"].as_str() {
        Some("binary_classification") if predicted => Some(Kind::Binary),
        Some("multiclass_classification") if predicted => Some(Kind::Multiclass),
        Some("regression") if predicted => Some(Kind::Regression),
        Some(_) => None,
        None if has("features") && file("reference.csv") && file("current.csv") => Some(Kind::Drift),
        None if has("scenarios") && file("test.csv") => Some(Kind::Edge),
        None if has("rows") && file("test.csv") => Some(Kind::Counts),
        None => None,
    }
}

/// The folder of the cases and whether it is the one that the project's own checks use.
fn root() -> Option<(PathBuf, bool)> {
    #[expect(clippy::disallowed_methods, reason = "a test setting, not configuration")]
    let named = std::env::var_os("PLIMSOLL_CASES");
    let is_default = named.is_none();
    let root = named.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"), PathBuf::from);
    if root.is_dir() {
        return Some((root, is_default));
    }
    eprintln!("skipped: {} is no folder of reference cases; PLIMSOLL_CASES names one", root.display());
    None
}

fn cases() -> Option<(Vec<Case>, bool)> {
    let (root, is_default) = root()?;
    let folders = fs::read_dir(root).expect("readable").map(|entry| entry.expect("entry").path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    Some((folders.into_iter().map(Case::at).collect(), is_default))
}

/// Runs `test` on every case of a kind that has all of `needs`: keys of `expected.json` or files.
/// Each such case has to yield a figure, and the default folder at least `least` such cases.
fn each(kind: Kind, needs: &[&str], least: usize, test: impl Fn(&Case)) {
    let Some((cases, is_default)) = cases() else { return };
    let has = |case: &Case, need: &str| case.has(need) || !case.expected[need].is_null();
    let mut ran = 0;
    for case in cases.iter().filter(|c| c.kind == Some(kind) && needs.iter().all(|need| has(c, need))) {
        let before = CHECKED.get();
        test(case);
        let figures = CHECKED.get() - before;
        eprintln!("{kind:?} {} {needs:?}: {figures} figures", case.name);
        assert_ne!(figures, 0, "{}: nothing was checked", case.name);
        ran += 1;
    }
    assert!(!is_default || least <= ran, "{kind:?} {needs:?}: {ran} cases, not {least}");
}

/// `Null` where there is no such file.
fn json(path: &Path) -> Value {
    fs::read(path).map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).expect("json"))
}

fn numbers(cells: &[String]) -> Vec<f64> {
    cells.iter().map(|c| c.parse().expect("number")).collect()
}

fn object(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().expect("an object").iter().map(|(key, value)| (key.as_str(), value))
}

/// The cells of an attribute or, `a*b`, of crossed ones.
fn cells<'a>(test: &'a Columns, attribute: &str) -> Vec<&'a [String]> {
    if let Some(column) = test.get(attribute) {
        return vec![column];
    }
    attribute.split('*').map(|column| test[column].as_slice()).collect()
}

fn counted() {
    CHECKED.set(CHECKED.get() + 1);
}

fn check(what: &str, got: Option<f64>, want: &Value, tolerance: f64) {
    counted();
    match (got, want.as_f64()) {
        (Some(got), Some(want)) => {
            assert!((got - want).abs() <= tolerance, "{what}: {got}, not {want}");
        }
        (None, None) => assert!(want.is_null() || want == "NaN", "{what}: {want} is no figure"),
        (got, _) => panic!("{what}: {got:?}, not {want}"),
    }
}

fn check_count(what: &str, got: u64, want: &Value) {
    counted();
    assert_eq!(want.as_f64(), Some(got as f64), "{what}");
}

#[test]
fn a_case_that_no_test_knows_is_of_another_kind() {
    const SUBJECTS: [&str; 7] = [
        "by_group",
        "disparities",
        "scenarios",
        "four_fifths",
        "versus_reference_aif360_signs",
        "features",
        "fairlearn",
    ];
    let Some((cases, is_default)) = cases() else { return };
    for case in cases.iter().filter(|case| case.kind.is_none()) {
        let about: Vec<&str> = SUBJECTS.into_iter().filter(|key| case.expected.get(key).is_some()).collect();
        assert!(about.is_empty(), "{} has {about:?} and no test knows its kind", case.name);
    }
    let kinds = cases.iter().filter(|case| case.kind.is_some()).count();
    assert!(!is_default || 17 <= kinds, "only {kinds} cases are known");
}
