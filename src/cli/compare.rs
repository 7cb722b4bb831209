//! `compare`: two versions side by side, measured by the registry.

use super::{Exit, Failure, output, print, progress, reference, reference::VersionOf, session::Session};
use crate::{
    client::Client,
    comparisons::{
        State,
        api::{ComparisonInput, ComparisonSummary, ComparisonView},
        figures::{ComparisonBody, NO_QUALITY, Side, ratio},
    },
    config::Client as Connection,
    core::ids::ComparisonId,
    stats::figure::{Figure, Rate},
};
use clap::Args;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(500);
const RELEASE: &str = "release";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Compare {
    /// The candidate, such as `credit-risk@4`; or the id of a comparison, to show it again.
    #[arg(value_name = "MODEL@VERSION or ID", required_unless_present = "list")]
    subject: Option<String>,
    /// The environment whose rows and loads are used; needed for a new comparison.
    #[arg(long, value_name = "NAME", value_parser = reference::name)]
    env: Option<String>,
    /// The number or digest of another version of the model [default: what is active in the environment].
    #[arg(long, value_name = "VERSION")]
    against: Option<String>,
    /// List comparisons, newest first.
    #[arg(long, conflicts_with_all = ["subject", "env", "against"])]
    list: bool,
    /// Seconds to wait for the result; the comparison goes on without you.
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    timeout: u64,
    #[command(flatten)]
    connection: Connection,
    /// JSON instead of tables.
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let Some(subject) = &self.subject else { return list(&client, self.json).await };
        let id = match subject.parse::<ComparisonId>() {
            Ok(id) => id,
            Err(_) => self.ask(&client, subject).await?,
        };
        let found = follow(&client, id, Duration::from_secs(self.timeout)).await?;
        if self.json {
            output::json(&found)?;
        } else {
            print(&shown(&found))?;
        }
        match found.reason {
            None => Ok(Exit::Ok),
            Some(reason) => {
                let what = format!("the comparison failed: {}: {}", reason.code, reason.detail);
                Err(Failure::new(Exit::Other, output::printable(&what)))
            }
        }
    }

    async fn ask(&self, client: &Client, subject: &str) -> Result<ComparisonId, Failure> {
        let usage = |what: String| Failure::new(Exit::Usage, what);
        let VersionOf { model, version } = subject.parse().map_err(usage)?;
        let environment =
            self.env.clone().ok_or_else(|| usage("say in which environment with --env NAME".to_owned()))?;
        let against = self.against.clone().unwrap_or_else(|| RELEASE.to_owned());
        let input = ComparisonInput { model, version: version.to_string(), environment, against };
        let asked: ComparisonView = client.create(&["comparisons"], &input).await?;
        say!("comparison {} of {}@{} with @{}", asked.id, asked.model, asked.version, asked.baseline);
        Ok(asked.id)
    }
}

async fn list(client: &Client, json: bool) -> Result<Exit, Failure> {
    let all: Vec<ComparisonSummary> = client.list(&["comparisons"], &[]).await?;
    if json {
        return output::json(&all);
    }
    let mut table = output::table(&["comparison", "state", "asked for", "finished"]);
    for one in all {
        let finished = one.finished_at.as_deref().map(output::when).unwrap_or_default();
        table.add_row([one.id.to_string(), one.state, output::when(&one.requested_at), finished]);
    }
    output::rows(&table, "no comparisons yet")
}

/// Asks until it is over.
async fn follow(client: &Client, id: ComparisonId, patience: Duration) -> Result<ComparisonView, Failure> {
    let began = Instant::now();
    let spinner = progress::spinner("measuring both versions in turn");
    loop {
        let found: ComparisonView = client.get(&["comparisons", &id.to_string()], &[]).await?;
        if State::parse(&found.state).map_err(Failure::other)? != State::Queued {
            spinner.finish_and_clear();
            return Ok(found);
        }
        if patience < began.elapsed() {
            let what = format!("comparison {id} is not over after {} s", patience.as_secs());
            return Err(Failure::new(Exit::TimedOut, what).next(format!("plimsoll compare {id}")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn shown(found: &ComparisonView) -> String {
    let title = format!(
        "{}@{} against @{} in {}: {}",
        found.model, found.version, found.baseline, found.environment, found.state
    );
    let mut parts = vec![title];
    if let Some(result) = &found.result {
        parts.push(sides(result));
        parts.push(answers(result));
        parts.extend(outputs(result));
        let skipped = result.uncompared.iter();
        parts.extend(skipped.map(|(output, why)| format!("The output {output} is not compared: {why}.")));
        parts.extend(groups(result));
        let left_out = result.ungrouped.iter();
        parts.extend(left_out.map(|(attribute, why)| format!("{attribute} is not compared group by group: {why}.")));
    }
    output::printable(&parts.join("\n\n"))
}

fn sides(result: &ComparisonBody) -> String {
    let (old, new) = (&result.baseline, &result.candidate);
    let names = (format!("version {}", old.number), format!("version {}", new.number));
    let mut table = output::table(&["", &names.0, &names.1, "ratio"]);
    let mut row = |what: String, of: &dyn Fn(&Side) -> String, ratio: Option<f64>| {
        table.add_row([what, of(old), of(new), ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))]);
    };
    let over = |old: u64, new: u64| (old != 0).then(|| new as f64 / old as f64);
    row("size".to_owned(), &|s| output::size(s.artifact_bytes), over(old.artifact_bytes, new.artifact_bytes));
    row("load time".to_owned(), &|s| ms(s.load_time_s), ratio(old.load_time_s, new.load_time_s));
    let peak = over(old.peak_memory_bytes, new.peak_memory_bytes);
    row("peak memory".to_owned(), &|s| output::size(s.peak_memory_bytes), peak);
    let own = over(old.model_memory_bytes, new.model_memory_bytes);
    row("the model's own".to_owned(), &|s| output::size(s.model_memory_bytes), own);
    for (place, (was, is)) in old.loads.iter().zip(&new.loads).enumerate() {
        let load = format!("batch {}, {} at once", was.load.batch, was.load.concurrency);
        for (name, before, after) in
            [("p50", was.latency.p50, is.latency.p50), ("p95", was.latency.p95, is.latency.p95)]
        {
            let of = |side: &Side| {
                let latency = side.loads.get(place).map(|run| run.latency);
                latency.map_or_else(String::new, |l| ms(if name == "p50" { l.p50 } else { l.p95 }))
            };
            row(format!("{name}, {load}"), &of, ratio(before, after));
        }
    }
    if result.quality_metric != NO_QUALITY {
        row(result.quality_metric.clone(), &|s| number(s.quality), None);
    }
    output::text(&table)
}

fn answers(result: &ComparisonBody) -> String {
    let mut pairs = vec![("rows", result.basis.rows.to_string())];
    if result.quality_metric != NO_QUALITY {
        pairs.push(("difference", format!("{} ({})", number(result.quality_difference), result.quality_metric)));
    }
    if let Some(flips) = result.flips {
        let moved = format!("{} to right, {} to wrong", result.flips_to_right, result.flips_to_wrong);
        pairs.push(("flips", format!("{}; {moved}", rate(flips))));
    }
    if let (Some(most), Some(mean)) = (result.max_score_change, result.mean_score_change) {
        pairs.push(("score change", format!("at most {most:.3e}, {} on average", number(mean))));
    }
    output::fields(&pairs)
}

/// The outputs as they are, where no labels say what they mean.
fn outputs(result: &ComparisonBody) -> Option<String> {
    if result.outputs.is_empty() {
        return None;
    }
    let heads = ["output", "numbers in a row", "farthest apart", "on average", "least cosine", "other largest"];
    let mut table = output::table(&heads);
    for one in &result.outputs {
        table.add_row([
            one.output.clone(),
            one.numbers.to_string(),
            one.max_difference.map_or_else(|| "undefined".to_owned(), |most| format!("{most:.3e}")),
            number(one.mean_difference),
            one.least_cosine.map_or_else(String::new, |cosine| format!("{cosine:.6}")),
            one.other_largest.map_or_else(String::new, rate),
        ]);
    }
    Some(output::text(&table))
}

/// Flips by group, where there are groups.
fn groups(result: &ComparisonBody) -> Option<String> {
    if result.groups.is_empty() {
        return None;
    }
    let mut table = output::table(&["attribute", "group", "rows", "flips"]);
    for group in &result.groups {
        let flips = group.flips.map_or_else(|| "too few rows".to_owned(), rate);
        table.add_row([group.attribute.clone(), group.group.clone(), group.rows.to_string(), flips]);
    }
    Some(output::text(&table))
}

fn rate(rate: Rate) -> String {
    let (low, high) = (rate.interval.low * 100.0, rate.interval.high * 100.0);
    format!("{} of {} ({:.2} %, {low:.2} to {high:.2})", rate.count, rate.total, rate.value * 100.0)
}

fn ms(figure: Figure) -> String {
    let text = |seconds: f64| format!("{:.4}", seconds * 1e3);
    with_interval(figure, &text, " ms")
}

fn number(figure: Figure) -> String {
    with_interval(figure, &|value| format!("{value:.5}"), "")
}

fn with_interval(figure: Figure, text: &dyn Fn(f64) -> String, unit: &str) -> String {
    match (figure.value, figure.interval) {
        (None, _) => "-".to_owned(),
        (Some(value), None) => format!("{}{unit}", text(value)),
        (Some(value), Some(i)) => format!("{}{unit} ({} to {})", text(value), text(i.low), text(i.high)),
    }
}
