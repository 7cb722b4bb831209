use super::*;
use proptest::prelude::*;

fn counted(category: &str, selected: u64, n: u64) -> CategoryCount {
    CategoryCount { category: category.to_owned(), n, selected, known: category != "Unknown" }
}

fn excluded(category: &str, justification: &str) -> Exclusion {
    Exclusion { category: category.to_owned(), justification: justification.to_owned() }
}

fn ratios(table: &LocalLaw144) -> Vec<Option<f64>> {
    table.categories.iter().map(|c| c.impact_ratio).collect()
}

#[test]
fn the_highest_rate_is_the_denominator_and_unknown_is_only_counted() {
    let counts = [counted("a", 30, 100), counted("b", 24, 100), counted("Unknown", 9, 10)];
    let got = local_law_144(&counts, None, &[]).expect("no exclusion");
    assert_eq!(ratios(&got), [Some(1.0), Some(0.8), None]);
    assert_eq!((got.highest_category.as_deref(), got.n, got.unknown), (Some("a"), 210, 10));
    assert_eq!(got.categories[2].standing, Standing::Unknown);
    assert_eq!(got.categories[2].rate.map(|r| r.value), Some(0.9));
}

#[test]
fn nobody_selected_and_one_category_have_no_ratio() {
    for counts in [vec![counted("a", 0, 10), counted("b", 0, 20)], vec![counted("a", 5, 10)], vec![]] {
        let law = local_law_144(&counts, None, &[]).expect("no exclusion");
        assert!(ratios(&law).iter().all(Option::is_none), "{law:?}");
        let rule = four_fifths(&counts);
        assert!(rule.categories.iter().all(|c| c.impact_ratio.is_none() && c.below_four_fifths.is_none()));
        assert_eq!(rule.lowest_impact_ratio, None);
    }
}

#[test]
fn a_small_category_is_left_out_only_with_a_reason_and_still_listed() {
    let counts = [counted("a", 50, 100), counted("b", 60, 199), counted("c", 1, 1), counted("d", 2, 6)];
    let kept = local_law_144(&counts, None, &[]).expect("no exclusion");
    assert_eq!(kept.highest_category.as_deref(), Some("c"));
    assert_eq!(kept.categories.iter().map(|c| c.may_be_excluded).collect::<Vec<_>>(), [false, false, true, true]);
    // The excluded category held the highest rate; the next one takes its place.
    let got = local_law_144(&counts, None, &[excluded("c", "one applicant")]).expect("allowed");
    assert_eq!(got.highest_category.as_deref(), Some("a"));
    assert_eq!((got.categories[2].impact_ratio, got.categories[2].count.n), (None, 1));
    assert_eq!(got.categories[2].standing, Standing::Excluded { justification: "one applicant".to_owned() });
    assert_eq!(got.categories[2].rate.map(|r| r.value), Some(1.0));
}

#[test]
fn an_exclusion_that_the_rules_do_not_allow_is_refused() {
    let counts = [counted("a", 50, 98), counted("b", 1, 2), counted("Unknown", 0, 1)];
    for (category, reason, word) in [("z", "why", "spelling"), ("b", "why", "2 %"), ("Unknown", "why", "unknown")] {
        let refused = local_law_144(&counts, None, &[excluded(category, reason)]).expect_err("refused");
        assert!(refused.to_string().contains(word), "{refused}");
    }
    let counts = [counted("a", 50, 99), counted("b", 1, 1)];
    let refused = local_law_144(&counts, None, &[excluded("b", " \t")]).expect_err("no reason");
    assert_eq!(refused, ExclusionError::NoJustification { category: "b".to_owned() });
    let twice = [excluded("b", "x"), excluded("b", "y")];
    assert!(matches!(local_law_144(&counts, None, &twice), Err(ExclusionError::Twice { .. })));
}

#[test]
fn above_the_median_is_strict() {
    let (above, scoring) = above_median(&[1.0, 3.0, 3.0, 3.0, 9.0]).expect("numbers");
    assert_eq!(above, [false, false, false, false, true]);
    assert_eq!((scoring.median, scoring.at_median), (3.0, 3));
    let (above, scoring) = above_median(&[1.0, 4.0, 2.0, 3.0]).expect("numbers");
    assert_eq!((above, scoring.median, scoring.at_median), (vec![false, true, false, true], 2.5, 0));
    assert_eq!(above_median(&[f64::MAX, f64::MAX]).map(|(_, s)| s.median), Some(f64::MAX));
    assert!(above_median(&[1.0, f64::NAN]).is_none());
    assert!(above_median(&[]).is_none());
}

#[test]
fn exactly_four_fifths_is_not_below() {
    // 12/25 over 3/5 is 0.8; in floating point the division of rates says 0.7999999999999999.
    let got = four_fifths(&[counted("a", 12, 25), counted("b", 3, 5), counted("c", 47, 100)]);
    assert_eq!(
        got.categories.iter().map(|c| c.below_four_fifths).collect::<Vec<_>>(),
        [Some(false), Some(false), Some(true)]
    );
    assert!(got.categories[1].against_highest.is_none());
}

#[test]
fn fisher_matches_published_tables() {
    // Fisher's tea tasting (1935): 3 of 4 and 1 of 4, two-sided 34/70.
    assert!((fisher_exact((3, 4), (1, 4)).expect("rows") - 34.0 / 70.0).abs() < 1e-15);
    // Lady names all cups: 2/70.
    assert!((fisher_exact((4, 4), (0, 4)).expect("rows") - 2.0 / 70.0).abs() < 1e-15);
    assert_eq!(fisher_exact((0, 5), (0, 7)), Some(1.0));
    assert_eq!(fisher_exact((7, 7), (3, 3)), Some(1.0));
    assert_eq!(fisher_exact((0, 0), (1, 2)), None);
    assert_eq!(fisher_exact((3, 2), (1, 2)), None);
}

#[test]
fn counting_takes_a_missing_or_unknown_cell_as_unknown() {
    let (sex, race) = (["f", "f", "", "m"], ["x", "?", "x", "x"]);
    let got = count("sex*race", &[&sex, &race], &[true, false, true, true], &["?"]).expect("few");
    let got: Vec<(&str, u64, u64, bool)> =
        got.iter().map(|c| (c.category.as_str(), c.selected, c.n, c.known)).collect();
    assert_eq!(
        got,
        [("(missing) & x", 1, 1, false), ("f & ?", 0, 1, false), ("f & x", 1, 1, true), ("m & x", 1, 1, true)]
    );
}

fn tables() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0u64..60, 1u64..60).prop_map(|(a, n)| (a.min(n), n)), 2..6)
}

fn categories(table: &[(u64, u64)]) -> Vec<CategoryCount> {
    table.iter().enumerate().map(|(i, (a, n))| counted(&i.to_string(), *a, *n)).collect()
}

proptest! {
    #[test]
    fn doubling_every_count_keeps_every_ratio(table in tables()) {
        let doubled: Vec<(u64, u64)> = table.iter().map(|(a, n)| (2 * a, 2 * n)).collect();
        let (once, twice) = (four_fifths(&categories(&table)), four_fifths(&categories(&doubled)));
        for (a, b) in once.categories.iter().zip(&twice.categories) {
            prop_assert_eq!(a.impact_ratio, b.impact_ratio);
            prop_assert_eq!(a.below_four_fifths, b.below_four_fifths);
        }
    }

    #[test]
    fn ratios_are_at_most_one_and_the_order_does_not_matter(table in tables()) {
        let mut counts = categories(&table);
        let before = four_fifths(&counts);
        counts.reverse();
        let after = four_fifths(&counts);
        prop_assert_eq!(before.lowest_impact_ratio, after.lowest_impact_ratio);
        for category in &before.categories {
            prop_assert!(category.impact_ratio.is_none_or(|r| (0.0..=1.0).contains(&r)));
        }
    }

    #[test]
    fn fisher_does_not_care_which_group_or_which_outcome_is_first(a in 0u64..80, n in 1u64..80, b in 0u64..80, m in 1u64..80) {
        let (a, b) = (a.min(n), b.min(m));
        let p = fisher_exact((a, n), (b, m)).expect("rows");
        prop_assert!((0.0..=1.0).contains(&p));
        for other in [fisher_exact((b, m), (a, n)), fisher_exact((n - a, n), (m - b, m))] {
            prop_assert!((other.expect("rows") - p).abs() < 1e-12);
        }
    }
}
