//! Environments: what each is, its load line, what it asks for, and what ran there.

mod acts;
mod calendar;
mod marks;
mod place;
mod revisions;
mod timeline;
mod way_back;

pub use acts::{lower_mode, raise_mode, rehearse, resume, review_rollback, roll_back, suspend};
pub use revisions::{list as list_revisions, show as show_revision};
pub use way_back::plan_rollback;

use self::{
    calendar::Day,
    marks::Marks,
    place::{FreezeRow, HostRow, ReviewRow, Running},
    timeline::Timeline,
};
use crate::{
    accountability,
    app::App,
    authz::Action,
    constraints::Constraint,
    core::page::{MAX_LIMIT, PageRequest},
    environments::{api::EnvironmentView, ops, profile::Profile},
    error::Error,
    oversight::{break_glass::api::BreakGlassView, findings::api::FindingSummary},
    policies::Policy,
    releases::board::{self, Posted},
    web::{
        PageError, break_glass,
        decision::readiness::{self, RecordRow},
        forms::{self, Typed},
        frame::{Frame, page, page_with},
        overview::{Place, places},
        verdicts,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    web::{Data, Path, Query},
};
use askama::Template;

/// More models than this are found by their names.
const MODELS_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "environments/list.html")]
struct ListPage {
    frame: Frame,
    places: Vec<Place>,
}

#[derive(Template)]
#[template(path = "environments/show.html")]
struct ShowPage {
    frame: Frame,
    environment: EnvironmentView,
    profile: Option<Profile>,
    /// Name and value.
    facts: Vec<(&'static str, String)>,
    datasets: Vec<(String, String)>,
    limits: Vec<LimitRow>,
    marks: Vec<Marks>,
    policy: Option<Policy>,
    /// What the policy asks for beside approvals.
    asks: Vec<String>,
    releases: Vec<Posted>,
    running: Vec<Running>,
    more_running: usize,
    /// The one model that was asked for.
    only: Option<String>,
    frozen: Option<String>,
    freezes: Vec<FreezeRow>,
    /// In hours of UTC; empty where nothing is frozen in them.
    weeks: Vec<Vec<Day>>,
    timeline: Option<Timeline>,
    reviews: Vec<ReviewRow>,
    hosts: Vec<HostRow>,
    findings: Vec<FindingSummary>,
    more_findings: bool,
    emergencies: Vec<BreakGlassView>,
    records: Vec<RecordRow>,
    /// Id and error of the form that did not succeed.
    failed: (String, String),
}

/// One load line.
struct LimitRow {
    name: String,
    subject: String,
    limit: String,
    condition: String,
    severity: String,
    owner: String,
    rationale: String,
}

#[get("/environments")]
pub async fn list(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let places = places(&app, &visitor).await?;
    page(&ListPage { frame: Frame::new("Environments", &visitor), places })
}

#[derive(serde::Deserialize)]
pub struct ShowParams {
    /// One model alone.
    model: Option<String>,
}

#[get("/environments/{environment}")]
pub async fn show(
    app: Data<App>,
    visitor: Visitor,
    name: Path<String>,
    params: Query<ShowParams>,
) -> Result<HttpResponse, PageError> {
    let only = params.model.as_deref().map(str::trim).filter(|model| !model.is_empty());
    render(&app, &visitor, (&name, only), StatusCode::OK, &Typed::default()).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    (name, only): (&str, Option<&str>),
    status: StatusCode,
    typed: &Typed,
) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let (environment, current) = ops::find(app, who, name).await?;
    let profile = current.profile.as_ref().map(|revision| revision.profile()).transpose()?;
    let spec = current.constraints.as_ref().map(|revision| revision.constraints()).transpose()?;
    let policy = current.policy.as_ref().map(|revision| revision.policy()).transpose()?;
    let (id, now) = (environment.id, app.db.clock().now());
    let ceiling = profile.as_ref().map(|profile| profile.operating_mode);
    let (mut releases, mut running, mut reviews, mut hosts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    if who.may(Action::ReleaseRead) {
        releases = board::recent(app, who, id).await?;
        running = place::running(app, visitor, (id, name), &releases, ceiling).await?;
        reviews = place::reviews(app, visitor, (id, name)).await?;
        hosts = place::hosts(app, who, id, &running).await?;
    }
    let given = running.iter_mut().map(|row| &mut row.forms).chain(reviews.iter_mut().map(|row| &mut row.forms));
    for forms in given {
        *forms = std::mem::take(forms).into_iter().map(|form| form.with(typed)).collect();
    }
    // The one that somebody just tried something with is always among those that are shown.
    running.sort_by_key(|row| !row.forms.iter().any(|form| form.is_open));
    if let Some(only) = only {
        running.retain(|row| row.posted.model == only);
        hosts.retain(|row| row.model == only);
    }
    let more_running = running.len().saturating_sub(MODELS_SHOWN);
    running.truncate(MODELS_SHOWN);
    let (findings, more_findings) = place::findings(app, who, name).await?;
    let marks = marks::of(app, who, id, &running).await?;
    let page = ShowPage {
        frame: Frame::new("Environments", visitor),
        marks,
        weeks: policy.as_ref().map(|policy| calendar::weeks(&policy.freeze, now)).unwrap_or_default(),
        timeline: timeline::draw(&releases, now),
        facts: profile.as_ref().map(facts).unwrap_or_default(),
        datasets: spec.iter().flat_map(|s| s.datasets()).map(|(m, d)| (m.clone(), d.clone())).collect(),
        limits: spec.iter().flat_map(|s| s.constraints()).map(limit_row).collect(),
        frozen: policy.as_ref().and_then(|policy| place::frozen(policy, now)),
        freezes: policy.as_ref().map(|policy| place::freezes(policy, now)).transpose()?.unwrap_or_default(),
        asks: policy.as_ref().map(asks).unwrap_or_default(),
        emergencies: place::emergencies(app, who, id).await?,
        records: records(app, visitor, name).await?,
        environment: EnvironmentView::new(environment, current)?,
        profile,
        policy,
        releases,
        running,
        more_running,
        only: only.map(str::to_owned),
        reviews,
        hosts,
        findings,
        more_findings,
        failed: (typed.form.clone(), typed.error.clone()),
    };
    page_with(status, &page)
}

async fn records(app: &App, visitor: &Visitor, name: &str) -> Result<Vec<RecordRow>, Error> {
    if !visitor.who.may(Action::RecordRead) {
        return Ok(Vec::new());
    }
    let place = accountability::ops::Place { model: None, environment: Some(name) };
    let (page, _) = accountability::ops::list(app, &visitor.who, place, None, PageRequest::first(MAX_LIMIT)).await?;
    let now = app.db.clock().now();
    Ok(page.items.iter().map(|held| readiness::row(held, now)).collect())
}

/// The number of the version that runs there.
async fn active_version(app: &App, visitor: &Visitor, environment: &str, model: &str) -> Result<i64, Error> {
    let active = board::active(app, &visitor.who).await?;
    let here = active.into_iter().find(|posted| posted.environment == environment && posted.model == model);
    let nothing = || Error::conflict("nothing_active", format!("nothing of {model} is active in {environment}"));
    Ok(here.ok_or_else(nothing)?.version)
}

fn asks(policy: &Policy) -> Vec<String> {
    let mut asks = vec![
        format!("A request that nobody decided after {} hours is a no", policy.request_expires_after_hours),
        format!("A validation run counts for {} days", policy.evidence_maximum_age_days),
    ];
    asks.extend(
        policy.wait_hours.map(|hours| format!("{hours} hours pass between the last approval and the activation")),
    );
    let soaks =
        policy.soak.iter().map(|soak| format!("The same bytes ran in {} for {} hours", soak.environment, soak.hours));
    asks.extend(soaks);
    let evidence = policy.evidence.iter().map(|ask| {
        let name = ask.name.as_ref().map_or_else(String::new, |name| format!(" {name}"));
        format!("On record: {}{name}", words::spoken(&ask.kind.to_string()))
    });
    asks.extend(evidence);
    asks.extend(policy.frameworks.iter().map(|framework| format!("Held against {}", framework.id)));
    asks.extend(policy.different_teams.then(|| "Approvers are of different teams".to_owned()));
    asks.extend(policy.conditions_allowed.then(|| "An approval may come with conditions".to_owned()));
    if !policy.rules.is_empty() {
        asks.push(format!("{} rules ask for more where they match", policy.rules.len()));
    }
    let emergency = policy.break_glass.as_ref().map_or_else(
        || "Nobody may break the glass".to_owned(),
        |terms| {
            let roles: Vec<_> = terms.roles.iter().map(|role| words::spoken(role)).collect();
            let two = if terms.second_person { ", two persons together" } else { "" };
            format!("In an emergency, for at most {} hours: {}{two}", terms.maximum_hours, roles.join(", "))
        },
    );
    asks.push(emergency);
    asks
}

fn limit_row(constraint: &Constraint) -> LimitRow {
    let metric = words::spoken(&constraint.metric.to_string());
    let subject = match (constraint.statistic, &constraint.attribute) {
        (Some(statistic), _) => format!("{statistic} {metric}"),
        (None, Some(attribute)) => format!("{metric} by {attribute}"),
        (None, None) => metric,
    };
    let mut condition = Vec::new();
    if let Some(load) = constraint.load {
        condition.push(format!("batch {}, {} at once, {} calls", load.batch, load.concurrency, load.samples));
    }
    if let Some(size) = constraint.minimum_group_size {
        condition.push(format!("groups of {size} or more"));
    }
    if constraint.representative_hardware {
        condition.push("on representative hardware".to_owned());
    }
    if constraint.confidence == crate::constraints::Confidence::Interval {
        condition.push("the whole 95 % interval".to_owned());
    }
    LimitRow {
        name: constraint.name.clone(),
        subject,
        limit: verdicts::limit(constraint.operator, constraint.limit, constraint.unit),
        condition: condition.join("; "),
        severity: constraint.severity.to_string(),
        owner: constraint.owner.clone(),
        rationale: constraint.rationale.clone().unwrap_or_default(),
    }
}

fn facts(profile: &Profile) -> Vec<(&'static str, String)> {
    let word = |value: serde_json::Value| words::spoken(value.as_str().unwrap_or_default());
    let mut facts = vec![
        ("Class", word(serde_json::json!(profile.class))),
        ("Operating mode", word(serde_json::json!(profile.operating_mode))),
        ("Jurisdiction", profile.jurisdiction.clone()),
        ("Order", profile.order.to_string()),
    ];
    if let Some(hardware) = &profile.hardware {
        let unit = hardware.memory_unit.as_deref().unwrap_or_default();
        facts.push(("Cores", hardware.cores.map(|n| n.to_string()).unwrap_or_default()));
        facts.push(("Memory", hardware.memory.map(|n| format!("{n} {unit}")).unwrap_or_default()));
        facts.push(("Accelerator", hardware.accelerator.clone().unwrap_or_default()));
    }
    if let Some(sla) = &profile.sla {
        let with = |value: Option<f64>, unit: &str| value.map(|v| format!("{v} {unit}")).unwrap_or_default();
        facts.push(("Availability promised", with(sla.availability_percent, "%")));
        facts.push(("Response time promised, p95", with(sla.response_time_p95_ms, "ms")));
        facts.push(("Recovery time promised", with(sla.recovery_time_minutes, "minutes")));
    }
    facts.push(("Escalation contact", profile.escalation_contact.clone().unwrap_or_default()));
    let steps =
        profile.escalation.iter().map(|s| ("Escalation", format!("after {} minutes: {}", s.after_minutes, s.contact)));
    facts.extend(steps);
    facts.retain(|(_, value)| !value.is_empty());
    facts
}
