//! The state of a lane, and how facts change it.

use crate::{
    core::{
        digest::Digest,
        ids::{AccountId, ApprovalId, PromotionId, ReleaseId, VersionId},
    },
    promotions::workflow::{Fact, Stage},
    releases::State,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// One model in one environment. A use-case loads of it what its command is about: all open
/// requests, the active release with its request, and for a rollback its target with its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    pub requests: BTreeMap<PromotionId, Request>,
    /// Oldest first.
    pub releases: Vec<Release>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub id: PromotionId,
    pub version: VersionId,
    pub requested_by: AccountId,
    pub stage: Stage,
    /// What is decided on.
    pub digest: Digest,
    /// The release that was active when it was asked.
    pub replaces: Option<ReleaseId>,
    pub expires_at: DateTime<Utc>,
    pub votes: Vec<Vote>,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    pub id: ApprovalId,
    pub account: AccountId,
    pub digest: Digest,
    /// From this moment on it no longer counts.
    pub expires_at: Option<DateTime<Utc>>,
    pub withdrawn: bool,
}

impl Vote {
    /// Whether it can count for what is decided on.
    pub fn is_live(&self, digest: &Digest, now: DateTime<Utc>) -> bool {
        !self.withdrawn && self.digest == *digest && self.expires_at.is_none_or(|end| now < end)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub id: ReleaseId,
    pub version: VersionId,
    pub promotion: PromotionId,
    pub state: State,
    /// Something that its approval rested on has changed since.
    pub lapsed: bool,
}

impl Lane {
    pub fn active(&self) -> Option<&Release> {
        self.releases.iter().find(|release| release.state == State::Active)
    }

    /// Takes in what happened.
    pub fn evolve(&mut self, fact: &Fact) {
        match fact {
            Fact::Requested(request) => {
                self.requests.insert(request.id, request.clone());
            }
            Fact::Approved { promotion, vote, quorum } => {
                if let Some(request) = self.requests.get_mut(promotion) {
                    request.votes.push(vote.clone());
                    if *quorum {
                        request.stage = Stage::Approved;
                    }
                }
            }
            Fact::ApprovalWithdrawn { promotion, approval } => {
                let votes = self.requests.get_mut(promotion).map(|request| request.votes.iter_mut());
                if let Some(vote) = votes.and_then(|mut votes| votes.find(|vote| vote.id == *approval)) {
                    vote.withdrawn = true;
                }
            }
            Fact::Activated(release) | Fact::Restored { release, .. } => {
                self.releases.push(release.clone());
                if matches!(fact, Fact::Activated(_)) {
                    self.open(release.promotion, Stage::Activated);
                }
            }
            Fact::Ended { release, how } => self.release(*release, |release| release.state = *how),
            Fact::Lapsed { release } => self.release(*release, |release| release.lapsed = true),
            moved => {
                if let Some((promotion, stage)) = moved.leads_to() {
                    self.open(promotion, stage);
                }
            }
        }
    }

    /// A break-glass stays what it is while its release comes and goes.
    fn open(&mut self, id: PromotionId, stage: Stage) {
        if let Some(request) = self.requests.get_mut(&id).filter(|request| request.stage != Stage::Bypassed) {
            request.stage = stage;
        }
    }

    fn release(&mut self, id: ReleaseId, change: impl FnOnce(&mut Release)) {
        if let Some(release) = self.releases.iter_mut().find(|release| release.id == id) {
            change(release);
        }
    }
}
