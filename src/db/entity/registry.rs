//! Models, versions and what is known about their bytes.

pub mod model {
    use crate::core::ids::{AccountId, ModelId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "model")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ModelId,
        pub workspace_id: WorkspaceId,
        pub name: String,
        pub title: String,
        #[sea_orm(column_type = "Text")]
        pub intended_use: String,
        #[sea_orm(column_type = "Text")]
        pub prohibited_use: String,
        pub risk_tier: String,
        pub revision: i64,
        pub created_by: AccountId,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod model_owner {
    use crate::core::ids::{AccountId, ModelId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "model_owner")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub model_id: ModelId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub accountability: String,
        pub account_id: AccountId,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod model_version {
    use crate::core::ids::{AccountId, ModelId, TrustKeyId, VersionId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "model_version")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: VersionId,
        pub workspace_id: WorkspaceId,
        pub model_id: ModelId,
        pub number: i64,
        pub state: String,
        pub manifest_digest: String,
        pub signature_state: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub signature_detail: Option<String>,
        pub trust_key_id: Option<TrustKeyId>,
        #[sea_orm(column_type = "Text", nullable)]
        pub signature_bundle: Option<String>,
        pub created_by: AccountId,
        pub created_at: DateTimeUtc,
        pub sealed_by: Option<AccountId>,
        pub sealed_at: Option<DateTimeUtc>,
        pub revoked_at: Option<DateTimeUtc>,
        pub revocation_reason: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub signatory: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub certificates: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod version_file {
    use crate::core::ids::{FileId, VersionId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "version_file")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: FileId,
        pub version_id: VersionId,
        pub path: String,
        pub sha256: String,
        pub size_bytes: i64,
        pub uploaded_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod attestation {
    use crate::core::ids::{AccountId, AttestationId, VersionId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "attestation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: AttestationId,
        pub version_id: VersionId,
        pub predicate_type: String,
        pub digest: String,
        #[sea_orm(column_type = "Text")]
        pub statement: String,
        pub created_by: AccountId,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Bytes that a workspace holds; two workspaces never share a row.
pub mod blob {
    use crate::core::ids::WorkspaceId;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "blob")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace_id: WorkspaceId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub sha256: String,
        pub size_bytes: i64,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
