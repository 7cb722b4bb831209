//! Looking at a code that came with a password that was right.

use crate::{
    accounts::{
        second_factor::{Factor, Spent, paper_hash, store},
        throttle::Place,
    },
    app::App,
    core::ids::AccountId,
    crypto::totp::Secret,
    db::Reader,
    error::Error,
};

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The account has no second factor.
    NotAsked,
    Missing,
    /// No code of now, or one that was used.
    Wrong,
    /// To be noted with what it is for, in one transaction.
    Right(Spent),
}

/// Nobody gets here without the password, so that no stranger can use the tries up. `known` is the browser or
/// session by which somebody is known: it has tries of its own.
///
/// # Errors
/// `TooMany` after too many codes that were wrong.
pub async fn look(
    app: &App,
    reader: &Reader<'_>,
    account: AccountId,
    code: &str,
    known: Option<&str>,
) -> Result<Looked, Error> {
    let Some(factor) = store::find(reader, account).await?.filter(Factor::counts) else { return Ok(Looked::NotAsked) };
    if code.trim().is_empty() {
        return Ok(Looked::Missing);
    }
    let tried = app.attempts.attempt(&account.to_string(), &Place::Code(known), app.db.clock().now())?;
    let Some(spent) = spent_by(app, reader, &factor, code).await? else { return Ok(Looked::Wrong) };
    app.attempts.succeeded(tried);
    Ok(Looked::Right(spent))
}

async fn spent_by(app: &App, reader: &Reader<'_>, factor: &Factor, code: &str) -> Result<Option<Spent>, Error> {
    // What is on paper needs no key, and is meant for the day when something is lost.
    let is_on_paper = code.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !is_on_paper && let Some(step) = step_of(app, factor, code)? {
        // Whether it was used meanwhile is asked again under the lock.
        return Ok(factor.last_step.is_none_or(|last| last < step).then_some(Spent::Step(step)));
    }
    let paper = store::find_paper(reader, factor.account, &paper_hash(code, factor.account)).await?;
    Ok(paper.map(Spent::Paper))
}

/// The step whose code it is, used or not.
pub fn step_of(app: &App, factor: &Factor, code: &str) -> Result<Option<i64>, Error> {
    let now = u64::try_from(app.db.clock().now().timestamp()).unwrap_or_default();
    let step = secret_of(app, factor)?.step_of(code, now);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// # Errors
/// `Unavailable` when the registry has another key than the one that sealed it: that is the operator's to mend.
pub fn secret_of(app: &App, factor: &Factor) -> Result<Secret, Error> {
    let sealed = factor.sealed.as_deref().unwrap_or_default();
    let opened = app.seal.open(sealed, &factor.account.to_string()).map_err(|error| {
        tracing::error!(account = %factor.account, %error, "a second factor cannot be read");
        Error::Unavailable {
            code: "second_factor_unreadable",
            detail: "the registry cannot read its second factors: its sealing key is another one than before. Tell \
                its operator"
                .to_owned(),
        }
    })?;
    Secret::from_bytes(opened).map_err(Error::internal)
}
