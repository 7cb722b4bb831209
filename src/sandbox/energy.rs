//! Energy counters of the processor's packages (RAPL), read around calls where the host lets this process read them.
//!
//! Source: `Documentation/power/powercap/powercap.rst` of the Linux kernel: `energy_uj` counts microjoules and starts
//! again after `max_energy_range_uj`. The counters are of whole packages, so they include whatever else the machine does.
//! Nothing is guessed: a host without readable counters has no figure.

use std::{
    fs::{self, File},
    io::{Read, Seek},
    path::Path,
};

const POWERCAP: &str = "/sys/class/powercap";
/// More packages than a machine has that a sandbox may hold the files of.
const MAX_PACKAGES: usize = 16;

/// The open counters of all packages.
#[derive(Debug)]
pub(super) struct Counters {
    packages: Vec<Package>,
}

#[derive(Debug)]
struct Package {
    energy: File,
    /// The counter starts again behind this many microjoules.
    range_uj: u64,
}

impl Counters {
    /// Opens the counters; this opens files, so it comes before the lock-down.
    ///
    /// # Errors
    /// Why this host's energy can't be read.
    pub fn open() -> Result<Self, String> {
        Self::in_folder(Path::new(POWERCAP))
    }

    fn in_folder(folder: &Path) -> Result<Self, String> {
        let Ok(entries) = fs::read_dir(folder) else {
            return Err("the host has no energy counters (RAPL)".to_owned());
        };
        let mut packages = Vec::new();
        for zone in entries.flatten().map(|entry| entry.path()) {
            // Another driver shows the same packages again, as intel-rapl-mmio.
            if !zone.file_name().is_some_and(|name| name.to_string_lossy().starts_with("intel-rapl:")) {
                continue;
            }
            let text = |file: &str| fs::read_to_string(zone.join(file));
            // Parts of a package, and the platform around it, would be counted twice.
            if !text("name").is_ok_and(|name| name.starts_with("package-")) {
                continue;
            }
            let range = text("max_energy_range_uj").ok().and_then(|range| range.trim().parse().ok());
            let energy = File::open(zone.join("energy_uj"));
            let energy = energy.map_err(|error| format!("the energy counter of a package can't be read: {error}"))?;
            packages.push(Package { energy, range_uj: range.ok_or("an energy counter doesn't say its range")? });
        }
        match packages.len() {
            0 => Err("the host has no energy counter of a processor package (RAPL)".to_owned()),
            count if MAX_PACKAGES < count => Err(format!("{count} packages are more than {MAX_PACKAGES}")),
            _ => {
                let mut counters = Self { packages };
                // What can be opened may still refuse to be read.
                counters.read().ok_or("the energy counters can be opened and not read")?;
                Ok(counters)
            }
        }
    }

    /// Microjoules of each package so far; `None` when one can't be read any more.
    pub fn read(&mut self) -> Option<Vec<u64>> {
        self.packages.iter_mut().map(Package::read).collect()
    }

    /// Joules between two readings, over all packages.
    pub fn joules(&self, before: &[u64], after: &[u64]) -> Option<f64> {
        if before.len() != self.packages.len() || after.len() != self.packages.len() {
            return None;
        }
        let mut total_uj: u64 = 0;
        for ((package, before), after) in self.packages.iter().zip(before).zip(after) {
            let spent = match after.checked_sub(*before) {
                Some(spent) => spent,
                // It started again in between.
                None => package.range_uj.checked_sub(*before)?.checked_add(*after)?,
            };
            total_uj = total_uj.checked_add(spent)?;
        }
        Some(total_uj as f64 / 1e6)
    }
}

impl Package {
    fn read(&mut self) -> Option<u64> {
        let mut text = String::new();
        self.energy.rewind().ok()?;
        Read::by_ref(&mut self.energy).take(64).read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zones as the kernel shows them: name, counter, range.
    fn folder(zones: &[(&str, &str, &str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (zone, name, energy, range) in zones {
            let path = folder.path().join(zone);
            fs::create_dir(&path).expect("made");
            for (file, text) in [("name", name), ("energy_uj", energy), ("max_energy_range_uj", range)] {
                fs::write(path.join(file), format!("{text}\n")).expect("written");
            }
        }
        folder
    }

    #[test]
    fn packages_are_added_up_and_their_parts_are_not() {
        let folder = folder(&[
            ("intel-rapl:0", "package-0", "1000000", "262143328850"),
            ("intel-rapl:1", "package-1", "262143328849", "262143328850"),
            ("intel-rapl:0:0", "core", "500", "262143328850"),
            ("intel-rapl:2", "psys", "900", "262143328850"),
            ("intel-rapl-mmio:0", "package-0", "1000000", "262143328850"),
        ]);
        let mut counters = Counters::in_folder(folder.path()).expect("readable");
        let before = counters.read().expect("read");
        assert_eq!(before.len(), 2);
        for (zone, now) in [("intel-rapl:0", "3000000"), ("intel-rapl:1", "999999")] {
            fs::write(folder.path().join(zone).join("energy_uj"), now).expect("written");
        }
        let after = counters.read().expect("read again");
        // Two joules of the first one; the second one started again: one microjoule and 999,999 more.
        assert_eq!(counters.joules(&before, &after), Some(3.0));
        assert_eq!(counters.joules(&before[..1], &after), None);
    }

    #[test]
    fn a_host_without_readable_counters_says_why() {
        let nothing = tempfile::tempdir().expect("a folder");
        let said = |path: &Path| Counters::in_folder(path).expect_err("no counters");
        assert!(said(nothing.path()).contains("no energy counter of a processor package"));
        assert!(said(&nothing.path().join("absent")).contains("no energy counters"));
        let garbled = folder(&[("intel-rapl:0", "package-0", "much", "262143328850")]);
        assert!(said(garbled.path()).contains("not read"));
        let endless = folder(&[("intel-rapl:0", "package-0", "1", "x")]);
        assert!(said(endless.path()).contains("range"));
    }
}
