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

pub mod waiver {
    use crate::core::ids::{AccountId, EnvironmentId, ModelId, VersionId, WaiverId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "waiver")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: WaiverId,
        pub workspace_id: WorkspaceId,
        pub model_id: ModelId,
        pub version_id: Option<VersionId>,
        pub environment_id: EnvironmentId,
        pub constraint_name: String,
        pub constraint_digest: String,
        #[sea_orm(column_type = "Text")]
        pub reason: String,
        #[sea_orm(column_type = "Text")]
        pub compensating_control: String,
        pub requested_by: AccountId,
        pub requested_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub state: String,
        pub granted_at: Option<DateTimeUtc>,
        pub closed_at: Option<DateTimeUtc>,
        pub closed_by: Option<AccountId>,
        #[sea_orm(column_type = "Text", nullable)]
        pub closed_reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Append-only: who granted or refused a waiver.
pub mod waiver_grant {
    use crate::core::ids::{AccountId, WaiverGrantId, WaiverId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "waiver_grant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: WaiverGrantId,
        pub waiver_id: WaiverId,
        pub account_id: AccountId,
        pub outcome: String,
        #[sea_orm(column_type = "Text")]
        pub reason: String,
        #[sea_orm(column_type = "Text")]
        pub statement: String,
        pub decided_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod break_glass {
    use crate::core::ids::{
        AccountId, BreakGlassId, EnvironmentId, ModelId, PromotionId, ReleaseId, VersionId, WorkspaceId,
    };
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "break_glass")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: BreakGlassId,
        pub workspace_id: WorkspaceId,
        pub environment_id: EnvironmentId,
        pub model_id: ModelId,
        pub version_id: VersionId,
        pub state: String,
        pub invoked_by: AccountId,
        pub second_by: Option<AccountId>,
        #[sea_orm(column_type = "Text")]
        pub justification: String,
        pub hours: i64,
        pub invoked_at: DateTimeUtc,
        /// Until when a second person can confirm it.
        pub confirm_by: Option<DateTimeUtc>,
        pub promotion_id: Option<PromotionId>,
        pub release_id: Option<ReleaseId>,
        pub would_have_passed: Option<bool>,
        pub starts_at: Option<DateTimeUtc>,
        pub ends_at: Option<DateTimeUtc>,
        pub ended_at: Option<DateTimeUtc>,
        pub ended_by: Option<AccountId>,
        #[sea_orm(column_type = "Text", nullable)]
        pub ended_reason: Option<String>,
        pub review_due_at: Option<DateTimeUtc>,
        pub reviewed_by: Option<AccountId>,
        pub reviewed_at: Option<DateTimeUtc>,
        #[sea_orm(column_type = "Text", nullable)]
        pub review_reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Append-only: what deployers say really runs.
pub mod running_snapshot {
    use crate::core::ids::{AccountId, EnvironmentId, ModelId, ReleaseId, SnapshotId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "running_snapshot")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SnapshotId,
        pub workspace_id: WorkspaceId,
        pub environment_id: EnvironmentId,
        pub model_id: ModelId,
        pub host: String,
        pub digest: Option<String>,
        pub release_id: Option<ReleaseId>,
        pub matches: bool,
        pub reported_by: AccountId,
        pub at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
