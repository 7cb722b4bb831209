//! The last look before a decision is signed: exactly what is signed, as things stand now, and the password.

use super::{
    acts,
    attention::{self, Attention},
    bound, choices, findings,
    readiness::Readiness,
    replaced,
};
use crate::{
    app::App,
    authz::{Action, SecondFactor, policy},
    core::ids::PromotionId,
    error::Error,
    promotions::{
        api::{self, PromotionView},
        known, ops,
    },
    web::{
        PageError,
        form::{Fields, Signed},
        frame::{Frame, page},
        proof,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, post,
    web::{Data, Path},
};
use askama::Template;

#[derive(Template)]
#[template(path = "promotions/check.html")]
struct CheckPage {
    frame: Frame,
    request: PromotionView,
    /// `Approve` or `Reject`.
    verb: &'static str,
    replaces: Option<(i64, String)>,
    attention: Vec<Attention>,
    /// How many limits passed, failed and so on.
    verdicts: String,
    bound: Vec<(String, String)>,
    reason: String,
    conditions: Vec<String>,
    on_behalf_of: String,
    /// A code is asked for as well.
    has_factor: bool,
    /// Goes on as it was typed.
    typed: Fields,
}

/// Nothing is stored here: the form goes on to [`acts::decide`], which asks everything again.
#[post("/promotions/{promotion}/check")]
pub async fn check(app: Data<App>, sent: Signed, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    match look(&app, &visitor, *id, &fields).await {
        Ok(shown) => page(&shown),
        Err(failure) => acts::answer(&app, &visitor, *id, ("decision", fields), Err(failure)).await,
    }
}

async fn look(app: &App, visitor: &Visitor, id: PromotionId, fields: &Fields) -> Result<CheckPage, Error> {
    let (seen, said) = acts::said(fields)?;
    let detail = ops::find(app, &visitor.who, id).await?;
    let request = api::view(app, &visitor.who, id).await?;
    let (action, verb) = match fields.get("outcome") {
        "approve" => (Action::PromotionApprove, "Approve"),
        _ => (Action::PromotionReject, "Reject"),
    };
    policy::decide_promotion(&visitor.who, action, &detail.involved).map(drop)?;
    if !detail.promotion.stage.is_open() {
        let text = format!("the request is {} and takes no decision", words::spoken(&request.state));
        return Err(Error::conflict("promotion_state", text));
    }
    let choices = choices::of(visitor, &detail, &request);
    if action == Action::PromotionApprove && !choices.approve.is_empty() {
        return Err(Error::conflict("promotion_state", choices.approve));
    }
    if seen.to_string() != request.decision_digest {
        return Err(known::unseen(&detail.promotion, &detail.assessment));
    }
    let (_, found) = findings(app, visitor, &detail).await?;
    let readiness = Readiness::of(app, &visitor.who, &detail).await?;
    Ok(CheckPage {
        frame: Frame::new("Requests", visitor),
        verb,
        replaces: replaced(app, visitor, &detail).await?,
        attention: attention::of(&detail, &found, &readiness),
        verdicts: found.summary,
        bound: bound::rest(&request),
        reason: fields.get("reason").trim().to_owned(),
        conditions: said.conditions.iter().map(ToString::to_string).collect(),
        on_behalf_of: fields.get("on_behalf_of").to_owned(),
        has_factor: visitor.who.second_factor == SecondFactor::Active,
        typed: fields.clone(),
        request,
    })
}
