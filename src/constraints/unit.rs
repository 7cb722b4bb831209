//! Units of limits: a subset of UCUM, each tied to one quantity. UCUM has no currencies; they stand in its braces for
//! annotations.
//!
//! Invariant: conversion is by one integer multiplication and one division, so that 3 ms and
//! 0.003 s are the same number and a measurement on the limit is on it in every unit.

use super::words::words;

words! {
    /// What is measured. Figures are kept in its base unit: s, By, 1/s, 1, J, bit/s.
    Quantity {
        Time = "time",
        Information = "information",
        PerTime = "per_time",
        Number = "number",
        Money = "money",
        Energy = "energy",
        /// Of a link; no limit is in it.
        BitRate = "bit_rate",
    }

    /// A unit as it is written in a spec.
    Unit {
        Second = "s",
        Millisecond = "ms",
        Microsecond = "us",
        Nanosecond = "ns",
        Minute = "min",
        Hour = "h",
        Day = "d",
        Byte = "By",
        Kilobyte = "kBy",
        Megabyte = "MBy",
        Gigabyte = "GBy",
        Kibibyte = "KiBy",
        Mebibyte = "MiBy",
        Gibibyte = "GiBy",
        PerSecond = "/s",
        PerMinute = "/min",
        PerHour = "/h",
        One = "1",
        Percent = "%",
        Euro = "{EUR}",
        Dollar = "{USD}",
        Pound = "{GBP}",
        Franc = "{CHF}",
        Yen = "{JPY}",
        Joule = "J",
        Millijoule = "mJ",
        Microjoule = "uJ",
        Kilojoule = "kJ",
        WattHour = "W.h",
        KilowattHour = "kW.h",
        BitPerSecond = "bit/s",
        KilobitPerSecond = "kbit/s",
        MegabitPerSecond = "Mbit/s",
        GigabitPerSecond = "Gbit/s",
    }
}

impl Quantity {
    pub fn base_unit(self) -> Unit {
        match self {
            Self::Time => Unit::Second,
            Self::Information => Unit::Byte,
            Self::PerTime => Unit::PerSecond,
            Self::Number => Unit::One,
            Self::Money => Unit::Euro,
            Self::Energy => Unit::Joule,
            Self::BitRate => Unit::BitPerSecond,
        }
    }
}

impl Unit {
    pub fn quantity(self) -> Quantity {
        match self {
            Self::Second
            | Self::Millisecond
            | Self::Microsecond
            | Self::Nanosecond
            | Self::Minute
            | Self::Hour
            | Self::Day => Quantity::Time,
            Self::Byte
            | Self::Kilobyte
            | Self::Megabyte
            | Self::Gigabyte
            | Self::Kibibyte
            | Self::Mebibyte
            | Self::Gibibyte => Quantity::Information,
            Self::PerSecond | Self::PerMinute | Self::PerHour => Quantity::PerTime,
            Self::One | Self::Percent => Quantity::Number,
            Self::Euro | Self::Dollar | Self::Pound | Self::Franc | Self::Yen => Quantity::Money,
            Self::Joule
            | Self::Millijoule
            | Self::Microjoule
            | Self::Kilojoule
            | Self::WattHour
            | Self::KilowattHour => Quantity::Energy,
            Self::BitPerSecond | Self::KilobitPerSecond | Self::MegabitPerSecond | Self::GigabitPerSecond => {
                Quantity::BitRate
            }
        }
    }

    /// One of this unit is `.0 / .1` base units.
    fn factor(self) -> (f64, f64) {
        match self {
            Self::Second | Self::Byte | Self::PerSecond | Self::One | Self::Joule | Self::BitPerSecond => (1.0, 1.0),
            // Currencies are never converted into each other: a limit is in that of its spec.
            Self::Euro | Self::Dollar | Self::Pound | Self::Franc | Self::Yen => (1.0, 1.0),
            Self::Millisecond => (1.0, 1e3),
            Self::Microsecond => (1.0, 1e6),
            Self::Nanosecond => (1.0, 1e9),
            Self::Minute => (60.0, 1.0),
            Self::Hour => (3600.0, 1.0),
            Self::Day => (86_400.0, 1.0),
            Self::Kilobyte => (1e3, 1.0),
            Self::Megabyte => (1e6, 1.0),
            Self::Gigabyte => (1e9, 1.0),
            Self::Kibibyte => (1024.0, 1.0),
            Self::Mebibyte => (1_048_576.0, 1.0),
            Self::Gibibyte => (1_073_741_824.0, 1.0),
            Self::PerMinute => (1.0, 60.0),
            Self::PerHour => (1.0, 3600.0),
            Self::Percent => (1.0, 100.0),
            Self::Millijoule => (1.0, 1e3),
            Self::Microjoule => (1.0, 1e6),
            Self::Kilojoule | Self::KilobitPerSecond => (1e3, 1.0),
            Self::WattHour => (3600.0, 1.0),
            Self::KilowattHour => (3_600_000.0, 1.0),
            Self::MegabitPerSecond => (1e6, 1.0),
            Self::GigabitPerSecond => (1e9, 1.0),
        }
    }

    /// From this unit into the base unit of its quantity.
    pub fn to_base(self, value: f64) -> f64 {
        let (times, over) = self.factor();
        value * times / over
    }

    /// From the base unit of its quantity into this unit.
    pub fn from_base(self, value: f64) -> f64 {
        let (times, over) = self.factor();
        value * over / times
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;
    use super::*;

    #[test]
    fn units_convert_to_the_number_that_is_written() {
        for (value, unit, base) in [
            (20.0, Unit::Millisecond, 0.02),
            (3.0, Unit::Millisecond, 0.003),
            (7.0, Unit::Microsecond, 0.000_007),
            (2.0, Unit::Minute, 120.0),
            (1.5, Unit::Hour, 5400.0),
            (80.0, Unit::Percent, 0.8),
            (64.0, Unit::Mebibyte, 67_108_864.0),
            (1.0, Unit::Megabyte, 1_000_000.0),
            (120.0, Unit::PerMinute, 2.0),
            (2.5, Unit::Millijoule, 0.002_5),
            (0.5, Unit::KilowattHour, 1_800_000.0),
            (10.0, Unit::MegabitPerSecond, 10_000_000.0),
        ] {
            assert_eq!(unit.to_base(value), base, "{value} {unit}");
        }
    }

    #[test]
    fn every_unit_comes_back_from_its_base() {
        for unit in Unit::ALL {
            for value in [1.0, 20.0, 250.0, 4096.0] {
                let back = unit.from_base(unit.to_base(value));
                assert!((back - value).abs() <= value * 1e-15, "{back} {unit}");
            }
            assert_eq!(Unit::from_word(unit.word()), Some(*unit));
        }
        for quantity in Quantity::ALL {
            let base = quantity.base_unit();
            assert_eq!((base.quantity(), base.to_base(3.0)), (*quantity, 3.0));
        }
    }
}
