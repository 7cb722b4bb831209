//! Asking for a promotion, and deciding on it.

use super::authors::some_version;
use crate::rig::{
    actors::Actor,
    board::{Asked, ENVIRONMENTS},
};
use serde_json::json;

pub async fn ask(actor: &mut Actor) {
    let (Some(version), Some(environment)) = (some_version(actor), actor.client.random.pick(&ENVIRONMENTS).copied())
    else {
        return;
    };
    let body = json!({"model": version.model, "version": version.number, "environment": environment});
    let answer = actor.client.post("ask", "/api/v1/promotions", body).await;
    if answer.is_done() {
        let asked = Asked { id: answer.text("id"), digest: answer.text("decision_digest"), environment };
        let is_open = answer.text("state") == "awaiting_approval";
        if is_open || actor.client.random.percent(10) {
            actor.board.lock().requests.push(asked);
        }
    }
}

fn some_request(actor: &mut Actor) -> Option<Asked> {
    let board = actor.board.lock();
    actor.client.random.pick_recent(&board.requests).cloned()
}

pub async fn withdraw(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    actor.client.post("withdraw", &format!("/api/v1/promotions/{}/withdrawal", asked.id), json!({})).await;
}

pub async fn look(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    actor.client.get("look", &format!("/api/v1/promotions/{}", asked.id)).await;
}

/// Looks first, as people do.
pub async fn approve(actor: &mut Actor) {
    let Some(asked) = some_request(actor) else { return };
    let seen = actor.client.get("look", &format!("/api/v1/promotions/{}", asked.id)).await;
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
