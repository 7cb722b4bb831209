//! What the visitor can decide, and why not the rest.

use crate::{
    authz::{Action, policy},
    promotions::{api::PromotionView, ops::Detail},
    web::visitor::Visitor,
};

/// Empty means: can.
pub struct Choices {
    pub approve: String,
    pub reject: String,
    /// What the visitor decided already: outcome and time.
    pub yours: Option<(String, String)>,
}

pub fn of(visitor: &Visitor, detail: &Detail, request: &PromotionView) -> Choices {
    let who = &visitor.who;
    // What was taken back or has expired can be given again.
    let counts = |state: &str| !matches!(state, "revoked" | "expired");
    let yours = request.approvals.iter().rev().find(|approval| approval.by == who.name && counts(&approval.state));
    let barred = |action| match policy::decide_promotion(who, action, &detail.involved) {
        Ok(_) => String::new(),
        Err(denied) => sentence(&denied.reason),
    };
    let mut choices = Choices {
        approve: barred(Action::PromotionApprove),
        reject: barred(Action::PromotionReject),
        yours: yours.map(|approval| (approval.outcome.clone(), approval.at.clone())),
    };
    if choices.approve.is_empty() && detail.promotion.stage.has_quorum() {
        choices.approve = "It has every approval that it needs.".to_owned();
    } else if choices.approve.is_empty() && yours.is_some_and(|approval| approval.outcome == "approve") {
        choices.approve = "You have approved it already; one person counts once.".to_owned();
    }
    choices
}

fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}
