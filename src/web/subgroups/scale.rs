//! The scale of a drawing: a stretch of numbers in whole steps.

/// Where the scale begins and ends in the drawing, which is 680 wide.
pub const LEFT: f64 = 250.0;
pub const RIGHT: f64 = 580.0;
/// A scale never has more steps than this.
const MAXIMUM_STEPS: f64 = 8.0;

/// Invariant: `from < to`, both finite.
pub struct Scale {
    from: f64,
    to: f64,
    step: f64,
}

impl Scale {
    /// Holds `low` and `high`, and is at least `least_wide` wide. `None` where no such scale can
    /// be counted with.
    pub fn over(low: f64, high: f64, least_wide: f64) -> Option<Self> {
        let wide = (high - low).max(least_wide);
        let power = 10_f64.powf((wide / MAXIMUM_STEPS).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0, 20.0]
            .map(|times| times * power)
            .into_iter()
            .find(|s| wide / s <= MAXIMUM_STEPS - 2.0)?;
        let from = (low / step).floor() * step;
        let to = ((high / step).ceil() * step).max(from + step);
        (from.is_finite() && to.is_finite() && from < to).then_some(Self { from, to, step })
    }

    pub fn x(&self, value: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// Place and value of each step.
    pub fn ticks(&self) -> Vec<(f64, f64)> {
        let count = ((self.to - self.from) / self.step).round().clamp(1.0, MAXIMUM_STEPS) as u32;
        let at = |i: u32| self.from + self.step * f64::from(i);
        (0..=count).map(|i| (self.x(at(i)), at(i))).collect()
    }

    /// How many digits after the point tell the steps apart.
    pub fn digits(&self, times: f64) -> usize {
        let digits = -(self.step * times).log10().floor();
        digits.clamp(0.0, 9.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_holds_what_is_drawn_and_has_few_ticks() {
        for (low, high) in [
            (0.0, 1.0),
            (0.5, 0.5),
            (0.118, 0.131),
            (0.99, 1.0),
            (0.0, 0.0),
            (-3.2, 4.1),
            (1200.0, 98_000.0),
            (-1e-7, 1e-7),
        ] {
            let scale = Scale::over(low, high, 0.01).expect("a scale");
            assert!(scale.from <= low + 1e-9 && high <= scale.to + 1e-9, "{low} {high}");
            assert!((2..=9).contains(&scale.ticks().len()), "{low} {high}: {}", scale.ticks().len());
            assert!((LEFT..=RIGHT).contains(&scale.x(low)));
        }
    }

    #[test]
    fn numbers_that_nobody_can_draw_have_no_scale_or_a_bounded_one() {
        for (low, high) in
            [(f64::MIN, f64::MAX), (1e300, 1e300), (f64::MIN_POSITIVE, f64::MIN_POSITIVE), (1e16, 1e16 + 2.0)]
        {
            if let Some(scale) = Scale::over(low, high, 0.01) {
                assert!(scale.ticks().len() <= 9, "{low} {high}");
                assert!(scale.ticks().iter().all(|(x, _)| (LEFT..=RIGHT).contains(x)), "{low} {high}");
            }
        }
    }

    #[test]
    fn steps_have_as_many_digits_as_tell_them_apart() {
        let rates = Scale::over(0.118, 0.131, 0.01).expect("a scale");
        assert_eq!(rates.digits(100.0), 1);
        assert_eq!(Scale::over(0.0, 1.0, 0.01).expect("a scale").digits(100.0), 0);
        assert_eq!(Scale::over(0.0, 50_000.0, 0.01).expect("a scale").digits(1.0), 0);
    }
}
