use super::{
    super::spec::{BiasRequest, Bootstrap},
    *,
};

fn texts(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|c| (*c).to_owned()).collect()
}

fn request(attribute: &str) -> BiasRequest {
    BiasRequest { minimum_group_size: 1, ..BiasRequest::of(attribute) }
}

fn measured(positive_label: Option<&str>, scores: Option<&[f64]>) -> Measured {
    let (labels, truth) = (texts(&["1", "0", "1", "0"]), texts(&["1", "0", "0", "1"]));
    let sensitive =
        [("sex".to_owned(), texts(&["f", "f", "m", "m"])), ("age".to_owned(), texts(&["", "old", "old", "old"]))];
    let mut measured = Measured::default();
    let attributes = Attributes { columns: &sensitive, unknown: &[] };
    let requests = [request("sex"), request("sex*age"), request("race")];
    measured.add_classification(
        &Predictions { labels: &labels, truth: &truth, scores, positive_label, attributes },
        &Grouping { requests: &requests, plan: Bootstrap::default().plan(), exclusions: &BTreeMap::new() },
    );
    measured
}

#[test]
fn a_classifier_fills_quality_and_tables() {
    let got = measured(Some("1"), Some(&[0.9, 0.2, 0.6, 0.4]));
    assert_eq!(got.figures[&Metric::Accuracy].value, Some(0.5));
    assert_eq!(got.figures[&Metric::Auc].value, Some(0.75));
    let names: Vec<&str> = got.bias.iter().map(|t| t.attribute.as_str()).collect();
    assert_eq!(names, ["sex", "sex*age"]);
    assert_eq!(got.bias[1].groups[0].group, "f & (missing)");
    assert_eq!(got.absent.keys().collect::<Vec<_>>(), ["race"]);
    let json = serde_json::to_string(&got).expect("json");
    let again: Measured = serde_json::from_str(&json).expect("round trip");
    assert!(again.figures.keys().eq(got.figures.keys()));
    assert_eq!((again.bias.len(), again.absent), (2, got.absent));
}

#[test]
fn what_cannot_be_computed_is_absent_with_a_reason() {
    let got = measured(Some("1"), Some(&[0.9, f64::NAN, 0.6, 0.4]));
    assert!(got.absent["auc"].contains("1 of 4"), "{:?}", got.absent);
    assert!(!got.figures.contains_key(&Metric::Brier));
    let got = measured(None, None);
    assert!(got.absent.contains_key("tpr") && got.absent.contains_key("auc"));
    assert_eq!(got.figures[&Metric::MacroF1].value, Some(0.5));
    let got = measured(Some("yes"), None);
    assert!(got.figures.is_empty() && got.bias.is_empty());
    for what in ["accuracy", "f1", "ece", "sex", "race"] {
        assert!(got.absent[what].contains("`yes`"), "{what}");
    }
}

#[test]
fn in_the_table_of_one_class_every_rate_comes_from_the_same_counts() {
    let (labels, truth) = (texts(&["a", "b", "c", "a"]), texts(&["a", "c", "b", "c"]));
    let sensitive = [("sex".to_owned(), texts(&["f", "f", "m", "m"]))];
    let attributes = Attributes { columns: &sensitive, unknown: &[] };
    let requests = [request("sex"), BiasRequest { class: Some("a".to_owned()), ..request("sex") }];
    let mut measured = Measured::default();
    measured.add_classification(
        &Predictions { labels: &labels, truth: &truth, scores: None, positive_label: None, attributes },
        &Grouping { requests: &requests, plan: Bootstrap::default().plan(), exclusions: &BTreeMap::new() },
    );
    let accuracies: Vec<Vec<u64>> =
        measured.bias.iter().map(|t| t.groups.iter().filter_map(|g| Some(g.accuracy?.count)).collect()).collect();
    // Right over all three classes, and right about being an "a".
    assert_eq!(accuracies, [[1, 0], [2, 1]]);
    for group in &measured.bias[1].groups {
        let counts = group.counts.expect("counts").confusion;
        assert_eq!(group.accuracy.map(|rate| rate.count), Some(counts.tp + counts.tn));
    }
}

#[test]
fn throughput_counts_rows_and_needs_time() {
    let load = Load { batch: 8, ..Load::default() };
    let mut got = Measured::default();
    got.add_run(load, &[1_000_000; 50], 2.0);
    got.add_run(load, &[1_000_000; 50], 0.0);
    got.add_run(load, &[], 1.0);
    let figures: Vec<Figure> = got.runs.iter().map(LoadRun::throughput).collect();
    assert_eq!((figures[0].value, figures[0].n), (Some(200.0), 50));
    assert_eq!((figures[1].value, figures[2].value), (None, None));
}
