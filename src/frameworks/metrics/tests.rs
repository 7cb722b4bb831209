use super::*;
use crate::{
    datasets::roles::Roles,
    frameworks::{
        facts::{DatasetFact, MeasuredFact},
        profile::tests::least,
        selector::MeasuredKind,
    },
    stats::fairness::{Outcomes, tabulate},
};
use serde_json::{Value, json};

/// A table of groups with these sizes and numbers selected; every row is right.
fn table(attribute: &str, groups: &[(&str, usize, usize)]) -> AttributeTable {
    let (mut cells, mut labels) = (Vec::new(), Vec::new());
    for (name, n, selected) in groups {
        cells.extend((0..*n).map(|_| (*name).to_owned()));
        labels.extend((0..*n).map(|i| if i < *selected { "1" } else { "0" }.to_owned()));
    }
    let outcomes = Outcomes::of_labels(&labels, &labels, Some("1")).expect("outcomes");
    tabulate(attribute, &[&cells], &outcomes, 30).expect("table")
}

fn facts(tables: Vec<AttributeTable>) -> Facts {
    let at = "2026-03-01T00:00:00Z".parse().expect("time");
    let dataset = DatasetFact {
        digest: "sha256:d".to_owned(),
        at,
        source: String::new(),
        sensitive: vec!["sex".to_owned(), "region".to_owned()],
        roles: Roles::default(),
    };
    let measured = vec![MeasuredFact { kind: MeasuredKind::Bias, digest: "sha256:b".to_owned(), at }];
    Facts { tables, measured, dataset: Some(dataset), ..Facts::default() }
}

fn of(change: Value, facts: &Facts) -> Vec<MetricResult> {
    let mut rule = json!({"id": "ratio", "title": "Ratio", "metric": "demographic_parity_ratio",
        "attribute": {"roles": ["sex"]}, "limit": {"at": {"operator": ">=", "value": 0.8}}, "citation": "Rule 2",
        "severity": "evidence_of_concern"});
    for (field, value) in change.as_object().expect("object") {
        rule[field] = value.clone();
    }
    let mut written = least();
    written["metric_rules"] = json!([rule]);
    results(&FrameworkProfile::parse(&written).expect("profile"), facts)
}

#[test]
fn the_four_answers_and_the_one_where_nothing_is() {
    let even = || table("sex", &[("f", 100, 45), ("m", 100, 50)]);
    let uneven = || table("sex", &[("f", 100, 30), ("m", 100, 50)]);
    let small = || table("sex", &[("f", 5, 1), ("m", 100, 50)]);
    let nobody = || table("sex", &[("f", 100, 0), ("m", 100, 0), ("x", 1, 1)]);
    let none = json!({"limit": "none", "severity": "report"});
    for (tables, change, verdict, value) in [
        (vec![even()], json!({}), MetricVerdict::Within, Some(0.9)),
        (vec![uneven()], json!({}), MetricVerdict::Outside, Some(0.6)),
        (vec![uneven()], none.clone(), MetricVerdict::NoPassMark, Some(0.6)),
        (vec![small()], json!({}), MetricVerdict::TooFew, None),
        (vec![small()], none.clone(), MetricVerdict::TooFew, None),
        // 0/0 is undefined, and neither equal treatment nor a breach.
        (vec![nobody()], json!({}), MetricVerdict::TooFew, None),
        (vec![even()], json!({"confidence": "interval"}), MetricVerdict::TooFew, Some(0.9)),
        (vec![table("region", &[("n", 100, 50), ("s", 100, 50)])], json!({}), MetricVerdict::NotMeasured, None),
    ] {
        let found = of(change, &facts(tables));
        assert_eq!(found.len(), 1);
        let (got, wanted) = (found[0].value, value);
        assert_eq!(found[0].verdict, verdict, "{}", found[0].why);
        assert!(got.zip(wanted).is_none_or(|(a, b)| (a - b).abs() < 1e-12) && got.is_some() == wanted.is_some());
    }
}

#[test]
fn outside_is_evidence_and_no_verdict() {
    let uneven = || facts(vec![table("sex", &[("f", 100, 30), ("m", 100, 50)])]);
    assert!(of(json!({}), &uneven())[0].why.contains("not a verdict"));
    assert!(!of(json!({"severity": "report"}), &uneven())[0].why.contains("not a verdict"));
}

#[test]
fn a_whole_interval_can_be_inside_and_outside() {
    let ask = || json!({"confidence": "interval"});
    let far = facts(vec![table("sex", &[("f", 5000, 1000), ("m", 5000, 2500)])]);
    assert_eq!(of(ask(), &far)[0].verdict, MetricVerdict::Outside);
    let near = facts(vec![table("sex", &[("f", 5000, 2490), ("m", 5000, 2500)])]);
    assert_eq!(of(ask(), &near)[0].verdict, MetricVerdict::Within);
    assert!(near.tables[0].disparities.iter().any(|d| d.interval.is_some()));
}

#[test]
fn a_rate_has_a_result_per_group_and_a_small_group_none() {
    let groups = facts(vec![table("sex", &[("f", 100, 30), ("m", 100, 50), ("x", 3, 1)])]);
    let found = of(json!({"metric": "selection_rate", "limit": "none", "severity": "report"}), &groups);
    let said: Vec<_> = found.iter().map(|r| (r.group.as_deref(), r.verdict, r.value)).collect();
    assert_eq!(
        said,
        [
            (Some("f"), MetricVerdict::NoPassMark, Some(0.3)),
            (Some("m"), MetricVerdict::NoPassMark, Some(0.5)),
            (Some("x"), MetricVerdict::TooFew, None),
        ]
    );
}

#[test]
fn every_attribute_means_those_that_nobody_measured_too() {
    let half = facts(vec![table("sex", &[("f", 100, 45), ("m", 100, 50)])]);
    let found = of(json!({"attribute": "every"}), &half);
    let said: Vec<_> = found.iter().map(|r| (r.attribute.as_deref(), r.verdict)).collect();
    assert_eq!(said, [(Some("sex"), MetricVerdict::Within), (Some("region"), MetricVerdict::NotMeasured)]);
}

#[test]
fn without_a_run_it_says_so() {
    let found = of(
        json!({"metric": "accuracy", "attribute": "overall", "limit": "none", "severity": "report"}),
        &Facts::default(),
    );
    assert_eq!(found[0].verdict, MetricVerdict::NotMeasured);
    assert!(found[0].why.contains("no finished run"), "{}", found[0].why);
}
