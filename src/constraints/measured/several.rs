//! Quality of a classifier of several classes, each against the rest and all together; and of its more certain answers.

use super::{
    super::metric::{Dimension, Metric},
    super::words::Words,
    Measured,
};
use crate::stats::{
    abstention::{abstained_rate, retained_accuracy},
    bootstrap::Plan,
    confusion::Confusion,
    figure::{Figure, Rate},
    multiclass::{Classes, log_loss},
    several,
};

/// More classes than this have figures together and none alone, so that evidence stays readable.
const MAXIMUM_CLASSES: usize = 100;

/// The answers of a classifier and all its probabilities, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    pub labels: &'a [String],
    pub truth: &'a [String],
    /// The classes in the order of the probabilities.
    pub classes: &'a [String],
    /// Empty when the model gives none.
    pub probabilities: &'a [Vec<f64>],
}

impl Answers<'_> {
    fn index(&self, label: &String) -> Option<usize> {
        self.classes.iter().position(|class| class == label)
    }

    fn indices(&self, labels: &[String]) -> Option<Vec<usize>> {
        labels.iter().map(|label| self.index(label)).collect()
    }
}

impl Measured {
    /// Figures for data without a positive label. A class in the data that the model does not know leaves those
    /// undefined that need its probability.
    pub fn add_several_classes(&mut self, answers: &Answers, plan: Plan) {
        let Answers { labels, truth, probabilities, .. } = *answers;
        if let Some(recall) = self.figures.get(&Metric::MacroRecall).copied() {
            self.add_quality(Metric::BalancedAccuracy, recall);
        }
        let n = truth.len() as u64;
        let undefined = Figure::point(None, n);
        let known = answers.indices(truth);
        let both = Classes::of(labels, truth);
        // Also over classes that the model does not know: they are classes of the data.
        let place = |of: &Classes, label: &String| of.classes.iter().position(|(name, _)| name == label);
        let places = |all: &[String]| -> Option<Vec<usize>> {
            let of = both.as_ref()?;
            all.iter().map(|label| place(of, label)).collect()
        };
        let mcc = places(truth).zip(places(labels)).map(|(truth, labels)| several::mcc(&truth, &labels, plan));
        self.add_quality(Metric::Mcc, mcc.unwrap_or(undefined));
        self.add_each_class(answers, both.as_ref(), known.as_deref());
        if probabilities.is_empty() {
            return;
        }
        let of = |figure: &dyn Fn(&[usize]) -> Figure| known.as_deref().map_or(undefined, figure);
        self.add_quality(Metric::Auc, of(&|truth| several::macro_auc(truth, probabilities)));
        self.add_quality(Metric::Brier, of(&|truth| several::brier(truth, probabilities)));
        self.add_quality(Metric::LogLoss, of(&|truth| log_loss(truth, probabilities)));
        self.add_quality(Metric::Ece, of(&|truth| several::ece(truth, probabilities, plan)));
    }

    fn add_quality(&mut self, metric: Metric, figure: Figure) {
        self.absent.remove(metric.word());
        self.figures.insert(metric, figure);
    }

    fn add_each_class(&mut self, answers: &Answers, classes: Option<&Classes>, truth: Option<&[usize]>) {
        let all = classes.map(|classes| classes.classes.as_slice()).unwrap_or_default();
        if MAXIMUM_CLASSES < all.len() {
            return;
        }
        for (class, counts) in all {
            for (metric, figure) in of_class(counts) {
                self.add_keyed(Dimension::Quality, metric, class.clone(), figure);
            }
            let scored = answers.index(class).filter(|_| !answers.probabilities.is_empty()).zip(truth);
            if let Some((at, truth)) = scored {
                let auc = several::auc_of(at, truth, answers.probabilities);
                self.add_keyed(Dimension::Quality, Metric::Auc, class.clone(), auc);
            }
        }
    }

    /// What each threshold would hold back, and how right the rest is.
    pub fn add_abstention(&mut self, answers: &Answers, thresholds: &[f64]) {
        let Answers { labels, truth, probabilities, .. } = *answers;
        let certainty = labels.iter().zip(probabilities).map(|(label, row)| row.get(answers.index(label)?).copied());
        let certainty: Option<Vec<f64>> = certainty.collect();
        let Some(certainty) = certainty.filter(|all| all.len() == truth.len()) else {
            for metric in [Metric::AbstainedRate, Metric::RetainedAccuracy] {
                self.set_absent(metric.word(), "the model gives no probabilities");
            }
            return;
        };
        let correct: Vec<bool> = labels.iter().zip(truth).map(|(label, truth)| label == truth).collect();
        for threshold in thresholds {
            let (key, dimension) = (threshold.to_string(), Dimension::Abstention);
            self.add_keyed(dimension, Metric::AbstainedRate, key.clone(), abstained_rate(&certainty, *threshold));
            let kept = retained_accuracy(&correct, &certainty, *threshold);
            self.add_keyed(dimension, Metric::RetainedAccuracy, key, kept);
        }
    }
}

fn of_class(counts: &Confusion) -> [(Metric, Figure); 11] {
    let rate = Rate::figure;
    [
        (Metric::Precision, rate(counts.precision())),
        (Metric::Recall, rate(counts.tpr())),
        (Metric::F1, counts.f1()),
        (Metric::SelectionRate, rate(counts.selection_rate())),
        (Metric::Tpr, rate(counts.tpr())),
        (Metric::Fpr, rate(counts.fpr())),
        (Metric::Tnr, rate(counts.tnr())),
        (Metric::Fnr, rate(counts.fnr())),
        (Metric::Npv, rate(counts.npv())),
        (Metric::FalseOmissionRate, rate(counts.false_omission_rate())),
        (Metric::FalseDiscoveryRate, rate(counts.false_discovery_rate())),
    ]
}
