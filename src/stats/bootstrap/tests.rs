use super::*;
use crate::stats::{
    disparity::{Against, Cells, CellsAgainst, Disparity, DisparityMetric, of_cells},
    fairness::{AttributeTable, Outcomes, RateName, tabulate},
};
use proptest::prelude::*;

const PLAN: Plan = Plan { resamples: 2000, seed: 20_260_101, scheme: Scheme::StratifiedByGroup };

/// Groups of truth-answer counts: tp, fp, tn, fn.
fn grouped(groups: &[[usize; 4]], times: usize) -> AttributeTable {
    let (mut cells, mut truth, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for (group, counts) in groups.iter().enumerate() {
        for (count, pair) in counts.iter().zip([("1", "1"), ("0", "1"), ("0", "0"), ("1", "0")]) {
            cells.extend(vec![group.to_string(); count * times]);
            truth.extend(vec![pair.0; count * times]);
            labels.extend(vec![pair.1; count * times]);
        }
    }
    let outcomes = Outcomes::of_labels(&labels, &truth, Some("1")).expect("rows");
    tabulate("group", &[&cells], &outcomes, 1).expect("a table")
}

const GROUPS: [[usize; 4]; 2] = [[30, 10, 40, 20], [5, 15, 60, 20]];

#[test]
fn the_same_plan_gives_the_same_bits_and_another_seed_others() {
    let counted = grouped(&GROUPS, 1);
    let first = table(&counted, PLAN).expect("possible");
    assert_eq!(first, table(&counted, PLAN).expect("possible"));
    assert_eq!((first.plan, first.generator.as_str()), (PLAN, GENERATOR));
    assert_ne!(first, table(&counted, Plan { seed: 1, ..PLAN }).expect("possible"));
}

#[test]
fn an_interval_has_the_width_that_theory_gives() {
    // A share of 0.4 of 100: the standard error is 0.049.
    let got = table(&grouped(&GROUPS, 1), Plan { resamples: 20_000, ..PLAN }).expect("possible");
    let RateBootstrap { rate: name, replicates: rate } = got.groups[0].rates[0];
    assert_eq!((name, rate.defined), (RateName::SelectionRate, 20_000));
    let interval = rate.interval.expect("enough replicates");
    assert!((interval.low - 0.304).abs() < 0.011 && (interval.high - 0.496).abs() < 0.011, "{interval:?}");
    assert_eq!((rate.median, interval.method), (Some(0.4), IntervalMethod::BootstrapPercentile));
}

#[test]
fn strata_keep_their_size_and_rows_do_not() {
    let sizes = |scheme| {
        replicates(&[[5, 5], [400, 0]], Plan { scheme, ..PLAN }, |drawn, values| {
            values.push(Some((drawn[0][0] + drawn[0][1]) as f64));
            values.push(Some(drawn.as_flattened().iter().sum::<u64>() as f64));
        })
        .expect("possible")
    };
    let ends = |r: Replicates| r.interval.map(|i| (i.low, i.high));
    let stratified = sizes(Scheme::StratifiedByGroup);
    assert_eq!((ends(stratified[0]), ends(stratified[1])), (Some((10.0, 10.0)), Some((410.0, 410.0))));
    let rows = sizes(Scheme::Rows);
    assert_eq!(ends(rows[1]), Some((410.0, 410.0)));
    let (low, high) = ends(rows[0]).expect("enough");
    assert!(low <= 5.0 && 15.0 <= high, "{low} {high}");
}

#[test]
fn undefined_replicates_are_left_out_and_counted() {
    // One positive among ten: a third of the resamples has none.
    let got = table(&grouped(&[[1, 0, 9, 0], [5, 0, 5, 0]], 1), PLAN).expect("possible");
    let tpr = got.groups[0].rates.iter().find(|drawn| drawn.rate == RateName::Tpr).expect("there").replicates;
    assert!((1200..1400).contains(&tpr.defined), "{tpr:?}");
    let never = grouped(&[[0, 0, 9, 0], [5, 0, 5, 0]], 1);
    let tpr = table(&never, PLAN).expect("possible").groups[0].rates[2].replicates;
    assert_eq!((tpr.defined, tpr.interval, tpr.median), (0, None, None));
}

#[test]
fn what_cannot_be_done_is_refused() {
    let counted = grouped(&GROUPS, 1);
    for resamples in [0, 99, 100_001] {
        assert_eq!(table(&counted, Plan { resamples, ..PLAN }), Err(PlanError::Resamples { asked: resamples }));
    }
    let refused = replicates(&[[1, 1]], Plan { resamples: 100_000, ..PLAN }, |_, values| {
        values.extend([None; 251]);
    });
    assert_eq!(refused, Err(PlanError::TooMuch { resamples: 100_000, figures: 251 }));
    assert_eq!(contrasts(&counted, "absent", PLAN), Ok(Vec::new()));
}

#[test]
fn signed_contrasts_may_hold_zero_and_agree_with_newcombe() {
    let counted = grouped(&[[40, 10, 40, 10], [40, 10, 40, 10]], 4);
    let got = contrasts(&counted, "0", PLAN).expect("possible");
    assert_eq!(got.len(), 1);
    let interval = got[0].differences[0].replicates.interval.expect("enough");
    assert!(interval.low < 0.0 && 0.0 < interval.high, "{interval:?}");
    let newcombe = crate::stats::interval::newcombe((200, 400), (200, 400)).expect("defined");
    assert!((interval.low - newcombe.low).abs() < 0.01 && (interval.high - newcombe.high).abs() < 0.01);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn replicates_of_a_disparity_follow_its_own_rules(counts in prop::collection::vec([0usize..9, 0usize..9, 0usize..9, 1usize..9], 2..5)) {
        // A resample that takes every row once is the table itself.
        let counted = grouped(&counts, 1);
        let cells: Vec<Cells> = counts.iter().map(|c| c.map(|count| count as u64)).collect();
        let all = cells.iter().fold([0; 4], |sum: Cells, c| std::array::from_fn(|i| sum[i] + c[i]));
        for (against, reference) in [
            (Against::BetweenGroups, CellsAgainst::BetweenGroups),
            (Against::Group("0".to_owned()), CellsAgainst::Group(0)),
            (Against::Overall, CellsAgainst::Overall(all)),
        ] {
            for metric in DisparityMetric::ALL {
                let of_table = Disparity::against(metric, &counted.groups, counted.overall.as_ref(), &against).value;
                match (of_table, of_cells(metric, &cells, reference)) {
                    (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12, "{metric:?} {against:?} {a} {b}"),
                    (a, b) => prop_assert_eq!(a, b, "{:?} {:?}", metric, against),
                }
            }
        }
    }

    #[test]
    fn more_rows_narrow_the_interval(seed in any::<u64>()) {
        let width = |times| {
            let got = table(&grouped(&GROUPS, times), Plan { resamples: 400, seed, ..PLAN }).expect("possible");
            let interval = got.disparities[0].replicates.interval.expect("enough");
            interval.high - interval.low
        };
        prop_assert!(width(16) < width(1));
    }
}
