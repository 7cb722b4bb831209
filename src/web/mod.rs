//! Pages for people: the same use-cases as the API, rendered on the server. No script.
//!
//! Invariants: every page is made of `ops` and wire views; every form carries a token that
//! only its session can know; text from people is escaped by the templates, never by hand.

mod access;
mod assets;
mod audit;
mod decision;
mod dossiers;
mod environments;
mod error;
mod form;
mod frame;
mod frameworks;
mod measured;
mod models;
mod overview;
mod promotions;
mod queue;
mod reported;
mod runs;
mod session;
pub(crate) mod subgroups;
pub(crate) mod verdicts;
mod versions;
mod visitor;
pub(crate) mod words;

pub use error::{PageError, dress};

use actix_web::web::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(assets::serve)
        .service(session::sign_in_form)
        .service(session::sign_in)
        .service(session::sign_out)
        .service(overview::show)
        .service(models::list)
        .service(models::show)
        .service(versions::show)
        .service(frameworks::list)
        .service(frameworks::show)
        .service(frameworks::coverage)
        .service(dossiers::ask)
        .service(dossiers::take)
        .service(runs::show)
        .service(environments::list)
        .service(environments::show)
        .service(promotions::list)
        .service(decision::show)
        .service(decision::decide)
        .service(decision::say)
        .service(audit::list)
        .service(audit::record::show)
        .service(audit::record::leaf)
        .service(audit::record::proof);
}
