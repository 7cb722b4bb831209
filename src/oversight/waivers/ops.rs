use crate::{
    accounts,
    app::App,
    authz::{Action, Permit, Principal, Scope, Touched, policy, policy::Involved},
    constraints::{Constraint, Severity},
    core::{
        clock::rfc3339,
        event::Event,
        ids::WaiverId,
        page::{Page, PageRequest},
        text::{Line, Paragraph},
    },
    crypto::statement::{Statement, Subject},
    db::WriteTx,
    environments::{self, Current, Environment},
    error::Error,
    models::{self, Model},
    oversight::{
        self, Names,
        waivers::{Command, Grant, MAX_DAYS, Outcome, State, Waiver, check_end, digest_of, is_complete, owner, store},
    },
    promotions::{
        assessment::Facts,
        invalidation::{self, Cause},
    },
    sweeps,
    versions::{self, Version, VersionRef},
};
use chrono::{DateTime, Utc};
use serde_json::json;

pub const NOT_FOUND: Error = Error::NotFound { kind: "waiver" };
pub const WAIVER_TYPE: &str = "https://plimsoll.example/attestations/waiver/v1";

/// What somebody asks for, every field checked.
pub struct Ask {
    pub model: String,
    /// Every version if absent.
    pub version: Option<VersionRef>,
    pub environment: String,
    pub constraint: String,
    pub reason: Line,
    pub compensating_control: Paragraph,
    pub expires_at: DateTime<Utc>,
}

/// A waiver with the names of what it bears on.
pub struct Detail {
    pub waiver: Waiver,
    pub names: Names,
    /// The account name of the owner of the limit.
    pub owner: Option<String>,
    /// Why nobody can grant it, if the owner has left.
    pub vacancy: Option<String>,
}

/// What a decision on a waiver needs to know of its place.
struct Place {
    model: Model,
    version: Option<Version>,
    environment: Environment,
    current: Current,
}

/// Asks for an exception to one limit as it is now.
pub async fn request(app: &App, who: &Principal, ask: Ask) -> Result<Waiver, Error> {
    let sight = policy::read(who, Action::WaiverRead)?;
    let scope = sight.scope();
    let tx = app.db.begin().await?;
    let model = models::store::find(&tx.conn(), scope, &ask.model).await?.ok_or(Error::not_found("model"))?;
    let version = match &ask.version {
        Some(version) => {
            let found = versions::store::lock_shared(&tx, scope, model.id, version).await?;
            Some(found.ok_or(versions::ops::NOT_FOUND)?.id)
        }
        None => None,
    };
    let environment = environments::store::lock(&tx, scope, &ask.environment).await?;
    let environment = environment.ok_or(environments::ops::NOT_FOUND)?;
    let permit = policy::request_waiver(who).map_err(|d| d.on("environment", environment.id))?;
    let requested_by = who.id.ok_or(Error::Unauthenticated)?;
    let current = environments::store::all_current(&tx.conn(), environment.id).await?;
    let constraint = limit(&current, &environment, &model, &ask.constraint)?;
    let asked = oversight::ops::asked(&current, &model)?;
    check_end(ask.expires_at, asked.map_or(MAX_DAYS, |asked| asked.waiver_maximum_days), tx.at())?;
    let place = Touched { models: [model.id].into(), environments: [environment.id].into() };
    owner::of(&tx.conn(), who, &place, &current, &constraint).await?;
    let waiver = Waiver {
        id: WaiverId::generate(),
        workspace: who.workspace,
        model: model.id,
        version,
        environment: environment.id,
        constraint_digest: digest_of(&constraint)?,
        constraint: constraint.name,
        reason: ask.reason.to_string(),
        compensating_control: ask.compensating_control.to_string(),
        requested_by,
        requested_at: tx.at(),
        expires_at: ask.expires_at,
        state: State::Requested,
        granted_at: None,
        closed_at: None,
        closed_by: None,
        closed_reason: None,
        grants: Vec::new(),
    };
    let then = make_room(&tx, scope, &waiver).await?;
    store::insert(&tx, &waiver).await?;
    let event = Event::WaiverRequested {
        waiver: waiver.id,
        constraint: waiver.constraint.clone(),
        model: waiver.model,
        version: waiver.version,
        environment: waiver.environment,
        until: rfc3339(waiver.expires_at),
    };
    tx.commit_all(permit, event, then).await?;
    Ok(waiver)
}

/// Writes down which earlier ones of the same limit are over. One that holds may have a successor that is asked for
/// before its end, so that nothing rests on nothing in between; more than that is refused.
async fn make_room(tx: &WriteTx, scope: Scope, new: &Waiver) -> Result<Vec<Event>, Error> {
    let mut then = Vec::new();
    let mut standing = 0;
    for mut earlier in store::open(tx, new).await? {
        let Ok(state) = earlier.apply(Command::Expire, tx.at()) else {
            standing += 1;
            continue;
        };
        earlier.state = state;
        earlier.closed_at = Some(tx.at());
        store::update(tx, &earlier).await?;
        then.push(Event::WaiverExpired { waiver: earlier.id });
    }
    if 1 < standing {
        let detail = format!("a waiver of {} and its successor stand here already; revoke one first", new.constraint);
        return Err(Error::conflict("waiver_open", detail));
    }
    if !then.is_empty() {
        then.extend(invalidation::follow(tx, scope, Cause::Oversight(new.reach())).await?);
    }
    Ok(then)
}

/// A limit that stops promotions of a model in the environment, by name.
fn limit(current: &Current, environment: &Environment, model: &Model, name: &str) -> Result<Constraint, Error> {
    let spec = current.constraints.as_ref().map(|revision| revision.limits_of(&model.name)).transpose()?;
    let found = spec.and_then(|spec| spec.constraints().iter().find(|limit| limit.name == name).cloned());
    let unknown = || Error::invalid("constraint", format!("{} has no limit of that name", environment.name));
    let limit = found.ok_or_else(unknown)?;
    if limit.severity != Severity::Block {
        let detail = format!("{name} stops nothing, being of severity {}; there is nothing to waive", limit.severity);
        return Err(Error::invalid("constraint", detail));
    }
    Ok(limit)
}

/// The limit that a waiver is of, if it is still what it was.
fn excepted_limit(waiver: &Waiver, place: &Place) -> Result<Constraint, Error> {
    if let Ok(limit) = limit(&place.current, &place.environment, &place.model, &waiver.constraint)
        && digest_of(&limit)? == waiver.constraint_digest
    {
        return Ok(limit);
    }
    let detail = format!("the limit {} was revised since; ask for another waiver", waiver.constraint);
    Err(Error::conflict("constraint_changed", detail))
}

/// One person grants or refuses. It holds when everybody who must has granted it.
pub async fn decide(app: &App, who: &Principal, id: WaiverId, outcome: Outcome, reason: Line) -> Result<Waiver, Error> {
    let sight = policy::read(who, Action::WaiverRead)?;
    let scope = sight.scope();
    let (tx, mut waiver) = take(app, scope, id).await?;
    let action = match outcome {
        Outcome::Grant => Action::WaiverGrant,
        Outcome::Refuse => Action::WaiverRefuse,
    };
    // Who may not at all learns nothing of the limit.
    policy::read(who, action).map_err(|d| d.on("waiver", id))?;
    let place = place(&tx, scope, &waiver).await?;
    let constraint = excepted_limit(&waiver, &place)?;
    let owner = owner::of(&tx.conn(), who, &waiver.place(), &place.current, &constraint).await?;
    let involved = involved(&tx, scope, &waiver, &place).await?;
    let permit = policy::decide_waiver(who, action, owner, &involved).map_err(|d| d.on("waiver", id))?;
    let account = who.id.ok_or(Error::Unauthenticated)?;
    let mut grantors = waiver.grantors();
    grantors.push(account);
    let complete = is_complete(owner, &involved, waiver.version.is_none(), &grantors);
    let command = match outcome {
        Outcome::Grant => Command::Grant { complete },
        Outcome::Refuse => Command::Refuse,
    };
    waiver.state = waiver.apply(command, tx.at())?;
    let statement = statement(app, who, tx.at(), &waiver, &place, outcome);
    let grant = Grant { account, outcome, reason: reason.to_string(), statement, decided_at: tx.at() };
    store::insert_grant(&tx, id, &grant).await?;
    waiver.grants.push(grant);
    match waiver.state {
        State::Granted => waiver.granted_at = Some(tx.at()),
        State::Refused => close(&mut waiver, who, tx.at(), reason.as_str()),
        _ => {}
    }
    store::update(&tx, &waiver).await?;
    let event = match outcome {
        Outcome::Grant => Event::WaiverGranted { waiver: id, constraint: waiver.constraint.clone(), complete },
        Outcome::Refuse => Event::WaiverRefused { waiver: id },
    };
    commit(tx, permit, &waiver, event).await?;
    Ok(waiver)
}

/// Takes back what was asked for or granted: for the one who asked, and for those who may grant.
pub async fn revoke(app: &App, who: &Principal, id: WaiverId, reason: Line) -> Result<Waiver, Error> {
    let sight = policy::read(who, Action::WaiverRead)?;
    let (tx, mut waiver) = take(app, sight.scope(), id).await?;
    let permit = policy::revoke_waiver(who, waiver.requested_by).map_err(|d| d.on("waiver", id))?;
    waiver.state = waiver.apply(Command::Revoke, tx.at())?;
    close(&mut waiver, who, tx.at(), reason.as_str());
    store::update(&tx, &waiver).await?;
    commit(tx, permit, &waiver, Event::WaiverRevoked { waiver: id }).await?;
    Ok(waiver)
}

fn close(waiver: &mut Waiver, who: &Principal, at: DateTime<Utc>, reason: &str) {
    waiver.closed_at = Some(at);
    waiver.closed_by = who.id;
    waiver.closed_reason = Some(reason.to_owned());
}

pub async fn find(app: &App, who: &Principal, id: WaiverId) -> Result<Detail, Error> {
    let sight = policy::read(who, Action::WaiverRead)?;
    let reader = app.db.read(&sight);
    let waiver = store::find(reader.conn(), sight.scope(), id).await?.ok_or(NOT_FOUND)?;
    let names = oversight::store::names(reader.conn(), &[waiver.reach()]).await?;
    let current = environments::store::all_current(reader.conn(), waiver.environment).await?;
    let spec = current.constraints.as_ref().map(|revision| revision.constraints()).transpose()?;
    let limit = spec.as_ref().and_then(|spec| spec.constraints().iter().find(|l| l.name == waiver.constraint));
    let open = waiver.standing(app.db.clock().now()) == State::Requested;
    let vacancy = match limit.filter(|_| open) {
        Some(limit) => owner::vacancy(reader.conn(), who, &waiver.place(), &current, limit).await?,
        None => None,
    };
    let owner = limit.map(|limit| limit.owner.clone());
    Ok(Detail { waiver, names, owner, vacancy })
}

/// Newest first.
pub async fn list(
    app: &App,
    who: &Principal,
    open_only: bool,
    environment: Option<&str>,
    page: PageRequest,
) -> Result<(Page<Waiver>, Names), Error> {
    let sight = policy::read(who, Action::WaiverRead)?;
    let reader = app.db.read(&sight);
    let environment = match environment {
        Some(name) => {
            let found = environments::store::find(reader.conn(), sight.scope(), name).await?;
            Some(found.ok_or(environments::ops::NOT_FOUND)?.id)
        }
        None => None,
    };
    let page = store::list(&reader, open_only, environment, page).await?;
    let reaches: Vec<_> = page.items.iter().map(Waiver::reach).collect();
    let names = oversight::store::names(reader.conn(), &reaches).await?;
    Ok((page, names))
}

/// Writes down which waivers have ended.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let reader = app.db.read(&policy::upkeep());
    let mut outcome = Ok(());
    for due in store::overdue(&reader, app.db.clock().now()).await? {
        outcome = sweeps::and(outcome, due.id, expire(app, &due).await);
    }
    outcome
}

async fn expire(app: &App, due: &Waiver) -> Result<(), Error> {
    let clock = Principal::system("clock", due.workspace);
    let (tx, mut waiver) = take(app, Scope::Workspace(due.workspace), due.id).await?;
    let Ok(state) = waiver.apply(Command::Expire, tx.at()) else { return Ok(()) };
    waiver.state = state;
    waiver.closed_at = Some(tx.at());
    store::update(&tx, &waiver).await?;
    let permit = policy::system(&clock, Action::WaiverExpire)?;
    commit(tx, permit, &waiver, Event::WaiverExpired { waiver: due.id }).await
}

/// A waiver to be changed, with what it bears on locked before it.
async fn take(app: &App, scope: Scope, id: WaiverId) -> Result<(WriteTx, Waiver), Error> {
    let mut tx = app.db.begin().await?;
    let there = store::find(&tx.conn(), scope, id).await?.ok_or(NOT_FOUND)?;
    oversight::ops::hold(&tx, scope, there.reach()).await?;
    let waiver = store::lock(&tx, scope, id).await?.ok_or(NOT_FOUND)?;
    let last = waiver.grants.iter().map(|grant| grant.decided_at).chain([waiver.requested_at]).max();
    tx.catch_up(last);
    Ok((tx, waiver))
}

async fn commit(tx: WriteTx, permit: Permit, waiver: &Waiver, event: Event) -> Result<(), Error> {
    let scope = Scope::Workspace(waiver.workspace);
    let ended = invalidation::follow(&tx, scope, Cause::Oversight(waiver.reach())).await?;
    tx.commit_all(permit, event, ended).await
}

async fn place(tx: &WriteTx, scope: Scope, waiver: &Waiver) -> Result<Place, Error> {
    let model = models::store::find_by_id(&tx.conn(), scope, waiver.model).await?.ok_or(Error::not_found("model"))?;
    let environment = environments::store::find_by_id(&tx.conn(), scope, waiver.environment).await?;
    let environment = environment.ok_or(environments::ops::NOT_FOUND)?;
    let version = match waiver.version {
        Some(id) => {
            let found = versions::store::find_by_id(&tx.conn(), scope, id).await?;
            Some(found.ok_or(versions::ops::NOT_FOUND)?)
        }
        None => None,
    };
    let current = environments::store::all_current(&tx.conn(), environment.id).await?;
    Ok(Place { model, version, environment, current })
}

/// Who had a hand in what is excepted, the one who asked among them.
async fn involved(tx: &WriteTx, scope: Scope, waiver: &Waiver, place: &Place) -> Result<Involved, Error> {
    let Place { model, version, environment, current } = place;
    let mut involved = match version {
        Some(version) => {
            let conn = tx.conn();
            let facts = Facts::load(&conn, scope, model.clone(), version.clone(), environment.clone(), tx.at()).await?;
            facts.involved()
        }
        None => {
            let mut involved = Involved::default();
            involved.add([model.created_by], "who registered the model");
            for revision in [&current.constraints, &current.policy, &current.profile].into_iter().flatten() {
                involved.add([revision.created_by], "an editor of the environment's documents");
            }
            involved
        }
    };
    involved.add([waiver.requested_by], "who asked for the waiver");
    let persons = accounts::people::store::people(&tx.conn(), waiver.workspace, tx.at()).await?.at(tx.at());
    Ok(involved.with_persons(persons))
}

/// The registry signs who decided what on a waiver, as it does for approvals. People stand in it by
/// the id of their account.
fn statement(
    app: &App,
    who: &Principal,
    at: DateTime<Utc>,
    waiver: &Waiver,
    place: &Place,
    outcome: Outcome,
) -> String {
    let Place { model, version, environment, .. } = place;
    // A waiver for every version is about the limit itself.
    let subject = match version {
        Some(version) => Subject::sha256(format!("{}@{}", model.name, version.number), version.manifest.hex()),
        None => {
            Subject::sha256(format!("{} of {}", waiver.constraint, environment.name), waiver.constraint_digest.hex())
        }
    };
    let predicate = json!({
        "waiver": waiver.id,
        "model": model.name,
        "version": version.as_ref().map(|version| version.manifest.to_string()),
        "environment": environment.name,
        "constraint": waiver.constraint,
        "constraint_digest": waiver.constraint_digest.to_string(),
        "expires_at": rfc3339(waiver.expires_at),
        "outcome": outcome,
        "decided_by": who.id,
        "roles": who.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
        "authentication": who.credential.name(),
        "decided_at": rfc3339(at),
        "registry": app.signer.origin(),
    });
    let statement = Statement::new(vec![subject], WAIVER_TYPE, predicate);
    app.signer.sign_statement(&statement).to_string()
}
