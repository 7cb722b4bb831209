//! What people watched over stands in a dossier as it stood at its moment.

use super::{an_hour, dossier, page, parsed, stage, unpack};
use crate::story::{ENVIRONMENT, MODEL, Story, policy, text};
use plimsoll::core::clock::rfc3339;
use serde_json::{Value, json};

const QUERY: &str = "profile=sr-11-7&model=scorer&environment=production";

fn now(story: &Story) -> String {
    rfc3339(story.app.app.db.clock().now())
}

async fn at(story: &Story, moment: &str) -> (Value, String) {
    let zip = dossier(story, &format!("{QUERY}&version=1&as_of={moment}")).await;
    let entries = unpack(&zip);
    (parsed(&entries, "dossier.json"), page(&entries, "dossier.html").to_owned())
}

/// Version 1 active with a condition and a comment, a finding, a record, a waiver that was asked for, a
/// suspension, a second version, a rollback and a rehearsal. Gives the moments in between.
async fn watched() -> (Story, Vec<String>) {
    let story = stage().await;
    let mut rules = policy(1);
    rules["conditions_allowed"] = true.into();
    story.revise(ENVIRONMENT, "policy", rules).await;
    story.measured_version(1).await;
    let finding = json!({"code": "leak", "severity": "low", "title": "A leak in it", "model": MODEL, "version": "1"});
    let finding = story.app.post(&story.ada, "/api/v1/findings", finding).await.expect(201).json();
    let record = json!({"owner": "olga", "review_by": "2026-02-01", "body": {"availability_percent": 99.5}});
    story.app.put(&story.ines, "/api/v1/models/scorer/records/sla/desk", "\"0\"", record).await.expect(200);
    let request = story.request(MODEL, "1", ENVIRONMENT).await;
    let path = format!("/api/v1/promotions/{}", text(&request["id"]));
    story
        .app
        .post(&story.ines, &format!("{path}/comments"), json!({"body": "The drift is explained."}))
        .await
        .expect(201);
    let decision = json!({"decision_digest": request["decision_digest"], "outcome": "approve", "reason": "Read.",
        "conditions": ["look again in March"]});
    story.app.post(&story.mara, &format!("{path}/decisions"), decision).await.expect(200);
    story.activate(&request).await.expect(201);
    an_hour(&story);
    let mut moments = vec![now(&story)];
    an_hour(&story);
    let step = json!({"reason": "Fitting it again."});
    let address = format!("/api/v1/findings/{}/remediation", text(&finding["id"]));
    story.app.post(&story.ines, &address, step).await.expect(200);
    let place = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}");
    let suspension = format!("{place}/release/suspension");
    story.app.post(&story.tom, &suspension, json!({"reason": "It lies."})).await.expect(200);
    let back = story.app.request(&story.tom, "DELETE", &suspension).json(&json!({"reason": "No longer."}));
    crate::harness::reply(back).await.expect(201);
    an_hour(&story);
    story.released(2).await;
    an_hour(&story);
    story.app.post(&story.tom, &format!("{place}/rollbacks/rehearsals"), json!({})).await.expect(202);
    story.app.work().await;
    an_hour(&story);
    story.roll_back(None).await.expect(201);
    an_hour(&story);
    moments.push(now(&story));
    (story, moments)
}

#[actix_web::test]
async fn a_dossier_has_what_was_watched_over_as_it_stood_at_its_moment() {
    let (story, moments) = watched().await;
    let (before, html) = at(&story, &moments[0]).await;
    let decision = &before["requests"][0]["decisions"][0];
    assert_eq!(decision["conditions"], json!(["look again in March"]));
    assert_eq!(before["requests"][0]["comments"][0]["body"], "The drift is explained.");
    assert_eq!((&before["findings"][0]["code"], &before["findings"][0]["state"]), (&json!("leak"), &json!("open")));
    assert_eq!(before["findings"][0]["steps"].as_array().map(Vec::len), Some(1));
    let record = &before["records"][0];
    assert_eq!((&record["kind"], &record["owner"], &record["lapsed"]), (&json!("sla"), &json!("olga"), &json!(false)));
    assert_eq!(before["releases"].as_array().map(Vec::len), Some(1));
    let release = &before["releases"][0];
    assert_eq!((&release["state"], &release["mode"]), (&json!("active"), &json!("advisory")));
    assert_eq!((&release["ended_reason"], &release["ended_by"]), (&Value::Null, &Value::Null), "it had not ended then");
    for later in ["rehearsals", "rollback_reviews", "waivers", "break_glass"] {
        assert_eq!(before[later], json!([]), "{later}");
    }
    for wanted in ["Oversight", "A leak in it", "look again in March", "The drift is explained.", "99.5 % available"] {
        assert!(html.contains(wanted), "the document lacks {wanted}");
    }
    assert!(!html.contains("It lies."), "nothing of later is in it");

    let (after, html) = at(&story, &moments[1]).await;
    assert_eq!(after["findings"][0]["state"], "remediating");
    let kinds: Vec<_> = after["releases"].as_array().expect("releases").iter().map(|r| text(&r["kind"])).collect();
    assert_eq!(kinds, ["rollback", "promotion", "resumption", "promotion"]);
    let first = after["releases"].as_array().and_then(|all| all.last()).expect("the first");
    assert_eq!((&first["state"], &first["ended_reason"]), (&json!("suspended"), &json!("It lies.")));
    let rehearsal = &after["rehearsals"][0];
    assert_eq!((&rehearsal["state"], &rehearsal["version"]), (&json!("passed"), &json!(1)));
    assert_eq!(after["rollback_reviews"][0]["given"], Value::Null);
    for wanted in ["It lies.", "rollback: It answered too slowly.", "remediating", "Reviews of rollbacks"] {
        assert!(html.contains(wanted), "the document lacks {wanted}");
    }
    // What the log has of it is in the slice, with proofs.
    let actions: Vec<_> = after["audit"].as_array().expect("audit").iter().map(|leaf| text(&leaf["action"])).collect();
    for wanted in ["finding.open", "finding.remediate", "record.put", "promotion.comment", "release.rehearse"] {
        assert!(actions.iter().any(|action| action == wanted), "{wanted} is not in {actions:?}");
    }
}

#[actix_web::test]
async fn an_emergency_and_an_exception_stand_in_a_dossier_with_what_was_said() {
    let story = stage().await;
    let mut rules = policy(1);
    rules["break_glass"] = json!({"roles": ["environment_manager"]});
    story.revise(ENVIRONMENT, "policy", rules).await;
    story.measured_version(1).await;
    let waiver = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "constraint": "latency-p95",
        "reason": "The host comes late.", "compensating_control": "A throttle.", "expires_at": "2026-01-12T00:00:00Z"});
    story.app.post(&story.ines, "/api/v1/waivers", waiver).await.expect(201);
    let call = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "hours": 2,
        "justification": "It answers nobody."});
    story.app.post(&story.tom, "/api/v1/break-glass", call).await.expect(201);
    an_hour(&story);
    let during = now(&story);
    for _ in 0..4 {
        an_hour(&story);
    }
    let after = now(&story);
    for (moment, state) in [(during, "active"), (after, "closed")] {
        let (told, html) = at(&story, &moment).await;
        let broken = &told["break_glass"][0];
        assert_eq!((&broken["state"], &broken["invoked_by"]), (&json!(state), &json!("tom")), "{broken}");
        let asked = &told["waivers"][0];
        assert_eq!((&asked["state"], &asked["compensating_control"]), (&json!("requested"), &json!("A throttle.")));
        for wanted in ["It answers nobody.", "The host comes late.", "break glass"] {
            assert!(html.contains(wanted), "the document lacks {wanted}");
        }
    }
}
