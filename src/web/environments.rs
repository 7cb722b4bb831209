//! Environments: what each is, its load line, what it asks for, and what ran there.

use crate::{
    app::App,
    authz::Action,
    constraints::Constraint,
    environments::{api::EnvironmentView, ops, profile::Profile},
    policies::Policy,
    releases::{
        State,
        board::{self, Posted},
    },
    web::{
        PageError,
        frame::{Frame, page},
        overview::{Place, places},
        verdicts,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use askama::Template;

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
    policy: Option<Policy>,
    releases: Vec<Posted>,
}

impl ShowPage {
    fn active(&self) -> Vec<&Posted> {
        self.releases.iter().filter(|posted| posted.release.state == State::Active).collect()
    }
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

#[get("/environments/{environment}")]
pub async fn show(app: Data<App>, visitor: Visitor, name: Path<String>) -> Result<HttpResponse, PageError> {
    let (environment, current) = ops::find(&app, &visitor.who, &name).await?;
    let releases = match visitor.who.may(Action::ReleaseRead) {
        true => board::recent(&app, &visitor.who, environment.id).await?,
        false => Vec::new(),
    };
    let profile = current.profile.as_ref().map(|revision| revision.profile()).transpose()?;
    let spec = current.constraints.as_ref().map(|revision| revision.constraints()).transpose()?;
    let policy = current.policy.as_ref().map(|revision| revision.policy()).transpose()?;
    let datasets = spec.iter().flat_map(|s| s.datasets()).map(|(m, d)| (m.clone(), d.clone())).collect();
    let limits = spec.iter().flat_map(|s| s.constraints()).map(limit_row).collect();
    let facts = profile.as_ref().map(facts).unwrap_or_default();
    let environment = EnvironmentView::new(environment, current)?;
    let frame = Frame::new("Environments", &visitor);
    page(&ShowPage { frame, environment, profile, facts, datasets, limits, policy, releases })
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
