//! What ran in an environment, drawn over time: a lane for each model, a bar for each release.

use crate::{releases::board::Posted, web::subgroups::cut_to};
use chrono::{DateTime, Utc};

const LEFT: f64 = 150.0;
const RIGHT: f64 = 670.0;
const TOP: f64 = 12.0;
const LANE: f64 = 30.0;
const LABEL_WIDTH: usize = 19;
/// More models than this are in the table alone.
const LANES: usize = 12;
/// A bar is at least so wide, or it would not be seen.
const LEAST: f64 = 2.0;
/// A number is written into a bar that has room for it.
const ROOM: f64 = 22.0;

pub struct Timeline {
    pub height: String,
    pub axis_y: String,
    pub from: String,
    pub to: String,
    /// Place and name.
    pub lanes: Vec<(String, String)>,
    pub bars: Vec<Bar>,
    pub left_out: usize,
}

pub struct Bar {
    pub x: String,
    pub y: String,
    pub width: String,
    pub text_x: String,
    pub text_y: String,
    /// The version, where there is room.
    pub label: String,
    pub tone: &'static str,
}

/// `None` when nothing ran so far.
pub fn draw(releases: &[Posted], now: DateTime<Utc>) -> Option<Timeline> {
    let first = releases.iter().map(|posted| posted.release.activated_at).min()?;
    let span = (now - first).num_seconds().max(1) as f64;
    let at =
        |moment: DateTime<Utc>| LEFT + (RIGHT - LEFT) * ((moment - first).num_seconds() as f64 / span).clamp(0.0, 1.0);
    let mut names: Vec<&str> = releases.iter().map(|posted| posted.model.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let left_out = names.len().saturating_sub(LANES);
    names.truncate(LANES);
    let bar = |posted: &Posted| {
        let lane = names.iter().position(|name| *name == posted.model)?;
        let release = &posted.release;
        let (start, end) = (at(release.activated_at), at(release.ended_at.unwrap_or(now)));
        let width = (end - start).max(LEAST);
        let y = TOP + LANE * lane as f64;
        let tone = match release.state.name() {
            "active" => "good",
            "suspended" | "rolled_back" => "bad",
            _ => "quiet",
        };
        let label = if ROOM <= width { posted.version.to_string() } else { String::new() };
        let (x, text_x) = (px(start), px(start + 6.0));
        Some(Bar { x, y: px(y + 4.0), width: px(width), text_x, text_y: px(y + 19.0), label, tone })
    };
    let bottom = TOP + LANE * names.len() as f64;
    Some(Timeline {
        height: px(bottom + 28.0),
        axis_y: px(bottom),
        from: first.format("%-d %b %Y").to_string(),
        to: now.format("%-d %b %Y").to_string(),
        bars: releases.iter().filter_map(bar).collect(),
        lanes: names
            .iter()
            .enumerate()
            .map(|(lane, name)| (px(TOP + LANE * lane as f64 + 19.0), cut_to(name, LABEL_WIDTH)))
            .collect(),
        left_out,
    })
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}
