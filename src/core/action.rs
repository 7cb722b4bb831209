//! Every permission there is. The audit log, the roles and the documents use these names.

use std::fmt;

macro_rules! actions {
    ($($variant:ident => $name:literal),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($variant),*
        }

        impl Action {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.name() == name)
            }

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }
    };
}

actions! {
    WorkspaceCreate => "workspace.create",
    QuotaSet => "quota.set",
    AccountRead => "account.read",
    AccountCreate => "account.create",
    AccountDeactivate => "account.deactivate",
    AccountErase => "account.erase",
    RoleMap => "role.map",
    RoleGive => "role.give",
    RoleTake => "role.take",
    RoleDefine => "role.define",
    RoleDiscard => "role.discard",
    PersonLink => "person.link",
    TeamSet => "team.set",
    DelegationRead => "delegation.read",
    DelegationCreate => "delegation.create",
    DelegationRevoke => "delegation.revoke",
    SessionOpen => "session.open",
    SessionClose => "session.close",
    SessionConfirm => "session.confirm",
    PasswordChange => "password.change",
    PasswordReset => "password.reset",
    SecondFactorAdd => "second_factor.add",
    SecondFactorRemove => "second_factor.remove",
    SecondFactorTake => "second_factor.take",
    RecoveryCodesRenew => "recovery_codes.renew",
    FoundingCodeIssue => "founding_code.issue",
    TokenRead => "token.read",
    TokenCreate => "token.create",
    TokenRevoke => "token.revoke",
    TokenExchange => "token.exchange",
    TokenUse => "token.use",
    WorkloadTrust => "workload.trust",
    WorkloadDistrust => "workload.distrust",
    TrustKeyRead => "trust_key.read",
    TrustKeyAdd => "trust_key.add",
    TrustKeyRevoke => "trust_key.revoke",
    ModelRead => "model.read",
    ModelRegister => "model.register",
    ModelUpdate => "model.update",
    VersionRead => "version.read",
    VersionInspect => "version.inspect",
    VersionCreate => "version.create",
    VersionUpload => "version.upload",
    VersionSeal => "version.seal",
    BlobQuarantine => "blob.quarantine",
    BlobRestore => "blob.restore",
    BlobRewrap => "blob.rewrap",
    VersionRevoke => "version.revoke",
    EnvironmentRead => "environment.read",
    EnvironmentCreate => "environment.create",
    EnvironmentRevise => "environment.revise",
    ConstraintsRevise => "constraints.revise",
    PolicyPublish => "policy.publish",
    DatasetRead => "dataset.read",
    DatasetRegister => "dataset.register",
    DatasetInspect => "dataset.inspect",
    FrameworkRead => "framework.read",
    RunRead => "run.read",
    RunRequest => "run.request",
    RunFinish => "run.finish",
    EvidenceRead => "evidence.read",
    EvidenceReport => "evidence.report",
    EvidenceWithdraw => "evidence.withdraw",
    EvidenceRefute => "evidence.refute",
    PromotionRead => "promotion.read",
    PromotionRequest => "promotion.request",
    PromotionWithdraw => "promotion.withdraw",
    PromotionApprove => "promotion.approve",
    PromotionReject => "promotion.reject",
    PromotionComment => "promotion.comment",
    PromotionActivate => "promotion.activate",
    PromotionInvalidate => "promotion.invalidate",
    PromotionExpire => "promotion.expire",
    ReleaseRead => "release.read",
    ReleasePull => "release.pull",
    ReleaseRollBack => "release.roll_back",
    ReleaseSuspend => "release.suspend",
    ReleaseResume => "release.resume",
    ReleaseLowerMode => "release.lower_mode",
    ReleaseCutOff => "release.cut_off",
    ReleaseReview => "release.review",
    ReleaseRemind => "release.remind",
    ReleaseRehearse => "release.rehearse",
    RehearsalFinish => "rehearsal.finish",
    DossierExport => "dossier.export",
    AuditRead => "audit.read",
    AuditExport => "audit.export",
    RegistryKeyAdd => "registry_key.add",
    RegistryKeyRetire => "registry_key.retire",
    ConfigurationLoad => "configuration.load",
    SchemaMigrate => "schema.migrate",
    FindingRead => "finding.read",
    FindingOpen => "finding.open",
    FindingRemediate => "finding.remediate",
    FindingClose => "finding.close",
    FindingAccept => "finding.accept",
    FindingReopen => "finding.reopen",
    FindingRemind => "finding.remind",
    WaiverRead => "waiver.read",
    WaiverRequest => "waiver.request",
    WaiverGrant => "waiver.grant",
    WaiverRefuse => "waiver.refuse",
    WaiverRevoke => "waiver.revoke",
    WaiverExpire => "waiver.expire",
    BreakGlassRead => "break_glass.read",
    BreakGlassInvoke => "break_glass.invoke",
    BreakGlassConfirm => "break_glass.confirm",
    BreakGlassClose => "break_glass.close",
    BreakGlassExpire => "break_glass.expire",
    BreakGlassReview => "break_glass.review",
    RunningReport => "running.report",
    PromotionUnapprove => "promotion.unapprove",
    PromotionHold => "promotion.hold",
    PromotionUnhold => "promotion.unhold",
    PromotionLoseQuorum => "promotion.lose_quorum",
    PromotionRegainQuorum => "promotion.regain_quorum",
    ReleaseLapse => "release.lapse",
    RecordRead => "record.read",
    RecordPut => "record.put",
    EnvironmentRecordPut => "environment_record.put",
    RecordReview => "record.review",
    RecordLapse => "record.lapse",
    RunCancel => "run.cancel",
    RunCarryOut => "run.carry_out",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
