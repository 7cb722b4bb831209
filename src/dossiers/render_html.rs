//! A document as one HTML file that loads nothing.

use crate::{
    dossiers::document::{Block, Cell, Document},
    error::Error,
};
use askama::Template;

#[derive(Template)]
#[template(path = "dossiers/dossier.html")]
struct Page<'a> {
    document: &'a Document,
}

pub(super) fn render(document: &Document) -> Result<String, Error> {
    Page { document }.render().map_err(Error::internal)
}

impl Page<'_> {
    /// The drawing of a figure. It was rendered by a template that escapes.
    fn plot(&self, place: &usize) -> &str {
        self.document.plots.get(*place).map(String::as_str).unwrap_or_default()
    }

    /// Whether it holds a digest or an id, which may be broken anywhere.
    fn is_long(&self, cell: &Cell) -> bool {
        cell.text.split_whitespace().any(|word| 30 < word.len())
    }
}
