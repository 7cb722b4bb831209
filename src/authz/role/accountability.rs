//! Who keeps records that somebody answers for, by role.

use super::{Action, Role};

/// Whoever owns a record renews it, whatever else their role is for.
const OWNS: &[Action] = &[Action::RecordRead, Action::RecordReview];
const OF_MODELS: &[Action] = &[Action::RecordRead, Action::RecordReview, Action::RecordPut];
const OF_ENVIRONMENTS: &[Action] = &[Action::RecordRead, Action::RecordReview, Action::EnvironmentRecordPut];

pub fn actions(role: Role) -> &'static [Action] {
    match role {
        Role::Deployer | Role::Worker => &[],
        Role::Contributor => OF_MODELS,
        Role::EnvironmentManager => OF_ENVIRONMENTS,
        _ => OWNS,
    }
}
