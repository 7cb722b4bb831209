//! Soak: the same bytes ran upstream, uninterrupted, with no blocking finding open.
//!
//! What counts is the latest stretch in which the digest was active there. A rollback or a
//! suspension that ended it makes it void, and so does a finding for the time that it was open:
//! the count begins anew at its end. Being followed by a newer release does not.

use crate::{
    core::{clock::rfc3339, digest::Digest},
    policies::hold::{Hold, HoldCause},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Soak {
    /// The environment upstream, by name.
    pub environment: String,
    /// 1 to 8,760.
    pub hours: u32,
}

/// One release of the model upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub digest: Digest,
    pub from: DateTime<Utc>,
    /// `None` while it is active.
    pub until: Option<DateTime<Utc>>,
    /// It ended by a rollback or a suspension, not by being replaced.
    pub failed: bool,
}

/// While a blocking finding about these bytes was open there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingSpan {
    pub from: DateTime<Utc>,
    /// `None` while it is open.
    pub until: Option<DateTime<Utc>>,
}

impl Soak {
    /// What is left of it, if something is. `spans` are all releases of the model upstream in any order.
    pub fn left(&self, spans: &[Span], findings: &[FindingSpan], digest: &Digest, now: DateTime<Utc>) -> Option<Hold> {
        let hold = |until, why: String| {
            let detail = format!("must run {} h in {} first: {why}", self.hours, self.environment);
            Some(Hold { cause: HoldCause::Soak, until, detail })
        };
        match served(spans, findings, digest, now, self.hours) {
            Served::Yes => None,
            Served::Never => hold(None, "it is not active there".to_owned()),
            Served::Failed => hold(None, "it was taken out of service there".to_owned()),
            Served::Disturbed => hold(None, "a blocking finding is open there".to_owned()),
            Served::TooShort => hold(None, "it was replaced there too soon".to_owned()),
            Served::Until(until) => hold(Some(until), format!("it has until {}", rfc3339(until))),
        }
    }
}

/// How far a soak has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    Yes,
    /// The digest was never active there.
    Never,
    /// The latest time ended by a rollback or a suspension.
    Failed,
    /// A blocking finding is open.
    Disturbed,
    /// It was replaced before the time was over.
    TooShort,
    /// It will be served at this moment, if nothing happens.
    Until(DateTime<Utc>),
}

/// Whether a digest was active for so long without a break.
pub fn served(spans: &[Span], findings: &[FindingSpan], digest: &Digest, now: DateTime<Utc>, hours: u32) -> Served {
    let Some(stretch) = latest(spans, digest, now) else { return Served::Never };
    if stretch.failed {
        return Served::Failed;
    }
    let end = stretch.until.unwrap_or(now).min(now);
    let needed = TimeDelta::hours(i64::from(hours));
    let mut begun = stretch.from;
    let mut open = findings.to_vec();
    open.sort_by_key(|finding| finding.from);
    for finding in open.iter().filter(|finding| finding.from <= now) {
        if finding.until.is_none_or(|until| now < until) {
            return Served::Disturbed;
        }
        // What was quiet long enough before it does not count: the latest word on these bytes is
        // that something was wrong with them.
        begun = begun.max(finding.until.unwrap_or(now));
    }
    match (needed <= end - begun, stretch.until) {
        (true, _) => Served::Yes,
        (false, Some(until)) if until <= now => Served::TooShort,
        (false, _) => Served::Until(begun + needed),
    }
}

/// The latest stretch in which a digest was active: releases of it that follow each other without
/// a gap are one.
fn latest(spans: &[Span], digest: &Digest, now: DateTime<Utc>) -> Option<Span> {
    let mut own: Vec<&Span> = spans.iter().filter(|span| span.digest == *digest && span.from <= now).collect();
    own.sort_by_key(|span| span.from);
    let mut last = own.pop()?.clone();
    while let Some(before) = own.pop() {
        if before.failed || before.until != Some(last.from) {
            break;
        }
        last.from = before.from;
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn span(what: &str, from: i64, until: Option<i64>, failed: bool) -> Span {
        Span { digest: Digest::of(what), from: at(from), until: until.map(at), failed }
    }

    fn finding(from: i64, until: Option<i64>) -> FindingSpan {
        FindingSpan { from: at(from), until: until.map(at) }
    }

    #[test]
    fn only_uninterrupted_time_of_the_same_bytes_counts() {
        let (a, b) = (Digest::of("a"), "b");
        type Case = (&'static str, Vec<Span>, Vec<FindingSpan>, i64, Served);
        let cases: &[Case] = &[
            ("nothing ran", vec![], vec![], 100, Served::Never),
            ("something else ran", vec![span(b, 0, None, false)], vec![], 100, Served::Never),
            ("it will have served", vec![span("a", 0, None, false)], vec![], 23, Served::Until(at(24))),
            ("the last moment is enough", vec![span("a", 0, None, false)], vec![], 24, Served::Yes),
            (
                "replaced in time",
                vec![span("a", 0, Some(24), false), span(b, 24, None, false)],
                vec![],
                30,
                Served::Yes,
            ),
            ("replaced too soon", vec![span("a", 0, Some(23), false)], vec![], 30, Served::TooShort),
            ("rolled back", vec![span("a", 0, Some(48), true), span(b, 48, None, false)], vec![], 50, Served::Failed),
            (
                "back again starts from nothing",
                vec![span("a", 0, Some(48), false), span(b, 48, Some(50), true), span("a", 50, None, false)],
                vec![],
                60,
                Served::Until(at(74)),
            ),
            (
                "another release of the same bytes goes on",
                vec![span("a", 0, Some(12), false), span("a", 12, None, false)],
                vec![],
                24,
                Served::Yes,
            ),
            ("a finding is open", vec![span("a", 0, None, false)], vec![finding(2, None)], 48, Served::Disturbed),
            (
                "a finding was closed",
                vec![span("a", 0, None, false)],
                vec![finding(2, Some(10))],
                24,
                Served::Until(at(34)),
            ),
            (
                "a finding of before it ran",
                vec![span("a", 20, None, false)],
                vec![finding(2, Some(10))],
                30,
                Served::Until(at(44)),
            ),
            ("a finding of later", vec![span("a", 0, None, false)], vec![finding(60, None)], 24, Served::Yes),
        ];
        for (name, spans, findings, now, expected) in cases {
            assert_eq!(served(spans, findings, &a, at(*now), 24), *expected, "{name}");
            let mut turned = spans.clone();
            turned.reverse();
            assert_eq!(served(&turned, findings, &a, at(*now), 24), *expected, "{name}, in another order");
        }
    }

    #[test]
    fn what_is_left_says_until_when_and_where() {
        let soak = Soak { environment: "staging".to_owned(), hours: 24 };
        let left = soak.left(&[span("a", 0, None, false)], &[], &Digest::of("a"), at(1)).expect("left");
        assert_eq!((left.cause, left.until), (HoldCause::Soak, Some(at(24))));
        assert!(left.detail.contains("staging"), "{left:?}");
        assert_eq!(soak.left(&[span("a", 0, None, false)], &[], &Digest::of("a"), at(24)), None);
    }
}
