//! Bad requests about approvals, documents, activation, rollback and pulls, one table: each is
//! refused as a problem that says what and why, changes nothing, and leaves the service alive.
//!
//! The numbers are those of the list of bad requests that the service is held to. Elsewhere stand:
//! S20 in `concurrency`, S22 to S24 in `idempotency`, S37 in `promotion` and `people`, S43 in
//! parallel in `concurrency`, S45 in `promotion`, a file that is cut off (S44) in `suspension`.
//! S46 asks for scoped tokens, which there are none of; a deployer's token that tries to write
//! stands here. There are no presigned addresses to outlive a release (S44).

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, policy, scorer, text},
};
use plimsoll::{audit::invariants::ops, db::entity::audit_event};
use sea_orm::{EntityTrait, PaginatorTrait, QueryFilter};
use std::collections::BTreeMap;

/// Number, what it is, who asks, method, path, body, header, status, code, and how many refusals
/// the log tells.
struct Bad {
    number: &'static str,
    what: &'static str,
    who: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
    header: (&'static str, &'static str),
    answer: (u16, &'static str),
    told: u64,
}

const NONE: (&str, &str) = ("", "");

macro_rules! bad {
    ($($number:literal $what:literal: $who:ident $method:ident $path:literal $body:literal $header:expr => $status:literal $code:literal, $told:literal;)*) => {
        const BAD: &[Bad] = &[$(Bad {
            number: $number, what: $what, who: stringify!($who), method: stringify!($method), path: $path, body: $body,
            header: $header, answer: ($status, $code), told: $told,
        }),*];
    };
}

const REVIEWER: &str = r#"{"approvals": [{"role": "reviewer", "count": 1}]}"#;

bad! {
    "S18" "a document without If-Match": tom PUT "/environments/production/policy" "{policy}" NONE => 428 "if_match_required", 0;
    "S18" "a document with a weak ETag": tom PUT "/environments/production/policy" "{policy}" ("if-match", "W/\"1\"") => 400 "if_match_invalid", 0;
    "S19" "a document with a stale ETag": tom PUT "/environments/production/policy" "{policy}" ("if-match", "\"0\"") => 412 "stale", 0;
    "S19" "a document with an ETag of the future": tom PUT "/environments/production/policy" "{policy}" ("if-match", "\"99\"") => 412 "stale", 0;
    "S21" "a request for a version that there is not": ines POST "/promotions" r#"{"model": "scorer", "version": "99", "environment": "production"}"# NONE => 404 "not_found", 0;
    "S21" "a request for a version of another model": ines POST "/promotions" r#"{"model": "other", "version": "1", "environment": "production"}"# NONE => 404 "not_found", 0;
    "S21" "a request for an environment that there is not": ines POST "/promotions" r#"{"model": "scorer", "version": "1", "environment": "nowhere"}"# NONE => 404 "not_found", 0;
    "S36" "the author approves": ines POST "/promotions/{waiting}/decisions" "{approve}" NONE => 403 "forbidden", 1;
    "S36" "an author who may review approves": both POST "/promotions/{theirs}/decisions" "{approve_theirs}" NONE => 403 "separation_of_duties", 1;
    "S36" "an author who may review rejects": both POST "/promotions/{theirs}/decisions" "{reject_theirs}" NONE => 403 "separation_of_duties", 1;
    "S36" "a robot approves": robot POST "/promotions/{waiting}/decisions" "{approve}" NONE => 403 "forbidden", 1;
    "S36" "an administrator approves": olga POST "/promotions/{waiting}/decisions" "{approve}" NONE => 403 "forbidden", 1;
    "S38" "an approval of another digest": mara POST "/promotions/{waiting}/decisions" r#"{"decision_digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "outcome": "approve"}"# NONE => 409 "decision_changed", 0;
    "S38" "an approval of no digest": mara POST "/promotions/{waiting}/decisions" r#"{"decision_digest": "x", "outcome": "approve"}"# NONE => 422 "invalid", 0;
    "S38" "an approval that is neither": mara POST "/promotions/{waiting}/decisions" r#"{"decision_digest": "{digest}", "outcome": "maybe"}"# NONE => 422 "invalid", 0;
    "S39" "an approval of a withdrawn request": mara POST "/promotions/{withdrawn}/decisions" "{approve_withdrawn}" NONE => 409 "promotion_state", 0;
    "S39" "a rejection of a withdrawn request": mara POST "/promotions/{withdrawn}/decisions" "{reject_withdrawn}" NONE => 409 "promotion_state", 0;
    "S39" "an approval of an active request": rui POST "/promotions/{active}/decisions" "{approve_active}" NONE => 409 "promotion_state", 0;
    "S39" "an approval of a request that there is not": mara POST "/promotions/00000000-0000-7000-8000-000000000000/decisions" "{approve}" NONE => 404 "not_found", 0;
    "S40" "an approval of a request whose checks failed": mara POST "/promotions/{red}/decisions" "{approve_red}" NONE => 409 "promotion_state", 0;
    "S42" "an activation without a quorum": tom POST "/promotions/{waiting}/activation" "{}" NONE => 409 "promotion_state", 0;
    "S42" "an activation of what failed its checks": tom POST "/promotions/{red}/activation" "{}" NONE => 409 "promotion_state", 0;
    "S42" "an activation of what is active": tom POST "/promotions/{active}/activation" "{}" NONE => 409 "promotion_state", 0;
    "S42" "an activation of what was withdrawn": tom POST "/promotions/{withdrawn}/activation" "{}" NONE => 409 "promotion_state", 0;
    "S42" "an activation by the author": ines POST "/promotions/{waiting}/activation" "{}" NONE => 403 "forbidden", 1;
    "S42" "a withdrawal by somebody else": both POST "/promotions/{waiting}/withdrawal" "{}" NONE => 403 "not_yours", 1;
    "S43" "a rollback to what was never active": tom POST "/environments/production/models/scorer/rollbacks" r#"{"to": "3", "reason": "x"}"# NONE => 409 "rollback_target_unknown", 0;
    "S43" "a rollback to a version that there is not": tom POST "/environments/production/models/scorer/rollbacks" r#"{"to": "99", "reason": "x"}"# NONE => 409 "rollback_target_unknown", 0;
    "S43" "a rollback without a reason": tom POST "/environments/production/models/scorer/rollbacks" r#"{"reason": ""}"# NONE => 422 "invalid", 0;
    "S43" "a rollback where nothing is active": tom POST "/environments/production/models/other/rollbacks" r#"{"reason": "x"}"# NONE => 409 "nothing_active", 0;
    "S43" "a rollback by a deployer": robot POST "/environments/production/models/scorer/rollbacks" r#"{"reason": "x"}"# NONE => 403 "forbidden", 1;
    "S44" "a pull of an unapproved number": robot GET "/environments/production/models/scorer/release?version=3" "" NONE => 412 "not_approved", 1;
    "S44" "a pull of an unapproved digest": robot GET "/environments/production/models/scorer/release?version={third}" "" NONE => 412 "not_approved", 1;
    "S44" "a pull of a superseded number": robot GET "/environments/production/models/scorer/release?version=1" "" NONE => 412 "not_approved", 1;
    "S44" "a pull of an unapproved digest with an ETag that is held": robot GET "/environments/production/models/scorer/release?version={third}" "" ("if-none-match", "{etag}") => 412 "not_approved", 1;
    "S44" "a range of a file of what is not active": robot GET "/environments/production/models/other/release/files/model.onnx" "" ("range", "bytes=0-9") => 412 "nothing_active", 1;
    "S44" "a pull by somebody who may only look": viewer GET "/environments/production/models/scorer/release" "" NONE => 403 "forbidden", 1;
    "S44" "the bytes of an unapproved version for a deployer": robot GET "/models/scorer/versions/3/files/model.onnx" "" NONE => 403 "forbidden", 1;
    "S46" "a deployer's token that writes": robot POST "/promotions" r#"{"model": "scorer", "version": "3", "environment": "production"}"# NONE => 403 "forbidden", 1;
    "S46" "a deployer's token that makes another": robot POST "/tokens" r#"{"name": "more", "expires_in_days": 1}"# NONE => 403 "robot_cannot_issue", 1;
    "S55" "a model with an active version is deleted": olga DELETE "/models/scorer" "" NONE => 405 "method_not_allowed", 0;
    "S55" "a version that is active is deleted": olga DELETE "/models/scorer/versions/2" "" NONE => 405 "method_not_allowed", 0;
    "S55" "an environment is deleted": olga DELETE "/environments/production" "" NONE => 405 "method_not_allowed", 0;
}

struct Stage {
    story: Story,
    tokens: BTreeMap<&'static str, String>,
    things: BTreeMap<&'static str, String>,
}

/// Versions 1 and 2 were active, 2 is; 3 waits, 4 was measured by nobody; version 5 is of somebody
/// who may review as well.
async fn stage() -> Stage {
    let story = Story::stage().await;
    story.model("other").await;
    story.released(1).await;
    let active = story.released(2).await;
    let third = story.measured_version(3).await;
    let withdrawn = story.request(MODEL, &third, ENVIRONMENT).await;
    story.withdraw(&story.ines, &withdrawn).await.expect(200);
    let waiting = story.request(MODEL, &third, ENVIRONMENT).await;
    let fourth = story.signed(MODEL, &scorer(4)).await;
    let red = story.request(MODEL, &fourth, ENVIRONMENT).await;
    assert_eq!(red["state"], "checks_failed");
    let both = story.app.user("both", &["contributor", "reviewer"]).await;
    let fifth = story.measured_version(5).await;
    let body = serde_json::json!({"model": MODEL, "version": fifth, "environment": ENVIRONMENT});
    let theirs = story.app.post(&both, "/api/v1/promotions", body).await.expect(201).json();
    let viewer = story.app.user("vic", &["viewer"]).await;
    let pulled = story.pull(None).await.expect(200);
    let version = story.app.get(&story.ines, "/api/v1/models/scorer/versions/3").await.expect(200).json();
    let mut things = BTreeMap::from([
        ("{policy}", REVIEWER.to_owned()),
        ("{etag}", pulled.header("etag").to_owned()),
        ("{third}", text(&version["digest"])),
        ("{digest}", text(&waiting["decision_digest"])),
    ]);
    let decide = |promotion: &serde_json::Value, outcome: &str| {
        let digest = text(&promotion["decision_digest"]);
        format!(r#"{{"decision_digest": "{digest}", "outcome": "{outcome}", "reason": "Looked at it."}}"#)
    };
    things.insert("{approve}", decide(&waiting, "approve"));
    things.insert("{approve_theirs}", decide(&theirs, "approve"));
    things.insert("{reject_theirs}", decide(&theirs, "reject"));
    things.insert("{approve_withdrawn}", decide(&withdrawn, "approve"));
    things.insert("{reject_withdrawn}", decide(&withdrawn, "reject"));
    things.insert("{approve_active}", decide(&active, "approve"));
    things.insert("{approve_red}", decide(&red, "approve"));
    for (name, promotion) in [
        ("{waiting}", &waiting),
        ("{withdrawn}", &withdrawn),
        ("{active}", &active),
        ("{red}", &red),
        ("{theirs}", &theirs),
    ] {
        things.insert(name, text(&promotion["id"]));
    }
    let tokens = BTreeMap::from([
        ("ines", story.ines.clone()),
        ("tom", story.tom.clone()),
        ("mara", story.mara.clone()),
        ("rui", story.rui.clone()),
        ("olga", story.olga.clone()),
        ("robot", story.robot.clone()),
        ("both", both),
        ("viewer", viewer),
    ]);
    Stage { story, tokens, things }
}

impl Stage {
    fn fill(&self, text: &str) -> String {
        self.things.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    async fn ask(&self, bad: &Bad) -> Reply {
        let path = format!("/api/v1{}", self.fill(bad.path));
        let mut request = self.story.app.request(&self.tokens[bad.who], bad.method, &path);
        if !bad.body.is_empty() {
            request = request.header("content-type", "application/json").body(self.fill(bad.body));
        }
        if !bad.header.0.is_empty() {
            request = request.header(bad.header.0, self.fill(bad.header.1));
        }
        reply(request).await
    }

    /// Records of what was done, and of what was refused.
    async fn told(&self) -> (u64, u64) {
        let db = self.story.app.app.db.raw_for_tests();
        let count = async |outcome: &str| {
            let rows = audit_event::Entity::find().filter(audit_event::COLUMN.outcome.eq(outcome));
            rows.count(db).await.expect("count")
        };
        (count("done").await, count("denied").await)
    }
}

#[actix_web::test]
async fn every_bad_request_about_governance_is_refused_and_changes_nothing() {
    let stage = stage().await;
    let mut wrong = Vec::new();
    for bad in BAD {
        let before = stage.told().await;
        let answer = stage.ask(bad).await;
        let after = stage.told().await;
        let (name, problem) = (format!("{} {}", bad.number, bad.what), answer.json());
        let mut expect = |holds: bool, what: String| (!holds).then(|| wrong.push(format!("{name}: {what}")));
        expect(
            (answer.status, answer.code().as_str()) == bad.answer,
            format!("{} {} is not {:?}: {}", answer.status, answer.code(), bad.answer, answer.text()),
        );
        expect(answer.header("content-type") == "application/problem+json", answer.header("content-type").to_owned());
        expect(problem["status"] == answer.status, "another status in the body".to_owned());
        expect(problem["request_id"] == answer.header("x-request-id"), "another request id in the body".to_owned());
        let says =
            ["type", "title", "detail", "code", "request_id"].iter().all(|field| !text(&problem[*field]).is_empty());
        expect(says, format!("it does not say all: {problem}"));
        expect(after == (before.0, before.1 + bad.told), format!("the log went from {before:?} to {after:?}"));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    stage.story.app.get(&stage.story.ines, "/api/v1/whoami").await.expect(200);
    let report = ops::check(&stage.story.app.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
}

#[actix_web::test]
async fn s39_what_was_asked_for_before_a_document_changed_or_time_ran_out_is_not_approved() {
    let story = Story::measured().await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    story.revise(ENVIRONMENT, "policy", policy(2)).await;
    assert_eq!(story.approve(&story.mara, &asked).await.expect(409).code(), "promotion_state");
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    story.app.app.db.clock().advance(chrono::TimeDelta::hours(72));
    // The one refusal here that ends a request, and says so in the log.
    let before = story.leaves("promotion.expire").await.len();
    assert_eq!(story.approve(&story.mara, &asked).await.expect(409).code(), "promotion_expired");
    assert_eq!(story.leaves("promotion.expire").await.len(), before + 1);
    assert_eq!(story.approve(&story.mara, &asked).await.expect(409).code(), "promotion_state");
    let report = ops::check(&story.app.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
}

#[actix_web::test]
async fn s44_an_etag_that_is_held_opens_nothing_after_the_version_was_revoked() {
    let story = Story::stage().await;
    story.released(1).await;
    let tag = story.pull(None).await.expect(200).header("etag").to_owned();
    story.revoke_version("1").await.expect(200);
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release");
    for path in [path.clone(), format!("{path}/files/model.onnx")] {
        let request = story.app.request(&story.robot, "GET", &path).header("if-none-match", &tag);
        reply(request.header("range", "bytes=0-0")).await.expect(412);
    }
}
