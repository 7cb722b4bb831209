//! The distribution of the one-sample two-sided statistic D(n), whose tail at nm / (n + m) rows
//! is the usual large-sample p-value of the two-sample test.
//!
//! Which formula where follows Simard and L'Ecuyer (2011), "Computing the two-sided
//! Kolmogorov-Smirnov distribution": no single one is both quick and accurate everywhere.

use statrs::function::gamma::ln_gamma;
use std::f64::consts::PI;

/// Up to here the matrix formula is used throughout.
const FEW_ROWS: f64 = 140.0;
const MATRIX_MAXIMUM_ROWS: f64 = 100_000.0;

/// P(D(n) >= d) for a whole number of rows n >= 1.
pub fn tail(n: f64, d: f64) -> f64 {
    let (reach, square) = (n * d, n * d * d);
    let value = if 1.0 <= d {
        0.0
    } else if reach <= 0.5 {
        1.0
    } else if reach <= 1.0 {
        // Ruben and Gambino (1982): P(D < d) = n! (2d - 1/n)^n up to d = 1/n.
        1.0 - (ln_gamma(n + 1.0) + n * ((2.0 * reach - 1.0) / n).ln()).exp()
    } else if n - 1.0 <= reach {
        2.0 * (1.0 - d).powf(n)
    } else if 0.5 <= d || (if n <= FEW_ROWS { 4.0 } else { 2.2 }) < square {
        // Both sides at once is possible but so unlikely that twice one side is the answer.
        2.0 * one_sided(n, d)
    } else if n <= FEW_ROWS || (n <= MATRIX_MAXIMUM_ROWS && n * d.powf(1.5) <= 1.4) {
        1.0 - matrix(n, d)
    } else {
        1.0 - pelz_good(n, d)
    };
    value.clamp(0.0, 1.0)
}

/// P(D+(n) >= d), Birnbaum and Tingey (1951):
/// d times the sum over j from 0 to n (1 - d) of C(n, j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j).
fn one_sided(n: f64, d: f64) -> f64 {
    let last = (n * (1.0 - d)).floor();
    let (mut sum, mut j) = (0.0, 0.0);
    let all = ln_gamma(n + 1.0);
    // Terms so small that they can't count are not computed: 370 is twice the exponent at which
    // a double is 0, so a million rows with a large gap end here.
    if 370.0 <= n * d * d {
        return 0.0;
    }
    while j <= last {
        let (above, below) = (d + j / n, 1.0 - d - j / n);
        let ways = all - ln_gamma(j + 1.0) - ln_gamma(n - j + 1.0);
        // 0^0 is 1; the last term can fall below 0 by a rounding and counts as 0.
        let falling = if j == n { 0.0 } else { (n - j) * below.max(0.0).ln() };
        sum += (ways + (j - 1.0) * above.ln() + falling).exp();
        j += 1.0;
    }
    d * sum
}

/// P(D(n) < d) after Durbin, as Marsaglia, Tsang and Wang (2003) compute it: the middle entry of
/// the n-th power of a matrix of 2k - 1 rows, times n! / n^n, where d = (k - h) / n.
fn matrix(n: f64, d: f64) -> f64 {
    let k = (n * d).floor() + 1.0;
    let h = k - n * d;
    let size = 2 * k as usize - 1;
    let factorial = |m: usize| ln_gamma(m as f64 + 1.0).exp();
    let entry = |row: usize, column: usize| {
        if row + 1 < column {
            return 0.0;
        }
        let mut value = 1.0;
        if column == 0 {
            value -= h.powi(row as i32 + 1);
        }
        if row == size - 1 {
            value -= h.powi((size - column) as i32);
        }
        if column == 0 && row == size - 1 {
            value += (2.0 * h - 1.0).max(0.0).powi(size as i32);
        }
        value / factorial(row + 1 - column)
    };
    let base: Vec<f64> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
    let (power, exponent) = power(base, size, n as u64);
    let middle = power.get((k as usize - 1) * (size + 1)).copied().unwrap_or_default();
    (middle.ln() + exponent + ln_gamma(n + 1.0) - n * n.ln()).exp()
}

/// A square matrix to a power, and the logarithm of the factor that was taken out on the way so
/// that nothing overflows.
fn power(base: Vec<f64>, size: usize, mut times: u64) -> (Vec<f64>, f64) {
    let mut result: Vec<f64> = (0..size * size).map(|at| f64::from(u8::from(at / size == at % size))).collect();
    let (mut square, mut square_log, mut log) = (base, 0.0, 0.0);
    loop {
        if times % 2 == 1 {
            let (product, factor) = product(&result, &square, size);
            result = product;
            log += square_log + factor;
        }
        times /= 2;
        if times == 0 {
            return (result, log);
        }
        let (product, factor) = product(&square, &square, size);
        square = product;
        square_log = 2.0 * square_log + factor;
    }
}

fn product(a: &[f64], b: &[f64], size: usize) -> (Vec<f64>, f64) {
    let mut product = vec![0.0; size * size];
    for (row, out) in a.chunks(size).zip(product.chunks_mut(size)) {
        for (factor, line) in row.iter().zip(b.chunks(size)) {
            for (cell, value) in out.iter_mut().zip(line) {
                *cell += factor * value;
            }
        }
    }
    let largest = product.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    for cell in &mut product {
        *cell /= largest;
    }
    (product, largest.ln())
}

/// P(D(n) <= d) by the expansion of Pelz and Good (1976) in powers of n^(-1/2), in the form with
/// theta functions that converges for every z = d n^(1/2).
fn pelz_good(n: f64, d: f64) -> f64 {
    let z = d * n.sqrt();
    let (z2, z4, z6) = (z.powi(2), z.powi(4), z.powi(6));
    let (p2, p4, p6) = (PI.powi(2), PI.powi(4), PI.powi(6));
    let root = (2.0 * PI).sqrt();
    let [mut k0, mut k1, mut k2, mut k3] = [0.0; 4];
    // Terms fall like exp(-m^2 pi^2 / 8 z^2); 16 z / pi of them reach below the last digit.
    let terms = (16.0 * z / PI).ceil().clamp(1.0, 1e4) as u32;
    for k in (1..=terms).rev() {
        let m2 = f64::from(2 * k - 1).powi(2);
        let weight = root * (-m2 * p2 / (8.0 * z2)).exp();
        let (m4, m6) = (m2 * m2, m2 * m2 * m2);
        k0 += weight / z;
        k1 += weight / (6.0 * z4) * (p2 / 4.0 * m2 - z2);
        k2 += weight / (72.0 * z.powi(7))
            * (6.0 * z6 + 2.0 * z4 + p2 / 4.0 * (2.0 * z4 - 5.0 * z2) * m2 + p4 / 16.0 * (1.0 - 2.0 * z2) * m4);
        k3 += weight / (6480.0 * z.powi(10))
            * (p6 / 64.0 * (5.0 - 30.0 * z2) * m6
                + p4 / 16.0 * (212.0 * z4 - 60.0 * z2) * m4
                + p2 / 4.0 * (135.0 * z4 - 96.0 * z6) * m2
                - 30.0 * z6
                - 90.0 * z.powi(8));
        let k_squared = f64::from(k).powi(2);
        let weight = root * p2 * k_squared * (-k_squared * p2 / (2.0 * z2)).exp();
        k2 -= weight / (36.0 * z.powi(3));
        k3 += weight / (216.0 * z6) * (3.0 * z2 - p2 * k_squared);
    }
    k0 + k1 / n.sqrt() + k2 / n + k3 / n.powf(1.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tails_match_published_values() {
        // Marsaglia, Tsang and Wang give K(10, 0.274) to all digits; the rest are critical values
        // of the usual tables, to their digits.
        assert!((tail(10.0, 0.274) - (1.0 - 0.628_479_615_456_504_3)).abs() < 1e-13);
        for (n, d, p) in [(10.0, 0.409_25, 0.05), (20.0, 0.294_08, 0.05), (10.0, 0.488_93, 0.01), (1.0, 0.975, 0.05)] {
            assert!((tail(n, d) - p).abs() < 5e-5, "{n} {d}: {}", tail(n, d));
        }
        assert_eq!((tail(5.0, 0.0), tail(5.0, 1.0)), (1.0, 0.0));
        assert_eq!(tail(1e6, 0.9), 0.0);
    }

    #[test]
    fn the_expansion_meets_the_matrix() {
        for (n, d) in [(500.0, 0.02), (500.0, 0.04), (500.0, 0.06), (2000.0, 0.01), (2000.0, 0.03)] {
            assert!((matrix(n, d) - pelz_good(n, d)).abs() < 1e-6, "{n} {d}: {} {}", matrix(n, d), pelz_good(n, d));
        }
    }

    proptest! {
        #[test]
        fn tails_fall_and_stay_probabilities(n in 1u32..3000, thousandth in 0u32..999) {
            let (n, d) = (f64::from(n), f64::from(thousandth) / 1000.0);
            let (here, further) = (tail(n, d), tail(n, d + 0.001));
            prop_assert!((0.0..=1.0).contains(&here) && further <= here + 1e-6, "{here} {further}");
        }
    }
}
