//! Keys whose signatures count here: the roots of trust.

use super::SECTION;
use crate::{
    app::App,
    authz::Action,
    core::{
        clock,
        ids::TrustKeyId,
        name::Name,
        page::{self, PageRequest},
    },
    error::{Error, InField},
    trust::{api::TrustKeyView, ops},
    web::{
        PageError,
        form::{Fields, Signed},
        forms::{self, Form, Kind, Typed, confirmed, kept},
        frame::{Frame, page_with, see_other},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    post,
    web::{Data, Path, Query},
};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

const LIST: &str = "trust-keys";
const ADD: &str = "add";

#[derive(Template)]
#[template(path = "administration/trust_keys.html")]
struct KeysPage {
    frame: Frame,
    here: &'static str,
    keys: Vec<Row>,
    next: Option<String>,
    forms: Vec<Form>,
    /// Id and error of the form that did not succeed.
    failed: (String, String),
}

struct Row {
    key: TrustKeyView,
    /// `active`, `ended` or `revoked`.
    state: &'static str,
    forms: Vec<Form>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListParams {
    cursor: Option<String>,
}

#[get("/trust-keys")]
pub async fn list(app: Data<App>, visitor: Visitor, params: Query<ListParams>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, params.into_inner(), StatusCode::OK, &Typed::default()).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    params: ListParams,
    status: StatusCode,
    typed: &Typed,
) -> Result<HttpResponse, PageError> {
    let who = &visitor.who;
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), None).map_err(Error::from)?;
    let found = ops::list(app, who, request).await?;
    let next = found.next.map(|id| format!("/trust-keys?cursor={}", page::encode(LIST, id)));
    let now = app.db.clock().now();
    let row = |key: crate::trust::TrustKey| {
        let state = match key.revoked_at {
            Some(_) => "revoked",
            None if key.is_valid_at(now) => "active",
            None => "ended",
        };
        let may = key.revoked_at.is_none() && who.may(Action::TrustKeyRevoke);
        let mut forms = if may { vec![revoking(key.id, &key.name).with(typed)] } else { Vec::new() };
        if may && key.is_authority() {
            forms.insert(0, revoking_one(key.id).with(typed));
        }
        Row { key: key.into(), state, forms }
    };
    let keys = found.items.into_iter().map(row).collect();
    let forms = match who.may(Action::TrustKeyAdd) {
        true => vec![adding().with(typed)],
        false => Vec::new(),
    };
    let failed = (typed.form.clone(), typed.error.clone());
    let frame = Frame::new(SECTION, visitor);
    page_with(status, &KeysPage { frame, here: "Trusted keys", keys, next, forms, failed })
}

fn adding() -> Form {
    let says = "Whoever holds the private half signs versions and evidence that the registry believes.";
    Form::new(ADD, "/trust-keys", "Trust a key", says, "Trust it")
        .ask("name", "Whose key it is", Kind::Line)
        .hint("such as ines-laptop; limits name the keys whose reports they accept")
        .ask("public_key_pem", "Public key", Kind::Text)
        .hint("PEM of a key (EC P-256, P-384, P-521, or Ed25519), or of the certificate of an authority")
        .may("identities", "Whom an authority may name", Kind::Text)
        .hint("one rule a line, such as email:ines@example.com, email:*@example.com or uri:https://ci.example.com/*; none for a key")
        .may("from", "Counts since", Kind::Day)
        .hint("today if empty; an earlier day means that you vouch for it since then")
        .may("until", "Counts until the end of", Kind::Day)
}

fn id_of_one(key: TrustKeyId) -> String {
    format!("certificate-{key}")
}

fn revoking_one(key: TrustKeyId) -> Form {
    let says = "Nothing that was signed with it leaves through the gate any more, and requests that rest on it end. It \
        can't be taken back.";
    let to = format!("/trust-keys/{key}/revoked-certificates");
    Form::new(&id_of_one(key), &to, "Revoke one certificate", says, "Revoke the certificate")
        .ask("certificate", "Its SHA-256, or serial: and its number", Kind::Line)
        .hint("in hex, as the page of a version shows them")
}

fn id(key: TrustKeyId) -> String {
    format!("revoke-{key}")
}

fn revoking(key: TrustKeyId, name: &str) -> Form {
    let says = "Nothing that it signed leaves through the gate any more, and requests that rest on it end. It can't be \
        taken back.";
    let form = Form::new(&id(key), &format!("/trust-keys/{key}/revocation"), "Revoke it", says, "Revoke the key");
    form.confirmed_by(name)
}

#[post("/trust-keys")]
pub async fn add(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let done = async {
        let name = Name::parse(fields.get("name").trim()).in_field("name")?;
        let period = (day(&fields, "from")?.map(beginning), day(&fields, "until")?);
        let pem = fields.get("public_key_pem").replace("\r\n", "\n");
        let identities: Vec<_> = fields
            .get("identities")
            .lines()
            .map(str::trim)
            .filter(|rule| !rule.is_empty())
            .map(str::to_owned)
            .collect();
        let root = ops::Root { pem: &pem, identities: &identities };
        ops::add(&app, &visitor.who, name, root, period).await.map(drop)
    };
    let done = done.await;
    answer(&app, &visitor, fields, ADD, done).await
}

/// The end of a day that was named, if one was.
fn day(fields: &Fields, name: &str) -> Result<Option<DateTime<Utc>>, Error> {
    let said = fields.get(name).trim();
    if said.is_empty() {
        return Ok(None);
    }
    clock::moment(said, DateTime::UNIX_EPOCH).map(Some).ok_or_else(|| Error::invalid(name, clock::MOMENT))
}

/// A day is named for its end; a key counts from its beginning.
fn beginning(end_of_day: DateTime<Utc>) -> DateTime<Utc> {
    end_of_day - TimeDelta::days(1) + TimeDelta::microseconds(1)
}

#[post("/trust-keys/{key}/revocation")]
pub async fn revoke(app: Data<App>, sent: Signed, key: Path<TrustKeyId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let done = async {
        let found = ops::find(&app, &visitor.who, *key).await?;
        confirmed(&fields, &found.name)?;
        match ops::revoke(&app, &visitor.who, *key).await {
            // The second of two clicks.
            Err(Error::Conflict { code: "trust_key_revoked", .. }) => Ok(()),
            done => done.map(drop),
        }
    };
    let done = done.await;
    answer(&app, &visitor, fields, &id(*key), done).await
}

#[post("/trust-keys/{key}/revoked-certificates")]
pub async fn revoke_certificate(
    app: Data<App>,
    sent: Signed,
    key: Path<TrustKeyId>,
) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let done = match ops::revoke_certificate(&app, &visitor.who, *key, fields.get("certificate")).await {
        // The second of two clicks.
        Err(Error::Conflict { code: "certificate_revoked", .. }) => Ok(()),
        done => done.map(drop),
    };
    answer(&app, &visitor, fields, &id_of_one(*key), done).await
}

async fn answer(
    app: &App,
    visitor: &Visitor,
    fields: Fields,
    form: &str,
    done: Result<(), Error>,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok(()) => Ok(see_other("/trust-keys")),
        Err(failure) => {
            let (status, typed) = kept(failure, form, fields)?;
            render(app, visitor, ListParams::default(), status, &typed).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_from_the_beginning_of_a_day() {
        let end = clock::moment("2026-03-02", DateTime::UNIX_EPOCH).expect("a day");
        assert_eq!(clock::rfc3339(beginning(end)), "2026-03-02T00:00:00.000000Z");
    }
}
