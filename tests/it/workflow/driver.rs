//! Takes random steps: a command, or something that happens around the machine.

use super::{
    Dice,
    checker::{Checker, Step},
    world::{Left, ROLES, Waived, World},
};
use chrono::{DateTime, TimeDelta, Utc};
use plimsoll::{
    core::{
        digest::Digest,
        ids::{AccountId, ApprovalId, PromotionId, ReleaseId},
    },
    promotions::{
        Outcome,
        workflow::{Asked, Command, Decision, Fact, Lane, Observed, Refusal, apply},
    },
};
use std::{collections::BTreeMap, fmt::Write};

/// What a run must have come by often enough to say anything: kinds of facts, codes of refusals.
pub const REACHED: &[&str] = &[
    "Requested",
    "Approved",
    "Rejected",
    "ApprovalWithdrawn",
    "QuorumRegained",
    "QuorumLost",
    "Held",
    "HoldOver",
    "Withdrawn",
    "Expired",
    "Invalidated",
    "Activated",
    "Superseded",
    "Ended",
    "Restored",
    "Lapsed",
    "promotion_state",
    "promotion_open",
    "promotion_expired",
    "promotion_held",
    "decision_changed",
    "quorum_lost",
    "release_raced",
    "release_blocked",
    "rollback_target_unknown",
    "rollback_target_blocked",
    "nothing_active",
    "separation_of_duties",
    "robot_cannot_approve",
    "forbidden",
    "not_yours",
    "approval_missing",
    "not_suspended",
    "break_glass_active",
    "nothing new",
];

pub struct Driver {
    dice: Dice,
    world: World,
    lane: Lane,
    checker: Checker,
    log: Vec<(DateTime<Utc>, String)>,
}

impl Driver {
    pub fn new(mut dice: Dice) -> Self {
        let world = World::new(&mut dice);
        Self { dice, world, lane: Lane::default(), checker: Checker::default(), log: Vec::new() }
    }

    /// What happened so far.
    pub fn told(&self) -> String {
        let mut text = String::new();
        for (at, line) in &self.log {
            writeln!(text, "{at} {line}").expect("text");
        }
        text
    }

    /// Takes one step, and says what it broke.
    pub fn step(&mut self, seen: &mut BTreeMap<String, u64>) -> Vec<String> {
        self.pass_time();
        if self.dice.once_in(8) {
            let changed = self.disturb();
            self.log.push((self.world.now, changed.to_owned()));
            return self.follow(seen);
        }
        let Some((command, observed)) = self.command() else { return Vec::new() };
        self.take(&command, &observed, seen)
    }

    /// Hours, so that ends are met exactly, and a clock that goes back stands still.
    fn pass_time(&mut self) {
        let hours = match self.dice.below(16) {
            0 => -5,
            1 | 2 => 1,
            3 => 2,
            4 => 6,
            5 if self.dice.once_in(6) => 24,
            _ => 0,
        };
        self.world.now = self.world.now.max(self.world.now + TimeDelta::hours(hours));
    }

    fn take(&mut self, command: &Command, observed: &Observed, seen: &mut BTreeMap<String, u64>) -> Vec<String> {
        let before = self.lane.clone();
        let answer = apply(&self.lane, command, observed, self.world.now);
        let twice = self.dice.once_in(8);
        let again = twice.then(|| apply(&self.lane, command, observed, self.world.now));
        let facts: Vec<Fact> = match &answer {
            Ok(facts) => facts.clone(),
            Err(refusal) => refusal.ends.iter().map(|fact| (**fact).clone()).collect(),
        };
        for fact in &facts {
            self.lane.evolve(fact);
        }
        if let (Command::Bypass { asked, .. }, Ok(_)) = (command, &answer) {
            let by = self.world.accounts.iter().position(|account| account.id == asked.by).expect("known");
            let version = self.world.versions.iter_mut().find(|version| version.id == asked.version).expect("known");
            version.invokers.push(by);
        }
        self.note(command, &answer, &facts, seen);
        let step = Step { world: &self.world, before: &before, command, answer: &answer, facts: &facts };
        let mut broken = self.checker.step(&step, &self.lane);
        if again.is_some_and(|again| again != answer) {
            broken.push("the machine answers the same question in two ways".to_owned());
        }
        broken
    }

    fn note(
        &mut self,
        command: &Command,
        answer: &Result<Vec<Fact>, Refusal>,
        facts: &[Fact],
        seen: &mut BTreeMap<String, u64>,
    ) {
        let mut count = |what: String| *seen.entry(what).or_default() += 1;
        match answer {
            Ok(facts) if facts.is_empty() => count("nothing new".to_owned()),
            Err(refusal) => count(refusal.code.to_owned()),
            Ok(_) => {}
        }
        for fact in facts {
            let text = format!("{fact:?}");
            count(text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned());
        }
        self.log.push((self.world.now, format!("{command:?} -> {answer:?}")));
    }

    /// Whoever changes something looks at all that it reaches, in the same transaction.
    fn follow(&mut self, seen: &mut BTreeMap<String, u64>) -> Vec<String> {
        let mut broken = Vec::new();
        let open: Vec<_> = self.lane.requests.values().filter(|r| r.stage.is_open()).map(|r| r.id).collect();
        for promotion in open {
            let observed = self.world.observe_request(&self.lane, promotion);
            broken.extend(self.take(&Command::Look { promotion }, &observed, seen));
        }
        if let Some(active) = self.lane.active() {
            let (release, request) = (active.id, &self.lane.requests[&active.promotion]);
            let version = self.world.version(active.version);
            let then = self.world.digest(version, request.replaces);
            let observed = Observed { lapsed: then != request.digest, ..Observed::default() };
            broken.extend(self.take(&Command::Lapse { release }, &observed, seen));
        }
        broken.extend(self.checker.after_follow(&self.world, &self.lane));
        broken
    }

    fn disturb(&mut self) -> &'static str {
        let version = self.dice.below(self.world.versions.len());
        let account = self.dice.below(self.world.accounts.len());
        match self.dice.below(16) {
            0 => {
                self.world.revise(&mut self.dice);
                "documents revised"
            }
            1 => {
                self.world.versions[version].evidence += 1;
                "evidence changed"
            }
            2 => {
                let red = &mut self.world.versions[version].red;
                *red = !*red;
                "a limit changed its verdict"
            }
            3 if self.dice.once_in(2) => {
                self.world.versions[version].revoked = true;
                "version revoked"
            }
            4 | 5 => {
                let until = self.world.now + TimeDelta::hours([2, 6, 24][self.dice.below(3)]);
                let people = self.world.accounts.len() - 1;
                let grantors = (0..=self.dice.below(2)).map(|_| self.dice.below(people)).collect();
                self.world.versions[version].waived = Some(Waived { until, by: self.dice.below(people), grantors });
                "waiver granted"
            }
            6 => {
                let active = &mut self.world.accounts[account].active;
                *active = !*active;
                "an account came or went"
            }
            7 | 8 => {
                let role = ROLES[self.dice.below(3)];
                let roles = &mut self.world.accounts[account].roles;
                if !roles.remove(role) {
                    roles.insert(role);
                }
                "a role came or went"
            }
            9 | 10 => {
                self.world.frozen_until = Some(self.world.now + TimeDelta::hours([1, 2, 6][self.dice.below(3)]));
                "a freeze began"
            }
            11 => {
                // The last is a robot, and of nobody.
                let other = self.dice.below(self.world.accounts.len() - 1);
                if account + 1 < self.world.accounts.len() {
                    self.world.accounts[account].human = self.world.accounts[other].human;
                }
                "two accounts turned out to be of one human"
            }
            12 => {
                let until = self.world.now + TimeDelta::hours([1, 6, 24][self.dice.below(3)]);
                let to = self.dice.below(self.world.accounts.len() - 1);
                self.world.leaves.push(Left { from: account.min(6), to, until });
                "somebody lets another decide"
            }
            _ => "the sweep came by",
        }
    }

    /// A command with what its use-case would have looked up.
    fn command(&mut self) -> Option<(Command, Observed)> {
        let open: Vec<_> = self.lane.requests.values().filter(|r| r.stage.is_open()).map(|r| r.id).collect();
        let all: Vec<_> = self.lane.requests.keys().copied().collect();
        let any = if self.dice.once_in(10) { &all } else { &open };
        let chosen = self.dice.pick(any).copied();
        let account = self.world.accounts[self.dice.below(self.world.accounts.len())].id;
        let choice = self.dice.below(20);
        let promotion = match (choice, chosen) {
            (0 | 1, _) | (_, None) if choice < 15 => return Some(self.ask(account)),
            (17, _) => return self.bypass(account),
            (18, _) => return self.roll_back(),
            (19, _) => return self.succeed(),
            (_, None) => return None,
            (_, Some(promotion)) => promotion,
        };
        let command = match choice {
            3..=9 => {
                let able = self.able(promotion);
                let account = self.dice.pick(&able).copied().filter(|_| !self.dice.once_in(5)).unwrap_or(account);
                self.decide(promotion, account)
            }
            10 => Command::Unapprove { promotion, account: self.voter(promotion).unwrap_or(account) },
            11 if self.dice.once_in(3) => {
                let by = self.lane.requests[&promotion].requested_by;
                Command::Withdraw { promotion, by: if self.dice.once_in(3) { account } else { by } }
            }
            12 => Command::Look { promotion },
            _ => Command::Activate { promotion, release: ReleaseId(self.world.uuid()) },
        };
        Some((command, self.world.observe_request(&self.lane, promotion)))
    }

    fn asked(&mut self, by: AccountId) -> Asked {
        let version = self.world.versions[self.dice.below(self.world.versions.len())].id;
        let expires_at = self.world.now + TimeDelta::hours([3, 24][self.dice.below(2)]);
        Asked { promotion: PromotionId(self.world.uuid()), version, by, expires_at }
    }

    fn ask(&mut self, by: AccountId) -> (Command, Observed) {
        let asked = self.asked(by);
        let observed = self.world.observe(&self.lane, self.world.version(asked.version), by);
        (Command::Ask(asked), observed)
    }

    fn bypass(&mut self, by: AccountId) -> Option<(Command, Observed)> {
        if !self.dice.once_in(3) {
            return None;
        }
        let asked = self.asked(by);
        let observed = self.world.observe(&self.lane, self.world.version(asked.version), by);
        Some((Command::Bypass { asked, release: ReleaseId(self.world.uuid()) }, observed))
    }

    fn decide(&mut self, promotion: PromotionId, account: AccountId) -> Command {
        let digest = self.lane.requests[&promotion].digest;
        let seen = if self.dice.once_in(20) { Digest::of("something else") } else { digest };
        let outcome = if self.dice.once_in(12) { Outcome::Reject } else { Outcome::Approve };
        Command::Decide(Decision { promotion, approval: ApprovalId(self.world.uuid()), account, outcome, seen })
    }

    fn roll_back(&mut self) -> Option<(Command, Observed)> {
        let releases: Vec<_> = self.lane.releases.iter().map(|r| (r.id, r.version, r.promotion)).collect();
        let gone = |version| self.world.version(version).revoked;
        let revoked: Vec<_> = releases.iter().copied().filter(|(_, version, _)| gone(*version)).collect();
        let wanted = if self.dice.once_in(2) && !revoked.is_empty() { &revoked } else { &releases };
        let (to, version, promotion) = match self.dice.pick(wanted) {
            Some(found) => *found,
            None if self.dice.once_in(4) => {
                (ReleaseId(self.world.uuid()), self.world.versions[0].id, PromotionId(self.world.uuid()))
            }
            None => return None,
        };
        let by = self.lane.requests.get(&promotion).map_or(self.world.accounts[0].id, |r| r.requested_by);
        let observed = self.world.observe(&self.lane, self.world.version(version), by);
        Some((Command::RollBack { release: ReleaseId(self.world.uuid()), to }, observed))
    }

    /// What takes down what is active, brings it back, or leaves more to people.
    fn succeed(&mut self) -> Option<(Command, Observed)> {
        let about = self.lane.releases.last()?;
        let (version, promotion) = (about.version, about.promotion);
        let by = self.lane.requests[&promotion].requested_by;
        let release = ReleaseId(self.world.uuid());
        let command = match self.dice.below(4) {
            0 => Command::Suspend,
            1 => Command::LowerMode { release },
            _ => Command::Resume { release },
        };
        Some((command, self.world.observe(&self.lane, self.world.version(version), by)))
    }

    /// Who may decide on a request.
    fn able(&self, promotion: PromotionId) -> Vec<AccountId> {
        let request = &self.lane.requests[&promotion];
        let involved = self.world.had_a_hand(self.world.version(request.version), request.requested_by);
        let able = self
            .world
            .accounts
            .iter()
            .filter(|a| a.active && !a.robot && !involved.contains(&self.world.class(a.human)));
        able.map(|account| account.id).collect()
    }

    fn voter(&mut self, promotion: PromotionId) -> Option<AccountId> {
        let votes: Vec<_> = self.lane.requests[&promotion].votes.iter().map(|vote| vote.account).collect();
        self.dice.pick(&votes).copied()
    }
}
