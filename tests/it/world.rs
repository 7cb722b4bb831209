//! A workspace with one of everything: a caller for every role, a model with versions in
//! every state, an environment with its documents, measured runs, a release, an open request.
//!
//! Everything is made over HTTP by the callers who may, so the set-up is itself a walk
//! through the main job.

use crate::{
    certificates,
    harness::{Reply, TestApp, reply},
    story::scan,
};
use chrono::TimeDelta;
use plimsoll::{
    core::digest::Digest,
    crypto::{
        keys::SigningKey,
        oms::{self, FileDigest},
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// Those that decide on requests; the policy asks one of each.
const JUDGES: [&str; 3] = ["reviewer", "risk_officer", "compliance_officer"];

/// Sessions of those who do what weighs much.
const STALE: [(&str, &str); 4] = [
    ("admin", "stale-admin"),
    ("environment_manager", "stale-environment_manager"),
    ("reviewer", "stale-reviewer"),
    ("risk_officer", "stale-risk_officer"),
];

/// Every role there is, in the order of the columns of the authorization matrix.
pub const ROLES: [&str; 9] = [
    "viewer",
    "contributor",
    "reviewer",
    "environment_manager",
    "deployer",
    "auditor",
    "admin",
    "risk_officer",
    "compliance_officer",
];

pub struct World {
    pub app: TestApp,
    /// Bearer tokens by role.
    tokens: BTreeMap<&'static str, String>,
    /// Ids and names by placeholder, such as `{run}`.
    pub things: BTreeMap<&'static str, String>,
    pub key: SigningKey,
    /// The newest report about version 3.
    pub bundle: Value,
    model_bytes: Vec<u8>,
}

impl World {
    pub async fn build() -> Self {
        Self::build_on(TestApp::start().await).await
    }

    /// In a service that has nothing yet.
    pub async fn build_on(app: TestApp) -> Self {
        // Printed, and needed by nobody: the accounts are made at the machine.
        plimsoll::accounts::founding::ops::first_code(&app.app).await.expect("a code, or none");
        let mut tokens = BTreeMap::new();
        for role in ROLES {
            // Some names of roles are reserved words.
            tokens.insert(role, app.user(&format!("a-{role}"), &[role]).await);
        }
        // No column of the matrix: an account with this role has no other, and is no person's.
        tokens.insert("worker", app.robot("a-worker", &["worker"]).await);
        // A session besides, of whoever looks on.
        let sign_in = json!({"name": "a-viewer", "password": "a password of some length"});
        let session = app.post("", "/api/v1/sessions", sign_in).await.expect(201).json();
        tokens.insert("session", session["token"].as_str().expect("token").to_owned());
        let key = SigningKey::generate().expect("key");
        let mut world = Self {
            app,
            tokens,
            things: BTreeMap::new(),
            key,
            bundle: Value::Null,
            model_bytes: fixture("tensor_binary.onnx"),
        };
        world.keep("session", &session["id"]);
        world.people().await;
        world.registry().await;
        world.reported().await;
        world.environment("production").await;
        world.environment("spare").await;
        world.measured().await;
        world.watched().await;
        world.on_record().await;
        world.released().await;
        world
    }

    /// Goes on until every table has a row: version 2 becomes active, and version 1 comes back.
    pub async fn live_on(&self) {
        crate::asvs::factor::enrol(&self.app, &crate::asvs::session(&self.app, "other-twin").await).await;
        const PLACE: &str = "/api/v1/environments/production/models/scorer";
        let clerk = self.app.request(self.token("admin"), "PUT", "/api/v1/roles/clerk");
        reply(clerk.json(&json!({"actions": ["model.read"]}))).await.expect(200);
        let approve = json!({"decision_digest": self.fill("{promotion_decision}"), "outcome": "approve"});
        self.post("reviewer", &self.fill("/api/v1/promotions/{promotion}/decisions"), approve).await;
        let activation = self.fill("/api/v1/promotions/{promotion}/activation");
        self.post("environment_manager", &activation, json!({})).await;
        self.post("environment_manager", &format!("{PLACE}/rollbacks/rehearsals"), json!({})).await;
        let pair = json!({"model": "scorer", "version": "2", "environment": "production", "against": "1"});
        self.post("contributor", "/api/v1/comparisons", pair).await;
        self.app.work().await;
        let why = json!({"reason": "It drifts."});
        self.post("environment_manager", &format!("{PLACE}/rollbacks"), why).await;
        let running = self.app.request(self.token("deployer"), "PUT", &format!("{PLACE}/running"));
        reply(running.json(&json!({"digest": null, "host": "edge-7"}))).await.expect(200);
    }

    /// Another token of a role's account, by another name, that reaches so far.
    pub async fn limited(&mut self, role: &'static str, name: &'static str, scope: Value) {
        let wanted = json!({"name": name, "expires_in_days": 1, "scope": scope});
        let token = self.post(role, "/api/v1/tokens", wanted).await;
        self.tokens.insert(name, token["token"].as_str().expect("a token").to_owned());
    }

    pub fn token(&self, role: &str) -> &str {
        self.tokens.get(role).map_or("", String::as_str)
    }

    /// A path with the ids of this world in the place of `{…}`.
    pub fn fill(&self, text: &str) -> String {
        self.things.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// A session of each role's person besides, whose password was given a while ago: `stale-reviewer` and so on.
    pub async fn let_passwords_age(&mut self) {
        for (role, stale) in STALE {
            let sign_in = json!({"name": format!("a-{role}"), "password": "a password of some length"});
            let session = self.app.post("", "/api/v1/sessions", sign_in).await.expect(201).json();
            self.tokens.insert(stale, session["token"].as_str().expect("token").to_owned());
        }
        // Of somebody without a second factor, and of somebody who has one.
        for (name, stale) in [("bare", "stale-bare"), ("factored", "stale-factored")] {
            self.app.user(name, &["viewer"]).await;
            let session = crate::asvs::session(&self.app, name).await;
            if name == "factored" {
                crate::asvs::factor::enrol(&self.app, &session).await;
            }
            self.tokens.insert(stale, session);
        }
        self.app.app.db.clock().advance(TimeDelta::minutes(16));
        self.tokens.insert("session", crate::asvs::session(&self.app, "a-viewer").await);
        self.tokens.insert("present-admin", crate::asvs::session(&self.app, "a-admin").await);
    }

    async fn post(&self, role: &str, path: &str, body: Value) -> Value {
        self.app.post(self.token(role), path, body).await.expect_success().json()
    }

    fn keep(&mut self, name: &'static str, value: &Value) {
        self.things.insert(name, value.as_str().expect("an id").to_owned());
    }

    /// Two accounts of one person, a deputy who judges, in a team, and a delegation to them in two months.
    async fn people(&mut self) {
        for name in ["twin", "other-twin"] {
            self.app.user(name, &["viewer"]).await;
        }
        self.app.user("deputy", &["reviewer", "risk_officer", "compliance_officer"]).await;
        let admin = self.token("admin");
        for (path, body) in [
            ("/api/v1/accounts/twin/person", json!({"same_as": "other-twin"})),
            ("/api/v1/accounts/deputy/team", json!({"team": "second-line"})),
        ] {
            reply(self.app.request(admin, "PUT", path).json(&body)).await.expect(200);
        }
        self.post("admin", "/api/v1/accounts/twin/password-reset", json!({})).await;
        let march =
            json!({"to": "deputy", "valid_from": "2026-03-01T00:00:00Z", "valid_until": "2026-03-02T00:00:00Z"});
        let delegation = self.post("reviewer", "/api/v1/delegations", march).await;
        self.keep("delegation", &delegation["id"]);
    }

    async fn registry(&mut self) {
        let pem = self.key.verifying_key().to_pem();
        let key = json!({"name": "laptop", "public_key_pem": pem});
        let key = self.post("admin", "/api/v1/trust-keys", key).await;
        self.keep("key", &key["id"]);
        let authority =
            json!({"name": "company", "public_key_pem": certificates::Authorities::made().root, "identities": ["*"]});
        let authority = self.post("admin", "/api/v1/trust-keys", authority).await;
        self.keep("authority", &authority["id"]);
        let spare = json!({"name": "spare", "kind": "user", "roles": ["viewer"]});
        let spare = self.post("admin", "/api/v1/accounts", spare).await;
        let chosen = json!({"code": spare["invitation"]["code"], "new_password": "a long enough one"});
        self.post("", "/api/v1/password-resets", chosen).await;
        let robot = json!({"name": "spare-robot", "kind": "service", "roles": ["viewer"]});
        self.post("admin", "/api/v1/accounts", robot).await;
        let token = json!({"name": "spare", "account": "spare-robot", "expires_in_days": 1});
        let token = self.post("admin", "/api/v1/tokens", token).await;
        self.keep("token", &token["id"]);
        let trust = json!({"name": "spare", "issuer": "https://ci.example", "audience": "plimsoll", "minutes": 5,
            "claims": {"sub": ["spare"]}, "account": "spare-robot"});
        let trust = self.post("admin", "/api/v1/workload-trusts", trust).await;
        self.keep("trust", &trust["id"]);
        let model = json!({"name": "scorer", "intended_use": "tests", "risk_tier": "low",
            "owners": {"business": "a-viewer"}});
        self.post("contributor", "/api/v1/models", model).await;
        for number in 1..=3 {
            self.draft(number).await;
            self.upload(number).await;
            self.seal(number).await;
        }
        // Somebody else begins the fourth, and it is taken over.
        let beginner = self.app.user("beginner", &["contributor"]).await;
        self.declare(&beginner, 4).await;
        self.draft(4).await;
        register_people(&self.app, self.token("contributor"), "people").await.expect(201);
    }

    fn files(&self, number: u32) -> [(&'static str, Vec<u8>); 2] {
        [("README.md", format!("version {number}").into_bytes()), ("model.onnx", self.model_bytes.clone())]
    }

    async fn draft(&self, number: u32) {
        self.declare(self.token("contributor"), number).await;
    }

    async fn declare(&self, token: &str, number: u32) {
        let files: Vec<_> = self
            .files(number)
            .iter()
            .map(|(path, bytes)| {
                json!({"path": path, "sha256": Digest::of(bytes).to_string(), "size_bytes": bytes.len()})
            })
            .collect();
        let made = self.app.post(token, "/api/v1/models/scorer/versions", json!({"files": files})).await;
        assert_eq!(made.expect_success().json()["number"], number);
    }

    async fn upload(&self, number: u32) {
        for (path, bytes) in self.files(number) {
            let path = format!("/api/v1/models/scorer/versions/{number}/files/{path}");
            let request = self.app.request(self.token("contributor"), "PUT", &path);
            reply(request.header("content-type", "application/octet-stream").body(bytes)).await.expect(204);
        }
    }

    async fn seal(&self, number: u32) {
        let listed: Vec<_> = self
            .files(number)
            .iter()
            .map(|(path, bytes)| FileDigest { path: (*path).to_owned(), sha256: Digest::of(bytes).hex() })
            .collect();
        let signature = oms::sign(&listed, "scorer", &self.key).expect("signature");
        let path = format!("/api/v1/models/scorer/versions/{number}/seal");
        let files = self.files(number).map(|(path, bytes)| (path.to_owned(), bytes)).to_vec();
        let attestations = [crate::story::provenance(&files, &self.key)];
        let sealed =
            self.post("contributor", &path, json!({"signature": signature, "attestations": attestations})).await;
        assert_eq!((&sealed["state"], &sealed["signature"]), (&json!("sealed"), &json!("verified")));
    }

    /// Version 3 has a report, and one that a newer one superseded.
    async fn reported(&mut self) {
        let path = "/api/v1/models/scorer/versions/3";
        let version = self.app.get(self.token("viewer"), path).await.expect(200).json();
        let manifest = version["digest"].as_str().expect("digest");
        for (name, issued_at) in [("superseded", "2026-01-02T03:00:00Z"), ("evidence", "2026-01-02T03:00:01Z")] {
            let mut predicate = scan("malware");
            predicate["issued_at"] = issued_at.into();
            let bundle = crate::story::reported(manifest, predicate, &self.key);
            let record = self.post("contributor", &format!("{path}/evidence"), json!({"bundle": bundle})).await;
            self.keep(name, &record["id"]);
            self.bundle = bundle;
        }
    }

    async fn environment(&self, name: &str) {
        let mode = "human_in_the_loop";
        let profile = json!({"class": "server", "operating_mode": mode, "starting_mode": mode});
        self.post("environment_manager", "/api/v1/environments", json!({"name": name, "profile": profile})).await;
        let size = json!({
            "name": "size", "dimension": "size", "metric": "artifact_size", "operator": "<=", "limit": 512,
            "unit": "KiBy", "owner": "a-environment_manager"
        });
        let approvals = JUDGES.map(|role| json!({"role": role, "count": 1}));
        let all = ["environment_manager", "reviewer", "risk_officer", "compliance_officer"];
        let emergency = json!({"roles": all, "second_person": true});
        let policy = json!({"approvals": approvals, "break_glass": emergency});
        let documents =
            [("constraints", json!({"datasets": {"scorer": "people"}, "constraints": [size]})), ("policy", policy)];
        for (document, body) in documents {
            let path = format!("/api/v1/environments/{name}/{document}");
            self.app.put(self.token("environment_manager"), &path, "\"0\"", body).await.expect(200);
        }
    }

    async fn measured(&mut self) {
        for number in 1..=3 {
            let run = json!({"model": "scorer", "version": number.to_string(), "environment": "production"});
            let run = self.post("contributor", "/api/v1/runs", run).await;
            self.keep("run", &run["id"]);
        }
        self.app.work().await;
        let run = self.app.get(self.token("viewer"), &self.fill("/api/v1/runs/{run}")).await.expect(200).json();
        assert_eq!(run["state"], "passed", "{run}");
    }

    /// A finding that was dealt with.
    async fn watched(&mut self) {
        let finding =
            json!({"code": "disk_full", "severity": "low", "title": "Little is free.", "environment": "spare"});
        let finding = self.post("auditor", "/api/v1/findings", finding).await;
        self.keep("finding", &finding["id"]);
        self.post("reviewer", &self.fill("/api/v1/findings/{finding}/closure"), json!({"reason": "There is more."}))
            .await;
        let waiver = json!({"model": "scorer", "version": "3", "environment": "production", "constraint": "size",
            "reason": "A test.", "compensating_control": "None.", "expires_at": "2026-02-01T00:00:00Z"});
        let waiver = self.post("contributor", "/api/v1/waivers", waiver).await;
        self.keep("waiver", &waiver["id"]);
        let grant = json!({"outcome": "grant", "reason": "A test."});
        self.post("reviewer", &self.fill("/api/v1/waivers/{waiver}/decisions"), grant).await;
        self.post("contributor", &self.fill("/api/v1/waivers/{waiver}/revocation"), json!({"reason": "A test."})).await;
        let broken =
            json!({"model": "scorer", "version": "1", "environment": "spare", "justification": "A test.", "hours": 1});
        let broken = self.post("environment_manager", "/api/v1/break-glass", broken).await;
        self.keep("break_glass", &broken["id"]);
        let closure = self.fill("/api/v1/break-glass/{break_glass}/closure");
        self.post("environment_manager", &closure, json!({"reason": "A test."})).await;
        let running = "/api/v1/environments/spare/models/scorer/running";
        let nothing = self.app.request(self.token("deployer"), "PUT", running);
        reply(nothing.json(&json!({"digest": null, "host": "edge-7"}))).await.expect(200);
    }

    /// The contributor answers for a runbook of the model and one of the environment.
    async fn on_record(&mut self) {
        let record = json!({"owner": "a-contributor", "review_by": "2026-12-01",
            "body": {"url": "https://wiki.example/night", "sha256": format!("sha256:{}", "0".repeat(64))}});
        for (role, place) in [("contributor", "models/scorer"), ("environment_manager", "environments/production")] {
            let path = format!("/api/v1/{place}/records/runbook/night");
            self.app.put(self.token(role), &path, "\"0\"", record.clone()).await.expect(200);
        }
    }

    /// Version 1 is active, version 2 waits for a decision, version 3 can be withdrawn.
    async fn released(&mut self) {
        for (number, name) in [(1, "first"), (2, "promotion"), (3, "withdrawable")] {
            let ask = json!({"model": "scorer", "version": number.to_string(), "environment": "production"});
            let request = self.post("contributor", "/api/v1/promotions", ask).await;
            assert_eq!(request["state"], "awaiting_approval", "{request}");
            self.keep(name, &request["id"]);
            self.things.insert("decision", request["decision_digest"].as_str().expect("digest").to_owned());
            if number == 1 {
                let approve = json!({"decision_digest": request["decision_digest"], "outcome": "approve"});
                let path = self.fill("/api/v1/promotions/{first}/decisions");
                for role in JUDGES {
                    self.post(role, &path, approve.clone()).await;
                }
                let path = self.fill("/api/v1/promotions/{first}/activation");
                self.post("environment_manager", &path, json!({})).await;
            }
            if number == 2 {
                let said = json!({"body": "Fitted on the data of the last quarter."});
                self.post("contributor", &self.fill("/api/v1/promotions/{promotion}/comments"), said).await;
                // Only the reviewer's is missing; one officer thought twice.
                let approve = json!({"decision_digest": request["decision_digest"], "outcome": "approve"});
                for role in &JUDGES[1..] {
                    let path = self.fill("/api/v1/promotions/{promotion}/decisions");
                    self.post(role, &path, approve.clone()).await;
                    if *role == "risk_officer" {
                        let why = json!({"reason": "to look again"});
                        self.post(role, &format!("{path}/withdrawal"), why).await;
                        self.post(role, &path, approve.clone()).await;
                    }
                }
                let digest = request["decision_digest"].as_str().expect("digest").to_owned();
                self.things.insert("promotion_decision", digest);
            }
        }
    }
}

/// The bytes of a file of `tests/fixtures`.
pub fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(folder.join(name)).expect("fixture")
}

/// Registers `people.csv` under a name.
pub async fn register_people(app: &TestApp, token: &str, name: &str) -> Reply {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let description = json!({
        "label": "y", "positive_label": "1", "features": ["amount", "age"], "sensitive": ["sex"], "source": "made up"
    });
    let request = app
        .request(token, "PUT", &format!("/api/v1/datasets/{name}"))
        .header("content-type", "text/csv")
        .header("plimsoll-dataset", STANDARD.encode(description.to_string()))
        .body(fixture("people.csv"));
    reply(request).await
}
