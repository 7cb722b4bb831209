//! Programs that carry runs out. Bookkeeping: it says who was there lately, and nothing rests on it.

pub mod worker {
    use crate::core::ids::{AccountId, WorkerId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "worker")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: WorkerId,
        /// Only for this workspace; null for those that share the database.
        pub workspace_id: Option<WorkspaceId>,
        pub account_id: Option<AccountId>,
        pub name: String,
        #[sea_orm(column_type = "Text")]
        pub labels: String,
        pub last_seen_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
