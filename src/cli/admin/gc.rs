//! Taking away what nothing refers to.

use crate::{
    app::App,
    blobs,
    cli::{Exit, Failure, admin::scrub::mebibytes, output, print},
    config::Config,
};
use clap::Args;
use std::time::Duration;

#[derive(Args)]
pub struct Gc {
    /// Say what would be taken away, and take nothing.
    #[arg(long)]
    dry_run: bool,
    /// Leave alone what came within so many hours.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    grace: u32,
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

impl Gc {
    pub async fn run(self) -> Result<Exit, Failure> {
        let app = App::open(&self.config, self.config.clock()).await?;
        let grace = Duration::from_secs(u64::from(self.grace) * 3_600);
        let done = blobs::collect(&app, grace, self.dry_run).await?;
        if self.json {
            return output::json(&done);
        }
        let word = if self.dry_run { "would be taken away" } else { "taken away" };
        let mut said = done.sha256.clone();
        said.push(format!(
            "{word}: {} copies of {}, and {} files of which the database knows nothing",
            done.copies,
            mebibytes(done.bytes),
            done.strays
        ));
        print(&said.join("\n"))
    }
}
