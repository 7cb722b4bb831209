//! Roles that a workspace makes for itself.

use crate::{
    authz_matrix::{MATRIX, send_as},
    commands::Client,
    harness::{Reply, TestApp, reply},
    roles::{give_in, take},
    story::{ENVIRONMENT, MODEL, Story, policy, spec, text},
    world::World,
};
use plimsoll::{
    audit::{invariants, replay::ops::compare_tables},
    authz::{Action, CustomRole, Role},
    http::{door::Needs, operations::OPERATIONS},
};
use serde_json::{Value, json};

async fn define(t: &TestApp, by: &str, name: &str, actions: &[&str]) -> Reply {
    reply(t.request(by, "PUT", &format!("/api/v1/roles/{name}")).json(&json!({"actions": actions}))).await
}

async fn discard(t: &TestApp, by: &str, name: &str) -> Reply {
    reply(t.request(by, "DELETE", &format!("/api/v1/roles/{name}"))).await
}

async fn give(t: &TestApp, by: &str, name: &str, role: &str) -> Reply {
    give_in(t, by, name, role, json!({})).await
}

fn model(name: &str) -> Value {
    json!({"name": name, "intended_use": "x", "risk_tier": "low"})
}

#[actix_web::test]
async fn a_role_of_the_workspaces_own_acts_with_the_next_request_on_every_replica_and_ends_as_soon() {
    let t = TestApp::start().await;
    let (olga, ada) = (t.user("olga", &["admin"]).await, t.user("ada", &["auditor"]).await);
    let mara = t.user("mara", &["viewer"]).await;
    let other = t.again(&[]).await;
    let made = define(&t, &olga, "clerk", &["model.register", "model.read"]).await.expect(200).json();
    assert_eq!(made, json!({"name": "clerk", "actions": ["model.read", "model.register"], "holders": []}));
    other.post(&mara, "/api/v1/models", model("first")).await.expect(403);
    give(&t, &olga, "mara", "custom:clerk").await.expect(200);
    other.post(&mara, "/api/v1/models", model("first")).await.expect(201);
    let who = other.get(&mara, "/api/v1/whoami").await.expect(200).json();
    assert_eq!(who["roles"], json!(["viewer", "custom:clerk"]));
    // What it says changes for those who hold it.
    define(&t, &olga, "clerk", &["environment.create"]).await.expect(200);
    other.post(&mara, "/api/v1/models", model("second")).await.expect(403);
    let place = json!({"name": "third", "profile": {"class": "edge", "operating_mode": "advisory"}});
    other.post(&mara, "/api/v1/environments", place).await.expect(201);
    assert_eq!(discard(&t, &olga, "clerk").await.expect(409).code(), "role_held");
    take(&t, &olga, "mara", "custom:clerk").await.expect(200);
    let place = json!({"name": "fourth", "profile": {"class": "edge", "operating_mode": "advisory"}});
    other.post(&mara, "/api/v1/environments", place).await.expect(403);
    discard(&t, &olga, "clerk").await.expect(204);
    give(&t, &olga, "mara", "custom:clerk").await.expect(404);

    let events = t.get(&ada, "/api/v1/audit/events?action=role.").await.expect(200).json();
    let mut told: Vec<_> = events["items"].as_array().expect("events").iter().map(|event| &event["leaf"]).collect();
    told.reverse();
    let said: Vec<_> = told
        .iter()
        .map(|leaf| (text(&leaf["action"]), leaf["detail"]["before"].clone(), leaf["detail"]["now"].clone()))
        .collect();
    let first = json!(["model.read", "model.register"]);
    assert_eq!(said[0], ("role.define".into(), json!([]), first.clone()));
    assert_eq!(said[1], ("role.give".into(), json!(["viewer"]), json!(["viewer", "custom:clerk"])));
    assert_eq!(said[2], ("role.define".into(), first, json!(["environment.create"])));
    assert_eq!(said[4], ("role.discard".into(), json!(["environment.create"]), Value::Null));
    // The same again changes nothing, and nothing is told.
    define(&t, &olga, "clerk", &["model.read"]).await.expect(200);
    let before = t.events().await;
    define(&t, &olga, "clerk", &["model.read"]).await.expect(200);
    assert_eq!(t.events().await, before);
    let replayed = compare_tables(&t.app).await.expect("the log replays");
    assert_eq!(replayed.differing, 0, "{:#?}", replayed.differences);
}

#[actix_web::test]
async fn what_decides_lifts_or_is_one_roles_alone_is_in_no_custom_role() {
    let t = TestApp::start().await;
    let olga = t.user("olga", &["admin"]).await;
    for action in Action::ALL {
        let status = define(&t, &olga, "some", &[action.name()]).await.status;
        assert_eq!(status, if CustomRole::may_hold(*action) { 200 } else { 422 }, "{action}");
    }
    for actions in
        [&["version.create", "promotion.activate"][..], &["evidence.report", "constraints.revise"], &[], &["king"]]
    {
        define(&t, &olga, "some", actions).await.expect(422);
    }
    // Administrators alone make them, with their password given of late.
    for role in Role::ALL.iter().filter(|role| !matches!(role, Role::Admin | Role::Worker | Role::Deployer)) {
        let other = t.user(&format!("some-{}", role.name().replace('_', "-")), &[role.name()]).await;
        define(&t, &other, "more", &["model.read"]).await.expect(403);
        discard(&t, &other, "some").await.expect(403);
    }
    let session =
        t.post("", "/api/v1/sessions", json!({"name": "olga", "password": "a password of some length"})).await;
    let session = text(&session.expect(201).json()["token"]);
    t.app.db.clock().advance(chrono::TimeDelta::minutes(16));
    assert_eq!(define(&t, &session, "more", &["model.read"]).await.expect(403).code(), "reauthentication_required");
}

#[actix_web::test]
async fn nobody_changes_what_their_own_accounts_hold() {
    let t = TestApp::start().await;
    let (olga, otto) = (t.user("olga", &["admin"]).await, t.user("otto", &["admin"]).await);
    define(&t, &olga, "clerk", &["model.read"]).await.expect(200);
    assert_eq!(give(&t, &olga, "olga", "custom:clerk").await.expect(403).code(), "own_account");
    give(&t, &otto, "olga", "custom:clerk").await.expect(200);
    assert_eq!(define(&t, &olga, "clerk", &["model.register"]).await.expect(403).code(), "own_account");
    define(&t, &otto, "clerk", &["model.register"]).await.expect(200);
}

#[actix_web::test]
async fn a_custom_role_has_a_range_and_reaches_no_farther() {
    let story = Story::measured().await;
    story.environment("staging", spec(), policy(1)).await;
    let t = &story.app;
    define(t, &story.olga, "starter", &["promotion.activate", "promotion.read"]).await.expect(200);
    define(t, &story.olga, "reader", &["audit.export"]).await.expect(200);
    let vera = t.user("vera", &["viewer"]).await;
    let staging = json!({"environments": ["staging"]});
    give_in(t, &story.olga, "vera", "custom:starter", staging.clone()).await.expect(200);
    give_in(t, &story.olga, "vera", "custom:reader", staging).await.expect(422);
    let approved = story.approved("1").await;
    let activate = || {
        let path = format!("/api/v1/promotions/{}/activation", text(&approved["id"]));
        reply(t.request(&vera, "POST", &path))
    };
    assert_eq!(activate().await.expect(403).code(), "out_of_range");
    // Held for places, it cannot come to allow what is of the whole workspace.
    let wider = define(t, &story.olga, "starter", &["promotion.activate", "audit.export"]).await;
    assert_eq!(wider.expect(409).code(), "role_has_places");
    give_in(t, &story.olga, "vera", "custom:starter", json!({"models": [MODEL], "environments": [ENVIRONMENT]}))
        .await
        .expect(200);
    activate().await.expect(201);
    let report = invariants::ops::check(&t.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
    let replayed = compare_tables(&t.app).await.expect("the log replays");
    assert_eq!(replayed.differing, 0, "{:#?}", replayed.differences);
}

#[actix_web::test]
async fn a_custom_role_fills_no_seat_and_a_worker_holds_none() {
    let story = Story::stage().await;
    let t = &story.app;
    // Called like a role that decides, it decides nothing.
    define(t, &story.olga, "reviewer", &["promotion.comment", "promotion.read"]).await.expect(200);
    let vera = t.user("vera", &["viewer"]).await;
    give(t, &story.olga, "vera", "custom:reviewer").await.expect(200);
    story.measured_version(1).await;
    let asked = story.request(MODEL, "1", ENVIRONMENT).await;
    story.approve(&vera, &asked).await.expect(403);
    t.robot("cam", &["worker"]).await;
    give(t, &story.olga, "cam", "custom:reviewer").await.expect(422);
    t.robot("ci", &["viewer"]).await;
    give(t, &story.olga, "ci", "custom:reviewer").await.expect(200);
    give(t, &story.olga, "ci", "worker").await.expect(422);
}

#[actix_web::test]
async fn a_custom_role_does_not_get_around_the_second_factor_of_the_work_that_it_does() {
    let t = TestApp::start_with(&["--require-second-factor", "environment_manager"]).await;
    let olga = t.user("olga", &["admin"]).await;
    define(&t, &olga, "starter", &["promotion.activate"]).await.expect(200);
    define(&t, &olga, "clerk", &["model.register"]).await.expect(200);
    let (vera, otto) = (t.user("vera", &["viewer"]).await, t.user("otto", &["viewer"]).await);
    give(&t, &olga, "vera", "custom:starter").await.expect(200);
    give(&t, &olga, "otto", "custom:clerk").await.expect(200);
    assert_eq!(t.get(&vera, "/api/v1/models").await.expect(403).code(), "second_factor_required");
    t.get(&otto, "/api/v1/models").await.expect(200);
}

/// What somebody with these actions, and with what is their own, gets past.
fn opens(needs: Needs, action: Action) -> bool {
    let actions = needs.actions();
    actions.is_empty() || actions.iter().any(|needed| *needed == action || Role::is_own(*needed))
}

#[actix_web::test]
async fn a_role_with_one_action_opens_the_addresses_of_that_action_and_no_others() {
    let world = World::build().await;
    let t = &world.app;
    let admin = world.token("admin");
    define(t, admin, "single", &["model.read"]).await.expect(200);
    let vera = t.user("vera", &["viewer"]).await;
    give(t, admin, "vera", "custom:single").await.expect(200);
    take(t, admin, "vera", "viewer").await.expect(200);
    let mut wrong = Vec::new();
    let looks = OPERATIONS.iter().filter(|(method, _, needs)| *method == "GET" && !needs.actions().is_empty());
    let looks: Vec<_> = looks.collect();
    let wanted: std::collections::BTreeSet<_> = looks
        .iter()
        .flat_map(|(.., needs)| needs.actions())
        .copied()
        .filter(|action| CustomRole::may_hold(*action))
        .collect();
    for action in wanted {
        define(t, admin, "single", &[action.name()]).await.expect(200);
        for (method, path, needs) in &looks {
            let (_, _, filled, body, _) = MATRIX.iter().find(|(m, p, ..)| (m, p) == (method, path)).expect("a row");
            let got = send_as(&world, &vera, method, if filled.is_empty() { path } else { filled }, body).await;
            let is_shut = got.status == 403 && got.text().contains(&format!("may not {}", needs.actions()[0]));
            if is_shut == opens(*needs, action) {
                wrong.push(format!("{action}: {method} {path}: {} {}", got.status, got.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix_web::test]
async fn custom_roles_are_made_listed_given_and_removed_at_the_command_line() {
    let t = TestApp::start().await;
    let olga = t.user("olga", &["admin"]).await;
    t.user("mara", &["viewer"]).await;
    let olga = Client::of(&t.url, &olga);
    let words = ["user", "role", "define", "clerk", "--action", "model.read", "--action", "model.register"];
    assert!(olga.well(&words).await.contains("custom:clerk allows model.read, model.register"));
    olga.well(&["user", "role", "give", "mara", "custom:clerk"]).await;
    let listed = olga.well(&["user", "role", "custom"]).await;
    assert!(listed.contains("clerk") && listed.contains("mara"), "{listed}");
    olga.well(&["user", "role", "take", "mara", "custom:clerk"]).await;
    assert!(olga.well(&["user", "role", "discard", "clerk"]).await.contains("no role clerk any more"));
}
