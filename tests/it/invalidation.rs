//! What ends open requests, in the transaction of its cause: nobody looks and no job runs.

use crate::{
    harness::reply,
    story::{ENVIRONMENT, MODEL, Story, policy, reported, scan, spec, text},
};
use plimsoll::crypto::keys::SigningKey;
use serde_json::{Value, json};

/// Open requests for two measured versions: one approved, one that waits.
struct Open {
    story: Story,
    approved: Value,
    waiting: Value,
}

impl Open {
    async fn begin() -> Self {
        let story = Story::measured().await;
        story.measured_version(2).await;
        let (approved, waiting) = (story.approved("1").await, story.request(MODEL, "2", ENVIRONMENT).await);
        Self { story, approved, waiting }
    }

    /// Whether the two are invalidated, and what the log says last: the cause, then its consequences.
    async fn ended(&self, cause: &str, [approved, waiting]: [bool; 2]) {
        for (promotion, ended, open) in
            [(&self.approved, approved, "approved"), (&self.waiting, waiting, "awaiting_approval")]
        {
            let now = self.story.look(promotion).await;
            assert_eq!(now["state"], if ended { "invalidated" } else { open }, "{cause}: {:#}", now["closed_reason"]);
            assert_eq!(now["closed_reason"].is_null(), !ended, "{cause}");
        }
        let count = usize::from(approved) + usize::from(waiting);
        let leaves = self.story.leaves("promotion.invalidate").await;
        assert_eq!(leaves.len(), count, "{cause}");
        let causes = self.story.leaves(cause).await;
        for leaf in leaves {
            assert_eq!((&leaf["actor"], &leaf["at"]), (&causes[0]["actor"], &causes[0]["at"]), "{cause}");
        }
        if approved {
            let refused = self.story.activate(&self.approved).await.expect(409);
            assert_eq!(refused.code(), "promotion_state");
            assert!(refused.text().contains("ask again"), "{}", refused.text());
        }
    }
}

#[actix_web::test]
async fn a_revoked_version_ends_its_own_requests() {
    let open = Open::begin().await;
    open.story.revoke_version("1").await.expect(200);
    open.ended("version.revoke", [true, false]).await;
}

#[actix_web::test]
async fn a_revoked_key_ends_the_requests_for_all_that_it_signed() {
    let open = Open::begin().await;
    open.story.revoke_key().await.expect(200);
    open.ended("trust_key.revoke", [true, true]).await;
}

#[actix_web::test]
async fn a_revised_document_ends_all_requests_in_its_environment() {
    for document in ["profile", "constraints", "policy"] {
        let open = Open::begin().await;
        let (body, action) = match document {
            "profile" => (json!({"class": "edge", "operating_mode": "advisory"}), "environment.revise"),
            "policy" => (policy(2), "policy.publish"),
            _ => {
                let mut spec = spec();
                spec["constraints"][0]["limit"] = 0.71.into();
                (spec, "constraints.revise")
            }
        };
        open.story.revise(ENVIRONMENT, document, body).await;
        open.ended(action, [true, true]).await;
    }
}

#[actix_web::test]
async fn a_run_that_finishes_ends_requests_that_rest_on_an_earlier_one() {
    let open = Open::begin().await;
    open.story.ask_for_run(MODEL, "1", ENVIRONMENT).await.expect(201);
    assert_eq!(open.story.look(&open.approved).await["state"], "approved", "queued is not finished");
    open.story.app.work().await;
    open.ended("run.finish", [true, false]).await;
}

#[actix_web::test]
async fn evidence_that_comes_or_goes_ends_the_requests_for_its_version() {
    for how in ["report", "replace", "withdraw", "refute", "revoke"] {
        let story = Story::measured().await;
        story.measured_version(2).await;
        let lab = SigningKey::generate().expect("key");
        let trust = json!({"name": "the-lab", "public_key_pem": lab.verifying_key().to_pem()});
        let trusted = story.app.post(&story.olga, "/api/v1/trust-keys", trust).await.expect(201).json();
        let place = format!("/api/v1/models/{MODEL}/versions/1");
        let manifest = text(&story.app.get(&story.ada, &place).await.expect(200).json()["digest"]);
        let report = async |issued: Option<&str>| {
            let mut predicate = scan("trivy");
            if let Some(at) = issued {
                predicate["issued_at"] = at.into();
            }
            let body = json!({"bundle": reported(&manifest, predicate, &lab)});
            story.app.post(&story.ines, &format!("{place}/evidence"), body).await.expect(201).json()
        };
        let record = if how == "report" { Value::Null } else { report(None).await };
        let (approved, waiting) = (story.approved("1").await, story.request(MODEL, "2", ENVIRONMENT).await);
        let reason = json!({"reason": "The rows were another model's."});
        let close = async |token: &str, how: &str| {
            let path = format!("{place}/evidence/{}/{how}", text(&record["id"]));
            story.app.post(token, &path, reason.clone()).await.expect(200);
        };
        let action = match how {
            "report" => {
                report(None).await;
                "evidence.report"
            }
            "replace" => {
                report(Some("2026-01-02T03:04:05Z")).await;
                "evidence.report"
            }
            "withdraw" => {
                close(&story.ines, "withdraw").await;
                "evidence.withdraw"
            }
            "refute" => {
                close(&story.rui, "refute").await;
                "evidence.refute"
            }
            _ => {
                let path = format!("/api/v1/trust-keys/{}", text(&trusted["id"]));
                reply(story.app.request(&story.olga, "DELETE", &path)).await.expect(200);
                "trust_key.revoke"
            }
        };
        Open { story, approved, waiting }.ended(action, [true, false]).await;
    }
}
