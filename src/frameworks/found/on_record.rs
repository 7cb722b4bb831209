//! What people put on record and answer for: a runbook, an SLA, an escalation chain, a KPI.

use super::{Found, hit, lack};
use crate::{
    accountability::Kind,
    frameworks::{
        facts::{Facts, RecordFact},
        selector::EnvironmentField,
    },
};
use chrono::{DateTime, Utc};

/// The kind of record that says what a field of a profile says.
pub(super) fn kind_of(field: EnvironmentField) -> Option<Kind> {
    match field {
        EnvironmentField::Sla => Some(Kind::Sla),
        EnvironmentField::Runbook => Some(Kind::Runbook),
        EnvironmentField::Escalation => Some(Kind::Escalation),
        _ => None,
    }
}

/// The newest record of a kind that counts; else what is wrong with the one that lapsed or has no
/// owner; `None` if there is none at all.
pub(super) fn find(kind: Kind, facts: &Facts, now: DateTime<Utc>) -> Option<Found> {
    let of_kind = || facts.records.iter().filter(|record| record.kind == kind);
    let counts = |record: &&RecordFact| record.owner_is_active && now < record.review_by;
    if let Some(RecordFact { name, owner, digest, at, .. }) = of_kind().filter(counts).max_by_key(|record| record.at) {
        let why = format!("the {} \"{name}\", for which {owner} answers", kind.spoken());
        return Some(hit(digest, Some(*at), why));
    }
    let RecordFact { name, owner, review_by, owner_is_active, .. } = of_kind().max_by_key(|record| record.at)?;
    let what = format!("the {} \"{name}\"", kind.spoken());
    Some(if *owner_is_active {
        lack(
            format!("{what} had to be reviewed by {}", review_by.date_naive()),
            format!("{owner} looks at it again: plimsoll record review {kind} {name}"),
        )
    } else {
        lack(
            format!("{what} has the owner {owner}, who is no longer active"),
            format!("name another owner: plimsoll record put {kind} {name} FILE"),
        )
    })
}
