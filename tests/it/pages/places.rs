//! What is done to what runs in an environment, from its page.

use super::{assert_page, stage::Browser};
use crate::story::{ENVIRONMENT, MODEL, Story, policy, spec, text};
use chrono::TimeDelta;
use serde_json::json;

const HERE: &str = "/environments/production";

async fn sign_in<'a>(story: &'a Story, name: &str) -> Browser<'a> {
    Browser::open(&story.app).await.sign_in(name).await
}

async fn page(browser: &Browser<'_>) -> String {
    let page = browser.get(HERE).await.expect(200);
    assert_page(HERE, &page);
    page.text()
}

#[track_caller]
fn assert_says(page: &str, all: &[&str]) {
    for wanted in all {
        assert!(page.contains(wanted), "the page lacks {wanted}: {page}");
    }
}

#[track_caller]
fn assert_silent(page: &str, all: &[&str]) {
    for unwanted in all {
        assert!(!page.contains(unwanted), "the page has {unwanted}: {page}");
    }
}

fn of_model(action: &str) -> String {
    format!("{HERE}/models/{MODEL}/{action}")
}

#[actix_web::test]
async fn what_runs_is_taken_down_brought_back_and_rolled_back_with_a_review_by_another() {
    let story = Story::stage().await;
    story.released(1).await;
    story.released(2).await;
    let (tom, mara, ines) =
        (sign_in(&story, "tom").await, sign_in(&story, "mara").await, sign_in(&story, "ines").await);
    assert_says(
        &page(&tom).await,
        &["id=\"suspension-scorer\"", "id=\"rollbacks-scorer\"", "id=\"rehearsals-scorer\""],
    );
    assert_silent(&page(&mara).await, &["id=\"suspension-scorer\"", "id=\"rollbacks-scorer\""]);
    mara.send(&of_model("suspension"), &[("reason", "I may not.")]).await.expect(403);

    let empty = tom.send(&of_model("suspension"), &[("reason", " ")]).await.expect(422);
    assert_page("no reason", &empty);
    assert_says(&empty.text(), &["id=\"suspension-scorer\" open", "Nothing was changed."]);
    tom.send(&of_model("suspension"), &[("reason", "It <b>lies</b>.")]).await.expect(303);
    let down = page(&tom).await;
    assert_says(
        &down,
        &[
            "<strong class=\"tag bad\">suspended</strong>",
            "It &#60;b&#62;lies&#60;/b&#62;.",
            "id=\"resumption-scorer\"",
        ],
    );
    assert_silent(&down, &["id=\"suspension-scorer\""]);
    tom.send(&of_model("resumption"), &[("reason", "It does not.")]).await.expect(303);
    assert_says(&page(&tom).await, &["<strong class=\"tag good\">active</strong>", "resumption"]);

    tom.send(&of_model("rehearsals"), &[("to", "")]).await.expect(303);
    story.app.work().await;
    tom.send(&of_model("rollbacks"), &[("to", "x"), ("reason", "Too slow.")]).await.expect(422);
    let nowhere = tom.send(&of_model("rollbacks"), &[("to", "7"), ("reason", "Too slow.")]).await.expect(409);
    assert_says(&nowhere.text(), &["was not active in production", "value=\"7\""]);
    // What it would do is shown first, and nothing happens by looking.
    let events = story.app.events().await;
    for (fields, status, says) in [
        ([("to", "x"), ("reason", "Too slow.")], 422, "Nothing was changed."),
        ([("to", "7"), ("reason", "Too slow.")], 409, "was not active in production before"),
        ([("to", ""), ("reason", " ")], 422, "reason"),
    ] {
        let refused = tom.send(&of_model("rollbacks/plan"), &fields).await.expect(status);
        assert_says(&refused.text(), &[says, "id=\"rollbacks-scorer\" open"]);
    }
    let plan = tom.send(&of_model("rollbacks/plan"), &[("to", ""), ("reason", "Too <b>slow</b>.")]).await.expect(200);
    assert_page("rollback plan", &plan);
    assert_says(
        &plan.text(),
        &[
            "Nothing has changed yet",
            "Roll back to version 1",
            "name=\"to\" value=\"1\"",
            "value=\"Too &#60;b&#62;slow&#60;/b&#62;.\"",
            "/models/scorer/versions/2\">version 2</a> since",
        ],
    );
    let there = tom.send(&of_model("rollbacks/plan"), &[("to", "2"), ("reason", "Too slow.")]).await.expect(200);
    assert_says(&there.text(), &["Nothing would change."]);
    mara.send(&of_model("rollbacks/plan"), &[("to", ""), ("reason", "Too slow.")]).await.expect(403);
    assert_eq!(story.app.events().await, events + 1, "the refusal alone");
    let api = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/rollbacks/plan");
    let told = story.app.get(&story.tom, &api).await.expect(200).json();
    assert_eq!(
        (&told["outcome"], &told["leaves"]["version"], &told["returns"]["version"]),
        (&json!("earlier"), &json!(2), &json!(1))
    );
    assert_eq!(story.app.get(&story.tom, &format!("{api}?to=2")).await.expect(200).json()["outcome"], "same");
    story.app.get(&story.tom, &format!("{api}?to=7")).await.expect(409);
    story.app.get(&story.tom, &format!("{api}?to=x")).await.expect(422);
    story.app.get(&story.mara, &api).await.expect(403);
    tom.send(&of_model("rollbacks"), &[("to", "1"), ("reason", "Too slow.")]).await.expect(303);
    let back = page(&mara).await;
    assert_says(&back, &["Rollbacks to be reviewed", "scorer back to version 1: “Too slow.”", "id=\"review-"]);
    assert_silent(&page(&tom).await, &["id=\"review-"]);
    let release =
        back.split("/releases/").nth(1).and_then(|rest| rest.split('/').next()).expect("a release").to_owned();
    let review = format!("{HERE}/releases/{release}/review");
    let given = [("outcome", "justified"), ("reason", "It was slow.")];
    tom.send(&review, &given).await.expect(403);
    ines.send(&review, &given).await.expect(403);
    story.app.app.db.clock().advance(TimeDelta::days(8));
    let mara = sign_in(&story, "mara").await;
    assert_says(&page(&mara).await, &["<strong class=\"tag bad\">overdue</strong> scorer back"]);
    mara.send(&review, &given).await.expect(303);
    assert_silent(&page(&mara).await, &["Rollbacks to be reviewed"]);
}

#[actix_web::test]
async fn the_mode_goes_up_by_a_request_and_down_at_once() {
    let story = Story::begin().await;
    story.model(MODEL).await;
    story.people().await;
    story.environment(ENVIRONMENT, spec(), policy(1)).await;
    let profile = json!({"class": "server", "operating_mode": "automated"});
    story.revise(ENVIRONMENT, "profile", profile).await;
    story.released(1).await;
    let (ines, tom) = (sign_in(&story, "ines").await, sign_in(&story, "tom").await);
    let seen = page(&ines).await;
    assert_says(
        &seen,
        &["<strong class=\"tag quiet\">advisory</strong>", "id=\"raise-scorer\"", "value=\"human_in_the_loop\""],
    );
    assert_silent(&page(&tom).await, &["id=\"raise-scorer\"", "id=\"mode-scorer\""]);
    let asked = ines.send(&of_model("raise"), &[("mode", "human_in_the_loop"), ("comment", "")]).await.expect(303);
    let request = asked.header("location").to_owned();
    assert!(request.starts_with("/promotions/"), "{request}");
    let id = request.trim_start_matches("/promotions/").to_owned();
    let request = story.app.get(&story.mara, &format!("/api/v1/promotions/{id}")).await.expect(200).json();
    assert_eq!(request["mode"], "human_in_the_loop");
    story.approve(&story.mara, &request).await.expect(200);
    story.activate(&request).await.expect(201);
    assert_says(&page(&tom).await, &["human in the loop</strong>", "id=\"mode-scorer\""]);
    ines.send(&of_model("mode"), &[("mode", "advisory"), ("reason", "x")]).await.expect(403);
    tom.send(&of_model("mode"), &[("mode", "automated"), ("reason", "Up.")]).await.expect(409);
    tom.send(&of_model("mode"), &[("mode", "advisory"), ("reason", "It errs.")]).await.expect(303);
    assert_says(&page(&tom).await, &["<strong class=\"tag quiet\">advisory</strong>", "mode lowered"]);
}

#[actix_web::test]
async fn freezes_hosts_that_differ_lapses_and_records_are_shown_where_they_bear_on() {
    let mut rules = policy(1);
    rules["freeze"] = json!([
        {"reason": "year end", "zone": "Europe/Berlin", "from": "2026-02-01T00:00", "until": "2026-02-03T00:00"},
        {"reason": "nights", "zone": "UTC", "weekly": {"days": ["friday"], "start": "03:00", "end": "05:00"}},
    ]);
    rules["wait_hours"] = 2.into();
    let story = Story::stage_with(&[], spec(), policy(1)).await;
    story.released(1).await;
    let mara = sign_in(&story, "mara").await;
    assert_says(
        &page(&mara).await,
        &["No time is frozen", "Nobody may break the glass", "Nothing is known to be wrong here."],
    );
    story.revise(ENVIRONMENT, "policy", rules).await;
    // 2 January 2026 is a Friday, and it is four minutes past three.
    let seen = page(&mara).await;
    assert_says(
        &seen,
        &[
            "<strong class=\"tag mind\">frozen</strong> Nothing is activated: frozen until",
            "2026-02-01 00:00 to 2026-02-03 00:00",
            "<td>Europe/Berlin</td>",
            "friday: 03:00 to 05:00",
            "2 hours pass between the last approval and the activation",
            // The policy was revised since the approval.
            "<strong class=\"tag bad\">assurance lapsed</strong>",
            "What its approval rested on has changed: policy",
            "assurance_lapsed",
        ],
    );
    let running = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/running");
    let said = json!({"digest": format!("sha256:{}", "0".repeat(64)), "host": "edge-7"});
    crate::harness::reply(story.app.request(&story.robot, "PUT", &running).json(&said)).await.expect(200);
    let record = json!({"owner": "olga", "review_by": "2026-02-01", "body": {"availability_percent": 99.5}});
    story.app.put(&story.tom, "/api/v1/environments/production/records/sla/all", "\"0\"", record).await.expect(200);
    let seen = page(&mara).await;
    assert_says(
        &seen,
        &["<th scope=\"row\">edge-7</th><td><strong class=\"tag bad\">differs</strong>", "running_differs"],
    );
    assert_says(&seen, &["SLA all", "99.5 % available"]);
    let finding = seen.split("href=\"/findings/").nth(1).and_then(|rest| rest.split('"').next()).expect("a finding");
    mara.get(&format!("/findings/{finding}")).await.expect(200);
    let digest = text(&story.pull(None).await.expect(200).json()["release"]["version_digest"]);
    let right = json!({"digest": digest, "host": "edge-7"});
    crate::harness::reply(story.app.request(&story.robot, "PUT", &running).json(&right)).await.expect(200);
    assert_says(&page(&mara).await, &["<span class=\"tag good\">what is active</span>"]);
}

#[actix_web::test]
async fn an_environment_shows_how_far_limits_are_used_what_ran_when_and_what_each_revision_changed() {
    let story = Story::stage().await;
    story.released(1).await;
    let mara = sign_in(&story, "mara").await;
    let shown = page(&mara).await;
    assert_says(
        &shown,
        &[
            "<title id=\"marks-0-title\">How far scorer version 1 uses its limits</title>",
            "<title id=\"timeline-title\">",
            "Limits as scorer uses them",
            "href=\"/environments/production/constraints/revisions\"",
        ],
    );
    assert_silent(&shown, &["class=\"calendar\""]);
    let mut frozen = policy(1);
    frozen["freeze"] = json!([{"reason": "nights", "zone": "UTC",
        "weekly": {"days": ["monday", "tuesday"], "start": "22:00", "end": "06:00"}}]);
    story.revise(ENVIRONMENT, "policy", frozen).await;
    assert_says(&page(&mara).await, &["class=\"calendar\"", "frozen 22–24", "frozen 00–06, 22–24", "2 Jan, today"]);

    let revisions = format!("{HERE}/policy/revisions");
    let listed = mara.get(&revisions).await.expect(200);
    assert_page(&revisions, &listed);
    assert_says(&listed.text(), &[&format!("{revisions}/2"), &format!("{revisions}/1"), "retired", "tom"]);
    let second = mara.get(&format!("{revisions}/2")).await.expect(200);
    assert_page("revision", &second);
    assert_says(
        &second.text(),
        &["freeze[nights].weekly.start", "<ins>22:00</ins>", "<ins>monday, tuesday</ins>", "The whole document"],
    );
    let back = mara.get(&format!("{revisions}/1?against=2")).await.expect(200);
    assert_says(&back.text(), &["<del>22:00</del>", "removed"]);
    let first = mara.get(&format!("{revisions}/1")).await.expect(200);
    assert_silent(&first.text(), &["What differs from"]);
    for gone in ["9", "0", "x", "1?against=9"] {
        mara.get(&format!("{revisions}/{gone}")).await.expect(404);
    }
    mara.get(&format!("{HERE}/nothing/revisions")).await.expect(404);
}
