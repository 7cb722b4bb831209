//! Typed ids: a `ModelId` can't be passed where a `VersionId` is wanted.

use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema, sea_orm::DeriveValueType,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Version 7: sortable by creation time.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        /// sea-orm asks this of every primary key; ours are never integers.
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

ids! {
    /// A tenant.
    WorkspaceId,
    /// A user or a service account.
    AccountId,
    /// That tokens of somebody else's issuer stand for a service account.
    WorkloadTrustId,
    /// One copy of bytes in the blob store.
    StoredBlobId,
    /// A file that comes in pieces.
    UploadId,
    /// A credential: a session or an API token.
    TokenId,
    /// A code by which somebody sets their password anew.
    ResetId,
    /// One role of one account in one workspace.
    MembershipId,
    /// A role that a workspace made.
    CustomRoleId,
    /// One human, whatever accounts they have.
    PersonId,
    /// One person's leave for another to decide in their stead.
    DelegationId,
    /// A named line of versions.
    ModelId,
    /// An immutable set of files.
    VersionId,
    /// One file of a version.
    FileId,
    /// A signature over a version's manifest.
    SignatureId,
    /// A signed statement about a version.
    AttestationId,
    /// One digest of something that a version was made from.
    MaterialId,
    /// A key whose signatures a workspace trusts.
    TrustKeyId,
    /// A deployment target.
    EnvironmentId,
    /// One immutable revision of an environment's profile, constraint spec or policy.
    RevisionId,
    /// Rows that a validation run reads.
    DatasetId,
    ComparisonId,
    /// One execution of a version by the registry's own worker.
    RunId,
    /// A digest-addressed record about a version.
    EvidenceId,
    /// The ask to make one version active in one environment.
    PromotionId,
    /// One reviewer's decision.
    ApprovalId,
    /// That a reviewer took an approval back.
    ApprovalWithdrawalId,
    /// What somebody said on a request.
    CommentId,
    /// What runs in an environment from some moment on.
    ReleaseId,
    /// What is asked about a rollback afterwards.
    ReviewId,
    /// A rollback that is tried without carrying it out.
    RehearsalId,
    /// A unit of background work.
    JobId,
    /// A program that carries runs out.
    WorkerId,
    /// The claim of an `Idempotency-Key`.
    ClaimId,
    /// Something wrong, to be dealt with.
    FindingId,
    /// One step in the life of a finding.
    FindingStepId,
    /// A time-bound exception to one limit.
    WaiverId,
    /// One person's decision on a waiver.
    WaiverGrantId,
    /// An emergency activation.
    BreakGlassId,
    /// What a deployer said really runs.
    SnapshotId,
    /// Something that somebody answers for and looks at again by a day: a runbook, a KPI, an assumption.
    RecordId,
    /// One immutable revision of such a record.
    RecordRevisionId,
}
