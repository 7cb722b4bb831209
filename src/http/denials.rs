//! Refusals are history too: each goes into the audit log, with what the request was about.

use crate::{
    app::App,
    audit::names::{self, Reference},
    authz::{Denied, policy},
    core::event::Object,
    db::Reader,
    error::Error,
    http::problem::Problem,
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use uuid::Uuid;

/// Parameters of a path that are ids, and the kinds of objects that they are of.
const IDS: [(&str, &str); 10] = [
    ("token", "token"),
    ("key", "trust_key"),
    ("trust", "workload_trust"),
    ("run", "run"),
    ("promotion", "promotion"),
    ("release", "release"),
    ("evidence", "evidence"),
    ("finding", "finding"),
    ("waiver", "waiver"),
    ("break_glass", "break_glass"),
];

/// Writes refusals to the audit log, whoever refused.
pub async fn record_denials(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let denied = response.response().error().and_then(denial_in);
    if let Some(denied) = denied {
        // What cannot be audited does not happen; for a refusal that means: say so.
        if let Err(error) = record(&app, response.request(), denied).await {
            return Ok(response.into_response(HttpResponse::from_error(Problem::from(error))));
        }
    }
    Ok(response)
}

async fn record(app: &App, request: &HttpRequest, denied: Denied) -> Result<(), Error> {
    let named = named(app, request, &denied).await?;
    let denied = denied.naming(named);
    app.db.record_denial(&denied).await?;
    tracing::warn!(actor = denied.actor.name, action = %denied.action, code = denied.code, "refused");
    Ok(())
}

fn denial_in(error: &actix_web::Error) -> Option<Denied> {
    let cause = match error.as_error::<Problem>() {
        Some(problem) => problem.cause(),
        // A page that asks for the password refuses nothing yet.
        None => {
            let page = error.as_error::<crate::web::PageError>().map(|page| page.problem());
            page.filter(|problem| problem.code != "reauthentication_required").and_then(Problem::cause)
        }
    };
    match cause {
        Some(Error::Denied(denied) | Error::Refused { denied, .. }) => Some(denied.clone()),
        _ => None,
    }
}

/// What the path named that is in the caller's workspace, the narrowest first. The rest is left
/// out: names of what is not there say nothing, and could be anything.
async fn named(app: &App, request: &HttpRequest, denied: &Denied) -> Result<Vec<Object>, Error> {
    let Some(sight) = policy::tell_refusal(denied) else { return Ok(Vec::new()) };
    objects(&app.db.read(&sight), |name| request.match_info().get(name).map(str::to_owned)).await
}

/// The same of any parameters.
pub(super) async fn objects(
    reader: &Reader<'_>,
    parameter: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Object>, Error> {
    let id = |name: &str| parameter(name).and_then(|id| id.parse::<Uuid>().ok());
    let mut named: Vec<_> = IDS.iter().filter_map(|(name, kind)| Some((*kind, id(name)?.to_string()))).collect();
    for reference in references(&parameter) {
        let ids = names::store::resolve(reader, &reference).await?;
        // Of a version, the first is its id.
        named.extend(ids.into_iter().next().map(|id| (reference.kind(), id)));
    }
    Ok(named)
}

fn references(parameter: impl Fn(&str) -> Option<String>) -> Vec<Reference> {
    let version = parameter("version").and_then(|number| number.parse().ok());
    let model = parameter("model");
    let of_model = model.clone().zip(version).map(|(model, number)| Reference::Version(model, number));
    [
        of_model,
        model.map(Reference::Model),
        parameter("account").map(Reference::Account),
        parameter("dataset").map(Reference::Dataset),
        parameter("environment").map(Reference::Environment),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_what_its_parameters_say_the_narrowest_first() {
        let of = |pairs: &[(&str, &'static str)]| {
            references(|wanted| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned()))
        };
        let (model, version) = (Reference::Model("m".to_owned()), Reference::Version("m".to_owned(), 2));
        let place = Reference::Environment("e".to_owned());
        assert_eq!(of(&[("version", "2"), ("path", "a")]), []);
        assert_eq!(of(&[("model", "m"), ("environment", "e")]), [model.clone(), place]);
        assert_eq!(of(&[("model", "m"), ("version", "2")]), [version, model.clone()]);
        assert_eq!(of(&[("model", "m"), ("version", "two")]), [model]);
    }
}
