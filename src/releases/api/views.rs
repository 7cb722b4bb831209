use crate::{
    accounts,
    app::App,
    authz::Principal,
    core::{
        clock::rfc3339,
        ids::{PromotionId, ReleaseId},
    },
    environments::profile::OperatingMode,
    error::Error,
    releases::{Release, gate::Pull},
    versions::{self, api::FileView},
};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReleaseView {
    pub id: ReleaseId,
    pub version: i64,
    pub version_digest: String,
    /// `active`, `superseded`, `rolled_back` or `suspended`.
    pub state: String,
    /// `promotion`, `rollback`, `resumption`, `mode_lowered` or `break_glass`.
    #[serde(default)]
    pub kind: String,
    /// How much the model may do by itself: `advisory`, `human_in_the_loop` or `automated`. Releases of before there
    /// were modes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The request whose approvals it rests on.
    pub promotion: PromotionId,
    /// The earlier release that a rollback or a resumption brought back.
    pub restores: Option<ReleaseId>,
    pub reason: Option<String>,
    pub activated_by: String,
    pub activated_at: String,
    /// From then on the gate is closed, whether or not somebody ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    pub ended_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_reason: Option<String>,
    /// `sound`, or `lapsed`: what its approval rested on has changed since. It runs on until somebody acts.
    #[serde(default)]
    pub assurance: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed_at: Option<String>,
    /// A failed check, or the part of the decision that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapse_cause: Option<String>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct ReleasePage {
    pub items: Vec<ReleaseView>,
    pub next_cursor: Option<String>,
}

/// What a deployment tool gets: files, and what proves them.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct PullView {
    pub model: String,
    pub environment: String,
    pub release: ReleaseView,
    pub files: Vec<FileView>,
    /// The registry's signed statement: a Sigstore bundle with an in-toto statement.
    #[schema(value_type = Object)]
    pub statement: Value,
    /// The signed summary of what was verified (SLSA VSA), if somebody approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub verification_summary: Option<Value>,
    /// The signed approvals that the summary names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub approvals: Vec<Value>,
    /// The author's OMS signature over the files.
    #[schema(value_type = Option<Object>)]
    pub signature: Option<Value>,
}

/// What a pull would give, without the files.
#[derive(Debug, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct AssertionView {
    /// Always true: everything else is a refusal.
    pub approved: bool,
    pub model: String,
    pub environment: String,
    pub release: ReleaseView,
    /// The registry's signed statement of the release.
    #[schema(value_type = Object)]
    pub statement: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub verification_summary: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub approvals: Vec<Value>,
}

pub async fn view(app: &App, who: &Principal, release: Release) -> Result<ReleaseView, Error> {
    let version = versions::ops::for_release(app, who, release.version).await?;
    of(app, release, version.number, version.manifest.to_string()).await
}

async fn of(app: &App, release: Release, number: i64, digest: String) -> Result<ReleaseView, Error> {
    let people: Vec<_> = release.ended_by.into_iter().chain([release.activated_by]).collect();
    let names = accounts::ops::names(app, &people).await?;
    Ok(ReleaseView {
        id: release.id,
        version: number,
        version_digest: digest,
        state: release.state.name().to_owned(),
        kind: release.kind.name().to_owned(),
        mode: release.mode.map(OperatingMode::name).map(str::to_owned),
        promotion: release.promotion,
        restores: release.restores,
        reason: release.reason,
        activated_by: names.get(&release.activated_by).cloned().unwrap_or_default(),
        activated_at: rfc3339(release.activated_at),
        ends_at: release.ends_at.map(rfc3339),
        ended_at: release.ended_at.map(rfc3339),
        ended_by: release.ended_by.and_then(|by| names.get(&by).cloned()),
        ended_reason: release.ended_reason,
        assurance: release.assurance.name().to_owned(),
        lapsed_at: release.lapsed_at.map(rfc3339),
        lapse_cause: release.lapse_cause,
    })
}

pub(super) async fn pull_view(app: &App, pull: Pull) -> Result<PullView, Error> {
    Ok(PullView {
        model: pull.model.name,
        environment: pull.environment.name,
        release: of(app, pull.release, pull.version.number, pull.version.manifest.to_string()).await?,
        files: pull
            .files
            .into_iter()
            .map(|f| FileView {
                path: f.declared.path.to_string(),
                sha256: f.declared.sha256.to_string(),
                size_bytes: f.declared.size_bytes,
                uploaded: f.is_here(),
                damaged: f.damaged,
            })
            .collect(),
        statement: pull.statement,
        verification_summary: pull.summary,
        approvals: pull.approvals,
        signature: pull.signature,
    })
}

pub(super) async fn assertion_view(app: &App, pull: Pull) -> Result<AssertionView, Error> {
    Ok(AssertionView {
        approved: true,
        model: pull.model.name,
        environment: pull.environment.name,
        release: of(app, pull.release, pull.version.number, pull.version.manifest.to_string()).await?,
        statement: pull.statement,
        verification_summary: pull.summary,
        approvals: pull.approvals,
    })
}
