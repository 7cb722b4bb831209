//! Who may settle a finding, and which are settled by a review alone.

use crate::{
    accounts::people,
    authz::{Principal, Scope, policy::Involved},
    core::ids::BreakGlassId,
    db::Conn,
    error::Error,
    oversight::{
        break_glass::{self, BreakGlass},
        findings::{BREAK_GLASS, Finding, REVIEW_OVERDUE},
    },
    versions,
};
use chrono::{DateTime, Utc};

/// Everybody who had a hand in a finding, in the version that it is about, or in breaking the glass for it.
pub(super) async fn involved(
    conn: &Conn<'_>,
    who: &Principal,
    finding: &Finding,
    now: DateTime<Utc>,
) -> Result<Involved, Error> {
    let mut involved = Involved::default();
    if let Some(version) = finding.reach.version {
        let scope = Scope::Workspace(finding.workspace);
        let found = versions::store::find_by_id(conn, scope, version).await?.ok_or(versions::ops::NOT_FOUND)?;
        involved = versions::ops::authors(conn, &found).await?;
        let invokers = break_glass::store::invokers(conn, version, finding.reach.environment).await?;
        involved.add(invokers, "who broke the glass for it");
    }
    if let Some(broken) = emergency(conn, finding).await? {
        involved.add([broken.invoked_by].into_iter().chain(broken.second_by), "who broke the glass for it");
    }
    involved.add(finding.opened_by, "who opened it");
    involved.add(finding.remediated_by, "who remediates it");
    people::ops::as_one(conn, who.workspace, involved, now).await
}

/// Refuses what says that a review is to be given, as long as it was not.
pub(super) async fn ask_for_review(conn: &Conn<'_>, finding: &Finding) -> Result<(), Error> {
    if ![BREAK_GLASS, REVIEW_OVERDUE].contains(&finding.code.as_str()) {
        return Ok(());
    }
    if emergency(conn, finding).await?.is_some_and(|broken| broken.is_reviewed()) {
        return Ok(());
    }
    let subject = &finding.subject;
    let what = subject.kind.replace('_', "-");
    let detail =
        format!("{} waits for the review of {what} {}; review that, and this closes with it", finding.code, subject.id);
    Err(Error::conflict("review_pending", detail))
}

/// The emergency that a finding is about, if it is about one.
async fn emergency(conn: &Conn<'_>, finding: &Finding) -> Result<Option<BreakGlass>, Error> {
    if finding.subject.kind != break_glass::ops::KIND {
        return Ok(None);
    }
    let id = BreakGlassId(finding.subject.id);
    break_glass::store::find(conn, Scope::Workspace(finding.workspace), id).await
}
