use super::*;
use crate::{
    datasets::roles::Roles,
    frameworks::{
        facts::{DatasetFact, MeasuredFact},
        profile::tests::least,
        selector::MeasuredKind,
    },
    stats::{
        disparity::Against,
        fairness::{Outcomes, tabulate},
    },
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
    let measured =
        vec![MeasuredFact { kind: MeasuredKind::Bias, digest: "sha256:b".to_owned(), at, has_figures: true }];
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

/// What a profile may ask for, a run can answer: nothing that is in a table reads as not measured.
#[test]
fn every_metric_of_groups_that_a_rule_may_name_is_found_in_a_table_that_has_it() {
    let bias = crate::constraints::Dimension::Bias;
    let mut all = table("sex", &[("f", 100, 45), ("m", 100, 50)]);
    for name in bias.metrics().iter().filter_map(|m| m.group_figure().or(m.disparity().and_then(|d| d.figure()))) {
        for group in &mut all.groups {
            group.figures.insert(name, Figure::point(Some(0.5), group.n));
        }
    }
    all.compare(&Against::BetweenGroups);
    let known = facts(vec![all]);
    for metric in bias.metrics().iter().filter(|metric| metric.impact().is_none()) {
        let found = of(json!({"metric": metric, "limit": "none", "severity": "report"}), &known);
        assert!(found.iter().all(|r| r.verdict != MetricVerdict::NotMeasured), "{metric}: {}", found[0].why);
        let per_group = metric.disparity().is_none();
        assert_eq!(found.iter().filter(|r| r.group.is_some()).count(), if per_group { 2 } else { 0 }, "{metric}");
    }
}

#[test]
fn a_figure_that_no_group_has_is_not_measured() {
    let found = of(
        json!({"metric": "mae", "limit": "none", "severity": "report"}),
        &facts(vec![table("sex", &[("f", 100, 45), ("m", 100, 50)])]),
    );
    assert_eq!(found.iter().map(|r| r.verdict).collect::<Vec<_>>(), [MetricVerdict::NotMeasured]);
}

#[test]
fn of_several_tables_the_one_that_compares_all_groups_at_the_usual_size_is_shown() {
    let usual = || table("sex", &[("f", 100, 45), ("m", 100, 50)]);
    let sized = |size: u64| {
        let mut table = table("sex", &[("f", 100, 30), ("m", 100, 50)]);
        table.minimum_group_size = size;
        table
    };
    let (mut against, mut class) = (usual(), usual());
    against.against = Against::Overall;
    class.class = Some("1".to_owned());
    for (tables, wanted) in [
        (vec![sized(10), usual()], Some(0.9)),
        (vec![usual(), sized(50)], Some(0.9)),
        (vec![sized(50)], Some(0.6)),
        (vec![sized(10)], Some(0.6)),
        (vec![sized(9)], None),
        (vec![against.clone()], None),
        (vec![class.clone()], None),
        (vec![against, class, sized(12)], Some(0.6)),
    ] {
        let found = of(json!({}), &facts(tables));
        assert_eq!(found.len(), 1);
        let same = found[0].value.zip(wanted).is_none_or(|(a, b)| (a - b).abs() < 1e-12);
        assert!(same && found[0].value.is_some() == wanted.is_some(), "{wanted:?}: {}", found[0].why);
    }
}
