//! What follows a rollback, and what is tried before one.

pub mod rollback_review {
    use crate::core::ids::{AccountId, ReleaseId, ReviewId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rollback_review")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ReviewId,
        pub workspace_id: WorkspaceId,
        pub release_id: ReleaseId,
        pub state: String,
        pub due_at: DateTimeUtc,
        pub reminded_at: Option<DateTimeUtc>,
        pub outcome: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub reason: Option<String>,
        pub reviewed_by: Option<AccountId>,
        pub reviewed_at: Option<DateTimeUtc>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod rehearsal {
    use crate::core::ids::{AccountId, EnvironmentId, ModelId, RehearsalId, ReleaseId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rehearsal")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: RehearsalId,
        pub workspace_id: WorkspaceId,
        pub environment_id: EnvironmentId,
        pub model_id: ModelId,
        pub version_id: VersionId,
        pub release_id: ReleaseId,
        pub state: String,
        pub requested_by: AccountId,
        pub requested_at: DateTimeUtc,
        pub finished_at: Option<DateTimeUtc>,
        #[sea_orm(column_type = "Text", nullable)]
        pub body: Option<String>,
        pub digest: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
