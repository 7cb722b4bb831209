//! Evidence that somebody outside signed. The statements are in a table of their own, so
//! that a decision reads none of their bytes.

pub mod reported_evidence {
    use crate::core::ids::{AccountId, EvidenceId, TrustKeyId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reported_evidence")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: EvidenceId,
        pub workspace_id: WorkspaceId,
        pub version_id: VersionId,
        pub trust_key_id: TrustKeyId,
        pub kind: String,
        pub document: Option<String>,
        #[sea_orm(column_type = "Text")]
        pub title: String,
        #[sea_orm(column_type = "Text")]
        pub method: String,
        #[sea_orm(column_type = "Text", nullable)]
        pub basis: Option<String>,
        pub issued_at: DateTimeUtc,
        pub measured_at: Option<DateTimeUtc>,
        pub valid_until: Option<DateTimeUtc>,
        pub digest: String,
        pub submitted_by: AccountId,
        pub submitted_at: DateTimeUtc,
        pub state: String,
        pub closed_at: Option<DateTimeUtc>,
        pub closed_by: Option<AccountId>,
        #[sea_orm(column_type = "Text", nullable)]
        pub closed_reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod reported_statement {
    use crate::core::ids::EvidenceId;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reported_statement")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub evidence_id: EvidenceId,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        #[sea_orm(column_type = "Text")]
        pub bundle: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
