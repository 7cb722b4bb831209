//! Whose word a waiver needs: the owner that its limit names, and what is to be done where there is none.

use crate::{
    authz::{Principal, Role, Touched},
    constraints::Constraint,
    core::ids::AccountId,
    db::Conn,
    environments::Current,
    error::Error,
    oversight, promotions,
};
use chrono::{DateTime, Utc};

/// The account of the owner that the limit names: without their word no waiver holds.
pub(super) async fn of(
    conn: &Conn<'_>,
    who: &Principal,
    place: &Touched,
    current: &Current,
    constraint: &Constraint,
) -> Result<AccountId, Error> {
    match find(conn, who, current, constraint).await? {
        Some(found) => Ok(found),
        None => Err(Error::conflict("constraint_owner_unknown", advice(conn, who, place, constraint).await?)),
    }
}

/// Why nobody can grant it, if the owner is not there.
pub(super) async fn vacancy(
    conn: &Conn<'_>,
    who: &Principal,
    place: &Touched,
    current: &Current,
    constraint: &Constraint,
) -> Result<Option<String>, Error> {
    match find(conn, who, current, constraint).await? {
        Some(_) => Ok(None),
        None => advice(conn, who, place, constraint).await.map(Some),
    }
}

/// A name may have been given to somebody else since the spec was published, who is not who was meant.
async fn find(
    conn: &Conn<'_>,
    who: &Principal,
    current: &Current,
    constraint: &Constraint,
) -> Result<Option<AccountId>, Error> {
    let published = current.constraints.as_ref().map_or(DateTime::<Utc>::MIN_UTC, |revision| revision.created_at);
    oversight::store::member_as_of(conn, who.workspace, &constraint.owner, published).await
}

/// Whoever acted for an owner who is gone would grant in nobody's name.
async fn advice(conn: &Conn<'_>, who: &Principal, place: &Touched, constraint: &Constraint) -> Result<String, Error> {
    let managers = promotions::store::holders(conn, who.workspace, place, &[Role::EnvironmentManager], &[]).await?;
    let managers = match managers.as_slice() {
        [] => "whoever manages the environment".to_owned(),
        managers => format!("who manages the environment ({})", managers.join(", ")),
    };
    Ok(format!(
        "the owner of {}, {}, is no active person in this workspace, so nobody can grant a waiver of it; {managers} \
         names another owner in the constraint spec, and a waiver is then asked for anew, because it excepts the limit \
         as it was",
        constraint.name, constraint.owner
    ))
}
