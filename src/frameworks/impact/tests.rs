use super::*;
use crate::stats::breakdown::ImpactRatios;
use crate::{
    constraints::Metric,
    frameworks::{
        facts::{DatasetFact, Facts},
        metrics::results,
        profile::{FrameworkProfile, tests::least},
    },
    stats::{
        fairness::{Outcomes, tabulate},
        impact::{Exclusion, count, four_fifths, local_law_144},
    },
};
use serde_json::{Value, json};

/// A table with these categories: name, rows, selected. An empty name is unknown.
fn table(attribute: &str, categories: &[(&str, usize, usize)], exclusions: &[Exclusion]) -> AttributeTable {
    let (mut cells, mut labels) = (Vec::new(), Vec::new());
    for (name, n, selected) in categories {
        cells.extend((0..*n).map(|_| (*name).to_owned()));
        labels.extend((0..*n).map(|i| if i < *selected { "1" } else { "0" }.to_owned()));
    }
    let truth = vec!["1".to_owned(); labels.len()];
    let outcomes = Outcomes::of_labels(&labels, &truth, Some("1")).expect("outcomes");
    let columns: Vec<&[String]> = attribute.split('*').map(|_| cells.as_slice()).collect();
    let selected: Vec<bool> = labels.iter().map(|label| label == "1").collect();
    let counted = count(attribute, &columns, &selected, &[]).expect("categories");
    let mut table = tabulate(attribute, &columns, &outcomes, 30).expect("table");
    table.impact = Some(ImpactRatios {
        selection: local_law_144(&counted, None, exclusions).expect("allowed"),
        scoring: None,
        four_fifths: four_fifths(&counted),
        too_small: Vec::new(),
        refused_exclusions: Vec::new(),
    });
    table
}

fn of(change: Value, tables: Vec<AttributeTable>) -> Vec<MetricResult> {
    let mut rule = json!({"id": "ratio", "title": "Ratio", "metric": "impact_ratio", "attribute": {"roles": ["sex"]},
        "limit": "none", "citation": "Rule 2", "severity": "report"});
    for (field, value) in change.as_object().expect("object") {
        rule[field] = value.clone();
    }
    let mut written = least();
    written["metric_rules"] = json!([rule]);
    let at = "2026-03-01T00:00:00Z".parse().expect("time");
    let dataset = DatasetFact {
        digest: "sha256:d".to_owned(),
        at,
        source: String::new(),
        sensitive: vec!["g".to_owned()],
        roles: serde_json::from_value(json!({"sex": "g"})).expect("roles"),
    };
    let facts = Facts { tables, dataset: Some(dataset), ..Facts::default() };
    results(&FrameworkProfile::parse(&written).expect("profile"), &facts)
}

fn fifths() -> Value {
    json!({"limit": {"at": {"operator": ">=", "value": 0.8}}, "severity": "evidence_of_concern"})
}

fn said(found: &MetricResult) -> Vec<(&str, Option<f64>, MetricVerdict)> {
    let rows = &found.impact.as_ref().expect("analysis").categories;
    rows.iter().map(|row| (row.category.as_str(), row.impact_ratio, row.verdict)).collect()
}

#[test]
fn a_law_without_a_pass_mark_lists_every_category_and_judges_none() {
    use MetricVerdict::{NoPassMark, NotApplicable};
    let left_out = Exclusion { category: "x".to_owned(), justification: "one applicant".to_owned() };
    let found =
        of(json!({}), vec![table("g", &[("f", 100, 30), ("m", 100, 50), ("x", 1, 1), ("", 7, 7)], &[left_out])]);
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        said(found),
        [
            ("(missing)", None, NotApplicable),
            ("f", Some(0.6), NoPassMark),
            ("m", Some(1.0), NoPassMark),
            ("x", None, NotApplicable),
        ]
    );
    assert_eq!((found.verdict, found.value, found.group.as_deref()), (NoPassMark, Some(0.6), Some("f")));
    let analysis = found.impact.as_ref().expect("analysis");
    assert_eq!((analysis.n, analysis.unknown, analysis.highest_category.as_deref()), (208, 7, Some("m")));
    assert!(analysis.categories[3].why.contains("one applicant") && analysis.categories[3].rate.is_some());
    let row = serde_json::to_value(&analysis.categories[3]).expect("json");
    assert_eq!((&row["standing"], &row["justification"]), (&json!("excluded"), &json!("one applicant")));
}

#[test]
fn below_four_fifths_is_evidence_with_its_p_value_and_an_exclusion_does_not_hide_it() {
    use MetricVerdict::{NotApplicable, Outside, TooFew, Within};
    let left_out = Exclusion { category: "x".to_owned(), justification: "few".to_owned() };
    let all = [("f", 1000, 300), ("m", 1000, 500), ("n", 1000, 400), ("x", 10, 1)];
    let found = &of(fifths(), vec![table("g", &all, &[left_out])])[0];
    let rows = said(found);
    assert_eq!(rows.iter().map(|row| row.2).collect::<Vec<_>>(), [Outside, NotApplicable, Within, TooFew]);
    assert!(rows[3].1.is_some(), "it is compared: {rows:?}");
    assert_eq!((found.verdict, found.value, found.n), (Outside, Some(0.6), Some(3010)));
    assert!(found.why.contains("not a verdict") && found.why.contains("too small"), "{}", found.why);
    let p = |i: usize| found.impact.as_ref().and_then(|all| all.categories[i].fisher_exact_p_value);
    assert!(p(0).expect("p") < 1e-15 && p(1).is_none() && p(2).expect("p") < 1e-4);
}

#[test]
fn where_nothing_can_be_compared_there_is_no_ratio() {
    for categories in [vec![("f", 100, 0), ("m", 100, 0)], vec![("f", 100, 40)], vec![("f", 100, 40), ("", 90, 1)]] {
        for rule in [json!({}), fifths()] {
            let found = &of(rule, vec![table("g", &categories, &[])])[0];
            assert_eq!((found.verdict, found.value), (MetricVerdict::NotApplicable, None), "{categories:?}");
            assert!(found.why.starts_with("not applicable"), "{}", found.why);
            assert!(said(found).iter().all(|row| row.1.is_none() && row.2 == MetricVerdict::NotApplicable));
        }
    }
}

#[test]
fn small_categories_alone_are_too_few_and_exactly_four_fifths_holds() {
    let small = &of(fifths(), vec![table("g", &[("f", 5, 1), ("m", 100, 50)], &[])])[0];
    assert_eq!(small.verdict, MetricVerdict::TooFew);
    let edge = &of(fifths(), vec![table("g", &[("f", 50, 24), ("m", 50, 30)], &[])])[0];
    assert_eq!((edge.verdict, edge.value), (MetricVerdict::Within, Some(0.8)), "{}", edge.why);
}

#[test]
fn one_attribute_has_one_analysis_and_a_form_that_was_not_made_says_so() {
    let twice =
        || vec![table("g", &[("f", 50, 24), ("m", 50, 30)], &[]), table("g", &[("f", 50, 24), ("m", 50, 30)], &[])];
    assert_eq!(of(json!({}), twice()).len(), 1);
    let scores = &of(json!({"metric": Metric::ScoringImpactRatio}), twice())[0];
    assert_eq!(scores.verdict, MetricVerdict::NotMeasured);
    assert!(scores.why.contains("scores"), "{}", scores.why);
}
