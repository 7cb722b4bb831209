//! What each operation of the API needs. What it does to whoever may is its slice's business; that nobody else gets there, this
//! table's.

use super::{
    door::{
        Doors,
        Needs::{Caller, Nothing, One, OneOf},
        Row,
    },
    reach,
};
use crate::{
    app::App,
    authz::{Action, Principal},
    error::Error,
};
use actix_web::HttpRequest;
use std::sync::LazyLock;
use utoipa::openapi::{OpenApi, extensions::Extensions, path::Operation};

#[rustfmt::skip]
pub const OPERATIONS: &[Row] = &[
    // What is public.
    ("GET", "/api/v1/registry", Nothing),
    ("POST", "/api/v1/sessions", Nothing),
    ("POST", "/api/v1/password-resets", Nothing),
    ("POST", "/api/v1/workload-tokens", Nothing),
    ("POST", "/api/v1/first-account", Nothing),
    ("GET", "/api/v1/audit/keys", Nothing),
    // Callers, and what is their own.
    ("GET", "/api/v1/whoami", Caller),
    ("GET", "/api/v1/sessions", One(Action::TokenRead)),
    ("DELETE", "/api/v1/sessions", One(Action::SessionClose)),
    ("DELETE", "/api/v1/sessions/current", One(Action::SessionClose)),
    ("POST", "/api/v1/sessions/current/confirmation", One(Action::SessionConfirm)),
    ("DELETE", "/api/v1/sessions/{session}", One(Action::SessionClose)),
    ("PUT", "/api/v1/password", One(Action::PasswordChange)),
    ("GET", "/api/v1/second-factor", One(Action::TokenRead)),
    ("POST", "/api/v1/second-factor", One(Action::SecondFactorAdd)),
    ("DELETE", "/api/v1/second-factor", One(Action::SecondFactorRemove)),
    ("POST", "/api/v1/second-factor/confirmation", One(Action::SecondFactorAdd)),
    ("POST", "/api/v1/second-factor/recovery-codes", One(Action::RecoveryCodesRenew)),
    ("GET", "/api/v1/tokens", One(Action::TokenRead)),
    ("POST", "/api/v1/tokens", One(Action::TokenCreate)),
    ("DELETE", "/api/v1/tokens/{token}", One(Action::TokenRevoke)),
    // Accounts.
    ("GET", "/api/v1/accounts", One(Action::AccountRead)),
    ("POST", "/api/v1/accounts", One(Action::AccountCreate)),
    ("DELETE", "/api/v1/accounts/{account}", One(Action::AccountDeactivate)),
    ("POST", "/api/v1/accounts/{account}/erasure", One(Action::AccountErase)),
    ("POST", "/api/v1/accounts/{account}/password-reset", One(Action::PasswordReset)),
    ("DELETE", "/api/v1/accounts/{account}/second-factor", One(Action::SecondFactorTake)),
    ("GET", "/api/v1/accounts/{account}/person", One(Action::AccountRead)),
    ("PUT", "/api/v1/accounts/{account}/person", One(Action::PersonLink)),
    ("PUT", "/api/v1/accounts/{account}/team", One(Action::TeamSet)),
    ("GET", "/api/v1/accounts/{account}/roles", One(Action::AccountRead)),
    ("PUT", "/api/v1/accounts/{account}/roles/{role}", One(Action::RoleGive)),
    ("DELETE", "/api/v1/accounts/{account}/roles/{role}", One(Action::RoleTake)),
    ("GET", "/api/v1/roles", One(Action::AccountRead)),
    ("PUT", "/api/v1/roles/{role}", One(Action::RoleDefine)),
    ("DELETE", "/api/v1/roles/{role}", One(Action::RoleDiscard)),
    ("GET", "/api/v1/delegations", One(Action::DelegationRead)),
    ("POST", "/api/v1/delegations", One(Action::DelegationCreate)),
    ("GET", "/api/v1/delegations/{delegation}", One(Action::DelegationRead)),
    ("DELETE", "/api/v1/delegations/{delegation}", One(Action::DelegationRevoke)),
    ("GET", "/api/v1/workload-trusts", One(Action::AccountRead)),
    ("POST", "/api/v1/workload-trusts", One(Action::WorkloadTrust)),
    ("DELETE", "/api/v1/workload-trusts/{trust}", One(Action::WorkloadDistrust)),
    ("GET", "/api/v1/trust-keys", One(Action::TrustKeyRead)),
    ("POST", "/api/v1/trust-keys", One(Action::TrustKeyAdd)),
    ("DELETE", "/api/v1/trust-keys/{key}", One(Action::TrustKeyRevoke)),
    ("POST", "/api/v1/trust-keys/{key}/revoked-certificates", One(Action::TrustKeyRevoke)),
    // Models, versions and what is said of them.
    ("GET", "/api/v1/models", One(Action::ModelRead)),
    ("POST", "/api/v1/models", One(Action::ModelRegister)),
    ("GET", "/api/v1/models/{model}", One(Action::ModelRead)),
    ("PATCH", "/api/v1/models/{model}", One(Action::ModelUpdate)),
    ("GET", "/api/v1/models/{model}/records", One(Action::RecordRead)),
    ("GET", "/api/v1/models/{model}/records/{kind}/{name}", One(Action::RecordRead)),
    ("PUT", "/api/v1/models/{model}/records/{kind}/{name}", One(Action::RecordPut)),
    ("POST", "/api/v1/models/{model}/records/{kind}/{name}/review", One(Action::RecordReview)),
    ("GET", "/api/v1/models/{model}/versions", One(Action::VersionRead)),
    ("POST", "/api/v1/models/{model}/versions", One(Action::VersionCreate)),
    ("GET", "/api/v1/models/{model}/versions/{version}", One(Action::VersionRead)),
    ("GET", "/api/v1/models/{model}/versions/{version}/attestations", One(Action::VersionRead)),
    ("GET", "/api/v1/models/{model}/versions/{version}/contents/{path}", One(Action::VersionRead)),
    ("GET", "/api/v1/models/{model}/versions/{version}/card", One(Action::VersionRead)),
    ("GET", "/api/v1/models/{model}/versions/{version}/coverage", One(Action::FrameworkRead)),
    ("GET", "/api/v1/models/{model}/versions/{version}/evidence", One(Action::EvidenceRead)),
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence", One(Action::EvidenceReport)),
    ("GET", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}", One(Action::EvidenceRead)),
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/refute", One(Action::EvidenceRefute)),
    ("POST", "/api/v1/models/{model}/versions/{version}/evidence/{evidence}/withdraw", One(Action::EvidenceWithdraw)),
    ("GET", "/api/v1/models/{model}/versions/{version}/files/{path}", One(Action::VersionInspect)),
    ("HEAD", "/api/v1/models/{model}/versions/{version}/files/{path}", One(Action::VersionInspect)),
    ("PUT", "/api/v1/models/{model}/versions/{version}/files/{path}", One(Action::VersionUpload)),
    ("POST", "/api/v1/models/{model}/versions/{version}/uploads", One(Action::VersionUpload)),
    ("GET", "/api/v1/models/{model}/versions/{version}/uploads/{upload}", One(Action::VersionUpload)),
    ("DELETE", "/api/v1/models/{model}/versions/{version}/uploads/{upload}", One(Action::VersionUpload)),
    ("PUT", "/api/v1/models/{model}/versions/{version}/uploads/{upload}/chunks/{number}", One(Action::VersionUpload)),
    ("POST", "/api/v1/models/{model}/versions/{version}/uploads/{upload}/completion", One(Action::VersionUpload)),
    ("GET", "/api/v1/models/{model}/versions/{version}/infer", One(Action::VersionInspect)),
    ("POST", "/api/v1/models/{model}/versions/{version}/infer", One(Action::VersionInspect)),
    ("GET", "/api/v1/models/{model}/versions/{version}/bom", One(Action::VersionRead)),
    ("GET", "/api/v1/models/{model}/versions/{version}/lineage", One(Action::VersionRead)),
    ("POST", "/api/v1/models/{model}/versions/{version}/revocation", One(Action::VersionRevoke)),
    ("POST", "/api/v1/models/{model}/versions/{version}/seal", One(Action::VersionSeal)),
    ("GET", "/api/v1/lineage", One(Action::VersionRead)),
    ("GET", "/api/v1/quota", One(Action::VersionRead)),
    ("GET", "/api/v1/frameworks", One(Action::FrameworkRead)),
    ("GET", "/api/v1/frameworks/{framework}/revisions/{revision}", One(Action::FrameworkRead)),
    // Environments and what is measured for them.
    ("GET", "/api/v1/environments", One(Action::EnvironmentRead)),
    ("POST", "/api/v1/environments", One(Action::EnvironmentCreate)),
    ("GET", "/api/v1/environments/{environment}", One(Action::EnvironmentRead)),
    ("POST", "/api/v1/environments/{environment}/policy/dry-run", One(Action::EnvironmentRead)),
    ("GET", "/api/v1/environments/{environment}/records", One(Action::RecordRead)),
    ("GET", "/api/v1/environments/{environment}/records/{kind}/{name}", One(Action::RecordRead)),
    ("PUT", "/api/v1/environments/{environment}/records/{kind}/{name}", One(Action::EnvironmentRecordPut)),
    ("POST", "/api/v1/environments/{environment}/records/{kind}/{name}/review", One(Action::RecordReview)),
    ("GET", "/api/v1/environments/{environment}/{document}", One(Action::EnvironmentRead)),
    ("PUT", "/api/v1/environments/{environment}/{document}", OneOf(&[Action::EnvironmentRevise, Action::ConstraintsRevise, Action::PolicyPublish])),
    ("GET", "/api/v1/environments/{environment}/{document}/revisions", One(Action::EnvironmentRead)),
    ("GET", "/api/v1/environments/{environment}/{document}/revisions/{revision}", One(Action::EnvironmentRead)),
    ("POST", "/api/v1/policies/lint", One(Action::EnvironmentRead)),
    ("GET", "/api/v1/datasets", One(Action::DatasetRead)),
    ("GET", "/api/v1/datasets/{dataset}", One(Action::DatasetRead)),
    ("PUT", "/api/v1/datasets/{dataset}", One(Action::DatasetRegister)),
    ("GET", "/api/v1/datasets/{dataset}/content", One(Action::DatasetInspect)),
    ("HEAD", "/api/v1/datasets/{dataset}/content", One(Action::DatasetInspect)),
    ("GET", "/api/v1/runs", One(Action::RunRead)),
    ("POST", "/api/v1/runs", One(Action::RunRequest)),
    ("GET", "/api/v1/runs/{run}", One(Action::RunRead)),
    ("POST", "/api/v1/runs/{run}/cancellation", One(Action::RunCancel)),
    ("GET", "/api/v1/comparisons", One(Action::RunRead)),
    ("POST", "/api/v1/comparisons", One(Action::RunRequest)),
    ("GET", "/api/v1/comparisons/{comparison}", One(Action::RunRead)),
    ("GET", "/api/v1/workers", One(Action::RunRead)),
    ("POST", "/api/v1/worker/claims", One(Action::RunCarryOut)),
    ("PUT", "/api/v1/worker/claims/{claim}", One(Action::RunCarryOut)),
    ("GET", "/api/v1/worker/claims/{claim}/model", One(Action::RunCarryOut)),
    ("POST", "/api/v1/worker/claims/{claim}/result", One(Action::RunCarryOut)),
    ("GET", "/api/v1/worker/claims/{claim}/task", One(Action::RunCarryOut)),
    // Requests, and what runs.
    ("GET", "/api/v1/promotions", One(Action::PromotionRead)),
    ("POST", "/api/v1/promotions", One(Action::PromotionRequest)),
    ("GET", "/api/v1/promotions/{promotion}", One(Action::PromotionRead)),
    ("POST", "/api/v1/promotions/{promotion}/activation", One(Action::PromotionActivate)),
    ("GET", "/api/v1/promotions/{promotion}/comments", One(Action::PromotionRead)),
    ("POST", "/api/v1/promotions/{promotion}/comments", One(Action::PromotionComment)),
    ("POST", "/api/v1/promotions/{promotion}/decisions", OneOf(&[Action::PromotionApprove, Action::PromotionReject])),
    ("POST", "/api/v1/promotions/{promotion}/decisions/withdrawal", One(Action::PromotionUnapprove)),
    ("POST", "/api/v1/promotions/{promotion}/withdrawal", One(Action::PromotionWithdraw)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/assertion", One(Action::ReleasePull)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/release", One(Action::ReleasePull)),
    ("HEAD", "/api/v1/environments/{environment}/models/{model}/release", One(Action::ReleasePull)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/release/files/{path}", One(Action::ReleasePull)),
    ("HEAD", "/api/v1/environments/{environment}/models/{model}/release/files/{path}", One(Action::ReleasePull)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/release/mode", One(Action::ReleaseLowerMode)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/release/suspension", One(Action::ReleaseSuspend)),
    ("DELETE", "/api/v1/environments/{environment}/models/{model}/release/suspension", One(Action::ReleaseResume)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/releases", One(Action::ReleaseRead)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/rollbacks", One(Action::ReleaseRollBack)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/rollbacks/plan", One(Action::ReleaseRollBack)),
    ("POST", "/api/v1/environments/{environment}/models/{model}/rollbacks/rehearsals", One(Action::ReleaseRehearse)),
    ("GET", "/api/v1/rehearsals/{rehearsal}", One(Action::ReleaseRead)),
    ("GET", "/api/v1/rollback-reviews", One(Action::ReleaseRead)),
    ("POST", "/api/v1/releases/{release}/review", One(Action::ReleaseReview)),
    ("GET", "/api/v1/environments/{environment}/models/{model}/running", One(Action::ReleaseRead)),
    ("PUT", "/api/v1/environments/{environment}/models/{model}/running", One(Action::RunningReport)),
    // Findings, exceptions and emergencies.
    ("GET", "/api/v1/findings", One(Action::FindingRead)),
    ("POST", "/api/v1/findings", One(Action::FindingOpen)),
    ("GET", "/api/v1/findings/{finding}", One(Action::FindingRead)),
    ("POST", "/api/v1/findings/{finding}/acceptance", One(Action::FindingAccept)),
    ("POST", "/api/v1/findings/{finding}/closure", One(Action::FindingClose)),
    ("POST", "/api/v1/findings/{finding}/remediation", One(Action::FindingRemediate)),
    ("GET", "/api/v1/waivers", One(Action::WaiverRead)),
    ("POST", "/api/v1/waivers", One(Action::WaiverRequest)),
    ("GET", "/api/v1/waivers/{waiver}", One(Action::WaiverRead)),
    ("POST", "/api/v1/waivers/{waiver}/decisions", OneOf(&[Action::WaiverGrant, Action::WaiverRefuse])),
    ("POST", "/api/v1/waivers/{waiver}/revocation", One(Action::WaiverRevoke)),
    ("GET", "/api/v1/break-glass", One(Action::BreakGlassRead)),
    ("POST", "/api/v1/break-glass", One(Action::BreakGlassInvoke)),
    ("GET", "/api/v1/break-glass/{break_glass}", One(Action::BreakGlassRead)),
    ("POST", "/api/v1/break-glass/{break_glass}/closure", One(Action::BreakGlassClose)),
    ("POST", "/api/v1/break-glass/{break_glass}/confirmation", One(Action::BreakGlassConfirm)),
    ("POST", "/api/v1/break-glass/{break_glass}/review", One(Action::BreakGlassReview)),
    // The log, and what is taken from it.
    ("GET", "/api/v1/asof", One(Action::AuditRead)),
    ("GET", "/api/v1/audit/checkpoint", One(Action::AuditRead)),
    ("GET", "/api/v1/audit/consistency", One(Action::AuditRead)),
    ("GET", "/api/v1/audit/events", One(Action::AuditRead)),
    ("POST", "/api/v1/audit/export", One(Action::AuditExport)),
    ("GET", "/api/v1/audit/history/{reference}", One(Action::AuditRead)),
    ("GET", "/api/v1/audit/leaves/{index}", One(Action::AuditRead)),
    ("GET", "/api/v1/audit/leaves/{index}/inclusion", One(Action::AuditRead)),
    ("GET", "/api/v1/audit/leaves/{index}/proof", One(Action::AuditRead)),
    ("GET", "/api/v1/audit/security-feed", One(Action::AuditRead)),
    ("GET", "/api/v1/audit/tile/entries/{path}", One(Action::AuditExport)),
    ("GET", "/api/v1/audit/tile/{level}/{path}", One(Action::AuditRead)),
    ("GET", "/api/v1/dossiers", One(Action::DossierExport)),
];

static DOORS: LazyLock<Doors> = LazyLock::new(|| Doors::new(OPERATIONS));

/// # Errors
/// `Denied` where the caller's roles do not allow what the operation needs, or not there.
pub async fn admit(app: &App, request: &HttpRequest, who: &Principal) -> Result<(), Error> {
    DOORS.pass(request, who)?;
    reach::require_range(app, request, who, DOORS.of(request)).await
}

/// Says in the document which actions each operation needs, one of them where there are several: none where any caller may.
/// What is public says so by its security.
pub fn describe(document: &mut OpenApi) {
    for (method, path, needs) in OPERATIONS {
        let Some(operation) = document.paths.paths.get_mut(*path).and_then(|item| operation(item, method)) else {
            continue;
        };
        if matches!(needs, Nothing) {
            continue;
        }
        let actions: Vec<_> = needs.actions().iter().map(|action| action.name()).collect();
        operation.extensions = Some(Extensions::builder().add("x-actions", actions).build());
    }
}

fn operation<'a>(item: &'a mut utoipa::openapi::PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "GET" => item.get.as_mut(),
        "PUT" => item.put.as_mut(),
        "POST" => item.post.as_mut(),
        "DELETE" => item.delete.as_mut(),
        "HEAD" => item.head.as_mut(),
        "PATCH" => item.patch.as_mut(),
        _ => None,
    }
}
