use crate::{
    app::App,
    authz::{Action, Principal, Scope, policy},
    core::{
        event::Event,
        ids::TrustKeyId,
        name::Name,
        page::{Page, PageRequest},
    },
    crypto::{certificate::Authority, certificate_names::Rule, keys::VerifyingKey},
    error::Error,
    promotions::invalidation::{self, Cause},
    releases,
    trust::{SERIAL, TrustKey, store},
};
use chrono::{DateTime, SubsecRound, Utc};
use std::collections::BTreeSet;

/// A key, or the certificate of an authority with whom it may name.
pub struct Root<'r> {
    pub pem: &'r str,
    /// One rule each; none for a key.
    pub identities: &'r [String],
}

const MAX_RULES: usize = 64;
/// Then the authority itself is better revoked.
const MAX_REVOKED: usize = 1_000;

/// A key counts from now on unless whoever adds it vouches for it since an earlier day.
pub async fn add(
    app: &App,
    who: &Principal,
    name: Name,
    root: Root<'_>,
    (valid_from, valid_until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
) -> Result<TrustKey, Error> {
    let permit = policy::act(who, Action::TrustKeyAdd)?;
    let added_by = who.id.ok_or(Error::Unauthenticated)?;
    let (fingerprint, pem, identities) = read(&root)?;
    let tx = app.db.begin().await?;
    store::lock_names(&tx, who.workspace).await?;
    let valid_from = valid_from.map_or(tx.at(), |from| from.trunc_subsecs(6));
    if tx.at() < valid_from || valid_from < DateTime::UNIX_EPOCH {
        return Err(Error::invalid("valid_from", "does not lie between 1970 and now"));
    }
    if valid_until.is_some_and(|end| end <= tx.at()) {
        return Err(Error::invalid("valid_until", "lies in the past"));
    }
    let known = store::all(&tx.conn(), Scope::Workspace(who.workspace)).await?;
    let key = TrustKey {
        id: TrustKeyId::generate(),
        name: name.to_string(),
        fingerprint,
        public_key_pem: pem,
        // A certificate that was revoked under another authority comes back under none.
        revoked_certificates: match identities.is_some() {
            true => known.into_iter().flat_map(|key| key.revoked_certificates).filter(|one| is_of_all(one)).collect(),
            false => BTreeSet::new(),
        },
        identities,
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

/// Fingerprint, text and rules of a root.
fn read(root: &Root<'_>) -> Result<(String, String, Option<String>), Error> {
    let invalid = |e: String| Error::invalid("public_key_pem", e);
    if !root.pem.contains("-----BEGIN CERTIFICATE-----") {
        if !root.identities.is_empty() {
            let detail = "a key stands for itself and names nobody; leave the identities out, or send the certificate \
                of an authority";
            return Err(Error::invalid("identities", detail));
        }
        let key = VerifyingKey::from_pem(root.pem).map_err(|e| invalid(e.to_string()))?;
        return Ok((key.fingerprint(), key.to_pem(), None));
    }
    if root.identities.is_empty() || MAX_RULES < root.identities.len() {
        let detail = format!("say in 1 to {MAX_RULES} rules whom the authority may name; * is everybody");
        return Err(Error::invalid("identities", detail));
    }
    let rules: Result<Vec<_>, _> = root.identities.iter().map(|rule| Rule::parse(rule.trim())).collect();
    let rules = rules.map_err(|e| Error::invalid("identities", e.to_string()))?;
    let authority = Authority::from_pem(root.pem, rules).map_err(|e| invalid(e.to_string()))?;
    let text = authority.rules().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Ok((authority.fingerprint(), authority.to_pem(), Some(text)))
}

/// From now on nothing signed with this certificate leaves through the gate, and requests that rest on it end.
///
/// `certificate`: its SHA-256, or `serial:` and its number, in hex; of who signed, or of an authority below this one. By
/// its SHA-256 it counts under no other authority of the workspace either: who signs chooses by which one they are judged.
pub async fn revoke_certificate(
    app: &App,
    who: &Principal,
    id: TrustKeyId,
    certificate: &str,
) -> Result<TrustKey, Error> {
    let sight = policy::read(who, Action::TrustKeyRead)?;
    let permit = policy::act(who, Action::TrustKeyRevoke)?;
    let certificate = certificate_name(certificate)?;
    let tx = app.db.begin().await?;
    // No authority comes meanwhile that would know nothing of it.
    store::lock_names(&tx, who.workspace).await?;
    let (own, mut others): (Vec<_>, Vec<_>) =
        store::lock_authorities(&tx, sight.scope()).await?.into_iter().partition(|one| one.id == id);
    let Some(mut key) = own.into_iter().next() else {
        store::find(&tx.conn(), sight.scope(), id).await?.ok_or(Error::not_found("trusted key"))?;
        let detail = "this is a key, which has no certificates; revoke the key itself";
        return Err(Error::conflict("not_authority", detail));
    };
    if !key.revoked_certificates.insert(certificate.clone()) {
        return Err(Error::conflict("certificate_revoked", "the certificate is revoked already"));
    }
    if MAX_REVOKED < key.revoked_certificates.len() {
        let detail = format!("{MAX_REVOKED} certificates of it are revoked; revoke the authority itself");
        return Err(Error::conflict("authority_spent", detail));
    }
    others.retain(|other| is_of_all(&certificate) && !other.revoked_certificates.contains(&certificate));
    for other in &mut others {
        other.revoked_certificates.insert(certificate.clone());
    }
    let mut ended = Vec::new();
    for one in std::iter::once(&key).chain(&others) {
        store::revoke_certificates(&tx, one.id, &one.revoked_certificates).await?;
        ended.extend(invalidation::follow(&tx, sight.scope(), Cause::TrustKey(one.id)).await?);
        releases::store::hold_key(&tx, sight.scope(), one.id).await?;
    }
    tx.commit_all(permit, Event::CertificateRevoked { key: id, certificate }, ended).await?;
    Ok(key)
}

/// Whether a revocation is of a certificate whoever vouches for it. Numbers are given by each authority anew.
fn is_of_all(certificate: &str) -> bool {
    !certificate.starts_with(SERIAL)
}

/// As versions note the certificates by which they were signed. Colons between the digits are what other tools print.
fn certificate_name(raw: &str) -> Result<String, Error> {
    let refused = || {
        let detail = "is neither the SHA-256 of a certificate (64 hex digits) nor serial: and its number in hex";
        Error::invalid("certificate", detail)
    };
    let hex = |text: &str| text.replace(':', "").to_ascii_lowercase();
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    match raw.trim().strip_prefix("serial:") {
        Some(number) => {
            let number = hex(number);
            if !is_hex(&number) || 42 < number.len() {
                return Err(refused());
            }
            // Whole bytes, without those that are nothing.
            let number = number.trim_start_matches('0');
            let number = if number.is_empty() { "0" } else { number };
            let number = if number.len() % 2 == 1 { format!("0{number}") } else { number.to_owned() };
            Ok(format!("serial:{number}"))
        }
        None => Some(hex(raw.trim())).filter(|text| is_hex(text) && text.len() == 64).ok_or_else(refused),
    }
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
