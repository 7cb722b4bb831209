//! `lineage`: what a version was made from, and what was made from it or from a digest.

use super::{Exit, Failure, output, print, reference::VersionOf, session::Session};
use crate::{
    config::Client as Connection,
    provenance::lineage::{
        GENERATIONS,
        api::{DigestLineageView, LineageView, MadeView, RelativeView},
    },
};
use clap::Args;

#[derive(Args)]
pub struct Lineage {
    /// A version, such as `credit-risk@4`; or a digest, such as `sha256:…` of a dataset or `gitCommit:…`.
    #[arg(value_name = "MODEL@VERSION or DIGEST")]
    subject: String,
    /// How many steps to follow, 1 to 10.
    #[arg(long, default_value_t = GENERATIONS, value_name = "NUMBER")]
    generations: u32,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

impl Lineage {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let generations = self.generations.to_string();
        let generations = ("generations", generations.as_str());
        if !self.subject.contains('@') {
            let query = [("digest", self.subject.as_str()), generations];
            let found: DigestLineageView = client.get(&["lineage"], &query).await?;
            if self.json {
                return output::json(&found);
            }
            if !found.datasets.is_empty() {
                say!("registered as the dataset {}", output::printable(&found.datasets.join(", ")));
            }
            cut(found.is_cut);
            return into(&found.made_into, "no version here says that it was made from this");
        }
        let VersionOf { model, version } = self.subject.parse().map_err(|e| Failure::new(Exit::Usage, e))?;
        let version = version.to_string();
        let path = ["models", &model, "versions", &version, "lineage"];
        let found: LineageView = client.get(&path, &[generations]).await?;
        if self.json {
            return output::json(&found);
        }
        cut(found.is_cut);
        print("Made from")?;
        from(&found.made_from)?;
        print("\nMade from it")?;
        into(&found.made_into, "no version here says that it was made from this one")
    }
}

fn cut(is_cut: bool) {
    if is_cut {
        say!("there is more than is shown: ask for more --generations, or about one of those that are shown");
    }
}

fn from(made: &[MadeView]) -> Result<Exit, Failure> {
    let mut table = output::table(&["STEP", "VERSION", "MADE FROM", "AS", "DIGEST", "HERE"]);
    for one in made {
        let here = one.versions.iter().map(RelativeView::label).chain(one.datasets.iter().cloned());
        table.add_row([
            one.generation.to_string(),
            one.version.label(),
            called(one),
            one.role.clone(),
            one.digests.first().cloned().unwrap_or_default(),
            here.collect::<Vec<_>>().join(", "),
        ]);
    }
    output::rows(&table, "no signed statement says what it was made from")
}

fn into(made: &[MadeView], nothing: &str) -> Result<Exit, Failure> {
    let mut table = output::table(&["STEP", "VERSION", "STATE", "MADE FROM", "AS"]);
    for one in made {
        let version = &one.version;
        table.add_row([
            one.generation.to_string(),
            version.label(),
            version.state.clone(),
            called(one),
            one.role.clone(),
        ]);
    }
    output::rows(&table, nothing)
}

fn called(made: &MadeView) -> String {
    made.name.clone().or_else(|| made.uri.clone()).unwrap_or_else(|| "without a name".to_owned())
}
