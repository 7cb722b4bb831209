//! What arrives wrong is a client's mistake that says what and where: never a 5xx, nothing
//! stored, nothing in the log, and the service goes on.

mod addresses;
mod bodies;
mod callers;
mod framing;
mod values;

use crate::{
    harness::{Reply, TestApp, reply},
    world::register_people,
};
use serde_json::json;

/// A service with a contributor and a manager, a model, an environment and a dataset.
struct Bad {
    t: TestApp,
    contributor: String,
    manager: String,
    auditor: String,
}

impl Bad {
    async fn start() -> Self {
        let t = TestApp::start().await;
        let contributor = t.user("ines", &["contributor"]).await;
        let manager = t.user("mara", &["environment_manager", "admin"]).await;
        let auditor = t.user("otto", &["auditor"]).await;
        let model = json!({"name": "scorer", "intended_use": "x", "risk_tier": "low"});
        t.post(&contributor, "/api/v1/models", model).await.expect(201);
        let profile = json!({"class": "server", "operating_mode": "advisory"});
        let environment = json!({"name": "production", "profile": profile});
        t.post(&manager, "/api/v1/environments", environment).await.expect(201);
        register_people(&t, &contributor, "people").await.expect(201);
        Self { t, contributor, manager, auditor }
    }

    fn who(&self, path: &str) -> &str {
        match path {
            _ if path.starts_with("/api/v1/environments") || path.ends_with("/revocation") => &self.manager,
            _ if path.starts_with("/api/v1/accounts") || path.starts_with("/api/v1/trust") => &self.manager,
            _ if path.starts_with("/api/v1/audit") => &self.auditor,
            _ => &self.contributor,
        }
    }

    /// Sends a body as JSON by someone who may.
    async fn json(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request = self.t.request(self.who(path), method, path).header("content-type", "application/json");
        reply(request.header("if-match", "\"1\"").body(body)).await
    }

    /// Runs the attempts, then checks that they left no trace and the service works.
    async fn unharmed(&self, before: usize) {
        assert_eq!(self.t.events().await, before, "a mistake got into the log");
        self.t.get("", "/readyz").await.expect(200);
        let models = self.t.get(&self.contributor, "/api/v1/models").await.expect(200).json();
        assert_eq!(models["items"].as_array().map(Vec::len), Some(1), "{models}");
    }
}

/// A problem in full: its shape, its headers, and nothing of the inside.
#[track_caller]
fn assert_problem(reply: &Reply, status: &[u16], about: &str) {
    let text = reply.text();
    assert!(status.contains(&reply.status), "{about}: {}, not {status:?}: {text}", reply.status);
    assert_eq!(reply.header("content-type"), "application/problem+json", "{about}: {text}");
    let problem = reply.json();
    assert_eq!(problem["status"], reply.status, "{about}");
    assert_eq!(problem["request_id"], reply.header("x-request-id"), "{about}");
    assert_eq!(reply.header("x-request-id").len(), 36, "{about}");
    let code = problem["code"].as_str().unwrap_or_default();
    assert_eq!(problem["type"], format!("/problems/{code}"), "{about}");
    for field in ["title", "detail", "code"] {
        assert!(problem[field].as_str().is_some_and(|s| !s.is_empty()), "{about}: {field}: {text}");
    }
    for inside in ["SELECT ", "sqlx", "sea_orm", "panicked", ".rs:", "actix"] {
        assert!(!text.contains(inside), "{about}: {text}");
    }
}
