//! Regulations: the list, one revision, and what a version has of one.

use crate::{
    app::App,
    core::page::PageRequest,
    environments,
    error::{Error, InField},
    frameworks::{
        ItemState, MetricResult, Standing,
        api::{self, CoverageView, FrameworkSummary, FrameworkView, HeldView},
        impact::CategoryResult,
        ops,
    },
    versions::VersionRef,
    web::{
        PageError,
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

#[derive(Template)]
#[template(path = "frameworks/list.html")]
struct ListPage {
    frame: Frame,
    items: Vec<FrameworkSummary>,
}

#[derive(Template)]
#[template(path = "frameworks/show.html")]
struct ShowPage {
    frame: Frame,
    view: FrameworkView,
    /// Figure, metric, by what, limit, citation, note.
    rules: Vec<RuleRow>,
}

struct RuleRow {
    title: String,
    metric: String,
    by: String,
    limit: String,
    citation: String,
    note: String,
}

#[derive(Template)]
#[template(path = "frameworks/coverage.html")]
struct CoveragePage {
    frame: Frame,
    model: String,
    version: String,
    environments: Vec<String>,
    /// Ids with their titles.
    frameworks: Vec<(String, String)>,
    environment: String,
    framework: String,
    as_of: String,
    view: Option<CoverageView>,
}

#[derive(serde::Deserialize)]
pub struct CoverageQuery {
    #[serde(default)]
    environment: String,
    #[serde(default)]
    framework: String,
    #[serde(default)]
    as_of: String,
}

#[get("/frameworks")]
pub async fn list(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let today = app.db.clock().now().date_naive();
    let items = ops::list(&visitor.who, None)?.into_iter().map(|entry| FrameworkSummary::new(entry, today)).collect();
    page(&ListPage { frame: Frame::new("Frameworks", &visitor), items })
}

#[get("/frameworks/{framework}/{revision}")]
pub async fn show(app: Data<App>, visitor: Visitor, path: Path<(String, u32)>) -> Result<HttpResponse, PageError> {
    let (id, revision) = path.into_inner();
    let view = FrameworkView::new(ops::find(&visitor.who, &id, revision)?, app.db.clock().now());
    let row = |rule: &crate::frameworks::profile::MetricRule| RuleRow {
        title: rule.title.clone(),
        metric: words::spoken(&rule.metric.to_string()),
        by: rule.attribute.to_string(),
        limit: rule.limit.at().map_or_else(String::new, |(operator, value)| format!("{operator} {value}")),
        citation: rule.citation.clone(),
        note: rule.note.clone(),
    };
    let rules = view.profile.metric_rules.iter().map(row).collect();
    page(&ShowPage { frame: Frame::new("Frameworks", &visitor), view, rules })
}

/// Without a choice it asks for one; a form without script can only send what stands in it.
#[get("/models/{model}/versions/{version}/coverage")]
pub async fn coverage(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String)>,
    query: Query<CoverageQuery>,
) -> Result<HttpResponse, PageError> {
    let (model, version) = path.into_inner();
    let CoverageQuery { environment, framework, as_of } = query.into_inner();
    let wanted = VersionRef::parse(&version).in_field("version")?;
    let day = Some(as_of.as_str()).filter(|raw| !raw.is_empty()).map(|raw| api::day("as_of", raw)).transpose()?;
    let known = crate::versions::ops::find(&app, &visitor.who, &model, &wanted).await?.version;
    let view = match environment.is_empty() || framework.is_empty() {
        true => None,
        false => Some(api::coverage(&app, &visitor.who, &model, &wanted, &environment, &framework, day).await?),
    };
    let request = PageRequest::parse("environments", None, Some(200)).map_err(Error::from)?;
    let environments = environments::ops::list(&app, &visitor.who, request).await?.items;
    let mut frameworks: Vec<_> =
        ops::list(&visitor.who, None)?.into_iter().map(|e| (e.profile.id.clone(), e.profile.title.clone())).collect();
    frameworks.dedup_by(|a, b| a.0 == b.0);
    page(&CoveragePage {
        frame: Frame::new("Models", &visitor),
        model,
        version: known.number.to_string(),
        environments: environments.into_iter().map(|environment| environment.name).collect(),
        frameworks,
        environment,
        framework,
        as_of,
        view,
    })
}

/// "in force", with the colour family of its tag.
pub fn standing(standing: &Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Proposed => ("proposed", "quiet"),
        Standing::NotYetInForce => ("not yet in force", "mind"),
        Standing::InForce => ("in force", "good"),
        Standing::NoLongerInForce => ("no longer in force", "quiet"),
    }
}

/// What is missing and comes only with the decision is no fault yet.
pub fn item_tone(item: &ItemState) -> &'static str {
    match item.state.word() {
        "present" => "good",
        "stale" => "mind",
        _ if item.comes_with_the_decision => "quiet",
        _ => "bad",
    }
}

/// Never the green of a pass where the text has no pass mark.
pub fn metric_tone(result: &MetricResult) -> &'static str {
    match result.verdict.word() {
        "within" => "good",
        "outside" => "bad",
        "no_pass_mark" => "quiet",
        _ => "mind",
    }
}

/// The tone of one category's row.
pub fn category_tone(row: &CategoryResult) -> &'static str {
    match row.verdict.word() {
        "within" => "good",
        "outside" => "bad",
        "too_few" => "mind",
        _ => "quiet",
    }
}

/// "0.0312".
pub fn p_value(value: &f64) -> String {
    if *value < 0.000_05 { "below 0.0001".to_owned() } else { format!("{value:.4}") }
}

/// "0.812".
pub fn number(value: &f64) -> String {
    format!("{value:.3}")
}

pub fn rows(count: &u64) -> String {
    words::grouped(*count)
}

/// What an item's state does to a request.
pub fn consequence(held: &HeldView) -> &'static str {
    match held.on_missing {
        Some(crate::policies::OnMissing::Block) => "what is missing or stale stops a request",
        Some(crate::policies::OnMissing::Warn) => "what is missing or stale is shown and stops nothing",
        None => "shown for information; no policy asks for it here",
    }
}
