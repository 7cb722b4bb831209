//! Vault's transit engine as its documentation describes it, as far as the service uses it: no Vault can be had here.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use plimsoll::crypto::seal::SealingKey;
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

pub struct TransitServer {
    url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    token: String,
    version: u8,
    is_sealed: bool,
    asked: Vec<String>,
}

impl TransitServer {
    pub async fn start(token: &str) -> Self {
        let state = State { token: token.to_owned(), version: 1, is_sealed: false, asked: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let shared = web::Data::new(state.clone());
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).route("/v1/transit/{verb}/plimsoll", web::post().to(answer))
        });
        actix_web::rt::spawn(server.workers(1).listen(listener).expect("listen").run());
        Self { url, state }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn rotate(&self) {
        self.state.lock().expect("state").version += 1;
    }

    pub fn seal(&self, is_sealed: bool) {
        self.state.lock().expect("state").is_sealed = is_sealed;
    }

    pub fn asked(&self, verb: &str) -> usize {
        self.state.lock().expect("state").asked.iter().filter(|asked| *asked == verb).count()
    }
}

async fn answer(
    state: web::Data<Arc<Mutex<State>>>,
    verb: web::Path<String>,
    request: HttpRequest,
    body: web::Json<Value>,
) -> HttpResponse {
    let mut state = state.lock().expect("state");
    state.asked.push(verb.clone());
    if state.is_sealed {
        return HttpResponse::ServiceUnavailable().json(json!({ "errors": ["Vault is sealed"] }));
    }
    let token = request.headers().get("x-vault-token").and_then(|token| token.to_str().ok());
    if token != Some(&state.token) {
        return HttpResponse::Forbidden().json(json!({ "errors": ["permission denied"] }));
    }
    let sealing = |version: u8| SealingKey::from_bytes(&[version; 32]).expect("key");
    let seal = |plain: &[u8]| {
        let sealed = sealing(state.version).seal(plain, "transit").expect("sealed");
        format!("vault:v{}:{sealed}", state.version)
    };
    let open = |text: &str| {
        let (version, sealed) = text.strip_prefix("vault:v")?.split_once(':')?;
        sealing(version.parse().ok()?).open(sealed, "transit").ok()
    };
    let ciphertext = body["ciphertext"].as_str().unwrap_or_default();
    let data = match verb.as_str() {
        "encrypt" => body["plaintext"]
            .as_str()
            .and_then(|text| STANDARD.decode(text).ok())
            .map(|plain| json!({ "ciphertext": seal(&plain) })),
        "decrypt" => open(ciphertext).map(|plain| json!({ "plaintext": STANDARD.encode(&plain[..]) })),
        "rewrap" => open(ciphertext).map(|plain| json!({ "ciphertext": seal(&plain) })),
        _ => return HttpResponse::NotFound().json(json!({ "errors": [] })),
    };
    match data {
        Some(data) => HttpResponse::Ok().json(json!({ "data": data })),
        None => HttpResponse::BadRequest().json(json!({ "errors": ["invalid ciphertext"] })),
    }
}
