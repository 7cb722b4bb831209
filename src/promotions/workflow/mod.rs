//! How requests and releases of one model in one environment move: one pure machine.
//!
//! [`apply`] says what a command leads to, from the state, from what was looked up in the same
//! transaction ([`Observed`]), and from the time, which is passed in. Its answer is facts, or a
//! refusal that changes nothing, but for the two endings that it may name: a request whose time
//! is over, and one whose ground has changed. [`Lane::evolve`] is the only way from one state to
//! the next. The use-cases write the facts and nothing else into the database.
//!
//! Invariants, which a model test asks after every step of ten thousand random histories:
//! - nothing becomes active but on a full quorum of independent people for exactly the digest
//!   that holds at that moment, or as a break-glass that says so;
//! - one release is active at most; what a rollback brings back was active before;
//! - an open request never outlives its time or its ground: whatever looks at it ends it.

mod command;
mod quorum;
mod releases;
mod requests;
mod seated;
mod stage;
mod state;

pub use command::{Asked, Assessed, Bar, Command, Decision, Fact, Hold, Observed, Refusal, Voter, Why};
pub use quorum::{filled, is_full};
pub use seated::seated;
pub use stage::Stage;
pub use state::{Lane, Release, Request, Vote};

use crate::core::ids::PromotionId;
use chrono::{DateTime, Utc};

/// What a command leads to now.
///
/// Nothing at all is an answer too: the same decision again changes nothing.
///
/// # Errors
/// A refusal with a stable code, what to do instead, and the actions that are possible next.
pub fn apply(lane: &Lane, command: &Command, observed: &Observed, now: DateTime<Utc>) -> Result<Vec<Fact>, Refusal> {
    match command {
        Command::Ask(asked) => requests::ask(lane, asked, observed),
        Command::Decide(decision) => requests::decide(open(lane, decision.promotion)?, decision, observed, now),
        Command::Unapprove { promotion, account } => {
            requests::unapprove(open(lane, *promotion)?, *account, observed, now)
        }
        Command::Withdraw { promotion, by } => requests::withdraw(open(lane, *promotion)?, *by),
        Command::Look { promotion } => Ok(requests::look(open(lane, *promotion)?, observed, now)),
        Command::Activate { promotion, release } => {
            releases::activate(lane, open(lane, *promotion)?, *release, observed, now)
        }
        Command::Bypass { asked, release } => releases::bypass(lane, asked, *release, observed),
        Command::RollBack { release, to } => releases::roll_back(lane, *release, *to, observed),
        Command::Suspend => releases::suspend(lane),
        Command::Resume { release } => releases::resume(lane, *release, observed),
        Command::LowerMode { release } => releases::lower_mode(lane, *release, observed),
        Command::Lapse { release } => Ok(releases::lapse(lane, *release, observed)),
    }
}

fn open(lane: &Lane, id: PromotionId) -> Result<&Request, Refusal> {
    let missing = || Refusal::new("promotion_unknown", "there is no such request here", &[]);
    lane.requests.get(&id).ok_or_else(missing)
}
