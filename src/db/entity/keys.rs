//! The registry's own keys, and what the service ran with.

/// The public half; the secret half is a file. Only the end of its time ever changes.
pub mod registry_key {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "registry_key")]
    pub struct Model {
        /// The key's id in signed notes: 8 hex digits.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub origin: String,
        pub verifier_key: String,
        #[sea_orm(column_type = "Text")]
        pub public_key_pem: String,
        /// The key before it vouches for this one: a signed note.
        #[sea_orm(column_type = "Text", nullable)]
        pub endorsement: Option<String>,
        pub added_at: DateTimeUtc,
        pub signs_until: Option<DateTimeUtc>,
        #[sea_orm(column_type = "Text", nullable)]
        pub reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What was logged as loaded: settings (secrets masked) or migrations, as a JSON object or list.
pub mod loaded_settings {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "loaded_settings")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// `configuration` or `schema`.
        pub kind: String,
        pub digest: String,
        #[sea_orm(column_type = "Text")]
        pub entries: String,
        pub loaded_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
