//! Load lines as they are used: how far each limit is used up by what runs, by the run that its approval rests on or a
//! later one.

use super::place::Running;
use crate::{
    app::App,
    authz::{Action, Principal},
    constraints::{ConstraintVerdict, Operator},
    core::ids::EnvironmentId,
    error::Error,
    validation,
    web::{
        dots::{About, Dots, Item, dots},
        verdicts::{self, VerdictRow},
        words,
    },
};

/// More models than this have their marks on their runs' pages.
const DRAWN: usize = 4;
/// A limit that is used more than this often is drawn as that, and said in words.
const MOST: f64 = 2.0;

/// The marks of one version.
pub struct Marks {
    pub model: String,
    pub version: i64,
    pub run: String,
    pub drawn: Option<Dots>,
    /// What was measured under each limit, and how much of the limit it uses; empty where that is no fraction.
    pub rows: Vec<(VerdictRow, String)>,
}

/// For what is active of each model, as far as it was measured here.
pub async fn of(
    app: &App,
    who: &Principal,
    environment: EnvironmentId,
    running: &[Running],
) -> Result<Vec<Marks>, Error> {
    if !who.may(Action::RunRead) {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for row in running.iter().filter(|row| !row.is_suspended).take(DRAWN) {
        let runs = validation::ops::of_version(app, who, row.posted.release.version).await?;
        let run = runs.into_iter().find(|run| run.environment == environment && !run.verdicts.is_empty());
        let Some(run) = run else { continue };
        let (model, version) = (row.posted.model.clone(), row.posted.version);
        let drawn = draw(&format!("marks-{}", all.len()), &model, version, &run.verdicts);
        let rows = run.verdicts.iter().filter_map(|verdict| {
            let row = verdicts::rows(std::slice::from_ref(verdict)).pop()?;
            Some((row, used(verdict).map(words::percent).unwrap_or_default()))
        });
        all.push(Marks { rows: rows.collect(), run: run.id.to_string(), model, version, drawn });
    }
    Ok(all)
}

fn draw(id: &str, model: &str, version: i64, all: &[ConstraintVerdict]) -> Option<Dots> {
    let item = |verdict: &ConstraintVerdict| {
        let used = used(verdict)?;
        let (value, shown) = (used.min(MOST), words::percent(used));
        Some(Item { label: verdict.constraint.clone(), value, interval: None, shown, tone: verdicts::tone(verdict) })
    };
    let about = About {
        id: id.to_owned(),
        title: format!("How far {model} version {version} uses its limits"),
        axis: "Share of the limit".to_owned(),
        text: "A dot for each limit, at the share of it that is used up; right of the dotted line it is exceeded."
            .to_owned(),
        line: (1.0, "load line".to_owned()),
    };
    dots(about, all.iter().filter_map(item).collect())
}

/// The share of a limit that is used up: 1 is the limit itself. `None` where nothing was measured, and where a share means
/// nothing, as of a limit of zero.
fn used(verdict: &ConstraintVerdict) -> Option<f64> {
    let (measured, limit) = (verdict.measured?, verdict.limit);
    let (part, whole) = match verdict.operator {
        Operator::AtMost | Operator::Below => (measured, limit),
        Operator::AtLeast | Operator::Above => (limit, measured),
    };
    (0.0 < whole && 0.0 <= part).then(|| part / whole).filter(|share| share.is_finite())
}
