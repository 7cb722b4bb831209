//! What the columns of evaluation data mean, as arguments.

use super::super::{Exit, Failure};
use crate::datasets::{CutPoint, Description};
use clap::Args;
use std::collections::BTreeMap;

#[derive(Args)]
pub struct Columns {
    /// The column that a model is asked to predict.
    #[arg(long, value_name = "COLUMN")]
    label: String,
    /// The favourable value of the label.
    #[arg(long, value_name = "VALUE")]
    positive: Option<String>,
    /// A column that results are broken down by.
    #[arg(long, value_name = "COLUMN")]
    sensitive: Vec<String>,
    /// Put a numeric sensitive column into bands: `age=25,45` gives under 25, 25 to under 45, 45 and over.
    #[arg(long = "cut", value_name = "COLUMN=POINT,…")]
    cuts: Vec<String>,
    /// A value of a sensitive column that means that nobody knows.
    #[arg(long, value_name = "VALUE")]
    unknown: Vec<String>,
}

impl Columns {
    /// The description of the data, checked as the service checks it.
    pub fn describe(self: &Columns, features: Vec<String>, source: String) -> Result<Description, Failure> {
        let description = Description {
            label: self.label.clone(),
            positive_label: self.positive.clone(),
            features,
            sensitive: self.sensitive.clone(),
            cut_points: self.cuts.iter().map(|cut| read_cut(cut)).collect::<Result<BTreeMap<_, _>, _>>()?,
            unknown: self.unknown.clone(),
            source,
        };
        let written = serde_json::to_value(&description).map_err(Failure::other)?;
        Description::parse(&written).map_err(|error| Failure::new(Exit::Usage, error.to_string()))
    }
}

fn read_cut(written: &str) -> Result<(String, Vec<CutPoint>), Failure> {
    let wrong = || Failure::new(Exit::Usage, format!("--cut {written}: write COLUMN=POINT,POINT such as age=25,45"));
    let (column, points) = written.split_once('=').ok_or_else(wrong)?;
    let points: Result<Vec<CutPoint>, _> = points.split(',').map(|point| point.trim().parse().map(CutPoint)).collect();
    Ok((column.to_owned(), points.map_err(|_| wrong())?))
}
