//! Two versions side by side.

pub mod comparison {
    use crate::core::ids::{
        AccountId, ComparisonId, DatasetId, EnvironmentId, ReleaseId, RevisionId, VersionId, WorkspaceId,
    };
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "comparison")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ComparisonId,
        pub workspace_id: WorkspaceId,
        pub environment_id: EnvironmentId,
        pub constraints_id: RevisionId,
        pub dataset_id: DatasetId,
        pub version_id: VersionId,
        pub baseline_id: VersionId,
        pub release_id: Option<ReleaseId>,
        pub state: String,
        pub requested_by: AccountId,
        pub requested_at: DateTimeUtc,
        pub finished_at: Option<DateTimeUtc>,
        pub reason_code: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub reason: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub body: Option<String>,
        pub digest: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
