//! Who gets what, for every operation of the document, as it follows from what the operation needs and what the roles
//! give. A new operation fails this test until it says what it needs, and has a row that reaches it.

#![expect(clippy::panic, reason = "an operation without a row should stop the test, and say which")]

use crate::{
    harness::{Reply, TestApp, reply},
    openapi,
    story::text,
    world::{ROLES, World, fixture},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll::{
    authz::Role,
    core::digest::Digest,
    crypto::keys::SigningKey,
    http::{door::Needs, operations::OPERATIONS},
};
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

/// What whoever may gets, where it is not the same for all of them.
pub struct Cells {
    reached: u16,
    but: &'static [(u16, &'static [&'static str])],
}

/// (method, path of the document, its `{…}` filled in, body, what it leads to)
///
/// Who may follows from what the operation needs ([`OPERATIONS`], which the server goes by) and from what the roles give: here is
/// only what reaches its handler, and what that answers.
pub type Row = (&'static str, &'static str, &'static str, Body, Cells);

/// The status of everybody who may.
const fn to(reached: u16) -> Cells {
    Cells { reached, but: &[] }
}

impl Cells {
    /// For some of them it is another one: the object is somebody else's, or they have done it already.
    const fn but(self, but: &'static [(u16, &'static [&'static str])]) -> Self {
        Self { but, ..self }
    }
}

/// What an operation needs.
pub fn needs(method: &str, path: &str) -> Needs {
    let row = OPERATIONS.iter().find(|(m, p, _)| (*m, *p) == (method, path));
    row.unwrap_or_else(|| panic!("{method} {path} says nowhere what it needs")).2
}

/// The statuses of a row: anonymous, then each of [`ROLES`].
pub fn expected((method, path, _, _, cells): &Row) -> [u16; 10] {
    let needs = needs(method, path);
    let mut statuses = [cells.reached; 10];
    if needs == Needs::Nothing {
        return statuses;
    }
    statuses[0] = 401;
    for (status, name) in statuses.iter_mut().skip(1).zip(ROLES) {
        let other = cells.but.iter().find(|(_, roles)| roles.contains(&name)).map(|(status, _)| *status);
        *status = match needs.is_met_by(Role::parse(name).expect("a role")) {
            true => other.unwrap_or(cells.reached),
            false => 403,
        };
    }
    statuses
}

/// In this order: later rows build on earlier ones. `{fresh}` is another name in every cell.
#[rustfmt::skip]
pub const MATRIX: &[Row] = &[
    ("GET", "/api/v1/registry", "", Empty, to(200)),
    ("POST", "/api/v1/sessions", "", Json(|| json!({"name": "spare", "password": "a long enough one"})), to(201)),
    ("GET", "/api/v1/sessions", "", Empty, to(200)),
    // With a token, which needs no confirmation: allowed, and refused for that.
    ("POST", "/api/v1/sessions/current/confirmation", "", Json(|| json!({"password": "a password of some length"})), to(409)),
    // No session of one's own: what one may not manage does not exist.
    ("DELETE", "/api/v1/sessions/{session}", "/api/v1/sessions/{token}", Empty, to(404)),
    ("DELETE", "/api/v1/sessions", "", Empty, to(200)),
    ("PUT", "/api/v1/password", "", Json(|| json!({"current_password": "a password of some length", "new_password": "a password of some length"})), to(200)),
    ("POST", "/api/v1/accounts/{account}/password-reset", "/api/v1/accounts/twin/password-reset", Empty, to(201)),
    // Whoever has no code gets nowhere, whatever they may otherwise.
    ("POST", "/api/v1/password-resets", "", Json(|| json!({"code": "not one", "new_password": "a password of some length"})), to(422)),
    // There are accounts.
    ("POST", "/api/v1/first-account", "", Json(|| json!({"code": "not one", "name": "ada", "password": "a password of some length"})), to(422)),
    ("GET", "/api/v1/second-factor", "", Empty, to(200)),
    // With a token: a second factor is a matter of sessions.
    ("POST", "/api/v1/second-factor", "", Empty, to(403)),
    ("POST", "/api/v1/second-factor/confirmation", "", Json(|| json!({"code": "123456"})), to(403)),
    ("POST", "/api/v1/second-factor/recovery-codes", "", Empty, to(403)),
    ("DELETE", "/api/v1/second-factor", "", Empty, to(403)),
    // With a token, of an administrator, too.
    ("DELETE", "/api/v1/accounts/{account}/second-factor", "/api/v1/accounts/twin/second-factor", Empty, to(403)),
    ("GET", "/api/v1/whoami", "", Empty, to(200)),
    ("GET", "/api/v1/accounts", "", Empty, to(200)),
    ("POST", "/api/v1/accounts", "", Json(|| json!({"name": "{fresh}", "kind": "service", "roles": ["deployer"]})), to(201)),
    ("GET", "/api/v1/tokens", "", Empty, to(200)),
    ("POST", "/api/v1/tokens", "", Json(|| json!({"name": "mine", "expires_in_days": 1})), to(201)),
    ("GET", "/api/v1/workload-trusts", "", Empty, to(200)),
    ("POST", "/api/v1/workload-trusts", "", Json(|| json!({"name": "{fresh}", "issuer": "https://ci.example", "audience": "plimsoll", "claims": {"sub": ["x"]}, "account": "spare-robot", "minutes": 5})), to(201)),
    ("DELETE", "/api/v1/workload-trusts/{trust}", "/api/v1/workload-trusts/{trust}", Empty, to(200)),
    // Nobody is trusted under this name, whoever asks.
    ("POST", "/api/v1/workload-tokens", "", Json(|| json!({"trust": "nobody", "token": "x"})), to(422)),
    // Someone else's token: what one may not manage does not exist.
    ("DELETE", "/api/v1/tokens/{token}", "/api/v1/tokens/{token}", Empty, to(404).but(&[(204, &["admin"])])),
    ("DELETE", "/api/v1/accounts/{account}", "/api/v1/accounts/spare", Empty, to(200)),
    // It was deactivated a moment ago.
    ("POST", "/api/v1/accounts/{account}/erasure", "/api/v1/accounts/spare/erasure", Empty, to(200)),
    ("GET", "/api/v1/accounts/{account}/person", "/api/v1/accounts/twin/person", Empty, to(200)),
    ("PUT", "/api/v1/accounts/{account}/person", "/api/v1/accounts/twin/person", Json(|| json!({"same_as": null})), to(200)),
    ("PUT", "/api/v1/accounts/{account}/team", "/api/v1/accounts/twin/team", Json(|| json!({"team": "first-line"})), to(200)),
    ("GET", "/api/v1/accounts/{account}/roles", "/api/v1/accounts/twin/roles", Empty, to(200)),
    ("PUT", "/api/v1/accounts/{account}/roles/{role}", "/api/v1/accounts/twin/roles/auditor", Json(|| json!({})), to(200)),
    ("DELETE", "/api/v1/accounts/{account}/roles/{role}", "/api/v1/accounts/twin/roles/auditor", Empty, to(200)),
    ("GET", "/api/v1/roles", "", Empty, to(200)),
    ("PUT", "/api/v1/roles/{role}", "/api/v1/roles/clerk", Json(|| json!({"actions": ["model.read"]})), to(200)),
    ("DELETE", "/api/v1/roles/{role}", "/api/v1/roles/clerk", Empty, to(204)),
    ("GET", "/api/v1/delegations", "", Empty, to(200)),
    ("POST", "/api/v1/delegations", "", Json(|| json!({"to": "deputy", "valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-02-02T00:00:00Z"})), to(201)),
    ("GET", "/api/v1/delegations/{delegation}", "/api/v1/delegations/{delegation}", Empty, to(200)),
    // One of its sides, and an administrator.
    ("DELETE", "/api/v1/delegations/{delegation}", "/api/v1/delegations/{delegation}", Empty, to(200).but(&[(403, &["viewer", "contributor", "environment_manager", "deployer", "auditor", "risk_officer", "compliance_officer"])])),
    ("GET", "/api/v1/trust-keys", "", Empty, to(200)),
    ("POST", "/api/v1/trust-keys", "", Json(|| json!({"name": "{fresh}", "public_key_pem": "{pem}"})), to(201)),
    ("GET", "/api/v1/models", "", Empty, to(200)),
    ("POST", "/api/v1/models", "", Json(|| json!({"name": "{fresh}", "intended_use": "x", "risk_tier": "low"})), to(201)),
    ("GET", "/api/v1/models/{model}", "/api/v1/models/scorer", Empty, to(200)),
    ("PATCH", "/api/v1/models/{model}", "/api/v1/models/scorer", Match("\"1\"", || json!({"title": "Scorer"})), to(200)),
    ("GET", "/api/v1/models/{model}/versions", "/api/v1/models/scorer/versions", Empty, to(200)),
    ("POST", "/api/v1/models/{model}/versions", "/api/v1/models/scorer/versions", Json(|| json!({"files": [
        {"path": "a", "sha256": format!("sha256:{}", "0".repeat(64)), "size_bytes": 1}]})), to(201)),
    ("GET", "/api/v1/models/{model}/versions/{version}", "/api/v1/models/scorer/versions/1", Empty, to(200)),
    ("PUT", "/api/v1/models/{model}/versions/{version}/files/{path}", "/api/v1/models/scorer/versions/4/files/model.onnx", File("tensor_binary.onnx"), to(204)),
    ("GET", "/api/v1/models/{model}/versions/{version}/files/{path}", "/api/v1/models/scorer/versions/1/files/README.md", Empty, to(200)),
    ("HEAD", "/api/v1/models/{model}/versions/{version}/files/{path}", "/api/v1/models/scorer/versions/1/files/README.md", Empty, to(200)),
    ("GET", "/api/v1/models/{model}/versions/{version}/card", "/api/v1/models/scorer/versions/1/card", Empty, to(200)),
    ("GET", "/api/v1/models/{model}/versions/{version}/contents/{path}", "/api/v1/models/scorer/versions/1/contents/README.md", Empty, to(200)),
    ("POST", "/api/v1/models/{model}/versions/{version}/uploads", "/api/v1/models/scorer/versions/4/uploads", Json(|| json!({
        "path": "README.md", "sha256": Digest::of("version 4").to_string(), "size_bytes": 9, "chunk_bytes": 65_536})), to(201)),
    // No such session.
    ("GET", "/api/v1/models/{model}/versions/{version}/uploads/{upload}", "/api/v1/models/scorer/versions/4/uploads/{run}", Empty, to(404)),
    ("DELETE", "/api/v1/models/{model}/versions/{version}/uploads/{upload}", "/api/v1/models/scorer/versions/4/uploads/{run}", Empty, to(404)),
    ("PUT", "/api/v1/models/{model}/versions/{version}/uploads/{upload}/chunks/{number}", "/api/v1/models/scorer/versions/4/uploads/{run}/chunks/0", Body::Bytes(b"version 4"), to(404)),
    ("POST", "/api/v1/models/{model}/versions/{version}/uploads/{upload}/completion", "/api/v1/models/scorer/versions/4/uploads/{run}/completion", Empty, to(404)),
    ("GET", "/api/v1/models/{model}/versions/{version}/infer", "/api/v1/models/scorer/versions/1/infer", Empty, to(200)),
    ("POST", "/api/v1/models/{model}/versions/{version}/infer", "/api/v1/models/scorer/versions/1/infer", Json(|| json!({"inputs": [
        {"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]})), to(200)),
    // Its README is not here yet: allowed, and refused for what is missing.
    ("POST", "/api/v1/models/{model}/versions/{version}/seal", "/api/v1/models/scorer/versions/4/seal", Json(|| json!({})), to(409)),
    ("GET", "/api/v1/models/{model}/versions/{version}/attestations", "/api/v1/models/scorer/versions/1/attestations", Empty, to(200)),
    ("GET", "/api/v1/models/{model}/versions/{version}/bom", "/api/v1/models/scorer/versions/1/bom", Empty, to(200)),
    ("GET", "/api/v1/models/{model}/versions/{version}/lineage", "/api/v1/models/scorer/versions/1/lineage", Empty, to(200)),
    ("GET", "/api/v1/lineage", "/api/v1/lineage?digest=sha256:00", Empty, to(200)),
    ("GET", "/api/v1/models/{model}/versions/{version}/evidence", "/api/v1/models/scorer/versions/3/evidence", Empty, to(200)),
    // Here already, so that both who may get the same answer.
    // Before the evidence, which ends the request.
    ("POST", "/api/v1/promotions/{promotion}/withdrawal", "/api/v1/promotions/{withdrawable}/withdrawal", Empty, to(200)),
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence", "/api/v1/models/scorer/versions/3/evidence", Json(|| json!({"bundle": "{bundle}"})), to(200)),
    ("GET", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}", "/api/v1/models/scorer/versions/3/evidence/{evidence}", Empty, to(200)),
    // It was superseded: allowed to its submitter and to an administrator, and refused for that.
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/withdraw", "/api/v1/models/scorer/versions/3/evidence/{superseded}/withdraw", Json(|| json!({"reason": "a test"})), to(409).but(&[(403, &["reviewer"])])),
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/refute", "/api/v1/models/scorer/versions/3/evidence/{evidence}/refute", Json(|| json!({"reason": "a test"})), to(200)),
    ("GET", "/api/v1/models/{model}/versions/{version}/coverage", "/api/v1/models/scorer/versions/1/coverage?framework=gdpr&environment=production", Empty, to(200)),
    ("GET", "/api/v1/frameworks", "", Empty, to(200)),
    ("GET", "/api/v1/workers", "", Empty, to(200)),
    ("GET", "/api/v1/quota", "", Empty, to(200)),
    ("GET", "/api/v1/frameworks/{framework}/revisions/{revision}", "/api/v1/frameworks/gdpr/revisions/1", Empty, to(200)),
    ("GET", "/api/v1/environments", "", Empty, to(200)),
    ("POST", "/api/v1/environments", "", Json(|| json!({"name": "{fresh}", "profile": {"class": "edge", "operating_mode": "advisory"}})), to(201)),
    ("GET", "/api/v1/environments/{environment}", "/api/v1/environments/production", Empty, to(200)),
    ("GET", "/api/v1/environments/{environment}/{document}", "/api/v1/environments/production/policy", Empty, to(200)),
    ("GET", "/api/v1/environments/{environment}/{document}/revisions", "/api/v1/environments/production/policy/revisions", Empty, to(200)),
    ("GET", "/api/v1/environments/{environment}/{document}/revisions/{revision}", "/api/v1/environments/production/policy/revisions/1", Empty, to(200)),
    ("POST", "/api/v1/policies/lint", "/api/v1/policies/lint", Json(|| json!({"policy": {"approvals": [{"role": "reviewer", "count": 1}]}, "environment": "production"})), to(200)),
    ("POST", "/api/v1/environments/{environment}/policy/dry-run", "/api/v1/environments/production/policy/dry-run", Json(|| json!({"model": "scorer", "version": "1"})), to(200)),
    ("PUT", "/api/v1/environments/{environment}/{document}", "/api/v1/environments/spare/profile", Match("\"1\"", || json!({"class": "batch", "operating_mode": "advisory"})), to(200)),
    ("GET", "/api/v1/datasets", "", Empty, to(200)),
    ("PUT", "/api/v1/datasets/{dataset}", "/api/v1/datasets/{fresh}", Table, to(201)),
    ("GET", "/api/v1/datasets/{dataset}", "/api/v1/datasets/people", Empty, to(200)),
    ("GET", "/api/v1/comparisons", "", Empty, to(200)),
    ("POST", "/api/v1/comparisons", "", Json(|| json!({"model": "scorer", "version": "1", "environment": "production", "against": "3"})), to(201)),
    ("GET", "/api/v1/comparisons/{comparison}", "/api/v1/comparisons/{run}", Empty, to(404)),
    ("GET", "/api/v1/datasets/{dataset}/content", "/api/v1/datasets/people/content", Empty, to(200)),
    ("HEAD", "/api/v1/datasets/{dataset}/content", "/api/v1/datasets/people/content", Empty, to(200)),
    ("GET", "/api/v1/runs", "", Empty, to(200)),
    ("POST", "/api/v1/runs", "", Json(|| json!({"model": "scorer", "version": "3", "environment": "spare"})), to(201)),
    ("GET", "/api/v1/runs/{run}", "/api/v1/runs/{run}", Empty, to(200)),
    // It has ended: allowed to the one who asked and to an environment manager, and refused for that.
    ("POST", "/api/v1/runs/{run}/cancellation", "/api/v1/runs/{run}/cancellation", Json(|| json!({"reason": "a test"})), to(409)),
    ("GET", "/api/v1/promotions", "", Empty, to(200)),
    ("POST", "/api/v1/promotions", "", Json(|| json!({"model": "scorer", "version": "3", "environment": "spare"})), to(201)),
    ("GET", "/api/v1/promotions/{promotion}", "/api/v1/promotions/{promotion}", Empty, to(200)),
    ("GET", "/api/v1/promotions/{promotion}/comments", "/api/v1/promotions/{promotion}/comments", Empty, to(200)),
    ("POST", "/api/v1/promotions/{promotion}/comments", "/api/v1/promotions/{promotion}/comments", Json(|| json!({"body": "Looked at it."})), to(201)),
    // Two have approved it already, and approve it again in the next row.
    ("POST", "/api/v1/promotions/{promotion}/decisions/withdrawal", "/api/v1/promotions/{promotion}/decisions/withdrawal", Json(|| json!({"reason": "a test"})), to(200).but(&[(409, &["reviewer"])])),
    ("POST", "/api/v1/promotions/{promotion}/decisions", "/api/v1/promotions/{promotion}/decisions", Json(|| json!({"decision_digest": "{promotion_decision}", "outcome": "approve"})), to(200)),
    ("POST", "/api/v1/promotions/{promotion}/activation", "/api/v1/promotions/{promotion}/activation", Empty, to(201)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/releases", "/api/v1/environments/production/models/scorer/releases", Empty, to(200)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/release", "/api/v1/environments/production/models/scorer/release", Empty, to(200)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/release/files/{path}", "/api/v1/environments/production/models/scorer/release/files/README.md", Empty, to(200)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/rollbacks/rehearsals", "/api/v1/environments/production/models/scorer/rollbacks/rehearsals", Json(|| json!({})), to(202)),
    // No such rehearsal; everybody may look at those that there are.
    ("GET", "/api/v1/rehearsals/{rehearsal}", "/api/v1/rehearsals/{run}", Empty, to(404)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/rollbacks/plan", "/api/v1/environments/production/models/scorer/rollbacks/plan", Empty, to(200)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/rollbacks", "/api/v1/environments/production/models/scorer/rollbacks", Json(|| json!({"reason": "a test"})), to(201)),
    ("HEAD", "/api/v1/environments/{environment}/models/{model}/release", "/api/v1/environments/production/models/scorer/release", Empty, to(200)),
    ("HEAD", "/api/v1/environments/{environment}/models/{model}/release/files/{path}", "/api/v1/environments/production/models/scorer/release/files/README.md", Empty, to(200)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/assertion", "/api/v1/environments/production/models/scorer/assertion", Empty, to(200)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/release/mode", "/api/v1/environments/production/models/scorer/release/mode", Json(|| json!({"mode": "advisory", "reason": "a test"})), to(200)),
    // Again it changes nothing.
    ("POST", "/api/v1/environments/{environment}/models/{model}/release/suspension", "/api/v1/environments/production/models/scorer/release/suspension", Json(|| json!({"reason": "a test"})), to(200)),
    ("DELETE", "/api/v1/environments/{environment}/models/{model}/release/suspension", "/api/v1/environments/production/models/scorer/release/suspension", Json(|| json!({"reason": "a test"})), to(201)),
    // No such rollback, for those who may review one.
    ("POST", "/api/v1/releases/{release}/review", "/api/v1/releases/{run}/review", Json(|| json!({"outcome": "justified", "reason": "a test"})), to(404)),
    ("GET", "/api/v1/rollback-reviews", "", Empty, to(200)),
    ("POST", "/api/v1/models/{model}/versions/{version}/revocation", "/api/v1/models/scorer/versions/3/revocation", Json(|| json!({"reason": "a test"})), to(200)),
    // A key has no certificates.
    ("POST", "/api/v1/trust-keys/{key}/revoked-certificates", "/api/v1/trust-keys/{key}/revoked-certificates", Json(|| json!({"certificate": "serial:0b"})), to(409)),
    ("DELETE", "/api/v1/trust-keys/{key}", "/api/v1/trust-keys/{key}", Empty, to(200)),
    ("GET", "/api/v1/audit/keys", "", Empty, to(200)),
    ("GET", "/api/v1/dossiers", "/api/v1/dossiers?profile=model-card&model=scorer&environment=production", Empty, to(200)),
    ("GET", "/api/v1/audit/checkpoint", "", Empty, to(200)),
    ("GET", "/api/v1/audit/events", "", Empty, to(200)),
    ("GET", "/api/v1/audit/security-feed", "", Empty, to(200)),
    ("GET", "/api/v1/asof", "/api/v1/asof?at=2026-01-01", Empty, to(200)),
    ("GET", "/api/v1/audit/history/{reference}", "/api/v1/audit/history/model:scorer", Empty, to(200)),
    ("GET", "/api/v1/audit/leaves/{index}", "/api/v1/audit/leaves/0", Empty, to(200)),
    ("GET", "/api/v1/audit/leaves/{index}/proof", "/api/v1/audit/leaves/0/proof", Empty, to(200)),
    ("GET", "/api/v1/audit/leaves/{index}/inclusion", "/api/v1/audit/leaves/0/inclusion", Empty, to(200)),
    ("GET", "/api/v1/audit/consistency", "/api/v1/audit/consistency?from=1", Empty, to(200)),
    ("GET", "/api/v1/audit/tile/{level}/{path}", "/api/v1/audit/tile/0/000.p/1", Empty, to(200)),
    ("GET", "/api/v1/audit/tile/entries/{path}", "/api/v1/audit/tile/entries/000.p/1", Empty, to(200)),
    ("POST", "/api/v1/audit/export", "", Empty, to(200)),
    ("GET", "/api/v1/findings", "", Empty, to(200)),
    ("POST", "/api/v1/findings", "", Json(|| json!({"code": "{fresh}", "severity": "low", "title": "x", "environment": "spare"})), to(201)),
    ("GET", "/api/v1/findings/{finding}", "/api/v1/findings/{finding}", Empty, to(200)),
    // It is closed: allowed, and refused for that.
    ("POST", "/api/v1/findings/{finding}/remediation", "/api/v1/findings/{finding}/remediation", Json(|| json!({"reason": "a test"})), to(409)),
    ("POST", "/api/v1/findings/{finding}/closure", "/api/v1/findings/{finding}/closure", Json(|| json!({"reason": "a test"})), to(409)),
    ("POST", "/api/v1/findings/{finding}/acceptance", "/api/v1/findings/{finding}/acceptance", Json(|| json!({"reason": "a test", "until": "2026-02-01T00:00:00Z"})), to(409)),
    ("GET", "/api/v1/waivers", "", Empty, to(200)),
    // Of a limit that is not there: allowed, and refused for that.
    ("POST", "/api/v1/waivers", "", Json(|| json!({"model": "scorer", "environment": "production", "constraint": "other", "reason": "x", "compensating_control": "x", "expires_at": "2026-02-01T00:00:00Z"})), to(422)),
    ("GET", "/api/v1/waivers/{waiver}", "/api/v1/waivers/{waiver}", Empty, to(200)),
    // It was revoked: allowed, and refused for that.
    ("POST", "/api/v1/waivers/{waiver}/decisions", "/api/v1/waivers/{waiver}/decisions", Json(|| json!({"outcome": "grant", "reason": "x"})), to(409)),
    ("POST", "/api/v1/waivers/{waiver}/revocation", "/api/v1/waivers/{waiver}/revocation", Json(|| json!({"reason": "x"})), to(409)),
    ("GET", "/api/v1/break-glass", "", Empty, to(200)),
    // For no hour: allowed, and refused for that.
    ("POST", "/api/v1/break-glass", "", Json(|| json!({"model": "scorer", "version": "1", "environment": "production", "justification": "x", "hours": 0})), to(422)),
    ("GET", "/api/v1/break-glass/{break_glass}", "/api/v1/break-glass/{break_glass}", Empty, to(200)),
    // Nobody confirmed it: allowed, and refused for that.
    ("POST", "/api/v1/break-glass/{break_glass}/confirmation", "/api/v1/break-glass/{break_glass}/confirmation", Empty, to(409)),
    ("POST", "/api/v1/break-glass/{break_glass}/closure", "/api/v1/break-glass/{break_glass}/closure", Json(|| json!({"reason": "x"})), to(409)),
    ("POST", "/api/v1/break-glass/{break_glass}/review", "/api/v1/break-glass/{break_glass}/review", Json(|| json!({"outcome": "justified", "reason": "x"})), to(409)),
    ("PUT", "/api/v1/environments/{environment}/models/{model}/running", "/api/v1/environments/production/models/scorer/running", Json(|| json!({"digest": null, "host": "edge-7"})), to(200)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/running", "/api/v1/environments/production/models/scorer/running", Empty, to(200)),
    ("GET", "/api/v1/models/{model}/records", "/api/v1/models/scorer/records", Empty, to(200)),
    ("GET", "/api/v1/models/{model}/records/{kind}/{name}", "/api/v1/models/scorer/records/runbook/night", Empty, to(200)),
    ("PUT", "/api/v1/models/{model}/records/{kind}/{name}", "/api/v1/models/scorer/records/sla/{fresh}", Match("\"0\"", PROMISE), to(200)),
    // Its owner is the contributor.
    ("POST", "/api/v1/models/{model}/records/{kind}/{name}/review", "/api/v1/models/scorer/records/runbook/night/review", Match("\"1\"", || json!({"review_by": "2026-12-02"})), to(200).but(&[(403, &["viewer", "reviewer", "environment_manager", "auditor", "admin", "risk_officer", "compliance_officer"])])),
    ("GET", "/api/v1/environments/{environment}/records", "/api/v1/environments/production/records", Empty, to(200)),
    ("GET", "/api/v1/environments/{environment}/records/{kind}/{name}", "/api/v1/environments/production/records/runbook/night", Empty, to(200)),
    ("PUT", "/api/v1/environments/{environment}/records/{kind}/{name}", "/api/v1/environments/production/records/sla/{fresh}", Match("\"0\"", PROMISE), to(200)),
    ("POST", "/api/v1/environments/{environment}/records/{kind}/{name}/review", "/api/v1/environments/production/records/runbook/night/review", Match("\"1\"", || json!({"review_by": "2026-12-02"})), to(200).but(&[(403, &["viewer", "reviewer", "environment_manager", "auditor", "admin", "risk_officer", "compliance_officer"])])),
    // For the accounts of workers alone, which have a test of their own.
    ("POST", "/api/v1/worker/claims", "", Json(|| json!({"name": "cam"})), to(403)),
    ("PUT", "/api/v1/worker/claims/{claim}", "/api/v1/worker/claims/{run}?attempt=1", Json(|| json!({"phase": "loading", "percent": 1})), to(403)),
    ("GET", "/api/v1/worker/claims/{claim}/task", "/api/v1/worker/claims/{run}/task?attempt=1", Empty, to(403)),
    ("GET", "/api/v1/worker/claims/{claim}/model", "/api/v1/worker/claims/{run}/model?attempt=1", Empty, to(403)),
    ("POST", "/api/v1/worker/claims/{claim}/result", "/api/v1/worker/claims/{run}/result?attempt=1", Json(|| json!({})), to(403)),
    // Last, because it ends the credentials that the other rows use.
    ("DELETE", "/api/v1/sessions/current", "", Empty, to(204)),
];

/// Addresses outside the document: anyone may know that the service runs and how to call it.
pub const PUBLIC: &[&str] = &["/livez", "/readyz", "/openapi.json", "/openapi.yaml", "/docs/"];

/// A record of kind `sla`.
pub const PROMISE: fn() -> Value =
    || json!({"owner": "a-contributor", "review_by": "2026-12-01", "body": {"support": "on weekdays"}});

#[test]
fn every_operation_has_a_row_in_the_matrix() {
    let operations: BTreeSet<_> = openapi::operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    let known: BTreeSet<_> = OPERATIONS.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(known, operations, "src/http/operations.rs says what each operation needs, and of no other");
    assert_eq!(known.len(), OPERATIONS.len(), "an operation stands twice in src/http/operations.rs");
    let rows: BTreeSet<_> = MATRIX.iter().map(|(m, p, ..)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(rows.len(), MATRIX.len(), "an operation has two rows");
    let absent: Vec<_> = operations.difference(&rows).collect();
    let gone: Vec<_> = rows.difference(&operations).collect();
    assert!(absent.is_empty() && gone.is_empty(), "without a row: {absent:?}; without an operation: {gone:?}");
}

#[test]
fn the_document_says_which_operations_are_public_and_what_the_others_need() {
    for (method, path, operation) in openapi::operations() {
        let public = operation["security"] == json!([{}]);
        assert_eq!(public, needs(&method, &path) == Needs::Nothing, "{method} {path}");
        // And which actions the others need.
        let said = operation["x-actions"].as_array().map(|all| all.iter().map(text).collect::<Vec<_>>());
        let asked = needs(&method, &path).actions().iter().map(|action| action.name().to_owned()).collect();
        assert_eq!(said, (!public).then_some(asked), "{method} {path}");
    }
}

#[actix_web::test]
async fn each_role_gets_what_the_matrix_says() {
    let world = World::build().await;
    let mut wrong = Vec::new();
    for row @ (method, path, filled, body, _) in MATRIX {
        let expected = expected(row);
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
    for row @ (method, path, filled, body, _) in MATRIX {
        let expected = expected(row);
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
    for row @ (method, path, filled, body, _) in MATRIX {
        let expected = expected(row);
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
    send_as(world, world.token(role), method, path, body).await
}

/// With a token of whoever.
pub async fn send_as(world: &World, token: &str, method: &str, path: &str, body: &Body) -> Reply {
    use std::sync::atomic::{AtomicU32, Ordering};
    static FRESH: AtomicU32 = AtomicU32::new(0);
    let fresh = format!("fresh-{}", FRESH.fetch_add(1, Ordering::Relaxed));
    let fill = |text: &str| world.fill(text).replace("{fresh}", &fresh);
    let path = match body {
        Body::Query(query) | Body::Both(query, _) => format!("{path}?{query}"),
        _ => path.to_owned(),
    };
    let request = world.app.request(token, method, &fill(&path));
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
        Body::Bytes(bytes) => request
            .header("content-type", "application/octet-stream")
            .header("content-digest", format!("sha-256=:{}:", STANDARD.encode(Digest::of(bytes).bytes())))
            .body(*bytes),
        Body::Table => request
            .header("content-type", "text/csv")
            .header("plimsoll-dataset", STANDARD.encode(r#"{"label":"y"}"#))
            .body(fixture("people.csv")),
    })
    .await
}
