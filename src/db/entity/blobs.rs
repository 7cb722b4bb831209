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
