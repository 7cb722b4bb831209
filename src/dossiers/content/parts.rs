//! Sections that several documents have: what it is, where it runs, on what it rests.

use super::when;
use crate::{
    core::clock::rfc3339,
    dossiers::{
        collect::Collected,
        document::{Block, Cell, Section, Table},
    },
    environments::profile::Profile,
    frameworks::{ItemState, facts::SignatureFact},
    provenance,
    web::words,
};

/// Every item of the profile in its order.
pub(super) fn items(of: &Collected) -> Section {
    let mut section = Section::new("What the profile asks for");
    list(&mut section, "Items of the profile", of.held.items.iter());
    section
}

/// A table of items with their citation and what is on record for each.
pub(super) fn list<'a>(section: &mut Section, caption: &str, items: impl Iterator<Item = &'a ItemState>) {
    let row = |item: &ItemState| {
        let mut found = item.why.clone();
        if !item.evidence.is_empty() {
            found = format!("{found}: {}", item.evidence.join(", "));
        }
        if let Some(since) = &item.since {
            found = format!("{found} ({})", when(since));
        }
        if !item.what_to_do.is_empty() {
            found = format!("{found}. What to do: {}", item.what_to_do);
        }
        if !item.note.is_empty() {
            found = format!("{found} Note: {}", item.note);
        }
        vec![item.title.as_str().into(), item.citation.as_str().into(), Cell::state(item.state.word()), found.into()]
    };
    let rows: Vec<_> = items.map(row).collect();
    if !rows.is_empty() {
        section.blocks.push(Block::Table(Table::new(caption, &["Item", "Citation", "State", "On record"], rows)));
    }
}

pub(super) fn identity(of: &Collected) -> Section {
    let mut section = Section::new("The model and its version");
    describe(&mut section, of);
    section
}

pub(super) fn describe(section: &mut Section, of: &Collected) {
    let (model, version) = (&of.facts.model, &of.facts.version);
    let sealed = version.sealed_at.map(|at| when(&rfc3339(at))).unwrap_or_default();
    section.facts(
        "The record of the model",
        vec![
            ("Name", model.name.clone()),
            ("Title", model.title.clone()),
            ("Intended use", model.intended_use.clone()),
            ("What it must not be used for", model.prohibited_use.clone()),
            ("Risk tier", model.risk_tier.to_string()),
            ("On record since", when(&rfc3339(model.created_at))),
        ],
    );
    section.facts(
        "The version",
        vec![
            ("Number", version.number.to_string()),
            ("Digest of its manifest", version.manifest.to_string()),
            ("State", version.state.name().to_owned()),
            ("Made by", of.name(version.created_by)),
            ("Sealed", sealed),
            ("Signature", signature(of)),
        ],
    );
    let files = of.files.iter().map(|file| {
        let size = u64::try_from(file.declared.size_bytes).unwrap_or_default();
        vec![file.declared.path.as_str().into(), words::size(size).into(), file.declared.sha256.to_string().into()]
    });
    section.table("Files of the version", &["Path", "Size", "SHA-256"], files.collect(), "The version has no files.");
}

fn signature(of: &Collected) -> String {
    match &of.known.signature {
        SignatureFact::Verified(key) if key.is_valid_at(of.at) => {
            format!("verified, by the key {} ({})", key.name, key.fingerprint)
        }
        SignatureFact::Verified(key) => {
            format!(
                "verified when it was sealed, by the key {} ({}), which no longer counts",
                key.name, key.fingerprint
            )
        }
        SignatureFact::Untrusted(why) => format!("not trusted: {why}"),
        SignatureFact::Absent => "absent".to_owned(),
    }
}

/// The environment with its documents.
pub(super) fn place(of: &Collected) -> Section {
    let mut section = Section::new("Where it runs");
    describe_place(&mut section, of);
    section
}

pub(super) fn describe_place(section: &mut Section, of: &Collected) {
    let Some((profile, digest, at)) = &of.known.profile else {
        return section.absent(format!("{} has no profile on record.", of.facts.environment.name));
    };
    let mut rows = vec![("Name", of.facts.environment.name.clone())];
    rows.extend(of_profile(profile));
    rows.push(("Profile", format!("{digest}, since {}", when(&rfc3339(*at)))));
    let document = |found: Option<(&String, chrono::DateTime<chrono::Utc>)>| {
        found.map(|(digest, at)| format!("{digest}, since {}", when(&rfc3339(at)))).unwrap_or_default()
    };
    rows.push(("Constraint spec", document(of.known.constraints.as_ref().map(|spec| (&spec.digest, spec.at)))));
    rows.push(("Promotion policy", document(of.known.policy.as_ref().map(|(digest, at)| (digest, *at)))));
    section.facts("The environment", rows);
}

fn of_profile(profile: &Profile) -> Vec<(&'static str, String)> {
    let hardware = profile.hardware.as_ref().map(|hardware| {
        let cores = hardware.cores.map(|cores| format!("{cores} cores"));
        let memory = hardware.memory.map(|m| format!("{m} {}", hardware.memory_unit.as_deref().unwrap_or("GiBy")));
        let accelerator = hardware.accelerator.clone();
        [cores, memory, accelerator].into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    let contact = profile.escalation_contact.clone();
    let steps = profile.escalation.iter().map(|step| format!("{} after {} min", step.contact, step.after_minutes));
    vec![
        ("Description", profile.description.clone()),
        ("Class", word(&profile.class)),
        ("Jurisdiction", profile.jurisdiction.clone()),
        ("Operating mode", word(&profile.operating_mode)),
        ("Hardware", hardware.unwrap_or_default()),
        ("Runbook", profile.runbook_url.clone().unwrap_or_default()),
        ("Escalation", contact.into_iter().chain(steps).collect::<Vec<_>>().join("; ")),
    ]
}

fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    words::spoken(value.as_str().unwrap_or_default())
}

pub(super) fn provenance(of: &Collected) -> Section {
    let mut section = Section::new("How it was made");
    describe_provenance(&mut section, of);
    section
}

pub(super) fn describe_provenance(section: &mut Section, of: &Collected) {
    let rows = of.facts.attestations.iter().map(|a| vec![a.predicate_type.as_str().into(), a.digest.as_str().into()]);
    let nothing = "No signed statement says how the version was made, nor on which data it was trained.";
    section.table("Signed statements about the version", &["Predicate type", "Digest"], rows.collect(), nothing);
    let said: Vec<_> = of.facts.attestations.iter().filter_map(|a| provenance::kept(&a.statement)).collect();
    if said.is_empty() {
        return;
    }
    section.say("What these statements say is their author's word; the registry checked who signed them, and that they are about these files.");
    for one in &said {
        let moment = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| when(&rfc3339(at))).unwrap_or_default();
        let facts = vec![
            ("Made by", one.builder.clone()),
            ("Kind of build", one.build_type.clone()),
            ("Build", one.invocation.clone().unwrap_or_default()),
            ("Begun", moment(one.started_on)),
            ("Finished", moment(one.finished_on)),
        ];
        section.facts("The making of the version", facts);
    }
    let row = |material: &provenance::Material| {
        let digest = material.shown_digest().map(|(algorithm, value)| format!("{algorithm}:{value}"));
        vec![material.label().into(), material.role.words().into(), digest.unwrap_or_default().into()]
    };
    let rows = said.iter().flat_map(|one| &one.materials).map(row).collect();
    section.table(
        "What it was made from",
        &["Name", "As", "Digest"],
        rows,
        "The statements name nothing that it was made from.",
    );
}

pub(super) fn data(of: &Collected) -> Section {
    let mut section = Section::new("Evaluation data");
    describe_data(&mut section, of);
    section
}

pub(super) fn describe_data(section: &mut Section, of: &Collected) {
    let Some(data) = &of.facts.dataset else {
        return section.absent(format!(
            "The constraint spec of {} names no data for {}.",
            of.facts.environment.name, of.facts.model.name
        ));
    };
    let described = &data.description;
    section.facts(
        "The evaluation data",
        vec![
            ("Name", data.name.clone()),
            ("SHA-256", data.digest.to_string()),
            ("Rows", words::grouped(u64::try_from(data.rows).unwrap_or_default())),
            ("Source", described.source.clone()),
            ("Label", if described.has_label() { described.label.clone() } else { "none".to_owned() }),
            ("Favourable value", described.positive_label.clone().unwrap_or_default()),
            ("Sensitive columns", described.sensitive.join(", ")),
            ("Registered", when(&rfc3339(data.created_at))),
        ],
    );
}

/// What others signed, which is no measurement of the registry.
pub(super) fn reported(of: &Collected) -> Section {
    let mut section = Section::new("What others reported");
    section.say("Signed by others and kept as it came; the registry measured none of it and judges none of it.");
    let row = |report: &crate::dossiers::collect::Report| {
        let record = &report.record;
        let named = record.document.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        vec![
            format!("{}{named}: {}", record.kind.name(), record.title).into(),
            record.key.name.as_str().into(),
            when(&rfc3339(record.measured_at.unwrap_or(record.issued_at))).into(),
            Cell::state(record.standing(of.at).name()),
            record.digest.to_string().into(),
        ]
    };
    let rows = of.reports.iter().map(row).collect();
    section.table(
        "Reported evidence",
        &["Kind, document and title", "Key", "Made", "Standing", "Digest"],
        rows,
        "Nobody has reported anything about this version.",
    );
    section
}

/// Where everything in the document can be found again.
pub(super) fn record(of: &Collected) -> Section {
    let mut section = Section::new("Evidence and the audit log");
    let row = |record: &crate::validation::Evidence| {
        vec![format!("measured: {}", record.kind.name()).into(), record.digest.to_string().into(), "evidence/".into()]
    };
    let reported = of.reports.iter().map(|report| {
        vec![
            format!("reported: {}", report.record.kind.name()).into(),
            report.record.digest.to_string().into(),
            "reported/".into(),
        ]
    });
    let rows: Vec<_> = of.facts.evidence.iter().map(row).chain(reported).collect();
    section.table("Evidence by digest", &["Kind", "Digest", "Folder"], rows, "There is no evidence.");
    section.say("Each is a file of this package, named by the 64 digits of its digest.");
    match &of.slice.checkpoint {
        Some(note) => {
            let size = note.lines().nth(1).unwrap_or_default();
            section.say(format!(
                "{} records of the audit log of {} are about what is in this document. Each comes with a proof against \
                 the signed head over {size} records (audit/checkpoint).",
                of.slice.leaves.len(),
                of.origin
            ));
        }
        None => section.absent("No record of the audit log is about this."),
    }
    section.say("README.txt in this package says how to verify all of it without the registry.");
    section
}
