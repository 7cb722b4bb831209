//! The decision page: the question, what speaks against it, the evidence, and last the form.

mod acts;
mod attention;
mod bound;
mod choices;
pub mod readiness;
pub mod receipt;
mod signing;

pub use acts::{activate, decide, say, unapprove, withdraw};
pub use signing::check;

use self::{
    attention::Attention,
    bound::{FindingRow, WaiverRow},
    choices::Choices,
    readiness::Readiness,
};
use crate::{
    accounts,
    app::App,
    authz::Action,
    core::{
        ids::PromotionId,
        page::{MAX_LIMIT, PageRequest},
    },
    error::Error,
    oversight::{
        board::{self as oversight_board, Place},
        break_glass::api::{self as break_glass, BreakGlassView},
    },
    promotions::{
        api::{self, ApprovalView, PromotionView},
        comments::{self, api::CommentView},
        ops::{self, Detail},
    },
    releases::board,
    validation,
    versions::{Signature, api::AttestationView},
    web::{
        PageError,
        forms::{self, Form, Typed},
        frame::{Frame, page_with},
        measured::Findings,
        reported::ReportedList,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

#[derive(Template)]
#[template(path = "promotions/show.html")]
struct DecisionPage {
    frame: Frame,
    request: PromotionView,
    open: bool,
    /// Version and since when, of what it would replace.
    replaces: Option<(i64, String)>,
    attention: Vec<Attention>,
    run_state: String,
    found: Findings,
    reported: ReportedList,
    provenance: Vec<(&'static str, String)>,
    attestations: Vec<AttestationView>,
    /// Name and value of what the digest is over beside findings and waivers.
    bound: Vec<(String, String)>,
    known: Vec<FindingRow>,
    excepted: Vec<WaiverRow>,
    /// Emergency activations of this version here, this request's own among them.
    emergencies: Vec<BreakGlassView>,
    readiness: Readiness,
    choices: Choices,
    /// Whether the policy lets an approval have conditions.
    conditions_allowed: bool,
    comments: Vec<CommentView>,
    /// There are more than are shown.
    more_comments: bool,
    may_comment: bool,
    /// What else can be done with it.
    forms: Vec<Form>,
    typed: Typed,
}

impl DecisionPage {
    /// How a decision that was given counts now; nothing for one that does.
    fn standing(approval: &ApprovalView) -> &str {
        if approval.state == "active" { "" } else { &approval.state }
    }
}

#[get("/promotions/{promotion}")]
pub async fn show(app: Data<App>, visitor: Visitor, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, *id, StatusCode::OK, Typed::default()).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    id: PromotionId,
    status: StatusCode,
    typed: Typed,
) -> Result<HttpResponse, PageError> {
    let detail = ops::find(app, &visitor.who, id).await?;
    let request = api::view(app, &visitor.who, id).await?;
    let (run_state, found) = findings(app, visitor, &detail).await?;
    let said = comments::api::shown(app, &visitor.who, id, PageRequest::first(MAX_LIMIT)).await?;
    let readiness = Readiness::of(app, &visitor.who, &detail).await?;
    let page = DecisionPage {
        frame: Frame::new("Requests", visitor),
        open: detail.promotion.stage.is_open(),
        replaces: replaced(app, visitor, &detail).await?,
        attention: attention::of(&detail, &found, &readiness),
        run_state,
        found,
        reported: ReportedList::of(app, &visitor.who, detail.facts.version.id).await?,
        provenance: provenance(app, &detail).await?,
        attestations: detail.facts.attestations.iter().cloned().map(AttestationView::from).collect(),
        bound: bound::rest(&request),
        known: bound::findings(&detail, &request),
        excepted: bound::waivers(&detail, &request),
        emergencies: emergencies(app, visitor, &detail).await?,
        readiness,
        choices: choices::of(visitor, &detail, &request),
        conditions_allowed: detail.assessment.asked.as_ref().is_some_and(|asked| asked.conditions_allowed),
        more_comments: said.next_cursor.is_some(),
        comments: said.items,
        may_comment: visitor.who.may(Action::PromotionComment),
        forms: acts::offered(visitor, &detail, &request).into_iter().map(|form| form.with(&typed)).collect(),
        request,
        typed,
    };
    page_with(status, &page)
}

/// The run that the request rests on, even if there is a later one.
async fn findings(app: &App, visitor: &Visitor, detail: &Detail) -> Result<(String, Findings), Error> {
    let Some(id) = detail.promotion.run else { return Ok((String::new(), Findings::default())) };
    if !visitor.who.may(Action::RunRead) {
        return Ok((String::new(), Findings::default()));
    }
    let (run, evidence) = validation::ops::find(app, &visitor.who, id).await?;
    let state = run.state.name().to_owned();
    let mut view = validation::api::view(app, &visitor.who, run, evidence).await?;
    // With what is waived now; the run itself keeps what it concluded.
    if let Some(run) = detail.facts.run.as_ref().filter(|run| run.id == id) {
        view.verdicts.clone_from(&run.verdicts);
    }
    Ok((state, Findings::of(&view)?))
}

async fn emergencies(app: &App, visitor: &Visitor, detail: &Detail) -> Result<Vec<BreakGlassView>, Error> {
    if !visitor.who.may(Action::BreakGlassRead) {
        return Ok(Vec::new());
    }
    let place = Place { environment: detail.facts.environment.id, model: Some(detail.facts.model.id) };
    let (mut found, names) = oversight_board::emergencies(app, &visitor.who, place).await?;
    found.retain(|broken| broken.version == detail.facts.version.id);
    break_glass::views(app, found, &names).await
}

async fn replaced(app: &App, visitor: &Visitor, detail: &Detail) -> Result<Option<(i64, String)>, Error> {
    if !visitor.who.may(Action::ReleaseRead) {
        return Ok(None);
    }
    let (environment, model) = (detail.facts.environment.id, detail.facts.model.id);
    let active = board::active(app, &visitor.who).await?;
    let here = active.into_iter().find(|p| p.release.environment == environment && p.release.model == model);
    let now = app.db.clock().now();
    Ok(here.map(|posted| (posted.version, words::span(posted.release.activated_at, now))))
}

async fn provenance(app: &App, detail: &Detail) -> Result<Vec<(&'static str, String)>, Error> {
    let version = &detail.facts.version;
    let mut people = vec![version.created_by];
    people.extend(version.sealed_by);
    let names = accounts::ops::names(app, &people).await?;
    let name = |id| names.get(&id).cloned().unwrap_or_default();
    let mut facts = vec![("Declared by", name(version.created_by))];
    facts.extend(version.sealed_by.map(|id| ("Sealed by", name(id))));
    let signature = match (&version.signature, &detail.facts.key) {
        (Signature::Verified { .. }, Some(key)) => {
            let now = app.db.clock().now();
            let still = if key.is_valid_at(now) { "valid" } else { "revoked or no longer valid" };
            facts.push(("Signing key", format!("{} ({still})", key.name)));
            facts.push(("Key fingerprint", key.fingerprint.clone()));
            "verified over exactly these files".to_owned()
        }
        (Signature::Untrusted { detail }, _) => format!("not trusted: {detail}"),
        (signature, _) => signature.name().to_owned(),
    };
    facts.push(("Signature", signature));
    Ok(facts)
}
