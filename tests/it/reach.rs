//! Tokens that are good for some actions, models or environments alone.

use crate::{
    authz_matrix::{MATRIX, expected, send},
    harness::reply,
    pages::stage::Browser,
    world::{ROLES, World},
};
use serde_json::{Value, json};

/// What is read of no model and no environment, is public, or ends what is one's own.
const ANYWHERE: &[(&str, &str)] = &[
    ("GET", "/api/v1/registry"),
    ("POST", "/api/v1/sessions"),
    ("GET", "/api/v1/audit/keys"),
    ("GET", "/api/v1/whoami"),
    ("GET", "/api/v1/trust-keys"),
    ("GET", "/api/v1/datasets"),
    ("GET", "/api/v1/datasets/{dataset}"),
    ("GET", "/api/v1/frameworks"),
    ("GET", "/api/v1/frameworks/{framework}/revisions/{revision}"),
    // There is no session to end, so nothing is changed.
    ("DELETE", "/api/v1/sessions"),
    // A policy that came with the request is looked at, and nothing else.
    ("POST", "/api/v1/policies/lint"),
];

/// Another place and another model, in which nothing is.
async fn lonely(world: &World) {
    let model = json!({"name": "lonely", "intended_use": "x", "risk_tier": "low"});
    world.app.post(world.token("contributor"), "/api/v1/models", model).await.expect(201);
    let profile = json!({"class": "edge", "operating_mode": "advisory"});
    let place = json!({"name": "lonely", "profile": profile});
    world.app.post(world.token("environment_manager"), "/api/v1/environments", place).await.expect(201);
}

/// Every operation, with what each role may do, by a token of it that is good elsewhere.
async fn sweep(scope: Value, also: &[(&str, &str)]) {
    let mut world = World::build().await;
    lonely(&world).await;
    let names: [&'static str; 9] = ["l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l9"];
    for (role, name) in ROLES.into_iter().zip(names) {
        world.limited(role, name, scope.clone()).await;
    }
    let mut wrong = Vec::new();
    for row @ (method, path, filled, body, _) in MATRIX {
        let expected = expected(row);
        let filled = if filled.is_empty() { path } else { filled };
        if ANYWHERE.contains(&(method, path)) || also.contains(&(method, path)) {
            continue;
        }
        for (column, name) in names.iter().enumerate().filter(|(column, _)| expected[column + 1] < 400) {
            let answer = send(&world, name, method, filled, body).await;
            if answer.status < 400 {
                wrong.push(format!("{method} {filled} by {}: {}", ROLES[column], answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix_web::test]
async fn a_token_for_another_environment_touches_nothing_that_is_in_one() {
    // What is of a model alone is in no environment.
    let of_models = [
        ("GET", "/api/v1/models/{model}"),
        ("PATCH", "/api/v1/models/{model}"),
        ("GET", "/api/v1/models/{model}/versions"),
        ("POST", "/api/v1/models"),
        ("POST", "/api/v1/models/{model}/versions"),
        ("GET", "/api/v1/models/{model}/versions/{version}"),
        ("PUT", "/api/v1/models/{model}/versions/{version}/files/{path}"),
        ("GET", "/api/v1/models/{model}/versions/{version}/files/{path}"),
        ("HEAD", "/api/v1/models/{model}/versions/{version}/files/{path}"),
        ("GET", "/api/v1/models/{model}/versions/{version}/contents/{path}"),
        ("GET", "/api/v1/models/{model}/versions/{version}/card"),
        ("POST", "/api/v1/models/{model}/versions/{version}/uploads"),
        ("GET", "/api/v1/models/{model}/versions/{version}/uploads/{upload}"),
        ("DELETE", "/api/v1/models/{model}/versions/{version}/uploads/{upload}"),
        ("PUT", "/api/v1/models/{model}/versions/{version}/uploads/{upload}/chunks/{number}"),
        ("POST", "/api/v1/models/{model}/versions/{version}/uploads/{upload}/completion"),
        ("GET", "/api/v1/models/{model}/versions/{version}/infer"),
        ("POST", "/api/v1/models/{model}/versions/{version}/infer"),
        ("POST", "/api/v1/models/{model}/versions/{version}/seal"),
        ("GET", "/api/v1/models/{model}/versions/{version}/attestations"),
        ("GET", "/api/v1/models/{model}/versions/{version}/bom"),
        ("GET", "/api/v1/models/{model}/versions/{version}/lineage"),
        ("GET", "/api/v1/models/{model}/versions/{version}/evidence"),
        ("POST", "/api/v1/models/{model}/versions/{version}/evidence"),
        ("GET", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}"),
        ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/refute"),
        ("GET", "/api/v1/models/{model}/records"),
        ("GET", "/api/v1/models/{model}/records/{kind}/{name}"),
        ("PUT", "/api/v1/models/{model}/records/{kind}/{name}"),
        ("POST", "/api/v1/models/{model}/records/{kind}/{name}/review"),
        // No request in an environment rests on the version that is revoked here.
        ("POST", "/api/v1/models/{model}/versions/{version}/revocation"),
    ];
    sweep(json!({"environments": ["lonely"]}), &of_models).await;
}

#[actix_web::test]
async fn a_token_for_another_model_touches_no_model_and_no_environment_as_a_whole() {
    sweep(json!({"models": ["lonely"]}), &[]).await;
}

#[actix_web::test]
async fn a_token_for_one_environment_does_there_what_its_account_may_and_nowhere_else() {
    let mut world = World::build().await;
    let scope = json!({"environments": ["production"]});
    for (role, name) in
        [("contributor", "asks"), ("deployer", "pulls"), ("environment_manager", "manages"), ("viewer", "sees")]
    {
        world.limited(role, name, scope.clone()).await;
    }
    let (asks, pulls) = (world.token("asks").to_owned(), world.token("pulls").to_owned());
    let pull = |place: &str| format!("/api/v1/environments/{place}/models/scorer/release");
    world.app.get(&pulls, &pull("production")).await.expect(200);
    assert_eq!(world.app.get(&pulls, &pull("spare")).await.expect(403).code(), "beyond_the_token");
    // What a body names is looked at when it is committed, and nothing of it is kept.
    let ask = |place: &str| json!({"model": "scorer", "version": "3", "environment": place});
    let all =
        async || world.app.get(world.token("viewer"), "/api/v1/promotions").await.expect(200).json()["items"].clone();
    let before = all().await;
    let refused = world.app.post(&asks, "/api/v1/promotions", ask("spare")).await.expect(403);
    assert_eq!((refused.code(), all().await), ("beyond_the_token".to_owned(), before));
    world.app.get(world.token("sees"), "/api/v1/environments/production/policy").await.expect(200);
    world.app.get(world.token("sees"), "/api/v1/environments/spare/policy").await.expect(403);
    world.app.get(world.token("sees"), &world.fill("/api/v1/promotions/{promotion}")).await.expect(200);
    // A coverage is of an environment, too.
    let coverage =
        |place: &str| format!("/api/v1/models/scorer/versions/1/coverage?framework=gdpr&environment={place}");
    world.app.get(world.token("sees"), &coverage("production")).await.expect(200);
    world.app.get(world.token("sees"), &coverage("spare")).await.expect(403);
    // Written in another way, a name is the same name.
    world.app.get(&pulls, "/api/v1/environments/%73pare/models/scorer/release").await.expect(403);
    // The refusal is in the log, with whose token it was.
    let log =
        world.app.get(world.token("auditor"), "/api/v1/audit/events?action=token.use&limit=1").await.expect(200).json();
    let leaf = &log["items"][0]["leaf"];
    assert_eq!((&leaf["outcome"], &leaf["detail"]["code"]), (&json!("denied"), &json!("beyond_the_token")), "{leaf}");
}

#[actix_web::test]
async fn a_token_of_one_model_gets_no_bytes_of_others_by_naming_their_digest() {
    let mut world = World::build().await;
    lonely(&world).await;
    world.limited("contributor", "alone", json!({"models": ["lonely"]})).await;
    let known = world.app.get(world.token("contributor"), "/api/v1/models/scorer/versions/1").await.expect(200).json();
    let declared = json!({"files": known["files"].as_array().expect("files").iter().map(|file| {
        json!({"path": file["path"], "sha256": file["sha256"], "size_bytes": file["size_bytes"]})
    }).collect::<Vec<_>>()});
    let path = "/api/v1/models/lonely/versions";
    let draft = world.app.post(world.token("alone"), path, declared.clone()).await.expect(201).json();
    let here = |draft: &Value| draft["files"].as_array().expect("files").iter().all(|file| file["uploaded"] == true);
    assert!(!here(&draft), "{draft}");
    world.app.get(world.token("alone"), &format!("{path}/1/files/README.md")).await.expect(404);
    // Who may read them need not send them again.
    let mut named = declared;
    named["files"].as_array_mut().expect("files").truncate(1);
    assert!(here(&world.app.post(world.token("contributor"), path, named).await.expect(201).json()));
}

#[actix_web::test]
async fn a_token_never_has_more_than_its_account_nor_makes_one_that_has_more_than_itself() {
    let mut world = World::build().await;
    world.limited("viewer", "ambitious", json!({"actions": ["version.create", "model.register"]})).await;
    world.limited("admin", "narrow", json!({"actions": ["account.read", "token.read"]})).await;
    world.limited("contributor", "placed", json!({"models": ["scorer"]})).await;
    let model = json!({"name": "novel", "intended_use": "x", "risk_tier": "low"});
    let refused = world.app.post(world.token("ambitious"), "/api/v1/models", model).await.expect(403);
    assert_eq!(refused.code(), "forbidden");
    let more = json!({"name": "more", "expires_in_days": 1});
    let account = json!({"name": "helper", "kind": "service", "roles": ["deployer"]});
    for name in ["narrow", "placed"] {
        assert_eq!(
            world.app.post(world.token(name), "/api/v1/tokens", more.clone()).await.expect(403).code(),
            "beyond_the_token"
        );
        world.app.post(world.token(name), "/api/v1/accounts", account.clone()).await.expect(403);
    }
    world.app.get(world.token("narrow"), "/api/v1/accounts").await.expect(200);
    world.app.get(world.token("narrow"), "/api/v1/models").await.expect(403);
    // What it reaches is shown, by names.
    let listed = world.app.get(world.token("contributor"), "/api/v1/tokens").await.expect(200).json();
    let placed = listed["items"].as_array().expect("items").iter().find(|item| item["name"] == "placed").expect("it");
    assert_eq!(placed["scope"], json!({"models": ["scorer"]}));
    for (scope, field) in [
        (json!({"models": ["nothing"]}), "scope.models"),
        (json!({"environments": []}), "scope.environments"),
        (json!({"actions": ["king"]}), "scope.actions"),
        (json!({"actions": ["token.create"]}), "scope.actions"),
        (json!({"places": ["x"]}), ""),
    ] {
        let wanted = json!({"name": "x", "expires_in_days": 1, "scope": scope});
        let request = world.app.request(world.token("contributor"), "POST", "/api/v1/tokens").json(&wanted);
        let refused = reply(request).await;
        assert!((400..500).contains(&refused.status), "{wanted}");
        assert!(field.is_empty() || refused.json()["errors"][0]["field"] == field, "{}", refused.text());
    }
}

#[actix_web::test]
async fn the_successor_of_a_token_reaches_no_further_than_it() {
    let mut world = World::build().await;
    world.limited("contributor", "placed", json!({"models": ["scorer"], "actions": ["look"]})).await;
    let listed = async || {
        let all = world.app.get(world.token("contributor"), "/api/v1/tokens").await.expect(200).json();
        all["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter(|item| item["name"] == "placed")
            .cloned()
            .collect::<Vec<_>>()
    };
    let before = listed().await;
    let id = before[0]["id"].as_str().expect("an id").to_owned();
    let mut browser = Browser::open(&world.app).await.sign_in("a-contributor").await;
    let page = browser.get("/tokens").await.expect(200);
    browser.keep(&page);
    assert!(page.text().contains("look; on scorer"), "{}", page.text());
    let once = uuid::Uuid::now_v7().to_string();
    let made = browser.send(&format!("/tokens/{id}/successor"), &[("once", once.as_str())]).await;
    assert!(made.status < 400, "{}", made.text());
    let after = listed().await;
    assert_eq!((before.len(), after.len()), (1, 2));
    assert_eq!(after[1]["scope"], before[0]["scope"]);
}
