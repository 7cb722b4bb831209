//! A table of figures by group: only the columns that some group has, all rows last.

use super::{
    amount::{self, Amount},
    names,
};
use crate::{
    stats::{
        disparity::Compared,
        fairness::{AttributeTable, FigureName, GroupRates, RateName},
        interval::IntervalMethod,
    },
    web::words,
};

#[derive(Clone, Copy)]
enum Column {
    BaseRate,
    Of(Compared),
}

const fn rate(name: RateName) -> Column {
    Column::Of(Compared::Rate(name))
}

const fn figure(name: FigureName) -> Column {
    Column::Of(Compared::Figure(name))
}

/// Title, columns, and whether it is folded away at first.
type Layout = (&'static str, bool, &'static [(&'static str, Column)]);

const CLASSES: &str = "Over the classes";

const LAYOUTS: [Layout; 5] = [
    (
        "Rates",
        false,
        &[
            ("Base rate", Column::BaseRate),
            ("Selection rate", rate(RateName::SelectionRate)),
            ("Accuracy", rate(RateName::Accuracy)),
            ("TPR", rate(RateName::Tpr)),
            ("FPR", rate(RateName::Fpr)),
            ("Precision", rate(RateName::Precision)),
            ("NPV", rate(RateName::Npv)),
        ],
    ),
    (
        "Scores",
        false,
        &[
            ("Mean score", figure(FigureName::MeanScore)),
            ("Calibration gap", figure(FigureName::CalibrationGap)),
            ("ECE", figure(FigureName::Ece)),
            ("AUC", figure(FigureName::Auc)),
            ("Log loss", figure(FigureName::LogLoss)),
            ("Brier score", figure(FigureName::Brier)),
        ],
    ),
    (
        "Errors of the predicted number",
        false,
        &[
            ("MAE", figure(FigureName::Mae)),
            ("RMSE", figure(FigureName::Rmse)),
            ("Mean residual", figure(FigureName::MeanResidual)),
            ("Mean prediction", figure(FigureName::MeanPrediction)),
            ("R²", figure(FigureName::R2)),
        ],
    ),
    (
        CLASSES,
        false,
        &[
            ("Macro F1", figure(FigureName::MacroF1)),
            ("Macro recall", figure(FigureName::MacroRecall)),
            ("Macro precision", figure(FigureName::MacroPrecision)),
        ],
    ),
    (
        "More rates",
        true,
        &[
            ("TNR", rate(RateName::Tnr)),
            ("FNR", rate(RateName::Fnr)),
            ("False omission", rate(RateName::FalseOmissionRate)),
            ("False discovery", rate(RateName::FalseDiscoveryRate)),
            ("F1", figure(FigureName::F1)),
            ("Balanced accuracy", figure(FigureName::BalancedAccuracy)),
            ("MCC", figure(FigureName::Mcc)),
            ("FN per FP", figure(FigureName::FalseNegativesPerFalsePositive)),
        ],
    ),
];

pub struct Grid {
    pub title: &'static str,
    pub folded: bool,
    /// How the intervals of all columns were computed, where that is one way.
    pub method: String,
    pub columns: Vec<Heading>,
    pub rows: Vec<Row>,
}

pub struct Heading {
    pub name: &'static str,
    /// Empty where the whole table has one method.
    pub method: String,
}

pub struct Row {
    pub group: String,
    pub n: String,
    pub too_small: bool,
    pub is_all: bool,
    /// `None` is undefined.
    pub cells: Vec<Option<Amount>>,
}

/// `shown` are the groups that the page has room for.
pub fn all(table: &AttributeTable, shown: &[&GroupRates]) -> Vec<Grid> {
    let mut grids: Vec<Grid> = LAYOUTS.iter().filter_map(|layout| one(table, shown, layout)).collect();
    if grids.is_empty() {
        // Nothing but sizes: every group is too small, and there is no row in common.
        let rows = shown.iter().map(|group| row(group, false, &[])).collect();
        grids.push(Grid { title: "Rows", folded: false, method: String::new(), columns: Vec::new(), rows });
    }
    grids
}

fn one(table: &AttributeTable, shown: &[&GroupRates], (title, folded, columns): &Layout) -> Option<Grid> {
    let groups = || table.groups.iter().chain(table.overall.as_ref());
    let has = |column: Column| groups().any(|group| cell(group, column).is_some());
    let columns: Vec<(&str, Column)> = columns.iter().copied().filter(|(_, column)| has(*column)).collect();
    if columns.is_empty() {
        return None;
    }
    let wanted: Vec<Column> = columns.iter().map(|(_, column)| *column).collect();
    let rows: Vec<Row> = shown
        .iter()
        .map(|group| row(group, false, &wanted))
        .chain(table.overall.as_ref().map(|all| row(all, true, &wanted)))
        .collect();
    let methods: Vec<Vec<IntervalMethod>> = (0..columns.len()).map(|i| methods(&rows, i)).collect();
    let first = methods.first().filter(|first| methods.iter().all(|m| m == *first)).cloned();
    let headings = columns.iter().zip(&methods).map(|((name, _), methods)| Heading {
        name,
        method: if first.is_some() { String::new() } else { named(methods) },
    });
    Some(Grid {
        title,
        // With a favourable label, figures over the classes only say the same again.
        folded: *folded || (*title == CLASSES && table.overall.as_ref().is_some_and(|all| all.counts.is_some())),
        method: first.as_deref().map(named).unwrap_or_default(),
        columns: headings.collect(),
        rows,
    })
}

fn methods(rows: &[Row], column: usize) -> Vec<IntervalMethod> {
    let mut found = Vec::new();
    for method in rows.iter().filter_map(|row| row.cells.get(column)?.as_ref()?.method) {
        if !found.contains(&method) {
            found.push(method);
        }
    }
    found
}

fn named(methods: &[IntervalMethod]) -> String {
    methods.iter().map(|m| amount::method(*m)).collect::<Vec<_>>().join(" or ")
}

fn row(group: &GroupRates, is_all: bool, columns: &[Column]) -> Row {
    Row {
        group: if is_all { "All rows".to_owned() } else { group.group.clone() },
        n: words::grouped(group.n),
        too_small: group.too_small,
        is_all,
        cells: columns.iter().map(|column| cell(group, *column)).collect(),
    }
}

fn cell(group: &GroupRates, column: Column) -> Option<Amount> {
    match column {
        Column::BaseRate => group.base_rate.map(amount::rate),
        Column::Of(Compared::Rate(name)) => group.rate(name).map(amount::rate),
        Column::Of(what @ Compared::Figure(_)) => names::value(group, what).and_then(amount::figure),
    }
}
