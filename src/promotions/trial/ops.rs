use crate::{
    app::App,
    authz::{Action, Principal, ReadPermit, Role, Touched, policy},
    core::{
        digest::Digest,
        ids::{AccountId, RevisionId},
    },
    db::Conn,
    environments::{self, Document, DocumentKind, Environment, Revision, profile::OperatingMode},
    error::Error,
    policies::{
        Policy,
        lint::{self, Problem, Surroundings},
    },
    promotions::{
        holds, ops,
        parties::{self, Vote},
        terms::{self, Judge},
        trial::Trial,
    },
    versions::VersionRef,
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a policy, in itself and for an environment if one is named.
pub async fn lint(
    app: &App,
    who: &Principal,
    written: &serde_json::Value,
    environment: Option<&str>,
) -> Result<Vec<Problem>, Error> {
    let sight = policy::read(who, Action::EnvironmentRead)?;
    let reader = app.db.read(&sight);
    let found = match environment {
        Some(name) => {
            let found = environments::store::find(reader.conn(), sight.scope(), name).await?;
            Some(found.ok_or(environments::ops::NOT_FOUND)?)
        }
        None => None,
    };
    let policy = match Policy::parse(written) {
        Ok(policy) => policy,
        Err(Error::Invalid(fields)) => return Ok(fields.into_iter().map(lint::illegal).collect()),
        Err(error) => return Err(error),
    };
    let around = match &found {
        Some(environment) => Some(surroundings(reader.conn(), &sight, who, environment, &policy).await?),
        None => None,
    };
    Ok(lint::check(&policy, around.as_ref(), app.db.clock().now()))
}

async fn surroundings(
    conn: &Conn<'_>,
    sight: &ReadPermit,
    who: &Principal,
    environment: &Environment,
    policy: &Policy,
) -> Result<Surroundings, Error> {
    let current = environments::store::current(conn, environment.id, DocumentKind::Profile).await?;
    let profile = current.map(|revision| revision.profile()).transpose()?;
    let place = profile.as_ref().map(|profile| profile.jurisdiction.trim().to_owned());
    let all: Vec<_> = Role::ALL.iter().map(|role| role.name().to_owned()).collect();
    let judging: Vec<_> = judging().iter().map(|role| role.name()).collect();
    let people = terms::judges(conn, environment.workspace, &all, None).await?;
    let judges = people
        .iter()
        // Whoever publishes a policy does not decide by it.
        .filter(|person| Some(person.account) != who.id)
        .filter(|person| person.roles.iter().any(|role| judging.contains(&role.as_str())))
        .map(|person| (person.name.clone(), person.roles.clone()))
        .collect();
    let mut named = policy.exclude.clone();
    policy.rules.iter().for_each(|rule| named.join(&rule.exclude));
    Ok(Surroundings {
        environment: environment.name.clone(),
        class: profile.as_ref().map(|profile| profile.class),
        jurisdiction: place.filter(|place| !place.is_empty()),
        mode: profile.as_ref().map(|profile| profile.operating_mode),
        judges,
        held_roles: people.iter().flat_map(|person| person.roles.iter().cloned()).collect(),
        known_accounts: terms::known_accounts(conn, environment.workspace, &named.accounts).await?,
        upstream: upstream(conn, sight).await?,
    })
}

fn judging() -> Vec<Role> {
    Role::ALL.iter().copied().filter(|role| role.allows(Action::PromotionApprove)).collect()
}

/// Every environment, with those that its policy names as upstream in any circumstances.
async fn upstream(conn: &Conn<'_>, sight: &ReadPermit) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut all = BTreeMap::new();
    for (name, revision) in environments::store::policies(conn, sight.scope()).await? {
        let policy = revision.map(|revision| revision.policy()).transpose()?;
        let named = |policy: Policy| -> BTreeSet<String> {
            let ruled = policy.rules.into_iter().flat_map(|rule| rule.soak);
            policy.soak.into_iter().chain(ruled).map(|soak| soak.environment).collect()
        };
        all.insert(name, policy.map(named).unwrap_or_default().into_iter().collect());
    }
    Ok(all)
}

/// What a request of the caller would come to if it were made now, with another policy if one is given.
pub async fn dry_run(
    app: &App,
    who: &Principal,
    environment: &str,
    model: &str,
    version: &VersionRef,
    mode: Option<OperatingMode>,
    instead: Option<Policy>,
) -> Result<Trial, Error> {
    policy::read(who, Action::EnvironmentRead)?;
    let sight = policy::read(who, Action::PromotionRead)?;
    let reader = app.db.read(&sight);
    let (conn, now) = (reader.conn(), app.db.clock().now());
    let mut facts = ops::named(conn, &sight, (model, version, environment), now).await?;
    facts.mode = Some(mode.unwrap_or(facts.ladder()?.unasked()));
    if let Some(instead) = instead {
        let revision = unpublished(instead, &facts.current, who, now)?;
        facts = facts.under(conn, revision, now).await?;
    }
    let assessment = facts.assess(now)?;
    let (mut holds, mut seats, mut eligible) = (Vec::new(), Vec::new(), BTreeMap::new());
    if let Some(asked) = &assessment.asked {
        holds = holds::of(conn, sight.scope(), &facts, asked, Some(now), now).await?;
        let roles: Vec<_> = asked.approvals.iter().map(|slot| slot.role.clone()).collect();
        let asker = who.id.ok_or(Error::Unauthenticated)?;
        let involved = parties::involved_if_asked_by(&facts, asker, now);
        let place = Touched { models: [facts.model.id].into(), environments: [facts.environment.id].into() };
        let judges = terms::judges(conn, facts.environment.workspace, &roles, Some(&place)).await?;
        let barred = involved.people();
        let free: Vec<_> = judges.into_iter().filter(|judge| !barred.contains(&judge.account)).collect();
        let vote = |judge: &Judge| Vote { account: judge.account, roles: judge.roles.clone(), on_behalf_of: None };
        let votes: Vec<_> = free.iter().map(vote).collect();
        let wanted = asked.seats();
        let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
        let name =
            |account: &AccountId| free.iter().find(|judge| judge.account == *account).map(|judge| judge.name.clone());
        let seated = parties::seating(&wanted, &votes, &involved).into_iter();
        seats = seated.map(|seat| (seat.role, seat.filled_by.iter().filter_map(name).collect())).collect();
        for role in roles {
            let holders = free.iter().filter(|judge| judge.roles.contains(&role)).map(|judge| judge.name.clone());
            let holders = holders.collect();
            eligible.insert(role, holders);
        }
    }
    let (would_block, warnings) = (assessment.failed, assessment.warnings);
    Ok(Trial { would_block, warnings, holds, asked: assessment.asked, seats, eligible })
}

/// The revision that publishing the policy would make.
fn unpublished(
    policy: Policy,
    current: &environments::Current,
    who: &Principal,
    now: DateTime<Utc>,
) -> Result<Revision, Error> {
    let body = Document::Policy(Box::new(policy)).canonical()?;
    Ok(Revision {
        id: RevisionId::generate(),
        kind: DocumentKind::Policy,
        number: current.policy.as_ref().map_or(1, |revision| revision.number + 1),
        digest: Digest::of(&body),
        body,
        created_by: who.id.ok_or(Error::Unauthenticated)?,
        created_at: now,
    })
}
