//! The main job in steps, over HTTP: people, keys, versions, environments, runs, requests.
//!
//! Ines pushes models, Tom owns environments, Mara and Rui review, Ada audits, Olga
//! administers, and a robot deploys.

#![expect(clippy::panic, reason = "a test that cannot go on should stop, and say why")]

mod material;

pub use material::*;

use crate::harness::{Reply, TestApp, commit_unlogged, reply};
use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll::{
    core::{digest::Digest, ids::MembershipId},
    crypto::{
        bundle,
        keys::SigningKey,
        oms::{self, FileDigest},
        statement::{Statement, Subject},
    },
    db::entity::{account, membership},
    evidence::statement::EVIDENCE_TYPE,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set, TransactionTrait};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub const MODEL: &str = "scorer";
pub const ENVIRONMENT: &str = "production";
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

pub type Files = Vec<(String, Vec<u8>)>;

pub struct Story {
    pub app: TestApp,
    pub olga: String,
    pub ines: String,
    pub tom: String,
    pub mara: String,
    pub rui: String,
    pub ada: String,
    pub robot: String,
    pub key: SigningKey,
    /// Of the trusted key.
    pub key_id: String,
}

impl Story {
    /// People, and a key that the workspace trusts.
    pub async fn begin() -> Self {
        Self::begin_with(&[]).await
    }

    pub async fn begin_with(arguments: &[&str]) -> Self {
        assert!(
            crate::harness::ort_library().is_some(),
            "these tests measure real models and need ONNX Runtime in .cache/onnxruntime: run scripts/fetch-ort.sh"
        );
        Self::begin_without_runtime(arguments).await
    }

    pub async fn begin_without_runtime(arguments: &[&str]) -> Self {
        let app = TestApp::start_with(arguments).await;
        let olga = app.user("olga", &["admin"]).await;
        let key = SigningKey::generate().expect("key");
        let pem = key.verifying_key().to_pem();
        let body = json!({"name": "ines-laptop", "public_key_pem": pem});
        let trusted = app.post(&olga, "/api/v1/trust-keys", body).await.expect(201);
        Self {
            ines: app.user("ines", &["contributor"]).await,
            tom: app.user("tom", &["environment_manager"]).await,
            mara: app.user("mara", &["reviewer"]).await,
            rui: app.user("rui", &["reviewer"]).await,
            ada: app.user("ada", &["auditor"]).await,
            robot: app.robot("pipeline", &["deployer"]).await,
            key_id: text(&trusted.json()["id"]),
            olga,
            key,
            app,
        }
    }

    /// A model, its data and an environment with a spec and a policy of one reviewer.
    pub async fn stage() -> Self {
        Self::stage_with(&[], spec(), policy(1)).await
    }

    pub async fn stage_with(arguments: &[&str], spec: Value, policy: Value) -> Self {
        let story = Self::begin_with(arguments).await;
        story.model(MODEL).await;
        story.people().await;
        story.environment(ENVIRONMENT, spec, policy).await;
        story
    }

    /// The stage with version 1 sealed and measured.
    pub async fn measured() -> Self {
        let story = Self::stage().await;
        story.measured_version(1).await;
        story
    }

    pub async fn model(&self, name: &str) -> Value {
        let body = json!({"name": name, "intended_use": "Scores applications.", "risk_tier": "high"});
        self.app.post(&self.ines, "/api/v1/models", body).await.expect(201).json()
    }

    /// The table of `tests/fixtures`.
    pub async fn people(&self) {
        let description = json!({"label": "y", "positive_label": "1", "features": ["amount", "age"],
            "sensitive": ["sex", "region"], "source": "made up"});
        self.dataset("people", &read(&fixture("people.csv")), &description).await.expect(201);
    }

    /// A table, or an `.npz` where the description speaks of tensors.
    pub async fn dataset(&self, name: &str, file: &[u8], description: &Value) -> Reply {
        let media_type = if description["tensors"].is_null() { "text/csv" } else { "application/zip" };
        let described = STANDARD.encode(description.to_string());
        let request = self.app.request(&self.ines, "PUT", &format!("/api/v1/datasets/{name}"));
        let request = request.header("content-type", media_type).header("plimsoll-dataset", described);
        reply(request.body(file.to_vec())).await
    }

    pub async fn environment(&self, name: &str, spec: Value, policy: Value) {
        let profile = json!({"class": "server", "operating_mode": "advisory"});
        let body = json!({"name": name, "profile": profile});
        self.app.post(&self.tom, "/api/v1/environments", body).await.expect(201);
        self.revise(name, "constraints", spec).await;
        self.revise(name, "policy", policy).await;
    }

    /// Adds a revision of a document, whatever the current one is.
    pub async fn revise(&self, environment: &str, document: &str, body: Value) -> Value {
        let path = format!("/api/v1/environments/{environment}/{document}");
        let seen = self.app.get(&self.tom, &path).await;
        let etag = if seen.status == 404 { "\"0\"" } else { seen.header("etag") };
        self.app.put(&self.tom, &path, etag, body).await.expect(200).json()
    }

    pub async fn declare(&self, model: &str, files: &Files) -> Reply {
        self.app.post(&self.ines, &format!("/api/v1/models/{model}/versions"), declaration(files)).await
    }

    pub async fn upload(&self, token: &str, model: &str, version: &str, path: &str, bytes: Vec<u8>) -> Reply {
        let path = format!("/api/v1/models/{model}/versions/{version}/files/{path}");
        let request = self.app.request(token, "PUT", &path).header("content-type", "application/octet-stream");
        reply(request.body(bytes)).await
    }

    /// A draft whose files are all there.
    pub async fn draft(&self, model: &str, files: &Files) -> String {
        let made = self.declare(model, files).await.expect(201).json();
        let number = made["number"].to_string();
        for (path, bytes) in files {
            self.upload(&self.ines, model, &number, path, bytes.clone()).await.expect(204);
        }
        number
    }

    pub async fn seal(&self, model: &str, version: &str, body: Value) -> Reply {
        self.app.post(&self.ines, &format!("/api/v1/models/{model}/versions/{version}/seal"), body).await
    }

    /// Pushed, signed with provenance, and sealed. Returns the number.
    pub async fn signed(&self, model: &str, files: &Files) -> String {
        let number = self.draft(model, files).await;
        let body = json!({"signature": sign(files, model, &self.key), "attestations": [provenance(files, &self.key)]});
        let sealed = self.seal(model, &number, body).await.expect(200).json();
        assert_eq!((sealed["state"].as_str(), sealed["signature"].as_str()), (Some("sealed"), Some("verified")));
        number
    }

    /// A version of the small scorer that differs from the others, sealed and measured.
    pub async fn measured_version(&self, number: u32) -> String {
        let version = self.signed(MODEL, &scorer(number)).await;
        assert_eq!(version, number.to_string());
        let run = self.run(MODEL, &version, ENVIRONMENT).await;
        assert_eq!(run["state"], "passed", "{run:#}");
        version
    }

    pub async fn ask_for_run(&self, model: &str, version: &str, environment: &str) -> Reply {
        let body = json!({"model": model, "version": version, "environment": environment});
        self.app.post(&self.ines, "/api/v1/runs", body).await
    }

    /// Asks for a run, carries it out, and returns it as it ended.
    pub async fn run(&self, model: &str, version: &str, environment: &str) -> Value {
        let asked = self.ask_for_run(model, version, environment).await.expect(201).json();
        self.app.work().await;
        self.find_run(&text(&asked["id"])).await
    }

    pub async fn find_run(&self, id: &str) -> Value {
        self.app.get(&self.ines, &format!("/api/v1/runs/{id}")).await.expect(200).json()
    }

    pub async fn request(&self, model: &str, version: &str, environment: &str) -> Value {
        self.ask(model, version, environment).await.expect(201).json()
    }

    pub async fn ask(&self, model: &str, version: &str, environment: &str) -> Reply {
        let body = json!({"model": model, "version": version, "environment": environment});
        self.app.post(&self.ines, "/api/v1/promotions", body).await
    }

    /// The request as it stands.
    pub async fn look(&self, promotion: &Value) -> Value {
        self.app.get(&self.mara, &format!("/api/v1/promotions/{}", text(&promotion["id"]))).await.expect(200).json()
    }

    pub async fn decide(&self, token: &str, promotion: &Value, outcome: &str) -> Reply {
        let path = format!("/api/v1/promotions/{}/decisions", text(&promotion["id"]));
        let body =
            json!({"decision_digest": promotion["decision_digest"], "outcome": outcome, "reason": "Looked at it."});
        self.app.post(token, &path, body).await
    }

    pub async fn approve(&self, token: &str, promotion: &Value) -> Reply {
        self.decide(token, promotion, "approve").await
    }

    pub async fn withdraw(&self, token: &str, promotion: &Value) -> Reply {
        self.app.post(token, &format!("/api/v1/promotions/{}/withdrawal", text(&promotion["id"])), json!({})).await
    }

    pub async fn activate(&self, promotion: &Value) -> Reply {
        let path = format!("/api/v1/promotions/{}/activation", text(&promotion["id"]));
        reply(self.app.request(&self.tom, "POST", &path)).await
    }

    /// A request for a measured version, approved by Mara.
    pub async fn approved(&self, version: &str) -> Value {
        let promotion = self.request(MODEL, version, ENVIRONMENT).await;
        assert_eq!(promotion["state"], "awaiting_approval", "{:#}", promotion["failed_checks"]);
        let approved = self.approve(&self.mara, &promotion).await.expect(200).json();
        assert_eq!(approved["state"], "approved");
        approved
    }

    /// Measured, approved and active. Returns the promotion.
    pub async fn released(&self, number: u32) -> Value {
        let version = self.measured_version(number).await;
        let promotion = self.approved(&version).await;
        self.activate(&promotion).await.expect(201);
        promotion
    }

    pub async fn pull(&self, wanted: Option<&str>) -> Reply {
        let query = wanted.map(|version| format!("?version={version}")).unwrap_or_default();
        let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release{query}");
        self.app.get(&self.robot, &path).await
    }

    pub async fn pull_file(&self, path: &str) -> Reply {
        let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release/files/{path}");
        self.app.get(&self.robot, &path).await
    }

    pub async fn roll_back(&self, to: Option<&str>) -> Reply {
        let mut body = json!({"reason": "It answered too slowly."});
        if let Some(to) = to {
            body["to"] = to.into();
        }
        let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/rollbacks");
        self.app.post(&self.tom, &path, body).await
    }

    pub async fn revoke_version(&self, version: &str) -> Reply {
        let path = format!("/api/v1/models/{MODEL}/versions/{version}/revocation");
        self.app.post(&self.olga, &path, json!({"reason": "It learnt from leaked data."})).await
    }

    pub async fn revoke_key(&self) -> Reply {
        reply(self.app.request(&self.olga, "DELETE", &format!("/api/v1/trust-keys/{}", self.key_id))).await
    }

    /// Leaves of the newest events of an action, newest first.
    pub async fn leaves(&self, action: &str) -> Vec<Value> {
        let path = format!("/api/v1/audit/events?action={action}&limit=200");
        let events = self.app.get(&self.ada, &path).await.expect(200).json();
        events["items"].as_array().expect("a list").iter().map(|event| event["leaf"].clone()).collect()
    }

    /// The whole log as it is exported, and the registry's verifier key.
    pub async fn export(&self) -> (String, String) {
        let export = reply(self.app.request(&self.ada, "POST", "/api/v1/audit/export")).await.expect(200).text();
        (export, self.verifier_key().await)
    }

    pub async fn verifier_key(&self) -> String {
        text(&self.app.get("", "/api/v1/registry").await.expect(200).json()["verifier_key"])
    }
}
