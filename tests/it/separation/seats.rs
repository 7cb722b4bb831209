//! Who fills which seat.

use super::*;

/// Role and who sits there, seat by seat.
fn seats(request: &Value) -> Vec<(String, Vec<String>)> {
    let list = |value: &Value| value.as_array().expect("a list").iter().map(text).collect();
    let seats = request["seats"].as_array().expect("seats");
    seats.iter().map(|seat| (text(&seat["role"]), list(&seat["filled_by"]))).collect()
}

async fn stage(policy: Value) -> Story {
    let story = Story::stage_with(&[], spec(), policy).await;
    story.measured_version(1).await;
    story
}

fn three_roles() -> Value {
    let slots = ["reviewer", "risk_officer", "compliance_officer"].map(|role| json!({"role": role, "count": 1}));
    json!({"approvals": slots, "evidence_maximum_age_days": 30})
}

#[actix_web::test]
async fn overlapping_roles_fill_every_seat_in_whatever_order_people_approve() {
    let story = stage(three_roles()).await;
    let all = story.app.user("una", &["reviewer", "risk_officer", "compliance_officer"]).await;
    let two = story.app.user("vera", &["reviewer", "risk_officer"]).await;
    let promotion = asked(&story).await;
    // Whoever may sit anywhere comes first, so that greed would leave a seat empty.
    for (n, token) in [(1, &all), (2, &two), (3, &story.mara)] {
        let now = story.approve(token, &promotion).await.expect(200).json();
        assert_eq!(now["seats_filled"], n);
        assert_eq!(now["state"], if n == 3 { "approved" } else { "awaiting_approval" });
    }
    let now = story.look(&promotion).await;
    let sits = |role: &str, name: &str| (role.to_owned(), vec![name.to_owned()]);
    let wanted = [sits("reviewer", "mara"), sits("risk_officer", "vera"), sits("compliance_officer", "una")];
    assert_eq!(seats(&now), wanted);
    story.activate(&promotion).await.expect(201);
}

#[actix_web::test]
async fn two_accounts_of_one_person_fill_one_seat_between_them() {
    let story = stage(policy(2)).await;
    let second = story.app.user("mara-private", &["reviewer"]).await;
    link(&story, "mara-private", Some("mara")).await;
    let promotion = asked(&story).await;
    story.approve(&story.mara, &promotion).await.expect(200);
    let now = story.approve(&second, &promotion).await.expect(200).json();
    assert_eq!((&now["seats_filled"], now["state"].as_str()), (&json!(1), Some("awaiting_approval")));
    let sitting = &seats(&now)[0].1;
    assert!(sitting.contains(&"mara".to_owned()) && sitting.contains(&"mara-private".to_owned()), "{now:#}");
    assert!(seats(&now)[1].1.is_empty());
    story.activate(&promotion).await.expect(409);
    let now = story.approve(&story.rui, &promotion).await.expect(200).json();
    assert_eq!((&now["seats_filled"], now["state"].as_str()), (&json!(2), Some("approved")));
}

#[actix_web::test]
async fn approvers_who_turn_out_to_be_one_person_no_longer_count_twice() {
    let story = stage(policy(2)).await;
    let promotion = asked(&story).await;
    story.approve(&story.mara, &promotion).await.expect(200);
    assert_eq!(story.approve(&story.rui, &promotion).await.expect(200).json()["state"], "approved");
    link(&story, "rui", Some("mara")).await;
    assert_eq!(story.activate(&promotion).await.expect(412).code(), "quorum_lost");
    assert_eq!(story.pull(None).await.expect(412).code(), "nothing_active");
}

#[actix_web::test]
async fn an_approver_who_turns_out_to_be_the_author_no_longer_counts() {
    let story = stage(policy(1)).await;
    let promotion = story.approved("1").await;
    link(&story, "mara", Some("ines")).await;
    assert_eq!(story.activate(&promotion).await.expect(412).code(), "quorum_lost");
}

#[actix_web::test]
async fn two_of_one_team_are_one_where_teams_must_differ_and_two_where_they_need_not() {
    for different in [true, false] {
        let mut asks = policy(2);
        asks["different_teams"] = different.into();
        let story = stage(asks).await;
        for name in ["mara", "rui"] {
            put(&story, name, "team", json!({"team": "second-line"})).await;
        }
        let zoe = story.app.user("zoe", &["reviewer"]).await;
        let promotion = asked(&story).await;
        story.approve(&story.mara, &promotion).await.expect(200);
        let now = story.approve(&story.rui, &promotion).await.expect(200).json();
        assert_eq!(now["seats_filled"], if different { 1 } else { 2 }, "{now:#}");
        if different {
            story.activate(&promotion).await.expect(409);
            assert_eq!(story.approve(&zoe, &promotion).await.expect(200).json()["state"], "approved");
        }
        story.activate(&promotion).await.expect(201);
    }
}

#[actix_web::test]
async fn an_approver_who_had_a_part_in_it_takes_no_colleague_along() {
    let mut asks = policy(2);
    asks["different_teams"] = true.into();
    let story = stage(asks).await;
    for name in ["mara", "rui"] {
        put(&story, name, "team", json!({"team": "second-line"})).await;
    }
    let zoe = story.app.user("zoe", &["reviewer"]).await;
    let promotion = asked(&story).await;
    for token in [&story.mara, &story.rui, &zoe] {
        story.approve(token, &promotion).await.expect(200);
    }
    assert_eq!(story.look(&promotion).await["state"], "approved");
    link(&story, "rui", Some("ines")).await;
    let now = story.look(&promotion).await;
    assert_eq!((&now["seats_filled"], now["state"].as_str()), (&json!(2), Some("approved")), "{now:#}");
    assert!(seats(&now).iter().all(|(_, sits)| !sits.contains(&"rui".to_owned())), "{now:#}");
    story.activate(&promotion).await.expect(201);
    let report = invariants::ops::check(&story.app.app).await.expect("checked");
    assert_eq!(report.violated(), 0, "{:#?}", report.violations().collect::<Vec<_>>());
}

#[actix_web::test]
async fn an_author_bars_nobody_of_their_team() {
    let mut asks = policy(1);
    asks["different_teams"] = true.into();
    let story = stage(asks).await;
    for name in ["mara", "ines"] {
        put(&story, name, "team", json!({"team": "scoring"})).await;
    }
    story.activate(&story.approved("1").await).await.expect(201);
}

#[actix_web::test]
async fn delegator_and_delegate_fill_one_seat_between_them_while_it_lasts() {
    let story = stage(policy(2)).await;
    let delegation = delegate(&story, &story.mara, "rui").await;
    let promotion = asked(&story).await;
    story.approve(&story.mara, &promotion).await.expect(200);
    let now = story.approve(&story.rui, &promotion).await.expect(200).json();
    assert_eq!((&now["seats_filled"], now["state"].as_str()), (&json!(1), Some("awaiting_approval")));
    end(&story, &story.mara, &delegation).await;
    assert_eq!(story.look(&promotion).await["seats_filled"], 2, "each decided in their own name");
}

#[actix_web::test]
async fn a_person_sits_by_the_roles_of_the_accounts_that_approved() {
    let slots = ["reviewer", "risk_officer"].map(|role| json!({"role": role, "count": 1}));
    let story = stage(json!({"approvals": slots, "evidence_maximum_age_days": 30})).await;
    let officer = story.app.user("mara-risk", &["risk_officer"]).await;
    link(&story, "mara-risk", Some("mara")).await;
    let promotion = asked(&story).await;
    // Mara's other account holds the role, and has not approved.
    let now = story.approve(&story.mara, &promotion).await.expect(200).json();
    assert_eq!(seats(&now)[1].1, Vec::<String>::new());
    // With it she may sit on either seat, so that Rui's approval fills the other.
    story.approve(&officer, &promotion).await.expect(200);
    let now = story.approve(&story.rui, &promotion).await.expect(200).json();
    assert_eq!(now["state"], "approved", "{now:#}");
    assert_eq!((seats(&now)[0].1.clone(), seats(&now)[1].1.len()), (vec!["rui".to_owned()], 2));
}

#[actix_web::test]
async fn who_could_fill_no_seat_neither_rejects_nor_approves() {
    let asked_of = json!({"approvals": [{"role": "compliance_officer", "count": 1}], "evidence_maximum_age_days": 30});
    let story = stage(asked_of).await;
    let carl = story.app.user("carl", &["compliance_officer", "reviewer"]).await;
    let promotion = asked(&story).await;
    for outcome in ["reject", "approve"] {
        let refused = story.decide(&story.mara, &promotion, outcome).await.expect(403);
        assert_eq!(refused.code(), "forbidden", "{}", refused.text());
        assert!(refused.text().contains("compliance_officer"), "{}", refused.text());
    }
    let now = story.look(&promotion).await;
    assert_eq!((&now["state"], &now["approvals"]), (&json!("awaiting_approval"), &json!([])));
    // In somebody's stead by what both are.
    delegate(&story, &carl, "mara").await;
    let stead = json!({"on_behalf_of": "carl", "outcome": "reject", "reason": "No."});
    assert_eq!(say(&story, &story.mara, &promotion, stead).await.expect(403).code(), "forbidden");
    assert_eq!(story.decide(&carl, &promotion, "reject").await.expect(200).json()["state"], "rejected");
}
