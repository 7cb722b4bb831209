use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{clock::rfc3339, event::Event},
    crypto::key_chain::{self, Link},
    error::Error,
    keys::{KeyState, RegisteredKey, store},
    workspaces,
};
use chrono::TimeDelta;
use std::path::PathBuf;

/// What a rotation did.
pub struct Rotation {
    pub new: RegisteredKey,
    pub file: PathBuf,
    /// The key that signed until now, and until when it goes on.
    pub old: RegisteredKey,
}

/// A log never changes its name: another one would be a second log in its database.
fn same_origin(app: &App, keys: &[RegisteredKey]) -> Result<(), Error> {
    let own = app.signer.origin();
    match keys.first().filter(|first| first.origin != own) {
        Some(RegisteredKey { origin, .. }) => {
            let detail = format!(
                "the log in this database is called {origin}, and this is started as {own}; nothing was changed. \
                 Start with --origin {origin}"
            );
            Err(Error::conflict("other_origin", detail))
        }
        None => Ok(()),
    }
}

/// Registers the key file of a first start; later it refuses to go on under another origin.
pub async fn ensure_first(app: &App) -> Result<(), Error> {
    if store::all(&app.db.read(&policy::upkeep())).await?.is_empty() {
        let workspace = workspaces::ops::ensure_default(app).await?;
        let permit = policy::system(&Principal::system("start", workspace), Action::RegistryKeyAdd)?;
        let secret = app.signer.first();
        let tx = app.db.begin().await?;
        let key = RegisteredKey {
            id: secret.id,
            origin: app.signer.origin().to_owned(),
            verifier_key: secret.verifier_key,
            public_key_pem: secret.key.public_key_pem(),
            endorsement: None,
            added_at: tx.at(),
            signs_until: None,
        };
        // When another process was faster, its key signs.
        if store::insert(&tx, &key).await? {
            let event = Event::RegistryKeyAdded { key: key.id, verifier_key: key.verifier_key, replaces: None };
            tx.commit(permit, event).await?;
        }
    }
    same_origin(app, &store::all(&app.db.read(&policy::upkeep())).await?)?;
    refresh(app).await
}

/// Lets the signer know what the database says.
pub async fn refresh(app: &App) -> Result<(), Error> {
    let mut keys = store::all(&app.db.read(&policy::upkeep())).await?;
    keys.retain(|key| key.origin == app.signer.origin());
    app.signer.refresh(keys, app.db.clock().now());
    Ok(())
}

/// Every key that the registry had, oldest first. Anybody may know them.
pub async fn list(app: &App) -> Result<Vec<(RegisteredKey, KeyState)>, Error> {
    let keys = store::all(&app.db.read(&policy::upkeep())).await?;
    let now = app.db.clock().now();
    Ok(keys.into_iter().map(|key| (key.clone(), key.state(now))).collect())
}

/// Every key with its endorsement, as archives and dossiers carry them: see [`key_chain`].
pub async fn key_file(app: &App) -> Result<String, Error> {
    let keys = store::all(&app.db.read(&policy::upkeep())).await?.into_iter();
    let links: Vec<_> = keys.map(|key| Link { verifier_key: key.verifier_key, endorsement: key.endorsement }).collect();
    key_chain::to_file(&links).map_err(Error::internal)
}

/// Makes a new key, which signs from now on; the old one signs the log's heads beside it
/// for `overlap`. On the machine only, where the key files are.
pub async fn rotate(app: &App, who: &Principal, overlap: TimeDelta, reason: Option<&str>) -> Result<Rotation, Error> {
    let permit = policy::system(who, Action::RegistryKeyAdd)?;
    let tx = app.db.begin().await?;
    let keys = store::lock(&tx).await?;
    same_origin(app, &keys)?;
    let old = keys.into_iter().find(|key| key.signs_until.is_none());
    let old = old.ok_or_else(|| Error::internal("no key is registered"))?;
    let secret = app.signer.secret(&old.id);
    if secret.is_none() && overlap != TimeDelta::zero() {
        let detail = format!(
            "the key {} that signs now is not on this machine, so it can neither vouch for a new one nor sign beside \
             it; rotate where its file is. If it is lost for good: --overlap 0d",
            old.id
        );
        return Err(Error::conflict("key_not_here", detail));
    }
    let (made, file) = app.signer.make_next()?;
    let new = RegisteredKey {
        endorsement: secret.map(|old| key_chain::endorse(app.signer.origin(), &made.verifier_key, &old.key)),
        id: made.id,
        origin: app.signer.origin().to_owned(),
        verifier_key: made.verifier_key,
        public_key_pem: made.key.public_key_pem(),
        added_at: tx.at(),
        signs_until: None,
    };
    let until = tx.at() + overlap;
    store::end(&tx, &old.id, until, reason).await?;
    if !store::insert(&tx, &new).await? {
        return Err(Error::conflict("key_rotated", "another key was registered at the same time; look at the list"));
    }
    let replaces = Some(old.id.clone());
    let added = Event::RegistryKeyAdded { key: new.id.clone(), verifier_key: new.verifier_key.clone(), replaces };
    let retired = Event::RegistryKeyRetired { key: old.id.clone(), signs_until: rfc3339(until) };
    tx.commit_all(permit, added, vec![retired]).await?;
    refresh(app).await?;
    Ok(Rotation { new, file, old: RegisteredKey { signs_until: Some(until), ..old } })
}

/// Ends the time of a key that signs beside the active one. What it signed goes on verifying.
pub async fn retire(app: &App, who: &Principal, id: &str, reason: &str) -> Result<RegisteredKey, Error> {
    let permit = policy::system(who, Action::RegistryKeyRetire)?;
    let tx = app.db.begin().await?;
    let keys = store::lock(&tx).await?;
    same_origin(app, &keys)?;
    let key = keys.into_iter().find(|key| key.id == id).ok_or(Error::not_found("registry key"))?;
    match key.state(tx.at()) {
        KeyState::Retiring => {}
        KeyState::Retired => return Err(Error::conflict("key_retired", format!("the key {id} is retired already"))),
        KeyState::Active => {
            let detail = format!(
                "the key {id} is the one that signs; `plimsoll admin key rotate --overlap 0d --reason …` puts another \
                 one in its place and retires it at once"
            );
            return Err(Error::conflict("key_active", detail));
        }
    }
    store::end(&tx, id, tx.at(), Some(reason)).await?;
    let retired = RegisteredKey { signs_until: Some(tx.at()), ..key };
    let event = Event::RegistryKeyRetired { key: id.to_owned(), signs_until: rfc3339(tx.at()) };
    tx.commit(permit, event).await?;
    refresh(app).await?;
    Ok(retired)
}
