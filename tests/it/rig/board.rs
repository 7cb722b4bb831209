//! What the actors have seen of the service: names and ids to do something with.

use crate::story::Files;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

pub const MODELS: [&str; 2] = ["scorer", "ranker"];
pub const ENVIRONMENTS: [&str; 2] = ["production", "staging"];

#[derive(Clone, Debug)]
pub struct Version {
    pub model: &'static str,
    pub number: String,
    pub digest: String,
    pub files: Files,
    pub sealed: bool,
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub id: String,
    pub digest: String,
}

/// A run that was asked for; `passed` says how it ended, when somebody has looked.
#[derive(Clone, Debug)]
pub struct Measured {
    pub id: String,
    pub version: Version,
    pub environment: &'static str,
    pub passed: Option<bool>,
}

#[derive(Default)]
pub struct Board {
    pub versions: Vec<Version>,
    pub runs: Vec<Measured>,
    pub requests: Vec<Asked>,
    /// Model, number, id.
    pub reports: Vec<(&'static str, String, String)>,
    pub findings: Vec<String>,
    pub waivers: Vec<String>,
    pub emergencies: Vec<String>,
    pub delegations: Vec<String>,
    /// Id, and the secret.
    pub tokens: Vec<(String, String)>,
    /// Secrets whose end was acknowledged.
    pub dead: Vec<String>,
    pub accounts: Vec<String>,
    /// The last ETag that anybody saw of a document.
    pub etags: BTreeMap<String, String>,
    pub counter: u32,
}

#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Board>>);

impl Shared {
    /// Never held while something is awaited.
    pub fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().expect("board")
    }

    pub fn next(&self) -> u32 {
        let mut board = self.lock();
        board.counter += 1;
        board.counter
    }
}
