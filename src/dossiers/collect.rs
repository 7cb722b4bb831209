//! Loads everything that a dossier is made of, as it stood at its moment.
//!
//! Rows that never change are filtered by their time; of rows that end (versions, releases,
//! reported evidence, keys) a later end is taken back; the stage of a request is told by the
//! replayed log (never by the slice of it, which may be cut), and so are the model's owners and
//! its risk tier. What the log has only as a hash (the
//! model's title and uses) is compared with it ([`record`]); what it has not at all (who owns a
//! robot) is of now, and [`Collected::notices`] says so.

use crate::{
    accountability, accounts,
    app::App,
    audit::{
        asof::{self, Person, Selection},
        guard, sequencer,
    },
    authz::{People, ReadPermit, Scope},
    core::{clock::rfc3339, ids::AccountId},
    db::{Conn, Reader},
    dossiers::{
        Ask, profiles, record, slice,
        slice::{Objects, Slice},
        store,
        watched::{self, About, Watched},
    },
    environments::Environment,
    error::Error,
    evidence::{self, state::State as EvidenceState},
    frameworks::{self, RecordText, facts::ReleaseFact, facts::Stamped, ops::Held},
    models::{self, Model},
    promotions::{self, Approval, Outcome, Promotion, assessment},
    releases::{Release, State as ReleaseState},
    trust, validation,
    versions::{self, Signature, StoredFile, Version},
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};

/// Somebody may write between placing and reading.
const ATTEMPTS: usize = 5;

/// One request and what had become of it.
pub(super) struct Request {
    pub promotion: Promotion,
    /// A name of [`promotions::Stage`].
    pub stage: String,
    pub approvals: Vec<Approval>,
}

/// A reported record and the signed statement that it came in.
pub(super) struct Report {
    pub record: evidence::Reported,
    pub bundle: String,
}

pub(super) struct Collected {
    pub at: DateTime<Utc>,
    pub origin: String,
    pub facts: assessment::Facts,
    pub known: frameworks::Facts,
    pub held: Held,
    pub files: Vec<StoredFile>,
    pub requests: Vec<Request>,
    /// Of the model in this environment, newest first.
    pub releases: Vec<Release>,
    /// Manifest digests and numbers of the versions that those are of.
    pub released: HashMap<crate::core::ids::VersionId, i64>,
    pub reports: Vec<Report>,
    pub watched: Watched,
    pub names: HashMap<AccountId, String>,
    pub slice: Slice,
    /// What a reader has to know about all of it.
    pub notices: Vec<String>,
}

impl Collected {
    pub fn name(&self, account: AccountId) -> String {
        self.names.get(&account).cloned().unwrap_or_else(|| account.to_string())
    }
}

/// What is asked about, found.
struct Subject {
    model: Model,
    version: Version,
    environment: Environment,
    /// Everywhere, newest first.
    releases: Vec<Release>,
}

/// Everything is read at one moment. It is taken again if somebody wrote between placing what is in
/// the log and reading it: what has no place yet can't be proven.
pub(super) async fn collect(app: &App, sight: &ReadPermit, ask: &Ask, at: DateTime<Utc>) -> Result<Collected, Error> {
    let _turn = app.replays.acquire().await.map_err(Error::internal)?;
    for _ in 0..ATTEMPTS {
        match sequencer::sequence(app).await {
            Err(error) if !guard::is_refusal(&error) => return Err(error),
            _ => {}
        }
        let snapshot = app.db.snapshot(sight).await?;
        if let Some(found) = collected(app, &snapshot.reader(), ask, at).await? {
            return Ok(found);
        }
    }
    Err(slice::unproven())
}

async fn collected(app: &App, reader: &Reader<'_>, ask: &Ask, at: DateTime<Utc>) -> Result<Option<Collected>, Error> {
    let entry = profiles::choose(&ask.profile, at.date_naive())?;
    let (conn, scope) = (reader.conn(), reader.scope());
    let mut subject = find(conn, scope, ask, at).await?;
    let wanted = Selection { model: Some(subject.model.name.clone()), environment: None };
    let told = asof::ops::told_at(app, reader, at, &wanted).await?;
    let then = told.models.get(&subject.model.id.to_string()).cloned().unwrap_or_default();
    let texts = record::put_back(conn, &mut subject.model, &then, at).await?;
    let facts = facts(conn, scope, &subject, at).await?;
    let mut known = frameworks::ops::gather(conn, &facts).await?;
    known.record_texts = texts;
    let owners = told.state.models.into_iter().next().map(|model| model.owners);
    let (active, gone) = owners.unwrap_or_default().into_iter().partition(|(_, p)| p.active);
    (known.owners, known.vacant) = (names_of(active), names_of(gone));
    let mut is_long = subject.releases.len() as u64 == store::MAX_HISTORY;
    let releases: Vec<_> =
        subject.releases.into_iter().filter(|release| release.environment == facts.environment.id).collect();
    let promotions = store::requests(conn, facts.version.id, facts.environment.id, at).await?;
    is_long |= promotions.len() as u64 == store::MAX_HISTORY;
    let about =
        About { scope, model: facts.model.id, version: facts.version.id, environment: facts.environment.id, at };
    let watched = watched::collect(conn, about, &promotions, &releases).await?;
    let mut objects = objects(&facts, &promotions, &releases);
    objects.own.extend(watched.objects());
    let Some(slice) = slice::of(conn, scope, &objects, at).await? else { return Ok(None) };
    let approvals = store::approvals(conn, &promotions, at).await?;
    let requests = requests(promotions, &approvals, &told.requests);
    known.approvals = approved(&requests);
    known.releases = releases.iter().map(|release| release_fact(release, facts.version.id)).collect();
    known.leaf = slice.sealing(&facts.version.id.to_string());
    let mut names: Vec<_> = requests.iter().map(|request| request.promotion.requested_by).collect();
    names.extend(approvals.iter().flat_map(|approval| [Some(approval.account), approval.on_behalf_of]).flatten());
    names.extend(releases.iter().flat_map(|release| [Some(release.activated_by), release.ended_by]).flatten());
    names.extend(watched.people());
    names.extend(facts.reported.iter().map(|record| record.submitted_by));
    names.extend(facts.version.sealed_by.into_iter().chain([facts.version.created_by]));
    let mut released = HashMap::new();
    for release in &releases {
        if let Some(version) = store::version_by_id(conn, release.version, at).await? {
            released.insert(release.version, version.number);
        }
    }
    let mut reports = Vec::new();
    for record in &facts.reported {
        let bundle = evidence::store::statement(conn, record.id).await?.bundle;
        reports.push(Report { record: record.clone(), bundle });
    }
    Ok(Some(Collected {
        at,
        origin: app.signer.origin().to_owned(),
        held: Held::of(entry, &known, at.date_naive(), at),
        files: versions::store::files(conn, facts.version.id).await?,
        notices: notices(&known, &slice, is_long),
        names: accounts::ops::names(app, &names).await?,
        facts,
        known,
        requests,
        releases,
        released,
        reports,
        watched,
        slice,
    }))
}

fn names_of(owners: BTreeMap<String, Person>) -> BTreeMap<String, String> {
    owners.into_iter().map(|(what, who)| (what, who.name.unwrap_or(who.id))).collect()
}

async fn find(conn: &Conn<'_>, scope: Scope, ask: &Ask, at: DateTime<Utc>) -> Result<Subject, Error> {
    let model = models::store::find(conn, scope, &ask.model).await?.ok_or(Error::not_found("model"))?;
    if at < model.created_at {
        let detail = format!("{} is on record since {}", model.name, rfc3339(model.created_at));
        return Err(Error::invalid("as_of", detail));
    }
    let releases = store::releases(conn, model.id, at).await?;
    let environment = place(conn, scope, ask, &releases, at).await?;
    let active = releases.iter().find(|r| r.environment == environment.id && r.state == ReleaseState::Active);
    let version = match (&ask.version, active) {
        (Some(which), _) => store::version(conn, model.id, which, at).await?.ok_or(Error::not_found("version"))?,
        (None, Some(release)) => store::version_by_id(conn, release.version, at)
            .await?
            .ok_or_else(|| Error::internal("a release of a version that is not there"))?,
        (None, None) => store::newest_sealed(conn, model.id, at).await?.ok_or_else(|| {
            let detail =
                format!("{} had no sealed version on {}; name a draft, or a later day", model.name, rfc3339(at));
            Error::invalid("version", detail)
        })?,
    };
    Ok(Subject { model, version, environment, releases })
}

/// The environment that was named, or the only one that fits: where the model ran, or else the
/// only one there is.
async fn place(
    conn: &Conn<'_>,
    scope: Scope,
    ask: &Ask,
    releases: &[Release],
    at: DateTime<Utc>,
) -> Result<Environment, Error> {
    let mut all = store::environments(conn, scope, at).await?;
    if let Some(name) = &ask.environment {
        let found = all.into_iter().find(|environment| environment.name == *name);
        return found.ok_or(Error::not_found("environment"));
    }
    if all.iter().any(|environment| releases.iter().any(|release| release.environment == environment.id)) {
        all.retain(|environment| releases.iter().any(|release| release.environment == environment.id));
    }
    match (all.pop(), all.as_slice()) {
        (Some(only), []) => Ok(only),
        (Some(last), others) => {
            let names: Vec<_> = others.iter().chain([&last]).map(|environment| environment.name.as_str()).collect();
            Err(Error::invalid("environment", format!("several fit; name one of {}", names.join(", "))))
        }
        (None, _) => {
            Err(Error::invalid("environment", format!("there was none on {}; a dossier is about a place", rfc3339(at))))
        }
    }
}

async fn facts(
    conn: &Conn<'_>,
    scope: Scope,
    subject: &Subject,
    at: DateTime<Utc>,
) -> Result<assessment::Facts, Error> {
    let Subject { model, version, environment, .. } = subject;
    let current = store::current(conn, environment.id, at).await?;
    let key = match &version.signature {
        Signature::Verified { key, .. } => trust::store::find(conn, scope, *key).await?,
        _ => None,
    };
    let key = key.map(|key| trust::TrustKey { revoked_at: key.revoked_at.filter(|end| *end <= at), ..key });
    let mut facts = assessment::Facts {
        model: model.clone(),
        version: version.clone(),
        environment: environment.clone(),
        active: None,
        active_mode: None,
        mode: None,
        key,
        attestations: store::attestations(conn, version.id, at).await?,
        dataset: None,
        run: None,
        evidence: Vec::new(),
        reported: reported(conn, scope, version, at).await?,
        robots: Vec::new(),
        earlier_authors: versions::store::earlier_authors(conn, version.id).await?,
        // Who decided is on record; who might, on that day, a dossier does not say.
        people: People::default(),
        named: promotions::terms::Named::default(),
        framework_facts: None,
        oversight: crate::oversight::ops::standing_at(conn, scope, model.id, version.id, environment.id, at).await?,
        records: accountability::Records::default(),
        pinned: None,
        fixed_findings: None,
        // Of the disk, and of now.
        damaged_bytes: None,
        current,
    };
    if let Some(revision) = &facts.current.constraints {
        if let Some(name) = revision.constraints()?.dataset(&model.name) {
            facts.dataset = store::data(conn, scope, name, at).await?;
        }
        if let Some(data) = &facts.dataset {
            facts.run = store::run(conn, version.id, revision, data, at).await?;
        }
        if let Some(run) = &facts.run {
            facts.evidence = validation::store::evidence(conn, run.id).await?;
        }
    }
    facts.robots = promotions::store::robots(conn, &facts.involved().people()).await?;
    Ok(facts)
}

/// What had been reported; what ended a record later is taken back.
async fn reported(
    conn: &Conn<'_>,
    scope: Scope,
    version: &Version,
    at: DateTime<Utc>,
) -> Result<Vec<evidence::Reported>, Error> {
    let all = evidence::store::of_version(conn, scope, version.id).await?;
    let then = |mut record: evidence::Reported| {
        if record.closed.as_ref().is_some_and(|closed| at < closed.at) {
            (record.state, record.closed) = (EvidenceState::Verified, None);
        }
        record.key.revoked_at = record.key.revoked_at.filter(|end| *end <= at);
        record
    };
    Ok(all.into_iter().filter(|record| record.submitted_at <= at).map(then).collect())
}

/// The ids that the slice of the log is about.
fn objects(facts: &assessment::Facts, requests: &[Promotion], releases: &[Release]) -> Objects {
    let mut own = vec![facts.version.id.to_string()];
    own.extend(facts.run.as_ref().map(|run| run.id.to_string()));
    own.extend(facts.reported.iter().map(|record| record.id.to_string()));
    own.extend(requests.iter().map(|request| request.id.to_string()));
    own.extend(releases.iter().map(|release| release.id.to_string()));
    let mut around = vec![facts.model.id.to_string(), facts.environment.id.to_string()];
    around.extend(facts.key.as_ref().map(|key| key.id.to_string()));
    around.extend(facts.dataset.as_ref().map(|data| data.id.to_string()));
    Objects { own, around }
}

fn requests(promotions: Vec<Promotion>, approvals: &[Approval], stages: &BTreeMap<String, String>) -> Vec<Request> {
    let one = |promotion: Promotion| {
        let approvals = approvals.iter().filter(|approval| approval.promotion == promotion.id).cloned().collect();
        let stage = stages.get(&promotion.id.to_string())?.clone();
        Some(Request { promotion, stage, approvals })
    };
    promotions.into_iter().filter_map(one).collect()
}

/// Approvals that reached their quorum and still stood.
fn approved(requests: &[Request]) -> Vec<Stamped> {
    let of =
        requests.iter().filter(|request| ["approved", "activated", "superseded"].contains(&request.stage.as_str()));
    of.flat_map(|request| &request.approvals)
        .filter(|approval| approval.outcome == Outcome::Approve)
        .map(|approval| Stamped { reference: approval.id.to_string(), at: approval.created_at })
        .collect()
}

fn release_fact(release: &Release, version: crate::core::ids::VersionId) -> ReleaseFact {
    ReleaseFact {
        reference: release.id.to_string(),
        at: release.activated_at,
        of_this_version: release.version == version,
    }
}

fn notices(known: &frameworks::Facts, slice: &Slice, is_long: bool) -> Vec<String> {
    let mut notices = Vec::new();
    if known.record_texts.values().any(|text| *text == RecordText::NotKept) {
        notices.push(
            "The model's record was changed after the moment of this dossier. The registry keeps no earlier texts, and \
             the log has only their hashes: what had another text then is said not to be kept."
                .to_owned(),
        );
    }
    notices
        .push("The log names people by id; their names here are those of now, and so is who owns a robot.".to_owned());
    if (slice.leaves.len() as u64) < slice.total {
        notices.push(format!(
            "The log has {} records about this, and {} of them are here: what decides was kept before uploads, then \
             refusals, then inspections, and the newest before older ones. No state in this document rests on that \
             selection.",
            slice.total,
            slice.leaves.len()
        ));
    }
    if is_long {
        notices.push(format!(
            "Of requests and of releases the newest {} are here, and no older ones.",
            store::MAX_HISTORY
        ));
    }
    notices
}
