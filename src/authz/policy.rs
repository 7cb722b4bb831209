//! The rules, as pure functions: who, on what, gives a permit or a refusal.

mod accountability;
mod factors;
mod oversight;
mod people;
mod proof;
mod reach;
mod roles;

pub use accountability::{put_record, review_record};
pub use factors::{own_factor, take_factor};
pub use oversight::*;
pub use people::{delegate, manage_person, revoke_delegation};
pub use proof::{change_password, is_weighty, require_certificate, require_fresh};
pub use reach::{admit_workload, require_range, require_reach, within_workspace};
pub use roles::change_role;

use crate::{
    authz::{
        Action, Actor, Cause, Credential, Denied, Kind, Permit, Person, Persons, Principal, Proof, Reach, ReadPermit,
        Scope, SecondFactor,
    },
    core::ids::{AccountId, WorkspaceId},
};

/// Leave to look at the caller's own workspace.
pub fn read(who: &Principal, action: Action) -> Result<ReadPermit, Denied> {
    if !who.may(action) {
        return Err(role_missing(who, action));
    }
    Ok(ReadPermit { scope: Scope::Workspace(who.workspace) })
}

/// Leave to find out who a credential belongs to, before there is a caller.
pub fn authenticate() -> ReadPermit {
    ReadPermit { scope: Scope::Instance }
}

/// Leave to find the ids of what a request named that was refused, for the log alone.
pub fn tell_refusal(denied: &Denied) -> Option<ReadPermit> {
    Some(ReadPermit { scope: Scope::Workspace(denied.actor.workspace?) })
}

/// Leave for the registry's own upkeep: workers, the log, start-up checks.
pub fn upkeep() -> ReadPermit {
    ReadPermit { scope: Scope::Instance }
}

/// Leave to do what the caller's roles allow anywhere in the workspace.
pub fn act(who: &Principal, action: Action) -> Result<Permit, Denied> {
    if !who.may(action) {
        return Err(role_missing(who, action));
    }
    Ok(permit(who, action))
}

/// The whole log has the records of every workspace: only the registry's own hands it out.
pub fn export_whole_log(who: &Principal, home: Option<WorkspaceId>) -> Result<(), Denied> {
    let action = Action::AuditExport;
    read(who, action).map(drop)?;
    if who.kind == Kind::System || home == Some(who.workspace) {
        return Ok(());
    }
    let reason = "the whole log has the records of other workspaces; export your own with format=tar".to_owned();
    Err(denied(who, action, "other_workspaces", reason))
}

/// A proof of who somebody is, by a password or a code, is the account's own act; one that failed is nobody's.
pub fn prove(
    action: Action,
    workspace: Option<WorkspaceId>,
    account: Option<(AccountId, &str)>,
    cause: Cause,
) -> Permit {
    let actor = Actor {
        kind: if account.is_some() { Kind::User } else { Kind::Anonymous },
        id: account.map(|(id, _)| id),
        name: account.map_or_else(|| "anonymous".to_owned(), |(_, name)| name.to_owned()),
        credential: Credential::None,
        proof: Proof::Standing,
        reach: Reach::default(),
        ranges: Vec::new(),
        workspace,
        cause,
    };
    Permit { actor, action }
}

/// Whose credential it is decides: one's own, or an administrator's business.
///
/// Nobody but the person themself (or the operator's console) makes a token for a person:
/// whoever held it could approve in their name.
pub fn manage_token(who: &Principal, action: Action, owner: AccountId, owner_kind: Kind) -> Result<Permit, Denied> {
    let permitted = act(who, action)?;
    if who.kind == Kind::Service && action == Action::TokenCreate {
        let reason = "a service account gets its tokens from a person, so that none outlives its purpose".to_owned();
        return Err(denied(who, action, "robot_cannot_issue", reason));
    }
    let own = who.id == Some(owner);
    if action == Action::TokenCreate && owner_kind == Kind::User && !own && who.kind != Kind::System {
        let reason = "a person's tokens are made by that person; give a service account a token instead".to_owned();
        return Err(denied(who, action, "not_yours", reason));
    }
    if own || who.may(Action::AccountCreate) {
        return Ok(permitted);
    }
    Err(denied(who, action, "not_yours", "only an administrator manages other people's tokens".to_owned()))
}

/// Everyone who had a hand in what is to be approved.
#[derive(Clone, Debug, Default)]
pub struct Involved {
    /// Who created or sealed the version, with the capacity in which they did it.
    pub parties: Vec<(AccountId, &'static str)>,
    /// Which accounts count as one person; each for itself before [`Self::with_persons`].
    pub persons: Persons,
}

impl Involved {
    /// Adds those who had a hand in it in one more capacity. Before [`Self::with_owners`] and
    /// [`Self::with_persons`], which reach on from everybody who is there.
    pub fn add(&mut self, accounts: impl IntoIterator<Item = AccountId>, capacity: &'static str) {
        for account in accounts {
            if !self.parties.contains(&(account, capacity)) {
                self.parties.push((account, capacity));
            }
        }
    }

    /// What one account did, every account did that decides as one with it.
    #[must_use]
    pub fn with_persons(mut self, persons: Persons) -> Self {
        for party in self.people() {
            let (same, deputies): (Vec<_>, Vec<_>) =
                persons.others(party).into_iter().partition(|other| persons.are_one_human(party, *other));
            self.add(same, "the same person, by another account, as somebody who took part in it");
            self.add(deputies, "a delegate or delegator of somebody who took part in it");
        }
        Self { persons, ..self }
    }

    pub fn people(&self) -> Vec<AccountId> {
        self.parties.iter().map(|(party, _)| *party).collect()
    }

    /// What a robot did, its owner did: both count.
    #[must_use]
    pub fn with_owners(mut self, robots: &[(AccountId, AccountId)]) -> Self {
        let owners: Vec<_> = self
            .parties
            .iter()
            .flat_map(|(party, _)| robots.iter().filter(move |(robot, _)| robot == party))
            .map(|(_, owner)| (*owner, "the owner of a robot that took part in it"))
            .collect();
        self.parties.extend(owners);
        self.parties.dedup();
        self
    }
}

/// Four eyes: an approver is a person, and none of those who made or measured the thing.
pub fn decide_promotion(who: &Principal, action: Action, involved: &Involved) -> Result<Permit, Denied> {
    let permitted = act(who, action)?;
    if who.kind != Kind::User {
        let reason = "only a person decides on a promotion request".to_owned();
        return Err(denied(who, action, "robot_cannot_approve", reason));
    }
    let conflict = conflicts(who, involved);
    if conflict.is_empty() {
        return Ok(permitted);
    }
    let reason = format!(
        "{} cannot decide on this request, being {}; ask someone who had no part in it",
        who.name,
        conflict.join(" and ")
    );
    Err(denied(who, action, "separation_of_duties", reason))
}

/// In which capacities the caller had a hand in it; empty means independent.
pub fn conflicts(who: &Principal, involved: &Involved) -> Vec<&'static str> {
    let mut found: Vec<_> =
        involved.parties.iter().filter(|(party, _)| Some(*party) == who.id).map(|(_, capacity)| *capacity).collect();
    found.dedup();
    found
}

/// Withdrawing is for the one who asked.
pub fn withdraw_promotion(who: &Principal, requested_by: AccountId) -> Result<Permit, Denied> {
    let action = Action::PromotionWithdraw;
    let permitted = act(who, action)?;
    if who.id == Some(requested_by) {
        return Ok(permitted);
    }
    Err(denied(who, action, "not_yours", "only the one who asked withdraws a request".to_owned()))
}

/// Whoever decided takes their own decision back; whose it is says the account.
pub fn unapprove_promotion(who: &Principal) -> Result<Permit, Denied> {
    let action = Action::PromotionUnapprove;
    let permitted = act(who, action)?;
    if who.kind == Kind::User {
        return Ok(permitted);
    }
    let reason = "only a person takes an approval back".to_owned();
    Err(denied(who, action, "robot_cannot_approve", reason))
}

/// Whoever asked for a run calls it off, or whoever answers for the environment's limits.
pub fn cancel_run(who: &Principal, requested_by: AccountId) -> Result<Permit, Denied> {
    let action = Action::RunCancel;
    let permitted = act(who, action)?;
    if who.id == Some(requested_by) {
        return Ok(permitted);
    }
    if who.may(Action::ConstraintsRevise) {
        return Ok(permit_as(who, action, Action::ConstraintsRevise));
    }
    let reason = "only the one who asked for a run, or an environment manager, cancels it".to_owned();
    Err(denied(who, action, "not_yours", reason))
}

/// Taking evidence back is for the one who submitted it, or an administrator's business.
pub fn withdraw_evidence(who: &Principal, submitted_by: AccountId) -> Result<Permit, Denied> {
    let action = Action::EvidenceWithdraw;
    let permitted = act(who, action)?;
    if who.id == Some(submitted_by) || who.may(Action::TrustKeyRevoke) {
        return Ok(permitted);
    }
    let reason = "only the one who submitted a record, or an administrator, withdraws it".to_owned();
    Err(denied(who, action, "not_yours", reason))
}

/// Nobody refutes what was found out about their own work, by whichever account, and no robot refutes anything.
pub fn refute_evidence(who: &Principal, involved: &Involved) -> Result<Permit, Denied> {
    let action = Action::EvidenceRefute;
    let permitted = act(who, action)?;
    if who.kind != Kind::User {
        let reason = "only a person refutes evidence".to_owned();
        return Err(denied(who, action, "robot_cannot_refute", reason));
    }
    let conflict = conflicts(who, involved);
    if conflict.is_empty() {
        return Ok(permitted);
    }
    let reason = format!("{} cannot refute evidence about this version, being {}", who.name, conflict.join(" and "));
    Err(denied(who, action, "separation_of_duties", reason))
}

/// Whether a rollback was right is for a person to say who did not do it, by whichever account.
pub fn review_rollback(who: &Principal, involved: &Involved) -> Result<Permit, Denied> {
    let action = Action::ReleaseReview;
    let permitted = act(who, action)?;
    if who.kind != Kind::User {
        return Err(denied(who, action, "robot_cannot_review", "only a person reviews a rollback".to_owned()));
    }
    let conflict = conflicts(who, involved);
    if conflict.is_empty() {
        return Ok(permitted);
    }
    let reason = format!("{} cannot review this rollback, being {}", who.name, conflict.join(" and "));
    Err(denied(who, action, "separation_of_duties", reason))
}

/// What the registry does by itself, as a consequence or by the clock.
pub fn system(who: &Principal, action: Action) -> Result<Permit, Denied> {
    if who.kind == Kind::System {
        return Ok(permit(who, action));
    }
    Err(denied(who, action, "forbidden", "only the registry itself does this".to_owned()))
}

fn permit(who: &Principal, action: Action) -> Permit {
    permit_as(who, action, action)
}

/// Leave for something by the roles that allow something else.
fn permit_as(who: &Principal, action: Action, capacity: Action) -> Permit {
    Permit { actor: Actor { ranges: who.ranges_for(capacity), ..who.actor() }, action }
}

/// Something that must hold first does not hold, whoever asks.
pub fn refuse(who: &Principal, action: Action, code: &'static str, reason: String) -> Denied {
    denied(who, action, code, reason)
}

fn role_missing(who: &Principal, action: Action) -> Denied {
    if who.second_factor == SecondFactor::Missing {
        let reason = "a second factor is required of you before anything else: add one on your account page, by \
            plimsoll factor add, or by POST /api/v1/second-factor";
        return denied(who, action, "second_factor_required", reason.to_owned());
    }
    if !who.reach.allows(action) {
        let reason = format!("this token of {} is not good for {action}, whatever its account may", who.name);
        return denied(who, action, "beyond_the_token", reason);
    }
    if who.person == Person::Unsaid && who.has_role_for(action) {
        let reason = format!(
            "an identity provider brought the account {name}, and nobody has said yet whether its person has another one \
             here; until then it may look and nothing else. Ask a workspace administrator to say it: \
             plimsoll user link {name} --same-as ACCOUNT, or --alone",
            name = who.name
        );
        return denied(who, action, "person_unsaid", reason);
    }
    let roles = who.role_names();
    let held = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
    let reason = format!("{} ({held}) may not {action}; ask a workspace administrator for a role that may", who.name);
    denied(who, action, "forbidden", reason)
}

fn denied(who: &Principal, action: Action, code: &'static str, reason: String) -> Denied {
    Denied { actor: Box::new(who.actor()), action, code, reason, about: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authz::Role;
    use std::collections::BTreeSet;

    fn person(roles: &[Role]) -> Principal {
        let somebody = Principal::system("ines", WorkspaceId::generate());
        let roles = roles.iter().copied().collect::<BTreeSet<_>>();
        Principal { id: Some(AccountId::generate()), kind: Kind::User, roles, ..somebody }
    }

    fn by(author: AccountId) -> Involved {
        let mut involved = Involved::default();
        involved.add([author], "the version's author");
        involved
    }

    #[test]
    fn an_approver_had_no_part_in_it() {
        let who = person(&[Role::Reviewer, Role::Contributor]);
        let mine = by(who.id.expect("id"));
        let refused = decide_promotion(&who, Action::PromotionApprove, &mine).expect_err("conflict");
        assert_eq!(refused.code, "separation_of_duties");
        let theirs = by(AccountId::generate());
        assert!(decide_promotion(&who, Action::PromotionApprove, &theirs).is_ok());
    }

    #[test]
    fn what_a_robot_did_its_owner_did() {
        let (who, robot) = (person(&[Role::Reviewer]), AccountId::generate());
        let owner = who.id.expect("id");
        let theirs = by(robot).with_owners(&[(robot, owner)]);
        assert!(decide_promotion(&who, Action::PromotionApprove, &theirs).is_err());
    }

    #[test]
    fn evidence_is_withdrawn_by_its_submitter_and_refuted_by_the_uninvolved() {
        let (submitter, author) = (person(&[Role::Reviewer, Role::Contributor]), person(&[Role::Reviewer]));
        let (admin, other) = (person(&[Role::Admin]), person(&[Role::Reviewer]));
        let theirs = submitter.id.expect("id");
        assert!(withdraw_evidence(&submitter, theirs).is_ok());
        assert!(withdraw_evidence(&admin, theirs).is_ok());
        assert_eq!(withdraw_evidence(&other, theirs).expect_err("not theirs").code, "not_yours");
        let authors = by(author.id.expect("id"));
        assert!(refute_evidence(&other, &authors).is_ok());
        assert_eq!(refute_evidence(&author, &authors).expect_err("author").code, "separation_of_duties");
        assert_eq!(refute_evidence(&admin, &authors).expect_err("role").code, "forbidden");
        let robot = Principal { kind: Kind::Service, ..other };
        assert_eq!(refute_evidence(&robot, &authors).expect_err("robot").code, "robot_cannot_refute");
    }

    #[test]
    fn no_robot_approves_whatever_its_roles() {
        let robot = Principal { kind: Kind::Service, ..person(&[Role::Reviewer]) };
        let refused = decide_promotion(&robot, Action::PromotionApprove, &Involved::default()).expect_err("robot");
        assert_eq!(refused.code, "robot_cannot_approve");
        let system = Principal::system("worker", robot.workspace);
        assert!(decide_promotion(&system, Action::PromotionApprove, &Involved::default()).is_err());
    }

    #[test]
    fn a_robot_does_not_renew_itself() {
        let robot = Principal { kind: Kind::Service, ..person(&[Role::Deployer]) };
        let own = robot.id.expect("id");
        assert!(manage_token(&robot, Action::TokenCreate, own, Kind::Service).is_err());
        assert!(manage_token(&robot, Action::TokenRevoke, own, Kind::Service).is_ok());
    }

    #[test]
    fn an_administrator_makes_tokens_for_robots_and_not_for_people() {
        let admin = person(&[Role::Admin]);
        let other = AccountId::generate();
        assert!(manage_token(&admin, Action::TokenCreate, other, Kind::Service).is_ok());
        assert!(manage_token(&admin, Action::TokenCreate, other, Kind::User).is_err());
        assert!(manage_token(&admin, Action::TokenRevoke, other, Kind::User).is_ok());
    }

    #[test]
    fn the_registry_alone_finishes_runs() {
        assert!(system(&person(Role::ALL), Action::RunFinish).is_err());
    }
}
