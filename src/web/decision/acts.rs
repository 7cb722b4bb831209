//! What is done from the decision page: deciding, taking back, withdrawing, activating, saying something.

use super::render;
use crate::{
    app::App,
    authz::Action,
    core::{
        digest::Digest,
        ids::PromotionId,
        text::{Line, Paragraph},
    },
    error::{Error, InField},
    promotions::{
        Stage,
        api::PromotionView,
        comments, decision,
        ops::{self, Detail},
        said::Said,
    },
    releases::activation,
    web::{
        PageError,
        form::{Fields, Signed},
        forms::{Form, kept},
        frame::see_other,
        visitor::Visitor,
    },
};
use actix_web::{
    HttpResponse, post,
    web::{Data, Path},
};

/// The actions beside a decision that the visitor may take as things stand.
pub fn offered(visitor: &Visitor, detail: &Detail, request: &PromotionView) -> Vec<Form> {
    let who = &visitor.who;
    let allowed = |action: &str| request.allowed.iter().any(|allowed| allowed == action);
    let at = |action: &str| format!("/promotions/{}/{action}", request.id);
    let mut forms = Vec::new();
    let stands = |state: &str, outcome: &str| state == "active" && outcome == "approve";
    let approved = request.approvals.iter().any(|a| a.by == who.name && stands(&a.state, &a.outcome));
    if allowed("unapprove") && approved && who.may(Action::PromotionUnapprove) {
        let says = "Your approval no longer counts. The request waits again if it is short of a seat then.";
        forms.push(Form::new("unapprove", &at("unapproval"), "Take your approval back", says, "Take it back").reason());
    }
    if allowed("withdraw") && who.id == Some(detail.promotion.requested_by) && who.may(Action::PromotionWithdraw) {
        let says = "Ends the request for good, with the approvals that it has. You can ask again.";
        forms.push(Form::new("withdraw", &at("withdrawal"), "Withdraw your request", says, "Withdraw the request"));
    }
    // What held it may be over before anybody has written that down.
    let full = allowed("activate") || request.state == Stage::Held.name();
    if full && request.holds.is_empty() && who.may(Action::PromotionActivate) {
        let says = "Every check is made again; then it runs from that moment on in place of what is active.";
        forms.push(Form::new("activate", &at("activation"), "Make it active", says, "Activate it now").open());
    }
    forms
}

#[post("/promotions/{promotion}")]
pub async fn decide(app: Data<App>, sent: Signed, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    match take(&app, &visitor, *id, &fields).await {
        Ok(()) => Ok(see_other(&format!("/promotions/{}/receipt", *id))),
        failed => answer(&app, &visitor, *id, ("decision", fields), failed).await,
    }
}

#[post("/promotions/{promotion}/comments")]
pub async fn say(app: Data<App>, sent: Signed, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let done = async {
        let body = Paragraph::parse_required(fields.get("comment")).in_field("comment")?;
        comments::ops::comment(&app, &visitor.who, *id, body).await.map(drop)
    };
    let done = done.await;
    answer(&app, &visitor, *id, ("comments", fields), done).await
}

#[post("/promotions/{promotion}/unapproval")]
pub async fn unapprove(app: Data<App>, sent: Signed, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let done = async {
        let reason = Line::parse_required(fields.get("reason")).in_field("reason")?;
        decision::unapprove(&app, &visitor.who, *id, reason).await.map(drop)
    };
    let done = done.await;
    answer(&app, &visitor, *id, ("unapprove", fields), done).await
}

#[post("/promotions/{promotion}/withdrawal")]
pub async fn withdraw(app: Data<App>, sent: Signed, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let done = ops::withdraw(&app, &visitor.who, *id).await.map(drop);
    answer(&app, &visitor, *id, ("withdraw", fields), done).await
}

#[post("/promotions/{promotion}/activation")]
pub async fn activate(app: Data<App>, sent: Signed, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let done = activation::activate(&app, &visitor.who, *id).await.map(drop);
    answer(&app, &visitor, *id, ("activate", fields), done).await
}

/// The page as it is then, or again with what was typed.
pub(super) async fn answer(
    app: &App,
    visitor: &Visitor,
    id: PromotionId,
    (form, fields): (&'static str, Fields),
    done: Result<(), Error>,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok(()) => Ok(see_other(&format!("/promotions/{id}#{}", if form == "comments" { form } else { "decision" }))),
        Err(failure) => {
            let (status, typed) = kept(failure, form, fields)?;
            render(app, visitor, id, status, typed).await
        }
    }
}

async fn take(app: &App, visitor: &Visitor, id: PromotionId, fields: &Fields) -> Result<(), Error> {
    let (seen, said) = said(fields)?;
    ops::decide(app, &visitor.who, id, &seen, said).await?;
    Ok(())
}

/// What a decision form says. The same rules as the API's: the digest that was shown, an outcome, a reason to reject.
pub(super) fn said(fields: &Fields) -> Result<(Digest, Said), Error> {
    let seen = Digest::parse(fields.get("decision_digest")).in_field("decision digest")?;
    let outcome = fields.get("outcome");
    if !["approve", "reject"].contains(&outcome) {
        return Err(Error::invalid("decision", "choose one"));
    }
    // One condition per line, and none with a rejection, whatever was typed.
    let lines = fields.get("conditions").lines().map(str::trim).filter(|line| !line.is_empty() && outcome == "approve");
    let conditions: Vec<String> = lines.map(str::to_owned).collect();
    let said = Said::parse(outcome, fields.get("reason"), &conditions, Some(fields.get("on_behalf_of")))?;
    Ok((seen, said))
}
