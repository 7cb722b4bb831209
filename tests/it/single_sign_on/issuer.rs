//! An identity provider that does whatever a test wants: its own keys, and tokens as they come.

use actix_web::{App, HttpResponse, HttpServer, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

/// A key that signs by ES256.
pub struct Signer {
    pub id: String,
    pair: EcdsaKeyPair,
}

/// What the issuer answers next, and what it was asked.
#[derive(Default)]
pub struct State {
    pub description: Value,
    pub keys: Value,
    pub id_token: String,
    pub token_asks: usize,
    pub key_asks: usize,
    /// By which clients showed who they are, and what ties a code to who asked for it.
    pub secrets: Vec<String>,
    pub verifiers: Vec<String>,
    /// Asked for at an address that a token named.
    pub lured: usize,
    /// Where every question is sent instead, if anywhere.
    pub redirect: Option<String>,
}

pub struct Issuer {
    pub url: String,
    pub state: Arc<Mutex<State>>,
}

impl Signer {
    pub fn new(id: &str) -> Self {
        let rng = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).expect("key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &rng).expect("pair");
        Self { id: id.to_owned(), pair }
    }

    pub fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id,
            "x": b64(&point[1..33]), "y": b64(&point[33..])})
    }

    pub fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": "JWT", "kid": self.id})
    }

    /// Whatever the header says, by this key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signature");
        format!("{message}.{}", b64(signature))
    }
}

pub fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", b64(header.to_string()), b64(claims.to_string()))
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    pub fn start(signer: &Signer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let description = json!({"issuer": url, "authorization_endpoint": format!("{url}/auth"),
            "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/keys")});
        let state = State { description, keys: json!({"keys": [signer.public()]}), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = web::Data::from(state.clone());
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).default_service(web::to(
                |request: actix_web::HttpRequest, body: String, state: web::Data<Mutex<State>>| async move {
                    let mut state = state.lock().expect("state");
                    state.note(&request, &body);
                    state.answer(request.path())
                },
            ))
        });
        actix_web::rt::spawn(server.workers(1).disable_signals().listen(listener).expect("listen").run());
        Self { url, state }
    }

    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("state"));
    }

    pub fn seen<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().expect("state"))
    }
}

impl State {
    fn note(&mut self, request: &actix_web::HttpRequest, body: &str) {
        let basic = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        if let Some(basic) = basic.and_then(|value| value.strip_prefix("Basic ")) {
            let shown = base64::engine::general_purpose::STANDARD.decode(basic).expect("base64");
            self.secrets.push(String::from_utf8(shown).expect("text"));
        }
        let parameters = body.split('&').filter_map(|pair| pair.split_once('='));
        for (name, value) in parameters {
            match name {
                "client_secret" => self.secrets.push(value.to_owned()),
                "code_verifier" => self.verifiers.push(value.to_owned()),
                _ => {}
            }
        }
    }

    fn answer(&mut self, path: &str) -> HttpResponse {
        if let Some(elsewhere) = &self.redirect {
            return HttpResponse::TemporaryRedirect().insert_header(("location", elsewhere.as_str())).finish();
        }
        match path {
            "/.well-known/openid-configuration" => HttpResponse::Ok().json(&self.description),
            "/keys" => {
                self.key_asks += 1;
                HttpResponse::Ok().json(&self.keys)
            }
            "/token" => {
                self.token_asks += 1;
                HttpResponse::Ok().json(json!({"access_token": "x", "token_type": "Bearer", "id_token": self.id_token}))
            }
            _ => {
                self.lured += 1;
                HttpResponse::NotFound().finish()
            }
        }
    }
}
