//! What weighs much, tried by whoever gave their password too long ago.

use super::{Recipe, newest};
use crate::{
    authz_matrix::{Body, send},
    story::text,
    world::World,
};
use plimsoll::authz::{Action, policy::is_weighty};
use serde_json::{Value, json};

/// The same, and its variants, as somebody who may and who gave their password too long ago: what of it weighs much.
pub(super) async fn weighed(world: &World, recipe: &Recipe, method: &str, path: &str) -> Vec<String> {
    const REJECT: fn() -> Value =
        || json!({"decision_digest": "{promotion_decision}", "outcome": "reject", "reason": "a test"});
    const LIMIT: fn() -> Value = || {
        json!({"datasets": {"scorer": "people"}, "constraints": [{"name": "size", "dimension": "size",
            "metric": "artifact_size", "operator": "<=", "limit": 1024, "unit": "KiBy", "owner": "a-environment_manager"}]})
    };
    const POLICY: fn() -> Value = || json!({"approvals": [{"role": "reviewer", "count": 1}]});
    let weighs = recipe
        .events
        .first()
        .is_some_and(|(action, ..)| Action::ALL.iter().any(|known| known.name() == *action && is_weighty(*known)));
    if !weighs {
        return Vec::new();
    }
    let (reject, limit, policy) = (Body::Json(REJECT), Body::Match("\"1\"", LIMIT), Body::Match("\"1\"", POLICY));
    let mut tries = vec![(path.to_owned(), &recipe.body)];
    match recipe.operation {
        "decidePromotion" => tries.push((path.to_owned(), &reject)),
        "reviseDocument" => {
            let of = |document: &str| path.replace("/profile", document);
            tries.extend([(of("/constraints"), &limit), (of("/policy"), &policy)]);
        }
        _ => {}
    }
    let who = match recipe.operation {
        "beginSecondFactor" => "bare",
        "renewRecoveryCodes" | "removeSecondFactor" => "factored",
        // The same action as beginning, and never without a code that fits.
        "confirmSecondFactor" => return Vec::new(),
        // Everybody may make tokens for themselves.
        _ if recipe.role == "viewer" => "reviewer",
        "takeSecondFactor" => "admin",
        _ => recipe.role,
    };
    let mut refused = Vec::new();
    for (path, body) in tries {
        let before = world.app.events().await;
        let answer = send(world, &format!("stale-{who}"), method, &path, body).await;
        assert_eq!(answer.status, 403, "{}: {}", recipe.operation, answer.text());
        assert_eq!(answer.code(), "reauthentication_required", "{}", recipe.operation);
        let events = newest(world, before).await;
        assert_eq!((events.len(), &events[0]["outcome"]), (1, &json!("denied")), "{}", recipe.operation);
        refused.push(text(&events[0]["action"]));
    }
    refused
}
