//! How certain a change of the calibration error is: a seeded bootstrap over the rows, each with all of its draws.

use super::{
    bootstrap::{Plan, generator::Generator},
    interval::{Interval, IntervalMethod},
};

/// Ten bins of equal width, as everywhere.
const BINS: usize = 10;
/// Rows times answers times resamples that are added up for one interval.
const MOST_WORK: u64 = 200_000_000;
/// With fewer resamples the ends of an interval are chance.
const LEAST_RESAMPLES: u64 = 200;
/// Apart from every other stream of the same seed.
const STREAM: u64 = 0x7265_6361_6c69_6272;

/// An answer in its bin: the score, and whether it came true.
pub(super) type Answer = Option<(f64, bool)>;

#[derive(Clone, Copy, Default)]
struct Binned {
    bin: usize,
    /// Score minus truth; a row without a finite answer is in no bin.
    gap: f64,
    counts: bool,
}

impl Binned {
    fn of(answer: Answer) -> Self {
        let Some((score, hit)) = answer else { return Self::default() };
        let score = score.clamp(0.0, 1.0);
        // Compared with the edges, because score * 10 rounds across them.
        let bin = (1..BINS).filter(|edge| *edge as f64 / BINS as f64 <= score).count();
        Self { bin, gap: score - f64::from(u8::from(hit)), counts: true }
    }
}

/// The sums of one set of answers over drawn rows.
#[derive(Clone, Copy, Default)]
struct Sums {
    gaps: [f64; BINS],
    rows: u64,
}

impl Sums {
    fn add(&mut self, answer: Binned) {
        if let (true, Some(gap)) = (answer.counts, self.gaps.get_mut(answer.bin)) {
            *gap += answer.gap;
            self.rows += 1;
        }
    }

    fn error(&self) -> Option<f64> {
        (self.rows > 0).then(|| self.gaps.iter().map(|gap| gap.abs()).sum::<f64>() / self.rows as f64)
    }
}

/// From the 2.5 % to the 97.5 % quantile of the resampled mean, over the draws, of the error of each minus that of `base`.
///
/// `None` without rows, when a resample leaves no answer, or when so many answers let fewer than 200 resamples be drawn.
pub(super) fn interval(base: &[Answer], draws: &[Vec<Answer>], plan: Plan) -> Option<Interval> {
    let rows = u32::try_from(base.len()).ok().filter(|rows| *rows > 1)?;
    if draws.is_empty() || draws.iter().any(|draw| draw.len() != base.len()) {
        return None;
    }
    let work = u64::from(rows).checked_mul(draws.len() as u64 + 1)?;
    let resamples = u64::from(plan.resamples).min(MOST_WORK / work);
    if resamples < LEAST_RESAMPLES {
        return None;
    }
    // Row after row, so that a drawn row is read in one go.
    let width = draws.len() + 1;
    let mut answers = Vec::with_capacity(base.len() * width);
    for (row, answer) in base.iter().enumerate() {
        answers.push(Binned::of(*answer));
        answers.extend(draws.iter().map(|draw| Binned::of(draw.get(row).copied().flatten())));
    }
    let mut generator = Generator::of(plan.seed, STREAM);
    let mut changes = Vec::with_capacity(usize::try_from(resamples).ok()?);
    for _ in 0..resamples {
        let mut sums = vec![Sums::default(); width];
        for _ in 0..rows {
            let row = generator.below(rows) as usize * width;
            for (sum, answer) in sums.iter_mut().zip(answers.get(row..row + width)?) {
                sum.add(*answer);
            }
        }
        let before = sums.first()?.error()?;
        let after = sums.iter().skip(1).map(|sum| sum.error()).sum::<Option<f64>>()?;
        changes.push(after / draws.len() as f64 - before);
    }
    changes.sort_by(f64::total_cmp);
    // Rounded outwards, as for every other bootstrap.
    let last = changes.len() - 1;
    let low = (0.025 * last as f64).floor() as usize;
    let high = (0.975 * last as f64).ceil() as usize;
    Interval::new(*changes.get(low)?, *changes.get(high)?, IntervalMethod::BootstrapPercentile)
}

#[cfg(test)]
mod tests {
    use super::{super::bootstrap::Scheme, *};

    const PLAN: Plan = Plan { resamples: 500, seed: 1, scheme: Scheme::Rows };

    /// Rows that are right three times out of four, with this score.
    fn answers(score: f64) -> Vec<Answer> {
        (0..400).map(|row| Some((score, row % 4 != 0))).collect()
    }

    #[test]
    fn a_change_for_the_worse_is_told_from_none() {
        let none = interval(&answers(0.75), &[answers(0.75)], PLAN).expect("an interval");
        assert_eq!((none.low, none.high), (0.0, 0.0), "the same answers");
        let worse = interval(&answers(0.75), &[answers(0.95), answers(0.99)], PLAN).expect("an interval");
        // The error goes from about 0 to about 0.22.
        assert!(0.1 < worse.low && worse.low < 0.22 && 0.22 < worse.high && worse.high < 0.3, "{worse:?}");
        assert_eq!(worse, interval(&answers(0.75), &[answers(0.95), answers(0.99)], PLAN).expect("again"));
    }

    #[test]
    fn nothing_is_said_of_too_little_or_too_much() {
        assert_eq!(interval(&answers(0.5), &[], PLAN), None);
        assert_eq!(interval(&answers(0.5), &[vec![None; 400]], PLAN), None);
        assert_eq!(interval(&answers(0.5)[..1], &[answers(0.5)[..1].to_vec()], PLAN), None);
        assert_eq!(interval(&answers(0.5), &[answers(0.5)[..7].to_vec()], PLAN), None);
        let many: Vec<Answer> = (0..300_000).map(|_| Some((0.5, true))).collect();
        assert_eq!(interval(&many, &vec![many.clone(); 3], PLAN), None);
    }
}
