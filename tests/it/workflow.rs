//! The machine of requests and releases, driven by random histories: every command, with the
//! clock jumping, roles coming and going, and everything that a request rests on changing under
//! it. After every step a checker that shares no code with the machine asks the invariants.
//!
//! `WORKFLOW_SEED=n cargo nextest run -E 'test(random_histories)'` replays the history of seed n.

mod checker;
mod driver;
mod quorum;
mod world;

use driver::Driver;
use std::collections::BTreeMap;

/// Histories in one run of the test, and commands in each.
const HISTORIES: u64 = 10_000;
const COMMANDS: usize = 40;

/// SplitMix64, as S. Vigna published it for seeding.
pub struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).expect("fits")).expect("fits")
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { Some(&of[self.below(of.len())]) }
    }
}

#[test]
fn no_random_history_breaks_an_invariant() {
    #[expect(clippy::disallowed_methods, reason = "whoever replays a history says which")]
    let replayed = std::env::var("WORKFLOW_SEED").ok().map(|seed| seed.parse::<u64>().expect("a number"));
    let first = replayed.unwrap_or_else(fresh_seed);
    let histories = if replayed.is_some() { 1 } else { HISTORIES };
    println!("histories of seeds {first} to {}", first.wrapping_add(histories - 1));
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in (0..histories).map(|n| first.wrapping_add(n)) {
        let mut driver = Driver::new(Dice(seed));
        for step in 0..COMMANDS {
            let broken = driver.step(&mut seen);
            assert!(
                broken.is_empty(),
                "seed {seed}, step {step}: {broken:#?}\nreplay it with WORKFLOW_SEED={seed}\n{}",
                driver.told()
            );
        }
    }
    println!("{seen:#?}");
    // A history in which nothing happens breaks nothing either.
    if replayed.is_none() {
        for wanted in driver::REACHED {
            assert!(10 <= seen.get(*wanted).copied().unwrap_or_default(), "{wanted} hardly happens: {seen:#?}");
        }
    }
}

/// Another one in each run.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
