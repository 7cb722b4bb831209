//! What a decision left behind: its reference, its place in the log, and what happens next.

use crate::{
    app::App,
    audit::search::{Order, ops as search},
    authz::Action,
    core::{ids::PromotionId, page::PageRequest},
    error::Error,
    promotions::{
        Stage,
        api::{self, ApprovalView, PromotionView},
    },
    web::{
        PageError,
        frame::{Frame, page},
        queue,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::header,
    web::{Data, Path},
};
use askama::Template;

#[derive(Template)]
#[template(path = "promotions/receipt.html")]
struct ReceiptPage {
    frame: Frame,
    request: PromotionView,
    decision: ApprovalView,
    record: Reference,
    /// What happens now, in a sentence.
    next: String,
    /// Id and title of the next request that the visitor could decide on.
    waiting: Option<(String, String)>,
}

/// Where the log has it.
enum Reference {
    At(u64),
    /// Written down; its place in the tree comes within moments.
    Placing,
    /// The visitor does not read the log.
    Unseen,
}

#[get("/promotions/{promotion}/receipt")]
pub async fn show(app: Data<App>, visitor: Visitor, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let request = api::view(&app, &visitor.who, *id).await?;
    let decision = own(&request, &visitor)?;
    let waiting = queue::oldest_first(&app, &visitor.who, None).await?;
    let waiting = waiting.rows.into_iter().find(|row| row.id != request.id.to_string() && row.conflicts.is_empty());
    page(&ReceiptPage {
        record: reference(&app, &visitor, &request, &decision).await?,
        next: next(&request, &decision),
        waiting: waiting.map(|row| (row.id, format!("{} version {} to {}", row.model, row.version, row.environment))),
        frame: Frame::new("Requests", &visitor),
        request,
        decision,
    })
}

/// The statement that the registry signed.
#[get("/promotions/{promotion}/receipt/statement")]
pub async fn statement(app: Data<App>, visitor: Visitor, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let request = api::view(&app, &visitor.who, *id).await?;
    let decision = own(&request, &visitor)?;
    let name = format!("attachment; filename=\"decision-{}.sigstore.json\"", request.id);
    let mut answer = HttpResponse::Ok();
    Ok(answer.insert_header((header::CONTENT_DISPOSITION, name)).json(decision.statement))
}

/// The last decision of the visitor.
fn own(request: &PromotionView, visitor: &Visitor) -> Result<ApprovalView, Error> {
    let own = request.approvals.iter().rev().find(|decision| decision.by == visitor.who.name);
    own.cloned().ok_or(Error::not_found("decision of yours on this request"))
}

async fn reference(
    app: &App,
    visitor: &Visitor,
    request: &PromotionView,
    decision: &ApprovalView,
) -> Result<Reference, Error> {
    if !visitor.who.may(Action::AuditRead) {
        return Ok(Reference::Unseen);
    }
    let question = search::Question {
        actor: visitor.who.id.map(|id| id.to_string()),
        action: Some(format!("promotion.{}", decision.outcome)),
        mentions: Some(request.id.to_string()),
        outcome: Some("done".to_owned()),
        ..search::Question::default()
    };
    let found = search::search(app, &visitor.who, &question, Order::Newest, PageRequest::first(1)).await?;
    Ok(match found.items.first().and_then(|record| record.entry.index) {
        Some(index) => Reference::At(index.unsigned_abs()),
        None => Reference::Placing,
    })
}

fn next(request: &PromotionView, decision: &ApprovalView) -> String {
    let missing = request.seats.len().saturating_sub(request.seats_filled);
    let said = |state: Stage| state.name() == request.state;
    if decision.outcome == "reject" {
        "The request has ended. What was active stays as it is; whoever asked can ask again.".to_owned()
    } else if said(Stage::Activated) {
        "It is active.".to_owned()
    } else if !request.holds.is_empty() {
        let holds: Vec<_> = request.holds.iter().map(|hold| hold.detail.as_str()).collect();
        format!("It has every approval that it needs and is held: {}.", holds.join("; "))
    } else if missing == 0 {
        "It has every approval that it needs. Whoever manages the environment can make it active now.".to_owned()
    } else {
        let more = if missing == 1 { "One more approval is" } else { "More approvals are" };
        format!("{more} needed: {} of {} are there.", request.seats_filled, request.seats.len())
    }
}
