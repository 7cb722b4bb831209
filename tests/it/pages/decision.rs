//! The decision page: what a reviewer sees of the rules, and what can be done from it.

use super::{assert_page, stage::Browser};
use crate::{
    harness::Reply,
    story::{ENVIRONMENT, MODEL, Story, policy, scorer, spec, strict_spec, text},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// A reviewer's and a risk officer's seat, a day to wait, conditions, and a KPI that should be on record.
fn rules() -> Value {
    json!({"approvals": [{"role": "reviewer", "count": 1}, {"role": "risk_officer", "count": 1}], "wait_hours": 24,
        "conditions_allowed": true, "evidence": [{"kind": "kpi", "source": "record", "missing": "warn"}]})
}

async fn sign_in<'a>(story: &'a Story, name: &str) -> Browser<'a> {
    Browser::open(&story.app).await.sign_in(name).await
}

async fn page(browser: &Browser<'_>, address: &str) -> String {
    let page = browser.get(address).await.expect(200);
    assert_page(address, &page);
    page.text()
}

#[track_caller]
fn assert_says(page: &str, all: &[&str]) {
    for wanted in all {
        assert!(page.contains(wanted), "the page lacks {wanted}: {page}");
    }
}

fn address(promotion: &Value) -> String {
    format!("/promotions/{}", text(&promotion["id"]))
}

async fn approve(browser: &Browser<'_>, promotion: &Value, more: &[(&str, &str)]) -> Reply {
    let digest = text(&promotion["decision_digest"]);
    let mut fields = vec![("decision_digest", digest.as_str()), ("outcome", "approve"), ("reason", "Read it.")];
    fields.extend(more);
    browser.send(&address(promotion), &fields).await
}

#[actix_web::test]
async fn a_reviewer_sees_what_warns_what_is_known_who_answers_and_which_seat_is_free() {
    let story = Story::stage_with(&[], spec(), rules()).await;
    story.app.user("rosa", &["risk_officer"]).await;
    story.measured_version(1).await;
    let record = json!({"owner": "olga", "review_by": "2026-02-01", "body": {"url": "https://wiki.example/<night>",
        "sha256": format!("sha256:{}", "0".repeat(64))}});
    story.app.put(&story.ines, "/api/v1/models/scorer/records/runbook/night", "\"0\"", record).await.expect(200);
    let finding = json!({"code": "leak", "severity": "low", "title": "A <b>leak</b>", "model": MODEL, "owner": "tom"});
    let finding = story.app.post(&story.ada, "/api/v1/findings", finding).await.expect(201).json();
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(request["state"], "awaiting_approval", "{request:#}");
    let mara = sign_in(&story, "mara").await;
    let seen = page(&mara, &address(&request)).await;
    assert_says(
        &seen,
        &[
            "<strong class=\"tag mind\">warns</strong> scorer in production has no KPI",
            "A &#60;b&#62;leak&#60;/b&#62;",
            &format!("href=\"/findings/{}\"", text(&finding["id"])),
            "runbook night",
            "https://wiki.example/&#60;night&#62;",
            "<dt>validation</dt><dd><span class=\"tag mind\">vacant</span>",
            "No rollback of it was rehearsed here.",
            "It is to run as <strong>advisory</strong>",
            "<th scope=\"row\">risk officer</th><td><span class=\"tag mind\">free</span>",
            "0 of 2 filled",
        ],
    );
    assert!(!seen.contains("Approved, and held") && !seen.contains("id=\"unapprove\""), "{seen}");
    // The record lapses, and the page says so whether or not anybody swept.
    story.app.app.db.clock().advance(TimeDelta::days(40));
    let later = sign_in(&story, "mara").await;
    assert_says(&page(&later, &address(&request)).await, &["<strong class=\"tag bad\">lapsed</strong>"]);
}

#[actix_web::test]
async fn approvals_with_conditions_are_given_taken_back_and_lead_to_an_activation() {
    let story = Story::stage_with(&[], spec(), rules()).await;
    let rosa = story.app.user("rosa", &["risk_officer"]).await;
    story.measured_version(1).await;
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    let here = address(&request);
    let (mara, tom) = (sign_in(&story, "mara").await, sign_in(&story, "tom").await);
    approve(&mara, &request, &[("conditions", "look again\r\n\r\n  after a week  ")]).await.expect(303);
    story.approve(&rosa, &request).await.expect(200);
    let held = page(&mara, &here).await;
    assert_says(
        &held,
        &[
            "Approved, and held",
            "tag mind\">wait</strong>",
            "3 Jan 2026, 03:04 UTC",
            "<li>look again</li><li>after a week</li>",
        ],
    );
    assert_says(&held, &["2 of 2 filled", "<span class=\"tag good\">filled</span></td><td>mara</td>"]);
    assert!(!page(&tom, &here).await.contains("id=\"activate\""), "what is held is not offered");

    // Taking back needs a reason, and an approval of one's own.
    let taking = format!("{here}/unapproval");
    let empty = mara.send(&taking, &[("reason", " ")]).await.expect(422);
    assert_page("empty reason", &empty);
    assert_says(&empty.text(), &["<details class=\"deed\" id=\"unapprove\" open>", "Nothing was changed.", "Error: "]);
    tom.send(&taking, &[("reason", "I may not.")]).await.expect(403);
    mara.send(&taking, &[("reason", "I <i>overlooked</i> it.")]).await.expect(303);
    let seen = page(&mara, &here).await;
    assert_says(&seen, &["I &#60;i&#62;overlooked&#60;/i&#62; it.", "tag mind\">revoked</strong>", "1 of 2 filled"]);
    assert_eq!(story.look(&request).await["state"], "awaiting_approval");
    approve(&mara, &request, &[]).await.expect(303);

    story.app.app.db.clock().advance(TimeDelta::hours(24));
    let (mara, tom, ines) =
        (sign_in(&story, "mara").await, sign_in(&story, "tom").await, sign_in(&story, "ines").await);
    assert_says(&page(&tom, &here).await, &["<details class=\"deed\" id=\"activate\" open>"]);
    assert!(!page(&mara, &here).await.contains("id=\"activate\""), "only who may is offered it");
    assert_says(&page(&ines, &here).await, &["id=\"withdraw\""]);
    let activation = format!("{here}/activation");
    let refusals = story.app.events().await;
    mara.send(&activation, &[]).await.expect(403);
    assert_eq!(story.app.events().await, refusals + 1, "a refusal is in the log");
    tom.send(&activation, &[]).await.expect(303);
    assert_eq!(story.look(&request).await["state"], "activated");
    let again = tom.send(&activation, &[]).await;
    assert!(again.status == 303 || again.status == 409, "a double click is harmless: {}", again.text());
    ines.send(&format!("{here}/withdrawal"), &[]).await.expect(409);
}

#[actix_web::test]
async fn a_request_is_withdrawn_by_whoever_asked_from_its_page() {
    let story = Story::measured().await;
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    let (ines, mara) = (sign_in(&story, "ines").await, sign_in(&story, "mara").await);
    let withdrawal = format!("{}/withdrawal", address(&request));
    assert!(!page(&mara, &address(&request)).await.contains("id=\"withdraw\""));
    mara.send(&withdrawal, &[]).await.expect(403);
    ines.send(&withdrawal, &[]).await.expect(303);
    assert_eq!(story.look(&request).await["state"], "withdrawn");
}

#[actix_web::test]
async fn a_delegate_decides_in_the_stead_of_somebody_and_the_page_says_so() {
    let story = Story::measured().await;
    let until = json!({"to": "mara", "valid_until": "2026-01-09T00:00:00Z"});
    story.app.post(&story.rui, "/api/v1/delegations", until).await.expect(201);
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    let mara = sign_in(&story, "mara").await;
    assert_says(&page(&mara, &address(&request)).await, &["<option value=\"rui\">In the stead of rui</option>"]);
    approve(&mara, &request, &[("on_behalf_of", "rui")]).await.expect(303);
    assert_says(&page(&mara, &address(&request)).await, &["in the stead of rui"]);
}

#[actix_web::test]
async fn an_exception_that_a_request_rests_on_stands_first_and_by_itself() {
    let mut limits = strict_spec();
    limits["constraints"][0]["owner"] = "rui".into();
    let story = Story::stage_with(&[], limits, policy(1)).await;
    let version = story.signed(MODEL, &scorer(1)).await;
    story.run(MODEL, &version, ENVIRONMENT).await;
    let asked = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "constraint": "accuracy",
        "reason": "The season ends soon.", "compensating_control": "A person looks at each.",
        "expires_at": "2026-01-12T00:00:00Z"});
    let waiver = story.app.post(&story.ines, "/api/v1/waivers", asked).await.expect(201).json();
    let decision = json!({"outcome": "grant", "reason": "A test."});
    let id = text(&waiver["id"]);
    story.app.post(&story.rui, &format!("/api/v1/waivers/{id}/decisions"), decision).await.expect(200);
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    assert_eq!(request["state"], "awaiting_approval", "{request:#}");
    let seen = page(&sign_in(&story, "mara").await, &address(&request)).await;
    let first = seen.split("id=\"verdicts\"").next().unwrap_or_default();
    assert!(first.contains("<strong class=\"tag mind\">waived</strong> accuracy: waived until"), "{first}");
    assert_says(
        &seen,
        &["Exceptions that it rests on", &format!("href=\"/waivers/{id}\""), "A person looks at each.", "1 waived"],
    );
}

#[actix_web::test]
async fn what_an_emergency_made_active_is_marked_as_approved_by_nobody() {
    let mut allowing = policy(1);
    allowing["break_glass"] = json!({"roles": ["environment_manager"]});
    let story = Story::stage_with(&[], spec(), allowing).await;
    story.signed(MODEL, &scorer(1)).await;
    let body = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "hours": 4,
        "justification": "It answers nobody."});
    let broken = story.app.post(&story.tom, "/api/v1/break-glass", body).await.expect(201).json();
    let mara = sign_in(&story, "mara").await;
    let seen = page(&mara, &format!("/promotions/{}", text(&broken["promotion"]))).await;
    assert_says(&seen, &["Nobody approved this", "It answers nobody.", "<strong class=\"tag bad\">bypassed</strong>"]);
}
