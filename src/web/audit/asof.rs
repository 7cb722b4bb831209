//! The state on any date, replayed from the log.

use crate::{
    app::App,
    audit::asof::{
        LeftOut, Person, Selection, State,
        ops::{self, Look},
    },
    core::clock::{MOMENT, moment, rfc3339},
    error::Error,
    http::problem::Problem,
    web::{
        PageError,
        follow::{self, Follow},
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
use std::{sync::Arc, time::Duration};

/// More of a kind than this are counted, not listed; whoever wants them all names a model, or asks the API.
const SHOWN: usize = 100;
/// Whoever waits longer is told how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Template)]
#[template(path = "audit/asof.html")]
struct AsOfPage {
    frame: Frame,
    asked: Asked,
    problem: String,
    told: Option<Told>,
    /// How much of the log was replayed, in percent, where it is not done yet.
    under_way: Option<i64>,
    by_itself: bool,
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
    left_out: LeftOut,
    more_roles: usize,
}

#[get("/audit/as-of")]
pub async fn show(
    app: Data<App>,
    visitor: Visitor,
    asked: Query<Asked>,
    watch: Query<follow::Asked>,
) -> Result<HttpResponse, PageError> {
    let mut asked = asked.into_inner();
    let (mut status, mut problem, mut told, mut under_way) = (StatusCode::OK, String::new(), None, None);
    if asked.at.trim().is_empty() {
        // Nobody gets to know that there is something to ask for who may not read it.
        crate::audit::ops::head(&app, &visitor.who, 0).await.map(drop)?;
    } else {
        match tell(&app.into_inner(), &visitor, &mut asked).await {
            Ok(Answer::Told(there)) => told = Some(there),
            Ok(Answer::UnderWay(percent)) => under_way = Some(percent),
            Err(failure @ (Error::Invalid(_) | Error::Unavailable { .. })) => {
                let said = Problem::from(failure);
                status = said.status();
                let errors: Vec<_> = said.errors.iter().map(|error| error.detail.clone()).collect();
                problem = if errors.is_empty() { said.detail } else { errors.join("; ") };
            }
            Err(error) => return Err(error.into()),
        }
    }
    let follow = Follow::new("/audit/as-of", &watch, under_way.is_some());
    let by_itself = follow.by_itself;
    let frame = Frame::new("Audit log", &visitor);
    let shown = page_with(status, &AsOfPage { frame, asked, problem, told, under_way, by_itself })?;
    Ok(follow.refreshing(shown))
}

enum Answer {
    Told(Told),
    /// How much of the log was replayed, in percent.
    UnderWay(i64),
}

async fn tell(app: &Arc<App>, visitor: &Visitor, asked: &mut Asked) -> Result<Answer, Error> {
    let at = moment(asked.at.trim(), app.db.clock().now()).ok_or_else(|| Error::invalid("at", MOMENT))?;
    let named = |name: &str| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let wanted = Selection { environment: named(&asked.environment), model: named(&asked.model) };
    let look = ops::look(app, &visitor.who, at, &wanted, (PATIENCE, SHOWN)).await?;
    let (mut state, left_out, records) = match look {
        Look::Told(state, left_out, records) => (state, left_out, records),
        Look::UnderWay(percent) => {
            // Today goes on meanwhile; the next look is for the same moment.
            asked.at = rfc3339(at);
            return Ok(Answer::UnderWay(percent));
        }
    };
    let more_roles = state.roles.len().saturating_sub(SHOWN);
    state.roles.truncate(SHOWN);
    Ok(Answer::Told(Told { at: rfc3339(at), records: words::grouped(records), state, left_out, more_roles }))
}

/// A name of today, or the id where it was forgotten.
fn name(person: &Person) -> &str {
    person.name.as_deref().unwrap_or(&person.id)
}
