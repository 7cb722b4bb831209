//! Whether a credential reaches what a request names: asked before a handler begins, for those whose models or environments
//! are limited. What a change really bears on is asked once more at its commit.

use crate::{
    app::App,
    authz::{Action, Actor, Principal, policy},
    core::event::Object,
    db::{Reader, reach::of_objects},
    error::Error,
    http::{denials, door::Needs},
};
use actix_web::{HttpRequest, http::Method, web::Query};

/// What is read of no model and no environment, and needed by whoever works on one.
const ANYWHERE: &[&str] = &[
    "/api/v1/whoami",
    "/api/v1/trust-keys",
    "/api/v1/datasets",
    "/api/v1/datasets/{dataset}",
    "/api/v1/frameworks",
    "/api/v1/frameworks/{framework}/revisions/{revision}",
];

/// Parameters of a query that narrow what is read of something to a model or an environment.
const NARROWING: &[&str] = &["model", "environment"];

/// Whether what a request names is within the places for which somebody holds the roles that its address needs. What is looked
/// at is not narrowed, and what names no model and no environment says with its body what it bears on, which its commit looks
/// at.
///
/// # Errors
/// `Denied` for what is in none of them.
pub async fn require_range(
    app: &App,
    request: &HttpRequest,
    who: &Principal,
    needs: Option<Needs>,
) -> Result<(), Error> {
    // Of several actions any one lets in, as far as the roles for it reach.
    let actions = needs.as_ref().map(Needs::actions).unwrap_or_default();
    let held: Vec<_> = actions.iter().filter(|action| who.may(**action)).map(|a| (*a, who.ranges_for(*a))).collect();
    if held.is_empty() || held.iter().any(|(_, ranges)| ranges.is_empty()) {
        return Ok(());
    }
    let sight = policy::within_workspace(who);
    let reader = app.db.read(&sight);
    let mut named = denials::objects(&reader, |name| request.match_info().get(name).map(str::to_owned)).await?;
    named.extend(narrowed(&reader, request).await?);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if named.is_empty() && !reads {
        return Ok(());
    }
    let touched = of_objects(reader.conn(), &named).await?;
    let mut refused = None;
    for (action, ranges) in held {
        match policy::require_range(&Actor { ranges, ..who.actor() }, action, &touched, named.clone()) {
            Ok(()) => return Ok(()),
            Err(denied) => refused.get_or_insert(denied),
        };
    }
    // The first action stands for what was asked, as it does where no role lets in.
    refused.map_or(Ok(()), |denied| Err(denied.into()))
}

/// What the query names.
async fn narrowed(reader: &Reader<'_>, request: &HttpRequest) -> Result<Vec<Object>, Error> {
    let mut named = Vec::new();
    for (name, value) in
        Query::<Vec<(String, String)>>::from_query(request.query_string()).unwrap_or_else(|_| Query(Vec::new())).0
    {
        if NARROWING.contains(&name.as_str()) {
            named.extend(denials::objects(reader, |wanted| (wanted == name).then(|| value.clone())).await?);
        }
    }
    Ok(named)
}

/// # Errors
/// `Denied` for what is out of reach, and for reading what is of many models or environments at once.
pub async fn require(app: &App, request: &HttpRequest, who: &Principal) -> Result<(), Error> {
    if !who.reach.asks_where() {
        return Ok(());
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads && request.match_pattern().is_some_and(|pattern| ANYWHERE.contains(&pattern.as_str())) {
        return Ok(());
    }
    let sight = policy::within_workspace(who);
    let reader = app.db.read(&sight);
    let mut named = denials::objects(&reader, |name| request.match_info().get(name).map(str::to_owned)).await?;
    // What names nothing says with its body what it bears on, which its commit looks at.
    if named.is_empty() && !reads {
        return Ok(());
    }
    if !named.is_empty() {
        named.extend(narrowed(&reader, request).await?);
    }
    let touched = of_objects(reader.conn(), &named).await?;
    Ok(policy::require_reach(&who.actor(), Action::TokenUse, &touched, named)?)
}
