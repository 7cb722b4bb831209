//! The log calls what people watch over by names, and finds it with the version that it concerns.

use crate::story::{ENVIRONMENT, MODEL, Story, policy, scorer, spec, text};
use serde_json::{Value, json};

async fn found(story: &Story, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/audit/events?limit=200&order=oldest&{query}");
    let page = story.app.get(&story.ada, &path).await.expect(200).json();
    page["items"].as_array().expect("items").clone()
}

fn actions(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["action"])).collect()
}

#[actix_web::test]
async fn everything_about_a_version_has_what_was_found_excepted_and_done_in_an_emergency() {
    let mut rules = policy(1);
    rules["break_glass"] = json!({"roles": ["environment_manager"]});
    let story = Story::stage_with(&[], spec(), rules).await;
    story.signed(MODEL, &scorer(1)).await;
    story.signed(MODEL, &scorer(2)).await;
    let about = json!({"code": "leak", "severity": "low", "title": "x", "model": MODEL, "version": "1"});
    let finding = story.app.post(&story.ada, "/api/v1/findings", about).await.expect(201).json();
    let path = format!("/api/v1/findings/{}/closure", text(&finding["id"]));
    story.app.post(&story.mara, &path, json!({"reason": "Done."})).await.expect(200);
    let ask = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "constraint": "accuracy",
        "reason": "x", "compensating_control": "y", "expires_at": "2026-01-12T00:00:00Z"});
    let waiver = story.app.post(&story.ines, "/api/v1/waivers", ask).await.expect(201).json();
    let path = format!("/api/v1/waivers/{}/revocation", text(&waiver["id"]));
    story.app.post(&story.ines, &path, json!({"reason": "Not needed."})).await.expect(200);
    let call = json!({"model": MODEL, "version": "1", "environment": ENVIRONMENT, "hours": 2, "justification": "z"});
    let broken = story.app.post(&story.tom, "/api/v1/break-glass", call).await.expect(201).json();
    let path = format!("/api/v1/break-glass/{}/closure", text(&broken["id"]));
    story.app.post(&story.tom, &path, json!({"reason": "Over."})).await.expect(200);
    let record = json!({"owner": "olga", "review_by": "2026-02-01", "body": {"availability_percent": 99.5}});
    story.app.put(&story.ines, "/api/v1/models/scorer/records/sla/desk", "\"0\"", record).await.expect(200);
    let until = json!({"to": "rui", "valid_until": "2026-01-09T00:00:00Z"});
    story.app.post(&story.mara, "/api/v1/delegations", until).await.expect(201);

    let wanted =
        ["finding.open", "finding.close", "waiver.request", "waiver.revoke", "break_glass.invoke", "break_glass.close"];
    let of_version = actions(&found(&story, &format!("mentions=model:{MODEL}@1")).await);
    let of_place = actions(&found(&story, &format!("mentions=environment:{ENVIRONMENT}")).await);
    let of_model = actions(&found(&story, &format!("mentions=model:{MODEL}")).await);
    for action in wanted {
        assert!(of_version.iter().any(|found| found == action), "{action} is not in {of_version:?}");
        assert!(of_model.iter().any(|found| found == action), "{action} is not in {of_model:?}");
        if action.starts_with("waiver") || action.starts_with("break_glass") {
            assert!(of_place.iter().any(|found| found == action), "{action} is not in {of_place:?}");
        }
    }
    assert!(of_model.iter().any(|found| found == "record.put"), "{of_model:?}");
    let of_other = actions(&found(&story, &format!("mentions=model:{MODEL}@2")).await);
    assert!(!of_other.iter().any(|found| wanted.contains(&found.as_str())), "{of_other:?}");

    for (kind, name) in [
        ("finding", "leak: scorer@1"),
        ("waiver", "accuracy: scorer@1 in production"),
        ("break_glass", "scorer@1 in production"),
        ("record", "sla desk: scorer"),
        ("delegation", "mara to rui"),
    ] {
        let events = found(&story, &format!("kind={kind}")).await;
        assert!(!events.is_empty(), "{kind}");
        let names: Vec<_> = events.iter().map(|event| text(&event["object"]["name"])).collect();
        assert!(names.iter().any(|found| found == name), "{kind}: {names:?}");
    }
}
