//! A document before anybody rendered it: headings, paragraphs, tables and drawings.
//!
//! Invariant: every text in it is plain. Renderers escape it, none interprets it, and
//! characters that steer a reader's terminal or the direction of text are replaced.

use crate::core::text::plain;
use serde::Serialize;

/// Rows of one table; what is longer is cut and counted.
const MAX_ROWS: usize = 300;

#[derive(Debug, Default, Serialize)]
pub(super) struct Document {
    pub title: String,
    /// What it is about, in one line.
    pub subtitle: String,
    /// Name and value: profile, moment, registry.
    pub about: Vec<(String, String)>,
    pub notices: Vec<String>,
    pub lacks: Lacks,
    pub sections: Vec<Section>,
    pub disclaimer: String,
    /// SVG texts that figures name by their place.
    #[serde(skip)]
    pub plots: Vec<String>,
}

/// What the profile asks for and is not there, before anything else.
#[derive(Debug, Default, Serialize)]
pub(super) struct Lacks {
    pub present: usize,
    pub stale: usize,
    pub missing: usize,
    /// Missing first, then stale.
    pub items: Vec<Lack>,
}

#[derive(Debug, Serialize)]
pub(super) struct Lack {
    /// `missing` or `stale`.
    pub state: &'static str,
    pub title: String,
    pub citation: String,
    pub why: String,
    pub what_to_do: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub title: String,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Block {
    Heading {
        text: String,
    },
    Paragraph {
        text: String,
    },
    /// Something that a reader must not overlook.
    Absent {
        text: String,
    },
    Table(Table),
    Figure {
        caption: String,
        alt: String,
        plot: usize,
    },
}

/// The first cell of a row names it.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub caption: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    /// How many rows were left out.
    pub left_out: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub text: String,
    /// `bad`, `mind` or nothing. There is no tone for what is well.
    pub tone: &'static str,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text: plain(&text), tone: "" }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: plain(text), tone: "" }
    }
}

impl Cell {
    pub fn toned(text: &str, tone: &'static str) -> Self {
        Self { text: plain(text), tone }
    }

    /// A state in words; only what is not well has a tone.
    pub fn state(word: &str) -> Self {
        let tone = match word {
            "missing" | "fail" | "failed" | "revoked" | "rejected" | "untrusted" | "absent" => "bad",
            "stale" | "inconclusive" | "not_measured" | "not_representative" | "invalidated" | "expired"
            | "withdrawn" | "refuted" | "superseded" | "key_revoked" | "none" => "mind",
            _ => "",
        };
        Self::toned(&word.replace('_', " "), tone)
    }
}

impl Section {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: plain(&title.into()), blocks: Vec::new() }
    }

    pub fn heading(&mut self, text: &str) {
        self.blocks.push(Block::Heading { text: plain(text) });
    }

    pub fn say(&mut self, text: impl AsRef<str>) {
        self.blocks.push(Block::Paragraph { text: plain(text.as_ref()) });
    }

    pub fn absent(&mut self, text: impl AsRef<str>) {
        self.blocks.push(Block::Absent { text: plain(text.as_ref()) });
    }

    /// A table, or a sentence instead of an empty one.
    pub fn table(&mut self, caption: &str, head: &[&str], rows: Vec<Vec<Cell>>, nothing: &str) {
        if rows.is_empty() {
            return self.absent(nothing);
        }
        self.blocks.push(Block::Table(Table::new(caption, head, rows)));
    }

    /// Names and values; an empty value is said to be missing.
    pub fn facts(&mut self, caption: &str, rows: Vec<(&str, String)>) {
        let cell = |value: String| match value.trim().is_empty() {
            true => Cell::toned("not on record", "bad"),
            false => value.into(),
        };
        let rows = rows.into_iter().map(|(name, value)| vec![name.into(), cell(value)]).collect();
        self.blocks.push(Block::Table(Table::new(caption, &["What", "On record"], rows)));
    }
}

impl Table {
    pub fn new(caption: &str, head: &[&str], mut rows: Vec<Vec<Cell>>) -> Self {
        let left_out = rows.len().saturating_sub(MAX_ROWS);
        rows.truncate(MAX_ROWS);
        for row in &mut rows {
            row.resize_with(head.len(), || "".into());
        }
        Self { caption: plain(caption), head: head.iter().map(|h| plain(h)).collect(), rows, left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_as_wide_as_the_head_and_long_tables_say_what_they_left_out() {
        let rows = (0..305).map(|n| vec![n.to_string().into()]).collect();
        let table = Table::new("t", &["a", "b"], rows);
        assert_eq!((table.rows.len(), table.left_out), (MAX_ROWS, 5));
        assert!(table.rows.iter().all(|row| row.len() == 2));
    }

    #[test]
    fn nothing_steers_the_reader() {
        assert_eq!(plain("a\u{1b}[2J\u{202E}b\n"), "a\u{FFFD}[2J\u{FFFD}b\n");
    }
}
