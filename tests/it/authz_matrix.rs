//! Who gets what, for every operation of the document. A new operation fails this test
//! until it has a row.

use crate::{
    harness::{Reply, TestApp, reply},
    openapi,
    world::{ROLES, World, fixture},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll::crypto::keys::SigningKey;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is sent.
pub enum Body {
    None,
    /// JSON; placeholders as in paths.
    Json(fn() -> Value),
    /// JSON with this `If-Match`.
    Match(&'static str, fn() -> Value),
    /// A CSV with its description.
    Table,
    /// A file of the fixtures.
    File(&'static str),
    /// These bytes.
    Bytes(&'static [u8]),
    /// Nothing, with this query.
    Query(&'static str),
    /// JSON, with this query.
    Both(&'static str, fn() -> Value),
}

use Body::{File, Json, Match, None as Empty, Table};

/// (method, path of the document, its `{…}` filled in, body, statuses)
///
/// Statuses: anonymous, viewer, contributor, reviewer, environment manager, deployer, auditor, admin,
/// risk officer, compliance officer.
pub type Row = (&'static str, &'static str, &'static str, Body, [u16; 10]);

/// What everyone but the deployment tool may look at.
const LOOK: [u16; 10] = [401, 200, 200, 200, 200, 403, 200, 200, 200, 200];

/// In this order: later rows build on earlier ones. `{fresh}` is another name in every cell.
#[rustfmt::skip]
pub const MATRIX: &[Row] = &[
    ("GET", "/api/v1/registry", "", Empty, [200; 10]),
    ("POST", "/api/v1/sessions", "", Json(|| json!({"name": "spare", "password": "a long enough one"})), [201; 10]),
    ("GET", "/api/v1/sessions", "", Empty, [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    // With a token, which needs no confirmation: allowed, and refused for that.
    ("POST", "/api/v1/sessions/current/confirmation", "", Json(|| json!({"password": "a password of some length"})), [401, 409, 409, 409, 409, 409, 409, 409, 409, 409]),
    // No session of one's own: what one may not manage does not exist.
    ("DELETE", "/api/v1/sessions/{session}", "/api/v1/sessions/{token}", Empty, [401, 404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("DELETE", "/api/v1/sessions", "", Empty, [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("PUT", "/api/v1/password", "", Json(|| json!({"current_password": "a password of some length", "new_password": "a password of some length"})), [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("POST", "/api/v1/accounts/{account}/password-reset", "/api/v1/accounts/twin/password-reset", Empty, only(ADMIN, 201)),
    // Whoever has no code gets nowhere, whatever they may otherwise.
    ("POST", "/api/v1/password-resets", "", Json(|| json!({"code": "not one", "new_password": "a password of some length"})), [422; 10]),
    // There are accounts.
    ("POST", "/api/v1/first-account", "", Json(|| json!({"code": "not one", "name": "ada", "password": "a password of some length"})), [422; 10]),
    ("GET", "/api/v1/second-factor", "", Empty, [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    // With a token: a second factor is a matter of sessions.
    ("POST", "/api/v1/second-factor", "", Empty, NOBODY),
    ("POST", "/api/v1/second-factor/confirmation", "", Json(|| json!({"code": "123456"})), NOBODY),
    ("POST", "/api/v1/second-factor/recovery-codes", "", Empty, NOBODY),
    ("DELETE", "/api/v1/second-factor", "", Empty, NOBODY),
    // They have none.
    ("DELETE", "/api/v1/accounts/{account}/second-factor", "/api/v1/accounts/twin/second-factor", Empty, only(ADMIN, 409)),
    ("GET", "/api/v1/whoami", "", Empty, [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/v1/accounts", "", Empty, LOOK),
    ("POST", "/api/v1/accounts", "", Json(|| json!({"name": "{fresh}", "kind": "service", "roles": ["deployer"]})), only(ADMIN, 201)),
    ("GET", "/api/v1/tokens", "", Empty, [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("POST", "/api/v1/tokens", "", Json(|| json!({"name": "mine", "expires_in_days": 1})), [401, 201, 201, 201, 201, 201, 201, 201, 201, 201]),
    ("GET", "/api/v1/workload-trusts", "", Empty, LOOK),
    ("POST", "/api/v1/workload-trusts", "", Json(|| json!({"name": "{fresh}", "issuer": "https://ci.example", "audience": "plimsoll", "claims": {"sub": ["x"]}, "account": "spare-robot", "minutes": 5})), only(ADMIN, 201)),
    ("DELETE", "/api/v1/workload-trusts/{trust}", "/api/v1/workload-trusts/{trust}", Empty, only(ADMIN, 200)),
    // Nobody is trusted under this name, whoever asks.
    ("POST", "/api/v1/workload-tokens", "", Json(|| json!({"trust": "nobody", "token": "x"})), [422; 10]),
    // Someone else's token: what one may not manage does not exist.
    ("DELETE", "/api/v1/tokens/{token}", "/api/v1/tokens/{token}", Empty, [401, 404, 404, 404, 404, 404, 404, 204, 404, 404]),
    ("DELETE", "/api/v1/accounts/{account}", "/api/v1/accounts/spare", Empty, only(ADMIN, 200)),
    // It was deactivated a moment ago.
    ("POST", "/api/v1/accounts/{account}/erasure", "/api/v1/accounts/spare/erasure", Empty, only(ADMIN, 200)),
    ("GET", "/api/v1/accounts/{account}/person", "/api/v1/accounts/twin/person", Empty, LOOK),
    ("PUT", "/api/v1/accounts/{account}/person", "/api/v1/accounts/twin/person", Json(|| json!({"same_as": null})), only(ADMIN, 200)),
    ("PUT", "/api/v1/accounts/{account}/team", "/api/v1/accounts/twin/team", Json(|| json!({"team": "first-line"})), only(ADMIN, 200)),
    ("GET", "/api/v1/accounts/{account}/roles", "/api/v1/accounts/twin/roles", Empty, LOOK),
    ("PUT", "/api/v1/accounts/{account}/roles/{role}", "/api/v1/accounts/twin/roles/auditor", Empty, only(ADMIN, 200)),
    ("DELETE", "/api/v1/accounts/{account}/roles/{role}", "/api/v1/accounts/twin/roles/auditor", Empty, only(ADMIN, 200)),
    ("GET", "/api/v1/delegations", "", Empty, LOOK),
    ("POST", "/api/v1/delegations", "", Json(|| json!({"to": "deputy", "valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-02-02T00:00:00Z"})), [401, 403, 403, 201, 403, 403, 403, 403, 201, 201]),
    ("GET", "/api/v1/delegations/{delegation}", "/api/v1/delegations/{delegation}", Empty, LOOK),
    // One of its sides, and an administrator.
    ("DELETE", "/api/v1/delegations/{delegation}", "/api/v1/delegations/{delegation}", Empty, [401, 403, 403, 200, 403, 403, 403, 200, 403, 403]),
    ("GET", "/api/v1/trust-keys", "", Empty, LOOK),
    ("POST", "/api/v1/trust-keys", "", Json(|| json!({"name": "{fresh}", "public_key_pem": "{pem}"})), only(ADMIN, 201)),
    ("GET", "/api/v1/models", "", Empty, LOOK),
    ("POST", "/api/v1/models", "", Json(|| json!({"name": "{fresh}", "intended_use": "x", "risk_tier": "low"})), only(CONTRIBUTOR, 201)),
    ("GET", "/api/v1/models/{model}", "/api/v1/models/scorer", Empty, LOOK),
    ("PATCH", "/api/v1/models/{model}", "/api/v1/models/scorer", Match("\"1\"", || json!({"title": "Scorer"})), only(CONTRIBUTOR, 200)),
    ("GET", "/api/v1/models/{model}/versions", "/api/v1/models/scorer/versions", Empty, LOOK),
    ("POST", "/api/v1/models/{model}/versions", "/api/v1/models/scorer/versions", Json(|| json!({"files": [
        {"path": "a", "sha256": format!("sha256:{}", "0".repeat(64)), "size_bytes": 1}]})), only(CONTRIBUTOR, 201)),
    ("GET", "/api/v1/models/{model}/versions/{version}", "/api/v1/models/scorer/versions/1", Empty, LOOK),
    ("PUT", "/api/v1/models/{model}/versions/{version}/files/{path}", "/api/v1/models/scorer/versions/4/files/model.onnx", File("tensor_binary.onnx"), only(CONTRIBUTOR, 204)),
    ("GET", "/api/v1/models/{model}/versions/{version}/files/{path}", "/api/v1/models/scorer/versions/1/files/README.md", Empty, [401, 403, 200, 200, 403, 403, 200, 403, 200, 200]),
    ("GET", "/api/v1/models/{model}/versions/{version}/contents/{path}", "/api/v1/models/scorer/versions/1/contents/README.md", Empty, LOOK),
    ("GET", "/api/v1/models/{model}/versions/{version}/infer", "/api/v1/models/scorer/versions/1/infer", Empty, [401, 403, 200, 200, 403, 403, 200, 403, 200, 200]),
    ("POST", "/api/v1/models/{model}/versions/{version}/infer", "/api/v1/models/scorer/versions/1/infer", Json(|| json!({"inputs": [
        {"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]})), [401, 403, 200, 200, 403, 403, 200, 403, 200, 200]),
    // Its README is not here yet: allowed, and refused for what is missing.
    ("POST", "/api/v1/models/{model}/versions/{version}/seal", "/api/v1/models/scorer/versions/4/seal", Json(|| json!({})), only(CONTRIBUTOR, 409)),
    ("GET", "/api/v1/models/{model}/versions/{version}/attestations", "/api/v1/models/scorer/versions/1/attestations", Empty, LOOK),
    ("GET", "/api/v1/models/{model}/versions/{version}/evidence", "/api/v1/models/scorer/versions/3/evidence", Empty, LOOK),
    // Here already, so that both who may get the same answer.
    // Before the evidence, which ends the request.
    ("POST", "/api/v1/promotions/{promotion}/withdrawal", "/api/v1/promotions/{withdrawable}/withdrawal", Empty, only(CONTRIBUTOR, 200)),
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence", "/api/v1/models/scorer/versions/3/evidence", Json(|| json!({"bundle": "{bundle}"})), [401, 403, 200, 200, 403, 403, 403, 403, 403, 403]),
    ("GET", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}", "/api/v1/models/scorer/versions/3/evidence/{evidence}", Empty, LOOK),
    // It was superseded: allowed to its submitter and to an administrator, and refused for that.
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/withdraw", "/api/v1/models/scorer/versions/3/evidence/{superseded}/withdraw", Json(|| json!({"reason": "a test"})), [401, 403, 409, 403, 403, 403, 403, 409, 403, 403]),
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/refute", "/api/v1/models/scorer/versions/3/evidence/{evidence}/refute", Json(|| json!({"reason": "a test"})), only(REVIEWER, 200)),
    ("GET", "/api/v1/models/{model}/versions/{version}/coverage", "/api/v1/models/scorer/versions/1/coverage?framework=gdpr&environment=production", Empty, LOOK),
    ("GET", "/api/v1/frameworks", "", Empty, LOOK),
    ("GET", "/api/v1/workers", "", Empty, LOOK),
    ("GET", "/api/v1/frameworks/{framework}/revisions/{revision}", "/api/v1/frameworks/gdpr/revisions/1", Empty, LOOK),
    ("GET", "/api/v1/environments", "", Empty, LOOK),
    ("POST", "/api/v1/environments", "", Json(|| json!({"name": "{fresh}", "profile": {"class": "edge", "operating_mode": "advisory"}})), only(MANAGER, 201)),
    ("GET", "/api/v1/environments/{environment}", "/api/v1/environments/production", Empty, LOOK),
    ("GET", "/api/v1/environments/{environment}/{document}", "/api/v1/environments/production/policy", Empty, LOOK),
    ("GET", "/api/v1/environments/{environment}/{document}/revisions", "/api/v1/environments/production/policy/revisions", Empty, LOOK),
    ("GET", "/api/v1/environments/{environment}/{document}/revisions/{revision}", "/api/v1/environments/production/policy/revisions/1", Empty, LOOK),
    ("POST", "/api/v1/policies/lint", "/api/v1/policies/lint", Json(|| json!({"policy": {"approvals": [{"role": "reviewer", "count": 1}]}, "environment": "production"})), LOOK),
    ("POST", "/api/v1/environments/{environment}/policy/dry-run", "/api/v1/environments/production/policy/dry-run", Json(|| json!({"model": "scorer", "version": "1"})), LOOK),
    ("PUT", "/api/v1/environments/{environment}/{document}", "/api/v1/environments/spare/profile", Match("\"1\"", || json!({"class": "batch", "operating_mode": "advisory"})), only(MANAGER, 200)),
    ("GET", "/api/v1/datasets", "", Empty, LOOK),
    ("PUT", "/api/v1/datasets/{dataset}", "/api/v1/datasets/{fresh}", Table, [401, 403, 201, 403, 201, 403, 403, 403, 403, 403]),
    ("GET", "/api/v1/datasets/{dataset}", "/api/v1/datasets/people", Empty, LOOK),
    ("GET", "/api/v1/comparisons", "", Empty, LOOK),
    ("POST", "/api/v1/comparisons", "", Json(|| json!({"model": "scorer", "version": "1", "environment": "production", "against": "3"})), only(CONTRIBUTOR, 201)),
    ("GET", "/api/v1/comparisons/{comparison}", "/api/v1/comparisons/{run}", Empty, [401, 404, 404, 404, 404, 403, 404, 404, 404, 404]),
    ("GET", "/api/v1/datasets/{dataset}/content", "/api/v1/datasets/people/content", Empty, [401, 403, 200, 403, 200, 403, 403, 403, 403, 403]),
    ("GET", "/api/v1/runs", "", Empty, LOOK),
    ("POST", "/api/v1/runs", "", Json(|| json!({"model": "scorer", "version": "3", "environment": "spare"})), only(CONTRIBUTOR, 201)),
    ("GET", "/api/v1/runs/{run}", "/api/v1/runs/{run}", Empty, LOOK),
    // It has ended: allowed to the one who asked and to an environment manager, and refused for that.
    ("POST", "/api/v1/runs/{run}/cancellation", "/api/v1/runs/{run}/cancellation", Json(|| json!({"reason": "a test"})), [401, 403, 409, 403, 409, 403, 403, 403, 403, 403]),
    ("GET", "/api/v1/promotions", "", Empty, LOOK),
    ("POST", "/api/v1/promotions", "", Json(|| json!({"model": "scorer", "version": "3", "environment": "spare"})), only(CONTRIBUTOR, 201)),
    ("GET", "/api/v1/promotions/{promotion}", "/api/v1/promotions/{promotion}", Empty, LOOK),
    ("GET", "/api/v1/promotions/{promotion}/comments", "/api/v1/promotions/{promotion}/comments", Empty, LOOK),
    ("POST", "/api/v1/promotions/{promotion}/comments", "/api/v1/promotions/{promotion}/comments", Json(|| json!({"body": "Looked at it."})), [401, 403, 201, 201, 201, 403, 403, 403, 201, 201]),
    // Two have approved it already, and approve it again in the next row.
    ("POST", "/api/v1/promotions/{promotion}/decisions/withdrawal", "/api/v1/promotions/{promotion}/decisions/withdrawal", Json(|| json!({"reason": "a test"})), [401, 403, 403, 409, 403, 403, 403, 403, 200, 200]),
    ("POST", "/api/v1/promotions/{promotion}/decisions", "/api/v1/promotions/{promotion}/decisions", Json(|| json!({"decision_digest": "{promotion_decision}", "outcome": "approve"})), [401, 403, 403, 200, 403, 403, 403, 403, 200, 200]),
    ("POST", "/api/v1/promotions/{promotion}/activation", "/api/v1/promotions/{promotion}/activation", Empty, only(MANAGER, 201)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/releases", "/api/v1/environments/production/models/scorer/releases", Empty, [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/v1/environments/{environment}/models/{model}/release", "/api/v1/environments/production/models/scorer/release", Empty, only(DEPLOYER, 200)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/release/files/{path}", "/api/v1/environments/production/models/scorer/release/files/README.md", Empty, only(DEPLOYER, 200)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/rollbacks/rehearsals", "/api/v1/environments/production/models/scorer/rollbacks/rehearsals", Json(|| json!({})), only(MANAGER, 202)),
    // No such rehearsal; everybody may look at those that there are.
    ("GET", "/api/v1/rehearsals/{rehearsal}", "/api/v1/rehearsals/{run}", Empty, [401, 404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("GET", "/api/v1/environments/{environment}/models/{model}/rollbacks/plan", "/api/v1/environments/production/models/scorer/rollbacks/plan", Empty, only(MANAGER, 200)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/rollbacks", "/api/v1/environments/production/models/scorer/rollbacks", Json(|| json!({"reason": "a test"})), only(MANAGER, 201)),
    ("HEAD", "/api/v1/environments/{environment}/models/{model}/release", "/api/v1/environments/production/models/scorer/release", Empty, only(DEPLOYER, 200)),
    ("HEAD", "/api/v1/environments/{environment}/models/{model}/release/files/{path}", "/api/v1/environments/production/models/scorer/release/files/README.md", Empty, only(DEPLOYER, 200)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/assertion", "/api/v1/environments/production/models/scorer/assertion", Empty, only(DEPLOYER, 200)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/release/mode", "/api/v1/environments/production/models/scorer/release/mode", Json(|| json!({"mode": "advisory", "reason": "a test"})), only(MANAGER, 200)),
    // Again it changes nothing.
    ("POST", "/api/v1/environments/{environment}/models/{model}/release/suspension", "/api/v1/environments/production/models/scorer/release/suspension", Json(|| json!({"reason": "a test"})), [401, 403, 403, 403, 200, 403, 403, 403, 200, 200]),
    ("DELETE", "/api/v1/environments/{environment}/models/{model}/release/suspension", "/api/v1/environments/production/models/scorer/release/suspension", Json(|| json!({"reason": "a test"})), only(MANAGER, 201)),
    // No such rollback, for those who may review one.
    ("POST", "/api/v1/releases/{release}/review", "/api/v1/releases/{run}/review", Json(|| json!({"outcome": "justified", "reason": "a test"})), [401, 403, 403, 404, 404, 403, 403, 403, 404, 404]),
    ("GET", "/api/v1/rollback-reviews", "", Empty, [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("POST", "/api/v1/models/{model}/versions/{version}/revocation", "/api/v1/models/scorer/versions/3/revocation", Json(|| json!({"reason": "a test"})), only(ADMIN, 200)),
    ("DELETE", "/api/v1/trust-keys/{key}", "/api/v1/trust-keys/{key}", Empty, only(ADMIN, 200)),
    ("GET", "/api/v1/audit/keys", "", Empty, [200; 10]),
    ("GET", "/api/v1/dossiers", "/api/v1/dossiers?profile=model-card&model=scorer&environment=production", Empty, [401, 403, 403, 200, 403, 403, 200, 200, 200, 200]),
    ("GET", "/api/v1/audit/checkpoint", "", Empty, LOG),
    ("GET", "/api/v1/audit/events", "", Empty, LOG),
    ("GET", "/api/v1/audit/security-feed", "", Empty, LOG),
    ("GET", "/api/v1/asof", "/api/v1/asof?at=2026-01-01", Empty, LOG),
    ("GET", "/api/v1/audit/history/{reference}", "/api/v1/audit/history/model:scorer", Empty, LOG),
    ("GET", "/api/v1/audit/leaves/{index}", "/api/v1/audit/leaves/0", Empty, LOG),
    ("GET", "/api/v1/audit/leaves/{index}/proof", "/api/v1/audit/leaves/0/proof", Empty, LOG),
    ("GET", "/api/v1/audit/leaves/{index}/inclusion", "/api/v1/audit/leaves/0/inclusion", Empty, LOG),
    ("GET", "/api/v1/audit/consistency", "/api/v1/audit/consistency?from=1", Empty, LOG),
    ("GET", "/api/v1/audit/tile/{level}/{path}", "/api/v1/audit/tile/0/000.p/1", Empty, LOG),
    ("GET", "/api/v1/audit/tile/entries/{path}", "/api/v1/audit/tile/entries/000.p/1", Empty, only(AUDITOR, 200)),
    ("POST", "/api/v1/audit/export", "", Empty, only(AUDITOR, 200)),
    ("GET", "/api/v1/findings", "", Empty, LOOK),
    ("POST", "/api/v1/findings", "", Json(|| json!({"code": "{fresh}", "severity": "low", "title": "x", "environment": "spare"})), [401, 403, 201, 201, 201, 403, 201, 403, 201, 201]),
    ("GET", "/api/v1/findings/{finding}", "/api/v1/findings/{finding}", Empty, LOOK),
    // It is closed: allowed, and refused for that.
    ("POST", "/api/v1/findings/{finding}/remediation", "/api/v1/findings/{finding}/remediation", Json(|| json!({"reason": "a test"})), [401, 403, 409, 403, 409, 403, 403, 403, 403, 403]),
    ("POST", "/api/v1/findings/{finding}/closure", "/api/v1/findings/{finding}/closure", Json(|| json!({"reason": "a test"})), [401, 403, 403, 409, 403, 403, 403, 403, 409, 409]),
    ("POST", "/api/v1/findings/{finding}/acceptance", "/api/v1/findings/{finding}/acceptance", Json(|| json!({"reason": "a test", "until": "2026-02-01T00:00:00Z"})), [401, 403, 403, 403, 403, 403, 403, 403, 409, 409]),
    ("GET", "/api/v1/waivers", "", Empty, LOOK),
    // Of a limit that is not there: allowed, and refused for that.
    ("POST", "/api/v1/waivers", "", Json(|| json!({"model": "scorer", "environment": "production", "constraint": "other", "reason": "x", "compensating_control": "x", "expires_at": "2026-02-01T00:00:00Z"})), [401, 403, 422, 403, 422, 403, 403, 403, 403, 403]),
    ("GET", "/api/v1/waivers/{waiver}", "/api/v1/waivers/{waiver}", Empty, LOOK),
    // It was revoked: allowed, and refused for that.
    ("POST", "/api/v1/waivers/{waiver}/decisions", "/api/v1/waivers/{waiver}/decisions", Json(|| json!({"outcome": "grant", "reason": "x"})), [401, 403, 403, 409, 409, 403, 403, 403, 409, 409]),
    ("POST", "/api/v1/waivers/{waiver}/revocation", "/api/v1/waivers/{waiver}/revocation", Json(|| json!({"reason": "x"})), [401, 403, 409, 409, 409, 403, 403, 403, 409, 409]),
    ("GET", "/api/v1/break-glass", "", Empty, LOOK),
    // For no hour: allowed, and refused for that.
    ("POST", "/api/v1/break-glass", "", Json(|| json!({"model": "scorer", "version": "1", "environment": "production", "justification": "x", "hours": 0})), [401, 403, 403, 422, 422, 403, 403, 403, 422, 422]),
    ("GET", "/api/v1/break-glass/{break_glass}", "/api/v1/break-glass/{break_glass}", Empty, LOOK),
    // Nobody confirmed it: allowed, and refused for that.
    ("POST", "/api/v1/break-glass/{break_glass}/confirmation", "/api/v1/break-glass/{break_glass}/confirmation", Empty, [401, 403, 403, 409, 409, 403, 403, 403, 409, 409]),
    ("POST", "/api/v1/break-glass/{break_glass}/closure", "/api/v1/break-glass/{break_glass}/closure", Json(|| json!({"reason": "x"})), [401, 403, 403, 409, 409, 403, 403, 403, 409, 409]),
    ("POST", "/api/v1/break-glass/{break_glass}/review", "/api/v1/break-glass/{break_glass}/review", Json(|| json!({"outcome": "justified", "reason": "x"})), [401, 403, 403, 409, 403, 403, 403, 403, 409, 409]),
    ("PUT", "/api/v1/environments/{environment}/models/{model}/running", "/api/v1/environments/production/models/scorer/running", Json(|| json!({"digest": null, "host": "edge-7"})), only(DEPLOYER, 200)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/running", "/api/v1/environments/production/models/scorer/running", Empty, [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/api/v1/models/{model}/records", "/api/v1/models/scorer/records", Empty, LOOK),
    ("GET", "/api/v1/models/{model}/records/{kind}/{name}", "/api/v1/models/scorer/records/runbook/night", Empty, LOOK),
    ("PUT", "/api/v1/models/{model}/records/{kind}/{name}", "/api/v1/models/scorer/records/sla/{fresh}", Match("\"0\"", PROMISE), only(CONTRIBUTOR, 200)),
    // Its owner is the contributor.
    ("POST", "/api/v1/models/{model}/records/{kind}/{name}/review", "/api/v1/models/scorer/records/runbook/night/review", Match("\"1\"", || json!({"review_by": "2026-12-02"})), only(CONTRIBUTOR, 200)),
    ("GET", "/api/v1/environments/{environment}/records", "/api/v1/environments/production/records", Empty, LOOK),
    ("GET", "/api/v1/environments/{environment}/records/{kind}/{name}", "/api/v1/environments/production/records/runbook/night", Empty, LOOK),
    ("PUT", "/api/v1/environments/{environment}/records/{kind}/{name}", "/api/v1/environments/production/records/sla/{fresh}", Match("\"0\"", PROMISE), only(MANAGER, 200)),
    ("POST", "/api/v1/environments/{environment}/records/{kind}/{name}/review", "/api/v1/environments/production/records/runbook/night/review", Match("\"1\"", || json!({"review_by": "2026-12-02"})), only(CONTRIBUTOR, 200)),
    // For the accounts of workers alone, which have a test of their own.
    ("POST", "/api/v1/worker/claims", "", Json(|| json!({"name": "cam"})), NOBODY),
    ("PUT", "/api/v1/worker/claims/{claim}", "/api/v1/worker/claims/{run}?attempt=1", Json(|| json!({"phase": "loading", "percent": 1})), NOBODY),
    ("GET", "/api/v1/worker/claims/{claim}/task", "/api/v1/worker/claims/{run}/task?attempt=1", Empty, NOBODY),
    ("GET", "/api/v1/worker/claims/{claim}/model", "/api/v1/worker/claims/{run}/model?attempt=1", Empty, NOBODY),
    ("POST", "/api/v1/worker/claims/{claim}/result", "/api/v1/worker/claims/{run}/result?attempt=1", Json(|| json!({})), NOBODY),
    // Last, because it ends the credentials that the other rows use.
    ("DELETE", "/api/v1/sessions/current", "", Empty, [401, 204, 204, 204, 204, 204, 204, 204, 204, 204]),
];

/// No role of this matrix.
const NOBODY: [u16; 10] = [401, 403, 403, 403, 403, 403, 403, 403, 403, 403];

/// Addresses outside the document: anyone may know that the service runs and how to call it.
pub const PUBLIC: &[&str] = &["/livez", "/readyz", "/openapi.json", "/openapi.yaml", "/docs/"];

/// A record of kind `sla`.
pub const PROMISE: fn() -> Value =
    || json!({"owner": "a-contributor", "review_by": "2026-12-01", "body": {"support": "on weekdays"}});
const LOG: [u16; 10] = [401, 403, 403, 403, 403, 403, 200, 200, 403, 403];
const CONTRIBUTOR: usize = 2;
const REVIEWER: usize = 3;
const MANAGER: usize = 4;
const DEPLOYER: usize = 5;
const AUDITOR: usize = 6;
const ADMIN: usize = 7;

/// One role may; everyone else is refused.
const fn only(column: usize, status: u16) -> [u16; 10] {
    let mut row = [401, 403, 403, 403, 403, 403, 403, 403, 403, 403];
    row[column] = status;
    row
}

#[test]
fn every_operation_has_a_row_in_the_matrix() {
    let operations: BTreeSet<_> = openapi::operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    let rows: BTreeSet<_> = MATRIX.iter().map(|(m, p, ..)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(rows.len(), MATRIX.len(), "an operation has two rows");
    let absent: Vec<_> = operations.difference(&rows).collect();
    let gone: Vec<_> = rows.difference(&operations).collect();
    assert!(absent.is_empty() && gone.is_empty(), "without a row: {absent:?}; without an operation: {gone:?}");
}

#[test]
fn the_document_says_which_operations_are_public() {
    for (method, path, operation) in openapi::operations() {
        let row = MATRIX.iter().find(|(m, p, ..)| *m == method && *p == path).expect("row");
        let public = operation["security"] == json!([{}]);
        assert_eq!(public, row.4[0] != 401, "{method} {path}");
    }
}

#[actix_web::test]
async fn each_role_gets_what_the_matrix_says() {
    let world = World::build().await;
    let mut wrong = Vec::new();
    for (method, path, filled, body, expected) in MATRIX {
        let path = if filled.is_empty() { path } else { filled };
        // Those who may not go first, so that no refusal is for another reason than the role.
        let mut order: Vec<usize> = (0..=ROLES.len()).collect();
        order.sort_by_key(|column| std::cmp::Reverse(expected[*column]));
        for column in order {
            let role = column.checked_sub(1).map_or("", |i| ROLES[i]);
            let got = send(&world, role, method, path, body).await;
            if got.status != expected[column] {
                let who = if role.is_empty() { "anonymous" } else { role };
                let said: String = got.text().chars().take(400).collect();
                wrong.push(format!("{method} {path} as {who}: {}, not {}: {said}", got.status, expected[column]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix_web::test]
async fn a_worker_carries_runs_out_and_gets_nothing_else() {
    let world = World::build().await;
    let mut wrong = Vec::new();
    for (method, path, filled, body, expected) in MATRIX {
        let filled = if filled.is_empty() { path } else { filled };
        let wanted: &[u16] = match *path {
            "/api/v1/whoami" => &[200],
            // Nothing to do, or a claim that it does not have.
            own if own.starts_with("/api/v1/worker/") => &[204, 409],
            // A token that one may not manage does not exist.
            "/api/v1/tokens/{token}" => &[403, 404],
            _ if expected[0] < 400 => &[200, 201],
            _ if expected[0] != 401 => &[expected[0]],
            _ => &[403],
        };
        let got = send(&world, "worker", method, filled, body).await;
        if !wanted.contains(&got.status) {
            let said: String = got.text().chars().take(200).collect();
            wrong.push(format!("{method} {filled}: {}: {said}", got.status));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix_web::test]
async fn every_refusal_is_in_the_log_and_changes_nothing_else() {
    let world = World::build().await;
    for (method, path, filled, body, expected) in MATRIX {
        let path = if filled.is_empty() { path } else { filled };
        for (i, role) in ROLES.iter().enumerate().filter(|(i, _)| expected[i + 1] == 403) {
            let before = world.app.events().await;
            assert_eq!(
                send(&world, role, method, path, body).await.status,
                expected[i + 1],
                "{method} {path} as {role}"
            );
            assert_eq!(world.app.events().await, before + 1, "{method} {path} as {role}");
        }
    }
    let mut refusals = Vec::new();
    let mut after = String::new();
    loop {
        let page = format!("/api/v1/audit/events?limit=200{after}");
        let page = world.app.get(world.token("auditor"), &page).await.expect(200).json();
        let events = page["items"].as_array().expect("events").iter();
        refusals.extend(events.filter(|e| e["outcome"] == "denied").cloned());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        after = format!("&cursor={cursor}");
    }
    assert!(100 < refusals.len(), "{}", refusals.len());
    // A reviewer withdraws evidence, but not what somebody else submitted.
    let codes: BTreeSet<_> = refusals.iter().filter_map(|e| e["leaf"]["detail"]["code"].as_str()).collect();
    assert_eq!(codes, BTreeSet::from(["forbidden", "not_yours", "session_needed"]));
}

#[actix_web::test]
async fn anyone_may_know_that_the_service_runs() {
    let t = TestApp::start().await;
    for path in PUBLIC {
        t.get("", path).await.expect(200);
    }
}

pub async fn send(world: &World, role: &str, method: &str, path: &str, body: &Body) -> Reply {
    use std::sync::atomic::{AtomicU32, Ordering};
    static FRESH: AtomicU32 = AtomicU32::new(0);
    let fresh = format!("fresh-{}", FRESH.fetch_add(1, Ordering::Relaxed));
    let fill = |text: &str| world.fill(text).replace("{fresh}", &fresh);
    let path = match body {
        Body::Query(query) | Body::Both(query, _) => format!("{path}?{query}"),
        _ => path.to_owned(),
    };
    let request = world.app.request(world.token(role), method, &fill(&path));
    let json = |body: &fn() -> Value| {
        let text = body().to_string().replace("\"{bundle}\"", &world.bundle.to_string());
        let mut text = fill(&text);
        if text.contains("{pem}") {
            let pem = SigningKey::generate().expect("key").verifying_key().to_pem();
            text = text.replace("{pem}", &pem.replace('\n', "\\n"));
        }
        serde_json::from_str::<Value>(&text).expect("json")
    };
    reply(match body {
        Body::None | Body::Query(_) => request,
        Body::Json(body) | Body::Both(_, body) => request.json(&json(body)),
        Body::Match(etag, body) => request.header("if-match", *etag).json(&json(body)),
        Body::File(name) => request.header("content-type", "application/octet-stream").body(fixture(name)),
        Body::Bytes(bytes) => request.header("content-type", "application/octet-stream").body(*bytes),
        Body::Table => request
            .header("content-type", "text/csv")
            .header("plimsoll-dataset", STANDARD.encode(r#"{"label":"y"}"#))
            .body(fixture("people.csv")),
    })
    .await
}
