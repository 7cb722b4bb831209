//! Waivers, emergencies, what really runs, and what is on record.

use super::authors::some_version;
use crate::rig::{
    actors::Actor,
    board::{ENVIRONMENTS, MODELS},
    client::Sent,
};
use chrono::TimeDelta;
use plimsoll::core::clock::{Clock, rfc3339};
use serde_json::{Value, json};

pub async fn ask_waiver(actor: &mut Actor) {
    let (Some(version), Some(environment)) = (some_version(actor), actor.client.random.pick(&ENVIRONMENTS).copied())
    else {
        return;
    };
    let mut body = json!({"model": version.model, "environment": environment, "constraint": "accuracy",
        "reason": "It is better than nothing.", "compensating_control": "Somebody looks at every case."});
    if actor.client.random.percent(70) {
        body["version"] = version.number.into();
    }
    if actor.client.random.percent(50) {
        // The service's clock leaps, so these run out.
        let end = Clock::System.now() + TimeDelta::hours(2 + actor.client.random.below(6) as i64);
        body["expires_at"] = rfc3339(end).into();
    }
    let answer = actor.client.post("ask_waiver", "/api/v1/waivers", body).await;
    if answer.is_done() {
        actor.board.lock().waivers.push(answer.text("id"));
    }
}

pub async fn decide_waiver(actor: &mut Actor) {
    let waiver = {
        let board = actor.board.lock();
        actor.client.random.pick_recent(&board.waivers).cloned()
    };
    let Some(id) = waiver else { return };
    if actor.client.random.percent(4) {
        let path = format!("/api/v1/waivers/{id}/revocation");
        actor.client.post("revoke_waiver", &path, json!({"reason": "It is over."})).await;
        return;
    }
    let outcome = if actor.client.random.percent(85) { "grant" } else { "refuse" };
    let path = format!("/api/v1/waivers/{id}/decisions");
    actor.client.post("decide_waiver", &path, json!({"outcome": outcome, "reason": "Looked at it."})).await;
}

pub async fn break_glass(actor: &mut Actor) {
    let (Some(version), Some(environment)) = (some_version(actor), actor.client.random.pick(&ENVIRONMENTS).copied())
    else {
        return;
    };
    let hours = 1 + actor.client.random.below(3);
    let body = json!({"model": version.model, "version": version.number, "environment": environment,
        "justification": "Nothing else answers.", "hours": hours});
    let answer = actor.client.post("break_glass", "/api/v1/break-glass", body).await;
    if answer.is_done() {
        actor.board.lock().emergencies.push(answer.text("id"));
    }
}

/// Closes an emergency, or reviews it.
pub async fn mend_glass(actor: &mut Actor) {
    let emergency = {
        let board = actor.board.lock();
        actor.client.random.pick_recent(&board.emergencies).cloned()
    };
    let Some(id) = emergency else { return };
    let (op, what, body): (&'static str, &str, Value) = match actor.client.random.below(3) {
        0 => ("close_emergency", "closure", json!({"reason": "It is over."})),
        1 => ("confirm_emergency", "confirmation", json!({})),
        _ => ("review_emergency", "review", json!({"outcome": "justified", "reason": "It was needed."})),
    };
    actor.client.post(op, &format!("/api/v1/break-glass/{id}/{what}"), body).await;
}

pub async fn report_running(actor: &mut Actor) {
    let random = &mut actor.client.random;
    let (environment, model) = (random.pick(&ENVIRONMENTS).copied(), random.pick(&MODELS).copied());
    let host = format!("host-{}", random.below(3));
    let digest = some_version(actor).map(|version| version.digest).filter(|digest| !digest.is_empty());
    let path = format!(
        "/api/v1/environments/{}/models/{}/running",
        environment.unwrap_or_default(),
        model.unwrap_or_default()
    );
    actor.client.send("report_running", "PUT", &path, Sent::json(&json!({"digest": digest, "host": host}))).await;
}

/// Writes what a policy may ask to be on record, or says something else.
pub async fn keep_record(actor: &mut Actor) {
    let model = *actor.client.random.pick(&MODELS).expect("a model");
    let path = format!("/api/v1/models/{model}/records/runbook/night");
    let seen = actor.client.get("read_record", &path).await;
    let etag = if seen.status == 404 { "\"0\"".to_owned() } else { seen.etag };
    let body = json!({"url": format!("https://wiki.example/{}", actor.client.random.below(4)),
        "sha256": format!("sha256:{}", "0".repeat(64))});
    let record = json!({"owner": "sara", "review_by": "2027-06-01", "body": body});
    actor.client.send("keep_record", "PUT", &path, Sent::json(&record).if_match(&etag)).await;
}

/// Says what a model is for, or how much depends on it.
pub async fn update_model(actor: &mut Actor) {
    let model = *actor.client.random.pick(&MODELS).expect("a model");
    let path = format!("/api/v1/models/{model}");
    let seen = actor.client.get("read_model", &path).await;
    let body = if actor.client.random.percent(50) {
        json!({"intended_use": format!("Trial {}.", actor.client.random.below(100))})
    } else {
        json!({"risk_tier": *actor.client.random.pick(&["low", "medium", "high"]).expect("a tier")})
    };
    actor.client.send("update_model", "PATCH", &path, Sent::json(&body).if_match(&seen.etag)).await;
}

/// Says afterwards whether a way back was right, or tries one.
pub async fn look_back(actor: &mut Actor) {
    let random = &mut actor.client.random;
    let (environment, model) = (random.pick(&ENVIRONMENTS).copied(), random.pick(&MODELS).copied());
    let place =
        format!("/api/v1/environments/{}/models/{}", environment.unwrap_or_default(), model.unwrap_or_default());
    if actor.client.random.percent(30) {
        actor.client.post("rehearse", &format!("{place}/rollbacks/rehearsals"), json!({})).await;
        return;
    }
    let history = actor.client.get("history", &format!("{place}/releases")).await;
    let releases = history.json["items"].as_array().cloned().unwrap_or_default();
    let Some(back) = releases.iter().find(|release| release["kind"] == "rollback") else { return };
    let path = format!("/api/v1/releases/{}/review", back["id"].as_str().unwrap_or_default());
    actor.client.post("review_rollback", &path, json!({"outcome": "justified", "reason": "It was."})).await;
}
