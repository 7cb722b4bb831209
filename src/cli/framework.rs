//! Regulations: which there are, what each asks for, and what a version has of it.

use super::{Exit, Failure, output, print, reference::VersionOf, session::Session};
use crate::{
    config::Client as Connection,
    core::name::Name,
    frameworks::{
        MetricResult, Standing,
        api::{CoverageView, FrameworkList, FrameworkView},
        impact::ImpactAnalysis,
        profile::parse_name,
    },
    stats::interval::Interval,
};
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Framework {
    /// List the regulations that this registry knows, every revision.
    #[command(after_help = "Examples:\n  plimsoll framework list\n  plimsoll framework list --on 2026-04-16")]
    List(List),
    /// Show what a regulation asks for.
    #[command(after_help = "Examples:\n  plimsoll framework show nyc-ll144\n  plimsoll framework show sr-11-7@1")]
    Show(Show),
    /// Show what a version has of what a regulation asks for.
    #[command(
        after_help = "Examples:\n  plimsoll framework coverage credit-risk@3 --env production --framework sr-26-2\n  plimsoll framework coverage credit-risk@3 --env production --framework sr-11-7 --as-of 2026-04-16 --json"
    )]
    Coverage(Coverage),
}

#[derive(Args)]
pub struct List {
    /// Only what is in force on this day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    on: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// An id, or one revision of it [default: the one in force, or else the last].
    #[arg(value_name = "ID[@REV]", value_parser = wanted)]
    framework: (String, Option<u32>),
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Coverage {
    #[arg(value_name = "MODEL@VERSION")]
    version: VersionOf,
    #[arg(long, value_name = "NAME", value_parser = super::reference::name)]
    env: String,
    /// An id, or one revision of it.
    #[arg(long, value_name = "ID[@REV]")]
    framework: String,
    /// The day that the revision is looked up for [default: today].
    #[arg(long, value_name = "YYYY-MM-DD")]
    as_of: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[arg(long)]
    json: bool,
}

fn wanted(raw: &str) -> Result<(String, Option<u32>), String> {
    if let Some((id, revision)) = parse_name(raw) {
        return Ok((id.to_owned(), Some(revision)));
    }
    match Name::parse(raw) {
        Ok(id) => Ok((id.to_string(), None)),
        Err(_) => Err("name a framework, such as sr-26-2 or sr-11-7@1".to_owned()),
    }
}

impl Framework {
    pub async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(args) => args.run().await,
            Self::Show(args) => args.run().await,
            Self::Coverage(args) => args.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let query: Vec<_> = self.on.as_deref().map(|on| ("in_force_on", on)).into_iter().collect();
        let list: FrameworkList = client.get(&["frameworks"], &query).await?;
        if self.json {
            return output::json(&list);
        }
        let mut table =
            output::table(&["framework", "title", "where", "standing", "from", "until", "items", "figures"]);
        for item in list.items {
            table.add_row([
                format!("{}@{}", item.id, item.revision),
                item.title,
                item.jurisdiction,
                standing(item.standing).to_owned(),
                item.effective_from.to_string(),
                item.effective_to.map_or_else(String::new, |end| end.to_string()),
                item.required_items.to_string(),
                item.metric_rules.to_string(),
            ]);
        }
        output::rows(&table, "no framework is in force on that day")
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let (id, revision) = self.framework;
        let revision = match revision {
            Some(revision) => revision,
            None => {
                let list: FrameworkList = client.get(&["frameworks"], &[]).await?;
                let mut all: Vec<_> = list.items.into_iter().filter(|item| item.id == id).collect();
                // The one in force, or else the last.
                all.sort_by_key(|item| (item.standing == Standing::InForce, item.revision));
                let Some(item) = all.pop() else {
                    return Err(Failure::new(Exit::NotFound, format!("there is no framework {id}"))
                        .next("plimsoll framework list shows those that there are"));
                };
                item.revision
            }
        };
        let path = ["frameworks", &id, "revisions", &revision.to_string()];
        let view: FrameworkView = client.get(&path, &[]).await?;
        if self.json {
            return output::json(&view);
        }
        print(&text(&view))
    }
}

fn text(view: &FrameworkView) -> String {
    let profile = &view.profile;
    let mut fields = vec![
        ("framework", profile.name()),
        ("title", profile.title.clone()),
        ("where", profile.jurisdiction.clone()),
        ("standing", standing(view.standing).to_owned()),
        ("from", profile.effective_from.to_string()),
    ];
    fields.extend(profile.effective_to.map(|end| ("until", end.to_string())));
    fields.extend(profile.supersedes.clone().map(|name| ("supersedes", name)));
    fields.push(("digest", view.digest.clone()));
    let mut items = output::table(&["item", "asks for", "satisfied by", "at most", "citation"]);
    for item in &profile.required_items {
        let age = item.maximum_age_days.map_or_else(String::new, |days| format!("{days} days"));
        items.add_row([item.id.clone(), item.title.clone(), item.satisfied_by.to_string(), age, item.citation.clone()]);
    }
    let mut rules = output::table(&["figure", "of", "by", "limit", "citation"]);
    for rule in &profile.metric_rules {
        let limit = rule
            .limit
            .at()
            .map_or_else(|| "none: to be shown".to_owned(), |(operator, value)| format!("{operator} {value}"));
        rules.add_row([
            rule.id.clone(),
            rule.metric.to_string(),
            rule.attribute.to_string(),
            limit,
            rule.citation.clone(),
        ]);
    }
    let mut parts = vec![output::fields(&fields), output::text(&items)];
    if !rules.is_empty() {
        parts.push(output::text(&rules));
    }
    parts.push(output::printable(&profile.disclaimer));
    parts.join("\n\n")
}

impl Coverage {
    async fn run(self) -> Result<Exit, Failure> {
        let client = Session::open(&self.connection)?.client;
        let version = self.version.version.to_string();
        let mut query = vec![("framework", self.framework.as_str()), ("environment", self.env.as_str())];
        query.extend(self.as_of.as_deref().map(|day| ("as_of", day)));
        let path = ["models", &self.version.model, "versions", &version, "coverage"];
        let view: CoverageView = client.get(&path, &query).await?;
        if self.json {
            return output::json(&view);
        }
        print(&covered(&view))
    }
}

fn covered(view: &CoverageView) -> String {
    let held = &view.held;
    let mut items = output::table(&["item", "state", "since", "why", "what to do", "citation"]);
    for item in &held.items {
        let since = item.since.as_deref().map_or_else(String::new, |at| output::when(at).chars().take(10).collect());
        items.add_row([
            item.item.clone(),
            item.state.word().to_owned(),
            since,
            item.why.clone(),
            item.what_to_do.clone(),
            item.citation.clone(),
        ]);
    }
    let mut figures = output::table(&["figure", "of", "value", "rows", "limit", "verdict", "why"]);
    for result in &held.metrics {
        figures.add_row([
            result.rule.clone(),
            subject(result),
            value(result),
            result.n.map_or_else(String::new, |n| n.to_string()),
            result
                .operator
                .zip(result.limit)
                .map_or_else(String::new, |(operator, limit)| format!("{operator} {limit}")),
            result.verdict.word().replace('_', " "),
            result.why.clone(),
        ]);
    }
    let head = format!(
        "{}@{} in {}, held against {}@{} ({}): {} present, {} stale, {} missing",
        view.model,
        view.version,
        view.environment,
        held.framework,
        held.revision,
        standing(held.standing),
        held.present,
        held.stale,
        held.missing
    );
    let mut parts = vec![output::printable(&head), output::text(&items)];
    if !figures.is_empty() {
        parts.push(output::text(&figures));
    }
    parts.extend(held.metrics.iter().filter_map(|result| Some(categories(result, result.impact.as_ref()?))));
    parts.push(output::printable(&held.disclaimer));
    parts.join("\n\n")
}

/// Every category of one analysis in a row.
fn categories(result: &MetricResult, analysis: &ImpactAnalysis) -> String {
    let tested = analysis.categories.iter().any(|row| row.fisher_exact_p_value.is_some());
    let mut names = vec!["category", "n", "rate (95 % interval)", "impact ratio (95 % interval)", "verdict", "why"];
    names.extend(tested.then_some("Fisher's p"));
    let mut table = output::table(&names);
    for row in &analysis.categories {
        let rate = row.rate.map_or_else(|| "none".to_owned(), |r| with_interval(r.value, Some(r.interval)));
        let ratio = row.impact_ratio.map_or_else(|| "none".to_owned(), |ratio| with_interval(ratio, row.interval));
        let mut cells = vec![
            row.category.clone(),
            row.n.to_string(),
            rate,
            ratio,
            row.verdict.word().replace('_', " "),
            row.why.clone(),
        ];
        cells.extend(tested.then(|| row.fisher_exact_p_value.map_or_else(String::new, |p| format!("{p:.4}"))));
        table.add_row(cells);
    }
    let attribute = result.attribute.as_deref().unwrap_or_default();
    let mut lines = vec![
        format!("{} ({attribute}; {} rows, {} of unknown category)", result.title, analysis.n, analysis.unknown),
        output::text(&table),
    ];
    lines.extend(analysis.scoring.map(|scoring| {
        format!("median score {:.4}; {} rows at the median count as not above it", scoring.median, scoring.at_median)
    }));
    lines.extend(analysis.refused_exclusions.iter().map(|why| format!("not left out: {why}")));
    lines.iter().map(|line| output::printable(line)).collect::<Vec<_>>().join("\n")
}

fn subject(result: &MetricResult) -> String {
    let parts = [&result.attribute, &result.group];
    let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
    parts.join(": ")
}

/// "0.812 (0.790 to 0.834)".
fn value(result: &MetricResult) -> String {
    result.value.map_or_else(String::new, |value| with_interval(value, result.interval))
}

fn with_interval(value: f64, interval: Option<Interval>) -> String {
    let interval = interval.map_or_else(String::new, |i| format!(" ({:.3} to {:.3})", i.low, i.high));
    format!("{value:.3}{interval}")
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Proposed => "proposed",
        Standing::NotYetInForce => "not yet in force",
        Standing::InForce => "in force",
        Standing::NoLongerInForce => "no longer in force",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_framework_is_named_with_or_without_its_revision() {
        assert_eq!(wanted("sr-11-7"), Ok(("sr-11-7".to_owned(), None)));
        assert_eq!(wanted("sr-11-7@2"), Ok(("sr-11-7".to_owned(), Some(2))));
        for bad in ["", "SR", "sr-11-7@", "sr-11-7@0", "a/b", "sr-11-7@1@2"] {
            assert!(wanted(bad).is_err(), "{bad}");
        }
    }
}
