//! Whose an account is that a provider brought, and what becomes of it when the operator trusts the provider no longer.

use super::visit::{MAPPING, ONE_EACH, Rogue, newest, session_of, whoami};
use crate::harness::{TestApp, reply};
use serde_json::{Value, json};

async fn link(t: &TestApp, admin: &str, account: &str, same_as: Option<&str>) -> Value {
    let path = format!("/api/v1/accounts/{account}/person");
    reply(t.request(admin, "PUT", &path).json(&json!({"same_as": same_as}))).await.expect(200).json()
}

#[actix_web::test]
async fn whoever_a_provider_brings_looks_and_nothing_else_until_somebody_says_whose_the_account_is() {
    let rogue = Rogue::start_with("").await;
    let admin = rogue.t.user("olga", &["admin"]).await;
    let groups = json!({"groups": ["credit-risk", "it"]});
    let (browser, _) = rogue.sign_in(groups.clone()).await;
    let session = session_of(&browser).expect("session");
    rogue.t.get(&session, "/api/v1/models").await.expect(200);
    rogue.t.get(&session, "/api/v1/audit/events").await.expect(200);
    let bonds = rogue.t.get(&admin, "/api/v1/accounts/ines/person").await.expect(200).json();
    assert_eq!(bonds["person_is_known"], false, "{bonds}");
    // Not even an administrator says it of themself, nor makes what would get around it.
    for (path, body) in [
        ("/api/v1/tokens", json!({"name": "laptop", "expires_in_days": 1})),
        ("/api/v1/accounts", json!({"name": "spare", "kind": "service", "roles": ["deployer"]})),
    ] {
        let refused = rogue.t.post(&session, path, body).await.expect(403);
        assert_eq!(refused.code(), "person_unsaid", "{path}");
        assert!(refused.text().contains("plimsoll user link ines"), "{}", refused.text());
    }
    let own = rogue.t.request(&session, "PUT", "/api/v1/accounts/ines/person").json(&json!({"same_as": null}));
    assert_eq!(reply(own).await.expect(403).code(), "person_unsaid");
    let said = link(&rogue.t, &admin, "ines", None).await;
    assert_eq!((&said["person_is_known"], &said["same_person"]), (&json!(true), &json!([])));
    assert_eq!(newest(&rogue.t).await["event"], "person_said");
    // It counts at once, and nobody says it twice.
    let token = json!({"name": "laptop", "expires_in_days": 1});
    rogue.t.post(&session, "/api/v1/tokens", token.clone()).await.expect(201);
    let before = rogue.t.events().await;
    link(&rogue.t, &admin, "ines", None).await;
    assert_eq!(rogue.t.events().await, before);
    // Another account of hers is linked, and what is taken apart again stays said.
    rogue.t.user("ines-old", &["contributor"]).await;
    assert_eq!(link(&rogue.t, &admin, "ines", Some("ines-old")).await["same_person"], json!(["ines-old"]));
    let alone = link(&rogue.t, &admin, "ines", None).await;
    assert_eq!((&alone["person_is_known"], &alone["same_person"]), (&json!(true), &json!([])));
    assert_eq!(newest(&rogue.t).await["event"], "person_unlinked");
    rogue.sign_in(groups).await.1.expect(303);
}

#[actix_web::test]
async fn people_of_two_domains_have_two_names() {
    let rogue = Rogue::start_with("name_domain: corp.example").await;
    for (n, (said, name)) in [
        ("Ines@corp.example", "ines"),
        ("ines@other.example", "ines-at-other.example"),
        ("ines@third.example", "ines-at-third.example"),
    ]
    .into_iter()
    .enumerate()
    {
        let (browser, _) = rogue.sign_in(json!({"sub": format!("subject-{n}"), "preferred_username": said})).await;
        assert_eq!(whoami(&rogue.t, &browser).await.expect(200).json()["name"], name);
    }
}

#[actix_web::test]
async fn a_group_that_the_operator_maps_no_longer_takes_its_roles_with_the_restart() {
    let rogue = Rogue::start().await;
    let (browser, _) = rogue.sign_in(json!({"groups": ["credit-risk", "it"]})).await;
    let session = session_of(&browser).expect("session");
    let token = json!({"name": "laptop", "expires_in_days": 30});
    let token = rogue.t.post(&session, "/api/v1/tokens", token).await.expect(201).json()["token"].clone();
    let token = token.as_str().expect("token").to_owned();
    drop(browser);
    // A group that gave a role gives it no more; that another group of hers gives it now is for the next sign-in.
    let rogue = rogue.again(Some(("{credit-risk: [viewer], it: [admin, reviewer]}", ONE_EACH))).await;
    for credential in [&session, &token] {
        let who = rogue.t.get(credential, "/api/v1/whoami").await.expect(200).json();
        assert_eq!(who["roles"], json!(["viewer", "admin"]));
    }
    let event = newest(&rogue.t).await;
    assert_eq!((&event["event"], &event["taken"]), (&json!("roles_mapped"), &json!(["reviewer"])));
    let before = rogue.t.events().await;
    let rogue = rogue.again(Some(("{credit-risk: [viewer], it: [admin, reviewer]}", ONE_EACH))).await;
    assert_eq!(rogue.t.events().await, before, "once is enough");
    let (browser, _) = rogue.sign_in(json!({"groups": ["credit-risk", "it"]})).await;
    let who = whoami(&rogue.t, &browser).await.expect(200).json();
    assert_eq!(who["roles"], json!(["viewer", "reviewer", "admin"]));
}

#[actix_web::test]
async fn a_provider_that_the_operator_removed_opens_nothing_any_more() {
    let rogue = Rogue::start().await;
    // Somebody else administers, too: the last one would stay.
    rogue.t.user("olga", &["admin"]).await;
    let (browser, _) = rogue.sign_in(json!({"groups": ["it"]})).await;
    let session = session_of(&browser).expect("session");
    let token = json!({"name": "laptop", "expires_in_days": 30});
    let token = rogue.t.post(&session, "/api/v1/tokens", token).await.expect(201).json()["token"].clone();
    let token = token.as_str().expect("token").to_owned();
    drop(browser);
    let rogue = rogue.again(None).await;
    for credential in [&session, &token] {
        rogue.t.get(credential, "/api/v1/whoami").await.expect(401);
    }
    let event = newest(&rogue.t).await;
    assert_eq!((&event["event"], &event["taken"]), (&json!("roles_mapped"), &json!(["admin"])));
    // It comes back with the next sign-in after the provider does.
    let rogue = rogue.again(Some((MAPPING, ONE_EACH))).await;
    rogue.t.get(&token, "/api/v1/accounts").await.expect(403);
    rogue.sign_in(json!({"groups": ["it"]})).await.1.expect(303);
    rogue.t.get(&token, "/api/v1/accounts").await.expect(200);
}

#[actix_web::test]
async fn the_last_administrator_stays_though_their_provider_is_removed() {
    let rogue = Rogue::start().await;
    rogue.sign_in(json!({"groups": ["it"]})).await.1.expect(303);
    let before = newest(&rogue.t).await;
    let rogue = rogue.again(None).await;
    assert_eq!(newest(&rogue.t).await, before, "nothing was taken");
}

#[actix_web::test]
async fn whoever_is_deactivated_has_no_access_a_moment_later_whatever_the_provider_says() {
    let rogue = Rogue::start().await;
    let admin = rogue.t.user("olga", &["admin"]).await;
    let (browser, _) = rogue.sign_in(json!({"groups": ["it"]})).await;
    let session = session_of(&browser).expect("session");
    let token = json!({"name": "laptop", "expires_in_days": 30});
    let token = rogue.t.post(&session, "/api/v1/tokens", token).await.expect(201).json()["token"].clone();
    reply(rogue.t.request(&admin, "DELETE", "/api/v1/accounts/ines")).await.expect(200);
    for credential in [session.as_str(), token.as_str().expect("token")] {
        rogue.t.get(credential, "/api/v1/whoami").await.expect(401);
    }
    rogue.sign_in(json!({"groups": ["it"]})).await.1.expect(403);
}
