//! Emergencies: what became active without approvals, and who looks at it afterwards.

use crate::{
    app::App,
    authz::{Action, Persons, policy},
    constraints::words::Words,
    core::{
        ids::BreakGlassId,
        page::{self, PageRequest},
        text::Paragraph,
    },
    error::{Error, InField},
    oversight::break_glass::{
        BreakGlass, Outcome, State,
        api::{self, BreakGlassView},
        ops::{self, Call},
    },
    versions::VersionRef,
    web::{
        PageError, break_glass,
        form::{Fields, Signed},
        forms::{self, Form, Kind, Offers, Typed, kept, misnamed, reason},
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

const LIST: &str = "break-glass";

#[derive(Template)]
#[template(path = "break_glass/list.html")]
struct ListPage {
    frame: Frame,
    unreviewed: bool,
    emergencies: Vec<BreakGlassView>,
    next: Option<String>,
    forms: Vec<Form>,
}

#[derive(Template)]
#[template(path = "break_glass/show.html")]
struct ShowPage {
    frame: Frame,
    broken: BreakGlassView,
    forms: Vec<Form>,
    barred: Vec<String>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListParams {
    /// `yes`, or empty.
    unreviewed: String,
    cursor: Option<String>,
}

/// The colour family of a state: what ended still waits for somebody's review.
pub fn tone(state: &str) -> &'static str {
    match state {
        "active" | "unjustified" => "bad",
        "proposed" | "closed" => "mind",
        "justified" => "good",
        _ => "quiet",
    }
}

/// A state as a word: what is closed is to be reviewed.
pub fn spoken(state: &str) -> &str {
    if state == "closed" { "over, to be reviewed" } else { state }
}

#[get("/break-glass")]
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
    let unreviewed = params.unreviewed == "yes";
    let (found, names) = ops::list(app, &visitor.who, unreviewed, request).await?;
    let next = found.next.map(|id| {
        let kept = if unreviewed { "unreviewed=yes&" } else { "" };
        format!("/break-glass?{kept}cursor={}", page::encode(LIST, id))
    });
    let emergencies = api::views(app, found.items, &names).await?;
    let mut forms = Vec::new();
    if visitor.who.may(Action::BreakGlassInvoke) {
        forms.push(call_form().with(typed));
    }
    let frame = Frame::new("Emergencies", visitor);
    page_with(status, &ListPage { frame, unreviewed, emergencies, next, forms })
}

fn call_form() -> Form {
    let says = "One version becomes active in one environment at once, without approvals, if the policy there lets you. \
        It is written down and reviewed by somebody else. It never lets a revoked or unsigned version out.";
    Form::new("invoke", "/break-glass", "Break the glass", says, "Make it active at once")
        .ask("model", "Model", Kind::Line)
        .ask("version", "Version", Kind::Line)
        .ask("environment", "Environment", Kind::Line)
        .ask("hours", "For how many hours", Kind::Number)
        .hint("1 to 24, or fewer if the policy says so; then nothing is active until somebody decides")
        .ask("justification", "Justification", Kind::Text)
}

#[post("/break-glass")]
pub async fn invoke(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let made = async { ops::invoke(&app, &visitor.who, called(&fields)?).await };
    match made.await {
        Ok(broken) => Ok(see_other(&format!("/break-glass/{}", broken.id))),
        Err(failure) => {
            let (status, typed) = kept(misnamed(failure), "invoke", fields)?;
            render_list(&app, &visitor, ListParams::default(), status, &typed).await
        }
    }
}

fn called(fields: &Fields) -> Result<Call, Error> {
    let hours = fields.get("hours").trim().parse().map_err(|_| Error::invalid("hours", "use a number from 1 to 24"))?;
    Ok(Call {
        model: fields.get("model").trim().to_owned(),
        version: VersionRef::parse(fields.get("version").trim()).in_field("version")?,
        environment: fields.get("environment").trim().to_owned(),
        justification: Paragraph::parse_required(fields.get("justification")).in_field("justification")?,
        hours,
    })
}

#[get("/break-glass/{break_glass}")]
pub async fn show(app: Data<App>, visitor: Visitor, id: Path<BreakGlassId>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, *id, StatusCode::OK, &Typed::default()).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    id: BreakGlassId,
    status: StatusCode,
    typed: &Typed,
) -> Result<HttpResponse, PageError> {
    let broken = ops::find(app, &visitor.who, id).await?.broken;
    let Offers { forms, barred } = offers(visitor, &broken, broken.standing(app.db.clock().now()));
    let page = ShowPage {
        frame: Frame::new("Emergencies", visitor),
        broken: api::view(app, &visitor.who, id).await?,
        forms: forms.into_iter().map(|form| form.with(typed)).collect(),
        barred,
    };
    page_with(status, &page)
}

/// Whether two accounts are of one person is asked when the form is sent.
fn offers(visitor: &Visitor, broken: &BreakGlass, state: State) -> Offers {
    let who = &visitor.who;
    let at = |action: &str| format!("/break-glass/{}/{action}", broken.id);
    let nobody = Persons::default();
    let mut offers = Offers::default();
    if state == State::Proposed && who.id != Some(broken.invoked_by) {
        let says = "You are the second person: the version becomes active at once, for the hours that are asked for.";
        let form = Form::new("confirm", &at("confirmation"), "Confirm it", says, "Confirm it");
        offers.add(policy::act(who, Action::BreakGlassConfirm), form);
    }
    if matches!(state, State::Proposed | State::Active) {
        let says = "Its release ends at once. Nothing is active then until somebody rolls back or promotes.";
        let form = Form::new("close", &at("closure"), "End it now", says, "End it").reason();
        offers.add(policy::close_break_glass(who), form);
    }
    if state == State::Closed {
        let says = "Justified closes its finding; unjustified leaves it and opens another. It is final.";
        let form = Form::new("review", &at("review"), "Review it", says, "Record the review");
        let form = form.ask("outcome", "It was", Kind::pick(&["justified", "unjustified"])).reason();
        offers.add(policy::review_break_glass(who, broken.invoked_by, broken.second_by, &nobody), form);
    }
    offers
}

#[post("/break-glass/{break_glass}/confirmation")]
pub async fn confirm(app: Data<App>, sent: Signed, id: Path<BreakGlassId>) -> Result<HttpResponse, PageError> {
    let done = ops::confirm(&app, &sent.visitor.who, *id).await.map(drop);
    answer(&app, sent, *id, "confirm", done).await
}

#[post("/break-glass/{break_glass}/closure")]
pub async fn close(app: Data<App>, sent: Signed, id: Path<BreakGlassId>) -> Result<HttpResponse, PageError> {
    let done = async { ops::close(&app, &sent.visitor.who, *id, reason(&sent.fields)?).await.map(drop) };
    let done = done.await;
    answer(&app, sent, *id, "close", done).await
}

#[post("/break-glass/{break_glass}/review")]
pub async fn review(app: Data<App>, sent: Signed, id: Path<BreakGlassId>) -> Result<HttpResponse, PageError> {
    let done = async {
        let outcome = Outcome::from_word(sent.fields.get("outcome"));
        let outcome = outcome.ok_or_else(|| Error::invalid("outcome", format!("use one of {}", Outcome::listed())))?;
        ops::review(&app, &sent.visitor.who, *id, outcome, reason(&sent.fields)?).await.map(drop)
    };
    let done = done.await;
    answer(&app, sent, *id, "review", done).await
}

async fn answer(
    app: &App,
    sent: Signed,
    id: BreakGlassId,
    form: &str,
    done: Result<(), Error>,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok(()) => Ok(see_other(&format!("/break-glass/{id}"))),
        Err(failure) => {
            let (status, typed) = kept(failure, form, sent.fields)?;
            render(app, &sent.visitor, id, status, &typed).await
        }
    }
}
