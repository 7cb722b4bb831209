//! What a local check measures with: the environment's limits and the evaluation data, from the service or from files.

use super::super::{Exit, Failure, env, meter::Meter, reference, session::Session};
use crate::{
    client::{Client, broken_off},
    config::{Client as Connection, LocalSandbox},
    constraints::{ConstraintSpec, Link, SpecError},
    core::{canonical, digest::Digest},
    datasets::{Description, api::DatasetView, data::Data},
    environments::{api::EnvironmentView, profile::Profile},
};
use clap::Args;
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// A description says what columns mean.
const MAX_DATA_BYTES: u64 = 1 << 30;

#[derive(Args, Clone)]
#[command(next_help_heading = "Local check")]
pub struct Options {
    /// The model whose dataset the constraint spec names; needed where it names several.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    model: Option<String>,
    /// The registered dataset to measure on, instead of the one that the constraint spec names.
    #[arg(long, value_name = "NAME", value_parser = reference::name, conflicts_with_all = ["model", "data"])]
    dataset: Option<String>,
    /// A constraint spec (YAML or JSON) instead of the environment's.
    #[arg(long, value_name = "FILE")]
    constraints: Option<PathBuf>,
    /// Evaluation data (CSV, or an .npz of named tensors) instead of the service's.
    #[arg(long, value_name = "FILE", requires = "description")]
    data: Option<PathBuf>,
    /// What the columns or arrays of `--data` mean (YAML or JSON), such as `label: y`, or
    /// `tensors: {inputs: {bytes: {}}}`.
    #[arg(long, value_name = "FILE", requires = "data")]
    description: Option<PathBuf>,
    #[command(flatten)]
    pub sandbox: LocalSandbox,
}

impl Options {
    /// Whether something was asked for that only a local check has.
    pub fn is_local(&self) -> bool {
        self.model.is_some() || self.dataset.is_some() || self.constraints.is_some() || self.data.is_some()
    }
}

/// Everything but the model.
pub struct Material {
    pub spec: ConstraintSpec,
    pub spec_digest: Digest,
    /// How the environment is reached, as its profile says.
    pub link: Option<Link>,
    pub data: Data,
    pub description: Description,
    /// sha256 of the file with the rows.
    pub dataset_digest: Digest,
}

/// Reads files where there are any, and asks the service for the rest with the caller's rights.
pub async fn gather(env: Option<&str>, options: Options, connection: &Connection) -> Result<Material, Failure> {
    let offline = options.constraints.is_some() && options.data.is_some();
    let client = if offline { None } else { Some(Session::open(connection)?.client) };
    let place = match (env, &client) {
        (Some(env), Some(client)) => Some(client.get::<EnvironmentView>(&["environments", env], &[]).await?),
        _ => None,
    };
    let profile = place.as_ref().and_then(|place| place.profile.as_ref());
    let link = profile.map(|revision| Profile::parse(&revision.body)).transpose()?.and_then(|p| p.connectivity);
    let written = match (&options.constraints, place.and_then(|place| place.constraints)) {
        (Some(file), _) => env::read(file)?,
        (None, Some(revision)) => revision.body,
        (None, None) => {
            let what = "there is no constraint spec to measure against";
            return Err(Failure::new(Exit::Usage, what).next("name an environment that has one, or --constraints FILE"));
        }
    };
    let spec =
        ConstraintSpec::parse(&written).map_err(|problems| illegal(&problems, options.constraints.as_deref()))?;
    let spec_digest = canonical::digest(&spec.explicit().map_err(Failure::other)?).map_err(Failure::other)?;
    // A model may have an overlay, which tightens some of the limits.
    let only = spec.datasets().keys().next().filter(|_| spec.datasets().len() == 1).cloned();
    let spec = match options.model.clone().or(only) {
        Some(model) => spec.for_model(&model),
        None => spec,
    };
    let (bytes, description) = match (&options.data, &options.description, client) {
        (Some(data), Some(description), _) => {
            let described = Description::parse(&env::read(description)?)?;
            (read_bounded(data, MAX_DATA_BYTES)?, described)
        }
        (_, _, Some(client)) => fetch(&client, &dataset(&spec, &options)?).await?,
        _ => return Err(Failure::new(Exit::Usage, "give --data and --description together")),
    };
    let dataset_digest = Digest::of(&bytes);
    let read = move || match Data::read(&bytes, &description) {
        Ok(data) => Ok((data, description)),
        Err(unfit) => Err(Failure::new(Exit::Usage, format!("the {}: {}", unfit.field, unfit.detail))),
    };
    let (data, description) = tokio::task::spawn_blocking(read).await.map_err(Failure::other)??;
    Ok(Material { spec, spec_digest, link, data, description, dataset_digest })
}

fn illegal(problems: &[SpecError], file: Option<&Path>) -> Failure {
    let place = file.map_or_else(|| "the environment's constraint spec".to_owned(), |file| file.display().to_string());
    let mut failure = Failure::new(Exit::Usage, format!("{place} is no constraint spec"));
    failure.why = problems.iter().map(SpecError::to_string).collect();
    // The file was read a moment ago; without its text the places are still named by their paths.
    match file.and_then(|file| Some((file, std::fs::read_to_string(file).ok()?))) {
        Some((file, text)) => env::lines::place(failure, file, &text),
        None => failure,
    }
}

/// The dataset that was named, that counts for the model, or that is the only one.
fn dataset(spec: &ConstraintSpec, options: &Options) -> Result<String, Failure> {
    if let Some(name) = &options.dataset {
        return Ok(name.clone());
    }
    if let Some(model) = &options.model {
        let missing = || Failure::new(Exit::Usage, format!("the constraint spec names no dataset for {model}"));
        return spec.dataset(model).map(str::to_owned).ok_or_else(missing);
    }
    let mut names: Vec<_> = spec.datasets().values().collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(Failure::new(Exit::Usage, "the constraint spec names no dataset")
            .next("give --dataset NAME, or --data FILE and --description FILE")),
        _ => {
            let models: Vec<_> = spec.datasets().keys().map(String::as_str).collect();
            Err(Failure::new(Exit::Usage, "the constraint spec names several datasets")
                .next(format!("say which model these files are of with --model: {}", models.join(", "))))
        }
    }
}

/// The rows as they were registered; other bytes than the record names are refused.
async fn fetch(client: &Client, name: &str) -> Result<(Vec<u8>, Description), Failure> {
    let view: DatasetView = client.get(&["datasets", name], &[]).await?;
    let size = u64::try_from(view.size_bytes).unwrap_or(0);
    let mut answer = client.get_raw(&["datasets", name, "content"], &[]).await?;
    let mut meter = Meter::new("fetching data", size);
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken_off)? {
        if size < (bytes.len() + chunk.len()) as u64 {
            break;
        }
        bytes.extend_from_slice(&chunk);
        meter.add(chunk.len() as u64);
    }
    if Digest::of(&bytes).to_string() != view.digest {
        return Err(Failure::new(Exit::Verification, format!("the rows of {name} are not those of its digest")));
    }
    Ok((bytes, Description::parse(&serde_json::to_value::<Description>(view.description).map_err(Failure::other)?)?))
}

/// A file of at most so many bytes.
pub fn read_bounded(file: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let wrong = |e: String| Failure::new(Exit::Usage, format!("{}: {e}", file.display()));
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(|e| wrong(e.to_string()))?;
    opened.take(limit + 1).read_to_end(&mut bytes).map_err(|e| wrong(e.to_string()))?;
    match bytes.len() as u64 <= limit {
        true => Ok(bytes),
        false => Err(wrong(format!("has more than {limit} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn spec(datasets: &Value) -> ConstraintSpec {
        let limit = json!({"name": "size", "dimension": "size", "metric": "artifact_size", "operator": "<=", "limit": 1,
            "unit": "MiBy", "owner": "tom"});
        ConstraintSpec::parse(&json!({"datasets": datasets, "constraints": [limit]})).expect("a legal spec")
    }

    fn options(model: Option<&str>, dataset: Option<&str>) -> Options {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            options: Options,
        }
        let mut words = vec!["check"];
        words.extend(model.iter().flat_map(|name| ["--model", name]));
        words.extend(dataset.iter().flat_map(|name| ["--dataset", name]));
        <Line as clap::Parser>::parse_from(words).options
    }

    #[test]
    fn the_dataset_is_the_named_one_that_of_the_model_or_the_only_one() {
        let several = spec(&json!({"scorer": "people", "ranker": "pairs"}));
        let chosen = |spec: &ConstraintSpec, model, named| dataset(spec, &options(model, named)).ok();
        assert_eq!(chosen(&several, None, Some("other")).as_deref(), Some("other"));
        assert_eq!(chosen(&several, Some("ranker"), None).as_deref(), Some("pairs"));
        assert_eq!(chosen(&several, Some("unknown"), None), None);
        assert_eq!(chosen(&several, None, None), None);
        assert_eq!(chosen(&spec(&json!({"a": "x", "b": "x"})), None, None).as_deref(), Some("x"));
        assert_eq!(chosen(&spec(&json!({})), None, None), None);
    }
}
