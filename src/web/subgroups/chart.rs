//! Dots with intervals on one scale, a limit, and the value of all rows as a line.
//!
//! Everything is positioned here and written by a template, which escapes the groups' names;
//! colours come from classes, because the policy allows no inline style.

use super::{
    amount,
    drawn::{Drawn, Limit},
    names,
    scale::{LEFT, RIGHT, Scale},
};
use crate::{
    stats::{
        disparity::Compared,
        fairness::{AttributeTable, GroupRates},
        figure::Figure,
    },
    web::words,
};

const ROW: f64 = 30.0;
const TOP: f64 = 34.0;
/// Widest label, in letters of usual width.
const LABEL_WIDTH: usize = 23;

pub struct Chart {
    pub what: &'static str,
    pub height: String,
    pub axis_y: String,
    /// Where the name of the line of all rows stands.
    pub foot_y: String,
    pub ticks: Vec<(String, String)>,
    pub limit: Option<Marked>,
    pub overall: Option<Marked>,
    pub rows: Vec<Row>,
}

/// An upright line with its name.
pub struct Marked {
    pub x: String,
    pub text_x: String,
    pub shown: String,
}

pub struct Row {
    pub label: String,
    pub n: String,
    pub text_y: String,
    /// `None`: too few rows, or undefined.
    pub dot: Option<Dot>,
    pub too_small: bool,
}

pub struct Dot {
    pub y: String,
    pub x: String,
    /// The corner of the square that stands for a value beyond the limit.
    pub corner_x: String,
    pub corner_y: String,
    /// Both ends of the interval.
    pub ends: Option<(String, String)>,
    pub shown: String,
    /// `good`, `bad`, `mind` (the interval reaches over the limit) or `quiet` (no limit).
    pub tone: &'static str,
}

/// `None` when no group has the figure.
pub fn chart(table: &AttributeTable, shown: &[&GroupRates], drawn: Drawn) -> Option<Chart> {
    let Drawn { what, limit } = drawn;
    let groups: Vec<(&GroupRates, Option<Figure>)> =
        shown.iter().map(|group| (*group, names::value(group, what))).collect();
    let overall = table.overall.as_ref().and_then(|all| names::value(all, what)).and_then(|figure| figure.value);
    let values = groups.iter().filter_map(|(_, figure)| *figure).flat_map(ends);
    let (mut low, mut high) = values.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    if high < low {
        return None;
    }
    for line in limit.map(|limit| limit.at).into_iter().chain(overall) {
        (low, high) = (low.min(line), high.max(line));
    }
    let least_wide = match what {
        Compared::Rate(_) => 0.01,
        Compared::Figure(_) => (high.abs().max(low.abs()) / 100.0).max(1e-6),
    };
    let scale = Scale::over(low, high, least_wide)?;
    let bottom = TOP + ROW * groups.len() as f64;
    let marked = |value: f64| Marked {
        x: px(scale.x(value)),
        text_x: px(scale.x(value).clamp(LEFT + 10.0, RIGHT)),
        shown: text(what, value),
    };
    let row = |(place, (group, figure)): (usize, &(&GroupRates, Option<Figure>))| {
        let y = TOP + ROW * place as f64 + ROW / 2.0;
        Row {
            label: label(&group.group),
            n: words::grouped(group.n),
            text_y: px(y + 4.5),
            dot: figure.and_then(|figure| dot(what, figure, y, &scale, limit)),
            too_small: group.too_small,
        }
    };
    Some(Chart {
        what: names::compared(what),
        height: px(bottom + 42.0),
        axis_y: px(bottom),
        foot_y: px(bottom + 36.0),
        ticks: ticks(what, &scale),
        limit: limit.map(|limit| marked(limit.at)),
        overall: overall.map(marked),
        rows: groups.iter().enumerate().map(row).collect(),
    })
}

fn ends(figure: Figure) -> impl Iterator<Item = f64> {
    let interval = figure.interval.map(|i| [i.low, i.high]);
    figure.value.into_iter().chain(interval.into_iter().flatten())
}

fn dot(what: Compared, figure: Figure, y: f64, scale: &Scale, limit: Option<Limit>) -> Option<Dot> {
    let value = figure.value?;
    let x = scale.x(value);
    Some(Dot {
        y: px(y),
        x: px(x),
        corner_x: px(x - 5.0),
        corner_y: px(y - 5.0),
        ends: figure.interval.map(|i| (px(scale.x(i.low)), px(scale.x(i.high)))),
        shown: text(what, value),
        tone: limit.map_or("quiet", |limit| tone(figure, value, limit)),
    })
}

/// Wholly inside, beyond, or neither. A point beyond is bad when the limit was failed by it.
fn tone(figure: Figure, value: f64, limit: Limit) -> &'static str {
    let inside = |at: f64| if limit.upper { at <= limit.at } else { limit.at <= at };
    let all = ends(figure).filter(|at| inside(*at)).count();
    match (all, ends(figure).count()) {
        (0, _) => "bad",
        _ if !inside(value) && limit.failed => "bad",
        (inside, of) if inside == of => "good",
        _ => "mind",
    }
}

fn ticks(what: Compared, scale: &Scale) -> Vec<(String, String)> {
    let label = |value: f64| match what {
        Compared::Rate(_) => format!("{:.*} %", scale.digits(100.0), value * 100.0),
        Compared::Figure(_) if value.abs() < 1e6 => format!("{value:.*}", scale.digits(1.0)),
        Compared::Figure(_) => amount::number(value),
    };
    // A step that comes out as -0.0 is 0.
    scale.ticks().into_iter().map(|(x, value)| (px(x), label(value + 0.0))).collect()
}

fn text(what: Compared, value: f64) -> String {
    match what {
        Compared::Rate(_) => words::percent(value),
        Compared::Figure(_) => amount::number(value),
    }
}

fn label(name: &str) -> String {
    cut_to(name, LABEL_WIDTH)
}

/// As much of a name as fits; letters outside of ASCII may be twice as wide.
pub fn cut_to(name: &str, most: usize) -> String {
    let mut width = 0;
    let mut cut = String::new();
    for letter in name.chars() {
        width += if letter.is_ascii() { 1 } else { 2 };
        if most < width {
            cut.push('…');
            break;
        }
        cut.push(letter);
    }
    cut
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::figure::Rate;

    #[test]
    fn a_dot_is_good_or_bad_only_when_its_interval_says_so() {
        // 40 of 100: 30.9 % to 49.8 %.
        let figure = Rate::figure(Rate::of(40, 100));
        for (at, upper, failed, want) in [
            (0.6, true, false, "good"),
            (0.45, true, false, "mind"),
            (0.35, true, false, "mind"),
            (0.35, true, true, "bad"),
            (0.2, true, true, "bad"),
            (0.2, false, false, "good"),
            (0.6, false, true, "bad"),
            (0.4, true, true, "mind"),
        ] {
            assert_eq!(tone(figure, 0.4, Limit { at, upper, failed }), want, "{at} {upper} {failed}");
        }
    }

    #[test]
    fn long_names_are_cut_where_they_would_run_into_the_scale() {
        assert_eq!(label("25 or younger"), "25 or younger");
        assert_eq!(label(&"x".repeat(40)).chars().count(), LABEL_WIDTH + 1);
        assert_eq!(label(&"漢".repeat(40)).chars().count(), 12);
    }
}
