//! Asking for a promotion, and deciding on it.

use super::{authors::some_version, places::MODES};
use crate::rig::{
    actors::Actor,
    board::{Asked, ENVIRONMENTS},
    client::Answer,
};
use serde_json::json;

/// For what passed, mostly.
pub async fn ask(actor: &mut Actor) {
    let passed: Vec<_> = actor.board.lock().runs.iter().filter(|run| run.passed == Some(true)).cloned().collect();
    let chosen = actor.client.random.pick_recent(&passed).cloned();
    let (version, environment) = match chosen {
        Some(run) if actor.client.random.percent(85) => (run.version, run.environment),
        _ => match (some_version(actor), actor.client.random.pick(&ENVIRONMENTS).copied()) {
            (Some(version), Some(environment)) => (version, environment),
            _ => return,
        },
    };
    let mut body = json!({"model": version.model, "version": version.number, "environment": environment});
    if actor.client.random.percent(20) {
        body["mode"] = (*actor.client.random.pick(&MODES).expect("a mode")).into();
    }
    let answer = actor.client.post("ask", "/api/v1/promotions", body).await;
    if answer.is_done() {
        let asked = Asked { id: answer.text("id"), digest: answer.text("decision_digest") };
        if answer.text("state") == "awaiting_approval" || actor.client.random.percent(10) {
            actor.board.lock().requests.push(asked);
        }
    }
}

/// Looks, and mostly forgets what is closed.
pub async fn look_up(actor: &mut Actor, asked: &Asked) -> Answer {
    let seen = actor.client.get("look", &format!("/api/v1/promotions/{}", asked.id)).await;
    let state = seen.text("state");
    let is_open = ["awaiting_approval", "approved", "held"].contains(&state.as_str());
    if seen.is_done() && !is_open && actor.client.random.percent(60) {
        actor.board.lock().requests.retain(|other| other.id != asked.id);
    }
    seen
}

pub fn some_request(actor: &mut Actor) -> Option<Asked> {
    let board = actor.board.lock();
    actor.client.random.pick_recent(&board.requests).cloned()
}

pub async fn withdraw(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    actor.client.post("withdraw", &format!("/api/v1/promotions/{}/withdrawal", asked.id), json!({})).await;
}

pub async fn look(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    look_up(actor, &asked).await;
}

/// Takes an approval back.
pub async fn unapprove(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    let path = format!("/api/v1/promotions/{}/decisions/withdrawal", asked.id);
    actor.client.post("unapprove", &path, json!({"reason": "I looked again."})).await;
}

pub async fn comment(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    let path = format!("/api/v1/promotions/{}/comments", asked.id);
    actor.client.post("comment", &path, json!({"body": "Why now?"})).await;
}

/// Looks first, as people do.
pub async fn approve(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    let seen = look_up(actor, &asked).await;
    let digest = if seen.is_done() { seen.text("decision_digest") } else { asked.digest.clone() };
    decide(actor, &asked, &digest, "approve").await;
}

/// With a digest of something else, or of long ago.
pub async fn approve_blindly(actor: &mut Actor) {
    let (Some(asked), Some(other)) = (some_request(actor), some_request(actor)) else { return };
    decide(actor, &asked, &other.digest, "approve").await;
}

pub async fn reject(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    decide(actor, &asked, &asked.digest, "reject").await;
}

async fn decide(actor: &mut Actor, asked: &Asked, digest: &str, outcome: &'static str) {
    let path = format!("/api/v1/promotions/{}/decisions", asked.id);
    let body = json!({"decision_digest": digest, "outcome": outcome, "reason": "Looked at it."});
    actor.client.post(outcome, &path, body).await;
}
