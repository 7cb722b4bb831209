//! Findings: what is wrong, with whom, until when; and what can be done about one.

use crate::{
    app::App,
    authz::{
        Action,
        policy::{self, Involved},
    },
    constraints::words::Words,
    core::{
        ids::FindingId,
        page::{self, PageRequest},
        text::{Line, Paragraph},
    },
    error::{Error, InField},
    oversight::findings::{
        Finding, Severity, State,
        api::{self, FindingSummary, FindingView},
        ops::{self, Report, Wanted},
        parse_code,
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

const LIST: &str = "findings";

#[derive(Template)]
#[template(path = "findings/list.html")]
struct ListPage {
    frame: Frame,
    params: ListParams,
    /// Value and label.
    states: Vec<(&'static str, &'static str)>,
    severities: Vec<&'static str>,
    is_filtered: bool,
    /// What is wrong with the conditions.
    problem: String,
    findings: Vec<FindingSummary>,
    next: Option<String>,
    forms: Vec<Form>,
}

#[derive(Template)]
#[template(path = "findings/show.html")]
struct ShowPage {
    frame: Frame,
    finding: FindingView,
    forms: Vec<Form>,
    barred: Vec<String>,
}

/// Empty means any, except that what is closed is left out.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ListParams {
    state: String,
    severity: String,
    owner: String,
    /// `yes`, or empty.
    overdue: String,
    model: String,
    environment: String,
    cursor: Option<String>,
}

impl ListParams {
    fn wanted(&self) -> Result<Wanted<'_>, Error> {
        let said = |text: &'_ String| (!text.is_empty()).then_some(()).is_some();
        let state = |word: &str| State::from_word(word).ok_or_else(|| Error::invalid("state", "choose one"));
        let severity = |word: &str| Severity::from_word(word).ok_or_else(|| Error::invalid("severity", "choose one"));
        Ok(Wanted {
            standing_only: self.state.is_empty(),
            state: if matches!(self.state.as_str(), "" | "all") { None } else { Some(state(&self.state)?) },
            severity: if said(&self.severity) { Some(severity(&self.severity)?) } else { None },
            owner: Some(self.owner.as_str()).filter(|owner| !owner.is_empty()),
            overdue: self.overdue == "yes",
            model: Some(self.model.as_str()).filter(|model| !model.is_empty()),
            environment: Some(self.environment.as_str()).filter(|environment| !environment.is_empty()),
        })
    }

    fn query(&self) -> String {
        let all = [
            ("state", &self.state),
            ("severity", &self.severity),
            ("owner", &self.owner),
            ("overdue", &self.overdue),
            ("model", &self.model),
            ("environment", &self.environment),
        ];
        let said = all.into_iter().filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| format!("{name}={}&", access::encode(value))).collect()
    }
}

#[get("/findings")]
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
    let mut status = status;
    let mut shown = ListPage {
        frame: Frame::new("Findings", visitor),
        states: vec![
            ("", "all that stand"),
            ("open", "open"),
            ("remediating", "remediating"),
            ("risk_accepted", "risk accepted"),
            ("closed", "closed"),
            ("all", "all, closed too"),
        ],
        severities: Severity::ALL.iter().rev().map(|severity| severity.word()).collect(),
        is_filtered: !params.query().is_empty(),
        problem: String::new(),
        findings: Vec::new(),
        next: None,
        forms: Vec::new(),
        params,
    };
    let found = match shown.params.wanted() {
        Ok(wanted) => ops::list(app, &visitor.who, wanted, request).await,
        Err(error) => Err(error),
    };
    match found {
        Ok((page, names)) => {
            shown.findings = api::summaries(app, &page.items, &names).await?;
            let query = shown.params.query();
            shown.next = page.next.map(|id| format!("/findings?{query}cursor={}", page::encode(LIST, id)));
        }
        Err(error @ (Error::Invalid(_) | Error::NotFound { .. })) => {
            (status, shown.problem) = (StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
        }
        Err(error) => return Err(error.into()),
    }
    if visitor.who.may(Action::FindingOpen) {
        shown.forms.push(report_form().with(typed));
    }
    page_with(status, &shown)
}

fn report_form() -> Form {
    let says = "Open requests that it stops, by the policy, end. Say what it is about: a model, a version of it, an \
        environment, or a version there.";
    let severities: Vec<&str> = Severity::ALL.iter().rev().map(|severity| severity.word()).collect();
    Form::new("report", "/findings", "Report a finding", says, "Report it")
        .ask("code", "Code", Kind::Line)
        .hint("what kind of thing is wrong, such as subgroup_error; of one code about one thing, one finding stands")
        .ask("title", "Title", Kind::Line)
        .ask("severity", "Severity", Kind::pick(&severities))
        .may("model", "Model", Kind::Line)
        .may("version", "Version", Kind::Line)
        .hint("its number; with its model")
        .may("environment", "Environment", Kind::Line)
        .may("owner", "Who shall deal with it", Kind::Line)
        .hint("an account's name; if empty, whoever answers for the model or the environment")
        .may("detail", "More about it", Kind::Text)
}

#[post("/findings")]
pub async fn report(app: Data<App>, sent: Signed) -> Result<HttpResponse, PageError> {
    let Signed { visitor, fields } = sent;
    let told = async { ops::report(&app, &visitor.who, reported(&fields)?).await };
    match told.await {
        Ok((finding, _)) => Ok(see_other(&format!("/findings/{}", finding.id))),
        Err(failure) => {
            let (status, typed) = kept(misnamed(failure), "report", fields)?;
            render_list(&app, &visitor, ListParams::default(), status, &typed).await
        }
    }
}

fn reported(fields: &Fields) -> Result<Report, Error> {
    let given = |name: &str| Some(fields.get(name).trim()).filter(|text| !text.is_empty());
    Ok(Report {
        code: parse_code(fields.get("code").trim()).in_field("code")?,
        model: given("model").map(str::to_owned),
        version: given("version").map(VersionRef::parse).transpose().in_field("version")?,
        environment: given("environment").map(str::to_owned),
        severity: Severity::from_word(fields.get("severity"))
            .ok_or_else(|| Error::invalid("severity", format!("use one of {}", Severity::listed())))?,
        title: Line::parse_required(fields.get("title")).in_field("title")?,
        detail: Paragraph::parse(fields.get("detail")).in_field("detail")?,
        owner: given("owner").map(str::to_owned),
    })
}

#[get("/findings/{finding}")]
pub async fn show(app: Data<App>, visitor: Visitor, id: Path<FindingId>) -> Result<HttpResponse, PageError> {
    render(&app, &visitor, *id, StatusCode::OK, &Typed::default()).await
}

async fn render(
    app: &App,
    visitor: &Visitor,
    id: FindingId,
    status: StatusCode,
    typed: &Typed,
) -> Result<HttpResponse, PageError> {
    let finding = ops::find(app, &visitor.who, id).await?.finding;
    let involved = ops::involved(app, &visitor.who, &finding).await?;
    let Offers { forms, barred } = offers(visitor, &finding, &involved, finding.standing(app.db.clock().now()));
    let page = ShowPage {
        frame: Frame::new("Findings", visitor),
        finding: api::view(app, &visitor.who, id).await?,
        forms: forms.into_iter().map(|form| form.with(typed)).collect(),
        barred,
    };
    page_with(status, &page)
}

fn offers(visitor: &Visitor, finding: &Finding, involved: &Involved, state: State) -> Offers {
    let who = &visitor.who;
    let at = |action: &str| format!("/findings/{}/{action}", finding.id);
    let mut offers = Offers::default();
    if state == State::Open {
        let says = "Says that somebody works on it. Somebody else than you closes it then.";
        let form = Form::new("remediate", &at("remediation"), "Work on it", says, "I work on it").reason();
        offers.add(policy::act(who, Action::FindingRemediate), form);
    }
    if state != State::Closed {
        let says = "It is dealt with, for good. Should it be there again, it is another finding.";
        let form = Form::new("close", &at("closure"), "Close it", says, "Close it").reason();
        offers.add(policy::close_finding(who, involved), form);
    }
    if matches!(state, State::Open | State::Remediating) {
        let says = "The risk stands and you answer for it, for at most 90 days; then it is open again by itself.";
        let form = Form::new("accept", &at("acceptance"), "Accept the risk for a time", says, "Accept the risk");
        let form = form.ask("until", "Until the end of", Kind::Day).reason();
        offers.add(policy::accept_finding(who, involved), form);
    }
    offers
}

#[post("/findings/{finding}/remediation")]
pub async fn remediate(app: Data<App>, sent: Signed, id: Path<FindingId>) -> Result<HttpResponse, PageError> {
    let done = async { ops::remediate(&app, &sent.visitor.who, *id, &reason(&sent.fields)?).await };
    let done = done.await;
    answer(&app, sent, *id, "remediate", done).await
}

#[post("/findings/{finding}/closure")]
pub async fn close(app: Data<App>, sent: Signed, id: Path<FindingId>) -> Result<HttpResponse, PageError> {
    let done = async { ops::close(&app, &sent.visitor.who, *id, &reason(&sent.fields)?).await };
    let done = done.await;
    answer(&app, sent, *id, "close", done).await
}

#[post("/findings/{finding}/acceptance")]
pub async fn accept(app: Data<App>, sent: Signed, id: Path<FindingId>) -> Result<HttpResponse, PageError> {
    let done = async {
        let until = day(&sent.fields, "until")?;
        ops::accept(&app, &sent.visitor.who, *id, until, &reason(&sent.fields)?).await
    };
    let done = done.await;
    answer(&app, sent, *id, "accept", done).await
}

async fn answer(
    app: &App,
    sent: Signed,
    id: FindingId,
    form: &str,
    done: Result<(), Error>,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok(()) => Ok(see_other(&format!("/findings/{id}"))),
        Err(failure) => {
            let (status, typed) = kept(failure, form, sent.fields)?;
            render(app, &sent.visitor, id, status, &typed).await
        }
    }
}
