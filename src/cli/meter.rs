//! How far a transfer is: a bar on a terminal, otherwise a line per tenth of a large one.

use super::output::size;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{io::IsTerminal, time::Instant};

/// Smaller transfers are over before anybody wonders.
const WORTH_LINES_BYTES: u64 = 8 << 20;

pub struct Meter {
    what: &'static str,
    total: u64,
    done: u64,
    /// Tenths that were said.
    said: u64,
    began: Instant,
    bar: Option<ProgressBar>,
}

impl Meter {
    /// `total`: bytes.
    pub fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style).with_prefix(what)
        });
        Self { what, total, done: 0, said: 0, began: Instant::now(), bar }
    }

    pub fn add(&mut self, bytes: u64) {
        self.done += bytes;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            return;
        }
        let tenths = (self.done * 10).checked_div(self.total).unwrap_or(10).min(10);
        if WORTH_LINES_BYTES <= self.total && self.said < tenths {
            self.said = tenths;
            let rate = self.done as f64 / self.began.elapsed().as_secs_f64().max(0.001);
            eprintln!("{} {} % of {}, {}/s", self.what, tenths * 10, size(self.total), size(rate as u64));
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
