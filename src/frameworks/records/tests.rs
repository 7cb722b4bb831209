use super::*;
use crate::{
    core::{digest::Digest, ids::EvidenceId},
    stats::fairness::{Outcomes, tabulate},
};
use serde_json::{Value, json};

/// Groups of this attribute with these sizes; every other row is selected.
fn table(attribute: &str, groups: &[(&str, usize)], minimum: u64) -> AttributeTable {
    let cells: Vec<String> = groups.iter().flat_map(|(name, n)| vec![(*name).to_owned(); *n]).collect();
    let labels: Vec<String> = (0..cells.len()).map(|i| (i % 2).to_string()).collect();
    let outcomes = Outcomes::of_labels(&labels, &labels, Some("1")).expect("outcomes");
    tabulate(attribute, &[&cells], &outcomes, minimum).expect("table")
}

fn basis() -> Value {
    json!({"version": "sha256:v", "dataset": "sha256:d", "constraints": "sha256:c", "rows": 80})
}

fn bias(tables: &[AttributeTable]) -> String {
    json!({"basis": basis(), "tables": tables, "absent": {"sex": "no column"}, "method": "m"}).to_string()
}

fn quality(accuracy: Value) -> String {
    let figures = json!({"accuracy": {"value": accuracy, "interval": null, "n": 80}});
    json!({"basis": basis(), "figures": figures, "absent": {"auc": "no scores"}, "method": "m"}).to_string()
}

fn record(kind: EvidenceKind, body: String) -> Evidence {
    let at = "2026-03-01T00:00:00Z".parse().expect("time");
    Evidence { id: EvidenceId::generate(), kind, digest: Digest::of(&body), body, created_at: at }
}

#[test]
fn a_record_has_figures_when_one_of_them_is_defined() {
    let nothing = json!({"basis": basis(), "figures": {}, "absent": {}, "method": "m"}).to_string();
    for (kind, body, wanted) in [
        (EvidenceKind::Quality, quality(json!(0.9)), true),
        (EvidenceKind::Quality, quality(Value::Null), false),
        (EvidenceKind::Quality, nothing, false),
        (EvidenceKind::Quality, "[]".to_owned(), false),
        (EvidenceKind::Bias, bias(&[]), false),
        (EvidenceKind::Bias, bias(&[table("sex", &[("f", 5), ("m", 5)], 30)]), false),
        (EvidenceKind::Bias, bias(&[table("sex", &[("f", 5), ("m", 30)], 30)]), true),
        (EvidenceKind::Performance, "{}".to_owned(), false),
    ] {
        let read = read(&[record(kind, body.clone())]);
        assert_eq!(read.measured[0].has_figures, wanted, "{body}");
    }
}

#[test]
fn what_a_run_measured_and_what_it_could_not_is_read() {
    let groups = table("sex", &[("f", 40), ("m", 40)], 30);
    let read = read(&[
        record(EvidenceKind::Quality, quality(json!(0.9))),
        record(EvidenceKind::Bias, bias(std::slice::from_ref(&groups))),
    ]);
    assert_eq!((read.tables, read.figures.len()), (vec![groups], 1));
    assert_eq!(read.absent.keys().collect::<Vec<_>>(), ["auc", "sex"]);
}

#[test]
fn a_reported_table_counts_when_two_groups_have_counts() {
    let whole = table("race", &[("a", 40), ("b", 40)], 30);
    let alone = table("sex", &[("f", 40)], 30);
    let small = table("age", &[("o", 5), ("y", 5)], 30);
    let mut of_a_class = table("region", &[("n", 40), ("s", 40)], 30);
    of_a_class.class = Some("1".to_owned());
    assert_eq!(compared_attributes(&bias(&[whole, alone, small, of_a_class])), ["race"]);
    assert!(compared_attributes(&bias(&[])).is_empty() && compared_attributes("{").is_empty());
}
