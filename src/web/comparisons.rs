//! Two versions side by side: a table of both, what differs, and a drawing of the ratios.

use crate::{
    app::App,
    comparisons::{
        api::{self, ComparisonSummary, ComparisonView},
        figures::{ComparisonBody, GroupFlips, NO_QUALITY, Side, ratio},
        ops,
        outputs::OutputChange,
    },
    constraints::LoadRun,
    core::{ids::ComparisonId, page::PageRequest},
    stats::figure::{Figure, Rate},
    web::{
        PageError,
        dots::{About, Dots, Item, dots, number},
        follow::{Asked, Follow},
        frame::{Frame, page},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;

const SHOWN: u64 = 100;

#[derive(Template)]
#[template(path = "comparisons/list.html")]
struct ListPage {
    frame: Frame,
    comparisons: Vec<ComparisonSummary>,
}

#[derive(Template)]
#[template(path = "comparisons/show.html")]
struct ShowPage {
    frame: Frame,
    comparison: ComparisonView,
    under_way: bool,
    follow: Follow,
    shown: Option<Shown>,
}

/// A result in words.
struct Shown {
    drawn: Option<Dots>,
    /// What, baseline, candidate, ratio.
    rows: Vec<(String, String, String, String)>,
    /// What, and how it differs.
    answers: Vec<(&'static str, String)>,
    outputs: Vec<OutputRow>,
    /// Output, and why it is not among them.
    uncompared: Vec<(String, String)>,
    /// Attribute, group, rows, flips; none where there are too few rows.
    groups: Vec<(String, String, String, Option<String>)>,
    /// Attribute, and why it is not among them.
    ungrouped: Vec<(String, String)>,
    host: String,
    method: String,
}

#[get("/comparisons")]
pub async fn list(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let all = ops::list(&app, &visitor.who, PageRequest { after: None, limit: SHOWN }).await?;
    let comparisons = all.items.into_iter().map(ComparisonSummary::from).collect();
    page(&ListPage { frame: Frame::new("Models", &visitor), comparisons })
}

#[get("/comparisons/{comparison}")]
pub async fn show(
    app: Data<App>,
    visitor: Visitor,
    id: Path<ComparisonId>,
    asked: Query<Asked>,
) -> Result<HttpResponse, PageError> {
    let found = ops::find(&app, &visitor.who, *id).await?;
    let comparison = api::view(&app, &visitor.who, found).await?;
    let shown = comparison.result.as_ref().map(Shown::of);
    let under_way = comparison.finished_at.is_none();
    let follow = Follow::new(&format!("/comparisons/{id}"), &asked, under_way);
    let frame = Frame::new("Models", &visitor);
    let shown = page(&ShowPage { frame, comparison, under_way, follow: follow.clone(), shown })?;
    Ok(follow.refreshing(shown))
}

/// An output as it is in both versions.
struct OutputRow {
    name: String,
    numbers: String,
    farthest: String,
    mean: String,
    cosine: String,
    moved: String,
}

impl OutputRow {
    fn of(change: &OutputChange) -> Self {
        let cosine = change.least_cosine.zip(change.mean_cosine.and_then(|mean| mean.value));
        Self {
            name: change.output.clone(),
            numbers: words::grouped(change.numbers),
            farthest: change.max_difference.map_or_else(|| "undefined".to_owned(), number),
            mean: plain(change.mean_difference),
            cosine: cosine
                .map_or_else(String::new, |(least, mean)| format!("at least {least:.6}, {mean:.6} on average")),
            moved: change.other_largest.map(rate).unwrap_or_default(),
        }
    }
}

/// One line of the table: what, both values, and candidate over baseline where that means something.
struct Line {
    what: String,
    before: String,
    after: String,
    ratio: Option<f64>,
}

impl Shown {
    fn of(result: &ComparisonBody) -> Self {
        let lines = lines(result);
        let item = |line: &Line| {
            let value = line.ratio?;
            Some(Item { label: line.what.clone(), value, interval: None, shown: number(value), tone: "quiet" })
        };
        let about = About {
            id: "ratios".to_owned(),
            title: format!("Version {} over version {}", result.candidate.number, result.baseline.number),
            axis: "Candidate over baseline".to_owned(),
            text: "A dot for each figure; left of the dotted line the candidate needs less than the baseline."
                .to_owned(),
            line: (1.0, "the same".to_owned()),
        };
        let drawn = dots(about, lines.iter().filter_map(item).collect());
        let row = |line: Line| (line.what, line.before, line.after, line.ratio.map(number).unwrap_or_default());
        let group = |group: &GroupFlips| {
            (group.attribute.clone(), group.group.clone(), words::grouped(group.rows), group.flips.map(rate))
        };
        let host = result.host.as_ref().map(|host| {
            format!(
                "{}, {} cores, {}",
                host.cpu_model,
                host.cores,
                host.runtime.as_deref().unwrap_or("unknown runtime")
            )
        });
        Self {
            drawn,
            rows: lines.into_iter().map(row).collect(),
            answers: answers(result),
            outputs: result.outputs.iter().map(OutputRow::of).collect(),
            uncompared: result.uncompared.clone().into_iter().collect(),
            groups: result.groups.iter().map(group).collect(),
            ungrouped: result.ungrouped.clone().into_iter().collect(),
            host: host.unwrap_or_default(),
            method: result.method.clone(),
        }
    }
}

fn lines(result: &ComparisonBody) -> Vec<Line> {
    let (old, new) = (&result.baseline, &result.candidate);
    let bytes = |what: &str, of: fn(&Side) -> u64| Line {
        what: what.to_owned(),
        before: words::size(of(old)),
        after: words::size(of(new)),
        ratio: (of(old) != 0).then(|| of(new) as f64 / of(old) as f64),
    };
    let times = |what: String, before: Figure, after: Figure| Line {
        what,
        before: ms(before),
        after: ms(after),
        ratio: ratio(before, after),
    };
    let mut lines = vec![
        bytes("Size", |side| side.artifact_bytes),
        times("Load time".to_owned(), old.load_time_s, new.load_time_s),
        bytes("Peak memory", |side| side.peak_memory_bytes),
        bytes("The model's own memory", |side| side.model_memory_bytes),
    ];
    for (before, after) in old.loads.iter().zip(&new.loads) {
        let name = |percentile: &str, run: &LoadRun| {
            format!("{percentile}, batch {}, {} at once", run.load.batch, run.load.concurrency)
        };
        lines.push(times(name("p50", before), before.latency.p50, after.latency.p50));
        lines.push(times(name("p95", before), before.latency.p95, after.latency.p95));
    }
    if result.quality_metric == NO_QUALITY {
        return lines;
    }
    let quality = if result.quality_metric == "mae" { "Mean absolute error" } else { "Accuracy" };
    let (before, after) = (plain(old.quality), plain(new.quality));
    lines.push(Line { what: quality.to_owned(), before, after, ratio: None });
    lines
}

fn answers(result: &ComparisonBody) -> Vec<(&'static str, String)> {
    let mut all = match result.quality_metric.as_str() {
        NO_QUALITY => Vec::new(),
        "mae" => vec![("Change of the error", plain(result.quality_difference))],
        _ => vec![("Change of accuracy", plain(result.quality_difference))],
    };
    if let Some(flips) = result.flips {
        all.push(("Rows with another label", rate(flips)));
        let moved = format!("{} became right, {} became wrong", result.flips_to_right, result.flips_to_wrong);
        all.push(("Of those", moved));
    }
    if let Some(most) = result.max_score_change {
        let mean = result.mean_score_change.map(plain).unwrap_or_default();
        all.push(("Change of scores", format!("at most {}, {mean} on average", number(most))));
    }
    all
}

fn rate(rate: Rate) -> String {
    let (low, high) = (words::percent(rate.interval.low), words::percent(rate.interval.high));
    format!("{} of {}: {} ({low} to {high})", rate.count, rate.total, words::percent(rate.value))
}

fn ms(figure: Figure) -> String {
    let ms = |seconds: f64| number(seconds * 1e3);
    match (figure.value, figure.interval) {
        (None, _) => "none".to_owned(),
        (Some(value), None) => format!("{} ms", ms(value)),
        (Some(value), Some(i)) => format!("{} ms ({} to {})", ms(value), ms(i.low), ms(i.high)),
    }
}

fn plain(figure: Figure) -> String {
    match (figure.value, figure.interval) {
        (None, _) => "undefined".to_owned(),
        (Some(value), None) => number(value),
        (Some(value), Some(i)) => format!("{} ({} to {})", number(value), number(i.low), number(i.high)),
    }
}
