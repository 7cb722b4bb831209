//! What a rollback would do, shown before it is done.

use super::acts::{self, Of};
use crate::{
    app::App,
    core::clock::rfc3339,
    error::{Error, FailedCheck},
    releases::{
        Release,
        plan::{self, Plan, Returns},
    },
    versions::Version,
    web::{
        PageError,
        form::Signed,
        forms::reason,
        frame::{Frame, page},
        words,
    },
};
use actix_web::{HttpResponse, post, web::Data};
use askama::Template;

#[derive(Template)]
#[template(path = "environments/rollback.html")]
struct PlanPage {
    frame: Frame,
    environment: String,
    model: String,
    leaves: Side,
    /// Nothing where what was asked for can't come back, or is there already.
    returns: Option<Side>,
    is_same: bool,
    blocked: Vec<FailedCheck>,
    raises: Option<(&'static str, &'static str)>,
    reason: String,
}

/// A version that is or was active there.
struct Side {
    version: i64,
    digest: String,
    since: String,
    mode: &'static str,
}

#[post("/environments/{environment}/models/{model}/rollbacks/plan")]
pub async fn plan_rollback(app: Data<App>, sent: Signed, of: Of) -> Result<HttpResponse, PageError> {
    let (environment, model) = of.into_inner();
    let found = async {
        let (to, why) = (acts::target(&sent.fields)?, reason(&sent.fields)?);
        let found = plan::plan(&app, &sent.visitor.who, &environment, &model, to.as_ref()).await?;
        Ok::<_, Error>((found, why))
    };
    match found.await {
        Ok((found, why)) => page(&shown(&sent, (environment, model), found, why.to_string())),
        Err(failure) => acts::answer(&app, sent, &environment, &acts::id("rollbacks", &model), Err(failure)).await,
    }
}

fn shown(sent: &Signed, (environment, model): (String, String), plan: Plan, reason: String) -> PlanPage {
    let raises = plan.raises_mode().map(|(before, after)| (before.name(), after.name()));
    let side = |(release, version): &(Release, Version)| Side {
        version: version.number,
        digest: version.manifest.to_string(),
        since: rfc3339(release.activated_at),
        mode: release.mode.map_or("as the environment says", |mode| mode.name()),
    };
    let leaves = side(&plan.leaves);
    let is_same = matches!(plan.returns, Returns::Same);
    let (returns, blocked) = match plan.returns {
        Returns::Same => (None, Vec::new()),
        Returns::Earlier(found) => (Some(side(&found)), Vec::new()),
        Returns::Blocked(_, failed) => (None, failed),
    };
    PlanPage {
        frame: Frame::new("Environments", &sent.visitor),
        environment,
        model,
        leaves,
        returns,
        is_same,
        blocked,
        raises,
        reason,
    }
}
