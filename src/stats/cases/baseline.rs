//! Drift of the test rows against the bins of the training profile.

use super::{
    super::drift::{Bins, LogBase, Sample, ZeroRule, homogeneity, jensen_shannon_distance, psi},
    Case, Columns, Kind, LABELS, Value, check, check_count, counted, each, object,
};

/// One feature of the profile: its bins or levels, and the rows of each.
struct Profile {
    numeric: bool,
    inner_edges: Vec<f64>,
    levels: Vec<String>,
    counts: Vec<u64>,
}

fn profile(bins: &Columns, feature: &str) -> Profile {
    let rows: Vec<usize> = (0..bins["feature"].len()).filter(|row| bins["feature"][*row] == feature).collect();
    let cells = |column: &str| rows.iter().map(|row| bins[column][*row].clone()).collect::<Vec<_>>();
    let edges = cells("upper_inclusive");
    Profile {
        numeric: cells("kind").iter().all(|kind| kind == "numeric"),
        inner_edges: edges.iter().filter_map(|e| e.parse().ok()).filter(|e: &f64| e.is_finite()).collect(),
        levels: cells("level"),
        counts: cells("count").iter().map(|c| c.parse().expect("a count")).collect(),
    }
}

fn check_feature(what: &str, profile: &Profile, current: &[String], want: &Value) {
    let counts = if profile.numeric {
        let numbers: Vec<f64> = current.iter().filter_map(|cell| cell.parse().ok()).collect();
        let bins = Bins::at(profile.inner_edges.clone(), true).expect("ascending edges");
        bins.histogram(&Sample::of(&numbers).expect("numbers"))
    } else {
        let rows = |level: &String| current.iter().filter(|cell| *cell == level).count() as u64;
        profile.levels.iter().map(rows).collect()
    };
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        let test = || homogeneity(&profile.counts, &counts).expect("rows");
        match key {
            "kind" => assert_eq!(want == "numeric", profile.numeric, "{what}"),
            "current_counts" => {
                counted();
                assert_eq!(*want, serde_json::json!(counts), "{what}");
            }
            "psi" => check(&what, psi(&profile.counts, &counts, ZeroRule::TenThousandth), want, LABELS),
            "js_distance_base2" => {
                check(&what, jensen_shannon_distance(&profile.counts, &counts, LogBase::Two), want, LABELS);
            }
            "chi2_homogeneity" => check(&what, Some(test().statistic), want, LABELS),
            "chi2_dof" => check_count(&what, test().degrees_of_freedom, want),
            "chi2_p" => check(&what, Some(test().p_value), want, LABELS),
            "unseen_levels" => {
                for (level, want) in object(want) {
                    assert!(!profile.levels.iter().any(|l| l == level), "{what}");
                    check_count(&what, current.iter().filter(|cell| *cell == level).count() as u64, want);
                }
            }
            _ => panic!("{what}: no such figure here"),
        }
    }
}

fn check_case(case: &Case) {
    let (bins, test) = (case.columns("baseline_bins.csv"), case.columns("test.csv"));
    for (feature, want) in object(&case.expected["drift_test_vs_baseline_bins"]) {
        check_feature(&format!("{} {feature}", case.name), &profile(&bins, feature), &test[feature], want);
    }
}

#[test]
fn drift_against_a_profile_is_that_of_the_references() {
    for (kind, least) in [(Kind::Binary, 4), (Kind::Multiclass, 2), (Kind::Regression, 3)] {
        each(kind, &["drift_test_vs_baseline_bins", "baseline_bins.csv"], least, check_case);
    }
}
