//! Bookkeeping that is not a state of the domain: work to do, requests under way.

pub mod job {
    use crate::core::ids::{AccountId, JobId, RunId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "job")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: JobId,
        pub kind: String,
        #[sea_orm(column_type = "Text")]
        pub payload: String,
        pub state: String,
        pub run_after: DateTimeUtc,
        pub attempts: i32,
        pub locked_by: Option<String>,
        pub locked_until: Option<DateTimeUtc>,
        #[sea_orm(column_type = "Text", nullable)]
        pub last_error: Option<String>,
        pub created_at: DateTimeUtc,
        /// Of a run: where it is asked for, which it is, and the label that its worker must have.
        pub workspace_id: Option<WorkspaceId>,
        pub run_id: Option<RunId>,
        pub requires: Option<String>,
        /// The account of the worker that has it, if that one is not at this database.
        pub holder_id: Option<AccountId>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod idempotency_claim {
    use crate::core::ids::{AccountId, ClaimId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency_claim")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ClaimId,
        pub account_id: AccountId,
        pub key: String,
        pub request_hash: String,
        pub state: String,
        pub status: Option<i32>,
        #[sea_orm(column_type = "Text", nullable)]
        pub reply: Option<String>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
