//! What must hold in any log, checked by a program that only reads.

use crate::{
    app::App,
    audit::invariants,
    cli::{Exit, Failure, output, print},
    config::Config,
    core::words::with_verb,
};
use clap::Args;

#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    json: bool,
}

impl Check {
    pub async fn run(self) -> Result<Exit, Failure> {
        let app = App::open(&self.config, self.config.clock()).await?;
        let report = invariants::ops::check(&app).await?;
        let violated = report.violated();
        let exit = if violated == 0 { Exit::Ok } else { Exit::Verification };
        if self.json {
            return output::json(&report).map(|_| exit);
        }
        let mut table = output::table(&["", "invariant", "checked", "violated"]);
        for tally in &report.invariants {
            let cells = [tally.invariant.to_string(), tally.rule.clone()];
            table.add_row(cells.into_iter().chain([tally.checked.to_string(), tally.violated.to_string()]));
        }
        print(&output::text(&table))?;
        if violated == 0 {
            return print(&format!("\nnothing is violated in {} records", report.records));
        }
        let mut failure = Failure::new(exit, with_verb(violated, "violation", ["was found", "were found"]));
        failure.why = report.violations().map(|violation| output::printable(&violation.to_string())).collect();
        let named = failure.why.len() as u64;
        failure.why.extend((named < violated).then(|| format!("and {} more", violated - named)));
        Err(failure.next("docs/invariants.md says what each means; compare with a copy that a witness's head covers"))
    }
}
