use crate::{
    app::App,
    authz::{Action, Principal, policy},
    core::{
        event::Event,
        ids::TrustKeyId,
        name::Name,
        page::{Page, PageRequest},
    },
    crypto::keys::VerifyingKey,
    error::Error,
    promotions::invalidation::{self, Cause},
    releases,
    trust::{TrustKey, store},
};
use chrono::{DateTime, SubsecRound, Utc};

/// A key counts from now on unless whoever adds it vouches for it since an earlier day.
pub async fn add(
    app: &App,
    who: &Principal,
    name: Name,
    public_key_pem: &str,
    (valid_from, valid_until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
) -> Result<TrustKey, Error> {
    let permit = policy::act(who, Action::TrustKeyAdd)?;
    let added_by = who.id.ok_or(Error::Unauthenticated)?;
    let key = VerifyingKey::from_pem(public_key_pem).map_err(|e| Error::invalid("public_key_pem", e.to_string()))?;
    let tx = app.db.begin().await?;
    store::lock_names(&tx, who.workspace).await?;
    let valid_from = valid_from.map_or(tx.at(), |from| from.trunc_subsecs(6));
    if tx.at() < valid_from || valid_from < DateTime::UNIX_EPOCH {
        return Err(Error::invalid("valid_from", "does not lie between 1970 and now"));
    }
    if valid_until.is_some_and(|end| end <= tx.at()) {
        return Err(Error::invalid("valid_until", "lies in the past"));
    }
    let key = TrustKey {
        id: TrustKeyId::generate(),
        name: name.to_string(),
        fingerprint: key.fingerprint(),
        public_key_pem: key.to_pem(),
        added_by,
        valid_from,
        valid_until,
        revoked_at: None,
    };
    // Limits name the keys whose reports they accept; one name means one key at a time.
    if store::is_name_taken(&tx, who.workspace, &key.name).await? {
        let text =
            format!("another trusted key is called {}; revoke it first, or give this one another name", key.name);
        return Err(Error::conflict("trust_key_name_taken", text));
    }
    store::insert(&tx, who.workspace, &key).await?;
    let event = Event::TrustKeyAdded { key: key.id, fingerprint: key.fingerprint.clone() };
    tx.commit(permit, event).await?;
    Ok(key)
}

/// From now on nothing signed by this key leaves through the gate, and requests that rest on it end.
pub async fn revoke(app: &App, who: &Principal, id: TrustKeyId) -> Result<TrustKey, Error> {
    let sight = policy::read(who, Action::TrustKeyRead)?;
    let permit = policy::act(who, Action::TrustKeyRevoke)?;
    let tx = app.db.begin().await?;
    let key = store::lock(&tx, sight.scope(), id).await?.ok_or(Error::not_found("trusted key"))?;
    if key.revoked_at.is_some() {
        return Err(Error::conflict("trust_key_revoked", "the key is revoked already"));
    }
    store::revoke(&tx, id).await?;
    let revoked = TrustKey { revoked_at: Some(tx.at()), ..key };
    let event = Event::TrustKeyRevoked { key: id, fingerprint: revoked.fingerprint.clone() };
    let ended = invalidation::follow(&tx, sight.scope(), Cause::TrustKey(id)).await?;
    releases::store::hold_key(&tx, sight.scope(), id).await?;
    tx.commit_all(permit, event, ended).await?;
    Ok(revoked)
}

pub async fn find(app: &App, who: &Principal, id: TrustKeyId) -> Result<TrustKey, Error> {
    let sight = policy::read(who, Action::TrustKeyRead)?;
    let found = store::find(app.db.read(&sight).conn(), sight.scope(), id).await?;
    found.ok_or(Error::not_found("trusted key"))
}

pub async fn list(app: &App, who: &Principal, page: PageRequest) -> Result<Page<TrustKey>, Error> {
    let sight = policy::read(who, Action::TrustKeyRead)?;
    store::list(&app.db.read(&sight), page).await
}
