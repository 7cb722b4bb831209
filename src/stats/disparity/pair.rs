//! Two values that are compared: a higher and a lower one.

use super::{ALL_ROWS, Against, Compared, Form};
use crate::stats::{
    fairness::{GroupRates, RateName},
    interval::{self, CountOf, Interval, Level},
};

/// The value of one group, with its counts where it is a rate.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub group: &'a str,
    value: f64,
    counts: Option<CountOf>,
    /// What the value rests on: the denominator of a rate, the rows of another figure.
    pub n: u64,
}

pub struct Pair<'a> {
    compared: Compared,
    pub higher: Side<'a>,
    pub lower: Side<'a>,
    /// Pairs that could have been the one that decides.
    pub pairs: u64,
}

impl<'a> Side<'a> {
    pub fn of(group: &'a GroupRates, compared: Compared) -> Option<Self> {
        let name = group.group.as_str();
        match compared {
            Compared::Rate(rate) => {
                let rate = group.rate(rate)?;
                Some(Self { group: name, value: rate.value, counts: Some((rate.count, rate.total)), n: rate.total })
            }
            Compared::Figure(figure) => {
                let figure = group.figure(figure)?;
                Some(Self { group: name, value: figure.value?, counts: None, n: figure.n })
            }
        }
    }
}

impl<'a> Pair<'a> {
    /// The pair that decides. `None` with fewer than two values to compare.
    pub fn worst(
        compared: Compared,
        usable: &[&'a GroupRates],
        overall: Option<&'a GroupRates>,
        against: &Against,
        form: Form,
    ) -> Option<Self> {
        let sides: Vec<Side> = usable.iter().filter_map(|g| Side::of(g, compared)).collect();
        if sides.len() < 2 {
            return None;
        }
        let reference = match against {
            Against::BetweenGroups => return Self::extremes(compared, &sides),
            Against::Overall => Side { group: ALL_ROWS, ..Side::of(overall?, compared)? },
            Against::Group(name) => *sides.iter().find(|side| side.group == name)?,
        };
        let of_group = *against != Against::Overall;
        // All rows are no group, whatever a group may be called.
        let others = sides.iter().filter(|side| !of_group || side.group != reference.group);
        let count = sides.len() as u64 - u64::from(of_group);
        let pairs = others.map(|side| {
            let (higher, lower) = if reference.value < side.value { (*side, reference) } else { (reference, *side) };
            Self { compared, higher, lower, pairs: count }
        });
        pairs.reduce(|worst, next| if worst.is_better_than(&next, form) { next } else { worst })
    }

    fn extremes(compared: Compared, sides: &[Side<'a>]) -> Option<Self> {
        let (first, count) = (*sides.first()?, sides.len() as u64);
        let pairs = count * (count - 1) / 2;
        let mut pair = Self { compared, higher: first, lower: first, pairs };
        // Of equal groups the first is the highest and the last the lowest, so that there are
        // always two.
        for side in sides.iter().skip(1) {
            if pair.higher.value < side.value {
                pair.higher = *side;
            }
            if side.value <= pair.lower.value {
                pair.lower = *side;
            }
        }
        Some(pair)
    }

    /// Among pairs with one reference: 0/0 says nothing and gives way to any ratio.
    fn is_better_than(&self, other: &Self, form: Form) -> bool {
        match (self.value(form), other.value(form), form) {
            (None, Some(_), _) => true,
            (Some(own), Some(other), Form::Ratio) => other < own,
            (Some(own), Some(other), _) => own < other,
            (_, None, _) => false,
        }
    }

    pub fn rate(&self) -> Option<RateName> {
        match self.compared {
            Compared::Rate(rate) => Some(rate),
            Compared::Figure(_) => None,
        }
    }

    fn counts(&self) -> Option<(CountOf, CountOf)> {
        self.higher.counts.zip(self.lower.counts)
    }

    pub fn value(&self, form: Form) -> Option<f64> {
        let (higher, lower) = (self.higher.value, self.lower.value);
        match (form, self.counts()) {
            (Form::Ratio, Some((higher, lower))) => interval::ratio(lower, higher),
            (Form::Ratio, None) => (0.0 <= lower && 0.0 < higher).then(|| lower / higher),
            (_, Some((higher, lower))) => interval::difference(higher, lower),
            (_, None) => Some(higher - lower),
        }
    }

    fn interval(&self, form: Form, level: Level) -> Option<Interval> {
        // The rows of a group are among all rows, so their difference varies less than this says.
        let (higher, lower) = self.counts()?;
        match form {
            Form::Ratio => interval::katz_at(lower, higher, level),
            Form::Difference | Form::MeanDifference => interval::newcombe_at(higher, lower, level),
        }
    }
}

/// Value of the pair that decides, and the pair.
pub fn decided<'p, 'a>(pairs: &'p [Pair<'a>], form: Form) -> (Option<f64>, Option<&'p Pair<'a>>) {
    let worst = worst(pairs, form);
    (worst.and_then(|pair| pair.value(form)), worst)
}

pub fn mean_difference(pairs: &[Pair]) -> Option<f64> {
    let differences: Option<Vec<f64>> = pairs.iter().map(|pair| pair.value(Form::Difference)).collect();
    let differences = differences.filter(|all| !all.is_empty())?;
    Some(differences.iter().sum::<f64>() / differences.len() as f64)
}

/// The interval of the worst pair. For equalized odds each end is the worse of both rates, so
/// that a wide interval of one rate doesn't hide behind a slightly worse value of the other; for
/// the mean of both differences each end is the mean of both.
pub fn joint_interval(pairs: &[Pair], form: Form, level: impl Fn(&Pair) -> Level) -> Option<Interval> {
    let intervals: Option<Vec<Interval>> = pairs.iter().map(|pair| pair.interval(form, level(pair))).collect();
    let joined = |a: f64, b: f64| match form {
        Form::Ratio => a.min(b),
        Form::Difference => a.max(b),
        Form::MeanDifference => (a + b) / 2.0,
    };
    intervals?.into_iter().reduce(|a, b| Interval { low: joined(a.low, b.low), high: joined(a.high, b.high), ..a })
}

/// The level at which every pair that could have been the one holds together.
pub fn of_all_pairs(pairs: &[Pair]) -> Level {
    Level::of_many(pairs.iter().map(|pair| pair.pairs).sum())
}

/// The pair with the greatest difference or the smallest ratio. An undefined ratio (0/0) is the
/// worst of all: the half that can't be computed must not hide behind the other.
fn worst<'p, 'a>(pairs: &'p [Pair<'a>], form: Form) -> Option<&'p Pair<'a>> {
    let badness = |pair: &Pair| match (pair.value(form), form) {
        (Some(value), Form::Ratio) => -value,
        (Some(value), _) => value,
        (None, _) => f64::INFINITY,
    };
    pairs.iter().reduce(|worst, pair| if badness(worst) < badness(pair) { pair } else { worst })
}
