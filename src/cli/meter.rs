//! How far a transfer is: a bar on a terminal, otherwise a line per tenth of a large one.

use super::output::{printable, size};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Smaller transfers are over before anybody wonders.
const WORTH_LINES_BYTES: u64 = 8 << 20;
/// Several that fail at once have one reason.
const SAYS_EVERY: Duration = Duration::from_secs(1);

pub struct Meter {
    what: &'static str,
    total: u64,
    done: u64,
    /// Of what is done: that which was there already. It says nothing of the rate.
    had: u64,
    /// Tenths that were said.
    said: u64,
    began: Instant,
    bar: Option<ProgressBar>,
    spoke: Option<Instant>,
}

/// One meter for several that work at once.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Meter>>);

impl Meter {
    /// `total`: bytes.
    pub fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style).with_prefix(what)
        });
        Self { what, total, done: 0, had: 0, said: 0, began: Instant::now(), bar, spoke: None }
    }

    pub fn shared(self) -> Shared {
        Shared(Arc::new(Mutex::new(self)))
    }

    pub fn add(&mut self, bytes: u64) {
        self.done += bytes;
        self.show();
    }

    /// What need not be moved is done at once.
    pub fn had(&mut self, bytes: u64) {
        self.had += bytes;
        self.done += bytes;
        self.show();
        if let Some(bar) = &self.bar {
            bar.reset_eta();
        }
    }

    /// What was moved in vain.
    pub fn take_back(&mut self, bytes: u64) {
        self.done = self.done.saturating_sub(bytes);
        self.had = self.had.min(self.done);
        self.show();
    }

    /// A line beside it; of several at once, one.
    pub fn say(&mut self, line: &str) {
        if self.spoke.is_some_and(|spoke| spoke.elapsed() < SAYS_EVERY) {
            return;
        }
        self.spoke = Some(Instant::now());
        match &self.bar {
            Some(bar) => bar.suspend(|| say!("{}", printable(line))),
            None => say!("{}", printable(line)),
        }
    }

    fn show(&mut self) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            return;
        }
        let tenths = (self.done * 10).checked_div(self.total).unwrap_or(10).min(10);
        if WORTH_LINES_BYTES <= self.total && self.said < tenths {
            self.said = tenths;
            say!("{} {} % of {}{}", self.what, tenths * 10, size(self.total), self.pace());
        }
    }

    /// Rate and time left, where something was moved.
    fn pace(&self) -> String {
        let moved = self.done - self.had;
        if moved == 0 {
            return ", which was there already".to_owned();
        }
        let rate = moved as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left = self.total.saturating_sub(self.done);
        let left = if left == 0 { String::new() } else { format!(", {} left", time(left as f64 / rate)) };
        format!(", {}/s{left}", size(rate as u64))
    }
}

impl Shared {
    pub fn add(&self, bytes: u64) {
        self.lock().add(bytes);
    }

    pub fn had(&self, bytes: u64) {
        self.lock().had(bytes);
    }

    pub fn take_back(&self, bytes: u64) {
        self.lock().take_back(bytes);
    }

    pub fn say(&self, line: &str) {
        self.lock().say(line);
    }

    fn lock(&self) -> MutexGuard<'_, Meter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `40 s`, `3 min`, `2 h 5 min`.
fn time(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (seconds, want) in [(0.1, "1 s"), (119.0, "119 s"), (200.0, "3 min"), (7500.0, "2 h 5 min")] {
            assert_eq!(time(seconds), want);
        }
    }

    #[test]
    fn what_was_there_says_nothing_of_the_rate() {
        let mut meter = Meter::new("uploading", 100);
        meter.had(60);
        assert_eq!(meter.pace(), ", which was there already");
        meter.add(30);
        meter.take_back(20);
        assert_eq!((meter.done, meter.had), (70, 60));
        assert!(meter.pace().ends_with("s left"), "{}", meter.pace());
        meter.take_back(70);
        assert_eq!((meter.done, meter.had), (0, 0));
    }
}
