//! Waivers: exceptions to single limits, who asked for them, who granted them, until when.

use crate::{
    app::App,
    authz::{Action, policy},
    core::{
        ids::WaiverId,
        page::{self, PageRequest},
        text::Paragraph,
    },
    error::{Error, InField},
    oversight::waivers::{
        Outcome, State, Waiver,
        api::{self, WaiverSummary, WaiverView},
        ops::{self, Ask},
    },
    versions::VersionRef,
    web::{
        PageError, access,
        form::{Fields, Signed},
        forms::{self, Form, Kind, Offers, Typed, day, kept, misnamed, reason},
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

const LIST: &str = "waivers";

#[derive(Template)]
#[template(path = "waivers/list.html")]
struct ListPage {
    frame: Frame,
    params: ListParams,
    problem: String,
    waivers: Vec<WaiverSummary>,
    next: Option<String>,
    forms: Vec<Form>,
}

#[derive(Template)]
#[template(path = "waivers/show.html")]
struct ShowPage {
    frame: Frame,
    waiver: WaiverView,
    forms: Vec<Form>,
    barred: Vec<String>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListParams {
    /// Empty for what is asked for or holds, `all` for the rest too.
    state: String,
    environment: String,
    cursor: Option<String>,
}

#[get("/waivers")]
pub async fn list(app: Data<App>, visitor: Visitor, params: Query<ListParams>) -> Result<HttpResponse, PageError> {
    render_list(&app, &visitor, params.into_inner(), StatusCode::OK, &Typed::default()).await
}

async fn render_list(
    app: &App,
    visitor: &Visitor,
    params: ListParams,
    status: StatusCode,
    typed: &Typed,
) -> Result<HttpResponse, PageError> {
    let request = PageRequest::parse(LIST, params.cursor.as_deref(), None).map_err(Error::from)?;
    let environment = Some(params.environment.as_str()).filter(|name| !name.is_empty());
    let (mut status, mut problem) = (status, String::new());
    let (mut waivers, mut next) = (Vec::new(), None);
    match ops::list(app, &visitor.who, params.state != "all", environment, request).await {
        Ok((page, names)) => {
            waivers = api::summaries(app, &page.items, &names).await?;
            let (state, place) = (access::encode(&params.state), access::encode(&params.environment));
            let query = format!("state={state}&environment={place}");
            next = page.next.map(|id| format!("/waivers?{query}&cursor={}", page::encode(LIST, id)));
        }
        Err(error @ Error::NotFound { .. }) => {
            (status, problem) = (StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
        }
        Err(error) => return Err(error.into()),
    }
    let mut forms = Vec::new();
    if policy::request_waiver(&visitor.who).is_ok() {
        forms.push(request_form().with(typed));
    }
    page_with(status, &ListPage { frame: Frame::new("Waivers", visitor), params, problem, waivers, next, forms })
}

fn request_form() -> Form {
    let says = "Asks the owner of one limit for an exception. It excepts nothing before it is granted, and nothing but \
        that limit as it is now.";
    Form::new("request", "/waivers", "Ask for a waiver", says, "Ask for it")
        .ask("model", "Model", Kind::Line)
        .may("version", "Version", Kind::Line)
        .hint("its number; if empty, every version, which takes two persons to grant")
        .ask("environment", "Environment", Kind::Line)
        .ask("constraint", "Limit", Kind::Line)
        .hint("the name of one limit that stops promotions there")
        .ask("reason", "Reason", Kind::Line)
        .ask("compensating_control", "What is done instead", Kind::Text)
        .ask("until", "Until the end of", Kind::Day)
        .hint("at most 90 days ahead, or fewer if the policy says so")
}

#[post("/waivers")]
pub async fn ask(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let made = async { ops::request(&app, &visitor.who, asked(&fields)?).await };
    match made.await {
        Ok(waiver) => Ok(see_other(&format!("/waivers/{}", waiver.id))),
        Err(failure) => {
            let (status, typed) = kept(misnamed(failure), "request", fields)?;
            render_list(&app, &visitor, ListParams::default(), status, &typed).await
        }
    }
}

fn asked(fields: &Fields) -> Result<Ask, Error> {
    let version = Some(fields.get("version").trim()).filter(|text| !text.is_empty());
    let control = fields.get("compensating_control");
    Ok(Ask {
        model: fields.get("model").trim().to_owned(),
        version: version.map(VersionRef::parse).transpose().in_field("version")?,
        environment: fields.get("environment").trim().to_owned(),
        constraint: fields.get("constraint").trim().to_owned(),
        reason: reason(fields)?,
        compensating_control: Paragraph::parse_required(control).in_field("compensating_control")?,
        expires_at: day(fields, "until")?,
    })
}

#[get("/waivers/{waiver}")]
pub async fn show(app: Data<App>, visitor: Visitor, id: Path<WaiverId>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, *id, StatusCode::OK, &Typed::default()).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    id: WaiverId,
    status: StatusCode,
    typed: &Typed,
) -> Result<HttpResponse, PageError> {
    let waiver = ops::find(app, &visitor.who, id).await?.waiver;
    let Offers { forms, barred } = offers(visitor, &waiver, waiver.standing(app.db.clock().now()));
    let page = ShowPage {
        frame: Frame::new("Waivers", visitor),
        waiver: api::view(app, &visitor.who, id).await?,
        forms: forms.into_iter().map(|form| form.with(typed)).collect(),
        barred,
    };
    page_with(status, &page)
}

fn offers(visitor: &Visitor, waiver: &Waiver, state: State) -> Offers {
    let who = &visitor.who;
    let at = |action: &str| format!("/waivers/{}/{action}", waiver.id);
    let mut offers = Offers::default();
    let decided = waiver.grants.iter().any(|grant| Some(grant.account) == who.id);
    if state == State::Requested && !decided {
        let says = "The registry signs it. It holds when the owner of the limit has granted it, and somebody without a \
            part in it as well if the owner had one.";
        let form = Form::new("grant", &at("decisions"), "Grant it", says, "Grant it");
        offers.add(policy::act(who, Action::WaiverGrant), form.hidden("outcome", "grant").reason());
        let says = "Ends it for good. Another one can be asked for.";
        let form = Form::new("refuse", &at("decisions"), "Refuse it", says, "Refuse it");
        offers.add(policy::act(who, Action::WaiverRefuse), form.hidden("outcome", "refuse").reason());
    }
    if matches!(state, State::Requested | State::Granted) {
        let says = "It excepts nothing any more. Open requests that rest on it end.";
        let form = Form::new("revoke", &at("revocation"), "Take it back", says, "Take it back").reason();
        offers.add(policy::revoke_waiver(who, waiver.requested_by), form);
    }
    offers
}

#[post("/waivers/{waiver}/decisions")]
pub async fn decide(app: Data<App>, sent: Signed, id: Path<WaiverId>) -> Result<HttpResponse, PageError> {
    let outcome = match sent.fields.get("outcome") {
        "grant" => Some(Outcome::Grant),
        "refuse" => Some(Outcome::Refuse),
        _ => None,
    };
    let done = async {
        let outcome = outcome.ok_or_else(|| Error::invalid("outcome", "grant or refuse it"))?;
        ops::decide(&app, &sent.visitor.who, *id, outcome, reason(&sent.fields)?).await.map(drop)
    };
    let done = done.await;
    let form = if outcome == Some(Outcome::Refuse) { "refuse" } else { "grant" };
    answer(&app, sent, *id, form, done).await
}

#[post("/waivers/{waiver}/revocation")]
pub async fn revoke(app: Data<App>, sent: Signed, id: Path<WaiverId>) -> Result<HttpResponse, PageError> {
    let done = async { ops::revoke(&app, &sent.visitor.who, *id, reason(&sent.fields)?).await.map(drop) };
    let done = done.await;
    answer(&app, sent, *id, "revoke", done).await
}

async fn answer(
    app: &App,
    sent: Signed,
    id: WaiverId,
    form: &str,
    done: Result<(), Error>,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok(()) => Ok(see_other(&format!("/waivers/{id}"))),
        Err(failure) => {
            let (status, typed) = kept(failure, form, sent.fields)?;
            render(app, &sent.visitor, id, status, &typed).await
        }
    }
}
