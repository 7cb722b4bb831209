//! What can be asked of the machine, what it is told, and what it answers.

use crate::{
    core::{
        digest::Digest,
        ids::{AccountId, ApprovalId, PromotionId, ReleaseId, VersionId},
    },
    error::FailedCheck,
    promotions::{
        Outcome,
        workflow::{Release, Request, Stage, Vote},
    },
    releases::State,
};
use chrono::{DateTime, TimeDelta, Utc};

/// Ids are made by the caller, so that the machine stays a function of what it is given.
#[derive(Clone, Debug)]
pub enum Command {
    Ask(Asked),
    Decide(Decision),
    /// Somebody takes their own approval back.
    Unapprove {
        promotion: PromotionId,
        account: AccountId,
    },
    Withdraw {
        promotion: PromotionId,
        by: AccountId,
    },
    /// The clock, or something that it rests on, may have changed how an open request stands.
    Look {
        promotion: PromotionId,
    },
    Activate {
        promotion: PromotionId,
        release: ReleaseId,
    },
    /// Break-glass: active at once, past checks and approvals, and recorded as such.
    Bypass {
        asked: Asked,
        release: ReleaseId,
    },
    /// `to` is an earlier release here.
    RollBack {
        release: ReleaseId,
        to: ReleaseId,
    },
    /// What is active is taken down, and nothing takes its place.
    Suspend,
    /// The one that was taken down last comes back.
    Resume {
        release: ReleaseId,
    },
    /// The same again in a mode that leaves more to people.
    LowerMode {
        release: ReleaseId,
    },
    /// What the approval of a release rested on may have changed.
    Lapse {
        release: ReleaseId,
    },
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub promotion: PromotionId,
    pub version: VersionId,
    pub by: AccountId,
    pub expires_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct Decision {
    pub promotion: PromotionId,
    pub approval: ApprovalId,
    pub account: AccountId,
    pub outcome: Outcome,
    /// The digest that the person saw.
    pub seen: Digest,
}

/// What was looked up in the transaction that the command runs in.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What the request rests on now; nothing when it can't be read, which is a doubt.
    pub assessment: Option<Assessed>,
    /// Whoever has approved the request, and whoever decides on it now.
    pub voters: Vec<Voter>,
    /// What keeps an approved request from being activated for the time being.
    pub holds: Vec<Hold>,
    /// Why the version that would become active may not leave, such as a revocation. Neither a
    /// rollback nor a break-glass gets past this.
    pub unfit: Vec<FailedCheck>,
    /// Of a release: what its approval rested on has changed since.
    pub lapsed: bool,
}

#[derive(Clone, Debug)]
pub struct Assessed {
    pub digest: Digest,
    /// Waived limits are not among them.
    pub failed: Vec<FailedCheck>,
    /// The role of each person that is needed.
    pub seats: Vec<String>,
    /// How long an approval counts; without it as long as the request is open.
    pub approval_lifetime: Option<TimeDelta>,
}

/// An account as it is at this moment.
#[derive(Clone, Debug)]
pub struct Voter {
    pub account: AccountId,
    /// One of the accounts of the human who has this one: the same for all of them.
    pub person: AccountId,
    /// The same for all that fill one seat between them: a person, or a team where teams must differ.
    pub sits_as: AccountId,
    /// Those by which its approval counts; none when it is deactivated.
    pub roles: Vec<String>,
    /// Whether it holds a role of one of the seats: nobody else approves or rejects.
    pub decides: bool,
    /// Why this human may not decide, whatever the account's roles.
    pub bar: Option<Bar>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub code: &'static str,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Such as `freeze`.
    pub code: String,
    /// A sentence that says what holds it and until when.
    pub detail: String,
    /// Nothing: until something else happens than time.
    pub until: Option<DateTime<Utc>>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Requested(Request),
    /// `quorum` says that every seat is filled with it.
    Approved {
        promotion: PromotionId,
        vote: Vote,
        quorum: bool,
    },
    Rejected {
        promotion: PromotionId,
        approval: ApprovalId,
    },
    ApprovalWithdrawn {
        promotion: PromotionId,
        approval: ApprovalId,
    },
    /// The seats are filled again, without a further decision.
    QuorumRegained {
        promotion: PromotionId,
    },
    /// An approval no longer counts: withdrawn, over, or of somebody who may no longer decide.
    QuorumLost {
        promotion: PromotionId,
    },
    Held {
        promotion: PromotionId,
        code: String,
        until: Option<DateTime<Utc>>,
    },
    HoldOver {
        promotion: PromotionId,
    },
    Withdrawn {
        promotion: PromotionId,
    },
    Expired {
        promotion: PromotionId,
    },
    Invalidated {
        promotion: PromotionId,
        why: Why,
    },
    Activated(Release),
    /// The request behind a release that another one replaced.
    Superseded {
        promotion: PromotionId,
    },
    Ended {
        release: ReleaseId,
        how: State,
    },
    Restored {
        release: Release,
        restores: ReleaseId,
    },
    Lapsed {
        release: ReleaseId,
    },
}

impl Fact {
    /// The stage that a fact alone brings a request to.
    pub fn leads_to(&self) -> Option<(PromotionId, Stage)> {
        let (promotion, stage) = match self {
            Self::Rejected { promotion, .. } => (promotion, Stage::Rejected),
            Self::QuorumRegained { promotion } | Self::HoldOver { promotion } => (promotion, Stage::Approved),
            Self::QuorumLost { promotion } => (promotion, Stage::AwaitingApproval),
            Self::Held { promotion, .. } => (promotion, Stage::Held),
            Self::Withdrawn { promotion } => (promotion, Stage::Withdrawn),
            Self::Expired { promotion } => (promotion, Stage::Expired),
            Self::Invalidated { promotion, .. } => (promotion, Stage::Invalidated),
            Self::Superseded { promotion } => (promotion, Stage::Superseded),
            _ => return None,
        };
        Some((*promotion, stage))
    }
}

/// Why a request no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// What it rests on has this digest now.
    Changed(Digest),
    Failed {
        digest: Digest,
        check: FailedCheck,
    },
    /// Another release became active.
    Replaced,
    Unreadable,
}

/// Why a command changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable and machine-readable.
    pub code: &'static str,
    pub detail: String,
    /// What can be done instead, by the names of the operations' actions.
    pub allowed: Vec<&'static str>,
    /// The ending that was found, to be recorded although the command is refused. Only
    /// `promotion_expired`, `decision_changed` and `release_raced` have one.
    pub ends: Option<Box<Fact>>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, detail: impl Into<String>, allowed: &[&'static str]) -> Self {
        Self { code, detail: detail.into(), allowed: allowed.to_vec(), ends: None }
    }

    /// The request is in a stage that the command is not for.
    pub(super) fn stage(stage: Stage) -> Self {
        let detail = format!("the request is {}; {}", stage.name(), stage.advice());
        Self::new("promotion_state", detail, stage.allowed())
    }
}
