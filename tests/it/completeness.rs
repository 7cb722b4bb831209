//! Completeness of the log, generated from the API document: every operation that changes
//! something is called once as somebody who may and once as somebody who may not, and the
//! log has exactly the events that belong to it.
//!
//! A job that an operation starts is done afterwards, and its events are counted apart: no
//! worker runs in these tests before `work` is called.

mod weighty;

use crate::{
    authz_matrix::{Body, PROMISE, send},
    harness::Reply,
    openapi,
    story::{reported, scan, text},
    world::World,
};
use Refused::{Not, Viewer, With};
use plimsoll::{
    audit::replay::ops::compare_tables,
    authz::{Action, policy::is_weighty},
    core::digest::Digest,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody without leave sends.
enum Refused {
    /// The same, as a viewer.
    Viewer,
    /// Something else, as a viewer.
    With(fn() -> Value),
    /// Nobody is refused with 403 here, because…
    Not(&'static str),
}

/// How an operation is driven to success, and what the log then has.
struct Recipe {
    operation: &'static str,
    role: &'static str,
    /// For the `{…}` of the document's path.
    values: &'static [(&'static str, &'static str)],
    body: Body,
    refused: Refused,
    /// Action, kind of the object, and its id: `$id` is that of the answer, empty is any.
    events: &'static [(&'static str, &'static str, &'static str)],
    /// Actions of what the jobs log that it started.
    job: &'static [&'static str],
}

const fn recipe(
    operation: &'static str,
    role: &'static str,
    values: &'static [(&'static str, &'static str)],
    body: Body,
    refused: Refused,
    events: &'static [(&'static str, &'static str, &'static str)],
) -> Recipe {
    Recipe { operation, role, values, body, refused, events, job: &[] }
}

const TENSOR: fn() -> Value =
    || json!({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]});
const V3: &[(&str, &str)] = &[("model", "scorer"), ("version", "3")];
const V4: &[(&str, &str)] = &[("model", "scorer"), ("version", "4")];
const V5: &[(&str, &str)] = &[("model", "scorer"), ("version", "5")];
const PIECE: &[(&str, &str)] = &[("model", "scorer"), ("version", "5"), ("upload", "{beginUpload}"), ("number", "0")];
const PIECES: fn() -> Value =
    || json!({"path": "a", "sha256": Digest::of("a").to_string(), "size_bytes": 1, "chunk_bytes": 65_536});
const README: &[(&str, &str)] = &[("model", "scorer"), ("version", "4"), ("path", "README.md")];
const PLACE: &[(&str, &str)] = &[("environment", "production"), ("model", "scorer")];
const RECORD: &[(&str, &str)] = &[("model", "scorer"), ("kind", "sla"), ("name", "promise")];
const RECORD_HERE: &[(&str, &str)] = &[("environment", "production"), ("kind", "sla"), ("name", "promise")];
const PLACE_FILE: &[(&str, &str)] = &[("environment", "production"), ("model", "scorer"), ("path", "README.md")];

const CLAIM: &[(&str, &str)] = &[("claim", "{claimRun}")];

/// In this order: later ones build on earlier ones.
#[rustfmt::skip]
fn recipes() -> Vec<Recipe> {
    use Body::{Both, Bytes, Json, Match, None as Empty, Query, Table};
    const ASK: fn() -> Value = || json!({"model": "scorer", "version": "3", "environment": "spare"});
    const ELSEWHERE: fn() -> Value = || json!({"model": "scorer", "version": "1", "environment": "elsewhere"});
    const WHY: fn() -> Value = || json!({"reason": "a test"});
    vec![
        recipe("signIn", "", &[], Json(|| json!({"name": "spare", "password": "a long enough one"})), Not("a wrong name or password is 401, and an event: see below"), &[("session.open", "token", "$id")]),
        recipe("createAccount", "admin", &[], Json(|| json!({"name": "{fresh}", "kind": "service", "roles": ["deployer"]})), Viewer, &[("account.create", "account", "$id")]),
        recipe("createToken", "viewer", &[], Json(|| json!({"name": "mine", "expires_in_days": 1})), With(|| json!({"name": "theirs", "account": "a-admin", "expires_in_days": 1})), &[("token.create", "token", "$id")]),
        recipe("revokeToken", "admin", &[("token", "{token}")], Empty, Not("what one may not manage does not exist: 404"), &[("token.revoke", "token", "{token}")]),
        recipe("trustWorkload", "admin", &[], Json(|| json!({"name": "{fresh}", "issuer": "https://ci.example", "audience": "plimsoll", "claims": {"sub": ["x"]}, "account": "spare-robot", "minutes": 5})), Viewer, &[("workload.trust", "workload_trust", "$id")]),
        recipe("endWorkloadTrust", "admin", &[("trust", "{trustWorkload}")], Empty, Viewer, &[("workload.distrust", "workload_trust", "$id")]),
        recipe("beginSecondFactor", "session", &[], Empty, Not("everybody adds their own"), &[("second_factor.add", "account", "")]),
        recipe("confirmSecondFactor", "session", &[], Json(|| json!({"code": "{factor_code}"})), Not("everybody adds their own"), &[("second_factor.add", "account", "")]),
        recipe("renewRecoveryCodes", "session", &[], Empty, Not("everybody renews their own"), &[("recovery_codes.renew", "account", "")]),
        recipe("removeSecondFactor", "session", &[], Empty, Not("everybody removes their own"), &[("second_factor.remove", "account", "")]),
        recipe("takeSecondFactor", "present-admin", &[("account", "twin")], Empty, Viewer, &[("second_factor.take", "account", "")]),
        recipe("confirmSession", "session", &[], Json(|| json!({"password": "a password of some length"})), Not("everybody confirms their own session"), &[("session.confirm", "token", "$id")]),
        recipe("endSession", "viewer", &[("session", "{confirmSession}")], Empty, Not("what one may not manage does not exist: 404"), &[("session.close", "token", "{confirmSession}")]),
        recipe("endOtherSessions", "viewer", &[], Empty, Not("everybody ends their own sessions, and none is left here"), &[]),
        recipe("changePassword", "viewer", &[], Json(|| json!({"current_password": "a password of some length", "new_password": "another one of some length"})), Not("everybody changes their own password"), &[("password.change", "account", "")]),
        recipe("issuePasswordReset", "admin", &[("account", "twin")], Empty, Viewer, &[("password.reset", "account", "")]),
        recipe("resetPassword", "", &[], Json(|| json!({"code": "{code}", "new_password": "another one of some length"})), Not("who has no code gets 422"), &[("password.change", "account", "")]),
        recipe("linkPerson", "admin", &[("account", "twin")], Json(|| json!({"same_as": "a-viewer"})), Viewer, &[("person.link", "account", "")]),
        recipe("setTeam", "admin", &[("account", "twin")], Json(|| json!({"team": "first-line"})), Viewer, &[("team.set", "account", "")]),
        recipe("defineRole", "admin", &[("role", "clerk")], Json(|| json!({"actions": ["model.read"]})), Viewer, &[("role.define", "role", "")]),
        recipe("discardRole", "admin", &[("role", "clerk")], Empty, Viewer, &[("role.discard", "role", "")]),
        recipe("giveRole", "admin", &[("account", "twin"), ("role", "auditor")], Json(|| json!({})), Viewer, &[("role.give", "account", "")]),
        recipe("takeRole", "admin", &[("account", "twin"), ("role", "auditor")], Empty, Viewer, &[("role.take", "account", "")]),
        recipe("createDelegation", "reviewer", &[], Json(|| json!({"to": "deputy", "valid_until": "2026-01-03T00:00:00Z"})), Viewer, &[("delegation.create", "delegation", "$id")]),
        recipe("revokeDelegation", "reviewer", &[("delegation", "{createDelegation}")], Empty, Viewer, &[("delegation.revoke", "delegation", "$id")]),
        recipe("deactivateAccount", "admin", &[("account", "spare")], Empty, Viewer, &[("account.deactivate", "account", "$id")]),
        recipe("eraseAccount", "admin", &[("account", "spare")], Empty, Viewer, &[("account.erase", "account", "$id")]),
        recipe("addTrustKey", "admin", &[], Json(|| json!({"name": "{fresh}", "public_key_pem": "{pem}"})), Viewer, &[("trust_key.add", "trust_key", "$id")]),
        recipe("registerModel", "contributor", &[], Json(|| json!({"name": "{fresh}", "intended_use": "x", "risk_tier": "low"})), Viewer, &[("model.register", "model", "$id")]),
        recipe("updateModel", "contributor", &[("model", "scorer")], Match("\"1\"", || json!({"title": "Scorer"})), Viewer, &[("model.update", "model", "$id")]),
        recipe("uploadFile", "contributor", README, Bytes(b"version 4"), Viewer, &[("version.upload", "version", "")]),
        recipe("sealVersion", "contributor", V4, Json(|| json!({})), Viewer, &[("version.seal", "version", "$id")]),
        recipe("createVersion", "contributor", &[("model", "scorer")], Json(|| json!({"files": [{"path": "a", "sha256": Digest::of("a").to_string(), "size_bytes": 1}]})), Viewer, &[("version.create", "version", "$id")]),
        // What comes in pieces is an event when it is whole.
        recipe("beginUpload", "contributor", V5, Json(PIECES), Viewer, &[]),
        recipe("abandonUpload", "contributor", PIECE, Empty, Viewer, &[]),
        recipe("beginUpload", "contributor", V5, Json(PIECES), Viewer, &[]),
        recipe("uploadChunk", "contributor", PIECE, Bytes(b"a"), Viewer, &[]),
        recipe("completeUpload", "contributor", PIECE, Empty, Viewer, &[("version.upload", "version", "")]),
        recipe("withdrawPromotion", "contributor", &[("promotion", "{withdrawable}")], Empty, Viewer, &[("promotion.withdraw", "promotion", "{withdrawable}")]),
        recipe("reportEvidence", "contributor", V3, Json(|| json!({"bundle": "{bundle}"})), Viewer, &[("evidence.report", "evidence", "$id")]),
        recipe("withdrawEvidence", "contributor", &[("model", "scorer"), ("version", "3"), ("evidence", "{reportEvidence}")], Json(WHY), Viewer, &[("evidence.withdraw", "evidence", "{reportEvidence}")]),
        recipe("refuteEvidence", "reviewer", &[("model", "scorer"), ("version", "3"), ("evidence", "{evidence}")], Json(WHY), Viewer, &[("evidence.refute", "evidence", "{evidence}")]),
        recipe("createEnvironment", "environment_manager", &[], Json(|| json!({"name": "{fresh}", "profile": {"class": "edge", "operating_mode": "advisory"}})), Viewer,
            // The environment, and the first revision of its profile.
            &[("environment.create", "environment", "$id"), ("environment.revise", "environment", "$id")]),
        recipe("registerDataset", "contributor", &[("dataset", "{fresh}")], Table, Viewer, &[("dataset.register", "dataset", "$id")]),
        Recipe { job: &["run.finish"], ..recipe("requestRun", "contributor", &[], Json(ASK), Viewer, &[("run.request", "run", "$id")]) },
        // What asks for a label that no worker here has waits for one elsewhere.
        recipe("requestRun", "contributor", &[], Json(ELSEWHERE), Viewer, &[("run.request", "run", "$id")]),
        recipe("claimRun", "worker", &[], Json(|| json!({"name": "cam", "labels": ["hardware=edge-cam"]})), Viewer, &[]),
        recipe("renewClaim", "worker", CLAIM, Both("attempt=1", || json!({"phase": "loading", "percent": 1})), Viewer, &[]),
        recipe("fetchTask", "worker", CLAIM, Query("attempt=1"), Viewer, &[("run.carry_out", "run", "{requestRun}")]),
        recipe("fetchModel", "worker", CLAIM, Query("attempt=1"), Viewer, &[("run.carry_out", "run", "{requestRun}")]),
        recipe("handInResult", "worker", CLAIM, Both("attempt=1", || json!({"failed": {"kind": "runtime_error", "detail": "x"}})), Viewer, &[("run.finish", "run", "{requestRun}")]),
        recipe("requestRun", "contributor", &[], Json(ELSEWHERE), Viewer, &[("run.request", "run", "$id")]),
        recipe("cancelRun", "contributor", &[("run", "{requestRun}")], Json(WHY), Viewer, &[("run.cancel", "run", "{requestRun}")]),
        recipe("requestPromotion", "contributor", &[], Json(ASK), Viewer, &[("promotion.request", "promotion", "$id")]),
        recipe("commentOnPromotion", "contributor", &[("promotion", "{promotion}")], Json(|| json!({"body": "Looked at it."})), Viewer, &[("promotion.comment", "promotion", "{promotion}")]),
        recipe("decidePromotion", "reviewer", &[("promotion", "{promotion}")], Json(|| json!({"decision_digest": "{promotion_decision}", "outcome": "approve"})), Viewer, &[("promotion.approve", "promotion", "{promotion}")]),
        recipe("withdrawApproval", "reviewer", &[("promotion", "{promotion}")], Json(WHY), Viewer, &[("promotion.unapprove", "promotion", "{promotion}"), ("promotion.lose_quorum", "promotion", "{promotion}")]),
        recipe("decidePromotion", "reviewer", &[("promotion", "{promotion}")], Json(|| json!({"decision_digest": "{promotion_decision}", "outcome": "approve"})), Viewer, &[("promotion.approve", "promotion", "{promotion}")]),
        recipe("activatePromotion", "environment_manager", &[("promotion", "{promotion}")], Empty, Viewer, &[("promotion.activate", "release", "$id")]),
        recipe("pullRelease", "deployer", PLACE, Empty, Viewer, &[("release.pull", "release", "{activatePromotion}")]),
        recipe("pullFile", "deployer", PLACE_FILE, Empty, Viewer, &[("release.pull", "release", "{activatePromotion}")]),
        recipe("inspectFile", "contributor", README, Empty, Viewer, &[("version.inspect", "version", "{sealVersion}")]),
        Recipe { job: &["run.finish"], ..recipe("requestComparison", "contributor", &[], Json(|| json!({"model": "scorer", "version": "3", "environment": "production", "against": "1"})), Viewer, &[("run.request", "comparison", "$id")]) },
        recipe("infer", "reviewer", V3, Json(TENSOR), Viewer, &[("version.inspect", "version", "")]),
        recipe("inspectDataset", "contributor", &[("dataset", "people")], Empty, Viewer, &[("dataset.inspect", "dataset", "")]),
        Recipe { job: &["rehearsal.finish"], ..recipe("requestRehearsal", "environment_manager", PLACE, Json(|| json!({})), Viewer, &[("release.rehearse", "release", "")]) },
        recipe("rollBack", "environment_manager", PLACE, Json(WHY), Viewer, &[("release.roll_back", "release", "$id")]),
        recipe("reviewRollback", "reviewer", &[("release", "{rollBack}")], Json(|| json!({"outcome": "justified", "reason": "a test"})), Viewer, &[("release.review", "release", "{rollBack}")]),
        recipe("lowerReleaseMode", "environment_manager", PLACE, Json(|| json!({"mode": "advisory", "reason": "a test"})), Viewer, &[("release.lower_mode", "release", "$id")]),
        recipe("suspendRelease", "risk_officer", PLACE, Json(WHY), Viewer, &[("release.suspend", "release", "{lowerReleaseMode}")]),
        recipe("resumeRelease", "environment_manager", PLACE, Json(WHY), Viewer, &[("release.resume", "release", "$id")]),
        // The request that rested on the old document ends with it.
        recipe("reviseDocument", "environment_manager", &[("environment", "spare"), ("document", "profile")],
            Match("\"1\"", || json!({"class": "batch", "operating_mode": "advisory"})), Viewer,
            &[("environment.revise", "environment", ""), ("promotion.invalidate", "promotion", "{requestPromotion}")]),
        recipe("invokeBreakGlass", "environment_manager", &[], Json(|| json!({"model": "scorer", "version": "3", "environment": "spare", "justification": "x", "hours": 1})), Viewer, &[("break_glass.invoke", "break_glass", "$id")]),
        recipe("confirmBreakGlass", "risk_officer", &[("break_glass", "{invokeBreakGlass}")], Empty, Viewer, &[("break_glass.confirm", "break_glass", "$id"), ("finding.open", "finding", "")]),
        recipe("closeBreakGlass", "environment_manager", &[("break_glass", "{invokeBreakGlass}")], Json(WHY), Viewer, &[("break_glass.close", "break_glass", "$id"), ("release.suspend", "release", "")]),
        recipe("reviewBreakGlass", "reviewer", &[("break_glass", "{invokeBreakGlass}")], Json(|| json!({"outcome": "justified", "reason": "x"})), Viewer, &[("break_glass.review", "break_glass", "$id"), ("finding.close", "finding", "")]),
        recipe("lintPolicy", "viewer", &[], Json(|| json!({"policy": {"approvals": []}, "environment": "spare"})), Not("whoever sees environments may ask, and nothing is written"), &[]),
        recipe("dryRunPolicy", "viewer", &[("environment", "spare")], Json(|| json!({"model": "scorer", "version": "3"})), Not("whoever sees requests may ask, and nothing is written"), &[]),
        recipe("revokeVersion", "admin", V3, Json(WHY), Viewer, &[("version.revoke", "version", "$id")]),
        recipe("revokeCertificate", "admin", &[("key", "{authority}")], Json(|| json!({"certificate": "serial:0b"})), Viewer, &[("trust_key.revoke", "trust_key", "{authority}")]),
        recipe("revokeTrustKey", "admin", &[("key", "{key}")], Empty, Viewer, &[("trust_key.revoke", "trust_key", "{key}"), ("release.lapse", "release", ""), ("finding.open", "finding", "")]),
        recipe("exportDossier", "auditor", &[], Query("profile=model-card&model=scorer&environment=production"), Viewer, &[("dossier.export", "version", "")]),
        recipe("exportLog", "auditor", &[], Empty, Viewer, &[("audit.export", "log", "")]),
        recipe("openFinding", "auditor", &[], Json(|| json!({"code": "{fresh}", "severity": "low", "title": "x", "environment": "spare"})), Viewer, &[("finding.open", "finding", "$id")]),
        recipe("remediateFinding", "contributor", &[("finding", "{openFinding}")], Json(WHY), Viewer, &[("finding.remediate", "finding", "$id")]),
        recipe("acceptFinding", "risk_officer", &[("finding", "{openFinding}")], Json(|| json!({"reason": "a test", "until": "2026-02-01T00:00:00Z"})), Viewer, &[("finding.accept", "finding", "$id")]),
        recipe("closeFinding", "reviewer", &[("finding", "{openFinding}")], Json(WHY), Viewer, &[("finding.close", "finding", "$id")]),
        recipe("requestWaiver", "contributor", &[], Json(|| json!({"model": "scorer", "version": "3", "environment": "production", "constraint": "size", "reason": "x", "compensating_control": "x", "expires_at": "2026-02-01T00:00:00Z"})), Viewer, &[("waiver.request", "waiver", "$id")]),
        recipe("decideWaiver", "reviewer", &[("waiver", "{requestWaiver}")], Json(|| json!({"outcome": "grant", "reason": "x"})), Viewer, &[("waiver.grant", "waiver", "$id")]),
        recipe("revokeWaiver", "contributor", &[("waiver", "{requestWaiver}")], Json(WHY), Viewer, &[("waiver.revoke", "waiver", "$id")]),
        // A host that runs nothing where something is active.
        recipe("reportRunning", "deployer", PLACE, Json(|| json!({"digest": null, "host": "edge-7"})), Viewer, &[("running.report", "environment", ""), ("finding.open", "finding", "")]),
        recipe("putModelRecord", "contributor", RECORD, Match("\"0\"", PROMISE), Viewer, &[("record.put", "record", "$id")]),
        recipe("reviewModelRecord", "contributor", RECORD, Match("\"1\"", || json!({"review_by": "2026-12-02"})), Viewer, &[("record.review", "record", "{putModelRecord}")]),
        recipe("putEnvironmentRecord", "environment_manager", RECORD_HERE, Match("\"0\"", PROMISE), Viewer, &[("environment_record.put", "record", "$id")]),
        recipe("reviewEnvironmentRecord", "contributor", RECORD_HERE, Match("\"1\"", || json!({"review_by": "2026-12-02"})), Viewer, &[("record.review", "record", "{putEnvironmentRecord}")]),
        recipe("signOut", "deployer", &[], Empty, Not("everybody ends their own session"), &[("session.close", "token", "")]),
    ]
}

/// Operations that change nothing, and are events because bytes leave.
const BYTES_LEAVE: [&str; 7] =
    ["exportDossier", "fetchModel", "fetchTask", "inspectDataset", "inspectFile", "pullFile", "pullRelease"];

/// What deliberately writes nothing, though its operation usually does.
const SILENT: [(&str, &str); 3] = [
    ("uploadFile", "the bytes are here already, from this version or another: a push that is resumed"),
    ("reportEvidence", "the same statement is here already"),
    ("pullRelease", "If-None-Match names the active release, so nothing leaves: 304"),
];

/// What cannot be done in a world that has accounts, and no issuer beside it.
const APART: [(&str, &str); 2] = [
    ("createFirstAccount", "tests/it/asvs/beginning.rs makes one"),
    ("exchangeWorkloadToken", "tests/it/workloads has an issuer"),
];

#[test]
fn every_operation_that_changes_something_has_a_recipe() {
    let known: BTreeMap<_, _> = recipes().into_iter().map(|recipe| (recipe.operation, ())).collect();
    let changing = |method: &str| ["POST", "PUT", "PATCH", "DELETE"].contains(&method);
    let operations = openapi::operations();
    let name = |operation: &Value| text(&operation["operationId"]);
    let missing: Vec<_> = operations
        .iter()
        .filter(|(method, ..)| changing(method))
        .map(|(.., operation)| name(operation))
        .filter(|name| !known.contains_key(name.as_str()) && !APART.iter().any(|(apart, _)| apart == name))
        .collect();
    assert!(missing.is_empty(), "give each of these a recipe in tests/it/completeness.rs: {missing:?}");
    for operation in known.keys() {
        let found = operations.iter().find(|(.., o)| name(o) == *operation);
        let (method, ..) = found.unwrap_or_else(|| panic!("no operation is called {operation}"));
        assert_eq!(!changing(method), BYTES_LEAVE.contains(operation), "{operation}");
    }
    assert!(SILENT.iter().all(|(operation, _)| known.contains_key(operation)));
}

#[actix_web::test]
async fn every_operation_has_exactly_its_events() {
    drive(World::build().await).await;
}

/// Every recipe in this world.
pub async fn drive(mut world: World) {
    elsewhere(&world).await;
    world.let_passwords_age().await;
    let mut too_late = BTreeSet::new();
    let operations = openapi::operations();
    for recipe in recipes() {
        let (method, path, _) =
            operations.iter().find(|(.., o)| o["operationId"] == recipe.operation).expect("an operation");
        if recipe.operation == "takeSecondFactor" {
            let session = crate::asvs::session(&world.app, "twin").await;
            crate::asvs::factor::enrol(&world.app, &session).await;
        }
        if recipe.operation == "reportEvidence" {
            world.bundle = another_report(&world).await;
        }
        let path =
            recipe.values.iter().fold(path.clone(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        refused(&world, &recipe, method, &path).await;
        too_late.extend(weighty::weighed(&world, &recipe, method, &path).await);
        let (answer, _) = done(&world, &recipe, method, &path).await;
        if let Some(id) = answer.json()["id"].as_str() {
            world.things.insert(recipe.operation, id.to_owned());
        }
        if let Some(secret) = answer.json()["secret"].as_str() {
            world.things.insert("factor_code", crate::asvs::factor::Authenticator::of(secret).code(&world.app, 0));
        }
        if let Some(code) = answer.json()["code"].as_str() {
            world.things.insert("code", code.to_owned());
        }
        let before = world.app.events().await;
        world.app.work().await;
        let said: Vec<_> = newest(&world, before).await.iter().map(|event| text(&event["action"])).collect();
        assert_eq!(said, recipe.job, "{}: what its job says", recipe.operation);
    }
    let weighty: BTreeSet<_> =
        Action::ALL.iter().filter(|action| is_weighty(**action)).map(ToString::to_string).collect();
    assert_eq!(too_late, weighty, "what weighs much is refused to whoever gave their password too long ago");
    let replayed = compare_tables(&world.app.app).await.expect("the log replays");
    assert_eq!(replayed.differing, 0, "{:#?}", replayed.differences);
}

async fn done(world: &World, recipe: &Recipe, method: &str, path: &str) -> (Reply, usize) {
    let name = recipe.operation;
    let before = world.app.events().await;
    let answer = send(world, recipe.role, method, path, &recipe.body).await;
    assert!((200..300).contains(&answer.status), "{name}: {} {}", answer.status, answer.text());
    let events = newest(world, before).await;
    let said: Vec<_> =
        events.iter().map(|event| (text(&event["action"]), text(&event["leaf"]["object"]["kind"]))).collect();
    let wanted: Vec<_> =
        recipe.events.iter().map(|(action, kind, _)| ((*action).to_owned(), (*kind).to_owned())).collect();
    assert_eq!(said, wanted, "{name}");
    for (event, (.., id)) in events.iter().zip(recipe.events) {
        let leaf = &event["leaf"];
        assert_eq!(event["outcome"], "done", "{name}");
        assert_eq!(leaf["request_id"], answer.header("x-request-id"), "{name} can be traced");
        let found = text(&leaf["object"]["id"]);
        let wanted = match *id {
            "" => found.clone(),
            "$id" => text(&answer.json()["id"]),
            id => world.fill(id),
        };
        assert!(!found.is_empty() && found == wanted, "{name}: about {found}, not {wanted}");
    }
    (answer, events.len())
}

async fn refused(world: &World, recipe: &Recipe, method: &str, path: &str) {
    let other;
    let body = match &recipe.refused {
        Not(why) => {
            assert!(!why.is_empty());
            return;
        }
        Viewer => &recipe.body,
        With(body) => {
            other = Body::Json(*body);
            &other
        }
    };
    let name = recipe.operation;
    let before = world.app.events().await;
    let answer = send(world, "viewer", method, path, body).await;
    assert_eq!(answer.status, 403, "{name}: {}", answer.text());
    let events = newest(world, before).await;
    assert_eq!(events.len(), 1, "{name}: one refusal");
    assert_eq!(
        (&events[0]["outcome"], &events[0]["leaf"]["request_id"]),
        (&json!("denied"), &json!(answer.header("x-request-id"))),
        "{name}"
    );
    let accounts = world.app.get(world.token("viewer"), "/api/v1/accounts").await.expect(200).json();
    let viewer = accounts["items"].as_array().expect("items").iter().find(|account| account["name"] == "a-viewer");
    assert_eq!(events[0]["leaf"]["actor"]["id"], viewer.expect("viewer")["id"], "{name}");
}

/// Events after the first `before`, oldest first.
async fn newest(world: &World, before: usize) -> Vec<Value> {
    let new = world.app.events().await - before;
    if new == 0 {
        return Vec::new();
    }
    let path = format!("/api/v1/audit/events?limit={new}");
    let mut events = world.app.get(world.token("auditor"), &path).await.expect(200).json();
    let mut events = std::mem::take(events["items"].as_array_mut().expect("events"));
    events.reverse();
    events
}

/// An environment whose runs only a worker with a label carries out.
async fn elsewhere(world: &World) {
    let body = json!({"name": "elsewhere", "profile": {"class": "edge", "operating_mode": "advisory"}});
    world.app.post(world.token("environment_manager"), "/api/v1/environments", body).await.expect(201);
    let size = json!({"name": "size", "dimension": "size", "metric": "artifact_size", "operator": "<=", "limit": 512,
        "unit": "KiBy", "owner": "a-environment_manager"});
    let spec = json!({"datasets": {"scorer": "people"}, "hardware": {"label": "edge-cam"}, "constraints": [size]});
    let path = "/api/v1/environments/elsewhere/constraints";
    world.app.put(world.token("environment_manager"), path, "\"0\"", spec).await.expect(200);
}

async fn another_report(world: &World) -> Value {
    let version = world.app.get(world.token("viewer"), "/api/v1/models/scorer/versions/3").await.expect(200).json();
    reported(version["digest"].as_str().expect("digest"), scan("another"), &world.key)
}

#[actix_web::test]
async fn what_writes_nothing_says_why() {
    let world = World::build().await;
    let before = world.app.events().await;
    let model = Body::File("tensor_binary.onnx");
    let path = "/api/v1/models/scorer/versions/4/files/model.onnx";
    assert_eq!(send(&world, "contributor", "PUT", path, &model).await.status, 204);
    let report = Body::Json(|| json!({"bundle": "{bundle}"}));
    let path = "/api/v1/models/scorer/versions/3/evidence";
    assert_eq!(send(&world, "contributor", "POST", path, &report).await.status, 200);
    assert_eq!(world.app.events().await, before, "{SILENT:?}");
    let path = "/api/v1/environments/production/models/scorer/release";
    let pull = send(&world, "deployer", "GET", path, &Body::None).await;
    assert_eq!((pull.status, world.app.events().await), (200, before + 1));
    let again = world.app.request(world.token("deployer"), "GET", path).header("if-none-match", pull.header("etag"));
    assert_eq!(crate::harness::reply(again).await.status, 304);
    assert_eq!(world.app.events().await, before + 1, "{SILENT:?}");
}

#[actix_web::test]
async fn a_newer_report_and_the_end_of_the_older_one_are_one_event_without_free_text() {
    let mut world = World::build().await;
    let before = world.app.events().await;
    let version = world.app.get(world.token("viewer"), "/api/v1/models/scorer/versions/3").await.expect(200).json();
    let mut predicate = scan("malware");
    predicate["issued_at"] = "2026-01-02T03:00:02Z".into();
    world.bundle = reported(version["digest"].as_str().expect("digest"), predicate, &world.key);
    let report = Body::Json(|| json!({"bundle": "{bundle}"}));
    let path = "/api/v1/models/scorer/versions/3/evidence";
    assert_eq!(send(&world, "contributor", "POST", path, &report).await.status, 201);
    let events = newest(&world, before).await;
    let said: Vec<_> = events.iter().map(|event| text(&event["action"])).collect();
    assert_eq!(said, ["evidence.report", "promotion.invalidate"], "the open request for the version ends with it");
    let detail = &events[0]["leaf"]["detail"];
    assert_eq!(detail["supersedes"], world.fill("{evidence}"));
    assert!(!detail.to_string().contains("A scan"), "{detail}");
}

#[actix_web::test]
async fn a_sign_in_that_fails_is_an_event_and_a_request_without_a_credential_is_none() {
    let world = World::build().await;
    for (body, about) in [
        (Body::Json(|| json!({"name": "spare", "password": "not the right one"})), false),
        (Body::Json(|| json!({"name": "nobody", "password": "not the right one"})), true),
    ] {
        let before = world.app.events().await;
        assert_eq!(send(&world, "", "POST", "/api/v1/sessions", &body).await.status, 401);
        let events = newest(&world, before).await;
        assert_eq!(events.len(), 1);
        let leaf = &events[0]["leaf"];
        assert_eq!((&leaf["action"], &leaf["detail"]["event"]), (&json!("session.open"), &json!("session_refused")));
        assert_eq!(leaf["object"]["id"] == "unknown", about, "{leaf}");
        assert!(!leaf.to_string().contains("nobody"), "what was typed may be a password: {leaf}");
    }
    // Nobody is known, and anybody could fill the log.
    let before = world.app.events().await;
    assert_eq!(send(&world, "", "GET", "/api/v1/models", &Body::None).await.status, 401);
    assert_eq!(world.app.events().await, before);
}
