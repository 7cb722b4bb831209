//! One actor's way to the service. Every call stands in the journal before it is sent.

use super::{
    journal::{Call, Journal},
    random::Random,
    service::Address,
};
use plimsoll::core::digest::Digest;
use serde_json::Value;
use std::time::Duration;

/// An answer; `status` 0 means that there was none.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub json: Value,
    pub etag: String,
}

impl Answer {
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn text(&self, field: &str) -> String {
        self.json[field].as_str().unwrap_or_default().to_owned()
    }
}

/// What is sent.
#[derive(Clone, Default)]
pub struct Sent {
    pub body: Vec<u8>,
    pub content_type: Option<&'static str>,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub key: Option<String>,
    pub dataset: Option<String>,
}

impl Sent {
    pub fn json(body: &Value) -> Self {
        Self { body: body.to_string().into_bytes(), content_type: Some("application/json"), ..Self::default() }
    }

    pub fn with_key(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }

    pub fn if_match(mut self, etag: &str) -> Self {
        self.if_match = Some(etag.to_owned());
        self
    }
}

/// What a journal keeps of a token.
fn ending(token: &str) -> String {
    token.chars().rev().take(8).collect()
}

pub struct Client {
    pub actor: &'static str,
    pub token: String,
    pub random: Random,
    pub journal: Journal,
    pub address: Address,
    http: reqwest::Client,
}

/// What a journal keeps of an answer.
const KEPT: [&str; 17] = [
    "id",
    "state",
    "number",
    "revision",
    "digest",
    "decision_digest",
    "version",
    "environment",
    "model",
    "release",
    "account",
    "name",
    "size_bytes",
    "run",
    "promotion",
    "version_digest",
    "release_id",
];

impl Client {
    pub fn new(actor: &'static str, token: String, random: Random, journal: Journal, address: Address) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("client");
        Self { actor, token, random, journal, address, http }
    }

    pub async fn get(&mut self, op: &'static str, path: &str) -> Answer {
        self.send(op, "GET", path, Sent::default()).await
    }

    /// A POST; half of them with a key, and repeated with it when nobody knows what became of it.
    pub async fn post(&mut self, op: &'static str, path: &str, body: Value) -> Answer {
        if self.random.percent(50) {
            return self.send(op, "POST", path, Sent::json(&body)).await;
        }
        let key = format!("{}-{}", self.actor, self.random.id());
        let sent = Sent::json(&body).with_key(key.clone());
        let mut answer = self.send(op, "POST", path, sent.clone()).await;
        for _ in 0..3 {
            if answer.status != 0 {
                break;
            }
            self.pause(700).await;
            answer = self.send(op, "POST", path, sent.clone()).await;
        }
        if self.random.percent(8) {
            self.send(op, "POST", path, sent).await;
        } else if self.random.percent(4) && answer.is_done() {
            let other = Sent::json(&serde_json::json!({"other": self.random.id()})).with_key(key);
            self.send("other_body", "POST", path, other).await;
        }
        answer
    }

    pub async fn pause(&mut self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    /// That the end of a credential was acknowledged.
    pub fn note_end(&self, token: &str) {
        let noted = self.call("token_ended", "", "", &Sent::default());
        self.journal.begin(Call { token: ending(token), ..noted });
    }

    fn call(&self, op: &'static str, method: &'static str, path: &str, sent: &Sent) -> Call {
        Call {
            number: 0,
            actor: self.actor,
            op,
            method,
            path: path.to_owned(),
            key: sent.key.clone(),
            if_match: sent.if_match.clone(),
            body: Digest::of(&sent.body).to_string(),
            token: ending(&self.token),
            t0: 0,
            t1: None,
            status: None,
            code: String::new(),
            request_id: String::new(),
            replayed: false,
            answer: Value::Null,
        }
    }

    pub async fn send(&mut self, op: &'static str, method: &'static str, path: &str, sent: Sent) -> Answer {
        let number = self.journal.begin(self.call(op, method, path, &sent));
        let url = format!("{}{path}", self.address.get());
        let mut request = self.http.request(method.parse().expect("method"), url).bearer_auth(&self.token);
        let headers = [
            ("content-type", sent.content_type.map(str::to_owned)),
            ("if-match", sent.if_match),
            ("if-none-match", sent.if_none_match),
            ("idempotency-key", sent.key),
            ("plimsoll-dataset", sent.dataset),
        ];
        for (name, value) in headers.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            request = request.header(name, value);
        }
        let Ok(response) = request.body(sent.body).send().await else { return Answer::default() };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let Ok(bytes) = response.bytes().await else { return Answer::default() };
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let json: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Answer { status, json, etag: header("etag") };
        self.journal.end(number, |call| {
            call.status = Some(status);
            call.code = answer.text("code");
            call.request_id = header("x-request-id");
            call.replayed = !header("idempotency-replayed").is_empty();
            call.answer = KEPT.iter().map(|name| ((*name).to_owned(), answer.json[*name].clone())).collect();
            call.answer["sha256"] = Digest::of(&bytes).to_string().into();
            call.answer["etag"] = answer.etag.clone().into();
        });
        answer
    }
}
