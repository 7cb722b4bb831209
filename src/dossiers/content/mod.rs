//! Facts to a document: which sections a profile has, and what stands in them. No I/O.

mod annex_iv;
mod bias_audit;
mod governance;
mod measured;
mod model_card;
mod model_risk;
mod oversight;
mod parts;

pub(super) use measured::DRAWN_AGAIN;

use crate::{
    core::{clock::rfc3339, text::plain},
    dossiers::{
        collect::Collected,
        document::{Document, Lack, Lacks},
        profiles::{Layout, layout},
    },
    error::Error,
    frameworks::{ItemState, Standing, State, coverage::tally},
    web::words,
};

/// The document of a profile.
pub(super) fn document(of: &Collected) -> Result<Document, Error> {
    let profile = &of.held.entry.profile;
    let layout = layout(&profile.id);
    let mut document = Document {
        title: plain(&format!("{}: {}", heading(layout, &profile.title), of.facts.model.name)),
        subtitle: plain(&format!(
            "Version {} in {}, as of {}",
            of.facts.version.number,
            of.facts.environment.name,
            moment(of)
        )),
        about: about(of),
        notices: notices(of),
        lacks: lacks(&of.held.items),
        disclaimer: plain(&profile.disclaimer),
        ..Document::default()
    };
    match layout {
        Layout::AnnexIv => annex_iv::write(&mut document, of)?,
        Layout::ModelRisk => model_risk::write(&mut document, of)?,
        Layout::BiasAudit => bias_audit::write(&mut document, of)?,
        Layout::ModelCard => model_card::write(&mut document, of)?,
        Layout::Plain => plain_order(&mut document, of)?,
    }
    document.sections.extend([oversight::section(of), parts::record(of)]);
    Ok(document)
}

fn heading(layout: Layout, title: &str) -> String {
    match layout {
        Layout::AnnexIv => "Technical documentation (Annex IV)".to_owned(),
        Layout::ModelRisk => "Model inventory entry and validation report".to_owned(),
        Layout::BiasAudit => "Bias audit summary".to_owned(),
        Layout::ModelCard | Layout::Plain => title.to_owned(),
    }
}

fn plain_order(document: &mut Document, of: &Collected) -> Result<(), Error> {
    document.sections.extend([parts::items(of), parts::identity(of), parts::place(of), parts::provenance(of)]);
    document.sections.push(parts::data(of));
    measured::limits(document, of);
    measured::figures(document, of);
    measured::groups(document, of)?;
    document.sections.extend([parts::reported(of), governance::approvals(of), governance::releases(of)]);
    Ok(())
}

/// "2 January 2026, 03:04:05.000000 UTC" with the exact form beside it is in the table; this is
/// the exact form.
pub(super) fn moment(of: &Collected) -> String {
    format!("{} (UTC)", rfc3339(of.at))
}

fn about(of: &Collected) -> Vec<(String, String)> {
    let held = &of.held;
    let profile = &held.entry.profile;
    let rows = [
        ("Profile", profile.name()),
        ("Title", profile.title.clone()),
        ("Jurisdiction", profile.jurisdiction.clone()),
        ("Revision", profile.revision.to_string()),
        ("Standing on that day", standing(held.standing).to_owned()),
        ("In effect", effect(of)),
        ("Digest of the profile", held.entry.digest.to_string()),
        ("As of", moment(of)),
        ("Model", of.facts.model.name.clone()),
        ("Version", format!("{} ({})", of.facts.version.number, of.facts.version.manifest)),
        ("Environment", of.facts.environment.name.clone()),
        ("Registry", of.origin.clone()),
    ];
    rows.into_iter().map(|(name, value)| (name.to_owned(), plain(&value))).collect()
}

fn effect(of: &Collected) -> String {
    let profile = &of.held.entry.profile;
    let until = profile.effective_to.map_or_else(String::new, |end| format!(", until before {end}"));
    format!("from {}{until}", profile.effective_from)
}

pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Proposed => "proposed, not adopted",
        Standing::NotYetInForce => "adopted, not yet in force",
        Standing::InForce => "in force",
        Standing::NoLongerInForce => "no longer in force",
    }
}

fn notices(of: &Collected) -> Vec<String> {
    let mut all = Vec::new();
    match of.held.standing {
        Standing::InForce => {}
        other => all.push(format!("This revision is {} on {}.", standing(other), of.at.date_naive())),
    }
    match of.facts.version.state {
        crate::versions::State::Draft => all.push("The version is a draft: its files can still change.".to_owned()),
        crate::versions::State::Revoked => all.push("The version is revoked and may not run anywhere.".to_owned()),
        crate::versions::State::Sealed => {}
    }
    all.extend(of.notices.iter().map(|notice| plain(notice)));
    all
}

fn lacks(items: &[ItemState]) -> Lacks {
    let (present, stale, missing) = tally(items);
    let of = |state: State| {
        items.iter().filter(move |item| item.state == state).map(move |item| Lack {
            state: state.word(),
            title: plain(&item.title),
            citation: plain(&item.citation),
            why: plain(&item.why),
            what_to_do: plain(&item.what_to_do),
        })
    };
    Lacks { present, stale, missing, items: of(State::Missing).chain(of(State::Stale)).collect() }
}

/// A time for people.
fn when(rfc3339: &str) -> String {
    words::moment(rfc3339)
}
