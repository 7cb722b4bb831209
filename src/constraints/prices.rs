//! What a machine costs.

use super::unit::Unit;
use serde::Serialize;
use utoipa::ToSchema;

/// The prices of the machine that a model runs on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct CostBasis {
    /// A currency, such as `{EUR}`.
    pub currency: Unit,
    /// Of one core for one hour.
    #[schema(minimum = 0)]
    pub cpu_hour: f64,
    /// Of one GiBy for one hour.
    #[schema(minimum = 0)]
    pub memory_gib_hour: f64,
}
