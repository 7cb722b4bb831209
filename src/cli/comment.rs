//! What is said on a request, beside deciding on it.

use super::{Exit, Failure, output, print, session::Session};
use crate::{
    config::Client as Connection,
    core::ids::PromotionId,
    promotions::comments::api::{CommentInput, CommentView},
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Promotion {
    /// Say something on a request, open or closed. It changes nothing that is decided on.
    #[command(
        after_help = "Example:\n  plimsoll promotion comment 019a4c1e-… 'the drift of March is explained in the report'"
    )]
    Comment(Comment),
    /// Show what was said on a request.
    #[command(after_help = "Example:\n  plimsoll promotion comments 019a4c1e-…")]
    Comments(Comments),
}

#[derive(Args)]
pub struct Comment {
    /// The request's id.
    id: PromotionId,
    /// At most 8,000 bytes.
    text: String,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Comments {
    /// The request's id.
    id: PromotionId,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

impl Promotion {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Comment(args) => args.run().await,
            Self::Comments(args) => args.run().await,
        }
    }
}

impl Comment {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let id = self.id.to_string();
        let said: CommentView =
            client.create(&["promotions", &id, "comments"], &CommentInput { body: self.text }).await?;
        if self.json {
            return output::json(&said);
        }
        print(&format!("said on {}, for good", output::when(&said.at)))
    }
}

impl Comments {
    async fn run(self) -> Result<Exit, Failure> {
        let id = self.id.to_string();
        let client = Session::open(&self.connection)?.client;
        let all: Vec<CommentView> = client.list(&["promotions", &id, "comments"], &[]).await?;
        if self.json {
            return output::json(&all);
        }
        if all.is_empty() {
            return print("nobody said anything");
        }
        let lines: Vec<_> =
            all.iter().map(|said| format!("{} on {}:\n{}", said.by, output::when(&said.at), said.body)).collect();
        print(&output::printable(&lines.join("\n\n")))
    }
}
