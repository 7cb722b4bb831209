//! Where a selector finds what it asks for, and what to do where it does not.

mod on_record;
mod reported;

use crate::{
    accountability::Kind,
    constraints::Dimension,
    environments::profile::{OperatingMode, Profile},
    frameworks::{
        facts::{Facts, LimitFact, RecordText, SignatureFact},
        selector::{
            AttributeRole, AttributeSelector, DatasetField, EnvironmentField, MeasuredKind, ModelField, ReportedKind,
            Selector,
        },
    },
};
use chrono::{DateTime, Utc};

/// What satisfies an item.
pub(super) struct Hit {
    pub evidence: Vec<String>,
    /// The oldest of it; an age counts from here.
    pub since: Option<DateTime<Utc>>,
    pub why: String,
    /// When its author said that it ends, if that lies in the past.
    pub ended_at: Option<DateTime<Utc>>,
}

/// What is missing, and what to do about it.
pub(super) struct Lack {
    pub why: String,
    pub what_to_do: String,
}

type Found = Result<Hit, Lack>;

fn hit(evidence: impl Into<String>, since: Option<DateTime<Utc>>, why: impl Into<String>) -> Found {
    Ok(Hit { evidence: vec![evidence.into()], since, why: why.into(), ended_at: None })
}

fn lack(why: impl Into<String>, what_to_do: impl Into<String>) -> Found {
    Err(Lack { why: why.into(), what_to_do: what_to_do.into() })
}

/// Looks for one item.
pub(super) fn find(selector: &Selector, facts: &Facts, now: DateTime<Utc>) -> Found {
    match selector {
        Selector::VersionSealed => sealed(facts),
        Selector::VersionSigned => signed(facts, now),
        Selector::Attestation { predicate_type } => attestation(facts, predicate_type),
        Selector::Measured { evidence } => measured(facts, *evidence),
        Selector::BiasBy { attribute } => bias(facts, attribute),
        Selector::ModelRecord { field } => record(facts, *field),
        Selector::Owner { accountability } => owner(facts, accountability),
        Selector::Environment { field } => environment(facts, *field, now),
        Selector::Constraint { dimension } => limit(facts, *dimension),
        Selector::Dataset { field } => dataset(facts, *field),
        Selector::PromotionPolicy => match &facts.policy {
            Some((digest, at)) => hit(digest, Some(*at), "the environment says who has to approve"),
            None => lack(
                format!("{} has no promotion policy", facts.environment),
                format!("publish one: plimsoll env apply {} --policy policy.yaml", facts.environment),
            ),
        },
        Selector::IndependentApproval => match facts.approvals.last() {
            Some(approval) => hit(&approval.reference, Some(approval.at), "approved by somebody who had no part in it"),
            None => lack(
                format!("nobody has approved version {} for {}", facts.version, facts.environment),
                "comes with the approval of a promotion request",
            ),
        },
        Selector::AuditLog => match (&facts.leaf, &facts.sealed) {
            (Some((index, at)), _) => hit(format!("leaf {index}"), Some(*at), "the sealing is in the log's tree"),
            (None, Some(_)) => lack("the sealing has no place in the log's tree yet", "wait for the log's sequencer"),
            (None, None) => lack("the version was never sealed", push(facts)),
        },
        Selector::ReleaseHistory => match facts.releases.iter().find(|release| release.of_this_version) {
            Some(release) => hit(&release.reference, Some(release.at), "its release is on record"),
            None => lack(
                format!("version {} never ran in {}", facts.version, facts.environment),
                "comes with the first activation",
            ),
        },
        Selector::RollbackTarget => match facts.releases.iter().find(|release| !release.of_this_version) {
            Some(release) => hit(&release.reference, Some(release.at), "there is an earlier release to go back to"),
            None => lack(
                format!("no other version of {} ever ran in {}", facts.model, facts.environment),
                "say in the runbook what takes over instead; from the second release on there is one",
            ),
        },
        Selector::Reported { evidence, document, independent, tables } => {
            let document = document.as_deref();
            let asked = reported::Asked { kind: *evidence, document, independent: *independent, tables };
            let found = reported::find(&asked, facts, now);
            // A KPI on record is one that somebody answers for; nobody independent vouches for it.
            let kpi = *evidence == ReportedKind::Kpi && !independent && found.is_err();
            kpi.then(|| on_record::find(Kind::Kpi, facts, now)).flatten().unwrap_or(found)
        }
    }
}

fn push(facts: &Facts) -> String {
    format!("push and seal it: plimsoll push FOLDER {}", facts.model)
}

fn check(facts: &Facts) -> String {
    format!("run plimsoll check {}@{} --env {}", facts.model, facts.version, facts.environment)
}

fn sealed(facts: &Facts) -> Found {
    match &facts.sealed {
        Some((digest, at)) => hit(digest, Some(*at), "its bytes never change any more"),
        None => lack("the version is a draft, or was revoked", push(facts)),
    }
}

fn signed(facts: &Facts, now: DateTime<Utc>) -> Found {
    let since = facts.sealed.as_ref().map(|(_, at)| *at);
    let todo = "push a version signed with a key that the workspace trusts";
    match &facts.signature {
        SignatureFact::Verified(key) if key.is_valid_at(now) => {
            hit(&key.fingerprint, since, "signed by a key that the workspace trusts")
        }
        SignatureFact::Verified(key) => {
            lack(format!("the signing key {} is revoked or no longer valid", key.name), todo)
        }
        SignatureFact::Untrusted(why) => lack(why, todo),
        SignatureFact::Absent => lack("the version has no signature", push(facts)),
    }
}

fn attestation(facts: &Facts, predicate_type: &str) -> Found {
    let since = facts.sealed.as_ref().map(|(_, at)| *at);
    match facts.attestations.iter().find(|a| a.predicate_type.starts_with(predicate_type)) {
        Some(found) => hit(&found.digest, since, format!("a signed statement of type {}", found.predicate_type)),
        None => lack(
            format!("the version was sealed without a statement of type {predicate_type}"),
            "push a version with such a statement; a sealed version takes no more",
        ),
    }
}

fn measured(facts: &Facts, kind: MeasuredKind) -> Found {
    match facts.measured.iter().find(|record| record.kind == kind) {
        Some(record) if record.has_figures => {
            hit(&record.digest, Some(record.at), "measured by the registry against the current limits")
        }
        Some(_) => {
            let reason = facts.absent.values().next().map(|reason| format!(": {reason}")).unwrap_or_default();
            lack(
                format!("the run that counts has a record of {kind} without any figure{reason}"),
                unmeasured(facts, kind),
            )
        }
        None => lack(
            format!("no finished run of version {} against the current limits of {}", facts.version, facts.environment),
            check(facts),
        ),
    }
}

/// What a run needs to have figures of this kind.
fn unmeasured(facts: &Facts, kind: MeasuredKind) -> String {
    let need = match kind {
        MeasuredKind::Performance => "set a limit on latency, memory or size",
        MeasuredKind::Quality => "register evaluation data with a label",
        MeasuredKind::Robustness => "add `perturbations` to the constraint spec",
        MeasuredKind::Bias => "register evaluation data with a label and sensitive columns",
    };
    format!("{need}, then {}", check(facts))
}

/// A limit that somebody is held to.
fn limit(facts: &Facts, dimension: Dimension) -> Found {
    let Some(spec) = &facts.constraints else { return no_constraints(facts) };
    let place = &facts.environment;
    let of_it: Vec<_> = spec.limits.iter().filter(|limit| limit.dimension == dimension).collect();
    if let Some(LimitFact { name, owner, .. }) = of_it.iter().find(|limit| limit.binds()) {
        return hit(&spec.digest, Some(spec.at), format!("the limit {name}, for which {owner} answers"));
    }
    let what =
        if dimension == Dimension::Quality { "how right the model is".to_owned() } else { dimension.to_string() };
    let todo = format!("add a limit on {what}, of severity block or warn and with an owner, to the spec of {place}");
    let why = match of_it.first() {
        Some(noted) => format!("the limit {} of {place} neither blocks nor warns, or is none on {what}", noted.name),
        None => format!("the constraint spec of {place} limits no {dimension}"),
    };
    lack(why, todo)
}

/// A table counts when it can be compared: two groups, each large enough.
fn bias(facts: &Facts, attribute: &AttributeSelector) -> Found {
    let Some(record) = facts.measured.iter().find(|record| record.kind == MeasuredKind::Bias) else {
        return measured(facts, MeasuredKind::Bias);
    };
    let tables = facts.tables_of(attribute);
    let usable: Vec<_> = tables.iter().filter(|t| 1 < t.usable().count()).map(|t| t.attribute.as_str()).collect();
    let limit =
        format!("add a limit on bias by {attribute} to the spec of {}, then {}", facts.environment, check(facts));
    if *attribute == AttributeSelector::Every {
        let columns = facts.dataset.as_ref().map(|d| d.sensitive.as_slice()).unwrap_or_default();
        let absent: Vec<_> = columns.iter().filter(|c| !usable.contains(&c.as_str())).map(String::as_str).collect();
        if columns.is_empty() {
            return lack("the evaluation data name no sensitive column", "register data with their sensitive columns");
        }
        if !absent.is_empty() {
            return lack(format!("no comparable groups by {}", absent.join(", ")), limit);
        }
    }
    if let (AttributeSelector::Roles(roles), Some(data), []) = (attribute, &facts.dataset, tables.as_slice()) {
        let is_there = |role: &AttributeRole| data.sensitive.iter().any(|c| role.is_meant_by(c, &data.roles));
        if let Some(role) = roles.iter().find(|role| !is_there(role)) {
            let (what, word) = (role.spoken(), role.option());
            return lack(
                format!("no sensitive column of the evaluation data is known to mean {what}"),
                format!(
                    "register data with a sensitive column for {what}; if it has another name, say so with --role {word}=COLUMN"
                ),
            );
        }
    }
    match (usable.as_slice(), tables.first()) {
        ([], Some(table)) => lack(
            format!("by {} fewer than two groups have at least {} rows", table.attribute, table.minimum_group_size),
            "evaluate on more rows of the small groups",
        ),
        ([], None) => lack(format!("the run has no results by group for {attribute}"), limit),
        (found, _) => hit(&record.digest, Some(record.at), format!("results by group for {}", found.join(", "))),
    }
}

fn record(facts: &Facts, field: ModelField) -> Found {
    let text = match field {
        ModelField::IntendedUse => &facts.intended_use,
        ModelField::ProhibitedUse => &facts.prohibited_use,
        ModelField::RiskTier => &facts.risk_tier,
        ModelField::Title => &facts.title,
    };
    let since = match facts.record_texts.get(&field) {
        Some(RecordText::NotKept) => {
            let why = format!("there was a {field}, and its text was replaced after that moment and is not kept");
            return lack(why, "look into a dossier that was made before the change");
        }
        Some(RecordText::Since(since)) => Some(*since),
        None => facts.recorded_at,
    };
    if text.trim().is_empty() {
        let model = &facts.model;
        return lack(format!("{model}'s record says no {field}"), format!("write the {field} into {model}'s record"));
    }
    hit(format!("models/{}#{}", facts.model, field.word()), since, format!("{field} is on record"))
}

fn owner(facts: &Facts, accountability: &str) -> Found {
    let todo = format!("name a {accountability} owner in {}'s record", facts.model);
    match (facts.owners.get(accountability), facts.vacant.get(accountability)) {
        (Some(name), _) => hit(format!("accounts/{name}"), facts.recorded_at, format!("{name} answers for it")),
        (None, Some(name)) => lack(format!("the {accountability} owner {name} is no longer active"), todo),
        (None, None) => lack(format!("{} has no {accountability} owner", facts.model), todo),
    }
}

/// A record that somebody answers for says as much as the profile.
fn environment(facts: &Facts, field: EnvironmentField, now: DateTime<Utc>) -> Found {
    let in_the_profile = in_profile(facts, field);
    match on_record::kind_of(field).and_then(|kind| on_record::find(kind, facts, now)) {
        Some(found) if in_the_profile.is_err() => found,
        _ => in_the_profile,
    }
}

fn in_profile(facts: &Facts, field: EnvironmentField) -> Found {
    let place = &facts.environment;
    let Some((profile, digest, at)) = &facts.profile else {
        return lack(
            format!("{place} has no profile"),
            format!("give it one: plimsoll env apply {place} --profile FILE"),
        );
    };
    if stated(profile, field) {
        return hit(digest, Some(*at), format!("{field} is in the profile"));
    }
    match field {
        EnvironmentField::HumanOversight => lack(
            format!("{place} runs its models automated, so nobody steps in"),
            "choose the operating mode advisory or human_in_the_loop, or put a human_oversight document on record",
        ),
        _ => lack(format!("{place}'s profile says no {field}"), format!("add the {field} to the profile of {place}")),
    }
}

fn stated(profile: &Profile, field: EnvironmentField) -> bool {
    match field {
        EnvironmentField::Description => !profile.description.trim().is_empty(),
        EnvironmentField::Jurisdiction => !profile.jurisdiction.trim().is_empty(),
        EnvironmentField::OperatingMode => true,
        EnvironmentField::HumanOversight => profile.operating_mode != OperatingMode::Automated,
        EnvironmentField::Hardware => profile.hardware.is_some(),
        EnvironmentField::Sla => profile.sla.is_some(),
        EnvironmentField::Runbook => profile.runbook_url.is_some(),
        EnvironmentField::Escalation => profile.escalation_contact.is_some() || !profile.escalation.is_empty(),
    }
}

fn no_constraints(facts: &Facts) -> Found {
    let place = &facts.environment;
    lack(
        format!("{place} has no constraint spec"),
        format!("give it one: plimsoll env apply {place} --constraints constraints.yaml"),
    )
}

fn dataset(facts: &Facts, field: DatasetField) -> Found {
    if facts.constraints.is_none() {
        return no_constraints(facts);
    }
    let Some(dataset) = &facts.dataset else {
        return lack(
            format!("the spec of {} names no registered data for {}", facts.environment, facts.model),
            "register the data and name them in the spec",
        );
    };
    let (given, what) = match field {
        DatasetField::Registered => (true, "registered with their digest"),
        DatasetField::Source => (!dataset.source.trim().is_empty(), "their source is on record"),
        DatasetField::Sensitive => (!dataset.sensitive.is_empty(), "their sensitive columns are on record"),
    };
    if given {
        return hit(&dataset.digest, Some(dataset.at), what);
    }
    lack(format!("the evaluation data say nothing on {field}"), format!("register the data again with their {field}"))
}
