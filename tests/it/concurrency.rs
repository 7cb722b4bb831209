//! Many callers at once: exactly one effect.

use crate::{
    harness::{Reply, commit_unlogged},
    story::{ENVIRONMENT, MODEL, Story, policy, scorer, spec, text},
};
use futures_util::future::join_all;
use plimsoll::{
    core::{digest::Digest, ids::RevisionId},
    crypto::keys::SigningKey,
    db::entity::{environment, environment_revision},
};
use sea_orm::{ActiveValue::Set, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, TransactionTrait};
use serde_json::{Value, json};
use std::time::Duration;

const CALLERS: usize = 32;

fn count(answers: &[Reply], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[actix_web::test]
async fn of_many_activations_of_one_request_exactly_one_wins() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    let answers = join_all((0..CALLERS).map(|_| story.activate(&approved))).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, CALLERS - 1));
    assert_eq!(story.leaves("promotion.activate").await.len(), 1);
}

#[actix_web::test]
async fn of_many_keys_of_one_name_exactly_one_is_trusted() {
    let story = Story::begin_without_runtime(&[]).await;
    let pems: Vec<_> = (0..8).map(|_| SigningKey::generate().expect("key").verifying_key().to_pem()).collect();
    let asked = pems.iter().map(|pem| {
        story.app.post(&story.olga, "/api/v1/trust-keys", json!({"name": "build-server", "public_key_pem": pem}))
    });
    let answers = join_all(asked).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, pems.len() - 1));
}

#[actix_web::test]
async fn of_many_activations_of_different_requests_exactly_one_wins() {
    let story = Story::stage().await;
    story.released(1).await;
    let mut approved = Vec::new();
    for number in 2..=9 {
        let version = story.measured_version(number).await;
        approved.push(story.approved(&version).await);
    }
    // Each is called by several, all at once.
    let racing = approved.iter().cycle().take(CALLERS);
    let answers = join_all(racing.map(|promotion| story.activate(promotion))).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, CALLERS - 1));
    let won = answers.iter().position(|answer| answer.status == 201).expect("one") % approved.len();
    for (i, refused) in answers.iter().enumerate().filter(|(_, answer)| answer.status == 409) {
        let own = i % approved.len() == won;
        assert_eq!(refused.code(), if own { "promotion_state" } else { "release_raced" });
        assert!(own || refused.text().contains("ask again"), "{}", refused.text());
    }
    let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/releases");
    let history = story.app.get(&story.tom, &path).await.expect(200).json();
    let states: Vec<_> = history["items"].as_array().expect("items").iter().map(|r| text(&r["state"])).collect();
    assert_eq!(states, ["active", "superseded"]);
    let mut stages = Vec::new();
    for promotion in &approved {
        stages.push(text(&story.look(promotion).await["state"]));
    }
    stages.sort();
    assert_eq!(stages[0], "activated");
    assert!(stages[1..].iter().all(|stage| stage == "invalidated"), "{stages:?}");
    assert_eq!(story.leaves("promotion.activate").await.len(), 2);
}

#[actix_web::test]
async fn many_approvals_by_one_person_are_one_approval() {
    let story = Story::stage_with(&[], spec(), policy(2)).await;
    story.measured_version(1).await;
    let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
    let answers = join_all((0..CALLERS).map(|_| story.approve(&story.mara, &promotion))).await;
    assert_eq!(count(&answers, 200), CALLERS);
    let now = story.look(&promotion).await;
    assert_eq!(now["approvals"].as_array().map(Vec::len), Some(1));
    assert_eq!((&now["seats_filled"], now["state"].as_str()), (&json!(1), Some("awaiting_approval")));
    assert_eq!(story.leaves("promotion.approve").await.len(), 1);
}

#[actix_web::test]
async fn an_approval_and_a_rejection_at_once_have_one_outcome() {
    let story = Story::measured().await;
    for _ in 0..4 {
        let promotion = story.request(MODEL, "1", ENVIRONMENT).await;
        let (yes, no) = futures_util::future::join(
            story.decide(&story.mara, &promotion, "approve"),
            story.decide(&story.rui, &promotion, "reject"),
        )
        .await;
        assert_eq!(no.status, 200, "a rejection ends an open request, approved or not");
        assert!([200, 409].contains(&yes.status), "{}", yes.status);
        assert_eq!(story.look(&promotion).await["state"], "rejected");
    }
}

#[actix_web::test]
async fn many_requests_for_one_version_are_one_request() {
    let story = Story::measured().await;
    let answers = join_all((0..CALLERS).map(|_| story.ask(MODEL, "1", ENVIRONMENT))).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, CALLERS - 1));
}

#[actix_web::test]
async fn the_same_files_pushed_by_many_are_one_version() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let files = scorer(1);
    let answers = join_all((0..CALLERS).map(|_| story.declare(MODEL, &files))).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, CALLERS - 1));
    let ids: std::collections::BTreeSet<_> = answers.iter().map(|a| text(&a.json()["id"])).collect();
    assert_eq!(ids.len(), 1);
    let uploads = join_all((0..CALLERS).map(|_| {
        let (path, bytes) = files[0].clone();
        let story = &story;
        async move { story.upload(&story.ines, MODEL, "1", &path, bytes).await }
    }));
    assert_eq!(count(&uploads.await, 204), CALLERS);
}

#[actix_web::test]
async fn different_files_pushed_at_once_get_numbers_without_gaps() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let all: Vec<_> = (0..CALLERS).map(|n| scorer(u32::try_from(n).expect("fits"))).collect();
    let answers = join_all(all.iter().map(|files| story.declare(MODEL, files))).await;
    let mut numbers: Vec<_> = answers.iter().filter_map(|a| a.json()["number"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=CALLERS as u64).collect::<Vec<_>>());
}

#[actix_web::test]
async fn two_workers_do_each_job_once() {
    let story = Story::stage().await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.push(text(&story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json()["id"]));
    }
    futures_util::future::join3(story.app.work(), story.app.work(), story.app.work()).await;
    let finished = story.leaves("run.finish").await;
    let mut ids: Vec<_> = finished.iter().map(|leaf| text(&leaf["object"]["id"])).collect();
    ids.sort();
    asked.sort();
    assert_eq!(ids, asked, "one end for each run");
    assert!(finished.iter().all(|leaf| leaf["detail"]["attempt"] == 1), "nothing was done twice");
    for id in asked {
        assert_eq!(story.find_run(&id).await["state"], "passed");
    }
}

#[actix_web::test]
async fn many_registrations_of_one_name_are_one_model() {
    let story = Story::begin_without_runtime(&[]).await;
    let body = json!({"name": "popular", "intended_use": "Scores.", "risk_tier": "low"});
    let answers = join_all((0..CALLERS).map(|_| story.app.post(&story.ines, "/api/v1/models", body.clone()))).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, CALLERS - 1));
    assert_eq!(story.leaves("model.register").await.len(), 1);
}

#[actix_web::test]
async fn of_many_revisions_of_one_document_exactly_one_wins() {
    let story = Story::begin_without_runtime(&[]).await;
    story.environment(ENVIRONMENT, spec(), policy(1)).await;
    let path = format!("/api/v1/environments/{ENVIRONMENT}/policy");
    let answers = join_all((0..CALLERS).map(|n| {
        let mut body: Value = policy(1);
        body["request_expires_after_hours"] = (n + 1).into();
        let (story, path) = (&story, &path);
        async move { story.app.put(&story.tom, path, "\"1\"", body).await }
    }))
    .await;
    assert_eq!((count(&answers, 200), count(&answers, 412)), (1, CALLERS - 1));
}

#[actix_web::test]
async fn an_activation_that_waited_for_a_revision_sees_it() {
    let story = Story::measured().await;
    let approved = story.approved("1").await;
    // A revision that is under way: it holds the environment, and is not committed yet.
    let tx = story.app.app.db.raw_for_tests().begin().await.expect("begin");
    environment::Entity::find().lock_exclusive().one(&tx).await.expect("lock").expect("environment");
    let revise = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let current = environment_revision::Entity::find()
            .filter(environment_revision::COLUMN.kind.eq("policy"))
            .one(&tx)
            .await
            .expect("read")
            .expect("policy");
        let body = current.body.replace("72", "71");
        let mut next = current.into_active_model();
        next.id = Set(RevisionId::generate());
        next.revision = Set(2);
        next.digest = Set(Digest::of(&body).to_string());
        next.body = Set(body);
        environment_revision::Entity::insert(next).exec_without_returning(&tx).await.expect("insert");
        commit_unlogged(tx).await;
    };
    let (answer, ()) = futures_util::future::join(story.activate(&approved), revise).await;
    assert_eq!(answer.expect(409).code(), "decision_changed");
    assert_eq!(story.look(&approved).await["state"], "invalidated");
}
