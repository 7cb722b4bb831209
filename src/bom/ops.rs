use super::{Measured, Subject, bill, cyclonedx::Bom};
use crate::{
    app::App,
    authz::{Action, Principal, policy},
    datasets,
    db::Reader,
    error::Error,
    models, provenance,
    validation::{self, RunState},
    versions::{self, VersionRef, card, contents, ops::Detail, outline},
};

/// The bill of a version, as of now: it changes only when something about the version does.
///
/// Who may not see runs gets it without what they measured.
///
/// # Errors
/// `NotFound` where there is no such version.
pub async fn of(app: &App, who: &Principal, model: &str, version: &VersionRef) -> Result<Bom, Error> {
    let sight = policy::read(who, Action::VersionRead)?;
    let detail = versions::ops::find(app, who, model, version).await?;
    let graph = outline::graph(app, who, &detail, outline::AT_ONCE_BYTES).await?.ok();
    let card = match card::beside(app, &detail).await {
        Ok(card) => card.and_then(Result::ok),
        // What is damaged is told where somebody reads it.
        Err(Error::Conflict { .. }) => None,
        Err(error) => return Err(error),
    };
    let classes = contents::classes(app, &detail).await?;
    let Detail { version, files } = detail;
    let reader = app.db.read(&sight);
    let model = models::store::find_by_id(reader.conn(), sight.scope(), version.model).await?;
    let attested = versions::ops::attestations(app, who, version.id).await?;
    let known = |one: versions::Attested| Some((one.digest, provenance::kept(&one.statement)?));
    let measured = if who.may(Action::RunRead) { measured(&reader, &version).await? } else { None };
    let subject = Subject {
        origin: app.signer.origin().to_owned(),
        model: model.ok_or(Error::not_found("model"))?,
        provenance: attested.into_iter().filter_map(known).collect(),
        version,
        files,
        classes,
        graph,
        card,
        measured,
    };
    Ok(bill::bill(&subject))
}

/// The newest run that found something out, for or against the version.
async fn measured(reader: &Reader<'_>, version: &versions::Version) -> Result<Option<Measured>, Error> {
    let runs = validation::store::of_version(reader, version.id).await?;
    let found =
        |run: &validation::Run| matches!(run.state, RunState::Passed | RunState::Failed | RunState::Inconclusive);
    let Some(run) = runs.into_iter().find(found) else { return Ok(None) };
    let place = validation::store::places(reader, std::slice::from_ref(&run)).await?.remove(&run.id);
    let Some(place) = place else { return Ok(None) };
    let dataset = datasets::store::find_by_id(reader.conn(), reader.scope(), run.dataset).await?;
    let evidence = validation::store::evidence(reader.conn(), run.id).await?;
    Ok(Some(Measured { run, place, dataset, evidence }))
}
