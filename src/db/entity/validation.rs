//! Runs of the registry's own workers and what they found.

pub mod validation_run {
    use crate::core::ids::{AccountId, DatasetId, EnvironmentId, RevisionId, RunId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "validation_run")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: RunId,
        pub workspace_id: WorkspaceId,
        pub version_id: VersionId,
        pub environment_id: EnvironmentId,
        pub constraints_id: RevisionId,
        pub dataset_id: DatasetId,
        pub state: String,
        pub phase: String,
        pub percent: i32,
        pub reason_code: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub reason: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub verdicts: Option<String>,
        pub verdicts_digest: Option<String>,
        pub attempt: i32,
        pub requested_by: AccountId,
        pub requested_at: DateTimeUtc,
        pub started_at: Option<DateTimeUtc>,
        pub finished_at: Option<DateTimeUtc>,
        pub requires: Option<String>,
        pub measured_by: Option<AccountId>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod evidence {
    use crate::core::ids::{EvidenceId, RunId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "evidence")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: EvidenceId,
        pub workspace_id: WorkspaceId,
        pub version_id: VersionId,
        pub run_id: RunId,
        pub kind: String,
        pub digest: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
