//! API tokens: one's own, and everybody's for an administrator. A secret is shown once.

use super::{
    SECTION,
    shown_once::{self, Shown},
};
use crate::{
    accounts::{
        Issued, Token,
        api::{TokenView, scope},
        ops,
    },
    app::App,
    authz::{Action, Limits, Principal},
    core::{
        clock::rfc3339,
        ids::TokenId,
        page::{self, MAX_LIMIT, PageRequest},
        text::Line,
    },
    error::{Error, InField},
    web::{
        PageError,
        form::{Fields, Signed},
        forms::{self, Form, Kind, Typed, kept, misnamed},
        frame::{Frame, page_with, see_other},
        once,
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

const LIST: &str = "tokens";
const MAKE: &str = "make";
const USUAL_DAYS: &str = "90";

#[derive(Template)]
#[template(path = "administration/tokens.html")]
struct TokensPage {
    frame: Frame,
    here: &'static str,
    tokens: Vec<Row>,
    next: Option<String>,
    forms: Vec<Form>,
    has_failed: bool,
    sees_all: bool,
}

struct Row {
    token: TokenView,
    account: String,
    /// How far, in words.
    reaches: String,
    /// `active`, `ended` or `revoked`.
    state: &'static str,
    /// The key of the form by which it is replaced, for those who may.
    replacing: Option<String>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListParams {
    cursor: Option<String>,
}

#[get("/tokens")]
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
    let found = ops::list_tokens(app, who, request).await?;
    let owners: Vec<_> = found.items.iter().map(|token| token.account).collect();
    let names = ops::names(app, &owners).await?;
    let now = app.db.clock().now();
    let mut tokens = Vec::new();
    for token in found.items {
        let scope = scope(app, who, &token.reach).await?;
        let state = match token.revoked_at {
            Some(_) => "revoked",
            None if token.expires_at <= now => "ended",
            None => "active",
        };
        // What a job was given is replaced by its next job.
        let may_follow = state == "active" && token.trust.is_none() && who.may(Action::TokenCreate);
        tokens.push(Row {
            account: names.get(&token.account).cloned().unwrap_or_default(),
            state,
            replacing: may_follow.then(once::key),
            reaches: scope.spoken(),
            token: TokenView::of(token, scope),
        });
    }
    let next = found.next.map(|id| format!("/tokens?cursor={}", page::encode(LIST, id)));
    let sees_all = who.may(Action::AccountCreate);
    let forms = match who.may(Action::TokenCreate) {
        true => vec![form(sees_all).with(typed)],
        false => Vec::new(),
    };
    let frame = Frame::new(if sees_all { SECTION } else { "" }, visitor);
    let has_failed = !typed.error.is_empty();
    page_with(status, &TokensPage { frame, here: "Tokens", tokens, next, forms, has_failed, sees_all })
}

fn form(for_others: bool) -> Form {
    let says = "Whoever holds it acts as the account that it belongs to. It is shown once.";
    let form = Form::new(MAKE, "/tokens", "Make a token", says, "Make it").once();
    let form = form.ask("name", "What it is for", Kind::Line);
    let form = match for_others {
        true => form
            .may("account", "For the service account", Kind::Line)
            .hint("yours if empty; a person's tokens are made by that person"),
        false => form,
    };
    form.ask("days", "Days that it works", Kind::Number).hint("1 to 365").filled("days", USUAL_DAYS)
}

fn days(fields: &Fields) -> Result<i64, Error> {
    fields.get("days").trim().parse().map_err(|_| Error::invalid("days", "use a number from 1 to 365"))
}

#[post("/tokens")]
pub async fn create(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let made = async {
        let name = Line::parse_required(fields.get("name")).in_field("name")?;
        let days = days(&fields)?;
        let account = Some(fields.get("account").trim()).filter(|account| !account.is_empty());
        once::carry_out(&app, &visitor.who, &fields, async |who| {
            ops::create_token(&app, who, account, name, days, Limits::default()).await
        })
        .await
    };
    let says = "A token was made.".to_owned();
    answer(&app, &visitor, made.await, says, fields).await
}

/// Another token for the same account and purpose. The one before works on, until what uses it has the new one.
#[post("/tokens/{token}/successor")]
pub async fn replace(app: Data<App>, sent: Signed, id: Path<TokenId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let (account, before) = find(&app, &visitor.who, *id).await?;
    let made = async {
        if before.trust.is_some() {
            let detail = "a job was given it for a token of its issuer, and gets the next one in the same way";
            return Err(Error::conflict("token_of_a_job", detail));
        }
        let name = Line::parse_required(&before.name).in_field("name")?;
        // It reaches no further than the one that it follows.
        let limits = before.reach.limits().cloned().unwrap_or_default();
        let days = USUAL_DAYS.parse().map_err(Error::internal)?;
        let who = &visitor.who;
        once::carry_out(&app, who, &fields, async |who| {
            ops::create_token(&app, who, Some(&account), name, days, limits).await
        })
        .await
    };
    let says = "A successor was made. The token before works on: give this one to what uses it, then revoke the other.";
    answer(&app, &visitor, made.await, says.to_owned(), fields).await
}

/// Whose a token is, and the token.
async fn find(app: &App, who: &Principal, id: TokenId) -> Result<(String, Token), Error> {
    let mut request = PageRequest::first(MAX_LIMIT);
    loop {
        let page = ops::list_tokens(app, who, request).await?;
        if let Some(token) = page.items.into_iter().find(|token| token.id == id) {
            let names = ops::names(app, &[token.account]).await?;
            return Ok((names.get(&token.account).cloned().unwrap_or_default(), token));
        }
        request.after = Some(page.next.ok_or(Error::not_found("token"))?);
    }
}

#[post("/tokens/{token}/revocation")]
pub async fn revoke(app: Data<App>, sent: Signed, id: Path<TokenId>) -> Result<HttpResponse, PageError> {
    ops::revoke_token(&app, &sent.visitor.who, *id).await?;
    Ok(see_other("/tokens"))
}

async fn answer(
    app: &App,
    visitor: &Visitor,
    made: Result<Issued, Error>,
    says: String,
    fields: Fields,
) -> Result<HttpResponse, PageError> {
    match made {
        Ok(issued) => shown_once::answer(
            visitor,
            Shown {
                title: format!("Token “{}”", issued.token.name),
                says,
                label: "Token",
                secret: issued.secret,
                advice: "Keep it where only the program that needs it reads it, such as a file for --token-file."
                    .to_owned(),
                expires_at: rfc3339(issued.token.expires_at),
                back: "/tokens".to_owned(),
                back_to: "To the tokens",
            },
        ),
        Err(failure) => {
            let (status, typed) = kept(misnamed(failure), MAKE, fields)?;
            render(app, visitor, ListParams::default(), status, &typed).await
        }
    }
}
