//! Every command to a request in every state.

use super::*;

/// What each command does to a request in each state: its next state, or nothing.
const TABLE: [(&str, [Option<&str>; 4]); 9] = [
    ("checks_failed", [None, None, None, None]),
    ("awaiting_approval", [Some("approved"), Some("rejected"), Some("withdrawn"), None]),
    ("approved", [None, Some("rejected"), Some("withdrawn"), Some("activated")]),
    ("activated", [None, None, None, None]),
    ("superseded", [None, None, None, None]),
    ("rejected", [None, None, None, None]),
    ("withdrawn", [None, None, None, None]),
    ("expired", [None, None, None, None]),
    ("invalidated", [None, None, None, None]),
];
const COMMANDS: [&str; 4] = ["approve", "reject", "withdraw", "activate"];

#[actix_web::test]
async fn no_command_leads_out_of_the_table_of_states() {
    let story = Story::measured().await;
    let mut all: Vec<_> = promotions::Stage::ALL.into_iter().map(promotions::Stage::name).collect();
    // Held requests need another policy, and emergencies another way in; see there.
    all.retain(|name| !["held", "bypassed"].contains(name));
    assert_eq!(TABLE.map(|(state, _)| state).to_vec(), all);
    for (state, row) in TABLE {
        let mut promotion = reach(&story, state).await;
        for (command, next) in COMMANDS.into_iter().zip(row) {
            if story.look(&promotion).await["state"] != state {
                story.withdraw(&story.ines, &promotion).await;
                promotion = reach(&story, state).await;
            }
            let answer = match command {
                "withdraw" => story.withdraw(&story.ines, &promotion).await,
                "activate" => story.activate(&promotion).await,
                decision => story.decide(&story.rui, &promotion, decision).await,
            };
            let now = story.look(&promotion).await["state"].clone();
            match next {
                Some(next) => assert!(answer.status < 300 && now == next, "{command} of {state}: {now}"),
                None => {
                    assert_eq!((answer.status, now.as_str()), (409, Some(state)), "{command} of {state}");
                    assert_eq!(answer.code(), "promotion_state", "{command} of {state}");
                }
            }
        }
        // Leaves the way free for the next row.
        story.withdraw(&story.ines, &promotion).await;
    }
}

/// A request in this state.
async fn reach(story: &Story, state: &str) -> Value {
    let promotion = match state {
        "checks_failed" => {
            if story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/2")).await.status == 404 {
                story.signed(MODEL, &scorer(2)).await;
            }
            story.request(MODEL, "2", ENVIRONMENT).await
        }
        "approved" | "activated" | "superseded" => story.approved("1").await,
        _ => asked(story).await,
    };
    match state {
        "rejected" => drop(story.decide(&story.mara, &promotion, "reject").await.expect(200)),
        "withdrawn" => drop(story.withdraw(&story.ines, &promotion).await.expect(200)),
        "expired" => {
            story.app.app.db.clock().advance(TimeDelta::hours(73));
            promotions::ops::expire_due(&story.app.app).await.expect("sweep");
        }
        "invalidated" => {
            let mut other = policy(1);
            other["request_expires_after_hours"] = 71.into();
            story.revise(ENVIRONMENT, "policy", other).await;
            story.app.work().await;
        }
        "activated" => drop(story.activate(&promotion).await.expect(201)),
        "superseded" => {
            story.activate(&promotion).await.expect(201);
            let next = story.approved("1").await;
            story.activate(&next).await.expect(201);
        }
        _ => {}
    }
    let promotion = story.look(&promotion).await;
    assert_eq!(promotion["state"], state);
    promotion
}
