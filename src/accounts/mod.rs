//! Users, service accounts, their roles, sessions and API tokens.
//!
//! A credential belongs to one account in one workspace. Only the hash of its secret is
//! stored; people refer to it by its accessor.

pub mod api;
pub mod founding;
pub mod issuers;
pub mod ops;
pub mod passwords;
pub mod people;
pub mod reach;
pub mod roles;
pub mod second_factor;
pub mod sessions;
pub mod single_sign_on;
mod store;
pub mod throttle;
pub mod workloads;

use crate::{
    accounts::passwords::NewPassword,
    authz::{CustomRoles, Kind, Ranges, Reach, Role},
    core::{
        Malformed,
        ids::{AccountId, TokenId, WorkloadTrustId, WorkspaceId},
        name::Name,
        text::Line,
    },
    error::{Error, InField},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// How long an API token may live at most.
pub const MAX_TOKEN_DAYS: i64 = 365;

#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub display_name: String,
    pub kind: Kind,
    pub active: bool,
    pub owner: Option<AccountId>,
    /// Whom an identity provider says that it is of; somebody with a password where there is none.
    pub identity: Option<Identity>,
    pub roles: BTreeSet<Role>,
    /// Where those are held that are not held in the whole workspace.
    pub ranges: Ranges,
    /// Roles that the workspace made.
    pub custom: CustomRoles,
    pub created_at: DateTime<Utc>,
}

/// What an identity provider calls somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub issuer: String,
    pub subject: String,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub id: TokenId,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    pub session: bool,
    pub name: String,
    pub accessor: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// With which program a session was opened.
    pub client: Option<String>,
    /// By which a browser is known again.
    pub device: Option<String>,
    /// When a session was last used, to the minute.
    pub seen_at: Option<DateTime<Utc>>,
    /// When its person proved who they are, if not when it was made.
    pub proven_at: Option<DateTime<Utc>>,
    /// How far it reaches within what its account may.
    pub reach: Reach,
    /// Whose workload got it for a token of its own.
    pub trust: Option<WorkloadTrustId>,
}

/// A secret in the only moment in which it is readable.
pub struct Issued {
    pub token: Token,
    pub secret: String,
}

/// An account as it is asked for, every field checked.
pub struct NewAccount {
    pub name: Name,
    pub display_name: Line,
    pub roles: BTreeSet<Role>,
    pub credentials: NewCredentials,
}

pub enum NewCredentials {
    /// Who is at the machine sets the password themself.
    Person(NewPassword),
    /// The person chooses it with a code: whoever makes the account learns none.
    Invited,
    /// A robot has no password; whoever makes it owns it.
    Robot,
}

impl NewAccount {
    pub fn parse(
        name: &str,
        display_name: &str,
        kind: &str,
        roles: &[String],
        password: Option<&str>,
    ) -> Result<Self, Error> {
        let name = Name::parse(name).in_field("name")?;
        let roles = roles.iter().map(|role| Role::parse(role)).collect::<Result<BTreeSet<_>, _>>().in_field("roles")?;
        let credentials = match (kind, password) {
            ("user", Some(password)) => NewCredentials::Person(
                NewPassword::parse(password, &[name.as_str(), display_name]).in_field("password")?,
            ),
            ("user", None) => NewCredentials::Invited,
            ("service", None) => NewCredentials::Robot,
            ("service", Some(_)) => {
                return Err(Error::invalid("password", "a service account has none; give it a token"));
            }
            _ => return Err(Error::invalid("kind", "use user or service")),
        };
        let kind = if matches!(credentials, NewCredentials::Robot) { Kind::Service } else { Kind::User };
        fit(kind, &roles).in_field("roles")?;
        Ok(Self { name, display_name: Line::parse(display_name).in_field("display_name")?, roles, credentials })
    }
}

/// Whether an account of this kind can hold these roles together.
///
/// # Errors
/// When no account can: a robot judges nothing, and a worker is nothing else.
pub fn fit(kind: Kind, roles: &BTreeSet<Role>) -> Result<(), Malformed> {
    let is_robot = kind == Kind::Service;
    if is_robot && roles.iter().any(|role| role.judges() || *role == Role::Admin) {
        return Err(Malformed::new("a service account can be neither reviewer, officer nor admin"));
    }
    if roles.contains(&Role::Worker) && !(is_robot && roles.len() == 1) {
        return Err(Malformed::new("worker is for a service account that has no other role"));
    }
    Ok(())
}

/// When a token that is to live for some days ends.
pub fn token_expiry(now: DateTime<Utc>, days: i64) -> Result<DateTime<Utc>, Error> {
    if !(1..=MAX_TOKEN_DAYS).contains(&days) {
        return Err(Error::invalid("expires_in_days", format!("use 1 to {MAX_TOKEN_DAYS}")));
    }
    Ok(now + TimeDelta::days(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_a_robot_and_nothing_else() {
        let roles = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let password = Some("a password of some length");
        assert!(NewAccount::parse("cam", "", "service", &roles(&["worker"]), None).is_ok());
        assert!(NewAccount::parse("cam", "", "service", &roles(&["worker", "viewer"]), None).is_err());
        assert!(NewAccount::parse("cam", "", "user", &roles(&["worker"]), password).is_err());
    }

    #[test]
    fn a_robot_is_no_reviewer() {
        let roles = ["reviewer".to_owned()];
        assert!(NewAccount::parse("ci", "", "service", &roles, None).is_err());
    }
}
