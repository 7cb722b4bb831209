//! A life in which something of everything happens.

use crate::{
    harness::{Reply, reply},
    story::{ENVIRONMENT, MODEL, Story, policy, reported, scan, scorer, spec, strict_spec, text},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// Something of everything.
pub async fn life() -> Story {
    let story = Story::stage().await;
    regular(&story).await;
    Exceptions::begin(&story).await.go_through().await;
    story
}

/// Releases, a way back, refusals, requests that end in each way.
async fn regular(story: &Story) {
    let first = story.released(1).await;
    story.pull(None).await.expect(200);
    story.released(2).await;
    story.pull(None).await.expect(200);
    story.roll_back(None).await.expect(201);
    story.pull(None).await.expect(200);
    // Refused: no part of it is theirs.
    story.approve(&story.ines, &first).await.expect(403);
    story.measured_version(3).await;
    let third = story.request(MODEL, "3", ENVIRONMENT).await;
    story.decide(&story.mara, &third, "reject").await.expect(200);
    let again = story.request(MODEL, "3", ENVIRONMENT).await;
    story.withdraw(&story.ines, &again).await.expect(200);
    let version = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}/versions/3")).await.expect(200).json();
    let bundle = reported(&text(&version["digest"]), scan("malware"), &story.key);
    let path = format!("/api/v1/models/{MODEL}/versions/3/evidence");
    let report = story.app.post(&story.ines, &path, json!({"bundle": bundle})).await.expect_success().json();
    let again = story.request(MODEL, "3", ENVIRONMENT).await;
    story.approve(&story.mara, &again).await.expect(200);
    let withdrawal = format!("{path}/{}/withdraw", text(&report["id"]));
    story.app.post(&story.ines, &withdrawal, json!({"reason": "It was of another file."})).await.expect(200);
    story.request(MODEL, "3", ENVIRONMENT).await;
    story.revise(ENVIRONMENT, "policy", policy(2)).await;
    let both = story.request(MODEL, "3", ENVIRONMENT).await;
    story.approve(&story.mara, &both).await.expect(200);
    story.approve(&story.rui, &both).await.expect(200);
    story.activate(&both).await.expect(201);
    story.pull(None).await.expect(200);
    story.revise(ENVIRONMENT, "constraints", strict_spec()).await;
    let red = story.run(MODEL, "3", ENVIRONMENT).await;
    assert_eq!(red["state"], "failed");
    assert_eq!(story.request(MODEL, "3", ENVIRONMENT).await["state"], "checks_failed");
    story.revise(ENVIRONMENT, "constraints", spec()).await;
    story.revoke_version("3").await.expect(200);
    story.pull(None).await.expect(412);
    reply(story.app.request(&story.olga, "DELETE", "/api/v1/accounts/rui")).await.expect(200);
}

/// What people do beside the way through approval. Vera owns the limits, Rosa answers for risks.
struct Exceptions<'a> {
    story: &'a Story,
    vera: String,
    rosa: String,
}

impl<'a> Exceptions<'a> {
    async fn begin(story: &'a Story) -> Self {
        let vera = story.app.user("vera", &["reviewer"]).await;
        let rosa = story.app.user("rosa", &["risk_officer"]).await;
        let asking = json!({"approvals": [{"role": "reviewer", "count": 1}], "request_expires_after_hours": 72,
            "evidence_maximum_age_days": 30, "evidence": [{"kind": "runbook"}],
            "exclude": {"roles": ["auditor"], "accounts": ["ada"], "owners": ["business"]},
            "break_glass": {"roles": ["environment_manager"], "maximum_hours": 8}});
        story.revise(ENVIRONMENT, "policy", asking).await;
        Self { story, vera, rosa }
    }

    async fn go_through(&self) {
        self.suspension().await;
        self.emergency().await;
        let promotion = self.waiver().await;
        self.story.approve(&self.story.mara, &promotion).await.expect(200);
        self.story.activate(&promotion).await.expect(201);
        self.story.pull(None).await.expect(200);
        self.findings().await;
        self.rehearsal().await;
        self.people().await;
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Reply {
        self.story.app.post(token, &format!("/api/v1/{path}"), body).await
    }

    async fn suspend(&self) {
        let path = format!("environments/{ENVIRONMENT}/models/{MODEL}/release/suspension");
        self.post(&self.story.tom, &path, json!({"reason": "It answers oddly."})).await.expect(200);
    }

    /// The way back out of a suspension, and a suspension that is taken back.
    async fn suspension(&self) {
        let story = self.story;
        self.suspend().await;
        let back = story.roll_back(None).await.expect(201).json();
        assert_eq!(back["version"], 1);
        let review = format!("releases/{}/review", text(&back["id"]));
        let said = json!({"outcome": "justified", "reason": "Nothing else was left."});
        self.post(&self.vera, &review, said).await.expect(200);
        self.suspend().await;
        let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release/suspension");
        let resumed = story.app.request(&story.tom, "DELETE", &path).json(&json!({"reason": "It was the network."}));
        reply(resumed).await.expect(201);
        story.pull(None).await.expect(200);
    }

    /// Version 4 runs for four hours, and what ran before comes back.
    async fn emergency(&self) {
        let story = self.story;
        assert_eq!(story.signed(MODEL, &scorer(4)).await, "4");
        let call = json!({"model": MODEL, "version": "4", "environment": ENVIRONMENT, "hours": 4,
            "justification": "It answers nobody."});
        let broken = self.post(&story.tom, "break-glass", call).await.expect(201).json();
        story.pull(None).await.expect(200);
        story.app.app.db.clock().advance(TimeDelta::hours(4));
        plimsoll::sweeps::run(&story.app.app).await.expect("swept");
        assert_eq!(story.roll_back(None).await.expect(201).json()["version"], 1);
        let review = format!("break-glass/{}/review", text(&broken["id"]));
        self.post(&self.vera, &review, json!({"outcome": "justified", "reason": "A test."})).await.expect(200);
    }

    /// Version 4 misses a limit and is excepted; what else changes ends the request each time. Returns
    /// the last one.
    async fn waiver(&self) -> Value {
        let story = self.story;
        self.keep_runbook(0, "https://wiki.example/night").await;
        let mut limits = strict_spec();
        limits["constraints"][0]["owner"] = "vera".into();
        limits["constraints"][1]["owner"] = "vera".into();
        story.revise(ENVIRONMENT, "constraints", limits).await;
        assert_eq!(story.run(MODEL, "4", ENVIRONMENT).await["state"], "failed");
        let waiver = self.waived("accuracy").await;
        let request = self.waiting().await;
        assert_eq!(request["decision"]["waivers"][0]["waiver"], waiver["id"]);
        let other = self.waived("latency-p95").await;
        self.is_over(&request).await;
        let request = self.waiting().await;
        let revocation = format!("waivers/{}/revocation", text(&other["id"]));
        self.post(&self.vera, &revocation, json!({"reason": "It is fast enough."})).await.expect(200);
        self.is_over(&request).await;
        let request = self.waiting().await;
        self.keep_runbook(1, "https://wiki.example/day").await;
        self.is_over(&request).await;
        let request = self.waiting().await;
        let model = story.app.get(&story.ines, &format!("/api/v1/models/{MODEL}")).await;
        let patch = story.app.request(&story.ines, "PATCH", &format!("/api/v1/models/{MODEL}"));
        let patch = patch.header("if-match", model.header("etag"));
        reply(patch.json(&json!({"intended_use": "Scores applications of adults."}))).await.expect(200);
        self.is_over(&request).await;
        self.waiting().await
    }

    async fn keep_runbook(&self, revision: u32, url: &str) {
        let digest = format!("sha256:{}", "0".repeat(64));
        let record = json!({"owner": "olga", "review_by": "2026-02-01", "body": {"url": url, "sha256": digest}});
        let path = format!("/api/v1/models/{MODEL}/records/runbook/night");
        self.story.app.put(&self.story.ines, &path, &format!("\"{revision}\""), record).await.expect(200);
    }

    async fn waived(&self, constraint: &str) -> Value {
        let ask = json!({"model": MODEL, "version": "4", "environment": ENVIRONMENT, "constraint": constraint,
            "reason": "The season ends soon.", "compensating_control": "A person looks at each.",
            "expires_at": "2026-01-12T00:00:00Z"});
        let waiver = self.post(&self.story.ines, "waivers", ask).await.expect(201).json();
        let path = format!("waivers/{}/decisions", text(&waiver["id"]));
        let grant = json!({"outcome": "grant", "reason": "A test."});
        let decided = self.post(&self.vera, &path, grant.clone()).await.expect(200).json();
        // Who granted one waiver of a version has a part in it, so the next takes somebody else too.
        if decided["state"] == "requested" {
            let decided = self.post(&self.rosa, &path, grant).await.expect(200).json();
            assert_eq!(decided["state"], "granted");
        }
        waiver
    }

    async fn waiting(&self) -> Value {
        let request = self.story.request(MODEL, "4", ENVIRONMENT).await;
        assert_eq!(request["state"], "awaiting_approval", "{:#}", request["failed_checks"]);
        request
    }

    async fn is_over(&self, request: &Value) {
        assert_eq!(self.story.look(request).await["state"], "invalidated");
    }

    /// The way back is tried.
    async fn rehearsal(&self) {
        let path = format!("environments/{ENVIRONMENT}/models/{MODEL}/rollbacks/rehearsals");
        let asked = self.post(&self.story.tom, &path, json!({})).await.expect(202).json();
        self.story.app.work().await;
        let path = format!("/api/v1/rehearsals/{}", text(&asked["id"]));
        assert_eq!(self.story.app.get(&self.story.tom, &path).await.expect(200).json()["state"], "passed");
    }

    async fn findings(&self) {
        let story = self.story;
        let finding = |code: &str| json!({"code": code, "severity": "low", "title": "It looks odd.", "model": MODEL, "version": "4"});
        let mended = self.post(&story.ada, "findings", finding("odd")).await.expect(201).json();
        let step = |finding: &Value, step: &str| format!("findings/{}/{step}", text(&finding["id"]));
        let why = json!({"reason": "A test."});
        self.post(&story.tom, &step(&mended, "remediation"), why.clone()).await.expect(200);
        self.post(&self.vera, &step(&mended, "closure"), why).await.expect(200);
        let accepted = self.post(&story.ada, "findings", finding("odder")).await.expect(201).json();
        let until = json!({"reason": "It is worth it.", "until": "2026-01-10T00:00:00Z"});
        self.post(&self.rosa, &step(&accepted, "acceptance"), until).await.expect(200);
    }

    /// Links, leave, and a credential that ends.
    async fn people(&self) {
        let story = self.story;
        let link = story.app.request(&story.olga, "PUT", "/api/v1/accounts/ada/person");
        reply(link.json(&json!({"same_as": "tom"}))).await.expect(200);
        let leave = json!({"to": "mara", "valid_until": "2026-01-09T00:00:00Z"});
        let leave = self.post(&self.vera, "delegations", leave).await.expect(201).json();
        let ended = format!("/api/v1/delegations/{}", text(&leave["id"]));
        reply(story.app.request(&self.vera, "DELETE", &ended)).await.expect(200);
        let body = json!({"name": "spare", "account": "pipeline", "expires_in_days": 30});
        let token = self.post(&story.olga, "tokens", body).await.expect(201).json();
        let path = format!("/api/v1/environments/{ENVIRONMENT}/models/{MODEL}/release");
        story.app.get(&text(&token["token"]), &path).await.expect(200);
        let path = format!("/api/v1/tokens/{}", text(&token["id"]));
        reply(story.app.request(&story.olga, "DELETE", &path)).await.expect(204);
    }
}
