use crate::{
    accounts,
    app::App,
    authz::{Action, Principal, ReadPermit, policy},
    core::{
        digest::Digest,
        event::Event,
        ids::{EnvironmentId, RevisionId},
        name::Name,
        page::{Page, PageRequest},
    },
    environments::{Current, Document, DocumentKind, Environment, Revision, profile::Profile, store},
    error::Error,
    models,
    promotions::invalidation::{self, Cause},
};
use std::collections::HashMap;

pub const NOT_FOUND: Error = Error::NotFound { kind: "environment" };

/// Creates an environment with the first revision of its profile.
pub async fn create(app: &App, who: &Principal, name: Name, profile: Profile) -> Result<Environment, Error> {
    let permit = policy::act(who, Action::EnvironmentCreate)?;
    let created_by = who.id.ok_or(Error::Unauthenticated)?;
    let tx = app.db.begin().await?;
    let environment = Environment {
        id: EnvironmentId::generate(),
        workspace: who.workspace,
        name: name.to_string(),
        created_by,
        created_at: tx.at(),
    };
    store::insert(&tx, &environment).await?;
    let revision = next(&Document::Profile(Box::new(profile)), 0, created_by, tx.at())?;
    store::insert_revision(&tx, &environment, &revision).await?;
    let created = Event::EnvironmentCreated { environment: environment.id, name: environment.name.clone() };
    tx.commit_all(permit, created, vec![revised(environment.id, &revision)]).await?;
    Ok(environment)
}

/// Adds a revision of a document, if the current one is still the one that the caller saw.
///
/// Open promotion requests in this environment rested on the old revision: they end with it.
pub async fn revise(app: &App, who: &Principal, name: &str, seen: i64, document: Document) -> Result<Revision, Error> {
    let sight = policy::read(who, Action::EnvironmentRead)?;
    require_owners(app, who, &document).await?;
    require_hardware(&document)?;
    require_models(app, &sight, &document).await?;
    let tx = app.db.begin().await?;
    let environment = store::lock(&tx, sight.scope(), name).await?.ok_or(NOT_FOUND)?;
    let permit = policy::act(who, action_for(document.kind()))?;
    let created_by = who.id.ok_or(Error::Unauthenticated)?;
    let last = store::current(&tx.conn(), environment.id, document.kind()).await?;
    let number = last.as_ref().map_or(0, |revision| revision.number);
    if number != seen {
        return Err(Error::Stale { current: format!("\"{number}\"") });
    }
    let revision = next(&document, number, created_by, tx.at())?;
    if let Some(same) = last.filter(|last| last.digest == revision.digest) {
        return Ok(same);
    }
    store::insert_revision(&tx, &environment, &revision).await?;
    let ended = invalidation::follow(&tx, sight.scope(), Cause::Documents(environment.id)).await?;
    tx.commit_all(permit, revised(environment.id, &revision), ended).await?;
    Ok(revision)
}

pub async fn find(app: &App, who: &Principal, name: &str) -> Result<(Environment, Current), Error> {
    let sight = policy::read(who, Action::EnvironmentRead)?;
    let reader = app.db.read(&sight);
    let environment = store::find(reader.conn(), sight.scope(), name).await?.ok_or(NOT_FOUND)?;
    let current = store::all_current(reader.conn(), environment.id).await?;
    Ok((environment, current))
}

pub async fn document(app: &App, who: &Principal, name: &str, kind: DocumentKind) -> Result<Revision, Error> {
    let (_, current) = find(app, who, name).await?;
    let revision = match kind {
        DocumentKind::Profile => current.profile,
        DocumentKind::Constraints => current.constraints,
        DocumentKind::Policy => current.policy,
    };
    revision.ok_or(Error::not_found("document"))
}

/// A revision with the name of whoever made it, and whether it is the one that holds.
pub struct Made {
    pub revision: Revision,
    pub created_by: String,
    pub holds: bool,
}

/// All revisions of a document, the newest first.
pub async fn revisions(
    app: &App,
    who: &Principal,
    name: &str,
    kind: DocumentKind,
    page: PageRequest,
) -> Result<Page<Made>, Error> {
    let sight = policy::read(who, Action::EnvironmentRead)?;
    let reader = app.db.read(&sight);
    let environment = store::find(reader.conn(), sight.scope(), name).await?.ok_or(NOT_FOUND)?;
    let last = store::current(reader.conn(), environment.id, kind).await?.map(|revision| revision.number);
    let page = store::revisions(&reader, environment.id, kind, page).await?;
    let makers: Vec<_> = page.items.iter().map(|revision| revision.created_by).collect();
    let names = accounts::ops::names(app, &makers).await?;
    Ok(page.map(|revision| Made {
        created_by: names.get(&revision.created_by).cloned().unwrap_or_default(),
        holds: Some(revision.number) == last,
        revision,
    }))
}

/// One revision of a document by its number, whether or not it still holds.
pub async fn revision(
    app: &App,
    who: &Principal,
    name: &str,
    kind: DocumentKind,
    number: i64,
) -> Result<Revision, Error> {
    let sight = policy::read(who, Action::EnvironmentRead)?;
    let reader = app.db.read(&sight);
    let environment = store::find(reader.conn(), sight.scope(), name).await?.ok_or(NOT_FOUND)?;
    store::numbered(reader.conn(), environment.id, kind, number).await?.ok_or(Error::not_found("revision"))
}

/// The names of several, by id.
pub async fn names(
    app: &App,
    who: &Principal,
    ids: impl IntoIterator<Item = EnvironmentId>,
) -> Result<HashMap<EnvironmentId, String>, Error> {
    let sight = policy::read(who, Action::EnvironmentRead)?;
    store::names(app.db.read(&sight).conn(), sight.scope(), ids.into_iter().collect()).await
}

pub async fn list(app: &App, who: &Principal, page: PageRequest) -> Result<Page<Environment>, Error> {
    let sight = policy::read(who, Action::EnvironmentRead)?;
    store::list(&app.db.read(&sight), page).await
}

/// Every owner that a spec names is an active person: nobody else can answer for a limit.
async fn require_owners(app: &App, who: &Principal, document: &Document) -> Result<(), Error> {
    let Document::Constraints(spec) = document else { return Ok(()) };
    for (i, constraint) in spec.constraints().iter().enumerate() {
        let field = format!("constraints[{i}].owner");
        accounts::ops::require_member(app, who, &field, &constraint.owner).await?;
    }
    Ok(())
}

/// Every overlay is about a model that there is: one for a misspelled name would tighten nothing.
async fn require_models(app: &App, sight: &ReadPermit, document: &Document) -> Result<(), Error> {
    let Document::Constraints(spec) = document else { return Ok(()) };
    let reader = app.db.read(sight);
    for model in spec.overlaid() {
        if models::store::find(reader.conn(), sight.scope(), model).await?.is_none() {
            let detail = "there is no model of this name here; correct it, or register the model first";
            return Err(Error::invalid(format!("overlays.{model}"), detail));
        }
    }
    Ok(())
}

/// A limit that asks for representative hardware says which hardware that is.
fn require_hardware(document: &Document) -> Result<(), Error> {
    let Document::Constraints(spec) = document else { return Ok(()) };
    match spec.without_hardware().into_iter().next() {
        Some(problem) => Err(Error::invalid(problem.path, problem.detail)),
        None => Ok(()),
    }
}

fn action_for(kind: DocumentKind) -> Action {
    match kind {
        DocumentKind::Profile => Action::EnvironmentRevise,
        DocumentKind::Constraints => Action::ConstraintsRevise,
        DocumentKind::Policy => Action::PolicyPublish,
    }
}

fn next(
    document: &Document,
    last: i64,
    created_by: crate::core::ids::AccountId,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<Revision, Error> {
    let body = document.canonical()?;
    Ok(Revision {
        id: RevisionId::generate(),
        kind: document.kind(),
        number: last + 1,
        digest: Digest::of(&body),
        body,
        created_by,
        created_at: at,
    })
}

fn revised(environment: EnvironmentId, revision: &Revision) -> Event {
    let (number, digest) = (revision.number, revision.digest.to_string());
    match revision.kind {
        DocumentKind::Profile => Event::ProfileRevised { environment, revision: number, digest },
        DocumentKind::Constraints => Event::ConstraintsRevised { environment, revision: number, digest },
        DocumentKind::Policy => Event::PolicyPublished { environment, revision: number, digest },
    }
}
