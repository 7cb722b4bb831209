use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{
        digest::Digest,
        event::Event,
        ids::{ReleaseId, SnapshotId},
        page::{Page, PageRequest},
    },
    environments,
    error::Error,
    models,
    oversight::{
        self, Reach,
        findings::{self, NewFinding, RUNNING_DIFFERS, Severity, Subject},
        snapshot::{Host, Snapshot, difference, store},
    },
    releases, versions,
};

/// How a report stands to what is active.
pub struct Compared {
    pub snapshot: Snapshot,
    /// The manifest digest and number of what is active.
    pub active: Option<(Digest, i64)>,
    pub difference: Option<String>,
}

/// Writes down what a host runs, and opens or closes the finding about it.
pub async fn report(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    running: Option<Digest>,
    host: &Host,
) -> Result<Compared, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let scope = sight.scope();
    let mut tx = app.db.begin().await?;
    let model = models::store::find(&tx.conn(), scope, model).await?.ok_or(Error::not_found("model"))?;
    let environment = environments::store::lock(&tx, scope, environment).await?;
    let environment = environment.ok_or(environments::ops::NOT_FOUND)?;
    let permit = policy::act(who, Action::RunningReport).map_err(|d| d.on("environment", environment.id))?;
    let reported_by = who.id.ok_or(Error::Unauthenticated)?;
    let last = store::last(&tx.conn(), environment.id, model.id, host.as_str()).await?;
    tx.catch_up(last.as_ref().map(|last| last.at));
    let active = releases::store::active(&tx.conn(), environment.id, model.id).await?;
    let active = active.filter(|release| !release.is_over(tx.at()));
    let version = match &active {
        Some(active) => versions::store::find_by_id(&tx.conn(), scope, active.version).await?,
        None => None,
    };
    let active_digest = version.as_ref().map(|version| version.manifest);
    let difference = difference(running.as_ref(), active_digest.as_ref());
    let release: Option<ReleaseId> = active.map(|release| release.id);
    let snapshot = Snapshot {
        id: SnapshotId::generate(),
        workspace: who.workspace,
        environment: environment.id,
        model: model.id,
        host: host.to_string(),
        digest: running,
        release,
        matches: difference.is_none(),
        reported_by,
        at: tx.at(),
    };
    let active = version.map(|version| (version.manifest, version.number));
    if let Some(last) = last.filter(|last| last.is_repeated(&snapshot)) {
        return Ok(Compared { snapshot: last, active, difference });
    }
    store::insert(&tx, &snapshot).await?;
    let reach = Reach::place(environment.id, model.id);
    let subject = Subject::environment(environment.id).part(format!("{}/{host}", model.name));
    let then = match &difference {
        None => {
            let why = "the host runs what is active again";
            findings::ops::close_and_follow(&tx, who.workspace, RUNNING_DIFFERS, &subject, reach, why).await?
        }
        Some(difference) => {
            let title = format!("{host} does not run what is active of {} in {}", model.name, environment.name);
            let mut new = NewFinding::seen(who.workspace, RUNNING_DIFFERS, subject, Severity::Medium, &title)
                .reaching(reach)
                .saying(difference);
            new.release = release;
            findings::ops::open_and_follow(&tx, new).await?
        }
    };
    let event = Event::RunningReported {
        environment: environment.id,
        model: model.id,
        snapshot: snapshot.id,
        digest: running.map(|digest| digest.to_string()),
        matches: snapshot.matches,
    };
    tx.commit_all(permit, event, then).await?;
    Ok(Compared { snapshot, active, difference })
}

/// What deployers reported of a model in an environment, newest first.
pub async fn list(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    host: Option<&Host>,
    page: PageRequest,
) -> Result<Page<Snapshot>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    let (environment, model) = releases::gate::named(reader.conn(), &sight, environment, model).await?;
    store::list(&reader, environment.id, model.id, host.map(Host::as_str), page).await
}

/// The finding that stands about a host, for showing.
pub async fn standing(app: &App, who: &Principal, compared: &Compared, model: &str) -> Result<Option<String>, Error> {
    let sight = policy::read(who, Action::ReleaseRead)?;
    let reader = app.db.read(&sight);
    let subject =
        Subject::environment(compared.snapshot.environment).part(format!("{model}/{}", compared.snapshot.host));
    let found = oversight::findings::store::standing_about(&reader, RUNNING_DIFFERS, &subject).await?;
    Ok(found.map(|finding| finding.id.to_string()))
}
