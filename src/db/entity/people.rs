//! Which accounts are one person, who decides for whom, and what people said and began.

/// Accounts of one human share a person.
pub mod person_link {
    use crate::core::ids::{AccountId, PersonId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "person_link")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace_id: WorkspaceId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: AccountId,
        pub person_id: PersonId,
        pub linked_by: Option<AccountId>,
        pub linked_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod person_team {
    use crate::core::ids::{AccountId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "person_team")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace_id: WorkspaceId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: AccountId,
        pub team: String,
        pub set_by: Option<AccountId>,
        pub set_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Never changed but by its revocation.
pub mod delegation {
    use crate::core::ids::{AccountId, DelegationId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "delegation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: DelegationId,
        pub workspace_id: WorkspaceId,
        pub from_account: AccountId,
        pub to_account: AccountId,
        pub valid_from: DateTimeUtc,
        pub valid_until: DateTimeUtc,
        pub created_at: DateTimeUtc,
        pub revoked_at: Option<DateTimeUtc>,
        pub revoked_by: Option<AccountId>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Append-only, and bound by no digest: what is decided on does not change by talk.
pub mod promotion_comment {
    use crate::core::ids::{AccountId, CommentId, PromotionId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "promotion_comment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CommentId,
        pub promotion_id: PromotionId,
        pub account_id: AccountId,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Who declared a draft before somebody else took it over, and until when it was theirs.
pub mod earlier_author {
    use crate::core::ids::{AccountId, VersionId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "earlier_author")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub version_id: VersionId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: AccountId,
        pub until: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
