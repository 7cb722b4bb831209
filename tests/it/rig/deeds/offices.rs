//! Accounts, credentials, keys, findings; and everything that is not allowed.

use super::authors::some_version;
use crate::rig::{
    actors::Actor,
    board::{ENVIRONMENTS, MODELS},
    client::Sent,
};
use serde_json::{Value, json};

pub async fn make_token(actor: &mut Actor) {
    let body = json!({"name": "trial", "account": "pipeline", "expires_in_days": 300});
    let answer = actor.client.post("make_token", "/api/v1/tokens", body).await;
    if answer.is_done() && !answer.text("token").is_empty() {
        actor.board.lock().tokens.push((answer.text("id"), answer.text("token")));
    }
}

pub async fn revoke_token(actor: &mut Actor) {
    let token = {
        let mut board = actor.board.lock();
        let count = board.tokens.len();
        if count == 0 {
            return;
        }
        board.tokens.remove(actor.client.random.below(count))
    };
    let path = format!("/api/v1/tokens/{}", token.0);
    let answer = actor.client.send("revoke_token", "DELETE", &path, Sent::default()).await;
    let mut board = actor.board.lock();
    match answer.is_done() {
        true => {
            actor.client.note_end(&token.1);
            board.dead.push(token.1);
        }
        false => board.tokens.push(token),
    }
}

/// A pull with a credential that was revoked, or with one that still holds.
pub async fn use_dead_token(actor: &mut Actor) {
    let token = {
        let board = actor.board.lock();
        let dead = actor.client.random.percent(75);
        let living: Vec<_> = board.tokens.iter().map(|(_, secret)| secret.clone()).collect();
        actor.client.random.pick_recent(if dead { &board.dead } else { &living }).cloned()
    };
    let Some(token) = token else { return };
    let own = std::mem::replace(&mut actor.client.token, token);
    super::pulls::pull(actor).await;
    actor.client.token = own;
}

/// Somebody comes, and goes again.
pub async fn hire_and_fire(actor: &mut Actor) {
    let name = format!("guest-{}", actor.client.random.below(1_000_000));
    let roles = if actor.client.random.percent(50) { ["reviewer"] } else { ["contributor"] };
    let body = json!({"name": name, "kind": "user", "roles": roles});
    if actor.client.post("hire", "/api/v1/accounts", body).await.is_done() {
        actor.board.lock().accounts.push(name);
    }
    let leaving = {
        let board = actor.board.lock();
        actor.client.random.pick(&board.accounts).cloned()
    };
    if let Some(name) = leaving.filter(|_| actor.client.random.percent(60)) {
        actor.client.send("fire", "DELETE", &format!("/api/v1/accounts/{name}"), Sent::default()).await;
    }
}

pub async fn revoke_version(actor: &mut Actor) {
    let Some(version) = some_version(actor).filter(|_| actor.client.random.percent(50)) else { return };
    let path = format!("/api/v1/models/{}/versions/{}/revocation", version.model, version.number);
    actor.client.post("revoke_version", &path, json!({"reason": "It learnt from leaked data."})).await;
}

/// Trusts a key that nobody signs with, and revokes it: every open request is looked at.
pub async fn roll_key(actor: &mut Actor) {
    let key = plimsoll::crypto::keys::SigningKey::generate().expect("key");
    let name = format!("spare-{}", actor.client.random.below(1_000_000));
    let body = json!({"name": name, "public_key_pem": key.verifying_key().to_pem()});
    let answer = actor.client.post("add_key", "/api/v1/trust-keys", body).await;
    if answer.is_done() {
        let path = format!("/api/v1/trust-keys/{}", answer.text("id"));
        actor.client.send("revoke_key", "DELETE", &path, Sent::default()).await;
    }
}

pub async fn open_finding(actor: &mut Actor) {
    let Some(version) = some_version(actor) else { return };
    let severity = *actor.client.random.pick(&["low", "medium", "high"]).expect("severity");
    let code = format!("noticed-{}", actor.client.random.below(5));
    let mut body = json!({"code": code, "severity": severity, "title": "It looks odd.", "model": version.model,
        "version": version.number, "owner": "sara"});
    if actor.client.random.percent(50) {
        body["environment"] = (*actor.client.random.pick(&ENVIRONMENTS).expect("a place")).into();
    }
    let answer = actor.client.post("open_finding", "/api/v1/findings", body).await;
    if answer.is_done() {
        actor.board.lock().findings.push(answer.text("id"));
    }
}

pub async fn settle_finding(actor: &mut Actor) {
    let finding = {
        let board = actor.board.lock();
        actor.client.random.pick_recent(&board.findings).cloned()
    };
    let Some(id) = finding else { return };
    match actor.client.random.below(4) {
        0 => {
            let body = json!({"reason": "It is worth it.", "until": "2027-01-01T00:00:00Z"});
            actor.client.post("accept_finding", &format!("/api/v1/findings/{id}/acceptance"), body).await;
        }
        1 => {
            let body = json!({"reason": "Working on it."});
            actor.client.post("remediate_finding", &format!("/api/v1/findings/{id}/remediation"), body).await;
        }
        _ => {
            let body = json!({"reason": "Looked at it again."});
            actor.client.post("close_finding", &format!("/api/v1/findings/{id}/closure"), body).await;
        }
    }
}

/// Guests turn out to be somebody, or nobody in particular.
pub async fn link(actor: &mut Actor) {
    let guest = {
        let board = actor.board.lock();
        actor.client.random.pick(&board.accounts).cloned()
    };
    let Some(guest) = guest else { return };
    let same = if actor.client.random.percent(70) { json!("ines") } else { Value::Null };
    let path = format!("/api/v1/accounts/{guest}/person");
    actor.client.send("link", "PUT", &path, Sent::json(&json!({"same_as": same}))).await;
}

pub async fn delegate(actor: &mut Actor) {
    let known = {
        let board = actor.board.lock();
        actor.client.random.pick_recent(&board.delegations).cloned()
    };
    if let Some(id) = known {
        let path = format!("/api/v1/delegations/{id}");
        if actor.client.send("end_delegation", "DELETE", &path, Sent::default()).await.is_done() {
            actor.board.lock().delegations.retain(|other| *other != id);
        }
        return;
    }
    let to = *actor.client.random.pick(&["rui", "vera", "mara"]).expect("somebody");
    let body = json!({"to": to, "valid_until": "2026-12-30T00:00:00Z"});
    let answer = actor.client.post("delegate", "/api/v1/delegations", body).await;
    if answer.is_done() {
        actor.board.lock().delegations.push(answer.text("id"));
    }
}

/// Things that no service should do.
pub async fn nonsense(actor: &mut Actor) {
    let (id, which) = (actor.client.random.id(), actor.client.random.below(12));
    let model = *actor.client.random.pick(&MODELS).expect("a model");
    let (method, path, body): (&'static str, String, Value) = match which {
        0 => ("POST", format!("/api/v1/promotions/{id}/activation"), json!({})),
        1 => (
            "POST",
            format!("/api/v1/promotions/{id}/decisions"),
            json!({"decision_digest": "x", "outcome": "approve"}),
        ),
        2 => (
            "POST",
            "/api/v1/promotions".to_owned(),
            json!({"model": model, "version": "-1", "environment": "production"}),
        ),
        3 => ("DELETE", format!("/api/v1/models/{model}"), Value::Null),
        4 => ("PUT", "/api/v1/environments/production/policy".to_owned(), json!({"approvals": []})),
        5 => ("POST", "/api/v1/accounts".to_owned(), json!({"name": "root", "kind": "user", "roles": ["admin"]})),
        6 => ("POST", "/api/v1/tokens".to_owned(), json!({"name": "t", "account": "olga", "expires_in_days": 9_999})),
        7 => ("POST", format!("/api/v1/environments/nowhere/models/{model}/rollbacks"), json!({"reason": "x"})),
        8 => {
            ("POST", "/api/v1/runs".to_owned(), json!({"model": model, "version": "999999", "environment": "staging"}))
        }
        9 => ("PATCH", format!("/api/v1/models/{model}"), json!({"id": id, "created_at": "2020-01-01"})),
        10 => ("DELETE", format!("/api/v1/tokens/{id}"), Value::Null),
        _ => ("PUT", format!("/api/v1/models/{model}/versions/1/files/model.onnx"), json!("other bytes")),
    };
    let sent = if body.is_null() { Sent::default() } else { Sent::json(&body) };
    actor.client.send("nonsense", method, &path, sent).await;
}
