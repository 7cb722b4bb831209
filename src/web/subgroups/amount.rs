//! Figures as a table cell shows them: the value, and under it the interval.

use crate::{
    stats::{
        figure::{Figure, Rate},
        interval::{Interval, IntervalMethod},
    },
    web::words,
};

/// A value with its 95 % interval in the same unit, which is empty where there is none.
pub struct Amount {
    pub value: String,
    pub interval: String,
    pub method: Option<IntervalMethod>,
}

pub fn rate(rate: Rate) -> Amount {
    let ends = |i: Interval| format!("{} to {}", bare_percent(i.low), bare_percent(i.high));
    Amount { value: words::percent(rate.value), interval: ends(rate.interval), method: Some(rate.interval.method) }
}

/// `None` for an undefined figure.
pub fn figure(figure: Figure) -> Option<Amount> {
    Some(of(figure.value?, figure.interval))
}

pub fn of(value: f64, interval: Option<Interval>) -> Amount {
    Amount {
        value: number(value),
        interval: interval.map(|i| format!("{} to {}", number(i.low), number(i.high))).unwrap_or_default(),
        method: interval.map(|i| i.method),
    }
}

fn bare_percent(fraction: f64) -> String {
    format!("{:.1}", fraction * 100.0)
}

/// Three digits after the point where the value is small, fewer where it is large; a power of ten
/// for what would read as 0 or as a row of digits.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(0.0005..1e6).contains(&size) => format!("{value:.2e}"),
        size if size < 10.0 => format!("{value:.3}"),
        size if size < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A p-value: the third digit is where it ends.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

pub fn method(method: IntervalMethod) -> &'static str {
    match method {
        IntervalMethod::Wilson => "Wilson",
        IntervalMethod::WilsonTransformed => "Wilson, transformed",
        IntervalMethod::Newcombe => "Newcombe",
        IntervalMethod::Katz => "Katz",
        IntervalMethod::KatzAdjusted => "Katz, adjusted",
        IntervalMethod::WilsonCombined => "Wilson, combined",
        IntervalMethod::OrderStatistic => "order statistics",
        IntervalMethod::Delong => "DeLong",
        IntervalMethod::StudentT => "Student's t",
        IntervalMethod::StudentTRoot => "Student's t, root",
        IntervalMethod::BootstrapPercentile => "bootstrap",
        IntervalMethod::BootstrapOrClosedForm => "bootstrap, widened",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_lose_their_size() {
        for (value, want) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.12345, "0.123"),
            (-0.0004, "-4.00e-4"),
            (12.345, "12.3"),
            (-4321.4, "-4321"),
            (1e300, "1.00e300"),
        ] {
            assert_eq!(number(value), want);
        }
        assert_eq!((p_value(0.0499), p_value(1e-9)), ("0.050".to_owned(), "< 0.001".to_owned()));
    }

    #[test]
    fn a_rate_shows_its_interval_and_an_undefined_figure_nothing() {
        let shown = rate(Rate::of(5, 10).expect("rows"));
        assert_eq!((shown.value.as_str(), shown.interval.as_str()), ("50.0 %", "23.7 to 76.3"));
        assert!(figure(Figure::point(None, 3)).is_none());
    }
}
