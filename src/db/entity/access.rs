//! Tenants, accounts, credentials and the keys a workspace trusts.

pub mod workspace {
    use crate::core::ids::WorkspaceId;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "workspace")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: WorkspaceId,
        #[sea_orm(unique)]
        pub name: String,
        pub created_at: DateTimeUtc,
        /// None: no limit.
        pub quota_bytes: Option<i64>,
        /// Counted by the database.
        pub kept_bytes: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod account {
    use crate::core::ids::{AccountId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: AccountId,
        #[sea_orm(unique)]
        pub name: String,
        pub display_name: String,
        pub kind: String,
        pub password_hash: Option<String>,
        pub state: String,
        pub owner_id: Option<AccountId>,
        pub created_at: DateTimeUtc,
        /// The identity provider that signs the person in, and what it calls them.
        #[sea_orm(unique_key = "identity")]
        pub issuer: Option<String>,
        #[sea_orm(unique_key = "identity")]
        pub subject: Option<String>,
        /// The workspace that it was made in, which answers for it whatever roles it has left; none: older than homes.
        pub home_id: Option<WorkspaceId>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod membership {
    use crate::core::ids::{AccountId, CustomRoleId, MembershipId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "membership")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: MembershipId,
        pub workspace_id: WorkspaceId,
        pub account_id: AccountId,
        pub role: String,
        /// The provider and the group of it that gave the role, `corp/credit-risk`; a person did where there is none.
        pub origin: Option<String>,
        /// For which models and environments it is held, as JSON; none: in the whole workspace.
        #[sea_orm(column_type = "Text", nullable)]
        pub reach: Option<String>,
        /// The role of the workspace's own that it is, if it is none of the fixed ones.
        #[sea_orm(indexed)]
        pub custom_id: Option<CustomRoleId>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A role that a workspace made for itself.
pub mod custom_role {
    use crate::core::ids::{AccountId, CustomRoleId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "custom_role")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CustomRoleId,
        #[sea_orm(unique_key = "name")]
        pub workspace_id: WorkspaceId,
        #[sea_orm(unique_key = "name")]
        pub name: String,
        /// A list of names, as JSON.
        #[sea_orm(column_type = "Text")]
        pub actions: String,
        pub created_by: Option<AccountId>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A session of a person or a token of a robot; only the hash of the secret is kept.
pub mod api_token {
    use crate::core::ids::{AccountId, TokenId, WorkloadTrustId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TokenId,
        pub workspace_id: WorkspaceId,
        pub account_id: AccountId,
        pub kind: String,
        pub name: String,
        #[sea_orm(unique)]
        pub accessor: String,
        #[sea_orm(unique)]
        pub secret_hash: String,
        pub created_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub revoked_at: Option<DateTimeUtc>,
        /// With which program a session was opened.
        pub client: Option<String>,
        /// The hash of what the browser keeps to be known again.
        pub device: Option<String>,
        /// Bookkeeping: when a session was last used, to the minute.
        pub seen_at: Option<DateTimeUtc>,
        /// When its person proved who they are, where a provider says that it was before the session began.
        pub proven_at: Option<DateTimeUtc>,
        /// How far a token reaches, as JSON; none: as far as its account.
        #[sea_orm(column_type = "Text", nullable)]
        pub reach: Option<String>,
        /// Whose workload got it for a token of its own.
        pub trust_id: Option<WorkloadTrustId>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A code by which somebody sets their password anew; only the hash of it is kept.
pub mod password_reset {
    use crate::core::ids::{AccountId, ResetId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "password_reset")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ResetId,
        pub workspace_id: WorkspaceId,
        pub account_id: AccountId,
        #[sea_orm(unique)]
        pub secret_hash: String,
        pub issued_by: Option<AccountId>,
        pub issued_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        /// Used, or replaced by a newer one.
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// That tokens of an issuer stand for a service account.
pub mod workload_trust {
    use crate::core::ids::{AccountId, WorkloadTrustId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "workload_trust")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: WorkloadTrustId,
        pub workspace_id: WorkspaceId,
        pub name: String,
        pub issuer: String,
        pub audience: String,
        #[sea_orm(column_type = "Text")]
        pub rules: String,
        pub account_id: AccountId,
        #[sea_orm(column_type = "Text")]
        pub reach: String,
        pub minutes: i64,
        pub created_by: Option<AccountId>,
        pub created_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A token of somebody else's that was believed once and is not believed again.
pub mod used_assertion {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "used_assertion")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub issuer: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: String,
        pub kept_until: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod trust_key {
    use crate::core::ids::{AccountId, TrustKeyId, WorkspaceId};
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "trust_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TrustKeyId,
        pub workspace_id: WorkspaceId,
        pub name: String,
        pub fingerprint: String,
        #[sea_orm(column_type = "Text")]
        pub public_key_pem: String,
        pub added_by: AccountId,
        pub valid_from: DateTimeUtc,
        pub valid_until: Option<DateTimeUtc>,
        pub revoked_at: Option<DateTimeUtc>,
        #[sea_orm(column_type = "Text", nullable)]
        pub identities: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub revoked_certificates: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
