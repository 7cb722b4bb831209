//! `run cancel`: a run that is called off.

use crate::{
    cli::{Exit, Failure, output, session::Session},
    config::Client as Connection,
    core::ids::RunId,
    validation::api::RunView,
    versions::api::ReasonInput,
};
use clap::Args;

#[derive(Args)]
pub struct Cancel {
    id: RunId,
    /// Why; everybody sees it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Cancel {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let path = ["runs", &self.id.to_string(), "cancellation"];
        let run: RunView = client.create(&path, &ReasonInput { reason: self.reason }).await?;
        if self.json {
            return output::json(&run);
        }
        say!("run {} of {}@{} is {}", run.id, output::printable(&run.model), run.version, run.state);
        Ok(Exit::Ok)
    }
}
