//! Environments, their documents, and what runs there.

use super::authors::some_version;
use crate::{
    rig::{
        actors::Actor,
        board::{ENVIRONMENTS, MODELS},
        client::Sent,
    },
    story::spec,
};
use serde_json::{Value, json};

const DOCUMENTS: [&str; 3] = ["constraints", "policy", "profile"];

/// The limits of the trial: quick to measure, and seldom too strict.
pub fn limits(accuracy: f64) -> Value {
    let mut spec = spec();
    spec["datasets"] = json!({"scorer": "people", "ranker": "people"});
    spec["constraints"].as_array_mut().expect("a list").truncate(1);
    spec["constraints"][0]["limit"] = accuracy.into();
    spec["constraints"][0]["owner"] = "tom".into();
    spec
}

/// Overlapping roles, and a time in which nobody may have decided.
pub fn policy(asks: usize) -> Value {
    let approvals = match asks % 3 {
        0 => json!([{"role": "reviewer", "count": 1}]),
        1 => json!([{"role": "reviewer", "count": 2}]),
        _ => json!([{"role": "reviewer", "count": 1}, {"role": "risk_officer", "count": 1}]),
    };
    json!({"approvals": approvals, "request_expires_after_hours": 1, "evidence_maximum_age_days": 300})
}

fn document(actor: &mut Actor) -> (String, Value) {
    let random = &mut actor.client.random;
    let environment = random.pick(&ENVIRONMENTS).copied().unwrap_or_default();
    let kind = *random.pick(&DOCUMENTS).expect("a document");
    let body = match kind {
        "constraints" => limits(if random.percent(20) { 0.99 } else { 0.5 + random.below(20) as f64 / 100.0 }),
        "policy" => policy(random.below(3)),
        _ => {
            json!({"class": "server", "operating_mode": "advisory", "sla": format!("answers in {} ms", random.below(900))})
        }
    };
    (format!("/api/v1/environments/{environment}/{kind}"), body)
}

/// Reads, and revises what was read.
pub async fn revise(actor: &mut Actor) {
    let (path, body) = document(actor);
    let seen = actor.client.get("read_document", &path).await;
    if seen.is_done() {
        actor.board.lock().etags.insert(path.clone(), seen.etag.clone());
        let sent = Sent::json(&body).if_match(&seen.etag);
        actor.client.send("revise", "PUT", &path, sent).await;
    }
}

/// With the ETag of an earlier look, or none.
pub async fn revise_blindly(actor: &mut Actor) {
    let (path, body) = document(actor);
    let known = actor.board.lock().etags.get(&path).cloned();
    let mut sent = Sent::json(&body);
    if actor.client.random.percent(80) {
        sent = sent.if_match(known.as_deref().unwrap_or("\"1\""));
    }
    actor.client.send("revise", "PUT", &path, sent).await;
}

pub async fn read_document(actor: &mut Actor) {
    let (path, _) = document(actor);
    let seen = actor.client.get("read_document", &path).await;
    if seen.is_done() && actor.client.random.percent(50) {
        actor.board.lock().etags.insert(path, seen.etag);
    }
}

pub async fn activate(actor: &mut Actor) {
    let asked = {
        let board = actor.board.lock();
        actor.client.random.pick_recent(&board.requests).cloned()
    };
    let Some(asked) = asked else { return };
    let _ = asked.environment;
    actor.client.post("activate", &format!("/api/v1/promotions/{}/activation", asked.id), json!({})).await;
}

pub async fn roll_back(actor: &mut Actor) {
    let random = &mut actor.client.random;
    let (environment, model) =
        (random.pick(&ENVIRONMENTS).copied().unwrap_or_default(), random.pick(&MODELS).copied().unwrap_or_default());
    let mut body = json!({"reason": "It answered too slowly."});
    if random.percent(50)
        && let Some(version) = some_version(actor)
    {
        body["to"] = version.number.into();
    }
    let path = format!("/api/v1/environments/{environment}/models/{model}/rollbacks");
    actor.client.post("roll_back", &path, body).await;
}
