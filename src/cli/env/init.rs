//! A draft of a constraint spec from an ONNX file, and a look at one before it is sent.

use super::{
    super::{Exit, Failure, output, print},
    draft::{self, Answers, Names, TO_DO},
    lines, text_of,
};
use crate::{
    constraints::{ConstraintSpec, SpecError},
    formats::onnx,
    sandbox::TaskKind,
    versions::{INTERFACE_FILE, MODEL_FILE, seal},
};
use clap::Args;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

#[derive(Args)]
pub struct Init {
    /// The model, or a folder with a model.onnx; it is read here and goes nowhere. An interface.json beside it is read, too.
    file: PathBuf,
    /// The model's name in the registry.
    #[arg(long, default_value = TO_DO)]
    model: String,
    /// The evaluation dataset that is to count.
    #[arg(long, default_value = TO_DO)]
    dataset: String,
    /// The account that answers for the limits.
    #[arg(long, default_value = TO_DO)]
    owner: String,
    /// Where the draft is written; standard output without it. A file that is there is kept.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// As JSON instead of YAML.
    #[arg(long)]
    json: bool,
}

impl Init {
    pub fn run(self) -> Result<Exit, Failure> {
        let path = if self.file.is_dir() { self.file.join(MODEL_FILE) } else { self.file.clone() };
        let wrong = |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("{}: {e}", path.display()));
        let file = File::open(&path).map_err(|e| wrong(&e))?;
        let size_bytes = file.metadata().map_err(|e| wrong(&e))?.len();
        let outline = onnx::outline(BufReader::new(file), size_bytes).map_err(|refusal| wrong(&refusal))?;
        let names = Names { model: &self.model, dataset: &self.dataset, owner: &self.owner };
        let answers = Answers::of(&outline, task_beside(&path)?);
        let spec = draft::spec(&outline, size_bytes, answers, &names);
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let text = match self.json {
            true => serde_json::to_string_pretty(&spec).map_err(Failure::other)? + "\n",
            false => draft::yaml(&spec, &outline, answers, &super::super::printable(&name)).map_err(Failure::other)?,
        };
        match &self.output {
            None => print(text.trim_end()),
            Some(path) => {
                let mut options = fs::OpenOptions::new();
                let made = options.write(true).create_new(true).open(path);
                let written = made.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
                written.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", path.display())))?;
                print(&format!("wrote {}; replace each {TO_DO} and look at every limit", path.display()))
            }
        }
    }
}

/// Where the draft still waits for a name. The registry would say of each that there is no such account or dataset.
fn unfinished(spec: &Value) -> Vec<SpecError> {
    let left = |path: String| SpecError { path, detail: format!("{TO_DO} stands where a name belongs") };
    let mut found = Vec::new();
    for (model, dataset) in spec["datasets"].as_object().into_iter().flatten() {
        if [model.as_str(), dataset.as_str().unwrap_or_default()].contains(&TO_DO) {
            found.push(left(format!("datasets.{model}")));
        }
    }
    for (index, limit) in spec["constraints"].as_array().into_iter().flatten().enumerate() {
        if limit["owner"] == TO_DO {
            found.push(left(format!("constraints[{index}].owner")));
        }
    }
    found
}

/// The task that an interface.json in the model's folder names.
fn task_beside(model: &Path) -> Result<Option<TaskKind>, Failure> {
    let path = model.with_file_name(INTERFACE_FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::new(Exit::Usage, format!("{}: {error}", path.display()))),
    };
    let interface = seal::parse_interface(&text);
    let interface = interface.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", path.display())))?;
    Ok(Some(interface.task))
}

#[derive(Args)]
pub struct Lint {
    /// A constraint spec (YAML or JSON).
    file: PathBuf,
    #[arg(long)]
    json: bool,
}

impl Lint {
    pub fn run(self) -> Result<Exit, Failure> {
        let text = text_of(&self.file)?;
        let written: Value = super::parse(&self.file, &text)?;
        let (mut problems, remarks) = match ConstraintSpec::parse(&written) {
            Ok(spec) => (spec.without_hardware(), spec.remarks()),
            Err(problems) => (problems, Vec::new()),
        };
        problems.extend(unfinished(&written));
        if self.json {
            let of = |problem: &SpecError| json!({"path": problem.path, "line": lines::locate(&text, &problem.path), "detail": problem.detail});
            let all = |list: &[SpecError]| list.iter().map(of).collect::<Vec<_>>();
            output::json(&json!({"problems": all(&problems), "remarks": all(&remarks)}))?;
            return Ok(if problems.is_empty() { Exit::Ok } else { Exit::Usage });
        }
        super::remark(&remarks, &self.file, &text);
        if problems.is_empty() {
            return print(&format!("{}: nothing is wrong with it", self.file.display()));
        }
        let mut failure = Failure::new(Exit::Usage, format!("{} is no constraint spec", self.file.display()));
        failure.why = problems.iter().map(SpecError::to_string).collect();
        Err(lines::place(failure, &self.file, &text))
    }
}
