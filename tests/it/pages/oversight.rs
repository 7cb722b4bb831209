//! Findings, waivers, emergencies and delegations as pages: who is offered what, and what it does.

use super::{assert_page, stage::Browser};
use crate::story::{ENVIRONMENT, MODEL, Story, policy, scorer, spec, strict_spec, text};
use chrono::TimeDelta;
use serde_json::{Value, json};

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

#[track_caller]
fn assert_silent(page: &str, all: &[&str]) {
    for unwanted in all {
        assert!(!page.contains(unwanted), "the page has {unwanted}: {page}");
    }
}

#[actix_web::test]
async fn a_finding_is_reported_filtered_remediated_and_closed_by_another_from_its_pages() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let (ines, mara, olga) =
        (sign_in(&story, "ines").await, sign_in(&story, "mara").await, sign_in(&story, "olga").await);
    assert_says(&page(&olga, "/findings").await, &["Nothing is known to be wrong.", "href=\"/waivers\""]);
    assert_silent(&page(&olga, "/findings").await, &["id=\"report\""]);
    olga.send("/findings", &[("code", "leak"), ("severity", "high"), ("title", "x"), ("model", MODEL)])
        .await
        .expect(403);

    // What was typed stays, and a model that is not there is said beside the form.
    let sent = [("code", "leak"), ("severity", "high"), ("title", "A <script>leak</script>"), ("model", "other")];
    let kept = ines.send("/findings", &sent).await.expect(422);
    assert_page("a report that fails", &kept);
    assert_says(&kept.text(), &["value=\"A &#60;script&#62;leak", "id=\"report\" open", "no such model"]);
    let sent = [sent[0], sent[1], sent[2], ("model", MODEL), ("owner", "tom")];
    let made = ines.send("/findings", &sent).await.expect(303);
    let here = made.header("location").to_owned();
    let double = ines.send("/findings", &sent).await.expect(303);
    assert_eq!(double.header("location"), here, "the same again is the same finding");

    let seen = page(&ines, &here).await;
    assert_says(
        &seen,
        &["&#60;script&#62;leak", "<dt>Owner</dt><dd>tom</dd>", "id=\"remediate\"", "<strong>opened</strong> by ines"],
    );
    assert_silent(&seen, &["id=\"close\"", "id=\"accept\""]);
    ines.send(&format!("{here}/closure"), &[("reason", "I say so.")]).await.expect(403);
    ines.send(&format!("{here}/remediation"), &[("reason", "")]).await.expect(422);
    ines.send(&format!("{here}/remediation"), &[("reason", "Fitting it again.")]).await.expect(303);
    assert_says(&page(&ines, &here).await, &["“Fitting it again.”", "remediating"]);

    for (query, there) in [
        ("", true),
        ("?state=remediating&severity=high&owner=tom&model=scorer", true),
        ("?state=open", false),
        ("?severity=low", false),
        ("?owner=mara", false),
        ("?overdue=yes", false),
        ("?state=all", true),
    ] {
        let list = page(&mara, &format!("/findings{query}")).await;
        assert_eq!(list.contains(&format!("href=\"{here}\"")), there, "{query}");
    }
    for (query, says) in [("?state=strange", "state: choose one"), ("?model=other", "no such model")] {
        let wrong = mara.get(&format!("/findings{query}")).await.expect(422);
        assert_page(query, &wrong);
        assert_says(&wrong.text(), &["Nothing was searched.", says]);
    }
    story.app.app.db.clock().advance(TimeDelta::days(15));
    let mara = sign_in(&story, "mara").await;
    assert_says(&page(&mara, "/findings?overdue=yes").await, &["<span class=\"tag bad\">overdue</span>"]);
    assert_says(&page(&mara, &here).await, &["id=\"close\""]);
    mara.send(&format!("{here}/closure"), &[("reason", "Measured again.")]).await.expect(303);
    let closed = page(&mara, &here).await;
    assert_says(&closed, &["<strong>closed</strong> by mara", "Nothing, as it stands and with your roles."]);
    assert_silent(&page(&mara, "/findings").await, &[&here]);
    mara.send(&format!("{here}/closure"), &[("reason", "Again.")]).await.expect(409);
}

#[actix_web::test]
async fn a_risk_is_accepted_for_a_time_by_an_officer_who_did_not_report_it() {
    let story = Story::begin_without_runtime(&[]).await;
    story.app.user("rosa", &["risk_officer"]).await;
    story.app.user("rex", &["risk_officer"]).await;
    story.model(MODEL).await;
    let (rosa, rex) = (sign_in(&story, "rosa").await, sign_in(&story, "rex").await);
    let sent = [("code", "leak"), ("severity", "low"), ("title", "It leaks"), ("model", MODEL)];
    let here = rosa.send("/findings", &sent).await.expect(303).header("location").to_owned();
    assert_says(&page(&rosa, &here).await, &["rosa cannot accept this risk"]);
    assert_silent(&page(&rosa, &here).await, &["id=\"accept\""]);
    let accept = |until: &'static str| [("until", until), ("reason", "It is withdrawn soon.")];
    let acceptance = format!("{here}/acceptance");
    rosa.send(&acceptance, &accept("2026-02-01")).await.expect(403);
    let late = rex.send(&acceptance, &accept("2027-02-01")).await.expect(422);
    assert_says(&late.text(), &["within 90 days", "value=\"2027-02-01\"", "id=\"accept\" open"]);
    rex.send(&acceptance, &accept("2026-02-01")).await.expect(303);
    assert_says(&page(&rex, &here).await, &["risk accepted", "datetime=\"2026-02-01T23:59:59.999999Z\""]);
    story.app.app.db.clock().advance(TimeDelta::days(40));
    let rex = sign_in(&story, "rex").await;
    assert_says(&page(&rex, "/findings?state=open").await, &[&here]);
    assert_silent(&page(&rex, "/findings?state=risk_accepted").await, &[&here]);
}

#[actix_web::test]
async fn a_waiver_is_asked_for_granted_and_taken_back_from_its_pages() {
    let mut limits = strict_spec();
    limits["constraints"][0]["owner"] = "rui".into();
    let story = Story::stage_with(&[], limits, policy(1)).await;
    story.signed(MODEL, &scorer(1)).await;
    let (ines, rui, ada) = (sign_in(&story, "ines").await, sign_in(&story, "rui").await, sign_in(&story, "ada").await);
    assert_silent(&page(&ada, "/waivers").await, &["id=\"request\""]);
    assert_silent(&page(&rui, "/waivers").await, &["id=\"request\""]);
    let ask = |until: &'static str| {
        [
            ("model", MODEL),
            ("version", "1"),
            ("environment", ENVIRONMENT),
            ("constraint", "accuracy"),
            ("reason", "The season ends."),
            ("compensating_control", "A <b>person</b> looks."),
            ("until", until),
        ]
    };
    let wrong = ines.send("/waivers", &ask("soon")).await.expect(422);
    assert_page("a wrong day", &wrong);
    assert_says(&wrong.text(), &["A &#60;b&#62;person", "id=\"request\" open", "until: use a day"]);
    let made = ines.send("/waivers", &ask("2026-01-12")).await.expect(303);
    let here = made.header("location").to_owned();
    assert_says(&page(&ines, "/waivers").await, &[&here, "requested"]);
    assert_silent(&page(&ines, &here).await, &["id=\"grant\"", "id=\"refuse\""]);
    let decisions = format!("{here}/decisions");
    ines.send(&decisions, &[("outcome", "grant"), ("reason", "Mine.")]).await.expect(403);
    rui.send(&decisions, &[("outcome", "perhaps"), ("reason", "x")]).await.expect(422);
    assert_says(
        &page(&rui, &here).await,
        &["id=\"grant\"", "id=\"refuse\"", "<dt>Owner of the limit</dt><dd>rui</dd>"],
    );
    rui.send(&decisions, &[("outcome", "grant"), ("reason", "The throttle is there.")]).await.expect(303);
    let granted = page(&rui, &here).await;
    assert_says(
        &granted,
        &["<strong class=\"tag good\">granted</strong>", "“The throttle is there.”", "id=\"revoke\""],
    );
    ines.send(&format!("{here}/revocation"), &[("reason", "Not needed.")]).await.expect(303);
    assert_says(&page(&ines, &here).await, &["revoked", "“Not needed.”"]);
    assert_silent(&page(&ines, "/waivers").await, &[&here]);
    assert_says(&page(&ines, "/waivers?state=all").await, &[&here]);
    ines.get("/waivers?environment=nowhere").await.expect(422);
}

#[actix_web::test]
async fn an_emergency_is_called_ended_and_reviewed_by_another_from_its_pages() {
    let mut allowing = policy(1);
    allowing["break_glass"] = json!({"roles": ["environment_manager"], "second_person": true});
    let story = Story::stage_with(&[], spec(), allowing).await;
    story.app.user("theo", &["environment_manager"]).await;
    story.signed(MODEL, &scorer(1)).await;
    let (tom, theo, mara) =
        (sign_in(&story, "tom").await, sign_in(&story, "theo").await, sign_in(&story, "mara").await);
    assert_silent(&page(&sign_in(&story, "ada").await, "/break-glass").await, &["id=\"invoke\""]);
    let call = |hours: &'static str| {
        [
            ("model", MODEL),
            ("version", "1"),
            ("environment", ENVIRONMENT),
            ("hours", hours),
            ("justification", "It <i>answers</i> nobody."),
        ]
    };
    let wrong = tom.send("/break-glass", &call("many")).await.expect(422);
    assert_says(&wrong.text(), &["&#60;i&#62;answers", "use a number from 1 to 24"]);
    let made = tom.send("/break-glass", &call("4")).await.expect(303);
    let here = made.header("location").to_owned();
    assert_silent(&page(&tom, &here).await, &["id=\"confirm\""]);
    tom.send(&format!("{here}/confirmation"), &[]).await.expect(403);
    assert_says(&page(&theo, &here).await, &["id=\"confirm\"", "proposed"]);
    theo.send(&format!("{here}/confirmation"), &[]).await.expect(303);
    assert_says(
        &page(&mara, &here).await,
        &["<dt>Confirmed by</dt><dd>theo</dd>", "would not have passed", "id=\"close\""],
    );
    tom.send(&format!("{here}/closure"), &[("reason", "It answers again.")]).await.expect(303);
    assert_says(&page(&mara, "/break-glass?unreviewed=yes").await, &["over, to be reviewed", &here]);
    let review = [("outcome", "justified"), ("reason", "Nothing else would have helped.")];
    tom.send(&format!("{here}/review"), &review).await.expect(403);
    assert_says(&page(&mara, &here).await, &["id=\"review\""]);
    mara.send(&format!("{here}/review"), &review).await.expect(303);
    assert_says(&page(&mara, &here).await, &["<strong class=\"tag good\">justified</strong>", "would have helped"]);
    assert_silent(&page(&mara, "/break-glass?unreviewed=yes").await, &[&here]);
}

#[actix_web::test]
async fn a_delegation_is_made_and_ended_from_its_page() {
    let story = Story::begin_without_runtime(&[]).await;
    let (mara, rui, ines) =
        (sign_in(&story, "mara").await, sign_in(&story, "rui").await, sign_in(&story, "ines").await);
    assert_silent(&page(&ines, "/delegations").await, &["id=\"delegate\""]);
    ines.send("/delegations", &[("to", "rui"), ("until", "2026-01-09")]).await.expect(403);
    let wrong = mara.send("/delegations", &[("to", "nobody<"), ("until", "2026-01-09")]).await.expect(422);
    assert_page("nobody", &wrong);
    assert_says(&wrong.text(), &["value=\"nobody&#60;\""]);
    mara.send("/delegations", &[("to", "rui"), ("until", "2026-01-09")]).await.expect(303);
    let list = story.app.get(&story.mara, "/api/v1/delegations").await.expect(200).json();
    let ending = format!("/delegations/{}/revocation", text(&list["items"][0]["id"]));
    assert_says(&page(&rui, "/delegations").await, &["in force", &ending]);
    assert_silent(&page(&ines, "/delegations").await, &[&ending]);
    ines.send(&ending, &[]).await.expect(403);
    rui.send(&ending, &[]).await.expect(303);
    assert_says(&page(&rui, "/delegations").await, &["revoked"]);
}

#[actix_web::test]
async fn no_form_of_these_pages_works_from_elsewhere() {
    let story = Story::begin_without_runtime(&[]).await;
    story.model(MODEL).await;
    let mara = sign_in(&story, "mara").await;
    let finding = json!({"code": "leak", "severity": "low", "title": "x", "model": MODEL});
    let finding: Value = story.app.post(&story.ada, "/api/v1/findings", finding).await.expect(201).json();
    let events = story.app.events().await;
    let id = text(&finding["id"]);
    for address in [
        "/findings".to_owned(),
        format!("/findings/{id}/closure"),
        "/waivers".to_owned(),
        "/break-glass".to_owned(),
        "/delegations".to_owned(),
        "/environments/production/models/scorer/suspension".to_owned(),
        format!("/environments/production/releases/{id}/review"),
        format!("/promotions/{id}/activation"),
    ] {
        let foreign = mara.form(&address, &[("reason", "x")], &mara.token).header("origin", "https://evil.example");
        crate::harness::reply(foreign).await.expect(403);
        crate::harness::reply(mara.form(&address, &[("reason", "x")], "")).await.expect(403);
    }
    assert_eq!(story.app.events().await, events, "something was stored");
}
