//! The ways by which somebody might act outside the range of a role: by what a body names, by a page, by another's leave, by a
//! robot, by an answer that was kept, by what is left unsaid.

use crate::{
    commands::Client,
    harness::{Reply, reply},
    invariants::{check, leaves, texts},
    pages::stage::Browser,
    roles::give_in,
    separation::delegate,
    story::{ENVIRONMENT, MODEL, Story, policy, spec, text},
};
use plimsoll::audit::invariants::{Invariant, Violation};
use serde_json::{Value, json};

fn staging() -> Value {
    json!({"environments": ["staging"]})
}

/// Version 1 is measured in production and in staging, and these are held in staging alone.
async fn held_in_staging(people: &[(&str, &str)]) -> Story {
    let story = Story::measured().await;
    story.environment("staging", spec(), policy(1)).await;
    assert_eq!(story.run(MODEL, "1", "staging").await["state"], "passed");
    for (name, role) in people {
        give_in(&story.app, &story.olga, name, role, staging()).await.expect(200);
    }
    story
}

fn is_out_of_range(reply: Reply) {
    assert_eq!(reply.expect(403).code(), "out_of_range");
}

#[actix_web::test]
async fn what_a_body_names_is_asked_as_what_an_address_names() {
    let story = held_in_staging(&[("ines", "contributor"), ("tom", "environment_manager")]).await;
    let before = story.app.events().await;
    let of = |environment: &str| json!({"model": MODEL, "version": "1", "environment": environment});
    let (t, ines, tom) = (&story.app, &story.ines, &story.tom);
    for path in ["/api/v1/runs", "/api/v1/promotions"] {
        is_out_of_range(t.post(ines, path, of(ENVIRONMENT)).await);
    }
    let finding = |place: Value| json!({"code": "drift", "severity": "low", "title": "x", "environment": place});
    is_out_of_range(t.post(ines, "/api/v1/findings", finding(json!(ENVIRONMENT))).await);
    is_out_of_range(t.post(tom, "/api/v1/findings", finding(json!(ENVIRONMENT))).await);
    // What is of no model and no environment is within no range.
    let dataset = t.request(ines, "PUT", "/api/v1/datasets/more").header("content-type", "text/csv");
    let refused = reply(dataset.header("plimsoll-dataset", "e30=").body("a\n1\n")).await;
    assert!([403, 422].contains(&refused.status), "{}", refused.text());
    // A refusal is an event of its own, and nothing else happened.
    assert!(story.seen_by_ada("/api/v1/findings").await["items"].as_array().is_some_and(Vec::is_empty));
    assert!(before < t.events().await);
    t.post(ines, "/api/v1/promotions", of("staging")).await.expect(201);
    t.post(tom, "/api/v1/findings", finding(json!("staging"))).await.expect(201);
}

#[actix_web::test]
async fn a_page_and_the_command_line_decide_nothing_that_the_api_refuses() {
    let story = held_in_staging(&[("mara", "reviewer")]).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    let browser = Browser::open(&story.app).await.sign_in("mara").await;
    let path = format!("/promotions/{}", text(&asked["id"]));
    let digest = text(&asked["decision_digest"]);
    let fields = [("decision_digest", digest.as_str()), ("outcome", "approve"), ("reason", "Read it.")];
    browser.get(&path).await.expect(200);
    let refused = browser.send(&path, &fields).await.expect(403);
    assert!(refused.text().contains("for some models or environments alone"), "{}", refused.text());
    let mara = Client::of(&story.app.url, &story.mara);
    let id = text(&asked["id"]);
    let ran = mara.run(&["approve", &id, "--digest", &digest, "--reason", "Read it."]).await;
    assert!(ran.code != Some(0) && ran.err.contains("for some models or environments alone"), "{}", ran.err);
    assert_eq!(story.look(&asked).await["state"], "awaiting_approval");
}

#[actix_web::test]
async fn nobody_lends_or_borrows_a_range() {
    let story = held_in_staging(&[("mara", "reviewer")]).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    // Mara, who reviews in staging, in the stead of Rui, who reviews everywhere.
    delegate(&story, &story.rui, "mara").await;
    let decide = |token: &str, stead: &str| {
        let path = format!("/api/v1/promotions/{}/decisions", text(&asked["id"]));
        let request = story.app.request(token, "POST", &path);
        reply(request.json(&json!({"decision_digest": asked["decision_digest"], "outcome": "approve", "reason": "x",
            "on_behalf_of": stead})))
    };
    is_out_of_range(decide(&story.mara, "rui").await);
    assert_eq!(story.look(&asked).await["state"], "awaiting_approval");
}

#[actix_web::test]
async fn a_robot_and_its_tokens_reach_no_farther_than_its_role() {
    let story = Story::stage().await;
    story.released(1).await;
    story.environment("staging", spec(), policy(1)).await;
    give_in(&story.app, &story.olga, "pipeline", "deployer", staging()).await.expect(200);
    let path = |place: &str| format!("/api/v1/environments/{place}/models/{MODEL}/running");
    let running = json!({"digest": null, "host": "edge-7"});
    let report = |place: &str| {
        let request = story.app.request(&story.robot, "PUT", &path(place));
        reply(request.json(&running))
    };
    is_out_of_range(report(ENVIRONMENT).await);
    for method in ["GET", "HEAD"] {
        let release = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release");
        assert_eq!(reply(story.app.request(&story.robot, method, &release)).await.status, 403, "{method}");
    }
    // A token that says production widens nothing.
    let wider = json!({"name": "wider", "account": "pipeline", "expires_in_days": 1,
        "scope": {"environments": [ENVIRONMENT], "actions": ["release.pull"]}});
    let token = story.app.post(&story.olga, "/api/v1/tokens", wider).await.expect(201).json();
    let release = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release");
    story.app.get(&text(&token["token"]), &release).await.expect(403);
}

#[actix_web::test]
async fn a_kept_answer_does_nothing_again_and_a_new_request_is_refused() {
    let story = held_in_staging(&[]).await;
    let body = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT});
    let send = |key: &'static str| {
        let request = story.app.request(&story.ines, "POST", "/api/v1/promotions");
        reply(request.header("idempotency-key", key).json(&body))
    };
    let first = send("key-00001").await.expect(201).json();
    give_in(&story.app, &story.olga, "ines", "contributor", staging()).await.expect(200);
    let again = send("key-00001").await;
    assert!(again.status == 403 || again.json() == first, "{}", again.text());
    is_out_of_range(story.withdraw(&story.ines, &first).await);
    story.decide(&story.mara, &first, "reject").await.expect(200);
    is_out_of_range(send("key-00002").await);
}

#[actix_web::test]
async fn what_is_left_unsaid_leads_nowhere_else() {
    let story = Story::stage().await;
    story.released(1).await;
    story.environment("staging", spec(), policy(1)).await;
    give_in(&story.app, &story.olga, "mara", "reviewer", staging()).await.expect(200);
    let dossier = format!("/api/v1/dossiers?profile=model-card&model={MODEL}");
    // Where no environment is named, the one that fits is production.
    for more in ["", "&environment=production", "&environment=production&as_of=2999-01-01"] {
        let asked = story.app.get(&story.mara, &format!("{dossier}{more}")).await;
        assert!([403, 422].contains(&asked.status), "{more}: {} {}", asked.status, asked.text());
    }
    story.app.get(&story.rui, &format!("{dossier}&environment=production")).await.expect(200);
}

#[actix_web::test]
async fn who_is_named_as_able_to_unblock_something_is_able_to_there() {
    let story = Story::measured().await;
    story.environment("staging", spec(), policy(1)).await;
    give_in(&story.app, &story.olga, "mara", "reviewer", staging()).await.expect(200);
    let refused = story.pull(Some("1")).await.expect(412).json();
    assert_eq!(refused["unblock"], json!(["rui"]), "{refused}");
    give_in(&story.app, &story.olga, "mara", "reviewer", json!({"models": [MODEL]})).await.expect(200);
    assert_eq!(story.pull(Some("1")).await.expect(412).json()["unblock"], json!(["mara", "rui"]));
}

#[actix_web::test]
async fn the_check_of_the_log_finds_who_acted_out_of_range() {
    let story = Story::stage().await;
    story.released(1).await;
    story.pull(None).await.expect(200);
    let (texts, leaves) = (texts(&story).await, leaves(&story).await);
    assert_eq!(check(&texts, leaves.clone()).violated(), 0);
    let elsewhere = json!({"environments": ["00000000-0000-7000-8000-000000000000"]}).to_string();
    for (role, action) in [
        ("reviewer", "promotion.approve"),
        ("environment_manager", "promotion.activate"),
        ("contributor", "promotion.request"),
        ("deployer", "release.pull"),
    ] {
        let mut log = leaves.clone();
        for change in log.iter_mut().flat_map(|leaf| &mut leaf.changes).filter(|change| change.table == "membership") {
            if change.row.get("role") == Some(&Some(json!(role))) {
                change.row.insert("reach".to_owned(), Some(json!(elsewhere)));
            }
        }
        let report = check(&texts, log);
        let found: Vec<_> = report.violations().map(ToString::to_string).collect();
        let is_found = |v: &Violation| v.invariant == Invariant::I18 && v.detail.starts_with(action);
        assert!(report.violations().any(is_found), "{role}: {found:#?}");
    }
}

impl Story {
    async fn seen_by_ada(&self, path: &str) -> Value {
        self.app.get(&self.ada, path).await.expect(200).json()
    }
}
