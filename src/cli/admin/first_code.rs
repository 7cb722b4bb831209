//! Another code for the first account, in the place of the one that the service printed.

use crate::{
    accounts::{self, founding},
    app::App,
    cli::{Exit, Failure, output, print},
    config::Config,
    core::clock::rfc3339,
    workspaces,
};
use clap::Args;

#[derive(Args)]
pub struct FirstCode {
    #[command(flatten)]
    config: Config,
}

impl FirstCode {
    pub async fn run(self) -> Result<Exit, Failure> {
        let app = App::open(&self.config, self.config.clock()).await?;
        let console = accounts::ops::console(workspaces::ops::ensure_default(&app).await?);
        let code = founding::ops::replace_code(&app, &console).await?;
        say!(
            "a code for the first account, until {}; it works once, and is not shown again",
            output::when(&rfc3339(code.expires_at))
        );
        print(&code.secret)
    }
}
