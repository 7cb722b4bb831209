//! What somebody else vouches for, as far as it is what an item asks for.

use super::{Found, Hit, lack};
use crate::{
    datasets::roles::Roles,
    evidence::state::Standing,
    frameworks::{
        facts::{Dependence, Facts, ReportedFact},
        selector::{AttributeSelector, ReportedKind},
    },
};
use chrono::{DateTime, Utc};

pub(super) struct Asked<'a> {
    pub kind: ReportedKind,
    pub document: Option<&'a str>,
    pub independent: bool,
    pub tables: &'a [AttributeSelector],
}

impl Asked<'_> {
    /// Kinds other than documents may have a name of their own, and any will do.
    fn is_it(&self, record: &ReportedFact) -> bool {
        let is_named = || self.document.is_none() || record.document.as_deref() == self.document;
        record.kind == self.kind && (self.kind != ReportedKind::Document || is_named())
    }

    fn spoken(&self) -> String {
        match self.document {
            Some(name) => format!("the document {name}"),
            None => format!("evidence of kind {}", self.kind),
        }
    }

    /// Why a record that stands is not what is asked for.
    fn shortcoming(&self, record: &ReportedFact, facts: &Facts) -> Option<String> {
        match record.dependence.filter(|_| self.independent) {
            Some(Dependence::SigningKey) => {
                return Some("reported by the key that signed the version; an independent one is asked for".to_owned());
            }
            Some(Dependence::Author) => {
                return Some("submitted by an author of the version; an independent one is asked for".to_owned());
            }
            None => {}
        }
        // Of other data only the names of the columns are known.
        let of_the_data = facts.dataset.as_ref().filter(|data| record.dataset.as_ref() == Some(&data.digest));
        let roles = of_the_data.map_or_else(Roles::default, |data| data.roles.clone());
        let is_there = |table: &AttributeSelector| record.attributes.iter().any(|name| table.takes(name, &roles));
        let absent: Vec<_> = self.tables.iter().filter(|table| !is_there(table)).map(ToString::to_string).collect();
        let by = &record.reported_by;
        let why = || format!("reported by {by}, has no counts or impact ratios by group for {}", absent.join(", "));
        (!absent.is_empty()).then(why)
    }
}

/// The newest record that counts; else one that has ended; else what is wrong with the others.
pub(super) fn find(asked: &Asked, facts: &Facts, now: DateTime<Utc>) -> Found {
    let newest = |wanted: &[Standing], suffices: bool| {
        let of_it = facts.reported.iter().filter(|r| asked.is_it(r) && wanted.contains(&r.standing(now)));
        of_it.filter(|r| !suffices || asked.shortcoming(r, facts).is_none()).max_by_key(|r| r.made_at)
    };
    let what = asked.spoken();
    if let Some(found) = newest(&[Standing::Verified], true).or_else(|| newest(&[Standing::Expired], true)) {
        return Ok(Hit {
            evidence: vec![found.digest.clone()],
            since: Some(found.made_at),
            why: format!("{what}, reported by {}, not measured here", found.reported_by),
            ended_at: found.valid_until.filter(|_| found.standing(now) == Standing::Expired),
        });
    }
    let unfit = newest(&[Standing::Verified, Standing::Expired], false);
    let lost = newest(&[Standing::KeyRevoked, Standing::Withdrawn, Standing::Refuted, Standing::Superseded], false);
    let why = match (unfit.and_then(|record| asked.shortcoming(record, facts)), lost) {
        (Some(shortcoming), _) => format!("{what}, {shortcoming}"),
        (None, Some(lost)) => format!("{what}, reported by {}, {}", lost.reported_by, ended(lost.standing(now))),
        (None, None) => format!("nobody has reported {what} about version {}", facts.version),
    };
    lack(why, what_to_do(asked, facts))
}

fn ended(standing: Standing) -> &'static str {
    match standing {
        Standing::KeyRevoked => "no longer counts: that key was revoked",
        Standing::Refuted => "was refuted",
        Standing::Superseded => "was superseded",
        _ => "was withdrawn",
    }
}

fn what_to_do(asked: &Asked, facts: &Facts) -> String {
    let report = format!("plimsoll evidence report {}@{} BUNDLE", facts.model, facts.version);
    let by = match asked.independent {
        true => ", by a trusted key that is not the version's and an account that is not its author's",
        false => "",
    };
    match asked.document {
        Some(name) => format!("have it signed as evidence of kind document, named {name}, and report it{by}: {report}"),
        None => {
            let kind = asked.kind;
            format!("have it signed by a trusted key as evidence of kind {kind}, and report it{by}: {report}")
        }
    }
}
