//! Records that somebody answers for, and their revisions.

pub mod accountability_record {
    use crate::core::ids::{AccountId, EnvironmentId, ModelId, RecordId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "accountability_record")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: RecordId,
        pub workspace_id: WorkspaceId,
        pub place: String,
        pub model_id: Option<ModelId>,
        pub environment_id: Option<EnvironmentId>,
        pub kind: String,
        pub name: String,
        pub revision: i64,
        pub owner_id: AccountId,
        pub review_by: DateTimeUtc,
        pub digest: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub revised_by: AccountId,
        pub revised_at: DateTimeUtc,
        pub lapsed_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Append-only: what a record said, from when on.
pub mod accountability_revision {
    use crate::core::ids::{AccountId, RecordId, RecordRevisionId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "accountability_revision")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: RecordRevisionId,
        pub record_id: RecordId,
        pub revision: i64,
        pub owner_id: AccountId,
        pub review_by: DateTimeUtc,
        pub digest: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub revised_by: AccountId,
        pub revised_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
