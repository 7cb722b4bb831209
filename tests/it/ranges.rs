//! Roles that are held for some models or environments alone.

use crate::{
    commands::Client,
    harness::{Reply, reply},
    roles::{give_in, take},
    story::{ENVIRONMENT, MODEL, Story, policy, spec, text},
};
use plimsoll::audit::{invariants, replay::ops::compare_tables};
use serde_json::{Value, json};

/// Version 1 is measured in production and in staging.
async fn two_places() -> Story {
    let story = Story::measured().await;
    story.environment("staging", spec(), policy(1)).await;
    assert_eq!(story.run(MODEL, "1", "staging").await["state"], "passed");
    story
}

fn staging() -> Value {
    json!({"environments": ["staging"]})
}

async fn revise(story: &Story, environment: &str) -> Reply {
    let path = format!("/api/v1/environments/{environment}/policy");
    let seen = story.app.get(&story.tom, &path).await.expect(200).header("etag").to_owned();
    story.app.put(&story.tom, &path, &seen, policy(2)).await
}

#[actix_web::test]
async fn a_reviewer_for_one_environment_decides_there_and_nowhere_else() {
    let story = two_places().await;
    give_in(&story.app, &story.olga, "mara", "reviewer", staging()).await.expect(200);
    let (here, there) = (story.request(MODEL, "1", ENVIRONMENT).await, story.request(MODEL, "1", "staging").await);
    let before = story.look(&here).await;
    let refused = story.approve(&story.mara, &here).await.expect(403);
    assert_eq!(refused.code(), "out_of_range");
    assert!(refused.text().contains("ask somebody who holds the role here"), "{}", refused.text());
    assert_eq!(story.decide(&story.mara, &here, "reject").await.expect(403).code(), "out_of_range");
    assert_eq!(story.look(&here).await, before);
    assert_eq!(story.approve(&story.mara, &there).await.expect(200).json()["state"], "approved");
    // She looks at everything still, and does what is her own.
    story.app.get(&story.mara, "/api/v1/promotions").await.expect(200);
    story.app.post(&story.mara, "/api/v1/tokens", json!({"name": "x", "expires_in_days": 1})).await.expect(201);
    // Whoever holds it everywhere decides here.
    story.approve(&story.rui, &here).await.expect(200);
    let refusals = story.leaves("promotion.approve").await;
    assert!(refusals.iter().any(|leaf| leaf["detail"]["code"] == "out_of_range"), "{refusals:#?}");
}

#[actix_web::test]
async fn an_approval_counts_only_where_the_role_is_held() {
    let story = two_places().await;
    let approved = story.approved("1").await;
    give_in(&story.app, &story.olga, "mara", "reviewer", staging()).await.expect(200);
    assert_eq!(story.activate(&approved).await.expect(412).code(), "quorum_lost");
    give_in(&story.app, &story.olga, "mara", "reviewer", json!({"models": [MODEL]})).await.expect(200);
    story.activate(&approved).await.expect(201);
    let report = invariants::ops::check(&story.app.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
    let replayed = compare_tables(&story.app.app).await.expect("the log replays");
    assert_eq!(replayed.differing, 0, "{:#?}", replayed.differences);
}

#[actix_web::test]
async fn a_deployer_for_one_environment_pulls_nowhere_else() {
    let story = Story::stage().await;
    story.released(1).await;
    story.environment("staging", spec(), policy(1)).await;
    story.pull(None).await.expect(200);
    give_in(&story.app, &story.olga, "pipeline", "deployer", staging()).await.expect(200);
    assert_eq!(story.pull(None).await.expect(403).code(), "out_of_range");
    assert_eq!(story.pull_file("README.md").await.expect(403).code(), "out_of_range");
    // There it may, and finds nothing.
    let path = format!("/api/v1/environments/staging/models/{MODEL}/release");
    assert_eq!(story.app.get(&story.robot, &path).await.expect(412).code(), "nothing_active");
}

#[actix_web::test]
async fn an_environment_manager_for_one_environment_changes_no_other_and_makes_none() {
    let story = two_places().await;
    give_in(&story.app, &story.olga, "tom", "environment_manager", staging()).await.expect(200);
    revise(&story, "staging").await.expect(200);
    assert_eq!(revise(&story, ENVIRONMENT).await.expect(403).code(), "out_of_range");
    let new = json!({"name": "third", "profile": {"class": "server", "operating_mode": "advisory"}});
    assert_eq!(story.app.post(&story.tom, "/api/v1/environments", new).await.expect(403).code(), "out_of_range");
    story.app.get(&story.tom, "/api/v1/environments/third").await.expect(404);
}

#[actix_web::test]
async fn an_environment_manager_for_one_model_changes_nothing_of_a_whole_environment() {
    let story = Story::measured().await;
    // What follows from it is about that model alone: its open request would end.
    let open = story.request(MODEL, "1", ENVIRONMENT).await;
    give_in(&story.app, &story.olga, "tom", "environment_manager", json!({"models": [MODEL]})).await.expect(200);
    assert_eq!(revise(&story, ENVIRONMENT).await.expect(403).code(), "out_of_range");
    assert_eq!(story.look(&open).await["state"], "awaiting_approval");
}

#[actix_web::test]
async fn a_contributor_for_one_model_adds_to_no_other_and_registers_none() {
    let story = Story::stage().await;
    story.model("other").await;
    give_in(&story.app, &story.olga, "ines", "contributor", json!({"models": [MODEL]})).await.expect(200);
    let files = crate::story::scorer(1);
    story.declare(MODEL, &files).await.expect(201);
    assert_eq!(story.declare("other", &files).await.expect(403).code(), "out_of_range");
    let new = json!({"name": "third", "intended_use": "x", "risk_tier": "low"});
    assert_eq!(story.app.post(&story.ines, "/api/v1/models", new).await.expect(403).code(), "out_of_range");
    story.app.get(&story.ines, "/api/v1/models/other").await.expect(200);
    // Another role, held everywhere, does not make this one wider.
    give_in(&story.app, &story.olga, "ines", "reviewer", json!({})).await.expect(200);
    assert_eq!(story.declare("other", &files).await.expect(403).code(), "out_of_range");
    // Given again for the whole workspace, it is held there.
    give_in(&story.app, &story.olga, "ines", "contributor", json!({})).await.expect(200);
    story.declare("other", &files).await.expect(201);
}

#[actix_web::test]
async fn a_range_is_of_models_and_environments_that_are_there_and_of_roles_that_are_for_them() {
    let story = Story::stage().await;
    for role in ["viewer", "auditor", "admin"] {
        let refused = give_in(&story.app, &story.olga, "mara", role, json!({"environments": [ENVIRONMENT]})).await;
        assert!(refused.expect(422).text().contains("held in the whole workspace"), "{role}");
    }
    for scope in [
        json!({"environments": ["nowhere"]}),
        json!({"models": []}),
        json!({"actions": ["look"]}),
        json!({"places": ["production"]}),
    ] {
        let status = give_in(&story.app, &story.olga, "mara", "reviewer", scope.clone()).await.status;
        assert!([400, 422].contains(&status), "{scope}: {status}");
    }
}

#[actix_web::test]
async fn where_a_role_is_held_is_listed_told_and_given_at_the_command_line() {
    let story = Story::stage().await;
    let olga = Client::of(&story.app.url, &story.olga);
    let given = olga.well(&["user", "role", "give", "mara", "reviewer", "--environment", ENVIRONMENT]).await;
    assert!(given.contains("in production"), "{given}");
    let path = "/api/v1/accounts/mara/roles";
    let held = story.app.get(&story.olga, path).await.expect(200).json();
    assert_eq!(held["roles"][0]["scope"], json!({"environments": [ENVIRONMENT]}));
    let told = story.leaves("role.give").await;
    let place = story.app.get(&story.tom, &format!("/api/v1/environments/{ENVIRONMENT}")).await.expect(200).json();
    let last = told.iter().find(|leaf| !leaf["detail"]["environments"].is_null()).expect("told");
    assert_eq!(last["detail"]["environments"], json!([text(&place["id"])]));
    assert_eq!(last["detail"]["before"], last["detail"]["now"], "the same role, for less");
    take(&story.app, &story.olga, "mara", "reviewer").await.expect(200);
    let none = reply(story.app.request(&story.olga, "GET", path)).await.expect(200).json();
    assert_eq!(none["roles"], json!([]));
}
