use crate::oversight::{break_glass, findings, snapshot, waivers};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    findings::api::routes(config);
    waivers::api::routes(config);
    break_glass::api::routes(config);
    snapshot::api::routes(config);
}
