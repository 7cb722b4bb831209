//! A witness for logs of others: one operation, `POST /add-checkpoint`.

use super::{
    SIZE_TYPE,
    request::Request,
    rule::{Refusal, Seen, judge, read},
    state::{State, StateError},
};
use crate::{
    core::clock::Clock,
    crypto::{
        cosignature,
        keys::RegistryKey,
        note::{NoteError, Vkey, check_name},
    },
};
use actix_web::{
    HttpResponse, HttpServer,
    dev::Server,
    http::StatusCode,
    post,
    web::{self, Bytes, Data, PayloadConfig},
};
use std::{
    net::TcpListener,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A note of at most 64 KiB and 63 hashes.
const MAX_BODY_BYTES: usize = 80 << 10;

pub struct Witness {
    name: String,
    key: RegistryKey,
    logs: Vec<Vkey>,
    clock: Clock,
    /// Held from reading what was seen until the new head is on disk: two requests at once
    /// must not both go on from the same head.
    state: Mutex<State>,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    State(#[from] StateError),
}

impl Witness {
    pub fn new(name: &str, key: RegistryKey, logs: Vec<Vkey>, state: State) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key, logs, clock: Clock::System, state: Mutex::new(state) })
    }

    /// What logs and verifiers are given.
    pub fn vkey(&self) -> String {
        cosignature::vkey(&self.name, &self.key.public_bytes())
    }

    /// The cosignature line for a head that goes on from the last one.
    fn add(&self, body: &[u8]) -> Result<String, Failed> {
        let request = std::str::from_utf8(body).ok().and_then(Request::parse).ok_or(Refusal::Malformed)?;
        let (new, text) = read(&request, &self.logs)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        judge(&request, &new, &state.seen(&new.origin))?;
        state.remember(&new.origin, Seen { size: new.size, root: new.root })?;
        let time = u64::try_from(self.clock.now().timestamp()).unwrap_or_default();
        tracing::info!(origin = new.origin, size = new.size, "cosigned");
        Ok(cosignature::sign(&text, &self.name, &self.key, time))
    }
}

pub fn run(listener: TcpListener, witness: Data<Witness>) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(witness.clone())
            .app_data(PayloadConfig::new(MAX_BODY_BYTES))
            .service(add_checkpoint)
    })
    .workers(2)
    .client_request_timeout(Duration::from_secs(10))
    .listen(listener)?
    .run();
    Ok(server)
}

#[post("/add-checkpoint")]
async fn add_checkpoint(witness: Data<Witness>, body: Bytes) -> HttpResponse {
    // The file is made durable, which takes milliseconds.
    let done = web::block(move || witness.add(&body)).await;
    match done {
        Ok(Ok(line)) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(line),
        Ok(Err(Failed::Refused(refusal))) => {
            tracing::warn!("not cosigned: {}", refusal.to_string().trim_end());
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let kind = if matches!(refusal, Refusal::OtherSize(_)) { SIZE_TYPE } else { "text/plain; charset=utf-8" };
            HttpResponse::build(status).content_type(kind).body(refusal.to_string())
        }
        Ok(Err(Failed::State(error))) => {
            tracing::error!("not cosigned: {error}");
            HttpResponse::ServiceUnavailable().body("the witness cannot keep what it sees; its operator knows why\n")
        }
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}
