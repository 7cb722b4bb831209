//! The invariants, asked of facts and of the world alone. Nothing in here calls the machine: it
//! has its own state, its own table of transitions and its own quorum, by trying everything.

use super::{quorum, world::World};
use chrono::{DateTime, Utc};
use plimsoll::{
    core::{
        digest::Digest,
        ids::{AccountId, ApprovalId, PromotionId, ReleaseId, VersionId},
    },
    promotions::{
        Outcome,
        workflow::{Command, Fact, Lane, Refusal, Stage},
    },
    releases::State,
};
use std::collections::{BTreeMap, BTreeSet};

/// From, and where to: every way there is.
const WAYS: &[(Stage, &[Stage])] = {
    use Stage::*;
    &[
        (AwaitingApproval, &[Approved, Rejected, Withdrawn, Expired, Invalidated]),
        (Approved, &[AwaitingApproval, Held, Activated, Rejected, Withdrawn, Expired, Invalidated]),
        (Held, &[Approved, AwaitingApproval, Rejected, Withdrawn, Expired, Invalidated]),
        (Activated, &[Superseded]),
    ]
};
const BEGINNINGS: &[Stage] = &[Stage::ChecksFailed, Stage::AwaitingApproval, Stage::Bypassed];
/// Refusals that record an ending.
const ENDING: &[&str] = &["promotion_expired", "decision_changed", "release_raced"];

pub struct Step<'a> {
    pub world: &'a World,
    pub before: &'a Lane,
    pub command: &'a Command,
    pub answer: &'a Result<Vec<Fact>, Refusal>,
    pub facts: &'a [Fact],
}

struct Asked {
    version: VersionId,
    by: AccountId,
    digest: Digest,
    replaces: Option<ReleaseId>,
    expires_at: DateTime<Utc>,
    stage: Stage,
}

struct Approval {
    id: ApprovalId,
    promotion: PromotionId,
    account: AccountId,
    digest: Digest,
    expires_at: Option<DateTime<Utc>>,
    withdrawn: bool,
}

struct Ran {
    id: ReleaseId,
    version: VersionId,
    promotion: PromotionId,
    active: bool,
}

/// What the facts so far amount to.
#[derive(Default)]
pub struct Checker {
    asked: BTreeMap<PromotionId, Asked>,
    approvals: Vec<Approval>,
    ran: Vec<Ran>,
    /// What was active was taken down, and nothing took its place.
    suspended: bool,
    last: Option<DateTime<Utc>>,
    broken: Vec<String>,
}

impl Checker {
    pub fn step(&mut self, step: &Step, after: &Lane) -> Vec<String> {
        if self.last.is_some_and(|last| step.world.now < last) {
            self.broken.push("I13: time went back".to_owned());
        }
        self.last = Some(step.world.now);
        self.refusal(step, after);
        for fact in step.facts {
            self.fact(step, fact);
        }
        self.one_active();
        self.none_beside();
        self.equals(after);
        std::mem::take(&mut self.broken)
    }

    /// After whatever changed something, nothing open stands on what no longer holds.
    pub fn after_follow(&self, world: &World, lane: &Lane) -> Vec<String> {
        let active = self.active();
        let mut broken = Vec::new();
        for request in lane.requests.values().filter(|r| r.stage.is_open()) {
            let asked = &self.asked[&request.id];
            let version = world.version(asked.version);
            if asked.expires_at <= world.now {
                broken.push(format!("{} is open after its end", request.id));
            }
            if world.digest(version, active) != asked.digest || world.is_blocked(version) {
                broken.push(format!("I7: {} is open on what no longer holds", request.id));
            }
            let full = self.is_full(world, request.id);
            if full == (request.stage == Stage::AwaitingApproval) {
                broken.push(format!("{} is {:?} with its seats full: {full}", request.id, request.stage));
            }
            if full && world.is_frozen() != (request.stage == Stage::Held) {
                broken.push(format!("{} is {:?}, frozen: {}", request.id, request.stage, world.is_frozen()));
            }
        }
        let live = lane.releases.iter().find(|release| release.state == State::Active);
        if let Some((release, asked)) = live.and_then(|r| Some((r, self.asked.get(&r.promotion)?))) {
            let holds = world.digest(world.version(release.version), asked.replaces) == asked.digest;
            if !holds && !release.lapsed {
                broken.push(format!("release {} lapsed and nobody says so", release.id));
            }
        }
        broken
    }

    /// I14: a refused command changes nothing, but for the endings that it may find.
    fn refusal(&mut self, step: &Step, after: &Lane) {
        let Err(refusal) = step.answer else { return };
        if step.facts.is_empty() && step.before != after {
            self.broken.push(format!("I14: {} changed something", refusal.code));
        }
        if !step.facts.is_empty() && !ENDING.contains(&refusal.code) {
            self.broken.push(format!("I14: {} came with {:?}", refusal.code, step.facts));
        }
        for fact in step.facts {
            let right = match (fact, step.command) {
                (Fact::Expired { promotion }, _) => self.asked[promotion].expires_at <= step.world.now,
                (Fact::Invalidated { promotion, .. }, _) => {
                    let asked = &self.asked[promotion];
                    let version = step.world.version(asked.version);
                    step.world.digest(version, self.active()) != asked.digest || step.world.is_blocked(version)
                }
                _ => false,
            };
            if !right {
                self.broken.push(format!("{} ended a request without a cause", refusal.code));
            }
        }
    }

    fn fact(&mut self, step: &Step, fact: &Fact) {
        match fact {
            Fact::Requested(request) => {
                if self.asked.values().any(|a| a.version == request.version && is_open(a.stage))
                    && request.stage != Stage::Bypassed
                {
                    self.broken.push("two open requests for one version".to_owned());
                }
                let blocked = step.world.is_blocked(step.world.version(request.version));
                if request.stage == Stage::AwaitingApproval && blocked {
                    self.broken.push("I10: a request with a failed check waits for approval".to_owned());
                }
                if !BEGINNINGS.contains(&request.stage) || self.asked.contains_key(&request.id) {
                    self.broken.push(format!("I11: a request begins as {:?}", request.stage));
                }
                let asked = Asked {
                    version: request.version,
                    by: request.requested_by,
                    digest: request.digest,
                    replaces: self.active(),
                    expires_at: request.expires_at,
                    stage: request.stage,
                };
                self.asked.insert(request.id, asked);
            }
            Fact::Approved { promotion, vote, quorum } => {
                self.decided(step, *promotion, vote.account);
                self.approvals.push(Approval {
                    id: vote.id,
                    promotion: *promotion,
                    account: vote.account,
                    digest: vote.digest,
                    expires_at: vote.expires_at,
                    withdrawn: false,
                });
                self.stands(step, *promotion, "approved");
                if *quorum != self.is_full(step.world, *promotion) {
                    self.broken.push(format!("I6: the approval says quorum {quorum}"));
                }
                if *quorum {
                    self.moves(*promotion, Stage::Approved);
                }
            }
            Fact::Rejected { promotion, .. } => {
                let Command::Decide(decision) = step.command else {
                    self.broken.push("a rejection that nobody made".to_owned());
                    return;
                };
                if decision.outcome != Outcome::Reject {
                    self.broken.push("an approval rejects".to_owned());
                }
                self.decided(step, *promotion, decision.account);
                self.moves(*promotion, Stage::Rejected);
            }
            Fact::ApprovalWithdrawn { promotion, approval } => {
                let Command::Unapprove { account, .. } = step.command else {
                    self.broken.push("an approval goes that nobody took back".to_owned());
                    return;
                };
                let found = self.approvals.iter_mut().find(|a| a.id == *approval && a.promotion == *promotion);
                match found {
                    Some(found) if found.account == *account => found.withdrawn = true,
                    _ => self.broken.push("somebody took back what is not theirs".to_owned()),
                }
            }
            Fact::Activated(release) => self.activated(step, release.id, release.version, release.promotion),
            Fact::Restored { release, restores } => self.restored(step, release, *restores),
            Fact::Ended { release, how } => match self.ran.iter_mut().find(|ran| ran.id == *release && ran.active) {
                Some(ran) => {
                    ran.active = false;
                    self.suspended = *how == State::Suspended;
                }
                None => self.broken.push("I8: something ended that was not active".to_owned()),
            },
            Fact::Lapsed { release } => {
                if self.active() != Some(*release) {
                    self.broken.push("something lapsed that is not active".to_owned());
                }
            }
            other => self.moved(step, other),
        }
    }

    fn moved(&mut self, step: &Step, fact: &Fact) {
        let (promotion, stage) = match fact {
            Fact::QuorumRegained { promotion } | Fact::HoldOver { promotion } => (*promotion, Stage::Approved),
            Fact::QuorumLost { promotion } => (*promotion, Stage::AwaitingApproval),
            Fact::Held { promotion, .. } => (*promotion, Stage::Held),
            Fact::Withdrawn { promotion } => (*promotion, Stage::Withdrawn),
            Fact::Expired { promotion } => (*promotion, Stage::Expired),
            Fact::Invalidated { promotion, .. } => (*promotion, Stage::Invalidated),
            Fact::Superseded { promotion } => (*promotion, Stage::Superseded),
            _ => return,
        };
        self.moves(promotion, stage);
        let full = self.is_full(step.world, promotion);
        let wrong = match fact {
            Fact::QuorumRegained { .. } => !full,
            Fact::QuorumLost { .. } => full,
            Fact::HoldOver { .. } => step.world.is_frozen(),
            Fact::Held { .. } => !step.world.is_frozen(),
            Fact::Expired { .. } => step.world.now < self.asked[&promotion].expires_at,
            Fact::Withdrawn { .. } => {
                !matches!(step.command, Command::Withdraw { by, .. } if *by == self.asked[&promotion].by)
            }
            _ => false,
        };
        if wrong {
            self.broken.push(format!("without a cause: {fact:?}"));
        }
    }

    /// I11.
    fn moves(&mut self, promotion: PromotionId, to: Stage) {
        let Some(asked) = self.asked.get_mut(&promotion) else {
            self.broken.push(format!("a request that nobody made became {to:?}"));
            return;
        };
        let ways = WAYS.iter().find(|(from, _)| *from == asked.stage).map_or(&[][..], |(_, ways)| ways);
        if !ways.contains(&to) {
            self.broken.push(format!("I11: {:?} became {to:?}", asked.stage));
        }
        asked.stage = to;
    }

    /// Whoever decides is a person with a role for it, and had no hand in it.
    fn decided(&mut self, step: &Step, promotion: PromotionId, account: AccountId) {
        let asked = &self.asked[&promotion];
        let account = step.world.accounts.iter().find(|a| a.id == account).expect("known");
        let involved = step.world.had_a_hand(step.world.version(asked.version), asked.by);
        if account.robot
            || !account.active
            || account.roles.is_empty()
            || involved.contains(&step.world.class(account.human))
        {
            self.broken.push(format!("I6: human {} decided on it", account.human));
        }
    }

    /// I6, I7 and I10: whatever goes on with a request does so on what holds now.
    fn stands(&mut self, step: &Step, promotion: PromotionId, what: &str) {
        let asked = &self.asked[&promotion];
        let version = step.world.version(asked.version);
        let mut wrong = Vec::new();
        if asked.expires_at <= step.world.now {
            wrong.push("after its end");
        }
        if step.world.digest(version, self.active_before(step)) != asked.digest {
            wrong.push("I7: on another digest");
        }
        if step.world.is_blocked(version) {
            wrong.push("I10: past a failed check");
        }
        self.broken.extend(wrong.into_iter().map(|why| format!("{what} {why}")));
    }

    fn activated(&mut self, step: &Step, id: ReleaseId, version: VersionId, promotion: PromotionId) {
        let asked = &self.asked[&promotion];
        let bypass = asked.stage == Stage::Bypassed;
        if asked.version != version {
            self.broken.push("I6: another version was approved".to_owned());
        }
        if bypass != matches!(step.command, Command::Bypass { .. }) {
            self.broken.push("I6: a break-glass that nobody asked for".to_owned());
        }
        if bypass && step.world.version(version).revoked {
            self.broken.push("a break-glass got past a revocation".to_owned());
        }
        if !bypass {
            if asked.replaces != self.active_before(step) {
                self.broken.push("I8: it replaces what reviewers did not see".to_owned());
            }
            self.stands(step, promotion, "activated");
            if !self.is_full(step.world, promotion) {
                self.broken.push("I6: activated without a quorum".to_owned());
            }
            if step.world.is_frozen() {
                self.broken.push("activated in a freeze".to_owned());
            }
            self.moves(promotion, Stage::Activated);
        }
        self.ran.push(Ran { id, version, promotion, active: true });
    }

    /// I9.
    fn restored(&mut self, step: &Step, release: &plimsoll::promotions::workflow::Release, restores: ReleaseId) {
        let earlier = self.ran.iter().find(|ran| ran.id == restores && !ran.active);
        let was = earlier.is_some_and(|e| e.version == release.version && e.promotion == release.promotion);
        let approved = self.asked.get(&release.promotion).is_some_and(|asked| asked.stage != Stage::Bypassed);
        if !was || !approved {
            self.broken.push("I9: back to what was never active and approved here".to_owned());
        }
        if step.world.version(release.version).revoked {
            self.broken.push("I9: a revoked version came back".to_owned());
        }
        self.ran.push(Ran { id: release.id, version: release.version, promotion: release.promotion, active: true });
    }

    /// I8.
    fn one_active(&mut self) {
        let active = self.ran.iter().filter(|ran| ran.active).count();
        self.suspended &= active == 0;
        if active != usize::from(!self.ran.is_empty() && !self.suspended) {
            self.broken.push(format!("I8: {active} releases are active"));
        }
    }

    /// I7: what reviewers judged is the difference to what is active, at every moment.
    fn none_beside(&mut self) {
        let active = self.active();
        if self.asked.values().any(|asked| is_open(asked.stage) && asked.replaces != active) {
            self.broken.push("I7: a request is open beside another release than it was made for".to_owned());
        }
    }

    /// I12: what the facts amount to is the state.
    fn equals(&mut self, lane: &Lane) {
        let stages = lane.requests.iter().map(|(id, request)| (*id, request.stage));
        let same_stages = stages.eq(self.asked.iter().map(|(id, asked)| (*id, asked.stage)));
        let votes: BTreeSet<_> =
            lane.requests.values().flat_map(|r| r.votes.iter().map(|v| (v.id, r.id, v.withdrawn))).collect();
        let approvals: BTreeSet<_> = self.approvals.iter().map(|a| (a.id, a.promotion, a.withdrawn)).collect();
        let releases = lane.releases.iter().map(|r| (r.id, r.version, r.state == State::Active));
        let same_releases = releases.eq(self.ran.iter().map(|ran| (ran.id, ran.version, ran.active)));
        if !same_stages || votes != approvals || !same_releases {
            self.broken.push("I12: the state is not what the facts amount to".to_owned());
        }
    }

    fn active(&self) -> Option<ReleaseId> {
        self.ran.iter().find(|ran| ran.active).map(|ran| ran.id)
    }

    fn active_before(&self, step: &Step) -> Option<ReleaseId> {
        step.before.releases.iter().find(|release| release.state == State::Active).map(|release| release.id)
    }

    /// Whether every seat can be filled by another human, or another team, whose approval counts.
    fn is_full(&self, world: &World, promotion: PromotionId) -> bool {
        let asked = &self.asked[&promotion];
        let involved = world.had_a_hand(world.version(asked.version), asked.by);
        let counts = |a: &&Approval| {
            a.promotion == promotion
                && !a.withdrawn
                && a.digest == asked.digest
                && a.expires_at.is_none_or(|end| world.now < end)
        };
        let counting = self.approvals.iter().filter(counts).map(|approval| approval.account);
        quorum::is_full(world, &involved, counting)
    }
}

fn is_open(stage: Stage) -> bool {
    matches!(stage, Stage::AwaitingApproval | Stage::Approved | Stage::Held)
}
