//! Requests, decisions and releases.

pub mod promotion_request {
    use crate::core::ids::{AccountId, EnvironmentId, ModelId, PromotionId, RunId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "promotion_request")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: PromotionId,
        pub workspace_id: WorkspaceId,
        pub model_id: ModelId,
        pub version_id: VersionId,
        pub environment_id: EnvironmentId,
        pub run_id: Option<RunId>,
        pub state: String,
        #[sea_orm(column_type = "Text")]
        pub decision: String,
        pub decision_digest: String,
        #[sea_orm(column_type = "Text")]
        pub checks: String,
        #[sea_orm(column_type = "Text")]
        pub comment: String,
        pub requested_by: AccountId,
        pub requested_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub closed_at: Option<DateTimeUtc>,
        #[sea_orm(column_type = "Text", nullable)]
        pub closed_reason: Option<String>,
        pub mode: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod approval {
    use crate::core::ids::{AccountId, ApprovalId, PromotionId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "approval")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ApprovalId,
        pub promotion_id: PromotionId,
        pub account_id: AccountId,
        pub outcome: String,
        pub decision_digest: String,
        pub roles: String,
        #[sea_orm(column_type = "Text")]
        pub reason: String,
        #[sea_orm(column_type = "Text")]
        pub statement: String,
        pub created_at: DateTimeUtc,
        /// The delegator, if it was given in somebody's stead.
        pub on_behalf_of: Option<AccountId>,
        /// A JSON list of texts.
        #[sea_orm(column_type = "Text", nullable)]
        pub conditions: Option<String>,
        pub expires_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// That an approval was taken back.
pub mod approval_withdrawal {
    use crate::core::ids::{AccountId, ApprovalId, ApprovalWithdrawalId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "approval_withdrawal")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ApprovalWithdrawalId,
        pub workspace_id: WorkspaceId,
        pub approval_id: ApprovalId,
        pub account_id: AccountId,
        #[sea_orm(column_type = "Text")]
        pub reason: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Append-only history: which version ran in which environment from when to when.
pub mod release {
    use crate::core::ids::{AccountId, EnvironmentId, ModelId, PromotionId, ReleaseId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "release")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ReleaseId,
        pub workspace_id: WorkspaceId,
        pub environment_id: EnvironmentId,
        pub model_id: ModelId,
        pub version_id: VersionId,
        pub promotion_id: PromotionId,
        pub restores: Option<ReleaseId>,
        pub state: String,
        #[sea_orm(column_type = "Text", nullable)]
        pub reason: Option<String>,
        #[sea_orm(column_type = "Text")]
        pub statement: String,
        pub activated_by: AccountId,
        pub activated_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
        pub mode: Option<String>,
        pub kind: Option<String>,
        pub ends_at: Option<DateTimeUtc>,
        #[sea_orm(column_type = "Text", nullable)]
        pub summary: Option<String>,
        pub ended_by: Option<AccountId>,
        #[sea_orm(column_type = "Text", nullable)]
        pub ended_reason: Option<String>,
        pub assurance: String,
        pub lapsed_at: Option<DateTimeUtc>,
        pub lapse_cause: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
