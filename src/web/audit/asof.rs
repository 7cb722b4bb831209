//! The state on any date, replayed from the log.

use crate::{
    app::App,
    audit::asof::{Person, Selection, State, ops},
    core::clock::{MOMENT, moment, rfc3339},
    error::Error,
    http::problem::Problem,
    web::{
        PageError,
        frame::{Frame, page_with},
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;

/// More of a kind than this are counted, not listed; whoever wants them all names a model, or asks the API.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "audit/asof.html")]
struct AsOfPage {
    frame: Frame,
    asked: Asked,
    problem: String,
    told: Option<Told>,
}

/// Empty means any.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Asked {
    at: String,
    environment: String,
    model: String,
}

struct Told {
    at: String,
    records: String,
    state: State,
    /// Not listed.
    more_models: usize,
    more_requests: usize,
    more_roles: usize,
}

#[get("/audit/as-of")]
pub async fn show(app: Data<App>, visitor: Visitor, asked: Query<Asked>) -> Result<HttpResponse, PageError> {
    let asked = asked.into_inner();
    let (status, problem, told) = if asked.at.trim().is_empty() {
        // Nobody gets to know that there is something to ask for who may not read it.
        crate::audit::ops::head(&app, &visitor.who, 0).await.map(drop)?;
        (StatusCode::OK, String::new(), None)
    } else {
        match tell(&app, &visitor, &asked).await {
            Ok(told) => (StatusCode::OK, String::new(), Some(told)),
            Err(failure @ Error::Invalid(_)) => {
                let problem = Problem::from(failure);
                let said: Vec<_> = problem.errors.iter().map(|error| error.detail.clone()).collect();
                (problem.status(), said.join("; "), None)
            }
            Err(error) => return Err(error.into()),
        }
    };
    page_with(status, &AsOfPage { frame: Frame::new("Audit log", &visitor), asked, problem, told })
}

async fn tell(app: &App, visitor: &Visitor, asked: &Asked) -> Result<Told, Error> {
    let at = moment(asked.at.trim(), app.db.clock().now()).ok_or_else(|| Error::invalid("at", MOMENT))?;
    let named = |name: &str| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let wanted = Selection { environment: named(&asked.environment), model: named(&asked.model) };
    let (mut state, records) = ops::as_of(app, &visitor.who, at, &wanted).await?;
    let more = |all: usize| all.saturating_sub(SHOWN);
    let (models, requests, roles) = (state.models.len(), state.open_requests.len(), state.roles.len());
    state.models.truncate(SHOWN);
    state.open_requests.truncate(SHOWN);
    state.roles.truncate(SHOWN);
    Ok(Told {
        at: rfc3339(at),
        records: words::grouped(records),
        state,
        more_models: more(models),
        more_requests: more(requests),
        more_roles: more(roles),
    })
}

/// A name of today, or the id where it was forgotten.
fn name(person: &Person) -> &str {
    person.name.as_deref().unwrap_or(&person.id)
}
