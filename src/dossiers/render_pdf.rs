//! A document as PDF, by typst: tagged, with title, language and drawings.
//!
//! Invariants: the template reads the document as JSON, so no text from people is markup; the
//! compiler sees three kinds of files that are all in memory, no clock, no package and no
//! network; one document is set at a time, off the threads that serve requests.

use crate::{dossiers::document::Document, error::Error};
use chrono::{DateTime, Datelike, Timelike, Utc};
use std::{collections::HashMap, fmt::Write as _, sync::LazyLock};
use tokio::sync::Semaphore;
use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult, SourceDiagnostic},
    ecow::EcoVec,
    foundations::{Bytes, Datetime, Duration, Smart},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

const TEMPLATE: &str = include_str!("../../templates/dossiers/dossier.typ");
/// Setting a document takes a core and some tens of megabytes.
static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);
static FONTS: LazyLock<Fonts> = LazyLock::new(Fonts::load);

struct Fonts {
    fonts: Vec<Font>,
    book: LazyHash<FontBook>,
    library: LazyHash<Library>,
}

impl Fonts {
    fn load() -> Self {
        let fonts: Vec<_> = typst_assets::fonts().flat_map(|data| Font::iter(Bytes::new(data))).collect();
        let book = LazyHash::new(FontBook::from_fonts(&fonts));
        Self { fonts, book, library: LazyHash::new(Library::default()) }
    }

    fn has(&self, c: char) -> bool {
        c.is_ascii() || self.fonts.iter().any(|font| font.info().coverage.contains(u32::from(c)))
    }

    /// Letters that no font has are written as their number: a box would say nothing, and an
    /// accessible PDF may not hold one.
    fn spell(&self, text: &str) -> String {
        let mut spelled = String::with_capacity(text.len());
        for c in text.chars() {
            match self.has(c) {
                true => spelled.push(c),
                // Writing to a string cannot fail.
                false => drop(write!(spelled, "[U+{:04X}]", u32::from(c))),
            }
        }
        spelled
    }
}

struct Desk {
    main: FileId,
    source: Source,
    files: HashMap<FileId, Bytes>,
}

/// Sets the document. The time is the one of its facts, so that the same facts give the same bytes.
pub(super) async fn render(document: &Document, at: DateTime<Utc>) -> Result<Vec<u8>, Error> {
    let data = serde_json::to_string(document).map_err(Error::internal)?;
    let plots = document.plots.clone();
    let _turn = ONE_AT_A_TIME.acquire().await.map_err(Error::internal)?;
    let set = tokio::task::spawn_blocking(move || set(&data, &plots, at));
    set.await.map_err(Error::internal)?.map_err(Error::internal)
}

fn set(data: &str, plots: &[String], at: DateTime<Utc>) -> Result<Vec<u8>, String> {
    let mut files = HashMap::from([(file("data.json")?, Bytes::from_string(FONTS.spell(data)))]);
    for (place, plot) in plots.iter().enumerate() {
        files.insert(file(&format!("plot-{place}.svg"))?, Bytes::from_string(FONTS.spell(plot)));
    }
    let main = file("dossier.typ")?;
    let desk = Desk { main, source: Source::new(main, TEMPLATE.to_owned()), files };
    let document = typst::compile::<PagedDocument>(&desk).output.map_err(|errors| spoken(&errors));
    // What was kept for the next document is of this one: nothing of it may stay in memory.
    let pdf = document.and_then(|document| write_pdf(&document, at));
    typst::comemo::evict(0);
    pdf
}

fn write_pdf(document: &PagedDocument, at: DateTime<Utc>) -> Result<Vec<u8>, String> {
    let part = |n: u32| u8::try_from(n).unwrap_or_default();
    let (day, time) = (at.date_naive(), at.time());
    let stamp = Datetime::from_ymd_hms(
        day.year(),
        part(day.month()),
        part(day.day()),
        part(time.hour()),
        part(time.minute()),
        part(time.second()),
    );
    let options = |standards| PdfOptions {
        creator: Smart::Custom(Some(concat!("Plimsoll ", env!("CARGO_PKG_VERSION")).to_owned())),
        timestamp: stamp.map(Timestamp::new_utc),
        standards,
        ..PdfOptions::default()
    };
    let accessible = PdfStandards::new(&[PdfStandard::Ua_1]).map_err(|e| e.message().to_string())?;
    match typst_pdf::pdf(document, &options(accessible)) {
        Ok(pdf) => Ok(pdf),
        Err(errors) => {
            // Still tagged; the check refused something that a text brought in.
            tracing::warn!("a dossier is not PDF/UA-1: {}", spoken(&errors));
            typst_pdf::pdf(document, &options(PdfStandards::default())).map_err(|errors| spoken(&errors))
        }
    }
}

fn file(name: &str) -> Result<FileId, String> {
    let path = VirtualPath::new(name).map_err(|e| format!("{e:?}"))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

fn spoken(errors: &EcoVec<SourceDiagnostic>) -> String {
    let said: Vec<_> = errors.iter().take(5).map(|error| error.message.to_string()).collect();
    said.join("; ")
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &FONTS.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main { Ok(self.source.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(&id).cloned().ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.fonts.get(index).cloned()
    }

    /// A document that named today would be another one tomorrow.
    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
