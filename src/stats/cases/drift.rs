//! Drift of the reference cases.

use super::{super::drift::*, Kind, Value, check, each, numbers, object};

const EXACT: f64 = 1e-9;

/// To 1e-9, and a p-value that is nearer to 0 than that also to a millionth of itself.
fn check_p(what: &str, got: f64, want: &Value) {
    check(what, Some(got), want, EXACT);
    let want = want.as_f64().expect("number");
    assert!(want < 1e-300 || (got / want - 1.0).abs() < 1e-6, "{what}: {got}, not {want}");
}

fn check_edges(what: &str, got: &[f64], want: &[Value]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(want) {
        check(what, Some(*got), want, EXACT);
    }
}

fn check_bins(what: &str, bins: &Bins, reference: &Sample, current: &Sample, want: &Value) {
    let (r, c) = (bins.histogram(reference), bins.histogram(current));
    assert_eq!(want["reference_counts"], serde_json::json!(r), "{what}");
    assert_eq!(want["current_counts"], serde_json::json!(c), "{what}");
    check(what, psi(&r, &c, ZeroRule::TenThousandth), &want["psi"], EXACT);
    for (base, key) in [(LogBase::Two, "js_distance_base2"), (LogBase::E, "js_distance_base_e")] {
        if !want[key].is_null() {
            check(what, jensen_shannon_distance(&r, &c, base), &want[key], EXACT);
        }
    }
}

fn check_numeric(what: &str, reference: &Sample, current: &Sample, want: &Value) {
    let got = kolmogorov_smirnov(reference, current);
    check(what, Some(got.statistic), &want["ks"]["statistic"], EXACT);
    // Of equal gaps the reference may name another one, by a rounding.
    let at = want["ks"]["location"].as_f64().expect("number");
    let share = |sample: &Sample| sample.at_most(at) as f64 / sample.n() as f64;
    check(what, Some((share(reference) - share(current)).abs()), &want["ks"]["statistic"], EXACT);
    assert!(got.location <= at, "{what}: {} after {at}", got.location);
    check_p(&format!("{what} asymptotic"), got.p_value_asymptotic, &want["ks"]["p_value_asymptotic"]);
    check_p(&format!("{what} exact"), got.p_value(), &want["ks"]["p_value_scipy_auto"]);
    let got = wasserstein(reference, current).expect("finite");
    check(what, Some(got.distance), &want["wasserstein"]["raw"], EXACT * got.distance.max(1.0));
    check(what, Some(got.normalised), &want["wasserstein"]["normalised_by_reference_std_ddof0"], EXACT);
    let deciles = Bins::deciles(reference);
    let want_bins = &want["psi_deciles_of_reference"];
    check_edges(what, deciles.inner_edges(), want_bins["inner_edges"].as_array().expect("edges"));
    check_bins(&format!("{what} deciles"), &deciles, reference, current, want_bins);
    let want = &want["psi_10_equal_width_of_reference"];
    let bins = Bins::equal_width(reference);
    let edges = want["edges"].as_array().expect("edges");
    check_edges(what, bins.inner_edges(), &edges[1..edges.len() - 1]);
    check_bins(&format!("{what} equal width"), &bins, reference, current, want);
}

/// The figures of Evidently and the bins of nannyml.
fn check_peers(what: &str, reference: &Sample, current: &Sample, expected: &Value) {
    let want = &expected["evidently"][what];
    let bins = Bins::sturges(reference, current);
    if let Some(edges) = want["numeric_bin_edges"].as_array() {
        check_edges(what, bins.inner_edges(), &edges[1..edges.len() - 1]);
    }
    let (r, c) = (bins.histogram(reference), bins.histogram(current));
    check(what, psi(&r, &c, ZeroRule::Smallest), &want["psi"]["score"], EXACT);
    check(what, jensen_shannon_distance(&r, &c, LogBase::E), &want["jensenshannon"]["score"], EXACT);
    let edges = expected["nannyml"][what]["js_bin_edges_doane_of_reference"].as_array().expect("edges");
    check_edges(what, Bins::doane(reference).inner_edges(), &edges[1..edges.len() - 1]);
}

fn check_test(what: &str, got: Option<ChiSquare>, want: &Value) {
    if want.is_null() {
        return assert_eq!(got, None, "{what}");
    }
    let got = got.expect("defined");
    check(what, Some(got.statistic), &want["statistic"], EXACT);
    if !want["dof"].is_null() {
        assert_eq!(want["dof"].as_u64(), Some(got.degrees_of_freedom), "{what}");
    }
    check_p(what, got.p_value, &want["p_value"]);
    if !want["min_expected"].is_null() {
        check(what, Some(got.minimum_expected), &want["min_expected"], EXACT);
    }
}

fn check_levels(what: &str, levels: &Levels, want: &Value, evidently: &Value) {
    assert_eq!(want["levels"], serde_json::json!(levels.levels), "{what}");
    assert_eq!(want["new_levels"], serde_json::json!(levels.new_levels().collect::<Vec<_>>()), "{what}");
    assert_eq!(want["vanished_levels"], serde_json::json!(levels.vanished_levels().collect::<Vec<_>>()), "{what}");
    let (r, c) = (&levels.reference, &levels.current);
    check_test(what, homogeneity(r, c), &want["chi2_homogeneity_2xk"]);
    check_test(what, yates_2x2(r, c), &want["chi2_homogeneity_2x2_yates"]);
    check_test(what, goodness_of_fit(r, c), &want["chi2_goodness_of_fit_reference_as_expected"]);
    check(what, psi(r, c, ZeroRule::TenThousandth), &want["psi"]["psi"], EXACT);
    check(what, jensen_shannon_distance(r, c, LogBase::Two), &want["js_distance_base2"], EXACT);
    check(what, jensen_shannon_distance(r, c, LogBase::E), &want["js_distance_base_e"], EXACT);
    check(what, psi(r, c, ZeroRule::Smallest), &evidently["psi"]["score"], EXACT);
}

fn sample(cells: &[String]) -> Sample {
    Sample::of(&numbers(cells)).expect("numbers")
}

#[test]
fn drift_cases_give_the_reference_figures() {
    each(Kind::Drift, &["features"], 4, |case| {
        let (reference, current) = (case.columns("reference.csv"), case.columns("current.csv"));
        for (column, want) in object(&case.expected["features"]) {
            let (r, c) = (&reference[column], &current[column]);
            let what = format!("{} {column}", case.name);
            if want["kind"] == "numeric" {
                check_numeric(&what, &sample(r), &sample(c), want);
                check_moments(&what, &sample(r), &want["moments"]["reference"]);
                check_moments(&what, &sample(c), &want["moments"]["current"]);
                check_peers(column, &sample(r), &sample(c), &case.expected);
            } else {
                let levels = Levels::of(r, c).expect("few levels");
                check_levels(&what, &levels, want, &case.expected["evidently"][column]);
            }
        }
    });
}

fn check_moments(what: &str, sample: &Sample, want: &Value) {
    let n = sample.n() as f64;
    for (key, want) in object(want) {
        let got = match key {
            "mean" => sample.mean(),
            "std_ddof0" => sample.population_std(),
            "std_ddof1" => sample.population_std() * (n / (n - 1.0)).sqrt(),
            "min" => sample.minimum(),
            "max" => sample.maximum(),
            "median" => sample.quantile(0.5),
            _ => panic!("{what}: no moment {key} here"),
        };
        check(&format!("{what} {key}"), Some(got), want, EXACT * got.abs().max(1.0));
    }
}
