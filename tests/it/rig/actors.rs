//! Who does what: each actor has a list of things to do, by weight, and now and then does what is
//! another one's.

use super::{board::Shared, client::Client, deeds};
use plimsoll::crypto::keys::SigningKey;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

pub struct Actor {
    pub client: Client,
    pub board: Shared,
    pub key: Arc<SigningKey>,
    pub weights: &'static [(Deed, usize)],
}

macro_rules! deeds {
    ($($variant:ident => $function:path),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Deed {
            $($variant),*
        }

        const ALL: &[Deed] = &[$(Deed::$variant),*];

        async fn act(actor: &mut Actor, deed: Deed) {
            match deed {
                $(Deed::$variant => $function(actor).await),*
            }
        }
    };
}

deeds! {
    PushVersion => deeds::authors::push_version,
    TakeOverDraft => deeds::authors::take_over_draft,
    RequestRun => deeds::authors::request_run,
    LookAtRun => deeds::authors::look_at_run,
    ReportEvidence => deeds::authors::report_evidence,
    CloseEvidence => deeds::authors::close_evidence,
    Ask => deeds::requests::ask,
    Withdraw => deeds::requests::withdraw,
    Approve => deeds::requests::approve,
    ApproveBlindly => deeds::requests::approve_blindly,
    Reject => deeds::requests::reject,
    Look => deeds::requests::look,
    Unapprove => deeds::requests::unapprove,
    Comment => deeds::requests::comment,
    Revise => deeds::places::revise,
    ReviseBlindly => deeds::places::revise_blindly,
    ReadDocument => deeds::places::read_document,
    Activate => deeds::places::activate,
    RollBack => deeds::places::roll_back,
    Suspend => deeds::places::suspend,
    Resume => deeds::places::resume,
    ChangeMode => deeds::places::change_mode,
    Pull => deeds::pulls::pull,
    PullWanted => deeds::pulls::pull_wanted,
    PullFile => deeds::pulls::pull_file,
    PullAgain => deeds::pulls::pull_again,
    MakeToken => deeds::offices::make_token,
    RevokeToken => deeds::offices::revoke_token,
    UseDeadToken => deeds::offices::use_dead_token,
    HireAndFire => deeds::offices::hire_and_fire,
    RevokeVersion => deeds::offices::revoke_version,
    RollKey => deeds::offices::roll_key,
    OpenFinding => deeds::offices::open_finding,
    SettleFinding => deeds::offices::settle_finding,
    Link => deeds::offices::link,
    Delegate => deeds::offices::delegate,
    AskWaiver => deeds::exceptions::ask_waiver,
    DecideWaiver => deeds::exceptions::decide_waiver,
    BreakGlass => deeds::exceptions::break_glass,
    MendGlass => deeds::exceptions::mend_glass,
    ReportRunning => deeds::exceptions::report_running,
    KeepRecord => deeds::exceptions::keep_record,
    UpdateModel => deeds::exceptions::update_model,
    LookBack => deeds::exceptions::look_back,
    Nonsense => deeds::offices::nonsense,
}

pub const AUTHOR: &[(Deed, usize)] = &[
    (Deed::PushVersion, 8),
    (Deed::TakeOverDraft, 1),
    (Deed::RequestRun, 12),
    (Deed::ReportEvidence, 1),
    (Deed::CloseEvidence, 1),
    (Deed::Ask, 3),
    (Deed::AskWaiver, 1),
    (Deed::KeepRecord, 1),
    (Deed::UpdateModel, 1),
    (Deed::Approve, 2),
    (Deed::Nonsense, 1),
];
pub const SUBMITTER: &[(Deed, usize)] = &[
    (Deed::Ask, 14),
    (Deed::RequestRun, 6),
    (Deed::LookAtRun, 16),
    (Deed::Withdraw, 1),
    (Deed::Look, 2),
    (Deed::Approve, 1),
    (Deed::AskWaiver, 4),
    (Deed::OpenFinding, 1),
];
pub const APPROVER: &[(Deed, usize)] = &[
    (Deed::Approve, 20),
    (Deed::ApproveBlindly, 1),
    (Deed::Reject, 1),
    (Deed::Unapprove, 1),
    (Deed::Look, 4),
    (Deed::Comment, 1),
    (Deed::CloseEvidence, 1),
    (Deed::SettleFinding, 4),
    (Deed::DecideWaiver, 5),
    (Deed::MendGlass, 2),
    (Deed::LookBack, 1),
    (Deed::Delegate, 1),
];
pub const BOTH: &[(Deed, usize)] = &[
    (Deed::Approve, 16),
    (Deed::Look, 4),
    (Deed::Ask, 2),
    (Deed::LookAtRun, 2),
    (Deed::ReportEvidence, 1),
    (Deed::Reject, 1),
    (Deed::SettleFinding, 3),
    (Deed::DecideWaiver, 2),
];
pub const MANAGER: &[(Deed, usize)] = &[
    (Deed::Activate, 24),
    (Deed::RollBack, 4),
    (Deed::Suspend, 1),
    (Deed::Resume, 2),
    (Deed::ChangeMode, 1),
    (Deed::BreakGlass, 2),
    (Deed::MendGlass, 2),
    (Deed::DecideWaiver, 5),
    (Deed::LookBack, 1),
    (Deed::Revise, 1),
    (Deed::ReviseBlindly, 1),
    (Deed::ReadDocument, 4),
    (Deed::OpenFinding, 1),
];
pub const DEPLOYER: &[(Deed, usize)] = &[
    (Deed::Pull, 8),
    (Deed::PullWanted, 4),
    (Deed::PullFile, 4),
    (Deed::PullAgain, 4),
    (Deed::ReportRunning, 1),
    (Deed::Activate, 1),
];
pub const ADMINISTRATOR: &[(Deed, usize)] = &[
    (Deed::MakeToken, 5),
    (Deed::RevokeToken, 5),
    (Deed::UseDeadToken, 6),
    (Deed::HireAndFire, 3),
    (Deed::RevokeVersion, 1),
    (Deed::RollKey, 1),
    (Deed::Link, 1),
    (Deed::Approve, 1),
    (Deed::Nonsense, 3),
];
pub const ATTACKER: &[(Deed, usize)] =
    &[(Deed::Nonsense, 10), (Deed::UseDeadToken, 5), (Deed::Approve, 3), (Deed::Pull, 3)];

/// Of a hundred deeds so many are another one's.
const STRANGE: usize = 6;

pub async fn live(mut actor: Actor, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let deed = choose(&mut actor);
        act(&mut actor, deed).await;
        let wait_ms = 5 + actor.client.random.below(60);
        actor.client.pause(wait_ms as u64).await;
    }
}

fn choose(actor: &mut Actor) -> Deed {
    if actor.client.random.percent(STRANGE) {
        return *actor.client.random.pick(ALL).expect("deeds");
    }
    let total = actor.weights.iter().map(|(_, weight)| weight).sum();
    let mut drawn = actor.client.random.below(total);
    for (deed, weight) in actor.weights {
        match drawn.checked_sub(*weight) {
            Some(left) => drawn = left,
            None => return *deed,
        }
    }
    Deed::Nonsense
}
