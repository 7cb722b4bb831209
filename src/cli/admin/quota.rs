//! How much a workspace may keep.

use crate::{
    app::App,
    cli::{Exit, Failure, output, print, quota::fields},
    config::Config,
    core::bytes::Bytes,
    quotas::{api::QuotaView, ops},
    workspaces::DEFAULT,
};
use clap::Args;

#[derive(Args)]
pub struct Quota {
    #[arg(long, default_value = DEFAULT, value_name = "NAME")]
    workspace: String,
    /// What it may keep from now on, such as `500GiB`. What it keeps beyond that stays.
    #[arg(long, value_name = "BYTES", conflicts_with = "unlimited")]
    set: Option<Bytes>,
    /// It may keep as much as there is room for.
    #[arg(long)]
    unlimited: bool,
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

impl Quota {
    pub async fn run(self) -> Result<Exit, Failure> {
        let app = App::open(&self.config, self.config.clock()).await?;
        let usage = if self.unlimited || self.set.is_some() {
            ops::set(&app, &self.workspace, self.set).await?
        } else {
            ops::look_as_operator(&app, &self.workspace).await?
        };
        let view = QuotaView::from(usage);
        if self.json {
            return output::json(&view);
        }
        print(&fields(&view))
    }
}
