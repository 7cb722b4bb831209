//! What a row takes on the environment's link, from the bytes that were measured and the link that is declared.

use super::{
    super::{link::Link, metric::Metric},
    Measured,
};

impl Measured {
    /// Bytes of a row and of its answer; without them neither is measured.
    pub fn add_traffic(&mut self, bytes: Option<(f64, f64)>, rows: u64) {
        let Some((bytes_in, bytes_out)) = bytes else {
            for metric in ["bytes_in", "bytes_out"] {
                self.set_absent(metric, "the measurement is of before bytes were counted");
            }
            return;
        };
        self.set(Metric::BytesIn, bytes_in, rows);
        self.set(Metric::BytesOut, bytes_out, rows);
    }

    /// Transfer time and offline time. Call it after [`Measured::add_traffic`].
    pub fn add_link(&mut self, link: Option<&Link>) {
        let Some(link) = link else {
            for metric in ["transfer_time", "maximum_offline_time"] {
                self.set_absent(metric, "the environment's profile declares no `connectivity`");
            }
            return;
        };
        self.link = Some(*link);
        let bytes = |metric| self.figures.get(&metric).and_then(|figure| Some((figure.value?, figure.n)));
        match bytes(Metric::BytesIn).zip(bytes(Metric::BytesOut)) {
            Some(((bytes_in, rows), (bytes_out, _))) => match link.transfer_seconds(bytes_in + bytes_out) {
                Ok(seconds) => self.set(Metric::TransferTime, seconds, rows),
                Err(why) => self.set_absent("transfer_time", why),
            },
            None => self.set_absent("transfer_time", "the bytes of a row were not measured"),
        }
        match link.maximum_offline_time {
            // Declared, not measured: a promise of the environment, held against the limit.
            Some(time) => self.set(Metric::MaximumOfflineTime, time.in_base(), 1),
            None => {
                let why = "the environment's profile declares no `connectivity.maximum_offline_time`";
                self.set_absent("maximum_offline_time", why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraints::{Unit, link::Amount};

    #[test]
    fn a_row_takes_its_bytes_both_ways_and_one_round_trip() {
        let link = Link {
            rate: Some(Amount { value: 1.0, unit: Unit::KilobitPerSecond }),
            round_trip: Some(Amount { value: 0.5, unit: Unit::Second }),
            ..Link::default()
        };
        let mut measured = Measured::default();
        measured.add_traffic(Some((100.0, 25.0)), 40);
        measured.add_link(Some(&link));
        let time = measured.figures[&Metric::TransferTime];
        assert_eq!((time.value, time.n), (Some(1.5), 40));
        assert!(measured.absent["maximum_offline_time"].contains("maximum_offline_time"));
    }

    #[test]
    fn what_is_not_declared_is_not_measured() {
        let mut measured = Measured::default();
        measured.add_traffic(Some((1.0, 1.0)), 1);
        measured.add_link(None);
        assert!(!measured.figures.contains_key(&Metric::TransferTime));
        assert!(measured.absent["transfer_time"].contains("connectivity"));
        let mut old = Measured::default();
        old.add_traffic(None, 1);
        old.add_link(Some(&Link::default()));
        assert!(old.absent["transfer_time"].contains("not measured"));
    }
}
