//! What versions were made from, and what they go by.

/// One digest of one material of a version.
pub mod made_from {
    use crate::core::ids::{MaterialId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "made_from")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: MaterialId,
        pub workspace_id: WorkspaceId,
        pub version_id: VersionId,
        pub attestation: String,
        pub place: i32,
        pub role: String,
        #[sea_orm(column_type = "Text", nullable)]
        pub name: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub uri: Option<String>,
        pub digest: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The root of a model signature over a version's files.
pub mod known_as {
    use crate::core::ids::{VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "known_as")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub version_id: VersionId,
        pub workspace_id: WorkspaceId,
        pub digest: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
