//! A witness on a machine of its own: no database, no blobs, a key and one file.

use super::{Exit, Failure, print};
use crate::{
    audit::{
        signer,
        witness::{
            server::{self, Witness as Server},
            state::State,
        },
    },
    config::Log,
    crypto::note::{NoteError, Vkey},
    telemetry,
};
use actix_web::web::Data;
use clap::Args;
use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

#[derive(Args)]
pub struct Witness {
    /// The witness's name in its signatures, such as `witness.example.org`; never changes afterwards.
    #[arg(long)]
    name: String,
    /// Folder of the witness's key and of what it has seen. Losing it means that a fork could be signed.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The verifier key of a log to watch, as `plimsoll audit key` prints it. May be given several times.
    #[arg(long = "log-key", required = true, value_name = "VKEY", value_parser = log_key)]
    logs: Vec<Vkey>,
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8251", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    log: Log,
}

fn log_key(text: &str) -> Result<Vkey, NoteError> {
    Vkey::parse(text)
}

impl Witness {
    pub async fn run(self) -> Result<Exit, Failure> {
        telemetry::start(&self.log).map_err(|e| Failure::new(Exit::Usage, e))?;
        let key = signer::open_key(&self.data.join("witness.pem"))?;
        let state = State::open(self.data.join("witness.json")).map_err(Failure::other)?;
        let server = Server::new(&self.name, key, self.logs, state);
        let witness = Data::new(server.map_err(|e| Failure::new(Exit::Usage, format!("--name: {e}")))?);
        let listener = TcpListener::bind(self.listen)
            .map_err(|e| Failure::other(format!("can't listen on {}: {e}", self.listen)))?;
        let address = listener.local_addr().map_err(Failure::other)?;
        // What the registry takes as `--witness`.
        print(&format!("{} http://{address}", witness.vkey()))?;
        server::run(listener, witness).map_err(Failure::other)?.await.map_err(Failure::other)?;
        Ok(Exit::Ok)
    }
}
