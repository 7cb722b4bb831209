//! Links, teams and delegations over HTTP.

use crate::{
    harness::{Reply, TestApp, reply},
    story::text,
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use plimsoll::audit::replay::ops::compare_tables;
use serde_json::{Value, json};

struct Town {
    app: TestApp,
    olga: String,
    mara: String,
    rui: String,
}

impl Town {
    async fn found() -> Self {
        let app = TestApp::start().await;
        Self {
            olga: app.user("olga", &["admin", "reviewer"]).await,
            mara: app.user("mara", &["reviewer"]).await,
            rui: app.user("rui", &["reviewer", "risk_officer"]).await,
            app,
        }
    }

    async fn put(&self, token: &str, account: &str, what: &str, body: Value) -> Reply {
        let path = format!("/api/v1/accounts/{account}/{what}");
        reply(self.app.request(token, "PUT", &path).json(&body)).await
    }

    async fn link(&self, token: &str, account: &str, same_as: Option<&str>) -> Reply {
        self.put(token, account, "person", json!({"same_as": same_as})).await
    }

    async fn same(&self, account: &str) -> Vec<String> {
        let bonds = self.app.get(&self.mara, &format!("/api/v1/accounts/{account}/person")).await.expect(200).json();
        bonds["same_person"].as_array().expect("a list").iter().map(text).collect()
    }

    async fn delegate(&self, token: &str, to: &str, from: Option<&str>, until: &str) -> Reply {
        let mut body = json!({"to": to, "valid_until": until});
        if let Some(from) = from {
            body["valid_from"] = from.into();
        }
        self.app.post(token, "/api/v1/delegations", body).await
    }

    async fn revoke(&self, token: &str, delegation: &Value) -> Reply {
        let path = format!("/api/v1/delegations/{}", text(&delegation["id"]));
        reply(self.app.request(token, "DELETE", &path)).await
    }
}

#[actix_web::test]
async fn accounts_of_one_person_are_linked_moved_and_taken_apart() {
    let town = Town::found().await;
    for name in ["mara2", "mara3", "zoe"] {
        town.app.user(name, &["viewer"]).await;
    }
    town.link(&town.olga, "mara2", Some("mara")).await.expect(200);
    let linked = town.link(&town.olga, "mara3", Some("mara2")).await.expect(200).json();
    assert_eq!(linked["same_person"], json!(["mara", "mara2"]));
    assert_eq!(town.same("mara").await, ["mara2", "mara3"]);
    let before = town.app.events().await;
    town.link(&town.olga, "mara", Some("mara3")).await.expect(200);
    town.link(&town.olga, "zoe", None).await.expect(200);
    assert_eq!(town.app.events().await, before, "that is so already, so nothing is logged");
    town.link(&town.olga, "mara3", Some("zoe")).await.expect(200);
    assert_eq!((town.same("mara").await, town.same("zoe").await), (vec!["mara2".to_owned()], vec!["mara3".to_owned()]));
    town.link(&town.olga, "mara2", None).await.expect(200);
    assert!(town.same("mara").await.is_empty());
    assert_eq!(compare_tables(&town.app.app).await.expect("replayed").differing, 0);
}

#[actix_web::test]
async fn only_people_are_linked_and_only_to_another_account_that_is_here() {
    let town = Town::found().await;
    town.app.robot("pipeline", &["deployer"]).await;
    for (account, same_as, status) in [
        ("mara", Some("mara"), 422),
        ("mara", Some("nobody"), 422),
        ("nobody", Some("mara"), 404),
        ("pipeline", Some("mara"), 422),
        ("mara", Some("pipeline"), 422),
    ] {
        let refused = town.link(&town.olga, account, same_as).await.expect(status);
        assert!(!refused.text().is_empty(), "{account} {same_as:?}");
    }
    town.put(&town.olga, "pipeline", "team", json!({"team": "ops"})).await.expect(422);
    town.put(&town.olga, "mara", "team", json!({"team": "Second Line"})).await.expect(422);
    town.put(&town.olga, "mara", "team", json!({"team": "second-line"})).await.expect(200);
    let before = town.app.events().await;
    town.put(&town.olga, "mara", "team", json!({"team": "second-line"})).await.expect(200);
    assert_eq!(town.app.events().await, before);
    assert_eq!(town.link(&town.mara, "mara", Some("rui")).await.expect(403).code(), "forbidden");
}

#[actix_web::test]
async fn an_administrator_does_not_loosen_what_binds_their_own_accounts() {
    let town = Town::found().await;
    let other = town.app.user("other-admin", &["admin"]).await;
    town.app.user("olga2", &["reviewer"]).await;
    town.app.user("zoe", &["reviewer"]).await;
    // Tightening is everybody's.
    town.link(&town.olga, "olga2", Some("olga")).await.expect(200);
    town.put(&town.olga, "olga2", "team", json!({"team": "first-line"})).await.expect(200);
    for refused in [
        town.link(&town.olga, "olga2", None).await,
        town.link(&town.olga, "olga", None).await,
        town.link(&town.olga, "olga2", Some("zoe")).await,
        town.put(&town.olga, "olga2", "team", json!({"team": "second-line"})).await,
        town.put(&town.olga, "olga2", "team", json!({"team": null})).await,
    ] {
        assert_eq!(refused.expect(403).code(), "own_account");
    }
    town.put(&other, "olga2", "team", json!({"team": null})).await.expect(200);
    town.link(&other, "olga2", None).await.expect(200);
}

#[actix_web::test]
async fn links_made_at_once_leave_every_account_with_one_person() {
    let town = Town::found().await;
    let names: Vec<String> = (0..6).map(|n| format!("twin-{n}")).collect();
    for name in &names {
        town.app.user(name, &["viewer"]).await;
    }
    let all = (0..30).map(|n| {
        let (one, other) = (&names[n % 6], &names[(n * 5 + 1 + n / 6) % 6]);
        let town = &town;
        async move {
            if one != other {
                let done = town.link(&town.olga, one, Some(other)).await;
                assert!([200, 409].contains(&done.status), "{} {}", done.status, done.text());
            }
        }
    });
    join_all(all).await;
    for name in &names {
        for other in town.same(name).await {
            assert!(town.same(&other).await.contains(name), "{name} and {other} disagree");
        }
    }
    assert_eq!(compare_tables(&town.app.app).await.expect("replayed").differing, 0);
}

#[actix_web::test]
async fn a_delegation_is_from_oneself_to_somebody_who_decides_too_for_a_time() {
    let town = Town::found().await;
    let zoe = town.app.user("zoe", &["contributor"]).await;
    town.app.user("vic", &["compliance_officer"]).await;
    town.app.robot("pipeline", &["deployer"]).await;
    for (to, from, until, field) in [
        ("mara", None, "2026-01-09T00:00:00Z", "to"),
        ("nobody", None, "2026-01-09T00:00:00Z", "to"),
        ("pipeline", None, "2026-01-09T00:00:00Z", "to"),
        ("zoe", None, "2026-01-09T00:00:00Z", "to"),
        ("vic", None, "2026-01-09T00:00:00Z", "to"),
        ("rui", None, "2026-01-01T00:00:00Z", "valid_until"),
        ("rui", Some("2026-01-01T00:00:00Z"), "2026-01-09T00:00:00Z", "valid_from"),
        ("rui", None, "2027-06-01T00:00:00Z", "valid_until"),
    ] {
        let refused = town.delegate(&town.mara, to, from, until).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{to} {from:?} {until}: {refused}");
    }
    assert_eq!(town.delegate(&zoe, "mara", None, "2026-01-09T00:00:00Z").await.expect(403).code(), "forbidden");
    town.delegate(&town.mara, "rui", None, "soon").await.expect(400);
    let made = town.delegate(&town.mara, "rui", None, "2026-01-09T00:00:00Z").await.expect(201).json();
    assert_eq!((&made["from"], &made["to"], &made["state"]), (&json!("mara"), &json!("rui"), &json!("in_force")));
    let again = town.delegate(&town.mara, "rui", None, "2026-01-05T00:00:00Z").await.expect(409);
    assert_eq!(again.code(), "delegation_exists");
    for (token, to) in [(&town.rui, "olga"), (&town.olga, "mara"), (&town.rui, "mara")] {
        let chain = town.delegate(token, to, None, "2026-01-05T00:00:00Z").await.expect(409);
        assert_eq!(chain.code(), "delegation_chain", "{to}");
    }
    town.delegate(&town.rui, "olga", Some("2026-01-09T00:00:00Z"), "2026-01-10T00:00:00Z").await.expect(201);
}

#[actix_web::test]
async fn a_delegation_is_ended_by_its_sides_or_an_administrator_and_by_time() {
    let town = Town::found().await;
    let zoe = town.app.user("zoe", &["reviewer"]).await;
    for token in [&town.mara, &town.rui, &town.olga] {
        let made = town.delegate(&town.mara, "rui", None, "2026-01-09T00:00:00Z").await.expect(201).json();
        assert_eq!(town.revoke(&zoe, &made).await.expect(403).code(), "not_yours");
        assert_eq!(town.revoke(token, &made).await.expect(200).json()["state"], "revoked");
        let before = town.app.events().await;
        town.revoke(token, &made).await.expect(200);
        assert_eq!(town.app.events().await, before);
    }
    let made = town.delegate(&town.mara, "rui", Some("2026-01-03T00:00:00Z"), "2026-01-04T00:00:00Z").await;
    let path = format!("/api/v1/delegations/{}", text(&made.expect(201).json()["id"]));
    for (hours, state) in [(0, "upcoming"), (24, "in_force"), (24, "ended")] {
        town.app.app.db.clock().advance(TimeDelta::hours(hours));
        assert_eq!(town.app.get(&town.mara, &path).await.expect(200).json()["state"], state);
    }
    let listed = town.app.get(&zoe, "/api/v1/delegations").await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(4));
    assert_eq!(compare_tables(&town.app.app).await.expect("replayed").differing, 0);
}

#[actix_web::test]
async fn of_delegations_that_would_make_a_chain_one_is_made() {
    let town = Town::found().await;
    let (one, other) = tokio::join!(
        town.delegate(&town.mara, "rui", None, "2026-01-09T00:00:00Z"),
        town.delegate(&town.rui, "mara", None, "2026-01-09T00:00:00Z"),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{} {}", one.text(), other.text());
}

#[actix_web::test]
async fn nobody_gives_a_robot_a_role_that_decides() {
    let town = Town::found().await;
    for role in ["reviewer", "risk_officer", "compliance_officer", "admin"] {
        let body = json!({"name": "approver", "kind": "service", "roles": ["viewer", role]});
        let refused = town.app.post(&town.olga, "/api/v1/accounts", body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], "roles", "{role}");
    }
}
