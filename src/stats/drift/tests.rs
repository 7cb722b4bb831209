use super::*;
use proptest::prelude::*;

fn sample(values: &[f64]) -> Sample {
    Sample::of(values).expect("finite values")
}

fn close(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-12 * want.abs().max(1.0), "{got}, not {want}");
}

#[test]
fn what_is_not_a_number_is_left_out_and_counted() {
    let got = sample(&[2.0, f64::NAN, 1.0, f64::INFINITY]);
    assert_eq!((got.sorted(), got.left_out()), (&[1.0, 2.0][..], 2));
    assert_eq!(Sample::of(&[f64::NAN]), None);
    assert_eq!(Sample::of(&[]), None);
}

#[test]
fn quantiles_interpolate_between_neighbours() {
    let got = sample(&[4.0, 1.0, 3.0, 2.0]);
    close(got.quantile(0.5), 2.5);
    close(got.quantile(0.1), 1.3);
    assert_eq!((got.quantile(0.0), got.quantile(1.0)), (1.0, 4.0));
}

#[test]
fn bins_close_on_the_stated_side() {
    let values = sample(&[1.0, 2.0, 2.0, 3.0]);
    let above = Bins::at(vec![2.0], true).expect("ascending");
    let below = Bins::at(vec![2.0], false).expect("ascending");
    assert_eq!(above.histogram(&values), [3, 1]);
    assert_eq!(below.histogram(&values), [1, 3]);
    for bad in [vec![2.0, 2.0], vec![3.0, 2.0], vec![f64::NAN]] {
        assert_eq!(Bins::at(bad, true), None);
    }
}

#[test]
fn doane_counts_what_lies_outside_the_reference() {
    let reference = sample(&(0..100).map(f64::from).collect::<Vec<_>>());
    let bins = Bins::doane(&reference);
    // No skewness: 1 + log2(100) = 7.6 bins, so 8.
    assert_eq!(bins.inner_edges().len(), 7);
    let got = bins.histogram(&sample(&[-5.0, 0.0, 99.0, 99.5]));
    assert_eq!((got.len(), got.first(), got.get(7), got.last()), (9, Some(&1), Some(&1), Some(&2)));
}

#[test]
fn a_constant_reference_has_bins_and_finite_figures() {
    let (reference, current) = (sample(&[5.0; 8]), sample(&[5.0, 6.0]));
    for bins in [
        Bins::deciles(&reference),
        Bins::equal_width(&reference),
        Bins::sturges(&reference, &current),
        Bins::doane(&reference),
    ] {
        let (r, c) = (bins.histogram(&reference), bins.histogram(&current));
        assert_eq!((r.iter().sum::<u64>(), c.iter().sum::<u64>()), (8, 2), "{bins:?}");
        assert!(psi(&r, &c, ZeroRule::TenThousandth).expect("defined").is_finite());
    }
    close(wasserstein(&reference, &current).expect("finite").normalised, 500.0);
}

#[test]
fn psi_and_jensen_shannon_follow_their_definitions() {
    let want = (0.2_f64 - 0.5) * (0.2_f64 / 0.5).ln() + (0.8_f64 - 0.5) * (0.8_f64 / 0.5).ln();
    close(psi(&[5, 5], &[2, 8], ZeroRule::TenThousandth).expect("defined"), want);
    let want = (1.0 - 1e-4) * (1e4_f64).ln() * 2.0;
    close(psi(&[5, 0], &[0, 7], ZeroRule::TenThousandth).expect("defined"), want);
    // A share of 1e-4 and a zero in the same sample: the zero stands at 1e-10.
    let got = psi(&[1, 9_999, 0], &[1, 9_998, 1], ZeroRule::Smallest).expect("defined");
    assert!(got > (1e-4 - 1e-10) * (1e6_f64).ln(), "{got}");
    close(jensen_shannon_distance(&[3, 0], &[0, 9], LogBase::Two).expect("defined"), 1.0);
    close(jensen_shannon_distance(&[3, 0], &[0, 9], LogBase::E).expect("defined"), 2.0_f64.ln().sqrt());
    for (r, c) in [(&[0, 0][..], &[1, 1][..]), (&[1], &[1, 0]), (&[], &[])] {
        assert_eq!(psi(r, c, ZeroRule::TenThousandth), None);
        assert_eq!(jensen_shannon_distance(r, c, LogBase::Two), None);
    }
}

#[test]
fn chi_square_follows_its_definition_worked_by_hand() {
    let got = homogeneity(&[10, 20, 0], &[20, 10, 0]).expect("defined");
    close(got.statistic, 4.0 * 25.0 / 15.0);
    assert_eq!((got.degrees_of_freedom, got.minimum_expected), (1, 15.0));
    close(yates_2x2(&[10, 20], &[20, 10]).expect("two levels").statistic, 4.0 * 4.5 * 4.5 / 15.0);
    // The correction stops at 0.
    assert_eq!(yates_2x2(&[10, 10], &[10, 10]).expect("two levels").p_value, 1.0);
    assert_eq!(yates_2x2(&[1, 2, 3], &[1, 2, 3]), None);
    close(goodness_of_fit(&[10, 20], &[20, 10]).expect("defined").statistic, 100.0 / 10.0 + 100.0 / 20.0);
    assert_eq!(goodness_of_fit(&[10, 0], &[9, 1]), None);
    assert_eq!(homogeneity(&[10], &[4]).map(|t| (t.statistic, t.p_value)), Some((0.0, 1.0)));
    assert_eq!(homogeneity(&[10, 1], &[0, 0]), None);
}

#[test]
fn exact_kolmogorov_smirnov_matches_counts_by_hand() {
    // Apart altogether: 2 of the C(6, 3) = 20 orders.
    let got = kolmogorov_smirnov(&sample(&[1.0, 2.0, 3.0]), &sample(&[4.0, 5.0, 6.0]));
    assert_eq!((got.statistic, got.location), (1.0, 3.0));
    close(got.p_value(), 0.1);
    // Three against one: the one is at an end in 2 of 4 orders, and a gap of 2/3 is in all.
    close(kolmogorov_smirnov(&sample(&[1.0, 2.0, 3.0]), &sample(&[4.0])).p_value(), 0.5);
    close(kolmogorov_smirnov(&sample(&[1.0, 2.0, 4.0]), &sample(&[3.0])).p_value(), 1.0);
    let same = kolmogorov_smirnov(&sample(&[1.0, 2.0]), &sample(&[2.0, 1.0]));
    assert_eq!((same.statistic, same.p_value(), same.p_value_asymptotic), (0.0, 1.0, 1.0));
}

#[test]
fn the_distance_is_the_shift() {
    let reference = sample(&[0.0, 1.0, 3.0]);
    close(wasserstein(&reference, &sample(&[5.0, 6.0, 8.0])).expect("finite").distance, 5.0);
    close(wasserstein(&sample(&[0.0]), &sample(&[0.0, 4.0])).expect("finite").distance, 2.0);
    assert_eq!(wasserstein(&sample(&[-1e308]), &sample(&[1e308])), None);
}

#[test]
fn levels_are_counted_in_both_samples() {
    let got = Levels::of(&["b", "a", "a", ""], &["c", "a"]).expect("few levels");
    assert_eq!(got.levels, ["(missing)", "a", "b", "c"]);
    assert_eq!((got.reference.as_slice(), got.current.as_slice()), (&[1, 2, 1, 0][..], &[0, 1, 0, 1][..]));
    assert_eq!(got.new_levels().collect::<Vec<_>>(), ["c"]);
    assert_eq!(got.vanished_levels().collect::<Vec<_>>(), ["(missing)", "b"]);
    let ids: Vec<String> = (0..=MAXIMUM_LEVELS).map(|i| i.to_string()).collect();
    assert_eq!(Levels::of(&ids, &[]), None);
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((0i32..40).prop_map(|v| f64::from(v) / 4.0), 1..80)
}

proptest! {
    #[test]
    fn every_binning_keeps_every_row(a in values(), b in values()) {
        let (a, b) = (sample(&a), sample(&b));
        for bins in [Bins::deciles(&a), Bins::equal_width(&a), Bins::sturges(&a, &b), Bins::doane(&a)] {
            prop_assert_eq!(bins.histogram(&a).iter().sum::<u64>(), a.n());
            prop_assert_eq!(bins.histogram(&b).iter().sum::<u64>(), b.n());
        }
    }

    #[test]
    fn a_sample_does_not_drift_from_itself_in_any_order(mut a in values()) {
        let before = sample(&a);
        a.reverse();
        let after = sample(&a);
        prop_assert_eq!(kolmogorov_smirnov(&before, &after).p_value(), 1.0);
        prop_assert_eq!(wasserstein(&before, &after).map(|w| w.distance), Some(0.0));
        let counts = Bins::deciles(&before).histogram(&after);
        prop_assert_eq!(psi(&counts, &counts, ZeroRule::Smallest), Some(0.0));
        prop_assert_eq!(jensen_shannon_distance(&counts, &counts, LogBase::Two), Some(0.0));
    }

    #[test]
    fn symmetric_figures_are_symmetric_and_bounded(a in values(), b in values()) {
        let (x, y) = (sample(&a), sample(&b));
        let (forth, back) = (kolmogorov_smirnov(&x, &y), kolmogorov_smirnov(&y, &x));
        prop_assert_eq!(forth.statistic, back.statistic);
        prop_assert!((forth.p_value() - back.p_value()).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&forth.p_value()) && (0.0..=1.0).contains(&forth.p_value_asymptotic));
        let bins = Bins::sturges(&x, &y);
        let (r, c) = (bins.histogram(&x), bins.histogram(&y));
        let js = |a: &[u64], b: &[u64]| jensen_shannon_distance(a, b, LogBase::Two).expect("rows");
        prop_assert!((js(&r, &c) - js(&c, &r)).abs() < 1e-12);
        prop_assert!((0.0..=1.0 + 1e-12).contains(&js(&r, &c)));
        let psi = |a: &[u64], b: &[u64]| psi(a, b, ZeroRule::TenThousandth).expect("rows");
        prop_assert!(0.0 <= psi(&r, &c) && (psi(&r, &c) - psi(&c, &r)).abs() < 1e-12);
    }

    #[test]
    fn a_larger_gap_is_never_likelier(n in 1u32..400, low in 0u32..100, high in 0u32..100) {
        let (low, high) = (low.min(high), low.max(high));
        let sample_of = |shift: u32| sample(&(0..n).map(|i| f64::from(i + shift * n / 100)).collect::<Vec<_>>());
        let still = sample_of(0);
        let (near, far) = (kolmogorov_smirnov(&still, &sample_of(low)), kolmogorov_smirnov(&still, &sample_of(high)));
        prop_assert!(far.p_value() <= near.p_value() + 1e-12);
        prop_assert!(far.p_value_asymptotic <= near.p_value_asymptotic + 1e-6, "{near:?} {far:?}");
    }
}
