//! Numeric attributes in bands, by declared cut points.

use std::fmt;

/// The group of cells that are neither empty nor a finite number.
pub const NOT_A_NUMBER: &str = "(not a number)";
const MAXIMUM_CUTS: usize = 100;

/// Cut points that can't make bands: none, too many, not finite, or not strictly ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCuts;

impl fmt::Display for BadCuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cut points have to be 1 to {MAXIMUM_CUTS} finite numbers, each greater than the one before it")
    }
}

impl std::error::Error for BadCuts {}

/// The band of each cell: `under 25`, `25 to under 45`, `45 and over` for the cuts 25 and 45. A
/// cut point belongs to the band above it. An empty cell stays empty, so it is missing.
pub fn bands<S: AsRef<str>>(cells: &[S], cuts: &[f64]) -> Result<Vec<String>, BadCuts> {
    let (Some(first), Some(last)) = (cuts.first(), cuts.last()) else {
        return Err(BadCuts);
    };
    let ascending = cuts.iter().zip(cuts.iter().skip(1)).all(|(a, b)| a < b);
    if !ascending || MAXIMUM_CUTS < cuts.len() || !cuts.iter().all(|cut| cut.is_finite()) {
        return Err(BadCuts);
    }
    let between = cuts.iter().zip(cuts.iter().skip(1)).map(|(low, high)| format!("{low} to under {high}"));
    let labels: Vec<String> =
        [format!("under {first}")].into_iter().chain(between).chain([format!("{last} and over")]).collect();
    let band = |cell: &S| match (cell.as_ref(), cell.as_ref().trim().parse::<f64>()) {
        ("", _) => String::new(),
        (_, Ok(value)) if value.is_finite() => {
            labels.get(cuts.partition_point(|cut| *cut <= value)).cloned().unwrap_or_default()
        }
        _ => NOT_A_NUMBER.to_owned(),
    };
    Ok(cells.iter().map(band).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_point_belongs_to_the_band_above_it() {
        let cells = ["24.9", "25", " 44 ", "45", "", "old", "NaN", "-1e3"];
        let want =
            ["under 25", "25 to under 45", "25 to under 45", "45 and over", "", NOT_A_NUMBER, NOT_A_NUMBER, "under 25"];
        assert_eq!(bands(&cells, &[25.0, 45.0]).expect("cuts"), want);
    }

    #[test]
    fn cut_points_that_make_no_bands_are_refused() {
        for cuts in [&[][..], &[2.0, 1.0], &[1.0, 1.0], &[f64::NAN], &[f64::INFINITY], &[0.5; 101]] {
            assert_eq!(bands(&["1"], cuts), Err(BadCuts), "{cuts:?}");
        }
    }
}
