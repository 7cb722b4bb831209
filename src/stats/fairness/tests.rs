use super::{outcomes::Outcome, *};
use proptest::prelude::*;

type Row = (bool, bool, u8);

fn outcomes(rows: &[Row]) -> Outcomes {
    Outcomes {
        rows: rows
            .iter()
            .map(|(positive, selected, _)| Outcome {
                correct: positive == selected,
                positive: *positive,
                selected: *selected,
            })
            .collect(),
        has_positive_label: true,
    }
}

fn table(rows: &[Row], name: impl Fn(u8) -> String, minimum: u64) -> AttributeTable {
    let cells: Vec<String> = rows.iter().map(|r| name(r.2)).collect();
    tabulate("group", &[&cells], &outcomes(rows), minimum).expect("a table")
}

#[test]
fn groups_are_byte_exact_and_a_missing_cell_is_a_group() {
    let cells = ["Male", "male", " Male", "", "male"];
    let outcomes = outcomes(&[(true, true, 0); 5]);
    let got = tabulate("sex", &[&cells], &outcomes, 1).expect("a table");
    let names: Vec<&str> = got.groups.iter().map(|g| g.group.as_str()).collect();
    assert_eq!(names, [" Male", "(missing)", "Male", "male"]);
    assert_eq!(got.groups[3].n, 2);
}

#[test]
fn a_group_below_the_minimum_has_a_count_and_nothing_else() {
    let rows = [(true, true, 0), (true, false, 0), (false, true, 0), (true, true, 1)];
    let got = table(&rows, |g| g.to_string(), 2);
    let small = &got.groups[1];
    assert!(small.too_small && small.n == 1 && small.counts.is_none());
    for name in [RateName::SelectionRate, RateName::Accuracy, RateName::Tpr, RateName::Precision] {
        assert_eq!(small.rate(name), None);
        assert!(got.groups[0].rate(name).is_some());
    }
    assert_eq!(got.usable().count(), 1);
    let json = serde_json::to_value(small).expect("json");
    assert_eq!((&json["n"], &json["counts"]), (&1.into(), &serde_json::Value::Null));
}

#[test]
fn an_intersection_is_keyed_by_its_cells() {
    let (a, b) = (["x&y", "x", "x"], ["z", "y&z", ""]);
    let outcomes = outcomes(&[(true, true, 0); 3]);
    let got = tabulate("a*b", &[&a, &b], &outcomes, 1).expect("a table");
    let names: Vec<&str> = got.groups.iter().map(|g| g.group.as_str()).collect();
    assert_eq!(names, ["x & (missing)", "x & y&z", "x&y & z"]);
}

#[test]
fn without_a_positive_label_only_accuracy_is_defined() {
    let outcomes = Outcomes::of_labels(&["a", "b", "c"], &["a", "b", "b"], None).expect("rows");
    let got = tabulate("g", &[&["x", "x", "x"]], &outcomes, 1).expect("a table");
    assert_eq!(got.groups[0].accuracy.map(|r| r.count), Some(2));
    assert_eq!(got.groups[0].selection_rate, None);
    assert_eq!(outcomes.confusion(), None);
}

#[test]
fn what_cannot_be_a_table_is_refused_with_a_reason() {
    let labels = ["1", "0"];
    assert_eq!(
        Outcomes::of_labels(&labels, &labels, Some("yes")),
        Err(TableError::PositiveLabelAbsent("yes".to_owned()))
    );
    assert!(Outcomes::of_labels(&labels, &labels[..1], Some("1")).is_err());
    let rows = vec![(true, true, 0); MAXIMUM_GROUPS + 1];
    let ids: Vec<String> = (0..rows.len()).map(|i| i.to_string()).collect();
    let refused = tabulate("id", &[&ids], &outcomes(&rows), 1).expect_err("too many");
    assert!(refused.to_string().contains("bands"), "{refused}");
    let long = ["x".repeat(MAXIMUM_LABEL_BYTES + 1)];
    assert!(tabulate("note", &[&long], &outcomes(&rows[..1]), 1).is_err());
    assert!(tabulate("short", &[&ids], &outcomes(&rows[..1]), 1).is_err());
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((any::<bool>(), any::<bool>(), 0u8..4), 1..120)
}

proptest! {
    #[test]
    fn order_of_rows_does_not_matter(mut rows in rows(), minimum in 1u64..20) {
        let before = table(&rows, |g| g.to_string(), minimum);
        rows.reverse();
        rows.rotate_left(1);
        prop_assert_eq!(table(&rows, |g| g.to_string(), minimum), before);
    }

    #[test]
    fn doubling_the_rows_keeps_every_rate_and_narrows_its_interval(rows in rows()) {
        let once = table(&rows, |g| g.to_string(), 1);
        let twice = table(&[rows.clone(), rows].concat(), |g| g.to_string(), 1);
        for (a, b) in once.groups.iter().zip(&twice.groups) {
            prop_assert_eq!(a.n * 2, b.n);
            for name in [RateName::SelectionRate, RateName::Tpr, RateName::Fpr, RateName::Precision] {
                prop_assert_eq!(a.rate(name).map(|r| r.value), b.rate(name).map(|r| r.value));
                if let Some((a, b)) = a.rate(name).zip(b.rate(name)) {
                    prop_assert!(b.interval.high - b.interval.low < a.interval.high - a.interval.low);
                }
            }
        }
        for (a, b) in once.disparities.iter().zip(&twice.disparities) {
            prop_assert_eq!(a.value, b.value);
        }
    }

    #[test]
    fn renaming_groups_permutes_the_table(rows in rows(), minimum in 1u64..20) {
        // 0..4 become names in the opposite order.
        let plain = table(&rows, |g| g.to_string(), minimum);
        let renamed = table(&rows, |g| format!("group {}", 9 - g), minimum);
        let mut mirrored: Vec<GroupRates> = renamed.groups.iter().rev().cloned().collect();
        for (group, original) in mirrored.iter_mut().zip(&plain.groups) {
            group.group.clone_from(&original.group);
        }
        prop_assert_eq!(mirrored, plain.groups);
        for (a, b) in plain.disparities.iter().zip(&renamed.disparities) {
            prop_assert_eq!(a.value, b.value);
            prop_assert_eq!(a.groups_dropped.len(), b.groups_dropped.len());
        }
    }
}
