//! Everything the audit log can say. One variant per fact, in the past tense.
//!
//! Fields hold ids, names that are identifiers, digests and states. Free text from
//! people is never in a leaf: it would have to stay for ever.

use crate::core::{action::Action, ids::*};
use serde::Serialize;

/// What an event is about: kind and id.
pub type Object = (&'static str, String);

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident: $action:ident on $kind:literal { $id:ident: $id_type:ty $(, $field:ident: $type:ty)* $(,)? })*) => {
        #[derive(Clone, Debug, Serialize)]
        #[serde(tag = "event", rename_all = "snake_case")]
        pub enum Event {
            $($(#[$doc])* $variant { $id: $id_type $(, $field: $type)* },)*
        }

        impl Event {
            /// The permission that such a change needs.
            pub fn action(&self) -> Action {
                match self {
                    $(Self::$variant { .. } => Action::$action,)*
                }
            }

            pub fn object(&self) -> Object {
                match self {
                    $(Self::$variant { $id, .. } => ($kind, $id.to_string()),)*
                }
            }
        }
    };
}

events! {
    WorkspaceCreated: WorkspaceCreate on "workspace" { workspace: WorkspaceId, name: String }
    /// It keeps no more than so many bytes from now on; as much as there is room for where there is no number.
    QuotaSet: QuotaSet on "workspace" { workspace: WorkspaceId, before: Option<u64>, now: Option<u64> }
    AccountCreated: AccountCreate on "account" { account: AccountId, kind: String, roles: Vec<String> }
    AccountDeactivated: AccountDeactivate on "account" { account: AccountId }
    /// Who the account belonged to is forgotten; its id stays wherever it stands.
    AccountErased: AccountErase on "account" { account: AccountId }
    /// By an administrator, with all roles before and from now on; for these models and environments, or for all.
    RoleGiven: RoleGive on "account" {
        account: AccountId, role: String, models: Option<Vec<ModelId>>, environments: Option<Vec<EnvironmentId>>,
        before: Vec<String>, now: Vec<String>,
    }
    /// The same; what was decided by it alone counts no more.
    RoleTaken: RoleTake on "account" { account: AccountId, role: String, before: Vec<String>, now: Vec<String> }
    /// A role of the workspace allows these actions from now on; it is new where it allowed none before.
    RoleDefined: RoleDefine on "role" { role: CustomRoleId, name: String, before: Vec<String>, now: Vec<String> }
    /// There is none of that name any more; nobody held it.
    RoleDiscarded: RoleDiscard on "role" { role: CustomRoleId, name: String, before: Vec<String> }
    /// The account is of the same person as the other one from now on.
    PersonLinked: PersonLink on "account" { account: AccountId, same_as: AccountId, person: PersonId }
    /// The account is of a person of its own from now on.
    PersonUnlinked: PersonLink on "account" { account: AccountId, person: PersonId }
    /// An identity provider brought the account, and it is of a person of its own; until now it could only look.
    PersonSaid: PersonLink on "account" { account: AccountId, person: PersonId }
    TeamSet: TeamSet on "account" { account: AccountId, team: Option<String> }
    DelegationCreated: DelegationCreate on "delegation" { delegation: DelegationId, from: AccountId, to: AccountId, valid_from: String, valid_until: String }
    DelegationRevoked: DelegationRevoke on "delegation" { delegation: DelegationId, from: AccountId, to: AccountId }
    /// Somebody whom an identity provider knows came for the first time; `mapping`: the digest of the file of providers.
    /// With a person where the operator vouches for it that nobody of the provider has two accounts.
    AccountProvisioned: AccountCreate on "account" { account: AccountId, provider: String, mapping: String, roles: Vec<String>, person: Option<PersonId> }
    /// What the groups of an identity provider gave and took, by which file of providers.
    RolesMapped: RoleMap on "account" { account: AccountId, provider: String, mapping: String, given: Vec<String>, taken: Vec<String> }
    /// `new_device`: the browser was not known to this account before. Without a provider: by a password.
    SessionOpened: SessionOpen on "token" { token: TokenId, account: AccountId, provider: Option<String>, new_device: bool }
    /// An answer of an identity provider that opened nothing. Names the account once the provider proved it.
    ProviderRefused: SessionOpen on "account" { account: String, provider: String, cause: String }
    /// The same of somebody who is signed in and was to prove again who they are.
    ProviderConfirmationRefused: SessionConfirm on "account" { account: AccountId, provider: String, cause: String }
    /// A sign-in that failed. Says which name was tried only when such an account exists.
    SessionRefused: SessionOpen on "account" { account: String }
    SessionClosed: SessionClose on "token" { token: TokenId }
    /// Somebody proved again who they are, and their session goes on under another secret.
    SessionConfirmed: SessionConfirm on "token" { token: TokenId, account: AccountId, replaces: TokenId }
    /// A session that was to be confirmed, or a password that was to be changed, with a wrong password.
    ConfirmationRefused: SessionConfirm on "account" { account: AccountId }
    /// `ended`: how many other sessions ended with it.
    PasswordChanged: PasswordChange on "account" { account: AccountId, ended: usize }
    /// A code by which the person sets a password; who issued it knows no password.
    PasswordResetIssued: PasswordReset on "account" { account: AccountId, reset: ResetId, expires_at: String }
    /// By such a code. Every session and token of the person ended with it.
    PasswordWasReset: PasswordChange on "account" { account: AccountId, reset: ResetId, ended: usize }
    /// A code with which a new account's person chooses their password; who issued it knows none.
    AccountInvited: PasswordReset on "account" { account: AccountId, reset: ResetId, expires_at: String }
    /// The password was right, and no code of the second factor came with it.
    SecondFactorAsked: SessionOpen on "account" { account: AccountId }
    /// The password was right, and the code of the second factor was not, or was used before.
    SecondFactorRefused: SessionOpen on "account" { account: AccountId }
    /// One of the codes on paper stood in for the authenticator.
    RecoveryCodeUsed: SessionOpen on "account" { account: AccountId }
    /// A secret was made; nothing is asked for before its first code was right.
    SecondFactorBegun: SecondFactorAdd on "account" { account: AccountId }
    /// `ended`: how many other sessions, opened without it, ended.
    SecondFactorAdded: SecondFactorAdd on "account" { account: AccountId, ended: usize }
    RecoveryCodesRenewed: RecoveryCodesRenew on "account" { account: AccountId }
    SecondFactorRemoved: SecondFactorRemove on "account" { account: AccountId }
    /// By an administrator. The person has to add another one before anything else; `ended`: how many of their sessions did.
    SecondFactorTaken: SecondFactorTake on "account" { account: AccountId, ended: usize }
    /// A code was printed with which the first account is made.
    FoundingCodeIssued: FoundingCodeIssue on "workspace" { workspace: WorkspaceId, expires_at: String }
    TokenCreated: TokenCreate on "token" { token: TokenId, account: AccountId, accessor: String, expires_at: String }
    TokenRevoked: TokenRevoke on "token" { token: TokenId }
    /// Tokens of an issuer stand for a service account from now on.
    WorkloadTrusted: WorkloadTrust on "workload_trust" { trust: WorkloadTrustId, account: AccountId }
    /// They do not any more; what was given for them is dead.
    WorkloadDistrusted: WorkloadDistrust on "workload_trust" { trust: WorkloadTrustId }
    /// A workload got a token for that of its issuer.
    TokenExchanged: TokenExchange on "token" { token: TokenId, account: AccountId, trust: WorkloadTrustId, expires_at: String }
    /// A token of somebody else's that was to be exchanged, and is not believed.
    WorkloadRefused: TokenExchange on "workload_trust" { trust: WorkloadTrustId, cause: String }
    TrustKeyAdded: TrustKeyAdd on "trust_key" { key: TrustKeyId, fingerprint: String }
    TrustKeyRevoked: TrustKeyRevoke on "trust_key" { key: TrustKeyId, fingerprint: String }
    /// One certificate of an authority, by SHA-256 or serial number.
    CertificateRevoked: TrustKeyRevoke on "trust_key" { key: TrustKeyId, certificate: String }
    ModelRegistered: ModelRegister on "model" { model: ModelId, name: String, risk_tier: String }
    ModelUpdated: ModelUpdate on "model" { model: ModelId, revision: i64 }
    VersionCreated: VersionCreate on "version" { version: VersionId, model: ModelId, number: i64, manifest: String }
    DraftTakenOver: VersionCreate on "version" { version: VersionId, manifest: String }
    FileUploaded: VersionUpload on "version" { version: VersionId, sha256: String, size_bytes: i64 }
    VersionSealed: VersionSeal on "version" { version: VersionId, manifest: String, signature: String, key: Option<String>, attestations: Vec<String> }
    /// Bytes of a version left for somebody who looks at it, before any gate.
    FileInspected: VersionInspect on "version" { version: VersionId, path: String, sha256: String }
    /// Somebody called it by hand; with which values is nowhere.
    VersionTried: VersionInspect on "version" { version: VersionId, manifest: String }
    /// Bytes that the workspace holds are not what was stored; nothing of them leaves.
    BlobQuarantined: BlobQuarantine on "blob" { sha256: String, fault: String }
    /// They are what was stored again.
    BlobRestored: BlobRestore on "blob" { sha256: String }
    /// The keys of so many stored files are wrapped with this one from now on; the files are what they were.
    BlobsRewrapped: BlobRewrap on "blob" { key: String, files: i64 }
    VersionRevoked: VersionRevoke on "version" { version: VersionId }
    EnvironmentCreated: EnvironmentCreate on "environment" { environment: EnvironmentId, name: String }
    ProfileRevised: EnvironmentRevise on "environment" { environment: EnvironmentId, revision: i64, digest: String }
    ConstraintsRevised: ConstraintsRevise on "environment" { environment: EnvironmentId, revision: i64, digest: String }
    PolicyPublished: PolicyPublish on "environment" { environment: EnvironmentId, revision: i64, digest: String }
    DatasetRegistered: DatasetRegister on "dataset" { dataset: DatasetId, name: String, sha256: String, rows: i64 }
    /// The rows of evaluation data left for somebody who measures with them.
    DatasetInspected: DatasetInspect on "dataset" { dataset: DatasetId, sha256: String }
    RunRequested: RunRequest on "run" { run: RunId, version: VersionId, environment: EnvironmentId, constraints: String, dataset: String }
    RunFinished: RunFinish on "run" { run: RunId, state: String, attempt: i64, evidence: Vec<String>, verdicts: Option<String> }
    /// The version is measured beside another one, on the same rows and machine.
    ComparisonRequested: RunRequest on "comparison" { comparison: ComparisonId, version: VersionId, baseline: VersionId, environment: EnvironmentId, release: Option<ReleaseId>, constraints: String, dataset: String }
    ComparisonFinished: RunFinish on "comparison" { comparison: ComparisonId, state: String, digest: Option<String> }
    EvidenceReported: EvidenceReport on "evidence" { evidence: EvidenceId, version: VersionId, kind: String, digest: String, key: TrustKeyId, supersedes: Option<EvidenceId> }
    EvidenceWithdrawn: EvidenceWithdraw on "evidence" { evidence: EvidenceId, version: VersionId, digest: String }
    EvidenceRefuted: EvidenceRefute on "evidence" { evidence: EvidenceId, version: VersionId, digest: String }
    PromotionRequested: PromotionRequest on "promotion" { promotion: PromotionId, version: VersionId, environment: EnvironmentId, state: String, decision: String }
    PromotionWithdrawn: PromotionWithdraw on "promotion" { promotion: PromotionId }
    PromotionApproved: PromotionApprove on "promotion" { promotion: PromotionId, approval: ApprovalId, decision: String, quorum: bool, on_behalf_of: Option<AccountId>, conditions: bool }
    PromotionRejected: PromotionReject on "promotion" { promotion: PromotionId, approval: ApprovalId, decision: String }
    PromotionCommented: PromotionComment on "promotion" { promotion: PromotionId, comment: CommentId }
    PromotionInvalidated: PromotionInvalidate on "promotion" { promotion: PromotionId, decision: String, cause: String }
    PromotionExpired: PromotionExpire on "promotion" { promotion: PromotionId }
    ReleaseActivated: PromotionActivate on "release" { release: ReleaseId, promotion: PromotionId, version: VersionId, environment: EnvironmentId, replaces: Option<ReleaseId>, decision: String }
    ReleaseRolledBack: ReleaseRollBack on "release" { release: ReleaseId, version: VersionId, environment: EnvironmentId, replaces: ReleaseId, restores: ReleaseId }
    /// Withdrawn: it was active until now, and nothing is.
    ReleaseSuspended: ReleaseSuspend on "release" { release: ReleaseId, version: VersionId, environment: EnvironmentId }
    /// The same version is active again as a release of its own.
    ReleaseResumed: ReleaseResume on "release" { release: ReleaseId, version: VersionId, environment: EnvironmentId, restores: ReleaseId, mode: String }
    ReleaseModeLowered: ReleaseLowerMode on "release" { release: ReleaseId, version: VersionId, environment: EnvironmentId, replaces: ReleaseId, from: String, to: String }
    /// A file that was on its way out stopped, because its release may not leave any more.
    DownloadCutOff: ReleaseCutOff on "release" { release: ReleaseId, path: String, cause: String }
    RollbackReviewed: ReleaseReview on "release" { release: ReleaseId, review: ReviewId, outcome: String }
    RollbackReviewReminded: ReleaseRemind on "release" { release: ReleaseId, review: ReviewId, due_at: String }
    RehearsalRequested: ReleaseRehearse on "release" { release: ReleaseId, rehearsal: RehearsalId, version: VersionId, environment: EnvironmentId }
    RehearsalFinished: RehearsalFinish on "release" { release: ReleaseId, rehearsal: RehearsalId, state: String, digest: String }
    ReleasePulled: ReleasePull on "release" { release: ReleaseId, manifest: String, path: Option<String> }
    /// The verifier key stands here in full: who pins the key before it learns it from the log.
    RegistryKeyAdded: RegistryKeyAdd on "registry_key" { key: String, verifier_key: String, replaces: Option<String> }
    RegistryKeyRetired: RegistryKeyRetire on "registry_key" { key: String, signs_until: String }
    /// Names of settings and a digest over all of them; their values are in the row.
    ConfigurationLoaded: ConfigurationLoad on "configuration" { digest: String, program: String, changed: Vec<String> }
    FindingOpened: FindingOpen on "finding" { finding: FindingId, code: String, severity: String, owner: Option<AccountId> }
    FindingRemediated: FindingRemediate on "finding" { finding: FindingId }
    FindingClosed: FindingClose on "finding" { finding: FindingId, code: String }
    FindingAccepted: FindingAccept on "finding" { finding: FindingId, until: String }
    /// The acceptance of a risk has ended.
    FindingReopened: FindingReopen on "finding" { finding: FindingId }
    ApprovalWithdrawn: PromotionUnapprove on "promotion" { promotion: PromotionId, approval: ApprovalId }
    /// Approved, and not to be activated before something has passed.
    PromotionHeld: PromotionHold on "promotion" { promotion: PromotionId, cause: String, until: Option<String> }
    PromotionUnheld: PromotionUnhold on "promotion" { promotion: PromotionId }
    /// An approval no longer counts, and a seat is empty again.
    QuorumLost: PromotionLoseQuorum on "promotion" { promotion: PromotionId }
    /// The approvals that there are fill all seats again.
    QuorumRegained: PromotionRegainQuorum on "promotion" { promotion: PromotionId }
    /// What the approval of an active release rested on has changed.
    AssuranceLapsed: ReleaseLapse on "release" { release: ReleaseId, cause: String }
    FindingReminded: FindingRemind on "finding" { finding: FindingId, owner: Option<AccountId>, due: String }
    WaiverRequested: WaiverRequest on "waiver" { waiver: WaiverId, constraint: String, model: ModelId, version: Option<VersionId>, environment: EnvironmentId, until: String }
    /// `complete`: everybody who must has granted it, so that it holds.
    WaiverGranted: WaiverGrant on "waiver" { waiver: WaiverId, constraint: String, complete: bool }
    WaiverRefused: WaiverRefuse on "waiver" { waiver: WaiverId }
    WaiverRevoked: WaiverRevoke on "waiver" { waiver: WaiverId }
    WaiverExpired: WaiverExpire on "waiver" { waiver: WaiverId }
    /// `release` is absent while a second person has not confirmed it.
    BreakGlassInvoked: BreakGlassInvoke on "break_glass" { break_glass: BreakGlassId, version: VersionId, environment: EnvironmentId, release: Option<ReleaseId>, would_have_passed: Option<bool>, until: Option<String> }
    BreakGlassConfirmed: BreakGlassConfirm on "break_glass" { break_glass: BreakGlassId, release: ReleaseId, would_have_passed: bool, until: String }
    BreakGlassClosed: BreakGlassClose on "break_glass" { break_glass: BreakGlassId, release: Option<ReleaseId> }
    BreakGlassExpired: BreakGlassExpire on "break_glass" { break_glass: BreakGlassId, release: Option<ReleaseId> }
    BreakGlassReviewed: BreakGlassReview on "break_glass" { break_glass: BreakGlassId, outcome: String }
    RunningReported: RunningReport on "environment" { environment: EnvironmentId, model: ModelId, snapshot: SnapshotId, digest: Option<String>, matches: bool }
    /// A record of a model, or of a model in an environment.
    RecordRevised: RecordPut on "record" { record: RecordId, kind: String, revision: i64, digest: String, owner: AccountId, review_by: String }
    EnvironmentRecordRevised: EnvironmentRecordPut on "record" { record: RecordId, kind: String, revision: i64, digest: String, owner: AccountId, review_by: String }
    /// Its owner says that it still holds.
    RecordReviewed: RecordReview on "record" { record: RecordId, revision: i64, digest: String, review_by: String }
    /// Nobody looked at it by the day on which somebody had to.
    RecordLapsed: RecordLapse on "record" { record: RecordId, revision: i64, owner: AccountId, review_by: String }
    SchemaMigrated: SchemaMigrate on "schema" { version: String, applied: Vec<String> }
    AuditExported: AuditExport on "log" { origin: String, size: i64, extent: String }
    /// A signed package about a version left; `manifest` is the sha256 of its manifest.
    DossierExported: DossierExport on "version" { version: VersionId, model: ModelId, environment: EnvironmentId, profile: String, as_of: String, manifest: String }
    RunCancelled: RunCancel on "run" { run: RunId, attempt: i64 }
    /// Bytes left for a worker elsewhere: the model's file, or the rows that it predicts without the answers.
    RunMaterialFetched: RunCarryOut on "run" { run: RunId, attempt: i64, material: String, digest: String }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_its_fact_its_action_and_its_object() {
        let run = RunId::generate();
        let event =
            Event::RunFinished { run, state: "passed".to_owned(), attempt: 1, evidence: Vec::new(), verdicts: None };
        assert_eq!(event.action(), Action::RunFinish);
        assert_eq!(event.object(), ("run", run.to_string()));
        let json = serde_json::to_value(&event).expect("json");
        assert_eq!(json["event"], "run_finished");
    }
}
