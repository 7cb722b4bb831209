use super::*;
use proptest::prelude::*;

fn close(got: Interval, low: f64, high: f64) {
    assert!((got.low - low).abs() < 1e-9, "{got:?} low {low}");
    assert!((got.high - high).abs() < 1e-9, "{got:?} high {high}");
}

#[test]
fn wilson_gives_the_published_values() {
    let published = wilson(81, 263).expect("defined");
    assert!((published.low - 0.2553).abs() < 5e-5, "{published:?}");
    assert!((published.high - 0.3662).abs() < 5e-5, "{published:?}");
    close(wilson(0, 1).expect("defined"), 0.0, 0.793_450_685_622_762_6);
    assert_eq!(wilson(7, 7).expect("defined").high, 1.0);
    assert_eq!(wilson(0, 0), None);
    assert_eq!(wilson(3, 2), None);
}

#[test]
fn newcombe_gives_the_published_value_for_56_of_70_and_48_of_80() {
    let got = newcombe((56, 70), (48, 80)).expect("defined");
    assert!((got.low - 0.0524).abs() < 5e-5, "{got:?}");
    assert!((got.high - 0.3339).abs() < 5e-5, "{got:?}");
}

#[test]
fn katz_matches_a_ratio_worked_by_hand() {
    // ln(0.5) +- 1.96 sqrt(1/10 - 1/100 + 1/20 - 1/100)
    let got = katz((10, 100), (20, 100)).expect("defined");
    let half = Z * (0.13_f64).sqrt();
    close(got, 0.5 * (-half).exp(), 0.5 * half.exp());
    assert_eq!(got.method, IntervalMethod::Katz);
}

#[test]
fn katz_edges_follow_the_stated_rule() {
    let none = katz((0, 40), (10, 40)).expect("defined");
    assert_eq!(none.low, 0.0);
    assert!(0.0 < none.high && none.high < 1.0, "{none:?}");
    let all = katz((40, 40), (30, 30)).expect("defined");
    assert!(all.low < 1.0 && 1.0 < all.high, "{all:?}");
    assert_eq!(all.method, IntervalMethod::KatzAdjusted);
    assert_eq!(katz((5, 40), (0, 40)), None);
}

#[test]
fn four_fifths_is_exactly_the_number_written_0_8() {
    for (a, b) in [((12, 25), (3, 5)), ((28, 100), (35, 100)), ((4, 9), (5, 9))] {
        assert_eq!(ratio(a, b), Some(0.8));
    }
    assert_eq!(difference((3, 10), (1, 10)), Some(0.2));
    assert_eq!(ratio((0, 5), (0, 5)), None);
}

#[test]
fn percentile_ranks_match_the_binomial_tables() {
    // n = 100, median: the classic ranks 40 and 61.
    assert_eq!(percentile_ranks(100, 50), Some((40, 61)));
    assert_eq!(percentile_ranks(6, 50), Some((1, 6)));
    assert_eq!(percentile_ranks(5, 50), None);
    // 0.95^72 <= 0.025 < 0.95^71: the first n at which the 95th percentile has an upper end.
    assert_eq!(percentile_ranks(71, 95), None);
    assert_eq!(percentile_ranks(72, 95).map(|r| r.1), Some(72));
}

#[test]
fn mean_interval_matches_a_t_table() {
    // mean 3, s^2 2.5, t(4, 0.975) = 2.7764451
    let half = 2.776_445_105_197_794 * (0.5_f64).sqrt();
    let got = mean_of_losses(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("defined");
    assert!((got.low - (3.0 - half)).abs() < 1e-7, "{got:?}");
    for nothing in [&[1.0][..], &[2.0, 2.0, 2.0], &[2.0, f64::NAN], &[]] {
        assert_eq!(mean_of_losses(nothing), None, "{nothing:?}");
    }
    assert_eq!(mean_of_losses(&[0.0, 1.0]).map(|i| i.low), Some(0.0));
}

proptest! {
    #[test]
    fn every_interval_holds_its_point(a in 0u64..200, b in 0u64..200, m in 1u64..200, n in 1u64..200) {
        let (a, b) = ((a.min(m), m), (b.min(n), n));
        let p = a.0 as f64 / a.1 as f64;
        let w = wilson(a.0, a.1).expect("defined");
        prop_assert!(0.0 <= w.low && w.low <= p && p <= w.high && w.high <= 1.0);
        let (d, i) = (difference(a, b).expect("defined"), newcombe(a, b).expect("defined"));
        prop_assert!(-1.0 - 1e-12 <= i.low && i.low <= d && d <= i.high && i.high <= 1.0 + 1e-12);
        if let Some(r) = ratio(a, b) {
            let i = katz(a, b).expect("defined with the ratio");
            prop_assert!(i.low <= r * (1.0 + 1e-12) && r <= i.high * (1.0 + 1e-12));
        }
    }

    #[test]
    fn percentile_ranks_enclose_the_nearest_rank(n in 1u64..5000, percent in prop::sample::select(vec![50u8, 95, 99])) {
        if let Some((low, high)) = percentile_ranks(n, percent) {
            let nearest = (u64::from(percent) * n).div_ceil(100);
            prop_assert!(low <= nearest && nearest <= high);
        }
    }
}
