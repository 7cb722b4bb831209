//! Reading everything again, now.

use crate::{
    app::App,
    blobs::{self, Scrubbed},
    cli::{Exit, Failure, output, print},
    config::Config,
    core::words::{counted, with_verb},
};
use clap::Args;
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// How often it is said how far it is.
const SAY_EVERY: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct Scrub {
    /// At most so many MiB a second; as fast as the disk if absent.
    #[arg(long, value_name = "MIB")]
    rate: Option<u64>,
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

impl Scrub {
    pub async fn run(self) -> Result<Exit, Failure> {
        let app = App::open(&self.config, self.config.clock()).await?;
        let (is_shown, mut said) = (std::io::stderr().is_terminal() && !self.json, Instant::now());
        let tell = |done: &Scrubbed| {
            if is_shown && SAY_EVERY <= said.elapsed() {
                said = Instant::now();
                say!("{} files, {} read, {} damaged", done.blobs, mebibytes(done.bytes), done.damaged.len());
            }
        };
        let done = blobs::scrub(&app, self.rate.map(|mib| mib.saturating_mul(1 << 20)), tell).await?;
        let exit = if done.damaged.is_empty() { Exit::Ok } else { Exit::Verification };
        if self.json {
            return output::json(&done).map(|_| exit);
        }
        if done.damaged.is_empty() {
            return print(&format!("{} files of {} are what was stored", done.blobs, mebibytes(done.bytes)));
        }
        let unread = done.damaged.iter().filter(|found| found.fault == blobs::NOT_READ).count();
        let what = match done.damaged.len() - unread {
            0 => format!("{} could not be looked at now, and nothing is withheld", counted(unread, "stored file")),
            damaged => format!("{} damaged, and withheld", with_verb(damaged, "stored file", ["is", "are"])),
        };
        let mut failure = Failure::new(exit, what);
        failure.why = done.damaged.iter().map(|found| format!("{} {}", found.sha256, found.fault)).collect();
        Err(failure.next("push the same files again, or put good copies in place and run this again"))
    }
}

pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20)
}
