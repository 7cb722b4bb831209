//! What the machine is told about: people, versions, documents and the clock.
//!
//! Who may not decide is found out twice: for the machine by the service's own rules for parties and
//! persons, from accounts, links and leaves; for the checker from who is which human, by trying.

use super::Dice;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use plimsoll::{
    authz::{Leave, People, policy::Involved},
    core::{
        digest::Digest,
        ids::{AccountId, EnvironmentId, ModelId, PersonId, PromotionId, ReleaseId, VersionId, WaiverId, WorkspaceId},
    },
    error::FailedCheck,
    oversight::{
        Standing,
        waivers::{self, Grant, Waiver},
    },
    promotions::{
        parties::Vote,
        workflow::{Assessed, Bar, Hold, Lane, Observed, Voter},
    },
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
    pub waived: Option<Waived>,
    /// Indices of the accounts that broke the glass for it.
    pub invokers: Vec<usize>,
}

/// An exception to its limit, and the accounts, by index, that asked for it and granted it.
pub struct Waived {
    pub until: DateTime<Utc>,
    pub by: usize,
    pub grantors: Vec<usize>,
}

/// One account, by index, lets another decide in its stead for a time.
pub struct Left {
    pub from: usize,
    pub to: usize,
    pub until: DateTime<Utc>,
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
    pub leaves: Vec<Left>,
    /// Index of the account that owns the robot.
    owner: usize,
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
            leaves: Vec::new(),
            owner: dice.below(7),
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
            let version = Version { id, author, revoked: false, red, evidence: 1, waived: None, invokers: Vec::new() };
            world.versions.push(version);
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

    /// The first of all humans who fill one seat between them with this one: as one, or as a team.
    pub fn unit(&self, human: usize) -> usize {
        let mut unit = BTreeSet::from([self.class(human)]);
        loop {
            let size = unit.len();
            for (mate, team) in self.teams.iter().enumerate().filter(|_| self.different_teams) {
                let of_team = |human: &usize| self.teams[*human] == *team;
                if (0..self.teams.len()).any(|human| of_team(&human) && unit.contains(&self.class(human))) {
                    unit.insert(self.class(mate));
                }
            }
            if unit.len() == size {
                return unit.first().copied().unwrap_or(human);
            }
        }
    }

    pub fn version(&self, id: VersionId) -> &Version {
        self.versions.iter().find(|version| version.id == id).expect("known")
    }

    pub fn waived(&self, version: &Version) -> bool {
        version.waived.as_ref().is_some_and(|waived| self.now < waived.until)
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

    /// The accounts that had a hand in a request for this version, by index.
    fn hands(&self, version: &Version, requested_by: AccountId) -> Vec<usize> {
        let asker = self.accounts.iter().position(|account| account.id == requested_by).expect("known");
        let mut hands = vec![version.author, self.editor, asker];
        hands.extend(&version.invokers);
        if let Some(waived) = version.waived.as_ref().filter(|_| self.waived(version)) {
            hands.push(waived.by);
            hands.extend(&waived.grantors);
        }
        if hands.iter().any(|index| self.accounts[*index].robot) {
            hands.push(self.owner);
        }
        hands
    }

    /// Those who may not decide on a request for this version: a human for all who decide as one.
    pub fn had_a_hand(&self, version: &Version, requested_by: AccountId) -> BTreeSet<usize> {
        let hands = self.hands(version, requested_by);
        hands.into_iter().map(|index| self.class(self.accounts[index].human)).collect()
    }

    /// The first of all humans who decide as one with this one: who is in it is looked for until
    /// nobody is found any more.
    pub fn class(&self, human: usize) -> usize {
        let mut class = BTreeSet::from([human]);
        loop {
            let size = class.len();
            for leave in self.leaves.iter().filter(|leave| self.now < leave.until) {
                let both = [leave.from, leave.to].map(|index| self.accounts[index].human);
                if both.iter().any(|human| class.contains(human)) {
                    class.extend(both);
                }
            }
            if class.len() == size {
                return class.first().copied().unwrap_or(human);
            }
        }
    }

    /// The same as the service has it: links of accounts, and leaves.
    fn people(&self) -> People {
        let person = |human: usize| PersonId(Uuid::from_u128(1 + human as u128));
        let leave = |left: &Left| Leave {
            from: self.accounts[left.from].id,
            to: self.accounts[left.to].id,
            valid_from: DateTime::UNIX_EPOCH,
            valid_until: left.until,
        };
        People {
            links: self.accounts.iter().map(|account| (account.id, person(account.human))).collect(),
            teams: self
                .accounts
                .iter()
                .map(|account| (account.id, format!("team-{}", self.teams[account.human])))
                .collect(),
            delegations: self.leaves.iter().map(leave).collect(),
        }
    }

    /// Who had a hand in it by the service's own rules.
    fn involved(&self, version: &Version, requested_by: AccountId) -> Involved {
        let id = |index: usize| self.accounts[index].id;
        let waived = version.waived.as_ref().filter(|_| self.waived(version));
        let standing = Standing {
            waivers: waived.map(|waived| self.waiver(version, waived)).into_iter().collect(),
            invokers: version.invokers.iter().map(|index| id(*index)).collect(),
            ..Standing::default()
        };
        let mut involved = Involved::default();
        involved.add([id(version.author)], "the version's author");
        involved.add([id(self.editor)], "an editor of the promotion policy");
        involved.parties.extend(standing.parties());
        involved.add([requested_by], "the one who asked");
        let robots = self.accounts.iter().filter(|account| account.robot);
        let robots: Vec<_> = robots.map(|robot| (robot.id, id(self.owner))).collect();
        let persons = self.people().at(self.now);
        let persons = if self.different_teams { persons.by_team() } else { persons };
        involved.with_owners(&robots).with_persons(persons)
    }

    fn waiver(&self, version: &Version, waived: &Waived) -> Waiver {
        let grant = |index: &usize| Grant {
            account: self.accounts[*index].id,
            outcome: waivers::Outcome::Grant,
            reason: String::new(),
            statement: String::new(),
            decided_at: self.now,
        };
        Waiver {
            id: WaiverId(version.id.0),
            workspace: WorkspaceId(Uuid::nil()),
            model: ModelId(Uuid::nil()),
            version: Some(version.id),
            environment: EnvironmentId(Uuid::nil()),
            constraint: "accuracy".to_owned(),
            constraint_digest: Digest::of("accuracy"),
            reason: String::new(),
            compensating_control: String::new(),
            requested_by: self.accounts[waived.by].id,
            requested_at: self.now,
            expires_at: waived.until,
            state: waivers::State::Granted,
            granted_at: Some(self.now),
            closed_at: None,
            closed_by: None,
            closed_reason: None,
            grants: waived.grantors.iter().map(grant).collect(),
        }
    }

    /// What a use-case would look up for a request.
    pub fn observe(&self, lane: &Lane, version: &Version, requested_by: AccountId) -> Observed {
        let active = lane.active().map(|release| release.id);
        let involved = self.involved(version, requested_by);
        let failed = |check: &str| FailedCheck { check: check.to_owned(), detail: check.to_owned(), owner: None };
        let voters = self.accounts.iter().map(|account| {
            let bar = if account.robot {
                Some("robot_cannot_approve")
            } else {
                let is_party = involved.parties.iter().any(|(party, _)| *party == account.id);
                is_party.then_some("separation_of_duties")
            };
            let roles = account.roles.iter().filter(|_| account.active).map(|role| (*role).to_owned());
            let vote = Vote { account: account.id, roles: roles.collect(), on_behalf_of: None };
            Voter {
                account: account.id,
                person: involved.persons.standing_for(account.id),
                sits_as: involved.persons.sits_as(account.id),
                roles: vote.roles_that_count(&involved),
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
