//! One version: its files, who vouches for them, and what was measured.

use crate::{
    app::App,
    authz::Action,
    comparisons::{self, api::ComparisonSummary},
    error::InField,
    releases::board::{self, Posted},
    validation::{self, api::RunSummary},
    versions::{
        VersionRef,
        api::{AttestationView, VersionView},
        ops,
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

#[derive(Template)]
#[template(path = "versions/show.html")]
struct ShowPage {
    frame: Frame,
    version: VersionView,
    /// Path, size, digest, whether the bytes are here.
    files: Vec<(String, String, String, bool)>,
    files_left_out: usize,
    total_size: String,
    attestations: Vec<AttestationView>,
    runs: Vec<RunSummary>,
    comparisons: Vec<ComparisonSummary>,
    active: Vec<Posted>,
    reported: ReportedList,
}

#[get("/models/{model}/versions/{version}")]
pub async fn show(app: Data<App>, visitor: Visitor, path: Path<(String, String)>) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let (model, number) = path.into_inner();
    let wanted = VersionRef::parse(&number).in_field("version")?;
    let detail = ops::find(&app, who, &model, &wanted).await?;
    let id = detail.version.id;
    let attestations = ops::attestations(&app, who, id).await?.into_iter().map(AttestationView::from).collect();
    let runs = match who.may(Action::RunRead) {
        true => validation::api::summaries(&app, who, validation::ops::of_version(&app, who, id).await?).await?,
        false => Vec::new(),
    };
    let comparisons = match who.may(Action::RunRead) {
        true => {
            let all = comparisons::ops::of_version(&app, who, id).await?;
            all.into_iter().map(ComparisonSummary::from).collect()
        }
        false => Vec::new(),
    };
    let mut active = match who.may(Action::ReleaseRead) {
        true => board::active(&app, who).await?,
        false => Vec::new(),
    };
    active.retain(|posted| posted.release.version == id);
    let reported = ReportedList::of(&app, who, id).await?;
    let version = VersionView::new(&model, detail);
    let bytes = |size: i64| u64::try_from(size).unwrap_or(0);
    let total = version.files.iter().map(|file| bytes(file.size_bytes)).fold(0_u64, u64::saturating_add);
    let files = version
        .files
        .iter()
        .take(FILES_SHOWN)
        .map(|f| (f.path.clone(), words::size(bytes(f.size_bytes)), f.sha256.clone(), f.uploaded))
        .collect();
    let files_left_out = version.files.len().saturating_sub(FILES_SHOWN);
    let frame = Frame::new("Models", &visitor);
    let total_size = words::size(total);
    page(&ShowPage {
        frame,
        version,
        files,
        files_left_out,
        total_size,
        attestations,
        runs,
        comparisons,
        active,
        reported,
    })
}
