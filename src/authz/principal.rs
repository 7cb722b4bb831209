use crate::{
    authz::{Action, Actor, CustomRoles, Ranges, Reach, Role},
    core::ids::{AccountId, ClaimId, TokenId, WorkspaceId},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// For how long somebody who gave their password need not give it again.
const FRESH_MINUTES: i64 = 15;
/// By how much the clock of another replica may be ahead.
const SKEW_MINUTES: i64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    /// A robot: it has an owner and an expiry, and approves nothing.
    Service,
    /// The registry itself: workers and the operator's console.
    System,
    Anonymous,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::System => "system",
            Self::Anonymous => "anonymous",
        }
    }
}

/// By what the caller proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    Session(TokenId),
    Token(TokenId),
    /// Access to the machine itself, or no credential at all.
    None,
}

impl Credential {
    pub fn name(self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Token(_) => "token",
            Self::None => "none",
        }
    }

    pub fn id(self) -> Option<TokenId> {
        match self {
            Self::Session(id) | Self::Token(id) => Some(id),
            Self::None => None,
        }
    }
}

/// When whoever holds a credential last proved that it is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing is asked of programs with a token, and of the machine itself.
    Standing,
    /// When a password opened or confirmed the session.
    Given(DateTime<Utc>),
}

impl Proof {
    /// Whether it need not be given again. One from the future is none: a clock was set back.
    pub fn is_fresh(self, now: DateTime<Utc>) -> bool {
        let Self::Given(at) = self else { return true };
        let age = now - at;
        -TimeDelta::minutes(SKEW_MINUTES) <= age && age < TimeDelta::minutes(FRESH_MINUTES)
    }
}

/// How it stands with somebody's second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// There is none, and none is wanted.
    None,
    /// There is none, and one is wanted: nothing may be done but add it.
    Missing,
    /// Its codes are asked for.
    Active,
}

/// Whether it is known which human an account belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// A person made the account for somebody, or said whose it is.
    Known,
    /// An identity provider brought it: it may be a second account of somebody who has one here, and what one had a part
    /// in, the other would decide on. Until an administrator says whose it is, it may look and nothing else.
    Unsaid,
}

/// What a person may always do, without a role, or before there is the second factor that is asked of them: add that, and
/// end what is theirs.
const ALWAYS: &[Action] = &[
    Action::SecondFactorAdd,
    Action::SessionClose,
    Action::SessionConfirm,
    Action::PasswordChange,
    Action::TokenRead,
    Action::TokenRevoke,
];

impl SecondFactor {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Missing => "required",
            Self::Active => "active",
        }
    }
}

/// The request that a change comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    pub request_id: Option<String>,
    /// The claimed `Idempotency-Key`: settled in the same transaction as the change.
    pub claim: Option<ClaimId>,
}

/// An authenticated caller, in one workspace.
#[derive(Clone, Debug)]
pub struct Principal {
    pub id: Option<AccountId>,
    pub kind: Kind,
    pub name: String,
    pub workspace: WorkspaceId,
    pub roles: BTreeSet<Role>,
    /// Where those are held that are not held in the whole workspace.
    pub ranges: Ranges,
    /// Roles that the workspace made.
    pub custom: CustomRoles,
    pub credential: Credential,
    pub proof: Proof,
    pub second_factor: SecondFactor,
    pub person: Person,
    pub reach: Reach,
    pub cause: Cause,
}

impl Principal {
    /// The registry acting on its own account, in the workspace of the thing it works on.
    pub fn system(name: &str, workspace: WorkspaceId) -> Self {
        Self {
            id: None,
            kind: Kind::System,
            name: name.to_owned(),
            workspace,
            roles: BTreeSet::new(),
            ranges: Ranges::default(),
            custom: CustomRoles::default(),
            credential: Credential::None,
            proof: Proof::Standing,
            second_factor: SecondFactor::None,
            person: Person::Known,
            reach: Reach::default(),
            cause: Cause::default(),
        }
    }

    pub fn may(&self, action: Action) -> bool {
        match self.kind {
            Kind::System => true,
            _ if !self.reach.allows(action) => false,
            Kind::User if ALWAYS.contains(&action) => true,
            _ if self.second_factor == SecondFactor::Missing => false,
            _ if self.person == Person::Unsaid && !Role::is_look(action) => false,
            _ => self.has_role_for(action),
        }
    }

    /// Whether one of the roles allows it, whatever else may be in the way.
    pub fn has_role_for(&self, action: Action) -> bool {
        self.roles.iter().any(|role| role.allows(action)) || self.custom.allow(action)
    }

    /// Within one of which something has to be that this person does; empty where it may be anywhere.
    pub fn ranges_for(&self, action: Action) -> Vec<Reach> {
        if Role::is_nowhere(action) {
            return Vec::new();
        }
        let roles = self.roles.iter().filter(|role| role.allows(action)).map(|role| self.ranges.at(*role));
        let custom = self.custom.places(action).map(|reach| Some(reach).filter(|reach| reach.asks_where()));
        // One that is held everywhere makes the rest irrelevant.
        roles.chain(custom).map(Option::<&Reach>::cloned).collect::<Option<_>>().unwrap_or_default()
    }

    /// As the log and the lists call the roles.
    pub fn role_names(&self) -> Vec<String> {
        self.roles.iter().map(ToString::to_string).chain(self.custom.names()).collect()
    }

    pub fn actor(&self) -> Actor {
        Actor {
            kind: self.kind,
            id: self.id,
            name: self.name.clone(),
            credential: self.credential,
            proof: self.proof,
            reach: self.reach.clone(),
            ranges: Vec::new(),
            workspace: Some(self.workspace),
            cause: self.cause.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authz::policy;

    #[test]
    fn a_password_counts_for_a_quarter_of_an_hour_and_not_from_the_future() {
        let noon = DateTime::UNIX_EPOCH + TimeDelta::hours(12);
        let given = |minutes: i64| Proof::Given(noon - TimeDelta::minutes(minutes)).is_fresh(noon);
        assert!(given(0) && given(14) && given(-1) && Proof::Standing.is_fresh(noon));
        assert!(!given(15) && !given(-2) && !given(-24 * 60));
    }

    fn person(roles: &[Role]) -> Principal {
        let somebody = Principal::system("ines", WorkspaceId::generate());
        Principal {
            kind: Kind::User,
            id: Some(AccountId::generate()),
            roles: roles.iter().copied().collect(),
            ..somebody
        }
    }

    #[test]
    fn whoever_may_be_a_second_account_of_somebody_looks_and_nothing_else() {
        let known = person(Role::ALL);
        let unsaid = Principal { person: Person::Unsaid, ..known.clone() };
        for action in Action::ALL {
            let permitted = policy::act(&unsaid, *action);
            match Role::is_look(*action) || matches!(action, Action::SessionClose | Action::TokenRead) {
                true => assert!(permitted.is_ok(), "{action}"),
                false if known.may(*action) && !unsaid.may(*action) => {
                    assert_eq!(permitted.expect_err("unsaid").code, "person_unsaid", "{action}");
                }
                false => {}
            }
        }
        for action in [Action::PromotionApprove, Action::VersionCreate, Action::TokenCreate, Action::PersonLink] {
            assert!(!unsaid.may(action), "{action}");
        }
    }

    #[test]
    fn whoever_has_no_role_ends_what_is_theirs_and_nothing_else() {
        let nobody = person(&[]);
        let may: Vec<_> =
            Action::ALL.iter().filter(|action| nobody.may(**action)).map(|action| action.name()).collect();
        let own = "session.close session.confirm password.change second_factor.add token.read token.revoke";
        assert_eq!(may.join(" "), own);
        let robot = Principal { kind: Kind::Service, ..nobody };
        assert!(!Action::ALL.iter().any(|action| robot.may(*action)));
    }
}
