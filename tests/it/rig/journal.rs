//! What the clients know: every call before it is sent and after it was answered, in a file.

use serde::Serialize;
use serde_json::Value;
use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

/// A call; without a status it was sent, and nobody knows what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    pub number: usize,
    pub actor: &'static str,
    pub op: &'static str,
    pub method: &'static str,
    pub path: String,
    pub key: Option<String>,
    pub if_match: Option<String>,
    /// sha256 of the body.
    pub body: String,
    /// The last characters of the token.
    pub token: String,
    /// Milliseconds since the beginning.
    pub t0: u128,
    pub t1: Option<u128>,
    pub status: Option<u16>,
    pub code: String,
    pub request_id: String,
    pub replayed: bool,
    pub answer: Value,
}

impl Call {
    pub fn is_done(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    pub fn is_refused(&self) -> bool {
        self.status.is_some_and(|status| 400 <= status)
    }

    pub fn is_mutating(&self) -> bool {
        self.method != "GET"
    }
}

#[derive(Clone)]
pub struct Journal {
    begun: Instant,
    held: Arc<Mutex<(File, Vec<Call>)>>,
}

impl Journal {
    pub fn create(file: &Path) -> Self {
        let file = File::create(file).expect("journal");
        Self { begun: Instant::now(), held: Arc::new(Mutex::new((file, Vec::new()))) }
    }

    fn now(&self) -> u128 {
        self.begun.elapsed().as_millis()
    }

    /// Before it is sent.
    pub fn begin(&self, mut call: Call) -> usize {
        let mut held = self.held.lock().expect("journal");
        call.number = held.1.len();
        call.t0 = self.now();
        let line = serde_json::to_string(&call).expect("json");
        writeln!(held.0, "{line}").expect("journal");
        held.1.push(call);
        held.1.len() - 1
    }

    /// After it was answered.
    pub fn end(&self, number: usize, fill: impl FnOnce(&mut Call)) {
        let mut held = self.held.lock().expect("journal");
        let now = self.now();
        let call = &mut held.1[number];
        fill(call);
        call.t1 = Some(now);
        let line = serde_json::to_string(&call).expect("json");
        writeln!(held.0, "{line}").expect("journal");
    }

    pub fn calls(&self) -> Vec<Call> {
        self.held.lock().expect("journal").1.clone()
    }
}
