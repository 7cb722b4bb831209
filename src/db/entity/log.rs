//! The audit log. Rows here are only ever inserted, but for the head and the queue.

pub mod audit_event {
    use crate::core::ids::{AccountId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_event")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub at: DateTimeUtc,
        pub workspace_id: Option<WorkspaceId>,
        pub actor_id: Option<AccountId>,
        pub action: String,
        pub outcome: String,
        pub object_kind: Option<String>,
        pub object_id: Option<String>,
        #[sea_orm(column_type = "Text")]
        pub leaf: String,
        pub leaf_hash: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Committed events that have no place in the tree yet.
pub mod audit_pending {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_pending")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod audit_leaf {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_leaf")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        #[sea_orm(unique)]
        pub event_id: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Complete subtrees, at the place that the stored-hash layout gives them.
pub mod audit_node {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_node")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub hash: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod audit_head {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub size: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What witnesses signed below a checkpoint.
pub mod audit_cosignature {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_cosignature")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub size: i64,
        /// Name and id of the witness's key.
        #[sea_orm(primary_key, auto_increment = false)]
        pub witness: String,
        /// The signature line, with its line end.
        #[sea_orm(column_type = "Text")]
        pub line: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod audit_checkpoint {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_checkpoint")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub size: i64,
        pub root: String,
        #[sea_orm(column_type = "Text")]
        pub note: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod row_change {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "row_change")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub xid: i64,
        pub table_name: String,
        pub row_key: String,
        #[sea_orm(column_type = "Text", nullable)]
        pub old_row: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub new_row: Option<String>,
        pub salt: Option<String>,
        pub event_id: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod row_salt {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "row_salt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub table_name: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub row_key: String,
        pub salt: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which events mention an id, a digest or a facet: made of the leaves, for searching only.
pub mod audit_mention {
    use crate::core::ids::WorkspaceId;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_mention")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub object_id: String,
        /// All zeros for what happened in no workspace.
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace_id: WorkspaceId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub at: DateTimeUtc,
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// How many leaves have their mentions.
pub mod audit_mentioned {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_mentioned")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub size: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
