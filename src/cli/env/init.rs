//! A draft of a constraint spec from an ONNX file, and a look at one before it is sent.

use super::{
    super::{Exit, Failure, output, print},
    draft::{self, Names, TO_DO},
    lines, text_of,
};
use crate::{
    constraints::{ConstraintSpec, SpecError},
    formats::onnx,
};
use clap::Args;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::BufReader,
    path::PathBuf,
};

#[derive(Args)]
pub struct Init {
    /// The model; its file is read here and goes nowhere.
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
        let wrong = |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("{}: {e}", self.file.display()));
        let file = File::open(&self.file).map_err(|e| wrong(&e))?;
        let size_bytes = file.metadata().map_err(|e| wrong(&e))?.len();
        let outline = onnx::outline(BufReader::new(file), size_bytes).map_err(|refusal| wrong(&refusal))?;
        let names = Names { model: &self.model, dataset: &self.dataset, owner: &self.owner };
        let spec = draft::spec(&outline, size_bytes, &names);
        let name = self.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let text = match self.json {
            true => serde_json::to_string_pretty(&spec).map_err(Failure::other)? + "\n",
            false => draft::yaml(&spec, &outline, &super::super::printable(&name)).map_err(Failure::other)?,
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
        let problems: Vec<SpecError> = match ConstraintSpec::parse(&written) {
            Ok(spec) => spec.without_hardware(),
            Err(problems) => problems,
        };
        if self.json {
            let of = |problem: &SpecError| json!({"path": problem.path, "line": lines::locate(&text, &problem.path), "detail": problem.detail});
            output::json(&json!({"problems": problems.iter().map(of).collect::<Vec<_>>()}))?;
            return Ok(if problems.is_empty() { Exit::Ok } else { Exit::Usage });
        }
        if problems.is_empty() {
            return print(&format!("{}: nothing is wrong with it", self.file.display()));
        }
        let mut failure = Failure::new(Exit::Usage, format!("{} is no constraint spec", self.file.display()));
        failure.why = problems.iter().map(SpecError::to_string).collect();
        Err(lines::place(failure, &self.file, &text))
    }
}
