//! Staged rollout: how much a model may do by itself, one gated step at a time.
//!
//! Invariants: a request goes at most one step above what runs, and never above what the
//! environment's profile allows; the way down needs nobody's approval.

use crate::{environments::profile::OperatingMode, error::FailedCheck};

/// What bears on the mode of a release in one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// The mode of what is active there, if something is.
    pub active: Option<OperatingMode>,
    /// What the first release of a model begins with, and one that follows a suspension.
    pub starting: OperatingMode,
    /// The profile's `operating_mode`.
    pub ceiling: OperatingMode,
}

impl Ladder {
    /// The mode of a request that names none: what runs now goes on as it does, and what never ran begins at the
    /// bottom.
    pub fn unasked(self) -> OperatingMode {
        self.active.unwrap_or(self.starting).min(self.ceiling)
    }

    /// The highest mode that one request may ask for.
    pub fn highest(self) -> OperatingMode {
        self.active.map_or(self.starting, OperatingMode::one_up).min(self.ceiling)
    }

    /// What stands in the way of a mode.
    pub fn checks(self, asked: OperatingMode) -> Vec<FailedCheck> {
        let check = |code: &str, detail: String| FailedCheck { check: code.to_owned(), detail, owner: None };
        if self.ceiling < asked {
            let detail = format!(
                "nothing here runs as {}; the environment's profile allows {} at most",
                asked.name(),
                self.ceiling.name()
            );
            return vec![check("mode_above_profile", detail)];
        }
        if self.highest() < asked {
            let now = self.active.map_or("nothing is active", OperatingMode::name);
            let detail =
                format!("one step at a time: now {now}, so at most {}; ask for that first", self.highest().name());
            return vec![check("mode_skips_a_step", detail)];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OperatingMode::{Advisory, Automated, HumanInTheLoop};

    #[test]
    fn a_request_goes_one_step_up_at_most_and_never_over_the_ceiling() {
        let cases = [
            // active, starting, ceiling, unasked, highest
            (None, Advisory, Advisory, Advisory, Advisory),
            (None, Advisory, Automated, Advisory, Advisory),
            (None, HumanInTheLoop, Automated, HumanInTheLoop, HumanInTheLoop),
            (Some(Advisory), Advisory, Automated, Advisory, HumanInTheLoop),
            (Some(HumanInTheLoop), Advisory, Automated, HumanInTheLoop, Automated),
            (Some(HumanInTheLoop), Advisory, HumanInTheLoop, HumanInTheLoop, HumanInTheLoop),
            (Some(Automated), Advisory, Automated, Automated, Automated),
            // The profile was lowered since.
            (Some(Automated), Advisory, Advisory, Advisory, Advisory),
        ];
        for (active, starting, ceiling, unasked, highest) in cases {
            let ladder = Ladder { active, starting, ceiling };
            assert_eq!((ladder.unasked(), ladder.highest()), (unasked, highest), "{ladder:?}");
            for mode in OperatingMode::ALL {
                assert_eq!(ladder.checks(mode).is_empty(), mode <= highest, "{ladder:?} {mode:?}");
            }
            assert!(ladder.checks(ladder.unasked()).is_empty(), "{ladder:?}: what nobody asked for is allowed");
        }
    }

    #[test]
    fn a_refusal_says_whether_the_profile_or_the_step_is_in_the_way() {
        let ladder = Ladder { active: None, starting: Advisory, ceiling: HumanInTheLoop };
        assert_eq!(ladder.checks(Automated)[0].check, "mode_above_profile");
        assert_eq!(ladder.checks(HumanInTheLoop)[0].check, "mode_skips_a_step");
    }
}
