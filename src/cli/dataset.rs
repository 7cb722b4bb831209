//! Evaluation data.

use super::{Exit, Failure, bias::Columns, env, output, print, reference, session::Session};
use crate::{
    client::{Patience, broken_off},
    config::Client as Connection,
    datasets::{
        Description,
        api::{DESCRIPTION_HEADER, DatasetView, media_type},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use reqwest::header::{self, HeaderName};
use std::path::PathBuf;
use tokio_util::io::ReaderStream;

#[derive(Subcommand)]
pub enum Dataset {
    /// Register a CSV file, or an .npz of named tensors, to evaluate models on. It never changes afterwards.
    #[command(
        after_help = "Examples:\n  plimsoll dataset push holdout evaluation.csv --label creditworthy --positive good --sensitive sex --sensitive age --cut age=25,45\n  plimsoll dataset push recordings recordings.npz --description recordings.yaml\n\nrecordings.yaml, for a model of sound with a state:\n  tensors:\n    inputs: {input: {array: frames}, sr: {shared: true}}\n    state: {state: stateN}\n    expected: {output: {array: speech, absolute: 0.0001, threshold: 0.5}}"
    )]
    Push(Push),
}

#[derive(Args)]
pub struct Push {
    #[arg(value_parser = reference::name)]
    name: String,
    /// CSV in UTF-8 with a header line, or an .npz of NumPy.
    file: PathBuf,
    /// What the columns or arrays mean, in a file (YAML or JSON) instead of in arguments.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["label", "positive", "sensitive", "cuts", "unknown", "roles", "features", "source"])]
    description: Option<PathBuf>,
    #[command(flatten)]
    columns: Option<Columns>,
    /// A column that a single tensor input takes; in this order.
    #[arg(long = "feature", value_name = "COLUMN")]
    features: Vec<String>,
    /// Nobody reads the rows but validation runs by the registry, so that no model is fitted to them.
    #[arg(long)]
    held_out: bool,
    /// Where the data come from and under which licence.
    #[arg(long, default_value = "", value_name = "TEXT")]
    source: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Dataset {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Push(push) => push.run().await,
        }
    }
}

impl Push {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let mut description = match (&self.description, &self.columns) {
            (Some(file), _) => Description::parse(&env::read(file)?)?,
            (None, Some(columns)) => columns.describe(self.features, self.source)?,
            (None, None) => {
                let what = "nothing says what the data mean";
                return Err(Failure::new(Exit::Usage, what).next("give --label COLUMN, or --description FILE"));
            }
        };
        description.held_out |= self.held_out;
        let media_type = media_type(&description).to_owned();
        let described = STANDARD.encode(serde_json::to_vec(&description).map_err(Failure::other)?);
        let headers = [(header::CONTENT_TYPE, media_type), (HeaderName::from_static(DESCRIPTION_HEADER), described)];
        let failed = |e: std::io::Error| Failure::new(Exit::Usage, format!("can't read {}: {e}", self.file.display()));
        let size = tokio::fs::metadata(&self.file).await.map_err(failed)?.len();
        let open = async || {
            let file = tokio::fs::File::open(&self.file).await.map_err(failed)?;
            Ok(ReaderStream::new(file))
        };
        let answer = client.put_bytes(&["datasets", &self.name], &headers, size, Patience::SHORT, open).await?;
        let view: DatasetView = answer.json().await.map_err(broken_off)?;
        if self.json {
            return output::json(&view);
        }
        print(&format!("{} {} ({} rows)", view.name, view.digest, view.rows))
    }
}
