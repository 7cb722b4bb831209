use crate::{
    cli::{Exit, Failure, print},
    config::{Config, effective},
};
use clap::Args;
use std::collections::BTreeMap;

#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    config: Config,
    /// JSON instead of lines.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub fn run(&self) -> Result<Exit, Failure> {
        let values = effective(&self.config);
        if self.json {
            let map: BTreeMap<_, _> = values.into_iter().collect();
            return print(&serde_json::to_string_pretty(&map).map_err(Failure::other)?);
        }
        let lines: Vec<_> = values.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        print(&lines.join("\n"))
    }
}
