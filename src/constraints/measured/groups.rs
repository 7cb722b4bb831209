//! The tables of groups of a measurement.

use super::{super::spec::BiasRequest, Measured};
use crate::stats::{
    bootstrap::Plan,
    breakdown::{Budget, Question, Rows, break_down, overall},
    by_group::scores_by_group,
    fairness::{FigureName, Outcomes},
    figure::Figure,
    groups::Groups,
    impact::Exclusion,
};
use std::collections::BTreeMap;

/// Evidence is read whole at every decision, so there is an end to it.
const MAXIMUM_GROUPS_OF_ALL_TABLES: usize = 5_000;

/// The sensitive columns of the evaluation data.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Column name and cells, numbers already in bands; an empty cell is missing.
    pub columns: &'a [(String, Vec<String>)],
    /// Cells that mean that nobody knows the group, beside the empty cell.
    pub unknown: &'a [String],
}

/// Which tables are made, and how.
#[derive(Clone, Copy, Debug)]
pub struct Grouping<'a> {
    pub requests: &'a [BiasRequest],
    pub plan: Plan,
    /// Attribute to the categories that its impact ratios leave out.
    pub exclusions: &'a BTreeMap<String, Vec<Exclusion>>,
}

impl Measured {
    /// Gives the figures over all rows that have no interval in closed form one from the bootstrap.
    pub(super) fn fill_intervals(&mut self, rows: Rows, row_count: usize, plan: Plan) {
        let Some((drawn, bootstrap)) = overall(rows, row_count, plan) else { return };
        for (metric, figure) in &mut self.figures {
            let name = metric.group_figure().filter(|_| figure.interval.is_none() && figure.value.is_some());
            if let Some((_, interval)) = drawn.iter().find(|(drawn, _)| Some(*drawn) == name) {
                figure.interval = Some(*interval);
                self.bootstrap = Some(bootstrap.clone());
            }
        }
    }

    pub(super) fn add_table(
        &mut self,
        attributes: &Attributes,
        rows: Rows,
        row_count: usize,
        request: &BiasRequest,
        grouping: &Grouping,
    ) {
        if MAXIMUM_GROUPS_OF_ALL_TABLES < self.bias.iter().map(|table| table.groups.len()).sum::<usize>() {
            let reason = format!(
                "the tables before it have more than {MAXIMUM_GROUPS_OF_ALL_TABLES} groups; ask for fewer attributes or put their values into bands"
            );
            return self.set_absent(&request.attribute, reason);
        }
        let question = Question {
            attribute: &request.attribute,
            class: request.class.as_deref(),
            against: &request.against,
            minimum_group_size: request.minimum_group_size,
            plan: grouping.plan,
            budget: Budget::left(&self.bias),
            unknown: attributes.unknown,
            exclusions: grouping.exclusions.get(&request.attribute).map(Vec::as_slice).unwrap_or_default(),
        };
        let column = |name: &str| match attributes.columns.iter().find(|(column, _)| column == name) {
            Some((_, cells)) => Ok(cells.as_slice()),
            None => Err(format!("the dataset names no sensitive column `{name}`")),
        };
        let columns = request.attribute.split('*').map(column).collect::<Result<Vec<_>, _>>();
        let table = columns.and_then(|columns| {
            break_down(&question, &columns, rows, row_count).map_err(|problem| problem.to_string())
        });
        match table {
            Ok(table) => self.bias.push(table),
            Err(reason) => self.set_absent(&request.attribute, reason),
        }
    }
}

/// Mean score and calibration of all rows.
pub fn of_all_rows(outcomes: &Outcomes, scores: &[f64]) -> Vec<(FigureName, Figure)> {
    let none: [&[&str]; 0] = [];
    let Ok(all) = Groups::of("", &none, scores.len()) else { return Vec::new() };
    let figures = scores_by_group(&all, &outcomes.positives(), scores, 0).pop().and_then(|all| all.figures);
    figures.map_or_else(Vec::new, |figures| {
        vec![(FigureName::MeanScore, figures.mean_score), (FigureName::CalibrationGap, figures.calibration_gap)]
    })
}
