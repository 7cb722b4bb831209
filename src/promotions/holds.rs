//! What keeps an approved request waiting: looked up here, judged by the functions of the policy.

use crate::{
    authz::Scope,
    db::Conn,
    environments,
    error::Error,
    oversight::findings,
    policies::{
        Asked, Hold, HoldCause, freeze,
        soak::{FindingSpan, Soak, Span},
        wait,
    },
    promotions::assessment::Facts,
    releases::{self, Kind, State},
};
use chrono::{DateTime, Utc};

/// Everything that holds it now. `approved_at` is when the last seat was filled.
pub(crate) async fn of(
    conn: &Conn<'_>,
    scope: Scope,
    facts: &Facts,
    asked: &Asked,
    approved_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Vec<Hold>, Error> {
    let mut holds: Vec<Hold> = [wait::left(asked.wait_hours, approved_at, now), freeze::active(&asked.freeze, now)]
        .into_iter()
        .flatten()
        .collect();
    for soak in &asked.soak {
        holds.extend(soaking(conn, scope, facts, asked, soak, now).await?);
    }
    Ok(holds)
}

async fn soaking(
    conn: &Conn<'_>,
    scope: Scope,
    facts: &Facts,
    asked: &Asked,
    soak: &Soak,
    now: DateTime<Utc>,
) -> Result<Option<Hold>, Error> {
    let (model, version) = (&facts.model, &facts.version);
    let Some(upstream) = environments::store::find(conn, scope, &soak.environment).await? else {
        let detail = format!("must run in {} first, and there is no such environment", soak.environment);
        return Ok(Some(Hold { cause: HoldCause::Soak, until: None, detail }));
    };
    let ran = releases::store::of_version(conn, upstream.id, model.id, version.id).await?;
    let spans: Vec<_> = ran
        .iter()
        // Nobody approved what an emergency brought.
        .filter(|release| release.kind != Kind::BreakGlass)
        .map(|release| Span {
            digest: version.manifest,
            from: release.activated_at,
            until: release.ended_at,
            failed: matches!(release.state, State::RolledBack | State::Suspended),
        })
        .collect();
    let findings = findings::store::ever_reaching(conn, scope, model.id, version.id, upstream.id).await?;
    let from = asked.blocking_finding;
    let disturbed: Vec<_> = findings
        .iter()
        // A lapsed approval is marked for as long as the release runs, also when its cause is settled.
        .filter(|finding| finding.code != findings::ASSURANCE_LAPSED)
        // Of what is open it counts what would block now: not a risk that is accepted.
        .filter(|finding| from <= finding.severity && (finding.closed_at.is_some() || finding.blocks(from, now)))
        .map(|finding| FindingSpan { from: finding.opened_at, until: finding.closed_at })
        .collect();
    Ok(soak.left(&spans, &disturbed, &version.manifest, now))
}
