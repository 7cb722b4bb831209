//! The bootstrap of figures of a label among several classes.

use super::{Comparison, FiguresBootstrap, Generator, PlanError, Scheme, figures::Strata, multinomial_of};
use crate::stats::fairness::FigureName;
use std::{collections::BTreeMap, ops::Range};

/// The filled cells of each group: rows with the same cell are the same row.
pub struct Cells {
    groups: Vec<Range<usize>>,
    counts: Vec<u64>,
    /// The cell and how many rows of it are drawn.
    drawn: Vec<(u32, u64)>,
}

impl Cells {
    pub fn of(strata: &Strata, cell: impl Fn(usize) -> u32) -> Self {
        let mut cells = Self { groups: Vec::new(), counts: Vec::new(), drawn: Vec::new() };
        for rows in &strata.rows {
            let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
            for row in rows {
                *counts.entry(cell(*row as usize)).or_default() += 1;
            }
            let start = cells.counts.len();
            cells.counts.extend(counts.values());
            cells.drawn.extend(counts);
            cells.groups.push(start..cells.counts.len());
        }
        cells
    }

    pub fn draw(&mut self, scheme: Scheme, generator: &mut Generator) {
        let every = 0..self.counts.len();
        let strata = if scheme == Scheme::Rows { std::slice::from_ref(&every) } else { &self.groups };
        for stratum in strata {
            let (counts, drawn) = (self.counts.get(stratum.clone()), self.drawn.get_mut(stratum.clone()));
            let (Some(counts), Some(drawn)) = (counts, drawn) else { continue };
            multinomial_of(counts, drawn.iter_mut().map(|cell| &mut cell.1), generator);
        }
    }

    /// The drawn cells of every group; a cell may stand in several groups.
    pub fn all(&self) -> &[(u32, u64)] {
        &self.drawn
    }

    pub fn groups(&self) -> impl Iterator<Item = &[(u32, u64)]> {
        self.groups.iter().map(|group| self.drawn.get(group.clone()).unwrap_or_default())
    }
}

/// Of one class: rows that have it, that are given it, and both.
#[derive(Clone, Copy, Default)]
struct Class {
    truth: u64,
    answers: u64,
    right: u64,
}

impl Class {
    /// Recall, precision and F1.
    fn figures(&self) -> [Option<f64>; 3] {
        let share = |part: u64, whole: u64| (whole != 0).then(|| part as f64 / whole as f64);
        [
            share(self.right, self.truth),
            share(self.right, self.answers),
            share(2 * self.right, self.truth + self.answers),
        ]
    }
}

fn push_figures(cells: &[(u32, u64)], classes: usize, values: &mut Vec<Option<f64>>) {
    let mut of_class = vec![Class::default(); classes];
    let (mut n, mut right) = (0, 0);
    for (cell, rows) in cells {
        let (truth, answer) = (*cell as usize / classes, *cell as usize % classes);
        n += rows;
        if let Some(class) = of_class.get_mut(truth) {
            class.truth += rows;
        }
        if let Some(class) = of_class.get_mut(answer) {
            class.answers += rows;
        }
        if let Some(class) = of_class.get_mut(truth).filter(|_| truth == answer) {
            class.right += rows;
            right += rows;
        }
    }
    let figures: Vec<[Option<f64>; 3]> = of_class.iter().map(Class::figures).collect();
    let mean = |at: usize| {
        let defined: Vec<f64> = figures.iter().filter_map(|f| f.get(at).copied().flatten()).collect();
        (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64)
    };
    values.extend([(n != 0).then(|| right as f64 / n as f64), mean(0), mean(1), mean(2)]);
    values.extend(figures.as_flattened());
}

/// Percentile intervals for accuracy, macro recall, macro precision and macro F1, and for recall,
/// precision and F1 of each class: over all rows, by group and between groups. The macro figures
/// follow [`crate::stats::multiclass::Classes`]: the mean over the classes that have the figure in
/// the rows drawn. `progress` hears the share that is done.
pub fn classes<S: AsRef<str>>(
    of: &Comparison<'_>,
    labels: &[S],
    truth: &[S],
    progress: &mut dyn FnMut(f64),
) -> Result<FiguresBootstrap, PlanError> {
    if labels.len() != truth.len() {
        return Err(PlanError::Lengths { rows: truth.len(), other: labels.len() });
    }
    let strata = of.strata(truth.len())?;
    let mut index: BTreeMap<&str, u32> = labels.iter().chain(truth).map(|cell| (cell.as_ref(), 0)).collect();
    for (place, number) in index.values_mut().enumerate() {
        *number = place as u32;
    }
    let classes = index.len();
    let mut names: Vec<(FigureName, Option<String>)> =
        [FigureName::Accuracy, FigureName::MacroRecall, FigureName::MacroPrecision, FigureName::MacroF1]
            .map(|name| (name, None))
            .to_vec();
    for class in index.keys() {
        let of_class = [FigureName::Recall, FigureName::Precision, FigureName::F1];
        names.extend(of_class.map(|name| (name, Some((*class).to_owned()))));
    }
    // More classes than this exceed the bound on figures anyway; the numbers of cells stay small.
    if MAXIMUM_CLASSES < classes {
        return Err(PlanError::TooMuch { resamples: of.plan.resamples, figures: names.len() });
    }
    let number = |cell: Option<&S>| cell.and_then(|cell| index.get(cell.as_ref())).copied().unwrap_or_default();
    let mut cells = Cells::of(&strata, |row| number(truth.get(row)) * classes as u32 + number(labels.get(row)));
    let usable = strata.usable.clone();
    of.bootstrap(strata, &names, progress, |generator, values| {
        cells.draw(of.plan.scheme, generator);
        push_figures(cells.all(), classes, values);
        for (cells, _) in cells.groups().zip(&usable).filter(|(_, usable)| **usable) {
            push_figures(cells, classes, values);
        }
    })
}

const MAXIMUM_CLASSES: usize = 10_000;
