//! What follows an emergency: the review, what it settles and what waits for it, and the ways back.

use super::*;

#[actix_web::test]
async fn no_emergency_follows_on_another_before_somebody_has_looked_at_it() {
    let emergency = Emergency::begin().await;
    let story = &emergency.story;
    let first = emergency.active().await;
    assert_eq!(emergency.invoke(&story.tom, "2", 1).await.expect(409).code(), "break_glass_open");
    emergency.advance(TimeDelta::hours(4));
    // It is over, whether or not somebody wrote so, for whatever version and whoever asks.
    for (swept, token, version) in [(false, &story.tom, "2"), (true, &story.tom, "1"), (true, &emergency.risk, "2")] {
        if swept {
            emergency.sweep().await;
        }
        let refused = emergency.invoke(token, version, 1).await.expect(409);
        assert_eq!(refused.code(), "review_pending", "{}", refused.text());
        assert!(refused.text().contains(&text(&first["id"])), "{}", refused.text());
    }
    assert_eq!(emergency.pulled().await, None);
    emergency.review(&story.mara, &first, "justified").await.expect(200);
    let second = emergency.active().await;
    assert_ne!(second["id"], first["id"]);
    assert_eq!(emergency.pulled().await, Some(2));
    emergency.close(&story.tom, &second).await.expect(200);
    assert_eq!(emergency.invoke(&story.tom, "2", 1).await.expect(409).code(), "review_pending");
}

#[actix_web::test]
async fn an_emergency_that_waits_for_its_second_person_is_not_confirmed_past_a_review() {
    let emergency = Emergency::begin_with(allowing(json!({"second_person": true}))).await;
    let story = &emergency.story;
    let first = emergency.invoke(&story.tom, "2", 1).await.expect(201).json();
    emergency.step(&emergency.risk, &first, "confirmation", json!({})).await.expect(200);
    emergency.close(&story.tom, &first).await.expect(200);
    assert_eq!(emergency.invoke(&story.tom, "2", 1).await.expect(409).code(), "review_pending");
    emergency.review(&story.mara, &first, "justified").await.expect(200);
    let second = emergency.invoke(&story.tom, "2", 1).await.expect(201).json();
    emergency.step(&emergency.risk, &second, "confirmation", json!({})).await.expect(200);
}

#[actix_web::test]
async fn what_waits_for_a_review_is_settled_by_that_review_alone() {
    let emergency = Emergency::begin().await;
    let story = &emergency.story;
    let officer = story.app.user("carl", &["compliance_officer"]).await;
    let broken = emergency.invoke(&emergency.risk, "2", 4).await.expect(201).json();
    emergency.close(&story.tom, &broken).await.expect(200);
    let settle = async |token: &str, code: &str, step: &str| {
        let found = story.app.get(&story.mara, "/api/v1/findings?standing=true").await.expect(200).json();
        let found = found["items"].as_array().expect("items").iter().find(|found| found["code"] == code).cloned();
        let path = format!("/api/v1/findings/{}/{step}", text(&found.expect(code)["id"]));
        let mut body = json!({"reason": "Fine."});
        if step == "acceptance" {
            body["until"] = "2026-01-20T00:00:00Z".into();
        }
        story.app.post(token, &path, body).await
    };
    for step in ["closure", "acceptance"] {
        let own = settle(&emergency.risk, "break_glass", step).await.expect(403);
        assert_eq!(own.code(), "separation_of_duties", "{step}: {}", own.text());
        let early = settle(&officer, "break_glass", step).await.expect(409);
        assert_eq!(early.code(), "review_pending", "{step}: {}", early.text());
        assert!(early.text().contains(&text(&broken["id"])), "{}", early.text());
    }
    emergency.advance(TimeDelta::hours(72));
    emergency.sweep().await;
    assert_eq!(settle(&officer, "review_overdue", "closure").await.expect(409).code(), "review_pending");
    emergency.review(&story.mara, &broken, "unjustified").await.expect(200);
    // Now it is for others to say what follows from it.
    for code in ["break_glass", "break_glass_unjustified"] {
        let own = settle(&emergency.risk, code, "closure").await.expect(403);
        assert_eq!(own.code(), "separation_of_duties", "{code}: {}", own.text());
        settle(&officer, code, "closure").await.expect(200);
    }
    assert!(emergency.findings().await.is_empty());
}

#[actix_web::test]
async fn an_unjustified_emergency_stops_what_it_let_in_and_somebody_answers_for_it() {
    let emergency = Emergency::begin().await;
    let story = &emergency.story;
    story.run(MODEL, "2", ENVIRONMENT).await;
    let broken = emergency.active().await;
    emergency.close(&story.tom, &broken).await.expect(200);
    let request = story.request(MODEL, "2", ENVIRONMENT).await;
    assert_eq!(request["state"], "awaiting_approval", "{:#}", request["failed_checks"]);
    emergency.review(&story.mara, &broken, "unjustified").await.expect(200);
    assert_eq!(story.look(&request).await["state"], "invalidated");
    let again = story.request(MODEL, "2", ENVIRONMENT).await;
    let failed = &again["failed_checks"][0];
    assert_eq!((&failed["check"], &failed["owner"]), (&json!("finding_open"), &json!("tom")), "{again:#}");
    assert!(text(&failed["detail"]).contains("break_glass_unjustified"), "{failed:#}");
}

#[actix_web::test]
async fn a_review_that_nobody_gives_stops_what_the_emergency_let_in() {
    let emergency = Emergency::begin().await;
    let story = &emergency.story;
    let broken = emergency.active().await;
    emergency.advance(TimeDelta::hours(72));
    story.run(MODEL, "2", ENVIRONMENT).await;
    let request = story.request(MODEL, "2", ENVIRONMENT).await;
    assert_eq!(request["state"], "awaiting_approval", "{:#}", request["failed_checks"]);
    emergency.sweep().await;
    assert_eq!(story.look(&request).await["state"], "invalidated");
    let found = story.app.get(&story.mara, "/api/v1/findings?standing=true").await.expect(200).json();
    let overdue = found["items"].as_array().expect("items").iter().find(|found| found["code"] == "review_overdue");
    assert_eq!(overdue.expect("a finding")["owner"], "tom", "{found:#}");
    emergency.review(&story.mara, &broken, "justified").await.expect(200);
    assert_eq!(story.request(MODEL, "2", ENVIRONMENT).await["state"], "awaiting_approval");
}

/// Version 1, approved, was taken down, and an emergency brings the same version.
async fn of_an_approved_version() -> (Emergency, Value) {
    let emergency = Emergency::begin().await;
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release/suspension");
    let story = &emergency.story;
    story.app.post(&story.tom, &path, json!({"reason": "It answers nobody."})).await.expect(200);
    let broken = emergency.invoke(&story.tom, "1", 4).await.expect(201).json();
    (emergency, broken)
}

#[actix_web::test]
async fn the_approved_release_of_a_version_comes_back_in_place_of_its_emergency() {
    let (emergency, broken) = of_an_approved_version().await;
    let back = emergency.story.roll_back(Some("1")).await.expect(201).json();
    assert_eq!((&back["kind"], &back["version"]), (&json!("rollback"), &json!(1)));
    emergency.advance(TimeDelta::hours(5));
    emergency.sweep().await;
    assert_eq!(emergency.pulled().await, Some(1), "it does not end with the emergency");
    assert_eq!(emergency.look(&broken).await["state"], "closed");
}

#[actix_web::test]
async fn the_approved_release_of_a_version_comes_back_after_its_emergency() {
    let (emergency, _) = of_an_approved_version().await;
    let story = &emergency.story;
    emergency.advance(TimeDelta::hours(4));
    emergency.sweep().await;
    assert_eq!(emergency.pulled().await, None);
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release/suspension");
    let resumed = story.app.request(&story.tom, "DELETE", &path).json(&json!({"reason": "A test."}));
    let refused = crate::harness::reply(resumed).await.expect(409);
    assert_eq!(refused.code(), "break_glass_over", "{}", refused.text());
    story.roll_back(Some("1")).await.expect(201);
    assert_eq!(emergency.pulled().await, Some(1));
}

#[actix_web::test]
async fn who_asks_for_no_way_back_is_told_which_there_are() {
    let emergency = Emergency::begin().await;
    let story = &emergency.story;
    let third = story.measured_version(3).await;
    let approved = story.approved(&third).await;
    story.activate(&approved).await.expect(201);
    let refused = story.roll_back(Some("2")).await.expect(409);
    assert_eq!(refused.code(), "rollback_target_unknown");
    assert!(refused.text().contains("active there before: 1"), "{}", refused.text());
}
