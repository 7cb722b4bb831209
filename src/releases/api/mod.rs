//! Releases over HTTP: pulls, changes of what runs, reviews.

mod changes;
mod plans;
mod pulls;
mod rehearsals;
mod reviews;
mod views;

pub use changes::{ModeInput, RollbackInput, RollbackView, SuspensionInput};
pub use plans::{PlanSide, RollbackPlanView};
pub use rehearsals::{RehearsalInput, RehearsalView};
pub use reviews::{ReviewInput, ReviewPage, ReviewView};
pub use views::{AssertionView, PullView, ReleasePage, ReleaseView, view};

use utoipa_actix_web::service_config::ServiceConfig;

const LIST: &str = "releases";
const REVIEWS: &str = "rollback-reviews";

pub fn routes(config: &mut ServiceConfig) {
    pulls::routes(config);
    changes::routes(config);
    plans::routes(config);
    reviews::routes(config);
    rehearsals::routes(config);
}
