//! Jobs of a CI service that show a token of their issuer and get a short one of this service.

mod at_the_command_line;
mod provider;

use crate::{
    harness::{Reply, TestApp, reply},
    single_sign_on::{
        issuer::{Issuer, Signer, b64, message},
        visit::{newest, newest_actor, with},
    },
};
use ring::hmac;
use serde_json::{Value, json};

pub const AUDIENCE: &str = "https://plimsoll.example";

/// An issuer, a service that may ask it, and a workspace that trusts its jobs.
struct Ci {
    t: TestApp,
    issuer: Issuer,
    signer: Signer,
    admin: String,
}

/// What a workspace trusts.
pub fn trust(issuer: &str) -> Value {
    json!({"name": "credit-ci", "issuer": issuer, "audience": AUDIENCE, "account": "ci", "minutes": 15,
        "claims": {"repository": ["corp/credit"], "ref": ["refs/heads/main", "refs/tags/v*"]}})
}

/// A workspace with a service account, and an administrator's token.
pub async fn workspace(t: &TestApp) -> String {
    let admin = t.user("olga", &["admin"]).await;
    t.robot("ci", &["contributor"]).await;
    admin
}

pub async fn exchange(t: &TestApp, token: &str) -> Reply {
    t.post("", "/api/v1/workload-tokens", json!({"trust": "credit-ci", "token": token})).await
}

impl Ci {
    async fn start() -> Self {
        let signer = Signer::new("one");
        let issuer = Issuer::start(&signer);
        let t = TestApp::start_with(&["--workload-issuer", &issuer.url]).await;
        let admin = workspace(&t).await;
        let ci = Self { t, issuer, signer, admin };
        ci.t.post(&ci.admin, "/api/v1/workload-trusts", trust(&ci.issuer.url)).await.expect(201);
        ci
    }

    /// What an honest issuer would say of a job now.
    fn claims(&self) -> Value {
        let now = self.t.app.db.clock().now().timestamp();
        json!({"iss": self.issuer.url, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300, "jti": "job-1",
            "sub": "repo:corp/credit:ref:refs/heads/main", "repository": "corp/credit", "ref": "refs/heads/main"})
    }

    fn signed(&self, changed: Value) -> String {
        self.signer.sign(&self.signer.header(), &with(self.claims(), changed))
    }

    async fn token(&self, changed: Value) -> String {
        let issued = exchange(&self.t, &self.signed(changed)).await.expect(201).json();
        issued["token"].as_str().expect("a token").to_owned()
    }

    fn later(&self, minutes: i64) {
        self.t.app.db.clock().advance(chrono::TimeDelta::minutes(minutes));
    }
}

#[actix_web::test]
async fn a_job_gets_a_short_token_of_its_service_account_for_one_of_its_issuer() {
    let ci = Ci::start().await;
    let answer = exchange(&ci.t, &ci.signed(json!({}))).await.expect(201).json();
    assert_eq!(answer["expires_at"], "2026-01-02T03:19:05.000000Z");
    let token = answer["token"].as_str().expect("a token").to_owned();
    let event = newest(&ci.t).await;
    assert_eq!(event["event"], "token_exchanged");
    assert_eq!(newest_actor(&ci.t).await["kind"], "service");
    let who = ci.t.get(&token, "/api/v1/whoami").await.expect(200).json();
    assert_eq!((&who["name"], &who["kind"], &who["roles"]), (&json!("ci"), &json!("service"), &json!(["contributor"])));
    ci.t.post(&token, "/api/v1/models", json!({"name": "scorer", "intended_use": "x", "risk_tier": "low"}))
        .await
        .expect(201);
    let listed = ci.t.get(&ci.admin, "/api/v1/tokens").await.expect(200).text();
    assert!(listed.contains("credit-ci: repo:corp/credit:ref:refs/heads/main"), "{listed}");
    // It does not make another one, and is over when the trust says.
    ci.t.post(&token, "/api/v1/tokens", json!({"name": "more", "expires_in_days": 1})).await.expect(403);
    ci.later(15);
    ci.t.get(&token, "/api/v1/whoami").await.expect(401);
}

#[actix_web::test]
async fn a_token_of_an_issuer_is_exchanged_once_however_many_try() {
    let ci = Ci::start().await;
    let token = ci.signed(json!({}));
    let all = futures_util::future::join_all((0..6).map(|_| exchange(&ci.t, &token))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(all.iter().filter(|answer| answer.status == 422).count(), 5);
    // Nor is another one of the same name, even when nobody would believe the first any more.
    ci.later(6);
    let refused = exchange(&ci.t, &ci.signed(json!({"ref": "refs/tags/v1"}))).await.expect(422);
    assert!(refused.text().contains("exchanged before"), "{}", refused.text());
    assert_eq!(newest(&ci.t).await["cause"], "used");
}

/// A token that must get nothing, what it is, and what the log says of it.
type Forgery<'a> = (&'a str, String, &'a str);

fn forgeries(ci: &Ci) -> Vec<Forgery<'_>> {
    let headed = |header: Value| ci.signer.sign(&with(ci.signer.header(), header), &ci.claims());
    let now = ci.t.app.db.clock().now().timestamp();
    let elsewhere = format!("{}/elsewhere", ci.issuer.url);
    let other = Signer::new("one");
    let public = message(&with(ci.signer.header(), json!({"alg": "HS256"})), &ci.claims());
    let key = hmac::Key::new(hmac::HMAC_SHA256, ci.signer.public().to_string().as_bytes());
    vec![
        ("without a signature", format!("{}.", message(&json!({"alg": "none"}), &ci.claims())), "algorithm_refused"),
        (
            "HS256 by the public key",
            format!("{public}.{}", b64(hmac::sign(&key, public.as_bytes()))),
            "algorithm_refused",
        ),
        ("a foreign jku", headed(json!({"jku": elsewhere})), "key_in_token"),
        ("a foreign x5u", headed(json!({"x5u": elsewhere})), "key_in_token"),
        (
            "with its own key",
            other.sign(&with(other.header(), json!({"jwk": other.public()})), &ci.claims()),
            "key_in_token",
        ),
        ("a key name that is a path", headed(json!({"kid": "../../dev/null"})), "unknown_key"),
        ("signed by another key", other.sign(&other.header(), &ci.claims()), "bad_signature"),
        ("an access token", headed(json!({"typ": "at+jwt"})), "other_type"),
        ("no token at all", "x.y.z".to_owned(), "malformed_token"),
        ("by another issuer", ci.signed(json!({"iss": "https://ci.example"})), "other_issuer"),
        ("for another service", ci.signed(json!({"aud": "sts.example"})), "other_audience"),
        ("for several services", ci.signed(json!({"aud": [AUDIENCE, "sts.example"]})), "other_audience"),
        ("over", ci.signed(json!({"exp": now - 61})), "expired"),
        ("from the future", ci.signed(json!({"nbf": now + 120})), "not_yet_valid"),
        ("for a week", ci.signed(json!({"exp": now + 7 * 86_400})), "too_long"),
        ("without a name of its own", ci.signed(json!({"jti": null})), "no_token_id"),
        ("of a fork", ci.signed(json!({"repository": "mallory/credit"})), "claim_differs"),
        ("of another branch", ci.signed(json!({"ref": "refs/heads/main-2"})), "claim_differs"),
        ("of a pull request", ci.signed(json!({"ref": "refs/pull/7/merge"})), "claim_differs"),
        ("without the claim", ci.signed(json!({"repository": null})), "claim_differs"),
    ]
}

#[actix_web::test]
async fn forged_tokens_of_workloads_get_nothing_and_are_in_the_log() {
    let ci = Ci::start().await;
    let forgeries = forgeries(&ci).len();
    assert_eq!(forgeries, 20);
    for n in 0..forgeries {
        // Ten failures in five minutes are the most from one place.
        ci.later(6);
        let (what, forged, cause) = self::forgeries(&ci).remove(n);
        exchange(&ci.t, &forged).await.expect(422);
        let event = newest(&ci.t).await;
        assert_eq!((&event["event"], &event["cause"]), (&json!("workload_refused"), &json!(cause)), "{what}");
        assert_eq!(newest_actor(&ci.t).await["kind"], "anonymous", "{what}");
    }
    assert_eq!(ci.issuer.seen(|state| state.lured), 0, "no address that a token names is asked");
    let tokens = ci.t.get(&ci.admin, "/api/v1/tokens").await.expect(200).text();
    assert!(!tokens.contains("credit-ci:"), "{tokens}");
    // The same token without any of this is good.
    ci.token(json!({})).await;
}

#[actix_web::test]
async fn whoever_has_no_token_of_its_issuer_does_not_learn_who_is_trusted() {
    let ci = Ci::start().await;
    let strange = Signer::new("strange");
    for token in [strange.sign(&strange.header(), &ci.claims()), "x".to_owned(), String::new()] {
        let ask = async |name: &str| {
            let answer = ci.t.post("", "/api/v1/workload-tokens", json!({"trust": name, "token": token})).await;
            (answer.status, answer.text().replace(answer.header("x-request-id"), ""))
        };
        assert_eq!(ask("credit-ci").await, ask("nobody").await, "{token}");
    }
}

#[actix_web::test]
async fn whoever_forges_waits_and_the_keys_are_asked_for_once_in_a_while() {
    let ci = Ci::start().await;
    for n in 0..11 {
        let strange = Signer::new(&format!("strange-{n}"));
        let answer = exchange(&ci.t, &strange.sign(&strange.header(), &ci.claims())).await;
        assert_eq!(answer.status, if n < 10 { 422 } else { 429 }, "{}", answer.text());
    }
    assert_eq!(ci.issuer.seen(|state| state.key_asks), 1);
    // A name under which nobody is trusted counts in the same way.
    let unknown = json!({"trust": "nobody", "token": "x"});
    for n in 0..12 {
        let status = if n < 10 { 422 } else { 429 };
        ci.t.post("", "/api/v1/workload-tokens", unknown.clone()).await.expect(status);
    }
    ci.later(6);
    ci.token(json!({})).await;
}

#[actix_web::test]
async fn what_was_given_is_dead_the_moment_that_anything_it_rests_on_is() {
    let ci = Ci::start().await;
    let trusts = ci.t.get(&ci.admin, "/api/v1/workload-trusts").await.expect(200).json();
    let id = trusts["items"][0]["id"].as_str().expect("an id").to_owned();
    let first = ci.token(json!({})).await;
    reply(ci.t.request(&ci.admin, "DELETE", &format!("/api/v1/workload-trusts/{id}"))).await.expect(200);
    ci.t.get(&first, "/api/v1/whoami").await.expect(401);
    exchange(&ci.t, &ci.signed(json!({"jti": "job-2"}))).await.expect(422);
    let before = ci.t.events().await;
    reply(ci.t.request(&ci.admin, "DELETE", &format!("/api/v1/workload-trusts/{id}"))).await.expect(200);
    assert_eq!(ci.t.events().await, before, "once is enough");
    // The same name again is another trust.
    ci.t.post(&ci.admin, "/api/v1/workload-trusts", trust(&ci.issuer.url)).await.expect(201);
    let second = ci.token(json!({"jti": "job-3"})).await;
    let elsewhere = ci.t.again(&[]).await;
    elsewhere.get(&second, "/api/v1/whoami").await.expect(401);
    ci.t.get(&second, "/api/v1/whoami").await.expect(200);
    reply(ci.t.request(&ci.admin, "DELETE", "/api/v1/accounts/ci")).await.expect(200);
    ci.t.get(&second, "/api/v1/whoami").await.expect(401);
    exchange(&ci.t, &ci.signed(json!({"jti": "job-4"}))).await.expect(422);
    assert_eq!(newest(&ci.t).await["cause"], "account_over");
}

#[actix_web::test]
async fn a_workspace_trusts_only_issuers_that_the_operator_lets_the_service_ask() {
    let ci = Ci::start().await;
    for (changed, field) in [
        (json!({"issuer": "https://evil.example"}), "issuer"),
        (json!({"issuer": format!("{}/", ci.issuer.url)}), "issuer"),
        (json!({"issuer": "http://169.254.169.254"}), "issuer"),
        (json!({"audience": ""}), "audience"),
        (json!({"minutes": 61}), "minutes"),
        (json!({"minutes": 0}), "minutes"),
        (json!({"account": "olga"}), "account"),
        (json!({"account": "nobody"}), "account"),
        (json!({"claims": {}}), "claims"),
        (json!({"claims": {"sub": ["*"]}}), "claims"),
        (json!({"claims": {"aud": ["x"]}}), "claims"),
        (json!({"scope": {"models": []}}), "scope.models"),
        (json!({"scope": {"environments": ["nowhere"]}}), "scope.environments"),
        (json!({"scope": {"actions": ["token.create"]}}), "scope.actions"),
    ] {
        let new = with(trust(&ci.issuer.url), with(json!({"name": "another"}), changed.clone()));
        let refused = ci.t.post(&ci.admin, "/api/v1/workload-trusts", new).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["field"], field, "{changed}: {}", refused.text());
    }
    let again = ci.t.post(&ci.admin, "/api/v1/workload-trusts", trust(&ci.issuer.url)).await.expect(409);
    assert_eq!(again.code(), "workload_trust_name_taken");
    let bare = TestApp::start().await;
    let admin = workspace(&bare).await;
    bare.post(&admin, "/api/v1/workload-trusts", trust(&ci.issuer.url)).await.expect(422);
    assert_eq!(ci.issuer.seen(|state| state.key_asks + state.lured), 0, "nobody was asked for any of this");
}

#[actix_web::test]
async fn a_job_reaches_no_further_than_its_trust_says() {
    let ci = Ci::start().await;
    for name in ["credit", "other"] {
        let model = json!({"name": name, "intended_use": "x", "risk_tier": "low"});
        let made = ci.t.user(&format!("maker-of-{name}"), &["contributor"]).await;
        ci.t.post(&made, "/api/v1/models", model).await.expect(201);
    }
    let scope = json!({"models": ["credit"], "actions": ["look", "version.create"]});
    let new = with(trust(&ci.issuer.url), json!({"name": "narrow", "scope": scope}));
    let made = ci.t.post(&ci.admin, "/api/v1/workload-trusts", new).await.expect(201).json();
    assert_eq!(made["scope"], scope);
    let shown = json!({"trust": "narrow", "token": ci.signed(json!({}))});
    let token = ci.t.post("", "/api/v1/workload-tokens", shown).await.expect(201).json()["token"].clone();
    let token = token.as_str().expect("a token");
    assert_eq!(ci.t.get(token, "/api/v1/whoami").await.expect(200).json()["scope"], scope);
    let files = json!({"files": [{"path": "a", "sha256": format!("sha256:{}", "0".repeat(64)), "size_bytes": 1}]});
    ci.t.post(token, "/api/v1/models/credit/versions", files.clone()).await.expect(201);
    for (method, path) in
        [("POST", "/api/v1/models/other/versions"), ("GET", "/api/v1/models/other"), ("GET", "/api/v1/models")]
    {
        let refused = reply(ci.t.request(token, method, path).json(&files)).await.expect(403);
        assert_eq!(refused.code(), "beyond_the_token", "{method} {path}");
    }
    let update = ci.t.request(token, "PATCH", "/api/v1/models/credit").header("if-match", "\"1\"");
    assert_eq!(reply(update.json(&json!({"title": "x"}))).await.expect(403).code(), "beyond_the_token");
}
