use clap::Args;
use std::{path::PathBuf, process::ExitCode};

#[derive(Args)]
pub struct Sandbox {
    /// The ONNX Runtime library.
    #[arg(long)]
    ort_lib: PathBuf,
}

impl Sandbox {
    pub fn run(self) -> ExitCode {
        crate::sandbox::main_child(&self.ort_lib)
    }
}
