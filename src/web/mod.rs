//! Pages for people: the same use-cases as the API, rendered on the server.

mod error;

pub use error::PageError;

use actix_web::web::ServiceConfig;

pub fn routes(_config: &mut ServiceConfig) {}
