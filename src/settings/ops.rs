use crate::{
    app::App,
    authz::{Action, Permit, Principal, policy},
    config::{self, Config},
    core::{digest::Digest, event::Event},
    db,
    error::Error,
    settings::{Settings, changed, store},
    workspaces,
};

const CONFIGURATION: &str = "configuration";
const SCHEMA: &str = "schema";

/// Logs with what the service starts, if it is something else than the last time.
pub async fn record(app: &App, config: &Config) -> Result<(), Error> {
    schema(app).await?;
    let mut settings: Settings =
        config::effective(config).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    settings.insert("program".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let before: Settings = last(app, CONFIGURATION).await?;
    if before == settings {
        return Ok(());
    }
    let entries = serde_json::to_string(&settings).map_err(Error::internal)?;
    let event = Event::ConfigurationLoaded {
        digest: Digest::of(&entries).to_string(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        changed: changed(&before, &settings),
    };
    commit(app, CONFIGURATION, &entries, Action::ConfigurationLoad, event).await
}

/// Whoever migrated, and whenever: the first start afterwards logs it.
async fn schema(app: &App) -> Result<(), Error> {
    let now = db::schema_versions();
    let before: Vec<String> = last(app, SCHEMA).await?;
    let applied: Vec<_> = now.iter().filter(|name| !before.contains(name)).cloned().collect();
    let Some(version) = applied.last().cloned() else { return Ok(()) };
    let entries = serde_json::to_string(&now).map_err(Error::internal)?;
    commit(app, SCHEMA, &entries, Action::SchemaMigrate, Event::SchemaMigrated { version, applied }).await
}

async fn last<T: Default + serde::de::DeserializeOwned>(app: &App, kind: &str) -> Result<T, Error> {
    match store::last(&app.db.read(&policy::upkeep()), kind).await? {
        Some(entries) => serde_json::from_str(&entries).map_err(Error::internal),
        None => Ok(T::default()),
    }
}

async fn commit(app: &App, kind: &str, entries: &str, action: Action, event: Event) -> Result<(), Error> {
    let workspace = workspaces::ops::ensure_default(app).await?;
    let permit: Permit = policy::system(&Principal::system("start", workspace), action)?;
    let tx = app.db.begin().await?;
    store::insert(&tx, kind, &Digest::of(entries).to_string(), entries).await?;
    tx.commit(permit, event).await
}
