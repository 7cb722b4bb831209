//! `bias`: the registry's own figures of groups, from predictions in a file. Nothing is sent.
//!
//! An auditor computes with it what the registry would, and signs the result as reported evidence.

mod columns;
mod input;
pub mod tables;

use super::{Exit, Failure, output, print, progress};
use crate::{
    constraints::{Attributes, BiasRequest, Bootstrap, Estimates, Grouping, Measured, Metric, Predictions},
    datasets::Description,
    stats::{breakdown::Comparisons, disparity::Against, fairness::AttributeTable, figure::Figure},
};
use clap::Args;
pub use columns::Columns;
use input::Input;
use serde::Serialize;
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Args)]
pub struct Bias {
    /// CSV files with a header line. Further files hold more columns of the same rows.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// The column with the model's answers.
    #[arg(long, value_name = "COLUMN")]
    prediction: String,
    /// The column with the score of the favourable answer.
    #[arg(long, value_name = "COLUMN")]
    score: Option<String>,
    /// The answers are numbers, not classes.
    #[arg(long, conflicts_with_all = ["positive", "score"])]
    regression: bool,
    /// Attributes to cross, such as `sex*race`. Without it every attribute alone and all pairs.
    #[arg(long, value_name = "A*B")]
    cross: Vec<String>,
    /// What groups are held against: between_groups, overall, or the label of a reference group.
    #[arg(long, default_value = "between_groups", value_name = "WHAT")]
    against: String,
    /// Smaller groups have a count and no rates.
    #[arg(long, default_value_t = 30, value_name = "ROWS")]
    min_group_size: u64,
    #[arg(long, default_value_t = 2000)]
    resamples: u32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// JSON with every figure instead of tables.
    #[arg(long)]
    json: bool,
}

/// What the figures come to; the same shapes as the registry's evidence of kind `bias`.
#[derive(Serialize)]
struct Report {
    rows: u64,
    figures: BTreeMap<Metric, Figure>,
    tables: Vec<AttributeTable>,
    comparisons: Comparisons,
    /// Why something is missing, by metric or attribute.
    absent: BTreeMap<String, String>,
}

impl Bias {
    pub fn run(self) -> Result<Exit, Failure> {
        let plan = Bootstrap { resamples: self.resamples, seed: self.seed }.plan();
        plan.check().map_err(|problem| Failure::new(Exit::Usage, problem.to_string()))?;
        let (input, description) = (Input::read(&self.files)?, self.columns.describe(Vec::new(), String::new())?);
        let named: Vec<(String, Vec<String>)> = description
            .sensitive
            .iter()
            .map(|name| Ok((name.clone(), description.groups(name, input.column(name)?))))
            .collect::<Result<_, Failure>>()?;
        let attributes = Attributes { columns: &named, unknown: &description.unknown };
        let requests = self.requests(&description, input.column(&self.prediction)?)?;
        let none = BTreeMap::new();
        let grouping = Grouping { requests: &requests, plan, exclusions: &none };
        let mut measured = Measured::default();
        let spinner = progress::spinner("counting groups and resampling");
        if self.regression {
            let (predicted, truth) = (input.numbers(&self.prediction)?, input.numbers(&description.label)?);
            measured.add_regression(&Estimates { predicted: &predicted, truth: &truth, attributes }, &grouping);
        } else {
            let scores = self.score.as_deref().map(|column| input.numbers(column)).transpose()?;
            let predictions = Predictions {
                labels: input.column(&self.prediction)?,
                truth: input.column(&description.label)?,
                scores: scores.as_deref(),
                positive_label: description.positive_label.as_deref(),
                attributes,
            };
            measured.add_classification(&predictions, &grouping);
        }
        spinner.finish_and_clear();
        let report = Report {
            rows: input.rows() as u64,
            comparisons: Comparisons::of(&measured.bias),
            figures: measured.figures,
            tables: measured.bias,
            absent: measured.absent,
        };
        if self.json { output::json(&report) } else { print(&shown(&report)) }
    }

    fn requests(&self, description: &Description, answers: &[String]) -> Result<Vec<BiasRequest>, Failure> {
        let against = match self.against.as_str() {
            "between_groups" => Against::BetweenGroups,
            "overall" => Against::Overall,
            group => Against::Group(group.to_owned()),
        };
        let attributes =
            if self.cross.is_empty() { BiasRequest::intersections(&description.sensitive) } else { self.cross.clone() };
        let of = |attribute: String, class: Option<String>| BiasRequest {
            against: against.clone(),
            minimum_group_size: self.min_group_size.max(1),
            class,
            ..BiasRequest::of(attribute)
        };
        let mut requests: Vec<BiasRequest> = attributes.iter().map(|name| of(name.clone(), None)).collect();
        if !self.regression && description.positive_label.is_none() {
            let mut classes: Vec<&String> = answers.iter().collect();
            classes.sort_unstable();
            classes.dedup();
            if BiasRequest::MAXIMUM_CLASSES < classes.len() {
                let what = format!("{} different answers are too many classes; is it --regression?", classes.len());
                return Err(Failure::new(Exit::Usage, what));
            }
            let each = |attribute: &String| {
                let attribute = attribute.clone();
                classes.iter().map(move |class| of(attribute.clone(), Some((*class).clone()))).collect::<Vec<_>>()
            };
            requests.extend(description.sensitive.iter().flat_map(each));
        }
        Ok(requests)
    }
}

fn shown(report: &Report) -> String {
    let mut parts: Vec<String> = report.tables.iter().flat_map(tables::full).collect();
    parts.extend(report.comparisons.note.clone());
    let absent: Vec<String> = report.absent.iter().map(|(what, why)| format!("not computed: {what}: {why}")).collect();
    parts.push(absent.join("\n"));
    output::printable(parts.join("\n\n").trim_end())
}
