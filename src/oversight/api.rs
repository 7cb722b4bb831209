use crate::oversight::findings;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(config: &mut ServiceConfig) {
    findings::api::routes(config);
}
