//! Bootstrap bounds against the converged ones of the reference cases.

use super::{
    super::{
        bootstrap::{Plan, RateBootstrap, Replicates, Scheme, contrasts, table},
        contrast::CONTRASTED,
        fairness::{AttributeTable, RateName},
    },
    Case, Kind, Value,
    binary::Binary,
    counted, each, group, object,
};

const PLAN: Plan = Plan { resamples: 2000, seed: 12_345, scheme: Scheme::Rows };

/// Both bounds and the median within four standard deviations of what 1,000 replicates wander.
fn check_bounds(what: &str, got: Replicates, want: &Value, deviations: &Value) {
    let Some(interval) = got.interval else { panic!("{what}: no interval") };
    let median = got.median.expect("defined");
    for (got, at) in [(interval.low, 0), (median, 1), (interval.high, 2)] {
        counted();
        let (want, deviation) = (want[at].as_f64().expect("number"), deviations[at].as_f64().expect("number"));
        assert!((got - want).abs() <= 4.0 * deviation + 1e-9, "{what} [{at}]: {got}, not {want} +- 4 * {deviation}");
    }
}

/// Where the references don't say how far a bound wanders: for a share of n rows whose
/// distribution is near the normal one, the 2.5 % quantile of 1,000 replicates has a standard
/// deviation of sqrt(0.025 * 0.975 / 1000) / 0.0584 = 0.085 of the figure's own, which is the
/// width over 3.92; and the figure moves in steps.
fn check_near(what: &str, got: Replicates, want: &Value, step: f64) {
    let bound = |at: usize| want[at].as_f64().expect("number");
    let (low, median, high) = (bound(0), bound(1), bound(2));
    let Some(interval) = got.interval else { panic!("{what}: no interval") };
    let room = 4.0 * 0.085 * (high - low) / 3.92 + 2.0 * step;
    for (got, want) in [(interval.low, low), (got.median.expect("defined"), median), (interval.high, high)] {
        counted();
        assert!((got - want).abs() <= room + 1e-9, "{what}: {got}, not {want} +- {room}");
    }
}

/// The disparity of the references, its form and rate there.
const SPREADS: [(&str, &str, &str); 5] = [
    ("demographic_parity_difference", "difference", "selection_rate"),
    ("demographic_parity_ratio", "ratio", "selection_rate"),
    ("equalized_odds_difference", "difference", "equalized_odds"),
    ("equal_opportunity_difference", "difference", "tpr"),
    ("predictive_parity_difference", "difference", "precision"),
];

#[test]
fn bounds_lie_within_four_standard_deviations_of_the_converged_ones() {
    each(Kind::Binary, &["bootstrap_converged"], 6, |case| {
        let rows = Binary::of(case);
        for (attribute, want) in object(&case.expected["bootstrap_converged"]) {
            let counted = rows.table(attribute, 0).expect("a table");
            let got = table(&counted, PLAN).expect("possible");
            let deviations = &want["sd_of_bounds_for_B1000"];
            for (key, form, rate) in SPREADS {
                let named = |metric| serde_json::to_value(metric).is_ok_and(|name| name == key);
                let spread = got.disparities.iter().find(|d| named(d.metric)).expect("there");
                let what = format!("{} {attribute} {key}", case.name);
                check_bounds(&what, spread.replicates, &want[form][rate], &deviations[key]);
            }
            for group in &got.groups {
                let own = counted.groups.iter().find(|g| g.group == group.group).expect("a group");
                for (key, want) in object(&want["by_group"][&group.group]) {
                    let name = group::rate_name(key).expect("a rate");
                    let Some(rate) = own.rate(name).filter(|rate| 30 <= rate.total) else { continue };
                    let replicates = group.rates.iter().find(|drawn| drawn.rate == name).expect("there").replicates;
                    let what = format!("{} {attribute} {} {key}", case.name, group.group);
                    check_near(&what, replicates, want, 1.0 / rate.total as f64);
                }
            }
        }
    });
}

fn total(table: &AttributeTable, group: &str, rate: RateName) -> Option<u64> {
    table.groups.iter().find(|g| g.group == group).and_then(|g| g.rate(rate)).map(|rate| rate.total)
}

/// Signed differences and ratios against the reference group, by rows as in the references and by
/// strata: the same for groups that aren't small; for those the intervals only have to meet.
fn check_signed(case: &Case) {
    let rows = Binary::of(case);
    for (attribute, want) in object(&case.json("ci_signed.json")["attributes"]) {
        let counted = rows.table(attribute, 0).expect("a table");
        let reference = want["reference_group"].as_str().expect("a name");
        for scheme in [Scheme::Rows, Scheme::StratifiedByGroup] {
            let plan = Plan { scheme, resamples: 1000, ..PLAN };
            for contrast in contrasts(&counted, reference, plan).expect("possible") {
                for (key, want) in object(&want["groups"][&contrast.group]) {
                    let name = group::rate_name(key).expect("a rate");
                    let (own, base) = (total(&counted, &contrast.group, name), total(&counted, reference, name));
                    let Some(least) = own.zip(base).map(|(a, b)| a.min(b)) else { continue };
                    let what = format!("{} {attribute} {} {key} {scheme:?}", case.name, contrast.group);
                    let of = |all: &[RateBootstrap]| {
                        all.iter().find(|drawn| drawn.rate == name).map(|drawn| drawn.replicates)
                    };
                    let steps = if scheme == Scheme::Rows { 1.0 } else { 4.0 } / least as f64;
                    let steps = if least < 40 { f64::INFINITY } else { steps };
                    check_ends(&what, of(&contrast.differences), &want["bootstrap95"], steps);
                    check_ends(&what, of(&contrast.ratios), &want["ratio_bootstrap95"], steps);
                }
            }
        }
    }
}

fn check_ends(what: &str, got: Option<Replicates>, want: &Value, step: f64) {
    let (Some(low), Some(high)) = (want[0].as_f64(), want[1].as_f64()) else { return };
    let Some(interval) = got.and_then(|r| r.interval) else {
        // A rate that few resamples have.
        return assert!(step.is_infinite(), "{what}: no interval");
    };
    counted();
    assert!(interval.low <= high && low <= interval.high, "{what}: {interval:?} apart from {want}");
    // Strata take the chance out of the sizes of groups, which moves a bound by little.
    let room = 6.0 * 0.085 * (high - low) / 3.92 + 2.0 * step;
    for (got, want) in [(interval.low, low), (interval.high, high)] {
        counted();
        assert!((got - want).abs() <= room, "{what}: {got}, not {want} +- {room}");
    }
}

#[test]
fn signed_bounds_agree_with_the_reference_for_groups_that_are_not_small() {
    assert_eq!(CONTRASTED[0], RateName::SelectionRate);
    each(Kind::Binary, &["ci_signed.json"], 6, check_signed);
}
