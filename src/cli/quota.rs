//! How much the workspace keeps of what it may.

use super::{Exit, Failure, output, print, session::Session};
use crate::{config::Client as Connection, quotas::api::QuotaView};
use clap::Args;

#[derive(Args)]
pub struct Quota {
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Quota {
    pub async fn run(self) -> Result<Exit, Failure> {
        let view: QuotaView = Session::open(&self.connection)?.client.get(&["quota"], &[]).await?;
        if self.json {
            return output::json(&view);
        }
        print(&fields(&view))
    }
}

/// As people read it.
pub(super) fn fields(view: &QuotaView) -> String {
    let or_all = |bytes: Option<u64>| bytes.map_or_else(|| "as much as there is room for".to_owned(), output::size);
    output::fields(&[
        ("quota", or_all(view.limit_bytes)),
        ("used", output::size(view.used_bytes)),
        ("  kept", output::size(view.kept_bytes)),
        ("  promised", output::size(view.promised_bytes)),
        ("left", or_all(view.left_bytes)),
    ])
}
