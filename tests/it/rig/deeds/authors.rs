//! Making versions, measuring them, and saying something about them.

use crate::{
    rig::{
        actors::Actor,
        board::{ENVIRONMENTS, MODELS, Measured, Version},
        client::Sent,
    },
    story::{declaration, provenance, reported, scan, scorer, sign},
};
use serde_json::json;

pub async fn push_version(actor: &mut Actor) {
    let unfinished = actor.board.lock().versions.iter().rev().take(8).find(|v| !v.sealed).cloned();
    let version = match unfinished.filter(|_| actor.client.random.percent(70)) {
        Some(version) => version,
        None => match declare(actor).await {
            Some(version) => version,
            None => return,
        },
    };
    for (path, bytes) in &version.files {
        let to = format!("/api/v1/models/{}/versions/{}/files/{path}", version.model, version.number);
        let sent = Sent { body: bytes.clone(), content_type: Some("application/octet-stream"), ..Sent::default() };
        if !actor.client.send("upload", "PUT", &to, sent).await.is_done() {
            return;
        }
    }
    seal(actor, &version).await;
}

async fn declare(actor: &mut Actor) -> Option<Version> {
    let model = *actor.client.random.pick(&MODELS)?;
    let files = scorer(actor.board.next());
    let answer = actor.client.post("declare", &format!("/api/v1/models/{model}/versions"), declaration(&files)).await;
    if !answer.is_done() {
        return None;
    }
    let (number, digest) = (answer.json["number"].to_string(), answer.text("digest"));
    let version = Version { model, number, digest, files, sealed: false };
    actor.board.lock().versions.push(version.clone());
    Some(version)
}

async fn seal(actor: &mut Actor, version: &Version) {
    let key = if actor.client.random.percent(4) {
        &plimsoll::crypto::keys::SigningKey::generate().expect("key")
    } else {
        &*actor.key
    };
    let body = json!({
        "signature": sign(&version.files, version.model, key),
        "attestations": [provenance(&version.files, &actor.key)],
    });
    let path = format!("/api/v1/models/{}/versions/{}/seal", version.model, version.number);
    let sealed = actor.client.post("seal", &path, body).await;
    if sealed.is_done() || sealed.status == 409 {
        let mut board = actor.board.lock();
        let found = board.versions.iter_mut().find(|v| v.model == version.model && v.number == version.number);
        found.into_iter().for_each(|version| version.sealed = true);
    }
}

/// Declares the same files as somebody else's draft.
pub async fn take_over_draft(actor: &mut Actor) {
    let Some(version) = some_version(actor) else { return };
    let path = format!("/api/v1/models/{}/versions", version.model);
    actor.client.post("take_over", &path, declaration(&version.files)).await;
}

pub fn some_version(actor: &mut Actor) -> Option<Version> {
    let board = actor.board.lock();
    actor.client.random.pick_recent(&board.versions).cloned()
}

/// Of a version that was not measured there yet, mostly.
pub async fn request_run(actor: &mut Actor) {
    let (Some(version), Some(environment)) = (some_version(actor), actor.client.random.pick(&ENVIRONMENTS).copied())
    else {
        return;
    };
    let is_same = |run: &Measured| {
        (run.version.model, &run.version.number, run.environment) == (version.model, &version.number, environment)
    };
    let known = actor.board.lock().runs.iter().any(is_same);
    if (known || !version.sealed) && actor.client.random.percent(85) {
        return;
    }
    let body = json!({"model": version.model, "version": version.number, "environment": environment});
    let answer = actor.client.post("run", "/api/v1/runs", body).await;
    if answer.is_done() {
        let run = Measured { id: answer.text("id"), version, environment, passed: None };
        actor.board.lock().runs.push(run);
    }
}

/// Looks how a run went.
pub async fn look_at_run(actor: &mut Actor) {
    let waiting: Vec<_> = actor.board.lock().runs.iter().filter(|run| run.passed.is_none()).cloned().collect();
    let Some(run) = actor.client.random.pick(&waiting) else { return };
    let seen = actor.client.get("look_at_run", &format!("/api/v1/runs/{}", run.id)).await;
    let state = seen.text("state");
    if seen.is_done() && state != "queued" && state != "running" {
        let mut board = actor.board.lock();
        let found = board.runs.iter_mut().find(|known| known.id == run.id);
        found.into_iter().for_each(|run| run.passed = Some(state == "passed"));
    }
}

pub async fn report_evidence(actor: &mut Actor) {
    let Some(version) = some_version(actor).filter(|v| !v.digest.is_empty()) else { return };
    let name = *actor.client.random.pick(&["malware", "licences"]).expect("a name");
    let mut predicate = scan(name);
    let second = actor.board.next() % 60;
    predicate["issued_at"] = format!("2026-01-02T03:{:02}:{second:02}Z", actor.client.random.below(60)).into();
    let path = format!("/api/v1/models/{}/versions/{}/evidence", version.model, version.number);
    let body = json!({"bundle": reported(&version.digest, predicate, &actor.key)});
    let answer = actor.client.post("report", &path, body).await;
    if answer.is_done() {
        actor.board.lock().reports.push((version.model, version.number, answer.text("id")));
    }
}

pub async fn close_evidence(actor: &mut Actor) {
    let report = {
        let board = actor.board.lock();
        actor.client.random.pick_recent(&board.reports).cloned()
    };
    let Some((model, number, id)) = report else { return };
    let (op, how) =
        if actor.client.random.percent(60) { ("withdraw_evidence", "withdraw") } else { ("refute", "refute") };
    let path = format!("/api/v1/models/{model}/versions/{number}/evidence/{id}/{how}");
    actor.client.post(op, &path, json!({"reason": "It was of another file."})).await;
}
