//! Second factors, and the code for the first account.

/// What an authenticator shares with the service; there is one row for each account that ever began one.
pub mod second_factor {
    use crate::core::ids::AccountId;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "second_factor")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: AccountId,
        /// Sealed under a key that is not in the database; none where the factor was removed.
        pub sealed: Option<String>,
        pub begun_at: DateTimeUtc,
        /// Since when it counts.
        pub confirmed_at: Option<DateTimeUtc>,
        /// The newest step whose code was used.
        pub last_step: Option<i64>,
        /// When an administrator took it away.
        pub taken_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A code for when the authenticator is lost; only the hash of it is kept.
pub mod recovery_code {
    use crate::core::ids::AccountId;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recovery_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: AccountId,
        pub secret_hash: String,
        pub made_at: DateTimeUtc,
        /// Used, or replaced by newer ones.
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The code with which the first account is made: one row, or none; only the hash of it is kept.
pub mod founding_code {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "founding_code")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub secret_hash: String,
        pub issued_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub used_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
