//! The four counts of a binary decision and the figures that come from them.

use super::{
    fairness::RateName,
    figure::{Figure, Rate},
    interval::{IntervalMethod, mean_of_rates, wilson},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Rows by truth and decision. "Positive" is the truth, "selected" is the model's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confusion {
    pub tp: u64,
    pub fp: u64,
    pub tn: u64,
    #[serde(rename = "fn")]
    pub fn_: u64,
}

impl Confusion {
    pub fn add(&mut self, positive: bool, selected: bool) {
        let cell = match (positive, selected) {
            (true, true) => &mut self.tp,
            (false, true) => &mut self.fp,
            (false, false) => &mut self.tn,
            (true, false) => &mut self.fn_,
        };
        *cell += 1;
    }

    pub fn n(&self) -> u64 {
        self.tp + self.fp + self.tn + self.fn_
    }

    pub fn positives(&self) -> u64 {
        self.tp + self.fn_
    }

    pub fn negatives(&self) -> u64 {
        self.fp + self.tn
    }

    pub fn selected(&self) -> u64 {
        self.tp + self.fp
    }

    /// Share of positives: (tp + fn) / n.
    pub fn base_rate(&self) -> Option<Rate> {
        Rate::of(self.positives(), self.n())
    }

    /// (tp + fp) / n.
    pub fn selection_rate(&self) -> Option<Rate> {
        Rate::of(self.selected(), self.n())
    }

    /// (tp + tn) / n.
    pub fn accuracy(&self) -> Option<Rate> {
        Rate::of(self.tp + self.tn, self.n())
    }

    /// True positive rate, also called recall: tp / (tp + fn).
    pub fn tpr(&self) -> Option<Rate> {
        Rate::of(self.tp, self.positives())
    }

    /// False negative rate: fn / (tp + fn).
    pub fn fnr(&self) -> Option<Rate> {
        Rate::of(self.fn_, self.positives())
    }

    /// False positive rate: fp / (fp + tn).
    pub fn fpr(&self) -> Option<Rate> {
        Rate::of(self.fp, self.negatives())
    }

    /// True negative rate: tn / (fp + tn).
    pub fn tnr(&self) -> Option<Rate> {
        Rate::of(self.tn, self.negatives())
    }

    /// tp / (tp + fp).
    pub fn precision(&self) -> Option<Rate> {
        Rate::of(self.tp, self.selected())
    }

    /// Negative predictive value: tn / (tn + fn).
    pub fn npv(&self) -> Option<Rate> {
        Rate::of(self.tn, self.tn + self.fn_)
    }

    /// fn / (tn + fn).
    pub fn false_omission_rate(&self) -> Option<Rate> {
        Rate::of(self.fn_, self.tn + self.fn_)
    }

    /// fp / (tp + fp).
    pub fn false_discovery_rate(&self) -> Option<Rate> {
        Rate::of(self.fp, self.selected())
    }

    /// (fp + fn) / n.
    pub fn error_rate(&self) -> Option<Rate> {
        Rate::of(self.fp + self.fn_, self.n())
    }

    pub fn rate(&self, name: RateName) -> Option<Rate> {
        match name {
            RateName::SelectionRate => self.selection_rate(),
            RateName::Accuracy => self.accuracy(),
            RateName::Tpr => self.tpr(),
            RateName::Fpr => self.fpr(),
            RateName::Tnr => self.tnr(),
            RateName::Fnr => self.fnr(),
            RateName::Precision => self.precision(),
            RateName::Npv => self.npv(),
            RateName::FalseOmissionRate => self.false_omission_rate(),
            RateName::FalseDiscoveryRate => self.false_discovery_rate(),
            RateName::ErrorRate => self.error_rate(),
        }
    }

    /// Wrongly left out against wrongly taken in, fn / fp: the figure of treatment equality
    /// (Berk et al. 2021). Undefined without a false positive.
    pub fn false_negatives_per_false_positive(&self) -> Option<f64> {
        (self.fp != 0).then(|| self.fn_ as f64 / self.fp as f64)
    }

    /// The rows of `self` that are not among `part`, which has to be a part of it.
    pub fn without(&self, part: &Self) -> Option<Self> {
        Some(Self {
            tp: self.tp.checked_sub(part.tp)?,
            fp: self.fp.checked_sub(part.fp)?,
            tn: self.tn.checked_sub(part.tn)?,
            fn_: self.fn_.checked_sub(part.fn_)?,
        })
    }

    /// F1 = 2 tp / (2 tp + fp + fn). With q = tp / (tp + fp + fn), F1 = 2q / (1 + q) increases
    /// with q, so the Wilson interval of q carries over.
    pub fn f1(&self) -> Figure {
        let joint = self.tp + self.fp + self.fn_;
        let value = (joint != 0).then(|| 2.0 * self.tp as f64 / (self.tp + joint) as f64);
        let interval =
            wilson(self.tp, joint).and_then(|w| w.map(|q| 2.0 * q / (1.0 + q), IntervalMethod::WilsonTransformed));
        Figure::with_interval(value, interval, joint)
    }

    /// (TPR + TNR) / 2; undefined when one class is absent.
    pub fn balanced_accuracy(&self) -> Figure {
        let value = self.tpr().zip(self.tnr()).map(|(tpr, tnr)| (tpr.value + tnr.value) / 2.0);
        let interval = mean_of_rates((self.tp, self.positives()), (self.tn, self.negatives()));
        Figure::with_interval(value, interval, self.n())
    }

    /// Matthews correlation: (tp tn - fp fn) / sqrt((tp+fp)(tp+fn)(tn+fp)(tn+fn)).
    /// Undefined when a margin is empty. No closed-form interval.
    pub fn mcc(&self) -> Figure {
        let [tp, fp, tn, fn_] = [self.tp, self.fp, self.tn, self.fn_].map(|count| count as f64);
        let root = ((tp + fp) * (tp + fn_)).sqrt() * ((tn + fp) * (tn + fn_)).sqrt();
        let value = (0.0 < root).then(|| ((tp * tn - fp * fn_) / root).clamp(-1.0, 1.0));
        Figure::point(value, self.n())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: Confusion = Confusion { tp: 194, fp: 53, tn: 37, fn_: 16 };

    #[test]
    fn figures_follow_their_definitions() {
        let close = |got: Option<f64>, want: f64| {
            assert!((got.expect("defined") - want).abs() < 1e-12, "{got:?} {want}");
        };
        close(MIXED.accuracy().map(|r| r.value), 0.77);
        close(MIXED.tpr().map(|r| r.value), 194.0 / 210.0);
        close(MIXED.precision().map(|r| r.value), 194.0 / 247.0);
        close(MIXED.f1().value, 0.849_015_317_286_652);
        close(MIXED.balanced_accuracy().value, 0.667_460_317_460_317_5);
        close(MIXED.mcc().value, (194.0 * 37.0 - 53.0 * 16.0) / (247.0_f64 * 210.0 * 90.0 * 53.0).sqrt());
        for figure in [MIXED.f1(), MIXED.balanced_accuracy()] {
            let (value, interval) = figure.value.zip(figure.interval).expect("both");
            assert!(interval.low < value && value < interval.high, "{figure:?}");
        }
    }

    #[test]
    fn an_empty_denominator_is_undefined_and_not_zero() {
        let negatives_only = Confusion { tn: 9, ..Confusion::default() };
        assert_eq!(negatives_only.tpr(), None);
        assert_eq!(negatives_only.precision(), None);
        assert_eq!(negatives_only.f1().value, None);
        assert_eq!(negatives_only.balanced_accuracy().value, None);
        assert_eq!(negatives_only.mcc().value, None);
        assert_eq!(negatives_only.fpr().map(|r| r.value), Some(0.0));
        assert_eq!(Confusion::default().accuracy(), None);
    }
}
