//! What somebody may do changes while they are here: given and taken role by role.

use crate::{
    commands::Client,
    harness::{Reply, TestApp, commit_unlogged, reply},
    story::{Story, text},
};
use plimsoll::{
    audit::invariants,
    db::entity::{account, membership},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, TransactionTrait, sea_query::Expr};
use serde_json::{Value, json};

async fn give(t: &TestApp, by: &str, name: &str, role: &str) -> Reply {
    give_in(t, by, name, role, json!({})).await
}

pub async fn give_in(t: &TestApp, by: &str, name: &str, role: &str, scope: Value) -> Reply {
    let path = format!("/api/v1/accounts/{name}/roles/{role}");
    reply(t.request(by, "PUT", &path).json(&json!({"scope": scope}))).await
}

pub async fn take(t: &TestApp, by: &str, name: &str, role: &str) -> Reply {
    reply(t.request(by, "DELETE", &format!("/api/v1/accounts/{name}/roles/{role}"))).await
}

fn names(view: &Value) -> Vec<String> {
    view["roles"].as_array().expect("roles").iter().map(|held| text(&held["role"])).collect()
}

fn model(name: &str) -> Value {
    json!({"name": name, "intended_use": "x", "risk_tier": "low"})
}

#[actix_web::test]
async fn a_role_acts_with_the_next_request_on_every_replica_and_ends_as_soon() {
    let t = TestApp::start().await;
    let (olga, ada) = (t.user("olga", &["admin"]).await, t.user("ada", &["auditor"]).await);
    let mara = t.user("mara", &["viewer"]).await;
    let other = t.again(&[]).await;
    other.post(&mara, "/api/v1/models", model("first")).await.expect(403);
    let held = give(&t, &olga, "mara", "contributor").await.expect(200).json();
    assert_eq!(
        (text(&held["account"]), names(&held)),
        ("mara".to_owned(), vec!["contributor".into(), "viewer".into()])
    );
    other.post(&mara, "/api/v1/models", model("first")).await.expect(201);
    let left = take(&other, &olga, "mara", "contributor").await.expect(200).json();
    assert_eq!(names(&left), ["viewer"]);
    t.post(&mara, "/api/v1/models", model("second")).await.expect(403);

    let events = t.get(&ada, "/api/v1/audit/events?action=role.").await.expect(200).json();
    let mut told: Vec<Value> = events["items"].as_array().expect("events").to_vec();
    told.reverse();
    let said = |event: &Value| {
        let detail = &event["leaf"]["detail"];
        (text(&event["action"]), text(&detail["role"]), detail["before"].clone(), detail["now"].clone())
    };
    let (one, two) = (json!(["viewer"]), json!(["viewer", "contributor"]));
    assert_eq!(
        told.iter().map(said).collect::<Vec<_>>(),
        [
            ("role.give".into(), "contributor".into(), one.clone(), two.clone()),
            ("role.take".into(), "contributor".into(), two, one)
        ]
    );
    // Once more, and nothing is told.
    let before = t.events().await;
    take(&t, &olga, "mara", "contributor").await.expect(200);
    give(&t, &olga, "mara", "viewer").await.expect(200);
    assert_eq!(t.events().await, before);
}

#[actix_web::test]
async fn whoever_loses_the_last_role_looks_at_nothing_and_signs_out() {
    let t = TestApp::start().await;
    let olga = t.user("olga", &["admin"]).await;
    let mara = t.user("mara", &["viewer"]).await;
    assert_eq!(names(&take(&t, &olga, "mara", "viewer").await.expect(200).json()), Vec::<String>::new());
    t.get(&mara, "/api/v1/models").await.expect(403);
    reply(t.request(&mara, "DELETE", "/api/v1/sessions/current")).await.expect(204);
}

#[actix_web::test]
async fn nobody_changes_their_own_roles_under_any_name_and_only_administrators_change_others() {
    let t = TestApp::start().await;
    let olga = t.user("olga", &["admin"]).await;
    t.user("otto", &["admin"]).await;
    t.user("olga-private", &["viewer"]).await;
    let link = json!({"same_as": "olga"});
    reply(t.request(&olga, "PUT", "/api/v1/accounts/olga-private/person").json(&link)).await.expect(200);
    for name in ["olga", "olga-private"] {
        assert_eq!(give(&t, &olga, name, "reviewer").await.expect(403).code(), "own_account");
    }
    assert_eq!(take(&t, &olga, "olga", "admin").await.expect(403).code(), "own_account");
    for role in ["viewer", "contributor", "reviewer", "environment_manager", "auditor", "risk_officer"] {
        let token = t.user(&format!("a-{role}"), &[role]).await;
        assert_eq!(give(&t, &token, "olga-private", "admin").await.expect(403).code(), "forbidden");
        assert_eq!(take(&t, &token, "olga", "admin").await.expect(403).code(), "forbidden");
    }
}

#[actix_web::test]
async fn the_last_administrator_stays_and_is_told_why() {
    let t = TestApp::start().await;
    let (olga, otto) = (t.user("olga", &["admin"]).await, t.user("otto", &["admin"]).await);
    // Two who take it from each other at the same moment: one of them is left.
    let (first, second) = tokio::join!(take(&t, &olga, "otto", "admin"), take(&t, &otto, "olga", "admin"));
    let statuses = [first.status, second.status];
    assert!(statuses.contains(&200) && (statuses.contains(&409) || statuses.contains(&403)), "{statuses:?}");
    let (last, token) = if first.status == 200 { ("olga", &olga) } else { ("otto", &otto) };
    let refused = take(&t, token, last, "admin").await.expect(409);
    assert_eq!(refused.code(), "last_admin");
    assert!(refused.text().contains("give somebody else the role first"), "{}", refused.text());
    t.get(token, "/api/v1/tokens").await.expect(200);
    // Nor does the operator's console end the account.
    let console = t.console().await;
    let ended = plimsoll::accounts::ops::deactivate(&t.app, &console, last).await;
    assert!(ended.is_err_and(|e| e.to_string().contains("last administrator")));
}

#[actix_web::test]
async fn roles_that_no_account_of_its_kind_can_hold_are_refused() {
    let t = TestApp::start().await;
    let olga = t.user("olga", &["admin"]).await;
    t.user("mara", &["viewer"]).await;
    t.user("gone", &["viewer"]).await;
    t.robot("pipeline", &["deployer"]).await;
    for (name, role) in [("pipeline", "reviewer"), ("pipeline", "admin"), ("pipeline", "worker"), ("mara", "worker")] {
        give(&t, &olga, name, role).await.expect(422);
    }
    let unknown = give(&t, &olga, "mara", "king").await.expect(422);
    assert!(unknown.text().contains("use one of viewer"), "{}", unknown.text());
    give(&t, &olga, "nobody", "viewer").await.expect(404);
    reply(t.request(&olga, "DELETE", "/api/v1/accounts/gone")).await.expect(200);
    assert_eq!(give(&t, &olga, "gone", "reviewer").await.expect(409).code(), "account_not_active");
}

#[actix_web::test]
async fn a_token_with_limits_gives_and_takes_no_role() {
    let t = TestApp::start().await;
    let olga = t.user("olga", &["admin"]).await;
    t.user("mara", &["viewer"]).await;
    t.post(&t.user("ines", &["contributor"]).await, "/api/v1/models", model("scorer")).await.expect(201);
    let wanted = json!({"name": "narrow", "expires_in_days": 1, "scope": {"models": ["scorer"]}});
    let narrow = text(&t.post(&olga, "/api/v1/tokens", wanted).await.expect(201).json()["token"]);
    assert_eq!(give(&t, &narrow, "mara", "admin").await.expect(403).code(), "beyond_the_token");
    assert_eq!(take(&t, &narrow, "mara", "viewer").await.expect(403).code(), "beyond_the_token");
}

#[actix_web::test]
async fn what_a_group_of_a_provider_gives_is_taken_there() {
    let t = TestApp::start().await;
    let olga = t.user("olga", &["admin"]).await;
    t.user("mara", &["reviewer"]).await;
    let db = t.app.db.raw_for_tests();
    let mara = account::Entity::find().filter(account::COLUMN.name.eq("mara")).one(db).await.expect("read");
    let tx = db.begin().await.expect("begin");
    membership::Entity::update_many()
        .col_expr(membership::Column::Origin, Expr::value("corp/credit-risk"))
        .filter(membership::COLUMN.account_id.eq(mara.expect("mara").id))
        .exec(&tx)
        .await
        .expect("update");
    commit_unlogged(tx).await;
    let refused = take(&t, &olga, "mara", "reviewer").await.expect(409);
    assert_eq!(refused.code(), "role_of_a_group");
    assert!(refused.text().contains("corp/credit-risk"), "{}", refused.text());
    // From here on a person gave it.
    let held = give(&t, &olga, "mara", "reviewer").await.expect(200).json();
    assert_eq!(held["roles"], json!([{"role": "reviewer", "group": null}]));
    take(&t, &olga, "mara", "reviewer").await.expect(200);
}

#[actix_web::test]
async fn approvals_of_somebody_who_lost_the_role_no_longer_count() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    take(&story.app, &story.olga, "mara", "reviewer").await.expect(200);
    assert_eq!(story.activate(&approved).await.expect(412).code(), "quorum_lost");
    assert_eq!(story.approve(&story.mara, &approved).await.expect(403).code(), "forbidden");
    let report = invariants::ops::check(&story.app.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
}

#[actix_web::test]
async fn roles_are_listed_given_and_taken_at_the_command_line() {
    let t = TestApp::start().await;
    let olga = Client::of(&t.url, &t.user("olga", &["admin"]).await);
    t.user("mara", &["viewer"]).await;
    let given = olga.well(&["user", "role", "give", "mara", "reviewer"]).await;
    assert!(given.contains("reviewer") && given.contains("viewer") && given.contains("a person"), "{given}");
    let listed: Value =
        serde_json::from_str(&olga.well(&["user", "role", "list", "mara", "--json"]).await).expect("json");
    assert_eq!(names(&listed), ["reviewer", "viewer"]);
    let left = olga.well(&["user", "role", "take", "mara", "reviewer"]).await;
    assert!(left.contains("viewer") && !left.contains("reviewer"), "{left}");
    let none = olga.well(&["user", "role", "take", "mara", "viewer"]).await;
    assert!(none.contains("mara holds no role"), "{none}");
    let own = olga.run(&["user", "role", "give", "olga", "auditor"]).await;
    assert!(own.code != Some(0) && own.err.contains("ask another administrator"), "{}", own.err);
}
