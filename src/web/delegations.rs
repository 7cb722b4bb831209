//! Delegations: who decides in whose stead, and since when not any more.

use crate::{
    accounts::people::{
        api::{self, DelegationView},
        ops,
    },
    app::App,
    authz::{Action, policy},
    core::{
        ids::DelegationId,
        page::{self, PageRequest},
    },
    error::Error,
    web::{
        PageError,
        form::Signed,
        forms::{self, Form, Kind, Typed, day, kept},
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

const LIST: &str = "delegations";

#[derive(Template)]
#[template(path = "delegations/list.html")]
struct ListPage {
    frame: Frame,
    /// Each with whether the visitor may end it.
    delegations: Vec<(DelegationView, bool)>,
    next: Option<String>,
    forms: Vec<Form>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListParams {
    cursor: Option<String>,
}

#[get("/delegations")]
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
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), None).map_err(Error::from)?;
    let found = ops::list(app, &visitor.who, request).await?;
    let next = found.next.map(|id| format!("/delegations?cursor={}", page::encode(LIST, id)));
    let now = app.db.clock().now();
    let ends = |state: &str| matches!(state, "upcoming" | "in_force");
    let may: Vec<_> = found
        .items
        .iter()
        .map(|d| ends(d.state(now)) && policy::revoke_delegation(&visitor.who, d.from, d.to).is_ok())
        .collect();
    let delegations = api::views(app, &found.items).await?.into_iter().zip(may).collect();
    let mut forms = Vec::new();
    if policy::delegate(&visitor.who).is_ok() && visitor.who.may(Action::DelegationCreate) {
        forms.push(delegate_form().with(typed));
    }
    page_with(status, &ListPage { frame: Frame::new("Delegations", visitor), delegations, next, forms })
}

fn delegate_form() -> Form {
    let says = "Somebody who holds one of your deciding roles decides in your stead. It gives them no role; you and they \
        fill one seat between you, and what one of you had a part in, neither decides on.";
    Form::new("delegate", "/delegations", "Have somebody decide in your stead", says, "Delegate")
        .ask("to", "To", Kind::Line)
        .hint("an account's name")
        .ask("until", "Until the end of", Kind::Day)
}

#[post("/delegations")]
pub async fn delegate(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let made = async {
        let until = day(&fields, "until")?;
        ops::delegate(&app, &visitor.who, fields.get("to").trim(), None, until).await
    };
    match made.await {
        Ok(_) => Ok(see_other("/delegations")),
        Err(failure) => {
            let (status, typed) = kept(failure, "delegate", fields)?;
            render(&app, &visitor, ListParams::default(), status, &typed).await
        }
    }
}

#[post("/delegations/{delegation}/revocation")]
pub async fn revoke(app: Data<App>, sent: Signed, id: Path<DelegationId>) -> Result<HttpResponse, PageError> {
    ops::revoke(&app, &sent.visitor.who, *id).await?;
    Ok(see_other("/delegations"))
}
