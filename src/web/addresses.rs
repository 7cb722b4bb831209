//! What each page and each form needs of whoever comes to it. A page whose address is not here is open to nobody.

use crate::{
    app::App,
    authz::{Action, Principal},
    error::Error,
    http::{
        door::{
            Doors,
            Needs::{Caller, Nothing, One, OneOf},
            Row,
        },
        reach,
    },
};
use actix_web::{HttpRequest, web::Data};
use std::sync::LazyLock;

#[rustfmt::skip]
pub const ADDRESSES: &[Row] = &[
    // Before there is a visitor.
    ("GET", "/assets/{file}", Nothing),
    ("GET", "/login", Nothing),
    ("POST", "/login", Nothing),
    ("GET", "/login/with/{provider}", Nothing),
    ("GET", "/login/with/{provider}/callback", Nothing),
    ("GET", "/reset", Nothing),
    ("POST", "/reset", Nothing),
    ("GET", "/first", Nothing),
    ("POST", "/first", Nothing),
    // One's own.
    ("GET", "/", Caller),
    ("POST", "/logout", Caller),
    ("GET", "/account", Caller),
    ("POST", "/account/password", One(Action::PasswordChange)),
    ("POST", "/account/second-factor", One(Action::SecondFactorAdd)),
    ("POST", "/account/second-factor/confirmation", One(Action::SecondFactorAdd)),
    ("POST", "/account/second-factor/recovery-codes", One(Action::RecoveryCodesRenew)),
    ("POST", "/account/second-factor/removal", One(Action::SecondFactorRemove)),
    ("POST", "/account/sessions/end-others", One(Action::SessionClose)),
    ("POST", "/account/sessions/{session}/end", One(Action::SessionClose)),
    ("GET", "/tokens", One(Action::TokenRead)),
    ("POST", "/tokens", One(Action::TokenCreate)),
    ("POST", "/tokens/{token}/revocation", One(Action::TokenRevoke)),
    ("POST", "/tokens/{token}/successor", One(Action::TokenCreate)),
    // Members.
    ("GET", "/members", One(Action::AccountRead)),
    ("POST", "/members", One(Action::AccountCreate)),
    ("GET", "/members/{member}", One(Action::AccountRead)),
    ("POST", "/members/{member}/deactivation", One(Action::AccountDeactivate)),
    ("POST", "/members/{member}/erasure", One(Action::AccountErase)),
    ("POST", "/members/{member}/password-reset", One(Action::PasswordReset)),
    ("POST", "/members/{member}/person", One(Action::PersonLink)),
    ("POST", "/members/{member}/role", One(Action::RoleGive)),
    ("POST", "/members/{member}/role-end", One(Action::RoleTake)),
    ("POST", "/members/{member}/second-factor", One(Action::SecondFactorTake)),
    ("POST", "/members/{member}/sessions/{session}/end", One(Action::SessionClose)),
    ("POST", "/members/{member}/team", One(Action::TeamSet)),
    ("GET", "/delegations", One(Action::DelegationRead)),
    ("POST", "/delegations", One(Action::DelegationCreate)),
    ("POST", "/delegations/{delegation}/revocation", One(Action::DelegationRevoke)),
    ("GET", "/trust-keys", One(Action::TrustKeyRead)),
    ("POST", "/trust-keys", One(Action::TrustKeyAdd)),
    ("POST", "/trust-keys/{key}/revocation", One(Action::TrustKeyRevoke)),
    ("POST", "/trust-keys/{key}/revoked-certificates", One(Action::TrustKeyRevoke)),
    ("GET", "/workers", One(Action::RunRead)),
    ("GET", "/quota", One(Action::VersionRead)),
    // Models and versions.
    ("GET", "/models", One(Action::ModelRead)),
    ("GET", "/models/{model}", One(Action::ModelRead)),
    ("GET", "/models/{model}/versions/{version}", One(Action::VersionRead)),
    ("GET", "/models/{model}/versions/{version}/compare", One(Action::VersionRead)),
    ("GET", "/models/{model}/versions/{version}/contents/{path}", One(Action::VersionRead)),
    ("GET", "/models/{model}/versions/{version}/coverage", One(Action::FrameworkRead)),
    ("GET", "/models/{model}/versions/{version}/dossier", One(Action::VersionRead)),
    ("GET", "/models/{model}/versions/{version}/dossier.zip", One(Action::DossierExport)),
    ("GET", "/models/{model}/versions/{version}/graph", One(Action::VersionRead)),
    ("GET", "/models/{model}/versions/{version}/bom.cdx.json", One(Action::VersionRead)),
    ("GET", "/models/{model}/versions/{version}/lineage", One(Action::VersionRead)),
    ("GET", "/lineage", One(Action::VersionRead)),
    ("GET", "/frameworks", One(Action::FrameworkRead)),
    ("GET", "/frameworks/{framework}/{revision}", One(Action::FrameworkRead)),
    ("GET", "/runs/{run}", One(Action::RunRead)),
    ("GET", "/comparisons", One(Action::RunRead)),
    ("GET", "/comparisons/{comparison}", One(Action::RunRead)),
    // Environments and what runs there.
    ("GET", "/environments", One(Action::EnvironmentRead)),
    ("GET", "/environments/{environment}", One(Action::EnvironmentRead)),
    ("GET", "/environments/{environment}/{document}/revisions", One(Action::EnvironmentRead)),
    ("GET", "/environments/{environment}/{document}/revisions/{revision}", One(Action::EnvironmentRead)),
    ("POST", "/environments/{environment}/models/{model}/mode", One(Action::ReleaseLowerMode)),
    ("POST", "/environments/{environment}/models/{model}/raise", One(Action::PromotionRequest)),
    ("POST", "/environments/{environment}/models/{model}/suspension", One(Action::ReleaseSuspend)),
    ("POST", "/environments/{environment}/models/{model}/resumption", One(Action::ReleaseResume)),
    ("POST", "/environments/{environment}/models/{model}/rollbacks", One(Action::ReleaseRollBack)),
    ("POST", "/environments/{environment}/models/{model}/rollbacks/plan", One(Action::ReleaseRollBack)),
    ("POST", "/environments/{environment}/models/{model}/rehearsals", One(Action::ReleaseRehearse)),
    ("POST", "/environments/{environment}/releases/{release}/review", One(Action::ReleaseReview)),
    // Requests.
    ("GET", "/promotions", One(Action::PromotionRead)),
    ("GET", "/promotions/{promotion}", One(Action::PromotionRead)),
    ("POST", "/promotions/{promotion}", OneOf(&[Action::PromotionApprove, Action::PromotionReject])),
    ("POST", "/promotions/{promotion}/check", OneOf(&[Action::PromotionApprove, Action::PromotionReject])),
    ("POST", "/promotions/{promotion}/activation", One(Action::PromotionActivate)),
    ("POST", "/promotions/{promotion}/comments", One(Action::PromotionComment)),
    ("POST", "/promotions/{promotion}/unapproval", One(Action::PromotionUnapprove)),
    ("POST", "/promotions/{promotion}/withdrawal", One(Action::PromotionWithdraw)),
    ("GET", "/promotions/{promotion}/receipt", One(Action::PromotionRead)),
    ("GET", "/promotions/{promotion}/receipt/statement", One(Action::PromotionRead)),
    // Findings, exceptions and emergencies.
    ("GET", "/findings", One(Action::FindingRead)),
    ("POST", "/findings", One(Action::FindingOpen)),
    ("GET", "/findings/{finding}", One(Action::FindingRead)),
    ("POST", "/findings/{finding}/remediation", One(Action::FindingRemediate)),
    ("POST", "/findings/{finding}/closure", One(Action::FindingClose)),
    ("POST", "/findings/{finding}/acceptance", One(Action::FindingAccept)),
    ("GET", "/waivers", One(Action::WaiverRead)),
    ("POST", "/waivers", One(Action::WaiverRequest)),
    ("GET", "/waivers/{waiver}", One(Action::WaiverRead)),
    ("POST", "/waivers/{waiver}/decisions", OneOf(&[Action::WaiverGrant, Action::WaiverRefuse])),
    ("POST", "/waivers/{waiver}/revocation", One(Action::WaiverRevoke)),
    ("GET", "/break-glass", One(Action::BreakGlassRead)),
    ("POST", "/break-glass", One(Action::BreakGlassInvoke)),
    ("GET", "/break-glass/{break_glass}", One(Action::BreakGlassRead)),
    ("POST", "/break-glass/{break_glass}/confirmation", One(Action::BreakGlassConfirm)),
    ("POST", "/break-glass/{break_glass}/closure", One(Action::BreakGlassClose)),
    ("POST", "/break-glass/{break_glass}/review", One(Action::BreakGlassReview)),
    // The log.
    ("GET", "/audit", One(Action::AuditRead)),
    ("GET", "/audit/as-of", One(Action::AuditRead)),
    ("GET", "/audit/security", One(Action::AuditRead)),
    ("GET", "/audit/records/{index}", One(Action::AuditRead)),
    ("GET", "/audit/records/{index}/leaf", One(Action::AuditRead)),
    ("GET", "/audit/records/{index}/proof", One(Action::AuditRead)),
];

static DOORS: LazyLock<Doors> = LazyLock::new(|| Doors::new(ADDRESSES));

/// # Errors
/// `Denied` where the visitor's roles do not allow what the address needs, or not there.
pub async fn admit(request: &HttpRequest, who: &Principal) -> Result<(), Error> {
    DOORS.pass(request, who)?;
    let app = request.app_data::<Data<App>>().ok_or_else(|| Error::internal("no app"))?;
    reach::require_range(app, request, who, DOORS.of(request)).await
}
