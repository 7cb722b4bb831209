//! Signed differences and their intervals.

use super::{
    super::{
        contrast::{Contrast, GroupContrast, Reference, against},
        fairness::RateName,
        interval,
    },
    Kind, LABELS, Value,
    binary::Binary,
    check, each, group, object,
};

fn difference(contrast: &Contrast, name: RateName) -> Option<f64> {
    contrast.rate(name).and_then(|r| r.difference)
}

/// The figure that aif360 calls `key`.
pub fn figure(contrast: &Contrast, key: &str) -> Option<Option<f64>> {
    let ratio = |name: RateName| contrast.rate(name).and_then(|r| r.ratio);
    Some(match key {
        "statistical_parity_difference" => difference(contrast, RateName::SelectionRate),
        "disparate_impact" => ratio(RateName::SelectionRate),
        "equal_opportunity_difference" => difference(contrast, RateName::Tpr),
        "false_positive_rate_difference" => difference(contrast, RateName::Fpr),
        "false_negative_rate_difference" => difference(contrast, RateName::Fnr),
        "false_discovery_rate_difference" => difference(contrast, RateName::FalseDiscoveryRate),
        "false_omission_rate_difference" => difference(contrast, RateName::FalseOmissionRate),
        "precision_difference" => difference(contrast, RateName::Precision),
        "error_rate_difference" => difference(contrast, RateName::ErrorRate),
        "error_rate_ratio" => ratio(RateName::ErrorRate),
        "average_odds_difference" => contrast.average_odds_difference,
        "average_abs_odds_difference" => contrast.average_absolute_odds_difference,
        "equalized_odds_difference" => contrast.equalized_odds_difference,
        _ => return None,
    })
}

#[test]
fn signed_figures_are_those_of_the_references() {
    each(Kind::Binary, &["versus_reference_aif360_signs"], 6, |case| {
        let rows = Binary::of(case);
        let overall = rows.outcomes.confusion().expect("a positive label");
        for (attribute, want) in object(&case.expected["versus_reference_aif360_signs"]) {
            let what = format!("{} {attribute}", case.name);
            let table = rows.table(attribute, 0).expect("a table");
            let label = want["reference_group"].as_str().expect("a name");
            let got = against(&table, &overall, &Reference::Group(label.to_owned())).expect("a reference");
            assert_eq!(want["groups"].as_object().map(|g| g.len()), Some(got.len()), "{what}");
            for GroupContrast { group, contrast, .. } in &got {
                for (key, want) in object(&want["groups"][group]) {
                    let figure = figure(contrast, key).unwrap_or_else(|| panic!("{what}: no {key} here"));
                    check(&format!("{what} {group} {key}"), figure, want, LABELS);
                }
            }
        }
    });
}

/// Newcombe's interval of each group against the reference group.
#[test]
fn signed_intervals_are_those_of_the_references() {
    each(Kind::Binary, &["ci_signed.json"], 6, |case| {
        let rows = Binary::of(case);
        for (attribute, want) in object(&case.json("ci_signed.json")["attributes"]) {
            let table = rows.table(attribute, 0).expect("a table");
            let find = |name: &str| table.groups.iter().find(|g| g.group == name).expect("group");
            let reference = find(want["reference_group"].as_str().expect("name"));
            for (name, rates) in object(&want["groups"]) {
                for (rate, want) in object(rates) {
                    let what = format!("{} {attribute} {name} {rate}", case.name);
                    let rate = group::rate_name(rate).expect("a rate");
                    check_interval(&what, find(name).rate(rate).zip(reference.rate(rate)), want);
                }
            }
        }
    });
}

fn check_interval(what: &str, pair: Option<(super::super::figure::Rate, super::super::figure::Rate)>, want: &Value) {
    let counts = pair.map(|(a, b)| ((a.count, a.total), (b.count, b.total)));
    check(what, counts.and_then(|(a, b)| interval::difference(a, b)), &want["difference"], LABELS);
    let got = counts.and_then(|(a, b)| interval::newcombe(a, b));
    check(what, got.map(|i| i.low), &want["newcombe_wilson95"][0], LABELS);
    check(what, got.map(|i| i.high), &want["newcombe_wilson95"][1], LABELS);
}
