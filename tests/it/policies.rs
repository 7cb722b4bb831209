//! Promotion policies end to end: rules, evidence, exclusions, revisions, lint, dry run.

use crate::{
    harness::Reply,
    story::{ENVIRONMENT, MODEL, Story, checks, give_role, policy, reported, scan, scorer, spec, strict_spec, text},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// The policy of one reviewer with more fields.
fn with(more: Value) -> Value {
    let mut policy = policy(1);
    for (field, value) in more.as_object().expect("fields") {
        policy[field] = value.clone();
    }
    policy
}

async fn dry_run(story: &Story, body: Value) -> Reply {
    let mut input = json!({"model": MODEL, "version": "1"});
    for (field, value) in body.as_object().expect("fields") {
        input[field] = value.clone();
    }
    story.app.post(&story.ines, &format!("/api/v1/environments/{ENVIRONMENT}/policy/dry-run"), input).await
}

async fn lint(story: &Story, policy: Value, environment: Option<&str>) -> Vec<(String, String)> {
    let body = json!({"policy": policy, "environment": environment});
    let found = story.app.post(&story.tom, "/api/v1/policies/lint", body).await.expect(200).json();
    let problems = found["problems"].as_array().expect("problems");
    problems.iter().map(|problem| (text(&problem["code"]), text(&problem["place"]))).collect()
}

#[actix_web::test]
async fn what_a_dry_run_says_is_what_the_next_request_fails() {
    let story = Story::stage_with(&[], strict_spec(), policy(1)).await;
    let unmeasured = story.signed(MODEL, &scorer(1)).await;
    let asks = json!({
        "evidence": [{"kind": "scan"}, {"kind": "document", "name": "model-card", "missing": "warn"}],
        "frameworks": [{"id": "eu-ai-act", "missing": "block"}],
    });
    for (name, policy) in [("no run", policy(1)), ("with asks", with(asks))] {
        story.revise(ENVIRONMENT, "policy", policy).await;
        let before = story.app.events().await;
        let said = dry_run(&story, json!({"version": unmeasured})).await.expect(200).json();
        assert_eq!(story.app.events().await, before, "{name}: nothing is written");
        let made = story.request(MODEL, &unmeasured, ENVIRONMENT).await;
        assert_ne!(said["would_block"], json!([]), "{name}");
        assert_eq!(said["would_block"], made["failed_checks"], "{name}");
        assert_eq!(said["warnings"], made["warnings"], "{name}");
    }
    assert_eq!(story.run(MODEL, &unmeasured, ENVIRONMENT).await["state"], "failed");
    let said = dry_run(&story, json!({"version": unmeasured})).await.expect(200).json();
    let made = story.request(MODEL, &unmeasured, ENVIRONMENT).await;
    assert_eq!(said["would_block"], made["failed_checks"]);
    let mut codes = checks(&made);
    codes.dedup();
    assert!(codes.contains(&"constraint_fail".to_owned()) && codes.contains(&"required_evidence_missing".to_owned()));
}

#[actix_web::test]
async fn a_dry_run_under_another_policy_says_who_could_decide() {
    let story = Story::measured().await;
    let said = dry_run(&story, json!({})).await.expect(200).json();
    assert_eq!((&said["would_block"], &said["holds"]), (&json!([]), &json!([])));
    assert_eq!(said["eligible"], json!({"reviewer": ["mara", "rui"]}));
    give_role(&story, "rui", "risk_officer").await;
    let stricter = with(json!({
        "approvals": [{"role": "reviewer", "count": 1}, {"role": "risk_officer", "count": 1}],
        "wait_hours": 2, "exclude": {"accounts": ["ada"]},
        "freeze": [{"reason": "closing", "zone": "Europe/Berlin", "from": "2020-01-01T00:00", "until": "2090-01-01T00:00"}],
    }));
    let said = dry_run(&story, json!({"policy": stricter})).await.expect(200).json();
    assert_eq!(
        said["seats"],
        json!([
            {"role": "reviewer", "could_be": ["mara"]}, {"role": "risk_officer", "could_be": ["rui"]},
        ])
    );
    let causes: Vec<_> = said["holds"].as_array().expect("holds").iter().map(|hold| text(&hold["cause"])).collect();
    assert_eq!(causes, ["wait", "freeze"]);
    assert_eq!(said["asked"]["wait_hours"], 2);
    let excluded = with(json!({"exclude": {"accounts": ["mara"]}, "approvals": [{"role": "reviewer", "count": 2}]}));
    let said = dry_run(&story, json!({"policy": excluded})).await.expect(200).json();
    assert_eq!(said["eligible"], json!({"reviewer": ["rui"]}));
    assert!(said["seats"].as_array().expect("seats").iter().any(|seat| seat["could_be"] == json!([])), "{said:#}");
    // Nothing of it was published.
    let now = story.app.get(&story.tom, &format!("/api/v1/environments/{ENVIRONMENT}/policy")).await.expect(200).json();
    assert_eq!(now["revision"], 1);
    let refused = dry_run(&story, json!({"policy": {"approvals": []}})).await.expect(422);
    assert!(refused.text().contains("policy.approvals"), "{}", refused.text());
}

#[actix_web::test]
async fn a_rule_asks_for_more_of_a_model_of_high_risk_and_a_change_of_the_tier_ends_the_request() {
    let story = Story::stage_with(&[], spec(), policy(1)).await;
    let rules = json!([{"when": {"risk_tier": "high"}, "approvals": [{"role": "reviewer", "count": 2}]}]);
    story.revise(ENVIRONMENT, "policy", with(json!({"rules": rules}))).await;
    story.measured_version(1).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(asked["seats"].as_array().map(Vec::len), Some(2), "{asked:#}");
    assert_eq!(story.approve(&story.mara, &asked).await.expect(200).json()["state"], "awaiting_approval");
    let change = json!({"risk_tier": "low"});
    let request =
        story.app.request(&story.ines, "PATCH", &format!("/api/v1/models/{MODEL}")).header("if-match", "\"1\"");
    crate::harness::reply(request.json(&change)).await.expect(200);
    story.approve(&story.rui, &asked).await.expect(409);
    assert_eq!(story.look(&asked).await["state"], "invalidated");
    let again = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(again["seats"].as_array().map(Vec::len), Some(1));
    assert_eq!(story.approve(&story.rui, &again).await.expect(200).json()["state"], "approved");
}

#[actix_web::test]
async fn evidence_of_a_kind_counts_until_it_is_too_old() {
    let story = Story::stage_with(&[], spec(), policy(1)).await;
    let asks = json!({"evidence": [
        {"kind": "scan", "source": "reported", "maximum_age_days": 3650},
        {"kind": "quality", "source": "measured", "maximum_age_days": 1},
    ]});
    story.revise(ENVIRONMENT, "policy", with(asks)).await;
    let version = story.measured_version(1).await;
    let asked = story.request(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(checks(&asked), ["required_evidence_missing"]);
    let found = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/{version}")).await.expect(200);
    let bundle = reported(&text(&found.json()["digest"]), scan("antivirus"), &story.key);
    let path = format!("/api/v1/models/{MODEL}/versions/{version}/evidence");
    story.app.post(&story.ines, &path, json!({"bundle": bundle})).await.expect(201);
    let asked = story.request(MODEL, &version, ENVIRONMENT).await;
    assert_eq!(asked["state"], "awaiting_approval", "{:#}", asked["failed_checks"]);
    story.app.app.db.clock().advance(TimeDelta::hours(25));
    let refused = story.approve(&story.mara, &asked).await.expect(409);
    assert!(refused.text().contains("older than 1 days"), "{}", refused.text());
}

#[actix_web::test]
async fn an_owner_whom_the_policy_excludes_does_not_decide() {
    let story = Story::measured().await;
    let request =
        story.app.request(&story.ines, "PATCH", &format!("/api/v1/models/{MODEL}")).header("if-match", "\"1\"");
    crate::harness::reply(request.json(&json!({"owners": {"business": "mara"}}))).await.expect(200);
    story.revise(ENVIRONMENT, "policy", with(json!({"exclude": {"owners": ["business"]}}))).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    let refused = story.approve(&story.mara, &asked).await.expect(403);
    assert!(refused.text().contains("an owner of the model, whom the policy excludes"), "{}", refused.text());
    story.approve(&story.rui, &asked).await.expect(200);
}

#[actix_web::test]
async fn a_gate_lets_a_check_warn_and_the_request_shows_it() {
    let story = Story::measured().await;
    story.app.app.db.clock().advance(TimeDelta::days(31));
    let stale = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(checks(&stale), ["evidence_expired"]);
    let soft = json!({"gates": [{"code": "evidence_expired", "action": "warn"}]});
    story.revise(ENVIRONMENT, "policy", with(soft)).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(asked["state"], "awaiting_approval", "{:#}", asked["failed_checks"]);
    assert_eq!(asked["warnings"][0]["check"], "evidence_expired", "{asked:#}");
}

#[actix_web::test]
async fn every_revision_of_a_document_stays_readable() {
    let story = Story::stage().await;
    story.revise(ENVIRONMENT, "policy", policy(2)).await;
    let path = format!("/api/v1/environments/{ENVIRONMENT}/policy/revisions");
    let list = story.app.get(&story.ada, &path).await.expect(200).json();
    let said: Vec<_> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| (item["revision"].as_i64().unwrap_or(0), text(&item["state"]), text(&item["created_by"])))
        .collect();
    let by = |number: i64, state: &str| (number, state.to_owned(), "tom".to_owned());
    assert_eq!(said, [by(2, "published"), by(1, "retired")]);
    let first = story.app.get(&story.ada, &format!("{path}/1")).await.expect(200);
    assert_eq!((first.header("etag"), &first.json()["body"]["approvals"][0]["count"]), ("\"1\"", &json!(1)));
    assert_eq!(first.json()["digest"], list["items"][1]["digest"]);
    for missing in ["3", "0", "x", "-1"] {
        story.app.get(&story.ada, &format!("{path}/{missing}")).await.expect(404);
    }
    let one = story.app.get(&story.ada, &format!("{path}?limit=1")).await.expect(200).json();
    let next = story.app.get(&story.ada, &format!("{path}?limit=1&cursor={}", text(&one["next_cursor"]))).await;
    assert_eq!(next.expect(200).json()["items"][0]["revision"], 1);
    let specs = story.app.get(&story.ada, &format!("/api/v1/environments/{ENVIRONMENT}/constraints/revisions")).await;
    assert_eq!(specs.expect(200).json()["items"][0]["state"], "active");
}

#[actix_web::test]
async fn lint_knows_the_workspace() {
    let story = Story::stage().await;
    assert_eq!(lint(&story, policy(2), Some(ENVIRONMENT)).await, []);
    story.environment("staging", spec(), with(json!({"soak": {"environment": ENVIRONMENT, "hours": 1}}))).await;
    let place = |code: &str, place: &str| vec![(code.to_owned(), place.to_owned())];
    for (policy, wanted) in [
        (policy(3), place("seats_not_fillable", "approvals")),
        (
            with(json!({"soak": {"environment": "moon", "hours": 1}})),
            place("environment_unknown", "soak[0].environment"),
        ),
        (with(json!({"soak": {"environment": "staging", "hours": 1}})), place("soak_cycle", "soak[0].environment")),
        (with(json!({"exclude": {"accounts": ["ghost"]}})), place("account_unknown", "exclude.accounts[0]")),
        (with(json!({"waivers": {"maximum_days": 91}})), place("not_legal", "waivers.maximum_days")),
        (json!({"approvals": [], "x": 1}), place("not_legal", "x")),
    ] {
        assert_eq!(lint(&story, policy.clone(), Some(ENVIRONMENT)).await, wanted, "{policy}");
    }
    assert_eq!(lint(&story, policy(3), None).await, []);
    let nowhere = json!({"policy": policy(1), "environment": "moon"});
    story.app.post(&story.tom, "/api/v1/policies/lint", nowhere).await.expect(404);
    let robot = json!({"policy": policy(1)});
    story.app.post(&story.robot, "/api/v1/policies/lint", robot).await.expect(403);
}
