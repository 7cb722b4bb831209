//! What can be found out about how the files of a folder came about, without asking anybody: from git, from the service that
//! runs the job, and from files that trainings leave behind.

mod ci;
mod git;
mod mlflow;
mod python;

pub use ci::Job;
pub use git::Checkout;
pub use mlflow::Logged;
pub use python::Python;

use crate::config;
use std::path::Path;

/// Everything that was found; each part may be missing.
#[derive(Debug, Default)]
pub struct Gathered {
    pub checkout: Option<Checkout>,
    pub job: Option<Job>,
    pub python: Option<Python>,
    pub logged: Option<Logged>,
}

impl Gathered {
    /// # Errors
    /// What is wrong with a file that is there and can't be read.
    pub fn find(dir: &Path) -> Result<Self, String> {
        Ok(Self {
            checkout: git::look(dir),
            job: ci::read(&config::ci_variables()),
            python: python::read(dir)?,
            logged: mlflow::read(dir)?,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.checkout.is_none() && self.job.is_none() && self.python.is_none() && self.logged.is_none()
    }

    /// What was found, for whoever pushes.
    pub fn filled(&self) -> Vec<String> {
        let checkout = self.checkout.as_ref().map(|checkout| {
            let changed = if checkout.is_modified { ", with changes that are not committed" } else { "" };
            format!("commit {}{changed}", checkout.commit.get(..12).unwrap_or(&checkout.commit))
        });
        let job = self.job.as_ref().map(|job| format!("the job of {}", job.service));
        let python = self.python.as_ref().map(|python| match (&python.version, python.requirements.len()) {
            (Some(version), 0) => format!("Python {version}"),
            (Some(version), _) => format!("Python {version} and its requirements"),
            (None, _) => "the requirements of Python".to_owned(),
        });
        let logged = self.logged.as_ref().map(|logged| match &logged.run_id {
            Some(run) => format!("the run {run} of MLflow"),
            None => "what MLflow wrote".to_owned(),
        });
        [checkout, job, python, logged].into_iter().flatten().collect()
    }

    /// What would make the statement say more.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.checkout.is_none() {
            missing.push("the commit (the folder is in no git repository)");
        }
        if self.job.is_none() {
            missing.push("a job of continuous integration (this is somebody's machine)");
        }
        missing
    }
}
