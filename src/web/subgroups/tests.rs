use super::*;
use crate::{
    constraints::{Dimension, Metric, Operator, Severity, Unit},
    stats::{
        breakdown::{Budget, Comparisons, Question, Rows, break_down},
        fairness::{Outcomes, TableError},
        impact::Exclusion,
    },
    validation::evidence::Basis,
};
use std::collections::BTreeMap;

const PLAN: Plan = Plan { resamples: 200, seed: 7, scheme: Scheme::StratifiedByGroup };

/// Group, rows, and how many of them are selected; every second row is a positive.
fn table(attribute: &str, groups: &[(String, usize, usize)], exclusions: &[Exclusion]) -> AttributeTable {
    let (mut cells, mut truth, mut labels, mut scores) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (group, rows, selected) in groups {
        for row in 0..*rows {
            cells.push(group.clone());
            truth.push(if row % 2 == 0 { "1" } else { "0" });
            labels.push(if row < *selected { "1" } else { "0" });
            scores.push(if row < *selected { 0.8 } else { 0.3 });
        }
    }
    let outcomes = Outcomes::of_labels(&labels, &truth, Some("1")).expect("rows");
    let rows = Rows { outcomes: Some(&outcomes), labels: None, scores: Some(&scores), numbers: None };
    made(attribute, &cells, rows, exclusions).expect("a table")
}

fn made(attribute: &str, cells: &[String], rows: Rows, exclusions: &[Exclusion]) -> Result<AttributeTable, TableError> {
    let against = Against::BetweenGroups;
    let question = Question {
        attribute,
        class: None,
        against: &against,
        minimum_group_size: 30,
        plan: PLAN,
        budget: Budget::OF_ALL_TABLES,
        unknown: &[],
        exclusions,
    };
    break_down(&question, &[cells], rows, cells.len())
}

fn groups(all: &[(&str, usize, usize)]) -> Vec<(String, usize, usize)> {
    all.iter().map(|(group, rows, selected)| ((*group).to_owned(), *rows, *selected)).collect()
}

fn body(tables: Vec<AttributeTable>) -> BiasBody {
    let nothing = String::new();
    BiasBody {
        basis: Basis { version: nothing.clone(), dataset: nothing.clone(), constraints: nothing.clone(), rows: 0 },
        comparisons: Comparisons::of(&tables),
        tables,
        absent: BTreeMap::new(),
        method: nothing,
    }
}

fn verdict(metric: Metric, attribute: &str, limit: f64, verdict: Verdict) -> ConstraintVerdict {
    ConstraintVerdict {
        constraint: "c".to_owned(),
        dimension: Dimension::Bias,
        metric,
        statistic: None,
        attribute: Some(attribute.to_owned()),
        operator: Operator::AtLeast,
        limit,
        unit: Unit::One,
        severity: Severity::Block,
        owner: "mara".to_owned(),
        verdict,
        measured: None,
        interval: None,
        samples: None,
        margin: None,
        reason: "because".to_owned(),
        method: String::new(),
        reported: None,
    }
}

#[test]
fn a_small_group_says_so_everywhere_and_has_no_figure() {
    let table = table("sex", &groups(&[("a", 100, 60), ("b", 80, 20), ("tiny", 4, 4)]), &[]);
    let page = of(&body(vec![table]), &[], "");
    let sex = &page.tables[0];
    assert!(sex.small.starts_with("1 of 3 groups has fewer than 30 rows") && sex.small.ends_with("tiny (4)"));
    assert!(!sex.grids.is_empty());
    for grid in &sex.grids {
        let row = grid.rows.iter().find(|row| row.group == "tiny").expect("listed");
        assert!(row.too_small && row.cells.iter().all(Option::is_none), "{}", grid.title);
        assert!(grid.rows.last().is_some_and(|all| all.is_all && all.n == "184"), "{}", grid.title);
    }
    let drawn = &sex.chart.as_ref().expect("a drawing").rows;
    assert!(drawn.iter().any(|row| row.label == "tiny" && row.too_small && row.dot.is_none()));
    // The law asks for the rate of every category; that it is small stands beside it.
    let listed = &sex.impact.as_ref().expect("impact").forms[0].rows;
    assert!(listed.iter().any(|row| row.name == "tiny" && row.standing.contains("too few to tell")));
}

#[test]
fn groups_that_are_all_small_are_still_listed() {
    let cells = vec!["a".to_owned(), "b".to_owned()];
    let rows = Rows { outcomes: None, labels: None, scores: None, numbers: None };
    let table = made("sex", &cells, rows, &[]).expect("a table");
    let page = of(&body(vec![table]), &[], "");
    assert_eq!(
        page.tables[0].grids.iter().map(|grid| (grid.title, grid.rows.len())).collect::<Vec<_>>(),
        [("Rows", 2)]
    );
    assert!(page.tables[0].chart.is_none());
}

#[test]
fn what_a_limit_is_about_comes_first_and_only_it_has_a_tone() {
    let table = table("sex", &groups(&[("a", 100, 60), ("b", 80, 20)]), &[]);
    let limit = verdict(Metric::AccuracyRatio, "sex", 0.9, Verdict::Pass);
    let page = of(&body(vec![table]), &[limit], "");
    let sex = &page.tables[0];
    assert_eq!(sex.disparities.first[0].name, "accuracy ratio");
    assert_eq!(
        (sex.disparities.first[0].limits[0].tone, sex.disparities.first[0].limits[0].limit.as_str()),
        ("good", "at least 0.9")
    );
    let others = sex.disparities.first.iter().skip(1).chain(&sex.disparities.rest);
    assert!(others.into_iter().all(|row| row.limits.is_empty() && row.edge.is_empty()));
    let parity = sex.disparities.first.iter().find(|row| row.name == "demographic parity difference").expect("usual");
    assert_eq!((parity.method.as_str(), parity.highest.as_str(), parity.lowest.as_str()), ("Newcombe", "a", "b"));
    let ratio = sex.disparities.first.iter().find(|row| row.name == "demographic parity ratio").expect("usual");
    assert_eq!(ratio.method, "bootstrap, widened, 200 resamples");
    assert_eq!(page.bootstrap, "200 resamples within each group, seed 7");
    assert_eq!(sex.chart.as_ref().map(|chart| (chart.what, chart.limit.is_none())), Some(("Accuracy", true)));
}

#[test]
fn intersections_are_folded_and_open_only_when_a_limit_is_not_kept() {
    let rows = groups(&[("a & x", 100, 60), ("b & y", 80, 20)]);
    let tables = || vec![table("sex*region", &rows, &[]), table("sex", &rows, &[])];
    for (found, open) in [(Verdict::Pass, false), (Verdict::Fail, true), (Verdict::Inconclusive, true)] {
        let limit = verdict(Metric::SelectionRate, "sex*region", 0.1, found);
        let page = of(&body(tables()), &[limit], "");
        let shapes: Vec<_> = page.tables.iter().map(|t| (t.title.as_str(), t.folded, t.open)).collect();
        assert_eq!(shapes, [("sex", false, false), ("sex × region", true, open)], "{found}");
        let ids: Vec<&str> = page.tables.iter().map(|t| t.id.as_str()).collect();
        assert_eq!(ids, ["groups-1", "groups-0"]);
        let crossed = page.tables[1].chart.as_ref().expect("a drawing");
        assert_eq!(crossed.limit.as_ref().map(|limit| limit.shown.as_str()), Some("10.0 %"));
    }
}

#[test]
fn of_many_groups_the_worst_are_shown_and_the_rest_counted() {
    let many: Vec<_> = (0..60)
        .map(|i| (format!("g{i:02}"), if i < 50 { 100 } else { 2 }, i.min(2 * i)))
        .map(|(g, n, s)| (g, n, s.min(n)))
        .collect();
    let table = table("town", &many, &[]);
    let limit = verdict(Metric::SelectionRate, "town", 0.3, Verdict::Fail);
    let page = of(&body(vec![table.clone()]), &[limit], "");
    let town = &page.tables[0];
    assert_eq!((town.left_out, town.left_out_small), (20, 10));
    let shown: Vec<&str> = town.grids[0].rows.iter().map(|row| row.group.as_str()).collect();
    assert_eq!((shown.len(), shown[0], shown[39], shown[40]), (41, "g00", "g39", "All rows"));
    let impact = &town.impact.as_ref().expect("impact").forms[0];
    assert_eq!((impact.rows.len(), impact.left_out), (40, 20));
    let page = of(&body(vec![table; 9]), &[], "");
    assert_eq!((page.tables.len(), page.left_out), (4, 5));
}

#[test]
fn an_impact_ratio_has_its_standing_and_no_pass_mark() {
    let exclusion = Exclusion { category: "few".to_owned(), justification: "no comparison with 3".to_owned() };
    let rows = groups(&[("", 10, 5), ("a", 1600, 960), ("b", 1600, 480), ("few", 40, 40), ("tiny", 3, 3)]);
    let table = table("sex", &rows, &[exclusion]);
    let page = of(&body(vec![table]), &[], "");
    let impact = page.tables[0].impact.as_ref().expect("impact");
    assert!(impact.notes[0].contains("no pass mark"));
    assert!(impact.notes.iter().any(|note| note.starts_with("10 of 3,253 rows have an unknown category")));
    assert_eq!(
        impact.forms.iter().map(|f| (f.rate_name, f.tested)).collect::<Vec<_>>(),
        [("Selection rate", true), ("Scoring rate", false)]
    );
    let row = |name: &str| impact.forms[0].rows.iter().find(|row| row.name == name).expect("listed");
    assert_eq!((row("a").ratio.as_str(), row("a").standing.as_str()), ("1.000", "highest rate"));
    assert_eq!((row("b").ratio.as_str(), row("b").below, row("b").p_value.is_empty()), ("0.500", "yes", false));
    assert!(row("few").standing.contains("left out: no comparison with 3") && row("few").ratio == "none");
    assert!(row("tiny").standing.contains("too few to tell") && row("tiny").rate.is_none());
    assert!(row("(missing)").standing.starts_with("unknown: counted, not compared"));
}

#[test]
fn a_predicted_number_is_drawn_on_its_own_scale() {
    let cells: Vec<String> = (0..80).map(|i| if i % 2 == 0 { "x" } else { "y" }.to_owned()).collect();
    let truth: Vec<f64> = (0..80).map(|i| f64::from(i) * 1000.0).collect();
    let predicted: Vec<f64> =
        truth.iter().enumerate().map(|(i, t)| t + if i % 2 == 0 { 100.0 } else { -3000.0 } + (i % 7) as f64).collect();
    let rows = Rows { outcomes: None, labels: None, scores: None, numbers: Some((&predicted, &truth)) };
    let table = made("g", &cells, rows, &[]).expect("a table");
    let page = of(&body(vec![table]), &[], "");
    let found = &page.tables[0];
    assert_eq!(found.grids.iter().map(|grid| grid.title).collect::<Vec<_>>(), ["Errors of the predicted number"]);
    let chart = found.chart.as_ref().expect("a drawing");
    assert_eq!((chart.what, chart.rows.len()), ("Mean absolute error", 2));
    assert!(chart.overall.is_some() && chart.ticks.iter().any(|(_, label)| label == "1000"), "{:?}", chart.ticks);
    assert!(found.impact.is_none());
    assert_eq!(found.disparities.first[0].name, "MAE difference");
}

#[test]
fn tables_of_one_attribute_get_only_the_verdicts_that_measured_them() {
    let near = table("sex", &groups(&[("a", 100, 60), ("b", 100, 50)]), &[]);
    let far = table("sex", &groups(&[("a", 100, 60), ("b", 100, 30)]), &[]);
    let metric = Metric::DemographicParityDifference;
    let mut limit = verdict(metric, "sex", 0.2, Verdict::Fail);
    limit.measured = far.disparity(metric.disparity().expect("one")).and_then(|d| d.value);
    let page = of(&body(vec![near, far]), &[limit], "");
    assert_eq!(page.tables.iter().map(|t| t.verdicts.len()).collect::<Vec<_>>(), [0, 1]);
}
