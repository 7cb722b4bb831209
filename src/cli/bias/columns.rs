//! What the columns of evaluation data mean, as arguments.

use super::super::{Exit, Failure};
use crate::datasets::{CutPoint, Description, roles::Roles};
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
    /// The sensitive column that is meant where a law speaks of sex or race, if its name is another.
    #[arg(long = "role", value_name = "ROLE=COLUMN")]
    roles: Vec<String>,
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
            roles: read_roles(&self.roles)?,
            scales: BTreeMap::new(),
            tensors: None,
            recorded: None,
            held_out: false,
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

fn read_roles(written: &[String]) -> Result<Roles, Failure> {
    let mut roles = Roles::default();
    for one in written {
        let wrong = |why: &str| Failure::new(Exit::Usage, format!("--role {one}: {why}"));
        let (role, column) = one.split_once('=').ok_or_else(|| wrong("write ROLE=COLUMN such as race=ethnicity"))?;
        let place = match role {
            "sex" => &mut roles.sex,
            "race" => &mut roles.race,
            _ => return Err(wrong("a role is sex or race")),
        };
        if place.replace(column.to_owned()).is_some() {
            return Err(wrong("this role has a column already"));
        }
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_written_once_with_its_column() {
        let read = |written: &[&str]| read_roles(&written.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        let roles = read(&["race=herkunft", "sex=g"]).expect("roles");
        assert_eq!((roles.race.as_deref(), roles.sex.as_deref()), (Some("herkunft"), Some("g")));
        for wrong in [&["race"][..], &["age=a"], &["sex=a", "sex=b"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
