//! Changing the key that files are encrypted under.

use crate::{
    app::App,
    blobs::{self, Rewrapped},
    cli::{Exit, Failure, output, print},
    config::Config,
};
use clap::Args;
use std::{
    collections::BTreeSet,
    io::IsTerminal,
    time::{Duration, Instant},
};

/// How often it is said how far it is.
const SAY_EVERY: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct Rewrap {
    /// Say how many files are under which key, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

impl Rewrap {
    pub async fn run(self) -> Result<Exit, Failure> {
        let app = App::open(&self.config, self.config.clock()).await?;
        let (is_shown, mut said) = (std::io::stderr().is_terminal() && !self.json, Instant::now());
        let tell = |done: &Rewrapped| {
            if is_shown && SAY_EVERY <= said.elapsed() {
                said = Instant::now();
                say!("{} files, {} rewrapped", done.before.values().sum::<u64>(), done.rewrapped);
            }
        };
        let done = blobs::rewrap(&app, self.dry_run, tell).await?;
        if self.json {
            return output::json(&done);
        }
        let mut table = output::table(&["key", "files before", if self.dry_run { "files then" } else { "files now" }]);
        let count = |of: &std::collections::BTreeMap<String, u64>, key: &str| {
            of.get(key).copied().unwrap_or_default().to_string()
        };
        for key in done.before.keys().chain(done.now.keys()).collect::<BTreeSet<_>>() {
            table.add_row([key.clone(), count(&done.before, key), count(&done.now, key)]);
        }
        let word = if self.dry_run { "would be rewrapped" } else { "rewrapped" };
        let plain = match done.not_encrypted {
            0 => String::new(),
            files => format!("; {files} stored before there was a key are not encrypted"),
        };
        print(&format!("{table}\n{} {word}{plain}", done.rewrapped))
    }
}
