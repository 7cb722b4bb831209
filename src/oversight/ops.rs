use crate::{
    authz::Scope,
    core::ids::{EnvironmentId, ModelId, VersionId},
    db::Conn,
    error::Error,
    oversight::{Standing, findings, store},
};

/// What people found and decided about a version of a model in an environment.
pub(crate) async fn standing(
    conn: &Conn<'_>,
    scope: Scope,
    model: ModelId,
    version: VersionId,
    environment: EnvironmentId,
) -> Result<Standing, Error> {
    let findings = findings::store::reaching(conn, scope, model, version, environment).await?;
    let owners: Vec<_> = findings.iter().filter_map(|finding| finding.owner).collect();
    Ok(Standing { findings, owners: store::people(conn, &owners).await? })
}
