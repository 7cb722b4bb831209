use crate::{
    accountability,
    app::App,
    authz::{Action, Principal, policy},
    db::Conn,
    error::Error,
    evidence::{self, Kind, Reported},
    frameworks::{
        MetricResult,
        catalog::{self, Entry, catalog},
        coverage::{self, ItemState, coverage},
        facts::{
            AttestedFact, ConstraintsFact, DatasetFact, Dependence, Facts, LimitFact, RecordFact, ReportedFact,
            SignatureFact,
        },
        metrics,
        profile::Standing,
        records::{self, Records},
        selector::ReportedKind,
        store,
    },
    policies::OnMissing,
    promotions::{self, assessment},
    versions::{Signature, State, VersionRef},
};
use chrono::{DateTime, NaiveDate, Utc};

pub const NOT_FOUND: Error = Error::NotFound { kind: "framework" };

/// A record of groups may be large: of those that stand, only so many of the newest are read.
const MAX_BODIES: usize = 50;

/// What is on record for a version in an environment, held against one revision.
pub struct Held {
    pub entry: &'static Entry,
    /// On the day that the revision was looked up for.
    pub standing: Standing,
    /// What the environment's policy makes of a missing item, where a policy asks.
    pub on_missing: Option<OnMissing>,
    pub items: Vec<ItemState>,
    pub metrics: Vec<MetricResult>,
}

impl Held {
    pub fn of(entry: &'static Entry, facts: &Facts, on: NaiveDate, now: DateTime<Utc>) -> Self {
        Self {
            entry,
            standing: entry.profile.standing(on),
            on_missing: None,
            items: coverage(&entry.profile, facts, now),
            metrics: metrics::results(&entry.profile, facts),
        }
    }

    pub fn title(&self) -> &str {
        &self.entry.profile.title
    }

    /// Items that are missing or stale and could be there before a decision.
    pub fn awaited(&self) -> usize {
        let awaited = |item: &&ItemState| item.state != coverage::State::Present && !item.comes_with_the_decision;
        self.items.iter().filter(awaited).count()
    }
}

/// Every revision, or what is in force on a day.
pub fn list(who: &Principal, in_force_on: Option<NaiveDate>) -> Result<Vec<&'static Entry>, Error> {
    policy::read(who, Action::FrameworkRead)?;
    let all = catalog()?.all().iter();
    let in_force = |entry: &&Entry| in_force_on.is_none_or(|on| entry.profile.standing(on) == Standing::InForce);
    Ok(all.filter(in_force).collect())
}

pub fn find(who: &Principal, id: &str, revision: u32) -> Result<&'static Entry, Error> {
    policy::read(who, Action::FrameworkRead)?;
    catalog()?.find(id, revision).ok_or(NOT_FOUND)
}

/// What a version has of what a framework asks for.
///
/// `framework` is an id, whose revision is looked up for `as_of` (today if absent), or an id
/// with a revision, `sr-11-7@1`.
pub async fn covered(
    app: &App,
    who: &Principal,
    model: &str,
    version: &VersionRef,
    environment: &str,
    framework: &str,
    as_of: Option<NaiveDate>,
) -> Result<(assessment::Facts, Held), Error> {
    let sight = policy::read(who, Action::FrameworkRead)?;
    policy::read(who, Action::PromotionRead)?;
    let now = app.db.clock().now();
    let on = as_of.unwrap_or_else(|| now.date_naive());
    let entry = choose(framework, on)?;
    let reader = app.db.read(&sight);
    let facts = promotions::ops::named(reader.conn(), &sight, (model, version, environment), now).await?;
    let known = gather(reader.conn(), &facts).await?;
    let held = Held::of(entry, &known, on, now);
    Ok((facts, held))
}

/// The revision that a name means on a day.
pub(crate) fn choose(framework: &str, on: NaiveDate) -> Result<&'static Entry, Error> {
    let catalog = catalog()?;
    if framework.contains('@') {
        return catalog::named(catalog, framework).ok_or(NOT_FOUND);
    }
    if !catalog.ids().contains(&framework) {
        return Err(NOT_FOUND);
    }
    let earlier = |why: String| {
        Error::invalid("as_of", format!("{why}; or ask with as_of for a day on which it was, or for one revision"))
    };
    catalog.applicable(framework, on).map_err(earlier)
}

/// What a request's pinned revisions find, as they are looked at `now`. A revision that this
/// build does not have is left out; the request's checks say so.
pub async fn pinned(
    conn: &Conn<'_>,
    of: &assessment::Facts,
    assessed: &assessment::Assessment,
    on: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Vec<Held>, Error> {
    let catalog = catalog()?;
    let entries: Vec<_> = assessed.frameworks.iter().filter_map(|pin| pin.entry(catalog)).collect();
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let facts = match &of.framework_facts {
        Some(facts) => facts.clone(),
        None => Box::new(gather(conn, of).await?),
    };
    let asked = assessed.asked.as_ref().map(|asked| asked.frameworks.as_slice()).unwrap_or_default();
    let held = |entry: &'static Entry| {
        let ask = asked.iter().find(|ask| ask.id == entry.profile.id);
        Held { on_missing: ask.map(|ask| ask.missing), ..Held::of(entry, &facts, on, now) }
    };
    Ok(entries.into_iter().map(held).collect())
}

/// Loads, in one place, what frameworks ask about: what a decision rests on, and beside it the
/// owners, approvals, releases and the log.
pub async fn gather(conn: &Conn<'_>, of: &assessment::Facts) -> Result<Facts, Error> {
    let (version, environment) = (&of.version, &of.environment);
    let Records { measured, tables, figures, absent } = records::read(&of.evidence);
    let mut facts = Facts {
        model: of.model.name.clone(),
        version: version.number,
        environment: environment.name.clone(),
        intended_use: of.model.intended_use.clone(),
        prohibited_use: of.model.prohibited_use.clone(),
        risk_tier: of.model.risk_tier.to_string(),
        title: of.model.title.clone(),
        recorded_at: Some(of.model.created_at),
        sealed: version
            .sealed_at
            .filter(|_| version.state == State::Sealed)
            .map(|at| (version.manifest.to_string(), at)),
        signature: signature(of),
        attestations: attested(of),
        measured,
        tables,
        figures,
        absent,
        approvals: store::approvals(conn, version.id, environment.id).await?,
        releases: store::releases(conn, environment.id, of.model.id, version.id).await?,
        leaf: store::sealing(conn, version.id).await?,
        reported: reported(conn, of).await?,
        records: of.records.held.iter().map(on_record).collect(),
        ..documents(of)?
    };
    for (accountability, name, active) in store::owners(conn, of.model.id).await? {
        let into = if active { &mut facts.owners } else { &mut facts.vacant };
        into.insert(accountability, name);
    }
    Ok(facts)
}

fn on_record(held: &accountability::Held) -> RecordFact {
    RecordFact {
        kind: held.record.kind,
        name: held.record.name.clone(),
        digest: held.record.digest.to_string(),
        at: held.record.revised_at,
        review_by: held.record.review_by,
        owner: held.owner.clone(),
        owner_is_active: held.owner_is_active,
    }
}

/// The environment's documents and the evaluation data.
fn documents(of: &assessment::Facts) -> Result<Facts, Error> {
    let current = &of.current;
    let mut facts = Facts::default();
    if let Some(revision) = &current.profile {
        facts.profile = Some((revision.profile()?, revision.digest.to_string(), revision.created_at));
    }
    if let Some(revision) = &current.constraints {
        let limits = revision.constraints()?;
        let limit = |c: &crate::constraints::Constraint| LimitFact {
            dimension: c.dimension,
            metric: c.metric,
            severity: c.severity,
            name: c.name.clone(),
            owner: c.owner.clone(),
        };
        let limits = limits.constraints().iter().map(limit).collect();
        facts.constraints =
            Some(ConstraintsFact { digest: revision.digest.to_string(), at: revision.created_at, limits });
    }
    facts.policy = current.policy.as_ref().map(|revision| (revision.digest.to_string(), revision.created_at));
    facts.dataset = of.dataset.as_ref().map(|dataset| DatasetFact {
        digest: dataset.digest.to_string(),
        at: dataset.created_at,
        source: dataset.description.source.clone(),
        sensitive: dataset.description.sensitive.clone(),
        roles: dataset.description.roles.clone(),
    });
    Ok(facts)
}

fn signature(of: &assessment::Facts) -> SignatureFact {
    match (&of.version.signature, &of.key) {
        (Signature::Verified { .. }, Some(key)) => SignatureFact::Verified(Box::new(key.clone())),
        (Signature::Verified { .. }, None) => {
            SignatureFact::Untrusted("the signing key is not listed any more".to_owned())
        }
        (Signature::Untrusted { detail }, _) => SignatureFact::Untrusted(detail.clone()),
        (Signature::Absent, _) => SignatureFact::Absent,
    }
}

fn attested(of: &assessment::Facts) -> Vec<AttestedFact> {
    let fact = |a: &crate::versions::Attested| AttestedFact {
        predicate_type: a.predicate_type.clone(),
        digest: a.digest.clone(),
    };
    of.attestations.iter().map(fact).collect()
}

/// Closed records too: whether one counts depends on the moment, which coverage is asked with.
async fn reported(conn: &Conn<'_>, of: &assessment::Facts) -> Result<Vec<ReportedFact>, Error> {
    let mut all = Vec::new();
    let mut bodies = 0;
    // Newest first.
    for record in &of.reported {
        let Some(kind) = ReportedKind::parse(record.kind.name()) else { continue };
        let mut attributes = Vec::new();
        if record.kind == Kind::Bias && record.state == evidence::state::State::Verified && bodies < MAX_BODIES {
            bodies += 1;
            attributes = records::compared_attributes(&evidence::store::statement(conn, record.id).await?.body);
        }
        all.push(ReportedFact {
            kind,
            document: record.document.clone(),
            digest: record.digest.to_string(),
            reported_by: record.key.name.clone(),
            made_at: record.measured_at.unwrap_or(record.issued_at),
            state: record.state,
            key_revoked_at: record.key.revoked_at,
            valid_until: record.valid_until,
            dataset: record.basis.as_ref().map(|basis| basis.dataset.clone()),
            attributes,
            dependence: dependence(of, record),
        });
    }
    Ok(all)
}

/// A robot is its owner's hand.
fn dependence(of: &assessment::Facts, record: &Reported) -> Option<Dependence> {
    let version = &of.version;
    let is_same = |key: &crate::trust::TrustKey| key.id == record.key.id || key.fingerprint == record.key.fingerprint;
    let by_its_key = version.signature.is_by(record.key.signs_as());
    if by_its_key || of.key.as_ref().is_some_and(is_same) {
        return Some(Dependence::SigningKey);
    }
    let person = |account| of.robots.iter().find(|(robot, _)| *robot == account).map_or(account, |(_, owner)| *owner);
    let mut authors = std::iter::once(version.created_by).chain(version.sealed_by);
    authors.any(|author| person(author) == person(record.submitted_by)).then_some(Dependence::Author)
}
