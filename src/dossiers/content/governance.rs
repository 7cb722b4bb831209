//! Who answers, who approved what, and what ran when.

use super::when;
use crate::{
    core::clock::rfc3339,
    dossiers::{
        collect::Collected,
        document::{Cell, Section},
    },
    environments::profile::OperatingMode,
    releases::{Assurance, Kind, Release},
};

/// Everybody who answers for something, and who no longer does.
pub(super) fn owners(section: &mut Section, of: &Collected) {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for what in ["business", "development", "validation", "operations", "data", "compliance"] {
        rows.push(match (of.known.owners.get(what), of.known.vacant.get(what)) {
            (Some(name), _) => vec![what.into(), name.as_str().into()],
            (None, Some(name)) => vec![what.into(), Cell::toned(&format!("{name}, no longer active"), "bad")],
            (None, None) => vec![what.into(), Cell::toned("nobody", "bad")],
        });
    }
    section.table("Owners", &["Accountability", "Person"], rows, "");
}

pub(super) fn approvals(of: &Collected) -> Section {
    let mut section = Section::new("Requests and approvals");
    decisions(&mut section, of);
    section
}

pub(super) fn decisions(section: &mut Section, of: &Collected) {
    let row = |request: &crate::dossiers::collect::Request| {
        let promotion = &request.promotion;
        vec![
            promotion.id.to_string().into(),
            of.name(promotion.requested_by).into(),
            when(&rfc3339(promotion.requested_at)).into(),
            Cell::state(&request.stage),
            promotion.decision_digest.to_string().into(),
        ]
    };
    let rows = of.requests.iter().map(row).collect();
    let nothing = format!(
        "Nobody had asked for version {} to become active in {}.",
        of.facts.version.number, of.facts.environment.name
    );
    section.table("Requests", &["Request", "Asked by", "Asked", "State", "Decided on"], rows, &nothing);
    let approval = |approval: &crate::promotions::Approval| {
        vec![
            approval.id.to_string().into(),
            decided_by(of, approval).into(),
            when(&rfc3339(approval.created_at)).into(),
            match approval.outcome {
                crate::promotions::Outcome::Approve if approval.withdrawn.is_some() => {
                    Cell::toned("approved, and taken back", "mind")
                }
                crate::promotions::Outcome::Approve => "approved".into(),
                crate::promotions::Outcome::Reject => Cell::toned("rejected", "bad"),
            },
            said(approval).into(),
        ]
    };
    let rows = of.requests.iter().flat_map(|request| &request.approvals).map(approval).collect();
    let head = ["Decision", "By", "At", "Outcome", "Reason"];
    section.table("Decisions, each signed by the registry", &head, rows, "Nobody had decided on a request.");
}

fn decided_by(of: &Collected, approval: &crate::promotions::Approval) -> String {
    let by = of.name(approval.account);
    approval.on_behalf_of.map_or_else(|| by.clone(), |from| format!("{by}, in the stead of {}", of.name(from)))
}

/// The reason, and what was asked for beside.
fn said(approval: &crate::promotions::Approval) -> String {
    let mut said = approval.reason.clone();
    if !approval.conditions.is_empty() {
        said += &format!(" On condition: {}", approval.conditions.join("; "));
    }
    if let Some(gone) = &approval.withdrawn {
        said += &format!(" Taken back {}: {}", when(&rfc3339(gone.at)), gone.reason);
    }
    said.trim().to_owned()
}

/// The state, how it came about if no request was behind it, and why it ended.
fn became(release: &Release) -> String {
    let mut said = release.state.name().replace('_', " ");
    if let Some(earlier) = release.restores {
        said += &format!("; back to {earlier}");
    }
    if release.kind != Kind::Promotion {
        said +=
            &format!("; {}: {}", release.kind.name().replace('_', " "), release.reason.as_deref().unwrap_or_default());
    }
    if let Some(reason) = &release.ended_reason {
        said += &format!("; ended: {reason}");
    }
    said
}

pub(super) fn releases(of: &Collected) -> Section {
    let mut section = Section::new("What ran here");
    history(&mut section, of);
    section
}

pub(super) fn history(section: &mut Section, of: &Collected) {
    let row = |release: &Release| {
        let number = of.released.get(&release.version).map_or_else(|| "unknown".to_owned(), i64::to_string);
        let until = release.ended_at.map_or_else(|| "still active".to_owned(), |end| when(&rfc3339(end)));
        vec![
            release.id.to_string().into(),
            number.into(),
            when(&rfc3339(release.activated_at)).into(),
            until.into(),
            of.name(release.activated_by).into(),
            release.mode.map_or("not stated", OperatingMode::name).replace('_', " ").into(),
            became(release).into(),
            Cell::toned(release.assurance.name(), if release.assurance == Assurance::Lapsed { "bad" } else { "" }),
        ]
    };
    let rows = of.releases.iter().map(row).collect();
    let nothing = format!("Nothing of {} had run in {}.", of.facts.model.name, of.facts.environment.name);
    let head = ["Release", "Version", "From", "Until", "Activated by", "Mode", "State", "Assurance"];
    section.table(&format!("Releases in {}", of.facts.environment.name), &head, rows, &nothing);
}
