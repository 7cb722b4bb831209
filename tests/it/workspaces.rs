//! Tenants: what belongs to one does not exist for another.

use crate::{
    harness::{Reply, TestApp, commit_unlogged, reply},
    openapi,
    world::{ROLES, World},
};
use plimsoll::{
    core::ids::{AccountId, MembershipId, TokenId, WorkspaceId},
    crypto::tokens,
    db::entity::{account, api_token, membership, workspace},
};
use sea_orm::{EntityTrait, Set, TransactionTrait};
use serde_json::{Value, json};

/// A second workspace with one person who holds every role, and their token.
pub async fn stranger(t: &TestApp) -> String {
    let tx = t.app.db.raw_for_tests().begin().await.expect("begin");
    let (tenant, id) = (WorkspaceId::generate(), AccountId::generate());
    let at = t.app.db.clock().now();
    let row = workspace::ActiveModel {
        id: Set(tenant),
        name: Set("elsewhere".to_owned()),
        created_at: Set(at),
        quota_bytes: Set(None),
        kept_bytes: Set(0),
    };
    workspace::Entity::insert(row).exec_without_returning(&tx).await.expect("workspace");
    let row = account::ActiveModel {
        id: Set(id),
        name: Set("stranger".to_owned()),
        display_name: Set(String::new()),
        kind: Set("user".to_owned()),
        password_hash: Set(None),
        state: Set("active".to_owned()),
        owner_id: Set(None),
        created_at: Set(at),
        issuer: Set(None),
        subject: Set(None),
        home_id: Set(Some(tenant)),
    };
    account::Entity::insert(row).exec_without_returning(&tx).await.expect("account");
    for role in ROLES {
        let row = membership::ActiveModel {
            id: Set(MembershipId::generate()),
            workspace_id: Set(tenant),
            account_id: Set(id),
            role: Set(role.to_owned()),
            origin: Set(None),
            reach: Set(None),
            custom_id: Set(None),
        };
        membership::Entity::insert(row).exec_without_returning(&tx).await.expect("membership");
    }
    let secret = tokens::Token::generate().expect("token");
    let row = api_token::ActiveModel {
        id: Set(TokenId::generate()),
        workspace_id: Set(tenant),
        account_id: Set(id),
        kind: Set("token".to_owned()),
        name: Set("test".to_owned()),
        accessor: Set(secret.accessor()),
        secret_hash: Set(secret.hash()),
        created_at: Set(at),
        expires_at: Set(at + chrono::TimeDelta::days(1)),
        revoked_at: Set(None),
        client: Set(None),
        device: Set(None),
        seen_at: Set(None),
        proven_at: Set(None),
        reach: Set(None),
        trust_id: Set(None),
    };
    api_token::Entity::insert(row).exec_without_returning(&tx).await.expect("token");
    commit_unlogged(tx).await;
    secret.reveal().to_owned()
}

/// The address of an object of the first workspace.
fn theirs(world: &World, path: &str) -> String {
    let named = [
        ("{model}", "scorer"),
        ("{version}", "1"),
        ("{environment}", "production"),
        ("{document}", "profile"),
        ("{dataset}", "people"),
        ("{account}", "spare"),
        ("{role}", "auditor"),
        ("{path}", "README.md"),
        ("{index}", "0"),
        ("{reference}", "model:scorer"),
        ("{kind}", "runbook"),
        ("{name}", "night"),
        ("{upload}", "00000000-0000-7000-8000-000000000000"),
        ("{number}", "0"),
    ];
    let path = named.iter().fold(path.to_owned(), |path, (from, to)| path.replace(from, to));
    world.fill(&path)
}

#[actix_web::test]
async fn what_another_workspace_holds_cannot_be_read() {
    let world = World::build().await;
    let stranger = stranger(&world.app).await;
    let who = world.app.get(&stranger, "/api/v1/whoami").await.expect(200).json();
    assert_eq!(
        who["roles"].as_array().map(Vec::len),
        Some(ROLES.len()),
        "whatever is refused is not for want of a role"
    );
    let mut tried = 0;
    for (method, path, _) in openapi::operations() {
        // The catalog of regulations is the same for everybody.
        if method != "GET" || !path.contains('{') || path.starts_with("/api/v1/frameworks/") {
            continue;
        }
        // A worker has no other role, so the stranger is none.
        if path.starts_with("/api/v1/worker/") {
            continue;
        }
        tried += 1;
        let query = if path.ends_with("/coverage") { "?framework=gdpr&environment=production" } else { "" };
        let path = theirs(&world, &path) + query;
        let got = world.app.get(&stranger, &path).await;
        assert_eq!((got.status, got.code().as_str()), (404, "not_found"), "{path}: {}", got.text());
    }
    assert!(12 < tried, "{tried}");
    // The same addresses exist for those to whom they belong.
    world.app.get(world.token("viewer"), &theirs(&world, "/api/v1/promotions/{promotion}")).await.expect(200);
    world.app.get(world.token("auditor"), "/api/v1/audit/leaves/0/proof").await.expect(200);
}

#[actix_web::test]
async fn the_lists_of_another_workspace_are_empty() {
    let world = World::build().await;
    let stranger = stranger(&world.app).await;
    for list in [
        "models",
        "environments",
        "datasets",
        "runs",
        "promotions",
        "trust-keys",
        "workload-trusts",
        "delegations",
        "findings",
        "waivers",
        "break-glass",
    ] {
        let full = world.app.get(world.token("viewer"), &format!("/api/v1/{list}")).await.expect(200).json();
        assert_ne!(full["items"], json!([]), "{list}");
        let page = world.app.get(&stranger, &format!("/api/v1/{list}")).await.expect(200).json();
        assert_eq!(page, json!({"items": [], "next_cursor": null}), "{list}");
    }
    for (list, own) in [("accounts", "stranger"), ("tokens", "test")] {
        let page = world.app.get(&stranger, &format!("/api/v1/{list}")).await.expect(200).json();
        let names: Vec<_> = page["items"].as_array().expect("items").iter().map(|item| item["name"].clone()).collect();
        assert_eq!(names, [json!(own)], "{list}");
    }
    let feed = world.app.get(&stranger, "/api/v1/audit/security-feed?days=90").await.expect(200).json();
    assert_eq!(feed, json!({"items": [], "next_cursor": null, "is_cut": false}));
    let events = world.app.get(&stranger, "/api/v1/audit/events").await.expect(200).json();
    assert_eq!(events, json!({"items": [], "next_cursor": null}));
}

#[actix_web::test]
async fn what_another_workspace_holds_cannot_be_changed() {
    let world = World::build().await;
    let stranger = stranger(&world.app).await;
    let before = world.app.events().await;
    let ask = || json!({"model": "scorer", "version": "1", "environment": "production"});
    let profile = json!({"class": "edge", "operating_mode": "advisory"});
    let files = json!({"files": [{"path": "a", "sha256": format!("sha256:{}", "0".repeat(64)), "size_bytes": 1}]});
    let decision = json!({"decision_digest": world.things["promotion_decision"], "outcome": "approve"});
    let record = json!({"owner": "stranger", "review_by": "2026-12-01",
        "body": {"url": "https://wiki.example", "sha256": format!("sha256:{}", "0".repeat(64))}});
    let attempts: Vec<(&str, &str, Value)> = vec![
        ("PATCH", "/api/v1/models/{model}", json!({"title": "mine"})),
        ("POST", "/api/v1/models/{model}/versions", files),
        ("POST", "/api/v1/models/{model}/versions/{version}/seal", json!({})),
        ("POST", "/api/v1/models/{model}/versions/{version}/revocation", json!({"reason": "x"})),
        ("POST", "/api/v1/models/{model}/versions/{version}/evidence", json!({"bundle": {}})),
        ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/withdraw", json!({"reason": "x"})),
        ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/refute", json!({"reason": "x"})),
        ("PUT", "/api/v1/environments/{environment}/profile", profile),
        ("POST", "/api/v1/environments/{environment}/policy/dry-run", json!({"model": "scorer", "version": "1"})),
        ("POST", "/api/v1/runs", ask()),
        ("POST", "/api/v1/runs/{run}/cancellation", json!({"reason": "x"})),
        (
            "POST",
            "/api/v1/comparisons",
            json!({"model": "scorer", "version": "1", "environment": "production", "against": "release"}),
        ),
        (
            "POST",
            "/api/v1/models/{model}/versions/{version}/infer",
            json!({"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}),
        ),
        ("POST", "/api/v1/promotions", ask()),
        ("POST", "/api/v1/promotions/{promotion}/decisions", decision),
        ("POST", "/api/v1/promotions/{promotion}/withdrawal", json!({})),
        ("POST", "/api/v1/promotions/{promotion}/decisions/withdrawal", json!({"reason": "x"})),
        ("POST", "/api/v1/promotions/{first}/activation", json!({})),
        ("POST", "/api/v1/environments/{environment}/models/{model}/rollbacks", json!({"reason": "x"})),
        ("POST", "/api/v1/environments/{environment}/models/{model}/release/suspension", json!({"reason": "x"})),
        ("DELETE", "/api/v1/environments/{environment}/models/{model}/release/suspension", json!({"reason": "x"})),
        (
            "POST",
            "/api/v1/environments/{environment}/models/{model}/release/mode",
            json!({"mode": "advisory", "reason": "x"}),
        ),
        ("POST", "/api/v1/environments/{environment}/models/{model}/rollbacks/rehearsals", json!({})),
        ("POST", "/api/v1/releases/{run}/review", json!({"outcome": "justified", "reason": "x"})),
        ("DELETE", "/api/v1/accounts/{account}", json!({})),
        ("POST", "/api/v1/accounts/{account}/erasure", json!({})),
        ("POST", "/api/v1/accounts/{account}/password-reset", json!({})),
        ("DELETE", "/api/v1/accounts/{account}/second-factor", json!({})),
        ("DELETE", "/api/v1/sessions/{session}", json!({})),
        ("PUT", "/api/v1/accounts/{account}/person", json!({"same_as": null})),
        ("PUT", "/api/v1/accounts/{account}/team", json!({"team": null})),
        ("PUT", "/api/v1/accounts/{account}/roles/{role}", json!({})),
        ("DELETE", "/api/v1/accounts/{account}/roles/{role}", json!({})),
        ("DELETE", "/api/v1/roles/{role}", json!({})),
        ("DELETE", "/api/v1/delegations/{delegation}", json!({})),
        ("POST", "/api/v1/promotions/{promotion}/comments", json!({"body": "x"})),
        ("DELETE", "/api/v1/tokens/{token}", json!({})),
        ("DELETE", "/api/v1/workload-trusts/{trust}", json!({})),
        ("DELETE", "/api/v1/trust-keys/{key}", json!({})),
        ("POST", "/api/v1/trust-keys/{key}/revoked-certificates", json!({"certificate": "serial:0b"})),
        (
            "POST",
            "/api/v1/findings",
            json!({"code": "x", "severity": "low", "title": "x", "environment": "production"}),
        ),
        (
            "POST",
            "/api/v1/waivers",
            json!({"model": "scorer", "environment": "production", "constraint": "size", "reason": "x",
                "compensating_control": "x", "expires_at": "2026-02-01T00:00:00Z"}),
        ),
        (
            "POST",
            "/api/v1/break-glass",
            json!({"model": "scorer", "version": "1", "environment": "production", "justification": "x", "hours": 1}),
        ),
        ("POST", "/api/v1/break-glass/{break_glass}/confirmation", json!({})),
        ("POST", "/api/v1/break-glass/{break_glass}/closure", json!({"reason": "x"})),
        ("POST", "/api/v1/break-glass/{break_glass}/review", json!({"outcome": "justified", "reason": "x"})),
        ("POST", "/api/v1/waivers/{waiver}/decisions", json!({"outcome": "grant", "reason": "x"})),
        ("POST", "/api/v1/waivers/{waiver}/revocation", json!({"reason": "x"})),
        ("PUT", "/api/v1/environments/{environment}/models/{model}/running", json!({"digest": null, "host": "edge-7"})),
        ("PUT", "/api/v1/models/{model}/records/{kind}/{name}", record.clone()),
        ("PUT", "/api/v1/environments/{environment}/records/{kind}/{name}", record.clone()),
        ("POST", "/api/v1/models/{model}/records/{kind}/{name}/review", json!({"review_by": "2026-12-02"})),
        ("POST", "/api/v1/environments/{environment}/records/{kind}/{name}/review", json!({"review_by": "2026-12-02"})),
        ("POST", "/api/v1/findings/{finding}/remediation", json!({"reason": "x"})),
        ("POST", "/api/v1/findings/{finding}/closure", json!({"reason": "x"})),
        ("POST", "/api/v1/findings/{finding}/acceptance", json!({"reason": "x", "until": "2026-02-01T00:00:00Z"})),
    ];
    for (method, path, body) in attempts {
        let path = theirs(&world, path);
        let request = world.app.request(&stranger, method, &path).header("if-match", "\"1\"").json(&body);
        let got: Reply = reply(request).await;
        assert_eq!((got.status, got.code().as_str()), (404, "not_found"), "{method} {path}: {}", got.text());
    }
    let path = theirs(&world, "/api/v1/models/{model}/versions/4/files/README.md");
    let upload = world.app.request(&stranger, "PUT", &path).header("content-type", "application/octet-stream");
    assert_eq!(reply(upload.body("version 4")).await.status, 404);
    assert_eq!(world.app.events().await, before);
}

#[actix_web::test]
async fn two_workspaces_may_use_the_same_names() {
    let world = World::build().await;
    let stranger = stranger(&world.app).await;
    let model = json!({"name": "scorer", "intended_use": "their own", "risk_tier": "high"});
    world.app.post(&stranger, "/api/v1/models", model).await.expect(201);
    let profile = json!({"class": "edge", "operating_mode": "advisory"});
    world
        .app
        .post(&stranger, "/api/v1/environments", json!({"name": "production", "profile": profile}))
        .await
        .expect(201);
    crate::world::register_people(&world.app, &stranger, "people").await.expect(201);
    let own = world.app.get(&stranger, "/api/v1/models/scorer").await.expect(200).json();
    assert_eq!(own["risk_tier"], "high");
    let first = world.app.get(world.token("viewer"), "/api/v1/models/scorer").await.expect(200).json();
    assert_eq!(first["risk_tier"], "low");
    // An owner is a member: a person of the other workspace cannot be one.
    let owned = json!({"name": "other", "intended_use": "x", "risk_tier": "low", "owners": {"business": "a-viewer"}});
    world.app.post(&stranger, "/api/v1/models", owned).await.expect(422);
}
