//! What the clients know against what there is: I2, I14 to I18, and that no answer was a 5xx.

use super::journal::Call;
use plimsoll::audit::{
    changes::Row,
    leaf::{Leaf, Outcome},
    replay::Tables,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// So long may a right that was taken away still have an effect.
const GRACE_MS: u128 = 1_000;
/// What the service says when it can't write for a while.
const BUSY: u16 = 503;

pub struct Known<'a> {
    calls: Vec<Call>,
    tables: &'a Tables,
    /// Records by the id of the request that wrote them.
    written: HashMap<&'a str, Vec<&'a Leaf>>,
}

type Checked = BTreeMap<&'static str, usize>;

#[derive(Default)]
struct Found {
    checked: Checked,
    faults: Vec<String>,
}

impl Found {
    fn expect(&mut self, rule: &'static str, call: &Call, holds: bool, why: impl FnOnce() -> String) {
        *self.checked.entry(rule).or_default() += 1;
        if !holds {
            let Call { number, actor, op, method, path, status, code, .. } = call;
            let why = why();
            self.faults
                .push(format!("{rule}: call {number}, {actor} {op} {method} {path} -> {status:?} {code}: {why}"));
        }
    }
}

impl<'a> Known<'a> {
    pub fn new(calls: Vec<Call>, leaves: &'a [Leaf], tables: &'a Tables) -> Self {
        let mut written: HashMap<&str, Vec<&Leaf>> = HashMap::new();
        for leaf in leaves {
            if let Some(id) = &leaf.request_id {
                written.entry(id).or_default().push(leaf);
            }
        }
        Self { calls, tables, written }
    }

    pub fn summary(&self, kills: u32, ahead_seconds: i64) -> String {
        let count = |which: fn(&Call) -> bool| self.calls.iter().filter(|call| which(call)).count();
        let states = |table: &str| {
            let mut states: BTreeMap<String, usize> = BTreeMap::new();
            self.tables.rows(table).for_each(|(_, row)| *states.entry(text(row, "state").to_owned()).or_default() += 1);
            format!("{states:?}")
        };
        format!(
            "{} calls: {} done, {} refused, {} without an answer; {kills} kills, the clock {ahead_seconds} s ahead\n\
             requests {}, releases {}, versions {}, runs {}, findings {}, waivers {}, emergencies {}",
            self.calls.len(),
            count(Call::is_done),
            count(Call::is_refused),
            count(|call| call.status.is_none()),
            states("promotion_request"),
            states("release"),
            states("model_version"),
            states("validation_run"),
            states("finding"),
            states("waiver"),
            states("break_glass"),
        )
    }

    pub fn check(&self) -> (Checked, Vec<String>) {
        let mut found = Found::default();
        for call in &self.calls {
            self.answers(call, &mut found);
            if call.is_done() {
                self.is_there(call, &mut found);
            }
        }
        self.revisions(&mut found);
        self.keys(&mut found);
        self.reads(&mut found);
        self.rights(&mut found);
        (found.checked, found.faults)
    }

    /// I14: a refusal wrote nothing. I19: no mistake of a client is the service's.
    fn answers(&self, call: &Call, found: &mut Found) {
        let Some(status) = call.status.filter(|status| 400 <= *status) else { return };
        found.expect("I19", call, status < 500 || status == BUSY, || call.request_id.clone());
        found.expect("I19", call, !call.request_id.is_empty() && !call.code.is_empty(), || "no problem".to_owned());
        let wrote = self.written.get(call.request_id.as_str()).into_iter().flatten();
        let changed = wrote.filter(|leaf| leaf.outcome == Outcome::Done && !leaf.changes.is_empty()).count();
        found.expect("I14", call, changed == 0, || format!("it wrote {changed} records"));
    }

    /// I2: what was acknowledged is there.
    fn is_there(&self, call: &Call, found: &mut Found) {
        let answer = |field: &str| call.answer[field].as_str().unwrap_or_default();
        let row = |table: &str| self.tables.row(table, answer("id"));
        let last = call.path.rsplit('/').next().unwrap_or_default();
        let state = |row: Option<&Row>, wanted: &[&str]| row.is_some_and(|row| wanted.contains(&text(row, "state")));
        let version =
            || self.tables.rows("model_version").find(|(_, row)| text(row, "manifest_digest") == answer("digest"));
        let there = match call.op {
            "declare" | "take_over" => version().is_some(),
            "seal" => state(version().map(|found| found.1), &["sealed", "revoked"]),
            "revoke_version" => state(version().map(|found| found.1), &["revoked"]),
            "run" => row("validation_run").is_some(),
            "ask" => row("promotion_request").is_some(),
            "withdraw" => state(row("promotion_request"), &["withdrawn"]),
            "reject" => state(row("promotion_request"), &["rejected"]),
            "approve" => self
                .tables
                .rows("approval")
                .any(|(_, row)| text(row, "promotion_id") == answer("id") && text(row, "outcome") == "approve"),
            "activate" | "roll_back" | "resume" | "lower_mode" => row("release").is_some(),
            "suspend" => state(row("release"), &["suspended"]),
            "ask_waiver" => row("waiver").is_some(),
            "break_glass" => row("break_glass").is_some(),
            "comment" => row("promotion_comment").is_some(),
            "revise" => self.tables.rows("environment_revision").any(|(_, row)| {
                let revision = row["revision"].as_ref().and_then(Value::as_i64);
                text(row, "kind") == last
                    && text(row, "digest") == answer("digest")
                    && revision == call.answer["revision"].as_i64()
            }),
            "make_token" => row("api_token").is_some(),
            "revoke_token" => self.tables.row("api_token", last).is_some_and(|row| !text(row, "revoked_at").is_empty()),
            "add_key" => row("trust_key").is_some(),
            "revoke_key" => self.tables.row("trust_key", last).is_some_and(|row| !text(row, "revoked_at").is_empty()),
            "hire" => row("account").is_some(),
            "fire" => state(row("account"), &["deactivated"]),
            "report" => row("reported_evidence").is_some(),
            "open_finding" => row("finding").is_some(),
            "pull" | "pull_file" => self
                .written
                .get(call.request_id.as_str())
                .into_iter()
                .flatten()
                .any(|leaf| leaf.action == "release.pull" && leaf.outcome == Outcome::Done),
            _ => return,
        };
        found.expect("I2", call, there, || format!("it was acknowledged and is not there: {}", call.answer));
    }

    /// I15: what was acknowledged as a revision is one, and the one after what was seen.
    fn revisions(&self, found: &mut Found) {
        let mut taken = BTreeSet::new();
        for call in self.calls.iter().filter(|call| call.op == "revise" && call.is_done()) {
            let revision = call.answer["revision"].as_i64().unwrap_or_default();
            let seen = call.if_match.as_deref().and_then(|etag| etag.trim_matches('"').parse::<i64>().ok());
            // The same document again is no revision.
            if seen == Some(revision) {
                continue;
            }
            found.expect("I15", call, seen == Some(revision - 1), || format!("revision {revision} follows {seen:?}"));
            let is_new = taken.insert((call.path.clone(), revision));
            found.expect("I15", call, is_new, || format!("revision {revision} was acknowledged twice"));
        }
    }

    /// I16: one key, one answer, one effect.
    fn keys(&self, found: &mut Found) {
        let mut by_key: HashMap<&str, Vec<&Call>> = HashMap::new();
        for call in &self.calls {
            call.key.iter().for_each(|key| by_key.entry(key).or_default().push(call));
        }
        for calls in by_key.values() {
            let first = calls[0];
            let mut answers = BTreeSet::new();
            let mut effects = BTreeSet::new();
            for call in calls.iter().filter(|call| call.body == first.body) {
                if call.is_done() {
                    answers.insert((call.status, call.answer["sha256"].to_string()));
                }
                let wrote = self.written.get(call.request_id.as_str()).into_iter().flatten();
                effects.extend(wrote.filter(|leaf| !leaf.changes.is_empty()).map(|_| call.request_id.clone()));
            }
            found.expect("I16", first, answers.len() < 2, || format!("the same key had answers {answers:?}"));
            found.expect("I16", first, effects.len() < 2, || format!("the same key had effects {effects:?}"));
            let done = calls.iter().find(|call| call.is_done() && call.body == first.body);
            for other in calls.iter().filter(|call| call.body != first.body) {
                let follows = done.is_some_and(|done| done.t1.is_some_and(|t1| t1 <= other.t0));
                if let Some(status) = other.status.filter(|_| follows) {
                    found.expect("I16", other, status == 422 || status == BUSY, || "it was another request".to_owned());
                }
            }
        }
        // A request whose answer nobody saw may have had its effect, and no second one.
        for (op, table) in [("make_token", "api_token"), ("add_key", "trust_key")] {
            let asked: Vec<_> = self.calls.iter().filter(|call| call.op == op && !call.is_refused()).collect();
            let keyed: BTreeSet<_> = asked.iter().filter_map(|call| call.key.clone()).collect();
            let unkeyed = asked.iter().filter(|call| call.key.is_none()).count();
            let there = self.tables.rows(table).filter(|(_, row)| !self.is_of_the_console(table, row)).count();
            let (wanted, first) = (keyed.len() + unkeyed, &self.calls[0]);
            found.expect("I16", first, there <= wanted, || format!("{there} rows of {table} from {wanted} requests"));
        }
    }

    /// Those that were made before the trial began.
    fn is_of_the_console(&self, table: &str, row: &Row) -> bool {
        let first = self.tables.rows("environment").map(|(_, row)| text(row, "created_at")).min().unwrap_or_default();
        table == "api_token" && text(row, "created_at") < first
    }

    /// I17: what was acknowledged is seen by whoever asks afterwards.
    fn reads(&self, found: &mut Found) {
        let before = |write: &Call, read: &Call| write.is_done() && write.t1.is_some_and(|t1| t1 < read.t0);
        let mut revised: HashMap<&str, Vec<&Call>> = HashMap::new();
        let mut closed: HashMap<&str, Vec<&Call>> = HashMap::new();
        for call in self.calls.iter().filter(|call| call.is_done()) {
            match call.op {
                "revise" => revised.entry(&call.path).or_default().push(call),
                "withdraw" | "reject" => {
                    closed.entry(call.answer["id"].as_str().unwrap_or_default()).or_default().push(call)
                }
                _ => {}
            }
        }
        for read in self.calls.iter().filter(|call| call.is_done()) {
            if read.op == "read_document" {
                let seen = read.answer["revision"].as_i64().unwrap_or_default();
                let writes = revised.get(read.path.as_str()).into_iter().flatten().filter(|write| before(write, read));
                let last = writes.filter_map(|write| write.answer["revision"].as_i64()).max().unwrap_or_default();
                found.expect("I17", read, last <= seen, || format!("it saw revision {seen} after {last}"));
            }
            if read.op == "look" {
                let ends = closed.get(read.answer["id"].as_str().unwrap_or_default()).into_iter().flatten();
                let state = read.answer["state"].as_str().unwrap_or_default();
                let is_closed = ends.filter(|write| before(write, read)).count() != 0;
                let is_open = ["awaiting_approval", "approved", "held"].contains(&state);
                found.expect("I17", read, !(is_closed && is_open), || format!("it saw {state} after the end"));
            }
        }
    }

    /// I18: a token that was revoked, and a version that was, have no effect any more.
    fn rights(&self, found: &mut Found) {
        let mut ended: HashMap<&str, u128> = HashMap::new();
        for call in self.calls.iter().filter(|call| call.op == "token_ended") {
            ended.insert(&call.token, call.t0);
        }
        let revoked: Vec<(&str, u128)> = self
            .calls
            .iter()
            .filter(|call| call.op == "revoke_version" && call.is_done())
            .filter_map(|call| Some((call.answer["digest"].as_str()?, call.t1?)))
            .collect();
        for call in &self.calls {
            if let Some(end) = ended.get(call.token.as_str()).filter(|_| call.op != "token_ended") {
                let late = end + GRACE_MS < call.t0;
                found.expect("I18", call, !late || call.status.is_none_or(|s| s == 401 || s == BUSY), || {
                    "its token was revoked".to_owned()
                });
            }
            if call.op.starts_with("pull") && call.is_done() {
                let digest = call.answer["release"]["version_digest"].as_str().unwrap_or_default();
                let late = revoked.iter().any(|(gone, at)| *gone == digest && *at < call.t0);
                found.expect("I18", call, !late, || format!("{digest} was revoked before"));
            }
            if call.actor == "mallory" && call.is_mutating() && !ended.contains_key(call.token.as_str()) {
                found.expect("I18", call, !call.is_done(), || "who may only look changed something".to_owned());
            }
        }
    }

    /// A trial that can't fail proves nothing: made-up calls are each found under their rule.
    pub fn notices_what_is_made_up(&self) {
        let of = |op: &str| self.calls.iter().find(|call| call.op == op && call.is_done()).cloned();
        let late = self.calls.iter().filter_map(|call| call.t1).max().unwrap_or_default() + 10_000;
        let mut made_up: Vec<(&str, Vec<Call>)> = Vec::new();
        let mut lost = of("ask").expect("a request");
        lost.answer["id"] = "00000000-0000-7000-8000-000000000000".into();
        made_up.push(("I2", vec![lost]));
        made_up.push(("I15", of("revise").into_iter().collect()));
        let mut refused = of("ask").expect("a request");
        refused.status = Some(403);
        made_up.push(("I14", vec![refused]));
        let mut failed = of("ask").expect("a request");
        failed.status = Some(500);
        made_up.push(("I19", vec![failed]));
        let mut one = of("approve").expect("an approval");
        one.key = Some("made-up-key".to_owned());
        let mut two = one.clone();
        two.answer["sha256"] = "another".into();
        made_up.push(("I16", vec![one, two]));
        let mut stale = of("revise").expect("a revision");
        (stale.op, stale.t0, stale.t1, stale.answer) = ("read_document", late, Some(late), json!({"revision": 0}));
        made_up.push(("I17", vec![stale]));
        let mut pull = of("pull").expect("a pull");
        let mut end = pull.clone();
        (end.op, end.token, end.t0) = ("token_ended", "made-up".to_owned(), 0);
        (pull.token, pull.t0) = ("made-up".to_owned(), late);
        made_up.push(("I18", vec![end, pull]));
        for (rule, calls) in made_up {
            let known = Known {
                calls: [self.calls.clone(), calls].concat(),
                tables: self.tables,
                written: self.written.clone(),
            };
            let (_, faults) = known.check();
            assert!(faults.iter().any(|fault| fault.starts_with(rule)), "{rule} was not noticed: {faults:#?}");
        }
    }
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).and_then(Option::as_ref).and_then(Value::as_str).unwrap_or_default()
}
