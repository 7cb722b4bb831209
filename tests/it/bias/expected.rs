//! Reference cases with figures from other libraries, and how evidence is compared with them.
//!
//! The cases live outside the repository, in the folder that `PLIMSOLL_CASES` names (default
//! `../shared/cases`). They are found by their kind, never by their name; without the folder the
//! tests say so and pass.

use super::tables::Checked;
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Binary,
    Multiclass,
    Regression,
}

/// A case with stored predictions of a model over the rows of a table.
pub struct Case {
    pub name: String,
    pub folder: PathBuf,
    pub kind: Kind,
    pub schema: Value,
    pub expected: Value,
}

impl Case {
    fn at(folder: PathBuf) -> Option<Self> {
        let (schema, expected) = (json(&folder.join("schema.json"))?, json(&folder.join("expected.json"))?);
        let kind = match schema["task"].as_str()? {
            "binary_classification" => Kind::Binary,
            "multiclass_classification" => Kind::Multiclass,
            "regression" => Kind::Regression,
            _ => return None,
        };
        let complete = ["predictions.csv", "test.csv"].iter().all(|file| folder.join(file).is_file());
        let name = folder.file_name()?.to_string_lossy().into_owned();
        (complete && expected["by_group"].is_object()).then_some(Self { name, folder, kind, schema, expected })
    }

    /// Single and crossed attributes that the references break down by.
    pub fn attributes(&self) -> Vec<&str> {
        keys(&self.expected["by_group"])
    }

    /// The columns of those attributes.
    pub fn sensitive(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = self.attributes().into_iter().flat_map(|name| name.split('*')).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    pub fn positive_label(&self) -> String {
        match &self.schema["favourable_label"] {
            Value::String(label) => label.clone(),
            Value::Null => "1".to_owned(),
            other => other.to_string(),
        }
    }

    pub fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }
}

/// `None` where there is no folder of cases.
pub fn cases() -> Option<Vec<Case>> {
    let root = crate::story::cases_folder()?;
    let folders = std::fs::read_dir(&root).expect("the folder of cases");
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    Some(folders.into_iter().filter_map(Case::at).collect())
}

/// The cases of a kind, none where there is no folder.
pub fn of_kind(kind: Kind) -> Vec<Case> {
    cases().unwrap_or_default().into_iter().filter(|case| case.kind == kind).collect()
}

/// Says what was compared, and stops a test that compared nothing.
pub fn report(case: &Case, checked: Checked) {
    let figures = checked.figures();
    eprintln!("{:?} {}: {figures} figures", case.kind, case.name);
    assert_ne!(figures, 0, "{}: nothing was compared", case.name);
}

pub fn keys(object: &Value) -> Vec<&str> {
    object.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
}

fn json(path: &Path) -> Option<Value> {
    let bytes = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&bytes).expect("JSON"))
}
