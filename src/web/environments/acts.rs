//! What is done to what runs in an environment: leaving more or less to people, taking down, bringing
//! back, rolling back and trying that, and saying whether a rollback was right.

use super::render;
use crate::{
    app::App,
    authz::Action,
    core::{ids::ReleaseId, text::Paragraph},
    environments::profile::OperatingMode,
    error::{Error, InField},
    promotions,
    releases::{
        Kind as ReleaseKind, Release, State,
        board::Posted,
        rehearsals,
        reviews::{self, Outcome},
        rollback, suspension,
    },
    versions::VersionRef,
    web::{
        PageError,
        form::{Fields, Signed},
        forms::{Form, Kind, kept, reason},
        frame::see_other,
        visitor::Visitor,
    },
};
use actix_web::{
    HttpResponse, post,
    web::{Data, Path},
};

/// What the visitor may do with what is active, or suspended, of a model.
pub fn of_model(visitor: &Visitor, place: &str, posted: &Posted, ceiling: Option<OperatingMode>) -> Vec<Form> {
    let (who, model, release) = (&visitor.who, posted.model.as_str(), &posted.release);
    let form = |action: &str, title: &str, says: &'static str, button: &'static str| {
        let address = format!("/environments/{place}/models/{model}/{action}");
        Form::new(&id(action, model), &address, title, says, button)
    };
    let mut forms = Vec::new();
    let is_suspended = release.state == State::Suspended;
    let is_emergency = release.kind == ReleaseKind::BreakGlass;
    let mode = release.mode.or(ceiling).unwrap_or(OperatingMode::Automated);
    let lower: Vec<_> = OperatingMode::ALL.into_iter().filter(|lower| *lower < mode).map(OperatingMode::name).collect();
    if !is_suspended && !is_emergency && !lower.is_empty() && who.may(Action::ReleaseLowerMode) {
        let says = "From that moment on it leaves more to people. Needs nobody's approval.";
        let form = form("mode", &format!("Let {model} do less by itself"), says, "Lower the mode");
        forms.push(form.ask("mode", "Mode", Kind::of(&lower)).reason());
    }
    let higher = mode.one_up().min(ceiling.unwrap_or(mode));
    if !is_suspended && !is_emergency && mode < higher && who.may(Action::PromotionRequest) {
        let says =
            "Asks for the version that runs, one step up. It is a request like any other, with its own approvals.";
        let form = form("raise", &format!("Ask for {model} to do more by itself"), says, "Ask for it");
        forms.push(form.ask("mode", "Mode", Kind::of(&[higher.name()])).may(
            "comment",
            "For those who decide",
            Kind::Text,
        ));
    }
    if !is_suspended && who.may(Action::ReleaseSuspend) {
        let says = "It leaves through the gate no more, downloads under way included. Nothing takes its place.";
        let form = form("suspension", &format!("Take {model} down"), says, "Suspend it");
        forms.push(form.reason());
    }
    if is_suspended && !is_emergency && who.may(Action::ReleaseResume) {
        let says = "The same version is active again, if it is fit to leave.";
        let form = form("resumption", &format!("Bring {model} back"), says, "Resume it");
        forms.push(form.reason());
    }
    if who.may(Action::ReleaseRollBack) {
        let says = "An earlier release becomes active again at once, also in a freeze. Somebody else reviews it within \
            seven days.";
        let mut form = form("rollbacks", &format!("Roll {model} back"), says, "See what it would do");
        form.address.push_str("/plan");
        let form = form.may("to", "To version", Kind::Line).hint("its number; if empty, the last good one");
        forms.push(form.reason());
    }
    if who.may(Action::ReleaseRehearse) {
        let says = "Changes nothing: every byte is read again, the signature verified, the model loaded and called.";
        let form = form("rehearsals", &format!("Try a rollback of {model}"), says, "Rehearse it");
        forms.push(form.may("to", "To version", Kind::Line).hint("its number; if empty, the last good one"));
    }
    forms
}

/// The review of a rollback, for those who may and did not do it.
pub fn of_review(visitor: &Visitor, place: &str, release: &Release) -> Vec<Form> {
    let who = &visitor.who;
    if !who.may(Action::ReleaseReview) || who.id == Some(release.activated_by) {
        return Vec::new();
    }
    let address = format!("/environments/{place}/releases/{}/review", release.id);
    let says = "Was it right? It is kept, and final.";
    let form = Form::new(&id("review", &release.id.to_string()), &address, "Review it", says, "Record the review");
    vec![form.ask("outcome", "It was", Kind::pick(&["justified", "unjustified"])).reason()]
}

pub(super) fn id(action: &str, of: &str) -> String {
    format!("{action}-{of}")
}

/// Environment and model.
pub(super) type Of = Path<(String, String)>;

#[post("/environments/{environment}/models/{model}/mode")]
pub async fn lower_mode(app: Data<App>, sent: Signed, of: Of) -> Result<HttpResponse, PageError> {
    let (place, model) = of.into_inner();
    let done = async {
        let mode = OperatingMode::parse(sent.fields.get("mode")).in_field("mode")?;
        suspension::lower_mode(&app, &sent.visitor.who, &place, &model, mode, reason(&sent.fields)?).await.map(drop)
    };
    let done = done.await;
    answer(&app, sent, &place, &id("mode", &model), done).await
}

#[post("/environments/{environment}/models/{model}/raise")]
pub async fn raise_mode(app: Data<App>, sent: Signed, of: Of) -> Result<HttpResponse, PageError> {
    let (place, model) = of.into_inner();
    let asked = async {
        let mode = OperatingMode::parse(sent.fields.get("mode")).in_field("mode")?;
        let comment = Paragraph::parse(sent.fields.get("comment")).in_field("comment")?;
        let active = super::active_version(&app, &sent.visitor, &place, &model).await?;
        let version = VersionRef::Number(active);
        promotions::ops::request(&app, &sent.visitor.who, &model, &version, &place, Some(mode), comment).await
    };
    match asked.await {
        Ok(request) => Ok(see_other(&format!("/promotions/{}", request.id))),
        Err(failure) => answer(&app, sent, &place, &id("raise", &model), Err(failure)).await,
    }
}

#[post("/environments/{environment}/models/{model}/suspension")]
pub async fn suspend(app: Data<App>, sent: Signed, of: Of) -> Result<HttpResponse, PageError> {
    let (place, model) = of.into_inner();
    let done =
        async { suspension::suspend(&app, &sent.visitor.who, &place, &model, reason(&sent.fields)?).await.map(drop) };
    let done = done.await;
    answer(&app, sent, &place, &id("suspension", &model), done).await
}

#[post("/environments/{environment}/models/{model}/resumption")]
pub async fn resume(app: Data<App>, sent: Signed, of: Of) -> Result<HttpResponse, PageError> {
    let (place, model) = of.into_inner();
    let done =
        async { suspension::resume(&app, &sent.visitor.who, &place, &model, reason(&sent.fields)?).await.map(drop) };
    let done = done.await;
    answer(&app, sent, &place, &id("resumption", &model), done).await
}

#[post("/environments/{environment}/models/{model}/rollbacks")]
pub async fn roll_back(app: Data<App>, sent: Signed, of: Of) -> Result<HttpResponse, PageError> {
    let (place, model) = of.into_inner();
    let done = async {
        let to = target(&sent.fields)?;
        let why = reason(&sent.fields)?;
        rollback::roll_back(&app, &sent.visitor.who, &place, &model, to.as_ref(), why).await.map(drop)
    };
    let done = done.await;
    answer(&app, sent, &place, &id("rollbacks", &model), done).await
}

#[post("/environments/{environment}/models/{model}/rehearsals")]
pub async fn rehearse(app: Data<App>, sent: Signed, of: Of) -> Result<HttpResponse, PageError> {
    let (place, model) = of.into_inner();
    let done = async {
        let to = target(&sent.fields)?;
        rehearsals::request(&app, &sent.visitor.who, &place, &model, to.as_ref()).await.map(drop)
    };
    let done = done.await;
    answer(&app, sent, &place, &id("rehearsals", &model), done).await
}

#[post("/environments/{environment}/releases/{release}/review")]
pub async fn review_rollback(
    app: Data<App>,
    sent: Signed,
    of: Path<(String, ReleaseId)>,
) -> Result<HttpResponse, PageError> {
    let (place, release) = of.into_inner();
    let done = async {
        let outcome = Outcome::parse(sent.fields.get("outcome"))?;
        reviews::review(&app, &sent.visitor.who, release, outcome, reason(&sent.fields)?).await.map(drop)
    };
    let done = done.await;
    answer(&app, sent, &place, &id("review", &release.to_string()), done).await
}

pub(super) fn target(fields: &Fields) -> Result<Option<VersionRef>, Error> {
    let to = Some(fields.get("to").trim()).filter(|to| !to.is_empty());
    to.map(VersionRef::parse).transpose().in_field("to")
}

/// The environment as it is then, or again with what was typed.
pub(super) async fn answer(
    app: &App,
    sent: Signed,
    place: &str,
    form: &str,
    done: Result<(), Error>,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok(()) => Ok(see_other(&format!("/environments/{place}"))),
        Err(failure) => {
            let (status, typed) = kept(failure, form, sent.fields)?;
            render(app, &sent.visitor, (place, None), status, &typed).await
        }
    }
}
