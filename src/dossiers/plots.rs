//! Results by group: the drawings and tables that the pages show, for a document.

use crate::{
    constraints::ConstraintVerdict,
    core::text::plain,
    dossiers::{
        content::DRAWN_AGAIN,
        document::{Block, Cell, Document, Section, Table},
    },
    error::Error,
    validation::evidence::BiasBody,
    web::subgroups::{self, Breakdown, Chart},
};
use askama::Template;

/// The same drawing in HTML and PDF. It brings its own colours and loads nothing.
#[derive(Template)]
#[template(path = "dossiers/chart.svg")]
struct Drawing<'a> {
    chart: &'a Chart,
    title: &'a str,
    alt: &'a str,
    id: usize,
}

/// Adds every table of a bias record, with a drawing where there is one.
pub(super) fn add(
    document: &mut Document,
    section: &mut Section,
    bias: &BiasBody,
    verdicts: &[ConstraintVerdict],
) -> Result<(), Error> {
    let found = subgroups::of(bias, verdicts, "");
    if !found.note.is_empty() {
        section.say(&found.note);
    }
    for table in &found.tables {
        section.heading(&table.title);
        section.say(&table.about);
        if !table.small.is_empty() {
            section.absent(format!("Too few rows to tell: {}.", table.small));
        }
        if let Some(chart) = &table.chart {
            draw(document, section, table, chart)?;
        }
        grids(section, table);
        disparities(section, table);
    }
    if found.left_out != 0 {
        section.absent(format!("{} more tables are in the evidence (JSON).", found.left_out));
    }
    if !found.bootstrap.is_empty() {
        section.say(format!("Intervals from a bootstrap: {}.", found.bootstrap));
        section.say(DRAWN_AGAIN);
    }
    Ok(())
}

fn draw(document: &mut Document, section: &mut Section, table: &Breakdown, chart: &Chart) -> Result<(), Error> {
    let title = format!("{} by {}", chart.what, table.title);
    let dots = chart.rows.iter().take(20).map(|row| match &row.dot {
        Some(dot) => format!("{}: {}", row.label, dot.shown),
        None => format!("{}: no rate", row.label),
    });
    let dots = dots.collect::<Vec<_>>().join("; ");
    let limit = chart.limit.as_ref().map_or_else(String::new, |limit| format!(" Limit {}.", limit.shown));
    let all = chart.overall.as_ref().map_or_else(String::new, |all| format!(" All rows {}.", all.shown));
    let alt = plain(&format!(
        "A dot for each group with its 95 % interval as a bar. {dots}.{limit}{all} The table after it holds the same \
         numbers."
    ));
    let id = document.plots.len();
    let svg = Drawing { chart, title: &title, alt: &alt, id }.render().map_err(Error::internal)?;
    document.plots.push(plain(&svg));
    section.blocks.push(Block::Figure { caption: plain(&title), alt, plot: id });
    Ok(())
}

fn grids(section: &mut Section, table: &Breakdown) {
    for grid in table.grids.iter().filter(|grid| !grid.folded) {
        let mut head = vec!["Group", "Rows"];
        let named = |column: &subgroups::Heading| match column.method.is_empty() {
            true => column.name.to_owned(),
            false => format!("{} ({})", column.name, column.method),
        };
        let names: Vec<_> = grid.columns.iter().map(named).collect();
        head.extend(names.iter().map(String::as_str));
        let row = |row: &subgroups::GridRow| {
            let mut cells: Vec<Cell> = vec![row.group.as_str().into(), row.n.as_str().into()];
            if row.too_small {
                cells.push(Cell::toned("too few rows to tell", "mind"));
                return cells;
            }
            cells.extend(row.cells.iter().map(|cell| match cell {
                Some(amount) if amount.interval.is_empty() => amount.value.as_str().into(),
                Some(amount) => format!("{} ({})", amount.value, amount.interval).into(),
                None => Cell::toned("undefined", "mind"),
            }));
            cells
        };
        let way = if grid.method.is_empty() { String::new() } else { format!(" ({})", grid.method) };
        let caption = format!("{} by {}, with 95 % intervals{way}", grid.title, table.title);
        let rows = grid.rows.iter().map(row).collect();
        section.blocks.push(Block::Table(Table::new(&caption, &head, rows)));
    }
}

fn disparities(section: &mut Section, table: &Breakdown) {
    let row = |row: &subgroups::DisparityRow| {
        let limits: Vec<_> = row.limits.iter().map(|limit| format!("{}: {}", limit.limit, limit.word)).collect();
        let tone = row.limits.iter().map(|limit| limit.tone).find(|tone| ["bad", "mind"].contains(tone));
        let limits = if limits.is_empty() { "none".to_owned() } else { limits.join("; ") };
        vec![
            row.name.as_str().into(),
            row.value.as_str().into(),
            match row.interval.is_empty() {
                true => "".into(),
                false => format!("{} ({})", row.interval, row.method).into(),
            },
            row.highest.as_str().into(),
            row.lowest.as_str().into(),
            Cell::toned(&limits, tone.unwrap_or_default()),
        ]
    };
    let rows: Vec<_> = table.disparities.first.iter().map(row).collect();
    if rows.is_empty() {
        return;
    }
    let head = ["Disparity", "Value", "95 % interval", "Highest", "Lowest", "Limit of the environment"];
    section.blocks.push(Block::Table(Table::new(&format!("Disparities by {}", table.title), &head, rows)));
}
