//! What deployers do.

use super::authors::some_version;
use crate::rig::{
    actors::Actor,
    board::{ENVIRONMENTS, MODELS},
    client::Sent,
};

fn place(actor: &mut Actor) -> String {
    let random = &mut actor.client.random;
    let environment = random.pick(&ENVIRONMENTS).copied().unwrap_or_default();
    let model = random.pick(&MODELS).copied().unwrap_or_default();
    format!("/api/v1/environments/{environment}/models/{model}/release")
}

pub async fn pull(actor: &mut Actor) {
    let path = place(actor);
    let answer = actor.client.get("pull", &path).await;
    if answer.is_done() {
        actor.board.lock().etags.insert(path, answer.etag);
    }
}

/// A version that may or may not be the active one.
pub async fn pull_wanted(actor: &mut Actor) {
    let path = place(actor);
    let Some(version) = some_version(actor) else { return };
    let wanted = if actor.client.random.percent(50) { version.number } else { version.digest };
    actor.client.get("pull", &format!("{path}?version={wanted}")).await;
}

pub async fn pull_file(actor: &mut Actor) {
    let path = place(actor);
    let file = *actor.client.random.pick(&["model.onnx", "README.md", "other.bin"]).expect("a file");
    actor.client.get("pull_file", &format!("{path}/files/{file}")).await;
}

/// With the ETag of an earlier pull.
pub async fn pull_again(actor: &mut Actor) {
    let path = place(actor);
    let known = actor.board.lock().etags.get(&path).cloned();
    let sent = Sent { if_none_match: known, ..Sent::default() };
    actor.client.send("pull_again", "GET", &path, sent).await;
}
