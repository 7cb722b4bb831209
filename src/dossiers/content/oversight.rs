//! What was known to be wrong, excepted, done in an emergency, tried, said, and answered for.

use super::when;
use crate::{
    core::clock::rfc3339,
    dossiers::{
        collect::Collected,
        document::{Cell, Section},
        watched::{Seen, word},
    },
    oversight::{break_glass::BreakGlass, waivers::Waiver},
    web::record_words::says,
};

pub(super) fn section(of: &Collected) -> Section {
    let mut section = Section::new("Oversight");
    findings(&mut section, of);
    waivers(&mut section, of);
    emergencies(&mut section, of);
    rehearsals(&mut section, of);
    reviews(&mut section, of);
    records(&mut section, of);
    comments(&mut section, of);
    section
}

fn findings(section: &mut Section, of: &Collected) {
    let row = |Seen { finding, steps }: &Seen| {
        let steps: Vec<_> = steps
            .iter()
            .map(|step| {
                let by = step.by.map_or_else(|| "the registry".to_owned(), |by| of.name(by));
                format!("{} {} by {by} {}", when(&rfc3339(step.at)), step.step, step.reason).trim_end().to_owned()
            })
            .collect();
        vec![
            finding.id.to_string().into(),
            format!("{}: {}", finding.code, finding.title).into(),
            finding.severity.to_string().into(),
            open(word(finding.state)),
            finding.owner.map_or_else(|| Cell::toned("nobody", "bad"), |owner| of.name(owner).into()),
            when(&rfc3339(finding.due_at)).into(),
            steps.join("; ").into(),
        ]
    };
    let rows = of.watched.findings.iter().map(row).collect();
    let head = ["Finding", "What", "Severity", "State", "Owner", "Due", "Steps"];
    section.table("Findings", &head, rows, "No finding had been opened about it here.");
}

/// A finding that stands is not well.
fn open(state: &str) -> Cell {
    let tone = if state == "closed" { "" } else { "mind" };
    Cell::toned(&state.replace('_', " "), tone)
}

fn waivers(section: &mut Section, of: &Collected) {
    let row = |waiver: &Waiver| {
        let decided = waiver.grants.iter().map(|grant| {
            format!(
                "{} by {} {}: {}",
                grant.outcome,
                of.name(grant.account),
                when(&rfc3339(grant.decided_at)),
                grant.reason
            )
        });
        vec![
            waiver.id.to_string().into(),
            waiver.constraint.as_str().into(),
            Cell::state(word(waiver.state)),
            if waiver.version.is_some() { "this version" } else { "every version" }.into(),
            when(&rfc3339(waiver.expires_at)).into(),
            format!("{}: {} Instead: {}", of.name(waiver.requested_by), waiver.reason, waiver.compensating_control)
                .into(),
            decided.collect::<Vec<_>>().join("; ").into(),
        ]
    };
    let rows = of.watched.waivers.iter().map(row).collect();
    let head = ["Waiver", "Limit", "State", "Of", "Until", "Asked for", "Decisions"];
    section.table("Exceptions to limits", &head, rows, "Nobody had asked for an exception to a limit.");
}

fn emergencies(section: &mut Section, of: &Collected) {
    let row = |broken: &BreakGlass| {
        let passed = match broken.would_have_passed {
            Some(true) => "checks would have passed",
            Some(false) => "checks would not have passed",
            None => "checks were not made",
        };
        let by = broken.second_by.map_or_else(
            || of.name(broken.invoked_by),
            |second| format!("{} and {}", of.name(broken.invoked_by), of.name(second)),
        );
        let span = match (broken.starts_at, broken.ended_at.or(broken.ends_at)) {
            (Some(start), Some(end)) => format!("{} to {}", when(&rfc3339(start)), when(&rfc3339(end))),
            _ => "it never began".to_owned(),
        };
        let review = match (broken.reviewed_by, broken.review_due_at) {
            (Some(reviewer), _) => {
                format!("{}: {}", of.name(reviewer), broken.review_reason.as_deref().unwrap_or_default()).into()
            }
            (None, Some(due)) if broken.is_review_overdue(of.at) => {
                Cell::toned(&format!("overdue since {}", when(&rfc3339(due))), "bad")
            }
            (None, Some(due)) => format!("due {}", when(&rfc3339(due))).into(),
            (None, None) => "".into(),
        };
        vec![
            broken.id.to_string().into(),
            Cell::toned(word(broken.state), if word(broken.state) == "justified" { "" } else { "bad" }),
            by.into(),
            span.into(),
            broken.justification.as_str().into(),
            passed.into(),
            review,
        ]
    };
    let rows = of.watched.emergencies.iter().map(row).collect();
    let head = ["Emergency", "State", "By", "When", "Justification", "Would it have passed", "Review"];
    section.table("Emergency activations", &head, rows, "Nobody had broken the glass for it here.");
}

fn rehearsals(section: &mut Section, of: &Collected) {
    let row = |rehearsal: &crate::releases::rehearsals::Rehearsal| {
        let number = of.released.get(&rehearsal.version).map_or_else(|| "unknown".to_owned(), i64::to_string);
        vec![
            rehearsal.id.to_string().into(),
            number.into(),
            Cell::state(rehearsal.state.name()),
            when(&rfc3339(rehearsal.finished_at.unwrap_or(rehearsal.requested_at))).into(),
            of.name(rehearsal.requested_by).into(),
            rehearsal.digest.map(|digest| digest.to_string()).unwrap_or_default().into(),
        ]
    };
    let rows = of.watched.rehearsals.iter().map(row).collect();
    let head = ["Rehearsal", "Back to version", "State", "At", "Asked by", "Digest"];
    section.table("Rollbacks that were rehearsed", &head, rows, "No rollback had been rehearsed here.");
}

fn reviews(section: &mut Section, of: &Collected) {
    let row = |review: &crate::releases::reviews::Review| {
        let said = match &review.given {
            Some(given) => format!("{} by {}: {}", given.outcome.name(), of.name(given.by), given.reason).into(),
            None if review.is_overdue(of.at) => Cell::toned("overdue", "bad"),
            None => "not yet".into(),
        };
        vec![review.release.to_string().into(), when(&rfc3339(review.due_at)).into(), said]
    };
    let rows = of.watched.reviews.iter().map(row).collect();
    section.table("Reviews of rollbacks", &["Release", "Due", "Review"], rows, "There was no rollback to review.");
}

fn records(section: &mut Section, of: &Collected) {
    let row = |record: &crate::accountability::Record| {
        let state = match (record.body.is_violated(), record.has_lapsed(of.at)) {
            (true, _) => Cell::toned("violated", "bad"),
            (_, true) => Cell::toned("lapsed", "bad"),
            _ => "in order".into(),
        };
        vec![
            record.spoken().into(),
            state,
            of.name(record.owner).into(),
            when(&rfc3339(record.review_by)).into(),
            format!("revision {}, {}", record.revision, record.digest).into(),
            says(&record.body).into(),
        ]
    };
    let rows = of.watched.records.iter().map(row).collect();
    let head = ["Record", "State", "Owner", "Look again by", "Revision", "It says"];
    section.table("What somebody answers for", &head, rows, "No KPI, assumption, runbook or other record was kept.");
}

fn comments(section: &mut Section, of: &Collected) {
    let row = |comment: &crate::promotions::comments::Comment| {
        vec![
            comment.promotion.to_string().into(),
            of.name(comment.account).into(),
            when(&rfc3339(comment.created_at)).into(),
            comment.body.as_str().into(),
        ]
    };
    let rows = of.watched.comments.iter().map(row).collect();
    section.table("What was said on requests", &["Request", "By", "At", "Said"], rows, "Nobody had said anything.");
}
