//! Deployment targets, their documents, and the data they are measured with.

pub mod environment {
    use crate::core::ids::{AccountId, EnvironmentId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "environment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: EnvironmentId,
        pub workspace_id: WorkspaceId,
        pub name: String,
        pub created_by: AccountId,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// One immutable revision of a profile, a constraint spec or a promotion policy.
pub mod environment_revision {
    use crate::core::ids::{AccountId, EnvironmentId, RevisionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "environment_revision")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: RevisionId,
        pub workspace_id: WorkspaceId,
        pub environment_id: EnvironmentId,
        pub kind: String,
        pub revision: i64,
        pub digest: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub created_by: AccountId,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod dataset {
    use crate::core::ids::{AccountId, DatasetId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dataset")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: DatasetId,
        pub workspace_id: WorkspaceId,
        pub name: String,
        pub sha256: String,
        pub size_bytes: i64,
        pub row_count: i64,
        #[sea_orm(column_type = "Text")]
        pub description: String,
        pub created_by: AccountId,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
