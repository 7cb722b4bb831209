//! What people say on a request: in whose stead, on which conditions, and beside a decision.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};

fn lenient() -> Value {
    let mut policy = policy(1);
    policy["conditions_allowed"] = true.into();
    policy
}

/// The predicate of the signed statement of an approval.
fn predicate(approval: &Value) -> Value {
    let payload = text(&approval["statement"]["dsseEnvelope"]["payload"]);
    let statement: Value = serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("json");
    statement["predicate"].clone()
}

async fn account_id(story: &Story, name: &str) -> Value {
    let all = story.app.get(&story.ada, "/api/v1/accounts?limit=200").await.expect(200).json();
    let found = all["items"].as_array().expect("items").iter().find(|account| account["name"] == name);
    found.expect(name)["id"].clone()
}

#[actix_web::test]
async fn an_approval_in_somebodys_stead_needs_their_leave_and_says_whose_it_is() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    let given = json!({"on_behalf_of": "mara"});
    assert_eq!(say(&story, &story.rui, &promotion, given.clone()).await.expect(403).code(), "no_delegation");
    delegate(&story, &story.mara, "rui").await;
    // Only in the direction in which it was given, and for nobody else.
    let turned = json!({"on_behalf_of": "rui"});
    assert_eq!(say(&story, &story.mara, &promotion, turned).await.expect(403).code(), "no_delegation");
    let other = json!({"on_behalf_of": "tom"});
    assert_eq!(say(&story, &story.rui, &promotion, other).await.expect(403).code(), "no_delegation");
    let path = format!("/api/v1/promotions/{}", text(&promotion["id"]));
    assert_eq!(story.app.get(&story.rui, &path).await.json()["you_may_act_for"], json!(["mara"]));
    let approved = say(&story, &story.rui, &promotion, given).await.expect(200).json();
    assert_eq!(approved["state"], "approved");
    let approval = &approved["approvals"][0];
    assert_eq!((&approval["by"], &approval["on_behalf_of"]), (&json!("rui"), &json!("mara")));
    let mara = account_id(&story, "mara").await;
    assert_eq!(predicate(approval)["on_behalf_of"], mara);
    assert_eq!(story.leaves("promotion.approve").await[0]["detail"]["on_behalf_of"], mara);
    story.activate(&promotion).await.expect(201);
}

#[actix_web::test]
async fn an_approval_in_somebodys_stead_ends_with_the_leave() {
    let story = Story::measured().await;
    for how in ["revoked by the delegator", "refused by the delegate", "over"] {
        let delegation = delegate(&story, &story.mara, "rui").await;
        let promotion = asked(&story).await;
        let approved = say(&story, &story.rui, &promotion, json!({"on_behalf_of": "mara"})).await.expect(200).json();
        assert_eq!(approved["state"], "approved", "{how}");
        match how {
            "revoked by the delegator" => end(&story, &story.mara, &delegation).await,
            "refused by the delegate" => end(&story, &story.rui, &delegation).await,
            _ => {
                // The request lives for another day.
                story.withdraw(&story.ines, &promotion).await.expect(200);
                story.app.app.db.clock().advance(chrono::TimeDelta::days(6));
                let promotion = asked(&story).await;
                let said = json!({"on_behalf_of": "mara"});
                say(&story, &story.rui, &promotion, said).await.expect(200);
                story.app.app.db.clock().advance(chrono::TimeDelta::hours(23));
                assert_eq!(story.activate(&promotion).await.expect(412).code(), "quorum_lost", "{how}");
                continue;
            }
        }
        assert_eq!(story.activate(&promotion).await.expect(412).code(), "quorum_lost", "{how}");
        story.withdraw(&story.ines, &promotion).await.expect(200);
    }
}

#[actix_web::test]
async fn an_approval_in_somebodys_stead_counts_by_what_both_hold_now() {
    let story = Story::measured().await;
    delegate(&story, &story.mara, "rui").await;
    let promotion = asked(&story).await;
    say(&story, &story.rui, &promotion, json!({"on_behalf_of": "mara"})).await.expect(200);
    take_roles(&story, "mara").await;
    assert_eq!(story.activate(&promotion).await.expect(412).code(), "quorum_lost");
}

#[actix_web::test]
async fn conditions_are_kept_shown_and_signed_where_the_policy_lets_them() {
    let story = Story::stage_with(&[], spec(), lenient()).await;
    story.measured_version(1).await;
    let promotion = asked(&story).await;
    for bad in [json!([""]), json!(["a", "a"]), json!(vec!["a condition"; 21])] {
        say(&story, &story.mara, &promotion, json!({"conditions": bad})).await.expect(422);
    }
    let refused = json!({"outcome": "reject", "reason": "no", "conditions": ["none"]});
    say(&story, &story.mara, &promotion, refused).await.expect(422);
    let conditions = json!(["Look at the drift after a week.", "Only for new applications."]);
    let approved = say(&story, &story.mara, &promotion, json!({"conditions": conditions})).await.expect(200).json();
    assert_eq!(approved["approvals"][0]["conditions"], conditions);
    assert_eq!(predicate(&approved["approvals"][0])["conditions"], conditions);
    let leaf = &story.leaves("promotion.approve").await[0];
    assert_eq!(leaf["detail"]["conditions"], true);
    assert!(!leaf.to_string().contains("drift"), "what people write is not in the log: {leaf}");
}

#[actix_web::test]
async fn conditions_that_the_policy_does_not_let_are_refused_before_anything_is_written() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    let before = story.app.events().await;
    let refused = say(&story, &story.mara, &promotion, json!({"conditions": ["x"]})).await.expect(422);
    assert!(refused.text().contains("conditions"), "{}", refused.text());
    assert_eq!(story.app.events().await, before);
    assert_eq!(story.look(&promotion).await["approvals"], json!([]));
}

#[actix_web::test]
async fn comments_are_kept_in_order_and_change_nothing_that_is_decided_on() {
    let story = Story::measured().await;
    let promotion = asked(&story).await;
    let path = format!("/api/v1/promotions/{}/comments", text(&promotion["id"]));
    for (token, body) in [(&story.ines, "Fitted on new data."), (&story.mara, "Which?\nSince when?")] {
        story.app.post(token, &path, json!({"body": body})).await.expect(201);
    }
    for (bad, status) in [(json!({"body": " "}), 422), (json!({"body": "x".repeat(8_001)}), 422), (json!({}), 400)] {
        story.app.post(&story.mara, &path, bad).await.expect(status);
    }
    assert_eq!(story.app.post(&story.ada, &path, json!({"body": "x"})).await.expect(403).code(), "forbidden");
    assert_eq!(story.look(&promotion).await["decision_digest"], promotion["decision_digest"]);
    story.withdraw(&story.ines, &promotion).await.expect(200);
    let late = story.app.post(&story.mara, &path, json!({"body": "It was the right thing to do."})).await;
    late.expect(201);
    let first = story.app.get(&story.mara, &format!("{path}?limit=2")).await.expect(200).json();
    let said: Vec<_> =
        first["items"].as_array().expect("items").iter().map(|c| (text(&c["by"]), text(&c["body"]))).collect();
    let pair = |by: &str, body: &str| (by.to_owned(), body.to_owned());
    assert_eq!(said, [pair("ines", "Fitted on new data."), pair("mara", "Which?\nSince when?")]);
    let rest = format!("{path}?limit=2&cursor={}", text(&first["next_cursor"]));
    let rest = story.app.get(&story.mara, &rest).await.expect(200).json();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    for leaf in story.leaves("promotion.comment").await {
        assert!(!leaf.to_string().contains("Fitted"), "{leaf}");
    }
    reply(story.app.request(&story.mara, "DELETE", &path)).await.expect(405);
}

#[actix_web::test]
async fn the_decision_page_says_who_sits_where_and_takes_what_is_said() {
    use crate::pages::stage::Stage;
    let stage = Stage::set().await;
    let version = stage.push("v1").await;
    stage.measure(version).await;
    let path = "/api/v1/environments/production/policy";
    let seen = stage.app.get(&stage.tom, path).await.expect(200);
    let mut policy = seen.json()["body"].clone();
    policy["conditions_allowed"] = true.into();
    stage.app.put(&stage.tom, path, seen.header("etag"), policy).await.expect(200);
    let asked = stage.ask(version).await;
    let (id, digest) = (text(&asked["id"]), text(&asked["decision_digest"]));
    let (mara, rui) = (stage.sign_in("mara").await, stage.sign_in("rui").await);
    let token = stage.app.user("mara-api", &["reviewer"]).await;
    stage.app.post(&token, "/api/v1/delegations", json!({"to": "rui", "valid_until": WEEK})).await.expect(201);
    let address = format!("/promotions/{id}");
    let page = mara.get(&address).await.expect(200).text();
    assert!(page.contains("nobody yet") && page.contains("name=\"conditions\"") && !page.contains("on_behalf_of"));
    let page = rui.get(&address).await.expect(200).text();
    assert!(page.contains("In the stead of mara-api"), "{page}");
    let said = [("comment", "Is <b>this</b> the one?")];
    mara.send(&format!("{address}/comments"), &said).await.expect(303);
    mara.send(&format!("{address}/comments"), &[("comment", " ")]).await.expect(422);
    let fields = [
        ("decision_digest", digest.as_str()),
        ("outcome", "approve"),
        ("conditions", "First of all.\r\n\r\nAnd then."),
        ("on_behalf_of", "mara-api"),
    ];
    rui.send(&address, &fields).await.expect(303);
    let page = mara.get(&address).await.expect(200).text();
    for wanted in ["First of all.", "And then.", "in the stead of mara-api", "Is &#60;b&#62;this"] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    let now = stage.app.get(&stage.ines, &format!("/api/v1/promotions/{id}")).await.expect(200).json();
    assert_eq!(now["approvals"][0]["conditions"], json!(["First of all.", "And then."]));
}
