//! Whether columns and data sets have drifted, as Evidently and alibi-detect decide by default.

use super::{super::drift::*, Case, Columns, Kind, LABELS, Value, check, counted, each, numbers, object};

/// The column of that name, by the kind that the case gives it.
fn column(case: &Case, reference: &Columns, current: &Columns, name: &str) -> Column {
    let (r, c) = (&reference[name], &current[name]);
    if case.expected["features"][name]["kind"] == "numeric" {
        let of = |cells: &[String]| Sample::of(&numbers(cells)).expect("numbers");
        return Column::Numbers { reference: of(r), current: of(c) };
    }
    Column::Levels(Levels::of(r, c).expect("few levels"))
}

fn name(test: DriftTest) -> &'static str {
    match test {
        DriftTest::Wasserstein => "wasserstein",
        DriftTest::JensenShannon => "jensenshannon",
        DriftTest::KolmogorovSmirnov => "ks",
        DriftTest::ChiSquare => "chisquare",
        DriftTest::Z => "z",
    }
}

#[test]
fn default_decisions_are_those_of_evidently() {
    each(Kind::Drift, &["evidently_default_method_and_decision"], 4, |case| {
        let (reference, current) = (case.columns("reference.csv"), case.columns("current.csv"));
        let mut decisions = Vec::new();
        for (feature, want) in object(&case.expected["evidently_default_method_and_decision"]) {
            let what = format!("{} {feature}", case.name);
            let got = default_choice(&column(case, &reference, &current, feature)).expect("a decision");
            assert_eq!(want["method"], name(got.test), "{what}");
            check(&what, Some(got.score), &want["score"], LABELS);
            check(&what, Some(got.threshold), &want["threshold"], 0.0);
            assert_eq!(want["drifted"], got.drifted, "{what}");
            decisions.push(got);
        }
        let (got, want) = (data_set(&decisions).expect("columns"), &case.expected["evidently_dataset_drift"]);
        check(&case.name, Some(got.share), &want["share"], LABELS);
        check(&case.name, Some(got.threshold), &want["threshold"], 0.0);
        assert_eq!(want["drift"], got.drifted, "{}", case.name);
    });
}

/// p-values and distances there are float32.
const FLOAT32: f64 = 1e-6;

fn relative(want: &Value) -> f64 {
    FLOAT32 * want.as_f64().map_or(1.0, |want| want.abs().max(1.0))
}

/// Statistic and p-value of one feature, as alibi-detect takes them: Kolmogorov-Smirnov without
/// the exact p-value, chi-square with Yates' correction for two levels.
fn tested(column: &Column) -> (f64, f64) {
    match column {
        Column::Numbers { reference, current } => {
            let test = kolmogorov_smirnov(reference, current);
            (test.statistic, test.p_value_asymptotic)
        }
        Column::Levels(levels) => {
            let (r, c) = (&levels.reference, &levels.current);
            let test = yates_2x2(r, c).or_else(|| homogeneity(r, c)).expect("rows");
            (test.statistic, test.p_value)
        }
    }
}

#[test]
fn corrected_decisions_are_those_of_alibi_detect() {
    each(Kind::Drift, &["alibi_detect"], 4, |case| {
        let (reference, current) = (case.columns("reference.csv"), case.columns("current.csv"));
        let want = &case.expected["alibi_detect"];
        for test in ["KSDrift", "ChiSquareDrift"] {
            let what = format!("{} {test}", case.name);
            let bonferroni_want = &want[format!("{test}_bonferroni")];
            let features = bonferroni_want["features"].as_array().expect("features");
            let tests: Vec<(f64, f64)> = features
                .iter()
                .map(|feature| tested(&column(case, &reference, &current, feature.as_str().expect("a name"))))
                .collect();
            for (at, (statistic, p_value)) in tests.iter().enumerate() {
                let want = &bonferroni_want["distance"][at];
                check(&what, Some(*statistic), want, relative(want));
                check(&what, Some(*p_value), &bonferroni_want["p_val"][at], FLOAT32);
            }
            let p_values: Vec<f64> = tests.iter().map(|test| test.1).collect();
            let got = bonferroni(&p_values, 0.05).expect("features");
            check(&what, Some(got.threshold), &bonferroni_want["threshold"], LABELS);
            check(&what, Some(f64::from(u8::from(got.drifted))), &bonferroni_want["is_drift"], 0.0);
            let want = &want[format!("{test}_fdr")];
            if want.is_object() {
                check_rate_of_false_discoveries(&what, &p_values, want);
            }
        }
    });
}

/// Without a discovery alibi-detect lists the limits of all ranks.
fn check_rate_of_false_discoveries(what: &str, p_values: &[f64], want: &Value) {
    let got = benjamini_hochberg(p_values, 0.05).expect("features");
    counted();
    check(what, Some(f64::from(u8::from(got.drifted))), &want["is_drift"], 0.0);
    check(what, Some(got.threshold), &want["threshold"][0], LABELS);
}
