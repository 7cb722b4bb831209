//! The same predictions through aif360 and aequitas.

use super::{
    super::{
        confusion::Confusion,
        contrast::Contrast,
        fairness::AttributeTable,
        inequality::{between_group_theil_index, generalized_entropy_index, theil_index},
    },
    Case, Kind, LABELS, SCORES, Value,
    binary::Binary,
    check, check_count, contrast, counted, each, group, object,
};

/// One side of a comparison: its counts and its rows.
struct Side {
    counts: Confusion,
    rows: Vec<(bool, f64)>,
}

fn sides(rows: &Binary, attribute: &str) -> Vec<(String, Side)> {
    let table = rows.table(attribute, 0).expect("a table");
    let scored: Vec<(bool, f64)> = rows.positive.iter().copied().zip(rows.scores()).collect();
    let split = rows.groups(attribute).split(&scored);
    let counts = table.groups.iter().map(|g| (g.group.clone(), g.counts.expect("counts").confusion));
    counts.zip(split).map(|((group, counts), rows)| (group, Side { counts, rows })).collect()
}

fn pooled<'a>(sides: impl Iterator<Item = &'a Side>) -> Side {
    let mut all = Side { counts: Confusion::default(), rows: Vec::new() };
    for Side { counts, rows } in sides {
        let Confusion { tp, fp, tn, fn_ } = all.counts;
        all.counts = Confusion { tp: tp + counts.tp, fp: fp + counts.fp, tn: tn + counts.tn, fn_: fn_ + counts.fn_ };
        all.rows.extend(rows);
    }
    all
}

/// A rate over no rows is 0 for aif360 in these places, and undefined here.
fn or_zero(what: &str, got: Option<f64>, want: &Value) {
    match got {
        Some(_) => check(what, got, want, LABELS),
        None => {
            counted();
            assert!(want.is_null() || want == "NaN" || *want == 0.0, "{what}: {want}");
        }
    }
}

fn check_side(what: &str, side: &Side, want: &Value) {
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        let mean = |positive: bool| {
            let scores: Vec<f64> = side.rows.iter().filter(|row| row.0 == positive).map(|row| row.1).collect();
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
        };
        match key {
            "n" => check_count(&what, side.counts.n(), want),
            "generalized_tpr" => check_mean(&what, mean(true), want),
            "generalized_fpr" => check_mean(&what, mean(false), want),
            _ => {
                let name = group::rate_name(key).unwrap_or_else(|| panic!("{what}: no such rate here"));
                or_zero(&what, side.counts.rate(name).map(|r| r.value), want);
            }
        }
    }
}

/// The mean score over one class.
fn check_mean(what: &str, got: Option<f64>, want: &Value) {
    match got {
        Some(_) => check(what, got, want, SCORES),
        None => or_zero(what, None, want),
    }
}

/// `other` minus `reference`, both of them all the rows that aif360 was given.
fn check_pair(what: &str, other: &Side, reference: &Side, want: &Value) {
    let contrast = Contrast::between(&other.counts, &reference.counts);
    let all = pooled([other, reference].into_iter());
    for (key, want) in object(want) {
        let what = format!("{what} {key}");
        match key {
            "privileged" => check_side(&what, reference, want),
            "unprivileged" => check_side(&what, other, want),
            "theil_index" => check(&what, theil_index(&all.counts), want, LABELS),
            "generalized_entropy_index" => check(&what, generalized_entropy_index(&all.counts), want, LABELS),
            "between_group_theil_index" => {
                check(&what, between_group_theil_index(&[other.counts, reference.counts]), want, LABELS);
            }
            _ => match contrast::figure(&contrast, key).unwrap_or_else(|| panic!("{what}: no such figure here")) {
                Some(got) => check(&what, Some(got), want, LABELS),
                None => check_undefined(&what, other, reference, key, want),
            },
        }
    }
}

/// Where a rate has no denominator aif360 answers NaN, takes 0 for the rate, or takes the other
/// half of equalized odds for the whole.
fn check_undefined(what: &str, other: &Side, reference: &Side, key: &str, want: &Value) {
    counted();
    let Some(want) = want.as_f64() else { return };
    let pair = |name: &str| {
        let of = |side: &Side| group::rate_name(name).and_then(|name| side.counts.rate(name)).map(|r| r.value);
        (of(other), of(reference))
    };
    let zeroed = |name: &str| {
        let (a, b) = pair(name);
        (a.unwrap_or(0.0) - b.unwrap_or(0.0) - want).abs() <= LABELS
    };
    let half = |name: &str| pair(name).0.zip(pair(name).1).is_some_and(|(a, b)| ((a - b).abs() - want).abs() <= LABELS);
    let explained = match key {
        "false_omission_rate_difference" => zeroed("for"),
        "false_discovery_rate_difference" => zeroed("fdr"),
        "equalized_odds_difference" => half("tpr") || half("fpr"),
        _ => false,
    };
    assert!(explained, "{what}: undefined here, {want} there");
}

#[test]
fn pairs_are_those_of_aif360() {
    each(Kind::Binary, &["second_library.json"], 6, |case| {
        let rows = Binary::of(case);
        for (attribute, want) in object(&case.json("second_library.json")["aif360"]) {
            let what = format!("{} {attribute} aif360", case.name);
            let sides = sides(&rows, attribute);
            let reference = want["reference_group"].as_str().expect("a name");
            let find = |name: &str| sides.iter().find(|side| side.0 == name).map(|side| &side.1).expect("a group");
            for (group, want) in object(&want["pairwise"]) {
                check_pair(&format!("{what} {group}"), find(group), find(reference), want);
            }
            let others = pooled(sides.iter().filter(|side| side.0 != reference).map(|side| &side.1));
            check_pair(&format!("{what} others"), &others, find(reference), &want["reference_vs_everyone_else"]);
        }
    });
}

/// What aequitas writes for a ratio whose denominator is 0.
const AEQUITAS_NO_RATIO: f64 = 10.0;

/// `ppr` is the group's part of all selected rows; everything else is a rate of the group.
fn aequitas_rate(table: &AttributeTable, group: &str, key: &str) -> Option<f64> {
    let counts = table.groups.iter().find(|g| g.group == group)?.counts?.confusion;
    if key == "ppr" {
        let selected: u64 = table.groups.iter().filter_map(|g| g.counts).map(|c| c.selected).sum();
        return (selected != 0).then(|| counts.selected() as f64 / selected as f64);
    }
    counts.rate(group::rate_name(key).unwrap_or_else(|| panic!("no rate {key}"))).map(|r| r.value)
}

fn check_crosstab(what: &str, table: &AttributeTable, want: &Value) {
    let all: u64 = table.groups.iter().map(|g| g.n).sum();
    let selected: u64 = table.groups.iter().filter_map(|g| g.counts).map(|c| c.selected).sum();
    for (name, want) in object(want) {
        let one = table.groups.iter().find(|g| g.group == name).and_then(|g| g.counts).expect("a group");
        for (key, want) in object(want) {
            let what = format!("{what} {name} {key}");
            match key {
                "k" => check_count(&what, selected, want),
                "total_entities" => check_count(&what, all, want),
                "ppr" => check(&what, aequitas_rate(table, name, key), want, LABELS),
                _ => assert!(group::check_figure(&what, &one.confusion, key, want), "{what}: no such figure here"),
            }
        }
    }
}

/// Ratios of a group to the reference group that stands beside each.
fn check_ratios(what: &str, table: &AttributeTable, want: &Value) {
    for (name, figures) in object(want) {
        for (key, want) in object(figures) {
            let Some(key) = key.strip_suffix("_disparity") else { continue };
            let what = format!("{what} {name} {key}");
            let reference = figures[format!("{key}_ref_group_value")].as_str().expect("a group");
            let (own, base) = (aequitas_rate(table, name, key), aequitas_rate(table, reference, key));
            match own.zip(base).filter(|(_, base)| *base != 0.0) {
                Some((own, base)) => check(&what, Some(own / base), want, LABELS),
                None => {
                    counted();
                    let stands_in = [1.0, AEQUITAS_NO_RATIO].map(Some).contains(&want.as_f64());
                    assert!(want.is_null() || stands_in, "{what}: undefined here, {want} there");
                }
            }
        }
    }
}

/// A parity holds when the ratio lies between tau and 1 / tau.
fn check_parities(what: &str, ratios: &Value, want: &Value) {
    for (name, parities) in object(want) {
        for (key, want) in object(parities) {
            let rates: &[&str] = match key {
                "Statistical Parity" => &["ppr"],
                "Impact Parity" => &["pprev"],
                "FDR Parity" => &["fdr"],
                "FPR Parity" => &["fpr"],
                "FOR Parity" => &["for"],
                "FNR Parity" => &["fnr"],
                "TPR Parity" => &["tpr"],
                "TNR Parity" => &["tnr"],
                "NPV Parity" => &["npv"],
                "Precision Parity" => &["precision"],
                "TypeI Parity" => &["fdr", "fpr"],
                "TypeII Parity" => &["for", "fnr"],
                "Equalized Odds" => &["fpr", "tpr"],
                "Unsupervised Fairness" => &["ppr", "pprev"],
                "Supervised Fairness" => &["fdr", "fpr", "for", "fnr"],
                _ => panic!("{what}: no parity {key} here"),
            };
            let ratio = |rate: &&str| ratios[name][format!("{rate}_disparity")].as_f64();
            let holds: Option<Vec<bool>> =
                rates.iter().map(|rate| ratio(rate).map(|r| (0.8..=1.25).contains(&r))).collect();
            counted();
            if let Some((holds, want)) = holds.zip(want.as_bool()) {
                assert_eq!(holds.iter().all(|holds| *holds), want, "{what} {name} {key}");
            }
        }
    }
}

#[test]
fn tables_and_ratios_are_those_of_aequitas() {
    each(Kind::Binary, &["second_library.json"], 6, |case: &Case| {
        let rows = Binary::of(case);
        let want = &case.json("second_library.json")["aequitas"];
        for (attribute, crosstab) in object(&want["crosstabs"]) {
            let what = format!("{} {attribute} aequitas", case.name);
            let table = rows.table(attribute, 0).expect("a table");
            check_crosstab(&what, &table, crosstab);
            for (basis, ratios) in object(&want["disparity"]) {
                if ratios[attribute].is_object() {
                    check_ratios(&format!("{what} {basis}"), &table, &ratios[attribute]);
                }
            }
            let parities = &want["fairness_tau_0_8"][attribute];
            if parities.is_object() {
                check_parities(&what, &want["disparity"]["predefined"][attribute], parities);
            }
        }
    });
}
