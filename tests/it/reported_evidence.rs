//! Evidence that somebody outside signed: what is taken and what is refused.

mod consequences;
mod power;

use crate::{
    harness::{Reply, reply},
    pages::stage::Browser,
    story::{ENVIRONMENT, MODEL, Story, evidence, give_role, reported, scan, scorer, text},
};
use chrono::TimeDelta;
use plimsoll::{
    core::digest::Digest,
    crypto::{
        bundle,
        keys::SigningKey,
        statement::{Statement, Subject},
    },
    db::entity::{reported_evidence, reported_statement},
    evidence::statement::EVIDENCE_TYPE,
};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

/// A laboratory whose key the workspace trusts, and a version that it looks at.
struct Lab {
    story: Story,
    key: SigningKey,
    key_id: String,
    manifest: String,
}

impl Lab {
    async fn of(story: Story) -> Self {
        let key = SigningKey::generate().expect("key");
        let trust = json!({"name": "the-lab", "public_key_pem": key.verifying_key().to_pem()});
        let trusted = story.app.post(&story.olga, "/api/v1/trust-keys", trust).await.expect(201).json();
        let version = story.app.get(&story.ada, &version("1")).await.expect(200).json();
        Self { manifest: text(&version["digest"]), key_id: text(&trusted["id"]), story, key }
    }

    /// A sealed version that nobody measured.
    async fn sealed() -> Self {
        let story = Story::begin_without_runtime(&[]).await;
        story.model(MODEL).await;
        story.signed(MODEL, &scorer(1)).await;
        Self::of(story).await
    }

    async fn measured() -> Self {
        Self::of(Story::measured().await).await
    }

    fn sign(&self, predicate: Value) -> Value {
        reported(&self.manifest, predicate, &self.key)
    }

    async fn send(&self, token: &str, bundle: Value) -> Reply {
        self.story.app.post(token, &format!("{}/evidence", version("1")), json!({"bundle": bundle})).await
    }

    async fn report(&self, predicate: Value) -> Value {
        self.send(&self.story.ines, self.sign(predicate)).await.expect(201).json()
    }

    async fn close(&self, token: &str, record: &Value, how: &str) -> Reply {
        let path = format!("{}/evidence/{}/{how}", version("1"), text(&record["id"]));
        self.story.app.post(token, &path, json!({"reason": "The rows were another model's."})).await
    }

    async fn get(&self, record: &Value) -> Value {
        let path = format!("{}/evidence/{}", version("1"), text(&record["id"]));
        self.story.app.get(&self.story.ada, &path).await.expect(200).json()
    }

    async fn list(&self) -> Vec<Value> {
        let path = format!("{}/evidence", version("1"));
        let page = self.story.app.get(&self.story.ada, &path).await.expect(200).json();
        page["items"].as_array().expect("items").clone()
    }

    async fn revoke_key(&self) {
        let path = format!("/api/v1/trust-keys/{}", self.key_id);
        reply(self.story.app.request(&self.story.olga, "DELETE", &path)).await.expect(200);
    }

    /// Refused for this field, with these words, and nothing kept.
    async fn refused(&self, about: &str, bundle: Value, field: &str, says: &str) {
        let before = (self.rows().await, self.story.app.events().await);
        let refused = self.send(&self.story.ines, bundle).await;
        assert_eq!(refused.status, 422, "{about}: {}", refused.text());
        let problem = refused.json();
        assert_eq!(problem["errors"][0]["field"], field, "{about}: {problem:#}");
        assert!(text(&problem["detail"]).contains(says), "{about}: {problem:#}");
        assert_eq!((self.rows().await, self.story.app.events().await), before, "{about}");
    }

    async fn rows(&self) -> (u64, u64) {
        let db = self.story.app.app.db.raw_for_tests();
        let records = reported_evidence::Entity::find().count(db).await.expect("count");
        (records, reported_statement::Entity::find().count(db).await.expect("count"))
    }
}

fn version(number: &str) -> String {
    format!("/api/v1/models/{MODEL}/versions/{number}")
}

fn issued(mut predicate: Value, at: &str) -> Value {
    predicate["issued_at"] = at.into();
    predicate
}

/// A bias report with the registry's own figures, as a laboratory might repeat them.
fn bias(body: &Value) -> Value {
    let basis = json!({"dataset": body["basis"]["dataset"], "rows": body["basis"]["rows"]});
    json!({"kind": "bias", "title": "Selection rates by sex", "issued_at": "2026-01-02T03:00:00Z",
        "method": "Counted again.", "basis": basis, "body": body})
}

async fn measured_bias(story: &Story) -> Value {
    let runs = story.app.get(&story.ines, "/api/v1/runs").await.expect(200).json();
    evidence(&story.find_run(&text(&runs["items"][0]["id"])).await, "bias").clone()
}

#[actix_web::test]
async fn a_signed_statement_is_kept_and_marked_as_reported() {
    let lab = Lab::measured().await;
    let body = measured_bias(&lab.story).await;
    let made = lab.report(bias(&body)).await;
    assert_eq!(
        (&made["origin"], &made["kind"], &made["state"]),
        (&json!("reported"), &json!("bias"), &json!("verified"))
    );
    assert_eq!((&made["by"], &made["run"]), (&json!("ines"), &Value::Null));
    let by = &made["report"]["reported_by"];
    assert_eq!((&by["key"], &by["key_id"]), (&json!("the-lab"), &json!(lab.key_id)));
    assert_eq!(by["fingerprint"], lab.key.verifying_key().fingerprint());

    // The same bytes again, by somebody else: the record that is there.
    let again = lab.send(&lab.story.mara, lab.sign(bias(&body))).await.expect(200).json();
    assert_eq!(again, made);
    // Beside what the registry measured, and told apart.
    let all = lab.list().await;
    let origins: Vec<_> = all.iter().map(|r| (text(&r["origin"]), text(&r["kind"]))).collect();
    assert_eq!(origins[0], ("reported".to_owned(), "bias".to_owned()));
    assert_eq!(origins.iter().filter(|(origin, _)| origin == "measured").count(), 3);
    assert!(all[1..].iter().all(|r| r["run"].is_string() && r["report"].is_null() && r["state"] == "verified"));
    // A page at a time gives the same.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{}/evidence?limit=1{cursor}", version("1"));
        let page = lab.story.app.get(&lab.story.ada, &path).await.expect(200).json();
        paged.extend(page["items"].as_array().expect("items").clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all);

    let full = lab.get(&made).await;
    assert_eq!((&full["body"], &full["method"]), (&body, &json!("Counted again.")));
    assert_eq!(full["bundle"], lab.sign(bias(&body)));
    let identity = json!({"key": lab.key.verifying_key().fingerprint(),
        "statement": bundle::verify_statement(full["bundle"].to_string().as_bytes(), &[lab.key.verifying_key()]).expect("signed")});
    let digest = plimsoll::core::canonical::digest(&identity).expect("canonical");
    assert_eq!(made["digest"], digest.to_string(), "anyone can compute it");
    for record in &all {
        let path = format!("{}/evidence/{}", version("1"), text(&record["digest"]));
        let found = lab.story.app.get(&lab.story.ada, &path).await.expect(200).json();
        assert_eq!(found["id"], record["id"]);
    }
    let path = format!("{}/evidence/{}", version("1"), Digest::of("none"));
    lab.story.app.get(&lab.story.ada, &path).await.expect(404);
}

#[actix_web::test]
async fn a_statement_may_name_every_file_instead_of_the_manifest() {
    let lab = Lab::sealed().await;
    let files = scorer(1);
    let named = |files: &[(String, Vec<u8>)]| {
        let subjects = files.iter().map(|(path, bytes)| Subject::sha256(path, Digest::of(bytes).hex())).collect();
        bundle::sign_statement(&Statement::new(subjects, EVIDENCE_TYPE, scan("malware")), &lab.key)
    };
    lab.refused("one file", named(&files[..1]), "bundle.subject", "README.md").await;
    lab.refused("others", named(&scorer(2)), "bundle.subject", "another sha256").await;
    lab.refused("nothing", named(&[]), "bundle.subject", "is missing").await;
    lab.send(&lab.story.ines, named(&files)).await.expect(201);
}

#[actix_web::test]
async fn what_cannot_be_relied_on_is_refused_and_not_kept() {
    let lab = Lab::sealed().await;
    let key = &lab.key;
    let stranger = SigningKey::generate().expect("key");
    let other = Digest::of("another version").to_string();
    lab.refused("another version", reported(&other, scan("x"), key), "bundle.subject", "neither").await;
    lab.refused("a stranger", reported(&lab.manifest, scan("x"), &stranger), "bundle", "not trusted").await;
    let mut altered = lab.sign(scan("x"));
    altered["dsseEnvelope"]["payload"] = lab.sign(scan("y"))["dsseEnvelope"]["payload"].clone();
    lab.refused("altered", altered, "bundle", "altered").await;
    lab.refused("no bundle", json!({}), "bundle", "not a Sigstore bundle").await;
    let hex = lab.manifest.trim_start_matches("sha256:");
    let subject = || vec![Subject::sha256("a version", hex)];
    let provenance = Statement::new(subject(), crate::story::PROVENANCE, scan("x"));
    let provenance = bundle::sign_statement(&provenance, key);
    lab.refused("provenance", provenance, "bundle.predicateType", EVIDENCE_TYPE).await;
    let mut large = scan("x");
    large["body"]["note"] = "x".repeat(1 << 20).into();
    lab.refused("large", lab.sign(large), "bundle", "bytes").await;
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let mut nested = scan("x");
    nested["body"]["deep"] = deep;
    lab.refused("deep", lab.sign(nested), "bundle", "recursion").await;

    let cases: &[(&str, Value, &str, &str)] = &[
        ("kind", json!("vibes"), "bundle.predicate.kind", "use one of"),
        ("passed", json!(true), "bundle.predicate.passed", "unknown field"),
        ("issued_at", json!("2026-01-02T03:09:06Z"), "bundle.predicate.issued_at", "future"),
        ("valid_until", json!("2026-01-02T03:04:05Z"), "bundle.predicate.valid_until", "past"),
        ("title", json!("  "), "bundle.predicate.title", "empty"),
    ];
    for (key, value, field, says) in cases {
        let mut predicate = scan("x");
        predicate[key] = value.clone();
        lab.refused(key, lab.sign(predicate), field, says).await;
    }
    let mut document = scan("x");
    document["kind"] = "document".into();
    document["body"] = json!({"media_type": "application/pdf", "sha256": Digest::of("x"), "size_bytes": 1});
    let mut nameless = document.clone();
    nameless.as_object_mut().expect("object").remove("document");
    lab.refused("nameless", lab.sign(nameless), "bundle.predicate.document", "which document").await;
    lab.send(&lab.story.ines, lab.sign(document)).await.expect(201);
    assert_eq!(lab.rows().await, (1, 1));
}

#[actix_web::test]
async fn a_body_of_the_registrys_kinds_has_the_registrys_schema() {
    let lab = Lab::measured().await;
    let body = measured_bias(&lab.story).await;
    let cases: &[(&str, Value, &str)] = &[
        ("/basis/version", json!(Digest::of("x")), "bundle.predicate.body.basis.version"),
        ("/basis/rows", json!(7), "bundle.predicate.body.basis.rows"),
        ("/tables/0/groups/0/n", json!("many"), "bundle.predicate.body.tables[0].groups[0].n"),
        ("/tables/0/groups/0/accuracy/value", json!(0.999), "bundle.predicate.body.tables[0].groups[0].accuracy"),
        ("/tables", Value::Null, "bundle.predicate.body.tables"),
    ];
    for (pointer, value, field) in cases {
        let mut wrong = body.clone();
        *wrong.pointer_mut(pointer).expect(pointer) = value.clone();
        let mut predicate = bias(&body);
        predicate["body"] = wrong;
        lab.refused(pointer, lab.sign(predicate), field, "").await;
    }
    // Every kind that the registry measures can be reported as it stands.
    let runs = lab.story.app.get(&lab.story.ines, "/api/v1/runs").await.expect(200).json();
    let run = lab.story.find_run(&text(&runs["items"][0]["id"])).await;
    for kind in ["performance", "quality", "bias"] {
        let mut predicate = bias(evidence(&run, kind));
        predicate["kind"] = kind.into();
        assert_eq!(lab.report(predicate).await["kind"], kind);
    }
}

#[actix_web::test]
async fn a_key_that_expired_or_was_revoked_reports_nothing() {
    let lab = Lab::sealed().await;
    let brief = SigningKey::generate().expect("key");
    let until = lab.story.app.app.db.clock().now() + TimeDelta::hours(1);
    let trust = json!({"name": "brief", "public_key_pem": brief.verifying_key().to_pem(), "valid_until": until});
    lab.story.app.post(&lab.story.olga, "/api/v1/trust-keys", trust).await.expect(201);
    let kept = lab.send(&lab.story.ines, reported(&lab.manifest, scan("kept"), &brief)).await.expect(201).json();
    lab.story.app.app.db.clock().advance(TimeDelta::hours(1));
    lab.refused("expired", reported(&lab.manifest, scan("x"), &brief), "bundle", "not valid at this time").await;
    assert_eq!(lab.get(&kept).await["state"], "verified", "it was valid when the statement came");

    let before = lab.report(scan("before")).await;
    lab.revoke_key().await;
    lab.refused("revoked", lab.sign(scan("x")), "bundle", "was revoked").await;
    assert_eq!(lab.get(&before).await["state"], "key_revoked");
}

#[actix_web::test]
async fn a_newer_statement_by_the_same_key_takes_the_place_of_the_older() {
    let lab = Lab::sealed().await;
    let first = lab.report(issued(scan("malware"), "2026-01-02T03:00:00Z")).await;
    let elsewhere = lab.report(issued(scan("licences"), "2026-01-02T03:00:00Z")).await;
    let own = reported(&lab.manifest, scan("malware"), &lab.story.key);
    let other_key = lab.send(&lab.story.ines, own).await.expect(201).json();
    let second = lab.report(issued(scan("malware"), "2026-01-02T03:00:01Z")).await;
    let old = lab.get(&first).await;
    assert_eq!((&old["state"], &old["report"]["closed"]["by"]), (&json!("superseded"), &json!("ines")));
    assert!(old["report"]["closed"]["reason"].is_null());
    for other in [&elsewhere, &other_key, &second] {
        assert_eq!(lab.get(other).await["state"], "verified");
    }
    // Neither the old one again nor an older one that comes late brings it back.
    assert_eq!(lab.send(&lab.story.ines, lab.sign(scan("malware"))).await.expect(200).json()["state"], "superseded");
    for at in ["2026-01-02T02:59:30Z", "2026-01-02T03:00:01.000000Z"] {
        let mut late = issued(scan("malware"), at);
        late["title"] = "Late".into();
        let refused = lab.send(&lab.story.ines, lab.sign(late)).await.expect(409);
        assert_eq!(refused.code(), "evidence_not_newer");
    }
    assert_eq!(lab.close(&lab.story.ines, &first, "withdraw").await.expect(409).code(), "evidence_closed");
}

#[actix_web::test]
async fn withdrawing_is_for_the_submitter_and_refuting_for_the_uninvolved() {
    let lab = Lab::sealed().await;
    let story = &lab.story;
    give_role(story, "ines", "reviewer").await;
    let (first, second) = (lab.report(scan("first")).await, lab.report(scan("second")).await);
    assert_eq!(lab.close(&story.mara, &first, "withdraw").await.expect(403).code(), "not_yours");
    assert_eq!(lab.close(&story.ada, &first, "withdraw").await.expect(403).code(), "forbidden");
    assert_eq!(lab.close(&story.ines, &first, "refute").await.expect(403).code(), "separation_of_duties");
    assert_eq!(lab.close(&story.olga, &first, "refute").await.expect(403).code(), "forbidden");
    assert_eq!(lab.close(&story.robot, &first, "refute").await.expect(403).code(), "forbidden");
    let private = story.app.user("ines-private", &["reviewer"]).await;
    let same = story.app.request(&story.olga, "PUT", "/api/v1/accounts/ines-private/person");
    reply(same.json(&json!({"same_as": "ines"}))).await.expect(200);
    assert_eq!(lab.close(&private, &first, "refute").await.expect(403).code(), "separation_of_duties");
    let own = lab.send(&story.rui, lab.sign(scan("third"))).await.expect(201).json();
    let refused = lab.close(&story.rui, &own, "refute").await.expect(403);
    assert!(refused.text().contains("withdraws it instead"), "{}", refused.text());
    let path = format!("{}/evidence/{}/refute", version("1"), text(&first["id"]));
    let empty = story.app.post(&story.mara, &path, json!({"reason": " "})).await.expect(422);
    assert_eq!(empty.json()["errors"][0]["field"], "reason");

    let refuted = lab.close(&story.mara, &first, "refute").await.expect(200).json();
    let closed = &refuted["report"]["closed"];
    assert_eq!((&refuted["state"], &closed["by"]), (&json!("refuted"), &json!("mara")));
    assert_eq!(closed["reason"], "The rows were another model's.");
    assert_eq!(lab.close(&story.olga, &second, "withdraw").await.expect(200).json()["state"], "withdrawn");
    for how in ["withdraw", "refute"] {
        for record in [&first, &second] {
            let token = if how == "withdraw" { &story.ines } else { &story.rui };
            assert_eq!(lab.close(token, record, how).await.expect(409).code(), "evidence_closed");
        }
    }
    // What was measured is not somebody's to close, and another version has no such record.
    story.signed(MODEL, &scorer(2)).await;
    let path = format!("{}/evidence/{}/refute", version("2"), text(&first["id"]));
    story.app.post(&story.mara, &path, json!({"reason": "x"})).await.expect(404);
}

#[actix_web::test]
async fn a_draft_has_no_evidence_yet() {
    let lab = Lab::sealed().await;
    let number = lab.story.draft(MODEL, &scorer(2)).await;
    let draft = lab.story.app.get(&lab.story.ada, &version(&number)).await.expect(200).json();
    let bundle = reported(&text(&draft["digest"]), scan("x"), &lab.key);
    let path = format!("{}/evidence", version(&number));
    let refused = lab.story.app.post(&lab.story.ines, &path, json!({"bundle": bundle})).await.expect(409);
    assert_eq!(refused.code(), "version_not_sealed");
}
