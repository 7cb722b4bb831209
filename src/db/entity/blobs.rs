//! Where bytes are kept.

/// A copy of bytes in the store, on its way in or there.
pub mod stored_blob {
    use crate::core::ids::StoredBlobId;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stored_blob")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: StoredBlobId,
        pub sha256: String,
        pub is_plain: bool,
        pub state: String,
        pub size_bytes: i64,
        pub chunk_bytes: i64,
        #[sea_orm(column_type = "Blob")]
        pub checksums: Vec<u8>,
        pub touched_at: DateTimeUtc,
        pub checked_at: Option<DateTimeUtc>,
        pub key_name: Option<String>,
        pub wrapped_key: Option<String>,
        pub fault: Option<String>,
        pub fault_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A file that comes in pieces.
pub mod upload_session {
    use crate::core::ids::{AccountId, UploadId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "upload_session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: UploadId,
        pub workspace_id: WorkspaceId,
        pub version_id: VersionId,
        pub account_id: AccountId,
        pub path: String,
        pub sha256: String,
        pub size_bytes: i64,
        pub chunk_bytes: i64,
        pub begun_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub state: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// One piece of it, which is a copy in the store.
pub mod upload_chunk {
    use crate::core::ids::{StoredBlobId, UploadId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "upload_chunk")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub session_id: UploadId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub sha256: String,
        pub stored_blob_id: StoredBlobId,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
