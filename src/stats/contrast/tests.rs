use super::super::fairness::{Outcomes, tabulate};
use super::*;
use proptest::prelude::*;

const A: Confusion = Confusion { tp: 30, fp: 10, tn: 40, fn_: 20 };
const B: Confusion = Confusion { tp: 5, fp: 15, tn: 10, fn_: 20 };

fn table(groups: &[(&str, Confusion)], minimum: u64) -> (AttributeTable, Confusion) {
    let (mut cells, mut truth, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for (group, counts) in groups {
        for (count, row_truth, label) in
            [(counts.tp, "1", "1"), (counts.fp, "0", "1"), (counts.tn, "0", "0"), (counts.fn_, "1", "0")]
        {
            cells.extend(vec![*group; count as usize]);
            truth.extend(vec![row_truth; count as usize]);
            labels.extend(vec![label; count as usize]);
        }
    }
    let outcomes = Outcomes::of_labels(&labels, &truth, Some("1")).expect("rows");
    let overall = outcomes.confusion().expect("a positive label");
    (tabulate("group", &[&cells], &outcomes, minimum).expect("a table"), overall)
}

#[test]
fn a_contrast_is_group_minus_reference_worked_by_hand() {
    let got = Contrast::between(&B, &A);
    let difference = |name| got.rate(name).and_then(|r| r.difference).expect("defined");
    assert_eq!(difference(RateName::SelectionRate), 0.0);
    assert_eq!((difference(RateName::Tpr), difference(RateName::Fpr)), (-0.4, 0.4));
    assert_eq!(got.average_odds_difference, Some(0.0));
    assert_eq!(got.average_absolute_odds_difference, Some(0.4));
    assert_eq!(got.equalized_odds_difference, Some(0.4));
    assert_eq!(got.treatment_equality_difference, Some(20.0 / 15.0 - 2.0));
    assert_eq!(got.treatment_equality_ratio, Some(20.0 / 15.0 / 2.0));
    assert_eq!(got.rate(RateName::ErrorRate).and_then(|r| r.ratio), Some(35.0 / 15.0));
}

#[test]
fn an_empty_denominator_leaves_the_figure_undefined() {
    let none = Confusion { tn: 9, ..Confusion::default() };
    let got = Contrast::between(&none, &A);
    assert_eq!(got.rate(RateName::Tpr).and_then(|r| r.difference), None);
    assert_eq!(got.average_odds_difference, None);
    assert_eq!(got.treatment_equality_difference, None);
    let got = Contrast::between(&A, &none);
    assert_eq!(got.rate(RateName::Fpr).map(|r| (r.difference, r.ratio)), Some((Some(0.2), None)));
}

#[test]
fn each_reference_is_the_one_that_it_names() {
    let (table, overall) = table(&[("a", A), ("b", B), ("c", Confusion { tp: 2, ..Confusion::default() })], 10);
    let reference = |reference| {
        let got = against(&table, &overall, &reference).expect("a reference");
        got.into_iter().map(|c| (c.group, c.reference)).collect::<Vec<_>>()
    };
    let pair = |a: &str, b: Option<&str>| (a.to_owned(), b.map(str::to_owned));
    assert_eq!(reference(Reference::Group("b".to_owned())), [pair("a", Some("b"))]);
    assert_eq!(reference(Reference::Highest(RateName::Tpr)), [pair("b", Some("a"))]);
    assert_eq!(reference(Reference::Lowest(RateName::Tpr)), [pair("a", Some("b"))]);
    assert_eq!(reference(Reference::Overall), [pair("a", None), pair("b", None)]);
    let others = against(&table, &overall, &Reference::Others).expect("others");
    // Others of `a` are b and the two rows of the small group c.
    let want = Contrast::between(&A, &Confusion { tp: 7, ..B });
    assert_eq!(others[0].contrast, want);
    let refused = against(&table, &overall, &Reference::Group("c".to_owned())).expect_err("too small");
    assert!(refused.to_string().contains("large enough"), "{refused}");
}

fn counts() -> impl Strategy<Value = Confusion> {
    [0u64..40, 0u64..40, 0u64..40, 0u64..40].prop_map(|[tp, fp, tn, fn_]| Confusion { tp, fp, tn, fn_ })
}

proptest! {
    #[test]
    fn exchanging_both_sides_turns_the_sign(a in counts(), b in counts()) {
        let (forth, back) = (Contrast::between(&a, &b), Contrast::between(&b, &a));
        for (f, b) in forth.rates.iter().zip(&back.rates) {
            prop_assert_eq!(f.difference.map(|d| 0.0 - d), b.difference);
        }
        prop_assert_eq!(forth.equalized_odds_difference, back.equalized_odds_difference);
        prop_assert_eq!(forth.average_odds_difference.map(|d| 0.0 - d), back.average_odds_difference);
    }

    #[test]
    fn complement_labels_exchange_the_rates(a in counts(), b in counts()) {
        // What was positive is negative, in the truth and in the answers.
        let turned = |c: &Confusion| Confusion { tp: c.tn, fp: c.fn_, tn: c.tp, fn_: c.fp };
        let (plain, other) = (Contrast::between(&a, &b), Contrast::between(&turned(&a), &turned(&b)));
        for (name, mirror) in [
            (RateName::Tpr, RateName::Tnr),
            (RateName::Fpr, RateName::Fnr),
            (RateName::Precision, RateName::Npv),
            (RateName::FalseDiscoveryRate, RateName::FalseOmissionRate),
            (RateName::Accuracy, RateName::Accuracy),
        ] {
            let difference = |c: &Contrast, name| c.rate(name).and_then(|r| r.difference);
            prop_assert_eq!(difference(&plain, name), difference(&other, mirror));
        }
    }

    #[test]
    fn a_group_does_not_differ_from_itself(a in counts()) {
        for rate in Contrast::between(&a, &a).rates {
            prop_assert!(rate.difference.is_none_or(|d| d == 0.0) && rate.ratio.is_none_or(|r| r == 1.0));
        }
    }
}
