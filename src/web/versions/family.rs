//! What a version was made from and what was made from it; and the same of anything that has a digest.

use super::named;
use crate::{
    app::App,
    provenance::{
        Role,
        lineage::{
            api::{DigestLineageView, LineageView, MadeView},
            ops,
        },
    },
    versions::VersionRef,
    web::{
        PageError,
        frame::{Frame, page},
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
#[template(path = "versions/family.html")]
struct FamilyPage {
    frame: Frame,
    lineage: LineageView,
}

#[derive(Template)]
#[template(path = "versions/made_from.html")]
struct MadeFromPage {
    frame: Frame,
    /// Nothing before somebody asked.
    found: Option<DigestLineageView>,
}

/// What a form sends; nothing when somebody comes by without one.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    digest: String,
    generations: Option<u32>,
}

#[get("/models/{model}/versions/{version}/lineage")]
pub async fn show_family(
    app: Data<App>,
    visitor: Visitor,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let (model, detail) = named(&app, &visitor.who, path.into_inner()).await?;
    let wanted = VersionRef::Number(detail.version.number);
    let lineage = ops::of_version(&app, &visitor.who, &model, &wanted, None).await?.into();
    page(&FamilyPage { frame: Frame::new("Models", &visitor), lineage })
}

#[get("/lineage")]
pub async fn show_made_from(app: Data<App>, visitor: Visitor, asked: Query<Asked>) -> Result<HttpResponse, PageError> {
    let Asked { digest, generations } = asked.into_inner();
    let digest = digest.trim().to_owned();
    let found = if digest.is_empty() {
        None
    } else {
        let (datasets, family) = ops::of_digest(&app, &visitor.who, &digest, generations).await?;
        Some(DigestLineageView::new(digest, datasets, &family))
    };
    page(&MadeFromPage { frame: Frame::new("Models", &visitor), found })
}

impl MadeView {
    /// What people call the material.
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.uri.as_deref()).unwrap_or("without a name")
    }

    fn role_words(&self) -> &str {
        Role::ALL.into_iter().find(|role| role.name() == self.role).map_or(&self.role, |role| role.words())
    }

    fn first_digest(&self) -> &str {
        self.digests.first().map(String::as_str).unwrap_or_default()
    }

    fn short_digest(&self) -> String {
        words::short(self.first_digest())
    }
}
