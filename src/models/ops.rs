use crate::{
    accountability::vacancy,
    accounts,
    app::App,
    authz::{Action, Principal, policy},
    core::{
        event::Event,
        ids::{AccountId, ModelId},
        page::{Page, PageRequest},
    },
    error::Error,
    models::{Accountability, Model, ModelChange, NewModel, OwnerNames, store},
    oversight::Reach,
    promotions::{invalidation, invalidation::Cause},
};
use std::collections::BTreeMap;

const NOT_FOUND: Error = Error::NotFound { kind: "model" };

pub async fn register(app: &App, who: &Principal, new: NewModel) -> Result<Model, Error> {
    let permit = policy::act(who, Action::ModelRegister)?;
    let created_by = who.id.ok_or(Error::Unauthenticated)?;
    let owners = resolve(app, who, &new.owners).await?;
    let tx = app.db.begin().await?;
    let model = Model {
        id: ModelId::generate(),
        workspace: who.workspace,
        name: new.name.to_string(),
        title: new.title.to_string(),
        intended_use: new.intended_use.to_string(),
        prohibited_use: new.prohibited_use.to_string(),
        risk_tier: new.risk_tier,
        revision: 1,
        created_by,
        created_at: tx.at(),
    };
    store::insert(&tx, &model).await?;
    store::set_owners(&tx, model.id, &owners).await?;
    let event =
        Event::ModelRegistered { model: model.id, name: model.name.clone(), risk_tier: model.risk_tier.to_string() };
    tx.commit(permit, event).await?;
    Ok(model)
}

/// Changes the record, if it is still the revision that the caller saw.
pub async fn update(app: &App, who: &Principal, name: &str, seen: i64, change: ModelChange) -> Result<Model, Error> {
    let sight = policy::read(who, Action::ModelRead)?;
    let owners = match &change.owners {
        Some(owners) => Some(resolve(app, who, owners).await?),
        None => None,
    };
    let tx = app.db.begin().await?;
    let mut model = store::lock(&tx, sight.scope(), name).await?.ok_or(NOT_FOUND)?;
    let permit = policy::act(who, Action::ModelUpdate)?;
    if model.revision != seen {
        return Err(Error::Stale { current: format!("\"{}\"", model.revision) });
    }
    model.title = change.title.map_or(model.title, |t| t.to_string());
    model.intended_use = change.intended_use.map_or(model.intended_use, |t| t.to_string());
    model.prohibited_use = change.prohibited_use.map_or(model.prohibited_use, |t| t.to_string());
    model.risk_tier = change.risk_tier.unwrap_or(model.risk_tier);
    model.revision += 1;
    store::update(&tx, &model).await?;
    let mut then = Vec::new();
    if let Some(owners) = owners {
        vacancy::hold(&tx, sight.scope(), &[Reach { model: Some(model.id), ..Reach::default() }]).await?;
        let before = store::answered(&tx.conn(), model.id).await?;
        store::set_owners(&tx, model.id, &owners).await?;
        then = vacancy::owners_changed(&tx, model.workspace, model.id, &before, &owners).await?;
    }
    let ended = invalidation::follow(&tx, sight.scope(), Cause::Model(model.id)).await?;
    let event = Event::ModelUpdated { model: model.id, revision: model.revision };
    then.extend(ended);
    tx.commit_all(permit, event, then).await?;
    Ok(model)
}

pub async fn find(app: &App, who: &Principal, name: &str) -> Result<Model, Error> {
    let sight = policy::read(who, Action::ModelRead)?;
    store::find(app.db.read(&sight).conn(), sight.scope(), name).await?.ok_or(NOT_FOUND)
}

pub async fn owners(app: &App, who: &Principal, model: ModelId) -> Result<OwnerNames, Error> {
    let sight = policy::read(who, Action::ModelRead)?;
    store::owners(&app.db.read(&sight), model).await
}

/// All of them, or those whose name begins so.
pub async fn list(
    app: &App,
    who: &Principal,
    beginning: Option<&str>,
    page: PageRequest,
) -> Result<Page<Model>, Error> {
    let sight = policy::read(who, Action::ModelRead)?;
    store::list(&app.db.read(&sight), beginning, page).await
}

async fn resolve(app: &App, who: &Principal, names: &OwnerNames) -> Result<BTreeMap<Accountability, AccountId>, Error> {
    let mut owners = BTreeMap::new();
    for (accountability, name) in names {
        let field = format!("owners.{accountability}");
        owners.insert(*accountability, accounts::ops::require_member(app, who, &field, name).await?);
    }
    Ok(owners)
}
