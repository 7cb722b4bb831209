//! What the machine is told about: people, versions, documents and the clock.

use super::Dice;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use plimsoll::{
    core::{
        digest::Digest,
        ids::{AccountId, PromotionId, ReleaseId, VersionId},
    },
    error::FailedCheck,
    promotions::workflow::{Assessed, Bar, Hold, Lane, Observed, Voter},
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Roles that may decide.
pub const ROLES: [&str; 3] = ["reviewer", "risk_officer", "compliance_officer"];

pub struct Account {
    pub id: AccountId,
    /// Several accounts may be of one human.
    pub human: usize,
    pub roles: BTreeSet<&'static str>,
    pub active: bool,
    pub robot: bool,
}

pub struct Version {
    pub id: VersionId,
    pub author: usize,
    pub revoked: bool,
    /// A blocking limit fails.
    pub red: bool,
    /// Which revision of its evidence counts.
    pub evidence: u32,
    pub waived_until: Option<DateTime<Utc>>,
}

pub struct World {
    pub now: DateTime<Utc>,
    pub accounts: Vec<Account>,
    pub versions: Vec<Version>,
    pub documents: u32,
    /// Index of the account that edited them last.
    pub editor: usize,
    pub seats: Vec<&'static str>,
    /// The team of each human.
    pub teams: Vec<usize>,
    /// Whether those of one team fill one seat between them.
    pub different_teams: bool,
    pub approval_hours: Option<i64>,
    pub frozen_until: Option<DateTime<Utc>>,
    next: u128,
}

impl World {
    pub fn new(dice: &mut Dice) -> Self {
        let mut world = Self {
            now: Utc.with_ymd_and_hms(2026, 1, 2, 3, 0, 0).single().expect("valid"),
            accounts: Vec::new(),
            versions: Vec::new(),
            documents: 1,
            editor: 0,
            seats: Vec::new(),
            teams: (0..7).map(|_| dice.below(4)).collect(),
            different_teams: false,
            approval_hours: dice.once_in(2).then_some(6),
            frozen_until: None,
            next: 0,
        };
        // Accounts 5 and 6 are of the same human; 7 is a robot.
        for (index, human) in [0, 1, 2, 3, 4, 5, 5, 6].into_iter().enumerate() {
            let mut roles: BTreeSet<_> = ROLES.into_iter().filter(|_| dice.once_in(3)).collect();
            roles.insert(ROLES[index % 3]);
            let id = AccountId(world.uuid());
            world.accounts.push(Account { id, human, roles, active: true, robot: index == 7 });
        }
        for _ in 0..3 {
            let id = VersionId(world.uuid());
            let (author, red) = (dice.below(8), dice.once_in(6));
            world.versions.push(Version { id, author, revoked: false, red, evidence: 1, waived_until: None });
        }
        world.revise(dice);
        world
    }

    pub fn uuid(&mut self) -> Uuid {
        self.next += 1;
        Uuid::from_u128(self.next)
    }

    /// Another policy, by another editor.
    pub fn revise(&mut self, dice: &mut Dice) {
        self.documents += 1;
        self.editor = dice.below(self.accounts.len());
        self.different_teams = dice.once_in(4);
        let most = 2 + usize::from(dice.once_in(3));
        self.seats = (0..=dice.below(most)).map(|_| ROLES[dice.below(3)]).collect();
    }

    /// What fills one seat: a human, or a team.
    pub fn unit(&self, human: usize) -> usize {
        if self.different_teams { 100 + self.teams[human] } else { human }
    }

    pub fn version(&self, id: VersionId) -> &Version {
        self.versions.iter().find(|version| version.id == id).expect("known")
    }

    pub fn waived(&self, version: &Version) -> bool {
        version.waived_until.is_some_and(|end| self.now < end)
    }

    /// What a request for this version would be decided on now, beside `active`.
    pub fn digest(&self, version: &Version, active: Option<ReleaseId>) -> Digest {
        let (waived, revoked, red) = (self.waived(version), version.revoked, version.red);
        let (evidence, documents) = (version.evidence, self.documents);
        Digest::of(format!("{} {evidence} {red} {waived} {revoked} {documents} {active:?}", version.id))
    }

    pub fn is_blocked(&self, version: &Version) -> bool {
        version.revoked || (version.red && !self.waived(version))
    }

    pub fn is_frozen(&self) -> bool {
        self.frozen_until.is_some_and(|end| self.now < end)
    }

    /// Humans who had a hand in a request for this version, with everything that is theirs.
    pub fn had_a_hand(&self, version: &Version, requested_by: AccountId) -> BTreeSet<usize> {
        let asked = self.accounts.iter().find(|account| account.id == requested_by).expect("known").human;
        BTreeSet::from([self.accounts[version.author].human, self.accounts[self.editor].human, asked])
    }

    /// What a use-case would look up for a request.
    pub fn observe(&self, lane: &Lane, version: &Version, requested_by: AccountId) -> Observed {
        let active = lane.active().map(|release| release.id);
        let involved = self.had_a_hand(version, requested_by);
        let failed = |check: &str| FailedCheck { check: check.to_owned(), detail: check.to_owned(), owner: None };
        let voters = self.accounts.iter().map(|account| {
            let first = self.accounts.iter().find(|other| other.human == account.human).expect("itself");
            let mate = |other: &&Account| self.unit(other.human) == self.unit(account.human);
            let mate = self.accounts.iter().find(mate).expect("itself");
            let bar = if account.robot {
                Some("robot_cannot_approve")
            } else {
                involved.contains(&account.human).then_some("separation_of_duties")
            };
            Voter {
                account: account.id,
                person: first.id,
                sits_as: mate.id,
                roles: account.roles.iter().filter(|_| account.active).map(|role| (*role).to_owned()).collect(),
                decides: account.active && !account.roles.is_empty(),
                bar: bar.map(|code| Bar { code, why: code.to_owned() }),
            }
        });
        let mut checks = Vec::new();
        checks.extend(version.revoked.then(|| failed("version_revoked")));
        checks.extend((version.red && !self.waived(version)).then(|| failed("constraint_fail")));
        Observed {
            assessment: Some(Assessed {
                digest: self.digest(version, active),
                failed: checks,
                seats: self.seats.iter().map(|seat| (*seat).to_owned()).collect(),
                approval_lifetime: self.approval_hours.map(TimeDelta::hours),
            }),
            voters: voters.collect(),
            holds: self
                .frozen_until
                .filter(|end| self.now < *end)
                .map(|until| Hold { code: "freeze".to_owned(), detail: "a freeze".to_owned(), until: Some(until) })
                .into_iter()
                .collect(),
            unfit: version.revoked.then(|| failed("version_revoked")).into_iter().collect(),
            lapsed: false,
        }
    }

    /// The same for a request that is there.
    pub fn observe_request(&self, lane: &Lane, promotion: PromotionId) -> Observed {
        let request = &lane.requests[&promotion];
        self.observe(lane, self.version(request.version), request.requested_by)
    }
}
