//! What people watch over what runs: findings, waivers of single limits, emergency activations,
//! and what deployers say really runs.
//!
//! Each is recorded before it has an effect, ends by itself, and is part of what is decided on.
//! Locks are taken after those of requests and releases.

pub mod api;
pub mod findings;
pub(crate) mod store;

pub use store::Names;

use crate::{
    app::App,
    core::ids::{EnvironmentId, ModelId, VersionId},
    error::Error,
};

/// Which requests and releases something bears on: those that match everything that is set. With
/// nothing set it bears on none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub model: Option<ModelId>,
    pub version: Option<VersionId>,
    pub environment: Option<EnvironmentId>,
}

impl Reach {
    pub fn place(environment: EnvironmentId, model: ModelId) -> Self {
        Self { model: Some(model), version: None, environment: Some(environment) }
    }

    pub fn is_nowhere(self) -> bool {
        self == Self::default()
    }
}

/// Ends what the clock ends, and reminds of what is due. What is written here was true before: every
/// decision looks at the clock itself.
pub async fn sweep(app: &App) -> Result<(), Error> {
    findings::ops::sweep(app).await
}
