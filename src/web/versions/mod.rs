//! One version: its files, who vouches for them, what it is made of, and what was measured; and two held side by side.

mod bom;
mod compare;
mod contents;
mod family;
mod graph;
mod lineage;
mod origin;

pub use bom::take_bill;
pub use compare::beside;
pub use contents::show_contents;
pub use family::{show_family, show_made_from};

use self::{graph::Graph, lineage::Lineage, origin::Known};
use crate::{
    app::App,
    authz::{Action, Principal},
    comparisons::{self, api::ComparisonSummary},
    error::{Error, InField},
    releases::board::{self, Posted},
    trust::TrustKey,
    validation::{self, Run, api::RunSummary},
    versions::{
        Version, VersionRef,
        api::{AttestationView, FileView, VersionView},
        card::{self, api::CardView},
        ops::{self, Detail},
        outline::AT_ONCE_BYTES,
    },
    web::{
        PageError,
        frame::{Frame, page},
        reported::ReportedList,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use askama::Template;

/// More files than this are counted, not listed.
const FILES_SHOWN: usize = 200;
/// Runs under way say how far they are; the rest of a long history is on the API.
const RUNS_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "versions/show.html")]
struct ShowPage {
    frame: Frame,
    version: VersionView,
    signer: Option<TrustKey>,
    /// Path, size, digest, whether the bytes are here.
    files: Vec<(String, String, String, &'static str)>,
    files_left_out: usize,
    total_size: String,
    graph: Graph,
    lineage: Option<Lineage>,
    attestations: Vec<AttestationView>,
    /// The author's, or why it can't be read.
    card: Option<Result<CardView, String>>,
    runs: Vec<RunRow>,
    runs_left_out: usize,
    comparisons: Vec<ComparisonSummary>,
    active: Vec<Posted>,
    reported: ReportedList,
}

#[derive(Template)]
#[template(path = "versions/graph.html")]
struct GraphPage {
    frame: Frame,
    version: VersionView,
    graph: Graph,
}

struct RunRow {
    run: RunSummary,
    /// Phase and percent, while it is under way.
    progress: Option<(String, i32)>,
}

#[get("/models/{model}/versions/{version}")]
pub async fn show(app: Data<App>, visitor: Visitor, path: Path<(String, String)>) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let (model, detail) = named(&app, who, path.into_inner()).await?;
    let attested = ops::attestations(&app, who, detail.version.id).await?;
    let (runs, summaries) = runs(&app, who, &detail.version).await?;
    let comparisons = match who.may(Action::RunRead) {
        true => {
            let all = comparisons::ops::of_version(&app, who, detail.version.id).await?;
            all.into_iter().map(ComparisonSummary::from).collect()
        }
        false => Vec::new(),
    };
    let active = active(&app, who, &detail.version).await?;
    let reported = ReportedList::of(&app, who, detail.version.id).await?;
    let signer = origin::signer(&app, who, &detail.version).await?;
    let (requests, environments) = origin::requests(&app, who, &detail.version).await?;
    let known = Known {
        version: &detail.version,
        signer: signer.as_ref(),
        attestations: &attested,
        summaries: &summaries,
        requests: &requests,
        environments: &environments,
        releases: &active,
    };
    let lineage = known.lineage();
    let graph = graph::of(&app, who, &detail, AT_ONCE_BYTES).await?;
    let card = card(&app, &detail).await?;
    let version = VersionView::new(&model, detail);
    let bytes = |size: i64| u64::try_from(size).unwrap_or(0);
    let total = version.files.iter().map(|file| bytes(file.size_bytes)).fold(0_u64, u64::saturating_add);
    let files = version.files.iter().take(FILES_SHOWN);
    let progress = |run: &Run| (!run.state.is_final()).then(|| (run.phase.clone(), run.percent));
    let rows = runs.iter().map(progress).zip(summaries).map(|(progress, run)| RunRow { run, progress });
    page(&ShowPage {
        frame: Frame::new("Models", &visitor),
        files: files
            .map(|f| (f.path.clone(), words::size(bytes(f.size_bytes)), f.sha256.clone(), state_of(f)))
            .collect(),
        files_left_out: version.files.len().saturating_sub(FILES_SHOWN),
        total_size: words::size(total),
        version,
        signer,
        graph,
        card,
        lineage,
        attestations: attested.into_iter().map(AttestationView::from).collect(),
        runs_left_out: runs.len().saturating_sub(RUNS_SHOWN),
        runs: rows.take(RUNS_SHOWN).collect(),
        comparisons,
        active,
        reported,
    })
}

/// The graph alone, of a file of any size.
#[get("/models/{model}/versions/{version}/graph")]
pub async fn show_graph(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (model, detail) = named(&app, &visitor.who, path.into_inner()).await?;
    let graph = graph::of(&app, &visitor.who, &detail, i64::MAX).await?;
    let version = VersionView::new(&model, detail);
    page(&GraphPage { frame: Frame::new("Models", &visitor), version, graph })
}

async fn named(app: &App, who: &Principal, path: (String, String)) -> Result<(String, Detail), Error> {
    let (model, number) = path;
    let wanted = VersionRef::parse(&number).in_field("version")?;
    let detail = ops::find(app, who, &model, &wanted).await?;
    Ok((model, detail))
}

/// Runs newest first, each with its summary at the same place; nothing for those who may not look.
async fn runs(app: &App, who: &Principal, version: &Version) -> Result<(Vec<Run>, Vec<RunSummary>), Error> {
    if !who.may(Action::RunRead) {
        return Ok((Vec::new(), Vec::new()));
    }
    let runs = validation::ops::of_version(app, who, version.id).await?;
    let summaries = validation::api::summaries(app, who, runs.clone()).await?;
    Ok((runs, summaries))
}

/// Bytes that can't be had are said of the files.
async fn card(app: &App, detail: &Detail) -> Result<Option<Result<CardView, String>>, Error> {
    match card::beside(app, detail).await {
        Ok(read) => Ok(read.map(|read| read.map(CardView::from).map_err(|e| e.to_string()))),
        Err(Error::Conflict { detail, .. }) => Ok(Some(Err(detail))),
        Err(error) => Err(error),
    }
}

async fn active(app: &App, who: &Principal, version: &Version) -> Result<Vec<Posted>, Error> {
    match who.may(Action::ReleaseRead) {
        true => board::of_version(app, who, version.id).await,
        false => Ok(Vec::new()),
    }
}

/// What became of a file's bytes.
fn state_of(file: &FileView) -> &'static str {
    match (file.damaged, file.uploaded) {
        (true, _) => "damaged: push it again",
        (false, true) => "here",
        (false, false) => "not uploaded",
    }
}
