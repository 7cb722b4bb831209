//! One's own account: where one is signed in, and the password.

use crate::{
    accounts::{
        passwords,
        second_factor::ops as factors,
        sessions::{api::SessionView, ops},
        single_sign_on::ops::provider_of,
    },
    app::App,
    core::ids::TokenId,
    web::{
        PageError,
        form::Signed,
        forms::{self, Form, Kind, Typed, kept},
        frame::{Frame, page_with, see_other},
        second_factor,
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

#[derive(Template)]
#[template(path = "account/show.html")]
struct AccountPage {
    frame: Frame,
    sessions: Vec<SessionView>,
    changed: bool,
    has_failed: bool,
    /// `none`, `begun` or `active`.
    factor: &'static str,
    recovery_codes_left: u64,
    /// Nothing else may be done before there is one.
    factor_is_missing: bool,
    /// Who signs the visitor in, if not a password.
    provider: Option<String>,
    forms: Vec<Form>,
}

#[derive(serde::Deserialize)]
struct Params {
    changed: Option<String>,
}

#[get("/account")]
pub async fn show(app: Data<App>, visitor: Visitor, params: Query<Params>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, StatusCode::OK, &Typed::default(), params.changed.is_some()).await
}

pub async fn render(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    typed: &Typed,
    changed: bool,
) -> Result<HttpResponse, PageError> {
    let live = ops::list(app, &visitor.who, None).await?;
    let sessions = live.into_iter().map(|session| SessionView::of(session, &visitor.who)).collect();
    let has = factors::standing(app, &visitor.who).await?;
    let provider = provider_of(app, &visitor.who).await?.map(|provider| provider.label.clone());
    // Who comes from a provider has neither a password nor a second factor here.
    let mut forms = Vec::new();
    if provider.is_none() {
        forms = second_factor::forms(&has, typed);
        forms.push(password_form().with(typed));
    }
    let page = AccountPage {
        frame: Frame::new("", visitor),
        sessions,
        changed,
        has_failed: !typed.error.is_empty(),
        factor: has.state,
        recovery_codes_left: has.recovery_codes_left,
        factor_is_missing: has.is_required,
        provider,
        forms,
    };
    page_with(status, &page)
}

fn password_form() -> Form {
    let says = "A new password ends your other sessions, unless you say otherwise. API tokens go on.";
    Form::new("password", "/account/password", "Change your password", says, "Change it")
        .ask("current_password", "The password that you have", Kind::Password("current-password"))
        .ask("new_password", "The new one", Kind::Password("new-password"))
        .hint("At least 15 characters of any kind. A few words that do not belong together make a good one.")
        .ask("others", "Your other sessions", Kind::of(&["end", "go_on"]))
}

#[post("/account/password")]
pub async fn change_password(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let (current, new) = (fields.get("current_password"), fields.get("new_password"));
    let keep = fields.get("others") == "go_on";
    match passwords::ops::change(&app, &visitor.who, current, new, keep).await {
        Ok(_) => Ok(see_other("/account?changed=1#password-section")),
        Err(failure) => {
            let (status, typed) = kept(failure, "password", fields)?;
            render(&app, &visitor, status, &typed, false).await
        }
    }
}

#[post("/account/sessions/{session}/end")]
pub async fn end_session(app: Data<App>, sent: Signed, id: Path<TokenId>) -> Result<HttpResponse, PageError> {
    ops::end(&app, &sent.visitor.who, *id).await?;
    Ok(see_other("/account#sessions"))
}

#[post("/account/sessions/end-others")]
pub async fn end_others(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    ops::end_others(&app, &sent.visitor.who).await?;
    Ok(see_other("/account#sessions"))
}
