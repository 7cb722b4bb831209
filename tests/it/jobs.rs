//! The queue, when things go wrong.

use crate::{
    harness::TestApp,
    story::{ENVIRONMENT, MODEL, Story, scorer, text},
};
use chrono::TimeDelta;
use plimsoll::{core::ids::JobId, db::entity::job};
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::Expr};

#[actix_web::test]
async fn a_job_that_nobody_can_read_is_put_aside_and_the_worker_goes_on() {
    let t = TestApp::start().await;
    let now = t.app.db.clock().now();
    let row = job::ActiveModel {
        id: Set(JobId::generate()),
        kind: Set("from_the_future".to_owned()),
        payload: Set(r#"{"kind":"from_the_future"}"#.to_owned()),
        state: Set("queued".to_owned()),
        run_after: Set(now),
        attempts: Set(0),
        locked_by: Set(None),
        locked_until: Set(None),
        last_error: Set(None),
        created_at: Set(now),
        workspace_id: Set(None),
        run_id: Set(None),
        requires: Set(None),
        holder_id: Set(None),
    };
    let db = t.app.db.raw_for_tests();
    job::Entity::insert(row).exec_without_returning(db).await.expect("insert");
    t.work().await;
    let left = job::Entity::find().one(db).await.expect("read").expect("kept");
    assert_eq!((left.state.as_str(), left.attempts), ("queued", 1));
    assert!(left.last_error.is_some() && now < left.run_after, "{left:?}");
}

#[actix_web::test]
async fn a_run_that_kills_its_worker_every_time_ends_as_errored() {
    let story = Story::stage().await;
    let version = story.signed(MODEL, &scorer(1)).await;
    let run = story.ask_for_run(MODEL, &version, ENVIRONMENT).await.expect(201).json();
    let app = &story.app.app;
    // Ten workers took it and were never heard of again.
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value("running"))
        .col_expr(job::Column::Attempts, Expr::value(10))
        .col_expr(job::Column::LockedUntil, Expr::value(app.db.clock().now() - TimeDelta::seconds(1)))
        .exec(app.db.raw_for_tests())
        .await
        .expect("update");
    story.app.work().await;
    let ended = story.find_run(&text(&run["id"])).await;
    assert_eq!((ended["state"].as_str(), ended["reason"]["code"].as_str()), (Some("errored"), Some("not_carried_out")));
    assert_eq!(job::Entity::find().one(app.db.raw_for_tests()).await.expect("read").expect("kept").state, "dead");
}
