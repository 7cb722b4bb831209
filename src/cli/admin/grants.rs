//! The service as a role that owns nothing: what it needs, and no more.

use crate::{
    cli::{Exit, Failure, print},
    config::Storage,
    db::grants,
};
use clap::Args;

#[derive(Args)]
pub struct Grants {
    /// The role that the service connects as. It must exist: `CREATE ROLE NAME LOGIN PASSWORD '…'`.
    #[arg(long, value_name = "NAME")]
    role: String,
    /// Carry the statements out, as the role of `--db-url`, which must own the tables.
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    storage: Storage,
}

impl Grants {
    pub async fn run(self) -> Result<Exit, Failure> {
        let statements =
            grants::statements(&self.role).map_err(|e| Failure::new(Exit::Usage, format!("--role: {e}")))?;
        if !self.apply {
            return print(&format!("{};", statements.join(";\n")));
        }
        let url = self.storage.database_url().map_err(Failure::other)?;
        grants::apply(&url, &self.role).await.map_err(Failure::other)?;
        print(&format!("{} may add to the log, and neither change nor remove any of it", self.role))
    }
}
