//! One validation run: how far it is, and what it found.

use crate::{
    app::App,
    core::ids::RunId,
    validation::{
        api::{self, RunView},
        ops,
    },
    web::{
        PageError,
        follow::{Asked, Follow},
        frame::{Frame, page},
        measured::Findings,
        visitor::Visitor,
        words,
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path, Query},
};
use askama::Template;

#[derive(Template)]
#[template(path = "runs/show.html")]
struct ShowPage {
    frame: Frame,
    run: RunView,
    under_way: bool,
    follow: Follow,
    found: Findings,
}

#[get("/runs/{run}")]
pub async fn show(
    app: Data<App>,
    visitor: Visitor,
    id: Path<RunId>,
    asked: Query<Asked>,
) -> Result<HttpResponse, PageError> {
    let (run, evidence) = ops::find(&app, &visitor.who, *id).await?;
    let under_way = !run.state.is_final();
    let run = api::view(&app, &visitor.who, run, evidence).await?;
    let found = Findings::of(&run)?;
    let follow = Follow::new(&format!("/runs/{id}"), &asked, under_way);
    let shown =
        page(&ShowPage { frame: Frame::new("Models", &visitor), run, under_way, follow: follow.clone(), found })?;
    Ok(follow.refreshing(shown))
}
