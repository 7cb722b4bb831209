//! Numbers and sentences for people.

use super::{
    spec::{Constraint, Operator},
    unit::Unit,
};
use crate::stats::interval::Interval;

/// A number with its unit, with as many digits as it takes to tell it from the limit: 20.0001
/// against a limit of 20 doesn't read as "20".
pub fn amount(value: f64, unit: Unit, limit: f64) -> String {
    let shown = |digits| significant(value, digits);
    let digits = (3..17).find(|digits| value == limit || shown(*digits) != significant(limit, 17));
    with_unit(&shown(digits.unwrap_or(17)), unit)
}

/// "the limit is 20 ms", "the limit is at least 0.8".
pub fn limit(constraint: &Constraint) -> String {
    let amount = with_unit(&significant(constraint.limit, 17), constraint.unit);
    match constraint.operator {
        Operator::AtMost => format!("the limit is {amount}"),
        Operator::Below => format!("the limit is less than {amount}"),
        Operator::AtLeast => format!("the limit is at least {amount}"),
        Operator::Above => format!("the limit is more than {amount}"),
    }
}

/// How much of a limit is left, such as "12 % left" or "3 % over". Past ten times the limit nobody reads a percentage.
pub fn margin(fraction: f64) -> String {
    let (size, word) = (fraction.abs(), if fraction < 0.0 { "over" } else { "left" });
    if 10.0 <= size {
        return format!("over 10 times the limit {word}");
    }
    format!("{:.0} % {word}", size * 100.0)
}

/// "95 % interval 2.9 to 3.4 ms", in the unit of the constraint.
pub fn interval(interval: Interval, unit: Unit, limit: f64) -> String {
    let low = amount(interval.low, Unit::One, limit);
    format!("95 % interval {low} to {}", amount(interval.high, unit, limit))
}

fn with_unit(number: &str, unit: Unit) -> String {
    match unit {
        Unit::One => number.to_owned(),
        Unit::PerSecond | Unit::PerMinute | Unit::PerHour => format!("{number}{unit}"),
        _ => format!("{number} {unit}"),
    }
}

/// A decimal number with at most so many significant digits and no trailing zeros; 17 is the
/// shortest text that is the number.
fn significant(value: f64, digits: i32) -> String {
    let size = value.abs();
    if !(1e-9..1e15).contains(&size) && value != 0.0 {
        return format!("{value:e}");
    }
    if 17 <= digits || value == 0.0 {
        return format!("{value}");
    }
    let decimals = usize::try_from(digits - 1 - size.log10().floor() as i32).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_but_never_look_like_the_limit() {
        for (value, limit, want) in [
            (3.1, 20.0, "3.1 ms"),
            (3.41592, 20.0, "3.42 ms"),
            (20.0, 20.0, "20 ms"),
            (20.0001, 20.0, "20.0001 ms"),
            (19.99999, 20.0, "19.99999 ms"),
            (0.0, 20.0, "0 ms"),
            (-0.0523, 0.1, "-0.0523 ms"),
            (123_456.7, 20.0, "123457 ms"),
            (0.8, 0.8, "0.8 ms"),
            (1e300, 20.0, "1e300 ms"),
        ] {
            assert_eq!(amount(value, Unit::Millisecond, limit), want);
        }
        assert_eq!(amount(2.5, Unit::PerSecond, 9.0), "2.5/s");
        assert_eq!(amount(80.0, Unit::Percent, 9.0), "80 %");
    }
}
