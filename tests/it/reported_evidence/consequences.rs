//! What reported evidence does: to requests, to who decides, to pages; and what it does not.

use super::*;

#[actix_web::test]
async fn a_report_that_expires_no_longer_counts() {
    let lab = Lab::sealed().await;
    let mut predicate = scan("brief");
    predicate["valid_until"] = "2026-01-02T04:00:00Z".into();
    let record = lab.report(predicate).await;
    lab.story.app.app.db.clock().advance(TimeDelta::hours(1));
    assert_eq!(lab.get(&record).await["state"], "expired");
    // That it was wrong can still be said.
    assert_eq!(lab.close(&lab.story.mara, &record, "refute").await.expect(200).json()["state"], "refuted");
}

#[actix_web::test]
async fn whoever_submitted_what_counts_does_not_decide() {
    let lab = Lab::measured().await;
    let story = &lab.story;
    let record = lab.send(&story.mara, lab.sign(scan("malware"))).await.expect(201).json();
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    let refused = story.approve(&story.mara, &promotion).await.expect(403);
    assert_eq!(refused.code(), "separation_of_duties");
    assert!(refused.text().contains("the submitter of its reported evidence"), "{}", refused.text());
    // A record that was withdrawn no longer counts, and Mara is free again.
    lab.close(&story.mara, &record, "withdraw").await.expect(200);
    assert_eq!(story.approve(&story.rui, &promotion).await.expect(409).code(), "promotion_state");
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    story.approve(&story.mara, &promotion).await.expect(200);
}

#[actix_web::test]
async fn the_owner_of_a_robot_that_submitted_does_not_decide() {
    let lab = Lab::measured().await;
    let story = &lab.story;
    let robot = json!({"name": "lab-bot", "kind": "service", "roles": ["contributor"]});
    story.app.post(&story.olga, "/api/v1/accounts", robot).await.expect(201);
    let token = json!({"name": "reports", "account": "lab-bot", "expires_in_days": 7});
    let token = text(&story.app.post(&story.olga, "/api/v1/tokens", token).await.expect(201).json()["token"]);
    lab.send(&token, lab.sign(scan("malware"))).await.expect(201);
    give_role(story, "olga", "reviewer").await;
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(story.approve(&story.olga, &promotion).await.expect(403).code(), "separation_of_duties");
    story.approve(&story.rui, &promotion).await.expect(200);
}

#[actix_web::test]
async fn every_change_of_what_was_reported_is_another_decision() {
    let lab = Lab::measured().await;
    let story = &lab.story;
    let mut digests = Vec::new();
    let mut listed = Vec::new();
    let ask = async || {
        let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
        story.withdraw(&story.ines, &promotion).await.expect(200);
        let bound = promotion["decision"]["evidence"].as_array().expect("evidence").clone();
        (text(&promotion["decision_digest"]), bound)
    };
    let mut note = |(digest, bound): (String, Vec<Value>)| {
        digests.push(digest);
        listed.push(bound);
    };
    note(ask().await);
    let first = lab.report(scan("malware")).await;
    note(ask().await);
    let second = lab.report(issued(scan("malware"), "2026-01-02T03:00:01Z")).await;
    note(ask().await);
    lab.close(&story.mara, &second, "refute").await.expect(200);
    note(ask().await);
    let third = lab.report(scan("licences")).await;
    note(ask().await);
    lab.revoke_key().await;
    note(ask().await);
    let sizes: Vec<_> = listed.iter().map(Vec::len).collect();
    assert_eq!(sizes, [3, 4, 4, 3, 4, 3]);
    assert!(listed[1].contains(&first["digest"]) && listed[2].contains(&second["digest"]));
    assert!(!listed[2].contains(&first["digest"]) && listed[4].contains(&third["digest"]));
    assert_eq!((&digests[0], &digests[0]), (&digests[3], &digests[5]), "without reports it is the same again");
    let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), 4);
}

#[actix_web::test]
async fn a_report_makes_no_limit_pass_and_no_run_unnecessary() {
    let story = Story::stage().await;
    story.signed(MODEL, &scorer(1)).await;
    let lab = Lab::of(story).await;
    let basis =
        json!({"version": lab.manifest, "dataset": Digest::of("rows"), "constraints": Digest::of("spec"), "rows": 900});
    let body = json!({"basis": basis, "figures": {"accuracy": {"value": 1.0, "interval": null, "n": 900}}, "absent": {},
        "method": "Counted."});
    let mut predicate = bias(&body);
    predicate["kind"] = "quality".into();
    assert_eq!(lab.report(predicate).await["state"], "verified");
    let refused = lab.story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(
        (&refused["state"], crate::story::checks(&refused)),
        (&json!("checks_failed"), vec!["evidence_missing".to_owned()])
    );
}

#[actix_web::test]
async fn two_reports_at_once_leave_one_standing() {
    let lab = Lab::sealed().await;
    let bundles: Vec<_> =
        (0..4).map(|i| lab.sign(issued(scan("malware"), &format!("2026-01-02T03:00:0{i}Z")))).collect();
    let sent = bundles.into_iter().map(|bundle| lab.send(&lab.story.ines, bundle));
    let answers = futures_util::future::join_all(sent).await;
    assert!(answers.iter().all(|a| a.status == 201 || a.code() == "evidence_not_newer"), "{:?}", answers[0].text());
    let standing: Vec<_> = lab.list().await.into_iter().filter(|r| r["state"] == "verified").collect();
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0]["report"]["issued_at"], "2026-01-02T03:00:03.000000Z");
}

#[actix_web::test]
async fn the_pages_of_a_version_and_of_a_decision_say_who_reported_what() {
    let lab = Lab::measured().await;
    let story = &lab.story;
    let mut audit = bias(&measured_bias(story).await);
    audit["title"] = "Rates <script>alert(1)</script>".into();
    lab.report(audit).await;
    let scanned = lab.report(scan("malware")).await;
    lab.close(&story.mara, &scanned, "refute").await.expect(200);
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    let rui = Browser::open(&story.app).await.sign_in("rui").await;
    for address in [format!("/models/{MODEL}/versions/1"), format!("/promotions/{}", text(&promotion["id"]))] {
        let page = rui.get(&address).await.expect(200).text();
        for wanted in [
            "Reported evidence",
            "Signed by others, not measured here. No limit passes because of it.",
            "Reported by <strong>the-lab</strong> (submitted by ines",
            "Groups, as the-lab counted them",
            "refuted by mara",
            "another model&#39;s.",
            "alert(1)",
        ] {
            assert!(page.contains(wanted), "{address} lacks {wanted}");
        }
        assert!(!page.contains("<script"), "{address}");
        // What was refuted is listed, and its figures are no longer shown.
        assert_eq!(page.matches("counted them").count(), 1, "{address}");
    }
    // A version that nobody reported on says so.
    story.signed(MODEL, &scorer(2)).await;
    let bare = rui.get(&format!("/models/{MODEL}/versions/2")).await.expect(200).text();
    assert!(bare.contains("Nobody outside has reported anything about it."), "{bare}");
}
