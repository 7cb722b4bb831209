//! Dots with intervals on one scale beside their names, and an upright line to hold them against.
//!
//! Everything is positioned here and written by `partials/dots.html`, which escapes the names; the numbers stand in a
//! table beside the drawing, always.

use super::subgroups::{
    cut_to,
    scale::{LEFT, RIGHT, Scale},
};
use crate::constraints::{Unit, amount};

const ROW: f64 = 30.0;
const TOP: f64 = 34.0;
/// Widest name, in letters of usual width.
const LABEL_WIDTH: usize = 34;

/// One row of the drawing.
pub struct Item {
    pub label: String,
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    /// The value in words.
    pub shown: String,
    /// `good`, `bad`, `mind` or `quiet`.
    pub tone: &'static str,
}

pub struct Dots {
    /// Unique on the page.
    pub id: String,
    pub title: String,
    /// What the scale counts, and what a dot and the line mean.
    pub axis: String,
    pub text: String,
    pub height: String,
    pub axis_y: String,
    pub ticks: Vec<(String, String)>,
    /// Place, and what it is.
    pub line: (String, String),
    pub rows: Vec<Row>,
}

pub struct Row {
    pub label: String,
    pub text_y: String,
    pub y: String,
    pub x: String,
    pub ends: Option<(String, String)>,
    pub shown: String,
    pub tone: &'static str,
}

/// What stands around the dots.
pub struct About {
    pub id: String,
    pub title: String,
    pub axis: String,
    pub text: String,
    /// A value that is worth a line, and its name.
    pub line: (f64, String),
}

/// `None` when there is nothing to draw, or nothing that can be drawn.
pub fn dots(about: About, items: Vec<Item>) -> Option<Dots> {
    let ends =
        |item: &Item| item.interval.map_or([item.value; 2], |(low, high)| [low.min(item.value), high.max(item.value)]);
    let all = items.iter().flat_map(ends);
    let (low, high) = all.fold((about.line.0, about.line.0), |(low, high), x| (low.min(x), high.max(x)));
    let scale = Scale::over(low, high, (high.abs().max(low.abs()) / 100.0).max(1e-6)).filter(|_| !items.is_empty())?;
    let bottom = TOP + ROW * items.len() as f64;
    let digits = scale.digits(1.0);
    let tick = |(x, value): (f64, f64)| (px(x), format!("{:.digits$}", value + 0.0));
    let row = |(place, item): (usize, Item)| {
        let y = TOP + ROW * place as f64 + ROW / 2.0;
        Row {
            label: cut_to(&item.label, LABEL_WIDTH),
            text_y: px(y + 4.5),
            y: px(y),
            x: px(scale.x(item.value)),
            ends: item.interval.map(|(low, high)| (px(scale.x(low)), px(scale.x(high)))),
            shown: item.shown,
            tone: item.tone,
        }
    };
    Some(Dots {
        id: about.id,
        title: about.title,
        axis: about.axis,
        text: about.text,
        height: px(bottom + 26.0),
        axis_y: px(bottom),
        ticks: scale.ticks().into_iter().map(tick).collect(),
        line: (px(scale.x(about.line.0).clamp(LEFT, RIGHT)), about.line.1),
        rows: items.into_iter().enumerate().map(row).collect(),
    })
}

/// A plain number with four digits.
pub fn number(value: f64) -> String {
    amount(value, Unit::One, f64::NAN)
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(line: f64) -> About {
        let (title, axis, text) = ("Title".to_owned(), "Axis".to_owned(), "Text".to_owned());
        About { id: "d".to_owned(), title, axis, text, line: (line, "as before".to_owned()) }
    }

    fn item(value: f64, interval: Option<(f64, f64)>) -> Item {
        Item { label: "p50".to_owned(), value, interval, shown: String::new(), tone: "quiet" }
    }

    #[test]
    fn every_dot_lies_on_the_scale_and_what_is_larger_lies_further_right() {
        let drawn = dots(about(1.0), vec![item(0.25, Some((0.2, 0.4))), item(3.0, None)]).expect("a drawing");
        let x = |text: &str| text.parse::<f64>().expect("a number");
        assert!(x(&drawn.rows[0].x) < x(&drawn.line.0) && x(&drawn.line.0) < x(&drawn.rows[1].x));
        let (low, high) = drawn.rows[0].ends.clone().expect("ends");
        assert!(x(&low) < x(&drawn.rows[0].x) && x(&drawn.rows[0].x) < x(&high));
        assert!(drawn.ticks.iter().all(|(at, _)| (LEFT..=RIGHT).contains(&x(at))));
    }

    #[test]
    fn nothing_is_drawn_of_nothing_or_of_what_has_no_scale() {
        assert!(dots(about(1.0), Vec::new()).is_none());
        assert!(dots(about(0.0), vec![item(f64::MAX, None), item(f64::MIN, None)]).is_none());
        assert!(dots(about(0.0), vec![item(0.0, None)]).is_some());
    }
}
