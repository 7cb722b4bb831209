//! What really runs on a machine, held against what is active there.

use super::{Exit, Failure, output, print, push::files, reference, session::Session};
use crate::{
    config::Client as Connection,
    oversight::snapshot::api::{RunningInput, RunningView},
};
use clap::Args;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What `plimsoll pull` writes beside the files.
const RECORD: &str = crate::versions::RECORD_FILE;
/// A record of a pull is smaller than that.
const MAX_RECORD_BYTES: u64 = 64 << 20;

#[derive(Args)]
pub struct Snapshot {
    /// The folder that the model is loaded from. Its files are hashed here; only one digest is sent.
    dir: PathBuf,
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: String,
    /// Which model [default: the one that the folder was pulled as].
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    model: Option<String>,
    /// Which machine this is [default: its host name].
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Snapshot {
    pub async fn run(self) -> Result<Exit, Failure> {
        let model = match &self.model {
            Some(model) => model.clone(),
            None => pulled_model(&self.dir)?,
        };
        let digest = digest(&self.dir)?;
        let host = match &self.host {
            Some(host) => host.clone(),
            None => own_host()?,
        };
        let client = Session::open(&self.connection)?.client;
        let path = ["environments", &self.env, "models", &model, "running"];
        let view: RunningView = client.put(&path, &RunningInput { digest, host }).await?;
        if self.json {
            output::json(&view)?;
        } else {
            print(&output::fields(&[
                ("host", view.host.clone()),
                ("runs", view.digest.clone().unwrap_or_else(|| "nothing".to_owned())),
                ("active", active(&view)),
                ("matches", if view.matches { "yes" } else { "no" }.to_owned()),
            ]))?;
        }
        let Some(difference) = view.difference.filter(|_| !view.matches) else { return Ok(Exit::Ok) };
        let mut failure =
            Failure::new(Exit::Refused, output::printable(&format!("{} does not run what is active", view.host)));
        failure.why = vec![output::printable(&difference)];
        Err(failure.next(format!("plimsoll pull {model} --env {}, and load what it gives", self.env)))
    }
}

fn active(view: &RunningView) -> String {
    match (view.active_version, &view.active_digest) {
        (Some(version), Some(digest)) => format!("version {version} {digest}"),
        _ => "nothing".to_owned(),
    }
}

/// The digest of the folder's manifest as `push` computes it; none for a folder without files. What
/// `pull` wrote beside the files is not one of them.
fn digest(dir: &Path) -> Result<Option<String>, Failure> {
    let mut entries = fs::read_dir(dir)
        .map_err(|e| Failure::new(Exit::Usage, format!("can't read {}: {e}", dir.display())))?
        .filter_map(Result::ok);
    if entries.all(|entry| entry.file_name() == RECORD) {
        return Ok(None);
    }
    let mut found = files::find(dir)?;
    found.retain(|file| file.path.as_str() != RECORD);
    let manifest = files::manifest(&found)?;
    Ok(Some(manifest.digest().map_err(Failure::other)?.to_string()))
}

fn own_host() -> Result<String, Failure> {
    let told = fs::read_to_string("/proc/sys/kernel/hostname");
    told.map(|name| name.trim().to_owned())
        .map_err(|_| Failure::new(Exit::Usage, "this machine does not say its name").next("give one with --host NAME"))
}

fn pulled_model(dir: &Path) -> Result<String, Failure> {
    let unknown = || {
        Failure::new(Exit::Usage, format!("{} does not say which model it is", dir.display()))
            .next("name it with --model NAME")
    };
    let place = dir.join(RECORD);
    let small = fs::metadata(&place).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_RECORD_BYTES);
    let text = if small { fs::read_to_string(&place).map_err(Failure::other)? } else { return Err(unknown()) };
    let record: Value = serde_json::from_str(&text).map_err(|_| unknown())?;
    record["model"].as_str().and_then(|model| reference::name(model).ok()).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_what_was_pushed_and_an_empty_one_is_nothing() {
        let dir = tempfile::tempdir().expect("folder");
        assert_eq!(digest(dir.path()).expect("read"), None);
        fs::write(dir.path().join(RECORD), r#"{"model": "scorer"}"#).expect("file");
        assert_eq!(digest(dir.path()).expect("read"), None);
        assert_eq!(pulled_model(dir.path()).expect("a model"), "scorer");
        fs::write(dir.path().join("model.onnx"), "x").expect("file");
        let with_record = digest(dir.path()).expect("read");
        fs::remove_file(dir.path().join(RECORD)).expect("removed");
        assert_eq!(digest(dir.path()).expect("read"), with_record);
        assert!(pulled_model(dir.path()).is_err() && digest(&dir.path().join("gone")).is_err());
    }
}
