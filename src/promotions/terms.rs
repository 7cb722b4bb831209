//! What the policy asks for here: of whom, of which evidence, and how long to wait.
//!
//! The policy says it by circumstances; what is looked up for it is looked up in one place, in
//! the transaction of whoever asks, so that a request, a decision, an activation and a dry run
//! can't differ.

pub(crate) mod store;

use crate::{
    authz::Scope,
    constraints::words::Words,
    core::ids::{AccountId, WorkspaceId},
    db::Conn,
    environments,
    error::Error,
    frameworks,
    models::Accountability,
    policies::{
        Asked, Circumstances, Exclude, Policy,
        document::OnMissing,
        evidence::{self, EvidenceSource, EvidenceWord, Held},
        gates::Sorted,
    },
    promotions::{self, assessment::Facts},
    releases::{
        rehearsals,
        rollback::{self, Target},
    },
};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

pub(crate) use store::{Judge, judges};

/// The accounts that a policy speaks of, as they are now.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Who answers for the model: for what, whose account, its name.
    owners: Vec<(Accountability, AccountId, String)>,
    /// Holders of the roles that the policy excludes anywhere in it.
    holders: Vec<(AccountId, String)>,
    /// Accounts that it excludes by name anywhere in it.
    accounts: Vec<(AccountId, String)>,
    /// Of rollbacks from here, if the policy asks for a rehearsal anywhere in it.
    rehearsed: Rehearsed,
}

/// Whether the way back was tried.
#[derive(Clone, Copy, Debug, Default)]
enum Rehearsed {
    /// Nothing that ran before could come back, so there is nothing to try.
    #[default]
    NoWayBack,
    Never,
    /// When, and who asked for it.
    At(DateTime<Utc>, AccountId),
}

impl Named {
    /// Who is named by a policy, whichever of its rules apply.
    pub(crate) async fn load(
        conn: &Conn<'_>,
        of: &Facts,
        policy: Option<&Policy>,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let owners = store::owners(conn, of.model.id).await?;
        let Some(policy) = policy else { return Ok(Self { owners, ..Self::default() }) };
        let mut all = policy.exclude.clone();
        policy.rules.iter().for_each(|rule| all.join(&rule.exclude));
        Ok(Self {
            owners,
            holders: store::holders(conn, of.model.workspace, &all.roles).await?,
            accounts: store::accounts(conn, of.model.workspace, &all.accounts).await?,
            rehearsed: match policy.asks_for(EvidenceWord::Rehearsal) {
                true => Rehearsed::load(conn, of, now).await?,
                false => Rehearsed::default(),
            },
        })
    }

    /// Who may not approve because the policy says so, with what they are told.
    pub fn excluded(&self, exclude: &Exclude) -> Vec<(AccountId, &'static str)> {
        let owners = self.owners.iter().filter(|(what, ..)| exclude.owners.contains(what));
        let holders = self.holders.iter().filter(|(_, role)| exclude.roles.contains(role));
        let accounts = self.accounts.iter().filter(|(_, name)| exclude.accounts.contains(name));
        let mut all: Vec<_> =
            owners.map(|(_, id, _)| (*id, "an owner of the model, whom the policy excludes")).collect();
        all.extend(holders.map(|(id, _)| (*id, "the holder of a role that the policy excludes")));
        all.extend(accounts.map(|(id, _)| (*id, "excluded by the policy by name")));
        all
    }

    /// The name of whoever answers for the model in this way.
    pub fn owner(&self, what: Accountability) -> Option<String> {
        self.owners.iter().find(|(answers, ..)| *answers == what).map(|(.., name)| name.clone())
    }
}

impl Rehearsed {
    /// Of the release that a rollback would go to now.
    async fn load(conn: &Conn<'_>, of: &Facts, now: DateTime<Utc>) -> Result<Self, Error> {
        let (environment, model) = (of.environment.id, of.model.id);
        let Some(left) = rollback::current(conn, environment, model).await? else { return Ok(Self::NoWayBack) };
        let scope = Scope::Workspace(of.model.workspace);
        let Target::Fit(found) = rollback::target(conn, scope, &left, None, now).await? else {
            return Ok(Self::NoWayBack);
        };
        let proven = rehearsals::store::proven(conn, environment, model, found.1.id).await?;
        Ok(proven.map_or(Self::Never, |proven| Self::At(proven.at, proven.requested_by)))
    }
}

/// Which of some names are accounts of a workspace.
pub(crate) async fn known_accounts(
    conn: &Conn<'_>,
    workspace: WorkspaceId,
    wanted: &[String],
) -> Result<BTreeSet<String>, Error> {
    Ok(store::accounts(conn, workspace, wanted).await?.into_iter().map(|(_, name)| name).collect())
}

impl Facts {
    /// The same of what runs already: whether its way back was tried is asked of the next activation.
    #[must_use]
    pub(crate) fn of_what_runs(mut self) -> Self {
        self.named.rehearsed = Rehearsed::NoWayBack;
        self
    }

    /// The same under another policy, with everything that is looked up because of one.
    pub(crate) async fn under(
        mut self,
        conn: &Conn<'_>,
        policy: environments::Revision,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let terms = policy.policy()?;
        self.current.policy = Some(policy);
        self.named = Named::load(conn, &self, Some(&terms), now).await?;
        self.robots = promotions::store::robots(conn, &self.involved().people()).await?;
        self.framework_facts = None;
        if terms.names_frameworks() {
            self.framework_facts = Some(Box::new(frameworks::ops::gather(conn, &self).await?));
        }
        Ok(self)
    }

    /// What the rules of a policy look at.
    pub fn circumstances(&self) -> Result<Circumstances, Error> {
        let profile = self.current.profile.as_ref().map(|revision| revision.profile()).transpose()?;
        let place = profile.as_ref().map(|profile| profile.jurisdiction.clone());
        Ok(Circumstances {
            risk_tier: self.model.risk_tier,
            jurisdiction: place.filter(|place| !place.trim().is_empty()),
            class: profile.as_ref().map(|profile| profile.class),
            mode: self.mode.or_else(|| profile.as_ref().map(|profile| profile.operating_mode)),
        })
    }

    pub fn policy(&self) -> Result<Option<Policy>, Error> {
        self.current.policy.as_ref().map(|revision| revision.policy()).transpose()
    }

    /// What the policy asks for here.
    pub fn asked(&self) -> Result<Option<Asked>, Error> {
        let Some(policy) = self.policy()? else { return Ok(None) };
        Ok(Some(policy.effective(&self.circumstances()?)))
    }

    /// What rules can look at is part of what is decided on, as soon as there are rules: so an
    /// approval does not survive a change of the tier.
    pub(super) fn decided_circumstances(&self) -> Result<Option<Circumstances>, Error> {
        match self.policy()? {
            Some(policy) if !policy.rules.is_empty() => self.circumstances().map(Some),
            _ => Ok(None),
        }
    }

    /// The evidence that the policy asks for and that is not there, or is too old.
    pub(super) fn required_evidence(&self, asked: &Asked, now: DateTime<Utc>, sorted: &mut Sorted) {
        let measured = self.evidence.iter().map(|record| Held {
            kind: record.kind.name(),
            name: None,
            source: EvidenceSource::Measured,
            at: self.measured_at().unwrap_or(record.created_at),
        });
        let reported = self.reported.iter().filter(|record| record.counts(now)).map(|record| Held {
            kind: record.kind.name(),
            name: record.document.as_deref(),
            source: EvidenceSource::Reported,
            at: record.measured_at.unwrap_or(record.issued_at),
        });
        let tried = match self.named.rehearsed {
            Rehearsed::At(at, _) => Some(at),
            Rehearsed::Never | Rehearsed::NoWayBack => None,
        };
        let tried = tried.map(|at| Held {
            kind: EvidenceWord::Rehearsal.word(),
            name: None,
            source: EvidenceSource::Measured,
            at,
        });
        let held: Vec<_> = measured.chain(reported).chain(tried).collect();
        let has_way_back = !matches!(self.named.rehearsed, Rehearsed::NoWayBack);
        let mut asks = asked.evidence.clone();
        asks.retain(|ask| ask.kind != EvidenceWord::Rehearsal || has_way_back);
        let version = format!("{}@{}", self.model.name, self.version.number);
        for lack in evidence::lacks(&asks, &held, &version, |what| self.named.owner(what), now) {
            match lack.missing {
                OnMissing::Block => sorted.take(vec![lack.check], &asked.warn),
                OnMissing::Warn => sorted.warnings.push(lack.check),
            }
        }
    }

    /// Everyone whom the policy excludes here, and whose rehearsal it rests on. What can't be read excludes
    /// all whom it might.
    pub(super) fn excluded(&self) -> Vec<(AccountId, &'static str)> {
        let mut all = match self.asked() {
            Ok(Some(asked)) => self.named.excluded(&asked.exclude),
            Ok(None) => Vec::new(),
            Err(_) => self.named.excluded(&Exclude {
                roles: self.named.holders.iter().map(|(_, role)| role.clone()).collect(),
                accounts: self.named.accounts.iter().map(|(_, name)| name.clone()).collect(),
                owners: self.named.owners.iter().map(|(what, ..)| *what).collect(),
            }),
        };
        if let Rehearsed::At(_, by) = self.named.rehearsed {
            all.push((by, "who had the way back tried"));
        }
        all
    }
}
