//! Chapter 16: somebody who watches sees what stands out.

use super::{PASSWORD, session, sign_in};
use crate::{
    harness::{TestApp, reply},
    pages::stage::Browser,
};
use chrono::TimeDelta;
use serde_json::{Value, json};

async fn feed(t: &TestApp, token: &str, query: &str) -> Value {
    t.get(token, &format!("/api/v1/audit/security-feed{query}")).await.expect(200).json()
}

fn of<'a>(feed: &'a Value, kind: &str) -> Vec<&'a Value> {
    let wanted = format!("plimsoll.security.{kind}");
    feed["items"].as_array().expect("items").iter().filter(|item| item["type"] == wanted.as_str()).collect()
}

#[actix_web::test]
async fn v16_3_what_stands_out_in_the_log_is_shown_to_administrators() {
    let t = TestApp::start().await;
    let admin = t.user("ada", &["admin"]).await;
    let vera = t.user("vera", &["viewer"]).await;
    t.user("omar", &["viewer"]).await;
    assert_eq!(feed(&t, &admin, "").await, json!({"items": [], "next_cursor": null, "is_cut": false}));
    for n in 0..6 {
        let account = json!({"name": format!("ci-{n}"), "kind": "service", "roles": ["deployer"]});
        t.post(&vera, "/api/v1/accounts", account).await.expect(403);
        t.app.db.clock().advance(TimeDelta::seconds(20));
    }
    for _ in 0..5 {
        sign_in(&t, "omar", "not the password at all").await.expect(401);
    }
    let request = t.request("", "POST", "/api/v1/sessions").header("user-agent", "A phone, probably");
    reply(request.json(&json!({"name": "omar", "password": PASSWORD}))).await.expect(201);
    let quick = session(&t, "ada").await;
    for n in 0..20 {
        let token = json!({"name": format!("token {n}"), "expires_in_days": 1});
        t.post(&quick, "/api/v1/tokens", token).await.expect(201);
    }
    let found = feed(&t, &admin, "").await;
    let refused = of(&found, "repeated_refusals");
    assert_eq!((refused.len(), &refused[0]["subject"]), (1, &json!("vera")), "{found}");
    assert_eq!(refused[0]["data"]["actions"], json!([{"action": "account.create", "count": 6}]));
    assert_eq!(
        (&refused[0]["data"]["count"], &refused[0]["data"]["from"][0]["credential"]),
        (&json!(6), &json!("token"))
    );
    let failed = of(&found, "repeated_failures");
    assert_eq!((failed.len(), &failed[0]["subject"], &failed[0]["data"]["count"]), (1, &json!("omar"), &json!(5)));
    let burst = of(&found, "burst");
    assert_eq!((burst.len(), &burst[0]["subject"], &burst[0]["data"]["count"]), (1, &json!("ada"), &json!(20)));
    let new = of(&found, "new_device");
    let phone = new.iter().find(|item| item["subject"] == "omar").expect("omar's phone");
    assert_eq!(phone["data"]["from"][0]["client"], "A phone, probably");
    // The shape that a webhook takes: CloudEvents 1.0.
    for item in found["items"].as_array().expect("items") {
        assert_eq!((&item["specversion"], &item["datacontenttype"]), (&json!("1.0"), &json!("application/json")));
        assert!(item["id"].is_string() && item["source"].is_string() && item["time"].is_string(), "{item}");
    }
    // Page by page it is the same, and nothing new moves what is older.
    let (mut ids, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = feed(&t, &admin, &query).await;
        ids.extend(page["items"].as_array().expect("items").iter().map(|item| item["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={next}");
    }
    let all: Vec<_> = found["items"].as_array().expect("items").iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, all);
    // A seventh time.
    t.get(&vera, "/api/v1/audit/security-feed").await.expect(403);
    t.get(&admin, "/api/v1/audit/security-feed?days=91").await.expect(422);
    t.app.db.clock().advance(TimeDelta::days(8));
    assert_eq!(feed(&t, &admin, "").await["items"], json!([]));
    let browser = Browser::open(&t).await.sign_in("ada").await;
    let page = browser.get("/audit/security?days=30").await.expect(200).text();
    assert!(page.contains("vera was refused 7 times") && page.contains("A phone, probably"), "{page}");
    assert!(browser.get("/audit").await.expect(200).text().contains("/audit/security"));
}

#[actix_web::test]
async fn v6_3_5_a_browser_that_nobody_used_for_half_a_year_is_a_new_one_again() {
    let t = TestApp::start().await;
    let admin = t.user("olga", &["admin"]).await;
    t.user("omar", &["viewer"]).await;
    let mut seen = Vec::new();
    for days in [0, 1, 181] {
        t.app.db.clock().advance(TimeDelta::days(days));
        let request = t.request("", "POST", "/api/v1/sessions").header("user-agent", "A phone, probably");
        reply(request.json(&json!({"name": "omar", "password": PASSWORD}))).await.expect(201);
        let newest = t.get(&admin, "/api/v1/audit/events?limit=1").await.expect(200).json();
        seen.push(newest["items"][0]["leaf"]["detail"]["new_device"].clone());
    }
    assert_eq!(seen, [json!(true), json!(false), json!(true)]);
}
