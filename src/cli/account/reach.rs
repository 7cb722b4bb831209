//! How far a token reaches, as arguments.

use crate::{accounts::reach::ReachView, cli::reference};
use clap::Args;
use std::collections::BTreeSet;

#[derive(Args)]
pub struct ReachArgs {
    /// Good for this action alone, such as version.create, or `look` for all that only looks. May be given several times.
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// Good for this model alone. May be given several times.
    #[arg(long = "model", value_name = "MODEL", value_parser = reference::name)]
    models: Vec<String>,
    /// Good for this environment alone. May be given several times.
    #[arg(long = "environment", value_name = "ENVIRONMENT", value_parser = reference::name)]
    environments: Vec<String>,
}

impl ReachArgs {
    pub fn view(self) -> ReachView {
        let some = |all: Vec<String>| (!all.is_empty()).then(|| all.into_iter().collect::<BTreeSet<_>>());
        ReachView { actions: some(self.actions), models: some(self.models), environments: some(self.environments) }
    }
}
