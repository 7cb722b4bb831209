//! Whether a credential reaches what a request names: asked before a handler begins, for those whose models or environments
//! are limited. What a change really bears on is asked once more at its commit.

use crate::{
    app::App,
    authz::{Action, Principal, policy},
    db::reach::of_objects,
    error::Error,
    http::denials,
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
    for (name, value) in
        Query::<Vec<(String, String)>>::from_query(request.query_string()).unwrap_or_else(|_| Query(Vec::new())).0
    {
        if !named.is_empty() && NARROWING.contains(&name.as_str()) {
            named.extend(denials::objects(&reader, |wanted| (wanted == name).then(|| value.clone())).await?);
        }
    }
    let touched = of_objects(reader.conn(), &named).await?;
    Ok(policy::require_reach(&who.actor(), Action::TokenUse, &touched, named)?)
}
