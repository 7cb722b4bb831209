//! A service that trusts a provider, and a browser on its way there and back.

use super::issuer::{Issuer, Signer};
use crate::{
    harness::{Reply, TestApp, reply},
    pages::stage::Browser,
};
use chrono::TimeDelta;
use reqwest::Url;
use sea_orm::{EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use std::path::Path;

pub const SECRET: &str = "a secret & more: xy%+";
/// Where the provider sends browsers back to. Nobody listens there: the tests carry it to the service themselves.
pub const BACK: &str = "http://127.0.0.1:1/login/with/corp/callback";
pub const MAPPING: &str = "{credit-risk: [reviewer, viewer], it: [admin]}";

/// Nobody has two accounts at this provider.
pub const ONE_EACH: &str = "one_account_each: true";

/// A file of settings that trusts one provider, called corp.
pub fn settings(folder: &Path, issuer: &str, mapping: &str, more: &str) -> Vec<String> {
    let (file, secret) = (folder.join("providers.yaml"), folder.join("secret"));
    std::fs::write(&secret, format!("{SECRET}\n")).expect("secret");
    let text = format!(
        "providers:\n- name: corp\n  label: Corp & Sons\n  issuer: {issuer}\n  client_id: plimsoll\n  \
         client_secret_file: {}\n  redirect_url: {BACK}\n  scopes: [openid, profile, groups]\n  roles: {mapping}\n  {more}\n",
        secret.display()
    );
    std::fs::write(&file, text).expect("file");
    vec!["--identity-providers".to_owned(), file.display().to_string()]
}

/// A service with that provider, which the operator vouches for.
pub async fn service(issuer: &str, more: &str) -> (TestApp, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("folder");
    let arguments = settings(folder.path(), issuer, MAPPING, more);
    let t = TestApp::start_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    (t, folder)
}

/// A sign-in that was begun in a browser: what the service sent to the provider.
pub struct Begun {
    pub address: Url,
    pub state: String,
    pub nonce: String,
}

impl Begun {
    pub fn parameter(&self, name: &str) -> String {
        let found = self.address.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    }
}

pub async fn begin(browser: &mut Browser<'_>, query: &str) -> Begun {
    let answer = browser.get(&format!("/login/with/corp{query}")).await.expect(303);
    browser.keep(&answer);
    let address = Url::parse(answer.header("location")).expect("an address");
    let begun = Begun { address, state: String::new(), nonce: String::new() };
    Begun { state: begun.parameter("state"), nonce: begun.parameter("nonce"), ..begun }
}

pub fn callback(state: &str) -> String {
    format!("/login/with/corp/callback?code=some-code&state={state}")
}

/// A hostile issuer, a service that trusts it, and its key.
pub struct Rogue {
    pub t: TestApp,
    pub issuer: Issuer,
    pub signer: Signer,
    pub folder: tempfile::TempDir,
}

impl Rogue {
    pub async fn start() -> Self {
        Self::start_with(ONE_EACH).await
    }

    /// With another line of settings.
    pub async fn start_with(more: &str) -> Self {
        let signer = Signer::new("one");
        let issuer = Issuer::start(&signer);
        let (t, folder) = service(&issuer.url, more).await;
        Self { t, issuer, signer, folder }
    }

    /// The same service after a restart with these settings, or without any provider.
    pub async fn again(self, settings: Option<(&str, &str)>) -> Self {
        let arguments =
            settings.map(|(mapping, more)| self::settings(self.folder.path(), &self.issuer.url, mapping, more));
        let arguments = arguments.unwrap_or_default();
        let t = self.t.again(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
        plimsoll::accounts::single_sign_on::roles::reconcile(&t.app).await.expect("reconciled");
        Self { t, ..self }
    }

    /// What an honest issuer would say of Ines now.
    pub fn claims(&self, nonce: &str) -> Value {
        let now = self.t.app.db.clock().now().timestamp();
        json!({"iss": self.issuer.url, "aud": "plimsoll", "sub": "subject-1", "iat": now, "exp": now + 300,
            "nonce": nonce, "auth_time": now, "preferred_username": "Ines", "name": "Ines Amaro",
            "groups": ["credit-risk"]})
    }

    pub fn signed(&self, claims: &Value) -> String {
        self.signer.sign(&self.signer.header(), claims)
    }

    /// Carries a token through a whole sign-in.
    pub async fn bring<'a>(&'a self, token: impl FnOnce(&str) -> String) -> (Browser<'a>, Reply) {
        let mut browser = Browser::open(&self.t).await;
        let begun = begin(&mut browser, "?next=/models").await;
        let token = token(&begun.nonce);
        self.issuer.set(|state| state.id_token = token);
        let answer = browser.get(&callback(&begun.state)).await;
        browser.keep(&answer);
        (browser, answer)
    }

    pub async fn sign_in(&self, changed: Value) -> (Browser<'_>, Reply) {
        self.bring(|nonce| self.signed(&with(self.claims(nonce), changed))).await
    }

    pub fn later(&self, minutes: i64) {
        self.t.app.db.clock().advance(TimeDelta::minutes(minutes));
    }
}

pub fn with(mut claims: Value, changed: Value) -> Value {
    for (name, value) in changed.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
}

/// The session that a browser holds, as a bearer token.
pub fn session_of(browser: &Browser<'_>) -> Option<String> {
    browser.cookies.split("; ").find_map(|cookie| cookie.strip_prefix("__Host-plimsoll=")).map(str::to_owned)
}

pub async fn whoami(t: &TestApp, browser: &Browser<'_>) -> Reply {
    reply(t.request(&session_of(browser).expect("a session"), "GET", "/api/v1/whoami")).await
}

pub async fn sessions(t: &TestApp) -> u64 {
    use plimsoll::db::entity::api_token;
    let all = api_token::Entity::find().filter(api_token::COLUMN.kind.eq("session"));
    all.count(t.app.db.raw_for_tests()).await.expect("count")
}

/// The newest event: what it says.
pub async fn newest(t: &TestApp) -> Value {
    newest_leaf(t).await["detail"].clone()
}

/// And who did it.
pub async fn newest_actor(t: &TestApp) -> Value {
    newest_leaf(t).await["actor"].clone()
}

async fn newest_leaf(t: &TestApp) -> Value {
    use plimsoll::db::entity::audit_event;
    let all = audit_event::Entity::find().order_by_desc(audit_event::Column::Id);
    let row = all.one(t.app.db.raw_for_tests()).await.expect("read").expect("an event");
    serde_json::from_str::<Value>(&row.leaf).expect("leaf")
}
