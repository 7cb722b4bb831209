//! Making the first account, with the code that the service printed.

use crate::{
    accounts::founding::{First, ops},
    app::App,
    authz::Cause,
    error::Error,
    http::problem::Problem,
    web::{
        PageError, access, cookies,
        frame::{Frame, page_with, see_other},
        session::Unsigned,
    },
};
use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web::Data};
use askama::Template;

#[derive(Template)]
#[template(path = "session/first.html")]
struct FirstPage<'a> {
    frame: Frame,
    form_token: String,
    name: &'a str,
    /// What was wrong with the last try.
    failed: &'a str,
}

#[get("/first")]
pub async fn form(request: HttpRequest) -> Result<HttpResponse, PageError> {
    show(StatusCode::OK, &cookies::form_secret(&request)?, "", "")
}

#[post("/first")]
pub async fn make(app: Data<App>, cause: Cause, sent: Unsigned) -> Result<HttpResponse, PageError> {
    let Unsigned { secret, fields } = sent;
    let name = fields.get("name").trim();
    let made = match First::parse(name, "", fields.get("password")) {
        Ok(first) => ops::found(&app, cause, fields.get("code"), first).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(_) => Ok(see_other("/login?first=1")),
        Err(error @ (Error::Invalid(_) | Error::Conflict { .. })) => {
            let problem = Problem::from(error);
            let fields =
                problem.errors.iter().map(|e| format!("{}: {}", e.field, e.detail)).collect::<Vec<_>>().join("; ");
            let failed = if fields.is_empty() { &problem.detail } else { &fields };
            show(problem.status(), &secret, name, failed)
        }
        Err(error) => Err(error.into()),
    }
}

fn show(status: StatusCode, secret: &str, name: &str, failed: &str) -> Result<HttpResponse, PageError> {
    let page = FirstPage { frame: Frame::open(), form_token: access::form_token(secret), name, failed };
    let mut answer = page_with(status, &page)?;
    cookies::form(&mut answer, secret)?;
    Ok(answer)
}
