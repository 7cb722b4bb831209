//! With a provider that others made: the npm package oidc-provider, which `scripts/foreign.sh` installs.

use super::visit::{self, BACK, Begun, begin, newest, session_of, sessions, whoami};
use crate::{harness::TestApp, pages::stage::Browser};
use chrono::{TimeDelta, Utc};
use reqwest::Url;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

pub struct Provider {
    child: Child,
    pub url: String,
    http: reqwest::Client,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Provider {
    pub fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = root.join(".cache/foreign/provider");
        assert!(modules.join("node_modules").exists(), "the provider must be here: run scripts/foreign.sh");
        let mut command = Command::new("node");
        command.arg(root.join("tests/foreign/provider/provider.js")).arg(modules).arg(BACK);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("node");
        let mut lines = BufReader::new(child.stdout.take().expect("output")).lines();
        let url = lines.by_ref().map(|line| line.expect("a line")).find(|line| line.starts_with("http://"));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("client");
        // Whatever else it prints has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: url.expect("an address"), http }
    }

    /// A token that says this, signed with a key that it publishes (`job`) or one that it does not.
    pub async fn sign(&self, key: &str, claims: Value) -> String {
        let asked = json!({"key": key, "claims": claims});
        let answer = self.http.post(format!("{}/test/sign", self.url)).json(&asked).send().await.expect("signed");
        answer.text().await.expect("a token")
    }

    async fn tell(&self, path: &str, what: Value) {
        let told = self.http.post(format!("{}/test/{path}", self.url)).json(&what).send().await.expect("told");
        assert_eq!(told.status(), 204);
    }
}

/// Somebody's browser at the provider, which keeps its cookies.
struct Person<'a> {
    provider: &'a Provider,
    name: &'a str,
    cookies: BTreeMap<String, String>,
    /// How often the provider asked for the password.
    asked: usize,
}

impl<'a> Person<'a> {
    fn new(provider: &'a Provider, name: &'a str) -> Self {
        Self { provider, name, cookies: BTreeMap::new(), asked: 0 }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> (Option<String>, String) {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("cookie", cookies.join("; ")).send().await.expect("an answer");
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        let location = answer.headers().get("location").map(|to| to.to_str().expect("text").to_owned());
        (location, answer.text().await.expect("a page"))
    }

    /// Fills in every form on the way, until the provider sends the browser back; returns the path of that.
    async fn prove(&mut self, begun: &Begun) -> String {
        let mut next = begun.address.clone();
        for _ in 0..12 {
            if next.as_str().starts_with(BACK) {
                return format!("{}?{}", next.path(), next.query().unwrap_or_default());
            }
            let get = self.provider.http.get(next.clone());
            let (location, page) = self.send(get).await;
            let location = match location {
                Some(location) => location,
                None => self.fill_in(&page).await,
            };
            next = Url::parse(&self.provider.url).expect("a URL").join(&location).expect("a URL");
        }
        unreachable!("the provider sends the browser in circles")
    }

    async fn fill_in(&mut self, page: &str) -> String {
        let after =
            |text: &str| page.split_once(text).map(|(_, rest)| rest.split('"').next().unwrap_or_default().to_owned());
        let action = after("action=\"").expect("a form");
        let prompt = after("name=\"prompt\" value=\"").expect("a prompt");
        let mut form = format!("prompt={prompt}");
        if prompt == "login" {
            self.asked += 1;
            form.push_str(&format!("&login={}&password=any", self.name));
        }
        let post = self.provider.http.post(action).header("content-type", "application/x-www-form-urlencoded");
        self.send(post.body(form)).await.0.expect("the way on")
    }
}

async fn service(provider: &Provider) -> (TestApp, tempfile::TempDir) {
    let (t, folder) = visit::service(&provider.url, visit::ONE_EACH).await;
    agree(&t, 0);
    (t, folder)
}

/// Puts the service's clock where the provider's is: so many minutes ahead of the machine's.
pub fn agree(t: &TestApp, ahead: i64) {
    #[expect(clippy::disallowed_methods, reason = "another program's clock is to agree with this one")]
    let now = Utc::now();
    t.app.db.clock().advance(now + TimeDelta::minutes(ahead) - t.app.db.clock().now());
}

/// Through the provider and back.
async fn travel(t: &TestApp, person: &mut Person<'_>, begun: &Begun, ahead: i64) -> String {
    let back = person.prove(begun).await;
    agree(t, ahead);
    back
}

async fn sign_in<'a>(t: &'a TestApp, person: &mut Person<'_>) -> Browser<'a> {
    let mut browser = Browser::open(t).await;
    let begun = begin(&mut browser, "?next=/models").await;
    let back = travel(t, person, &begun, 0).await;
    let answer = browser.get(&back).await.expect(303);
    assert_eq!(answer.header("location"), "/models");
    browser.keep(&answer);
    browser
}

#[actix_web::test]
async fn people_sign_in_with_oidc_provider_and_their_groups_say_what_they_may() {
    let provider = Provider::start();
    let (t, _folder) = service(&provider).await;
    // The last administrator would stay one.
    t.user("olga", &["admin"]).await;
    provider.tell("people", json!({"ines": {"name": "Ines Amaro", "groups": ["credit-risk", "it"]}})).await;
    let mut ines = Person::new(&provider, "ines");
    let browser = sign_in(&t, &mut ines).await;
    let who = whoami(&t, &browser).await.expect(200).json();
    assert_eq!((&who["name"], &who["roles"]), (&json!("ines"), &json!(["viewer", "reviewer", "admin"])));
    browser.get("/models").await.expect(200);
    // She is signed in there, so nothing is asked, and her groups are what they are now.
    provider.tell("people", json!({"ines": {"groups": ["it"]}})).await;
    let again = sign_in(&t, &mut ines).await;
    assert_eq!(ines.asked, 1);
    assert_eq!(whoami(&t, &again).await.json()["roles"], json!(["admin"]));
    assert_eq!(whoami(&t, &browser).await.json()["roles"], json!(["admin"]));
    // Signing out ends the session here.
    let session = session_of(&again).expect("session");
    let mut again = again;
    let page = again.get("/account").await.expect(200);
    again.keep(&page);
    again.send("/logout", &[]).await.expect(303);
    t.get(&session, "/api/v1/whoami").await.expect(401);
    provider.tell("people", json!({"ines": {"groups": []}})).await;
    let mut browser = Browser::open(&t).await;
    let begun = begin(&mut browser, "").await;
    let back = travel(&t, &mut ines, &begun, 0).await;
    browser.get(&back).await.expect(403);
    assert_eq!(newest(&t).await["cause"], "no_role");
}

#[actix_web::test]
async fn what_weighs_much_goes_back_to_oidc_provider_which_asks_again() {
    let provider = Provider::start();
    let (t, _folder) = service(&provider).await;
    provider.tell("people", json!({"ines": {"groups": ["credit-risk", "it"]}})).await;
    let mut ines = Person::new(&provider, "ines");
    let mut browser = sign_in(&t, &mut ines).await;
    t.user("mara", &["reviewer"]).await;
    let page = browser.get("/delegations").await.expect(200);
    browser.keep(&page);
    agree(&t, 16);
    provider.tell("ahead", json!({"seconds": 16 * 60})).await;
    let session = session_of(&browser).expect("session");
    let wanted = json!({"name": "laptop", "expires_in_days": 1});
    let refused = t.post(&session, "/api/v1/tokens", wanted.clone()).await.expect(403);
    assert_eq!(refused.code(), "reauthentication_required");
    // A page says where it is proven, and asks for no password.
    let now = t.app.db.clock().now();
    let until = (now + TimeDelta::days(3)).format("%Y-%m-%d").to_string();
    let fields = [("to", "mara"), ("until", until.as_str())];
    let asked = browser.send("/delegations", &fields).await.expect(403).text();
    assert!(asked.contains("/login/with/corp?confirm=1&#38;next=/") && !asked.contains("type=\"password\""), "{asked}");
    let begun = begin(&mut browser, "?confirm=1&next=/delegations").await;
    let back = travel(&t, &mut ines, &begun, 16).await;
    assert_eq!(ines.asked, 2, "being signed in there is not enough");
    let answer = browser.get(&back).await.expect(303);
    assert_eq!(answer.header("location"), "/delegations");
    browser.keep(&answer);
    t.get(&session, "/api/v1/whoami").await.expect(401);
    t.post(&session_of(&browser).expect("session"), "/api/v1/tokens", wanted).await.expect(201);
}

#[actix_web::test]
async fn oidc_provider_gives_no_token_for_a_code_twice_nor_to_another_browser() {
    let provider = Provider::start();
    let (t, _folder) = service(&provider).await;
    provider.tell("people", json!({"ines": {"groups": ["it"]}})).await;
    let mut ines = Person::new(&provider, "ines");
    let mut browser = Browser::open(&t).await;
    let begun = begin(&mut browser, "").await;
    let back = travel(&t, &mut ines, &begun, 0).await;
    // Whoever caught the address on its way has not the browser's cookie, nor with a sign-in of their own the verifier.
    let mut thief = Browser::open(&t).await;
    thief.get(&back).await.expect(403);
    let own = begin(&mut thief, "").await;
    thief.get(&back.replace(&begun.state, &own.state)).await.expect(403);
    assert_eq!(newest(&t).await["cause"], "code_refused", "the code fits another verifier");
    assert_eq!(sessions(&t).await, 0);
    let mut browser = Browser::open(&t).await;
    let begun = begin(&mut browser, "").await;
    let back = travel(&t, &mut ines, &begun, 0).await;
    browser.get(&back).await.expect(303);
    browser.get(&back).await.expect(403);
    assert_eq!((newest(&t).await["cause"].clone(), sessions(&t).await), (json!("code_refused"), 1));
}
