//! The decision page: the question, what speaks against it, the evidence, and last the form.

use crate::{
    accounts,
    app::App,
    authz::{Action, policy},
    core::{
        digest::Digest,
        ids::PromotionId,
        page::{MAX_LIMIT, PageRequest},
        text::Paragraph,
    },
    error::{Error, InField},
    frameworks::Pin,
    http::problem::Problem,
    policies::OnMissing,
    promotions::{
        api::{self, PromotionView},
        comments::{self, api::CommentView},
        ops::{self, Detail},
        said::Said,
    },
    releases::board,
    validation,
    versions::{Signature, api::AttestationView},
    web::{
        PageError,
        form::{Fields, Signed},
        frame::{Frame, page_with, see_other},
        measured::Findings,
        reported::ReportedList,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    post,
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
    /// Name and value of everything that the digest is over.
    bound: Vec<(String, String)>,
    choices: Choices,
    /// Whether the policy lets an approval have conditions.
    conditions_allowed: bool,
    comments: Vec<CommentView>,
    /// There are more than are shown.
    more_comments: bool,
    may_comment: bool,
    typed: Typed,
}

/// Something to look at before deciding.
struct Attention {
    tone: &'static str,
    word: String,
    detail: String,
    owner: String,
}

/// What the visitor can do, and why not the rest. Empty means: can.
struct Choices {
    approve: String,
    reject: String,
    /// What the visitor decided already: outcome and time.
    yours: Option<(String, String)>,
}

/// What came with a form that did not succeed.
#[derive(Default)]
struct Typed {
    error: String,
    outcome: String,
    reason: String,
    conditions: String,
    on_behalf_of: String,
    comment: String,
}

#[get("/promotions/{promotion}")]
pub async fn show(app: Data<App>, visitor: Visitor, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, *id, StatusCode::OK, Typed::default()).await
}

#[post("/promotions/{promotion}")]
pub async fn decide(app: Data<App>, sent: Signed, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let failure = match take(&app, &visitor, *id, &fields).await {
        Ok(()) => return Ok(see_other(&format!("/promotions/{id}#decision"))),
        Err(error) => error,
    };
    // The form keeps what was typed where the next try can succeed; the rest are error
    // pages, and a refusal among them goes into the audit log.
    if !matches!(failure, Error::Invalid(_) | Error::Conflict { .. } | Error::Untimely(_) | Error::Refused { .. }) {
        return Err(failure.into());
    }
    let problem = Problem::from(failure);
    let status = problem.status();
    let typed = Typed {
        error: problem.detail,
        outcome: fields.get("outcome").to_owned(),
        reason: fields.get("reason").to_owned(),
        conditions: fields.get("conditions").to_owned(),
        on_behalf_of: fields.get("on_behalf_of").to_owned(),
        comment: String::new(),
    };
    render(&app, &visitor, *id, status, typed).await
}

#[post("/promotions/{promotion}/comments")]
pub async fn say(app: Data<App>, sent: Signed, id: Path<PromotionId>) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let body = fields.get("comment");
    let taken = async {
        let body = Paragraph::parse_required(body).in_field("comment")?;
        comments::ops::comment(&app, &visitor.who, *id, body).await
    };
    match taken.await {
        Ok(_) => Ok(see_other(&format!("/promotions/{id}#comments"))),
        Err(failure @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let problem = Problem::from(failure);
            let status = problem.status();
            let typed = Typed { error: problem.detail, comment: body.to_owned(), ..Typed::default() };
            render(&app, &visitor, *id, status, typed).await
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The same rules as the API's: the digest that was shown, an outcome, a reason to reject.
async fn take(app: &App, visitor: &Visitor, id: PromotionId, fields: &Fields) -> Result<(), Error> {
    let seen = Digest::parse(fields.get("decision_digest")).in_field("decision digest")?;
    let outcome = fields.get("outcome");
    if !["approve", "reject"].contains(&outcome) {
        return Err(Error::invalid("decision", "choose one"));
    }
    // One condition per line, and none with a rejection, whatever was typed.
    let lines = fields.get("conditions").lines().map(str::trim).filter(|line| !line.is_empty() && outcome == "approve");
    let conditions: Vec<String> = lines.map(str::to_owned).collect();
    let said = Said::parse(outcome, fields.get("reason"), &conditions, Some(fields.get("on_behalf_of")))?;
    ops::decide(app, &visitor.who, id, &seen, said).await?;
    Ok(())
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
    let page = DecisionPage {
        frame: Frame::new("Requests", visitor),
        open: detail.promotion.stage.is_open(),
        replaces: replaced(app, visitor, &detail).await?,
        attention: attention(&detail, &found),
        run_state,
        found,
        reported: ReportedList::of(app, &visitor.who, detail.facts.version.id).await?,
        provenance: provenance(app, &detail).await?,
        attestations: detail.facts.attestations.iter().cloned().map(AttestationView::from).collect(),
        bound: bound(&request),
        choices: choices(visitor, &detail, &request),
        conditions_allowed: detail.assessment.asked.as_ref().is_some_and(|asked| asked.conditions_allowed),
        more_comments: said.next_cursor.is_some(),
        comments: said.items,
        may_comment: visitor.who.may(Action::PromotionComment),
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
    let view = validation::api::view(app, &visitor.who, run, evidence).await?;
    Ok((state, Findings::of(&view)?))
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

fn attention(detail: &Detail, found: &Findings) -> Vec<Attention> {
    let promotion = &detail.promotion;
    let open = promotion.stage.is_open();
    let failed = if open { &detail.assessment.failed } else { &promotion.checks };
    let mut all: Vec<_> = failed
        .iter()
        .map(|check| Attention {
            tone: "bad",
            word: "stops it".to_owned(),
            detail: check.detail.clone(),
            owner: check.owner.clone().unwrap_or_default(),
        })
        .collect();
    if open && detail.assessment.digest != promotion.decision_digest {
        let detail = "What it rests on has changed since it was asked for. A decision now would end the request; \
            it has to be asked for again.";
        all.push(Attention {
            tone: "bad",
            word: "changed".to_owned(),
            detail: detail.to_owned(),
            owner: String::new(),
        });
    }
    let warned = found.verdicts.iter().filter(|row| row.severity != "block" && row.tone != "good");
    all.extend(warned.map(|row| Attention {
        tone: "mind",
        word: row.state.clone(),
        detail: format!("{}: {}", row.constraint, row.reason),
        owner: row.owner.clone(),
    }));
    let short = detail.frameworks.iter().filter(|held| held.on_missing == Some(OnMissing::Warn));
    all.extend(short.filter_map(|held| lacking(held.title(), held.awaited())));
    let small = found.subgroups.tables.iter().filter(|table| !table.small.is_empty());
    all.extend(small.map(|table| Attention {
        tone: "mind",
        word: "too few rows to tell".to_owned(),
        detail: format!("{}: {}", table.title, table.small),
        owner: String::new(),
    }));
    all
}

/// A framework whose items are only shown.
fn lacking(title: &str, items: usize) -> Option<Attention> {
    let detail =
        format!("{title}: {items} of what it asks for {} missing or stale", if items == 1 { "is" } else { "are" });
    (0 < items).then(|| Attention { tone: "mind", word: "not on record".to_owned(), detail, owner: String::new() })
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

fn bound(request: &PromotionView) -> Vec<(String, String)> {
    let entries = request.decision.as_object();
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) if items.is_empty() => "none".to_owned(),
        serde_json::Value::Array(items) => {
            let items: Vec<_> = items.iter().map(entry).collect();
            items.join(" ")
        }
        serde_json::Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    let entries = entries.into_iter().flatten().filter(|(name, _)| name.as_str() != "v");
    entries.map(|(name, value)| (words::spoken(name), text(value))).collect()
}

/// One of several: a digest, or a framework's revision with its digest.
fn entry(item: &serde_json::Value) -> String {
    match serde_json::from_value::<Pin>(item.clone()) {
        Ok(Pin { id, revision, digest }) => format!("{id}@{revision} {digest}"),
        Err(_) => item.as_str().unwrap_or_default().to_owned(),
    }
}

fn choices(visitor: &Visitor, detail: &Detail, request: &PromotionView) -> Choices {
    let who = &visitor.who;
    let yours = request.approvals.iter().rev().find(|approval| approval.by == who.name);
    let stage = detail.promotion.stage;
    let barred = |action| match policy::decide_promotion(who, action, &detail.involved) {
        Ok(_) => String::new(),
        Err(denied) => sentence(&denied.reason),
    };
    let mut choices = Choices {
        approve: barred(Action::PromotionApprove),
        reject: barred(Action::PromotionReject),
        yours: yours.map(|approval| (approval.outcome.clone(), approval.at.clone())),
    };
    if choices.approve.is_empty() && stage.has_quorum() {
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
