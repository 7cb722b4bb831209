//! Two versions of a model side by side: what they are made of, who vouches for them, and how they did under the same limits.

use super::{
    active,
    graph::{self, Graph, GraphView},
    named, origin, runs,
};
use crate::{
    app::App,
    authz::{Action, Principal},
    comparisons::{self, api::ComparisonSummary},
    constraints::ConstraintVerdict,
    core::clock::rfc3339,
    error::{Error, InField},
    validation::{Run, api::RunSummary},
    versions::{StoredFile, VersionRef, ops, ops::Detail, outline::AT_ONCE_BYTES},
    web::{
        PageError,
        frame::{Frame, page},
        pairs::{Pair, pairs},
        verdicts,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;
use std::collections::{BTreeMap, BTreeSet};

/// More files that differ than this are counted, not listed.
const FILES_SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "versions/compare.html")]
struct ComparePage {
    frame: Frame,
    model: String,
    old: i64,
    new: i64,
    facts: Vec<Pair>,
    files: Vec<Pair>,
    files_left_out: usize,
    same_files: usize,
    interface: Vec<Pair>,
    operators: Vec<Pair>,
    /// Why there is no interface; empty if there is.
    unread: &'static str,
    /// By environment: name, both runs, and a line for each limit.
    limits: Vec<Limits>,
    comparisons: Vec<ComparisonSummary>,
}

struct Limits {
    environment: String,
    old_run: Option<RunSummary>,
    new_run: Option<RunSummary>,
    rows: Vec<Pair>,
}

#[derive(serde::Deserialize)]
struct Params {
    with: Option<String>,
}

/// What is known of one side.
struct Side {
    detail: Detail,
    facts: BTreeMap<&'static str, String>,
    graph: Graph,
    runs: Vec<Run>,
    summaries: Vec<RunSummary>,
}

#[get("/models/{model}/versions/{version}/compare")]
pub async fn beside(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String)>,
    params: Query<Params>,
) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let (model, detail) = named(&app, who, path.into_inner()).await?;
    let asked = params.with.as_deref().map(str::trim).filter(|with| !with.is_empty());
    // The one before is what most people mean.
    let with = match asked {
        Some(with) => VersionRef::parse(with).in_field("with")?,
        None => VersionRef::Number((detail.version.number - 1).max(1)),
    };
    let old = ops::find(&app, who, &model, &with).await?;
    let comparisons = between(&app, who, &old, &detail).await?;
    let (old, new) = (Side::of(&app, who, old).await?, Side::of(&app, who, detail).await?);
    let (files, same_files) = files(&old.detail.files, &new.detail.files);
    let (interface, operators, unread) = made_of(&old.graph, &new.graph);
    let facts = old.facts.iter().map(|(what, before)| {
        let after = new.facts.get(what).cloned().unwrap_or_default();
        Pair::new(*what, before.clone(), after)
    });
    page(&ComparePage {
        frame: Frame::new("Models", &visitor),
        facts: facts.collect(),
        files_left_out: files.len().saturating_sub(FILES_SHOWN),
        files: files.into_iter().take(FILES_SHOWN).collect(),
        same_files,
        interface,
        operators,
        unread,
        limits: limits(&old, &new),
        comparisons,
        model,
        old: old.detail.version.number,
        new: new.detail.version.number,
    })
}

impl Side {
    async fn of(app: &App, who: &Principal, detail: Detail) -> Result<Self, Error> {
        let version = &detail.version;
        let signer = origin::signer(app, who, version).await?;
        let (runs, summaries) = runs(app, who, version).await?;
        let active = active(app, who, version).await?;
        let attested = ops::attestations(app, who, version.id).await?;
        let reported = crate::web::reported::ReportedList::of(app, who, version.id).await?;
        let bytes = detail.files.iter().map(|file| u64::try_from(file.declared.size_bytes).unwrap_or(0));
        let signature = match signer {
            Some(key) => format!("{} by {}", version.signature.name(), key.name),
            None => version.signature.name().to_owned(),
        };
        let places = active.into_iter().map(|posted| posted.environment).collect::<Vec<_>>().join(", ");
        let facts = BTreeMap::from([
            ("Digest", version.manifest.to_string()),
            ("State", version.state.name().to_owned()),
            ("Signature", signature),
            ("Declared", words::moment(&rfc3339(version.created_at))),
            ("Size", words::size(bytes.fold(0, u64::saturating_add))),
            ("Attestations", attested.len().to_string()),
            ("Reported evidence", (reported.records.len() + reported.left_out).to_string()),
            ("Active in", if places.is_empty() { "nowhere".to_owned() } else { places }),
        ]);
        let graph = graph::of(app, who, &detail, AT_ONCE_BYTES).await?;
        Ok(Self { facts, graph, runs, summaries, detail })
    }

    /// The latest run for an environment that found something out.
    fn latest(&self, environment: &str) -> Option<(&Run, &RunSummary)> {
        let mut measured = self.runs.iter().zip(&self.summaries);
        measured.find(|(run, summary)| summary.environment == environment && !run.verdicts.is_empty())
    }
}

async fn between(app: &App, who: &Principal, old: &Detail, new: &Detail) -> Result<Vec<ComparisonSummary>, Error> {
    if !who.may(Action::RunRead) {
        return Ok(Vec::new());
    }
    let all = comparisons::ops::of_version(app, who, new.version.id).await?;
    Ok(all.into_iter().filter(|one| one.baseline == old.version.id).map(ComparisonSummary::from).collect())
}

/// Files that differ, and how many are the same.
fn files(old: &[StoredFile], new: &[StoredFile]) -> (Vec<Pair>, usize) {
    let listed = |files: &[StoredFile]| -> BTreeMap<String, String> {
        let line = |file: &StoredFile| {
            let size = words::size(u64::try_from(file.declared.size_bytes).unwrap_or(0));
            (file.declared.path.to_string(), format!("{size}, {}", file.declared.sha256))
        };
        files.iter().map(line).collect()
    };
    let all = pairs(&listed(old), &listed(new));
    let (differ, same): (Vec<_>, Vec<_>) = all.into_iter().partition(|pair| !pair.change().is_empty());
    (differ, same.len())
}

/// Interface, operators, or why neither can be said.
fn made_of(old: &Graph, new: &Graph) -> (Vec<Pair>, Vec<Pair>, &'static str) {
    let (Graph::Shown(old), Graph::Shown(new)) = (old, new) else {
        let large = matches!(old, Graph::Large) || matches!(new, Graph::Large);
        let why = if large {
            "One of the two model files is too large to be read for this page; each version's page leads to its graph."
        } else {
            "One of the two has no model file that can be read here."
        };
        return (Vec::new(), Vec::new(), why);
    };
    let facts = |view: &GraphView| {
        let mut facts: BTreeMap<String, String> =
            view.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        facts.insert("Inputs".to_owned(), view.inputs.join("\n"));
        facts.insert("Outputs".to_owned(), view.outputs.join("\n"));
        facts
    };
    let operators = |view: &GraphView| view.operators.iter().cloned().collect::<BTreeMap<_, _>>();
    let mut differing = pairs(&operators(old), &operators(new));
    differing.retain(|pair| !pair.change().is_empty());
    (pairs(&facts(old), &facts(new)), differing, "")
}

fn limits(old: &Side, new: &Side) -> Vec<Limits> {
    let places: BTreeSet<&String> =
        old.summaries.iter().chain(&new.summaries).map(|summary| &summary.environment).collect();
    let said = |side: Option<(&Run, &RunSummary)>| -> BTreeMap<String, String> {
        side.map(|(run, _)| run.verdicts.iter().map(verdict).collect()).unwrap_or_default()
    };
    let of = |environment: &String| {
        let (before, after) = (old.latest(environment), new.latest(environment));
        let rows = pairs(&said(before), &said(after));
        let summary = |side: Option<(&Run, &RunSummary)>| side.map(|(_, summary)| summary.clone());
        Limits { environment: environment.clone(), old_run: summary(before), new_run: summary(after), rows }
    };
    places.into_iter().map(of).filter(|limits| !limits.rows.is_empty()).collect()
}

fn verdict(verdict: &ConstraintVerdict) -> (String, String) {
    let row = verdicts::rows(std::slice::from_ref(verdict)).pop();
    let said = row.map(|row| match row.measured.is_empty() {
        true => row.state,
        false => format!("{}, {}", row.state, row.measured),
    });
    (verdict.constraint.clone(), said.unwrap_or_default())
}
