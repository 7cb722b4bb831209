//! Items that somebody outside satisfies, and when they do not.

use super::{held, item, policy_with, spec_by_sex};
use crate::story::{ENVIRONMENT, MODEL, Story, evidence, fixture, read, reported, scorer, text};
use chrono::TimeDelta;
use plimsoll::{core::digest::Digest, crypto::keys::SigningKey};
use serde_json::{Value, json};

/// Signs for one version with a key that the workspace trusts.
struct Auditor<'a> {
    story: &'a Story,
    key: SigningKey,
    manifest: String,
    /// Whoever hands the bundles in; no author of the version.
    lena: String,
}

impl<'a> Auditor<'a> {
    async fn of(story: &'a Story) -> Self {
        let key = SigningKey::generate().expect("key");
        let trust = json!({"name": "the-auditor", "public_key_pem": key.verifying_key().to_pem()});
        story.app.post(&story.olga, "/api/v1/trust-keys", trust).await.expect(201);
        let version = story.app.get(&story.ada, &format!("/api/v1/models/{MODEL}/versions/1")).await.expect(200).json();
        let lena = story.app.user("lena", &["contributor"]).await;
        Self { story, key, manifest: text(&version["digest"]), lena }
    }

    async fn report(&self, predicate: Value) -> Value {
        self.report_as(&self.lena, &self.key, predicate).await
    }

    async fn report_as(&self, token: &str, key: &SigningKey, predicate: Value) -> Value {
        let bundle = json!({"bundle": reported(&self.manifest, predicate, key)});
        let path = format!("/api/v1/models/{MODEL}/versions/1/evidence");
        self.story.app.post(token, &path, bundle).await.expect(201).json()
    }

    async fn close(&self, token: &str, record: &Value, how: &str) {
        let path = format!("/api/v1/models/{MODEL}/versions/1/evidence/{}/{how}", text(&record["id"]));
        self.story.app.post(token, &path, json!({"reason": "It was another tool's."})).await.expect(200);
    }
}

/// The summary of an audit, issued in this second after three o'clock.
fn summary(second: u32, more: Value) -> Value {
    let mut predicate = json!({"kind": "document", "document": "bias_audit_summary", "title": "The summary",
        "issued_at": format!("2026-01-02T03:00:{second:02}Z"), "method": "By an audit.",
        "body": {"media_type": "application/pdf", "sha256": Digest::of("summary"), "size_bytes": 7}});
    for (field, value) in more.as_object().expect("object") {
        predicate[field] = value.clone();
    }
    predicate
}

#[actix_web::test]
async fn a_report_satisfies_an_item_until_it_ends_and_each_time_it_is_another_decision() {
    let story = Story::measured().await;
    story.revise(ENVIRONMENT, "policy", policy_with(json!([{"id": "nyc-ll144", "missing": "warn"}]))).await;
    let auditor = Auditor::of(&story).await;
    let look = async |state: &str, says: &str| {
        let asked = story.request(MODEL, "1", ENVIRONMENT).await;
        let shown = item(&asked["frameworks"][0], "bias-audit-summary").clone();
        assert_eq!(item(&held(&story, "nyc-ll144").await, "bias-audit-summary"), &shown, "one answer everywhere");
        assert_eq!((&shown["state"], text(&shown["why"]).contains(says)), (&json!(state), true), "{says}: {shown:#}");
        story.withdraw(&story.ines, &asked).await.expect(200);
        (text(&asked["decision_digest"]), shown)
    };
    let (before, nothing) = look("missing", "nobody has reported the document bias_audit_summary").await;
    assert!(text(&nothing["what_to_do"]).contains("plimsoll evidence report"), "{nothing:#}");

    let first = auditor.report(summary(1, json!({}))).await;
    let (with_first, found) = look("present", "reported by the-auditor").await;
    assert_eq!(found["evidence"], json!([first["digest"]]));
    auditor.close(&auditor.lena, &first, "withdraw").await;
    let (without, _) = look("missing", "reported by the-auditor, was withdrawn").await;
    assert_eq!((&without, before != with_first), (&before, true));

    let second = auditor.report(summary(2, json!({}))).await;
    let (with_second, _) = look("present", "reported by the-auditor").await;
    auditor.close(&story.mara, &second, "refute").await;
    let (without, _) = look("missing", "was refuted").await;
    assert!(without == before && with_second != before && with_second != with_first);

    // An audit that was made too long ago is old however late it is reported.
    auditor.report(summary(3, json!({"measured_at": "2024-12-30T00:00:00Z"}))).await;
    let (with_third, _) = look("stale", "no more than 365 days ago").await;
    auditor.report(summary(4, json!({"valid_until": "2026-01-02T04:00:00Z"}))).await;
    let (with_fourth, _) = look("present", "reported by the-auditor").await;
    story.app.app.db.clock().advance(TimeDelta::hours(1));
    let (expired, _) = look("stale", "valid until 2026-01-02").await;
    assert!(with_third != before && with_fourth != with_third && expired == before);
}

#[actix_web::test]
async fn an_audit_counts_by_its_tables_and_its_independence_and_is_no_measurement() {
    let story = Story::stage().await;
    let described = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"],
        "sensitive": ["region", "sex"], "roles": {"race": "region"}, "source": "made up"});
    story.dataset("people-by-origin", &read(&fixture("people.csv")), &described).await.expect(201);
    let mut spec = spec_by_sex();
    spec["datasets"][MODEL] = "people-by-origin".into();
    story.revise(ENVIRONMENT, "constraints", spec).await;
    story.signed(MODEL, &scorer(1)).await;
    let run = story.run(MODEL, "1", ENVIRONMENT).await;
    let body = evidence(&run, "bias");
    let auditor = Auditor::of(&story).await;
    let audit = |name: &str, body: &Value| {
        let basis = json!({"dataset": body["basis"]["dataset"], "rows": body["basis"]["rows"]});
        json!({"kind": "bias", "document": name, "title": "Audit", "issued_at": "2026-01-02T03:00:00Z",
            "method": "Counted again.", "basis": basis, "body": body})
    };
    let look = async || item(&held(&story, "nyc-ll144").await, "bias-audit").clone();
    let mut empty = body.clone();
    empty["tables"] = json!([]);
    auditor.report(audit("empty", &empty)).await;
    let lacking = look().await;
    assert!(
        lacking["state"] == "missing" && text(&lacking["why"]).contains("for sex, race or ethnicity"),
        "{lacking:#}"
    );

    auditor.report_as(&auditor.lena, &story.key, audit("own_key", body)).await;
    auditor.report_as(&story.ines, &auditor.key, audit("own_hand", body)).await;
    let dependent = look().await;
    assert!(dependent["state"] == "missing" && dependent["evidence"] == json!([]), "{dependent:#}");

    let made = auditor.report(audit("audit_2026", body)).await;
    let found = look().await;
    assert_eq!((&found["state"], &found["evidence"]), (&json!("present"), &json!([made["digest"]])), "{found:#}");
    let view = held(&story, "nyc-ll144").await;
    let measured = item(&view, "bias-measured");
    assert_ne!(measured["evidence"][0], made["digest"], "what the registry measured stands for itself");
}

#[actix_web::test]
async fn a_statement_from_before_its_key_was_trusted_is_refused_unless_an_administrator_vouches_for_it() {
    let story = Story::stage().await;
    story.signed(MODEL, &scorer(1)).await;
    let auditor = Auditor::of(&story).await;
    let path = format!("/api/v1/models/{MODEL}/versions/1/evidence");
    let early = |key: &SigningKey| {
        let predicate = summary(1, json!({"issued_at": "2025-12-01T00:00:00Z"}));
        json!({"bundle": reported(&auditor.manifest, predicate, key)})
    };
    let refused = story.app.post(&auditor.lena, &path, early(&auditor.key)).await.expect(422);
    assert_eq!(refused.json()["errors"][0]["field"], "bundle.predicate.issued_at", "{}", refused.text());

    let known = SigningKey::generate().expect("key");
    let trust =
        |from: &str| json!({"name": "known", "public_key_pem": known.verifying_key().to_pem(), "valid_from": from});
    let future = story.app.post(&story.olga, "/api/v1/trust-keys", trust("2027-01-01T00:00:00Z")).await.expect(422);
    assert_eq!(future.json()["errors"][0]["field"], "valid_from");
    let made =
        story.app.post(&story.olga, "/api/v1/trust-keys", trust("2025-11-30T00:00:00Z")).await.expect(201).json();
    assert_eq!(made["valid_from"], "2025-11-30T00:00:00.000000Z");
    story.app.post(&auditor.lena, &path, early(&known)).await.expect(201);
}
