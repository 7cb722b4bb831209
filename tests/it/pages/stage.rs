//! The credit example, pushed, measured and asked for; and a browser without a screen.

use crate::harness::{Reply, TestApp, reply};
use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll::{
    core::digest::Digest,
    crypto::{
        keys::SigningKey,
        oms::{self, FileDigest},
    },
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::path::Path;

/// What a page must never hand to a browser as markup.
pub const HOSTILE: &str = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>\"' onload='x";
pub const PASSWORD: &str = "a password of some length";

pub struct Stage {
    pub app: TestApp,
    pub ines: String,
    pub tom: String,
    key: SigningKey,
    /// What people say about things.
    said: &'static str,
}

impl Stage {
    /// People, a trusted key, the model, its data, and an environment with limits and policy. What people say is hostile.
    pub async fn set() -> Self {
        Self::set_with(HOSTILE).await
    }

    /// The same with other words.
    pub async fn set_with(said: &'static str) -> Self {
        let app = TestApp::start().await;
        let olga = app.user("olga", &["admin"]).await;
        let stage = Self {
            ines: app.user("ines", &["contributor", "reviewer"]).await,
            tom: app.user("tom", &["environment_manager"]).await,
            key: SigningKey::generate().expect("key"),
            said,
            app,
        };
        for (name, role) in [("mara", "reviewer"), ("rui", "reviewer"), ("vera", "viewer"), ("ada", "auditor")] {
            stage.app.user(name, &[role]).await;
        }
        let pem = stage.key.verifying_key().to_pem();
        stage.post(&olga, "trust-keys", json!({"name": "ines-laptop", "public_key_pem": pem})).await;
        stage
            .post(
                &stage.ines,
                "models",
                json!({"name": "credit-risk", "title": said, "intended_use": said, "prohibited_use": said,
                    "risk_tier": "high", "owners": {"business": "tom", "development": "ines", "compliance": "mara"}}),
            )
            .await;
        stage.dataset().await;
        let mut profile = yaml("environment.yaml");
        let name = profile.as_object_mut().and_then(|profile| profile.remove("name")).expect("a name");
        stage.post(&stage.tom, "environments", json!({"name": name, "profile": profile})).await;
        for document in ["constraints", "policy"] {
            let path = format!("/api/v1/environments/production/{document}");
            stage.app.put(&stage.tom, &path, "\"0\"", yaml(&format!("{document}.yaml"))).await.expect(200);
        }
        stage
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Value {
        let reply = self.app.post(token, &format!("/api/v1/{path}"), body).await;
        assert!((200..300).contains(&reply.status), "{path}: {}", reply.text());
        reply.json()
    }

    async fn dataset(&self) {
        let description = json!({"label": "creditworthy", "positive_label": "good", "source": "Statlog",
            "features": ["checking_account", "savings_account", "housing", "purpose", "duration", "job", "credit_amount"],
            "sensitive": ["sex", "age_group"]});
        let request = self.app.request(&self.ines, "PUT", "/api/v1/datasets/german-credit-holdout");
        let described = STANDARD.encode(description.to_string());
        let request = request.header("content-type", "text/csv").header("plimsoll-dataset", described);
        reply(request.body(read("evaluation.csv"))).await.expect(201);
    }

    /// Pushes a version of the example, signed.
    pub async fn push(&self, version: &str) -> i64 {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/credit").join(version);
        let entries = std::fs::read_dir(folder).expect("the example");
        let names = entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned());
        let files: Vec<_> = names.map(|name| (read(&format!("{version}/{name}")), name)).collect();
        let sha256 = |bytes: &[u8]| Digest::of(bytes);
        let listed: Vec<_> = files
            .iter()
            .map(|(b, name)| json!({"path": name, "sha256": sha256(b).to_string(), "size_bytes": b.len()}))
            .collect();
        let made = self.post(&self.ines, "models/credit-risk/versions", json!({"files": listed})).await;
        let number = made["number"].as_i64().expect("number");
        for (bytes, name) in &files {
            let path = format!("/api/v1/models/credit-risk/versions/{number}/files/{name}");
            let request = self.app.request(&self.ines, "PUT", &path).header("content-type", "application/octet-stream");
            reply(request.body(bytes.clone())).await.expect(204);
        }
        let digests: Vec<_> =
            files.iter().map(|(b, n)| FileDigest { path: n.clone(), sha256: sha256(b).hex() }).collect();
        let signature = oms::sign(&digests, "credit-risk", &self.key).expect("signature");
        self.post(&self.ines, &format!("models/credit-risk/versions/{number}/seal"), json!({"signature": signature}))
            .await;
        number
    }

    pub async fn measure(&self, version: i64) -> String {
        let asked = json!({"model": "credit-risk", "version": version.to_string(), "environment": "production"});
        let run = self.post(&self.ines, "runs", asked).await;
        self.app.work().await;
        run["id"].as_str().expect("id").to_owned()
    }

    pub async fn ask(&self, version: i64) -> Value {
        let asked = json!({"model": "credit-risk", "version": version.to_string(), "environment": "production",
            "comment": self.said});
        self.post(&self.ines, "promotions", asked).await
    }

    pub async fn promotion(&self, id: &str) -> Value {
        self.app.get(&self.ines, &format!("/api/v1/promotions/{id}")).await.expect(200).json()
    }

    pub async fn sign_in(&self, name: &str) -> Browser<'_> {
        Browser::open(&self.app).await.sign_in(name).await
    }
}

/// Keeps cookies as a browser does; `reqwest` alone would drop secure ones over HTTP.
pub struct Browser<'a> {
    pub app: &'a TestApp,
    pub cookies: String,
    pub token: String,
}

impl<'a> Browser<'a> {
    pub async fn open(app: &'a TestApp) -> Self {
        let mut browser = Self { app, cookies: String::new(), token: String::new() };
        let page = browser.get("/login").await.expect(200);
        browser.keep(&page);
        browser
    }

    pub async fn sign_in(mut self, name: &str) -> Self {
        let fields = [("name", name), ("password", PASSWORD), ("next", "/")];
        let answer = self.send("/login", &fields).await.expect(303);
        self.keep(&answer);
        let page = self.get("/").await.expect(200);
        self.keep(&page);
        self
    }

    pub fn keep(&mut self, answer: &Reply) {
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
            let name = pair.split('=').next().unwrap_or_default();
            let others =
                self.cookies.split("; ").filter(|kept| !kept.is_empty() && kept.split('=').next() != Some(name));
            let new = (!pair.ends_with('=')).then_some(pair);
            self.cookies = others.chain(new).collect::<Vec<_>>().join("; ");
        }
        if let Some(token) = form_token(&answer.text()) {
            self.token = token;
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        reply(self.app.request("", "GET", path).header("cookie", &self.cookies).header("accept", "text/html")).await
    }

    /// A form as this site's own page sends it.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request = self.form(path, fields, &self.token);
        reply(request.header("origin", &self.app.url).header("sec-fetch-site", "same-origin")).await
    }

    /// Without saying where from.
    pub fn form(&self, path: &str, fields: &[(&str, &str)], token: &str) -> RequestBuilder {
        let mut all = vec![("form_token", token)];
        all.extend(fields);
        let request = self.app.request("", "POST", path).header("cookie", &self.cookies);
        request.header("content-type", "application/x-www-form-urlencoded").body(encode(&all))
    }
}

pub fn form_token(page: &str) -> Option<String> {
    let rest = page.split_once("name=\"form_token\" value=\"")?.1;
    Some(rest.split('"').next()?.to_owned())
}

fn encode(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/credit").join(name)).expect("the example")
}

fn yaml(name: &str) -> Value {
    yaml_serde::from_slice(&read(name)).expect("YAML")
}
