//! Findings, waivers, emergency activations, and what deployers say really runs.

pub mod finding {
    use crate::core::ids::{AccountId, EnvironmentId, FindingId, ModelId, ReleaseId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "finding")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: FindingId,
        pub workspace_id: WorkspaceId,
        pub code: String,
        pub subject_kind: String,
        pub subject_id: Uuid,
        pub subject_part: String,
        pub model_id: Option<ModelId>,
        pub version_id: Option<VersionId>,
        pub environment_id: Option<EnvironmentId>,
        pub release_id: Option<ReleaseId>,
        pub severity: String,
        #[sea_orm(column_type = "Text")]
        pub title: String,
        #[sea_orm(column_type = "Text")]
        pub detail: String,
        pub owner_id: Option<AccountId>,
        pub due_at: DateTimeUtc,
        pub opened_by: Option<AccountId>,
        pub opened_at: DateTimeUtc,
        pub state: String,
        pub remediated_by: Option<AccountId>,
        pub accepted_until: Option<DateTimeUtc>,
        pub closed_at: Option<DateTimeUtc>,
        pub reminded_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Append-only: what happened to a finding.
pub mod finding_step {
    use crate::core::ids::{AccountId, FindingId, FindingStepId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "finding_step")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: FindingStepId,
        pub finding_id: FindingId,
        pub step: String,
        pub account_id: Option<AccountId>,
        #[sea_orm(column_type = "Text")]
        pub reason: String,
        pub until: Option<DateTimeUtc>,
        pub at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
