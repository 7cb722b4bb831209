//! Waivers that take the place of others, and owners whose names others are given.

use super::*;

#[actix_web::test]
async fn what_has_ended_stands_in_the_way_of_no_successor() {
    let missed = Missed::begin().await;
    let waiver = missed.granted().await;
    missed.advance(TimeDelta::days(10));
    // Nobody has swept since its end.
    let renewed = missed.ask_with(&missed.story.ines, json!({"expires_at": "2026-02-01T00:00:00Z"})).await;
    let renewed = renewed.expect(201).json();
    assert_eq!(missed.look(&waiver).await["state"], "expired");
    plimsoll::sweeps::run(&missed.story.app.app).await.expect("swept");
    assert_eq!(missed.story.leaves("waiver.expire").await.len(), 1);
    let granted = missed.decide(&missed.story.rui, &renewed, "grant").await.expect(200).json();
    assert_eq!(granted["state"], "granted");
}

#[actix_web::test]
async fn a_successor_that_is_granted_in_time_lets_nothing_lapse() {
    let missed = Missed::begin().await;
    let story = &missed.story;
    missed.granted().await;
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    story.approve(&story.mara, &request).await.expect(200);
    story.activate(&request).await.expect(201);
    let later = json!({"expires_at": "2026-01-20T00:00:00Z"});
    let successor = missed.ask_with(&story.ines, later.clone()).await.expect(201).json();
    // Who granted the one that holds has a part in it, so somebody else grants its successor too.
    for (token, state) in [(&story.rui, "requested"), (&missed.risk, "granted")] {
        assert_eq!(missed.ask_with(&story.ines, later.clone()).await.expect(409).code(), "waiver_open");
        assert_eq!(missed.decide(token, &successor, "grant").await.expect(200).json()["state"], state);
    }
    assert_eq!(missed.story.leaves("waiver.expire").await.len(), 0);
    missed.advance(TimeDelta::days(10));
    plimsoll::sweeps::run(&story.app.app).await.expect("swept");
    assert_eq!(story.leaves("waiver.expire").await.len(), 1);
    let pulled = story.pull(None).await.expect(200).json();
    assert_eq!(pulled["release"]["assurance"], "sound", "{pulled:#}");
    missed.advance(TimeDelta::days(8));
    plimsoll::sweeps::run(&story.app.app).await.expect("swept");
    assert_eq!(story.pull(None).await.expect(200).json()["release"]["assurance"], "lapsed");
}

#[actix_web::test]
async fn who_is_given_the_name_of_somebody_who_left_owns_none_of_their_limits() {
    let missed = Missed::begin().await;
    let story = &missed.story;
    let waiver = missed.asked().await;
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/rui")).await.expect(200);
    reply(story.app.request(&story.olga, "POST", "/api/v1/accounts/rui/erasure")).await.expect(200);
    missed.advance(TimeDelta::hours(1));
    let namesake = story.app.user("rui", &["reviewer"]).await;
    let refused = missed.decide(&namesake, &waiver, "grant").await.expect(409);
    assert_eq!(refused.code(), "constraint_owner_unknown", "{}", refused.text());
    // Whoever publishes the spec again says whom they mean.
    let mut revised = spec();
    revised["constraints"][0]["limit"] = 0.98.into();
    revised["constraints"][0]["owner"] = "rui".into();
    story.revise(ENVIRONMENT, "constraints", revised).await;
    let waiver = missed.ask_with(&story.ines, json!({"version": null})).await.expect(201).json();
    missed.decide(&namesake, &waiver, "grant").await.expect(200);
}
