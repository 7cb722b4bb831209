//! Inequality of benefits (Speicher et al. 2018): how unevenly right and wrong decisions fall.
//!
//! The benefit of a row is decision - truth + 1: 1 when right, 2 when selected wrongly, 0 when
//! left out wrongly. The indices are 0 when every benefit is the same. `None` without rows and
//! when every benefit is 0. The figures and their defaults are those of aif360.

use super::confusion::Confusion;

/// Generalized entropy index with alpha 2: half the squared coefficient of variation.
pub fn generalized_entropy_index(counts: &Confusion) -> Option<f64> {
    over_benefits(&benefits(counts), |share| (share * share - 1.0) / 2.0)
}

/// Theil's index (alpha 1): the mean of b ln b, where b is the benefit over the mean benefit.
pub fn theil_index(counts: &Confusion) -> Option<f64> {
    over_benefits(&benefits(counts), entropy)
}

/// Theil's index between groups: as if every row had the mean benefit of its group. The mean over
/// the groups that have rows.
pub fn between_group_theil_index(groups: &[Confusion]) -> Option<f64> {
    let mean = |counts: &Confusion| (counts.n() as f64, total(&benefits(counts)) / counts.n() as f64);
    let means: Vec<(f64, f64)> = groups.iter().filter(|counts| counts.n() != 0).map(mean).collect();
    over_benefits(&means, entropy)
}

/// x ln x goes to 0 with x.
fn entropy(share: f64) -> f64 {
    if share == 0.0 { 0.0 } else { share * share.ln() }
}

/// Rows and benefit.
fn benefits(counts: &Confusion) -> [(f64, f64); 3] {
    [((counts.tp + counts.tn) as f64, 1.0), (counts.fp as f64, 2.0), (counts.fn_ as f64, 0.0)]
}

fn total(benefits: &[(f64, f64)]) -> f64 {
    benefits.iter().map(|(rows, benefit)| rows * benefit).sum()
}

fn over_benefits(benefits: &[(f64, f64)], term: impl Fn(f64) -> f64) -> Option<f64> {
    let n: f64 = benefits.iter().map(|(rows, _)| rows).sum();
    let mean = total(benefits) / n;
    let sum: f64 = benefits.iter().map(|(rows, benefit)| rows * term(benefit / mean)).sum();
    (0.0 < n && 0.0 < mean).then(|| sum / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_follow_their_definitions() {
        // Benefits 1, 1, 2, 0: mean 1, squares 1 + 1 + 4 + 0.
        let counts = Confusion { tp: 1, tn: 1, fp: 1, fn_: 1 };
        assert_eq!(generalized_entropy_index(&counts), Some((6.0 - 4.0) / 4.0 / 2.0));
        let theil = theil_index(&counts).expect("defined");
        assert!((theil - 2.0 * 2.0_f64.ln() / 4.0).abs() < 1e-15);
        let right = Confusion { tp: 3, tn: 2, ..Confusion::default() };
        assert_eq!((theil_index(&right), generalized_entropy_index(&right)), (Some(0.0), Some(0.0)));
        assert_eq!(between_group_theil_index(&[counts, right]), Some(0.0));
    }

    #[test]
    fn no_rows_and_no_benefit_are_undefined() {
        for counts in [Confusion::default(), Confusion { fn_: 4, ..Confusion::default() }] {
            assert_eq!(theil_index(&counts), None);
            assert_eq!(generalized_entropy_index(&counts), None);
            assert_eq!(between_group_theil_index(&[counts]), None);
        }
    }
}
