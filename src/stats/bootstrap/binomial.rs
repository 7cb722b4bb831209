//! Binomial draws in constant time.

use super::generator::Generator;
use statrs::function::gamma::ln_gamma;

/// From this mean on, rejection is quicker than counting up.
const LARGE_MEAN: f64 = 10.0;

/// How many of `trials` succeed when each does with the chance `part / whole`, `part <= whole`.
pub fn draw(trials: u64, part: u64, whole: u64, generator: &mut Generator) -> u64 {
    if trials == 0 || part == 0 || whole == 0 {
        return 0;
    }
    // The rarer outcome is drawn, so that p is at most one half.
    if whole - part < part {
        return trials - draw(trials, whole - part, whole, generator);
    }
    let p = part as f64 / whole as f64;
    if trials as f64 * p < LARGE_MEAN { by_inversion(trials, p, generator) } else { btrs(trials, p, generator) }
}

/// Counts up the distribution function. With a mean below 10 and p at most 1/2 the first term is
/// above 1e-7, so nothing underflows.
fn by_inversion(trials: u64, p: f64, generator: &mut Generator) -> u64 {
    let odds = p / (1.0 - p);
    let mut term = (trials as f64 * (-p).ln_1p()).exp();
    let mut left = generator.uniform();
    let mut count = 0;
    while term <= left && count < trials {
        left -= term;
        count += 1;
        term *= odds * (trials - count + 1) as f64 / count as f64;
    }
    count
}

/// Transformed rejection with squeeze, algorithm BTRS of Hörmann (1993), "The generation of
/// binomial random variates". Needs a mean of at least 10 and p at most 1/2.
fn btrs(trials: u64, p: f64, generator: &mut Generator) -> u64 {
    let n = trials as f64;
    let deviation = (n * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * deviation;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let (centre, squeeze) = (n * p + 0.5, 0.92 - 4.2 / b);
    let mode = ((n + 1.0) * p).floor();
    let log_weight = |k: f64| -ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0) + k * (p / (1.0 - p)).ln();
    loop {
        let u = generator.uniform() - 0.5;
        let v = generator.uniform();
        let room = 0.5 - u.abs();
        let k = ((2.0 * a / room + b) * u + centre).floor();
        if !(0.0..=n).contains(&k) {
            continue;
        }
        if 0.07 <= room && v <= squeeze {
            return k as u64;
        }
        let scaled = v * (2.83 + 5.1 / b) * deviation / (a / (room * room) + b);
        if scaled.ln() <= log_weight(k) - log_weight(mode) {
            return k as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Binomial, DiscreteCDF};

    /// The greatest gap between the drawn and the true distribution function stays below what a
    /// Kolmogorov-Smirnov test lets pass once in 10,000 times.
    #[test]
    fn draws_follow_the_binomial_distribution() {
        const DRAWS: u32 = 20_000;
        for (trials, part, whole) in [
            (1, 1, 3),
            (7, 3, 10),
            (40, 1, 5),
            (20, 1, 2),
            (60, 9, 10),
            (1000, 1, 100),
            (5000, 2, 5),
            (1_000_000, 1, 7),
        ] {
            let mut generator = Generator::of(11, trials);
            let mut drawn: Vec<u64> = (0..DRAWS).map(|_| draw(trials, part, whole, &mut generator)).collect();
            drawn.sort_unstable();
            let truth = Binomial::new(part as f64 / whole as f64, trials).expect("a distribution");
            let mut values = drawn.clone();
            values.dedup();
            for value in values {
                let share = drawn.partition_point(|d| *d <= value) as f64 / f64::from(DRAWS);
                let gap = (share - truth.cdf(value)).abs();
                assert!(gap < 2.23 / f64::from(DRAWS).sqrt(), "{trials} {part}/{whole} at {value}: {gap}");
            }
        }
    }

    #[test]
    fn sure_outcomes_are_sure() {
        let mut generator = Generator::of(1, 1);
        assert_eq!(draw(9, 0, 5, &mut generator), 0);
        assert_eq!(draw(9, 5, 5, &mut generator), 9);
        assert_eq!(draw(0, 1, 2, &mut generator), 0);
    }
}
