//! From gathered outputs to predictions: labels with their classes, probabilities or values.
//!
//! Nothing is repaired: a NaN, a probability outside [0, 1] or a label that is no class fails the run, because every
//! figure computed from it would be wrong in silence.

use super::{
    classes,
    failure::{Failure, quoted},
    inputs::listing,
    interface::{Interface, TaskKind},
    observation::Answers,
    scores::{Collected, class_order, largest},
};
use std::collections::BTreeSet;

/// How far a probability may be outside [0, 1]; it is clamped then.
const RANGE_TOLERANCE: f64 = 1e-6;
/// How far a row's probabilities may sum from 1, whatever their number.
const MAX_SUM_TOLERANCE: f64 = 2e-2;

/// The checked predictions of the whole data set; see `Observation` for the shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Predictions {
    pub labels: Vec<String>,
    pub classes: Vec<String>,
    /// Nothing named the classes: they count from 0 as the columns do.
    pub counted: bool,
    pub probabilities: Vec<Vec<f64>>,
    pub values: Vec<f64>,
}

/// What the scores of several classes may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scores {
    Probabilities,
    /// Any numbers of which the largest decides, as networks for images and texts often end.
    MayBeLogits,
}

impl Collected {
    /// Checks everything and names the classes.
    pub fn finish(&self, interface: Option<&Interface>, scores: Scores) -> Result<Predictions, Failure> {
        self.check_finite()?;
        match interface.map_or_else(|| self.inferred_task(), |file| file.task) {
            TaskKind::Regression => self.regression(),
            task => self.classification(task, interface.and_then(|file| file.classes.as_deref()), scores),
        }
    }

    /// Class and score of each row on perturbed inputs, where an answer that is no finite number is none.
    ///
    /// The score is that of the class `positive`, else of the predicted one. Of numbers that are no probabilities the
    /// largest decides, and there is no score.
    pub fn tolerant(&self, classes: &[String], positive: Option<usize>, scores: Scores) -> Answers {
        let order = self.order(classes);
        let rows = self.scores.len().checked_div(self.width).unwrap_or(self.labels.len());
        let by_index = self.by_index(classes);
        let labels = by_index.as_ref().unwrap_or(&self.labels);
        let mut answers = Answers { classes: Vec::with_capacity(rows), scores: Vec::new() };
        for row in 0..rows {
            let numbers = self.scores.get(row * self.width..(row + 1) * self.width).unwrap_or_default();
            if !numbers.iter().all(|number| number.is_finite()) {
                answers.classes.push(None);
                if scores == Scores::Probabilities {
                    answers.scores.push(None);
                }
                continue;
            }
            let probabilities = in_order(order.as_deref(), numbers);
            let class = match labels.get(row) {
                Some(label) => classes.iter().position(|class| class == label),
                None if scores == Scores::MayBeLogits => Some(largest(numbers)),
                None => Some(decide(&probabilities)),
            };
            answers.classes.push(class.and_then(|class| u32::try_from(class).ok()));
            if self.width > 0 && scores == Scores::Probabilities {
                let score = positive.or(class).and_then(|class| probabilities.get(class)).copied();
                answers.scores.push(score.filter(|_| class.is_some()));
            }
        }
        answers
    }

    /// One number for each row and no class is a regression; two classes are told from more by [`Self::classification`].
    fn inferred_task(&self) -> TaskKind {
        if self.labels.is_empty() && self.width == 1 && self.keys.is_none() {
            TaskKind::Regression
        } else if self.width == 1 {
            TaskKind::BinaryClassification
        } else {
            TaskKind::MulticlassClassification
        }
    }

    fn check_finite(&self) -> Result<(), Failure> {
        match self.scores.iter().position(|score| !score.is_finite()) {
            None => Ok(()),
            Some(index) => Err(Failure::output(format!(
                "row {}: the score is {}; a model must answer every row with a number",
                index / self.width.max(1) + 1,
                self.scores[index]
            ))),
        }
    }

    fn regression(&self) -> Result<Predictions, Failure> {
        if self.width != 1 || self.keys.is_some() {
            return Err(Failure::output(format!(
                "a regression gives one number for each row, this model gives {}",
                self.width
            )));
        }
        Ok(Predictions { values: self.scores.clone(), ..Predictions::default() })
    }

    fn classification(&self, task: TaskKind, named: Option<&[String]>, scores: Scores) -> Result<Predictions, Failure> {
        if task == TaskKind::BinaryClassification && self.width > 2 {
            return Err(Failure::output(format!(
                "a binary classification has 2 classes, this model gives {} scores for each row",
                self.width
            )));
        }
        if task == TaskKind::MulticlassClassification && self.width == 1 {
            return Err(Failure::output("one score for each row cannot tell more than two classes apart"));
        }
        let classes = self.classes(named)?;
        let (probabilities, decided) = match self.probabilities(&classes) {
            // The largest of them says which class, and nothing how probable it is.
            Err(_) if scores == Scores::MayBeLogits && 1 < self.width && self.keys.is_none() => {
                (Vec::new(), self.scores.chunks_exact(self.width).map(largest).collect())
            }
            read => {
                let probabilities = read?;
                let decided: Vec<usize> = probabilities.iter().map(|row| decide(row)).collect();
                (probabilities, decided)
            }
        };
        let labels = if self.labels.is_empty() {
            decided.into_iter().filter_map(|class| classes.get(class)).cloned().collect()
        } else {
            named.and_then(|classes| self.by_index(classes)).unwrap_or_else(|| self.labels.clone())
        };
        let known: BTreeSet<&str> = classes.iter().map(String::as_str).collect();
        if let Some(row) = labels.iter().position(|label| !known.contains(label.as_str())) {
            return Err(Failure::output(format!(
                "row {}: the label {} is not among the classes {}",
                row + 1,
                quoted(&labels[row]),
                listing(classes.iter().map(String::as_str))
            )));
        }
        let counted = named.is_none() && self.keys.is_none() && self.labels.is_empty();
        Ok(Predictions { labels, classes, counted, probabilities, values: Vec::new() })
    }

    /// Labels that are all places in the list of named classes, of which none is a number itself.
    fn by_index(&self, classes: &[String]) -> Option<Vec<String>> {
        if classes.iter().any(|class| class.parse::<i64>().is_ok()) {
            return None;
        }
        self.labels.iter().map(|label| classes.get(label.parse::<usize>().ok()?).cloned()).collect()
    }

    /// The classes in the order of the scores, or, where only labels are given, in their own order.
    fn classes(&self, named: Option<&[String]>) -> Result<Vec<String>, Failure> {
        let columns = self.width.max(if self.width == 1 { 2 } else { 0 });
        if let Some(named) = named {
            if columns > 0 && named.len() != columns {
                return Err(Failure::input(format!(
                    "interface.json names {} classes, but the model tells {columns} apart",
                    named.len()
                )));
            }
            return match &self.keys {
                Some(keys) if keys.iter().any(|key| !named.contains(key)) => Err(Failure::input(format!(
                    "interface.json names other classes than the model, whose classes are {}",
                    listing(keys.iter().map(String::as_str))
                ))),
                _ => Ok(named.to_vec()),
            };
        }
        if let Some(keys) = &self.keys {
            return Ok(keys.clone());
        }
        if columns == 0 {
            let mut seen: Vec<String> = self.labels.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
            seen.sort_by(|a, b| class_order(a, b));
            return Ok(seen);
        }
        classes::of_columns(&self.labels, &self.scores, self.width)
    }

    /// One row of probabilities in class order for each row, or nothing when the model gives none.
    fn probabilities(&self, classes: &[String]) -> Result<Vec<Vec<f64>>, Failure> {
        if self.width == 0 {
            return Ok(Vec::new());
        }
        let order = self.order(classes);
        let mut rows = Vec::with_capacity(self.scores.len() / self.width);
        for (index, scores) in self.scores.chunks_exact(self.width).enumerate() {
            check_probabilities(index + 1, scores)?;
            rows.push(in_order(order.as_deref(), scores));
        }
        Ok(rows)
    }

    /// A map's scores are in the order of its keys, which interface.json may order otherwise.
    fn order(&self, classes: &[String]) -> Option<Vec<usize>> {
        let keys = self.keys.as_ref()?;
        Some(classes.iter().filter_map(|class| keys.iter().position(|key| key == class)).collect())
    }
}

/// The probabilities of one row in class order.
fn in_order(order: Option<&[usize]>, scores: &[f64]) -> Vec<f64> {
    let clamped = |score: f64| score.clamp(0.0, 1.0);
    match (order, scores) {
        (None, [positive]) => vec![clamped(1.0 - positive), clamped(*positive)],
        (None, _) => scores.iter().copied().map(clamped).collect(),
        (Some(order), _) => order.iter().filter_map(|column| scores.get(*column).copied().map(clamped)).collect(),
    }
}

fn check_probabilities(row: usize, scores: &[f64]) -> Result<(), Failure> {
    let allowed = -RANGE_TOLERANCE..=1.0 + RANGE_TOLERANCE;
    if let Some(score) = scores.iter().find(|score| !allowed.contains(score)) {
        return Err(Failure::output(format!(
            "row {row}: {score} is no probability; let the model end with softmax or a sigmoid, \
             or say in interface.json that it is a regression"
        )));
    }
    let sum: f64 = scores.iter().sum();
    if scores.len() > 1 && sum_tolerance(scores.len()) < (sum - 1.0).abs() {
        return Err(Failure::output(format!("row {row}: the probabilities sum to {sum}, not to 1")));
    }
    Ok(())
}

/// A model that is quantised to 8 bits rounds each probability by up to half of 1/256.
fn sum_tolerance(classes: usize) -> f64 {
    (1e-3 + classes as f64 / 512.0).min(MAX_SUM_TOLERANCE)
}

/// The predicted class: of two, the second from 0.5 on; of more, the first of the most probable.
fn decide(row: &[f64]) -> usize {
    if let [_, positive] = row {
        return usize::from(*positive >= 0.5);
    }
    largest(row)
}

#[cfg(test)]
#[path = "predictions_tests.rs"]
mod tests;
